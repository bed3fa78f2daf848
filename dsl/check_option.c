/* Checks enums and options, and what reads options: `enabled`, gates, defaults. */
#include <string.h>

#include "checker.h"

/* ----------------------------------------------------------------- enums -- */

static void reserve(pat_session *s, pat_span span, pat_name name, const char *what)
{
    pat_error(s, span, E_RESERVED, "'%s' is %s already", name, what);
}

void pat_check_words(pat_session *s, pat_program *p, pat_exprs words)
{
    pat_map seen = {0};
    for (uint32_t i = 0; i < words.n; i++) {
        const pat_expr *w = words.at[i];
        if (w->kind != PE_NAME) {
            pat_error(s, w->span, E_ENUM_WORD, "an enum holds words");
            continue;
        }
        if (pat_map_add(s->arena, &seen, w->name, w))
            pat_error(s, w->span, E_MEMBER_TWICE, "'%s' is declared twice", w->name);
        pat_map_add(s->arena, &p->by_name.words, w->name, w);
    }
}

void pat_check_enums(pat_session *s, pat_program *p)
{
    for (uint32_t i = 0; i < p->enums.n; i++) {
        const pat_enum *e = p->enums.at[i];
        if (pat_is_attr_kind(e->name))
            reserve(s, e->name_span, e->name, "an attribute kind");
        pat_check_words(s, p, e->words);
    }
}

/* ------------------------------------------------- expressions of options -- */

typedef enum sort { BAD, NUMBER, TRUTH } sort;

/* What an expression may read besides options. */
typedef struct reader { pat_session *s; const pat_program *p; bool graph; } reader;

static void suggest_option(pat_session *s, const pat_program *p, pat_name name, bool graph)
{
    pat_names names = {0};
    for (uint32_t i = 0; pat_hints(s) && i < p->options.n; i++)
        PAT_PUSH(s->arena, names, p->options.at[i]->name);
    for (int i = 0; graph && i < PAT_N_GATE_NAMES; i++)
        PAT_PUSH(s->arena, names, pat_graph_names[i]);
    pat_suggest(s, name, names.at, names.n);
}

static pat_option *read_option(reader *r, pat_span span, pat_name name)
{
    pat_option *o = pat_find_option(r->p, name);
    if (!o) {
        pat_unknown(r->s, span, E_UNKNOWN_OPTION, name, "unknown option '%s'", name);
        suggest_option(r->s, r->p, name, r->graph);
        return NULL;
    }
    o->used = true;
    return o;
}

static sort sort_of(reader *r, const pat_expr *e);

static sort want(reader *r, const pat_expr *e, sort wanted, sort result)
{
    sort is = sort_of(r, e);
    if (is != BAD && is != wanted)
        pat_error(r->s, e->span, E_OPTION_EXPR,
                  wanted == NUMBER ? "a number is wanted here, this is true or false"
                                   : "a condition is wanted here, this is a number");
    return is == wanted ? result : BAD;
}

static sort want_all(reader *r, const pat_expr *e, sort wanted, sort result)
{
    for (uint32_t i = 0; i < e->args.n; i++)
        if (want(r, e->args.at[i], wanted, result) == BAD)
            result = BAD;
    return result;
}

static sort sort_of_name(reader *r, const pat_expr *e)
{
    if (!strcmp(e->name, "on") || !strcmp(e->name, "off"))
        return TRUTH;
    for (int i = 0; r->graph && i < PAT_N_GATE_NAMES; i++)
        if (!strcmp(e->name, pat_graph_names[i]))
            return NUMBER;
    const pat_option *o = read_option(r, e->span, e->name);
    return !o ? BAD : o->is_int ? NUMBER : TRUTH;
}

static sort sort_of_call(reader *r, const pat_expr *e)
{
    static const struct { const char *name; uint32_t n_args; } functions[] = {{"min", 2}, {"max", 2}, {"ceildiv", 2}};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (!strcmp(functions[i].name, e->name) && functions[i].n_args == e->args.n)
            return want_all(r, e, NUMBER, NUMBER);
    pat_error(r->s, e->span, E_OPTION_EXPR, "the functions here are min(a, b), max(a, b) and ceildiv(a, b)");
    return BAD;
}

static sort sort_of(reader *r, const pat_expr *e)
{
    switch (e->kind) {
    case PE_INT: return NUMBER;
    case PE_BOOL: return TRUTH;
    case PE_NAME: return sort_of_name(r, e);
    case PE_CALL: return sort_of_call(r, e);
    case PE_NOT: case PE_AND: case PE_OR: return want_all(r, e, TRUTH, TRUTH);
    case PE_NEG: case PE_ADD: case PE_SUB: case PE_MUL: case PE_DIV: case PE_MOD:
        return want_all(r, e, NUMBER, NUMBER);
    case PE_LT: case PE_LE: case PE_GT: case PE_GE: return want_all(r, e, NUMBER, TRUTH);
    case PE_EQ: case PE_NE: {
        sort left = sort_of(r, e->args.at[0]);
        return left == BAD ? BAD : want(r, e->args.at[1], left, TRUTH);
    }
    case PE_IN:
        if (e->args.at[1]->kind == PE_SET)
            return want(r, e->args.at[0], NUMBER, want_all(r, e->args.at[1], NUMBER, TRUTH));
        pat_error(r->s, e->args.at[1]->span, E_IN_SET, "'in' wants a set such as {64, 128}");
        return BAD;
    default:
        pat_error(r->s, e->span, E_OPTION_EXPR, "this is neither a number nor a condition");
        return BAD;
    }
}

void pat_check_gate(pat_session *s, const pat_program *p, const pat_expr *e)
{
    reader r = {s, p, true};
    want(&r, e, TRUTH, TRUTH);
}

/* --------------------------------------------------------------- options -- */

bool pat_option_is_on(const pat_option *o, int level)
{
    const pat_expr *e = o->dflt;
    bool on = !o->is_int && e && (e->kind == PE_BOOL ? e->ival : e->kind == PE_NAME && !strcmp(e->name, "on"));
    return on && level >= o->level;
}

bool pat_is_switch(const pat_expr *e)
{
    return e->kind == PE_BOOL || (e->kind == PE_NAME && (!strcmp(e->name, "on") || !strcmp(e->name, "off")));
}

static void check_default(pat_session *s, const pat_program *p, const pat_option *o)
{
    reader r = {s, p, false};
    if (o->is_int && o->dflt)
        want(&r, o->dflt, NUMBER, NUMBER);
    else if (o->dflt && !pat_is_switch(o->dflt))
        pat_error(s, o->dflt->span, E_OPTION_DEFAULT, "a bool option is 'on' or 'off'");
    if (o->level && !pat_option_is_on(o, o->level))
        pat_error(s, o->name_span, E_OPTION_DEFAULT,
                  o->is_int ? "an int option has no level" : "option '%s' is off, so it has no level", o->name);
}

static void check_switch_names(pat_session *s, const pat_program *p, pat_terms names, const char *what)
{
    reader r = {s, p, false};
    for (uint32_t i = 0; i < names.n; i++) {
        if (!names.at[i]->name) { /* what a family puts there may be anything */
            pat_error(s, names.at[i]->span, E_OPTION_EXPR, "'%s' names bool options", what);
            continue;
        }
        const pat_option *o = read_option(&r, names.at[i]->span, names.at[i]->name);
        if (o && o->is_int)
            pat_error(s, names.at[i]->span, E_OPTION_EXPR, "'%s' names bool options, '%s' is a number", what, o->name);
    }
}

static void check_option(pat_session *s, const pat_program *p, pat_option *o)
{
    if (pat_is_graph_name(o->name) || !strcmp(o->name, "on") || !strcmp(o->name, "off"))
        reserve(s, o->name_span, o->name, "a word of gates");
    check_default(s, p, o);
    if (o->is_int && (o->requires.n || o->excludes.n))
        pat_error(s, o->name_span, E_OPTION_EXPR, "only a bool option requires or excludes others");
    check_switch_names(s, p, o->requires, "requires");
    check_switch_names(s, p, o->excludes, "excludes");
}

/* ----------------------------------------------------------------- loops -- */

enum { UNSEEN, OPEN, DONE, DEEPEST = 500 };
typedef struct walk {
    pat_session *s;
    const pat_program *p;
    uint8_t *state;
    unsigned depth;
    bool defaults; /* along what defaults read, or else along `requires` */
} walk;

static void visit(walk *w, const pat_option *o, pat_span from);

static void visit_expr(walk *w, const pat_expr *e)
{
    const pat_option *o = e->kind == PE_NAME ? pat_find_option(w->p, e->name) : NULL;
    if (o)
        visit(w, o, e->span);
    for (uint32_t i = 0; i < e->args.n; i++)
        visit_expr(w, e->args.at[i]);
}

static void visit(walk *w, const pat_option *o, pat_span from)
{
    if (w->state[o->id] == OPEN) {
        pat_error(w->s, from, E_OPTION_LOOP,
                  w->defaults ? "the default of option '%s' depends on itself" : "option '%s' requires itself", o->name);
        pat_note(w->s, o->name_span, "declared here");
    }
    if (w->state[o->id] == UNSEEN && w->depth > DEEPEST)
        pat_error(w->s, from, E_DEPTH, "options depend on each other more than %d deep", DEEPEST);
    if (w->state[o->id] != UNSEEN || w->depth > DEEPEST)
        return;
    w->state[o->id] = OPEN;
    w->depth++;
    if (w->defaults && o->is_int && o->dflt)
        visit_expr(w, o->dflt);
    for (uint32_t i = 0; !w->defaults && i < o->requires.n; i++) {
        const pat_option *next = pat_find_option(w->p, o->requires.at[i]->name);
        if (next)
            visit(w, next, o->requires.at[i]->span);
    }
    w->depth--;
    w->state[o->id] = DONE;
}

static void check_loops(pat_session *s, const pat_program *p, bool defaults)
{
    walk w = {s, p, pat_alloc(s->arena, p->options.n + 1), 0, defaults};
    for (uint32_t i = 0; i < p->options.n; i++)
        visit(&w, p->options.at[i], p->options.at[i]->name_span);
}

/* ------------------------------------------------------------- conflicts -- */

/* Options that are on together, and which one brought each in. */
typedef struct set {
    pat_session *s;
    const pat_program *p;
    pat_options members;
    pat_map by; /* option to the option that requires it; itself: it was there */
} set;

static void add_option(set *set, pat_option *o, pat_option *by)
{
    if (!o || pat_map_add(set->s->arena, &set->by, o, by))
        return;
    PAT_PUSH(set->s->arena, set->members, o);
}

static void close_set(set *set)
{
    for (uint32_t i = 0; i < set->members.n; i++)
        for (uint32_t j = 0; j < set->members.at[i]->requires.n; j++)
            add_option(set, pat_find_option(set->p, set->members.at[i]->requires.at[j]->name), set->members.at[i]);
}

/* The place of an exclusion within the set. */
static const pat_term *find_exclusion(set *set, pat_option **one, pat_option **other)
{
    for (uint32_t i = 0; i < set->members.n; i++) {
        *one = set->members.at[i];
        for (uint32_t j = 0; j < (*one)->excludes.n; j++) {
            *other = pat_find_option(set->p, (*one)->excludes.at[j]->name);
            if (*other && pat_map_get(&set->by, *other))
                return (*one)->excludes.at[j];
        }
    }
    return NULL;
}

static void tell_why(set *set, pat_option *o)
{
    for (pat_option *by; (by = pat_map_get(&set->by, o)) != o; o = by)
        for (uint32_t i = 0; i < by->requires.n; i++)
            if (by->requires.at[i]->name == o->name)
                pat_note(set->s, by->requires.at[i]->span, "'%s' requires '%s'", by->name, o->name);
}

/* Says of options that are on together that they cannot be; false when they can. */
static bool check_conflict(set *set, pat_span span, const char *fmt, const char *name)
{
    pat_option *one, *other;
    close_set(set);
    const pat_term *at = find_exclusion(set, &one, &other);
    if (!at)
        return false;
    pat_error(set->s, span, E_OPTION_CONFLICT, fmt, name);
    pat_note(set->s, at->span, "'%s' excludes '%s'", one->name, other->name);
    tell_why(set, one);
    tell_why(set, other);
    return true;
}

static void check_conflicts(pat_session *s, const pat_program *p)
{
    bool wrong = false;
    for (uint32_t i = 0; i < p->options.n; i++) {
        pat_option *o = p->options.at[i];
        set set = {.s = s, .p = p};
        if (!o->requires.n && !o->excludes.n)
            continue;
        add_option(&set, o, o);
        wrong |= check_conflict(&set, o->name_span, "option '%s' can never be on", o->name);
    }
    for (int level = 0; level <= 3 && !wrong; level++) {
        set set = {.s = s, .p = p};
        pat_option *last = NULL;
        for (uint32_t i = 0; i < p->options.n; i++)
            if (pat_option_is_on(p->options.at[i], level))
                add_option(&set, last = p->options.at[i], p->options.at[i]);
        const char *name = (const char *[]){"O0", "O1", "O2", "O3"}[level];
        wrong = last && check_conflict(&set, last->name_span, "the options that are on at %s exclude each other", name);
    }
}

void pat_check_options(pat_session *s, const pat_program *p)
{
    unsigned before = s->n_errors;
    for (uint32_t i = 0; i < p->options.n; i++)
        p->options.at[i]->id = i;
    for (uint32_t i = 0; i < p->options.n; i++)
        check_option(s, p, p->options.at[i]);
    check_loops(s, p, true);
    check_loops(s, p, false);
    if (s->n_errors == before)
        check_conflicts(s, p);
}

bool pat_enabled_options(pat_session *s, const pat_program *p, const pat_rule *const *rules, uint32_t n, pat_options *on)
{
    pat_option *one, *other;
    set set = {.s = s, .p = p};
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < rules[i]->enabled.n; k++) {
            pat_option *o = pat_find_option(p, rules[i]->enabled.at[k]->name);
            add_option(&set, o, o);
        }
    close_set(&set);
    *on = set.members;
    return !find_exclusion(&set, &one, &other);
}

void pat_check_enabled(pat_session *s, const pat_program *p, const pat_rule *rule)
{
    unsigned before = s->n_errors;
    check_switch_names(s, p, rule->enabled, "enabled");
    if (s->n_errors != before || !rule->enabled.n)
        return;
    set set = {.s = s, .p = p};
    for (uint32_t i = 0; i < rule->enabled.n; i++) {
        pat_option *o = pat_find_option(p, rule->enabled.at[i]->name);
        add_option(&set, o, o);
    }
    /* One option that excludes itself in the end was told where it is declared. */
    if (rule->enabled.n > 1)
        check_conflict(&set, rule->name_span, "the options of rule '%s' are never on together", rule->name);
}

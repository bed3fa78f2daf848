/* See run.h. Numbers are drawn around those that the gate mentions. */
#include "run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAMES = 16, MAX_NUMBERS = 64, TRIES = 20000 };

typedef struct search {
    const pat_program *p;
    pat_name names[MAX_NAMES];
    int64_t values[MAX_NAMES], numbers[MAX_NUMBERS];
    uint32_t n_names, n_numbers, seed;
} search;

/* ------------------------------------------------------------------- values -- */

static int64_t eval(const search *s, const pat_expr *e);

static int64_t of_option(const search *s, const pat_option *o)
{
    return !o ? 0 : o->is_int ? (o->dflt ? eval(s, o->dflt) : 0) : pat_option_is_on(o, 2);
}

static int64_t of_name(const search *s, pat_name name)
{
    for (uint32_t i = 0; i < s->n_names; i++)
        if (s->names[i] == name)
            return s->values[i];
    return !strcmp(name, "world") ? 1 : of_option(s, pat_find_option(s->p, name));
}

double near_binary(pat_expr_kind kind, double a, double b)
{
    switch (kind) {
    case PE_ADD: return a + b;
    case PE_SUB: return a - b;
    case PE_MUL: return a * b;
    case PE_DIV: return b ? floor(a / b) : 0;
    case PE_MOD: return b ? a - b * floor(a / b) : 0;
    case PE_EQ: return a == b;
    case PE_NE: return a != b;
    case PE_LT: return a < b;
    case PE_LE: return a <= b;
    case PE_GT: return a > b;
    case PE_GE: return a >= b;
    case PE_AND: return a > 0 && b > 0;
    default: return a > 0 || b > 0;
    }
}

static int64_t call(const char *name, int64_t a, int64_t b)
{
    if (!strcmp(name, "ceildiv"))
        return b ? (a + b - 1) / b : 0;
    return !strcmp(name, "min") == (a < b) ? a : b;
}

static int64_t eval(const search *s, const pat_expr *e)
{
    switch (e->kind) {
    case PE_INT: case PE_BOOL: return e->ival;
    case PE_NAME: return of_name(s, e->name);
    case PE_NEG: return -eval(s, e->args.at[0]);
    case PE_NOT: return !eval(s, e->args.at[0]);
    case PE_CALL: return call(e->name, eval(s, e->args.at[0]), eval(s, e->args.at[1]));
    case PE_IN:
        for (uint32_t i = 0; i < e->args.at[1]->args.n; i++)
            if (eval(s, e->args.at[0]) == eval(s, e->args.at[1]->args.at[i]))
                return 1;
        return 0;
    default: return (int64_t)near_binary(e->kind, (double)eval(s, e->args.at[0]), (double)eval(s, e->args.at[1]));
    }
}

/* ------------------------------------------------------------------- search -- */

static void add_number(search *s, int64_t v)
{
    for (uint32_t i = 0; i < s->n_numbers; i++)
        if (s->numbers[i] == v)
            return;
    if (v >= 0 && s->n_numbers < MAX_NUMBERS)
        s->numbers[s->n_numbers++] = v;
}

static void add_name(search *s, pat_name name)
{
    for (uint32_t i = 0; i < s->n_names; i++)
        if (s->names[i] == name)
            return;
    for (int64_t i = -1; i <= 1; i++)
        add_number(s, of_option(s, pat_find_option(s->p, name)) + i);
    if (s->n_names < MAX_NAMES)
        s->names[s->n_names++] = name;
}

static void collect(search *s, const pat_expr *e)
{
    for (int64_t i = -1; i <= 1 && e->kind == PE_INT; i++)
        add_number(s, e->ival + i);
    if (e->kind == PE_NAME)
        add_name(s, e->name);
    for (uint32_t i = 0; i < e->args.n; i++)
        collect(s, e->args.at[i]);
}

/* The defaults first, then numbers of the list. Ranks and tokens are at least 1. */
static void draw(search *s, uint32_t try)
{
    for (uint32_t i = 0; i < s->n_names; i++) {
        const pat_option *o = pat_find_option(s->p, s->names[i]);
        s->seed = s->seed * 1664525u + 1013904223u;
        int64_t v = s->numbers[(s->seed >> 8) % s->n_numbers];
        if (o && (!try || (s->seed >> 4) % 2))
            v = of_option(s, o);
        s->values[i] = o && !o->is_int ? v != 0 : v < 1 && !o ? 1 : v;
    }
}

static bool fits(const search *s, const pat_rule *rule, uint32_t broken)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < rule->gate.n; i++)
        ok = (eval(s, rule->gate.at[i]) != 0) == (rule->enabled.n + i != broken);
    return ok;
}

static void tell(const search *s, const pat_rule *rule, uint32_t broken, near_run *out)
{
    pat_name off = broken < rule->enabled.n ? rule->enabled.at[broken]->name : NULL;
    size_t n = 0;
    *out = (near_run){.world = 1};
    for (uint32_t i = 0; i < rule->enabled.n && n < sizeof out->options; i++)
        n += (size_t)snprintf(out->options + n, sizeof out->options - n, "%s%s=%s", n ? "," : "", rule->enabled.at[i]->name,
                              rule->enabled.at[i]->name == off ? "off" : "on");
    for (uint32_t i = 0; i < s->n_names && n < sizeof out->options; i++) {
        const pat_option *o = pat_find_option(s->p, s->names[i]);
        if (!strcmp(s->names[i], "tokens"))
            out->tokens = s->values[i];
        else if (!strcmp(s->names[i], "world"))
            out->world = s->values[i];
        else if (o && s->values[i] != of_option(s, o))
            n += (size_t)snprintf(out->options + n, sizeof out->options - n, "%s%s=%" PRId64, n ? "," : "", s->names[i],
                                  s->values[i]);
    }
}

static search open_search(const pat_program *p, const pat_rule *rule)
{
    search s = {.p = p, .seed = 1};
    static const int64_t usual[] = {1, 2, 4, 8, 3, 0};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        add_number(&s, usual[i]);
    for (uint32_t i = 0; i < rule->gate.n; i++)
        collect(&s, rule->gate.at[i]);
    return s;
}

/* The broken condition is missed by one, if it compares. */
static bool by_one(const search *s, const pat_rule *rule, uint32_t broken)
{
    const pat_expr *e = broken >= rule->enabled.n && broken < rule->enabled.n + rule->gate.n
                            ? rule->gate.at[broken - rule->enabled.n] : NULL;
    if (!e || e->kind < PE_LT || e->kind > PE_GE)
        return true;
    int64_t apart = eval(s, e->args.at[0]) - eval(s, e->args.at[1]);
    return apart == (e->kind == PE_LE) - (e->kind == PE_GE);
}

bool near_find_run(const pat_program *p, const pat_rule *rule, uint32_t broken, near_run *out)
{
    for (int near = 1; near >= 0; near--) {
        search s = open_search(p, rule);
        for (uint32_t i = 0; i < TRIES; i++) {
            draw(&s, i);
            if (!fits(&s, rule, broken) || (near && !by_one(&s, rule, broken)))
                continue;
            tell(&s, rule, broken, out);
            return true;
        }
    }
    return false;
}

/* Both sides of a comparison meet, or are as near as it lets them; a member is the one that is asked for. */
static bool at_edge(const search *s, const pat_expr *e, uint32_t member)
{
    if (e->kind == PE_IN)
        return eval(s, e->args.at[0]) == eval(s, e->args.at[1]->args.at[member]);
    int64_t apart = eval(s, e->args.at[0]) - eval(s, e->args.at[1]);
    return apart == (e->kind == PE_LT ? -1 : e->kind == PE_GT);
}

static uint32_t edges_of(const pat_expr *e)
{
    return e->kind == PE_IN ? e->args.at[1]->args.n : e->kind >= PE_LT && e->kind <= PE_GE;
}

bool near_find_edge(const pat_program *p, const pat_rule *rule, uint32_t edge, near_run *out, bool *found)
{
    search s = open_search(p, rule);
    uint32_t at = 0;
    *found = false;
    while (at < rule->gate.n && edge >= edges_of(rule->gate.at[at]))
        edge -= edges_of(rule->gate.at[at++]);
    for (uint32_t i = 0; at < rule->gate.n && i < TRIES && !*found; i++) {
        draw(&s, i);
        *found = fits(&s, rule, UINT32_MAX) && at_edge(&s, rule->gate.at[at], edge);
    }
    if (*found)
        tell(&s, rule, UINT32_MAX, out);
    return at < rule->gate.n;
}

uint32_t near_run_conditions(const pat_rule *rule)
{
    return rule->enabled.n + rule->gate.n;
}

pat_span near_run_span(const pat_rule *rule, uint32_t condition)
{
    return condition < rule->enabled.n ? rule->enabled.at[condition]->span : rule->gate.at[condition - rule->enabled.n]->span;
}

/* Writes matchers as C: one function that reads from top to bottom. A test that fails goes to a label or leaves;
 * a state that several lead to is printed once, behind the others. */
#include <string.h>

#include "printer.h"

#define LINE(p, ...) out_line(&(p)->body, __VA_ARGS__)

static void print_state(printer *p, state *s);

/* ---------------------------------------------------------------- places -- */

static void read_now(printer *p, const place *q)
{
    const char *c = place_read(p->g, q);
    if (c)
        LINE(p, "%s = %s;", q->c, c);
    add_place(p->used, q);
}

/* Reads what is in `wanted` and not in `known`, producers first: a place is younger than what it is read from. */
static void read_missing(printer *p, const uint64_t *wanted, const uint64_t *known)
{
    for (uint32_t w = 0; w < p->words; w++)
        for (uint64_t bits = wanted[w] & ~known[w]; bits; bits &= bits - 1)
            read_now(p, p->a->places.at[w * 64 + (uint32_t)__builtin_ctzll(bits)]);
}

static bool all_known(const printer *p, const uint64_t *wanted, const uint64_t *known)
{
    for (uint32_t w = 0; w < p->words; w++)
        if (wanted[w] & ~known[w])
            return false;
    return true;
}

/* ----------------------------------------------------------------- edges -- */

static const char *label_of(printer *p, state *s)
{
    if (!s->label) {
        s->label = ++p->n_labels;
        PAT_PUSH(p->g->arena, p->queue, s);
    }
    return gen_format(p->g, "s%u", s->label);
}

/* What must be told to the state behind an edge: the rule to look for, if that is a variable there. */
static const pat_rule *told(const state *from, edge e)
{
    if (!e.to || !e.to->open || !e.to->many)
        return NULL;
    return e.rule ? e.rule : from->many ? NULL : from->rule;
}

static bool plain(const printer *p, const state *from, edge e)
{
    return !e.to || (!told(from, e) && all_known(p, e.to->bound, from->bound_any));
}

static void prepare(printer *p, const state *from, edge e)
{
    const pat_rule *rule = told(from, e);
    if (!e.to)
        return;
    read_missing(p, e.to->bound, from->bound_any);
    if (rule) {
        LINE(p, "rule = RULE_%s;", rule->name);
        p->rule_used = true;
    }
}

static void leave(printer *p, edge e)
{
    if (e.to)
        LINE(p, "goto %s;", label_of(p, e.to));
    else
        LINE(p, "return -1;");
}

static void jump(printer *p, const state *from, edge e)
{
    bool braces = !plain(p, from, e);
    p->body.indent++;
    prepare(p, from, e);
    leave(p, e);
    p->body.indent--;
    if (braces)
        LINE(p, "}");
}

/* Goes on there: at once when nobody else does. */
static void go_on(printer *p, const state *from, edge e)
{
    prepare(p, from, e);
    if (e.to && e.to->refs == 1 && !e.to->label)
        print_state(p, e.to);
    else
        leave(p, e);
}

/* ----------------------------------------------------------------- tests -- */

static const char *quoted(gen *g, const char *text)
{
    out o = {0};
    out_string(&o, text, strlen(text));
    const char *c = gen_format(g, "%s", o.text);
    out_free(&o);
    return c;
}

/* SLD_TEST(v0 == v1, "x again") */
static const char *asked(gen *g, const test *t)
{
    const char *label = quoted(g, t->label);
    return t->col->condition ? gen_format(g, "SLD_TEST(%s, %s)", t->col->c, label)
                             : gen_format(g, "SLD_TEST(%s == %s, %s)", t->col->c, t->value_c, label);
}

static void print_if(printer *p, const state *s)
{
    line_directive(p->g, &p->body, s->branches[0].test->span);
    LINE(p, "if (!%s)%s", asked(p->g, s->branches[0].test), plain(p, s, s->other) ? "" : " {");
    jump(p, s, s->other);
    line_end(p->g, &p->body);
}

static void print_switch(printer *p, const state *s)
{
    LINE(p, "switch (%s) {", s->col->c);
    for (uint32_t i = 0; i < s->n; i++) {
        const test *t = s->branches[i].test;
        line_directive(p->g, &p->body, t->span);
        LINE(p, "case %s: SLD_CASE(%s)", t->value_c, quoted(p->g, t->label));
        line_end(p->g, &p->body);
        p->body.indent++;
        go_on(p, s, s->branches[i].to);
        p->body.indent--;
    }
    LINE(p, "default: SLD_CASE(\"none of these\")");
    p->body.indent++;
    go_on(p, s, s->other);
    p->body.indent--;
    LINE(p, "}");
}

/* ------------------------------------------------------------------ rows -- */

static void print_apply(printer *p, const state *s)
{
    const char *rule = s->many ? "rule" : gen_format(p->g, "RULE_%s", s->rule->name);
    p->rule_used |= s->many;
    if (*s->row->values)
        LINE(p, "/* %s */", s->row->values);
    line_directive(p->g, &p->body, s->row->span);
    LINE(p, "if (SLD_TEST(%s(g, %s, %s), \"rewrite%s%s\"))", s->row->apply, rule, s->row->args, s->many ? "" : " ",
         s->many ? "" : s->rule->name);
    LINE(p, "    return %s;", rule);
    line_end(p->g, &p->body);
}

/* Places inside loops are read where they are needed first. */
static void read_inside(printer *p, const places *needs, uint64_t *known)
{
    uint64_t *wanted = pat_alloc(p->g->arena, p->words * sizeof *wanted);
    for (uint32_t i = 0; i < needs->n; i++)
        add_place(wanted, needs->at[i]);
    read_missing(p, wanted, known);
    for (uint32_t w = 0; w < p->words; w++)
        known[w] |= wanted[w];
}

static void open_readers(printer *p, const step *t)
{
    uint32_t k = t->loop;
    LINE(p, "SLD_VALUE w%u = %s; /* the one with the fewest readers */", k, t->from.at[0]->c);
    for (uint32_t i = 1; i < t->from.n; i++)
        LINE(p, "w%u = SLD_USES(g, %s) < SLD_USES(g, w%u) ? %s : w%u;", k, t->from.at[i]->c, k, t->from.at[i]->c, k);
    LINE(p, "SLD_READERS u%u = SLD_FIRST_READER(g, w%u);", k, k);
    LINE(p, "while ((%s = SLD_NEXT_READER(g, &u%u))) {", t->at->c, k);
    p->body.indent++;
    add_place(p->used, t->at);
}

static void open_orders(printer *p, const step *t)
{
    LINE(p, "for (uint32_t o%u = 0; o%u < 2; o%u++) { /* both orders of %s */", t->loop, t->loop, t->loop, t->label);
    p->body.indent++;
}

static void print_tail(printer *p, const state *s)
{
    uint64_t *known = pat_alloc(p->g->arena, p->words * sizeof *known);
    uint32_t loops = 0;
    memcpy(known, s->bound_any, p->words * sizeof *known);
    LINE(p, "{");
    p->body.indent++;
    for (uint32_t i = 0; i < s->row->tail.n; i++) {
        const step *t = s->row->tail.at[i];
        read_inside(p, t->test ? &t->test->col->needs : &t->from, known);
        if (t->kind == STEP_TEST) {
            line_directive(p->g, &p->body, t->test->span);
            LINE(p, "if (!%s)", asked(p->g, t->test));
            LINE(p, "    continue;");
            line_end(p->g, &p->body);
            continue;
        }
        if (t->kind == STEP_READERS)
            open_readers(p, t);
        else
            open_orders(p, t);
        loops++;
        known[t->at ? t->at->id / 64 : 0] |= t->at ? UINT64_C(1) << t->at->id % 64 : 0;
    }
    read_inside(p, &s->row->needs, known);
    print_apply(p, s);
    for (uint32_t i = 0; i <= loops; i++) {
        p->body.indent--;
        LINE(p, "}");
    }
}

static void print_row(printer *p, const state *s)
{
    bool readers = row_needs_readers(s->row);
    if (readers)
        out_f(&p->body, "#ifdef SLD_FIRST_READER\n");
    if (s->row->tail.n)
        print_tail(p, s);
    else
        print_apply(p, s);
    if (readers)
        out_f(&p->body, "#endif\n");
}

/* ---------------------------------------------------------------- matcher -- */

static void print_state(printer *p, state *s)
{
    read_missing(p, s->bound_any, s->bound);
    if (!s->col) {
        print_row(p, s);
        go_on(p, s, s->other);
    } else if (s->n == 1) {
        print_if(p, s);
        go_on(p, s, s->branches[0].to);
    } else {
        print_switch(p, s);
    }
}

static void declare_places(printer *p)
{
    for (uint32_t i = 1; i < p->a->places.n; i++) {
        const place *q = p->a->places.at[i];
        if (has_bit(p->used, i))
            out_line(p->g->o, "    %s %s;", place_type(q), q->c);
    }
}

/* A jump to what comes next is left out. */
static void fall_through(printer *p, const state *next)
{
    const char *jump = gen_format(p->g, "    goto s%u;\n", next->label);
    size_t n = strlen(jump);
    if (p->body.n > n && p->body.text[p->body.n - n - 1] == '\n' && !strcmp(p->body.text + p->body.n - n, jump))
        p->body.text[p->body.n -= n] = 0;
}

void print_matcher(automaton *a, const char *name, const char *title, edge start, bool for_rule)
{
    gen *g = a->g;
    printer p = {.a = a, .g = g, .number = ++a->n_matchers, .body.indent = 1, .words = (a->places.n + 63) / 64};
    p.nothing = pat_alloc(g->arena, p.words * sizeof *p.nothing);
    p.used = pat_alloc(g->arena, p.words * sizeof *p.used);
    p.sure = pat_alloc(g->arena, p.words * sizeof *p.sure);
    add_place(p.nothing, a->root);
    find_flow(&p, for_rule ? (edge){start.to, NULL} : start);
    print_state(&p, start.to);
    for (uint32_t i = 0; i < p.queue.n; i++) {
        fall_through(&p, p.queue.at[i]);
        out_f(&p.body, "s%u:\n", p.queue.at[i]->label);
        print_state(&p, p.queue.at[i]);
    }
    out_line(g->o, "/* %s */", title);
    out_line(g->o, "static int %s(SLD_GRAPH g, SLD_NODE n, int rule)\n{", name);
    declare_places(&p);
    out_line(g->o, "    SLD_TRY(g, \"%s\", n);", name);
    out_f(g->o, "%s}\n\n", p.body.text);
    out_free(&p.body);
}

/* What holds in each state of a matcher before it is printed: how often it is entered, for which rules, and which
 * places have been read on all ways to it. */
#include <stdlib.h>
#include <string.h>

#include "printer.h"

bool has_bit(const uint64_t *set, uint32_t i)
{
    return set[i / 64] >> i % 64 & 1;
}

void add_place(uint64_t *set, const place *p)
{
    for (; p && !has_bit(set, p->id); p = p->of)
        set[p->id / 64] |= UINT64_C(1) << p->id % 64;
}

static void add_places(uint64_t *set, const places *list)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (!list->at[i]->in_loop)
            add_place(set, list->at[i]);
}

/* Places inside a loop are read there; what they start from is read before. */
static void add_outside(uint64_t *set, const place *p)
{
    while (p && p->in_loop)
        p = p->of;
    if (p)
        add_place(set, p);
}

static void add_all_outside(uint64_t *set, const places *list)
{
    for (uint32_t i = 0; i < list->n; i++)
        add_outside(set, list->at[i]);
}

void add_needs(uint64_t *set, const state *s)
{
    if (s->col) {
        add_places(set, &s->col->needs);
        return;
    }
    add_all_outside(set, &s->row->needs);
    for (uint32_t i = 0; i < s->row->tail.n; i++) {
        const step *t = s->row->tail.at[i];
        add_all_outside(set, t->test ? &t->test->col->needs : &t->from);
    }
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = (*(state *const *)a)->id, y = (*(state *const *)b)->id;
    return (x < y) - (x > y);
}

static void visit(printer *p, edge e)
{
    state *s = e.to;
    if (!s)
        return;
    if (s->seen_by != p->number) {
        *s = (state){.id = s->id, .col = s->col, .row = s->row, .n = s->n, .branches = s->branches, .other = s->other,
                     .entry = s->entry, .seen_by = p->number};
        s->live = pat_alloc(p->g->arena, p->words * sizeof *s->live);
        s->bound = pat_alloc(p->g->arena, p->words * sizeof *s->bound);
        s->bound_any = pat_alloc(p->g->arena, p->words * sizeof *s->bound_any);
        s->sure = pat_alloc(p->g->arena, p->words * sizeof *s->sure);
        PAT_PUSH(p->g->arena, p->states, s);
    }
    s->refs++;
}

static void join(uint64_t *a, const uint64_t *b, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++)
        a[i] |= b[i];
}

/* From the last states to the first. */
static void find_live(printer *p, state *s)
{
    add_needs(s->live, s);
    s->open = !s->col;
    for (uint32_t i = 0; i < s->n; i++)
        if (s->branches[i].to.to) {
            join(s->live, s->branches[i].to.to->live, p->words);
            s->open |= !s->branches[i].to.rule && s->branches[i].to.to->open;
        }
    if (s->other.to)
        join(s->live, s->other.to->live, p->words);
}

/* Whether reading q on entry to a state is valid on all ways to it. */
static bool may_hoist(const printer *p, const state *s, const place *q)
{
    if ((q->kind != PL_OPERAND && q->kind != PL_PRODUCER) || !has_bit(s->bound, q->of->id))
        return false;
    return q->of == p->a->root || has_bit(s->sure, q->of->id) || (q->kind == PL_PRODUCER && place_read(p->g, q->of));
}

static void enter(printer *p, const state *from, edge e, const uint64_t *bound, const uint64_t *sure, bool first)
{
    state *s = e.to;
    if (!s)
        return;
    const pat_rule *rule = e.rule ? e.rule : from ? from->rule : NULL;
    bool many = !e.rule && (from ? from->many : true);
    if (s->open) {
        s->many |= many || (s->rule && rule != s->rule);
        s->rule = rule;
    }
    for (uint32_t i = 0; i < p->words; i++) {
        s->bound[i] = first ? bound[i] : s->bound[i] & bound[i];
        s->bound_any[i] |= bound[i];
        s->sure[i] = first ? sure[i] : s->sure[i] & sure[i];
    }
}

/* From the first states to the last: what is bound, and what will be. */
static void flow(printer *p, state *s)
{
    for (uint32_t i = 0; i < p->a->places.n; i++)
        if (!s->entry && has_bit(s->bound_any, i) && has_bit(s->live, i) && may_hoist(p, s, p->a->places.at[i]))
            add_place(s->bound, p->a->places.at[i]);
    uint64_t *after = s->bound_any;
    memcpy(after, s->bound, p->words * sizeof *after);
    add_needs(after, s);
    for (uint32_t i = 0; i <= s->n; i++) {
        edge e = i < s->n ? s->branches[i].to : s->other;
        memcpy(p->sure, s->sure, p->words * sizeof *p->sure);
        for (uint32_t k = 0; i < s->n && k < s->branches[i].test->sure.n; k++)
            add_place(p->sure, s->branches[i].test->sure.at[k]);
        if (e.to) {
            enter(p, s, e, after, p->sure, !e.to->label);
            e.to->label = 1;
        }
    }
}

void find_flow(printer *p, edge start)
{
    visit(p, start);
    for (uint32_t i = 0; i < p->states.n; i++) {
        state *s = p->states.at[i];
        for (uint32_t k = 0; k < s->n; k++)
            visit(p, s->branches[k].to);
        visit(p, s->other);
    }
    qsort(p->states.at, p->states.n, sizeof *p->states.at, by_id);
    for (uint32_t i = p->states.n; i-- > 0;)
        find_live(p, p->states.at[i]);
    enter(p, NULL, start, p->nothing, p->nothing, true);
    start.to->label = 1;
    for (uint32_t i = 0; i < p->states.n; i++)
        flow(p, p->states.at[i]);
    for (uint32_t i = 0; i < p->states.n; i++)
        p->states.at[i]->label = 0;
}

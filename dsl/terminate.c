/* That rewriting ends. Phases follow each other until none changes anything, and so all rules together must make
 * some measure of the graph smaller. It has two parts:
 *
 *  1. a weight for each op: the nodes that a rewrite removes weigh more than those that it adds, or as much;
 *  2. for the rules where they weigh the same, an order of terms (rpo.c).
 *
 * Weights are found by raising: all ops start with 1, and a rule that does not lose weight raises one of the ops
 * that it removes. A rule that removes no op more often than it adds it can only go to the second part, and the ops
 * that it adds must weigh nothing for that. Rules that raise each other for ever go there too. */
#include "whole.h"

typedef struct count { uint32_t op; int32_t n; } count;

/* What a rule changes: ops removed (n > 0) and added (n < 0). */
typedef struct change {
    w_case *c;
    count *counts;
    uint32_t n;
    bool by_terms;   /* second part */
    bool queued;
} change;
typedef PAT_LIST(change) changes;

typedef struct weigher {
    w_program *w;
    changes all;
    changes *adding, *removing; /* for each op, the changes that do */
    int64_t *weight;
    uint32_t *raised;   /* how often */
    change **by;        /* who raised it last */
    changes queue;
    uint32_t next;
} weigher;

/* --------------------------------------------------------------- counting -- */

static void count_op(change *ch, uint32_t op, int32_t n)
{
    for (uint32_t i = 0; i < ch->n; i++)
        if (ch->counts[i].op == op) {
            ch->counts[i].n += n;
            return;
        }
    ch->counts[ch->n++] = (count){op, n};
}

static uint32_t n_applied(const pat_term *t)
{
    uint32_t n = t->kind == PT_APPLY;
    for (uint32_t i = 0; i < t->operands.n; i++)
        n += n_applied(t->operands.at[i]);
    return n;
}

static void count_added(const pat_program *p, change *ch, const pat_term *t)
{
    if (t->kind == PT_APPLY)
        count_op(ch, pat_find_op(p, t->name)->id, -1);
    for (uint32_t i = 0; i < t->operands.n; i++)
        count_added(p, ch, t->operands.at[i]);
}

static change *change_of(w_program *w, w_case *c)
{
    change *ch = pat_alloc(w->s->arena, sizeof *ch);
    uint32_t most = c->v->nodes.n;
    for (uint32_t i = 0; i < c->rule->replace.n; i++)
        most += n_applied(c->rule->replace.at[i]->value);
    *ch = (change){.c = c, .counts = pat_alloc(w->s->arena, most * sizeof *ch->counts)};
    for (uint32_t i = 0; i < c->v->nodes.n; i++)
        if (!c->stays[i])
            count_op(ch, c->v->nodes.at[i]->op->id, 1);
    for (uint32_t i = 0; i < c->rule->replace.n; i++)
        count_added(w->p, ch, c->rule->replace.at[i]->value);
    uint32_t n = 0;
    for (uint32_t i = 0; i < ch->n; i++)
        if (ch->counts[i].n)
            ch->counts[n++] = ch->counts[i];
    ch->n = n;
    return ch;
}

/* --------------------------------------------------------------- weighing -- */

static void enqueue(weigher *g, change *ch)
{
    if (ch->queued)
        return;
    ch->queued = true;
    PAT_PUSH(g->w->s->arena, g->queue, ch);
}

static void enqueue_all(weigher *g, const changes *some)
{
    for (uint32_t i = 0; i < some->n; i++)
        enqueue(g, some->at[i]);
}

static int64_t loss(const weigher *g, const change *ch)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < ch->n; i++)
        sum += ch->counts[i].n * g->weight[ch->counts[i].op];
    return sum;
}

/* The op that is best raised: the one that the fewest rules add. */
static const count *to_raise(const weigher *g, const change *ch)
{
    const count *best = NULL;
    for (uint32_t i = 0; i < ch->n; i++) {
        const count *c = &ch->counts[i];
        if (c->n > 0 && g->weight[c->op] && (!best || g->adding[c->op].n < g->adding[best->op].n))
            best = c;
    }
    return best;
}

/* Weighs no more afterwards whatever the order of terms says: what it adds weighs nothing. */
static void order_by_terms(weigher *g, change *ch)
{
    ch->by_terms = true;
    for (uint32_t i = 0; i < ch->n; i++) {
        uint32_t op = ch->counts[i].op;
        if (ch->counts[i].n > 0 || !g->weight[op])
            continue;
        g->weight[op] = 0;
        enqueue_all(g, &g->removing[op]);
    }
}

/* The rules that raise each other: from the op that was raised too often back along who raised what they add. */
static void order_loop_by_terms(weigher *g, change *ch)
{
    while (ch && !ch->by_terms) {
        uint32_t heaviest = 0;
        for (uint32_t i = 0; i < ch->n; i++)
            if (ch->counts[i].n < 0 && g->weight[ch->counts[i].op] > g->weight[heaviest])
                heaviest = ch->counts[i].op;
        change *by = heaviest ? g->by[heaviest] : NULL;
        order_by_terms(g, ch);
        ch = by;
    }
}

static void weigh(weigher *g, change *ch)
{
    static const int64_t HEAVIEST = INT64_C(1) << 40;
    if (ch->by_terms || loss(g, ch) > 0)
        return;
    const count *c = to_raise(g, ch);
    if (!c) {
        order_by_terms(g, ch);
        return;
    }
    g->weight[c->op] += -loss(g, ch) / c->n + 1;
    g->by[c->op] = ch;
    if (++g->raised[c->op] > 4 * g->w->p->ops.n + 16 || g->weight[c->op] > HEAVIEST) {
        order_loop_by_terms(g, ch);
        return;
    }
    enqueue_all(g, &g->adding[c->op]);
}

static void weigh_all(weigher *g)
{
    enqueue_all(g, &g->all);
    while (g->next < g->queue.n) {
        change *ch = g->queue.at[g->next++];
        ch->queued = false;
        if (g->next == g->queue.n)
            g->next = g->queue.n = 0;
        weigh(g, ch);
    }
}

static weigher new_weigher(w_program *w)
{
    uint32_t n = w->p->ops.n + 1;
    pat_arena *a = w->s->arena;
    weigher g = {.w = w, .adding = pat_alloc(a, n * sizeof *g.adding),
                 .removing = pat_alloc(a, n * sizeof *g.removing), .weight = pat_alloc(a, n * sizeof *g.weight),
                 .raised = pat_alloc(a, n * sizeof *g.raised), .by = pat_alloc(a, n * sizeof *g.by)};
    for (uint32_t i = 1; i < n; i++)
        g.weight[i] = 1;
    for (uint32_t i = 0; i < w->cases.n; i++) {
        change *ch = change_of(w, w->cases.at[i]);
        PAT_PUSH(a, g.all, ch);
        for (uint32_t k = 0; k < ch->n; k++)
            PAT_PUSH(a, (ch->counts[k].n < 0 ? g.adding : g.removing)[ch->counts[k].op], ch);
    }
    return g;
}

void pat_check_termination(w_program *w)
{
    weigher g = new_weigher(w);
    w_case **rest = pat_alloc(w->s->arena, (w->cases.n + 1) * sizeof *rest);
    uint32_t n = 0;
    weigh_all(&g);
    for (uint32_t i = 0; i < g.all.n; i++)
        if (g.all.at[i]->by_terms)
            rest[n++] = g.all.at[i]->c;
    pat_order_terms(w, rest, n);
}

/* Joins rows into a decision automaton.
 *
 * A list of rows, in order of precedence, is decided by a column that its first row needs and that constrains most
 * of the others: rows that want another value drop out of a branch, rows that do not ask stay in all of them. A
 * first row that shares no column with the rest is tested to its end on its own, and the rest follows where it
 * fails. Lists that were decided before are found again, and so are equal states. When that would take too many
 * states, the rows are cut into halves which are tried one after the other. */
#include <string.h>

#include "automaton.h"

enum { WORK_A_STATE = 400 };

/* A row with the tests that are still open. */
typedef struct open { const row *row; const uint64_t *left; } open_row;

typedef struct key { char *at; uint32_t n, cap; } key;

typedef struct decider {
    automaton *a;
    key key;              /* under construction */
    byte_map lists;
    uint32_t limit, depth, shared, first_state;
    uint64_t work;
    bool too_large, bounded;
    uint8_t most_cost;    /* of columns that are shared */
} decider;

#define IS_LEFT(o, i) ((o).left[(i) / 64] >> (i) % 64 & 1)

static uint32_t words(const row *r)
{
    return (r->tests.n + 63) / 64;
}

static bool available(open_row o, uint32_t i)
{
    const uint64_t *after = o.row->tests.at[i]->after;
    for (uint32_t k = 0; k <= i / 64; k++)
        if (after[k] & o.left[k])
            return false;
    return true;
}

static open_row without(decider *d, open_row o, uint32_t i)
{
    uint64_t *left = pat_alloc(d->a->g->arena, words(o.row) * sizeof *left);
    memcpy(left, o.left, words(o.row) * sizeof *left);
    left[i / 64] &= ~(UINT64_C(1) << i % 64);
    return (open_row){o.row, left};
}

/* Index of the test of a column that is open, or the number of tests. */
static uint32_t open_test(open_row o, const column *col)
{
    uint32_t i = 0;
    while (i < o.row->tests.n && (o.row->tests.at[i]->col != col || !IS_LEFT(o, i)))
        i++;
    return i;
}

/* ---------------------------------------------------------------- states -- */

static void put(decider *d, const void *bytes, size_t n)
{
    key *k = &d->key;
    if (k->n + n > k->cap) {
        char *old = k->at;
        k->cap = 2 * (k->n + (uint32_t)n) + 128;
        k->at = pat_alloc(d->a->g->arena, k->cap);
        if (k->n)
            memcpy(k->at, old, k->n);
    }
    memcpy(k->at + k->n, bytes, n);
    k->n += (uint32_t)n;
}

#define PUT(d, x) put((d), &(x), sizeof(x))

static void **put_end(decider *d, byte_map *m)
{
    uint32_t n = d->key.n;
    d->key.n = 0;
    return byte_map_at(d->a->g->arena, m, d->key.at, n);
}

/* The state that is equal to s, which is new when there is none. */
static state *shared_state(decider *d, state s)
{
    PUT(d, s.col);
    PUT(d, s.other);
    if (s.row) {
        const row *unlike = s.row->tail.n ? s.row : NULL;
        PUT(d, unlike);
        put(d, s.row->apply, strlen(s.row->apply) + 1);
        put(d, s.row->args, strlen(s.row->args));
    }
    for (uint32_t i = 0; i < s.n; i++) {
        PUT(d, s.branches[i].test->value);
        PUT(d, s.branches[i].to);
    }
    state **at = (state **)put_end(d, &d->a->state_map);
    if (*at) {
        d->shared++;
        return *at;
    }
    *at = pat_alloc(d->a->g->arena, sizeof **at);
    **at = s;
    (*at)->id = d->a->states.n;
    PAT_PUSH(d->a->g->arena, d->a->states, *at);
    d->too_large |= d->bounded && d->a->states.n - d->first_state > d->limit;
    return *at;
}

/* The cheapest of the open tests that can be asked now. */
static uint32_t cheapest(open_row o)
{
    uint32_t best = o.row->tests.n;
    for (uint32_t i = 0; i < o.row->tests.n; i++)
        if (IS_LEFT(o, i) && available(o, i) &&
            (best == o.row->tests.n || o.row->tests.at[i]->col->cost < o.row->tests.at[best]->col->cost))
            best = i;
    return best;
}

/* One row to its end, and then its rewrite; where it fails, on to `other`. */
static edge chain(decider *d, open_row o, edge other)
{
    pat_arena *arena = d->a->g->arena;
    uint32_t *order = pat_alloc(arena, (o.row->tests.n + 1) * sizeof *order), n = 0;
    uint64_t *left = pat_alloc(arena, (words(o.row) + 1) * sizeof *left);
    memcpy(left, o.left, words(o.row) * sizeof *left);
    for (uint32_t i; (i = cheapest((open_row){o.row, left})) < o.row->tests.n; order[n++] = i)
        left[i / 64] &= ~(UINT64_C(1) << i % 64);
    state *s = shared_state(d, (state){.row = o.row, .other = other});
    while (n-- > 0) {
        const test *t = o.row->tests.at[order[n]];
        branch *b = pat_alloc(arena, sizeof *b);
        *b = (branch){t, {s, NULL}};
        s = shared_state(d, (state){.col = t->col, .n = 1, .branches = b, .other = other});
    }
    return (edge){s, o.row->rule};
}

/* ------------------------------------------------------------ the choice -- */

static void count_columns(decider *d, const open_row *rows, uint32_t n)
{
    d->a->stamp++;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < rows[i].row->tests.n; k++) {
            column *c = rows[i].row->tests.at[k]->col;
            if (!IS_LEFT(rows[i], k))
                continue;
            c->count = c->stamp == d->a->stamp ? c->count + 1 : 1;
            c->stamp = d->a->stamp;
        }
    d->work += n;
    d->too_large |= d->bounded && d->work > (uint64_t)d->limit * WORK_A_STATE;
}

static bool shares(const decider *d, open_row o)
{
    for (uint32_t i = 0; i < o.row->tests.n; i++)
        if (IS_LEFT(o, i) && o.row->tests.at[i]->col->count > 1 && o.row->tests.at[i]->col->cost <= d->most_cost)
            return true;
    return false;
}

static void uncount(open_row o)
{
    for (uint32_t i = 0; i < o.row->tests.n; i++)
        if (IS_LEFT(o, i))
            o.row->tests.at[i]->col->count--;
}

static bool better(const column *a, const column *b, uint32_t n)
{
    if ((a->count > 1) != (b->count > 1))
        return a->count > 1;
    if ((a->count == n) != (b->count == n))
        return a->count == n;
    return a->cost != b->cost ? a->cost < b->cost : a->count > b->count;
}

/* Of the columns that the first row can ask for now: one that others ask for too, the cheapest, the most asked. */
static column *choose_column(open_row first, uint32_t n)
{
    column *best = NULL;
    for (uint32_t i = 0; i < first.row->tests.n; i++) {
        column *c = first.row->tests.at[i]->col;
        if (IS_LEFT(first, i) && available(first, i) && (!best || better(c, best, n)))
            best = c;
    }
    return best;
}

/* ------------------------------------------------------------- decisions -- */

static edge decide_list(decider *d, const open_row *rows, uint32_t n, edge other);

typedef struct part { const test *test; uint32_t n; open_row *rows; } part;

/* The rows of each branch: those that want its value, and those that do not ask, in their order. */
static part *split(decider *d, const column *col, const open_row *rows, uint32_t n, uint32_t *n_parts, part *rest)
{
    pat_arena *arena = d->a->g->arena;
    byte_map by_value = {0};
    part *parts = pat_alloc(arena, (col->count + 1) * sizeof *parts);
    uint32_t *which = pat_alloc(arena, n * sizeof *which), silent = 0;
    *n_parts = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t t = open_test(rows[i], col);
        if (t == rows[i].row->tests.n) {
            silent++;
            continue;
        }
        const test *want = rows[i].row->tests.at[t];
        uintptr_t *at = (uintptr_t *)byte_map_at(arena, &by_value, &want->value, sizeof want->value);
        if (!*at) {
            parts[*n_parts].test = want;
            *at = ++*n_parts;
        }
        which[i] = (uint32_t)*at;
        parts[*at - 1].n++;
    }
    for (uint32_t i = 0; i < *n_parts; i++) {
        parts[i].rows = pat_alloc(arena, (parts[i].n + silent) * sizeof *parts[i].rows);
        parts[i].n = 0;
    }
    *rest = (part){.rows = pat_alloc(arena, (silent + 1) * sizeof *rest->rows)};
    for (uint32_t i = 0; i < n; i++) {
        part *mine = which[i] ? &parts[which[i] - 1] : NULL;
        if (mine)
            mine->rows[mine->n++] = without(d, rows[i], open_test(rows[i], col));
        else
            rest->rows[rest->n++] = rows[i];
        for (uint32_t k = 0; k < *n_parts && !mine; k++)
            parts[k].rows[parts[k].n++] = rows[i];
        d->work += mine ? 1 : *n_parts;
    }
    return parts;
}

static edge decide_column(decider *d, const open_row *rows, uint32_t n, edge other)
{
    column *col = choose_column(rows[0], n);
    part rest, *parts;
    state s = {.col = col};
    parts = split(d, col, rows, n, &s.n, &rest);
    s.branches = pat_alloc(d->a->g->arena, s.n * sizeof *s.branches);
    for (uint32_t i = 0; i < s.n; i++)
        s.branches[i] = (branch){parts[i].test, decide_list(d, parts[i].rows, parts[i].n, other)};
    s.other = decide_list(d, rest.rows, rest.n, other);
    return d->too_large ? other : (edge){shared_state(d, s), NULL};
}

static edge decide_known(decider *d, const open_row *rows, uint32_t n, edge other)
{
    PUT(d, other);
    for (uint32_t i = 0; i < n; i++) {
        PUT(d, rows[i].row->id);
        put(d, rows[i].left, words(rows[i].row) * sizeof *rows[i].left);
    }
    edge **at = (edge **)put_end(d, &d->lists), *known = *at;
    if (!known) {
        *at = known = pat_alloc(d->a->g->arena, sizeof *known);
        *known = decide_column(d, rows, n, other);
    }
    return *known;
}

/* Rows of one rule that differ in values alone share them, also where rules do not. */
static edge decide_alone(decider *d, const open_row *rows, uint32_t n, edge other)
{
    uint8_t cost = d->most_cost;
    if (n == 1)
        return chain(d, rows[0], other);
    d->most_cost = COST_WHERE;
    edge e = decide_list(d, rows, n, other);
    d->most_cost = cost;
    return e;
}

static edge decide_list(decider *d, const open_row *rows, uint32_t n, edge other)
{
    uint32_t alone = 0;
    if (d->too_large || d->depth > 1000) {
        d->too_large = true;
        return other;
    }
    count_columns(d, rows, n);
    for (; alone < n && !shares(d, rows[alone]); alone++)
        uncount(rows[alone]);
    d->depth++;
    edge e = alone < n ? decide_known(d, rows + alone, n - alone, other) : other;
    while (alone > 0 && !d->too_large) {
        uint32_t last = alone--;
        while (d->most_cost < COST_WHERE && alone > 0 && rows[alone - 1].row->rule == rows[alone].row->rule)
            alone--;
        e = decide_alone(d, rows + alone, last - alone, e);
    }
    d->depth--;
    return e;
}

/* -------------------------------------------------------------- in groups -- */

static uint64_t *all_left(decider *d, const row *r)
{
    uint64_t *left = pat_alloc(d->a->g->arena, (words(r) + 1) * sizeof *left);
    for (uint32_t i = 0; i < r->tests.n; i++)
        left[i / 64] |= UINT64_C(1) << i % 64;
    return left;
}

static bool attempt(decider *d, const open_row *rows, uint32_t n, uint8_t most_cost, edge *e)
{
    d->first_state = d->a->states.n;
    d->lists = (byte_map){0};
    d->most_cost = most_cost;
    d->bounded = n > 1;
    d->work = d->depth = 0;
    d->too_large = false;
    *e = decide_list(d, rows, n, *e);
    return !d->too_large;
}

static uint32_t size_limit(const open_row *rows, uint32_t n)
{
    uint32_t tests = 0;
    for (uint32_t i = 0; i < n; i++)
        tests += rows[i].row->tests.n;
    return 50 + tests / 4;
}

/* All columns are shared; if that is too large, ops, counts and words alone; if need be, in halves. */
static edge decide_group(decider *d, const open_row *rows, uint32_t n, edge other, uint32_t *fallbacks)
{
    edge e = other;
    d->limit = size_limit(rows, n);
    if (attempt(d, rows, n, COST_WHERE, &e))
        return e;
    ++*fallbacks;
    e = other;
    if (attempt(d, rows, n, COST_COUNT, &e))
        return e;
    edge second = decide_group(d, rows + n / 2, n - n / 2, other, fallbacks);
    if (second.to)
        second.to->entry = true;
    return decide_group(d, rows, n / 2, second, fallbacks);
}

decision decide(automaton *a, row *const *rows, uint32_t n)
{
    decider d = {.a = a};
    decision result = {.states = a->states.n};
    open_row *open = pat_alloc(a->g->arena, (n + 1) * sizeof *open);
    for (uint32_t i = 0; i < n; i++)
        open[i] = (open_row){rows[i], all_left(&d, rows[i])};
    result.start = decide_group(&d, open, n, (edge){0}, &result.fallbacks);
    result.states = a->states.n - result.states;
    result.shared = d.shared;
    return result;
}

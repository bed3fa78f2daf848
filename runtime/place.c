/* See place.h.  Greedy by size.  A tree over the buffers, in the order in which they begin, knows how long those last that
 * are placed: what is alive with a buffer is found in time that grows with how much that is, not with all there are. */
#include "place.h"

#include <stdlib.h>

typedef struct placer {
    sld_buffer **sorted;   /* by size */
    sld_buffer **begin;    /* by the first launch */
    sld_buffer **alive;    /* with the buffer at hand, by offset */
    uint32_t *rank;        /* by buffer: where it stands in `begin` */
    uint32_t *latest;      /* by node of the tree, the root 1: 1 + the last launch that needs a placed buffer, or 0 */
    uint32_t n, leaves, n_alive;
} placer;

static int by_size(const void *pa, const void *pb)
{
    const sld_buffer *a = *(sld_buffer *const *)pa, *b = *(sld_buffer *const *)pb;
    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return (a > b) - (a < b);
}

static int by_begin(const void *pa, const void *pb)
{
    const sld_buffer *a = *(sld_buffer *const *)pa, *b = *(sld_buffer *const *)pb;
    return a->from != b->from ? (a->from > b->from) - (a->from < b->from) : (a > b) - (a < b);
}

static int by_offset(const void *pa, const void *pb)
{
    const sld_buffer *a = *(sld_buffer *const *)pa, *b = *(sld_buffer *const *)pb;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

/* Those of the placed buffers under a node, which holds `width` from `first` on, that are alive with b. */
static void find_alive(placer *p, uint32_t node, uint32_t first, uint32_t width, const sld_buffer *b)
{
    if (first >= p->n || p->begin[first]->from > b->to || p->latest[node] <= b->from)
        return;
    if (width == 1) {
        p->alive[p->n_alive++] = p->begin[first];
        return;
    }
    find_alive(p, 2 * node, first, width / 2, b);
    find_alive(p, 2 * node + 1, first + width / 2, width / 2, b);
}

static void note_placed(placer *p, uint32_t rank, uint32_t to)
{
    for (uint32_t node = p->leaves + rank; node && p->latest[node] <= to; node /= 2)
        p->latest[node] = to + 1;
}

/* The best gap among those alive with b. */
static size_t best_gap(const placer *p, const sld_buffer *b)
{
    size_t end = 0, best = SIZE_MAX, best_size = SIZE_MAX;
    for (uint32_t i = 0; i < p->n_alive; i++) {
        const sld_buffer *a = p->alive[i];
        if (a->offset > end && a->offset - end >= b->size && a->offset - end < best_size) {
            best = end;
            best_size = a->offset - end;
        }
        if (a->offset + a->size > end)
            end = a->offset + a->size;
    }
    return best == SIZE_MAX ? end : best;
}

typedef struct event { uint32_t at; size_t size; bool begins; } event;

static int by_time(const void *pa, const void *pb)
{
    const event *a = pa, *b = pb;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return (int)a->begins - (int)b->begins;
}

static size_t most_alive(event *events, uint32_t n)
{
    size_t now = 0, most = 0;
    qsort(events, n, sizeof *events, by_time);
    for (uint32_t i = 0; i < n; i++) {
        now = events[i].begins ? now + events[i].size : now - events[i].size;
        most = now > most ? now : most;
    }
    return most;
}

/* Answers the size of the arena. Stops above the limit, so that sums cannot overflow. */
static size_t place_all(placer *p, const sld_buffer *all)
{
    size_t arena = 0;
    for (uint32_t i = 0; i < p->n && arena <= SLD_SIZE_LIMIT; i++) {
        sld_buffer *b = p->sorted[i];
        p->n_alive = 0;
        find_alive(p, 1, 0, p->leaves, b);
        qsort(p->alive, p->n_alive, sizeof *p->alive, by_offset);
        b->offset = best_gap(p, b);
        note_placed(p, p->rank[b - all], b->to);
        if (b->offset + b->size > arena)
            arena = b->offset + b->size;
    }
    return arena;
}

static bool begin(placer *p, sld_ctx *ctx, sld_buffer *b, uint32_t n)
{
    *p = (placer){.n = n, .leaves = 1};
    while (p->leaves < n)
        p->leaves *= 2;
    p->sorted = sld__alloc(ctx, (3 * (size_t)n + 1) * sizeof *p->sorted);
    p->rank = sld__alloc(ctx, ((size_t)n + 1) * sizeof *p->rank);
    p->latest = sld__alloc(ctx, 2 * (size_t)p->leaves * sizeof *p->latest);
    if (!p->sorted || !p->rank || !p->latest)
        return false;
    p->begin = p->sorted + n;
    p->alive = p->begin + n;
    for (uint32_t i = 0; i < n; i++)
        p->sorted[i] = p->begin[i] = &b[i];
    qsort(p->sorted, n, sizeof *p->sorted, by_size);
    qsort(p->begin, n, sizeof *p->begin, by_begin);
    for (uint32_t i = 0; i < n; i++)
        p->rank[p->begin[i] - b] = i;
    return true;
}

sld_status sld_place(sld_ctx *ctx, sld_buffer *b, uint32_t n, size_t *arena, size_t *live)
{
    placer p;
    event *events = sld__alloc(ctx, (2 * (size_t)n + 1) * sizeof *events);
    sld_status s = begin(&p, ctx, b, n) && events ? SLD_OK : SLD_ERR_MEMORY;
    *arena = *live = 0;
    for (uint32_t i = 0; i < n && !s; i++) {
        events[2 * i] = (event){b[i].from, b[i].size, true};
        events[2 * i + 1] = (event){b[i].to + 1, b[i].size, false};
    }
    if (!s) {
        *arena = place_all(&p, b);
        *live = most_alive(events, 2 * n);
        if (*arena > SLD_SIZE_LIMIT)
            s = sld__fail(ctx, SLD_ERR_LIMIT, "the values alive at once take more than 2^46 bytes");
    }
    sld__free(ctx, p.sorted);
    sld__free(ctx, p.rank);
    sld__free(ctx, p.latest);
    sld__free(ctx, events);
    return s;
}

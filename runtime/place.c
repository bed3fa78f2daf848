/* See place.h.  Greedy by size: quadratic in the number of buffers in the worst case, which
 * for the thousands of a model is milliseconds. */
#include "place.h"

#include <stdlib.h>

static int by_size(const void *pa, const void *pb)
{
    const sld_buffer *a = *(sld_buffer *const *)pa, *b = *(sld_buffer *const *)pb;
    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return (a > b) - (a < b);
}

static bool overlap(const sld_buffer *a, const sld_buffer *b)
{
    return a->from <= b->to && b->from <= a->to;
}

/* placed[0..n) are sorted by offset; answers the best gap among those alive with b. */
static size_t best_gap(sld_buffer *const *placed, uint32_t n, const sld_buffer *b)
{
    size_t end = 0, best = SIZE_MAX, best_size = SIZE_MAX;
    for (uint32_t i = 0; i < n; i++) {
        const sld_buffer *p = placed[i];
        if (!overlap(p, b))
            continue;
        if (p->offset > end && p->offset - end >= b->size && p->offset - end < best_size) {
            best = end;
            best_size = p->offset - end;
        }
        if (p->offset + p->size > end)
            end = p->offset + p->size;
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
static size_t place_all(sld_buffer *const *sorted, sld_buffer **placed, uint32_t n)
{
    size_t arena = 0;
    for (uint32_t i = 0; i < n && arena <= SLD_SIZE_LIMIT; i++) {
        sld_buffer *p = sorted[i];
        p->offset = best_gap(placed, i, p);
        uint32_t k = i;
        for (; k > 0 && placed[k - 1]->offset > p->offset; k--)
            placed[k] = placed[k - 1];
        placed[k] = p;
        if (p->offset + p->size > arena)
            arena = p->offset + p->size;
    }
    return arena;
}

sld_status sld_place(sld_ctx *ctx, sld_buffer *b, uint32_t n, size_t *arena, size_t *live)
{
    sld_buffer **sorted = sld__alloc(ctx, (2 * (size_t)n + 1) * sizeof *sorted);
    event *events = sld__alloc(ctx, (2 * (size_t)n + 1) * sizeof *events);
    sld_status s = sorted && events ? SLD_OK : SLD_ERR_MEMORY;
    *arena = *live = 0;
    for (uint32_t i = 0; i < n && !s; i++) {
        sorted[i] = &b[i];
        events[2 * i] = (event){b[i].from, b[i].size, true};
        events[2 * i + 1] = (event){b[i].to + 1, b[i].size, false};
    }
    if (!s) {
        qsort(sorted, n, sizeof *sorted, by_size);
        *arena = place_all(sorted, sorted + n, n);
        *live = most_alive(events, 2 * n);
        if (*arena > SLD_SIZE_LIMIT)
            s = sld__fail(ctx, SLD_ERR_LIMIT, "the values alive at once take more than 2^46 bytes");
    }
    sld__free(ctx, sorted);
    sld__free(ctx, events);
    return s;
}

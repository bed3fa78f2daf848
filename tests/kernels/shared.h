/* Kernels on threads: whatever they compute alone they run once more row by row from the last one, and once on threads with a
 * part for nearly every row, and the bits of all that they write must be the same. */
#ifndef TEST_SHARED_H
#define TEST_SHARED_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kern.h"
#include "solder.h"

enum { SHARED_THREADS = 3 };

/* A team that takes every row for a long one; without threads it begins at the end. */
typedef struct shared_team { sld_team face; sld_team *real; } shared_team;

static inline void shared_rows(const sld_team *t, size_t n, size_t cost, sld_rows *rows, const void *work)
{
    const sld_team *real = ((const shared_team *)t)->real;
    (void)cost;
    if (real)
        real->share(real, n, (size_t)1 << 30, rows, work);
    while (!real && n--)
        rows(work, n, n + 1);
}

static inline shared_team shared_open(sld_ctx *ctx, bool threads)
{
    shared_team t = {{SHARED_THREADS, shared_rows}, threads ? sld_team_new(ctx, SHARED_THREADS) : NULL};
    ck_assert(!threads || (t.real && t.real->n == SHARED_THREADS));
    return t;
}

/* What stands in some memory, which then holds something else. */
static inline void *shared_take(void *data, size_t bytes, const void *instead)
{
    void *was = bytes ? memcpy(malloc(bytes), data, bytes) : NULL;
    if (bytes && instead)
        memcpy(data, instead, bytes);
    else if (bytes)
        memset(data, 0xa5, bytes);
    return was;
}

static inline void shared_same(void *was, const void *is, size_t bytes, const char *what)
{
    for (size_t i = 0; i < bytes; i++)
        if (((char *)was)[i] != ((const char *)is)[i])
            ck_abort_msg("when it is run again byte %zu differs: %s", i, what);
    free(was);
}

static inline size_t shared_bytes(const sld_tensor *t)
{
    return t->data ? kern_numel(t) * kern_size(t->dtype) : 0;
}

/* A kernel that has just run, and its results. */
static inline void shared_launch(sld_ctx *ctx, sld_kernel_fn fn, sld_launch *l, const char *what)
{
    for (int threads = 0; threads < 2; threads++) {
        void *was[8];
        shared_team t = shared_open(ctx, threads);
        for (uint32_t i = 0; i < l->n_out; i++)
            was[i] = shared_take(l->out[i].data, shared_bytes(&l->out[i]), NULL);
        l->team = &t.face;
        ck_assert_ptr_null(fn(l));
        l->team = NULL;
        for (uint32_t i = 0; i < l->n_out; i++)
            shared_same(was[i], l->out[i].data, shared_bytes(&l->out[i]), what);
        sld_team_free(t.real);
    }
}

/* A plan with `n` outputs whose kernels write to a cache in `memory`. */
static inline sld_status shared_run(sld_ctx *ctx, sld_plan *p, const void *const *inputs, sld_tensor *out, uint32_t n,
                                    void *memory, size_t bytes)
{
    void *was[8], *before = memcpy(malloc(bytes + 1), memory, bytes);
    sld_status s = sld_plan_run(p, inputs, out);
    for (int threads = 0; threads < 2 && !s; threads++) {
        shared_team t = shared_open(ctx, threads);
        void *written = shared_take(memory, bytes, before);
        for (uint32_t i = 0; i < n; i++)
            was[i] = shared_take(out[i].data, shared_bytes(&out[i]), NULL);
        sld_plan_set_team(p, &t.face);
        s = sld_plan_run(p, inputs, out);
        sld_plan_set_team(p, NULL);
        for (uint32_t i = 0; i < n; i++)
            shared_same(was[i], out[i].data, shared_bytes(&out[i]), "result");
        shared_same(written, memory, bytes, "cache");
        sld_team_free(t.real);
    }
    free(before);
    return s;
}

#endif

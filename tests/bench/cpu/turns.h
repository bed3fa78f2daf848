/* Plans of one chain of ops, fused and not, and memcpy, timed in turns on the same threads. */
#ifndef BENCH_TURNS_H
#define BENCH_TURNS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph.h"
#include "kern.h"

const sld_ruleset *sld_ruleset_solder(void);

static void need(bool ok, const char *why)
{
    if (!ok)
        fprintf(stderr, "bench: %s\n", why);
    if (!ok)
        exit(1);
}

/* The first argument of a program: the threads that it runs on. */
static sld_team *team_of(sld_ctx *ctx, int argc, char **argv)
{
    sld_team *team = argc < 2 ? NULL : sld_team_new(ctx, (uint32_t)strtoul(argv[1], NULL, 10));
    need(team != NULL, "the number of threads is wanted");
    printf("\nThreads: %u\n\n", team->n);
    return team;
}

/* Of this thread, so that other work on the machine costs less; of several by the clock. */
static double seconds(const sld_team *team)
{
    struct timespec t;
    clock_gettime(team->n == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A graph of n tokens: T at the beginning of a word stands for them. */
static char *spell(const char *graph, int n)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fputs("solder 1\n", f);
    for (const char *c = graph; *c; c++)
        if (*c == 'T' && (c[-1] == '[' || c[-1] == ' '))
            fprintf(f, "%d", n);
        else
            fputc(*c, f);
    fclose(f);
    return text;
}

/* Both sides are normalised; only one is fused. */
static sld_plan *make(sld_ctx *ctx, const sld_team *team, const char *text, bool fused, sld_graph **g, sld_traffic *traffic)
{
    *g = sld_text_parse(ctx, sld_ruleset_solder(), "row", text, strlen(text));
    need(*g != NULL, sld_error(ctx));
    sld_settings *settings = sld_settings_new(ctx, sld_ruleset_solder());
    need(!sld_settings_level(settings, fused ? 2 : 0, "bench") && !sld_settings_resolve(settings, SLD_TARGET_CPU, NULL, NULL),
         sld_error(ctx));
    const sld_fuse_options o = {.target = SLD_TARGET_CPU, .settings = settings, .tokens = {1, 256}};
    need(!sld_fuse(*g, &o, NULL), sld_error(ctx));
    sld_plan *plan = sld_plan_new(*g, SLD_TARGET_CPU, NULL);
    need(plan && !sld_graph_traffic(*g, NULL, traffic), sld_error(ctx));
    sld_settings_free(settings);
    sld_plan_set_team(plan, team);
    return plan;
}

static void fill(const sld_tensor *t, size_t n)
{
    uint32_t seed = 7;
    for (size_t k = 0; k < n; k++) {
        seed = seed * 1664525 + 1013904223;
        if (t->dtype == SLD_I64)
            ((int64_t *)t->data)[k] = seed >> 23;
        else
            kern_put(t, k, (seed >> 8) / 8388608.0 - 1);
    }
}

static char *block(size_t bytes)
{
    char *p = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    return memset(p, 1, bytes);
}

/* Something to read as the input v, aligned as tensors are. */
static sld_tensor input(const sld_graph *g, sld_value v)
{
    sld_tensor t = {.dtype = (uint8_t)sld_dtype_of(g, v), .rank = (uint8_t)sld_rank(g, v), .dims = sld_shape(g, v)};
    t.data = block(kern_numel(&t) * kern_size(t.dtype));
    fill(&t, kern_numel(&t));
    return t;
}

/* The shortest time of a run so far. */
static void run(const sld_team *team, sld_plan *plan, void *const *inputs, sld_tensor *out, int repeat, double *best)
{
    double t = seconds(team);
    for (int i = 0; i < repeat; i++)
        need(!sld_plan_run(plan, (const void *const *)inputs, out), "a run failed");
    t = (seconds(team) - t) / repeat;
    *best = t < *best ? t : *best;
}

typedef struct copying { char *to; const char *from; size_t bytes; } copying;
enum { COPY_ROW = 1 << 14 };

static void copy_rows(const void *work, size_t first, size_t last)
{
    const copying *c = work;
    size_t from = first * COPY_ROW, to = last * COPY_ROW < c->bytes ? last * COPY_ROW : c->bytes;
    memcpy(c->to + from, c->from + from, to - from);
    __asm__ volatile("" ::"r"(c->to) : "memory");
}

/* Reads and writes 2 `bytes` altogether. */
static void copy(const sld_team *team, char *to, const char *from, size_t bytes, int repeat, double *best)
{
    double t = seconds(team);
    for (int i = 0; i < repeat; i++)
        team->share(team, (bytes + COPY_ROW - 1) / COPY_ROW, 2 * COPY_ROW, copy_rows, &(copying){to, from, bytes});
    t = (seconds(team) - t) / repeat;
    *best = t < *best ? t : *best;
}

#endif

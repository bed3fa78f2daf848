/* The workload that all programs of this benchmark share: a decoder stack of 26 ops a layer, told op by op to
 * whoever wants to build it, and the fingerprint by which the rewritten graphs are compared.
 *
 * The irregular stack drops optional ops of a layer by a hash of its number (both all-reduces, the second
 * reshape and the last quant in half of the layers, the view of q in a quarter), so that no branch predictor can
 * learn the sequence. */
#ifndef DECODER_H
#define DECODER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* name, results. ORDER: the .pat file declares its ops in this order. */
#define DECODER_OPS(X) \
    X(allreduce, 1) X(add, 1) X(rms_norm, 1) X(quant, 1) X(matmul, 1) X(split3, 3) X(split2, 2) X(heads, 1) \
    X(rope, 2) X(kv_update, 1) X(attention, 1) X(reshape, 1) X(silu, 1) X(mul, 1) \
    X(ar_add_norm, 2) X(norm_quant, 1) X(qk_norm_rope_kv, 2) X(silu_mul_quant, 1)

enum decoder_op {
    D_NONE,
#define X(name, n) D_##name,
    DECODER_OPS(X)
#undef X
    D_N_OPS
};

#define D_ARG 0x80000000u /* a value is an argument, D_ARG | index, or the number of a result, counted from 0 */

/* How often each fusion must fire. */
typedef struct decoder_counts { uint32_t ops, args, ar_add_norm, norm_quant, qk, silu, reshape; } decoder_counts;

typedef void decoder_add(void *to, int op, uint32_t n_in, const uint32_t *in, uint32_t n_out);

typedef struct decoder { void *to; decoder_add *add; uint32_t n_results; decoder_counts c; } decoder;

static inline uint32_t decoder_make(decoder *d, int op, uint32_t n_in, const uint32_t *in)
{
    static const uint8_t results[] = {0,
#define X(name, n) n,
        DECODER_OPS(X)
#undef X
    };
    uint32_t first = d->n_results;
    d->add(d->to, op, n_in, in, results[op]);
    d->n_results += results[op];
    d->c.ops++;
    return first;
}

static inline uint32_t decoder_1(decoder *d, int op, uint32_t a)
{
    return decoder_make(d, op, 1, &a);
}

static inline uint32_t decoder_2(decoder *d, int op, uint32_t a, uint32_t b)
{
    uint32_t in[2] = {a, b};
    return decoder_make(d, op, 2, in);
}

static inline uint32_t decoder_4(decoder *d, int op, uint32_t a, uint32_t b, uint32_t c, uint32_t e)
{
    uint32_t in[4] = {a, b, c, e};
    return decoder_make(d, op, 4, in);
}

static inline uint64_t decoder_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

enum { D_LAYER_ARGS = 12, D_SHARED_ARGS = 5 };

static inline uint32_t decoder_n_args(uint32_t layers)
{
    return D_SHARED_ARGS + D_LAYER_ARGS * layers + 3;
}

/* Attention half: from x and the residual to the projection's result; *residual becomes the sum. */
static inline uint32_t decoder_attention(decoder *d, uint32_t w, uint64_t h, uint32_t x, uint32_t *residual)
{
    bool reduce = h & 1, second_reshape = h & 4, view = (h & 48) != 0;
    uint32_t pos = D_ARG | 2, table = D_ARG | 3, slots = D_ARG | 4;
    *residual = decoder_2(d, D_add, reduce ? decoder_1(d, D_allreduce, x) : x, *residual);
    uint32_t v = decoder_2(d, D_rms_norm, *residual, w);
    v = decoder_2(d, D_matmul, decoder_2(d, D_quant, v, w + 1), w + 2);
    uint32_t parts = decoder_1(d, D_split3, v);
    uint32_t q = view ? decoder_1(d, D_heads, parts) : parts, k = decoder_1(d, D_heads, parts + 1);
    q = decoder_2(d, D_rms_norm, q, w + 3);
    k = decoder_2(d, D_rms_norm, k, w + 4);
    uint32_t turned = decoder_4(d, D_rope, q, k, pos, table);
    uint32_t cache = decoder_4(d, D_kv_update, turned + 1, parts + 2, w + 5, slots);
    v = decoder_1(d, D_reshape, decoder_2(d, D_attention, turned, cache));
    if (second_reshape)
        v = decoder_1(d, D_reshape, v);
    d->c.ar_add_norm += reduce;
    d->c.norm_quant += !reduce;
    d->c.qk += view;
    d->c.reshape += second_reshape;
    return decoder_2(d, D_matmul, v, w + 6);
}

static inline uint32_t decoder_mlp(decoder *d, uint32_t w, uint64_t h, uint32_t x, uint32_t *residual)
{
    bool reduce = h & 2, quant = h & 8;
    *residual = decoder_2(d, D_add, reduce ? decoder_1(d, D_allreduce, x) : x, *residual);
    uint32_t v = decoder_2(d, D_rms_norm, *residual, w + 7);
    v = decoder_2(d, D_matmul, decoder_2(d, D_quant, v, w + 8), w + 9);
    uint32_t parts = decoder_1(d, D_split2, v);
    v = decoder_2(d, D_mul, decoder_1(d, D_silu, parts), parts + 1);
    if (quant)
        v = decoder_2(d, D_quant, v, w + 10);
    d->c.ar_add_norm += reduce;
    d->c.norm_quant += !reduce;
    d->c.silu += quant;
    return decoder_2(d, D_matmul, v, w + 11);
}

/* Tells the whole stack; result[0] and [1] are what the graph returns. */
static inline decoder_counts decoder_build(void *to, decoder_add *add, uint32_t layers, bool irregular,
                                           uint32_t result[2])
{
    decoder d = {to, add, 0, {0, 0, 0, 0, 0, 0, 0}};
    uint32_t x = D_ARG | 0, residual = D_ARG | 1, w = D_ARG | D_SHARED_ARGS;
    for (uint32_t l = 0; l < layers; l++, w += D_LAYER_ARGS) {
        uint64_t h = irregular ? decoder_mix((l + 1ull) * 0x9e3779b97f4a7c15ull) : ~0ull;
        x = decoder_attention(&d, w, h, x, &residual);
        x = decoder_mlp(&d, w, h, x, &residual);
    }
    x = decoder_2(&d, D_quant, decoder_2(&d, D_rms_norm, x, w), w + 1);
    result[0] = decoder_2(&d, D_matmul, x, w + 2);
    result[1] = residual;
    d.c.norm_quant++;
    d.c.args = decoder_n_args(layers);
    return d.c;
}

/* Ops after all fusions. */
static inline uint32_t decoder_left(const decoder_counts *c)
{
    return c->ops - 2 * c->ar_add_norm - c->norm_quant - 6 * c->qk - 2 * c->silu - c->reshape;
}

/* ------------------------------------------------------------- fingerprints -- */

/* A value is named by what computes it: independent of ids and of the order of nodes. A graph's fingerprint is
 * the sum over its nodes. */
static inline uint64_t print_arg(uint32_t index)
{
    return decoder_mix(0x51ull + index);
}

static inline uint64_t print_node(int op, uint32_t n_in, const uint64_t *in)
{
    uint64_t h = decoder_mix(0xa0761d6478bd642full + (uint64_t)op);
    for (uint32_t i = 0; i < n_in; i++)
        h = decoder_mix(h * 0x9e3779b97f4a7c15ull + in[i]);
    return h;
}

static inline uint64_t print_result(uint64_t node, uint32_t index)
{
    return decoder_mix(node + index + 1);
}

/* -------------------------------------------------------------- measurement -- */

static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One line of JSON, which run.py reads. Seconds of all runs are sorted here. */
static inline void bench_report(const char *who, uint32_t layers, bool irregular, uint32_t ops, double *seconds,
                                uint32_t n, uint32_t left, uint64_t print, double bytes_per_op)
{
    qsort(seconds, n, sizeof *seconds, bench_compare);
    printf("{\"who\": \"%s\", \"layers\": %u, \"irregular\": %d, \"ops\": %u, \"ns\": %.4f, \"best\": %.4f, \"runs\": %u, "
           "\"left\": %u, \"print\": \"%016llx\", \"bytes\": %.2f}\n", who, layers, irregular, ops, seconds[n / 2] * 1e9 / ops,
           seconds[0] * 1e9 / ops, n, left, (unsigned long long)print, bytes_per_op);
    fflush(stdout);
}

#endif

/* See verify.h. A chain of ops and what replaces it round in other places. How much that may change is measured on the
 * chain: each value that a node computes is moved by a step of its dtype, up, down or not at all, as another rounding
 * would have it (Monte Carlo arithmetic, Parker 1997). Nodes that only move elements round nothing. */
#include <stdlib.h>

#include "verify.h"

uint64_t vf_next(vf_rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

double vf_step(uint8_t dtype, double x)
{
    static const struct { int digits, least; } format[SLD_DTYPE_COUNT] = {
        [SLD_F8E4M3FN] = {4, -6}, [SLD_F8E4M3FNUZ] = {4, -7}, [SLD_F16] = {11, -14}, [SLD_BF16] = {8, -126},
        [SLD_F32] = {24, -126}, [SLD_F64] = {53, -1022}};
    int e = 0;
    if (!format[dtype].digits)
        return 1;
    frexp(x, &e);
    e = x == 0 || e - 1 < format[dtype].least ? format[dtype].least : e - 1;
    return ldexp(1, e - format[dtype].digits + 1);
}

/* ---------------------------------------------------------- what only moves -- */

static uint64_t bits_of(const sld_tensor *t, size_t i)
{
    uint64_t bits = 0;
    size_t n = kern_size(t->dtype);
    memcpy(&bits, (const char *)t->data + i * n, n);
    return bits;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t *sorted_operands(const sld_launch *l, uint8_t dtype, size_t *n)
{
    size_t all = 0;
    for (uint32_t i = 0; i < l->n_in; i++)
        all += l->in[i].dtype == dtype ? kern_numel(&l->in[i]) : 0;
    uint64_t *bits = malloc((all + 1) * sizeof *bits);
    *n = 0;
    for (uint32_t i = 0; i < l->n_in; i++)
        for (size_t k = 0; l->in[i].dtype == dtype && k < kern_numel(&l->in[i]); k++)
            bits[(*n)++] = bits_of(&l->in[i], k);
    qsort(bits, all, sizeof *bits, ascending);
    return bits;
}

/* Every element of the result is one of an operand. */
static bool only_moves(const sld_launch *l, const sld_tensor *out)
{
    size_t n;
    uint64_t *bits = sorted_operands(l, out->dtype, &n);
    bool moves = true;
    for (size_t i = 0; moves && i < kern_numel(out); i++) {
        uint64_t b = bits_of(out, i);
        moves = bsearch(&b, bits, n, sizeof *bits, ascending) != NULL;
    }
    free(bits);
    return moves;
}

/* ---------------------------------------------------------------------- noise -- */

void vf_noise_of(vf_rng *rng, const sld_tensor *t)
{
    for (size_t i = 0; i < kern_numel(t); i++) {
        double x = kern_get(t, i), y = x + ((double)vf_below(rng, 3) - 1) * vf_step(t->dtype, x);
        if (isfinite(x) && x != 0)
            kern_put(t, i, y);
    }
}

/* Infinite in f16, of operands that are all finite. */
static bool overflows(const sld_launch *l, const sld_tensor *out)
{
    bool infinite = false, finite = out->dtype == SLD_F16;
    for (size_t i = 0; finite && i < kern_numel(out); i++)
        infinite |= isinf(kern_get(out, i)) != 0;
    for (uint32_t k = 0; infinite && k < l->n_in; k++)
        for (size_t i = 0; finite && kern_is_float(l->in[k].dtype) && l->in[k].data && i < kern_numel(&l->in[k]); i++)
            finite = isfinite(kern_get(&l->in[k], i));
    return infinite && finite;
}

/* Zero in f16, of operands that hold none there: it may as well have been the least number. */
static bool underflows(const sld_launch *l, const sld_tensor *out, size_t i)
{
    bool any = false;
    for (uint32_t k = 0; out->dtype == SLD_F16 && k < l->n_in; k++) {
        size_t n = l->in[k].data && kern_is_float(l->in[k].dtype) ? kern_numel(&l->in[k]) : 0;
        if (!n || kern_numel(out) % n)
            continue;
        any |= n == kern_numel(out);
        if (kern_get(&l->in[k], i % n) == 0)
            return false;
    }
    return any;
}

static void move_zeros(vf_noise *z, const sld_launch *l, const sld_tensor *out)
{
    for (size_t i = 0; i < kern_numel(out); i++)
        if (kern_get(out, i) == 0 && underflows(l, out, i))
            kern_put(out, i, ((double)vf_below(&z->rng, 3) - 1) * vf_step(out->dtype, 0));
}

static void move_results(vf_noise *z, uint32_t step, const sld_launch *l)
{
    if (z->learn)
        z->moves[step] = true;
    for (uint32_t i = 0; i < l->n_out; i++) {
        const sld_tensor *t = &l->out[i];
        if (!t->data || t->dtype < SLD_F16)
            continue;
        if (z->learn) {
            z->moves[step] &= only_moves(l, t);
            z->overflow |= overflows(l, t);
        }
        if (!z->learn && !z->moves[step]) {
            move_zeros(z, l, t);
            vf_noise_of(&z->rng, t);
        }
    }
}

/* ------------------------------------------------------------- rounding within -- */

/* GPUs multiply the weights of attention, and sums of latent rows, in the dtype of the batch. Weights add up to 1, so
 * that each of these is off by half a step of the largest value at most. */
static void round_weights(vf_noise *z, const sld_launch *l, const vf_lent *lent)
{
    const sld_tensor *out = &l->out[0];
    bool latent = out->rank == 2;
    size_t rows = (size_t)out->dims[0], heads = (size_t)l->in[0].dims[1], d = rows && heads ? kern_numel(out) / rows / heads : 0;
    for (size_t h = 0; d && h < heads; h++) {
        double step = vf_step(out->dtype, vf_lent_weighed(lent, h, heads, out->dtype)) * (latent ? 1 : 0.5);
        for (size_t i = 0; i < rows * d; i++) {
            size_t at = (i / d * heads + h) * d + i % d;
            kern_put(out, at, kern_get(out, at) + ((double)vf_below(&z->rng, 3) - 1) * step);
        }
    }
}

static bool is_attention(const sld_launch *l)
{
    return strstr(l->op->name, "attention") && kern_attr(l, "layer") && l->out[0].dtype >= SLD_F16;
}

/* Ops that round as often as the chain that they stand for: a norm before its rotation. What is rounded within moves by a
 * step as what is read does. */
static bool rounds_within(const sld_launch *l) { return !strncmp(l->op->name, "qk_norm_", 8); }

static sld_tensor *moved_operands(vf_noise *z, const sld_launch *l)
{
    sld_tensor *in = calloc(l->n_in + 1u, sizeof *in);
    for (uint32_t i = 0; i < l->n_in; i++) {
        size_t bytes = kern_numel(&l->in[i]) * kern_size(l->in[i].dtype);
        in[i] = l->in[i];
        in[i].data = memcpy(malloc(bytes + 1), l->in[i].data ? l->in[i].data : "", l->in[i].data ? bytes : 0);
        if (in[i].dtype == SLD_F16 || in[i].dtype == SLD_BF16)
            vf_noise_of(&z->rng, &in[i]);
    }
    return in;
}

const char *vf_noise_launch(vf_noise *z, uint32_t step, sld_kernel_fn fn, const sld_launch *l, const vf_lent *lent)
{
    sld_launch moved = *l;
    bool within = !z->learn && rounds_within(l);
    sld_tensor *in = within ? moved_operands(z, l) : NULL;
    moved.in = within ? in : l->in;
    const char *why = fn(&moved);
    for (uint32_t i = 0; within && i < l->n_in; i++)
        free(in[i].data);
    free(in);
    if (why)
        return why;
    if (!z->learn && z->device && lent && is_attention(l))
        round_weights(z, l, lent);
    move_results(z, step, l);
    return NULL;
}

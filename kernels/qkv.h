/* Launches of the ops between a projection of queries, keys and values and attention, opened and checked for the
 * reference and the fast kernels. */
#ifndef SLD_QKV_H
#define SLD_QKV_H

#include "cache.h"

enum { QKV_Q, QKV_K, QKV_V };

typedef struct qkv {
    const sld_tensor *x;            /* [rows, all heads of queries, keys, values] */
    const sld_tensor *weights[2];   /* of queries and keys; NULL: no norm */
    const sld_tensor *positions, *table;
    const sld_tensor *out;          /* queries, keys, values */
    size_t rows, width, dim, heads[3];
    double eps[2], offset;
    bool neox;
    const sld_cache *cache;         /* NULL: nothing is written */
} qkv;

/* NULL when there is a position for each row, inside the table. */
static inline const char *qkv_check_positions(const sld_tensor *positions, size_t rows, const sld_tensor *table)
{
    if (kern_numel(positions) != rows)
        return "there is not one position for each token";
    for (size_t i = 0; i < rows; i++) {
        int64_t p = kern_geti(positions, i);
        if (p < 0 || p >= table->dims[0])
            return "a position lies outside the table";
    }
    return NULL;
}

static inline const char *qkv_open(const sld_launch *l, bool normed, bool cached, qkv *a)
{
    const sld_tensor *in = l->in;
    *a = (qkv){.x = &in[0], .positions = &in[normed ? 3 : 1], .table = &in[normed ? 4 : 2], .out = l->out};
    a->rows = (size_t)a->x->dims[0];
    a->width = (size_t)a->x->dims[1];
    a->dim = (size_t)(normed ? in[1].dims[0] : kern_attr(l, "head_size")->i);
    a->heads[QKV_K] = a->heads[QKV_V] = (size_t)kern_attr(l, "kv_heads")->i;
    a->heads[QKV_Q] = a->width / a->dim - 2 * a->heads[QKV_K];
    a->neox = kern_attr(l, "neox")->i;
    if (normed) {
        a->weights[QKV_Q] = &in[1], a->weights[QKV_K] = &in[2];
        a->eps[QKV_Q] = kern_attr(l, "eps")->f, a->eps[QKV_K] = kern_attr(l, "eps_k")->f;
        a->offset = kern_flag(l, "centred");
    }
    const char *bad = qkv_check_positions(a->positions, a->rows, a->table);
    if (cached && !bad)
        a->cache = cache_find(l, &bad);
    return bad || !a->cache ? bad : cache_check(a->cache, a->x->dtype, (int64_t)a->heads[QKV_K], (int64_t)a->dim);
}

static inline const char *qkv_check_rotary(const sld_launch *l)
{
    int64_t d = kern_attr(l, "head_size")->i, rows = l->in[1].dims[0];
    for (uint32_t i = 1; i <= 2; i++)
        if (rows && ((int64_t)kern_numel(&l->in[i]) / rows) % d)
            return "rows do not divide into heads";
    return qkv_check_positions(&l->in[0], (size_t)rows, &l->in[3]);
}

static inline const char *qkv_check_update(const sld_launch *l, const sld_cache **c)
{
    const char *bad;
    *c = cache_find(l, &bad);
    if (*c && l->in[1].dims[2] != l->in[0].dims[2])
        return "values have another head size than keys";
    return *c ? cache_check(*c, l->in[0].dtype, l->in[0].dims[1], l->in[0].dims[2]) : bad;
}

/* Where head h of queries, keys or values of a row begins in x, and in its result. */
static inline size_t qkv_in(const qkv *a, size_t row, int which, size_t h)
{
    size_t before = which == QKV_Q ? 0 : a->heads[QKV_Q] + (which == QKV_V ? a->heads[QKV_K] : 0);
    return row * a->width + (before + h) * a->dim;
}

static inline size_t qkv_out(const qkv *a, size_t row, int which, size_t h)
{
    return (row * a->heads[which] + h) * a->dim;
}

/* The i-th pair of dims that turn together. */
static inline size_t qkv_first(size_t i, bool neox)
{
    return neox ? i : 2 * i;
}

static inline size_t qkv_second(size_t i, size_t half, bool neox)
{
    return neox ? i + half : 2 * i + 1;
}

#endif

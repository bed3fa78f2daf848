/* From a projection of queries, keys and values to a paged cache: each head is read once, and normed, turned, stored
 * and cached while it is in the first-level cache of the CPU. */
#include "rotary.h"

enum { HEADS_AT_ONCE = 32, USUAL = 128 };

/* ---------------------------------------------------------------- the cache -- */

/* Whether two of the tokens [from, to) write to the same slot; the table holds those of the tokens before. */
static bool slots_repeat(const sld_cache *c, size_t from, size_t to)
{
    int64_t table[4 * TOKENS_AT_ONCE];
    size_t size = 4 * (to - from);
    memset(table, 0xff, size * sizeof *table); /* -1: free */
    for (size_t i = from; i < to; i++) {
        if (!cache_takes(c, i))
            continue;
        size_t at = (size_t)c->slots[i] % size;
        while (table[at] >= 0 && table[at] != c->slots[i])
            at = (at + 1) % size;
        if (table[at] == c->slots[i])
            return true;
        table[at] = c->slots[i];
    }
    return false;
}

typedef struct some_tokens { sld_rows *rows; const void *work; size_t first; } some_tokens;

static void run_some(const void *work, size_t from, size_t to)
{
    const some_tokens *s = work;
    s->rows(s->work, s->first + from, s->first + to);
}

void sld__share_tokens(const sld_launch *l, const sld_cache *c, size_t n, size_t cost, sld_rows *rows, const void *work)
{
    for (size_t from = 0, m; from < n; from += m) {
        m = c ? row_min(n - from, TOKENS_AT_ONCE) : n;
        if (l->team && c && slots_repeat(c, from, from + m))
            rows(work, from, from + m);
        else
            row_share(l, m, cost, run_some, &(some_tokens){rows, work, from});
    }
}

/* n elements, each `stride` of them behind the one before. */
ROW_PART void scatter(char *restrict to, const char *restrict from, size_t size, size_t n, size_t stride)
{
    if (size == 1)
        for (size_t i = 0; i < n; i++)
            to[i * stride] = from[i];
    else if (size == 2)
        for (size_t i = 0; i < n; i++)
            ((uint16_t *)to)[i * stride] = ((const uint16_t *)from)[i];
    else
        for (size_t i = 0; i < n; i++)
            memcpy(to + i * stride * size, from + i * size, size);
}

/* A head, in the dtype of the cache, into its place. */
ROW_PART void place(const sld_cache *c, int which, int64_t slot, size_t head, const char *x, size_t n)
{
    size_t size = kern_size(c->dtype), piece = (size_t)cache_piece(c);
    char *to = (char *)c->data[which] + cache_at(c, which, slot, head, 0) * size;
    if (c->layout != SLD_CACHE_SHUFFLE)
        memcpy(to, x, n * size);
    else if (which == CACHE_VALUE)
        scatter(to, x, size, n, piece);
    else
        for (size_t i = 0; i < n / piece; i++)
            memcpy(to + i * (size_t)c->block_size * 16, x + i * 16, 16);
}

/* One head of n dims, stored in the dtype of the batch, into the cache. */
ROW_PART void store(const sld_cache *c, int which, size_t token, size_t head, const sld_tensor *x, size_t at, size_t n)
{
    float bx[HEAD_MAX];
    uint8_t codes[HEAD_MAX];
    if (!cache_takes(c, token))
        return;
    const char *row = (const char *)x->data + at * kern_size(x->dtype);
    if (c->dtype != x->dtype) {
        narrow(c->dtype, cache_scale(c, which), n, row_load(x, at, n, bx), codes);
        row = (const char *)codes;
    }
    place(c, which, c->slots[token], head, row, n);
}

/* ------------------------------------------------------------------ launches -- */

/* Scales of norms. Those of all heads come first: each is the end of a long chain of sums, and these need not wait for one
 * another. */
ROW_PART void norm_heads(uint8_t dtype, const char *x, size_t d, size_t heads, double eps, float *scales)
{
    for (size_t h = 0; h < heads; h++)
        scales[h] = pairs_squares(dtype, x + h * d * kern_size(dtype), d);
    for (size_t h = 0; h < heads; h++)
        scales[h] = 1 / sqrtf(scales[h] / (float)d + (float)eps);
}

/* Heads [from, to) of one row; chunks: by the loops over pairs, as the separate ops. */
ROW_PART void run_heads(const qkv *a, const turned *t, size_t row, int which, size_t from, size_t to, uint8_t dtype,
                        size_t d, size_t half, bool chunks)
{
    float scales[HEADS_AT_ONCE];
    _Alignas(64) char normed[HEADS_AT_ONCE * USUAL * sizeof(float)];
    const float *w = t->weights[which];
    size_t n = to - from;
    char *in = head_at(a->x, qkv_in(a, row, which, from)), *out = head_at(&a->out[which], qkv_out(a, row, which, from));
    if (a->weights[which])
        norm_heads(dtype, in, d, n, a->eps[which], scales);
    if (chunks && a->weights[which]) {
        sld__loops()->scale(dtype, dtype, in, scales, w, d, n * d, normed, false);
        in = normed;
    }
    if (chunks)
        sld__loops()->turn(t->cos, t->sin, half, d, n, in, out);
    for (size_t h = 0; h < n && !chunks; h++, in += d * kern_size(dtype), out += d * kern_size(dtype))
        head_turn(dtype, t->cos, t->sin, half, a->neox, d, a->weights[which] ? w : NULL, scales[h], in, out);
}

ROW_PART void run_values(const qkv *a, size_t row, size_t d)
{
    size_t n = a->heads[QKV_V] * d, size = kern_size(a->x->dtype);
    if (!n)
        return;
    memcpy((char *)a->out[QKV_V].data + row * n * size,
           (const char *)a->x->data + qkv_in(a, row, QKV_V, 0) * size, n * size);
    for (size_t h = 0; a->cache && h < a->heads[QKV_V]; h++)
        store(a->cache, CACHE_VALUE, row, h, &a->out[QKV_V], qkv_out(a, row, QKV_V, h), d);
}

/* A launch and its weights. */
typedef struct normed { qkv a; float w[2][HEAD_MAX]; } normed;

ROW_PART void run_rows(const normed *all, size_t from, size_t to, uint8_t dtype, size_t d, size_t half, bool chunks)
{
    const qkv *a = &all->a;
    float bt[HEAD_MAX];
    for (size_t row = from; row < to; row++) {
        turned t = load_row(a->table, kern_geti(a->positions, row), chunks ? dtype : SLD_F32, bt);
        t.weights[QKV_Q] = all->w[QKV_Q], t.weights[QKV_K] = all->w[QKV_K];
        if (row + 1 < to)
            row_expect(a->x, (row + 1) * a->width, a->width);
        for (int which = QKV_Q; which <= QKV_K; which++)
            for (size_t h = 0; h < a->heads[which]; h += HEADS_AT_ONCE)
                run_heads(a, &t, row, which, h, row_min(h + HEADS_AT_ONCE, a->heads[which]), dtype, d, half, chunks);
        for (size_t h = 0; a->cache && h < a->heads[QKV_K]; h++)
            store(a->cache, CACHE_KEY, row, h, &a->out[QKV_K], qkv_out(a, row, QKV_K, h), d);
        run_values(a, row, d);
    }
}

/* Whether heads have the usual size, are of bf16 and turn by chunks. */
static bool usual(uint8_t dtype, size_t d, size_t half, bool neox)
{
    return dtype == SLD_BF16 && d == USUAL && half == USUAL / 2 && neox;
}

ROW_WIDE static void run_tokens(const void *work, size_t from, size_t to)
{
    const normed *n = work;
    uint8_t dtype = n->a.x->dtype;
    size_t d = n->a.dim, half = (size_t)n->a.table->dims[1] / 2;
    if (usual(dtype, d, half, n->a.neox))
        run_rows(n, from, to, SLD_BF16, USUAL, USUAL / 2, true);
    else if (dtype == SLD_BF16)
        run_rows(n, from, to, SLD_BF16, d, half, false);
    else if (dtype == SLD_F32 && d == 128 && half == 64)
        run_rows(n, from, to, SLD_F32, 128, 64, false);
    else if (dtype == SLD_F32)
        run_rows(n, from, to, SLD_F32, d, half, false);
    else
        run_rows(n, from, to, SLD_F16, d, half, false);
}

static const char *run(const sld_launch *l, bool with_norm, bool cached)
{
    normed n;
    qkv *a = &n.a;
    const char *bad = qkv_open(l, with_norm, cached, a);
    for (int which = QKV_Q; which <= QKV_K && with_norm && !bad; which++) {
        bool chunks = usual(a->x->dtype, a->dim, (size_t)a->table->dims[1] / 2, a->neox);
        sld__pairs_load(chunks ? a->x->dtype : SLD_F32, a->weights[which], a->dim, n.w[which]);
        for (size_t i = 0; i < a->dim; i++)
            n.w[which][i] += (float)a->offset;
    }
    if (!bad)
        sld__share_tokens(l, a->cache, a->rows, 4 * a->width * kern_size(a->x->dtype), run_tokens, &n);
    return bad;
}

const char *sld_cpu_qk_norm_rotary(const sld_launch *l);
const char *sld_cpu_qk_norm_rotary(const sld_launch *l)
{
    return run(l, true, false);
}

const char *sld_cpu_qk_norm_rope_cache(const sld_launch *l);
const char *sld_cpu_qk_norm_rope_cache(const sld_launch *l)
{
    return run(l, true, true);
}

const char *sld_cpu_rope_cache(const sld_launch *l);
const char *sld_cpu_rope_cache(const sld_launch *l)
{
    return run(l, false, true);
}

/* The heads of both operands. */
ROW_PART void turn_rows(const sld_launch *l, size_t from, size_t to, uint8_t dtype, size_t d, size_t half, bool chunks)
{
    float bt[HEAD_MAX];
    bool neox = kern_attr(l, "neox")->i;
    for (uint32_t which = 1; which <= 2; which++) {
        const sld_tensor *x = &l->in[which], *y = &l->out[which - 1];
        size_t n = kern_numel(x) / (size_t)x->dims[0];
        for (size_t row = from; row < to; row++) {
            turned t = load_row(&l->in[3], kern_geti(&l->in[0], row), chunks ? dtype : SLD_F32, bt);
            if (chunks)
                sld__loops()->turn(t.cos, t.sin, half, d, n / d, head_at(x, row * n), head_at(y, row * n));
            for (size_t at = row * n; at < (row + 1) * n && !chunks; at += d)
                head_turn(dtype, t.cos, t.sin, half, neox, d, NULL, 1, head_at(x, at), head_at(y, at));
        }
    }
}

ROW_WIDE static void turn_tokens(const void *work, size_t from, size_t to)
{
    const sld_launch *l = work;
    uint8_t dtype = l->in[1].dtype;
    size_t d = (size_t)kern_attr(l, "head_size")->i, half = (size_t)l->in[3].dims[1] / 2;
    if (usual(dtype, d, half, kern_attr(l, "neox")->i))
        turn_rows(l, from, to, SLD_BF16, USUAL, USUAL / 2, true);
    else if (dtype == SLD_BF16)
        turn_rows(l, from, to, SLD_BF16, d, half, false);
    else if (dtype == SLD_F32)
        turn_rows(l, from, to, SLD_F32, d, half, false);
    else
        turn_rows(l, from, to, SLD_F16, d, half, false);
}

const char *sld_cpu_rotary_embedding(const sld_launch *l);
const char *sld_cpu_rotary_embedding(const sld_launch *l)
{
    const char *bad = qkv_check_rotary(l);
    size_t n = (size_t)l->in[1].dims[0], elements = kern_numel(&l->in[1]) + kern_numel(&l->in[2]);
    if (!bad && n)
        row_share(l, n, 3 * elements / n * kern_size(l->in[1].dtype), turn_tokens, l);
    return bad;
}

typedef struct update { const sld_launch *l; const sld_cache *c; } update;

ROW_WIDE static void store_tokens(const void *work, size_t from, size_t to)
{
    const update *u = work;
    size_t d = (size_t)u->c->head_size, heads = (size_t)u->c->heads;
    for (size_t i = from; i < to; i++)
        for (size_t which = CACHE_KEY; which <= CACHE_VALUE; which++)
            for (size_t h = 0; h < heads; h++)
                store(u->c, (int)which, i, h, &u->l->in[which], (i * heads + h) * d, d);
}

const char *sld_cpu_kv_cache_update(const sld_launch *l);
const char *sld_cpu_kv_cache_update(const sld_launch *l)
{
    const sld_cache *c;
    const char *bad = qkv_check_update(l, &c);
    size_t n = (size_t)l->in[0].dims[0];
    if (!bad && n)
        sld__share_tokens(l, c, n, 4 * kern_numel(&l->in[0]) / n * kern_size(l->in[0].dtype), store_tokens, &(update){l, c});
    return bad;
}

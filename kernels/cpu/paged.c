/* Attention over a paged cache. `general` cuts a sequence into partitions of 256 tokens, each with a softmax of its own,
 * and joins them by their largest scores and sums; `assembly` is that for the one shape of cache whose blocks it reads as
 * they lie; `fallback` takes rows one by one. Heads of queries that read the same keys go together. */
#include "paged.h"
#include "quant.h"

enum {
    HEAD_MAX = 1024, /* the largest heads and groups of the conditions in paged_attention.pat */
    DIM_MAX = 256,
    GROUP_MAX = 16,
    PARTITION = 256,
    TILE = 16,       /* tokens that are widened at a time */
    BLOCK = 16,      /* of `assembly` */
    DIM = 128
};

typedef struct reader {
    const paged *a;
    quantiser quant;  /* of results, where they are quantised */
    float codes[256]; /* what the codes of an f8 cache stand for */
} reader;

static const char *reader_begin(const sld_launch *l, const paged *a, reader *r, const char *bad)
{
    r->a = a;
    if (!bad && a->by) {
        r->quant = quant_open(l, 0, 0);
        r->quant.scale = *(const float *)a->by->data;
    }
    for (int i = 0; i < 256 && !bad; i++)
        r->codes[i] = a->cache->dtype == SLD_F8E4M3FN ? sld_f8e4m3fn_to_f32((uint8_t)i) : sld_f8e4m3fnuz_to_f32((uint8_t)i);
    if (!bad && kern_numel(a->out)) { /* rows without a token to see */
        f8_put(l, a->q->dtype, a->by, 0, 0);
        memset(a->out->data, a->by ? *(uint8_t *)a->out->data : 0, kern_numel(a->out) * kern_size(a->out->dtype));
    }
    return bad;
}

static const char *reader_open(const sld_launch *l, paged *a, reader *r)
{
    const char *bad = paged_open(l, a);
    return reader_begin(l, a, r, bad);
}

/* A head of the result, at `at`. */
static void store(const reader *r, size_t at, float *head)
{
    if (r->a->by)
        quant_head(&r->quant, r->a->q->dtype, at, r->a->dim, head);
    else
        row_end(r->a->out, at, r->a->dim, head);
}

/* n elements that lie in pieces, `step` from one to the next, as numbers. */
static void widen(const reader *r, int which, size_t at, size_t piece, size_t step, size_t n, float *restrict out)
{
    const sld_cache *c = r->a->cache;
    const uint16_t *half = (const uint16_t *)c->data[which] + at;
    const uint8_t *code = (const uint8_t *)c->data[which] + at;
    for (size_t i = 0; i < n; i += piece, half += step, code += step)
        if (c->dtype == SLD_BF16)
            for (size_t k = 0; k < piece; k++)
                out[i + k] = sld_bf16_to_f32(half[k]);
        else if (c->dtype == SLD_F16)
            for (size_t k = 0; k < piece; k++)
                out[i + k] = sld_f16_to_f32(half[k]);
        else
            for (size_t k = 0; k < piece; k++)
                out[i + k] = r->codes[code[k]];
}

/* A head of a token. */
static void load(const reader *r, int which, int64_t slot, size_t head, float *restrict out)
{
    const sld_cache *c = r->a->cache;
    size_t n = r->a->dim, x = (size_t)cache_piece(c), at = cache_at(c, which, slot, head, 0);
    size_t piece = c->layout != SLD_CACHE_SHUFFLE ? n : which == CACHE_KEY ? x : 1;
    widen(r, which, at, piece, piece < n ? cache_at(c, which, slot, head, piece) - at : 0, n, out);
}

/* ------------------------------------------------------------------- softmax -- */

/* What some tokens give to one head: the largest score, and for that score the sum of weights and of values. */
typedef struct part { float max, sum, acc[DIM_MAX]; } part;

static void part_begin(part *p, size_t dim)
{
    p->max = -INFINITY, p->sum = 0;
    memset(p->acc, 0, dim * sizeof *p->acc);
}

static void part_shrink(part *p, float max, size_t dim)
{
    float by = p->max == max ? 1 : expf(p->max - max);
    p->max = max;
    p->sum *= by;
    for (size_t d = 0; d < dim && by != 1; d++)
        p->acc[d] *= by;
}

static void part_join(part *to, part *from, size_t dim)
{
    float max = to->max > from->max ? to->max : from->max;
    part_shrink(to, max, dim);
    part_shrink(from, max, dim);
    to->sum += from->sum;
    for (size_t d = 0; d < dim; d++)
        to->acc[d] += from->acc[d];
}

/* Scores become weights by their largest; those of -inf have no say, also where all so far are. */
static void part_weigh(part *p, float *restrict scores, size_t n)
{
    float max = p->max == -INFINITY ? 0 : p->max;
    for (size_t i = 0; i < n; i++)
        scores[i] = expf(scores[i] - max);
    for (size_t i = 0; i < n; i++)
        p->sum += scores[i];
}

static float largest(const float *scores, size_t n, float max)
{
    for (size_t i = 0; i < n; i++)
        max = scores[i] > max ? scores[i] : max;
    return max;
}

/* Four tokens at a time; behind n weights stand zeros, and rows of zeros. */
static void part_add(part *p, const float *restrict w, const float *restrict v, size_t n, size_t dim)
{
    float *restrict acc = p->acc;
    for (size_t t = 0; t < n; t += 4, v += 4 * dim)
        for (size_t d = 0; d < dim; d++)
            acc[d] += w[t] * v[d] + w[t + 1] * v[dim + d] + w[t + 2] * v[2 * dim + d] + w[t + 3] * v[3 * dim + d];
}

/* The heads of queries of one row that read head `kv`. */
typedef struct group {
    const reader *r;
    int64_t sequence;
    size_t n, kv, at; /* at: where the first begins in q and in the result */
    float q[GROUP_MAX][DIM_MAX];
    part total[GROUP_MAX];
} group;

static void group_begin(group *g, const reader *r, int64_t sequence, int64_t row, size_t kv)
{
    const paged *a = r->a;
    g->r = r, g->sequence = sequence, g->n = a->group, g->kv = kv;
    g->at = ((size_t)row * a->heads + kv * a->group) * a->dim;
    for (size_t h = 0; h < g->n; h++) {
        row_widen(a->q, g->at + h * a->dim, a->dim, g->q[h]);
        for (size_t d = 0; d < a->dim; d++)
            g->q[h][d] *= (float)a->scale;
        part_begin(&g->total[h], a->dim);
    }
}

static void group_end(const group *g)
{
    size_t dim = g->r->a->dim;
    float out[DIM_MAX];
    for (size_t h = 0; h < g->n; h++) {
        for (size_t d = 0; d < dim; d++)
            out[d] = g->total[h].acc[d] / g->total[h].sum;
        store(g->r, g->at + h * dim, out);
    }
}

typedef struct groups { const reader *r; void (*run)(group *g, int64_t len); } groups;

/* Each sequence, and each head of keys, has one row. */
static void run_groups(const void *work, size_t from, size_t to)
{
    const groups *k = work;
    const sld_cache *c = k->r->a->cache;
    group g;
    for (size_t i = from; i < to; i++) {
        int64_t s = (int64_t)i / c->heads;
        if (!c->lens[s] || paged_first(c, s) >= paged_first(c, s + 1))
            continue;
        group_begin(&g, k->r, s, paged_first(c, s), i % (size_t)c->heads);
        k->run(&g, c->lens[s]);
        group_end(&g);
    }
}

/* What heads of the keys and values of a sequence, of the usual length, move. */
static size_t sequence_cost(const paged *a)
{
    size_t tokens = 0;
    for (int64_t s = 0; s < a->cache->sequences; s++)
        tokens += (size_t)a->cache->lens[s];
    return a->cache->sequences ? 8 * tokens / (size_t)a->cache->sequences * a->dim * a->group : 0;
}

static const char *each_group(const sld_launch *l, void (*run)(group *g, int64_t len))
{
    paged a;
    reader r;
    const char *bad = reader_open(l, &a, &r);
    if (!bad)
        row_share(l, (size_t)(a.cache->sequences * a.cache->heads), sequence_cost(&a), run_groups, &(groups){&r, run});
    return bad;
}

/* ------------------------------------------------------------------- general -- */

/* Tokens [from, from + n) of one partition. */
static void partition(group *g, int64_t from, size_t n)
{
    const reader *r = g->r;
    size_t dim = r->a->dim;
    float rows[TILE * DIM_MAX], scores[GROUP_MAX][PARTITION + TILE];
    part now[GROUP_MAX];
    for (size_t t = 0; t < n; t++) {
        int64_t slot = paged_slot(r->a->cache, g->sequence, from + (int64_t)t);
        float scale = paged_scale(r->a->cache, CACHE_KEY, slot, g->kv);
        load(r, CACHE_KEY, slot, g->kv, rows);
        for (size_t h = 0; h < g->n; h++)
            scores[h][t] = scale * row_dot(g->q[h], rows, dim);
    }
    for (size_t h = 0; h < g->n; h++) {
        part_begin(&now[h], dim);
        now[h].max = largest(scores[h], n, -INFINITY);
        part_weigh(&now[h], scores[h], n);
        memset(scores[h] + n, 0, TILE * sizeof **scores);
    }
    float scale = paged_scale(r->a->cache, CACHE_VALUE, 0, g->kv);
    for (size_t t = 0; t < n; t += TILE) {
        size_t tile = row_min(n - t, TILE), padded = (tile + 3) / 4 * 4;
        for (size_t i = 0; i < tile; i++)
            load(r, CACHE_VALUE, paged_slot(r->a->cache, g->sequence, from + (int64_t)(t + i)), g->kv, rows + i * dim);
        memset(rows + tile * dim, 0, (padded - tile) * dim * sizeof *rows);
        for (size_t h = 0; h < g->n; h++)
            part_add(&now[h], scores[h] + t, rows, padded, dim);
    }
    for (size_t h = 0; h < g->n; h++) {
        for (size_t d = 0; d < dim; d++)
            now[h].acc[d] *= scale;
        part_join(&g->total[h], &now[h], dim);
    }
}

static void partitions(group *g, int64_t len)
{
    for (int64_t from = 0; from < len; from += PARTITION)
        partition(g, from, row_min((size_t)(len - from), PARTITION));
}

const char *sld_cpu_decode_attention_general(const sld_launch *l);
const char *sld_cpu_decode_attention_general(const sld_launch *l)
{
    return each_group(l, partitions);
}

/* ------------------------------------------------------------------ assembly -- */

/* Scores of a block, whose keys lie as [D / x, token, x]. */
static inline void block_scores(const float *restrict q, const float *restrict k, size_t x, float *restrict scores)
{
    for (size_t t = 0; t < BLOCK; t++) {
        float sum[16] = {0};
        for (size_t j = 0; j < DIM / x; j++)
            for (size_t e = 0; e < x; e++)
                sum[e] += q[j * x + e] * k[(j * BLOCK + t) * x + e];
        for (size_t half = x / 2; half; half /= 2)
            for (size_t e = 0; e < half; e++)
                sum[e] += sum[e + half];
        scores[t] = sum[0];
    }
}

/* Values that lie as [token / x, D, x], token by token. */
static inline void block_values(const float *restrict v, size_t x, float *restrict rows)
{
    for (size_t t = 0; t < BLOCK; t++)
        for (size_t d = 0; d < DIM; d++)
            rows[t * DIM + d] = v[(t / x * DIM + d) * x + t % x];
}

/* A block of which n tokens belong to the sequence; x as a constant, so that its loops vectorise. */
static inline void block_add(group *g, int64_t block, size_t n, size_t x)
{
    const sld_cache *c = g->r->a->cache;
    float k[BLOCK * DIM], v[BLOCK * DIM], rows[BLOCK * DIM], scores[BLOCK];
    int64_t slot = block * BLOCK;
    widen(g->r, CACHE_KEY, cache_at(c, CACHE_KEY, slot, g->kv, 0), BLOCK * DIM, 0, BLOCK * DIM, k);
    widen(g->r, CACHE_VALUE, cache_at(c, CACHE_VALUE, slot, g->kv, 0), BLOCK * DIM, 0, BLOCK * DIM, v);
    block_values(v, x, rows);
    memset(rows + n * DIM, 0, (BLOCK - n) * DIM * sizeof *rows); /* what no token has written may be anything */
    for (size_t h = 0; h < g->n; h++) {
        block_scores(g->q[h], k, x, scores);
        for (size_t t = 0; t < n && c->token_scales[0]; t++)
            scores[t] *= paged_scale(c, CACHE_KEY, slot + (int64_t)t, g->kv);
        part_shrink(&g->total[h], largest(scores, n, g->total[h].max), DIM);
        part_weigh(&g->total[h], scores, n);
        memset(scores + n, 0, (BLOCK - n) * sizeof *scores);
        for (size_t t = 0; t < n && c->token_scales[1]; t++)
            scores[t] *= paged_scale(c, CACHE_VALUE, slot + (int64_t)t, g->kv);
        part_add(&g->total[h], scores, rows, BLOCK, DIM);
    }
}

static void blocks(group *g, int64_t len)
{
    const sld_cache *c = g->r->a->cache;
    const int32_t *table = c->tables + g->sequence * c->table_width;
    for (int64_t i = 0; i * BLOCK < len; i++)
        if (cache_piece(c) == 8)
            block_add(g, table[i], row_min((size_t)(len - i * BLOCK), BLOCK), 8);
        else
            block_add(g, table[i], row_min((size_t)(len - i * BLOCK), BLOCK), 16);
}

const char *sld_cpu_decode_attention_assembly(const sld_launch *l);
const char *sld_cpu_decode_attention_assembly(const sld_launch *l)
{
    return each_group(l, blocks);
}

/* ------------------------------------------------------------------ fallback -- */

/* One head of one row, a token at a time. */
static void attend(const reader *r, int64_t sequence, int64_t row, size_t head)
{
    const paged *a = r->a;
    const sld_cache *c = a->cache;
    float bq[HEAD_MAX], k[HEAD_MAX], acc[HEAD_MAX] = {0}, max = a->sinks ? a->sinks[head] : -INFINITY, cap = (float)a->soft_cap;
    size_t at = ((size_t)row * a->heads + head) * a->dim, kv = head / a->group;
    float sum = a->sinks ? 1 : 0;
    const float *q = row_load(a->q, at, a->dim, bq);
    paged_span sees = paged_sees(a, sequence, row);
    for (int64_t i = sees.from; i < sees.to; i++) {
        int64_t slot = paged_slot(c, sequence, i);
        load(r, CACHE_KEY, slot, kv, k);
        float score = (float)a->scale * paged_scale(c, CACHE_KEY, slot, kv) * row_dot(q, k, a->dim);
        score = cap ? cap * tanhf(score / cap) : score;
        float top = score > max ? score : max, shrink = max == top ? 1 : expf(max - top);
        float weight = score == -INFINITY ? 0 : expf(score - top);
        sum = sum * shrink + weight;
        weight *= paged_scale(c, CACHE_VALUE, slot, kv);
        max = top;
        load(r, CACHE_VALUE, slot, kv, k);
        for (size_t d = 0; d < a->dim; d++)
            acc[d] = acc[d] * shrink + weight * k[d];
    }
    for (size_t d = 0; d < a->dim; d++)
        acc[d] /= sum;
    if (sees.from < sees.to)
        store(r, at, acc);
}

/* Heads of sequences, of all rows of each. */
static void attend_heads(const void *work, size_t from, size_t to)
{
    const reader *r = work;
    const sld_cache *c = r->a->cache;
    for (size_t i = from; i < to; i++)
        for (int64_t s = (int64_t)(i / r->a->heads), row = paged_first(c, s); row < paged_first(c, s + 1); row++)
            attend(r, s, row, i % r->a->heads);
}

static void each_head(const sld_launch *l, const reader *r)
{
    row_share(l, (size_t)r->a->cache->sequences * r->a->heads, 4 * sequence_cost(r->a), attend_heads, r);
}

const char *sld_cpu_decode_attention_fallback(const sld_launch *l);
const char *sld_cpu_decode_attention_fallback(const sld_launch *l)
{
    paged a;
    reader r;
    const char *bad = reader_open(l, &a, &r);
    if (!bad)
        each_head(l, &r);
    return bad;
}

const char *sld_cpu_paged_attention(const sld_launch *l);
const char *sld_cpu_paged_attention(const sld_launch *l)
{
    paged a;
    reader r;
    const char *bad = paged_open_layer(l, &a);
    bad = reader_begin(l, &a, &r, bad);
    if (!bad)
        each_head(l, &r);
    return bad;
}

/* Results quantised: which they are the dtype of the result says. */
const char *sld_cpu_decode_attention_static_quant_general(const sld_launch *l);
const char *sld_cpu_decode_attention_static_quant_general(const sld_launch *l)
{
    return sld_cpu_decode_attention_general(l);
}

const char *sld_cpu_decode_attention_static_quant_fallback(const sld_launch *l);
const char *sld_cpu_decode_attention_static_quant_fallback(const sld_launch *l)
{
    return sld_cpu_decode_attention_fallback(l);
}

const char *sld_cpu_paged_attention_static_quant(const sld_launch *l);
const char *sld_cpu_paged_attention_static_quant(const sld_launch *l)
{
    return sld_cpu_paged_attention(l);
}

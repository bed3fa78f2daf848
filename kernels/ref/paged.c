/* Attention over a paged cache: each score computed anew for the largest, the sum and the result; all in double. */
#include "f8.h"
#include "paged.h"

enum { HEAD_MAX = 4096 };

/* One head of a row under way. */
typedef struct query {
    const paged *a;
    int64_t sequence;
    size_t at, kv; /* where the head begins in q and in the result; the head of keys and values that it reads */
    paged_span sees;
    double max, sum, acc[HEAD_MAX];
} query;

static double element(const query *r, int which, int64_t slot, size_t d)
{
    const sld_cache *c = r->a->cache;
    sld_tensor cells = {.dtype = c->dtype, .data = c->data[which]};
    return kern_get(&cells, cache_at(c, which, slot, r->kv, d)) * paged_scale(c, which, slot, r->kv);
}

static double score(const query *r, int64_t slot)
{
    double sum = 0, cap = r->a->soft_cap;
    for (size_t d = 0; d < r->a->dim; d++)
        sum += kern_get(r->a->q, r->at + d) * element(r, CACHE_KEY, slot, d);
    sum *= r->a->scale;
    return cap ? cap * tanh(sum / cap) : sum;
}

static void attend(query *r)
{
    const sld_cache *c = r->a->cache;
    for (int64_t i = r->sees.from; i < r->sees.to; i++) {
        double s = score(r, paged_slot(c, r->sequence, i));
        r->max = s > r->max || s != s ? s : r->max;
    }
    for (int64_t i = r->sees.from; i < r->sees.to; i++) {
        int64_t slot = paged_slot(c, r->sequence, i);
        double weight = exp(score(r, slot) - r->max);
        r->sum += weight;
        for (size_t d = 0; d < r->a->dim; d++)
            r->acc[d] += weight * element(r, CACHE_VALUE, slot, d);
    }
}

static void run_head(const sld_launch *l, const paged *a, int64_t sequence, int64_t row, size_t head)
{
    query r = {.a = a, .sequence = sequence, .at = ((size_t)row * a->heads + head) * a->dim, .kv = head / a->group,
               .sees = paged_sees(a, sequence, row), .max = -INFINITY};
    double sink = a->sinks ? a->sinks[head] : -INFINITY;
    r.max = sink;
    attend(&r);
    r.sum += a->sinks ? exp(sink - r.max) : 0;
    for (size_t d = 0; d < a->dim && r.sees.from < r.sees.to; d++)
        f8_put(l, a->q->dtype, a->by, r.at + d, r.acc[d] / r.sum);
}

static const char *run(const sld_launch *l, const paged *a, const char *bad)
{
    if (!bad && a->dim > HEAD_MAX)
        bad = "the head size is too large";
    for (size_t i = 0, n = bad ? 0 : kern_numel(a->out); i < n; i++)
        f8_put(l, a->q->dtype, a->by, i, 0); /* rows without a token to see */
    for (int64_t s = 0; !bad && s < a->cache->sequences; s++)
        for (int64_t row = paged_first(a->cache, s); row < paged_first(a->cache, s + 1); row++)
            for (size_t h = 0; h < a->heads; h++)
                run_head(l, a, s, row, h);
    return bad;
}

const char *sld_ref_decode_attention(const sld_launch *l);
const char *sld_ref_decode_attention(const sld_launch *l)
{
    paged a;
    const char *bad = paged_open(l, &a);
    return run(l, &a, bad);
}

const char *sld_ref_decode_attention_static_quant(const sld_launch *l);
const char *sld_ref_decode_attention_static_quant(const sld_launch *l)
{
    return sld_ref_decode_attention(l);
}

const char *sld_ref_paged_attention(const sld_launch *l);
const char *sld_ref_paged_attention(const sld_launch *l)
{
    paged a;
    const char *bad = paged_open_layer(l, &a);
    return run(l, &a, bad);
}

const char *sld_ref_paged_attention_static_quant(const sld_launch *l);
const char *sld_ref_paged_attention_static_quant(const sld_launch *l)
{
    return sld_ref_paged_attention(l);
}

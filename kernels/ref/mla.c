/* Latent attention: norms of both latents, rotation and cache write, queries as the cache holds keys, attention. Joined
 * ops round where the ops that they join do. */
#include "mla.h"
#include "rotary.h"
#include "source.h"

const char *sld_ref_mla_dual_rms_norm(const sld_launch *l);
const char *sld_ref_mla_dual_rms_norm(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0];
    const double eps[] = {kern_attr(l, "eps")->f, kern_attr(l, "eps_kv")->f};
    size_t width = (size_t)x->dims[1];
    for (size_t row = 0, at = 0; row < (size_t)x->dims[0]; row++, at = row * width)
        for (size_t part = 0; part < 3; part++) {
            size_t n = (size_t)l->out[part].dims[1];
            double sum = 0;
            for (size_t i = 0; i < n; i++)
                sum += kern_get(x, at + i) * kern_get(x, at + i);
            for (size_t i = 0; i < n; i++) {
                double v = kern_get(x, at + i);
                if (part < 2)
                    v *= 1 / sqrt(sum / (double)n + eps[part]) * kern_get(&l->in[1 + part], i);
                kern_put(&l->out[part], row * n + i, v);
            }
            at += n;
        }
    return NULL;
}

/* ---------------------------------------------------------------- the cache -- */

/* Row `token` of kv, and behind it r elements of pe from `at`. */
static void write_latent(const sld_cache *c, size_t token, const sld_tensor *kv, const sld_tensor *pe, size_t at, size_t r)
{
    sld_tensor cells = {.dtype = c->dtype, .data = c->data[CACHE_KEY]};
    size_t n = (size_t)kv->dims[1];
    for (size_t i = 0; i < n + r && cache_takes(c, token); i++)
        kern_put(&cells, cache_at(c, CACHE_KEY, c->slots[token], 0, i),
                 (i < n ? kern_get(kv, token * n + i) : kern_get(pe, at + i - n)) / cache_scale(c, CACHE_KEY));
}

const char *sld_ref_mla_kv_cache_update(const sld_launch *l);
const char *sld_ref_mla_kv_cache_update(const sld_launch *l)
{
    sld_cache c;
    size_t r = (size_t)l->in[1].dims[2];
    const char *bad = mla_open(l, &l->in[0], &l->in[1], &l->in[2], &c);
    for (size_t i = 0; !bad && i < (size_t)l->in[0].dims[0]; i++)
        write_latent(&c, i, &l->in[0], &l->in[1], i * r, r);
    return bad;
}

/* ------------------------------------------------------------------- queries -- */

/* The head of q at `at` as attention takes it, from element `to` of out. */
static void latent_query(const sld_latent *w, const sld_tensor *q, size_t at, size_t h, const sld_tensor *out, size_t to)
{
    sld_tensor keys = {.dtype = q->dtype, .data = (void *)w->keys};
    size_t plain = (size_t)w->plain, n = (size_t)w->latent, rope = (size_t)out->dims[2] - n;
    for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t i = 0; i < plain; i++)
            sum += kern_get(q, at + i) * kern_get(&keys, (h * plain + i) * n + j);
        kern_put(out, to + j, kern_rounded(q->dtype, sum) / mla_query_scale(w));
    }
    for (size_t j = 0; j < rope; j++)
        kern_put(out, to + n + j, kern_get(q, at + plain + j) / mla_query_scale(w));
}

const char *sld_ref_mla_latent_queries(const sld_launch *l);
const char *sld_ref_mla_latent_queries(const sld_launch *l)
{
    const sld_tensor *q = &l->in[0], *out = &l->out[0];
    size_t heads = (size_t)q->dims[1], d = (size_t)q->dims[2], width = (size_t)out->dims[2];
    const char *bad;
    const sld_latent *w = mla_latent(l, q, kern_attr(l, "latent")->i, kern_attr(l, "rope")->i, out->dtype, &bad);
    for (size_t i = 0; w && i < (size_t)q->dims[0] * heads; i++)
        latent_query(w, q, i * d, i % heads, out, i * width);
    return bad;
}

/* x with its last r dims turned to position p. */
static void turn_tail(const sld_launch *l, int64_t p, const sld_tensor *x, size_t at, size_t d, size_t r,
                      const sld_tensor *y, size_t to)
{
    double buffer[HEAD_MAX];
    load(x, at, d, buffer);
    for (size_t i = 0; i < d - r; i++)
        kern_put(y, to + i, buffer[i]);
    rotate(&l->in[4], p, kern_attr(l, "neox")->i, y, to + d - r, r, buffer + d - r);
}

/* Turned heads are the results, or `queries`: these heads ready for attention. */
static const char *turn_and_write(const sld_launch *l, const sld_tensor *queries)
{
    const sld_tensor *q = &l->in[0], *kv = &l->in[1], *pe = &l->in[2], *positions = &l->in[3];
    size_t rows = (size_t)q->dims[0], heads = (size_t)q->dims[1], d = (size_t)q->dims[2], r = (size_t)pe->dims[2];
    double cells[HEAD_MAX];
    sld_tensor own = {.dtype = q->dtype, .data = cells};
    const sld_latent *w = NULL;
    sld_cache c;
    const char *bad = qkv_check_positions(positions, rows, &l->in[4]);
    bad = bad ? bad : mla_open(l, kv, pe, &l->in[5], &c);
    if (!bad && queries)
        w = mla_latent(l, q, kv->dims[1], pe->dims[2], queries->dtype, &bad);
    for (size_t i = 0; i < rows && !bad; i++) {
        int64_t p = kern_geti(positions, i);
        for (size_t h = 0; h < heads; h++) {
            size_t head = i * heads + h;
            turn_tail(l, p, q, head * d, d, r, queries ? &own : &l->out[0], queries ? 0 : head * d);
            if (queries)
                latent_query(w, &own, 0, h, queries, head * (size_t)queries->dims[2]);
        }
        turn_tail(l, p, pe, i * r, r, r, &own, 0);
        for (size_t k = 0; k < r && !queries; k++)
            kern_put(&l->out[1], i * r + k, kern_get(&own, k));
        write_latent(&c, i, kv, &own, 0, r);
    }
    return bad;
}

const char *sld_ref_mla_rope_cache(const sld_launch *l);
const char *sld_ref_mla_rope_cache(const sld_launch *l)
{
    return turn_and_write(l, NULL);
}

const char *sld_ref_mla_decode_queries(const sld_launch *l);
const char *sld_ref_mla_decode_queries(const sld_launch *l)
{
    return turn_and_write(l, &l->out[0]);
}

/* ----------------------------------------------------------------- attention -- */

/* Where row j of a token's sequence lies in the cache; below 0: nowhere. */
static int64_t slot_of(const sld_cache *c, size_t token, int64_t j)
{
    const sld_latent *w = c->latent;
    int64_t column = j / c->block_size, sequence = w->sequence[token];
    if (sequence < 0 || sequence >= w->sequences || column >= w->width)
        return -1;
    int64_t block = w->blocks[sequence * w->width + column];
    return block < 0 || block >= c->blocks ? -1 : block * c->block_size + j % c->block_size;
}

static const char *check_batch(const sld_cache *c, size_t rows)
{
    const sld_latent *w = c->latent;
    for (size_t i = 0; i < rows && (int64_t)i < w->n_tokens; i++)
        for (int64_t j = 0; j < w->length[i]; j++)
            if (slot_of(c, i, j) < 0)
                return "a token attends to a row that its sequence has not";
    return NULL;
}

/* Attention whose results are asked for one after another; those of the head at hand come from acc / sum. */
typedef struct attention {
    source s; /* the first member, as `attended` wants it */
    const sld_launch *l;
    sld_cache c;
    double acc[HEAD_MAX], sum;
    size_t head; /* counted over all rows, from 1 */
    bool raw;    /* queries are as the graph has them */
} attention;

/* Softmax as it goes: acc holds what the rows so far give, over weights that are relative to the largest. Rows whose score
 * is -inf have no say; where there are no others, nothing is a number. */
static void attend(attention *a, size_t token, const sld_tensor *query, size_t at)
{
    const sld_cache *c = &a->c;
    const sld_latent *w = c->latent;
    sld_tensor cells = {.dtype = c->dtype, .data = c->data[CACHE_KEY]};
    size_t n = (size_t)w->latent, width = (size_t)c->head_size;
    double most = -INFINITY;
    a->sum = 0;
    memset(a->acc, 0, sizeof a->acc);
    for (int64_t j = 0; (int64_t)token < w->n_tokens && j < w->length[token]; j++) {
        size_t row = cache_at(c, CACHE_KEY, slot_of(c, token, j), 0, 0);
        double dot = 0;
        for (size_t i = 0; i < width; i++)
            dot += kern_get(query, at + i) * kern_get(&cells, row + i);
        dot *= w->softmax_scale * mla_query_scale(w) * cache_scale(c, CACHE_KEY);
        double top = dot > most ? dot : most, base = top == -INFINITY ? 0 : top, old = exp(most - base), weight = exp(dot - base);
        for (size_t i = 0; i < n; i++)
            a->acc[i] = a->acc[i] * old + weight * kern_get(&cells, row + i);
        a->sum = a->sum * old + weight;
        most = top;
    }
    if (most == -INFINITY && (int64_t)token < w->n_tokens && w->length[token] && a->sum == 0)
        a->sum = NAN;
}

static void attend_head(attention *a, size_t head)
{
    const sld_tensor *q = &a->l->in[0];
    const sld_latent *w = a->c.latent;
    size_t heads = (size_t)q->dims[1], at = head * (size_t)q->dims[2];
    double cells[HEAD_MAX];
    sld_tensor query = {.dtype = w->query_dtype, .rank = 3, .dims = (int64_t[]){1, 1, a->c.head_size}, .data = cells};
    if (a->raw)
        latent_query(w, q, at, head % heads, &query, 0);
    attend(a, head / heads, a->raw ? &query : q, a->raw ? 0 : at);
    a->head = head + 1;
}

static double attended(source *s, size_t i)
{
    attention *a = (attention *)s;
    const sld_latent *w = a->c.latent;
    size_t dims = (size_t)w->value, n = (size_t)w->latent, head = i / dims;
    sld_tensor values = {.dtype = s->x->dtype, .data = (void *)w->values};
    double y = 0;
    if (a->head != head + 1)
        attend_head(a, head);
    for (size_t k = 0; k < n && a->sum != 0; k++)
        y += a->acc[k] / a->sum * cache_scale(&a->c, CACHE_KEY) *
             kern_get(&values, (head % (size_t)w->heads * n + k) * dims + i % dims);
    return y;
}

/* out: the operand that has the dtype and the shape of what attention gives. */
static const char *open_layer(const sld_launch *l, const sld_tensor *out, int64_t heads, sld_cache *view)
{
    const char *bad;
    const sld_cache *c = cache_find(l, &bad);
    if (!c)
        return bad;
    *view = *c;
    if (c->dtype == SLD_U8)
        view->dtype = SLD_F8E4M3FN;
    const sld_latent *w = c->latent;
    if (c->layout != SLD_CACHE_LATENT || !w || !w->values)
        return "the layer lends nothing for latent attention";
    if (w->heads != heads || w->latent > c->head_size || w->latent > HEAD_MAX || out->dims[1] != heads * w->value)
        return "the layer's weights have other heads";
    bad = cache_check(view, out->dtype, 1, c->head_size);
    return bad ? bad : check_batch(view, (size_t)out->dims[0]);
}

static const char *open_attention(const sld_launch *l, bool raw, attention *a)
{
    const sld_tensor *q = &l->in[0], *out = &l->in[raw ? 3 : 1];
    a->s = (source){.at = attended, .x = out};
    a->l = l, a->raw = raw, a->head = 0;
    const char *bad = open_layer(l, out, q->dims[1], &a->c);
    const sld_cache *c = &a->c;
    if (bad)
        return bad;
    if (raw && c->head_size > HEAD_MAX)
        return "the rows of the cache are too long";
    if (raw)
        mla_latent(l, q, c->latent->latent, c->head_size - c->latent->latent, c->latent->query_dtype, &bad);
    else if (q->dtype != c->latent->query_dtype || q->dims[2] != c->head_size)
        bad = "the layer takes other queries";
    return bad;
}

static const char *attend_all(const sld_launch *l, bool raw)
{
    attention a;
    const char *bad = open_attention(l, raw, &a);
    for (size_t i = 0; !bad && i < kern_numel(&l->out[0]); i++)
        kern_put(&l->out[0], i, attended(&a.s, i));
    return bad;
}

const char *sld_ref_paged_latent_attention(const sld_launch *l);
const char *sld_ref_paged_latent_attention(const sld_launch *l)
{
    return attend_all(l, false);
}

/* What engines' attention does for queries that it makes ready itself. */
const char *sld_ref_paged_mla_attention(const sld_launch *l);
const char *sld_ref_paged_mla_attention(const sld_launch *l)
{
    return attend_all(l, true);
}

static const char *attend_quantised(const sld_launch *l, bool raw)
{
    const sld_attr *group = kern_attr(l, "group");
    attention a;
    const char *bad = open_attention(l, raw, &a);
    if (!bad && group)
        sld__ref_by_group(l, &a.s, (size_t)group->i);
    else if (!bad)
        sld__ref_by_scale(l, &a.s, &l->in[l->n_in - 1]);
    return bad;
}

const char *sld_ref_paged_latent_attention_static_quant(const sld_launch *l);
const char *sld_ref_paged_latent_attention_static_quant(const sld_launch *l)
{
    return attend_quantised(l, false);
}

const char *sld_ref_paged_latent_attention_group_quant(const sld_launch *l);
const char *sld_ref_paged_latent_attention_group_quant(const sld_launch *l)
{
    return attend_quantised(l, false);
}

const char *sld_ref_paged_mla_attention_static_quant(const sld_launch *l);
const char *sld_ref_paged_mla_attention_static_quant(const sld_launch *l)
{
    return attend_quantised(l, true);
}

const char *sld_ref_paged_mla_attention_group_quant(const sld_launch *l);
const char *sld_ref_paged_mla_attention_group_quant(const sld_launch *l)
{
    return attend_quantised(l, true);
}

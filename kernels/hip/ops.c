/* Launches of the runtime as launches of the GPU's kernels: sld_hip_<op>. Conditions on dtypes and widths are
 * those of the rows `hip when` in the patterns. */
#include "mla.h"
#include "paged.h"
#include "blas.h"
#include "operands.h"

const char *sld_hip_copy(const sld_launch *l);
const char *sld_hip_copy(const sld_launch *l)
{
    return gpu_copy(l->out[0].data, l->in[0].data, kern_numel(&l->in[0]) * kern_size(l->in[0].dtype), l->stream);
}

/* ------------------------------------------------------------------- norms -- */

/* Operands x, [b,] w [, scale]; results y or q, [scales,] [y,] sum. */
static const char *norm(const sld_launch *l, bool added, int quant)
{
    const sld_tensor *in = l->in;
    uint32_t at = 1;
    gpu_norm a = {.x = in[0].data, .res = added ? in[1].data : NULL, .w = in[1 + added].data, .y = l->out[0].data,
                  .eps = number(l, "eps", 0), .offset = kern_flag(l, "centred"), .rows = rows_of(&in[0]),
                  .width = (int32_t)dim_of(&in[0], BACK), .dtype = gpu_type(&in[0]), .quant = quant};
    if (quant != GPU_NONE) {
        a.fp8 = gpu_format(&l->out[0]);
        a.range = range_of(l, &l->out[0]);
        a.scale = quant == GPU_STATIC ? in[2 + added].data : NULL;
        a.scales = quant == GPU_STATIC ? NULL : data(l, at++);
        a.norm = data(l, at++);
    }
    a.sum = added ? data(l, at) : NULL;
    return gpu_rms_norm(&a, l->stream);
}

#define NORM(name, added, quant)                                     \
    const char *sld_hip_##name(const sld_launch *l);                 \
    const char *sld_hip_##name(const sld_launch *l) { return norm(l, added, quant); }
NORM(rms_norm, false, GPU_NONE)
NORM(add_rms_norm, true, GPU_NONE)
NORM(rms_norm_static_quant, false, GPU_STATIC)
NORM(rms_norm_group_quant, false, group_of(l))
NORM(add_rms_norm_static_quant, true, GPU_STATIC)
NORM(add_rms_norm_group_quant, true, group_of(l))

static const char *gated(const sld_launch *l, bool quant)
{
    gpu_gated a = {.x = l->in[0].data, .w = l->in[1].data, .z = l->in[2].data, .y = l->out[0].data,
                   .eps = number(l, "eps", 0), .heads = rows_of(&l->in[0]), .dtype = gpu_type(&l->in[0]), .quant = quant};
    if (quant) {
        a.fp8 = gpu_format(&l->out[0]);
        a.range = range_of(l, &l->out[0]);
        a.scales = data(l, 1);
        a.norm = data(l, 2);
    }
    return gpu_gated_norm(&a, l->stream);
}
const char *sld_hip_gated_rms_norm(const sld_launch *l);
const char *sld_hip_gated_rms_norm(const sld_launch *l) { return gated(l, false); }
const char *sld_hip_gated_rms_norm_group_quant(const sld_launch *l);
const char *sld_hip_gated_rms_norm_group_quant(const sld_launch *l) { return gated(l, true); }

/* ------------------------------------------------ activations, quantisers -- */

static const char *act(const sld_launch *l, int quant)
{
    gpu_act a = {.x = l->in[0].data, .y = l->out[0].data, .rows = rows_of(&l->out[0]),
                 .width = (int32_t)dim_of(&l->out[0], BACK), .dtype = gpu_type(&l->in[0]), .quant = quant};
    if (quant != GPU_NONE) {
        a.fp8 = gpu_format(&l->out[0]);
        a.range = range_of(l, &l->out[0]);
        a.scales = quant == GPU_STATIC ? l->in[1].data : data(l, 1);
        a.product = data(l, quant == GPU_STATIC ? 1 : 2);
    }
    return gpu_silu_mul(&a, l->stream);
}
const char *sld_hip_silu_and_mul(const sld_launch *l);
const char *sld_hip_silu_and_mul(const sld_launch *l) { return act(l, GPU_NONE); }
const char *sld_hip_act_and_mul_static_quant(const sld_launch *l);
const char *sld_hip_act_and_mul_static_quant(const sld_launch *l) { return act(l, GPU_STATIC); }
const char *sld_hip_act_and_mul_group_quant(const sld_launch *l);
const char *sld_hip_act_and_mul_group_quant(const sld_launch *l) { return act(l, GPU_GROUP); }

static const char *quantise(const sld_launch *l, int group)
{
    gpu_cast a = {.x = l->in[0].data, .y = l->out[0].data, .scales = group ? data(l, 1) : l->in[1].data,
                  .range = range_of(l, &l->out[0]), .n = (int64_t)kern_numel(&l->in[0]), .dtype = gpu_type(&l->in[0]),
                  .fp8 = gpu_format(&l->out[0]), .group = group};
    return gpu_quantise(&a, l->stream);
}
const char *sld_hip_static_quant(const sld_launch *l);
const char *sld_hip_static_quant(const sld_launch *l) { return quantise(l, 0); }
const char *sld_hip_group_quant(const sld_launch *l);
const char *sld_hip_group_quant(const sld_launch *l) { return quantise(l, 128); }

const char *sld_hip_add(const sld_launch *l);
const char *sld_hip_add(const sld_launch *l)
{
    gpu_sum a = {l->in[0].data, l->in[1].data, l->out[0].data, (int64_t)kern_numel(&l->out[0]), gpu_type(&l->out[0])};
    return gpu_add(&a, l->stream);
}

/* ------------------------------------------------- heads, rotation, caches -- */

static const char *find_cache(const sld_launch *l, uint8_t batch, int64_t heads, int64_t head_size, gpu_paged *out)
{
    const char *bad;
    const sld_cache *c = cache_find(l, &bad);
    if (!c)
        return bad;
    if (c->heads != heads || c->head_size != head_size)
        return "the cache has other heads";
    if (c->dtype != batch && c->dtype != SLD_F8E4M3FN && c->dtype != SLD_F8E4M3FNUZ)
        return "the cache has neither the dtype of the batch nor f8";
    *out = (gpu_paged){.slots = c->slots, .blocks = c->blocks, .block_size = c->block_size, .n_slots = c->n_slots,
                       .shuffled = c->layout == SLD_CACHE_SHUFFLE,
                       .fp8 = c->dtype == batch ? 0 : c->dtype == SLD_F8E4M3FN ? 1 + GPU_E4M3FN : 1 + GPU_E4M3FNUZ};
    for (int k = 0; k < 2; k++) {
        out->data[k] = c->data[k];
        out->scale[k] = c->scales_on_device ? c->scale[k] : NULL;
        out->fixed[k] = c->scale[k] && !c->scales_on_device ? *c->scale[k] : 1.0f;
        memcpy(out->strides[k], c->strides[k], sizeof out->strides[k]);
    }
    return cache_check_strides(c);
}

/* Operands qkv, [wq, wk,] positions, table. */
static const char *heads(const sld_launch *l, bool normed, bool cached)
{
    const sld_tensor *in = l->in, *table = &in[normed ? 4 : 2];
    gpu_qkv a = {.qkv = in[0].data, .positions = in[normed ? 3 : 1].data, .table = table->data, .q = data(l, 0),
                 .k = data(l, 1), .v = data(l, 2), .tokens = (int32_t)in[0].dims[0], .rotated = (int32_t)table->dims[1],
                 .length = (int32_t)table->dims[0], .neox = kern_flag(l, "neox"), .dtype = gpu_type(&in[0]),
                 .n_kv = (int32_t)kern_attr(l, "kv_heads")->i};
    if (normed) {
        a.wq = in[1].data, a.wk = in[2].data;
        a.eps = number(l, "eps", 0), a.eps_k = number(l, "eps_k", 0), a.offset = kern_flag(l, "centred");
    }
    a.dim = (int32_t)(normed ? in[1].dims[0] : kern_attr(l, "head_size")->i);
    a.n_q = (int32_t)(in[0].dims[1] / a.dim) - 2 * a.n_kv;
    if (kern_numel(&in[normed ? 3 : 1]) != (size_t)a.tokens)
        return "there is not one position for each token";
    const char *bad = cached ? find_cache(l, in[0].dtype, a.n_kv, a.dim, &a.cache) : NULL;
    return bad ? bad : gpu_qk_norm_rope_cache(&a, l->stream);
}
const char *sld_hip_qk_norm_rotary(const sld_launch *l);
const char *sld_hip_qk_norm_rotary(const sld_launch *l) { return heads(l, true, false); }
const char *sld_hip_qk_norm_rope_cache(const sld_launch *l);
const char *sld_hip_qk_norm_rope_cache(const sld_launch *l) { return heads(l, true, true); }
const char *sld_hip_rope_cache(const sld_launch *l);
const char *sld_hip_rope_cache(const sld_launch *l) { return heads(l, false, true); }

/* Operands positions, q, k, table. */
const char *sld_hip_rotary_embedding(const sld_launch *l);
const char *sld_hip_rotary_embedding(const sld_launch *l)
{
    const sld_tensor *table = &l->in[3];
    gpu_qkv a = {.positions = l->in[0].data, .table = table->data, .tokens = (int32_t)l->in[1].dims[0],
                 .dim = (int32_t)kern_attr(l, "head_size")->i, .rotated = (int32_t)table->dims[1],
                 .length = (int32_t)table->dims[0], .neox = kern_flag(l, "neox"), .dtype = gpu_type(&l->in[1])};
    const char *bad = kern_numel(&l->in[0]) == (size_t)a.tokens ? NULL : "there is not one position for each token";
    for (uint32_t i = 0; i < 2 && !bad && a.tokens; i++) {
        int64_t width = (int64_t)kern_numel(&l->in[1 + i]) / a.tokens;
        a.qkv = l->in[1 + i].data, a.q = data(l, i), a.n_q = (int32_t)(width / a.dim);
        bad = width % a.dim ? "rows do not divide into heads" : gpu_qk_norm_rope_cache(&a, l->stream);
    }
    return bad;
}

const char *sld_hip_kv_cache_update(const sld_launch *l);
const char *sld_hip_kv_cache_update(const sld_launch *l)
{
    const sld_tensor *k = &l->in[0];
    gpu_cache a = {.k = k->data, .v = l->in[1].data, .v_stride = k->dims[1] * k->dims[2], .tokens = (int32_t)k->dims[0],
                   .heads = (int32_t)k->dims[1], .dim = (int32_t)k->dims[2], .dtype = gpu_type(k)};
    if (l->in[1].dims[2] != k->dims[2])
        return "values have another head size than keys";
    const char *bad = find_cache(l, k->dtype, k->dims[1], k->dims[2], &a.cache);
    return bad ? bad : gpu_cache_write(&a, l->stream);
}

/* What attention reads is the device's memory, as slots are, and so are logits and scales of tokens. */
const char *sld_hip_decode_attention(const sld_launch *l);
const char *sld_hip_decode_attention(const sld_launch *l)
{
    const sld_tensor *q = &l->in[0], *type = &l->in[1]; /* [0, layout, block, heads, head size] */
    const char *bad;
    const sld_cache *c = cache_find(l, &bad);
    bad = bad ? bad : cache_declared(c, type->dims[1], type->dims[2], type->dtype);
    bad = bad ? bad : paged_check_layer(l, c);
    if (!bad && c->starts && c->sequences != q->dims[0]) /* none has more than one */
        bad = "each sequence must have one row here";
    if (bad)
        return bad;
    gpu_attention a = {.q = q->data, .out = l->out[0].data, .tables = c->tables, .lens = c->lens, .sinks = c->sinks,
                       .token_scales = {c->token_scales[0], c->token_scales[1]}, .work = l->work,
                       .work_bytes = (int64_t)l->work_bytes, .scale = number(l, "scale", 0),
                       .soft_cap = number(l, "soft_cap", 0), .rows = (int32_t)q->dims[0],
                       .sequences = (int32_t)c->sequences, .heads = (int32_t)q->dims[1], .n_kv = (int32_t)type->dims[3],
                       .dim = (int32_t)q->dims[2], .table_width = (int32_t)c->table_width, .dtype = gpu_type(q),
                       .window = (int32_t)kern_attr(l, "window")->i};
    a.scale = a.scale != 0 ? a.scale : 1 / sqrtf((float)a.dim);
    bad = find_cache(l, q->dtype, a.n_kv, a.dim, &a.cache);
    return bad ? bad : gpu_decode_attention(&a, l->stream);
}

/* -------------------------------------------------------- latent attention -- */

enum { LATENT = 512, ROT = 64, QUERY_BYTES = 2 * (LATENT + ROT) };

/* How elements of a cache or of queries lie in memory. */
static int32_t kind_of(uint8_t dtype, uint8_t batch)
{
    return dtype == batch ? 0 : dtype == SLD_F8E4M3FNUZ ? 1 + GPU_E4M3FNUZ : 1 + GPU_E4M3FN;
}

const char *sld_hip_mla_dual_rms_norm(const sld_launch *l);
const char *sld_hip_mla_dual_rms_norm(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *y = l->out;
    gpu_dual_norm a = {.x = x->data, .w = {l->in[1].data, l->in[2].data}, .y = {y[0].data, y[1].data, y[2].data},
                       .eps = {number(l, "eps", 0), number(l, "eps_kv", 0)}, .rows = (int32_t)x->dims[0],
                       .a = (int32_t)y[0].dims[1], .c = (int32_t)y[1].dims[1], .rest = (int32_t)y[2].dims[1],
                       .dtype = gpu_type(x)};
    return gpu_norm_twice(&a, l->stream);
}

/* The cache's side of a launch. */
static const char *write_rows(const sld_launch *l, const sld_tensor *kv, const sld_tensor *pe, const sld_tensor *scale, gpu_mla *a)
{
    sld_cache c;
    const char *bad = mla_view(l, kv, pe, scale, &c);
    if (bad)
        return bad;
    a->kv_c = kv->data, a->k_pe = pe->data, a->cache = c.data[0], a->slots = c.slots, a->scale[1] = scale->data;
    a->strides[0] = c.strides[0][0], a->strides[1] = c.strides[0][1], a->blocks = c.blocks, a->block_size = c.block_size;
    a->n_slots = c.n_slots, a->tokens = (int32_t)kv->dims[0], a->dtype = gpu_type(kv), a->cache_fp8 = kind_of(c.dtype, kv->dtype);
    return NULL;
}

/* Operands behind q, kv and pe: positions, table. */
static const char *turn_heads(const sld_launch *l, const sld_tensor *positions, gpu_mla *a)
{
    a->positions = positions[0].data, a->table = positions[1].data, a->length = (int32_t)positions[1].dims[0];
    a->neox = kern_flag(l, "neox");
    return kern_numel(positions) == (size_t)a->tokens ? NULL : "there is not one position for each token";
}

/* Queries for attention, of this dtype, by the layer's weights. */
static const char *absorb(const sld_launch *l, const sld_tensor *q, uint8_t to, void *out, gpu_mla *a)
{
    const char *bad;
    const sld_latent *w = mla_latent(l, q, LATENT, ROT, to, &bad);
    if (!w)
        return bad;
    const sld_cache *c = cache_find(l, &bad);
    a->q = q->data, a->w_uk = w->keys, a->out = out, a->tokens = (int32_t)q->dims[0], a->heads = (int32_t)q->dims[1];
    a->dtype = gpu_type(q), a->q_fp8 = kind_of(to, q->dtype);
    a->scale[0] = c->scales_on_device ? w->query_scale : NULL;
    a->fixed[0] = c->scales_on_device ? 1.0f : (float)mla_query_scale(w);
    return NULL;
}

const char *sld_hip_mla_kv_cache_update(const sld_launch *l);
const char *sld_hip_mla_kv_cache_update(const sld_launch *l)
{
    gpu_mla a = {0};
    const char *bad = write_rows(l, &l->in[0], &l->in[1], &l->in[2], &a);
    return bad ? bad : gpu_mla_decode(&a, l->stream);
}

const char *sld_hip_mla_rope_cache(const sld_launch *l);
const char *sld_hip_mla_rope_cache(const sld_launch *l)
{
    gpu_mla a = {.q = l->in[0].data, .out = l->out[0].data, .pe = l->out[1].data, .heads = (int32_t)l->in[0].dims[1]};
    const char *bad = write_rows(l, &l->in[1], &l->in[2], &l->in[5], &a);
    bad = bad ? bad : turn_heads(l, &l->in[3], &a);
    return bad ? bad : gpu_mla_decode(&a, l->stream);
}

const char *sld_hip_mla_latent_queries(const sld_launch *l);
const char *sld_hip_mla_latent_queries(const sld_launch *l)
{
    gpu_mla a = {0};
    const char *bad = absorb(l, &l->in[0], l->out[0].dtype, l->out[0].data, &a);
    return bad ? bad : gpu_mla_decode(&a, l->stream);
}

const char *sld_hip_mla_decode_queries(const sld_launch *l);
const char *sld_hip_mla_decode_queries(const sld_launch *l)
{
    gpu_mla a = {0};
    const char *bad = write_rows(l, &l->in[1], &l->in[2], &l->in[5], &a);
    bad = bad ? bad : absorb(l, &l->in[0], l->out[0].dtype, l->out[0].data, &a);
    bad = bad ? bad : turn_heads(l, &l->in[3], &a);
    return bad ? bad : gpu_mla_decode(&a, l->stream);
}

/* Attention of queries that are ready; work: behind `used` bytes of the launch's. */
static const char *attend_rows(const sld_launch *l, const void *q, int64_t heads, size_t used)
{
    const sld_tensor *out = &l->out[0];
    const char *bad;
    const sld_cache *c = cache_find(l, &bad);
    const sld_latent *w = c ? c->latent : NULL;
    sld_cache view;
    if (!c)
        return bad;
    if (c->layout != SLD_CACHE_LATENT || !w || !w->values)
        return "the layer lends nothing for latent attention";
    if (w->heads != heads || w->latent != LATENT || out->dims[1] != heads * w->value)
        return "the layer's weights have other heads";
    view = *c, view.dtype = c->dtype == SLD_U8 ? SLD_F8E4M3FN : c->dtype;
    bad = cache_check_shape(&view, out->dtype, 1, LATENT + ROT);
    gpu_latent a = {.q = q, .values = w->values, .cache = c->data[0], .out = out->data, .tables = w->blocks,
                    .sequence = w->sequence, .length = w->length, .work = (char *)l->work + used,
                    .work_bytes = (int64_t)(l->work_bytes - used), .strides = {c->strides[0][0], c->strides[0][1]},
                    .blocks = c->blocks, .block_size = c->block_size, .softmax_scale = (float)w->softmax_scale,
                    .tokens = (int32_t)out->dims[0], .n_tokens = (int32_t)w->n_tokens, .heads = (int32_t)heads,
                    .value = (int32_t)w->value, .sequences = (int32_t)w->sequences, .table_width = (int32_t)w->width,
                    .dtype = gpu_type(out), .q_fp8 = kind_of(w->query_dtype, out->dtype), .cache_fp8 = kind_of(view.dtype, out->dtype),
                    .fixed = {1, 1}};
    if (c->scales_on_device)
        a.scale[0] = a.q_fp8 ? w->query_scale : NULL, a.scale[1] = a.cache_fp8 ? c->scale[0] : NULL;
    else
        a.fixed[0] = (float)mla_query_scale(w), a.fixed[1] = (float)cache_scale(&view, CACHE_KEY);
    return bad ? bad : gpu_latent_attention(&a, l->stream);
}

const char *sld_hip_paged_latent_attention(const sld_launch *l);
const char *sld_hip_paged_latent_attention(const sld_launch *l)
{
    const char *bad;
    const sld_cache *c = cache_find(l, &bad);
    if (c && c->latent && c->latent->query_dtype != l->in[0].dtype)
        return "the layer takes queries in another dtype";
    return c ? attend_rows(l, l->in[0].data, l->in[0].dims[1], 0) : bad;
}

/* Queries are made ready in the memory to work in. */
const char *sld_hip_paged_mla_attention(const sld_launch *l);
const char *sld_hip_paged_mla_attention(const sld_launch *l)
{
    const sld_tensor *q = &l->in[0];
    const char *bad;
    const sld_cache *c = cache_find(l, &bad);
    const size_t used = (size_t)(q->dims[0] * q->dims[1]) * QUERY_BYTES;
    gpu_mla a = {0};
    if (!c || !c->latent)
        return c ? "the layer lends nothing for latent attention" : bad;
    if (used > l->work_bytes)
        return "there is too little memory to work in";
    bad = absorb(l, q, c->latent->query_dtype, l->work, &a);
    bad = bad ? bad : gpu_mla_decode(&a, l->stream);
    return bad ? bad : attend_rows(l, l->work, q->dims[1], used);
}

/* ------------------------------------------------------------------- moves -- */

enum { RANK_MAX = 8 };

/* Row-major strides; a dim of 1 that broadcasts has stride 0. */
static void strides_of(const sld_tensor *t, int64_t *out)
{
    int64_t n = 1;
    for (uint32_t k = t->rank; k-- > 0;) {
        out[k] = n;
        n *= t->dims[k];
    }
}

static gpu_move whole(const sld_tensor *from, const sld_tensor *to, const sld_tensor *shape)
{
    gpu_move m = {.from = from->data, .to = to->data, .rank = (int32_t)shape->rank, .unit = (int32_t)kern_size(to->dtype)};
    for (uint32_t k = 0; k < shape->rank && k < RANK_MAX; k++)
        m.dims[k] = shape->dims[k];
    strides_of(from, m.from_strides);
    strides_of(to, m.to_strides);
    return m;
}

/* Parts of the larger tensor along an axis, one after another. */
static const char *parts(const sld_launch *l, bool split)
{
    const sld_tensor *all = split ? &l->in[0] : &l->out[0], *part = split ? l->out : l->in;
    uint32_t n = split ? l->n_out : l->n_in, axis = kern_axis(l, "axis", all);
    const char *bad = all->rank > RANK_MAX ? "too many dims" : NULL;
    int64_t at = 0;
    for (uint32_t i = 0; i < n && !bad; i++) {
        gpu_move m = whole(split ? all : &part[i], split ? &part[i] : all, &part[i]);
        if (split)
            m.from = (const char *)m.from + at * m.from_strides[axis] * m.unit;
        else
            m.to = (char *)m.to + at * m.to_strides[axis] * m.unit;
        at += part[i].dims[axis];
        bad = part[i].data ? gpu_move_strided(&m, l->stream) : NULL;
    }
    return bad;
}
const char *sld_hip_split(const sld_launch *l);
const char *sld_hip_split(const sld_launch *l) { return parts(l, true); }
const char *sld_hip_concat(const sld_launch *l);
const char *sld_hip_concat(const sld_launch *l) { return parts(l, false); }

const char *sld_hip_slice(const sld_launch *l);
const char *sld_hip_slice(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *y = &l->out[0];
    const sld_attr *axes = kern_attr(l, "axes"), *starts = kern_attr(l, "starts"), *steps = kern_attr(l, "steps");
    if (x->rank > RANK_MAX)
        return "too many dims";
    gpu_move m = whole(x, y, y);
    for (uint32_t i = 0; i < axes->n; i++) {
        int64_t axis = axes->p[i] < 0 ? axes->p[i] + x->rank : axes->p[i];
        m.from = (const char *)m.from + starts->p[i] * m.from_strides[axis] * m.unit;
        m.from_strides[axis] *= steps->p[i];
    }
    return kern_numel(y) ? gpu_move_strided(&m, l->stream) : NULL;
}

const char *sld_hip_transpose(const sld_launch *l);
const char *sld_hip_transpose(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *y = &l->out[0];
    const sld_attr *perm = kern_attr(l, "perm");
    int64_t strides[RANK_MAX];
    if (x->rank > RANK_MAX)
        return "too many dims";
    gpu_move m = whole(x, y, y);
    strides_of(x, strides);
    for (uint32_t k = 0; k < y->rank; k++)
        m.from_strides[k] = strides[perm->p[k]];
    return kern_numel(y) ? gpu_move_strided(&m, l->stream) : NULL;
}

/* ---------------------------------------------------------------- products -- */

const char *sld_hip_linear(const sld_launch *l);
const char *sld_hip_linear(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *w = &l->in[1];
    gpu_matmul a = {.a = x->data, .b = w->data, .c = l->out[0].data, .m = rows_of(x), .n = (int32_t)w->dims[0],
                    .k = (int32_t)w->dims[1], .batch = 1, .transposed = true, .dtype = gpu_type(x),
                    .bias = kern_present(l, 2) ? l->in[2].data : NULL};
    return blas_matmul(&a, l->stream);
}

/* A matrix for all rows, or one for each of the batch. */
const char *sld_hip_matmul(const sld_launch *l);
const char *sld_hip_matmul(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *w = &l->in[1], *y = &l->out[0];
    gpu_matmul a = {.a = x->data, .b = w->data, .c = y->data, .m = (int32_t)dim_of(y, 2), .n = (int32_t)dim_of(w, BACK),
                    .k = (int32_t)dim_of(x, BACK), .batch = 1, .dtype = gpu_type(x)};
    if (w->rank == 2) {
        a.m = rows_of(x);
    } else {
        bool same = x->rank == w->rank;
        for (uint32_t k = 0; same && k + 2 < x->rank; k++) {
            same = x->dims[k] == w->dims[k];
            a.batch *= (int32_t)x->dims[k];
        }
        if (!same)
            return "operands of a batched product must have the same batch";
    }
    a.a_stride = (int64_t)a.m * a.k, a.b_stride = (int64_t)a.k * a.n, a.c_stride = (int64_t)a.m * a.n;
    return blas_matmul(&a, l->stream);
}

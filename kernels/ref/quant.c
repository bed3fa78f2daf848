/* Quantisation to 8-bit floats, of a tensor or of what a fused op computes before. */
#include "source.h"

static double element(source *s, size_t i)
{
    return kern_get(s->x, i);
}

static double sum(source *s, size_t i)
{
    return kern_get(s->x, i) + (s->b ? kern_get(s->b, i) : 0);
}

static double norm(source *s, size_t i)
{
    size_t row = i / s->width;
    if (s->row != row + 1) {
        double squares = 0;
        for (size_t k = row * s->width; k < (row + 1) * s->width; k++)
            squares += sum(s, k) * sum(s, k);
        s->rms = 1 / sqrt(squares / (double)s->width + s->eps);
        s->row = row + 1;
    }
    double y = sum(s, i) * s->rms * (kern_get(s->w, i % s->width) + s->centre);
    double gate = s->z ? kern_get(s->z, i) : 0;
    return s->z ? y * (gate / (1 + exp(-gate))) : y;
}

static double activation(int act, double x)
{
    if (act == 0)
        return x / (1 + exp(-x));
    if (act == 1)
        return x / 2 * (1 + erf(x * M_SQRT1_2));
    return x / 2 * (1 + tanh(M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x)));
}

/* Of two tensors, or of the halves of each row of one. */
static double act_mul(source *s, size_t i)
{
    if (s->b)
        return activation(s->act, kern_get(s->x, i)) * kern_get(s->b, i);
    size_t at = i / s->width * 2 * s->width + i % s->width;
    return activation(s->act, kern_get(s->x, at)) * kern_get(s->x, at + s->width);
}

static source act_of(const sld_launch *l, const sld_tensor *u)
{
    const sld_attr *act = kern_attr(l, "act");
    return (source){.at = act_mul, .x = &l->in[0], .b = u, .act = act ? (int)act->i : 0,
                    .width = (size_t)l->out[0].dims[l->out[0].rank - 1]};
}

/* The norm of the launch's first operand, with the operand `w` as weight. */
static source norm_of(const sld_launch *l, const sld_tensor *w)
{
    return (source){.at = norm, .x = &l->in[0], .w = w, .width = (size_t)l->in[0].dims[l->in[0].rank - 1],
                    .eps = kern_attr(l, "eps")->f, .centre = kern_flag(l, "centred"),
                    .unrounded = kern_flag(l, "contract")};
}

static double next(source *s, size_t i)
{
    double v = s->at(s, i);
    if (s->y && s->y->data)
        kern_put(s->y, i, v);
    return s->unrounded ? v : kern_rounded(s->x->dtype, v);
}

static void put(const sld_tensor *q, size_t i, double v, double top)
{
    kern_put(q, i, v > top ? top : v < -top ? -top : v);
}

void sld__ref_by_scale(const sld_launch *l, source *s, const sld_tensor *scale)
{
    double top = quant_top(l->out[0].dtype, kern_attr(l, "full")->i), by = kern_get(scale, 0);
    for (size_t i = 0, n = kern_numel(&l->out[0]); i < n; i++)
        put(&l->out[0], i, next(s, i) / by, top);
}

/* Elements that are not numbers have no say in the scale. */
static double scale_of(const sld_launch *l, source *s, size_t from, size_t n, double top)
{
    const sld_attr *floor = kern_attr(l, "floor");
    double most = floor ? floor->f : kern_attr(l, "pow2") ? 1e-10 : 0x1p-9; /* 2^-9 where a row has one scale */
    for (size_t i = from; i < from + n; i++)
        most = fmax(most, fabs(next(s, i)));
    float scale = (float)(most / top);
    int e;
    float m = frexpf(scale, &e);
    return kern_flag(l, "pow2") && isfinite(scale) ? ldexp(1, m == 0.5f ? e - 1 : e) : scale;
}

void sld__ref_by_group(const sld_launch *l, source *s, size_t group)
{
    const sld_tensor *q = &l->out[0];
    double top = quant_top(q->dtype, kern_attr(l, "full")->i);
    for (size_t g = 0, n = kern_numel(q) / group, row = (size_t)q->dims[q->rank - 1] / group; g < n; g++) {
        double scale = scale_of(l, s, g * group, group, top);
        kern_put(&l->out[1], quant_scale_at(q, g, row, kern_flag(l, "columns")), scale);
        for (size_t i = g * group; i < (g + 1) * group; i++)
            put(q, i, next(s, i) / scale, top);
    }
}

static void store_sum(source *s, const sld_tensor *to)
{
    for (size_t i = 0, n = to->data ? kern_numel(to) : 0; i < n; i++)
        kern_put(to, i, sum(s, i));
}

const char *sld_ref_static_quant(const sld_launch *l);
const char *sld_ref_static_quant(const sld_launch *l)
{
    sld__ref_by_scale(l, &(source){.at = element, .x = &l->in[0]}, &l->in[1]);
    return NULL;
}

const char *sld_ref_group_quant(const sld_launch *l);
const char *sld_ref_group_quant(const sld_launch *l)
{
    sld__ref_by_group(l, &(source){.at = element, .x = &l->in[0]}, (size_t)kern_attr(l, "group")->i);
    return NULL;
}

const char *sld_ref_scaled_quant(const sld_launch *l);
const char *sld_ref_scaled_quant(const sld_launch *l)
{
    double top = quant_top(l->out[0].dtype, kern_attr(l, "full")->i);
    if (!kern_broadcasts(&l->in[1], &l->out[0]))
        return "the scale does not fit the tensor";
    for (size_t i = 0, n = kern_numel(&l->out[0]); i < n; i++)
        put(&l->out[0], i, kern_get(&l->in[0], i) / kern_get(&l->in[1], kern_broadcast(&l->in[1], &l->out[0], i)), top);
    return NULL;
}

const char *sld_ref_per_tensor_quant(const sld_launch *l);
const char *sld_ref_per_tensor_quant(const sld_launch *l)
{
    for (size_t i = 0, n = kern_numel(&l->in[1]); i < n; i++)
        kern_put(&l->out[1], i, kern_get(&l->in[1], i));
    return sld_ref_scaled_quant(l);
}

const char *sld_ref_token_quant(const sld_launch *l);
const char *sld_ref_token_quant(const sld_launch *l)
{
    size_t width = (size_t)l->in[0].dims[l->in[0].rank - 1];
    if (width)
        sld__ref_by_group(l, &(source){.at = element, .x = &l->in[0]}, width);
    for (size_t i = 0, n = width ? 0 : kern_numel(&l->out[1]); i < n; i++)
        kern_put(&l->out[1], i, 0x1p-9 / quant_top(l->out[0].dtype, kern_attr(l, "full")->i));
    return NULL;
}

/* Under the shape of rows: where the scales lie in memory is for kernels that take strides. */
const char *sld_ref_group_quant_columns(const sld_launch *l);
const char *sld_ref_group_quant_columns(const sld_launch *l)
{
    return sld_ref_group_quant(l);
}

const char *sld_ref_rms_norm_static_quant(const sld_launch *l);
const char *sld_ref_rms_norm_static_quant(const sld_launch *l)
{
    source s = norm_of(l, &l->in[1]);
    s.y = &l->out[1];
    sld__ref_by_scale(l, &s, &l->in[2]);
    return NULL;
}

const char *sld_ref_rms_norm_group_quant(const sld_launch *l);
const char *sld_ref_rms_norm_group_quant(const sld_launch *l)
{
    source s = norm_of(l, &l->in[1]);
    s.y = &l->out[2];
    sld__ref_by_group(l, &s, (size_t)kern_attr(l, "group")->i);
    return NULL;
}

const char *sld_ref_add_rms_norm_static_quant(const sld_launch *l);
const char *sld_ref_add_rms_norm_static_quant(const sld_launch *l)
{
    source s = norm_of(l, &l->in[2]);
    s.b = &l->in[1], s.y = &l->out[1];
    store_sum(&s, &l->out[2]);
    sld__ref_by_scale(l, &s, &l->in[3]);
    return NULL;
}

const char *sld_ref_add_rms_norm_group_quant(const sld_launch *l);
const char *sld_ref_add_rms_norm_group_quant(const sld_launch *l)
{
    source s = norm_of(l, &l->in[2]);
    s.b = &l->in[1], s.y = &l->out[2];
    store_sum(&s, &l->out[3]);
    sld__ref_by_group(l, &s, (size_t)kern_attr(l, "group")->i);
    return NULL;
}

const char *sld_ref_gated_rms_norm_group_quant(const sld_launch *l);
const char *sld_ref_gated_rms_norm_group_quant(const sld_launch *l)
{
    source s = norm_of(l, &l->in[1]);
    s.z = &l->in[2], s.y = &l->out[2];
    if (s.width)
        sld__ref_by_group(l, &s, s.width);
    return NULL;
}

static const char *store(const sld_launch *l, source s)
{
    for (size_t i = 0, n = kern_numel(&l->out[0]); i < n; i++)
        kern_put(&l->out[0], i, s.at(&s, i));
    return NULL;
}

const char *sld_ref_silu_and_mul(const sld_launch *l);
const char *sld_ref_silu_and_mul(const sld_launch *l)
{
    return store(l, act_of(l, NULL));
}

const char *sld_ref_gelu_and_mul(const sld_launch *l);
const char *sld_ref_gelu_and_mul(const sld_launch *l)
{
    source s = act_of(l, NULL);
    s.act = kern_attr(l, "approximate")->i == 1 ? 2 : 1;
    return store(l, s);
}

static const char *act_by_scale(const sld_launch *l, const sld_tensor *u, const sld_tensor *scale)
{
    source s = act_of(l, u);
    s.y = &l->out[1];
    sld__ref_by_scale(l, &s, scale);
    return NULL;
}

static const char *act_by_group(const sld_launch *l, const sld_tensor *u)
{
    source s = act_of(l, u);
    s.y = &l->out[2];
    sld__ref_by_group(l, &s, (size_t)kern_attr(l, "group")->i);
    return NULL;
}

const char *sld_ref_act_mul_static_quant(const sld_launch *l);
const char *sld_ref_act_mul_static_quant(const sld_launch *l)
{
    return act_by_scale(l, &l->in[1], &l->in[2]);
}

const char *sld_ref_act_mul_group_quant(const sld_launch *l);
const char *sld_ref_act_mul_group_quant(const sld_launch *l)
{
    return act_by_group(l, &l->in[1]);
}

const char *sld_ref_act_and_mul_static_quant(const sld_launch *l);
const char *sld_ref_act_and_mul_static_quant(const sld_launch *l)
{
    return act_by_scale(l, NULL, &l->in[1]);
}

const char *sld_ref_act_and_mul_group_quant(const sld_launch *l);
const char *sld_ref_act_and_mul_group_quant(const sld_launch *l)
{
    return act_by_group(l, NULL);
}

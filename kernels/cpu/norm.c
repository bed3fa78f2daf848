/* RMS norm and what is joined with it. */
#include "norm.h"

ROW_WIDE static const char *store(norm *n, const sld_tensor *to)
{
    float by[ROW_MAX];
    for (size_t i = 0; i < n->n; i++) {
        float *y = row_begin(to, i * n->width, by);
        norm_row(n, i, y);
        row_end(to, i * n->width, n->width, y);
    }
    return NULL;
}

ROW_WIDE static const char *quantise(norm *n, const quantiser *t)
{
    float y[ROW_MAX];
    for (size_t i = 0; i < n->n; i++) {
        norm_row(n, i, y);
        quant_row(t, i, y);
    }
    return NULL;
}

/* b: the residual, whose sum with x goes to the last result when something reads that. */
static void add_open(norm *n, const sld_launch *l)
{
    norm_open(n, l, 2);
    n->b = &l->in[1];
    n->sum = l->out[l->n_out - 1].data ? &l->out[l->n_out - 1] : NULL;
}

static void gate_open(norm *n, const sld_launch *l)
{
    norm_open(n, l, 1);
    n->z = &l->in[2];
}

const char *sld_cpu_rms_norm(const sld_launch *l);
const char *sld_cpu_rms_norm(const sld_launch *l)
{
    norm n;
    norm_open(&n, l, 1);
    return store(&n, &l->out[0]);
}

const char *sld_cpu_add_rms_norm(const sld_launch *l);
const char *sld_cpu_add_rms_norm(const sld_launch *l)
{
    norm n;
    add_open(&n, l);
    return store(&n, &l->out[0]);
}

/* Row i of a tensor of its own width, where there is one, from n numbers and zeros behind them. */
ROW_PART void put_row(const sld_tensor *to, size_t i, const float *y, size_t n)
{
    if (!to->data)
        return;
    size_t width = (size_t)to->dims[to->rank - 1], size = kern_size(to->dtype);
    if (to->dtype == SLD_F32)
        memcpy((float *)to->data + i * width, y, n * size);
    row_end(to, i * width, n, y);
    memset((uint8_t *)to->data + (i * width + n) * size, 0, (width - n) * size);
}

ROW_WIDE static void store_padded(norm *n, const sld_launch *l)
{
    float y[ROW_MAX];
    for (size_t i = 0; i < n->n; i++) {
        norm_row(n, i, y);
        put_row(&l->out[0], i, y, n->width);
        put_row(&l->out[1], i, y, n->width);
    }
}

const char *sld_cpu_add_rms_norm_pad(const sld_launch *l);
const char *sld_cpu_add_rms_norm_pad(const sld_launch *l)
{
    norm n;
    const char *why = kern_pads_rows(l);
    add_open(&n, l);
    if (!why)
        store_padded(&n, l);
    return why;
}

const char *sld_cpu_gated_rms_norm(const sld_launch *l);
const char *sld_cpu_gated_rms_norm(const sld_launch *l)
{
    norm n;
    gate_open(&n, l);
    return store(&n, &l->out[0]);
}

/* ---- quantised at once ---- */
static quantiser by_scale(const sld_launch *l, const sld_tensor *scale)
{
    quantiser t = quant_open(l, 1, 0);
    t.scale = *(const float *)scale->data;
    return t;
}

static quantiser by_group(const sld_launch *l)
{
    return quant_open(l, 2, (size_t)kern_attr(l, "group")->i);
}

const char *sld_cpu_rms_norm_static_quant(const sld_launch *l);
const char *sld_cpu_rms_norm_static_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_scale(l, &l->in[2]);
    norm_open(&n, l, 1);
    return quantise(&n, &t);
}

const char *sld_cpu_rms_norm_group_quant(const sld_launch *l);
const char *sld_cpu_rms_norm_group_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_group(l);
    norm_open(&n, l, 1);
    return quantise(&n, &t);
}

const char *sld_cpu_add_rms_norm_static_quant(const sld_launch *l);
const char *sld_cpu_add_rms_norm_static_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_scale(l, &l->in[3]);
    add_open(&n, l);
    return quantise(&n, &t);
}

const char *sld_cpu_add_rms_norm_group_quant(const sld_launch *l);
const char *sld_cpu_add_rms_norm_group_quant(const sld_launch *l)
{
    norm n;
    quantiser t = by_group(l);
    add_open(&n, l);
    return quantise(&n, &t);
}

const char *sld_cpu_gated_rms_norm_group_quant(const sld_launch *l);
const char *sld_cpu_gated_rms_norm_group_quant(const sld_launch *l)
{
    norm n;
    gate_open(&n, l);
    quantiser t = quant_open(l, 2, n.width);
    return quantise(&n, &t);
}

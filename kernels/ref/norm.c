/* Norms over the last dim; means in double. */
#include "kern.h"

typedef struct rows { size_t n, width; } rows;

static rows rows_of(const sld_tensor *x)
{
    size_t width = (size_t)x->dims[x->rank - 1];
    return (rows){width ? kern_numel(x) / width : 0, width};
}

/* 1 / sqrt(mean of squares + eps) of the row that starts at `at`. */
static double inverse_rms(const sld_tensor *x, size_t at, size_t n, double eps)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += kern_get(x, at + i) * kern_get(x, at + i);
    return 1 / sqrt(sum / (double)n + eps);
}

const char *sld_ref_rms_norm(const sld_launch *l);
const char *sld_ref_rms_norm(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *w = &l->in[1];
    rows r = rows_of(x);
    double centre = kern_flag(l, "centred");
    for (size_t i = 0; i < r.n; i++) {
        double scale = inverse_rms(x, i * r.width, r.width, kern_attr(l, "eps")->f);
        for (size_t k = 0; k < r.width; k++)
            kern_put(&l->out[0], i * r.width + k, kern_get(x, i * r.width + k) * scale * (kern_get(w, k) + centre));
    }
    return NULL;
}

/* Results that nothing reads have no data. */
static void put(const sld_tensor *to, size_t i, double v)
{
    if (to->data)
        kern_put(to, i, v);
}

/* The norm is that of the sum before it is rounded. */
static const char *add_rms_norm(const sld_launch *l, const sld_tensor *y, const sld_tensor *sums)
{
    const sld_tensor *a = &l->in[0], *b = &l->in[1], *w = &l->in[2];
    rows r = rows_of(a);
    double centre = kern_flag(l, "centred");
    for (size_t i = 0; i < r.n; i++) {
        size_t at = i * r.width;
        double sum = 0;
        for (size_t k = at; k < at + r.width; k++) {
            double s = kern_get(a, k) + kern_get(b, k);
            put(sums, k, s);
            sum += s * s;
        }
        double scale = 1 / sqrt(sum / (double)r.width + kern_attr(l, "eps")->f);
        for (size_t k = 0; k < r.width; k++)
            put(y, at + k, (kern_get(a, at + k) + kern_get(b, at + k)) * scale * (kern_get(w, k) + centre));
    }
    return NULL;
}

const char *sld_ref_add_rms_norm(const sld_launch *l);
const char *sld_ref_add_rms_norm(const sld_launch *l)
{
    return add_rms_norm(l, &l->out[0], &l->out[1]);
}

/* The rows of the padded result are written as if they had no ends, from the last on, and then drawn apart. */
const char *sld_ref_add_rms_norm_pad(const sld_launch *l);
const char *sld_ref_add_rms_norm_pad(const sld_launch *l)
{
    const sld_tensor *p = &l->out[0];
    rows r = rows_of(&l->in[0]);
    size_t width = (size_t)p->dims[p->rank - 1];
    const char *why = kern_pads_rows(l);
    if (why)
        return why;
    add_rms_norm(l, p, &l->out[2]);
    for (size_t i = 0; i < r.n * r.width; i++)
        put(&l->out[1], i, kern_get(p, i));
    for (size_t i = r.n; i-- > 0;)
        for (size_t k = width; k-- > 0;)
            kern_put(p, i * width + k, k < r.width ? kern_get(p, i * r.width + k) : 0);
    return NULL;
}

const char *sld_ref_gated_rms_norm(const sld_launch *l);
const char *sld_ref_gated_rms_norm(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0], *w = &l->in[1], *z = &l->in[2];
    rows r = rows_of(x);
    for (size_t i = 0; i < r.n; i++) {
        double scale = inverse_rms(x, i * r.width, r.width, kern_attr(l, "eps")->f);
        for (size_t k = 0; k < r.width; k++) {
            size_t at = i * r.width + k;
            double g = kern_get(z, at), y = kern_get(x, at) * scale * kern_get(w, k);
            kern_put(&l->out[0], at, y * (g / (1 + exp(-g))));
        }
    }
    return NULL;
}

const char *sld_ref_layer_norm(const sld_launch *l);
const char *sld_ref_layer_norm(const sld_launch *l)
{
    const sld_tensor *x = &l->in[0];
    rows r = rows_of(x);
    for (size_t i = 0; i < r.n; i++) {
        size_t at = i * r.width;
        double mean = 0, var = 0;
        for (size_t k = 0; k < r.width; k++)
            mean += kern_get(x, at + k) / (double)r.width;
        for (size_t k = 0; k < r.width; k++)
            var += (kern_get(x, at + k) - mean) * (kern_get(x, at + k) - mean) / (double)r.width;
        double scale = 1 / sqrt(var + kern_attr(l, "eps")->f);
        for (size_t k = 0; k < r.width; k++) {
            double bias = kern_present(l, 2) ? kern_get(&l->in[2], k) : 0;
            kern_put(&l->out[0], at + k,
                     (kern_get(x, at + k) - mean) * scale * kern_get(&l->in[1], k) + bias);
        }
    }
    return NULL;
}

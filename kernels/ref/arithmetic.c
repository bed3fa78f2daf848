/* Element-wise ops, computed in double (or int64) and rounded once. */
#include "kern.h"

#define FOR_EACH(l, i) for (size_t i = 0, n_ = kern_numel(&(l)->out[0]); i < n_; i++)

/* Binary ops: `f` over doubles x, y; `k` over integers p, q. */
#define BINARY(name, f, k) \
    const char *sld_ref_##name(const sld_launch *l); \
    const char *sld_ref_##name(const sld_launch *l) \
    { \
        const sld_tensor *a = &l->in[0], *b = &l->in[1], *o = &l->out[0]; \
        bool ints = !kern_is_float(a->dtype); \
        FOR_EACH(l, i) { \
            size_t ia = kern_broadcast(a, o, i), ib = kern_broadcast(b, o, i); \
            if (ints) { \
                int64_t p = kern_geti(a, ia), q = kern_geti(b, ib); \
                (void)p, (void)q; \
                k; \
            } else { \
                double x = kern_get(a, ia), y = kern_get(b, ib); \
                kern_put(o, i, f); \
            } \
        } \
        return NULL; \
    }

#define PUT(e) kern_puti(o, i, (int64_t)(e))
#define WRAP(op) PUT((uint64_t)p op (uint64_t)q)
#define DIVIDE(e) \
    do { \
        if (!q) \
            return "integer division by zero"; \
        PUT(q == -1 ? (int64_t)-(uint64_t)p : (e)); \
    } while (0)

static double nan_min(double x, double y) { return x != x || y != y ? NAN : x < y ? x : y; }
static double nan_max(double x, double y) { return x != x || y != y ? NAN : x > y ? x : y; }

BINARY(add, x + y, WRAP(+))
BINARY(sub, x - y, WRAP(-))
BINARY(mul, x * y, WRAP(*))
BINARY(div, x / y, DIVIDE(p / q))
BINARY(floor_div, floor(x / y), DIVIDE(p / q - (p % q && (p < 0) != (q < 0))))
BINARY(pow, pow(x, y), PUT(pow((double)p, (double)q)))
BINARY(minimum, nan_min(x, y), PUT(p < q ? p : q))
BINARY(maximum, nan_max(x, y), PUT(p > q ? p : q))
BINARY(equal, x == y, PUT(p == q))
BINARY(not_equal, x != y, PUT(p != q))
BINARY(less, x < y, PUT(p < q))
BINARY(less_equal, x <= y, PUT(p <= q))
BINARY(greater, x > y, PUT(p > q))
BINARY(greater_equal, x >= y, PUT(p >= q))
BINARY(and, x && y, PUT(p && q))
BINARY(or, x || y, PUT(p || q))

const char *sld_ref_where(const sld_launch *l);
const char *sld_ref_where(const sld_launch *l)
{
    const sld_tensor *c = &l->in[0], *o = &l->out[0];
    FOR_EACH(l, i) {
        const sld_tensor *from = &l->in[kern_get(c, kern_broadcast(c, o, i)) != 0 ? 1 : 2];
        kern_copy_element(o, i, from, kern_broadcast(from, o, i));
    }
    return NULL;
}

#define UNARY(name, f, k) \
    const char *sld_ref_##name(const sld_launch *l); \
    const char *sld_ref_##name(const sld_launch *l) \
    { \
        const sld_tensor *a = &l->in[0], *o = &l->out[0]; \
        bool ints = !kern_is_float(a->dtype); \
        FOR_EACH(l, i) { \
            int64_t p = ints ? kern_geti(a, i) : 0; \
            double x = ints ? 0 : kern_get(a, i); \
            (void)p, (void)x; \
            if (ints) \
                kern_puti(o, i, (k)); \
            else \
                kern_put(o, i, (f)); \
        } \
        return NULL; \
    }

static double sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }

UNARY(neg, -x, (int64_t)-(uint64_t)p)
UNARY(abs, fabs(x), p < 0 ? (int64_t)-(uint64_t)p : p)
UNARY(not, !x, !p)
UNARY(is_nan, x != x, 0)
UNARY(sqrt, sqrt(x), 0)
UNARY(reciprocal, 1 / x, 0)
UNARY(rsqrt, 1 / sqrt(x), 0)
UNARY(exp, exp(x), 0)
UNARY(log, log(x), 0)
UNARY(log1p, log1p(x), 0)
UNARY(sin, sin(x), 0)
UNARY(cos, cos(x), 0)
UNARY(tanh, tanh(x), 0)
UNARY(erf, erf(x), 0)
UNARY(relu, x > 0 || x != x ? x : 0, 0)
UNARY(sigmoid, sigmoid(x), 0)
UNARY(silu, x * sigmoid(x), 0)
UNARY(softplus, x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)), 0)

/* x * Phi(x); the tanh form of Hendrycks and Gimpel 2016. */
static double gelu(double x, bool with_tanh)
{
    if (with_tanh)
        return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    return 0.5 * x * (1 + erf(x * 0.7071067811865476));
}

const char *sld_ref_gelu(const sld_launch *l);
const char *sld_ref_gelu(const sld_launch *l)
{
    bool with_tanh = kern_attr(l, "approximate")->i == 1;
    FOR_EACH(l, i)
        kern_put(&l->out[0], i, gelu(kern_get(&l->in[0], i), with_tanh));
    return NULL;
}

/* silu(g) * u and gelu(g) * u, rounded once. */
const char *sld_ref_silu_mul(const sld_launch *l);
const char *sld_ref_silu_mul(const sld_launch *l)
{
    FOR_EACH(l, i) {
        double g = kern_get(&l->in[0], i);
        kern_put(&l->out[0], i, g * sigmoid(g) * kern_get(&l->in[1], i));
    }
    return NULL;
}

const char *sld_ref_gelu_mul(const sld_launch *l);
const char *sld_ref_gelu_mul(const sld_launch *l)
{
    bool with_tanh = kern_attr(l, "approximate")->i == 1;
    FOR_EACH(l, i)
        kern_put(&l->out[0], i, gelu(kern_get(&l->in[0], i), with_tanh) * kern_get(&l->in[1], i));
    return NULL;
}

/* Absent bounds do not bound; NaN passes. */
const char *sld_ref_clip(const sld_launch *l);
const char *sld_ref_clip(const sld_launch *l)
{
    const sld_tensor *a = &l->in[0], *o = &l->out[0];
    bool ints = !kern_is_float(a->dtype);
    FOR_EACH(l, i) {
        if (ints) {
            int64_t v = kern_geti(a, i);
            v = kern_present(l, 1) && v < kern_geti(&l->in[1], 0) ? kern_geti(&l->in[1], 0) : v;
            v = kern_present(l, 2) && v > kern_geti(&l->in[2], 0) ? kern_geti(&l->in[2], 0) : v;
            kern_puti(o, i, v);
        } else {
            double v = kern_get(a, i);
            v = kern_present(l, 1) && v < kern_get(&l->in[1], 0) ? kern_get(&l->in[1], 0) : v;
            v = kern_present(l, 2) && v > kern_get(&l->in[2], 0) ? kern_get(&l->in[2], 0) : v;
            kern_put(o, i, v);
        }
    }
    return NULL;
}

/* Floats to integers truncate, saturate at 64 bits, then wrap; NaN is 0. To bool, anything but 0 is true. */
const char *sld_ref_cast(const sld_launch *l);
const char *sld_ref_cast(const sld_launch *l)
{
    const sld_tensor *a = &l->in[0], *o = &l->out[0];
    FOR_EACH(l, i) {
        if (o->dtype == SLD_BOOL)
            kern_puti(o, i, kern_get(a, i) != 0);
        else if (!kern_is_float(a->dtype) && !kern_is_float(o->dtype))
            kern_puti(o, i, kern_geti(a, i));
        else if (a->dtype == SLD_I64 && o->dtype == SLD_F32)
            ((float *)o->data)[i] = (float)kern_geti(a, i); /* not through double, which would round twice */
        else
            kern_put(o, i, kern_get(a, i));
    }
    return NULL;
}

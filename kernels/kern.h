/* What kernels share: sizes, elements as numbers, attributes by name.  A kernel gets a
 * launch whose shapes and dtypes inference has checked; it checks what only the data can
 * tell, such as indices, and answers NULL or a constant text that says what is wrong. */
#ifndef SLD_KERN_H
#define SLD_KERN_H

#include <math.h>
#include <string.h>

#include "dtype.h"
#include "sld_abi.h"

static inline size_t kern_numel(const sld_tensor *t)
{
    size_t n = 1;
    for (uint32_t i = 0; i < t->rank; i++)
        n *= (size_t)t->dims[i];
    return n;
}

static inline size_t kern_size(uint8_t dtype)
{
    static const uint8_t sizes[SLD_DTYPE_COUNT] = {
        [SLD_BOOL] = 1, [SLD_U8] = 1, [SLD_I8] = 1, [SLD_I32] = 4, [SLD_I64] = 8, [SLD_F8E4M3FN] = 1,
        [SLD_F8E4M3FNUZ] = 1, [SLD_F16] = 2, [SLD_BF16] = 2, [SLD_F32] = 4, [SLD_F64] = 8,
    };
    return sizes[dtype];
}

static inline bool kern_is_float(uint8_t dtype)
{
    return dtype >= SLD_F8E4M3FN;
}

/* Element i as a number. */
static inline double kern_get(const sld_tensor *t, size_t i)
{
    switch (t->dtype) {
    case SLD_BOOL:
    case SLD_U8: return ((const uint8_t *)t->data)[i];
    case SLD_I8: return ((const int8_t *)t->data)[i];
    case SLD_I32: return ((const int32_t *)t->data)[i];
    case SLD_I64: return (double)((const int64_t *)t->data)[i];
    case SLD_F8E4M3FN: return sld_f8e4m3fn_to_f32(((const uint8_t *)t->data)[i]);
    case SLD_F8E4M3FNUZ: return sld_f8e4m3fnuz_to_f32(((const uint8_t *)t->data)[i]);
    case SLD_F16: return sld_f16_to_f32(((const uint16_t *)t->data)[i]);
    case SLD_BF16: return sld_bf16_to_f32(((const uint16_t *)t->data)[i]);
    case SLD_F32: return ((const float *)t->data)[i];
    default: return ((const double *)t->data)[i];
    }
}

static inline int64_t kern_geti(const sld_tensor *t, size_t i)
{
    return t->dtype == SLD_I64 ? ((const int64_t *)t->data)[i] : (int64_t)kern_get(t, i);
}

static inline void kern_puti(const sld_tensor *t, size_t i, int64_t v)
{
    switch (t->dtype) {
    case SLD_BOOL: ((uint8_t *)t->data)[i] = v != 0; break;
    case SLD_U8: ((uint8_t *)t->data)[i] = (uint8_t)v; break;
    case SLD_I8: ((int8_t *)t->data)[i] = (int8_t)v; break;
    case SLD_I32: ((int32_t *)t->data)[i] = (int32_t)v; break;
    default: ((int64_t *)t->data)[i] = v;
    }
}

/* A number as a 64-bit integer: truncated, saturated, NaN as 0. */
static inline int64_t kern_to_int(double v)
{
    return v != v ? 0 : v >= 0x1p63 ? INT64_MAX : v < -0x1p63 ? INT64_MIN : (int64_t)v;
}

/* v as a float rounded to odd: narrowed further it gives what one rounding of v would, where rounding to
 * nearest twice could go wrong at a tie. */
static inline float kern_to_odd(double v)
{
    float f = (float)v;
    if (f == v || v != v || sld__f32_bits(f) & 1)
        return f;
    return sld__f32_from_bits(fabs(v) > fabs((double)f) ? sld__f32_bits(f) + 1 : sld__f32_bits(f) - 1);
}

/* Stores a number, rounded once to the dtype. */
static inline void kern_put(const sld_tensor *t, size_t i, double v)
{
    switch (t->dtype) {
    case SLD_F8E4M3FN: ((uint8_t *)t->data)[i] = sld_f32_to_f8e4m3fn(kern_to_odd(v)); break;
    case SLD_F8E4M3FNUZ: ((uint8_t *)t->data)[i] = sld_f32_to_f8e4m3fnuz(kern_to_odd(v)); break;
    case SLD_F16: ((uint16_t *)t->data)[i] = sld_f32_to_f16(kern_to_odd(v)); break;
    case SLD_BF16: ((uint16_t *)t->data)[i] = sld_f32_to_bf16(kern_to_odd(v)); break;
    case SLD_F32: ((float *)t->data)[i] = (float)v; break;
    case SLD_F64: ((double *)t->data)[i] = v; break;
    case SLD_BOOL: ((uint8_t *)t->data)[i] = v != 0; break;
    default: kern_puti(t, i, kern_to_int(v));
    }
}

/* What storing and loading it makes of a number. */
static inline double kern_rounded(uint8_t dtype, double v)
{
    double bits;
    sld_tensor one = {.dtype = dtype, .data = &bits};
    kern_put(&one, 0, v);
    return kern_get(&one, 0);
}

static inline bool kern_is_nan(const sld_tensor *t, size_t i)
{
    return kern_is_float(t->dtype) && isnan(kern_get(t, i));
}

/* Whether element i of t is above element k; NaN is above all numbers. */
static inline bool kern_above(const sld_tensor *t, size_t i, size_t k)
{
    if (!kern_is_float(t->dtype))
        return kern_geti(t, i) > kern_geti(t, k);
    return kern_is_nan(t, i) ? !kern_is_nan(t, k) : kern_get(t, i) > kern_get(t, k);
}

/* The attribute of a name that the op declares. */
static inline const sld_attr *kern_attr(const sld_launch *l, const char *name)
{
    for (uint32_t i = 0; i < l->op->n_attrs; i++)
        if (!strcmp(l->op->attrs[i].name, name))
            return &l->attrs[i];
    return NULL;
}

/* Whether a flag is on; ops that do not know it have it off. */
static inline bool kern_flag(const sld_launch *l, const char *name)
{
    const sld_attr *a = kern_attr(l, name);
    return a && a->i;
}

/* The attribute that names an axis, as an index into the dims of t. */
static inline uint32_t kern_axis(const sld_launch *l, const char *name, const sld_tensor *t)
{
    int64_t axis = kern_attr(l, name)->i;
    return (uint32_t)(axis < 0 ? axis + t->rank : axis);
}

static inline bool kern_present(const sld_launch *l, uint32_t i)
{
    return i < l->n_in && l->in[i].dtype != SLD_DTYPE_NONE;
}

/* Elements before, along and behind an axis: index = (before * n + along) * behind + rest. */
typedef struct kern_span { size_t before, n, behind; } kern_span;

static inline kern_span kern_split(const sld_tensor *t, uint32_t axis)
{
    kern_span s = {1, (size_t)t->dims[axis], 1};
    for (uint32_t i = 0; i < axis; i++)
        s.before *= (size_t)t->dims[i];
    for (uint32_t i = axis + 1; i < t->rank; i++)
        s.behind *= (size_t)t->dims[i];
    return s;
}

/* Whether t broadcasts to the shape of out; signatures do not always say so. */
static inline bool kern_broadcasts(const sld_tensor *t, const sld_tensor *out)
{
    for (uint32_t k = 0; k < t->rank && t->rank <= out->rank; k++)
        if (t->dims[t->rank - 1 - k] != 1 && t->dims[t->rank - 1 - k] != out->dims[out->rank - 1 - k])
            return false;
    return t->rank <= out->rank;
}

/* Index into t of the element that broadcasting shows at flat index i of out. */
static inline size_t kern_broadcast(const sld_tensor *t, const sld_tensor *out, size_t i)
{
    size_t at = 0, stride = 1;
    for (uint32_t k = 0; k < t->rank; k++) {
        int64_t n = t->dims[t->rank - 1 - k], m = out->dims[out->rank - 1 - k];
        if (n != 1)
            at += i % (size_t)m * stride;
        stride *= (size_t)n;
        i /= (size_t)m;
    }
    return at;
}

/* Multi-index of a flat one, and back. */
static inline void kern_unravel(const sld_tensor *t, size_t i, int64_t *index)
{
    for (uint32_t k = t->rank; k-- > 0; i /= (size_t)t->dims[k])
        index[k] = (int64_t)(i % (size_t)t->dims[k]);
}

static inline size_t kern_ravel(const sld_tensor *t, const int64_t *index)
{
    size_t at = 0;
    for (uint32_t k = 0; k < t->rank; k++)
        at = at * (size_t)t->dims[k] + (size_t)index[k];
    return at;
}

static inline void kern_copy_element(const sld_tensor *to, size_t i, const sld_tensor *from, size_t k)
{
    size_t n = kern_size(to->dtype);
    memcpy((char *)to->data + i * n, (const char *)from->data + k * n, n);
}

/* NULL when the attribute pads only puts elements behind each row. */
static inline const char *kern_pads_rows(const sld_launch *l)
{
    const sld_attr *pads = kern_attr(l, "pads");
    for (uint32_t k = 0; k + 1 < pads->n; k++)
        if (pads->p[k])
            return "only the ends of rows are padded here";
    return pads->n && pads->p[pads->n - 1] < 0 ? "rows are not cut here" : NULL;
}

enum { KERN_RANK_MAX = 16 };

#endif

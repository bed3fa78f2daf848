/* Names and sizes of the element types, in the order of sld_dtype. */
#include "dtype.h"

#include "graph.h"

static const struct { const char *name; uint8_t size; } dtypes[SLD_DTYPE_COUNT] = {
    [SLD_DTYPE_NONE] = {"none", 0},
    [SLD_BOOL] = {"bool", 1},
    [SLD_U8] = {"u8", 1},
    [SLD_I8] = {"i8", 1},
    [SLD_I32] = {"i32", 4},
    [SLD_I64] = {"i64", 8},
    [SLD_F8E4M3FN] = {"f8e4m3fn", 1},
    [SLD_F8E4M3FNUZ] = {"f8e4m3fnuz", 1},
    [SLD_F16] = {"f16", 2},
    [SLD_BF16] = {"bf16", 2},
    [SLD_F32] = {"f32", 4},
    [SLD_F64] = {"f64", 8},
};

const char *sld_dtype_name(sld_dtype t) { return (unsigned)t < SLD_DTYPE_COUNT ? dtypes[t].name : "?"; }

size_t sld_dtype_size(sld_dtype t) { return (unsigned)t < SLD_DTYPE_COUNT ? dtypes[t].size : 0; }

sld_dtype sld_dtype_parse(const char *name)
{
    for (int t = SLD_DTYPE_NONE + 1; t < SLD_DTYPE_COUNT; t++)
        if (!strcmp(name, dtypes[t].name))
            return (sld_dtype)t;
    return SLD_DTYPE_NONE;
}

double sld__element_float(const void *data, sld_dtype t, size_t i)
{
    switch (t) {
    case SLD_BOOL:
    case SLD_U8: return ((const uint8_t *)data)[i];
    case SLD_I8: return ((const int8_t *)data)[i];
    case SLD_I32: return ((const int32_t *)data)[i];
    case SLD_I64: return (double)((const int64_t *)data)[i];
    case SLD_F8E4M3FN: return sld_f8e4m3fn_to_f32(((const uint8_t *)data)[i]);
    case SLD_F8E4M3FNUZ: return sld_f8e4m3fnuz_to_f32(((const uint8_t *)data)[i]);
    case SLD_F16: return sld_f16_to_f32(((const uint16_t *)data)[i]);
    case SLD_BF16: return sld_bf16_to_f32(((const uint16_t *)data)[i]);
    case SLD_F32: return ((const float *)data)[i];
    case SLD_F64: return ((const double *)data)[i];
    default: return 0;
    }
}

void sld__set_element_float(void *data, sld_dtype t, size_t i, double x)
{
    switch (t) {
    case SLD_F8E4M3FN: ((uint8_t *)data)[i] = sld_f32_to_f8e4m3fn((float)x); break;
    case SLD_F8E4M3FNUZ: ((uint8_t *)data)[i] = sld_f32_to_f8e4m3fnuz((float)x); break;
    case SLD_F16: ((uint16_t *)data)[i] = sld_f32_to_f16((float)x); break;
    case SLD_BF16: ((uint16_t *)data)[i] = sld_f32_to_bf16((float)x); break;
    case SLD_F32: ((float *)data)[i] = (float)x; break;
    case SLD_F64: ((double *)data)[i] = x; break;
    default: break;
    }
}

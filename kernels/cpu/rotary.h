/* One head at a time, as floats. */
#ifndef SLD_CPU_ROTARY_H
#define SLD_CPU_ROTARY_H

#include "qkv.h"
#include "quant.h"

enum { HEAD_MAX = 1024 /* the largest head of the conditions of the kernels */ };

enum { TOKENS_AT_ONCE = 4096 };

/* As row_share, for tokens that also write to the cache c, unless that is NULL. Of those with the same slot the last one
 * must win, so they stay on one thread where there are such among TOKENS_AT_ONCE. */
void sld__share_tokens(const sld_launch *l, const sld_cache *c, size_t n, size_t cost, sld_rows *rows, const void *work);

/* ---- one head from memory to memory; the dtype is a constant where these become part of a loop ---- */

ROW_PART float head_get(uint8_t dtype, const void *restrict x, size_t i)
{
    return dtype == SLD_F32 ? ((const float *)x)[i] : dtype == SLD_BF16 ? sld_bf16_to_f32(((const uint16_t *)x)[i])
                                                                        : sld_f16_to_f32(((const uint16_t *)x)[i]);
}

ROW_PART void head_put(uint8_t dtype, void *restrict y, size_t i, float v)
{
    if (dtype == SLD_F32)
        ((float *)y)[i] = v;
    else
        ((uint16_t *)y)[i] = dtype == SLD_BF16 ? (uint16_t)row_to_bf16(v) : sld_f32_to_f16(v);
}

/* Element i, normed and rounded where there are weights. */
ROW_PART float head_normed(uint8_t dtype, const void *restrict x, size_t i, float scale, const float *restrict w)
{
    float v = head_get(dtype, x, i);
    return w ? rounded(dtype, v * scale * w[i]) : v;
}

/* How a row turns: cosines, sines, each of `half`; weights of norms, NULL: none. */
typedef struct turned { const float *cos, *sin, *weights[2]; } turned;

/* The head x of d elements multiplied by scale and w unless that is NULL, its first 2 * half elements turned. */
ROW_PART void head_turn(uint8_t dtype, const float *restrict c, const float *restrict s, size_t half, bool neox, size_t d,
                        const float *restrict w, float scale, const void *restrict x, void *restrict y)
{
    if (neox)
        for (size_t i = 0; i < half; i++) {
            float a = head_normed(dtype, x, i, scale, w), b = head_normed(dtype, x, i + half, scale, w);
            head_put(dtype, y, i, a * c[i] - b * s[i]);
            head_put(dtype, y, i + half, b * c[i] + a * s[i]);
        }
    else
        for (size_t i = 0; i < half; i++) {
            float a = head_normed(dtype, x, 2 * i, scale, w), b = head_normed(dtype, x, 2 * i + 1, scale, w);
            head_put(dtype, y, 2 * i, a * c[i] - b * s[i]);
            head_put(dtype, y, 2 * i + 1, b * c[i] + a * s[i]);
        }
    for (size_t i = 2 * half; i < d; i++)
        head_put(dtype, y, i, head_normed(dtype, x, i, scale, w));
}

ROW_PART char *head_at(const sld_tensor *t, size_t i)
{
    return (char *)t->data + i * kern_size(t->dtype);
}

/* Codes of x / scale, clamped to what the format has. */
ROW_PART void narrow(uint8_t dtype, double scale, size_t n, const float *restrict x, uint8_t *restrict out)
{
    float by = (float)scale;
    uint32_t fn = sld__f32_bits(448), fnuz = sld__f32_bits(240);
    if (dtype == SLD_F8E4M3FN)
        for (size_t i = 0; i < n; i++)
            out[i] = (uint8_t)quant_code(x[i] / by, fn, 7);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = (uint8_t)quant_code(x[i] / by, fnuz, 8);
}

/* Row p of the table; `order` is SLD_F32, or the dtype in whose pairs it is wanted. */
ROW_PART turned load_row(const sld_tensor *table, int64_t p, uint8_t order, float *buffer)
{
    size_t r = (size_t)table->dims[1], at = (size_t)p * r;
    sld_tensor row = {.dtype = table->dtype, .data = (char *)table->data + at * kern_size(table->dtype)};
    if (order == SLD_F32) {
        const float *natural = row_load(table, at, r, buffer);
        return (turned){.cos = natural, .sin = natural + r / 2};
    }
    sld__pairs_load(order, &row, r, buffer);
    return (turned){.cos = buffer, .sin = buffer + r / 2};
}

#endif

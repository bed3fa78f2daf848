/* Narrow float formats as bit patterns, and their conversion to and from f32.  Narrowing
 * rounds to nearest, ties to even, and keeps NaN; f16 and bf16 overflow to infinity, the two
 * f8 formats saturate at their largest number (so do infinities, which they cannot hold).
 * Depends on nothing but <stdint.h> and <string.h>, for kernels and importers alike. */
#ifndef SLD_DTYPE_H
#define SLD_DTYPE_H

#include <stdint.h>
#include <string.h>

static inline uint32_t sld__f32_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float sld__f32_from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* x / 2^shift, to nearest, ties to even. */
static inline uint32_t sld__rne_shift(uint32_t x, uint32_t shift)
{
    if (shift > 31)
        return 0;
    uint32_t half = (1u << shift) >> 1, rest = x & ((1u << shift) - 1), q = x >> shift;
    return q + (shift && (rest > half || (rest == half && (q & 1))));
}

/* Code of a finite magnitude (f32 bits without sign) in a format of m mantissa bits; a carry
 * runs on into the exponent, and codes above the format's largest are left to the caller. */
static inline uint32_t sld__narrow(uint32_t bits, uint32_t m, int bias)
{
    int e = (int)(bits >> 23) - 127;
    if (e >= 1 - bias)
        return sld__rne_shift(bits - ((uint32_t)(127 - bias) << 23), 23 - m);
    return sld__rne_shift((bits & 0x7fffff) | 0x800000, 23 - m + (uint32_t)(1 - bias - e));
}

/* Magnitude of a finite code; sub is the weight of the last bit of a denormal. */
static inline float sld__widen(uint32_t code, uint32_t m, int bias, float sub)
{
    if (!(code >> m))
        return (float)code * sub;
    return sld__f32_from_bits((code << (23 - m)) + ((uint32_t)(127 - bias) << 23));
}

static inline float sld_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, code = h & 0x7fff;
    if (code >= 0x7c00)
        return sld__f32_from_bits(sign | 0x7f800000 | (code & 0x3ff) << 13);
    return sld__f32_from_bits(sign | sld__f32_bits(sld__widen(code, 10, 15, 0x1p-24f)));
}

static inline uint16_t sld_f32_to_f16(float f)
{
    uint32_t u = sld__f32_bits(f), a = u & 0x7fffffff, sign = u >> 16 & 0x8000;
    if (a > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    uint32_t code = a == 0x7f800000 ? 0x7c00 : sld__narrow(a, 10, 15);
    return (uint16_t)(sign | (code > 0x7c00 ? 0x7c00 : code));
}

static inline float sld_bf16_to_f32(uint16_t h) { return sld__f32_from_bits((uint32_t)h << 16); }

static inline uint16_t sld_f32_to_bf16(float f)
{
    uint32_t u = sld__f32_bits(f);
    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(u >> 16 | 0x40); /* quiet: a payload in the low bits only would read as infinity */
    return (uint16_t)sld__rne_shift(u, 16);
}

static inline float sld_f8e4m3fn_to_f32(uint8_t b)
{
    uint32_t sign = (uint32_t)(b & 0x80) << 24, code = b & 0x7f;
    if (code == 0x7f)
        return sld__f32_from_bits(sign | 0x7fc00000);
    return sld__f32_from_bits(sign | sld__f32_bits(sld__widen(code, 3, 7, 0x1p-9f)));
}

static inline uint8_t sld_f32_to_f8e4m3fn(float f)
{
    uint32_t u = sld__f32_bits(f), a = u & 0x7fffffff, sign = u >> 24 & 0x80;
    if (a > 0x7f800000)
        return (uint8_t)(sign | 0x7f);
    uint32_t code = sld__narrow(a, 3, 7);
    return (uint8_t)(sign | (code > 0x7e ? 0x7e : code));
}

static inline float sld_f8e4m3fnuz_to_f32(uint8_t b)
{
    uint32_t sign = (uint32_t)(b & 0x80) << 24;
    if (b == 0x80)
        return sld__f32_from_bits(0x7fc00000);
    return sld__f32_from_bits(sign | sld__f32_bits(sld__widen(b & 0x7f, 3, 8, 0x1p-10f)));
}

static inline uint8_t sld_f32_to_f8e4m3fnuz(float f)
{
    uint32_t u = sld__f32_bits(f), a = u & 0x7fffffff;
    if (a > 0x7f800000)
        return 0x80;
    uint32_t code = sld__narrow(a, 3, 8);
    code = code > 0x7f ? 0x7f : code;
    return (uint8_t)(code ? (u >> 24 & 0x80) | code : 0); /* 0x80 is NaN: there is no -0 */
}


#endif

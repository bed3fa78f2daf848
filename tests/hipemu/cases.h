/* What the cases of emulated kernels share: checks, numbers of 16 and 8 bits, launches in each order of threads. */
#ifndef HIPEMU_CASES_H
#define HIPEMU_CASES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "dtype.h"
#include "gpu.h"
#include "launch.h"

inline int failures, checks;
inline bool first_ends;  /* the first failure is the last */

inline void check(bool ok, const std::string &what)
{
    checks++;
    if (!ok) {
        failures++;
        printf("hipemu: %s\n", what.c_str());
        if (first_ends)
            exit(1);
    }
}

/* ----------------------------------------------------------------- tensors -- */

inline uint32_t seed;
inline float uniform(void) /* in [-2, 2) */
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(int32_t)seed * 0x1p-30f;
}

inline int dtype; /* of the case at work */
inline int format;

inline uint16_t narrow16(float f) { return dtype == GPU_BF16 ? sld_f32_to_bf16(f) : sld_f32_to_f16(f); }
inline float wide16(uint16_t u) { return dtype == GPU_BF16 ? sld_bf16_to_f32(u) : sld_f16_to_f32(u); }
inline double round16(double x) { return wide16(narrow16((float)x)); }
inline double from8(uint8_t u) { return format == GPU_E4M3FN ? sld_f8e4m3fn_to_f32(u) : sld_f8e4m3fnuz_to_f32(u); }
inline double max8(void) { return format == GPU_E4M3FN ? 448 : 240; }
inline gpu_range range_of(int f) { return {1e-10f, f == GPU_E4M3FN ? 448.0f : 240.0f, 0}; }

/* 16-bit numbers on the device, and what they are. */
struct numbers {
    std::vector<double> v;
    uint16_t *p;
    explicit numbers(size_t n) : v(n), p((uint16_t *)hipemu_alloc(n * 2, 0))
    {
        for (size_t i = 0; i < n; i++)
            v[i] = wide16(p[i] = narrow16(uniform()));
    }
};

template <typename T> inline T *given(const std::vector<T> &v)
{
    T *p = (T *)hipemu_alloc(v.size() * sizeof(T), 0);
    memcpy(p, v.data(), v.size() * sizeof(T));
    return p;
}

/* Memory that a launch writes: fresh for each order of threads. */
struct result { size_t bytes; void *p; std::vector<uint8_t> first; };

/* Launches in each order and with two fills; what differs was raced for or not written. NULL or what is wrong. */
inline std::string launch(std::vector<result *> results, const std::function<const char *()> &go)
{
    for (int order = 0; order < HIPEMU_ORDERS; order++) {
        hipemu_order_now = (hipemu_order)order;
        hipemu_last_block_first = order == HIPEMU_DOWN;
        for (result *r : results)
            r->p = hipemu_alloc(r->bytes, order % 2 ? 0x5a : 0xa5);
        const char *error = go();
        if (error)
            return error;
        for (result *r : results)
            if (!order)
                r->first.assign((uint8_t *)r->p, (uint8_t *)r->p + r->bytes);
            else if (r->bytes && memcmp(r->p, r->first.data(), r->bytes))
                return "a result depends on the order of threads, or was not written";
    }
    return "";
}

inline std::string name_of(const char *what, int a, int b)
{
    return std::string(what) + " " + std::to_string(a) + " x " + std::to_string(b) + (dtype == GPU_BF16 ? " bf16" : " f16") +
           (format == GPU_E4M3FN ? " e4m3fn" : " e4m3fnuz");
}

/* 16-bit results within one rounding and a little of f32, nearly all the nearest; where what was rounded to 16 bits before may
 * have gone the other way at a tie, two roundings. */
inline bool near16(const void *p, const std::vector<double> &want, double slack = 1e-5, int roundings = 1)
{
    const double eps = dtype == GPU_BF16 ? 0x1p-8 : 0x1p-11;
    size_t others = 0;
    for (size_t i = 0; i < want.size(); i++) {
        const float got = wide16(((const uint16_t *)p)[i]);
        others += got != round16(want[i]);
        if (!(fabs(got - want[i]) <= roundings * eps * 1.01 * fabs(want[i]) + slack))
            return false;
    }
    return others <= want.size() / 64 + 1;
}

/* FP8 results: half a step of three mantissa bits, and what the 16 bits before it take. */
inline bool near8(const void *p, const std::vector<double> &want, const float *scales, size_t group)
{
    for (size_t i = 0; i < want.size(); i++) {
        double s = scales[i / group], x = want[i] / s;
        x = x > max8() ? max8() : x < -max8() ? -max8() : x;
        if (!(fabs(from8(((const uint8_t *)p)[i]) - x) <= fabs(x) * (0x1p-4 + 0x1.2p-7) + 0x1p-9))
            return false;
    }
    return true;
}

/* Codes and scales of what is known to the bit. */
inline bool quantised(const std::vector<double> &x, const void *codes, const float *scales, size_t group, bool own_scales)
{
    for (size_t i = 0; i < x.size(); i += group) {
        double top = 1e-10, s = scales[i / group];
        for (size_t k = i; k < i + group; k++)
            top = std::max(top, fabs(x[k]));
        if (own_scales && !(fabs(s - top / max8()) <= 0x1p-23 * s))
            return false;
        for (size_t k = i; k < i + group; k++) {
            const double want = std::min(std::max(x[k] / s, -max8()), max8());
            if (!(fabs(from8(((const uint8_t *)codes)[k]) - want) <= fabs(want) * (0x1p-4 + 0x1p-20) + 0x1p-10))
                return false;
        }
    }
    return true;
}

/* What was quantised is a result as well, but for an even number of rows. */
struct before {
    result r;
    explicit before(size_t n, int rows, int quant) : r{quant && rows % 2 ? 2 * n : 0, NULL, {}} {}
    void *place() { return r.bytes ? r.p : NULL; }
    bool right(const std::vector<double> &want, const void *codes, const float *scales, size_t group, bool own_scales, int roundings = 1)
    {
        std::vector<double> x(want);
        for (size_t i = 0; i < x.size() && r.bytes; i++)
            x[i] = wide16(((uint16_t *)r.p)[i]);
        return !r.bytes || (near16(r.p, want, 1e-5, roundings) && quantised(x, codes, scales, group, own_scales));
    }
};

/* ---- for the dtype and the format at work ---- */
void move_cases(void);      /* move_test.cpp */
void attention_cases(void); /* attention_test.cpp */
void mla_cases(void);       /* latent_test.cpp */
void latent_cases(void);

#endif

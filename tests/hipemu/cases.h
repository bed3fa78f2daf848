/* What the cases of emulated kernels share: checks, numbers of 16 and 8 bits, launches in each order of threads. */
#ifndef HIPEMU_CASES_H
#define HIPEMU_CASES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* 16-bit results within one rounding and a little of f32. */
inline bool near16(const void *p, const std::vector<double> &want, double slack = 1e-5)
{
    const double eps = dtype == GPU_BF16 ? 0x1p-8 : 0x1p-11;
    for (size_t i = 0; i < want.size(); i++)
        if (!(fabs(wide16(((const uint16_t *)p)[i]) - want[i]) <= eps * 1.01 * fabs(want[i]) + slack))
            return false;
    return true;
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

/* ---- for the dtype and the format at work ---- */
void attention_cases(void); /* attention_test.cpp */
void latent_cases(void);    /* latent_test.cpp */

#endif

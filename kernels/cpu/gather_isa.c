/* gather_isa.c -- sums over the ISA's gather instruction, which takes signed 32-bit indices (the workload
 * allows no others). Two accumulators suffice: each instruction takes many cycles. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gather.h"
#include "kernels/cpu/simd.h"

#if defined(__AVX2__)
static uint32_t index_at(const uint32_t *index, size_t i)
{
    uint32_t k;
    memcpy(&k, (const char *)index + i * sizeof k, sizeof k);
    return k;
}

static double tail_f64(const void *x, const uint32_t *index, size_t i, size_t n)
{
    double s = 0, v;
    for (; i < n; i++) {
        memcpy(&v, (const char *)x + (size_t)index_at(index, i) * sizeof v, sizeof v);
        s += v;
    }
    return s;
}

static double tail_f32(const void *x, const uint32_t *index, size_t i, size_t n)
{
    float s = 0, v;
    for (; i < n; i++) {
        memcpy(&v, (const char *)x + (size_t)index_at(index, i) * sizeof v, sizeof v);
        s += v;
    }
    return (double)s;
}
#endif

#if defined(__AVX512F__)
static vd gather_get_f64(const void *x, const uint32_t *index)
{
    return (vd)_mm512_i32gather_pd(_mm256_loadu_si256((const void *)index), x, 8);
}
static vf gather_get_f32(const void *x, const uint32_t *index)
{
    return (vf)_mm512_i32gather_ps(_mm512_loadu_si512((const void *)index), x, 4);
}
#elif defined(__AVX2__)
static vd gather_get_f64(const void *x, const uint32_t *index)
{
    return (vd)_mm256_i32gather_pd(x, _mm_loadu_si128((const void *)index), 8);
}
static vf gather_get_f32(const void *x, const uint32_t *index)
{
    return (vf)_mm256_i32gather_ps(x, _mm256_loadu_si256((const void *)index), 4);
}
#endif

#if defined(__AVX2__)
static double sum_f64(const void *x, const uint32_t *index, size_t n)
{
    vd     s0 = {0}, s1 = s0;
    size_t i = 0;
    for (; i + 2 * VD <= n; i += 2 * VD) {
        s0 += gather_get_f64(x, index + i);
        s1 += gather_get_f64(x, index + i + VD);
    }
    return vd_sum(s0 + s1) + tail_f64(x, index, i, n);
}

static double sum_f32(const void *x, const uint32_t *index, size_t n)
{
    vf     s0 = {0}, s1 = s0;
    size_t i = 0;
    for (; i + 2 * VF <= n; i += 2 * VF) {
        s0 += gather_get_f32(x, index + i);
        s1 += gather_get_f32(x, index + i + VF);
    }
    return (double)vf_sum(s0 + s1) + tail_f32(x, index, i, n);
}
#define GATHERS \
    { \
        sum_f64, sum_f32 \
    }
#else
#define GATHERS \
    { \
        NULL, NULL \
    }
#endif

const cpu_gather_table CPU_SYM(cpu_gather) = {.fn = GATHERS};

/* simd_exp.h -- choosing lanes, and the exponential, for one ISA. Included only by *_isa.c.
 * exp: x = n ln 2 + r with |r| <= ln 2 / 2, e^r by its series to r^7 (truncation below 6e-9), 2^n put into
 * the exponent: within 2 units in the last place of e^x for -86.9 <= x <= 88.7; from there to -87 on exactly
 * 0, above it infinity: the clamps lie where the exponent itself becomes that of 0 and of infinity. NaN stays
 * NaN. */
#ifndef CPU_SIMD_EXP_H
#define CPU_SIMD_EXP_H
#include "kernels/cpu/simd.h"

typedef int32_t int_v __attribute__((vector_size(VBYTES), may_alias));

SIMD_INLINE vf vf_choose(int_v mask, vf yes, vf no)
{
    return (vf)((mask & (int_v)yes) | (~mask & (int_v)no));
}

/* A NaN in x stays. */
SIMD_INLINE vf vf_at_least(vf x, vf lo)
{
#if defined(__AVX512F__)
    return (vf)_mm512_max_ps((__m512)lo, (__m512)x);
#elif defined(__AVX2__)
    return (vf)_mm256_max_ps((__m256)lo, (__m256)x);
#elif defined(__SSE2__)
    return (vf)_mm_max_ps((__m128)lo, (__m128)x);
#elif defined(__ARM_NEON)
    return (vf)vmaxq_f32((float32x4_t)lo, (float32x4_t)x);
#else
    return vf_choose((int_v)(x < lo), lo, x);
#endif
}
SIMD_INLINE vf vf_at_most(vf x, vf hi)
{
#if defined(__AVX512F__)
    return (vf)_mm512_min_ps((__m512)hi, (__m512)x);
#elif defined(__AVX2__)
    return (vf)_mm256_min_ps((__m256)hi, (__m256)x);
#elif defined(__SSE2__)
    return (vf)_mm_min_ps((__m128)hi, (__m128)x);
#elif defined(__ARM_NEON)
    return (vf)vminq_f32((float32x4_t)hi, (float32x4_t)x);
#else
    return vf_choose((int_v)(x > hi), hi, x);
#endif
}

SIMD_INLINE vf vf_exp(vf x)
{
    const vf magic = vf_set1(12582912.0f); /* 1.5 * 2^23: rounds */
    vf       t = vf_at_most(vf_at_least(x, vf_set1(-87.3f)), vf_set1(89));
    vf       k = vf_fma(t, vf_set1(1.44269504f), magic), n = k - magic;
    vf       r = vf_fma(n, vf_set1(-0x1.62e4p-1f), t); /* ln 2 in two parts, the first exact times n */
    r = vf_fma(n, vf_set1(-0x1.7f7d1cp-20f), r);
    /* 2 e^r times 2^(n-1): n is -126, whose result is 0, to 128, of which 2^n has no exponent. */
    vf e = vf_fma(r, vf_set1(2.0f / 5040), vf_set1(2.0f / 720));
    e = vf_fma(r, e, vf_set1(2.0f / 120));
    e = vf_fma(r, e, vf_set1(2.0f / 24));
    e = vf_fma(r, e, vf_set1(2.0f / 6));
    e = vf_fma(r, e, vf_set1(1));
    e = vf_fma(r, e, vf_set1(2));
    e = vf_fma(r, e, vf_set1(2));
    return e * (vf)(((int_v)k - (int_v)magic + 126) << 23);
}
#endif

/* simd.h -- one vector vocabulary for every ISA. Included only by *_isa.c, which is compiled once per
 * ISA with that ISA's flags; the widest vectors those flags allow are used.
 *   vf / vd        float / double vectors of VF / VD lanes (GCC vector extension types: + - * work)
 *   v?_load/store  unaligned; v?_stream: non-temporal, needs alignment to VBYTES
 *   v?_fma(a,b,c)  a*b + c, fused where the ISA has it
 *   v?_stream2     two adjacent vectors, non-temporal; SIMD_HAS_NT: 0 where they are plain stores
 *   v_fence()      orders non-temporal stores */
#ifndef CPU_SIMD_H
#define CPU_SIMD_H
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#define VBYTES 64
#elif defined(__AVX2__)
#include <immintrin.h>
#define VBYTES 32
#elif defined(__SSE2__)
#include <emmintrin.h>
#define VBYTES 16
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#define VBYTES 16
#else
#define VBYTES 16
#endif
enum { VF = VBYTES / 4, VD = VBYTES / 8 };
typedef float  vf __attribute__((vector_size(VBYTES), may_alias));
typedef double vd __attribute__((vector_size(VBYTES), may_alias));
#define SIMD_INLINE static inline __attribute__((always_inline, unused))

#define SIMD_COMMON(v, T) \
    SIMD_INLINE v v##_load(const T *p) \
    { \
        v r; \
        memcpy(&r, p, sizeof r); \
        return r; \
    } \
    SIMD_INLINE void v##_store(T *p, v x) { memcpy(p, &x, sizeof x); } \
    SIMD_INLINE v    v##_set1(T x) \
    { \
        v r = {0}; \
        return r + x; \
    } \
    SIMD_INLINE T v##_sum(v x) \
    { \
        T s = 0; \
        for (size_t i = 0; i < sizeof x / sizeof(T); i++) s += x[i]; \
        return s; \
    }
SIMD_COMMON(vf, float)
SIMD_COMMON(vd, double)

#if defined(__AVX512F__)
SIMD_INLINE vf   vf_fma(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
SIMD_INLINE vd   vd_fma(vd a, vd b, vd c) { return (vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
SIMD_INLINE void vf_stream(float *p, vf x) { _mm512_stream_ps(p, (__m512)x); }
SIMD_INLINE void vd_stream(double *p, vd x) { _mm512_stream_pd(p, (__m512d)x); }
SIMD_INLINE void v_fence(void) { _mm_sfence(); }
#elif defined(__AVX2__)
SIMD_INLINE vf   vf_fma(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
SIMD_INLINE vd   vd_fma(vd a, vd b, vd c) { return (vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
SIMD_INLINE void vf_stream(float *p, vf x) { _mm256_stream_ps(p, (__m256)x); }
SIMD_INLINE void vd_stream(double *p, vd x) { _mm256_stream_pd(p, (__m256d)x); }
SIMD_INLINE void v_fence(void) { _mm_sfence(); }
#elif defined(__SSE2__)
SIMD_INLINE vf   vf_fma(vf a, vf b, vf c) { return a * b + c; }
SIMD_INLINE vd   vd_fma(vd a, vd b, vd c) { return a * b + c; }
SIMD_INLINE void vf_stream(float *p, vf x) { _mm_stream_ps(p, (__m128)x); }
SIMD_INLINE void vd_stream(double *p, vd x) { _mm_stream_pd(p, (__m128d)x); }
SIMD_INLINE void v_fence(void) { _mm_sfence(); }
#elif defined(__ARM_NEON)
SIMD_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
SIMD_INLINE vd vd_fma(vd a, vd b, vd c)
{
    return (vd)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
/* stnp carries the non-temporal hint and stores a pair: two vectors, or the halves of one. */
SIMD_INLINE void vd_stream(double *p, vd x)
{
    __asm__ volatile("stnp %d0, %d1, [%2]" : : "w"(x), "w"(x[1]), "r"(p) : "memory");
}
SIMD_INLINE void vf_stream(float *p, vf x) { vd_stream((double *)(void *)p, (vd)x); }
SIMD_INLINE void vd_stream2(double *p, vd x, vd y)
{
    __asm__ volatile("stnp %q0, %q1, [%2]" : : "w"(x), "w"(y), "r"(p) : "memory");
}
SIMD_INLINE void vf_stream2(float *p, vf x, vf y) { vd_stream2((double *)(void *)p, (vd)x, (vd)y); }
#define SIMD_HAS_STREAM2 1
SIMD_INLINE void v_fence(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }
#else
SIMD_INLINE vf   vf_fma(vf a, vf b, vf c) { return a * b + c; }
SIMD_INLINE vd   vd_fma(vd a, vd b, vd c) { return a * b + c; }
SIMD_INLINE void vf_stream(float *p, vf x) { vf_store(p, x); }
SIMD_INLINE void vd_stream(double *p, vd x) { vd_store(p, x); }
SIMD_INLINE void v_fence(void) {}
#endif
/* 1 where v?_stream really is non-temporal. */
#if defined(__SSE2__) || defined(__ARM_NEON)
#define SIMD_HAS_NT 1
#else
#define SIMD_HAS_NT 0
#endif
/* v?_stream2: two adjacent vectors. */
#ifndef SIMD_HAS_STREAM2
SIMD_INLINE void vf_stream2(float *p, vf x, vf y)
{
    vf_stream(p, x);
    vf_stream(p + VF, y);
}
SIMD_INLINE void vd_stream2(double *p, vd x, vd y)
{
    vd_stream(p, x);
    vd_stream(p + VD, y);
}
#endif
#endif

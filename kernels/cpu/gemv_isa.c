/* gemv_isa.c -- matrix-vector product for one ISA: rows of W are read once, in order, several at a time so
 * that x is loaded once for them; sums run in independent vectors. W is prefetched: at memory size the loop
 * is a read stream. */
#include "harness/ironroof.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemv.h"
#include "kernels/cpu/simd.h"

#ifndef GEMV_AHEAD
#define GEMV_AHEAD 1024
#endif
#ifndef GEMV_ROWS
#define GEMV_ROWS 4
#endif
enum { AHEAD_B = GEMV_AHEAD };

typedef uint32_t word_v __attribute__((vector_size(VBYTES), may_alias));
typedef struct {
    vf even, odd;
} pair_v;
/* 2 VF bf16 values as two vectors: those in the lower and in the upper halves of the words. x is split the
 * same way, so that a dot product needs no reordering. */
SIMD_INLINE pair_v gemv_widen(const char *p)
{
    word_v u;
    memcpy(&u, p, sizeof u);
    return (pair_v){(vf)(u << 16), (vf)(u & 0xFFFF0000u)};
}
SIMD_INLINE float gemv_widen1(const char *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    uint32_t u = (uint32_t)h << 16;
    float    f;
    memcpy(&f, &u, sizeof f);
    return f;
}
SIMD_INLINE float gemv_get_f32(const char *p)
{
    float f;
    memcpy(&f, p, sizeof f);
    return f;
}
SIMD_INLINE double gemv_get_f64(const char *p)
{
    double f;
    memcpy(&f, p, sizeof f);
    return f;
}
SIMD_INLINE vf load_f32(const char *p) { return vf_load((const float *)(const void *)p); }
SIMD_INLINE vd load_f64(const char *p) { return vd_load((const double *)(const void *)p); }

/* Two vectors of a row: both into their own sums. Offsets are bytes. AGAIN: the same multiply-adds on the
 * same loaded values, into a third sum, whose beginning the compiler does not know: it cannot take the one
 * for the other. */
#define AGAIN_f32(u, w, x) \
    u = vf_fma(load_f32(w), load_f32(x), u), u = vf_fma(load_f32((w) + VBYTES), load_f32((x) + VBYTES), u)
#define AGAIN_f64(u, w, x) \
    u = vd_fma(load_f64(w), load_f64(x), u), u = vd_fma(load_f64((w) + VBYTES), load_f64((x) + VBYTES), u)
#define AGAIN_bf16(u, w, x) \
    do { \
        pair_v wv = gemv_widen(w), xv = gemv_widen(x), wu = gemv_widen((w) + VBYTES), \
               xu = gemv_widen((x) + VBYTES); \
        u = vf_fma(wv.even, xv.even, u), u = vf_fma(wv.odd, xv.odd, u); \
        u = vf_fma(wu.even, xu.even, u), u = vf_fma(wu.odd, xu.odd, u); \
    } while (0)
#define STEP_f32(s, t, w, x) \
    s = vf_fma(load_f32(w), load_f32(x), s), t = vf_fma(load_f32((w) + VBYTES), load_f32((x) + VBYTES), t)
#define STEP_f64(s, t, w, x) \
    s = vd_fma(load_f64(w), load_f64(x), s), t = vd_fma(load_f64((w) + VBYTES), load_f64((x) + VBYTES), t)
#define STEP_bf16(s, t, w, x) \
    do { \
        pair_v wv = gemv_widen(w), xv = gemv_widen(x), wu = gemv_widen((w) + VBYTES), \
               xu = gemv_widen((x) + VBYTES); \
        s = vf_fma(wv.even, xv.even, s), t = vf_fma(wv.odd, xv.odd, t); \
        s = vf_fma(wu.even, xu.even, s), t = vf_fma(wu.odd, xu.odd, t); \
    } while (0)

/* R rows of k elements, `width` bytes each. */
#define DOTS(type, T, V, v, width, GET) \
    SIMD_INLINE void dots_##type(int R, bool again, T zero, size_t k, const char *w, const char *x, char *y) \
    { \
        const size_t row = k * (width); \
        V            s0 = {0}, s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0; \
        V            u0 = s0 + zero, u1 = u0, u2 = u0, u3 = u0; \
        size_t       i = 0; \
        for (; i + 2 * VBYTES <= row; i += 2 * VBYTES) { \
            for (int l = 0; l < R; l++) \
                for (int b = 0; b < 2 * VBYTES; b += 64) \
                    __builtin_prefetch(w + (size_t)l * row + i + b + AHEAD_B); \
            STEP_##type(s0, t0, w + i, x + i); \
            if (R > 1) STEP_##type(s1, t1, w + row + i, x + i); \
            if (R > 2) STEP_##type(s2, t2, w + 2 * row + i, x + i); \
            if (R > 3) STEP_##type(s3, t3, w + 3 * row + i, x + i); \
            if (!again) continue; \
            AGAIN_##type(u0, w + i, x + i); \
            if (R > 1) AGAIN_##type(u1, w + row + i, x + i); \
            if (R > 2) AGAIN_##type(u2, w + 2 * row + i, x + i); \
            if (R > 3) AGAIN_##type(u3, w + 3 * row + i, x + i); \
        } \
        T half = again ? (T)0.5 : 1; /* both sums are the product: their mean */ \
        T sum[4] = {half * v##_sum(s0 + t0 + u0), half * v##_sum(s1 + t1 + u1), \
                    half * v##_sum(s2 + t2 + u2), half * v##_sum(s3 + t3 + u3)}; \
        for (; i < row; i += (width)) \
            for (int l = 0; l < R; l++) sum[l] += GET(w + (size_t)l * row + i) * GET(x + i); \
        memcpy(y, sum, (size_t)R * sizeof(T)); \
    } \
    SIMD_INLINE void rows_##type(bool again, T zero, size_t rows, size_t k, const void *w, const void *x, \
                                 void *vy) \
    { \
        const char *p = w; \
        char       *y = vy; \
        size_t      i = 0; \
        for (; i + GEMV_ROWS <= rows; i += GEMV_ROWS, p += GEMV_ROWS * k * (width)) \
            dots_##type(GEMV_ROWS, again, zero, k, p, x, y + i * sizeof(T)); \
        for (; i < rows; i++, p += k * (width)) dots_##type(1, again, zero, k, p, x, y + i * sizeof(T)); \
    } \
    static void gemv_##type(size_t rows, size_t k, const void *w, const void *x, void *y) \
    { \
        rows_##type(false, 0, rows, k, w, x, y); \
    } \
    static void twice_##type(size_t rows, size_t k, const void *w, const void *x, void *y) \
    { \
        volatile T zero = 0; \
        rows_##type(true, zero, rows, k, w, x, y); \
    }
DOTS(f32, float, vf, vf, 4, gemv_get_f32)
DOTS(f64, double, vd, vd, 8, gemv_get_f64)
DOTS(bf16, float, vf, vf, 2, gemv_widen1)

const cpu_gemv_table CPU_SYM(cpu_gemv) = {gemv_f32, gemv_f64, gemv_bf16, twice_f32, twice_f64, twice_bf16};

/* linear_i8_body.h -- int8 weights times activations as whole numbers. Included by linear_isa.c only.
 * A block of I8_BLOCK activations becomes 16-bit integers with one scale, the block's largest magnitude over
 * 32767: each is off by at most half of that scale, so a product by at most 2^-16 of largest |x| times the
 * sum of |w|, hundreds of times less than bf16's rounding. Products and sums of a block are exact in 32 bits:
 * 1024 x 128 x 32768 over the lanes of two vectors. A weight costs one widening to 16 bits and one
 * multiply-add of pairs, half of what conversion to f32 costs; that is what a stream of bytes from memory
 * leaves time for. A block with a NaN or an infinity gives NaN. */
#ifndef CPU_LINEAR_I8_BODY_H
#define CPU_LINEAR_I8_BODY_H
#include "kernels/cpu/simd.h"

#include <stdint.h>
#include <string.h>

enum { I8_BLOCK = 1024, I8_HALF = VBYTES / 2 }; /* I8_HALF: weights to a vector of 16-bit integers */
typedef int16_t i16_v __attribute__((vector_size(VBYTES), may_alias));
typedef int16_t i16_few __attribute__((vector_size(VBYTES / 2), may_alias));
typedef int32_t i32_v __attribute__((vector_size(VBYTES), may_alias));

SIMD_INLINE i16_v i16_load(const char *p)
{
    i16_v r;
    memcpy(&r, p, sizeof r);
    return r;
}

/* I8_HALF weights as 16-bit integers. */
SIMD_INLINE i16_v i8_widen(const char *p)
{
#if defined(__AVX512F__)
    return (i16_v)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
#elif defined(__AVX2__)
    return (i16_v)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
#elif defined(__SSE2__)
    __m128i b = _mm_loadl_epi64((const __m128i *)(const void *)p);
    return (i16_v)_mm_srai_epi16(_mm_unpacklo_epi8(b, b), 8);
#elif defined(__ARM_NEON)
    return (i16_v)vmovl_s8(vld1_s8((const int8_t *)p));
#else
    i16_v r;
    for (int l = 0; l < I8_HALF; l++) r[l] = (signed char)p[l];
    return r;
#endif
}

/* sum + a * b, pairs of neighbours added up. */
SIMD_INLINE i32_v i8_pairs(i16_v a, i16_v b, i32_v sum)
{
#if defined(__AVX512F__)
    return sum + (i32_v)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return sum + (i32_v)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return sum + (i32_v)_mm_madd_epi16((__m128i)a, (__m128i)b);
#elif defined(__ARM_NEON)
    int32x4_t s = vmlal_s16((int32x4_t)sum, vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
    return (i32_v)vmlal_s16(s, vget_high_s16((int16x8_t)a), vget_high_s16((int16x8_t)b));
#else
    for (int l = 0; l < VF; l++) sum[l] += a[2 * l] * b[2 * l] + a[2 * l + 1] * b[2 * l + 1];
    return sum;
#endif
}

SIMD_INLINE size_t i8_blocks(size_t c) { return (c + I8_BLOCK - 1) / I8_BLOCK; }
/* A packed row: the integers, zeros up to a whole number of steps, then a scale for each block. */
SIMD_INLINE size_t i8_scales_at(size_t c) { return (c + VBYTES - 1) / VBYTES * VBYTES * sizeof(int16_t); }
SIMD_INLINE size_t i8_row_B(size_t c) { return i8_scales_at(c) + i8_blocks(c) * sizeof(float); }
SIMD_INLINE float  i8_scale(const char *x, size_t c, size_t block)
{
    float f;
    memcpy(&f, x + i8_scales_at(c) + block * sizeof f, sizeof f);
    return f;
}

/* n activations of one block to integers; returns their scale. */
SIMD_INLINE float i8_pack_block(size_t n, const char *x, char *out)
{
    const vf magic = vf_set1(12582912.0f); /* 1.5 * 2^23: rounds to whole numbers */
    vf       odd = {0};                    /* NaN once a NaN or an infinity was seen */
    i32_v    most = {0};                   /* magnitudes compare like their bits */
    float    rest[VF] = {0}, scale, bad = 0;
    uint32_t top = 0;
    size_t   whole = n / VF * VF;
    memcpy(rest, x + whole * sizeof(float), (n - whole) * sizeof(float));
    for (size_t i = 0; i < n; i += VF) {
        vf    v = i < whole ? vf_load((const float *)(const void *)(x + i * sizeof(float))) : vf_load(rest);
        i32_v u = (i32_v)v & 0x7FFFFFFF, more = (i32_v)(u > most);
        most = (u & more) | (most & ~more);
        odd += v * 0;
    }
    for (int l = 0; l < VF; l++) {
        top = (uint32_t)most[l] > top ? (uint32_t)most[l] : top;
        bad += odd[l];
    }
    memcpy(&scale, &top, sizeof scale);
    scale = scale / 32767;
    if (!(scale >= 0x1p-126f)) scale = 0x1p-126f; /* smaller ones have no reciprocal */
    const vf by = vf_set1(bad == 0 ? 1 / scale : 0);
    for (size_t i = 0; i < n; i += VF) {
        vf      v = i < whole ? vf_load((const float *)(const void *)(x + i * sizeof(float))) : vf_load(rest);
        i16_few q = __builtin_convertvector((i32_v)(vf)(v * by + magic) - (i32_v)magic, i16_few);
        memcpy(out + i * sizeof(int16_t), &q, (n - i < VF ? n - i : VF) * sizeof(int16_t));
    }
    return scale + bad;
}

static void i8_pack(size_t c, const void *vx, void *vout)
{
    const char *x = vx;
    char       *out = vout, *scales = out + i8_scales_at(c);
    for (size_t i = 0, b = 0; i < c; i += I8_BLOCK, b++) {
        float s = i8_pack_block(c - i < I8_BLOCK ? c - i : I8_BLOCK, x + i * sizeof(float),
                                out + i * sizeof(int16_t));
        memcpy(scales + b * sizeof s, &s, sizeof s);
    }
    memset(out + c * sizeof(int16_t), 0, i8_scales_at(c) - c * sizeof(int16_t));
}

/* Up to VBYTES weights at p, zero-padded, times packed activations. */
SIMD_INLINE i32_v i8_tail(size_t n, const char *p, const char *x, i32_v sum)
{
    char rest[VBYTES] __attribute__((aligned(64))) = {0};
    memcpy(rest, p, n);
    sum = i8_pairs(i8_widen(rest), i16_load(x), sum);
    return i8_pairs(i8_widen(rest + I8_HALF), i16_load(x + VBYTES), sum);
}

/* One row of X: rows of W one after the other, as memory has them; see lines(). */
static void lines_i8(size_t bytes, const char *w, size_t ws, const char *x, char *y)
{
    enum { TURN = 2 * VBYTES };
    vf s[R4];
    for (int r = 0; r < R4; r++, w += ws) {
        vf sum = {0};
        for (size_t at = 0; at < bytes; at += I8_BLOCK) {
            const size_t end = bytes - at < I8_BLOCK ? bytes : at + I8_BLOCK;
            i32_v        s0 = {0}, s1 = s0, s2 = s0, s3 = s0;
            size_t       i = at;
            for (; i + TURN <= end; i += TURN) {
                const char *p = x + i * sizeof(int16_t);
                s0 = i8_pairs(i8_widen(w + i), i16_load(p), s0);
                s1 = i8_pairs(i8_widen(w + i + I8_HALF), i16_load(p + VBYTES), s1);
                s2 = i8_pairs(i8_widen(w + i + 2 * I8_HALF), i16_load(p + 2 * VBYTES), s2);
                s3 = i8_pairs(i8_widen(w + i + 3 * I8_HALF), i16_load(p + 3 * VBYTES), s3);
            }
            for (; i < end; i += VBYTES)
                s0 = i8_tail(end - i < VBYTES ? end - i : VBYTES, w + i, x + i * sizeof(int16_t), s0);
            sum = vf_fma(__builtin_convertvector((s0 + s1) + (s2 + s3), vf),
                         vf_set1(i8_scale(x, bytes, at / I8_BLOCK)), sum);
        }
        s[r] = sum;
    }
    const f4 t = linear_sums(s[0], s[1], s[2], s[3]);
    memcpy(y, &t, sizeof t);
}

/* ---- several rows of X ----------------------------------------------------------------------- */
#define I8_ZERO(m) i32_v s##m##0 = {0}, s##m##1 = s##m##0, s##m##2 = s##m##0, s##m##3 = s##m##0;
/* X comes from L1 for every row of W: twelve sums, a weight and a product leave no register of 16 for it. The
 * compiler would load it once, multiply first and add later, and keep sums in memory meanwhile. */
#if defined(__SSE2__)
#define I8_NOW(sum) __asm__ volatile("" : "+v"(sum))
#else
#define I8_NOW(sum) (void)0
#endif
#define I8_MUL(m, r) \
    if (m < M) { \
        s##m##r = i8_pairs(wv, i16_load(xs_at + (size_t)m * xs), s##m##r); \
        I8_NOW(s##m##r); \
    }
#define I8_ROW(r) \
    if (r < R) { \
        i16_v       wv = i8_widen(from + (size_t)r * from_s + (size_t)part * I8_HALF); \
        const char *xs_at = x + i * sizeof(int16_t) + (size_t)part * VBYTES; \
        __asm__ volatile("" : "+r"(xs_at)); \
        I8_MUL(0, r) I8_MUL(1, r) I8_MUL(2, r) I8_MUL(3, r) I8_MUL(4, r) I8_MUL(5, r) \
    }
#define I8_STEP \
    for (int part = 0; part < 2; part++) { \
        EACH_W(I8_ROW) \
    }
#define I8_SCALED(m, r) f[m][r] = vf_fma(__builtin_convertvector(s##m##r, vf), by, f[m][r]);
#define I8_SCALE(m) \
    if (m < M) { \
        const vf by = vf_set1(i8_scale(x + (size_t)m * xs, bytes, at / I8_BLOCK)); \
        I8_SCALED(m, 0) I8_SCALED(m, 1) I8_SCALED(m, 2) I8_SCALED(m, 3) \
    }

/* As linear_tile(): R rows of W side by side times M rows of X. */
SIMD_INLINE void i8_tile(int R, int M, size_t bytes, const char *w, size_t ws, const char *x, size_t xs,
                         char *y, size_t ys, int add, const cpu_ahead *ahead)
{
    vf           f[CPU_TILE_M][R4] = {{{0}}};
    const char  *next = w + (ahead ? ahead->by : 0);
    const size_t every = ahead ? ahead->every * VBYTES : 0;
    size_t       due = ahead ? ahead->first * VBYTES : bytes;
    for (size_t at = 0; at < bytes; at += I8_BLOCK) {
        const size_t end = bytes - at < I8_BLOCK ? bytes : at + I8_BLOCK;
        size_t       i = at;
        EACH_X(I8_ZERO)
        for (; i + VBYTES <= end; i += VBYTES) {
            const char  *from = w + i;
            const size_t from_s = ws;
            if (i == due) {
                for (int line = 0; line < R * VBYTES; line += 64)
                    __builtin_prefetch(next + i * (size_t)R + line);
                due += every;
            }
            I8_STEP
        }
        if (i < end) {
            char         rest[R4 * VBYTES] __attribute__((aligned(64))) = {0};
            const char  *from = rest;
            const size_t from_s = VBYTES;
            for (int r = 0; r < R; r++) memcpy(rest + r * VBYTES, w + i + (size_t)r * ws, end - i);
            I8_STEP
        }
        EACH_X(I8_SCALE)
    }
    for (int m = 0; m < M; m++) {
        f4 t = linear_sums(f[m][0], f[m][1], f[m][2], f[m][3]), old = {0};
        if (add) memcpy(&old, y + (size_t)m * ys, (size_t)R * sizeof(float));
        t += old;
        memcpy(y + (size_t)m * ys, &t, (size_t)R * sizeof(float));
    }
}
#endif

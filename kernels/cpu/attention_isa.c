/* attention_isa.c -- probabilities times values for one ISA: a vector of V is loaded (and widened) once for
 * several queries; sums stay in registers over the block's keys. */
#include "kernels/cpu/attention.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/simd_exp.h"
#include "kernels/nets/values.h"

#include <math.h>

#if defined(__AVX512F__) || defined(__ARM_NEON)
enum { MOST = 6 };
#else
enum { MOST = 2 };
#endif
typedef uint32_t word_v __attribute__((vector_size(VBYTES), may_alias));
typedef uint16_t half_v __attribute__((vector_size(VBYTES / 2), may_alias));

SIMD_INLINE vf attention_value(int wide, const char *v, size_t i)
{
    if (!wide) return vf_load((const float *)(const void *)(v + i * 4));
    half_v h;
    memcpy(&h, v + i * 2, sizeof h);
    return (vf)(__builtin_convertvector(h, word_v) << 16);
}

#define EACH(F) F(0) F(1) F(2) F(3) F(4) F(5)
#define IN(m) \
    vf a##m##0 = {0}, a##m##1 = a##m##0, a##m##2 = a##m##0, a##m##3 = a##m##0; \
    if (m < M) { \
        a##m##0 = vf_load(acc + m * as); \
        if (NV > 1) a##m##1 = vf_load(acc + m * as + VF); \
        if (NV > 2) a##m##2 = vf_load(acc + m * as + 2 * VF); \
        if (NV > 3) a##m##3 = vf_load(acc + m * as + 3 * VF); \
    }
#define MUL(m) \
    if (m < M) { \
        vf w = p[m * ps + j] - (vf){0}; /* broadcast */ \
        a##m##0 = vf_fma(w, v0, a##m##0); \
        if (NV > 1) a##m##1 = vf_fma(w, v1, a##m##1); \
        if (NV > 2) a##m##2 = vf_fma(w, v2, a##m##2); \
        if (NV > 3) a##m##3 = vf_fma(w, v3, a##m##3); \
    }
#define OUT(m) \
    if (m < M) { \
        vf_store(acc + m * as, a##m##0); \
        if (NV > 1) vf_store(acc + m * as + VF, a##m##1); \
        if (NV > 2) vf_store(acc + m * as + 2 * VF, a##m##2); \
        if (NV > 3) vf_store(acc + m * as + 3 * VF, a##m##3); \
    }
SIMD_INLINE void attention_tile(int wide, int M, int NV, size_t n, size_t dh, const float *p, size_t ps,
                                const char *v, float *acc, size_t as)
{
    EACH(IN)
    for (size_t j = 0; j < n; j++, v += dh * (wide ? 2 : 4)) {
        vf v0 = attention_value(wide, v, 0), v1 = v0, v2 = v0, v3 = v0;
        if (NV > 1) v1 = attention_value(wide, v, VF);
        if (NV > 2) v2 = attention_value(wide, v, 2 * VF);
        if (NV > 3) v3 = attention_value(wide, v, 3 * VF);
        EACH(MUL)
    }
    EACH(OUT)
}

/* One row of the tile count M over all of dh. */
SIMD_INLINE void attention_rows_of(int wide, int M, size_t n, size_t dh, const float *p, size_t ps,
                                   const char *v, float *acc, size_t as)
{
    const size_t width = wide ? 2 : 4;
    size_t       d = 0;
    for (; d + 4 * VF <= dh; d += 4 * VF)
        attention_tile(wide, M, 4, n, dh, p, ps, v + d * width, acc + d, as);
    for (; d + VF <= dh; d += VF) attention_tile(wide, M, 1, n, dh, p, ps, v + d * width, acc + d, as);
    for (; d < dh; d++)
        for (int m = 0; m < M; m++)
            for (size_t j = 0; j < n; j++) {
                float    f;
                uint16_t h;
                if (wide)
                    memcpy(&h, v + (j * dh + d) * 2, sizeof h), f = ir_bf16_to_f32(h);
                else
                    memcpy(&f, v + (j * dh + d) * 4, sizeof f);
                acc[(size_t)m * as + d] += p[(size_t)m * ps + j] * f;
            }
}

#define ROWS(M) \
    static void rows_##M(int wide, size_t n, size_t dh, const float *p, size_t ps, const char *v, \
                         float *acc, size_t as) \
    { \
        if (wide) \
            attention_rows_of(1, M, n, dh, p, ps, v, acc, as); \
        else \
            attention_rows_of(0, M, n, dh, p, ps, v, acc, as); \
    }
ROWS(1)
ROWS(2)
#if defined(__AVX512F__) || defined(__ARM_NEON)
ROWS(3)
ROWS(4)
ROWS(5)
ROWS(6)
#endif

static void weigh(ir_dtype t, size_t rows, size_t n, size_t dh, const float *p, size_t ps, const void *v,
                  float *acc, size_t as)
{
    typedef void (*rows_fn)(int, size_t, size_t, const float *, size_t, const char *, float *, size_t);
    static const rows_fn fn[] = {
        NULL,
        rows_1,
        rows_2,
#if defined(__AVX512F__) || defined(__ARM_NEON)
        rows_3,
        rows_4,
        rows_5,
        rows_6
#endif
    };
    for (size_t m = 0; m < rows; m += MOST)
        fn[rows - m < MOST ? rows - m : MOST](t != IR_F32, n, dh, p + m * ps, ps, v, acc + m * as, as);
}

/* ---- caches that are widened ----------------------------------------------------------------- */
SIMD_INLINE float attention_half(const char *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return ly_f16_to_f32(h);
}

static void widen_f16(size_t n, const char *x, float *out)
{
    size_t i = 0;
#if defined(__F16C__)
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i,
                         _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(x + 2 * i))));
#endif
    for (; i < n; i++) out[i] = attention_half(x + 2 * i);
}

static void widen_i8(size_t n, const char *x, float *out)
{
    for (size_t i = 0; i < n; i += LY_KV_GROUP, x += LY_KV_BLOCK_B) {
        const float d = attention_half(x);
        size_t      j = 0;
#if defined(__AVX2__)
        for (; j < LY_KV_GROUP; j += 8) {
            __m128i q = _mm_loadl_epi64((const __m128i *)(const void *)(x + 2 + j));
            _mm256_storeu_ps(out + i + j,
                             _mm256_mul_ps(_mm256_set1_ps(d), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q))));
        }
#endif
        for (; j < LY_KV_GROUP; j++) out[i + j] = d * (float)(signed char)x[2 + j];
    }
}

static void widen(ir_dtype t, size_t n, size_t dh, const void *rows, float *out)
{
    if (t == IR_F16)
        widen_f16(n * dh, rows, out);
    else
        widen_i8(n * dh, rows, out);
}

/* ---- many queries ---------------------------------------------------------------------------- */
/* mr is a constant where it is one of the tiles': a row is a few moves then. */
SIMD_INLINE void attention_panel(size_t n, size_t dh, size_t mr, const char *at, float *out)
{
    for (size_t j = 0; j < n; j++) memcpy(out + j * mr, at + j * dh * sizeof(float), mr * sizeof(float));
}
/* bf16, and the last columns, which may be fewer than mr. */
static void attention_narrow_panel(ir_dtype t, size_t n, size_t dh, size_t mr, size_t cols, const char *at,
                                   float *out)
{
    memset(out, 0, n * mr * sizeof *out);
    for (size_t j = 0; j < n; j++)
        for (size_t c = 0; c < cols; c++) {
            uint16_t h;
            if (t == IR_F32)
                memcpy(out + j * mr + c, at + (j * dh + c) * sizeof(float), sizeof(float));
            else
                memcpy(&h, at + (j * dh + c) * sizeof h, sizeof h), out[j * mr + c] = ir_bf16_to_f32(h);
        }
}
static void attention_panels(ir_dtype t, size_t n, size_t dh, size_t mr, const void *v, float *out)
{
    const char *at = v;
    for (size_t d = 0; d < dh; d += mr, out += n * mr, at += mr * (t == IR_F32 ? 4 : 2)) {
        if (dh - d < mr)
            attention_narrow_panel(t, n, dh, mr, dh - d, at, out);
        else if (t == IR_F32 && mr == 6)
            attention_panel(n, dh, 6, at, out);
        else if (t == IR_F32 && mr == 14)
            attention_panel(n, dh, 14, at, out);
        else if (t == IR_F32 && mr == 8)
            attention_panel(n, dh, 8, at, out);
        else
            attention_narrow_panel(t, n, dh, mr, mr, at, out);
    }
}

/* Scores of keys that a query must not see become minus infinity. */
static void attention_hide(size_t n, size_t nr, ptrdiff_t first, float *s)
{
    for (size_t k = 0; k < n; k++)
        for (ptrdiff_t q = 0; q < (ptrdiff_t)nr && q < first + (ptrdiff_t)k; q++)
            s[k * nr + (size_t)q] = -INFINITY;
}

static void attention_fold(size_t n, size_t nr, ptrdiff_t first, float *s, float *max, float *sum, size_t dh,
                           float *o)
{
    if (first + (ptrdiff_t)n > 1) attention_hide(n, nr, first, s);
    for (size_t v = 0; v < nr; v += VF) {
        const vf before = vf_load(max + v);
        vf       most = before, more = before, total = {0}, rest = total;
        size_t   k = 0;
        for (; k + 2 <= n; k += 2) {
            most = vf_at_least(vf_load(s + k * nr + v), most);
            more = vf_at_least(vf_load(s + (k + 1) * nr + v), more);
        }
        if (k < n) most = vf_at_least(vf_load(s + k * nr + v), most);
        most = vf_at_least(more, most);
        for (k = 0; k + 2 <= n; k += 2) {
            vf a = vf_exp(vf_load(s + k * nr + v) - most), b = vf_exp(vf_load(s + (k + 1) * nr + v) - most);
            vf_store(s + k * nr + v, a);
            vf_store(s + (k + 1) * nr + v, b);
            total += a, rest += b;
        }
        for (; k < n; k++) {
            vf a = vf_exp(vf_load(s + k * nr + v) - most);
            vf_store(s + k * nr + v, a);
            total += a;
        }
        const vf down = vf_exp(before - most);
        vf_store(max + v, most);
        vf_store(sum + v, vf_fma(vf_load(sum + v), down, total + rest));
        bool same = true;
        for (int l = 0; l < VF; l++) same = same && down[l] == 1;
        for (size_t d = 0; d < dh && !same; d++) vf_store(o + d * nr + v, vf_load(o + d * nr + v) * down);
    }
}

const cpu_attention_ops CPU_SYM(cpu_attention) = {
    .weigh = weigh, .widen = widen, .panels = attention_panels, .fold = attention_fold};

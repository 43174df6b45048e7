/* linear_q_isa.c -- rows of W in groups, or in e4m3, for one ISA; see linear_q.h.
 * A packed row of X for whole numbers: c bytes, then from the next multiple of 64 per block of 32 its scale
 * d, then per block d times the sum of its bytes. For f32: c floats, then per block their sum. */
#include "kernels/cpu/linear_q.h"
#include "kernels/cpu/simd.h"
#include "kernels/nets/values.h"

#include <math.h>

enum { BLOCK = CPU_Q_BLOCK, HALF = BLOCK / 2 };
typedef int32_t  int_v __attribute__((vector_size(VBYTES), may_alias));
typedef uint32_t word_v __attribute__((vector_size(VBYTES), may_alias));

static size_t q_up(size_t n, size_t to) { return (n + to - 1) / to * to; }
static size_t q_blocks(size_t c) { return (c + BLOCK - 1) / BLOCK; }
static size_t values_B(cpu_q_way way, size_t c)
{
    return q_up(q_blocks(c) * BLOCK * (way == CPU_Q_EXACT ? sizeof(float) : 1), 64);
}
static size_t packed_B(cpu_q_way way, size_t c)
{
    return values_B(way, c) + q_up(q_blocks(c) * sizeof(float) * (way == CPU_Q_EXACT ? 1 : 2), 64);
}

SIMD_INLINE float q_half(const char *p)
{
#if defined(__ARM_NEON)
    __fp16 h;
    memcpy(&h, p, sizeof h);
    return (float)h;
#else
    uint16_t h;
    memcpy(&h, p, sizeof h);
#if defined(__F16C__)
    return _cvtsh_ss(h);
#else
    return ly_f16_to_f32(h);
#endif
#endif
}

/* The number of row j's first zero point, and number `at` of them. */
SIMD_INLINE size_t q_zero_at(const cpu_q_matrix *w, size_t j)
{
    return w->zeros ? w->zero_at + j * (w->c / w->group) : 0;
}
SIMD_INLINE float q_zero(const cpu_q_matrix *w, size_t at)
{
    return w->zeros ? (float)((unsigned char)w->zeros[at / 2] >> at % 2 * 4 & 15) : 8;
}

/* ---- packing --------------------------------------------------------------------------------- */
/* One block of n <= 32 values, NaN if one of them is. */
static void pack_block(const float *x, signed char *q, float *d, float *sum)
{
    float most = 0, nan = 0;
    int   total = 0;
    for (int i = 0; i < BLOCK; i++) {
        const float a = fabsf(x[i]);
        nan += x[i] * 0;
        most = a > most ? a : most;
    }
    const float scale = most / 127, by = most > 0 ? 127 / most : 0;
    for (int i = 0; i < BLOCK; i++) {
        const float v = nan == 0 ? x[i] * by + 12582912.0f : 12582912.0f; /* 1.5 * 2^23: rounds */
        int32_t     n;
        memcpy(&n, &v, sizeof n);
        n -= 0x4B400000;
        q[i] = (signed char)n;
        total += n;
    }
    *d = scale + nan;
    *sum = *d * (float)total;
}

static void q_pack(cpu_q_way way, size_t c, const void *vx, void *vout)
{
    const char *x = vx;
    char       *out = vout;
    float      *d = (float *)(void *)(out + values_B(way, c)), *sum = d + q_blocks(c);
    for (size_t b = 0; b < q_blocks(c); b++) {
        const size_t at = b * BLOCK, n = c - at < BLOCK ? c - at : BLOCK;
        float        v[BLOCK] = {0};
        memcpy(v, x + at * sizeof(float), n * sizeof(float));
        if (way != CPU_Q_EXACT) {
            pack_block(v, (signed char *)out + at, &d[b], &sum[b]);
            continue;
        }
        memcpy(out + at * sizeof(float), v, sizeof v);
        float s = 0;
        for (int i = 0; i < BLOCK; i++) s += v[i];
        d[b] = s;
    }
}

/* ---- 32 weights ------------------------------------------------------------------------------ */
#if defined(__AVX2__)
/* Sums of products of 32 pairs in eight lanes. q: whole numbers 0 to 15 (i4) or -127 to 127. */
SIMD_INLINE __m256i q_products(cpu_q_kind kind, cpu_q_way way, __m256i q, __m256i x)
{
    __m256i sum = _mm256_setzero_si256();
    if (kind == CPU_Q_I8) {
        x = _mm256_sign_epi8(x, q);
        q = _mm256_abs_epi8(q);
    }
#if defined(__AVX512F__)
    if (way == CPU_Q_VNNI512) {
        __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(q), "v"(x));
        return sum;
    }
#endif
    if (way == CPU_Q_VNNI) {
        __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(q), "x"(x));
        return sum;
    }
    return _mm256_madd_epi16(_mm256_maddubs_epi16(q, x), _mm256_set1_epi16(1));
}

SIMD_INLINE __m256i q_values(cpu_q_kind kind, const char *p)
{
    if (kind == CPU_Q_I8) return _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    return _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(v, 4), v), _mm256_set1_epi8(15));
}

typedef __m256    q_sum;
SIMD_INLINE q_sum q_none(void) { return _mm256_setzero_ps(); }
SIMD_INLINE q_sum q_add(cpu_q_kind kind, cpu_q_way way, const char *p, const char *x, float by, q_sum s)
{
    __m256i n = q_products(kind, way, q_values(kind, p), _mm256_load_si256((const __m256i *)(const void *)x));
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(n), _mm256_set1_ps(by), s);
}
SIMD_INLINE float q_total(q_sum a, q_sum b)
{
    __m256 s = _mm256_add_ps(a, b);
    __m128 h = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
    h = _mm_add_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_add_ss(h, _mm_shuffle_ps(h, h, 1)));
}
#elif defined(__ARM_NEON)
SIMD_INLINE int32x4_t q_products(int8x16_t q, int8x16_t x, int32x4_t sum)
{
    int16x8_t lo = vmull_s8(vget_low_s8(q), vget_low_s8(x)), hi = vmull_s8(vget_high_s8(q), vget_high_s8(x));
    return vpadalq_s16(vpadalq_s16(sum, lo), hi);
}
typedef float32x4_t q_sum;
SIMD_INLINE q_sum q_none(void) { return vdupq_n_f32(0); }
SIMD_INLINE q_sum q_add(cpu_q_kind kind, cpu_q_way way, const char *p, const char *x, float by, q_sum s)
{
    (void)way;
    const int8_t *xs = (const int8_t *)x;
    int8x16_t v = vld1q_s8((const int8_t *)p), lo = v, hi;
    if (kind == CPU_Q_I4) {
        lo = vandq_s8(v, vdupq_n_s8(15));
        hi = vreinterpretq_s8_u8(vshrq_n_u8(vreinterpretq_u8_s8(v), 4));
    } else {
        hi = vld1q_s8((const int8_t *)p + HALF);
    }
    int32x4_t n = q_products(hi, vld1q_s8(xs + HALF), q_products(lo, vld1q_s8(xs), vdupq_n_s32(0)));
    return vfmaq_n_f32(s, vcvtq_f32_s32(n), by);
}
SIMD_INLINE float q_total(q_sum a, q_sum b) { return vaddvq_f32(vaddq_f32(a, b)); }
#else
typedef float     q_sum;
SIMD_INLINE q_sum q_none(void) { return 0; }
SIMD_INLINE q_sum q_add(cpu_q_kind kind, cpu_q_way way, const char *p, const char *x, float by, q_sum s)
{
    int n = 0;
    (void)way;
    for (int i = 0; i < HALF; i++) {
        const int lo = kind == CPU_Q_I4 ? p[i] & 15 : ((const signed char *)p)[i];
        const int hi = kind == CPU_Q_I4 ? (unsigned char)p[i] >> 4 : ((const signed char *)p)[i + HALF];
        n += lo * ((const signed char *)x)[i] + hi * ((const signed char *)x)[i + HALF];
    }
    return s + (float)n * by;
}
SIMD_INLINE float q_total(q_sum a, q_sum b) { return a + b; }
#endif

/* ---- whole numbers --------------------------------------------------------------------------- */
#define EACH(F) F(0) F(1) F(2) F(3)
#define Q_BEGIN(m) \
    const char  *x##m = x + (m < M ? (size_t)m * xs : 0); \
    const float *d##m = (const float *)(const void *)(x##m + at), *t##m = d##m + blocks; \
    q_sum        a##m = q_none(), b##m = a##m; \
    float        z##m = 0;
#define Q_ONE(m, sum, k) \
    if (m < M) { \
        sum##m = q_add(kind, way, p + (k)*B, x##m + (b + (k)) * BLOCK, scale * d##m[b + (k)], sum##m); \
        if (kind == CPU_Q_I4) z##m += zero * t##m[b + (k)]; \
    }
#define Q_A(m)     Q_ONE(m, a, i)
#define Q_B(m)     Q_ONE(m, b, i + 1)
#define Q_LAST(m)  Q_ONE(m, a, each - 1)
#define Q_OTHER(m) Q_ONE(m, b, each - 1)
#define Q_END(m) \
    if (m < M) { \
        const float sum = q_total(a##m, b##m) - z##m; \
        memcpy(y + m * ys * sizeof(float), &sum, sizeof sum); \
    }
/* The groups of row j: BEGIN and END once for each x; between them, group by group, what follows, which sees
 * the group's scale and zero point and finds its values at p. */
#define WALK_GROUPS(way, BEGIN, END, ...) \
    const size_t blocks = q_blocks(w->c), at = values_B(way, w->c), each = w->group / BLOCK, \
                 B = kind == CPU_Q_I4 ? HALF : BLOCK; \
    const size_t zeros = q_zero_at(w, j); \
    const char  *p = w->w + j * w->row_B; \
    EACH(BEGIN) \
    for (size_t b = 0, g = 0; b < blocks; b += each, g++, p += w->block_B - 2) { \
        const float scale = q_half(p), zero = kind == CPU_Q_I4 ? scale * q_zero(w, zeros + g) : 0; \
        p += 2; \
        __VA_ARGS__ \
    } \
    EACH(END)

#define Q_PAIRS \
    for (size_t i = 0; i + 2 <= each; i += 2) { \
        EACH(Q_A) \
        EACH(Q_B) \
    } \
    if (each % 2 && g % 2) { \
        EACH(Q_OTHER) \
    } else if (each % 2) { \
        EACH(Q_LAST) \
    }
SIMD_INLINE void dot_groups(cpu_q_kind kind, cpu_q_way way, int M, const cpu_q_matrix *w, size_t j,
                            const char *x, size_t xs, char *y,
                            size_t ys){WALK_GROUPS(way, Q_BEGIN, Q_END, Q_PAIRS)}

/* Groups of one block, two at a time: what a group needs once is then as much work as its weights. */
#define S_ONE(m, sum, k) \
    if (m < M) { \
        sum##m = q_add(kind, way, p##k + 2, x##m + (b + k) * BLOCK, scale##k * d##m[b + k], sum##m); \
        if (kind == CPU_Q_I4) z##m += zero##k * t##m[b + k]; \
    }
#define S_FIRST(m)  S_ONE(m, a, 0)
#define S_SECOND(m) S_ONE(m, b, 1)
#define S_GROUP(k) \
    const char *const p##k = p + (k)*STEP_B; \
    const float       scale##k = q_half(p##k), zero##k = scale##k * (zeros ? q_zero(w, z + b + k) : 8);
SIMD_INLINE void dot_single(cpu_q_kind kind, cpu_q_way way, int M, bool zeros, const cpu_q_matrix *w,
                            size_t j, const char *x, size_t xs, char *y, size_t ys)
{
    const size_t blocks = w->c / BLOCK, at = values_B(way, w->c), z = q_zero_at(w, j);
    const size_t STEP_B = kind == CPU_Q_I4 ? HALF + 2 : BLOCK + 2;
    const char  *p = w->w + j * w->row_B;
    size_t       b = 0;
    EACH(Q_BEGIN)
    for (; b + 2 <= blocks; b += 2, p += 2 * STEP_B) {
        S_GROUP(0)
        S_GROUP(1)
        EACH(S_FIRST)
        EACH(S_SECOND)
    }
    if (b < blocks) {
        S_GROUP(0)
        EACH(S_FIRST)
    }
    EACH(Q_END)
}
#if defined(__AVX512F__)
#include "kernels/cpu/linear_q_pairs_body.h"
#endif
SIMD_INLINE void dot_int(cpu_q_kind kind, cpu_q_way way, int M, const cpu_q_matrix *w, size_t j,
                         const char *x, size_t xs, char *y, size_t ys)
{
#if defined(__AVX512F__)
    if (way == CPU_Q_VNNI512 && w->group == BLOCK && !w->zeros) {
        dot_pairs(kind, M, w, j, x, xs, y, ys);
        return;
    }
#endif
    if (w->group != BLOCK)
        dot_groups(kind, way, M, w, j, x, xs, y, ys);
    else if (w->zeros)
        dot_single(kind, way, M, true, w, j, x, xs, y, ys);
    else
        dot_single(kind, way, M, false, w, j, x, xs, y, ys);
}

/* ---- f32 ------------------------------------------------------------------------------------- */
#if defined(__AVX2__)
/* e4m3's bits are those of an f16 that is 2^8 smaller; its tiny numbers cost no more than others. */
SIMD_INLINE __m256 q_e4m3_8(const unsigned char *p)
{
    const __m128i v = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)p)),
                  mag = _mm_and_si128(v, _mm_set1_epi16(0x7F)),
                  nan = _mm_and_si128(_mm_cmpeq_epi16(mag, _mm_set1_epi16(0x7F)), _mm_set1_epi16(0x7E00)),
                  sign = _mm_slli_epi16(_mm_and_si128(v, _mm_set1_epi16(0x80)), 8);
    const __m128i h = _mm_or_si128(_mm_or_si128(_mm_slli_epi16(mag, 7), sign), nan);
    return _mm256_mul_ps(_mm256_cvtph_ps(h), _mm256_set1_ps(256));
}
SIMD_INLINE vf q_e4m3(const unsigned char *p)
{
#if defined(__AVX512F__)
    return (vf)_mm512_insertf32x8(_mm512_castps256_ps512(q_e4m3_8(p)), q_e4m3_8(p + 8), 1);
#else
    return (vf)q_e4m3_8(p);
#endif
}
#endif

/* VF bytes as floats: unsigned values of i4, signed ones, e4m3. */
SIMD_INLINE vf q_widen(cpu_q_kind kind, const unsigned char *p)
{
    int_v v;
#if defined(__AVX2__)
    if (kind == CPU_Q_F8) return q_e4m3(p);
#endif
#if defined(__AVX512F__)
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)p);
    v = kind == CPU_Q_I8 ? (int_v)_mm512_cvtepi8_epi32(b) : (int_v)_mm512_cvtepu8_epi32(b);
#elif defined(__AVX2__)
    __m128i b = _mm_loadl_epi64((const __m128i *)(const void *)p);
    v = kind == CPU_Q_I8 ? (int_v)_mm256_cvtepi8_epi32(b) : (int_v)_mm256_cvtepu8_epi32(b);
#else
    for (int l = 0; l < VF; l++) v[l] = kind == CPU_Q_I8 ? (int)(signed char)p[l] : (int)p[l];
#endif
    if (kind != CPU_Q_F8) return __builtin_convertvector(v, vf);
    const word_v u = (word_v)v, sign = (u & 0x80u) << 24, mag = u & 0x7Fu, nan = (word_v)(mag == 0x7Fu);
    const vf     f = (vf)(mag << 20) * vf_set1(0x1p120f);
    return (vf)(((word_v)f & ~nan) | (nan & 0x7FC00000u) | sign);
}

#if defined(__AVX2__)
/* VF of the 16 bytes of v from number `at` on. */
SIMD_INLINE vf q_bytes(__m128i v, int at)
{
#if defined(__AVX512F__)
    (void)at;
    return (vf)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(v));
#else
    return (vf)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(at ? _mm_srli_si128(v, 8) : v));
#endif
}
#endif

/* 32 weights times x. */
SIMD_INLINE vf q_stretch(cpu_q_kind kind, const char *p, const float *x, vf sum)
{
    if (kind == CPU_Q_I4) {
#if defined(__AVX2__)
        const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p), low = _mm_set1_epi8(15),
                      lo = _mm_and_si128(v, low), hi = _mm_and_si128(_mm_srli_epi16(v, 4), low);
        for (int i = 0; i < HALF; i += VF) sum = vf_fma(q_bytes(lo, i), vf_load(x + i), sum);
        for (int i = 0; i < HALF; i += VF) sum = vf_fma(q_bytes(hi, i), vf_load(x + HALF + i), sum);
#else
        unsigned char v[BLOCK] __attribute__((aligned(64)));
        for (int i = 0; i < HALF; i++) {
            v[i] = (unsigned char)(p[i] & 15);
            v[i + HALF] = (unsigned char)((unsigned char)p[i] >> 4);
        }
        for (int i = 0; i < BLOCK; i += VF) sum = vf_fma(q_widen(kind, v + i), vf_load(x + i), sum);
#endif
        return sum;
    }
    for (int i = 0; i < BLOCK; i += VF)
        sum = vf_fma(q_widen(kind, (const unsigned char *)p + i), vf_load(x + i), sum);
    return sum;
}

#define F_BEGIN(m) \
    const float *x##m = (const float *)(const void *)(x + (m < M ? (size_t)m * xs : 0)); \
    const float *t##m = (const float *)(const void *)((const char *)x##m + at); \
    vf           a##m = {0}; \
    float        z##m = 0;
#define F_GROUP(m) vf u##m = {0};
#define F_ONE(m) \
    if (m < M) { \
        u##m = q_stretch(kind, p + i * B, x##m + (b + i) * BLOCK, u##m); \
        if (kind == CPU_Q_I4) z##m += zero * t##m[b + i]; \
    }
#define F_SCALE(m) \
    if (m < M) a##m = vf_fma(u##m, vf_set1(scale), a##m);
#define F_END(m) \
    if (m < M) { \
        const float sum = vf_sum(a##m) - z##m; \
        memcpy(y + m * ys * sizeof(float), &sum, sizeof sum); \
    }
#define F_BLOCKS \
    EACH(F_GROUP) \
    for (size_t i = 0; i < each; i++) { \
        EACH(F_ONE) \
    } \
    EACH(F_SCALE)
SIMD_INLINE void dot_exact(cpu_q_kind kind, int M, const cpu_q_matrix *w, size_t j, const char *x, size_t xs,
                           char *y, size_t ys)
{
    WALK_GROUPS(CPU_Q_EXACT, F_BEGIN, F_END, F_BLOCKS);
}

/* A row of e4m3; its end through a copy. */
SIMD_INLINE void dot_f8(int M, const cpu_q_matrix *w, size_t j, const char *x, size_t xs, char *y, size_t ys)
{
    const size_t whole = w->c / BLOCK * BLOCK, at = values_B(CPU_Q_EXACT, w->c);
    const char  *p = w->w + j * w->row_B;
    char         rest[BLOCK] = {0};
    EACH(F_BEGIN)
#define F8_ONE(m) \
    if (m < M) a##m = q_stretch(CPU_Q_F8, p + i, x##m + i, a##m);
    for (size_t i = 0; i < whole; i += BLOCK) {
        EACH(F8_ONE)
    }
    if (whole < w->c) {
        const size_t i = whole;
        memcpy(rest, p + whole, w->c - whole);
        p = rest - whole;
        EACH(F8_ONE)
    }
    (void)t0, (void)t1, (void)t2, (void)t3;
    EACH(F_END)
}

#define WAYS(name, call) \
    static void name(const cpu_q_matrix *w, size_t j, const char *x, size_t xs, int M, char *y, size_t ys) \
    { \
        switch (M) { \
        case 1: call(1); break; \
        case 2: call(2); break; \
        case 3: call(3); break; \
        default: call(4); break; \
        } \
    }
#define I4_INT(n)     dot_int(CPU_Q_I4, CPU_Q_INT, n, w, j, x, xs, y, ys)
#define I8_INT(n)     dot_int(CPU_Q_I8, CPU_Q_INT, n, w, j, x, xs, y, ys)
#define I4_VNNI512(n) dot_int(CPU_Q_I4, CPU_Q_VNNI512, n, w, j, x, xs, y, ys)
#define I8_VNNI512(n) dot_int(CPU_Q_I8, CPU_Q_VNNI512, n, w, j, x, xs, y, ys)
#define I4_VNNI(n)    dot_int(CPU_Q_I4, CPU_Q_VNNI, n, w, j, x, xs, y, ys)
#define I8_VNNI(n)    dot_int(CPU_Q_I8, CPU_Q_VNNI, n, w, j, x, xs, y, ys)
#define I4_EXACT(n)   dot_exact(CPU_Q_I4, n, w, j, x, xs, y, ys)
#define I8_EXACT(n)   dot_exact(CPU_Q_I8, n, w, j, x, xs, y, ys)
#define F8_EXACT(n)   dot_f8(n, w, j, x, xs, y, ys)
WAYS(i4_int, I4_INT)
WAYS(i8_int, I8_INT)
WAYS(i4_exact, I4_EXACT)
WAYS(i8_exact, I8_EXACT)
WAYS(f8_exact, F8_EXACT)
#if defined(__AVX512F__)
WAYS(i4_vnni512, I4_VNNI512)
WAYS(i8_vnni512, I8_VNNI512)
#elif defined(__AVX2__)
WAYS(i4_vnni, I4_VNNI)
WAYS(i8_vnni, I8_VNNI)
#endif

/* ---- weights as f32 -------------------------------------------------------------------------- */
static void load_f8(const unsigned char *p, size_t n, float *out)
{
    size_t i = 0;
    for (; i + BLOCK <= n; i += VF) vf_store(out + i, q_widen(CPU_Q_F8, p + i));
    for (; i < n; i++) out[i] = ly_f8_to_f32(p[i]);
}

static void load_block(cpu_q_kind kind, const char *p, float scale, float zero, float *out)
{
    for (int i = 0; i < HALF; i++) {
        const int lo = kind == CPU_Q_I4 ? p[i] & 15 : ((const signed char *)p)[i];
        const int hi = kind == CPU_Q_I4 ? (unsigned char)p[i] >> 4 : ((const signed char *)p)[i + HALF];
        out[i] = scale * ((float)lo - zero);
        out[i + HALF] = scale * ((float)hi - zero);
    }
}

/* From any block of a group, and n of whole blocks. */
static void q_load(const cpu_q_matrix *w, size_t j, size_t at, size_t n, float *out)
{
    const char *row = w->w + j * w->row_B;
    if (w->kind == CPU_Q_F8) {
        load_f8((const unsigned char *)row + at, n, out);
        return;
    }
    const size_t B = w->kind == CPU_Q_I4 ? HALF : BLOCK, zeros = q_zero_at(w, j);
    size_t       g = at / w->group, in = at % w->group;
    for (size_t e = 0; e < n; g++, in = 0) {
        const char *p = row + g * w->block_B;
        const float scale = q_half(p), zero = w->kind == CPU_Q_I4 ? q_zero(w, zeros + g) : 0;
        for (; in < w->group && e < n; in += BLOCK, e += BLOCK)
            load_block(w->kind, p + 2 + in / BLOCK * B, scale, zero, out + e);
    }
}

#if defined(__AVX512F__)
#include "kernels/cpu/linear_q_panel_body.h"
#endif

const cpu_q_ops CPU_SYM(cpu_q) = {.dot = {[CPU_Q_I4] =
                                              {
                                                  [CPU_Q_EXACT] = i4_exact,
                                                  [CPU_Q_INT] = i4_int,
#if defined(__AVX512F__)
                                                  [CPU_Q_VNNI512] = i4_vnni512,
#elif defined(__AVX2__)
                                                  [CPU_Q_VNNI] = i4_vnni,
#endif
                                              },
                                          [CPU_Q_I8] =
                                              {
                                                  [CPU_Q_EXACT] = i8_exact,
                                                  [CPU_Q_INT] = i8_int,
#if defined(__AVX512F__)
                                                  [CPU_Q_VNNI512] = i8_vnni512,
#elif defined(__AVX2__)
                                                  [CPU_Q_VNNI] = i8_vnni,
#endif
                                              },
                                          [CPU_Q_F8] = {[CPU_Q_EXACT] = f8_exact}},
#if defined(__AVX512F__)
                                  .panel_way = CPU_Q_VNNI512,
                                  .panel_rows = Q_ROWS,
                                  .panel_B = q_panel_B,
                                  .panel = q_panel,
                                  .panel_dot = q_panel_dot,
#endif
                                  .packed_B = packed_B,
                                  .pack = q_pack,
                                  .load = q_load};

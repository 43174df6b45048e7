/* linear_isa.c -- tiles of dot products for one ISA. A tile is R rows of W times M rows of X; both lie along
 * the summed index, so nothing is transposed: each vector of W is loaded and widened once for M rows of X,
 * sums run in R x M independent vectors and are reduced four at a time at the end. With M = 1 it is a read
 * stream. */
#include "kernels/cpu/linear.h"
#include "kernels/cpu/simd.h"

#if defined(__AVX512F__) || defined(__ARM_NEON)
enum { MOST = 6 }; /* 24 linear_sums, 6 vectors of X, one of W: 31 of 32 registers */
#else
enum { MOST = 3 }; /* 12 + 3 + 1 of 16 */
#endif
enum { R4 = CPU_TILE_R };
_Static_assert((int)MOST <= (int)CPU_TILE_M, "tiles are named up to CPU_TILE_M");

typedef float    f4 __attribute__((vector_size(16), may_alias));
typedef uint32_t word_v __attribute__((vector_size(VBYTES), may_alias));
typedef uint16_t half_v __attribute__((vector_size(VBYTES / 2), may_alias));

/* ---- four sums at once ----------------------------------------------------------------------- */
/* Within each quarter of 128 bits a 4 x 4 transposition in linear_sums; then the quarters are added. */
#if VBYTES == 64
#define SHUFFLE(a, b, i, j, k, l) \
    __builtin_shufflevector(a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4, i + 8, j + 8, k + 8, l + 8, \
                            i + 12, j + 12, k + 12, l + 12)
#elif VBYTES == 32
#define SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4)
#else
#define SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#endif
SIMD_INLINE f4 linear_fold(vf x)
{
#if VBYTES == 64
    typedef float f8 __attribute__((vector_size(32)));
    f8            y = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
           __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
    return __builtin_shufflevector(y, y, 0, 1, 2, 3) + __builtin_shufflevector(y, y, 4, 5, 6, 7);
#elif VBYTES == 32
    return __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
#else
    return (f4)x;
#endif
}
SIMD_INLINE f4 linear_sums(vf a, vf b, vf c, vf d)
{
    vf ab = SHUFFLE(a, b, 0, VF, 1, VF + 1) + SHUFFLE(a, b, 2, VF + 2, 3, VF + 3);
    vf cd = SHUFFLE(c, d, 0, VF, 1, VF + 1) + SHUFFLE(c, d, 2, VF + 2, 3, VF + 3);
    return linear_fold(SHUFFLE(ab, cd, 0, 1, VF, VF + 1) + SHUFFLE(ab, cd, 2, 3, VF + 2, VF + 3));
}

/* ---- a step: VBYTES of each row of W, in PARTS vectors --------------------------------------- */
#define PARTS(dot) ((dot) == CPU_DOT_BF16 ? 2 : 1)

/* VF signed bytes as floats. Compilers do this element by element. */
SIMD_INLINE vf signed_bytes(const char *p)
{
#if defined(__AVX512F__)
    return (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
#elif defined(__AVX2__)
    return (vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
#elif defined(__SSE2__)
    int32_t four;
    memcpy(&four, p, sizeof four);
    __m128i b = _mm_cvtsi32_si128(four), w = _mm_srai_epi16(_mm_unpacklo_epi8(b, b), 8);
    return (vf)_mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(w, w), 16));
#elif defined(__ARM_NEON)
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return (vf)vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(four))))));
#else
    vf x;
    for (int l = 0; l < VF; l++) x[l] = (float)(signed char)p[l];
    return x;
#endif
}

SIMD_INLINE vf w_part(cpu_dot dot, int part, const char *p)
{
    word_v u;
    memcpy(&u, p, sizeof u);
    if (dot == CPU_DOT_BF16 && part) u &= 0xFFFF0000u; /* the odd elements */
    if (dot == CPU_DOT_BF16 && !part) u <<= 16;        /* the even ones */
    return (vf)u;
}

SIMD_INLINE vf multiply_add(cpu_dot dot, vf w, vf x, vf sum)
{
#if defined(__AVX512F__)
    if (dot == CPU_DOT_PAIRS) {
        __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
        return sum;
    }
#endif
    (void)dot;
    return vf_fma(w, x, sum);
}

#define EACH_X(F) F(0) F(1) F(2) F(3) F(4) F(5)
#define EACH_W(F) F(0) F(1) F(2) F(3)
#define ZERO(m)   vf s##m##0 = {0}, s##m##1 = s##m##0, s##m##2 = s##m##0, s##m##3 = s##m##0;
#define LOAD_X(m) \
    vf x##m = \
        vf_load((const float *)(const void *)(x + (m < M ? (size_t)m * xs : 0) + (size_t)part * VBYTES));
#define MUL(m, r) \
    if (m < M) s##m##r = multiply_add(dot, wv, x##m, s##m##r);
#define ROW_W(r) \
    if (r < R) { \
        vf wv = w_part(dot, part, w + (size_t)r * ws); \
        MUL(0, r) MUL(1, r) MUL(2, r) MUL(3, r) MUL(4, r) MUL(5, r) \
    }
#define STEP \
    for (int part = 0; part < PARTS(dot); part++) { \
        EACH_X(LOAD_X) \
        EACH_W(ROW_W) \
    }
#define OUT(m) \
    if (m < M) { \
        f4 t = linear_sums(s##m##0, s##m##1, s##m##2, s##m##3), old = {0}; \
        if (add) memcpy(&old, y + m * ys, (size_t)R * sizeof(float)); \
        t += old; \
        memcpy(y + m * ys, &t, (size_t)R * sizeof(float)); \
    }

SIMD_INLINE void linear_tile(cpu_dot dot, int R, int M, size_t bytes, const char *w, size_t ws, const char *x,
                             size_t xs, char *y, size_t ys, int add, const cpu_ahead *ahead)
{
    const size_t whole = bytes / VBYTES * VBYTES, x_step = (size_t)PARTS(dot) * VBYTES;
    EACH_X(ZERO)
    const char *const end = w + whole;
    if (ahead) { /* one counter: general registers are as scarce as vectors */
        const char *next = w + ahead->by, *due = w + ahead->first * VBYTES;
        for (; w != end; w += VBYTES, x += x_step, next += R * VBYTES) {
            if (w == due) {
                for (int line = 0; line < R * VBYTES; line += 64) __builtin_prefetch(next + line);
                due += ahead->every * VBYTES;
            }
            STEP
        }
    } else {
        for (; w != end; w += VBYTES, x += x_step) {
            STEP
        }
    }
    if (whole < bytes) {
        char rest[R4 * VBYTES] __attribute__((aligned(64))) = {0};
        for (int r = 0; r < R; r++) memcpy(rest + r * VBYTES, w + (size_t)r * ws, bytes - whole);
        w = rest;
        ws = VBYTES;
        STEP
    }
    EACH_X(OUT)
}

/* One row of X: rows of W one after the other, as memory has them; four vectors of sums hide the latency. The
 * processor foresees such a stream by itself: with fetches of our own it was slower the further ahead they
 * went (8 KB: 10 % on Zen 4). */
SIMD_INLINE void lines(cpu_dot dot, size_t bytes, const char *w, size_t ws, const char *x, char *y)
{
    const size_t unit = VBYTES / (size_t)PARTS(dot), turn = 4 * unit, whole = bytes / turn * turn;
    vf           s[R4];
    for (int r = 0; r < R4; r++, w += ws) {
        vf          s0 = {0}, s1 = s0, s2 = s0, s3 = s0;
        const char *p = x;
        size_t      i = 0;
        for (; i < whole; i += turn, p += 4 * VBYTES) {
#define USE(k) \
    s##k = vf_fma(w_part(dot, k % PARTS(dot), w + i + k / PARTS(dot) * VBYTES), \
                  vf_load((const float *)(const void *)(p + k * VBYTES)), s##k);
            USE(0) USE(1) USE(2) USE(3)
        }
        for (; i < bytes; i += VBYTES, p += (size_t)PARTS(dot) * VBYTES) {
            char rest[VBYTES] __attribute__((aligned(64))) = {0};
            memcpy(rest, w + i, bytes - i < VBYTES ? bytes - i : VBYTES);
            for (int k = 0; k < PARTS(dot); k++)
                s0 = vf_fma(w_part(dot, k, rest),
                            vf_load((const float *)(const void *)(p + (size_t)k * VBYTES)), s0);
        }
        s[r] = (s0 + s1) + (s2 + s3);
    }
    const f4 t = linear_sums(s[0], s[1], s[2], s[3]);
    memcpy(y, &t, sizeof t);
}
#define LINES(dot, DOT) \
    static void lines_##dot(size_t bytes, const char *w, size_t ws, const char *x, char *y) \
    { \
        lines(DOT, bytes, w, ws, x, y); \
    }
LINES(f32, CPU_DOT_F32)
LINES(bf16, CPU_DOT_BF16)
#undef LINES
#undef USE

#include "kernels/cpu/linear_i8_body.h"

#define TILE(dot, DOT, R, M) \
    static void tile_##dot##_##R##_##M(size_t bytes, const char *w, size_t ws, const char *x, size_t xs, \
                                       char *y, size_t ys, int add, const cpu_ahead *ahead) \
    { \
        if (DOT == CPU_DOT_I8) \
            i8_tile(R, M, bytes, w, ws, x, xs, y, ys, add, ahead); \
        else \
            linear_tile(DOT, R, M, bytes, w, ws, x, xs, y, ys, add, ahead); \
    }
#if defined(__AVX512F__) || defined(__ARM_NEON)
#define TILES_(dot, DOT, R) \
    TILE(dot, DOT, R, 1) \
    TILE(dot, DOT, R, 2) TILE(dot, DOT, R, 3) TILE(dot, DOT, R, 4) TILE(dot, DOT, R, 5) TILE(dot, DOT, R, 6)
#define NAMES(dot, R) \
    { \
        NULL, tile_##dot##_##R##_1, tile_##dot##_##R##_2, tile_##dot##_##R##_3, tile_##dot##_##R##_4, \
            tile_##dot##_##R##_5, tile_##dot##_##R##_6 \
    }
#else
#define TILES_(dot, DOT, R) TILE(dot, DOT, R, 1) TILE(dot, DOT, R, 2) TILE(dot, DOT, R, 3)
#define NAMES(dot, R) \
    { \
        NULL, tile_##dot##_##R##_1, tile_##dot##_##R##_2, tile_##dot##_##R##_3 \
    }
#endif
#define TILES(dot, DOT) TILES_(dot, DOT, 1) TILES_(dot, DOT, 4)
TILES(f32, CPU_DOT_F32)
TILES(bf16, CPU_DOT_BF16)
TILES(i8, CPU_DOT_I8)
#if defined(__AVX512F__)
TILES(pairs, CPU_DOT_PAIRS)
#endif

/* ---- packing --------------------------------------------------------------------------------- */
SIMD_INLINE float get1(const char *p)
{
    float f;
    memcpy(&f, p, sizeof f);
    return f;
}

static size_t linear_steps_of(cpu_dot dot, size_t c)
{
    size_t per = dot == CPU_DOT_F32 ? VBYTES / 4 : VBYTES / 2;
    return (c + per - 1) / per;
}
static size_t row_B(cpu_dot dot, size_t c)
{
    size_t bytes = dot == CPU_DOT_I8 ? i8_row_B(c) : linear_steps_of(dot, c) * (size_t)PARTS(dot) * VBYTES;
    return (bytes + 63) / 64 * 64;
}

/* Position of element i in a packed row: as it is, or evens before odds within each step. */
SIMD_INLINE size_t linear_place(cpu_dot dot, size_t i)
{
    if (dot != CPU_DOT_BF16) return i;
    return i / (2 * VF) * (2 * VF) + (i % 2) * VF + i % (2 * VF) / 2;
}

#if VBYTES == 64
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(a, b)  __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#elif VBYTES == 32
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODDS(a, b)  __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#else
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODDS(a, b)  __builtin_shufflevector(a, b, 1, 3, 5, 7)
#endif

/* Round to nearest even; a NaN keeps its upper half and is made quiet. */
SIMD_INLINE half_v linear_narrow(vf x)
{
    word_v u = (word_v)x, up = (u + 0x7FFFu + (u >> 16 & 1u)) >> 16;
    word_v nan = (word_v)((u & 0x7FFFFFFFu) > 0x7F800000u);
    return __builtin_convertvector((nan & (u >> 16 | 0x40u)) | (~nan & up), half_v);
}

static void linear_pack(cpu_dot dot, size_t c, const void *vx, void *vout)
{
    const char *x = vx;
    char       *out = vout;
    size_t      i = 0, width = dot == CPU_DOT_PAIRS ? 2 : 4;
    if (dot == CPU_DOT_I8) {
        i8_pack(c, vx, vout);
        return;
    }
    for (; i + 2 * VF <= c; i += 2 * VF) {
        vf a = vf_load((const float *)(const void *)(x + i * 4)),
           b = vf_load((const float *)(const void *)(x + i * 4 + VBYTES));
        if (dot == CPU_DOT_PAIRS) {
            half_v h[2] = {linear_narrow(a), linear_narrow(b)};
            memcpy(out + i * 2, h, sizeof h);
            continue;
        }
        vf t[2] = {a, b};
        if (dot == CPU_DOT_BF16) t[0] = EVENS(a, b), t[1] = ODDS(a, b);
        memcpy(out + i * 4, t, sizeof t);
    }
    memset(out + i * width, 0, row_B(dot, c) - i * width);
    for (; i < c; i++) {
        float    f = get1(x + i * 4);
        uint16_t h = ir_f32_to_bf16(f);
        if (width == 2)
            memcpy(out + 2 * i, &h, sizeof h);
        else
            memcpy(out + 4 * linear_place(dot, i), &f, sizeof f);
    }
}

static void linear_widen(ir_dtype t, size_t n, const void *vw, float *out)
{
    const char *w = vw;
    size_t      i = 0;
    if (t == IR_BF16) {
        for (; i + VF <= n; i += VF) {
            half_v h;
            memcpy(&h, w + 2 * i, sizeof h);
            vf_store(out + i, (vf)(__builtin_convertvector(h, word_v) << 16));
        }
        for (; i < n; i++) {
            uint16_t h;
            memcpy(&h, w + 2 * i, sizeof h);
            out[i] = ir_bf16_to_f32(h);
        }
        return;
    }
    for (; i + VF <= n; i += VF) vf_store(out + i, signed_bytes(w + i));
    for (; i < n; i++) out[i] = (float)((const int8_t *)vw)[i];
}

const cpu_linear_ops CPU_SYM(cpu_linear) = {
    .most = MOST,
    .step_B = VBYTES,
    .row_B = row_B,
    .pack = linear_pack,
    .widen = linear_widen,
    .lines = {[CPU_DOT_F32] = lines_f32, [CPU_DOT_BF16] = lines_bf16, [CPU_DOT_I8] = lines_i8},
    .tile = {[CPU_DOT_F32] = {NAMES(f32, 1), NAMES(f32, 4)},
             [CPU_DOT_BF16] = {NAMES(bf16, 1), NAMES(bf16, 4)},
#if defined(__AVX512F__)
             [CPU_DOT_PAIRS] = {NAMES(pairs, 1), NAMES(pairs, 4)},
#endif
             [CPU_DOT_I8] = {NAMES(i8, 1), NAMES(i8, 4)}},
#if defined(__AVX512F__)
    .pairs = true,
#endif
};

/* conv_isa.c -- convolution for one ISA: register tiles of output pixels x output channels that stay in
 * registers over the whole reduction, depthwise rows, pools, Winograd transforms and the element-wise passes.
 */
#include "kernels/cpu/conv.h"
#include "kernels/cpu/simd.h"

/* Pixels x vectors of the tile. HALF: from that pixel on it reads from a second place (the next output row).
 */
#if defined(__AVX512F__)
#define TILE_M 14
#define TILE_V 2
#elif defined(__AVX2__)
#define TILE_M 6
#define TILE_V 2
#elif defined(__ARM_NEON)
#define TILE_M 6
#define TILE_V 4
#else
#define TILE_M 4
#define TILE_V 2
#endif
enum { HALF = TILE_M / 2, NR = TILE_V * VF, AHEAD = 16 * NR };

typedef float any_float __attribute__((aligned(1), may_alias)); /* a float at any byte */
typedef int   vmask __attribute__((vector_size(VBYTES), may_alias));

SIMD_INLINE vf   conv_at(const char *p) { return vf_load((const float *)(const void *)p); }
SIMD_INLINE void conv_put(char *p, vf x) { vf_store((float *)(void *)p, x); }
/* The first n < VF floats; the rest is zero, or stays as it is. */
SIMD_INLINE vf at_n(const char *p, size_t n)
{
    vf x = {0};
    memcpy(&x, p, n * sizeof(float));
    return x;
}
SIMD_INLINE vf   some(const char *p, size_t n) { return n >= VF ? conv_at(p) : at_n(p, n); }
SIMD_INLINE void put_some(char *p, vf x, size_t n)
{
    if (n >= VF)
        conv_put(p, x);
    else
        memcpy(p, &x, n * sizeof(float));
}
SIMD_INLINE vf larger(vf a, vf b)
{
    vmask m = (vmask)(a > b);
    return (vf)(((vmask)a & m) | ((vmask)b & ~m));
}
SIMD_INLINE vf conv_apply(vf x, int act)
{
    const vf six = vf_set1(6);
    if (act == LY_ID) return x;
    x = (vf)((vmask)x & (vmask)(x > (vf){0}));
    if (act == LY_RELU) return x;
    vmask m = (vmask)(x < six);
    return (vf)(((vmask)x & m) | ((vmask)six & ~m));
}

/* ---- the register tile ----------------------------------------------------------------------- */
/* conv_tile() is always_inline and M (pixels), NV (vectors) and PAIR are literals at every call, so what they
 * exclude vanishes. Accumulators are named scalars: arrays may end up in memory. */
#define ROWS(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13)
#define ZERO(i) vf c##i##0 = z0, c##i##1 = z1, c##i##2 = z2, c##i##3 = z3;
/* Input of pixel i: one of two places plus a multiple of the pitch that an address can hold. */
#define STEP(j) \
    ((j) == 0   ? 0 \
     : (j) == 1 ? w1 \
     : (j) == 2 ? 2 * w1 \
     : (j) == 3 ? w3 \
     : (j) == 4 ? 4 * w1 \
     : (j) == 5 ? w5 \
                : 2 * w3)
/* Pixels that EDGE leaves out: 1 the first of a row, 2 the last. */
#define SKIPPED(i) \
    ((EDGE == 1 && (i == 0 || (PAIR && i == HALF))) || (EDGE == 2 && (i == M - 1 || (PAIR && i == HALF - 1))))
#define MUL(i) \
    if (i < M && !SKIPPED(i)) { \
        vf x = *(const any_float *)(i < HALF ? p0 + STEP(i) : p1 + STEP(i - HALF)) - (vf){0}; \
        c##i##0 = vf_fma(x, b0, c##i##0); \
        if (NV > 1) c##i##1 = vf_fma(x, b1, c##i##1); \
        if (NV > 2) c##i##2 = vf_fma(x, b2, c##i##2); \
        if (NV > 3) c##i##3 = vf_fma(x, b3, c##i##3); \
    }
#define TAP \
    for (const float *const end = b + t->c * NR; b != end; b += NR, p0 += 4, p1 += 4, fetched += 64) { \
        vf b0 = vf_load(b), b1 = b0, b2 = b0, b3 = b0; \
        if (NV > 1) b1 = vf_load(b + VF); \
        if (NV > 2) b2 = vf_load(b + 2 * VF); \
        if (NV > 3) b3 = vf_load(b + 3 * VF); \
        for (int l = 0; l < NV * VF; l += 16) __builtin_prefetch(b + AHEAD + l); \
        __builtin_prefetch(next_a + fetched, 0, 2); \
        __builtin_prefetch(next_b + fetched, 0, 2); \
        ROWS(MUL) \
    }
#define PLUS(i) \
    if (i < M) { \
        const char *q = add + i * t->y_pitch; \
        c##i##0 += conv_at(q); \
        if (NV > 1) c##i##1 += conv_at(q + VBYTES); \
        if (NV > 2) c##i##2 += conv_at(q + 2 * VBYTES); \
        if (NV > 3) c##i##3 += conv_at(q + 3 * VBYTES); \
    }
#define RELU(i) \
    c##i##0 = conv_apply(c##i##0, LY_RELU); \
    c##i##1 = conv_apply(c##i##1, LY_RELU); \
    c##i##2 = conv_apply(c##i##2, LY_RELU); \
    c##i##3 = conv_apply(c##i##3, LY_RELU);
#define RELU6(i) \
    c##i##0 = conv_apply(c##i##0, LY_RELU6); \
    c##i##1 = conv_apply(c##i##1, LY_RELU6); \
    c##i##2 = conv_apply(c##i##2, LY_RELU6); \
    c##i##3 = conv_apply(c##i##3, LY_RELU6);
#define OUT(i) \
    if (i < M) { \
        char *q = y + i * t->y_pitch; \
        conv_put(q, c##i##0); \
        if (NV > 1) conv_put(q + VBYTES, c##i##1); \
        if (NV > 2) conv_put(q + 2 * VBYTES, c##i##2); \
        if (NV > 3) conv_put(q + 3 * VBYTES, c##i##3); \
    }
/* The output is written a whole reduction later. */
#define TOUCH(i) \
    if (i < M) { \
        for (int l = 0; l < NV * VBYTES; l += 64) __builtin_prefetch(o->y + i * t->y_pitch + l, 1); \
    }
SIMD_INLINE void conv_tile(int M, int NV, int PAIR, const cpu_conv_tile *t, const cpu_conv_at *o)
{
    vf z0 = {0}, z1 = z0, z2 = z0, z3 = z0;
    if (o->bias) {
        z0 = vf_load(o->bias);
        if (NV > 1) z1 = vf_load(o->bias + VF);
        if (NV > 2) z2 = vf_load(o->bias + 2 * VF);
        if (NV > 3) z3 = vf_load(o->bias + 3 * VF);
    }
    ROWS(TOUCH)
    ROWS(ZERO)
    size_t w1 = t->pitch, w3 = 3 * w1, w5 = 5 * w1, fetched = 0;
    __asm__("" : "+r"(w1), "+r"(w3), "+r"(w5)); /* kept in registers, not folded into one pointer per pixel */
    const char  *next_a = o->next_a, *next_b = o->next_b;
    const float *b = o->b;
    for (size_t k = 0; k < t->chunks; k++) {
        b += o->r_lo * t->cols * t->c * NR;
        for (size_t r = o->r_lo; r < o->r_hi; r++)
            for (size_t s = 0; s < t->cols; s++) {
                const size_t off = k * t->chunk_B + r * t->row_B + s * t->col_B;
                const char  *p0 = o->a0 + off, *p1 = o->a1 + off;
                if (o->left && s == 0) {
                    enum { EDGE = 1 };
                    TAP
                } else if (o->right && s + 1 == t->cols) {
                    enum { EDGE = 2 };
                    TAP
                } else {
                    enum { EDGE = 0 };
                    TAP
                }
            }
        b += (t->rows - o->r_hi) * t->cols * t->c * NR;
    }
    const char *add = o->add;
    char       *y = o->y;
    if (add) {
        ROWS(PLUS)
    }
    const int act = t->act;
    if (act == LY_RELU) {
        ROWS(RELU)
    }
    if (act == LY_RELU6) {
        ROWS(RELU6)
    }
    ROWS(OUT)
}

#define FN(M) \
    static void full##M(const cpu_conv_tile *t, const cpu_conv_at *o) { conv_tile(M, TILE_V, 0, t, o); } \
    static void narrow##M(const cpu_conv_tile *t, const cpu_conv_at *o) { conv_tile(M, 1, 0, t, o); }
static void pair_full(const cpu_conv_tile *t, const cpu_conv_at *o) { conv_tile(TILE_M, TILE_V, 1, t, o); }
static void pair_narrow(const cpu_conv_tile *t, const cpu_conv_at *o) { conv_tile(TILE_M, 1, 1, t, o); }
FN(1)
FN(2)
FN(3)
FN(4)
#if TILE_M > 4
FN(5)
FN(6)
#endif
#if TILE_M > 6
FN(7)
FN(8)
FN(9)
FN(10)
FN(11)
FN(12)
FN(13)
FN(14)
#endif

/* ---- depthwise ------------------------------------------------------------------------------- */
/* What every output of a row shares. */
typedef struct {
    size_t       c, w_step; /* channels; floats from tap to tap */
    const float *w, *bias;
    const char  *add; /* NULL: none */
    char        *y;
    int          act;
    size_t       lo, hi; /* rows of a filter of 3 x 3 that are inside the image */
    const char  *row[3]; /* of each: the input of the first output under its column 0 */
} dw_row;

/* Channels [j, j+n) of outputs [p, p+M): what lies under more than one of them is loaded once. */
SIMD_INLINE void dw_tile(int M, int stride, size_t n, const dw_row *d, const vf *w, vf z, size_t j, size_t p)
{
    const size_t c_B = d->c * 4, out = p * c_B + j * 4;
    vf           a[4];
    for (int i = 0; i < M; i++) a[i] = z;
    for (int r = 0; r < 3; r++) {
        if ((size_t)r < d->lo || (size_t)r >= d->hi) continue;
        const char *x = d->row[r] + p * (size_t)stride * c_B + j * 4;
        for (int q = 0; q < (M - 1) * stride + 3; q++) {
            const vf in = some(x + (size_t)q * c_B, n);
            for (int i = 0; i < M; i++) {
                const int s = q - i * stride;
                if (s >= 0 && s < 3) a[i] = vf_fma(in, w[3 * r + s], a[i]);
            }
        }
    }
    for (int i = 0; i < M; i++) {
        if (d->add) a[i] += some(d->add + out + (size_t)i * c_B, n);
        put_some(d->y + out + (size_t)i * c_B, conv_apply(a[i], d->act), n);
    }
}
SIMD_INLINE vf dw_weights(const dw_row *d, size_t j, vf *w)
{
    for (int i = 0; i < 9; i++) w[i] = vf_load(d->w + (size_t)i * d->w_step + j);
    return d->bias ? vf_load(d->bias + j) : (vf){0};
}

/* Outputs [0, pixels): a vector of a whole line meets them all before the next one, its
 * weights in registers; narrower ones go channel by channel, as they lie. */
SIMD_INLINE void dw_line(int stride, size_t n, const dw_row *d, size_t j, size_t pixels)
{
    vf       w[9];
    const vf z = dw_weights(d, j, w);
    size_t   p = 0;
    for (; p + 4 <= pixels; p += 4) dw_tile(4, stride, n, d, w, z, j, p);
    for (; p + 2 <= pixels; p += 2) dw_tile(2, stride, n, d, w, z, j, p);
    if (p < pixels) dw_tile(1, stride, n, d, w, z, j, p);
}
SIMD_INLINE void dw_across(int M, int stride, const dw_row *d, size_t p)
{
    vf     w[9];
    size_t j = 0;
    for (; j + VF <= d->c; j += VF) {
        const vf z = dw_weights(d, j, w);
        dw_tile(M, stride, VF, d, w, z, j, p);
    }
    if (j == d->c) return;
    const vf z = dw_weights(d, j, w);
    dw_tile(M, stride, d->c - j, d, w, z, j, p);
}
SIMD_INLINE void dw_pixels(int stride, const dw_row *d, size_t pixels)
{
    size_t p = 0;
    if (VBYTES < 64) {
        for (; p + 4 <= pixels; p += 4) dw_across(4, stride, d, p);
        for (; p + 2 <= pixels; p += 2) dw_across(2, stride, d, p);
        if (p < pixels) dw_across(1, stride, d, p);
        return;
    }
    for (; p + VF <= d->c; p += VF) dw_line(stride, VF, d, p, pixels);
    if (p < d->c) dw_line(stride, d->c - p, d, p, pixels);
}
static void dw_pixels1(const dw_row *d, size_t pixels) { dw_pixels(1, d, pixels); }
static void dw_pixels2(const dw_row *d, size_t pixels) { dw_pixels(2, d, pixels); }

/* One output under any taps; those outside the image are left out. */
static void dw_one(const dw_row *d, int ntaps, const char *const *taps, size_t at, const char *add, char *y)
{
    const char *x[CPU_DW_TAPS];
    size_t      w[CPU_DW_TAPS], n = 0;
    for (int i = 0; i < ntaps; i++)
        if (taps[i]) x[n] = taps[i] + at, w[n++] = (size_t)i * d->w_step;
    for (size_t j = 0; j < d->c; j += VF) {
        const size_t m = d->c - j;
        vf           a = d->bias ? vf_load(d->bias + j) : (vf){0}, b = {0};
        size_t       i = 0;
        for (; i + 2 <= n; i += 2) {
            a = vf_fma(some(x[i] + j * 4, m), vf_load(d->w + w[i] + j), a);
            b = vf_fma(some(x[i + 1] + j * 4, m), vf_load(d->w + w[i + 1] + j), b);
        }
        if (i < n) a = vf_fma(some(x[i] + j * 4, m), vf_load(d->w + w[i] + j), a);
        a += b;
        if (add) a += some(add + j * 4, m);
        put_some(y + j * 4, conv_apply(a, d->act), m);
    }
}

/* The rows of a filter of 3 x 3 that are inside the image; false where one is there in part. */
static bool dw_rows(const char *const *taps, dw_row *d)
{
    for (size_t r = 0; r < 3; r++) {
        const char *const *t = taps + 3 * r;
        if (!t[0] != !t[1] || !t[1] != !t[2]) return false;
        d->row[r] = t[0];
        if (!t[0]) continue;
        if (d->lo == d->hi) d->lo = r;
        d->hi = r + 1;
    }
    return true;
}

static void conv_depthwise(size_t pixels, size_t c, int ntaps, const char *const *taps, size_t step_B,
                           const float *w, const float *bias, const char *add, int act, char *y)
{
    const size_t stride = step_B / (c * 4);
    dw_row d = {.c = c, .w_step = (c + 15) / 16 * 16, .w = w, .bias = bias, .add = add, .y = y, .act = act};
    if (ntaps == 9 && (stride == 1 || stride == 2) && dw_rows(taps, &d)) {
        (stride == 1 ? dw_pixels1 : dw_pixels2)(&d, pixels);
        return;
    }
    for (size_t p = 0; p < pixels; p++)
        dw_one(&d, ntaps, taps, p * step_B, add ? add + p * c * 4 : NULL, y + p * c * 4);
}

/* ---- passes and pools ------------------------------------------------------------------------ */
static void add_bias(size_t rows, size_t c, const float *bias, char *y)
{
    for (size_t r = 0; r < rows; r++, y += c * 4)
        for (size_t j = 0; j < c; j += VF)
            put_some(y + j * 4, some(y + j * 4, c - j) + some((const char *)(bias + j), c - j), c - j);
}

static void act_pass(size_t n, int act, char *y)
{
    for (size_t i = 0; i < n; i += VF) put_some(y + i * 4, conv_apply(some(y + i * 4, n - i), act), n - i);
}

static void add_pass(size_t n, const char *a, const char *b, int act, char *y)
{
    for (size_t i = 0; i < n; i += VF)
        put_some(y + i * 4, conv_apply(some(a + i * 4, n - i) + some(b + i * 4, n - i), act), n - i);
}

static void maximum(size_t c, size_t n, const char *const *px, char *y)
{
    for (size_t j = 0; j < c; j += VF) {
        vf m = some(px[0] + j * 4, c - j);
        for (size_t i = 1; i < n; i++) m = larger(some(px[i] + j * 4, c - j), m);
        put_some(y + j * 4, m, c - j);
    }
}

static void conv_mean(size_t c, size_t n, const char *px, size_t px_B, float scale, char *y)
{
    for (size_t j = 0; j < c; j += VF) {
        vf a = {0}, b = {0};
        for (size_t i = 0; i + 1 < n; i += 2) {
            a += some(px + i * px_B + j * 4, c - j);
            b += some(px + (i + 1) * px_B + j * 4, c - j);
        }
        if (n % 2) a += some(px + (n - 1) * px_B + j * 4, c - j);
        put_some(y + j * 4, (a + b) * vf_set1(scale), c - j);
    }
}

/* ---- Winograd F(4x4,3x3): the matrices of Lavin and Gray, arXiv 1509.09308, section 4.3 ------ */
#define WINO_B(o, s, d, e) \
    do { \
        vf d0 = d[0 * (e)], d1 = d[1 * (e)], d2 = d[2 * (e)], d3 = d[3 * (e)], d4 = d[4 * (e)], \
           d5 = d[5 * (e)]; \
        vf p = d4 - d2 * 4.0f, q = d3 - d1 * 4.0f, u = d4 - d2, t = (d3 - d1) * 2.0f; \
        o[0 * (s)] = d0 * 4.0f - d2 * 5.0f + d4; \
        o[1 * (s)] = p + q; \
        o[2 * (s)] = p - q; \
        o[3 * (s)] = u + t; \
        o[4 * (s)] = u - t; \
        o[5 * (s)] = d1 * 4.0f - d3 * 5.0f + d5; \
    } while (0)

static void wino_in(size_t c, const char *const *px, char *v, size_t v_B)
{
    for (size_t j = 0; j < c; j += VF) {
        vf d[36], h[36], o[6];
        for (int i = 0; i < 36; i++) d[i] = some(px[i] + j * 4, c - j);
        for (int x = 0; x < 6; x++) WINO_B((h + x), 6, (d + x), 6);
        for (int r = 0; r < 6; r++) {
            WINO_B(o, 1, (h + 6 * r), 1);
            for (int x = 0; x < 6; x++) put_some(v + (size_t)(6 * r + x) * v_B + j * 4, o[x], c - j);
        }
    }
}

#define WINO_A(o, s, m, e) \
    do { \
        vf p = m[1 * (e)] + m[2 * (e)], q = m[1 * (e)] - m[2 * (e)]; \
        vf u = m[3 * (e)] + m[4 * (e)], t = m[3 * (e)] - m[4 * (e)]; \
        o[0 * (s)] = m[0] + p + u; \
        o[1 * (s)] = q + t * 2.0f; \
        o[2 * (s)] = p + u * 4.0f; \
        o[3 * (s)] = q + t * 8.0f + m[5 * (e)]; \
    } while (0)

static void wino_out(size_t c, const char *m, size_t m_B, const float *bias, const char *const *add, int act,
                     char *const *px)
{
    for (size_t j = 0; j < c; j += VF) {
        const vf z = bias ? vf_load(bias + j) : (vf){0};
        vf       d[36], h[24], o[16];
        for (size_t i = 0; i < 36; i++) d[i] = conv_at(m + i * m_B + j * 4);
        for (int x = 0; x < 6; x++) WINO_A((h + x), 6, (d + x), 6);
        for (int r = 0; r < 4; r++) WINO_A((o + 4 * r), 1, (h + 6 * r), 1);
        for (int i = 0; i < 16; i++) {
            if (!px[i]) continue;
            vf y = o[i] + z;
            if (add) y += some(add[i] + j * 4, c - j);
            put_some(px[i] + j * 4, conv_apply(y, act), c - j);
        }
    }
}

extern const cpu_conv_ops CPU_SYM(cpu_conv);
const cpu_conv_ops        CPU_SYM(cpu_conv) = {.mr = TILE_M,
                                               .half = HALF,
                                               .nr = NR,
                                               .vf = VF,
#if TILE_M > 6
                                        .full = {NULL, full1, full2, full3, full4, full5, full6, full7, full8,
                                                 full9, full10, full11, full12, full13, full14},
                                        .narrow = {NULL, narrow1, narrow2, narrow3, narrow4, narrow5, narrow6,
                                                   narrow7, narrow8, narrow9, narrow10, narrow11, narrow12,
                                                   narrow13, narrow14},
#elif TILE_M > 4
                                        .full = {NULL, full1, full2, full3, full4, full5, full6},
                                        .narrow = {NULL, narrow1, narrow2, narrow3, narrow4, narrow5,
                                                   narrow6},
#else
                                        .full = {NULL, full1, full2, full3, full4},
                                        .narrow = {NULL, narrow1, narrow2, narrow3, narrow4},
#endif
                                        .pair_full = pair_full,
                                        .pair_narrow = pair_narrow,
                                        .depthwise = conv_depthwise,
                                        .bias = add_bias,
                                        .act = act_pass,
                                        .add = add_pass,
                                        .maximum = maximum,
                                        .mean = conv_mean,
                                        .wino_in = wino_in,
                                        .wino_out = wino_out};

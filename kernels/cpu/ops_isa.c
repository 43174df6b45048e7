/* ops_isa.c -- element-wise operators and row reductions for one ISA, and the exponential under them.
 * exp: x = n ln 2 + r with |r| <= ln 2 / 2, e^r by its series to r^7 (truncation below 6e-9), 2^n put into
 * the exponent: within 2 units in the last place of e^x for -86.9 <= x <= 88.7; below that exactly 0, above
 * it infinity. GELU, tanh form: x/2 (1 + tanh u) = x / (1 + e^(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3):
 * within 4 units for x > -5, absolutely within 1e-6 below. NaN stays NaN. */
#include "kernels/cpu/ops.h"
#include "kernels/cpu/simd.h"

#include <math.h>

typedef int32_t  int_v __attribute__((vector_size(VBYTES), may_alias));
typedef uint32_t word_v __attribute__((vector_size(VBYTES), may_alias));
typedef uint16_t half_v __attribute__((vector_size(VBYTES / 2), may_alias));

/* Vectors and single values at any byte. */
SIMD_INLINE vf ops_load(const void *p, size_t i)
{
    return vf_load((const float *)(const void *)((const char *)p + i * sizeof(float)));
}
SIMD_INLINE void store(void *p, size_t i, vf x)
{
    vf_store((float *)(void *)((char *)p + i * sizeof(float)), x);
}
SIMD_INLINE vf load_n(const void *p, size_t i, size_t n, vf otherwise)
{
    memcpy(&otherwise, (const char *)p + i * sizeof(float), n * sizeof(float));
    return otherwise;
}
SIMD_INLINE void store_n(void *p, size_t i, size_t n, vf x)
{
    memcpy((char *)p + i * sizeof(float), &x, n * sizeof(float));
}

SIMD_INLINE vf ops_choose(int_v mask, vf yes, vf no)
{
    return (vf)((mask & (int_v)yes) | (~mask & (int_v)no));
}
SIMD_INLINE vf at_least(vf x, vf lo) { return ops_choose((int_v)(x < lo), lo, x); } /* a NaN in x stays */

/* ---- the exponential ------------------------------------------------------------------------- */
SIMD_INLINE vf exponential(vf x)
{
    const vf lo = vf_set1(-86.9f), hi = vf_set1(88.72f),
             magic = vf_set1(12582912.0f); /* 1.5 * 2^23: rounds */
    int_v under = (int_v)(x < lo), over = (int_v)(x > hi);
    vf    t = ops_choose(under, lo, ops_choose(over, hi, x));
    vf    n = vf_fma(t, vf_set1(1.44269504f), magic) - magic;
    vf    r = vf_fma(n, vf_set1(-0x1.62e4p-1f), t); /* ln 2 in two parts, the first exact times n */
    r = vf_fma(n, vf_set1(-0x1.7f7d1cp-20f), r);
    vf e = vf_fma(r, vf_set1(1.0f / 5040), vf_set1(1.0f / 720));
    e = vf_fma(r, e, vf_set1(1.0f / 120));
    e = vf_fma(r, e, vf_set1(1.0f / 24));
    e = vf_fma(r, e, vf_set1(1.0f / 6));
    e = vf_fma(r, e, vf_set1(0.5f));
    e = vf_fma(r, e, vf_set1(1));
    e = vf_fma(r, e, vf_set1(1));
    /* 2^n as 2 * 2^(n-1): n reaches 128, whose own exponent would be that of infinity. */
    int_v k = (int_v)((vf)(n + magic)) - (int_v)magic;
    e = e * 2 * (vf)((k + 126) << 23);
    return ops_choose(under, vf_set1(0), ops_choose(over, vf_set1(INFINITY), e));
}

SIMD_INLINE vf gelu(vf x)
{
    vf u = vf_set1(0.79788456f) * vf_fma(x * x * x, vf_set1(0.044715f), x);
    return x / (exponential(u * -2) + 1);
}

/* x/2 (1 + erf(x/sqrt 2)) = x - x/2 erfc for x > 0, x/2 erfc(|x|/sqrt 2) below: erfc(z) = P(t) e^(-z^2), t =
 * 1/(1 + p z), to 1.5e-7 (Hastings; Abramowitz and Stegun 7.1.26). */
SIMD_INLINE vf gelu_erf(vf x)
{
    const int_v below = (int_v)(x < vf_set1(0));
    const vf a = ops_choose(below, -x, x), t = 1 / vf_fma(a, vf_set1(0.3275911f * 0.70710678f), vf_set1(1));
    vf       p = vf_fma(t, vf_set1(1.061405429f), vf_set1(-1.453152027f));
    p = vf_fma(t, p, vf_set1(1.421413741f));
    p = vf_fma(t, p, vf_set1(-0.284496736f));
    p = vf_fma(t, p, vf_set1(0.254829592f));
    const vf half = x * p * t * exponential(x * x * -0.5f) * 0.5f;
    return ops_choose(below, half, x - half);
}

SIMD_INLINE vf ops_activate(ly_act act, vf x)
{
    switch (act) {
    case LY_RELU: return at_least(x, vf_set1(0));
    case LY_RELU6: {
        vf y = at_least(x, vf_set1(0));
        return ops_choose((int_v)(y > vf_set1(6)), vf_set1(6), y);
    }
    case LY_GELU: return gelu(x);
    case LY_GELU_ERF: return gelu_erf(x);
    case LY_TANH: return 1 - 2 / (exponential(x * 2) + 1);
    case LY_SILU: return x / (exponential(-x) + 1);
    case LY_SIGMOID: return 1 / (exponential(-x) + 1);
    default: return x;
    }
}

/* ---- element by element: BODY computes vector v of elements i .. i+VF-1; the rest goes through it padded
 * ---- */
SIMD_INLINE void finish_as(ly_act act, size_t n, void *y, const void *scale, const void *bias,
                           const void *add)
{
    const vf zero = {0};
    for (size_t i = 0; i < n; i += VF) {
        size_t left = n - i < VF ? n - i : VF;
        vf     v = left == VF ? ops_load(y, i) : load_n(y, i, left, zero);
        if (scale) v *= left == VF ? ops_load(scale, i) : load_n(scale, i, left, zero);
        if (bias) v += left == VF ? ops_load(bias, i) : load_n(bias, i, left, zero);
        if (add) v += left == VF ? ops_load(add, i) : load_n(add, i, left, zero);
        v = ops_activate(act, v);
        if (left == VF)
            store(y, i, v);
        else
            store_n(y, i, left, v);
    }
}
static void ops_finish(size_t n, void *y, const void *scale, const void *bias, const void *add, ly_act act)
{
    if (act == LY_GELU)
        finish_as(LY_GELU, n, y, scale, bias, add);
    else if (act == LY_SILU)
        finish_as(LY_SILU, n, y, scale, bias, add);
    else if (act == LY_ID)
        finish_as(LY_ID, n, y, scale, bias, add);
    else if (act == LY_GELU_ERF)
        finish_as(LY_GELU_ERF, n, y, scale, bias, add);
    else
        finish_as(act, n, y, scale, bias, add);
}

SIMD_INLINE void act_as(ly_act act, size_t n, const void *x, void *y)
{
    size_t i = 0;
    for (; i + VF <= n; i += VF) store(y, i, ops_activate(act, ops_load(x, i)));
    if (i < n) store_n(y, i, n - i, ops_activate(act, load_n(x, i, n - i, (vf){0})));
}
static void act(size_t n, const void *x, void *y, ly_act act)
{
    if (act == LY_GELU)
        act_as(LY_GELU, n, x, y);
    else if (act == LY_RELU)
        act_as(LY_RELU, n, x, y);
    else
        act_as(act, n, x, y);
}

static void ops_add(size_t n, const void *x, const void *a, void *y)
{
    size_t i = 0;
    for (; i + 2 * VF <= n; i += 2 * VF) {
        vf u = ops_load(x, i) + ops_load(a, i), v = ops_load(x, i + VF) + ops_load(a, i + VF);
        store(y, i, u);
        store(y, i + VF, v);
    }
    for (; i < n; i += VF) {
        size_t left = n - i < VF ? n - i : VF;
        store_n(y, i, left, load_n(x, i, left, (vf){0}) + load_n(a, i, left, (vf){0}));
    }
}

static void ops_scale(size_t n, float by, const void *x, void *y)
{
    size_t i = 0;
    for (; i + VF <= n; i += VF) store(y, i, ops_load(x, i) * by);
    if (i < n) store_n(y, i, n - i, load_n(x, i, n - i, (vf){0}) * by);
}

SIMD_INLINE float single(const void *p, size_t i)
{
    float x;
    memcpy(&x, (const char *)p + i * sizeof x, sizeof x);
    return x;
}

/* Elements before p's first vector boundary, at most n; n + 1: no boundary is an element's. */
SIMD_INLINE size_t ops_head_of(const void *p, size_t n)
{
    const size_t past = (uintptr_t)p % VBYTES;
    if (past % sizeof(float)) return n + 1;
    const size_t head = past ? (VBYTES - past) / sizeof(float) : 0;
    return head < n ? head : n;
}
SIMD_INLINE void ops_put(bool nt, void *p, size_t i, vf x)
{
    if (nt)
        vf_stream((float *)(void *)((char *)p + i * sizeof(float)), x);
    else
        store(p, i, x);
}

/* Asks for what lies `ahead` bytes after vector i of p, once a line; past the end of a tensor that does
 * nothing. With non-temporal stores only: who streams through memory must ask early, who works in a cache
 * need not ask. */
SIMD_INLINE void ops_fetch(const void *p, size_t i, size_t ahead)
{
    enum { LINE = 64 };
    if (i * sizeof(float) % LINE < VBYTES)
        __builtin_prefetch((const void *)((uintptr_t)p + i * sizeof(float) + ahead));
}

/* Eight vectors at a time, whose dependent operations hide one another's latency. */
SIMD_INLINE size_t chain_wide(bool nt, size_t i, size_t n, const void *x, size_t k, const void *a,
                              const void *b, void *y)
{
    enum { WIDE = 8, AHEAD = 4096 };
    for (; i + WIDE * VF <= n; i += WIDE * VF) {
        vf v[WIDE];
        for (size_t u = 0; nt && u < WIDE; u++) ops_fetch(x, i + u * VF, AHEAD);
        for (size_t u = 0; u < WIDE; u++) v[u] = ops_load(x, i + u * VF);
        for (size_t j = 0; j < k; j++)
            for (size_t u = 0; u < WIDE; u++)
                v[u] = vf_fma(v[u], vf_set1(single(a, j)), vf_set1(single(b, j)));
        for (size_t u = 0; u < WIDE; u++) ops_put(nt, y, i + u * VF, v[u]);
    }
    return i;
}

SIMD_INLINE void chain_rest(size_t i, size_t n, const void *x, size_t k, const void *a, const void *b,
                            void *y)
{
    for (; i < n; i += VF) {
        const size_t left = n - i < VF ? n - i : VF;
        vf           v = load_n(x, i, left, (vf){0});
        for (size_t j = 0; j < k; j++) v = vf_fma(v, vf_set1(single(a, j)), vf_set1(single(b, j)));
        store_n(y, i, left, v);
    }
}

static void ops_chain(bool nt, size_t n, const void *x, size_t k, const void *a, const void *b, void *y)
{
    const size_t head = nt ? ops_head_of(y, n) : n + 1;
    if (head > n) {
        chain_rest(chain_wide(false, 0, n, x, k, a, b, y), n, x, k, a, b, y);
        return;
    }
    chain_rest(0, head, x, k, a, b, y);
    chain_rest(chain_wide(true, head, n, x, k, a, b, y), n, x, k, a, b, y);
    v_fence();
}

/* ---- reductions: four independent vectors of sums, their lanes in pairs ---------------------- */
SIMD_INLINE float lanes(vf x)
{
    float a[VF];
    memcpy(a, &x, sizeof x);
    for (int h = VF / 2; h > 0; h /= 2)
        for (int l = 0; l < h; l++) a[l] += a[l + h];
    return a[0];
}

SIMD_INLINE float ops_total(size_t n, const void *x)
{
    vf     s0 = {0}, s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;
    for (; i + 4 * VF <= n; i += 4 * VF) {
        s0 += ops_load(x, i), s1 += ops_load(x, i + VF), s2 += ops_load(x, i + 2 * VF),
            s3 += ops_load(x, i + 3 * VF);
    }
    for (; i + VF <= n; i += VF) s0 += ops_load(x, i);
    if (i < n) s1 += load_n(x, i, n - i, (vf){0});
    return lanes((s0 + s1) + (s2 + s3));
}

SIMD_INLINE float squares(size_t n, const void *x, float mean)
{
    const vf m = vf_set1(mean);
    vf       s0 = {0}, s1 = s0, s2 = s0, s3 = s0;
    size_t   i = 0;
    for (; i + 4 * VF <= n; i += 4 * VF) {
        vf a = ops_load(x, i) - m, b = ops_load(x, i + VF) - m, c = ops_load(x, i + 2 * VF) - m,
           d = ops_load(x, i + 3 * VF) - m;
        s0 = vf_fma(a, a, s0), s1 = vf_fma(b, b, s1), s2 = vf_fma(c, c, s2), s3 = vf_fma(d, d, s3);
    }
    for (; i < n; i += VF) {
        vf a = load_n(x, i, n - i < VF ? n - i : VF, m) - m;
        s0 = vf_fma(a, a, s0);
    }
    return lanes((s0 + s1) + (s2 + s3));
}

/* Two passes, mean before variance: nothing cancels. */
static void ops_norm(size_t n, const void *x, const void *gain, const void *offset, float eps, void *y)
{
    const float mean = ops_total(n, x) / (float)n;
    const float by = 1 / sqrtf(squares(n, x, mean) / (float)n + eps);
    const vf    m = vf_set1(mean), zero = {0};
    for (size_t i = 0; i < n; i += VF) {
        size_t left = n - i < VF ? n - i : VF;
        vf     v = left == VF ? ops_load(x, i) : load_n(x, i, left, zero);
        vf     g = left == VF ? ops_load(gain, i) : load_n(gain, i, left, zero);
        vf     o = left == VF ? ops_load(offset, i) : load_n(offset, i, left, zero);
        v = vf_fma((v - m) * by, g, o);
        if (left == VF)
            store(y, i, v);
        else
            store_n(y, i, left, v);
    }
}

/* ---- layer norm, dropout, ReLU: any of them in one pass over a row --------------------------- */
typedef struct {
    const cpu_row_steps *s;
    float                mean, by;
    uint32_t             seed;
} row_now;

/* ir_hash32() of VF columns from j on. */
SIMD_INLINE word_v hashes(uint32_t seed, size_t j)
{
    word_v x;
    for (uint32_t l = 0; l < VF; l++) x[l] = l * 0x9E3779B9u;
    x += (uint32_t)j * 0x9E3779B9u + seed;
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    return x ^ x >> 16;
}

SIMD_INLINE vf step_through(unsigned steps, const row_now *r, size_t j, vf v, vf gain, vf offset)
{
    if (steps & CPU_NORM) v = vf_fma((v - r->mean) * r->by, gain, offset);
    if (steps & CPU_DROP) {
        const int_v left_out = (int_v)((int_v)hashes(r->seed, j) < r->s->limit);
        v = (vf)(~left_out & (int_v)(v * r->s->scale));
    }
    return steps & CPU_RELU ? at_least(v, vf_set1(0)) : v;
}

/* n < VF elements from j on; adds up those of the next row. */
SIMD_INLINE vf ops_row_part(unsigned steps, const row_now *r, size_t j, size_t n, const void *x,
                            const void *next, void *y)
{
    const vf zero = {0};
    vf       gain = zero, offset = zero;
    if (steps & CPU_NORM) gain = load_n(r->s->gain, j, n, zero), offset = load_n(r->s->offset, j, n, zero);
    store_n(y, j, n, step_through(steps, r, j, load_n(x, j, n, zero), gain, offset));
    return steps & CPU_NORM ? load_n(next, j, n, zero) : zero;
}

/* One row of c, and the sum of the next one's elements: so memory reads one while the other is written, as in
 * a copy, and with nt is asked for what comes `ahead` bytes later, beyond the next row. */
SIMD_INLINE float row_through(unsigned steps, bool nt, const row_now *r, size_t ahead, const void *x,
                              const void *next, void *y)
{
    const size_t c = r->s->c;
    size_t       j = nt ? ops_head_of(y, c) : 0;
    vf           sum = {0}, gain = sum, offset = sum;
    if (j > 0) sum += ops_row_part(steps, r, 0, j, x, next, y);
    for (; j + VF <= c; j += VF) {
        if (nt) ops_fetch(x, j, ahead);
        if (steps & CPU_NORM)
            gain = ops_load(r->s->gain, j), offset = ops_load(r->s->offset, j), sum += ops_load(next, j);
        ops_put(nt, y, j, step_through(steps, r, j, ops_load(x, j), gain, offset));
    }
    if (j < c) sum += ops_row_part(steps, r, j, c - j, x, next, y);
    return lanes(sum);
}

SIMD_INLINE void rows_as(unsigned steps, bool nt, const cpu_row_steps *s, size_t lo, size_t hi, const char *x,
                         char *y)
{
    enum { AHEAD = 16384 };
    const size_t row_B = s->c * sizeof(float), ahead = 2 * row_B < AHEAD ? AHEAD : 2 * row_B;
    float        sum = steps & CPU_NORM && lo < hi ? ops_total(s->c, x + lo * row_B) : 0;
    for (size_t i = lo; i < hi; i++) {
        const char *now = x + i * row_B, *next = i + 1 < hi ? now + row_B : now;
        row_now     r = {.s = s, .seed = steps & CPU_DROP ? wl_drop_row((int64_t)i) : 0};
        if (steps & CPU_NORM) {
            r.mean = sum / (float)s->c;
            r.by = 1 / sqrtf(squares(s->c, now, r.mean) / (float)s->c + s->eps);
        }
        sum = row_through(steps, nt, &r, ahead, now, next, y + i * row_B);
    }
    if (nt) v_fence();
}

#define ROWS(steps) \
    if (nt) \
        rows_as(steps, true, s, lo, hi, x, y); \
    else \
        rows_as(steps, false, s, lo, hi, x, y)
static void row_steps(const cpu_row_steps *s, size_t lo, size_t hi, const void *x, void *y)
{
    const bool nt = s->nt && (uintptr_t)y % sizeof(float) == 0;
    switch (s->steps) {
    case CPU_NORM: ROWS(CPU_NORM); break;
    case CPU_DROP: ROWS(CPU_DROP); break;
    case CPU_RELU: ROWS(CPU_RELU); break;
    case CPU_NORM | CPU_DROP | CPU_RELU: ROWS(CPU_NORM | CPU_DROP | CPU_RELU); break;
    default: ROWS(s->steps); break;
    }
}

static float most(size_t n, const void *x)
{
    vf m = vf_set1(-INFINITY);
    for (size_t i = 0; i < n; i += VF)
        m = at_least(m, n - i >= VF ? ops_load(x, i) : load_n(x, i, n - i, vf_set1(-INFINITY)));
    float best = m[0];
    for (int l = 1; l < VF; l++) best = m[l] > best ? m[l] : best;
    return best;
}

static float exp_sum(size_t n, const void *x, float minus, void *y)
{
    vf     s0 = {0}, s1 = s0;
    size_t i = 0;
    for (; i + 2 * VF <= n; i += 2 * VF) {
        vf a = exponential(ops_load(x, i) - minus), b = exponential(ops_load(x, i + VF) - minus);
        store(y, i, a);
        store(y, i + VF, b);
        s0 += a, s1 += b;
    }
    for (; i < n; i += VF) {
        size_t left = n - i < VF ? n - i : VF;
        vf     a = exponential(load_n(x, i, left, vf_set1(-INFINITY)) - minus); /* padding adds exactly 0 */
        store_n(y, i, left, a);
        s0 += a;
    }
    return vf_sum(s0 + s1);
}

static void ops_mul(size_t n, const void *x, const void *by, void *y)
{
    for (size_t i = 0; i < n; i += VF) {
        size_t left = n - i < VF ? n - i : VF;
        store_n(y, i, left, load_n(x, i, left, (vf){0}) * load_n(by, i, left, (vf){0}));
    }
}

static void ops_rms(size_t n, const void *x, const void *gain, float eps, void *y)
{
    vf     s0 = {0}, s1 = s0;
    size_t i = 0;
    for (; i + 2 * VF <= n; i += 2 * VF) {
        vf a = ops_load(x, i), b = ops_load(x, i + VF);
        s0 = vf_fma(a, a, s0);
        s1 = vf_fma(b, b, s1);
    }
    for (; i < n; i += VF) {
        vf a = load_n(x, i, n - i < VF ? n - i : VF, (vf){0});
        s0 = vf_fma(a, a, s0);
    }
    const vf by = vf_set1(1 / sqrtf(vf_sum(s0 + s1) / (float)n + eps));
    for (i = 0; i < n; i += VF) {
        size_t left = n - i < VF ? n - i : VF;
        store_n(y, i, left, load_n(x, i, left, (vf){0}) * by * load_n(gain, i, left, (vf){0}));
    }
}

static void ops_softmax(size_t n, const void *x, void *y)
{
    float sum = exp_sum(n, x, most(n, x), y);
    ops_scale(n, 1 / sum, y, y);
}

/* ---- other element types --------------------------------------------------------------------- */
SIMD_INLINE vf widen_n(ir_dtype t, const void *p, size_t i, size_t n)
{
    if (t == IR_F32) return n == VF ? ops_load(p, i) : load_n(p, i, n, (vf){0});
    if (t == IR_I8) {
        int8_t b[VF] = {0};
        vf     v;
        memcpy(b, (const char *)p + i, n);
        for (int l = 0; l < VF; l++) v[l] = (float)b[l];
        return v;
    }
    half_v h = {0};
    if (n == VF)
        memcpy(&h, (const char *)p + 2 * i, sizeof h);
    else
        memcpy(&h, (const char *)p + 2 * i, 2 * n);
    return (vf)(__builtin_convertvector(h, word_v) << 16);
}

static void ops_embed(ir_dtype t, size_t n, const void *table, float ts, const void *position, float ps,
                      void *y)
{
    for (size_t i = 0; i < n; i += VF) {
        size_t left = n - i < VF ? n - i : VF;
        vf     v = vf_fma(widen_n(t, table, i, left), vf_set1(ts), widen_n(t, position, i, left) * ps);
        store_n(y, i, left, v);
    }
}

/* Round to nearest even; a NaN keeps its upper half and is made quiet. */
SIMD_INLINE half_v halves(vf x)
{
    word_v u = (word_v)x, up = (u + 0x7FFFu + (u >> 16 & 1u)) >> 16;
    word_v nan = (word_v)((u & 0x7FFFFFFFu) > 0x7F800000u);
    return __builtin_convertvector((nan & (u >> 16 | 0x40u)) | (~nan & up), half_v);
}

static void ops_narrow(ir_dtype t, size_t n, const void *x, void *y)
{
    if (t == IR_F32) {
        memcpy(y, x, n * sizeof(float));
        return;
    }
    for (size_t i = 0; i < n; i += VF) {
        size_t left = n - i < VF ? n - i : VF;
        half_v h = halves(load_n(x, i, left, (vf){0}));
        memcpy((char *)y + 2 * i, &h, 2 * left);
    }
}

const cpu_ops CPU_SYM(cpu_ops) = {.finish = ops_finish,
                                  .act = act,
                                  .add = ops_add,
                                  .norm = ops_norm,
                                  .mul = ops_mul,
                                  .rms = ops_rms,
                                  .softmax = ops_softmax,
                                  .max = most,
                                  .exp_sum = exp_sum,
                                  .scale = ops_scale,
                                  .chain = ops_chain,
                                  .row_steps = row_steps,
                                  .has_nt = SIMD_HAS_NT,
                                  .embed = ops_embed,
                                  .narrow = ops_narrow};

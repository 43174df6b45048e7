/* ops_isa.c -- element-wise operators and row reductions for one ISA. GELU, tanh form: x/2 (1 + tanh u) =
 * x / (1 + e^(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3): within 4 units for x > -5, absolutely within 1e-6
 * below. NaN stays NaN. */
#include "kernels/cpu/ops.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/simd_exp.h"

#include <math.h>

typedef uint32_t word_v __attribute__((vector_size(VBYTES), may_alias));
typedef uint16_t half_v __attribute__((vector_size(VBYTES / 2), may_alias));
typedef int8_t   signed_few __attribute__((vector_size(VBYTES / 4), may_alias));

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

SIMD_INLINE vf gelu(vf x)
{
    const vf c = vf_set1(-2 * 0.79788456f);
    return x / (vf_exp(x * vf_fma(x * x, c * 0.044715f, c)) + 1);
}

/* x/2 (1 + erf(x/sqrt 2)) = x - x/2 erfc for x > 0, x/2 erfc(|x|/sqrt 2) below: erfc(z) = P(t) e^(-z^2), t =
 * 1/(1 + p z), to 1.5e-7 (Hastings; Abramowitz and Stegun 7.1.26). */
SIMD_INLINE vf gelu_erf(vf x)
{
    const int_v below = (int_v)(x < vf_set1(0));
    const vf    a = vf_choose(below, -x, x), t = 1 / vf_fma(a, vf_set1(0.3275911f * 0.70710678f), vf_set1(1));
    vf          p = vf_fma(t, vf_set1(1.061405429f), vf_set1(-1.453152027f));
    p = vf_fma(t, p, vf_set1(1.421413741f));
    p = vf_fma(t, p, vf_set1(-0.284496736f));
    p = vf_fma(t, p, vf_set1(0.254829592f));
    const vf half = x * p * t * vf_exp(x * x * -0.5f) * 0.5f;
    return vf_choose(below, half, x - half);
}

SIMD_INLINE vf ops_activate(ly_act act, vf x)
{
    switch (act) {
    case LY_RELU: return vf_at_least(x, vf_set1(0));
    case LY_RELU6: return vf_at_most(vf_at_least(x, vf_set1(0)), vf_set1(6));
    case LY_GELU: return gelu(x);
    case LY_GELU_ERF: return gelu_erf(x);
    case LY_TANH: return 1 - 2 / (vf_exp(x * 2) + 1);
    case LY_SILU: return x / (vf_exp(-x) + 1);
    case LY_SIGMOID: return 1 / (vf_exp(-x) + 1);
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

/* y = act(x), or x + add; what is not a whole vector goes through a padded one. */
SIMD_INLINE void ops_map_few(size_t i, size_t n, ly_act act, const void *x, const void *add, void *y)
{
    vf v = load_n(x, i, n, (vf){0});
    if (add)
        v += load_n(add, i, n, (vf){0});
    else
        v = ops_activate(act, v);
    store_n(y, i, n, v);
}
SIMD_INLINE void ops_map(bool nt, size_t n, ly_act act, const void *x, const void *add, void *y)
{
    enum { WIDE = 4, AHEAD = 4096 };
    size_t i = nt ? ops_head_of(y, n) : 0;
    if (i > n) i = 0, nt = false;
    if (i > 0) ops_map_few(0, i, act, x, add, y);
    for (; i + WIDE * VF <= n; i += WIDE * VF) {
        vf v[WIDE];
        for (size_t u = 0; nt && u < WIDE; u++) {
            ops_fetch(x, i + u * VF, AHEAD);
            if (add) ops_fetch(add, i + u * VF, AHEAD);
        }
        for (size_t u = 0; u < WIDE; u++) {
            v[u] = ops_load(x, i + u * VF);
            if (add)
                v[u] += ops_load(add, i + u * VF);
            else
                v[u] = ops_activate(act, v[u]);
        }
        for (size_t u = 0; u < WIDE; u++) ops_put(nt, y, i + u * VF, v[u]);
    }
    for (; i < n; i += VF) ops_map_few(i, n - i < VF ? n - i : VF, act, x, add, y);
}
/* Of each a form with plain stores and one with non-temporal ones. */
#define MAPS(word, nt) \
    static void ops_act##word(size_t n, const void *x, void *y, ly_act act) \
    { \
        switch (act) { \
        case LY_GELU: ops_map(nt, n, LY_GELU, x, NULL, y); break; \
        case LY_RELU: ops_map(nt, n, LY_RELU, x, NULL, y); break; \
        default: ops_map(nt, n, act, x, NULL, y); break; \
        } \
    } \
    static void ops_add##word(size_t n, const void *x, const void *a, void *y) \
    { \
        ops_map(nt, n, LY_ID, x, a, y); \
    }
MAPS(, false)
MAPS(_nt, true)
#undef MAPS

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
    return steps & CPU_RELU ? vf_at_least(v, vf_set1(0)) : v;
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
    const vf low = vf_set1(-INFINITY);
    vf       m = low, m1 = low, m2 = low, m3 = low;
    size_t   i = 0;
    for (; i + 4 * VF <= n; i += 4 * VF) {
        m = vf_at_least(m, ops_load(x, i)), m1 = vf_at_least(m1, ops_load(x, i + VF));
        m2 = vf_at_least(m2, ops_load(x, i + 2 * VF)), m3 = vf_at_least(m3, ops_load(x, i + 3 * VF));
    }
    for (; i < n; i += VF) m = vf_at_least(m, n - i >= VF ? ops_load(x, i) : load_n(x, i, n - i, low));
    m = vf_at_least(vf_at_least(m, m1), vf_at_least(m2, m3));
    float best = m[0];
    for (int l = 1; l < VF; l++) best = m[l] > best ? m[l] : best;
    return best;
}

/* next: n more elements that are wanted soon, fetched beside the arithmetic; NULL: none. */
SIMD_INLINE float ops_exp_sum(size_t n, const void *x, float minus, void *y, const void *next)
{
    enum { WIDE = 4 };
    vf     s[WIDE] = {{0}};
    size_t i = 0;
    for (; i + WIDE * VF <= n; i += WIDE * VF)
        for (size_t u = 0; u < WIDE; u++) {
            if (next) ops_fetch(next, i + u * VF, 0);
            vf a = vf_exp(ops_load(x, i + u * VF) - minus);
            store(y, i + u * VF, a);
            s[u] += a;
        }
    for (; i < n; i += VF) {
        size_t left = n - i < VF ? n - i : VF;
        vf     a = vf_exp(load_n(x, i, left, vf_set1(-INFINITY)) - minus); /* padding adds exactly 0 */
        store_n(y, i, left, a);
        s[0] += a;
    }
    return vf_sum((s[0] + s[1]) + (s[2] + s[3]));
}
static float exp_sum(size_t n, const void *x, float minus, void *y)
{
    return ops_exp_sum(n, x, minus, y, NULL);
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

/* x scaled, into y without reading y first. */
SIMD_INLINE void scale_past(size_t n, float by, const void *x, void *y)
{
    size_t i = ops_head_of(y, n);
    if (i > n) {
        ops_scale(n, by, x, y);
        return;
    }
    ops_scale(i, by, x, y);
    for (; i + VF <= n; i += VF) ops_put(true, y, i, ops_load(x, i) * by);
    if (i < n) store_n(y, i, n - i, load_n(x, i, n - i, (vf){0}) * by);
}

/* The exponentials of a row wait in L1 for their sum; meanwhile the next row comes from memory. */
static void ops_softmax_nt(size_t n, const void *x, void *y)
{
    enum { MOST_N = 4096 };
    float e[MOST_N] __attribute__((aligned(64)));
    if (n > MOST_N) {
        ops_softmax(n, x, y);
        return;
    }
    float sum = ops_exp_sum(n, x, most(n, x), e, (const char *)x + n * sizeof(float));
    scale_past(n, 1 / sum, e, y);
}

/* ---- other element types --------------------------------------------------------------------- */
SIMD_INLINE vf widen_n(ir_dtype t, const void *p, size_t i, size_t n)
{
    if (t == IR_F32) return n == VF ? ops_load(p, i) : load_n(p, i, n, (vf){0});
    if (t == IR_I8) {
        signed_few b = {0};
        if (n == VF)
            memcpy(&b, (const char *)p + i, sizeof b);
        else
            memcpy(&b, (const char *)p + i, n);
        return __builtin_convertvector(__builtin_convertvector(b, int_v), vf);
    }
    half_v h = {0};
    if (n == VF)
        memcpy(&h, (const char *)p + 2 * i, sizeof h);
    else
        memcpy(&h, (const char *)p + 2 * i, 2 * n);
    return (vf)(__builtin_convertvector(h, word_v) << 16);
}

SIMD_INLINE vf embed_at(ir_dtype t, size_t i, size_t n, const void *table, float ts, const void *position,
                        float ps)
{
    return vf_fma(widen_n(t, table, i, n), vf_set1(ts), widen_n(t, position, i, n) * ps);
}
SIMD_INLINE void embed_as(ir_dtype t, bool nt, size_t n, const void *table, float ts, const void *position,
                          float ps, void *y)
{
    size_t i = nt ? ops_head_of(y, n) : 0;
    if (i > n) i = 0, nt = false;
    if (i > 0) store_n(y, 0, i, embed_at(t, 0, i, table, ts, position, ps));
    for (; i + VF <= n; i += VF) ops_put(nt, y, i, embed_at(t, i, VF, table, ts, position, ps));
    if (i < n) store_n(y, i, n - i, embed_at(t, i, n - i, table, ts, position, ps));
}
#define EMBED(word, nt) \
    static void ops_embed##word(ir_dtype t, size_t n, const void *table, float ts, const void *position, \
                                float ps, void *y) \
    { \
        switch (t) { \
        case IR_F32: embed_as(IR_F32, nt, n, table, ts, position, ps, y); break; \
        case IR_I8: embed_as(IR_I8, nt, n, table, ts, position, ps, y); break; \
        default: embed_as(IR_BF16, nt, n, table, ts, position, ps, y); break; \
        } \
    }
EMBED(, false)
EMBED(_nt, true)
#undef EMBED

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

static void ops_fence(void) { v_fence(); }

const cpu_ops CPU_SYM(cpu_ops) = {.finish = ops_finish,
                                  .act = ops_act,
                                  .act_nt = ops_act_nt,
                                  .add = ops_add,
                                  .add_nt = ops_add_nt,
                                  .norm = ops_norm,
                                  .mul = ops_mul,
                                  .rms = ops_rms,
                                  .softmax = ops_softmax,
                                  .softmax_nt = ops_softmax_nt,
                                  .max = most,
                                  .exp_sum = exp_sum,
                                  .scale = ops_scale,
                                  .chain = ops_chain,
                                  .row_steps = row_steps,
                                  .has_nt = SIMD_HAS_NT,
                                  .fence = ops_fence,
                                  .embed = ops_embed,
                                  .embed_nt = ops_embed_nt,
                                  .narrow = ops_narrow};

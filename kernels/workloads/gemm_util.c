/* gemm_util.c -- see gemm_util.h. Tensors may start at any byte; i4 never gets here (the workloads' dtype
 * sets). */
#include "kernels/workloads/gemm_util.h"
#include "kernels/nets/values.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t max_B = (int64_t)1 << 46;

static ir_status check_size(const char *const name[3], int r, int c, const int64_t d[3], size_t width)
{
    if (d[r] <= max_B / (int64_t)width / d[c]) return IR_OK;
    return ir_fail(IR_EINVAL, "%s=%lld by %s=%lld: a tensor may have at most 2^46 bytes", name[r],
                   (long long)d[r], name[c], (long long)d[c]);
}

ir_status gemm_valid(const char *const name[3], wl_gemm_shape s, ir_dtype t)
{
    const int64_t d[3] = {(int64_t)s.m, (int64_t)s.n, (int64_t)s.k};
    for (int i = 0; i < 3; i++)
        if (d[i] < 1 || d[i] > max_B)
            return ir_fail(IR_EINVAL, "%s=%lld: give 1 to 2^46", name[i], (long long)d[i]);
    ir_status st = check_size(name, 0, 2, d, wl_gemm_in_B(t));
    if (st == IR_OK) st = check_size(name, 2, 1, d, wl_gemm_in_B(t));
    if (st == IR_OK) st = check_size(name, 0, 1, d, wl_gemm_out_B(t));
    return st;
}

ir_cost gemm_cost(wl_gemm_shape s, ir_dtype t, int weights)
{
    double  in_B = (double)wl_gemm_in_B(t), m = (double)s.m, n = (double)s.n, k = (double)s.k;
    double  a_B = m * k * in_B, b_B = k * n * in_B;
    ir_cost c = {0};
    c.part[IR_OF_WEIGHTS].read_B = weights ? b_B : a_B;
    c.part[IR_OF_IN].read_B = weights ? a_B : b_B;
    c.part[IR_OF_OUT].write_B = c.part[IR_OF_OUT].wa_B = m * n * (double)wl_gemm_out_B(t);
    c.flops = 2 * m * n * k;
    c.launches = 1;
    c.footprint_B = ir_cost_B(&c);
    return c;
}

int gemm_tensors(wl_gemm_shape s, ir_dtype t, const char *const name[3], ir_tensor *out)
{
    size_t in_B = wl_gemm_in_B(t);
    out[0] = (ir_tensor){name[0], s.m * s.k * in_B, IR_IN, t};
    out[1] = (ir_tensor){name[1], s.k * s.n * in_B, IR_IN, t};
    out[2] =
        (ir_tensor){name[2], s.m * s.n * wl_gemm_out_B(t), IR_OUT, t == IR_F64 || t == IR_I8 ? t : IR_F32};
    return 3;
}

typedef double any_f64 __attribute__((aligned(1), may_alias));

/* e4m3: the codes of 1, 2, 3, 4. */
static const uint8_t f8_code[4] = {0x38, 0x40, 0x44, 0x48};

static float tf32_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    u &= ~0x1FFFu;
    memcpy(&f, &u, sizeof f);
    return f;
}

static void fill_bytes(ir_dtype t, uint8_t *q, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t h = ir_hash32(seed, i);
        if (t == IR_F8)
            q[i] = (uint8_t)(f8_code[h >> 30] | (h >> 22 & 0x80));
        else
            q[i] = (uint8_t)(1 + (h >> 8) % 127) ^ (uint8_t)(h & 1 ? 0xFF : 0); /* 1..127 or -2..-128 */
    }
}

void gemm_fill(ir_dtype t, void *host, size_t n, uint64_t seed)
{
    any_f64 *d = host;
    any_f32 *f = host;
    any_u16 *h = host;
    switch (t) {
    case IR_F64:
        for (size_t i = 0; i < n; i++) d[i] = (double)ir_rand_f32(seed, i);
        break;
    case IR_F32:
        for (size_t i = 0; i < n; i++) f[i] = ir_rand_f32(seed, i);
        break;
    case IR_TF32:
        for (size_t i = 0; i < n; i++) f[i] = tf32_of(ir_rand_f32(seed, i));
        break;
    case IR_F16:
        for (size_t i = 0; i < n; i++) h[i] = ly_f32_to_f16(ir_rand_f32(seed, i));
        break;
    case IR_F8:
    case IR_I8: fill_bytes(t, host, n, seed); break;
    default:
        for (size_t i = 0; i < n; i++) h[i] = ir_f32_to_bf16(ir_rand_f32(seed, i));
    }
}

/* ---- truth ----------------------------------------------------------------------------------- */
enum { CHUNK = 1024, LANES = 8, SPOTS = 64 };
static const double small_mnk = 1 << 24;

/* The type of what a product of type t writes; sums of i8 are 32-bit integers, which IR_I4, of no use here,
 * stands for. */
enum { SUM_I32 = IR_I4 };
static ir_dtype sum_type(ir_dtype t)
{
    return t == IR_F64 ? IR_F64 : t == IR_I8 ? (ir_dtype)SUM_I32 : IR_F32;
}

/* n elements at p, `stride` elements apart, as double. */
static void gemm_util_widen(ir_dtype t, const void *p, size_t first, size_t stride, size_t n, double *out)
{
    const any_f64 *d = p;
    const any_f32 *f = p;
    const any_i32 *s = p;
    const any_u16 *h = p;
    const int8_t  *q = p;
    const uint8_t *c = p;
    if (t == IR_F64)
        for (size_t i = 0; i < n; i++) out[i] = d[first + i * stride];
    else if (t == IR_F32 && stride == 1)
        for (size_t i = 0; i < n; i++) out[i] = (double)f[first + i];
    else if (t == IR_F32 || t == IR_TF32)
        for (size_t i = 0; i < n; i++) out[i] = (double)f[first + i * stride];
    else if (t == IR_F16)
        for (size_t i = 0; i < n; i++) out[i] = (double)ly_f16_to_f32(h[first + i * stride]);
    else if (t == IR_I8)
        for (size_t i = 0; i < n; i++) out[i] = (double)q[first + i * stride];
    else if (t == IR_F8)
        for (size_t i = 0; i < n; i++) out[i] = (double)ly_f8_to_f32(c[first + i * stride]);
    else if (t == (ir_dtype)SUM_I32)
        for (size_t i = 0; i < n; i++) out[i] = (double)s[first + i * stride];
    else
        for (size_t i = 0; i < n; i++) out[i] = (double)ir_bf16_to_f32(h[first + i * stride]);
}

static double gemm_util_dot(const double *x, const double *y, size_t n)
{
    double s[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++) s[l] += x[i + l] * y[i + l];
    for (; i < n; i++) sum += x[i] * y[i];
    for (size_t l = 0; l < LANES; l++) sum += s[l];
    return sum;
}

/* Row `row` of a matrix with `cols` columns times v; *sq: the row's sum of squares. */
static double row_dot(ir_dtype t, const void *p, size_t row, size_t cols, const double *v, double *sq)
{
    double x[CHUNK], sum = 0;
    *sq = 0;
    for (size_t i = 0; i < cols; i += CHUNK) {
        size_t n = cols - i < CHUNK ? cols - i : CHUNK;
        gemm_util_widen(t, p, row * cols + i, 1, n, x);
        sum += gemm_util_dot(x, v + i, n);
        *sq += gemm_util_dot(x, x, n);
    }
    return sum;
}

/* NaN sticks: once err is NaN nothing replaces it. */
static void worst(double *err, double diff, double bound)
{
    double e = fabs(diff) / (bound > 0 ? bound : 1);
    if (!(e <= *err) && !isnan(*err)) *err = e;
}

static double element(ir_dtype t, const void *c, size_t i)
{
    double x;
    gemm_util_widen(sum_type(t), c, i, 1, 1, &x);
    return x;
}

/* Every element, column by column; col: room for k values. */
static double gemm_util_check_all(wl_gemm_shape s, ir_dtype t, const void *a, const void *b, const void *c,
                                  double *col)
{
    double err = 0;
    for (size_t j = 0; j < s.n; j++) {
        gemm_util_widen(t, b, j, s.n, s.k, col);
        double b_sq = gemm_util_dot(col, col, s.k), a_sq;
        for (size_t i = 0; i < s.m; i++) {
            double want = row_dot(t, a, i, s.k, col, &a_sq);
            worst(&err, element(t, c, i * s.n + j) - want, sqrt(a_sq * b_sq));
        }
    }
    return err;
}

/* r: random, 0.5 <= |r_j| < 1, so that no column's error can hide. br = b r. */
static double check_freivalds(wl_gemm_shape s, ir_dtype t, const void *a, const void *b, const void *c,
                              double *r, double *br)
{
    double   err = 0, b_sq = 0, sq;
    ir_dtype t_out = sum_type(t);
    for (size_t j = 0; j < s.n; j++) {
        double u = (double)ir_rand_f32(0xF5E1, j);
        r[j] = u < 0 ? u / 2 - 0.5 : u / 2 + 0.5;
    }
    for (size_t p = 0; p < s.k; p++) {
        br[p] = row_dot(t, b, p, s.n, r, &sq);
        b_sq += sq;
    }
    for (size_t i = 0; i < s.m; i++) {
        double a_sq, want = row_dot(t, a, i, s.k, br, &a_sq);
        worst(&err, row_dot(t_out, c, i, s.n, r, &sq) - want, sqrt(a_sq * b_sq));
    }
    return err;
}

static double check_spots(wl_gemm_shape s, ir_dtype t, const void *a, const void *b, const void *c,
                          double *col)
{
    double err = 0;
    for (uint64_t q = 0; q < SPOTS; q++) {
        size_t i = (size_t)(((uint64_t)ir_hash32(0x5907, 2 * q) * s.m) >> 32);
        size_t j = (size_t)(((uint64_t)ir_hash32(0x5907, 2 * q + 1) * s.n) >> 32);
        double a_sq;
        gemm_util_widen(t, b, j, s.n, s.k, col);
        double b_sq = gemm_util_dot(col, col, s.k), want = row_dot(t, a, i, s.k, col, &a_sq);
        worst(&err, element(t, c, i * s.n + j) - want, sqrt(a_sq * b_sq));
    }
    return err;
}

void gemm_check(wl_gemm_shape s, ir_dtype t, const void *a, const void *b, const void *c, ir_check *out)
{
    double  eps = t == IR_F64 || t == IR_I8 ? DBL_EPSILON : (double)FLT_EPSILON;
    double *col = malloc(s.k * sizeof *col), *r = malloc(s.n * sizeof *r);
    out->err = NAN;
    out->tol = fmin((double)s.k + 2, 16) * eps;
    out->oracle = "no memory for the check";
    if (!col || !r) goto out;
    if ((double)s.m * (double)s.n * (double)s.k <= small_mnk) {
        out->oracle = "every element, in double";
        out->err = gemm_util_check_all(s, t, a, b, c, col);
    } else {
        out->oracle = "Freivalds by rows and 64 elements, in double";
        double spots = check_spots(s, t, a, b, c, col);
        out->err = check_freivalds(s, t, a, b, c, r, col);
        worst(&out->err, spots, 1);
    }
out:
    free(col);
    free(r);
}

/* ---- three dimensions as parameters ---------------------------------------------------------- */
ir_status gemm_mnk_valid(const char *const name[3], const ir_params *p)
{
    for (int i = 0; i < 3; i++)
        if (p->v[i] < 1)
            return ir_fail(IR_EINVAL, "%s=%lld: must be at least 1", name[i], (long long)p->v[i]);
    return gemm_valid(name, wl_gemm_of(p), p->dtype);
}

ir_cost gemm_mnk_cost(IR_SELF, const ir_params *p) { return gemm_cost(wl_gemm_of(p), p->dtype, 1); }

void gemm_mnk_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    wl_gemm_shape s = wl_gemm_of(p);
    gemm_fill(p->dtype, host, t == 0 ? s.m * s.k : s.k * s.n, seed + (uint64_t)t);
}

void gemm_mnk_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                    ir_check *out)
{
    gemm_check(wl_gemm_of(p), p->dtype, before[0], before[1], after[2], out);
}

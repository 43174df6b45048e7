/* linear.c -- Y[rows,k] = X[rows,c] W[k,c]' + bias[k]: one fully connected layer; weights in f32, tf32, f16,
 * bf16, or int8 or e4m3 with a scale per output row. With few rows it is a stream of weights, with many a
 * matrix product. */
#include "kernels/workloads/nets_util.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS, C, K };
enum { T_X, T_W, T_V, T_Y };
enum { SPOT_ROWS = 32 };
static const double complete_macs = 0x1p31; /* about a tenth of a second of reference */

static void linear_row(const ir_params *p, ly_row *r)
{
    nets_row_init(r, LY_FC, "linear");
    r->rows = p->v[ROWS];
    r->c = p->v[C];
    r->k = p->v[K];
    r->nW = r->c * r->k;
    r->W_at = r->b_at = 0;
    if (ly_scaled(p->dtype)) r->s_at = r->k;
}

static ir_status linear_valid(IR_SELF, const ir_params *p)
{
    ir_status st = nets_positive(&wl_linear, p, 0);
    if (st == IR_OK) st = nets_fits(&wl_linear, (double)p->v[ROWS] * (double)p->v[C]);
    if (st == IR_OK) st = nets_fits(&wl_linear, (double)p->v[ROWS] * (double)p->v[K]);
    return st == IR_OK ? nets_fits(&wl_linear, (double)p->v[C] * (double)p->v[K]) : st;
}

static ir_cost linear_cost(IR_SELF, const ir_params *p) { return nets_row_cost(&wl_linear, p); }

static int linear_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    ly_row r;
    linear_row(p, &r);
    out[T_X] = (ir_tensor){"x", (size_t)ly_in_elems(&r) * 4, IR_IN, IR_F32};
    out[T_W] = (ir_tensor){"W", (size_t)r.nW * ly_width(p->dtype), IR_IN, p->dtype};
    out[T_V] = (ir_tensor){"V", (size_t)r.k * (ly_scaled(p->dtype) ? 8 : 4), IR_IN, IR_F32};
    out[T_Y] = (ir_tensor){"y", (size_t)ly_out_elems(&r) * 4, IR_OUT, IR_F32};
    return 4;
}

static void linear_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    ly_row r;
    linear_row(p, &r);
    float amp = sqrtf(3 / (float)r.c);
    if (t == T_X)
        ly_fill_f32(host, 0, ly_in_elems(&r), 0, 1, seed);
    else if (t == T_W)
        ly_fill(p->dtype, host, 0, r.nW, amp, seed + 1);
    else {
        ly_fill_f32(host, 0, r.k, 0, 0.5f, seed + 2);
        if (r.s_at >= 0)
            ly_fill_f32(host, r.s_at, r.k, ly_scale_of(p->dtype, amp), ly_scale_of(p->dtype, amp / 4),
                        seed + 3);
    }
}

typedef struct {
    ly_row         r;
    ref_weights    w;
    const void    *x;
    const any_f32 *y;
    float         *u;
    double        *acc, *b;
} job;

static double scale_of(const job *j, int64_t k)
{
    return j->r.s_at >= 0 ? (double)((const any_f32 *)j->w.V)[j->r.s_at + k] : 1;
}

/* Row i of the result, complete. u: room for c + k values. */
static void one_row(const job *j, int64_t i, const float *want, double w_norm, double *err)
{
    double bound = w_norm * sqrt((double)j->r.c) * nets_rms(j->u, j->r.c);
    for (int64_t k = 0; k < j->r.k; k++)
        nets_worst(err, (double)j->y[i * j->r.k + k] - (double)want[k], bound);
}

/* W' f and W's norm: f random, 0.5 <= |f_k| < 1, so that no column's error can hide. */
static double linear_fold(job *j)
{
    double sq = 0;
    for (int64_t i = 0; i < j->r.c; i++) j->acc[i] = 0;
    for (int64_t k = 0; k < j->r.k; k++) {
        double u = (double)ir_rand_f32(0xF5E1, (uint64_t)k), s = scale_of(j, k);
        j->b[k] = u < 0 ? u / 2 - 0.5 : u / 2 + 0.5;
        ly_load(j->w.dtype, j->w.W, k * j->r.c, j->r.c, j->u);
        for (int64_t i = 0; i < j->r.c; i++) {
            double v = s * (double)j->u[i];
            j->acc[i] += j->b[k] * v;
            sq += v * v;
        }
    }
    return sqrt(sq);
}

/* Freivalds by rows: y f = x (W' f) + bias f. W_norm bounds a row of W' f as w_norm bounds one of W. */
static void folded_rows(const job *j, double W_norm, double *err)
{
    const any_f32 *bias = j->w.V;
    for (int64_t i = 0; i < j->r.rows; i++) {
        double want = 0, got = 0;
        ly_load(IR_F32, j->x, i * j->r.c, j->r.c, j->u);
        for (int64_t n = 0; n < j->r.c; n++) want += (double)j->u[n] * j->acc[n];
        for (int64_t k = 0; k < j->r.k; k++) {
            want += (double)bias[k] * j->b[k];
            got += (double)j->y[i * j->r.k + k] * j->b[k];
        }
        nets_worst(err, got - want, W_norm * sqrt((double)j->r.c) * nets_rms(j->u, j->r.c));
    }
}

/* The rows that are compared completely. */
static int64_t spot(const job *j, int64_t i, int64_t n)
{
    return n == j->r.rows ? i
                          : (int64_t)((uint64_t)ir_hash32(0x5907, (uint64_t)i) * (uint64_t)j->r.rows >> 32);
}

static bool complete_rows(const ir_params *p, job *j, int64_t n, double w_norm, double *err)
{
    ir_status    st = IR_OK;
    bool         known;
    float       *x = malloc(sizeof *x * (size_t)(n * j->r.c)), *bias = malloc(sizeof *bias * (size_t)j->r.k);
    uint64_t     key = nets_digest(nets_digest(0, j->x, (size_t)(j->r.rows * j->r.c) * 4), j->w.W,
                                   (size_t)j->r.nW * ly_width(p->dtype));
    float       *want = nets_remember(&wl_linear, p, key, (size_t)(n * j->r.k), &known);
    bool         ok = x && bias && want;
    ref_epilogue e = {bias, NULL, LY_ID, want, j->r.k, false};
    for (int64_t i = 0; ok && i < n; i++)
        ly_load(IR_F32, j->x, spot(j, i, n) * j->r.c, j->r.c, x + i * j->r.c);
    if (ok) ly_load(IR_F32, j->w.V, 0, j->r.k, bias);
    if (ok && !known) st = ref_product(x, n, j->r.c, &j->w, 0, j->r.s_at, j->r.k, &e);
    ok = ok && st == IR_OK;
    for (int64_t i = 0; ok && i < n; i++) {
        ly_load(IR_F32, j->x, spot(j, i, n) * j->r.c, j->r.c, j->u);
        one_row(j, spot(j, i, n), want + i * j->r.k, w_norm, err);
    }
    if (!ok) nets_forget();
    free(x);
    free(bias);
    return ok;
}

static void linear_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                         ir_check *out)
{
    job j = {.w = {.dtype = p->dtype, .W = before[T_W], .V = before[T_V]}, .x = before[T_X], .y = after[T_Y]};
    linear_row(p, &j.r);
    j.u = malloc(sizeof *j.u * (size_t)j.r.c);
    j.acc = malloc(sizeof *j.acc * (size_t)j.r.c);
    j.b = malloc(sizeof *j.b * (size_t)j.r.k);
    bool ok = j.u && j.acc && j.b, all = (double)j.r.rows * (double)j.r.nW <= complete_macs;
    out->err = ok ? nets_finite(j.y, ly_out_elems(&j.r)) : NAN;
    out->tol = nets_tol_product(p->dtype, j.r.c, false);
    out->oracle =
        all ? "every element, sums folded into double" : "32 rows complete, and Freivalds by rows, in double";
    if (ok) {
        double W_norm = linear_fold(&j),
               w_norm = W_norm / sqrt((double)j.r.k); /* of all of W; of a typical row */
        int64_t n = all || j.r.rows < SPOT_ROWS ? j.r.rows : SPOT_ROWS;
        if (!all) folded_rows(&j, W_norm, &out->err);
        ok = complete_rows(p, &j, n, w_norm, &out->err);
    }
    if (!ok) *out = (ir_check){NAN, out->tol, "no memory for the check"};
    free(j.u);
    free(j.acc);
    free(j.b);
}

/* rows, c, k; dtype. GPT-2's matrices at batch 1, 8 and 512. */
static const ir_params quick[] = {
    {{1, 4096, 4096}, IR_F32, 0}, {{1, 4096, 4096}, IR_BF16, 0}, {{64, 1024, 4096}, IR_F32, 0}};
static const ir_params full[] = {
    {{1, 1024, 4096}, IR_F32, 0},   {{1, 4096, 1024}, IR_F32, 0},   {{1, 1024, 50257}, IR_F32, 0},
    {{1, 1024, 50257}, IR_BF16, 0}, {{1, 1024, 50257}, IR_I8, 0},   {{1, 8192, 8192}, IR_F32, 0},
    {{1, 8192, 8192}, IR_BF16, 0},  {{1, 8192, 8192}, IR_I8, 0},    {{1, 8192, 8192}, IR_F8, 0},
    {{8, 8192, 8192}, IR_F32, 0},   {{8, 8192, 8192}, IR_BF16, 0},  {{8, 8192, 8192}, IR_I8, 0},
    {{512, 1024, 3072}, IR_F32, 0}, {{512, 1024, 1024}, IR_F32, 0}, {{512, 1024, 4096}, IR_F32, 0},
    {{512, 4096, 1024}, IR_F32, 0}, {{512, 1024, 4096}, IR_BF16, 0}};
static const ir_params odd[] = {
    {{1, 1, 1}, IR_F32, 0},     {{1, 7, 5}, IR_F32, 0},      {{3, 33, 17}, IR_F32, 0},
    {{1, 129, 67}, IR_F32, 0},  {{2, 64, 64}, IR_F32, 0},    {{5, 100, 31}, IR_F32, 0},
    {{17, 65, 130}, IR_F32, 0}, {{1, 1031, 257}, IR_F32, 0}, {{33, 80, 240}, IR_F32, 0},
    {{8, 512, 96}, IR_F32, 0},  {{70, 31, 7}, IR_F32, 0},    {{4, 16, 1}, IR_F32, 0}};

static const nets_kind kind = {.row = linear_row};
const ir_workload      wl_linear = {
         .name = "linear",
         .family = "linear",
         .doc = "Y[rows,k] = X[rows,c] W[k,c]' + bias: a fully connected layer, weights as rows",
         .param = {"rows", "c", "k"},
         .defaults = {{1, 4096, 4096}, IR_F32, 0},
         .dtypes = 1u << IR_F32 | 1u << IR_TF32 | 1u << IR_F16 | 1u << IR_BF16 | 1u << IR_F8 | 1u << IR_I8,
         .ext = &kind,
         .quick = quick,
         .nquick = sizeof quick / sizeof *quick,
         .full = full,
         .nfull = sizeof full / sizeof *full,
         .odd = odd,
         .nodd = sizeof odd / sizeof *odd,
         .valid = linear_valid,
         .cost = linear_cost,
         .tensors = linear_tensors,
         .fill = linear_fill,
         .check = linear_check};

/* chain.c -- k element-wise operations one after the other on one tensor: fused in a single pass, or every
 * one as a pass and a tensor of its own, as a framework runs them. Operation j scales and shifts: x <- a[j] x
 * + b[j]. Whether fused or not is part of the shape, because the two move different bytes: 2 n against 2 k n
 * elements. */
#include "kernels/workloads/nets_util.h"

#include <float.h>
#include <math.h>

enum { N, K, FUSE };

static ir_status chain_valid(IR_SELF, const ir_params *p)
{
    ir_status st = nets_positive(&wl_chain, p, 1u << FUSE);
    if (st == IR_OK) st = nets_fits(&wl_chain, (double)p->v[N]);
    if (st == IR_OK && p->v[K] > WL_CHAIN_MOST)
        st = ir_fail(IR_EINVAL, "k=%lld: at most %d operations", (long long)p->v[K], WL_CHAIN_MOST);
    if (st == IR_OK && p->v[FUSE] > WL_CHAIN_UNFUSED)
        st = ir_fail(IR_EINVAL, "fuse=%lld: give fused or unfused", (long long)p->v[FUSE]);
    return st;
}

static void pass_row(const ir_params *p, ly_row *r)
{
    nets_row_init(r, LY_ACT, "pass");
    r->rows = 1;
    r->c = r->k = p->v[N];
    r->act = LY_ID;
}

static const nets_kind pass_kind = {.row = pass_row};

/* FLOP: 2 an operation. */
static ir_cost chain_cost(IR_SELF, const ir_params *p)
{
    ly_row  r;
    ir_cost c;
    pass_row(p, &r);
    ly_chain_cost(&r, 1, p->v[K], wl_chain_fused(p), &c);
    c.flops = 2 * (double)p->v[K] * (double)p->v[N];
    return c;
}

static int chain_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    out[0] = (ir_tensor){"x", (size_t)p->v[N] * 4, IR_IN, IR_F32};
    out[1] = (ir_tensor){"ab", (size_t)p->v[K] * 8, IR_IN, IR_F32}; /* a[k], then b[k] */
    out[2] = (ir_tensor){"y", (size_t)p->v[N] * 4, IR_OUT, IR_F32};
    return 3;
}

/* Factors around 1, so that a long chain neither grows nor dies. */
static void chain_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    if (t == 0)
        ly_fill_f32(host, 0, p->v[N], 0, 2, seed);
    else {
        ly_fill_f32(host, 0, p->v[K], 1, 0.2f, seed + 1);
        ly_fill_f32(host, p->v[K], p->v[K], 0, 0.5f, seed + 2);
    }
}

/* Each operation rounds once or twice, and carries on the error of those before it. */
static void chain_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                        ir_check *out)
{
    const any_f32 *x = before[0], *ab = before[1], *y = after[2];
    *out = (ir_check){nets_finite(y, p->v[N]), 2 * (double)p->v[K] * (double)FLT_EPSILON,
                      "every element in double, relative to the summands"};
    for (int64_t i = 0; i < p->v[N]; i++) {
        double v = (double)x[i], size = fabs(v);
        for (int64_t j = 0; j < p->v[K]; j++) {
            const double a = (double)ab[j], b = (double)ab[p->v[K] + j];
            v = a * v + b;
            size = fabs(a) * size + fabs(b);
        }
        nets_worst(&out->err, (double)y[i] - v, size);
    }
}

static const char *const fuse_word[] = {"fused", "unfused", NULL};
#define CHAIN(n, k, fuse) \
    { \
        {n, k, fuse}, IR_F32, 0 \
    }
static const ir_params quick[] = {CHAIN(1 << 25, 4, 0), CHAIN(1 << 25, 4, 1)};
static const ir_params full[] = {CHAIN(1 << 16, 4, 0), CHAIN(1 << 16, 4, 1), CHAIN(1 << 25, 1, 0),
                                 CHAIN(1 << 25, 2, 0), CHAIN(1 << 25, 2, 1), CHAIN(1 << 25, 4, 0),
                                 CHAIN(1 << 25, 4, 1), CHAIN(1 << 25, 8, 0), CHAIN(1 << 25, 8, 1),
                                 CHAIN(1 << 25, 64, 0)};
static const ir_params odd[] = {CHAIN(1, 1, 0),    CHAIN(1, 1, 1),     CHAIN(7, 2, 1),
                                CHAIN(33, 3, 0),   CHAIN(33, 3, 1),    CHAIN(5003, 8, 0),
                                CHAIN(5003, 8, 1), CHAIN(2193, 64, 0), CHAIN(64, 5, 1)};
const ir_workload      wl_chain = {
         .name = "chain",
         .family = "chain",
         .doc = "k scale-and-shift operations on n elements, in one pass or each in its own",
         .param = {"n", "k", "fuse"},
         .word = {[FUSE] = fuse_word},
         .defaults = CHAIN(1 << 25, 4, 0),
         .dtypes = 1u << IR_F32,
         .ext = &pass_kind,
         .quick = quick,
         .nquick = sizeof quick / sizeof *quick,
         .full = full,
         .nfull = sizeof full / sizeof *full,
         .odd = odd,
         .nodd = sizeof odd / sizeof *odd,
         .valid = chain_valid,
         .cost = chain_cost,
         .tensors = chain_tensors,
         .fill = chain_fill,
         .check = chain_check};

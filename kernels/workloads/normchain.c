/* normchain.c -- layer norm, dropout and ReLU, one after the other on rows of c: fused in a single pass, or
 * every one as a pass and a tensor of its own, as a framework runs them in training. The mask of dropout is
 * no tensor: it is counted out from row and column (workloads_nets.h), by the oracle as by every kernel.
 * Refuses to leave out everything. */
#include "kernels/workloads/nets_util.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { ROWS, C, FUSE, DROP };

static ir_status normchain_valid(IR_SELF, const ir_params *p)
{
    ir_status st = nets_positive(&wl_normchain, p, 1u << FUSE | 1u << DROP);
    if (st == IR_OK) st = nets_fits(&wl_normchain, (double)p->v[ROWS] * (double)p->v[C]);
    if (st == IR_OK && p->v[FUSE] > WL_CHAIN_UNFUSED)
        st = ir_fail(IR_EINVAL, "fuse=%lld: give fused or unfused", (long long)p->v[FUSE]);
    if (st == IR_OK && p->v[DROP] > 99)
        st = ir_fail(IR_EINVAL, "drop=%lld: at most 99 per cent", (long long)p->v[DROP]);
    return st;
}

static const nets_kind first_kind = {.row = nets_norm_row};

static ir_cost normchain_cost(IR_SELF, const ir_params *p)
{
    ly_row  r[WL_NORMCHAIN_STEPS];
    ir_cost c;
    nets_norm_row(p, &r[0]);
    nets_rows_init(&r[1], p, LY_DROPOUT, "dropout");
    nets_rows_init(&r[2], p, LY_ACT, "relu");
    r[2].act = LY_RELU;
    ly_chain_cost(r, WL_NORMCHAIN_STEPS, 1, wl_chain_fused(p), &c);
    return c;
}

static size_t normchain_elems(const ir_params *p) { return (size_t)p->v[ROWS] * (size_t)p->v[C]; }

static int normchain_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    out[0] = (ir_tensor){"x", normchain_elems(p) * 4, IR_IN, IR_F32};
    out[1] = (ir_tensor){"V", (size_t)p->v[C] * 8, IR_IN, IR_F32};
    out[2] = (ir_tensor){"y", normchain_elems(p) * 4, IR_OUT, IR_F32};
    return 3;
}

static void normchain_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    if (t == 0)
        ly_fill_f32(host, 0, (int64_t)normchain_elems(p), 0.3f, 2, seed);
    else {
        ly_fill_f32(host, 0, p->v[C], 1, 0.5f, seed + 1);
        ly_fill_f32(host, p->v[C], p->v[C], 0, 0.5f, seed + 2);
    }
}

/* The norm's rounding as in operators.c, one more of the scaling. What is left out is exactly 0. */
static void normchain_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                            ir_check *out)
{
    const int64_t  c = p->v[C];
    const double   scale = 1 / (1 - (double)p->v[DROP] / 100);
    const any_f32 *y = after[2];
    float *x = malloc(sizeof *x * (size_t)(4 * c)), *gain = x + c, *offset = x + 2 * c, *z = x + 3 * c;
    *out = (ir_check){NAN, 0, "no memory for the check"};
    if (!x) return;
    *out = (ir_check){nets_finite(y, (int64_t)normchain_elems(p)), 18 * (double)FLT_EPSILON,
                      "every element in double and its mask, relative to 1 + |norm|, scaled"};
    ly_load(IR_F32, before[1], 0, c, gain);
    ly_load(IR_F32, before[1], c, c, offset);
    for (int64_t i = 0; i < p->v[ROWS]; i++) {
        ly_load(IR_F32, before[0], i * c, c, x);
        ref_norm(1, c, gain, offset, x, z);
        for (int64_t j = 0; j < c; j++) {
            const bool   left_out = wl_dropped(p, i, j);
            const double want = left_out ? 0 : ref_act(LY_RELU, scale * (double)z[j]);
            nets_worst(&out->err, (double)y[i * c + j] - want,
                       left_out ? (double)FLT_MIN : scale * (1 + fabs((double)z[j])));
        }
    }
    free(x);
}

static const char *const fuse_word[] = {"fused", "unfused", NULL};
#define AT(rows, c, fuse, drop) \
    { \
        {rows, c, fuse, drop}, IR_F32, 0 \
    }
#define BOTH(rows, c, drop) AT(rows, c, WL_CHAIN_FUSED, drop), AT(rows, c, WL_CHAIN_UNFUSED, drop)
static const ir_params quick[] = {BOTH(16384, 1024, 10)};
static const ir_params full[] = {BOTH(16, 1024, 10), BOTH(1024, 1024, 10), BOTH(32768, 1024, 10),
                                 BOTH(8192, 4096, 10)};
static const ir_params odd[] = {BOTH(1, 1, 10),    BOTH(3, 7, 50),   BOTH(1, 33, 0),   BOTH(17, 129, 25),
                                BOTH(5, 1600, 10), BOTH(65, 63, 99), BOTH(2, 5003, 40)};
const ir_workload      wl_normchain = {
         .name = "normchain",
         .family = "chain",
         .doc = "layer norm, dropout and ReLU on rows of c, in one pass or each in its own",
         .param = {"rows", "c", "fuse", "drop"},
         .word = {[FUSE] = fuse_word},
         .defaults = AT(32768, 1024, 0, 10),
         .dtypes = 1u << IR_F32,
         .ext = &first_kind,
         .quick = quick,
         .nquick = sizeof quick / sizeof *quick,
         .full = full,
         .nfull = sizeof full / sizeof *full,
         .odd = odd,
         .nodd = sizeof odd / sizeof *odd,
         .valid = normchain_valid,
         .cost = normchain_cost,
         .tensors = normchain_tensors,
         .fill = normchain_fill,
         .check = normchain_check};

/* moe.c -- a mixture-of-experts layer as an operator: tokens go to the experts that a seeded router chooses
 * for them. Its cost counts the experts that so many tokens are expected to touch; a kernel that knows which
 * they were corrects it. */
#include "kernels/workloads/nets_util.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { TOKENS, WIDTH, FF, EXPERTS, TOP };

static void moe_row(const ir_params *p, ly_row *r)
{
    nets_row_init(r, LY_MOE, "moe");
    r->rows = p->v[TOKENS];
    r->c = r->k = p->v[WIDTH];
    r->ff = p->v[FF];
    r->experts = p->v[EXPERTS];
    r->top = p->v[TOP];
    r->W_at = 0;
    r->s_at = 0;
    r->nW = (int64_t)ly_moe_W(r, (double)r->experts);
}

static ir_status moe_valid(IR_SELF, const ir_params *p)
{
    ir_status st = nets_positive(&wl_moe, p, 0);
    if (st == IR_OK && p->v[EXPERTS] > WL_MOE_EXPERTS)
        return ir_fail(IR_EINVAL, "experts=%lld: give 1 to %d", (long long)p->v[EXPERTS], WL_MOE_EXPERTS);
    if (st == IR_OK && p->v[TOP] > p->v[EXPERTS])
        return ir_fail(IR_EINVAL, "top=%lld: there are %lld experts", (long long)p->v[TOP],
                       (long long)p->v[EXPERTS]);
    const double width = (double)p->v[WIDTH], ff = (double)p->v[FF];
    if (st == IR_OK) st = nets_fits(&wl_moe, 3 * (double)p->v[EXPERTS] * width * ff);
    return st == IR_OK ? nets_fits(&wl_moe, (double)p->v[TOKENS] * (double)p->v[TOP] * fmax(width, ff)) : st;
}

static ir_cost moe_cost(IR_SELF, const ir_params *p) { return nets_row_cost(&wl_moe, p); }

static int moe_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    ly_row r;
    moe_row(p, &r);
    out[0] = (ir_tensor){"x", (size_t)ly_in_elems(&r) * 4, IR_IN, IR_F32};
    out[1] = (ir_tensor){"W", (size_t)r.nW * ly_width(p->dtype), IR_IN, p->dtype};
    out[2] = (ir_tensor){"V", (size_t)ly_moe_scales(&r, (double)r.experts) * 4, IR_IN, IR_F32};
    out[3] = (ir_tensor){"y", (size_t)ly_out_elems(&r) * 4, IR_OUT, IR_F32};
    return 4;
}

static void moe_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    ly_row r;
    moe_row(p, &r);
    const float amp = sqrtf(3 / (float)r.c);
    if (t == 0)
        ly_fill_f32(host, 0, ly_in_elems(&r), 0, 1.7f, seed);
    else if (t == 1)
        ly_fill(p->dtype, host, 0, r.nW, amp, seed + 1);
    else
        ly_fill_f32(host, 0, (int64_t)ly_moe_scales(&r, (double)r.experts), ly_scale_of(p->dtype, amp),
                    ly_scale_of(p->dtype, amp / 4), seed + 2);
}

/* A handful of tokens, the first and the last among them. */
static bool checked(const ly_row *r, int64_t i)
{
    enum { MOST = 6 };
    return i < MOST / 2 || i >= r->rows - MOST / 2;
}

/* Two products and a gate: as three products in a row. Where two experts are about as good for a token,
 * either choice is right. */
static void moe_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                      ir_check *out)
{
    const double   unit = nets_rounding(p->dtype), tol = (48 * (double)FLT_EPSILON + 2.5 * unit) * sqrt(3);
    const any_f32 *y = after[3];
    ref_weights    w = {.dtype = p->dtype, .W = before[1], .V = before[2]};
    ly_row         r;
    moe_row(p, &r);
    float *x = malloc(sizeof *x * (size_t)(2 * r.c)), *want = x + r.c;
    ly_row one = r;
    one.rows = 1;
    bool ok = x != NULL;
    *out = (ir_check){nets_finite(y, ly_out_elems(&r)), tol,
                      "six tokens in plain C, relative to their root mean square"};
    for (int64_t i = 0; ok && i < r.rows; i++) {
        double gap, square = 0;
        if (!checked(&r, i)) continue;
        ly_load(IR_F32, before[0], i * r.c, r.c, x);
        ok = ref_moe(&one, &w, x, NULL, want, &gap) == IR_OK;
        if (!ok || gap < fmax(1e-4, 16 * unit)) continue;
        const double rms = nets_rms(want, r.c);
        for (int64_t j = 0; j < r.c; j++) {
            const double d = (double)y[i * r.c + j] - (double)want[j];
            square += d * d;
            nets_worst(&out->err, d, 8 * rms);
        }
        nets_worst(&out->err, sqrt(square / (double)r.c), rms);
    }
    if (!ok) *out = (ir_check){NAN, 0, "no memory for the check"};
    free(x);
}

/* tokens, width, ff, experts, top: a layer of a small Mixtral, and of Mixtral 8x7B */
static const ir_params quick[] = {{{1, 2048, 7168, 8, 2}, IR_BF16, 0}};
#define LAYER(tokens, t) \
    { \
        {tokens, 2048, 7168, 8, 2}, t, 0 \
    }
static const ir_params full[] = {LAYER(1, IR_BF16),
                                 LAYER(2, IR_BF16),
                                 LAYER(4, IR_BF16),
                                 LAYER(8, IR_BF16),
                                 LAYER(32, IR_BF16),
                                 LAYER(256, IR_BF16),
                                 LAYER(1, IR_F32),
                                 LAYER(1, IR_I8),
                                 {{1, 4096, 14336, 8, 2}, IR_BF16, 0},
                                 {{16, 4096, 14336, 8, 2}, IR_BF16, 0},
                                 {{1, 2048, 1408, 64, 6}, IR_BF16, 0}};
static const ir_params odd[] = {{{1, 33, 17, 3, 1}, IR_F32, 0},
                                {{5, 64, 70, 4, 2}, IR_F32, 0},
                                {{1, 16, 8, 1, 1}, IR_F32, 0},
                                {{83, 40, 24, 7, 3}, IR_F32, 0}};
static const nets_kind moe_kind = {.row = moe_row};
const ir_workload      wl_moe = {
         .name = "moe",
         .family = "moe",
         .doc = "a mixture-of-experts layer: each token through `top` of `experts` gated MLPs",
         .param = {"tokens", "width", "ff", "experts", "top"},
         .defaults = {{1, 2048, 7168, 8, 2}, IR_BF16, 0},
         .dtypes = 1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16 | 1u << IR_I8,
         .ext = &moe_kind,
         .quick = quick,
         .nquick = sizeof quick / sizeof *quick,
         .full = full,
         .nfull = sizeof full / sizeof *full,
         .odd = odd,
         .nodd = sizeof odd / sizeof *odd,
         .valid = moe_valid,
         .cost = moe_cost,
         .tensors = moe_tensors,
         .fill = moe_fill,
         .check = moe_check};

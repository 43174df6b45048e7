/* operators.c -- the operators between the matrices, each as a pass of its own: layer norm, softmax,
 * activation, residual add, embedding look-up. All bound by memory; their own FLOP are in layer.h. */
#include "kernels/workloads/nets_util.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { ROWS, C, THIRD };
static const double eps = (double)FLT_EPSILON;

static void softmax_row(const ir_params *p, ly_row *r) { nets_rows_init(r, p, LY_SOFTMAX, "softmax"); }

static void operators_act_row(const ir_params *p, ly_row *r)
{
    nets_rows_init(r, p, LY_ACT, "act");
    r->act = p->v[THIRD] ? LY_GELU : LY_RELU;
}

static void operators_add_row(const ir_params *p, ly_row *r) { nets_rows_init(r, p, LY_ADD, "add"); }

static void embed_row(const ir_params *p, ly_row *r)
{
    nets_rows_init(r, p, LY_EMBED, "embed");
    r->tokens = r->context = r->rows;
    r->vocab = p->v[THIRD];
    r->W_at = 0;
    r->nW = r->vocab * r->c;
    r->P_at = r->nW;
}

static ir_status two(const ir_workload *w, const ir_params *p, uint32_t zero)
{
    ir_status st = nets_positive(w, p, zero);
    return st == IR_OK ? nets_fits(w, (double)p->v[ROWS] * (double)p->v[C]) : st;
}

static ir_status norm_valid(IR_SELF, const ir_params *p) { return two(&wl_norm, p, 0); }
static ir_status softmax_valid(IR_SELF, const ir_params *p) { return two(&wl_softmax, p, 0); }
static ir_status operators_add_valid(IR_SELF, const ir_params *p) { return two(&wl_add2, p, 0); }
static ir_status act_valid(IR_SELF, const ir_params *p)
{
    ir_status st = two(&wl_act, p, 1u << THIRD);
    if (st != IR_OK || p->v[THIRD] <= 1) return st;
    return ir_fail(IR_EINVAL, "kind=%lld: give relu or gelu", (long long)p->v[THIRD]);
}
static ir_status embed_valid(IR_SELF, const ir_params *p)
{
    ir_status st = two(&wl_embed, p, 0);
    return st == IR_OK ? nets_fits(&wl_embed, ((double)p->v[THIRD] + (double)p->v[ROWS]) * (double)p->v[C])
                       : st;
}

static ir_cost norm_cost(IR_SELF, const ir_params *p) { return nets_row_cost(&wl_norm, p); }
static ir_cost softmax_cost(IR_SELF, const ir_params *p) { return nets_row_cost(&wl_softmax, p); }
static ir_cost act_cost(IR_SELF, const ir_params *p) { return nets_row_cost(&wl_act, p); }
static ir_cost operators_add_cost(IR_SELF, const ir_params *p) { return nets_row_cost(&wl_add2, p); }
static ir_cost embed_cost(IR_SELF, const ir_params *p) { return nets_row_cost(&wl_embed, p); }

/* ---- tensors --------------------------------------------------------------------------------- */
static size_t operators_elems(const ir_params *p) { return (size_t)p->v[ROWS] * (size_t)p->v[C]; }

static int one_in(IR_SELF, const ir_params *p, ir_tensor *out)
{
    out[0] = (ir_tensor){"x", operators_elems(p) * 4, IR_IN, IR_F32};
    out[1] = (ir_tensor){"y", operators_elems(p) * 4, IR_OUT, IR_F32};
    return 2;
}

static int norm_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    out[0] = (ir_tensor){"x", operators_elems(p) * 4, IR_IN, IR_F32};
    out[1] = (ir_tensor){"V", (size_t)p->v[C] * 8, IR_IN, IR_F32};
    out[2] = (ir_tensor){"y", operators_elems(p) * 4, IR_OUT, IR_F32};
    return 3;
}

static int operators_add_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    out[0] = (ir_tensor){"x", operators_elems(p) * 4, IR_IN, IR_F32};
    out[1] = (ir_tensor){"add", operators_elems(p) * 4, IR_IN, IR_F32};
    out[2] = (ir_tensor){"y", operators_elems(p) * 4, IR_OUT, IR_F32};
    return 3;
}

static int embed_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    size_t table = (size_t)p->v[THIRD] * (size_t)p->v[C] + operators_elems(p);
    out[0] = (ir_tensor){"tokens", (size_t)p->v[ROWS] * 4, IR_IN, IR_F32}; /* int32 */
    out[1] = (ir_tensor){"W", table * ly_width(p->dtype), IR_IN, p->dtype};
    out[2] = (ir_tensor){"y", operators_elems(p) * 4, IR_OUT, IR_F32};
    return 3;
}

static void norm_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    if (t == 0)
        ly_fill_f32(host, 0, (int64_t)operators_elems(p), 0.3f, 2, seed);
    else {
        ly_fill_f32(host, 0, p->v[C], 1, 0.5f, seed + 1);
        ly_fill_f32(host, p->v[C], p->v[C], 0, 0.5f, seed + 2);
    }
}

/* Wide enough for tails and for exponentials that differ by 1e5. */
static void wide_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    ly_fill_f32(host, 0, (int64_t)operators_elems(p), 0, 6, seed + (uint64_t)t);
}

static void embed_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    if (t == 0)
        ly_fill_tokens(host, p->v[ROWS], p->v[THIRD], seed);
    else
        ly_fill(p->dtype, host, 0, p->v[THIRD] * p->v[C] + (int64_t)operators_elems(p), 1, seed + 1);
}

/* ---- truth ----------------------------------------------------------------------------------- */
static void none(ir_check *out) { *out = (ir_check){NAN, 0, "no memory for the check"}; }

/* Rounding: the mean and the variance carry one or two each, the result four. */
static void norm_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                       ir_check *out)
{
    int64_t        c = p->v[C];
    const any_f32 *y = after[2];
    float *x = malloc(sizeof *x * (size_t)(4 * c)), *gain = x + c, *offset = x + 2 * c, *want = x + 3 * c;
    if (!x) {
        none(out);
        return;
    }
    *out = (ir_check){nets_finite(y, (int64_t)operators_elems(p)), 16 * eps,
                      "every element in double, relative to 1 + |y|"};
    ly_load(IR_F32, before[1], 0, c, gain);
    ly_load(IR_F32, before[1], c, c, offset);
    for (int64_t i = 0; i < p->v[ROWS]; i++) {
        ly_load(IR_F32, before[0], i * c, c, x);
        ref_norm(1, c, gain, offset, x, want);
        for (int64_t j = 0; j < c; j++)
            nets_worst(&out->err, (double)y[i * c + j] - (double)want[j], 1 + fabs((double)want[j]));
    }
    free(x);
}

/* exp(d) of a rounded d = x - max, |d| <= 12, is off by up to 12 eps/2; a serial sum of c positive terms by
 * sqrt(c)/2 eps. */
static void softmax_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                          ir_check *out)
{
    int64_t        c = p->v[C];
    const any_f32 *y = after[1];
    float         *x = malloc(sizeof *x * (size_t)(2 * c)), *want = x + c;
    if (!x) {
        none(out);
        return;
    }
    *out = (ir_check){nets_finite(y, (int64_t)operators_elems(p)), (24 + sqrt((double)c) / 2) * eps,
                      "every element in double, relative"};
    for (int64_t i = 0; i < p->v[ROWS]; i++) {
        ly_load(IR_F32, before[0], i * c, c, x);
        ref_softmax(1, c, x, want);
        for (int64_t j = 0; j < c; j++)
            nets_worst(&out->err, (double)y[i * c + j] - (double)want[j], (double)want[j]);
    }
    free(x);
}

/* GELU's tail is a difference of nearly equal numbers: relative to |x|. ReLU is exact. */
static void act_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                      ir_check *out)
{
    const any_f32 *x = before[0], *y = after[1];
    ly_act         a = p->v[THIRD] ? LY_GELU : LY_RELU;
    *out = (ir_check){nets_finite(y, (int64_t)operators_elems(p)), a == LY_GELU ? 8 * eps : 0,
                      "every element in double, relative to |x|"};
    for (size_t i = 0; i < operators_elems(p); i++)
        nets_worst(&out->err, (double)y[i] - ref_act(a, (double)x[i]), fabs((double)x[i]));
}

static void operators_add_check(IR_SELF, const ir_params *p, const void *const *before,
                                const void *const *after, ir_check *out)
{
    const any_f32 *x = before[0], *add = before[1], *y = after[2];
    *out = (ir_check){nets_finite(y, (int64_t)operators_elems(p)), eps,
                      "every element in double, relative to |x| + |add|"};
    for (size_t i = 0; i < operators_elems(p); i++)
        nets_worst(&out->err, (double)y[i] - ((double)x[i] + (double)add[i]),
                   fabs((double)x[i]) + fabs((double)add[i]));
}

static void embed_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                        ir_check *out)
{
    int64_t        c = p->v[C];
    const any_i32 *token = before[0];
    const any_f32 *y = after[2];
    float         *a = malloc(sizeof *a * (size_t)(2 * c)), *b = a + c;
    if (!a) {
        none(out);
        return;
    }
    *out = (ir_check){nets_finite(y, (int64_t)operators_elems(p)), eps,
                      "every element in double, relative to the summands"};
    for (int64_t i = 0; i < p->v[ROWS]; i++) {
        ly_load(p->dtype, before[1], token[i] * c, c, a);
        ly_load(p->dtype, before[1], (p->v[THIRD] + i) * c, c, b);
        for (int64_t j = 0; j < c; j++)
            nets_worst(&out->err, (double)y[i * c + j] - ((double)a[j] + (double)b[j]),
                       fabs((double)a[j]) + fabs((double)b[j]));
    }
    free(a);
}

/* ---- tables ---------------------------------------------------------------------------------- */
#define GRID(a)              .a = a, .n##a = sizeof a / sizeof *a
#define OPERATOR(n, f, text) .name = n, .family = f, .doc = text
/* rows, c: the score matrix of 512 tokens and 16 heads; the rows of 512 tokens; shapes past every cache */
static const ir_params quick[] = {{{8192, 512}, IR_F32, 0}, {{16384, 1024}, IR_F32, 0}};
static const ir_params full[] = {{{1, 1024}, IR_F32, 0},     {{512, 1024}, IR_F32, 0},
                                 {{8192, 512}, IR_F32, 0},   {{32768, 1024}, IR_F32, 0},
                                 {{65536, 1600}, IR_F32, 0}, {{32768, 1024}, IR_F32, 1}};
static const ir_params odd[] = {{{1, 1}, IR_F32, 0},    {{3, 7}, IR_F32, 0},    {{1, 33}, IR_F32, 0},
                                {{17, 129}, IR_F32, 0}, {{5, 1600}, IR_F32, 0}, {{65, 63}, IR_F32, 0},
                                {{2, 5003}, IR_F32, 0}, {{131, 16}, IR_F32, 0}};
static const nets_kind norm_kind = {.row = nets_norm_row}, softmax_kind = {.row = softmax_row},
                       act_kind = {.row = operators_act_row}, add_kind = {.row = operators_add_row},
                       embed_kind = {.row = embed_row};

const ir_workload wl_norm = {OPERATOR("norm", "norm", "layer norm over c with gain and offset, eps 1e-5"),
                             .param = {"rows", "c"},
                             .defaults = {{32768, 1024}, IR_F32, 0},
                             .dtypes = 1u << IR_F32,
                             .ext = &norm_kind,
                             GRID(quick),
                             GRID(full),
                             GRID(odd),
                             .valid = norm_valid,
                             .cost = norm_cost,
                             .tensors = norm_tensors,
                             .fill = norm_fill,
                             .check = norm_check};
const ir_workload wl_softmax = {OPERATOR("softmax", "softmax", "softmax over c"),
                                .param = {"rows", "c"},
                                .defaults = {{32768, 1024}, IR_F32, 0},
                                .dtypes = 1u << IR_F32,
                                .ext = &softmax_kind,
                                GRID(quick),
                                GRID(full),
                                GRID(odd),
                                .valid = softmax_valid,
                                .cost = softmax_cost,
                                .tensors = one_in,
                                .fill = wide_fill,
                                .check = softmax_check};
const ir_workload wl_add2 = {
    OPERATOR("residual", "add", "y = x + add: a residual connection as a pass of its own"),
    .param = {"rows", "c"},
    .defaults = {{32768, 1024}, IR_F32, 0},
    .dtypes = 1u << IR_F32,
    .ext = &add_kind,
    GRID(quick),
    GRID(full),
    GRID(odd),
    .valid = operators_add_valid,
    .cost = operators_add_cost,
    .tensors = operators_add_tensors,
    .fill = wide_fill,
    .check = operators_add_check};

static const char *const act_word[] = {"relu", "gelu", NULL};
static const ir_params   act_quick[] = {{{16384, 1024, 0}, IR_F32, 0}, {{16384, 1024, 1}, IR_F32, 0}};
static const ir_params   act_full[] = {{{512, 4096, 0}, IR_F32, 0},
                                       {{512, 4096, 1}, IR_F32, 0},
                                       {{32768, 1024, 0}, IR_F32, 0},
                                       {{32768, 1024, 1}, IR_F32, 0},
                                       {{32768, 1024, 1}, IR_F32, 1}};
static const ir_params   act_odd[] = {
      {{17, 129, 0}, IR_F32, 0}, {{17, 129, 1}, IR_F32, 0}, {{3, 7, 1}, IR_F32, 0}, {{64, 64, 0}, IR_F32, 0},
      {{1, 5003, 1}, IR_F32, 0}, {{1, 1, 0}, IR_F32, 0},    {{1, 1, 1}, IR_F32, 0}};
const ir_workload wl_act = {
    OPERATOR("act", "act", "an activation as a pass of its own: ReLU, or GELU in the tanh form"),
    .param = {"rows", "c", "kind"},
    .word = {[THIRD] = act_word},
    .defaults = {{32768, 1024, 1}, IR_F32, 0},
    .dtypes = 1u << IR_F32,
    .ext = &act_kind,
    .quick = act_quick,
    .nquick = sizeof act_quick / sizeof *act_quick,
    .full = act_full,
    .nfull = sizeof act_full / sizeof *act_full,
    .odd = act_odd,
    .nodd = sizeof act_odd / sizeof *act_odd,
    .valid = act_valid,
    .cost = act_cost,
    .tensors = one_in,
    .fill = wide_fill,
    .check = act_check};

static const ir_params embed_quick[] = {{{16384, 1024, 50257}, IR_F32, 0}};
static const ir_params embed_full[] = {{{512, 1024, 50257}, IR_F32, 0},
                                       {{32768, 1024, 50257}, IR_F32, 0},
                                       {{32768, 1024, 50257}, IR_BF16, 0},
                                       {{32768, 64, 1000000}, IR_F32, 0}};
static const ir_params embed_odd[] = {
    {{1, 1, 1}, IR_F32, 0}, {{3, 7, 5}, IR_F32, 0}, {{17, 129, 300}, IR_F32, 0}, {{65, 80, 211}, IR_F32, 0}};
const ir_workload wl_embed = {
    OPERATOR("embed", "embed", "y[t] = table[token[t]] + position[t]: rows gathered at random"),
    .param = {"rows", "c", "vocab"},
    .defaults = {{32768, 1024, 50257}, IR_F32, 0},
    .dtypes = 1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16,
    .ext = &embed_kind,
    .quick = embed_quick,
    .nquick = sizeof embed_quick / sizeof *embed_quick,
    .full = embed_full,
    .nfull = sizeof embed_full / sizeof *embed_full,
    .odd = embed_odd,
    .nodd = sizeof embed_odd / sizeof *embed_odd,
    .valid = embed_valid,
    .cost = embed_cost,
    .tensors = embed_tensors,
    .fill = embed_fill,
    .check = embed_check};

/* conv.c -- 2-d convolution, NHWC: dense, grouped and depthwise; alone, with bias and ReLU in the same pass,
 * or as passes of their own. Refuses groups that do not divide the channels and windows larger than the
 * padded image. */
#include "kernels/workloads/nets_util.h"

#include <math.h>
#include <stdlib.h>

enum { N, HEIGHT, WIDTH, C, K, R, S, STRIDE, PAD, GROUPS, FUSE };
enum { T_X, T_W, T_V, T_Y };
static const char *const fuse_word[] = {"bare", "fused", "unfused", NULL};

static void conv_row(const ir_params *p, ly_row *r)
{
    const int64_t *v = p->v;
    nets_row_init(r, LY_CONV, "conv");
    r->batch = v[N];
    r->h = v[HEIGHT];
    r->w = v[WIDTH];
    r->c = v[C];
    r->k = v[K];
    r->r = v[R];
    r->s = v[S];
    r->stride = v[STRIDE];
    r->pad = r->pad_w = v[PAD];
    r->groups = v[GROUPS];
    r->oh = (v[HEIGHT] + 2 * v[PAD] - v[R]) / v[STRIDE] + 1;
    r->ow = (v[WIDTH] + 2 * v[PAD] - v[S]) / v[STRIDE] + 1;
    r->W_at = 0;
    r->nW = v[K] * v[R] * v[S] * (v[C] / v[GROUPS]);
    r->b_at = v[FUSE] == WL_BARE ? -1 : 0;
    r->act = v[FUSE] == WL_BARE ? LY_ID : LY_RELU;
}

static ir_status conv_valid(IR_SELF, const ir_params *p)
{
    const int64_t *v = p->v;
    ir_status      st = nets_positive(&wl_conv, p, 1u << PAD | 1u << FUSE);
    if (st != IR_OK) return st;
    if (v[C] % v[GROUPS] || v[K] % v[GROUPS])
        return ir_fail(IR_EINVAL, "groups=%lld does not divide c=%lld and k=%lld", (long long)v[GROUPS],
                       (long long)v[C], (long long)v[K]);
    if (v[R] > v[HEIGHT] + 2 * v[PAD] || v[S] > v[WIDTH] + 2 * v[PAD])
        return ir_fail(IR_EINVAL, "the window %lldx%lld is larger than the image %lldx%lld with pad=%lld",
                       (long long)v[R], (long long)v[S], (long long)v[HEIGHT], (long long)v[WIDTH],
                       (long long)v[PAD]);
    if (v[PAD] >= v[R] || v[PAD] >= v[S])
        return ir_fail(IR_EINVAL, "pad=%lld: an output would see padding only", (long long)v[PAD]);
    if (v[FUSE] > WL_UNFUSED)
        return ir_fail(IR_EINVAL, "fuse=%lld: give bare, fused or unfused", (long long)v[FUSE]);
    double hw = (double)(v[HEIGHT] + 2 * v[PAD]) * (double)(v[WIDTH] + 2 * v[PAD]),
           filter = (double)v[R] * (double)v[S];
    st = nets_fits(&wl_conv, (double)v[N] * hw * (double)v[C]);
    if (st == IR_OK) st = nets_fits(&wl_conv, (double)v[N] * hw * (double)v[K]);
    return st == IR_OK ? nets_fits(&wl_conv, filter * (double)v[C] * (double)v[K]) : st;
}

static ir_cost conv_cost(IR_SELF, const ir_params *p)
{
    ir_cost c = nets_row_cost(&wl_conv, p);
    if (p->v[FUSE] != WL_UNFUSED) return c;
    ir_traffic *y = &c.part[IR_OF_OUT];
    double      passes = 2 * y->write_B; /* bias and ReLU: two more reads and writes of y */
    y->read_B += passes;
    y->write_B += passes;
    c.launches = 3;
    return c;
}

static int conv_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    ly_row r;
    conv_row(p, &r);
    out[T_X] = (ir_tensor){"x", (size_t)ly_in_elems(&r) * 4, IR_IN, IR_F32};
    out[T_W] = (ir_tensor){"W", (size_t)r.nW * ly_width(p->dtype), IR_IN, p->dtype};
    out[T_V] = (ir_tensor){"V", (size_t)r.k * 4, IR_IN, IR_F32};
    out[T_Y] = (ir_tensor){"y", (size_t)ly_out_elems(&r) * 4, IR_OUT, IR_F32};
    return 4;
}

static void conv_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    ly_row r;
    conv_row(p, &r);
    float fan = (float)(r.r * r.s * (r.c / r.groups));
    if (t == T_X)
        ly_fill_f32(host, 0, ly_in_elems(&r), 0, 1, seed);
    else if (t == T_W)
        ly_fill(p->dtype, host, 0, r.nW, sqrtf(3 / fan), seed + 1);
    else
        ly_fill_f32(host, 0, r.k, 0, 0.5f, seed + 2);
}

/* y of one image against the reference, row norms of W in `norm`. */
static double conv_compare(const ly_row *r, const float *want, const any_f32 *y, const float *norm,
                           double x_rms)
{
    double err = 0, typical = x_rms * sqrt((double)(r->r * r->s * (r->c / r->groups)));
    for (int64_t i = 0; i < ly_out_elems(r); i++)
        nets_worst(&err, (double)y[i] - (double)want[i], (double)norm[i % r->k] * typical);
    return err;
}

static bool row_norms(const ly_row *r, ir_dtype t, const void *W, float *norm)
{
    int64_t n = r->nW / r->k;
    float  *w = malloc(sizeof *w * (size_t)n);
    for (int64_t k = 0; w && k < r->k; k++) {
        ly_load(t, W, k * n, n, w);
        norm[k] = (float)(nets_rms(w, n) * sqrt((double)n));
    }
    free(w);
    return w != NULL;
}

static void conv_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                       ir_check *out)
{
    ly_row r;
    conv_row(p, &r);
    int64_t        item[2], batch = r.batch, n_in, n_out;
    int            n = nets_items(batch, item);
    const any_f32 *y = after[T_Y];
    ref_weights    w = {.dtype = p->dtype, .W = before[T_W], .V = before[T_V]};
    bool           known;
    r.batch = 1;
    n_in = ly_in_elems(&r);
    n_out = ly_out_elems(&r);
    uint64_t key = nets_digest(nets_digest(0, before[T_X], (size_t)(batch * n_in) * 4), before[T_W],
                               (size_t)r.nW * ly_width(p->dtype));
    float   *want = nets_remember(&wl_conv, p, key, (size_t)(n * n_out), &known);
    float   *x = malloc(sizeof *x * (size_t)n_in), *norm = malloc(sizeof *norm * (size_t)r.k);
    bool     ok = want && x && norm && row_norms(&r, p->dtype, before[T_W], norm);
    out->err = ok ? nets_finite(y, batch * n_out) : NAN;
    out->tol = nets_tol_product(p->dtype, r.nW / r.k, r.r == 3 && r.s == 3 && r.stride == 1);
    out->oracle = ok ? "two images in plain C, sums folded into double" : "no memory for the check";
    for (int i = 0; ok && i < n; i++) {
        ly_load(IR_F32, before[T_X], item[i] * n_in, n_in, x);
        if (!known) ok = ref_conv(&r, &w, x, NULL, want + i * n_out) == IR_OK;
        nets_worst(
            &out->err,
            ok ? conv_compare(&r, want + i * n_out, y + item[i] * n_out, norm, nets_rms(x, n_in)) : NAN, 1);
    }
    if (!ok) nets_forget();
    free(x);
    free(norm);
}

/* ---- grids: the 23 distinct layers of ResNet-50, then shapes in the manner of DeepBench (numbers of our
 * own) ---- */
/* image, channels, filters, window, stride at batch n */
#define SQUARE(n, h, c, k, r, stride) \
    { \
        {n, h, h, c, k, r, r, stride, (r) / 2, 1, WL_FUSED}, IR_F32, 0 \
    }
#define RESNET(n) \
    SQUARE(n, 224, 3, 64, 7, 2), SQUARE(n, 56, 64, 64, 1, 1), SQUARE(n, 56, 64, 64, 3, 1), \
        SQUARE(n, 56, 64, 256, 1, 1), SQUARE(n, 56, 256, 64, 1, 1), SQUARE(n, 56, 256, 128, 1, 1), \
        SQUARE(n, 56, 128, 128, 3, 2), SQUARE(n, 28, 128, 512, 1, 1), SQUARE(n, 56, 256, 512, 1, 2), \
        SQUARE(n, 28, 512, 128, 1, 1), SQUARE(n, 28, 128, 128, 3, 1), SQUARE(n, 28, 512, 256, 1, 1), \
        SQUARE(n, 28, 256, 256, 3, 2), SQUARE(n, 14, 256, 1024, 1, 1), SQUARE(n, 28, 512, 1024, 1, 2), \
        SQUARE(n, 14, 1024, 256, 1, 1), SQUARE(n, 14, 256, 256, 3, 1), SQUARE(n, 14, 1024, 512, 1, 1), \
        SQUARE(n, 14, 512, 512, 3, 2), SQUARE(n, 7, 512, 2048, 1, 1), SQUARE(n, 14, 1024, 2048, 1, 2), \
        SQUARE(n, 7, 2048, 512, 1, 1), SQUARE(n, 7, 512, 512, 3, 1)
static const ir_params quick[] = {SQUARE(1, 224, 3, 64, 7, 2), SQUARE(1, 56, 64, 64, 3, 1),
                                  SQUARE(1, 28, 128, 128, 3, 1), SQUARE(1, 14, 256, 1024, 1, 1),
                                  SQUARE(1, 7, 512, 512, 3, 1)};
static const ir_params full[] = {RESNET(1),
                                 RESNET(8),
                                 SQUARE(1, 32, 192, 192, 3, 1),
                                 SQUARE(4, 48, 96, 160, 3, 1),
                                 SQUARE(2, 112, 64, 128, 3, 1),
                                 SQUARE(4, 64, 32, 64, 5, 1),
                                 SQUARE(8, 16, 384, 384, 3, 1),
                                 SQUARE(2, 80, 128, 96, 5, 2),
                                 SQUARE(16, 12, 640, 320, 1, 1),
                                 SQUARE(1, 96, 48, 192, 3, 2),
                                 {{4, 160, 40, 1, 32, 5, 20, 2, 2, 1, WL_FUSED}, IR_F32, 0},
                                 {{1, 480, 48, 16, 32, 3, 3, 1, 1, 1, WL_FUSED}, IR_F32, 0},
                                 /* depthwise and grouped */
                                 {{1, 112, 112, 32, 32, 3, 3, 1, 1, 32, WL_FUSED}, IR_F32, 0},
                                 {{1, 14, 14, 384, 384, 3, 3, 1, 1, 384, WL_FUSED}, IR_F32, 0},
                                 {{1, 28, 28, 256, 256, 3, 3, 1, 1, 32, WL_FUSED}, IR_F32, 0},
                                 /* what fusing saves */
                                 {{8, 56, 56, 64, 64, 3, 3, 1, 1, 1, WL_BARE}, IR_F32, 0},
                                 {{8, 56, 56, 64, 64, 3, 3, 1, 1, 1, WL_UNFUSED}, IR_F32, 0},
                                 {{8, 56, 56, 64, 256, 1, 1, 1, 0, 1, WL_BARE}, IR_F32, 0},
                                 {{8, 56, 56, 64, 256, 1, 1, 1, 0, 1, WL_UNFUSED}, IR_F32, 0}};
static const ir_params odd[] = {{{1, 1, 1, 1, 1, 1, 1, 1, 0, 1, WL_BARE}, IR_F32, 0},
                                {{2, 5, 7, 3, 5, 3, 3, 1, 1, 1, WL_FUSED}, IR_F32, 0},
                                {{1, 9, 6, 7, 13, 3, 3, 2, 1, 1, WL_UNFUSED}, IR_F32, 0},
                                {{3, 13, 11, 5, 3, 5, 3, 1, 2, 1, WL_FUSED}, IR_F32, 0},
                                {{1, 8, 8, 4, 6, 2, 4, 3, 1, 1, WL_BARE}, IR_F32, 0},
                                {{2, 17, 15, 3, 33, 7, 7, 2, 3, 1, WL_FUSED}, IR_F32, 0},
                                {{1, 10, 9, 17, 31, 1, 1, 2, 0, 1, WL_FUSED}, IR_F32, 0},
                                {{2, 6, 19, 65, 47, 1, 1, 1, 0, 1, WL_UNFUSED}, IR_F32, 0},
                                {{1, 9, 9, 6, 9, 3, 3, 1, 1, 3, WL_FUSED}, IR_F32, 0},
                                {{2, 11, 10, 19, 19, 3, 3, 2, 1, 19, WL_FUSED}, IR_F32, 0},
                                {{1, 7, 5, 33, 33, 3, 3, 1, 1, 33, WL_BARE}, IR_F32, 0},
                                {{1, 14, 14, 64, 64, 3, 3, 1, 1, 1, WL_FUSED}, IR_F32, 0},
                                {{1, 3, 3, 40, 24, 3, 3, 1, 0, 1, WL_BARE}, IR_F32, 0},
                                {{1, 30, 2, 16, 48, 3, 1, 1, 0, 1, WL_FUSED}, IR_F32, 0},
                                {{5, 7, 7, 128, 80, 3, 3, 1, 1, 1, WL_UNFUSED}, IR_F32, 0},
                                {{1, 12, 12, 16, 32, 3, 3, 1, 2, 1, WL_FUSED}, IR_F32, 0}};

static const nets_kind kind = {.row = conv_row};
const ir_workload      wl_conv = {
         .name = "conv",
         .family = "conv",
         .doc = "2-d convolution, NHWC, filters [k][r][s][c/groups]; bias and ReLU fused, bare or as passes",
         .param = {"n", "h", "w", "c", "k", "r", "s", "stride", "pad", "groups", "fuse"},
         .word = {[FUSE] = fuse_word},
         .defaults = SQUARE(1, 56, 64, 64, 3, 1),
         .dtypes = 1u << IR_F32 | 1u << IR_TF32 | 1u << IR_F16 | 1u << IR_BF16,
         .ext = &kind,
         .quick = quick,
         .nquick = sizeof quick / sizeof *quick,
         .full = full,
         .nfull = sizeof full / sizeof *full,
         .odd = odd,
         .nodd = sizeof odd / sizeof *odd,
         .valid = conv_valid,
         .cost = conv_cost,
         .tensors = conv_tensors,
         .fill = conv_fill,
         .check = conv_check};

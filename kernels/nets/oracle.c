/* oracle.c -- see reference.h. */
#include "kernels/nets/oracle.h"
#include "kernels/nets/clones.h"
#include "kernels/nets/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16, FOLD = 512, TILE = 4, NBLOCK = 64, STRIP = 256, PACK_B = 1 << 20 };
typedef float lanes __attribute__((vector_size(4 * LANES)));

double ref_act(ly_act a, double x)
{
    switch (a) {
    case LY_RELU: return x < 0 ? 0 : x; /* NaN stays NaN */
    case LY_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case LY_GELU: return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    case LY_GELU_ERF: return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
    case LY_TANH: return tanh(x);
    case LY_SILU: return x / (1 + exp(-x));
    case LY_SIGMOID: return 1 / (1 + exp(-x));
    default: return x;
    }
}

/* sum[i][n] of four rows of x with N rows of w; K a multiple of LANES, N of TILE. */
LY_CLONES
void ref_tile(const float *x, const float *w, int64_t N, int64_t K, double *sum)
{
    for (int64_t n = 0; n < N; n += TILE) {
        double s[TILE * TILE] = {0};
        for (int64_t k0 = 0; k0 < K; k0 += FOLD) {
            lanes   a[TILE * TILE] = {{0}};
            int64_t end = k0 + FOLD < K ? k0 + FOLD : K;
            for (int64_t k = k0; k < end; k += LANES) {
                lanes u[TILE], v[TILE];
                for (int i = 0; i < TILE; i++) memcpy(&u[i], x + i * K + k, sizeof u[i]);
                for (int j = 0; j < TILE; j++) memcpy(&v[j], w + (n + j) * K + k, sizeof v[j]);
                for (int i = 0; i < TILE; i++)
                    for (int j = 0; j < TILE; j++) a[i * TILE + j] += u[i] * v[j];
            }
            for (int i = 0; i < TILE * TILE; i++)
                for (int l = 0; l < LANES; l++) s[i] += (double)a[i][l];
        }
        for (int i = 0; i < TILE; i++)
            for (int j = 0; j < TILE; j++) sum[i * N + n + j] = s[i * TILE + j];
    }
}

static int64_t oracle_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* Rows [n0, n0 + n) of a matrix with K columns as floats, Kp apart, padded with zeros to whole tiles. */
static void pack_rows(const ref_weights *w, int64_t at, int64_t n0, int64_t n, int64_t K, int64_t Kp,
                      float *out)
{
    memset(out, 0, sizeof *out * (size_t)(oracle_up(n, TILE) * Kp));
    const ly_stored s = {w->dtype, w->format, w->n, w->W};
    for (int64_t i = 0; i < n; i++) ly_load_stored(&s, at + (n0 + i) * K, K, out + i * Kp);
}

static void oracle_finish(const ref_epilogue *e, int64_t p, int64_t n0, int64_t n, const double *sum,
                          const any_f32 *scale)
{
    for (int64_t j = 0; j < n; j++) {
        double y = sum[j] * (scale ? (double)scale[n0 + j] : 1);
        if (e->bias) y += (double)e->bias[n0 + j];
        const double add = e->add ? (double)e->add[p * e->ld + n0 + j] : 0;
        y = ref_act(e->act, e->gate ? y : y + add);
        e->out[p * e->ld + n0 + j] = (float)(e->gate ? y * add : y);
    }
}

/* x: P rows, Kp apart, padded with zero rows to whole tiles; block: room for NBLOCK rows of Kp. */
static void oracle_product(const float *x, int64_t P, int64_t K, int64_t Kp, const ref_weights *w,
                           int64_t W_at, int64_t s_at, int64_t N, float *block, const ref_epilogue *e)
{
    double         sum[TILE * NBLOCK];
    const bool     scaled = ly_scaled(w->dtype) && !w->format.group;
    const any_f32 *scale = scaled ? (const any_f32 *)w->V + s_at : NULL;
    for (int64_t n0 = 0; n0 < N; n0 += NBLOCK) {
        int64_t n = N - n0 < NBLOCK ? N - n0 : NBLOCK, np = oracle_up(n, TILE);
        pack_rows(w, W_at, n0, n, K, Kp, block);
        for (int64_t p = 0; p < P; p += TILE) {
            ref_tile(x + p * Kp, block, np, Kp, sum);
            for (int64_t i = 0; i < TILE && p + i < P; i++)
                oracle_finish(e, p + i, n0, n, sum + i * np, scale);
        }
    }
}

/* Rows of x at a time: a network's reference is not to need more memory than the network. */
static int64_t strip_of(int64_t P, int64_t Kp)
{
    int64_t most = PACK_B / (4 * Kp) / TILE * TILE;
    most = most > STRIP ? STRIP : most < TILE ? TILE : most;
    return P < most ? P : most;
}

static float *floats(int64_t n)
{
    float *p = n > 0 ? malloc(sizeof *p * (size_t)n) : NULL;
    if (!p) ir_fail(IR_ENOMEM, "no memory for %lld values of the reference", (long long)n);
    return p;
}

ir_status ref_product(const float *x, int64_t P, int64_t K, const ref_weights *w, int64_t W_at, int64_t s_at,
                      int64_t N, const ref_epilogue *e)
{
    int64_t   Kp = oracle_up(K, LANES), strip = strip_of(P, Kp);
    float    *pack = floats(oracle_up(strip, TILE) * Kp), *block = floats(NBLOCK * Kp);
    ir_status st = pack && block ? IR_OK : IR_ENOMEM;
    for (int64_t p0 = 0; st == IR_OK && p0 < P; p0 += strip) {
        int64_t      n = P - p0 < strip ? P - p0 : strip;
        ref_epilogue part = *e;
        part.out += p0 * e->ld;
        if (part.add) part.add += p0 * e->ld;
        memset(pack, 0, sizeof *pack * (size_t)(oracle_up(n, TILE) * Kp));
        for (int64_t i = 0; i < n; i++) memcpy(pack + i * Kp, x + (p0 + i) * K, sizeof *x * (size_t)K);
        oracle_product(pack, n, K, Kp, w, W_at, s_at, N, block, &part);
    }
    free(pack);
    free(block);
    return st;
}

/* ---- images ---------------------------------------------------------------------------------- */
/* The window of output pixel p over group g's channels, as one row. */
static void oracle_window(const ly_row *r, const float *x, int64_t p, int64_t g, float *out)
{
    int64_t cg = r->c / r->groups, y0 = p / r->ow * r->stride - r->pad, x0 = p % r->ow * r->stride - r->pad_w;
    for (int64_t i = 0; i < r->r; i++)
        for (int64_t j = 0; j < r->s; j++, out += cg) {
            int64_t y = y0 + i, z = x0 + j;
            if (y < 0 || y >= r->h || z < 0 || z >= r->w)
                memset(out, 0, sizeof *out * (size_t)cg);
            else
                memcpy(out, x + (y * r->w + z) * r->c + g * cg, sizeof *out * (size_t)cg);
        }
}

ir_status ref_conv(const ly_row *r, const ref_weights *w, const float *x, const float *add, float *out)
{
    int64_t K = r->r * r->s * (r->c / r->groups), Kp = oracle_up(K, LANES), N = r->k / r->groups,
            P = r->oh * r->ow;
    int64_t   strip = strip_of(P, Kp);
    float    *pack = floats(oracle_up(strip, TILE) * Kp), *block = floats(NBLOCK * Kp), *bias = floats(r->k);
    ir_status st = pack && block && bias ? IR_OK : IR_ENOMEM;
    if (st == IR_OK && r->b_at >= 0) ly_load(IR_F32, w->V, r->b_at, r->k, bias);
    for (int64_t g = 0; st == IR_OK && g < r->groups; g++)
        for (int64_t p0 = 0; p0 < P; p0 += strip) {
            int64_t      n = P - p0 < strip ? P - p0 : strip, at = p0 * r->k + g * N;
            ref_epilogue e = {
                r->b_at >= 0 ? bias + g * N : NULL, add ? add + at : NULL, r->act, out + at, r->k, false};
            memset(pack, 0, sizeof *pack * (size_t)(oracle_up(n, TILE) * Kp));
            for (int64_t i = 0; i < n; i++) oracle_window(r, x, p0 + i, g, pack + i * Kp);
            oracle_product(pack, n, K, Kp, w, r->W_at + g * N * K, r->s_at + g * N, N, block, &e);
        }
    free(pack);
    free(block);
    free(bias);
    return st;
}

static double pooled(const ly_row *r, const float *x, int64_t p, int64_t ch)
{
    int64_t y0 = p / r->ow * r->stride - r->pad, x0 = p % r->ow * r->stride - r->pad_w;
    double  most = -INFINITY, sum = 0;
    for (int64_t y = y0 < 0 ? 0 : y0; y < y0 + r->r && y < r->h; y++)
        for (int64_t z = x0 < 0 ? 0 : x0; z < x0 + r->s && z < r->w; z++) {
            double v = (double)x[(y * r->w + z) * r->c + ch];
            sum += v;
            if (!(v <= most)) most = v;
        }
    return r->op == LY_MAXPOOL ? most : sum / (double)(r->r * r->s);
}

void ref_pool(const ly_row *r, const float *x, float *out)
{
    for (int64_t p = 0; p < r->oh * r->ow; p++)
        for (int64_t ch = 0; ch < r->c; ch++) out[p * r->c + ch] = (float)pooled(r, x, p, ch);
}

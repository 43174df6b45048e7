/* conv_wino.c -- Winograd F(4x4,3x3), stride 1: every 4x4 of outputs from 6x6 inputs with 36 multiplications
 * per channel pair instead of 144. A step transforms a few tiles for all input channels, multiplies 36
 * matrices [tiles x c] by [c x nr], and transforms back nr output channels at a time; everything between
 * stays in a core's cache. The rounding error grows about tenfold against direct summation. */
#include "kernels/cpu/conv_parts.h"

#include <string.h>

static size_t tiles_x(const ly_row *l) { return (size_t)(l->ow + 3) / 4; }
static size_t tiles_y(const ly_row *l) { return (size_t)(l->oh + 3) / 4; }

void cpu_wino_plan(cpu_conv_plan *p, size_t l2_B, size_t *units)
{
    const size_t c = (size_t)p->row.c, mr = p->ops->mr, nr = p->ops->nr;
    *units = (size_t)p->row.batch * tiles_x(&p->row) * tiles_y(&p->row);
    p->px_B = cpu_up(c * 4, 64) + 64;
    p->block = mr;
    while ((p->block + mr) * p->px_B * CPU_WINO_N <= l2_B / 3 &&
           p->block < (*units + (size_t)p->threads - 1) / (size_t)p->threads)
        p->block += mr;
    p->weight_n = p->kblocks * nr * CPU_WINO_N * c;
    p->tile = (cpu_conv_tile){
        .pitch = p->px_B, .c = c, .cols = 1, .rows = 1, .chunks = 1, .y_pitch = nr * 4, .act = LY_ID};
    p->thread_B = CPU_WINO_N * p->block * (p->px_B + nr * 4) + p->px_B;
}

/* U = G g G'. */
static void filter(const float g[9], float u[CPU_WINO_N])
{
    static const float G[6][3] = {{0.25f, 0, 0},
                                  {-1.0f / 6, -1.0f / 6, -1.0f / 6},
                                  {-1.0f / 6, 1.0f / 6, -1.0f / 6},
                                  {1.0f / 24, 1.0f / 12, 1.0f / 6},
                                  {1.0f / 24, -1.0f / 12, 1.0f / 6},
                                  {0, 0, 1}};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            double sum = 0;
            for (int a = 0; a < 3; a++)
                for (int b = 0; b < 3; b++) sum += (double)G[i][a] * g[3 * a + b] * G[j][b];
            u[6 * i + j] = (float)sum;
        }
}

void cpu_wino_pack(const cpu_conv_plan *p, const char *W, size_t kb, float *packed)
{
    const size_t nr = p->ops->nr, c = (size_t)p->row.c;
    float       *out = packed + kb * CPU_WINO_N * c * nr;
    for (size_t j = 0; j < nr; j++)
        for (size_t i = 0; i < c; i++) {
            float g[9] = {0}, u[CPU_WINO_N];
            for (size_t t = 0; t < 9 && kb * nr + j < (size_t)p->row.k; t++)
                memcpy(&g[t], W + (((kb * nr + j) * 9 + t) * c + i) * 4, 4);
            filter(g, u);
            for (size_t t = 0; t < CPU_WINO_N; t++) out[(t * c + i) * nr + j] = u[t];
        }
}

/* The n-th tile's place: image, and output pixel of its corner. */
static void conv_wino_place(const ly_row *l, size_t n, size_t *image, int64_t *oy, int64_t *ox)
{
    *image = n / (tiles_x(l) * tiles_y(l));
    *oy = (int64_t)(n / tiles_x(l) % tiles_y(l)) * 4;
    *ox = (int64_t)(n % tiles_x(l)) * 4;
}

static void load_tile(const cpu_conv_plan *p, size_t n, const char *x, const char *zero, char *v)
{
    const ly_row *l = &p->row;
    const size_t  c_B = (size_t)l->c * 4;
    const char   *px[36];
    size_t        image;
    int64_t       oy, ox;
    conv_wino_place(l, n, &image, &oy, &ox);
    for (int i = 0; i < 36; i++) {
        const int64_t iy = oy - l->pad + i / 6, ix = ox - l->pad_w + i % 6;
        const bool    in = iy >= 0 && iy < l->h && ix >= 0 && ix < l->w;
        px[i] = in ? x + ((image * (size_t)l->h + (size_t)iy) * (size_t)l->w + (size_t)ix) * c_B : zero;
    }
    p->ops->wino_in((size_t)l->c, px, v, p->block * p->px_B);
}

static void store_tile(const cpu_conv_plan *p, size_t n, size_t kb, const char *m, const float *bias,
                       const char *add, char *y)
{
    const ly_row *l = &p->row;
    const size_t  k = (size_t)l->k, nr = p->ops->nr, left = k - kb * nr;
    const char   *from[16];
    char         *px[16];
    size_t        image;
    int64_t       oy, ox;
    conv_wino_place(l, n, &image, &oy, &ox);
    for (int i = 0; i < 16; i++) {
        const int64_t py = oy + i / 4, qx = ox + i % 4;
        const bool    in = py < l->oh && qx < l->ow;
        const size_t  at =
            (((image * (size_t)l->oh + (size_t)py) * (size_t)l->ow + (size_t)qx) * k + kb * nr) * 4;
        px[i] = in ? y + at : NULL;
        from[i] = in && add ? add + at : NULL;
    }
    p->ops->wino_out(left < nr ? left : nr, m, p->block * nr * 4, bias, add ? from : NULL, (int)l->act, px);
}

void cpu_wino_part(const cpu_conv_plan *p, const char *x, const float *packed, const char *add, char *y,
                   char *work, int tid)
{
    const size_t nr = p->ops->nr, mr = p->ops->mr, c = (size_t)p->row.c, v_B = p->block * p->px_B,
                 m_B = p->block * nr * 4;
    const size_t units = (size_t)p->row.batch * tiles_x(&p->row) * tiles_y(&p->row);
    char        *v = work, *m = v + CPU_WINO_N * v_B, *zero = m + CPU_WINO_N * m_B;
    size_t       lo, hi, k_lo, k_hi;
    cpu_part(units, 1, tid / p->tk, p->tp, &lo, &hi);
    cpu_part(p->kblocks, 1, tid % p->tk, p->tk, &k_lo, &k_hi);
    memset(zero, 0, p->px_B);
    const size_t steps = (hi - lo + p->block - 1) / p->block;
    for (size_t s = 0; s < steps; s++) {
        const size_t from = lo + (hi - lo) * s / steps, n = lo + (hi - lo) * (s + 1) / steps - from;
        const size_t turns = (n + mr - 1) / mr;
        for (size_t i = 0; i < n; i++) load_tile(p, from + i, x, zero, v + i * p->px_B);
        for (size_t kb = k_lo; kb < k_hi; kb++) {
            const float *b = packed + kb * CPU_WINO_N * c * nr;
            for (size_t e = 0; e < CPU_WINO_N; e++, b += c * nr)
                for (size_t t = 0; t < turns; t++) {
                    const size_t      at = n * t / turns, rows = n * (t + 1) / turns - at;
                    const char       *a = v + e * v_B + at * p->px_B;
                    const cpu_conv_at o = {.a0 = a,
                                           .a1 = a + p->ops->half * p->px_B,
                                           .b = b,
                                           .y = m + e * m_B + at * nr * 4,
                                           .next_a = a,
                                           .next_b = (const char *)(b + c * nr),
                                           .r_hi = 1};
                    p->ops->full[rows](&p->tile, &o);
                }
            for (size_t i = 0; i < n; i++)
                store_tile(p, from + i, kb, m + i * nr * 4, packed + p->weight_n + kb * nr, add, y);
        }
    }
}

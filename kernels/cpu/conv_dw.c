/* conv_dw.c -- depthwise convolution: some neighbouring outputs at a time, channel by channel as memory has
 * them; taps outside the image are left out, so nothing is copied. */
#include "kernels/cpu/conv_parts.h"

#include <string.h>

enum { LANES = 16 }; /* weights of a tap are padded to this many channels */

void cpu_dw_plan(cpu_conv_plan *p)
{
    p->kblocks = 1;
    p->weight_n = (size_t)(p->row.r * p->row.s) * cpu_up((size_t)p->row.c, LANES);
}

void cpu_dw_pack(const cpu_conv_plan *p, const char *W, float *packed)
{
    const size_t taps = (size_t)(p->row.r * p->row.s), c = (size_t)p->row.c, step = cpu_up(c, LANES);
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < step; i++) {
            float w = 0;
            if (i < c) memcpy(&w, W + (i * taps + t) * 4, 4);
            packed[t * step + i] = w;
        }
}

/* Outputs [x_lo, x_hi) of one row, under the same taps. */
static void span(const cpu_conv_plan *p, const char *image, int64_t oy, int64_t x_lo, int64_t x_hi,
                 const float *packed, const char *add, char *y)
{
    const ly_row *l = &p->row;
    const size_t  c_B = (size_t)l->c * 4, at = (size_t)(oy * l->ow + x_lo) * c_B;
    const char   *taps[CPU_DW_TAPS];
    for (int64_t r = 0; r < l->r; r++)
        for (int64_t s = 0; s < l->s; s++) {
            const int64_t iy = oy * l->stride - l->pad + r, ix = x_lo * l->stride - l->pad_w + s;
            const bool    in = iy >= 0 && iy < l->h && ix >= 0 && ix < l->w;
            taps[r * l->s + s] = in ? image + (size_t)(iy * l->w + ix) * c_B : NULL;
        }
    p->ops->depthwise((size_t)(x_hi - x_lo), (size_t)l->c, (int)(l->r * l->s), taps, (size_t)l->stride * c_B,
                      packed, packed + p->weight_n, add ? add + at : NULL, (int)l->act, y + at);
}

void cpu_dw_part(const cpu_conv_plan *p, const char *x, const float *packed, const char *add, char *y,
                 int tid)
{
    const ly_row *l = &p->row;
    const size_t  in_B = (size_t)(l->h * l->w * l->c) * 4, out_B = (size_t)(l->oh * l->ow * l->c) * 4;
    int64_t       inner = (l->pad_w + l->stride - 1) / l->stride,
            end = l->w - l->s + l->pad_w; /* all taps inside: [inner, end) */
    end = end < 0 ? 0 : end / l->stride + 1;
    if (inner > l->ow) inner = l->ow;
    if (end > l->ow) end = l->ow;
    if (end < inner) end = inner;
    size_t lo, hi;
    cpu_part((size_t)(l->batch * l->oh), 1, tid, p->threads, &lo, &hi);
    for (size_t u = lo; u < hi; u++) {
        const size_t  n = u / (size_t)l->oh;
        const int64_t oy = (int64_t)(u % (size_t)l->oh);
        const char   *image = x + n * in_B, *a = add ? add + n * out_B : NULL;
        char         *out = y + n * out_B;
        for (int64_t i = 0; i < inner; i++) span(p, image, oy, i, i + 1, packed, a, out);
        if (end > inner) span(p, image, oy, inner, end, packed, a, out);
        for (int64_t i = end; i < l->ow; i++) span(p, image, oy, i, i + 1, packed, a, out);
    }
}

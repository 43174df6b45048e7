/* cnn_rows.c -- the rows of an image network that are no convolutions, thread by thread. See cnn.h. */
#include "kernels/cpu/cnn.h"

enum { LINE_N = 16, MAX_TAPS = 64 };

ir_status cpu_cnn_served(const ly_row *l)
{
    if (l->op == LY_CONV || l->op == LY_FC || l->op == LY_ADD) return IR_OK;
    if (l->op == LY_AVGPOOL && l->s == l->w) return IR_OK; /* whole rows lie one after the other */
    if (l->op == LY_MAXPOOL && l->r * l->s <= MAX_TAPS) return IR_OK;
    return ir_fail(IR_SKIP, "%s is no row of an image network this executor knows", l->name);
}

ly_row cpu_cnn_as_conv(const ly_row *l)
{
    ly_row c = *l;
    if (l->op != LY_FC) return c;
    c.op = LY_CONV;
    c.batch = l->rows;
    c.h = c.w = c.oh = c.ow = c.r = c.s = c.stride = c.groups = 1;
    c.pad = c.pad_w = 0;
    return c;
}

static void max_pool(const cpu_conv_ops *o, const ly_row *l, const char *x, char *y, int tid, int nthreads)
{
    const size_t c_B = (size_t)l->c * 4;
    size_t       lo, hi;
    cpu_part((size_t)(l->batch * l->oh), 1, tid, nthreads, &lo, &hi);
    for (size_t u = lo; u < hi; u++) {
        const int64_t n = (int64_t)u / l->oh, iy = (int64_t)u % l->oh * l->stride - l->pad;
        for (int64_t ox = 0; ox < l->ow; ox++) {
            const char   *px[MAX_TAPS];
            const int64_t ix = ox * l->stride - l->pad_w;
            size_t        count = 0;
            for (int64_t i = iy < 0 ? 0 : iy; i < iy + l->r && i < l->h; i++)
                for (int64_t k = ix < 0 ? 0 : ix; k < ix + l->s && k < l->w; k++)
                    px[count++] = x + (size_t)((n * l->h + i) * l->w + k) * c_B;
            o->maximum((size_t)l->c, count, px, y + (u * (size_t)l->ow + (size_t)ox) * c_B);
        }
    }
}

static void avg_pool(const cpu_conv_ops *o, const ly_row *l, const char *x, char *y, int tid, int nthreads)
{
    const size_t c = (size_t)l->c, pixels = (size_t)(l->h * l->w), seen = (size_t)(l->r * l->w),
                 strips = (c + LINE_N - 1) / LINE_N;
    size_t lo, hi;
    cpu_part((size_t)l->batch * strips, 1, tid, nthreads, &lo, &hi);
    for (size_t u = lo; u < hi;) { /* strips of one image at a time */
        const size_t n = u / strips, from = u % strips * LINE_N,
                     last = (n + 1) * strips < hi ? (n + 1) * strips : hi;
        const size_t to = (last - n * strips) * LINE_N < c ? (last - n * strips) * LINE_N : c;
        o->mean(to - from, seen, x + (n * pixels * c + from) * 4, c * 4, 1.0f / (float)seen,
                y + (n * c + from) * 4);
        u = last;
    }
}

void cpu_cnn_row_part(const cpu_conv_ops *o, const ly_row *l, const char *x, const char *add, char *y,
                      int tid, int nthreads)
{
    size_t lo, hi;
    if (l->op == LY_MAXPOOL) {
        max_pool(o, l, x, y, tid, nthreads);
    } else if (l->op == LY_AVGPOOL) {
        avg_pool(o, l, x, y, tid, nthreads);
    } else {
        cpu_part((size_t)(l->rows * l->c), LINE_N, tid, nthreads, &lo, &hi);
        o->add(hi - lo, x + lo * 4, add + lo * 4, (int)l->act, y + lo * 4);
    }
}

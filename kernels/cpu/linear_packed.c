/* linear_packed.c -- see linear_packed.h. A panel of W is packed into a core's nearest caches and meets all
 * rows of X there, while what the next panel is made of is on its way from memory. Packed X comes through the
 * caches once for every panel, in order: a panel multiplies each of its values as often as it has rows.
 * Panels of X lie part by part along the depth, so that a block of them is contiguous. */
#include "kernels/cpu/linear_packed.h"

#include <string.h>

enum {
    PACKED_ROWS = 128, /* from here on the multiplications outweigh the copy of W */
    PACK_COST = 16,    /* of an element of W, in multiplications with a row of X; none where it is laid */
    MOST_DEPTH = 512,
    DEPTH_GRAIN = 64, /* weights in groups are widened in blocks of 32 */
    GROUP = 8,        /* panels of W whose columns of Y are finished together */
    LINE = 64
};

bool cpu_linear_packs(cpu_dot dot, size_t rows) { return dot == CPU_DOT_F32 && rows >= PACKED_ROWS; }

cpu_linear_panels cpu_linear_panels_of(const ir_dev *dev, const cpu_linear *l, int threads, bool laid)
{
    const cpu_gemm_ops *o = cpu_gemm_ops_of(dev, CPU_GEMM_F32);
    const size_t w = sizeof(float), l1 = cpu_cache_B(dev, 1, 32 << 10), l2 = cpu_cache_B(dev, 2, 512 << 10),
                 l3 = cpu_cache_B(dev, 3, 4 << 20);
    cpu_linear_panels p = {
        .ops = o, .rows = l->rows, .c = l->c, .panels = (l->rows + o->mr - 1) / o->mr, .laid = laid};
    cpu_gemm_grid(o, l->rows, l->k, laid ? 0 : PACK_COST, threads, &p.tm, &p.tn);
    p.kc = cpu_even(l->c, cpu_min(l1 * 3 / 2 / (o->nr * w), MOST_DEPTH), DEPTH_GRAIN);
    const size_t share = l3 / 4 / (size_t)threads > l2 / 2 ? l3 / 4 / (size_t)threads : l2 / 2;
    p.mc = cpu_even(cpu_each(l->rows, p.tm), share / (p.kc * w), o->mr);
    p.x_B = cpu_up(p.panels * o->mr * l->c * w, LINE);
    p.scratch_B = cpu_up(2 * o->nr * p.kc * w, LINE); /* a panel of W, and its rows widened */
    return p;
}

void cpu_linear_pack_panel(const cpu_linear_panels *p, size_t i, const void *x, char *out)
{
    const size_t mr = p->ops->mr, rows = cpu_min(mr, p->rows - i * mr), w = sizeof(float);
    for (size_t at = 0; at < p->c; at += p->kc) {
        const size_t kb = cpu_min(p->kc, p->c - at);
        p->ops->pack_a(0, rows, kb, (const char *)x + at * w, p->c, out + (at * p->panels + i * kb) * mr * w);
    }
}

/* A panel of W: rows [j, j+n), elements [at, at+kb) of each. */
typedef struct {
    size_t j, n, at, kb;
} w_panel;

static w_panel panel_of(const cpu_linear_panels *p, size_t j, size_t end, size_t at)
{
    return (w_panel){j, cpu_min(p->ops->nr, end - j), at, cpu_min(p->kc, p->c - at)};
}

/* Where a whole panel lies packed: part by part in the place of its rows. */
static const char *laid_at(const cpu_linear *l, const cpu_linear_panels *p, w_panel x)
{
    return p->laid && x.n == p->ops->nr ? l->w + (x.j * l->c + x.at * x.n) * sizeof(float) : NULL;
}

static void pack_w(const cpu_linear *l, const cpu_linear_panels *p, w_panel x, char *out)
{
    const size_t w = sizeof(float), width = (size_t)ir_dtype_bytes(l->dtype);
    const char  *from = l->w + x.j * l->w_row_B + x.at * width;
    float       *rows = (float *)(void *)(out + p->ops->nr * p->kc * w);
    if (l->dtype == IR_F32) {
        p->ops->pack_bt(x.n, x.kb, from, l->w_row_B / w, out);
        return;
    }
    for (size_t i = 0; i < x.n; i++)
        if (l->stored)
            l->load(l->stored, x.j + i, x.at, x.kb, rows + i * x.kb);
        else
            l->ops->widen(l->dtype, x.kb, from + i * l->w_row_B, rows + i * x.kb);
    p->ops->pack_bt(x.n, x.kb, rows, x.kb, out);
}

/* Part `part` of `parts` of what a panel is made of, or of itself, into L2. */
static void fetch_w(const cpu_linear *l, const cpu_linear_panels *p, w_panel x, size_t part, size_t parts)
{
    const char  *laid = laid_at(l, p, x), *from = laid;
    const size_t B = l->w_row_B * x.kb / l->c, apart = laid ? B : l->w_row_B;
    if (!laid) from = l->w + x.j * l->w_row_B + l->w_row_B * x.at / l->c;
    for (size_t i = x.n * part / parts; i < x.n * (part + 1) / parts; i++)
        for (size_t b = 0; b < B; b += LINE) __builtin_prefetch(from + i * apart + b, 0, 2);
}

/* Rows [i, i+m) of Y under the panel that lies packed in `panel`; meanwhile the next one is fetched. */
static void under_panel(const cpu_linear *l, const cpu_linear_panels *p, w_panel x, w_panel next,
                        const char *panel, size_t i, size_t m)
{
    const size_t mr = p->ops->mr, w = sizeof(float), tiles = (m + mr - 1) / mr;
    const char  *part = l->x + x.at * p->panels * mr * w;
    for (size_t t = 0; t < tiles; t++, i += mr, m -= mr) {
        fetch_w(l, p, next, t, tiles);
        p->ops->block(cpu_min(mr, m), mr, x.n, x.kb, part + i * x.kb * w, panel, l->y + (i * l->k + x.j) * w,
                      l->k, x.at > 0, NULL);
    }
}

/* What follows the sums, for rows [i, i+m) and columns [lo, hi) of Y. */
static void packed_finish(const cpu_linear *l, size_t i, size_t m, size_t lo, size_t hi)
{
    cpu_linear   part = *l;
    const size_t before = i * l->k * sizeof(float);
    part.rows = m;
    part.y += before;
    if (part.add) part.add += before;
    cpu_linear_finish(&part, lo, hi);
}

/* Rows [i, i+m) and columns [lo, hi) of Y; `end`: of this thread's columns. */
static void packed_group(const cpu_linear *l, const cpu_linear_panels *p, size_t i, size_t m, size_t lo,
                         size_t hi, size_t end, char *scratch)
{
    for (size_t at = 0; at < l->c; at += p->kc)
        for (size_t j = lo; j < hi; j += p->ops->nr) {
            const w_panel x = panel_of(p, j, hi, at);
            w_panel       next = {0};
            if (j + x.n < hi)
                next = panel_of(p, j + x.n, hi, at);
            else if (at + x.kb < l->c)
                next = panel_of(p, lo, hi, at + x.kb);
            else if (hi < end)
                next = panel_of(p, hi, end, 0);
            const char *panel = laid_at(l, p, x);
            if (!panel) pack_w(l, p, x, scratch);
            under_panel(l, p, x, next, panel ? panel : scratch, i, m);
        }
    packed_finish(l, i, m, lo, hi);
}

void cpu_linear_packed(const cpu_linear *l, const cpu_linear_panels *p, int tid, void *scratch)
{
    const size_t group = GROUP * p->ops->nr;
    size_t       m_lo, m_hi, lo, end;
    cpu_part(l->rows, p->ops->mr, tid / p->tn, p->tm, &m_lo, &m_hi);
    cpu_part(l->k, p->ops->nr, tid % p->tn, p->tn, &lo, &end);
    for (size_t i = m_lo; i < m_hi; i += p->mc)
        for (size_t j = lo; j < end; j += group)
            packed_group(l, p, i, cpu_min(p->mc, m_hi - i), j, cpu_min(end, j + group), end, scratch);
}

size_t cpu_linear_lay_B(const cpu_linear_panels *p)
{
    return cpu_up(p->ops->nr * p->c * sizeof(float), LINE);
}

void cpu_linear_lay(const cpu_linear *l, const cpu_linear_panels *p, int tid, int nthreads, void *scratch)
{
    const size_t nr = p->ops->nr, panel_B = nr * p->c * sizeof(float);
    char        *w = (char *)(uintptr_t)l->w, *packed = scratch;
    size_t       lo, hi;
    cpu_part(l->k / nr, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) {
        for (size_t at = 0; at < p->c; at += p->kc) {
            const w_panel x = panel_of(p, i * nr, (i + 1) * nr, at);
            p->ops->pack_bt(nr, x.kb, l->w + (i * nr * p->c + at) * sizeof(float), p->c,
                            packed + at * nr * sizeof(float));
        }
        memcpy(w + i * panel_B, packed, panel_B);
    }
}

/* linear.c -- see linear.h. As a stream: W passes once, as it lies, past packed rows of X. In blocks: a block
 * of W stays in a core's L2 while all of X passes; weights that the tile cannot multiply as they are (bf16
 * without pair products, int8) are widened to f32 once per block. */
#include "kernels/cpu/linear.h"

#include <string.h>

CPU_DECLARE_PER_ISA(cpu_linear_ops, cpu_linear);
static const cpu_linear_ops *const tables[CPU_NISA] = CPU_PER_ISA(cpu_linear);

enum {
    AHEAD_B = 8192, /* W is prefetched so far ahead in the order in which several rows of X read it */
    CHUNK = 64,     /* rows of W after which their outputs are finished, still in L1 */
    PAIRS_ROWS = 2,
    ALIGN = 64
};

const cpu_linear_ops *cpu_linear_ops_of(const ir_dev *dev)
{
    int isa = (int)cpu_of(dev)->isa;
    while (isa > CPU_PORTABLE && !tables[isa]) isa--;
    return tables[isa];
}

cpu_dot cpu_linear_dot(const ir_dev *dev, const cpu_linear_ops *o, ir_dtype w, size_t rows, bool blocked)
{
    (void)dev;
    if (w == IR_F32) return CPU_DOT_F32;
    if (w == IR_BF16 && o->pairs && cpu_features_get()->avx512_bf16 && rows >= PAIRS_ROWS)
        return CPU_DOT_PAIRS;
    if (blocked) return CPU_DOT_F32;
    return w == IR_BF16 ? CPU_DOT_BF16 : CPU_DOT_I8;
}

/* A line more than a row: rows whose length is a power of two would share the same few sets of the cache. */
size_t cpu_linear_stride(const cpu_linear_ops *o, cpu_dot dot, size_t c) { return o->row_B(dot, c) + ALIGN; }

/* ---- as a stream ----------------------------------------------------------------------------- */
/* CPU_TILE_R or 1 rows of W from j on past all rows of X. The first group of those meets W on its way from
 * memory, the others find it in L1; each prefetches its share of the rows of W that come next, so that memory
 * never waits. */
static void pass_rows(const cpu_linear *l, size_t j, bool four, int groups)
{
    const size_t turn = (four ? CPU_TILE_R : 1) * l->w_row_B, ys = l->k * sizeof(float);
    const char  *w = l->w + j * l->w_row_B;
    cpu_ahead    ahead = {turn > AHEAD_B ? turn : AHEAD_B, 0, (size_t)groups};
    if (l->rows == 1 && four &&
        l->ops->lines[l->dot]) { /* an expert of a mixture may have one row of several */
        l->ops->lines[l->dot](l->w_row_B, w, l->w_row_B, l->x, l->y + j * sizeof(float));
        return;
    }
    for (int g = 0; g < groups; g++, ahead.first++) {
        size_t lo, hi;
        cpu_part(l->rows, 1, g, groups, &lo, &hi);
        l->ops->tile[l->dot][four][hi - lo](l->w_row_B, w, l->w_row_B, l->x + lo * l->xs, l->xs,
                                            l->y + (lo * l->k + j) * sizeof(float), ys, 0, &ahead);
    }
}

void cpu_linear_warm(const cpu_linear *l, size_t lo, size_t hi)
{
    const size_t bytes = cpu_min((hi - lo) * l->w_row_B, AHEAD_B);
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(l->w + lo * l->w_row_B + i);
}

static const char *linear_at(const char *f32, size_t i) { return f32 ? f32 + i * sizeof(float) : NULL; }

void cpu_linear_finish(const cpu_linear *l, size_t lo, size_t hi)
{
    if (!l->bias && !l->scale && !l->add && l->act == LY_ID) return;
    for (size_t m = 0; m < l->rows; m++) {
        char       *y = l->y + (m * l->k + lo) * sizeof(float);
        const char *add = linear_at(l->add, m * l->k + lo);
        l->fin->finish(hi - lo, y, linear_at(l->scale, lo), linear_at(l->bias, lo), l->gate ? NULL : add,
                       l->act);
        if (l->gate) l->fin->mul(hi - lo, y, add, y);
    }
}

void cpu_linear_pass(const cpu_linear *l, size_t lo, size_t hi)
{
    const int groups = (int)((l->rows + l->ops->most - 1) / l->ops->most);
    for (size_t j = lo; j < hi;) {
        const size_t from = j, stop = cpu_min(hi, j + CHUNK);
        for (; j + CPU_TILE_R <= stop; j += CPU_TILE_R) pass_rows(l, j, true, groups);
        for (; j < stop; j++) pass_rows(l, j, false, groups);
        cpu_linear_finish(l, from, stop);
    }
}

/* ---- in blocks ------------------------------------------------------------------------------- */
/* A tile's rows of X and of W fit in L1 together, a block of W in half of L2. */
cpu_linear_block cpu_linear_block_of(const ir_dev *dev, const cpu_linear_ops *o, ir_dtype w, cpu_dot dot)
{
    (void)w;
    size_t width = dot == CPU_DOT_PAIRS ? 2 : 4, l1 = cpu_cache_B(dev, 1, 32 << 10),
           l2 = cpu_cache_B(dev, 2, 512 << 10);
    size_t depth = l1 * 7 / 8 / ((o->most + CPU_TILE_R) * width) / ALIGN * ALIGN;
    if (depth < ALIGN) depth = ALIGN;
    size_t rows = l2 / 2 / (depth * width) / CPU_TILE_R * CPU_TILE_R;
    return (cpu_linear_block){rows < CPU_TILE_R ? CPU_TILE_R : rows, depth};
}

size_t cpu_linear_scratch_B(cpu_linear_block b) { return cpu_up(b.rows * b.depth * sizeof(float), ALIGN); }

/* Rows [j, j+n) and elements [p, p+kb) of W, for the tile: in place, or widened. */
static const char *block_of(const cpu_linear *l, size_t j, size_t n, size_t p, size_t kb, void *scratch,
                            size_t *ws)
{
    const size_t width = l->dtype == IR_F32 ? 4 : l->dtype == IR_BF16 ? 2 : 1;
    const char  *w = l->w + j * l->w_row_B + p * width;
    *ws = l->w_row_B;
    if (l->dtype == IR_F32 || l->dot == CPU_DOT_PAIRS) return w;
    *ws = kb * sizeof(float);
    for (size_t i = 0; i < n && l->stored; i++) l->load(l->stored, j + i, p, kb, (float *)scratch + i * kb);
    if (l->stored) return scratch;
    for (size_t i = 0; i < n; i++) l->ops->widen(l->dtype, kb, w + i * l->w_row_B, (float *)scratch + i * kb);
    return scratch;
}

static void linear_block(const cpu_linear *l, const char *w, size_t ws, size_t j, size_t n, size_t p,
                         size_t kb)
{
    const size_t width = l->dot == CPU_DOT_PAIRS ? 2 : 4, ys = l->k * sizeof(float);
    const int    groups = (int)((l->rows + l->ops->most - 1) / l->ops->most);
    for (int g = 0; g < groups; g++) {
        size_t lo, hi, i = 0;
        cpu_part(l->rows, 1, g, groups, &lo, &hi);
        const char       *x = l->x + lo * l->xs + p * width;
        char             *y = l->y + (lo * l->k + j) * sizeof(float);
        const cpu_tile_fn wide = l->ops->tile[l->dot][1][hi - lo], one = l->ops->tile[l->dot][0][hi - lo];
        for (; i + CPU_TILE_R <= n; i += CPU_TILE_R)
            wide(kb * width, w + i * ws, ws, x, l->xs, y + i * sizeof(float), ys, p > 0, NULL);
        for (; i < n; i++) one(kb * width, w + i * ws, ws, x, l->xs, y + i * sizeof(float), ys, p > 0, NULL);
    }
}

void cpu_linear_blocked(const cpu_linear *l, cpu_linear_block b, size_t lo, size_t hi, void *scratch)
{
    const size_t parts = (l->c + b.depth - 1) / b.depth, depth = cpu_up((l->c + parts - 1) / parts, ALIGN);
    for (size_t j = lo; j < hi; j += b.rows) {
        size_t n = cpu_min(b.rows, hi - j), ws;
        for (size_t p = 0; p < l->c; p += depth) {
            size_t      kb = cpu_min(depth, l->c - p);
            const char *w = block_of(l, j, n, p, kb, scratch, &ws);
            linear_block(l, w, ws, j, n, p, kb);
        }
        cpu_linear_finish(l, j, j + n);
    }
}

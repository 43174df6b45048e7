/* conv_plan.c -- how a convolution is cut: threads over pixels and output channels, a window of the input and
 * a group of weights that stay in a core's cache, register tiles over both. direct     the input rows under a
 * few output rows are copied into a window with the padding written out and a pixel pitch that spreads over
 * the cache sets; each copied value is used for all taps and channels pointwise  1x1: a matrix product over
 * all pixels of all images, read in place where the pitch allows it winograd   F(4x4,3x3): tiles of 4x4
 * outputs, 36 products over input channels (conv_wino.c) depthwise  one channel in, one out: rows of outputs,
 * the taps that fall outside left out (conv_wino.c) Weights of nr output channels lie [chunk of input
 * channels][r][s][channel][nr], zero-padded. */
#include "kernels/cpu/conv.h"
#include "kernels/cpu/conv_parts.h"

#include <string.h>

CPU_DECLARE_PER_ISA(cpu_conv_ops, cpu_conv);
static const cpu_conv_ops *const tables[CPU_NISA] = CPU_PER_ISA(cpu_conv);

enum {
    CHUNK = 128,   /* most input channels under one tap before the next tap */
    SLIM = 16,     /* up to here a tap row is one run: pixels lie side by side in the window */
    SPREAD_B = 64, /* added to a pixel's pitch, so that neighbours fall into different sets */
    ALIAS_B =
        4096, /* a pitch at a multiple of this puts all pixels of a tile into one set of the first cache */
    WINDOW_B = 256 << 10,
};
static const double
    TRANSFORM = 0.7, /* of a Winograd tile, in blocks of output channels: 42 of 277 us at c = k = 128 */
    NEAR = 0.05,     /* of each other: grids with equal work */
    CROSSING = 4;    /* bytes read for one that crosses between cores: 100 GB/s against 8 to 35 */

const cpu_conv_ops *cpu_conv_ops_of(cpu_isa isa)
{
    int i = (int)isa;
    while (i > CPU_PORTABLE && !tables[i]) i--;
    return tables[i];
}

const char *cpu_conv_kind_name(cpu_conv_kind kind)
{
    static const char *const name[] = {"direct", "pointwise", "winograd", "depthwise"};
    return (unsigned)kind < CPU_CONV_NKIND ? name[kind] : "?";
}

ir_status cpu_conv_can(cpu_conv_kind kind, const ly_row *l)
{
    const bool one = l->r == 1 && l->s == 1, dense = l->groups == 1;
    if (l->op != LY_CONV) return ir_fail(IR_SKIP, "%s is no convolution", l->name);
    if (kind == CPU_CONV_DEPTHWISE && (dense ? l->c > 1 || l->k > 1 : l->groups != l->c || l->k != l->c))
        return ir_fail(IR_SKIP, "not depthwise: groups, c and k differ");
    if (kind == CPU_CONV_DEPTHWISE && l->r * l->s > CPU_DW_TAPS)
        return ir_fail(IR_SKIP, "depthwise filters of more than %d taps", CPU_DW_TAPS);
    if (kind != CPU_CONV_DEPTHWISE && !dense)
        return ir_fail(IR_SKIP, "groups: this kernel takes dense convolutions");
    if (kind == CPU_CONV_POINTWISE && (!one || l->pad || l->pad_w))
        return ir_fail(IR_SKIP, "pointwise takes 1x1 filters without padding");
    if (kind == CPU_CONV_WINOGRAD && (l->r != 3 || l->s != 3 || l->stride != 1))
        return ir_fail(IR_SKIP, "winograd takes 3x3 filters at stride 1");
    return IR_OK;
}

/* ---- planning -------------------------------------------------------------------------------- */
/* The grid whose busiest thread has the least to do; among near equals the one that reads fewest bytes: every
 * thread column reads the input again, every thread row the weights; and threads that split channels hand
 * each other what they write, which between dies costs several times a read. */
static void conv_plan_choose_grid(cpu_conv_plan *p, size_t units)
{
    const ly_row *l = &p->row;
    const double  in_B = (double)(l->batch * l->h * l->w * l->c),
                 out_B = (double)(l->batch * l->oh * l->ow * l->k), w_B = (double)p->weight_n;
    const double fixed = p->kind == CPU_CONV_WINOGRAD
                             ? TRANSFORM
                             : 0; /* threads that split channels all transform every input */
    double       best = 0, best_B = 0;
    for (int tk = 1; tk <= p->threads; tk++) {
        if (p->threads % tk) continue;
        const size_t tp = (size_t)(p->threads / tk);
        double       work =
            (double)((units + tp - 1) / tp) * (fixed + (double)((p->kblocks + (size_t)tk - 1) / (size_t)tk));
        double bytes = in_B * tk + w_B * (double)tp + (tk > 1 ? CROSSING * (in_B + out_B) : 0);
        if (best > 0 && (work > (1 + NEAR) * best || (work > (1 - NEAR) * best && bytes >= best_B))) continue;
        best = work;
        best_B = bytes;
        p->tk = tk;
        p->tp = (int)tp;
    }
}

/* Largest divisor of c that is at most CHUNK; c itself where that would be tiny. */
static size_t chunk_of(size_t c)
{
    for (size_t n = CHUNK; n >= CHUNK / 4; n--)
        if (c % n == 0) return n;
    return c;
}

/* Whether no pixel but the first and the last of a row lacks a tap, and those only one: then padding needs no
 * copy. */
static bool slight_padding(const ly_row *l)
{
    const int64_t over = (l->ow - 1) * l->stride - l->pad_w + l->s - l->w;
    return l->pad_w <= 1 && over <= 1 && (l->s > 1 || (l->pad_w == 0 && over <= 0));
}

/* Pixels whose input lies in one set must not outnumber its ways; a page per way is what virtual indexing
 * implies. */
static size_t limit_rows(const ir_dev *dev, cpu_conv_plan *p)
{
    const size_t ways = cpu_cache_B(dev, 1, 32 << 10) / ALIAS_B;
    if (p->tile.pitch % ALIAS_B == 0 && ways < p->mr) p->mr = ways < 4 ? 4 : ways;
    if (p->mr > p->ops->mr) p->mr = p->ops->mr;
    return p->mr;
}

static void plan_direct(const ir_dev *dev, cpu_conv_plan *p)
{
    const ly_row  *l = &p->row;
    const size_t   c = (size_t)l->c, s = (size_t)l->s, r = (size_t)l->r, stride = (size_t)l->stride;
    const size_t   columns = (size_t)(l->ow - 1) * stride + s;
    const bool     slim = c <= SLIM;
    cpu_conv_tile *t = &p->tile;
    if (slim || !slight_padding(l)) {
        p->px_B = c * 4 + (slim ? 0 : SPREAD_B);
        p->row_B = cpu_up(columns * p->px_B, 64) + SPREAD_B;
    }
    t->col_B = p->px_B ? p->px_B : c * 4;
    t->row_B = p->px_B ? p->row_B : (size_t)l->w * c * 4;
    t->pitch = stride * t->col_B;
    t->c = slim ? s * c : chunk_of(c);
    t->chunks = slim ? 1 : c / t->c;
    t->chunk_B = t->c * 4;
    t->cols = slim ? 1 : s;
    t->rows = r;
    p->pairs = (size_t)l->ow == p->ops->half && 2 * p->ops->half == limit_rows(dev, p);
    p->block = p->px_B ? 1 : (size_t)l->oh;
    while (p->block < (size_t)l->oh && (p->block * stride + r) * p->row_B <= WINDOW_B) p->block++;
    if (p->pairs && p->block < (size_t)l->oh) p->block = cpu_up(p->block, 2);
    p->thread_B = p->px_B ? ((p->block - 1) * stride + r) * p->row_B : 0;
}

static void plan_pointwise(const ir_dev *dev, cpu_conv_plan *p)
{
    const size_t c = (size_t)p->row.c;
    p->px_B = p->row.stride > 1 ? c * 4 + SPREAD_B : 0;
    p->tile.pitch = p->px_B ? p->px_B : c * 4;
    p->tile.c = c;
    p->tile.chunks = p->tile.cols = p->tile.rows = 1;
    p->thread_B = limit_rows(dev, p) * p->px_B;
}

ir_status cpu_conv_plan_make(const ir_dev *dev, cpu_conv_kind kind, const ly_row *l, int threads,
                             cpu_conv_plan *p)
{
    memset(p, 0, sizeof *p);
    ir_status st = cpu_conv_can(kind, l);
    if (st != IR_OK) return st;
    p->kind = kind;
    p->ops = cpu_conv_ops_of(cpu_of(dev)->isa);
    p->mr = p->ops->mr;
    p->row = *l;
    p->threads = threads;
    const size_t nr = p->ops->nr, l2 = cpu_cache_B(dev, 2, 512 << 10);
    const size_t depth = (size_t)(l->r * l->s * l->c);
    p->kblocks = ((size_t)l->k + nr - 1) / nr;
    p->weight_n = p->kblocks * nr * depth;
    p->tile.y_pitch = (size_t)l->k * 4;
    p->tile.act = (int)l->act;
    size_t units = (size_t)(l->batch * l->oh);
    if (kind == CPU_CONV_DIRECT) plan_direct(dev, p);
    if (kind == CPU_CONV_POINTWISE) {
        plan_pointwise(dev, p);
        units = ((size_t)(l->batch * l->oh * l->ow) + p->mr - 1) / p->mr;
    }
    if (kind == CPU_CONV_WINOGRAD) cpu_wino_plan(p, l2, &units);
    if (kind == CPU_CONV_DEPTHWISE) cpu_dw_plan(p);
    conv_plan_choose_grid(p, units);
    const size_t slab = p->weight_n / p->kblocks * 4, mine = (p->kblocks + (size_t)p->tk - 1) / (size_t)p->tk;
    p->kgroup = l2 / 2 / slab < 1 ? 1 : l2 / 2 / slab;
    p->kgroup = cpu_even(mine, p->kgroup, 1);
    p->packed_n = p->weight_n + (kind == CPU_CONV_DEPTHWISE ? cpu_up((size_t)l->k, 16) : p->kblocks * nr);
    p->thread_B = cpu_up(p->thread_B, 64) + cpu_up(p->ops->mr * nr * 4, 64);
    return IR_OK;
}

/* ---- packing --------------------------------------------------------------------------------- */
static float conv_plan_weight(const char *W, size_t i)
{
    float f;
    memcpy(&f, W + 4 * i, sizeof f);
    return f;
}

/* Output channels of one block. Slim windows run over (s, c) at once, which is also the order of W. */
static void pack_block(const cpu_conv_plan *p, const char *W, size_t kb, float *out)
{
    const cpu_conv_tile *t = &p->tile;
    const size_t         nr = p->ops->nr, k = (size_t)p->row.k, c = (size_t)p->row.c, s = (size_t)p->row.s,
                 r = (size_t)p->row.r;
    for (size_t j = 0; j < nr; j++) {
        float *o = out + j;
        if (kb * nr + j >= k) {
            for (size_t i = 0; i < r * s * c; i++) o[i * nr] = 0;
            continue;
        }
        const char *w = W + (kb * nr + j) * r * s * c * 4;
        for (size_t ch = 0; ch < t->chunks; ch++)
            for (size_t tap = 0; tap < t->rows * t->cols; tap++)
                for (size_t i = 0; i < t->c; i++, o += nr)
                    *o = conv_plan_weight(w, (tap * t->chunks + ch) * t->c + i);
    }
}

void cpu_conv_pack(const cpu_conv_plan *p, const void *W, const void *bias, float *packed, int tid)
{
    const size_t k = (size_t)p->row.k, slab = p->weight_n / p->kblocks;
    size_t       k_lo, k_hi, lo, hi;
    if (p->kind == CPU_CONV_DEPTHWISE) {
        if (tid == 0) cpu_dw_pack(p, W, packed);
    } else {
        cpu_part(p->kblocks, 1, tid % p->tk, p->tk, &k_lo, &k_hi); /* as it will read them */
        cpu_part(k_hi - k_lo, 1, tid / p->tk, p->tp, &lo, &hi);
        for (size_t kb = k_lo + lo; kb < k_lo + hi; kb++) {
            if (p->kind == CPU_CONV_WINOGRAD)
                cpu_wino_pack(p, W, kb, packed);
            else
                pack_block(p, W, kb, packed + kb * slab);
        }
    }
    if (tid == 0)
        for (size_t i = 0; i < p->packed_n - p->weight_n; i++)
            packed[p->weight_n + i] = bias && i < k ? conv_plan_weight(bias, i) : 0;
}

/* ---- running --------------------------------------------------------------------------------- */
/* A tile over the last channels, fewer than a vector tile holds: through a copy, element by element. */
static void ragged(const cpu_conv_plan *p, size_t m, size_t n, cpu_conv_tile_fn fn, const cpu_conv_at *at,
                   char *tmp)
{
    const cpu_conv_ops *o = p->ops;
    cpu_conv_tile       t = p->tile;
    cpu_conv_at         raw = *at;
    t.y_pitch = o->nr * 4;
    t.act = LY_ID;
    raw.add = NULL;
    raw.y = tmp;
    fn(&t, &raw);
    for (size_t i = 0; i < m; i++) {
        char *y = at->y + i * p->tile.y_pitch;
        if (at->add) {
            o->add(n, tmp + i * t.y_pitch, at->add + i * p->tile.y_pitch, p->tile.act, y);
        } else {
            memcpy(y, tmp + i * t.y_pitch, n * 4);
            if (p->tile.act != LY_ID) o->act(n, p->tile.act, y);
        }
    }
}

void cpu_conv_tiles(const cpu_conv_plan *p, size_t m, bool pair, cpu_conv_at at, cpu_conv_group *g)
{
    const cpu_conv_ops *o = p->ops;
    const size_t        slab = p->weight_n / p->kblocks, nr = o->nr, k = (size_t)p->row.k,
                 blocks = g->k_hi - g->k_lo;
    const cpu_conv_tile_fn full = pair ? o->pair_full : o->full[m],
                           narrow = pair ? o->pair_narrow : o->narrow[m];
    const char *add = at.add;
    char       *y = at.y;
    for (size_t kb = g->k_lo; kb < g->k_hi; kb++) {
        const size_t n = k - kb * nr, part = g->nth * blocks + (kb - g->k_lo);
        at.b = g->packed + kb * slab;
        at.bias = g->packed + p->weight_n + kb * nr;
        at.add = add ? add + kb * nr * 4 : NULL;
        at.y = y + kb * nr * 4;
        /* A tile's steps fetch half as many bytes as the weights they use. */
        at.next_b = (const char *)(part < 2 * blocks && g->k_hi < g->k_end
                                       ? g->packed + g->k_hi * slab + part * slab / 2
                                       : at.b);
        if (n >= nr)
            full(&p->tile, &at);
        else if (n == o->vf)
            narrow(&p->tile, &at);
        else
            ragged(p, m, n, n < o->vf ? narrow : full, &at, g->tmp);
        at.next_a = at.a0;
    }
    g->nth++;
}

/* Columns [x0, x0 + columns) of one input row to the window, zero outside the image. src NULL: all outside.
 */
static void copy_row(const cpu_conv_plan *p, const char *src, int64_t x0, int64_t columns, char *out)
{
    const size_t c_B = (size_t)p->row.c * 4, px_B = p->px_B;
    int64_t      lo = x0 < 0 ? -x0 : 0, hi = p->row.w - x0 < columns ? p->row.w - x0 : columns;
    if (!src || hi <= lo) lo = hi = columns;
    for (int64_t i = 0; i < lo; i++) memset(out + (size_t)i * px_B, 0, c_B);
    if (c_B == px_B && hi > lo) {
        memcpy(out + (size_t)lo * px_B, src + (size_t)(x0 + lo) * c_B, (size_t)(hi - lo) * c_B);
    } else {
        for (int64_t i = lo; i < hi; i++) memcpy(out + (size_t)i * px_B, src + (size_t)(x0 + i) * c_B, c_B);
    }
    for (int64_t i = hi; i < columns; i++) memset(out + (size_t)i * px_B, 0, c_B);
}

/* Rows of taps that meet the image at output row oy, of the whole filter where a window holds the padding. */
static void tap_rows(const cpu_conv_plan *p, int64_t oy, size_t *lo, size_t *hi)
{
    const ly_row *l = &p->row;
    const int64_t top = oy * l->stride - l->pad, end = l->h - top < l->r ? l->h - top : l->r;
    *lo = top < 0 ? (size_t)(-top < l->r ? -top : l->r) : 0;
    *hi = end > (int64_t)*lo ? (size_t)end : *lo;
}

/* Output rows [oy, oy + rows) of one image. a: input under tap (0,0) of the first pixel; at: where y and add
 * begin. */
static void direct_rows(const cpu_conv_plan *p, size_t oy, size_t rows, const char *a, size_t down,
                        cpu_conv_at at, cpu_conv_group *g)
{
    const ly_row *l = &p->row;
    const size_t  ow = (size_t)l->ow, mr = p->mr, per_row = (ow + mr - 1) / mr;
    const bool    edges = p->px_B == 0;
    const bool    left = edges && l->pad_w > 0,
               right = edges && (l->ow - 1) * l->stride - l->pad_w + l->s > l->w;
    const char *add = at.add;
    char       *y = at.y;
    for (size_t r = 0; r < rows;) {
        size_t lo1, hi1;
        tap_rows(p, (int64_t)(oy + r), &at.r_lo, &at.r_hi);
        tap_rows(p, (int64_t)(oy + r + 1), &lo1, &hi1);
        const bool   pair = p->pairs && r + 1 < rows && at.r_lo == lo1 && at.r_hi == hi1;
        const size_t n = pair ? 2 * ow : ow, tiles = pair ? 1 : per_row;
        for (size_t t = 0; t < tiles; t++) {
            const size_t x0 = n * t / tiles, m = n * (t + 1) / tiles - x0,
                         px = (r * ow + x0) * p->tile.y_pitch;
            at.a0 = a + r * down + x0 * p->tile.pitch;
            at.a1 = pair ? at.a0 + down : at.a0 + p->ops->half * p->tile.pitch;
            at.next_a = at.a0 + (p->px_B ? 0 : m * p->tile.pitch + at.r_lo * p->tile.row_B);
            at.left = left && t == 0;
            at.right = right && t + 1 == tiles;
            at.add = add ? add + px : NULL;
            at.y = y + px;
            cpu_conv_tiles(p, m, pair, at, g);
        }
        r += pair ? 2 : 1;
    }
}

static void direct_part(const cpu_conv_plan *p, const char *x, const float *packed, const char *add, char *y,
                        char *work, int tid)
{
    const ly_row *l = &p->row;
    const size_t  oh = (size_t)l->oh, image_B = (size_t)(l->h * l->w * l->c) * 4,
                 in_row_B = (size_t)(l->w * l->c) * 4;
    const size_t out_row_B = (size_t)l->ow * p->tile.y_pitch, down = (size_t)l->stride * p->tile.row_B;
    size_t       lo, hi, k_lo, k_hi, held = (size_t)-1;
    char        *tmp = work + p->thread_B - cpu_up(p->ops->mr * p->ops->nr * 4, 64);
    cpu_part((size_t)l->batch * oh, 1, tid / p->tk, p->tp, &lo, &hi);
    cpu_part(p->kblocks, 1, tid % p->tk, p->tk, &k_lo, &k_hi);
    for (size_t kb = k_lo; kb < k_hi; kb += p->kgroup) {
        cpu_conv_group g = {kb, kb + p->kgroup < k_hi ? kb + p->kgroup : k_hi, k_hi, 0, packed, tmp};
        for (size_t u = lo; u < hi;) {
            const size_t  n = u / oh, oy = u % oh;
            const int64_t iy = (int64_t)oy * l->stride - l->pad;
            size_t        rows = oh - oy < p->block ? oh - oy : p->block;
            if (rows > hi - u) rows = hi - u;
            for (size_t i = 0; p->px_B && held != u && i < (rows - 1) * (size_t)l->stride + (size_t)l->r;
                 i++) {
                const int64_t row = iy + (int64_t)i;
                const char   *src = row >= 0 && row < l->h ? x + n * image_B + (size_t)row * in_row_B : NULL;
                copy_row(p, src, -l->pad_w, (l->ow - 1) * l->stride + l->s, work + i * p->row_B);
            }
            held = u;
            const char *a = p->px_B ? work : x + (ptrdiff_t)(n * image_B) + (iy * l->w - l->pad_w) * l->c * 4;
            cpu_conv_at at = {.add = add ? add + u * out_row_B : NULL, .y = y + u * out_row_B};
            direct_rows(p, oy, rows, a, down, at, &g);
            u += rows;
        }
    }
}

/* Input of output pixel q of the whole batch under a 1x1 filter. */
static const char *pixel_of(const ly_row *l, const char *x, size_t q)
{
    const size_t image = (size_t)(l->oh * l->ow), ow = (size_t)l->ow, n = q / image, oy = q % image / ow,
                 ox = q % ow;
    if (l->stride == 1) return x + q * (size_t)l->c * 4;
    return x + ((n * (size_t)l->h + oy * (size_t)l->stride) * (size_t)l->w + ox * (size_t)l->stride) *
                   (size_t)l->c * 4;
}

static void pointwise_part(const cpu_conv_plan *p, const char *x, const float *packed, const char *add,
                           char *y, char *work, int tid)
{
    const ly_row *l = &p->row;
    const size_t  pixels = (size_t)(l->batch * l->oh * l->ow), mr = p->mr, c_B = (size_t)l->c * 4;
    size_t        lo, hi, k_lo, k_hi;
    char         *tmp = work + p->thread_B - cpu_up(p->ops->mr * p->ops->nr * 4, 64);
    cpu_part(pixels, mr, tid / p->tk, p->tp, &lo, &hi);
    cpu_part(p->kblocks, 1, tid % p->tk, p->tk, &k_lo, &k_hi);
    const size_t tiles = (hi - lo + mr - 1) / mr;
    for (size_t kb = k_lo; kb < k_hi; kb += p->kgroup) {
        cpu_conv_group g = {kb, kb + p->kgroup < k_hi ? kb + p->kgroup : k_hi, k_hi, 0, packed, tmp};
        for (size_t t = 0; t < tiles; t++) {
            const size_t from = lo + (hi - lo) * t / tiles, m = lo + (hi - lo) * (t + 1) / tiles - from;
            for (size_t i = 0; p->px_B && i < m; i++)
                memcpy(work + i * p->px_B, pixel_of(l, x, from + i), c_B);
            const char *a = p->px_B ? work : x + from * c_B;
            cpu_conv_at at = {
                .a0 = a, .a1 = a + p->ops->half * p->tile.pitch, .r_hi = 1, .y = y + from * p->tile.y_pitch};
            at.add = add ? add + from * p->tile.y_pitch : NULL;
            at.next_a = from + m < hi ? pixel_of(l, x, from + m) : a;
            cpu_conv_tiles(p, m, false, at, &g);
        }
    }
}

void cpu_conv_part(const cpu_conv_plan *p, const void *x, const float *packed, const void *add, void *y,
                   char *work, int tid)
{
    if (tid >= p->tp * p->tk) return;
    if (p->kind == CPU_CONV_DIRECT) direct_part(p, x, packed, add, y, work, tid);
    if (p->kind == CPU_CONV_POINTWISE) pointwise_part(p, x, packed, add, y, work, tid);
    if (p->kind == CPU_CONV_WINOGRAD) cpu_wino_part(p, x, packed, add, y, work, tid);
    if (p->kind == CPU_CONV_DEPTHWISE) cpu_dw_part(p, x, packed, add, y, tid);
}

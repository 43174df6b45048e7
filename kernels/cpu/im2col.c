/* im2col.c -- see im2col.h. The unrolled windows are written once and read once by the product: the traffic
 * that the direct kernel does not have. The library repacks the weights for each band. */
#include "kernels/cpu/im2col.h"
#include "kernels/cpu/openblas.h"

#include <stdlib.h>
#include <string.h>

enum { BAND_B = 4 << 20, LEAST_PIXELS = 512, MOST_PIXELS = 8192 };
/* Of the band from pixel `from` on: add and y begin there. */
typedef struct {
    const cpu_im2col *p;
    const char       *x, *add;
    const char       *bias;
    char             *y;
    const float      *packed;
    int64_t           from, pixels;
} job;

static size_t depth(const ly_row *l) { return (size_t)(l->r * l->s * (l->c / l->groups)); }

ir_status cpu_im2col_can(const ly_row *l, int threads)
{
    if (l->op != LY_CONV) return ir_fail(IR_SKIP, "%s is no convolution", l->name);
#if IR_HAVE_OPENBLAS
    if (cpu_openblas_load() != IR_OK) return IR_SKIP;
    if ((double)(l->batch * l->oh * l->ow) > INT32_MAX)
        return ir_fail(IR_SKIP, "more pixels than OpenBLAS's dimensions hold");
    if (threads > 1 && openblas_get_parallel() == 0)
        return ir_fail(IR_SKIP, "this OpenBLAS is a single-threaded build");
#else
    (void)threads;
    if (l->groups > 1) return ir_fail(IR_SKIP, "grouped im2col needs OpenBLAS, which is not built in");
#endif
    return IR_OK;
}

static ir_status with_library(int threads)
{
#if IR_HAVE_OPENBLAS
    openblas_set_num_threads(threads);
    if (openblas_get_num_threads() != threads)
        return ir_fail(IR_SKIP, "OpenBLAS offers %d of %d threads", openblas_get_num_threads(), threads);
#else
    (void)threads;
#endif
    return IR_OK;
}

/* The product over one unrolled image as a 1x1 convolution. */
static ly_row product_row(const cpu_im2col *p)
{
    ly_row l = p->row;
    l.c = (int64_t)depth(&p->row);
    l.w = l.ow = p->row.oh * p->row.ow * (p->unroll ? 1 : p->row.batch);
    l.h = l.oh = l.r = l.s = l.stride = l.batch = 1;
    l.pad = l.pad_w = 0;
    return l;
}

bool cpu_im2col_unrolls(const ly_row *l)
{
    return l->r * l->s > 1 || l->stride > 1 || l->pad > 0 || l->pad_w > 0 || l->groups > 1;
}

int64_t cpu_im2col_band(const ly_row *l)
{
    const bool    unroll = cpu_im2col_unrolls(l);
    const int64_t all = l->oh * l->ow * (unroll ? 1 : l->batch);
#if IR_HAVE_OPENBLAS
    int64_t most = unroll ? BAND_B / (int64_t)(4 * depth(l)) / l->groups : MOST_PIXELS;
    if (most < LEAST_PIXELS) most = LEAST_PIXELS;
    const int64_t bands = (all + most - 1) / most;
    return (all + bands - 1) / bands;
#else
    return all; /* our own product is planned for one number of pixels */
#endif
}

ir_status cpu_im2col_make(const ir_dev *dev, const ly_row *l, int threads, cpu_im2col *p)
{
    void *m = NULL;
    memset(p, 0, sizeof *p);
    p->row = *l;
    p->pool = cpu_of(dev)->pool;
    p->threads = threads;
    p->unroll = cpu_im2col_unrolls(l);
    p->band = cpu_im2col_band(l);
    ir_status st = cpu_im2col_can(l, threads);
    if (st == IR_OK) st = with_library(threads);
    if (st == IR_OK && p->unroll) {
        p->matrix_B = (size_t)(p->band * l->groups) * depth(l) * 4;
        st = ir_host_alloc(p->matrix_B, cpu_of(dev)->pages, &m);
        p->matrix = m;
    }
    const ly_row product = product_row(p);
    if (st == IR_OK && l->groups == 1)
        st = cpu_conv_plan_make(dev, CPU_CONV_POINTWISE, &product, threads, &p->own);
#if !IR_HAVE_OPENBLAS
    if (st != IR_OK) return st;
    p->work_B = cpu_apart(p->own.thread_B) * (size_t)threads;
    st = ir_host_alloc(p->work_B, cpu_of(dev)->pages, &m);
    p->work = m;
#endif
    p->own.ops = cpu_conv_ops_of(cpu_of(dev)->isa);
    return st;
}

void cpu_im2col_free(cpu_im2col *p)
{
    if (p->matrix) ir_host_free(p->matrix, p->matrix_B);
    if (p->work) ir_host_free(p->work, p->work_B);
    p->matrix = p->work = NULL;
}

/* Rows of the matrix: pixels of a band, for all groups. */
static void unroll_part(void *arg, int tid, int nthreads)
{
    const job    *j = arg;
    const ly_row *l = &j->p->row;
    const size_t  cg_B = (size_t)(l->c / l->groups) * 4, row_B = depth(l) * 4, pixels = (size_t)j->pixels;
    size_t        lo, hi;
    cpu_part(pixels, 1, tid, nthreads, &lo, &hi);
    for (int64_t g = 0; g < l->groups; g++)
        for (size_t q = lo; q < hi; q++) {
            char         *out = j->p->matrix + ((size_t)g * pixels + q) * row_B;
            const int64_t at = j->from + (int64_t)q, oy = at / l->ow * l->stride - l->pad,
                          ox = at % l->ow * l->stride - l->pad_w;
            for (int64_t y = oy; y < oy + l->r; y++)
                for (int64_t x = ox; x < ox + l->s; x++, out += cg_B) {
                    if (y < 0 || y >= l->h || x < 0 || x >= l->w)
                        memset(out, 0, cg_B);
                    else
                        memcpy(out, j->x + (size_t)((y * l->w + x) * l->c) * 4 + (size_t)g * cg_B, cg_B);
                }
        }
}

#if IR_HAVE_OPENBLAS
size_t cpu_im2col_packed_n(const cpu_im2col *p)
{
    (void)p;
    return 0;
}

void cpu_im2col_pack(const cpu_im2col *p, const void *W, const void *bias, float *packed)
{
    (void)p, (void)W, (void)bias, (void)packed;
}

static void im2col_product(job *j, const char *a, const char *W)
{
    const ly_row *l = &j->p->row;
    const size_t  d = depth(l), kg = (size_t)(l->k / l->groups);
    for (size_t g = 0; g < (size_t)l->groups; g++)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)j->pixels, (blasint)kg, (blasint)d, 1,
                    (const void *)(a + g * (size_t)j->pixels * d * 4), (blasint)d,
                    (const void *)(W + g * kg * d * 4), (blasint)d, 0, (void *)(j->y + g * kg * 4),
                    (blasint)l->k);
}

/* Bias, residual and activation while the band is in cache. */
static void im2col_finish_part(void *arg, int tid, int nthreads)
{
    const job          *j = arg;
    const cpu_conv_ops *o = j->p->own.ops;
    const size_t        k = (size_t)j->p->row.k;
    const int           act = (int)j->p->row.act;
    size_t              lo, hi;
    cpu_part((size_t)j->pixels, 1, tid, nthreads, &lo, &hi);
    for (size_t q = lo; q < hi; q++) {
        char *y = j->y + q * k * 4;
        if (j->bias) o->add(k, y, j->bias, j->add ? LY_ID : act, y);
        if (j->add) o->add(k, y, j->add + q * k * 4, act, y);
        if (!j->bias && !j->add) o->act(k, act, y);
    }
}

static void im2col_one(job *j, const char *W)
{
    im2col_product(j, j->p->unroll ? j->p->matrix : j->x, W);
    if (j->bias || j->add || j->p->row.act != LY_ID)
        ir_pool_run(j->p->pool, j->p->threads, im2col_finish_part, j);
}
#else
size_t cpu_im2col_packed_n(const cpu_im2col *p) { return p->own.packed_n; }

void cpu_im2col_pack(const cpu_im2col *p, const void *W, const void *bias, float *packed)
{
    for (int tid = 0; tid < p->own.threads; tid++) cpu_conv_pack(&p->own, W, bias, packed, tid);
}

static void own_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    const cpu_im2col *p = j->p;
    (void)nthreads;
    cpu_conv_part(&p->own, p->unroll ? p->matrix : j->x, j->packed, j->add, j->y,
                  p->work + (size_t)tid * cpu_apart(p->own.thread_B), tid);
}

static void im2col_one(job *j, const char *W)
{
    (void)W;
    ir_pool_run(j->p->pool, j->p->threads, own_part, j);
}
#endif

void cpu_im2col_run(const cpu_im2col *p, const void *x, const void *W, const float *packed, const void *bias,
                    const void *add, void *y)
{
    const ly_row *l = &p->row;
    const int64_t images = p->unroll ? l->batch : 1, pixels = l->oh * l->ow * (p->unroll ? 1 : l->batch);
    const size_t  image_B = (size_t)(l->h * l->w * l->c) * 4, pixel_B = (size_t)l->c * 4,
                 row_B = (size_t)l->k * 4;
    for (int64_t n = 0; n < images; n++)
        for (int64_t q = 0; q < pixels; q += p->band) {
            const size_t at = (size_t)(n * pixels + q) * row_B;
            job          j = {.p = p, .bias = bias, .packed = packed, .from = q};
            j.x = (const char *)x + (p->unroll ? (size_t)n * image_B : (size_t)q * pixel_B);
            j.pixels = pixels - q < p->band ? pixels - q : p->band;
            j.add = add ? (const char *)add + at : NULL;
            j.y = (char *)y + at;
            if (p->unroll) ir_pool_run(p->pool, p->threads, unroll_part, &j);
            im2col_one(&j, W);
        }
}

/* linear_kernels.c -- Y[rows,k] = X[rows,c] W[k,c]' + b on host threads, two ways.
 *   stream  few rows: W is as large as the work, so it passes once, as it lies, past packed rows of X.
 *   gemm    many rows: blocks of W stay in a core's L2 while all of X passes; weights that the tile cannot
 * multiply as they are (bf16 without pair products, int8) are widened to f32 once per block. Threads take
 * contiguous rows of W, the split that also placed its pages, so a thread reads what it first touched. From
 * some number of rows on both sides are copied into panels (linear_packed.h). */
#include "kernels/cpu/linear_packed.h"
#include "kernels/workloads/workloads_nets.h"

#include <stdlib.h>

/* Up to so many rows every thread packs X for itself instead of meeting the others. */
enum { OWN_ROWS = 4 };
typedef struct {
    ly_row            row;
    cpu_linear        l; /* pointers are set by run() */
    cpu_linear_block  b;
    bool              blocked, own, packed;
    cpu_linear_panels panels; /* packed */
    char             *work;   /* packed X, once or per thread, then scratch per thread */
    size_t            work_B, x_B, scratch_B;
} plan;
typedef struct {
    plan       *p;
    ir_pool    *pool;
    const char *x;
} job;

static void linear_packed_part(void *arg, int tid, int nthreads)
{
    const job  *j = arg;
    const plan *p = j->p;
    cpu_linear  l = p->l;
    size_t      lo, hi;
    cpu_part(p->panels.panels, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++)
        cpu_linear_pack_panel(&p->panels, i, j->x + i * p->panels.ops->mr * l.c * sizeof(float), p->work);
    ir_pool_barrier(j->pool, nthreads);
    l.x = p->work;
    cpu_linear_packed(&l, &p->panels, tid, p->work + p->x_B + (size_t)tid * p->scratch_B);
}

static void linear_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    plan      *p = j->p;
    cpu_linear l = p->l;
    char      *x = p->work + (p->own ? (size_t)tid * p->x_B : 0);
    size_t     lo = 0, hi = l.rows;
    if (!p->own) cpu_part(l.rows, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) l.ops->pack(l.dot, l.c, j->x + i * l.c * sizeof(float), x + i * l.xs);
    if (!p->own) ir_pool_barrier(j->pool, nthreads);
    l.x = x;
    cpu_part(l.k, CPU_TILE_R, tid, nthreads, &lo, &hi);
    if (p->blocked)
        cpu_linear_blocked(&l, p->b, lo, hi,
                           p->work + (p->own ? (size_t)nthreads : 1) * p->x_B + (size_t)tid * p->scratch_B);
    else
        cpu_linear_pass(&l, lo, hi);
}

static void linear_teardown(ir_run *r)
{
    plan *p = r->self;
    if (p && p->work) ir_host_free(p->work, p->work_B);
    free(p);
    r->self = NULL;
}

static ir_status linear_setup(ir_run *r, bool blocked)
{
    plan *p = calloc(1, sizeof *p);
    r->self = p;
    if (!p) return ir_fail(IR_ENOMEM, "linear: no memory for the plan");
    wl_row_of(r->workload, &r->p, &p->row);
    const size_t threads = (size_t)r->p.threads, rows = (size_t)p->row.rows, c = (size_t)p->row.c;
    cpu_linear  *l = &p->l;
    l->ops = cpu_linear_ops_of(r->dev);
    l->fin = cpu_ops_of(r->dev);
    l->dtype = r->p.dtype;
    l->dot = cpu_linear_dot(r->dev, l->ops, l->dtype, rows, blocked);
    l->rows = rows;
    l->c = c;
    l->k = (size_t)p->row.k;
    l->w_row_B = c * (size_t)ir_dtype_bytes(l->dtype);
    l->xs = cpu_linear_stride(l->ops, l->dot, c);
    l->act = p->row.act;
    p->blocked = blocked;
    p->own = rows <= OWN_ROWS;
    p->packed = blocked && cpu_linear_packs(l->dot, rows);
    if (p->packed) {
        p->panels = cpu_linear_panels_of(r->dev, l, r->p.threads, false);
        p->x_B = cpu_apart(p->panels.x_B);
        p->scratch_B = cpu_apart(p->panels.scratch_B);
    } else {
        p->b = cpu_linear_block_of(r->dev, l->ops, l->dtype, l->dot);
        p->x_B = p->own ? cpu_apart(rows * l->xs) : rows * l->xs;
        p->scratch_B = blocked ? cpu_apart(cpu_linear_scratch_B(p->b)) : 0;
    }
    p->work_B = p->x_B * (p->own ? threads : 1) + threads * p->scratch_B;
    void     *work = NULL;
    ir_status s = ir_host_alloc(p->work_B, cpu_of(r->dev)->pages, &work);
    p->work = s == IR_OK ? work : NULL;
    return s;
}
static ir_status stream_setup(ir_run *r) { return linear_setup(r, false); }
static ir_status linear_gemm_setup(ir_run *r) { return linear_setup(r, true); }

static ir_status linear_run(ir_run *r, uint32_t reps)
{
    plan       *p = r->self;
    const char *v = r->mem[2].p;
    p->l.w = r->mem[1].p;
    p->l.y = r->mem[3].p;
    p->l.bias = p->row.b_at >= 0 ? v + (size_t)p->row.b_at * sizeof(float) : NULL;
    p->l.scale = r->p.dtype == IR_I8 ? v + (size_t)p->row.s_at * sizeof(float) : NULL;
    job j = {p, cpu_of(r->dev)->pool, r->mem[0].p};
    for (uint32_t i = 0; i < reps; i++)
        ir_pool_run(j.pool, r->p.threads, p->packed ? linear_packed_part : linear_part, &j);
    return IR_OK;
}

static ir_status cpu_linear_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    if (p->dtype == IR_F32 || p->dtype == IR_BF16 || p->dtype == IR_I8) return IR_OK;
    return ir_fail(IR_SKIP, "weights in %s: this kernel knows f32, bf16 and i8", ir_dtype_name(p->dtype));
}

static const ir_plan_ops linear_plan_ops = {.destroy = linear_teardown};

const ir_kernel cpu_linear_stream = {.family = "linear",
                                     .name = "stream",
                                     .doc = "W passes once, prefetched, past packed rows of X: for few rows",
                                     .by_form = true,
                                     .can_run = cpu_linear_can_run,
                                     .plan = stream_setup,
                                     .run = linear_run,
                                     .ops = &linear_plan_ops};
const ir_kernel cpu_linear_gemm = {.family = "linear",
                                   .name = "gemm",
                                   .doc = "blocks of W stay in L2 while all of X passes: for many rows",
                                   .by_form = true,
                                   .can_run = cpu_linear_can_run,
                                   .plan = linear_gemm_setup,
                                   .run = linear_run,
                                   .ops = &linear_plan_ops};

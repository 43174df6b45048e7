/* nets_openblas.c -- linear rows and the GPT-2-like step through OpenBLAS: what a user of the library gets.
 * Products are calls of the library, made outside the pool's regions; everything between them is ours.
 * "openblas" picks the matrix-vector product where there is one row; the step uses the matrix product
 * everywhere, as frameworks do, and shows what that costs at batch one. bf16 weights need a library built
 * with bf16; int8 weights it does not know. */
#include "kernels/workloads/workloads_nets.h"
#include "kernels/cpu/gpt.h"
#include "kernels/cpu/openblas.h"

#include <stdlib.h>

#if IR_HAVE_OPENBLAS
static ir_status library_has(const ir_params *p)
{
    if (cpu_openblas_load() != IR_OK) return IR_SKIP;
    if (p->dtype == IR_BF16 && (!cblas_sbgemm || !cblas_sbgemv))
        return ir_fail(IR_SKIP, "this OpenBLAS was built without bf16 (BUILD_BFLOAT16)");
    if (p->dtype != IR_F32 && p->dtype != IR_BF16)
        return ir_fail(IR_SKIP, "OpenBLAS has no product with weights in %s", ir_dtype_name(p->dtype));
    if (p->threads > 1 && openblas_get_parallel() == 0)
        return ir_fail(IR_SKIP, "this OpenBLAS is a single-threaded build");
    return IR_OK;
}

static ir_status use_threads(int n)
{
    openblas_set_num_threads(n);
    if (openblas_get_num_threads() == n) return IR_OK;
    return ir_fail(IR_SKIP, "OpenBLAS offers %d of %d threads", openblas_get_num_threads(), n);
}

static ir_status fits(const ly_row *r)
{
    const int64_t most = sizeof(blasint) == 4 ? INT32_MAX : INT64_MAX;
    if (r->rows <= most && r->c <= most && r->k <= most) return IR_OK;
    return ir_fail(IR_SKIP, "this OpenBLAS has 32-bit dimensions, at most %d", INT32_MAX);
}

/* y[rows,k] = x[rows,c] w[k,c]'; x in the weights' dtype. */
static void nets_openblas_product(ir_dtype t, const ly_row *r, bool vector, const void *x, const void *w,
                                  void *y)
{
    const blasint m = (blasint)r->rows, k = (blasint)r->k, c = (blasint)r->c;
    if (vector && m == 1 && t == IR_F32)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, k, c, 1, w, c, x, 1, 0, y, 1);
    else if (vector && m == 1)
        cblas_sbgemv(CblasRowMajor, CblasNoTrans, k, c, 1, w, c, x, 1, 0, y, 1);
    else if (t == IR_F32)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, k, c, 1, x, c, w, c, 0, y, k);
    else
        cblas_sbgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, k, c, 1, x, c, w, c, 0, y, k);
}

/* ---- a linear row ---------------------------------------------------------------------------- */
typedef struct {
    ly_row         row;
    const cpu_ops *ops;
    ir_dtype       t;
    const char    *x, *v;
    char          *y, *half;
    size_t         half_B;
    bool           vector;
} plan;

static void nets_openblas_narrow_part(void *arg, int tid, int nthreads)
{
    const plan *p = arg;
    size_t      lo, hi;
    cpu_part((size_t)(p->row.rows * p->row.c), 32, tid, nthreads, &lo, &hi);
    p->ops->narrow(IR_BF16, hi - lo, p->x + lo * 4, p->half + lo * 2);
}

static void nets_openblas_finish_part(void *arg, int tid, int nthreads)
{
    const plan *p = arg;
    size_t      lo, hi, k = (size_t)p->row.k;
    cpu_part(k, 16, tid, nthreads, &lo, &hi);
    for (size_t m = 0; m < (size_t)p->row.rows; m++)
        p->ops->finish(hi - lo, p->y + (m * k + lo) * 4, NULL, p->v + ((size_t)p->row.b_at + lo) * 4, NULL,
                       p->row.act);
}

static void nets_openblas_linear_teardown(ir_run *r)
{
    plan *p = r->self;
    if (p && p->half) ir_host_free(p->half, p->half_B);
    free(p);
    r->self = NULL;
}

static ir_status nets_openblas_linear_setup(ir_run *r, bool vector)
{
    plan *p = calloc(1, sizeof *p);
    r->self = p;
    if (!p) return ir_fail(IR_ENOMEM, "linear: no memory for the plan");
    wl_row_of(r->workload, &r->p, &p->row);
    p->ops = cpu_ops_of(r->dev);
    p->t = r->p.dtype;
    p->vector = vector;
    ir_status s = fits(&p->row);
    if (s == IR_OK) s = use_threads(r->p.threads);
    if (s != IR_OK || p->t != IR_BF16) return s;
    p->half_B = (size_t)(p->row.rows * p->row.c) * 2;
    void *half = NULL;
    s = ir_host_alloc(p->half_B, cpu_of(r->dev)->pages, &half);
    p->half = s == IR_OK ? half : NULL;
    return s;
}
static ir_status vector_setup(ir_run *r) { return nets_openblas_linear_setup(r, true); }
static ir_status matrix_setup(ir_run *r) { return nets_openblas_linear_setup(r, false); }

static ir_status nets_openblas_linear_run(ir_run *r, uint32_t reps)
{
    plan    *p = r->self;
    ir_pool *pool = cpu_of(r->dev)->pool;
    p->x = r->mem[0].p;
    p->v = r->mem[2].p;
    p->y = r->mem[3].p;
    for (uint32_t i = 0; i < reps; i++) {
        if (p->half) ir_pool_run(pool, r->p.threads, nets_openblas_narrow_part, p);
        nets_openblas_product(p->t, &p->row, p->vector, p->half ? p->half : p->x, r->mem[1].p, p->y);
        if (p->row.b_at >= 0 || p->row.act != LY_ID)
            ir_pool_run(pool, r->p.threads, nets_openblas_finish_part, p);
    }
    return IR_OK;
}

static ir_status linear_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return library_has(p);
}

/* ---- the step -------------------------------------------------------------------------------- */
typedef struct {
    cpu_gpt    *g;
    cpu_gpt_op *op;
} share;
static void op_part(void *arg, int tid, int nthreads)
{
    share *s = arg;
    cpu_gpt_op_part(s->g, s->op, tid, nthreads);
}

static void linear_op(cpu_gpt *g, cpu_gpt_op *op)
{
    plan p = {.row = *op->row, .ops = g->ops, .t = g->dtype, .x = op->in, .v = g->V, .y = op->out};
    if (g->dtype == IR_BF16) {
        p.half = g->work + g->x_at;
        ir_pool_run(g->pool, g->threads, nets_openblas_narrow_part, &p);
    }
    nets_openblas_product(p.t, &p.row, false, p.half ? p.half : p.x, op->l.w, p.y);
}

static void finish_op(void *arg, int tid, int nthreads)
{
    const share *s = arg;
    cpu_linear   l = s->op->l;
    size_t       lo, hi;
    cpu_part(l.k, 16, tid, nthreads, &lo, &hi);
    cpu_linear_finish(&l, lo, hi);
}

static ir_status nets_openblas_gpt_setup(ir_run *r)
{
    ir_status s = use_threads(r->p.threads);
    return s == IR_OK ? cpu_gpt_setup(r, 0) : s;
}

static void nets_openblas_step(cpu_gpt *g)
{
    for (int i = 0; i < g->nop; i++) {
        share             s = {g, &g->op[i]};
        const cpu_linear *l = &s.op->l;
        if (s.op->row->op == LY_FC) {
            linear_op(g, s.op);
            if (l->bias || l->add || l->act != LY_ID) ir_pool_run(g->pool, g->threads, finish_op, &s);
        } else {
            ir_pool_run(g->pool, g->threads, op_part, &s);
        }
        if (g->layer_s) cpu_gpt_stamp(g, s.op->index);
    }
}

static ir_status nets_openblas_gpt_run(ir_run *r, uint32_t reps)
{
    cpu_gpt_bind(r);
    for (uint32_t i = 0; i < reps; i++) nets_openblas_step(r->self);
    return IR_OK;
}

static ir_status nets_openblas_gpt_profile(ir_run *r, double *layer_s, int n)
{
    return cpu_gpt_profile(r, layer_s, n, nets_openblas_step);
}

#else /* the kernels exist, so that the report has a row that says why it is empty */

static ir_status linear_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w, (void)p;
    return ir_fail(IR_SKIP, "built without OpenBLAS");
}

static ir_status nets_openblas_linear_run(ir_run *r, uint32_t reps)
{
    (void)reps;
    return linear_can_run(r->dev, r->workload, &r->p);
}

#define vector_setup                  NULL
#define matrix_setup                  NULL
#define nets_openblas_linear_teardown NULL
#define nets_openblas_gpt_setup       NULL
#define nets_openblas_gpt_run         nets_openblas_linear_run
#define nets_openblas_gpt_profile     NULL
#endif
static const ir_plan_ops nets_openblas_plan_ops = {.destroy = nets_openblas_linear_teardown};

const ir_kernel cpu_linear_openblas = {.family = "linear",
                                       .name = "openblas",
                                       .doc =
                                           "OpenBLAS: sgemv for one row, else sgemm; sbgemv, sbgemm for bf16",
                                       .flags = IR_K_LIB,
                                       .can_run = linear_can_run,
                                       .plan = vector_setup,
                                       .run = nets_openblas_linear_run,
                                       .ops = &nets_openblas_plan_ops};
const ir_kernel cpu_linear_openblas_gemm = {
    .family = "linear",
    .name = "openblas_gemm",
    .doc = "OpenBLAS's matrix product for any number of rows, one included",
    .flags = IR_K_LIB,
    .can_run = linear_can_run,
    .plan = matrix_setup,
    .run = nets_openblas_linear_run,
    .ops = &nets_openblas_plan_ops};

static const ir_plan_ops gpt_openblas_plan_ops = {.destroy = cpu_gpt_teardown,
                                                  .drop_scratch = cpu_gpt_drop_scratch,
                                                  .net = {.profile = nets_openblas_gpt_profile}};

const ir_kernel cpu_gpt_openblas = {.family = "gpt",
                                    .name = "openblas",
                                    .doc = "every matrix through OpenBLAS's product, also at batch one",
                                    .flags = IR_K_LIB,
                                    .can_run = linear_can_run,
                                    .plan = nets_openblas_gpt_setup,
                                    .run = nets_openblas_gpt_run,
                                    .ops = &gpt_openblas_plan_ops};

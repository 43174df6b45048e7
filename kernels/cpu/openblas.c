/* openblas.c -- the products through OpenBLAS: what a user of the library gets. OpenBLAS brings its own
 * threads; they are set up in plan(), from the unpinned caller, and the calls are made outside the pool's
 * regions, whose workers sleep meanwhile. Refuses dimensions beyond the library's 32-bit integers, more
 * threads than it has, and bf16 where it was built without. */
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/openblas.h"

#if IR_HAVE_OPENBLAS
static ir_status openblas_can_run(const ir_params *p, wl_gemm_shape s, bool gemv)
{
    const size_t most = sizeof(blasint) == 4 ? INT32_MAX : INT64_MAX;
    if (cpu_openblas_load() != IR_OK) return IR_SKIP;
    if (s.m > most || s.n > most || s.k > most)
        return ir_fail(IR_SKIP, "this OpenBLAS has 32-bit dimensions, at most %d", INT32_MAX);
    if (!wl_gemm_plain(p->dtype))
        return ir_fail(IR_SKIP, "OpenBLAS: f64, f32 and bf16, not %s", ir_dtype_name(p->dtype));
    if (p->dtype == IR_BF16 && !(gemv ? cblas_sbgemv != NULL : cblas_sbgemm != NULL))
        return ir_fail(IR_SKIP, "this OpenBLAS was built without bf16 (BUILD_BFLOAT16)");
    if (p->threads > 1 && openblas_get_parallel() == 0)
        return ir_fail(IR_SKIP, "this OpenBLAS is a single-threaded build");
    return IR_OK;
}

static ir_status openblas_gemm_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return openblas_can_run(p, wl_gemm_of(p), false);
}

static ir_status gemv_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return openblas_can_run(p, wl_gemv_of(p), true);
}

static ir_status gemv_by_gemm_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return openblas_can_run(p, wl_gemv_of(p), false);
}

static ir_status blas_setup(ir_run *r)
{
    openblas_set_num_threads(r->p.threads);
    if (openblas_get_num_threads() == r->p.threads) return IR_OK;
    return ir_fail(IR_SKIP, "OpenBLAS offers %d of %d threads", openblas_get_num_threads(), r->p.threads);
}

/* C[m,n] = A[m,k] B[k,n], or with B transposed: B[n,k]. */
static void openblas_product(ir_dtype t, wl_gemm_shape s, CBLAS_TRANSPOSE trans_b, const void *a,
                             const void *b, void *c)
{
    const blasint m = (blasint)s.m, n = (blasint)s.n, k = (blasint)s.k, ldb = trans_b == CblasTrans ? k : n;
    if (t == IR_F64)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, trans_b, m, n, k, 1, a, k, b, ldb, 0, c, n);
    else if (t == IR_F32)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, trans_b, m, n, k, 1, a, k, b, ldb, 0, c, n);
    else
        cblas_sbgemm(CblasRowMajor, CblasNoTrans, trans_b, m, n, k, 1, a, k, b, ldb, 0, c, n);
}

static ir_status openblas_gemm_run(ir_run *r, uint32_t reps)
{
    for (uint32_t i = 0; i < reps; i++)
        openblas_product(r->p.dtype, wl_gemm_of(&r->p), CblasNoTrans, r->mem[0].p, r->mem[1].p, r->mem[2].p);
    return IR_OK;
}

static ir_status openblas_gemv_run(ir_run *r, uint32_t reps)
{
    const wl_gemm_shape s = wl_gemv_of(&r->p);
    const blasint       m = (blasint)s.m, k = (blasint)s.k;
    const void         *w = r->mem[0].p, *x = r->mem[1].p;
    void               *y = r->mem[2].p;
    for (uint32_t i = 0; i < reps; i++)
        if (r->p.dtype == IR_F64)
            cblas_dgemv(CblasRowMajor, CblasNoTrans, m, k, 1, w, k, x, 1, 0, y, 1);
        else if (r->p.dtype == IR_F32)
            cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, 1, w, k, x, 1, 0, y, 1);
        else
            cblas_sbgemv(CblasRowMajor, CblasNoTrans, m, k, 1, w, k, x, 1, 0, y, 1);
    return IR_OK;
}

/* y as a row: y[1,m] = x[1,k] W[m,k]', the product with one row that a batch of one gives. */
static ir_status gemv_by_gemm_run(ir_run *r, uint32_t reps)
{
    const wl_gemm_shape s = wl_gemv_of(&r->p), row = {1, s.m, s.k};
    for (uint32_t i = 0; i < reps; i++)
        openblas_product(r->p.dtype, row, CblasTrans, r->mem[1].p, r->mem[0].p, r->mem[2].p);
    return IR_OK;
}

#else /* the kernels exist, so that the report has a row that says why it is empty */

static ir_status absent(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w, (void)p;
    return ir_fail(IR_SKIP, "built without OpenBLAS");
}

static ir_status never_run(ir_run *r, uint32_t reps)
{
    (void)reps;
    return absent(r->dev, r->workload, &r->p);
}

#define openblas_gemm_can_run absent
#define gemv_can_run          absent
#define gemv_by_gemm_can_run  absent
#define blas_setup            NULL
#define openblas_gemm_run     never_run
#define openblas_gemv_run     never_run
#define gemv_by_gemm_run      never_run
#endif

const ir_kernel cpu_gemm_openblas = {.family = "gemm",
                                     .name = "openblas",
                                     .doc = "OpenBLAS cblas_sgemm, dgemm, sbgemm",
                                     .flags = IR_K_LIB,
                                     .can_run = openblas_gemm_can_run,
                                     .plan = blas_setup,
                                     .run = openblas_gemm_run};
const ir_kernel cpu_gemv_openblas = {.family = "gemv",
                                     .name = "openblas",
                                     .doc = "OpenBLAS cblas_sgemv, dgemv, sbgemv",
                                     .flags = IR_K_LIB,
                                     .can_run = gemv_can_run,
                                     .plan = blas_setup,
                                     .run = openblas_gemv_run};
const ir_kernel cpu_gemv_openblas_gemm = {.family = "gemv",
                                          .name = "openblas_gemm",
                                          .doc = "OpenBLAS product with one row: what batch one costs there",
                                          .flags = IR_K_LIB,
                                          .can_run = gemv_by_gemm_can_run,
                                          .plan = blas_setup,
                                          .run = gemv_by_gemm_run};

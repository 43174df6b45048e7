/* cublas.c -- the products through cuBLAS and cuBLASLt, loaded when first asked for: what a user of the
 * libraries gets. A machine without them loses these rows and nothing else. cuBLASLt tries the algorithms its
 * heuristic proposes and keeps the fastest. Row-major C = A B is the libraries' column-major C' = B' A'.
 * cuBLASLt's i8 and f8 want the first operand transposed: B is turned when the weights are loaded. */
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/cuda/cuda.h"

#include <cublasLt.h>
#include <cublas_v2.h>
#include <math.h>
#include <stdlib.h>

/* ---- loading --------------------------------------------------------------------------------- */
typedef struct {
    void                                             *blas, *lt;
    __typeof__(&cublasCreate_v2)                      create;
    __typeof__(&cublasDestroy_v2)                     destroy;
    __typeof__(&cublasSetStream_v2)                   set_stream;
    __typeof__(&cublasSetMathMode)                    math_mode;
    __typeof__(&cublasGemmEx)                         gemm;
    __typeof__(&cublasSgemv_v2)                       sgemv;
    __typeof__(&cublasDgemv_v2)                       dgemv;
    __typeof__(&cublasLtCreate)                       lt_create;
    __typeof__(&cublasLtDestroy)                      lt_destroy;
    __typeof__(&cublasLtMatmul)                       lt_matmul;
    __typeof__(&cublasLtMatmulDescCreate)             desc_create;
    __typeof__(&cublasLtMatmulDescDestroy)            desc_destroy;
    __typeof__(&cublasLtMatmulDescSetAttribute)       desc_set;
    __typeof__(&cublasLtMatrixLayoutCreate)           layout_create;
    __typeof__(&cublasLtMatrixLayoutDestroy)          layout_destroy;
    __typeof__(&cublasLtMatmulPreferenceCreate)       pref_create;
    __typeof__(&cublasLtMatmulPreferenceSetAttribute) pref_set;
    __typeof__(&cublasLtMatmulPreferenceDestroy)      pref_destroy;
    __typeof__(&cublasLtMatmulAlgoGetHeuristic)       heuristic;
} library;

static void *open_one(const char *base)
{
    char name[64];
    snprintf(name, sizeof name, "lib%s.so.%d", base, CUBLAS_VER_MAJOR);
    return cuda_open_library(name);
}

static library *load(void)
{
    static library l;
    static bool    tried;
    if (tried) return &l;
    tried = true;
    l.lt = open_one("cublasLt");
    l.blas = open_one("cublas");
    bool ok = cuda_symbol(l.blas, "cublasCreate_v2", &l.create) &&
              cuda_symbol(l.blas, "cublasDestroy_v2", &l.destroy) &&
              cuda_symbol(l.blas, "cublasSetStream_v2", &l.set_stream) &&
              cuda_symbol(l.blas, "cublasSetMathMode", &l.math_mode) &&
              cuda_symbol(l.blas, "cublasGemmEx", &l.gemm) &&
              cuda_symbol(l.blas, "cublasSgemv_v2", &l.sgemv) &&
              cuda_symbol(l.blas, "cublasDgemv_v2", &l.dgemv);
    if (!ok) l.create = NULL;
    ok = cuda_symbol(l.lt, "cublasLtCreate", &l.lt_create) &&
         cuda_symbol(l.lt, "cublasLtDestroy", &l.lt_destroy) &&
         cuda_symbol(l.lt, "cublasLtMatmul", &l.lt_matmul) &&
         cuda_symbol(l.lt, "cublasLtMatmulDescCreate", &l.desc_create) &&
         cuda_symbol(l.lt, "cublasLtMatmulDescDestroy", &l.desc_destroy) &&
         cuda_symbol(l.lt, "cublasLtMatmulDescSetAttribute", &l.desc_set) &&
         cuda_symbol(l.lt, "cublasLtMatrixLayoutCreate", &l.layout_create) &&
         cuda_symbol(l.lt, "cublasLtMatrixLayoutDestroy", &l.layout_destroy) &&
         cuda_symbol(l.lt, "cublasLtMatmulPreferenceCreate", &l.pref_create) &&
         cuda_symbol(l.lt, "cublasLtMatmulPreferenceSetAttribute", &l.pref_set) &&
         cuda_symbol(l.lt, "cublasLtMatmulPreferenceDestroy", &l.pref_destroy) &&
         cuda_symbol(l.lt, "cublasLtMatmulAlgoGetHeuristic", &l.heuristic);
    if (!ok) l.lt_create = NULL;
    return &l;
}

static ir_status blas_failed(cuda_dev *c, cublasStatus_t e, int line, const char *expr)
{
    ir_status st = e == CUBLAS_STATUS_ALLOC_FAILED                                        ? IR_ENOMEM
                   : e == CUBLAS_STATUS_NOT_SUPPORTED || e == CUBLAS_STATUS_ARCH_MISMATCH ? IR_SKIP
                                                                                          : cuda_alive(c);
    return ir_fail(st, "cublas: status %d at cublas.c:%d: %.60s", (int)e, line, expr);
}
/* Of a run r. */
#define BLAS(call) \
    ((blas_status = (call)) == CUBLAS_STATUS_SUCCESS \
         ? IR_OK \
         : blas_failed(cuda_of(r->dev), blas_status, __LINE__, #call))

static ir_status there(bool have, const char *what, wl_gemm_shape s)
{
    if (!have) return ir_fail(IR_SKIP, "%s was not found (lib%s.so.%d)", what, what, CUBLAS_VER_MAJOR);
    return s.m <= INT32_MAX && s.n <= INT32_MAX && s.k <= INT32_MAX
               ? IR_OK
               : ir_fail(IR_SKIP, "%s: 32-bit dimensions", what);
}
/* Types that came with a capability; the library would compute tf32 as f32 before it, and call that tf32. */
static ir_status capable(const ir_dev *d, ir_dtype t)
{
    int need = t == IR_F8 ? 89 : t == IR_BF16 || t == IR_TF32 ? 80 : 75, cc = cuda_of(d)->cc;
    return cc >= need ? IR_OK
                      : ir_fail(IR_SKIP, "cublas: %s needs sm_%d, this is sm_%d", ir_dtype_name(t), need, cc);
}
static ir_status blas_can_run(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    (void)w;
    ir_status st = capable(d, p->dtype);
    if (st == IR_OK && p->dtype == IR_F8) st = ir_fail(IR_SKIP, "cublas: f8 comes through cublasLt only");
    return st == IR_OK ? there(load()->create, "cublas", wl_gemm_of(p)) : st;
}
static ir_status lt_can_run(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    wl_gemm_shape s = wl_gemm_of(p);
    ir_status     st = capable(d, p->dtype);
    (void)w;
    if (st == IR_OK && p->dtype == IR_F8 && (s.m % 16 || s.n % 16 || s.k % 16))
        st = ir_fail(IR_SKIP, "cublasLt: f8 in multiples of 16");
    if (st == IR_OK && p->dtype == IR_I8 && (s.m % 4 || s.n % 4 || s.k % 4))
        st = ir_fail(IR_SKIP, "cublasLt: i8 in multiples of 4");
    return st == IR_OK ? there(load()->lt_create, "cublasLt", s) : st;
}
static ir_status gemv_can_run(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    (void)w;
    ir_status st = capable(d, p->dtype);
    return st == IR_OK ? there(load()->create, "cublas", wl_gemv_of(p)) : st;
}

static cudaDataType_t type_of(ir_dtype t)
{
    switch (t) {
    case IR_F64: return CUDA_R_64F;
    case IR_F32:
    case IR_TF32: return CUDA_R_32F;
    case IR_F16: return CUDA_R_16F;
    case IR_F8: return CUDA_R_8F_E4M3;
    case IR_I8: return CUDA_R_8I;
    default: return CUDA_R_16BF;
    }
}
static cudaDataType_t sum_of(ir_dtype t)
{
    return t == IR_F64 ? CUDA_R_64F : t == IR_I8 ? CUDA_R_32I : CUDA_R_32F;
}
/* f32 means f32: no tf32 behind the user's back. */
static cublasComputeType_t compute_of(ir_dtype t)
{
    switch (t) {
    case IR_F64: return CUBLAS_COMPUTE_64F;
    case IR_F32: return CUBLAS_COMPUTE_32F_PEDANTIC;
    case IR_TF32: return CUBLAS_COMPUTE_32F_FAST_TF32;
    case IR_I8: return CUBLAS_COMPUTE_32I;
    default: return CUBLAS_COMPUTE_32F;
    }
}

/* ---- cuBLAS ---------------------------------------------------------------------------------- */
typedef union {
    double d;
    float  f;
    int    i;
} scalar;
static scalar scalar_of(ir_dtype t, double v)
{
    scalar s = {0};
    if (t == IR_F64)
        s.d = v;
    else if (t == IR_I8)
        s.i = (int)v;
    else
        s.f = (float)v;
    return s;
}

static ir_status blas_setup(ir_run *r)
{
    library       *l = load();
    cublasHandle_t h = NULL;
    cublasStatus_t blas_status;
    ir_status      st = BLAS(l->create(&h));
    r->self = h;
    return st == IR_OK ? BLAS(l->set_stream(h, cuda_of(r->dev)->stream)) : st;
}
static void blas_teardown(ir_run *r)
{
    if (r->self) load()->destroy(r->self);
    r->self = NULL;
}
static ir_status gemm_once(ir_run *r, wl_gemm_shape s, const void *a, const void *b, void *c)
{
    scalar         one = scalar_of(r->p.dtype, 1), zero = scalar_of(r->p.dtype, 0);
    cudaDataType_t in = type_of(r->p.dtype), out = sum_of(r->p.dtype);
    int            m = (int)s.m, n = (int)s.n, k = (int)s.k;
    cublasStatus_t blas_status;
    cuda_queued(cuda_of(r->dev), 1);
    return BLAS(load()->gemm(r->self, CUBLAS_OP_N, CUBLAS_OP_N, n, m, k, &one, b, in, n, a, in, k, &zero, c,
                             out, n, compute_of(r->p.dtype), CUBLAS_GEMM_DEFAULT));
}
static ir_status blas_run(ir_run *r, uint32_t reps)
{
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++)
        st = gemm_once(r, wl_gemm_of(&r->p), r->mem[0].p, r->mem[1].p, r->mem[2].p);
    return st;
}

/* y = W x: W row-major is the library's transposed matrix. bf16 has no gemv there: a product with one column.
 */
static ir_status gemv_once(ir_run *r)
{
    library       *l = load();
    wl_gemm_shape  s = wl_gemv_of(&r->p);
    scalar         one = scalar_of(r->p.dtype, 1), zero = scalar_of(r->p.dtype, 0);
    int            m = (int)s.m, k = (int)s.k;
    cublasStatus_t blas_status;
    cuda_queued(cuda_of(r->dev), 1);
    if (r->p.dtype == IR_F64)
        return BLAS(l->dgemv(r->self, CUBLAS_OP_T, k, m, &one.d, r->mem[0].p, k, r->mem[1].p, 1, &zero.d,
                             r->mem[2].p, 1));
    if (r->p.dtype == IR_F32)
        return BLAS(l->sgemv(r->self, CUBLAS_OP_T, k, m, &one.f, r->mem[0].p, k, r->mem[1].p, 1, &zero.f,
                             r->mem[2].p, 1));
    return BLAS(l->gemm(r->self, CUBLAS_OP_T, CUBLAS_OP_N, m, 1, k, &one, r->mem[0].p, CUDA_R_16BF, k,
                        r->mem[1].p, CUDA_R_16BF, k, &zero, r->mem[2].p, CUDA_R_32F, m, CUBLAS_COMPUTE_32F,
                        CUBLAS_GEMM_DEFAULT));
}
static ir_status gemv_run(ir_run *r, uint32_t reps)
{
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = gemv_once(r);
    return st;
}

/* ---- cuBLASLt -------------------------------------------------------------------------------- */
enum { TRIES = 16, WORKSPACE = 32 << 20 };
typedef struct {
    cublasLtHandle_t       h;
    cublasLtMatmulDesc_t   desc;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulAlgo_t   algo[TRIES];
    int                    n, best; /* best < 0: not tried yet */
    void                  *work;
} lt_plan;

static void lt_teardown(ir_run *r)
{
    lt_plan *p = r->self;
    library *l = load();
    if (!p) return;
    if (p->a) l->layout_destroy(p->a);
    if (p->b) l->layout_destroy(p->b);
    if (p->c) l->layout_destroy(p->c);
    if (p->desc) l->desc_destroy(p->desc);
    if (p->h) l->lt_destroy(p->h);
    cuda_free(cuda_of(r->dev), &p->work);
    free(p);
    r->self = NULL;
}

static ir_status propose(ir_run *r)
{
    lt_plan                        *p = r->self;
    library                        *l = load();
    cublasLtMatmulPreference_t      pref = NULL;
    cublasLtMatmulHeuristicResult_t found[TRIES];
    size_t                          work = WORKSPACE;
    cublasStatus_t                  blas_status;
    ir_status                       st = BLAS(l->pref_create(&pref));
    if (st == IR_OK)
        st = BLAS(l->pref_set(pref, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &work, sizeof work));
    if (st == IR_OK)
        st = BLAS(l->heuristic(p->h, p->desc, p->b, p->a, p->c, p->c, pref, TRIES, found, &p->n));
    for (int i = 0; st == IR_OK && i < p->n; i++) p->algo[i] = found[i].algo;
    if (st == IR_OK && p->n == 0) st = ir_fail(IR_SKIP, "cublasLt proposes no algorithm for this shape");
    if (pref) l->pref_destroy(pref);
    return st;
}

static bool turned(const ir_run *r) { return r->p.dtype == IR_I8 || r->p.dtype == IR_F8; }

static ir_status lt_prepare(ir_run *r)
{
    wl_gemm_shape s = wl_gemm_of(&r->p);
    if (!turned(r)) return IR_OK;
    ir_status st = cuda_new(cuda_of(r->dev), s.k * s.n, &r->packed);
    return st == IR_OK ? cuda_transpose(cuda_of(r->dev), r->packed, r->mem[1].p, s.k, s.n, 1) : st;
}
static void lt_unprepare(ir_run *r) { cuda_free(cuda_of(r->dev), &r->packed); }

static ir_status lt_setup(ir_run *r)
{
    library                *l = load();
    wl_gemm_shape           s = wl_gemm_of(&r->p);
    cudaDataType_t          in = type_of(r->p.dtype), out = sum_of(r->p.dtype);
    const cublasOperation_t transposed = CUBLAS_OP_T;
    cublasStatus_t          blas_status;
    lt_plan                *p = calloc(1, sizeof *p);
    r->self = p;
    if (!p) return ir_fail(IR_ENOMEM, "cublasLt: no memory for the plan");
    p->best = -1;
    ir_status st = BLAS(l->lt_create(&p->h));
    if (st == IR_OK) st = BLAS(l->desc_create(&p->desc, compute_of(r->p.dtype), out));
    if (st == IR_OK && turned(r))
        st = BLAS(l->desc_set(p->desc, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed));
    if (st == IR_OK) st = BLAS(l->layout_create(&p->a, in, s.k, s.m, (int64_t)s.k));
    if (st == IR_OK && turned(r))
        st = BLAS(l->layout_create(&p->b, in, s.k, s.n, (int64_t)s.k));
    else if (st == IR_OK)
        st = BLAS(l->layout_create(&p->b, in, s.n, s.k, (int64_t)s.n));
    if (st == IR_OK) st = BLAS(l->layout_create(&p->c, out, s.n, s.m, (int64_t)s.n));
    if (st == IR_OK) st = cuda_new(cuda_of(r->dev), WORKSPACE, &p->work);
    return st == IR_OK ? propose(r) : st;
}

static ir_status lt_once(ir_run *r, int algo)
{
    lt_plan       *p = r->self;
    scalar         one = scalar_of(r->p.dtype, 1), zero = scalar_of(r->p.dtype, 0);
    cublasStatus_t blas_status;
    cuda_queued(cuda_of(r->dev), 1);
    return BLAS(load()->lt_matmul(p->h, p->desc, &one, r->packed ? r->packed : r->mem[1].p, p->b, r->mem[0].p,
                                  p->a, &zero, r->mem[2].p, p->c, r->mem[2].p, p->c, &p->algo[algo], p->work,
                                  WORKSPACE, cuda_of(r->dev)->stream));
}

/* Seconds of three calls after one; infinite where the algorithm refuses. */
static ir_status lt_try(ir_run *r, int algo, double *s)
{
    const ir_backend *be = r->dev->be;
    *s = INFINITY;
    if (lt_once(r, algo) != IR_OK) return IR_OK;
    ir_status st = be->start(r->dev);
    for (int i = 0; i < 3 && st == IR_OK; i++) st = lt_once(r, algo);
    return st == IR_OK ? be->stop(r->dev, s) : st;
}

static ir_status lt_search(ir_run *r)
{
    lt_plan  *p = r->self;
    double    best = INFINITY, s;
    ir_status st = IR_OK;
    for (int i = 0; i < p->n && st == IR_OK; i++) {
        st = lt_try(r, i, &s);
        if (st == IR_OK && s < best) {
            best = s;
            p->best = i;
        }
    }
    return st == IR_OK && p->best < 0 ? ir_fail(IR_SKIP, "cublasLt: none of %d algorithms runs", p->n) : st;
}

/* The first call, of the proof, searches. */
static ir_status lt_run(ir_run *r, uint32_t reps)
{
    lt_plan  *p = r->self;
    ir_status st = p->best < 0 ? lt_search(r) : IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = lt_once(r, p->best);
    return st;
}

static const ir_plan_ops cublas_plan_ops = {.destroy = blas_teardown};

const ir_kernel cuda_gemm_cublas = {.family = "gemm",
                                    .name = "cublas",
                                    .doc = "cuBLAS as it comes; f32 stays f32",
                                    .flags = IR_K_LIB,
                                    .can_run = blas_can_run,
                                    .plan = blas_setup,
                                    .run = blas_run,
                                    .ops = &cublas_plan_ops};

static const ir_plan_ops gemm_cublaslt_plan_ops = {
    .destroy = lt_teardown, .prepare = lt_prepare, .unprepare = lt_unprepare};

const ir_kernel cuda_gemm_cublaslt = {.family = "gemm",
                                      .name = "cublaslt",
                                      .doc = "cuBLASLt, the fastest of up to 16 proposed algorithms",
                                      .flags = IR_K_LIB,
                                      .can_run = lt_can_run,
                                      .plan = lt_setup,
                                      .run = lt_run,
                                      .ops = &gemm_cublaslt_plan_ops};
const ir_kernel cuda_gemv_cublas = {.family = "gemv",
                                    .name = "cublas",
                                    .doc = "cuBLAS gemv (bf16: a product with one column)",
                                    .flags = IR_K_LIB,
                                    .can_run = gemv_can_run,
                                    .plan = blas_setup,
                                    .run = gemv_run,
                                    .ops = &cublas_plan_ops};

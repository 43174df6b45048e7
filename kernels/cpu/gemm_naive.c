/* gemm_naive.c -- the product and the matrix-vector product as a reader would write them: the bottom rungs.
 * The product runs i-k-j, so that its inner loop walks rows of B and C. Threads split the rows of the result.
 */
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/cpu/cpu.h"

#include <string.h>

typedef double   any_f64 __attribute__((aligned(1), may_alias)); /* tensors may start at any byte */
typedef float    any_f32 __attribute__((aligned(1), may_alias));
typedef uint16_t any_u16 __attribute__((aligned(1), may_alias));

typedef struct {
    wl_gemm_shape s;
    ir_dtype      dtype;
    const void   *a, *b;
    void         *c;
} job;

static inline float gemm_naive_widen(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float    f;
    memcpy(&f, &u, sizeof f);
    return f;
}

#define GEMM(name, T_IN, T, WIDEN) \
    static void name(const job *j, size_t lo, size_t hi) \
    { \
        const size_t n = j->s.n, k = j->s.k; \
        const T_IN  *a = j->a, *b = j->b; \
        T           *c = j->c; \
        for (size_t i = lo; i < hi; i++) { \
            for (size_t x = 0; x < n; x++) c[i * n + x] = 0; \
            for (size_t p = 0; p < k; p++) \
                for (size_t x = 0; x < n; x++) c[i * n + x] += WIDEN(a[i * k + p]) * WIDEN(b[p * n + x]); \
        } \
    }
#define GEMV(name, T_IN, T, WIDEN) \
    static void name(const job *j, size_t lo, size_t hi) \
    { \
        const size_t k = j->s.k; \
        const T_IN  *w = j->a, *x = j->b; \
        T           *y = j->c; \
        for (size_t i = lo; i < hi; i++) { \
            T sum = 0; \
            for (size_t p = 0; p < k; p++) sum += WIDEN(w[i * k + p]) * WIDEN(x[p]); \
            y[i] = sum; \
        } \
    }
GEMM(gemm_f64, any_f64, any_f64, )
GEMM(gemm_f32, any_f32, any_f32, )
GEMM(gemm_bf16, any_u16, any_f32, gemm_naive_widen)
GEMV(gemv_f64, any_f64, any_f64, )
GEMV(gemv_f32, any_f32, any_f32, )
GEMV(gemv_bf16, any_u16, any_f32, gemm_naive_widen)

static void gemm_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     lo, hi;
    cpu_part(j->s.m, 1, tid, nthreads, &lo, &hi);
    (j->dtype == IR_F64 ? gemm_f64 : j->dtype == IR_F32 ? gemm_f32 : gemm_bf16)(j, lo, hi);
}

static void gemm_naive_gemv_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     lo, hi;
    cpu_part(j->s.m, 1, tid, nthreads, &lo, &hi);
    (j->dtype == IR_F64 ? gemv_f64 : j->dtype == IR_F32 ? gemv_f32 : gemv_bf16)(j, lo, hi);
}

static ir_status gemm_naive_run(ir_run *r, uint32_t reps, wl_gemm_shape s, ir_pool_fn part)
{
    job j = {s, r->p.dtype, r->mem[0].p, r->mem[1].p, r->mem[2].p};
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, part, &j);
    return IR_OK;
}

static ir_status gemm_naive_gemm_run(ir_run *r, uint32_t reps)
{
    return gemm_naive_run(r, reps, wl_gemm_of(&r->p), gemm_part);
}
static ir_status gemm_naive_gemv_run(ir_run *r, uint32_t reps)
{
    return gemm_naive_run(r, reps, wl_gemv_of(&r->p), gemm_naive_gemv_part);
}

static ir_status gemm_naive_gemm_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return wl_gemm_plain(p->dtype)
               ? IR_OK
               : ir_fail(IR_SKIP, "cpu gemm: f64, f32 and bf16, not %s", ir_dtype_name(p->dtype));
}

const ir_kernel cpu_gemm_naive = {.family = "gemm",
                                  .name = "naive",
                                  .doc = "three loops: row, depth, column",
                                  .flags = IR_K_NAIVE,
                                  .can_run = gemm_naive_gemm_can_run,
                                  .run = gemm_naive_gemm_run};
const ir_kernel cpu_gemv_naive = {.family = "gemv",
                                  .name = "naive",
                                  .doc = "one dot product per row",
                                  .flags = IR_K_NAIVE,
                                  .run = gemm_naive_gemv_run};

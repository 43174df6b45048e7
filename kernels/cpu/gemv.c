/* gemv.c -- "stream": y = W x with W read once at the rate memory gives it. Threads take contiguous runs of
 * rows, the split that also placed the pages, so a thread reads what it first touched. Fewer rows than
 * threads leave threads idle. */
#include "kernels/cpu/gemv.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/cpu/cpu.h"

CPU_DECLARE_PER_ISA(cpu_gemv_table, cpu_gemv);
static const cpu_gemv_table *const tables[CPU_NISA] = CPU_PER_ISA(cpu_gemv);

typedef struct {
    cpu_gemv_fn   fn;
    wl_gemm_shape s;
    size_t        in_B, out_B;
    const char   *w, *x;
    char         *y;
} job;

static void gemv_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     lo, hi;
    cpu_part(j->s.m, 1, tid, nthreads, &lo, &hi);
    j->fn(hi - lo, j->s.k, j->w + lo * j->s.k * j->in_B, j->x, j->y + lo * j->out_B);
}

static cpu_gemv_fn gemv_loop_of(const cpu_gemv_table *t, bool twice, ir_dtype d)
{
    if (twice) return d == IR_F64 ? t->twice_f64 : d == IR_F32 ? t->twice_f32 : t->twice_bf16;
    return d == IR_F64 ? t->f64 : d == IR_F32 ? t->f32 : t->bf16;
}

static ir_status gemv_run(ir_run *r, uint32_t reps)
{
    int isa = (int)cpu_of(r->dev)->isa;
    while (isa > CPU_PORTABLE && !tables[isa]) isa--;
    const cpu_gemv_table *t = tables[isa];
    ir_dtype              d = r->p.dtype;
    job                   j = {gemv_loop_of(t, r->workload == &wl_gemv_twice, d),
                               wl_gemv_of(&r->p),
                               wl_gemm_in_B(d),
                               wl_gemm_out_B(d),
                               r->mem[0].p,
                               r->mem[1].p,
                               r->mem[2].p};
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, gemv_part, &j);
    return IR_OK;
}

const ir_kernel cpu_gemv_stream = {.family = "gemv",
                                   .name = "stream",
                                   .doc = "several rows at a time, prefetched: W as a read stream",
                                   .by_form = true,
                                   .run = gemv_run};
const ir_kernel cpu_gemv_twice = {.family = "gemv_twice",
                                  .name = "stream",
                                  .doc = "gemv/stream with every multiply-add done a second time",
                                  .by_form = true,
                                  .run = gemv_run};

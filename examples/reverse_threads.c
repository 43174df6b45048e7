/* reverse_threads.c -- the kernel: a plain loop on every thread of the CPU backend, one region per call. */
#include "examples/reverse.h"
#include "kernels/cpu/cpu.h"

typedef struct {
    float       *y;
    const float *x;
    size_t       n;
} job;

static void part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     lo, hi;
    cpu_part(j->n, 16, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) j->y[i] = j->x[j->n - 1 - i];
}

static ir_status reverse_run(ir_run *r, uint32_t reps)
{
    job j = {r->mem[0].p, r->mem[1].p, (size_t)r->p.v[0]};
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, part, &j);
    return IR_OK;
}

const ir_kernel cpu_reverse_threads = {
    .family = "reverse", .name = "threads", .doc = "a plain loop, one part a thread", .run = reverse_run};

/* forkjoin.c -- the cost of an empty region of the thread pool, which every parallel kernel pays per call.
 * Each thread counts the regions it ran on its own cache line; the count is compared with the number of
 * regions at the end. */
#include "kernels/cpu/cpu.h"
#include "kernels/workloads/workloads_compute.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    _Alignas(64) uint64_t regions;
} slot;

static void forkjoin_region(void *arg, int tid, int nthreads)
{
    (void)nthreads;
    ((slot *)arg)[tid].regions++;
}

static ir_status forkjoin_setup(ir_run *r)
{
    size_t bytes = sizeof(slot) * (size_t)r->p.threads;
    r->self = aligned_alloc(64, bytes);
    return r->self ? IR_OK : ir_fail(IR_ENOMEM, "forkjoin: no memory for %d counters", r->p.threads);
}

static void forkjoin_teardown(ir_run *r)
{
    free(r->self);
    r->self = NULL;
}

static ir_status forkjoin_run(ir_run *r, uint32_t reps)
{
    slot *s = r->self;
    memset(s, 0, sizeof *s * (size_t)r->p.threads);
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, forkjoin_region, s);
    for (int t = 0; t < r->p.threads; t++) {
        uint64_t seen = WL_FORKJOIN_SEEN + (uint64_t)t + s[t].regions - reps;
        memcpy((char *)r->mem[0].host + sizeof seen * (size_t)t, &seen, sizeof seen);
    }
    return IR_OK;
}

static const ir_plan_ops forkjoin_plan_ops = {.destroy = forkjoin_teardown};

const ir_kernel cpu_forkjoin_pool = {.family = "launch",
                                     .name = "pool",
                                     .doc = "empty region of the suite's thread pool",
                                     .plan = forkjoin_setup,
                                     .run = forkjoin_run,
                                     .ops = &forkjoin_plan_ops};

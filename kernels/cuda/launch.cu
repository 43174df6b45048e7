/* launch.cu -- what a launch costs: kernels back to back, a launch and a wait each, the node of a graph, a
 * barrier over a resident grid. And the kernel behind which a timed batch is enqueued. */
#include "kernels/cuda/device.cuh"

#include "kernels/workloads/workloads_compute.h"

#include <stdlib.h>

/* Ends when *latch is set, or after two seconds: a host that died or a queue that filled up must not hang the
 * device. */
CU_KERNEL(32, 1) spin_kernel(const unsigned *latch)
{
    if (threadIdx.x) return;
    unsigned long long t0 = cu_nanoseconds();
    while (cu_ld_volatile(latch) == 0 && cu_nanoseconds() - t0 < 2000000000ull) cu_pause();
}

ir_status cuda_spin(cuda_dev *c, unsigned *latch)
{
#if defined(CUDA_EMULATE)
    (void)latch; /* an emulated launch runs at once: there is nothing to hold back */
    return cuda_enqueue(c, (const void *)spin_kernel, dim3(1), dim3(32), NULL, 0, CUDA_PLAIN);
#else
    return cuda_launch(c, spin_kernel, dim3(1), dim3(32), 0, (const unsigned *)latch);
#endif
}

/* ---- forkjoin -------------------------------------------------------------------------------- */
CU_KERNEL(32, 1) tick_kernel(unsigned long long *seen)
{
    if (threadIdx.x == 0) *seen += 1;
}
CU_KERNEL(32, 1) set_kernel(unsigned long long *seen, unsigned long long v)
{
    if (threadIdx.x == 0) *seen = v;
}

static unsigned long long *seen_of(const ir_run *r) { return (unsigned long long *)r->mem[0].p; }

/* After `reps` ticks the counter stands at WL_FORKJOIN_SEEN. */
static ir_status begin(ir_run *r, uint32_t reps)
{
    return cuda_launch(cuda_of(r->dev), set_kernel, dim3(1), dim3(32), 0, seen_of(r),
                       (unsigned long long)(WL_FORKJOIN_SEEN - reps));
}

static ir_status tick(ir_run *r)
{
    return cuda_launch(cuda_of(r->dev), tick_kernel, dim3(1), dim3(32), 0, seen_of(r));
}

static ir_status queue_run(ir_run *r, uint32_t reps)
{
    ir_status st = begin(r, reps);
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = tick(r);
    return st;
}

static ir_status sync_run(ir_run *r, uint32_t reps)
{
    cuda_dev *c = cuda_of(r->dev);
    cuda_release(c);
    ir_status st = begin(r, reps);
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) {
        st = tick(r);
        if (st == IR_OK) st = CU_TRY(c, StreamSynchronize(c->stream));
    }
    return st;
}

enum { NODES = 64 };

static ir_status record_nodes(void *arg)
{
    ir_run   *r = (ir_run *)arg;
    ir_status st = IR_OK;
    for (int i = 0; i < NODES && st == IR_OK; i++) st = tick(r);
    return st;
}

static ir_status graph_setup(ir_run *r)
{
    r->self = calloc(1, sizeof(cuda_recordings));
    return r->self ? IR_OK : ir_fail(IR_ENOMEM, "cuda: no memory for a graph");
}

static void graph_teardown(ir_run *r)
{
    if (r->self) cuda_forget(cuda_of(r->dev), (cuda_recordings *)r->self);
    free(r->self);
    r->self = NULL;
}

static ir_status graph_prepare(ir_run *r)
{
    cudaGraphExec_t exec;
    return cuda_record(cuda_of(r->dev), (cuda_recordings *)r->self, r, record_nodes, r, &exec);
}

static ir_status graph_run(ir_run *r, uint32_t reps)
{
    cuda_dev       *c = cuda_of(r->dev);
    cudaGraphExec_t exec;
    ir_status       st = cuda_record(c, (cuda_recordings *)r->self, r, record_nodes, r, &exec);
    if (st == IR_OK) st = begin(r, reps);
    for (uint32_t i = 0; i < reps / NODES && st == IR_OK; i++) {
        cuda_queued(c, NODES);
        st = CU_TRY(c, GraphLaunch(exec, c->stream));
    }
    for (uint32_t i = 0; i < reps % NODES && st == IR_OK; i++) st = tick(r);
    return st;
}

/* All blocks meet `reps` times; the counter of arrivals grows for ever, so no round has to reset it. */
CU_KERNEL(128, 1) meet_kernel(unsigned *arrived, unsigned long long *seen, uint32_t reps)
{
    unsigned blocks = gridDim.x, goal = 0;
    for (uint32_t i = 0; i < reps; i++) {
        cu_sync();
        goal += blocks;
        if (threadIdx.x == 0) {
            cu_add_release(arrived, 1);
            while (cu_ld_acquire(arrived) < goal) cu_pause();
        }
        cu_sync();
    }
    if (blockIdx.x == 0 && threadIdx.x == 0)
        *seen = WL_FORKJOIN_SEEN + (cu_ld_acquire(arrived) / blocks - reps);
}

static ir_status meet_setup(ir_run *r) { return cuda_new(cuda_of(r->dev), sizeof(unsigned), &r->self); }
static void      meet_teardown(ir_run *r) { cuda_free(cuda_of(r->dev), &r->self); }
static ir_status meet_run(ir_run *r, uint32_t reps)
{
    cuda_dev *c = cuda_of(r->dev);
    ir_status st = IR_OK;
    while (reps > 0 && st == IR_OK) {
        uint32_t some = reps < 4096 ? reps : 4096; /* the counter is 32-bit */
        cuda_queued(c, 1);
        st = CU_TRY(c, MemsetAsync(r->self, 0, sizeof(unsigned), c->stream));
        if (st == IR_OK)
            st = cuda_launch_cooperative(c, meet_kernel, dim3((unsigned)c->sms), dim3(128), 0,
                                         (unsigned *)r->self, seen_of(r), some);
        reps -= some;
    }
    return st;
}

const ir_kernel cuda_launch_queue = {
    .family = "launch", .name = "queue", .doc = "an empty kernel, launched back to back", .run = queue_run};
const ir_kernel cuda_launch_sync = {.family = "launch",
                                    .name = "sync",
                                    .doc = "an empty kernel and a wait for it, each time",
                                    .flags = IR_K_WAITED,
                                    .run = sync_run};

static const ir_plan_ops launch_plan_ops = {.destroy = graph_teardown, .prepare = graph_prepare};

const ir_kernel cuda_launch_graph = {.family = "launch",
                                     .name = "graph",
                                     .doc = "an empty kernel as a node of a 64-node graph",
                                     .flags = IR_K_GRAPH,
                                     .plan = graph_setup,
                                     .run = graph_run,
                                     .ops = &launch_plan_ops};

static const ir_plan_ops launch_grid_plan_ops = {.destroy = meet_teardown};

const ir_kernel cuda_launch_grid = {.family = "launch",
                                    .name = "grid",
                                    .doc = "a barrier over one block on every multiprocessor",
                                    .flags = IR_K_FUSED,
                                    .plan = meet_setup,
                                    .run = meet_run,
                                    .ops = &launch_grid_plan_ops};

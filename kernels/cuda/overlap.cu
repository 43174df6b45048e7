/* overlap.cu -- "overlap": a copy from pinned memory in a stream of its own beside a kernel in the device's
 * stream. The copy waits for what came before it and what follows waits for the copy, so that every
 * repetition is whole. The kernel is integer arithmetic on registers: it takes nothing from the copy but the
 * launch. */
#include "kernels/workloads/workloads_memory.h"
#include "kernels/cuda/device.cuh"

#include <stdlib.h>

enum { THREADS = WL_OVERLAP_GROUP };
typedef struct {
    void        *host;
    cudaStream_t side;
    cudaEvent_t  fork, join;
} overlap_plan;

CU_KERNEL(THREADS, 1) step_kernel(unsigned *x, int iters)
{
    unsigned lane = blockIdx.x * THREADS + threadIdx.x, v = WL_OVERLAP_START(lane);
    CU_UNROLL4 for (int i = 0; i < iters; i++) v = cu_same(v * WL_OVERLAP_A + WL_OVERLAP_B);
    x[lane] = v;
}

static bool copies(const ir_run *r) { return r->p.v[3] != WL_OVERLAP_COMPUTE; }

static void overlap_teardown(ir_run *r)
{
    overlap_plan   *o = (overlap_plan *)r->self;
    const cuda_api *api = cuda_of(r->dev)->api;
    if (!o) return;
    if (o->fork) api->EventDestroy(o->fork);
    if (o->join) api->EventDestroy(o->join);
    if (o->side) api->StreamDestroy(o->side);
    if (o->host) api->FreeHost(o->host);
    free(o);
    r->self = NULL;
}

static ir_status overlap_setup(ir_run *r)
{
    cuda_dev     *c = cuda_of(r->dev);
    overlap_plan *o = (overlap_plan *)calloc(1, sizeof *o);
    size_t        bytes = (size_t)r->p.v[0];
    r->self = o;
    if (!o) return ir_fail(IR_ENOMEM, "overlap: no memory for the plan");
    if (!copies(r)) return IR_OK;
    ir_status st = CU_TRY(c, HostAlloc(&o->host, bytes, cudaHostAllocDefault));
    if (st == IR_OK) st = CU_TRY(c, StreamCreateWithFlags(&o->side, cudaStreamNonBlocking));
    if (st == IR_OK) st = CU_TRY(c, EventCreate(&o->fork));
    if (st == IR_OK) st = CU_TRY(c, EventCreate(&o->join));
    for (size_t i = 0; st == IR_OK && i < bytes / 4; i++) ((uint32_t *)o->host)[i] = wl_transfer_value(i);
    return st;
}

static ir_status copy_in(ir_run *r, cudaStream_t stream)
{
    cuda_dev *c = cuda_of(r->dev);
    cuda_queued(c, 1);
    return CU_TRY(c, MemcpyAsync(r->mem[0].p, ((overlap_plan *)r->self)->host, (size_t)r->p.v[0],
                                 cudaMemcpyHostToDevice, stream));
}

static ir_status compute(ir_run *r)
{
    return cuda_launch(cuda_of(r->dev), step_kernel, dim3((unsigned)r->p.v[2] / THREADS), dim3(THREADS), 0,
                       (unsigned *)r->mem[copies(r)].p, (int)r->p.v[1]);
}

static ir_status both(ir_run *r)
{
    cuda_dev     *c = cuda_of(r->dev);
    overlap_plan *o = (overlap_plan *)r->self;
    ir_status     st = CU_TRY(c, EventRecord(o->fork, c->stream));
    if (st == IR_OK) st = CU_TRY(c, StreamWaitEvent(o->side, o->fork, 0));
    if (st == IR_OK) st = copy_in(r, o->side);
    if (st == IR_OK) st = compute(r);
    if (st == IR_OK) st = CU_TRY(c, EventRecord(o->join, o->side));
    if (st == IR_OK) st = CU_TRY(c, StreamWaitEvent(c->stream, o->join, 0));
    cuda_queued(c, 4);
    return st;
}

static ir_status overlap_run(ir_run *r, uint32_t reps)
{
    cuda_dev *c = cuda_of(r->dev);
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++)
        st = r->p.v[3] == WL_OVERLAP_COPY      ? copy_in(r, c->stream)
             : r->p.v[3] == WL_OVERLAP_COMPUTE ? compute(r)
                                               : both(r);
    return st;
}

static ir_status overlap_can_run(const ir_dev *dev, const ir_workload *, const ir_params *p)
{
    if (p->v[3] != WL_OVERLAP_BOTH || cuda_of(dev)->prop.asyncEngineCount > 0) return IR_OK;
    return ir_fail(IR_SKIP, "overlap: %s has no copy engine that works beside kernels",
                   cuda_of(dev)->prop.name);
}

static const ir_plan_ops overlap_plan_ops = {.destroy = overlap_teardown};

const ir_kernel cuda_overlap_streams = {.family = "overlap",
                                        .name = "streams",
                                        .doc = "the copy in a stream of its own",
                                        .can_run = overlap_can_run,
                                        .plan = overlap_setup,
                                        .run = overlap_run,
                                        .ops = &overlap_plan_ops};

/* transfer.cu -- bytes between host and device by kind of host memory (pageable, pinned, and a kernel that
 * reads or writes mapped host memory), and loads from shared memory. */
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/cuda/device.cuh"

#include <stdlib.h>

typedef struct {
    void  *host, *mapped;
    bool   pinned, probed;
    size_t bytes;
} link_plan;

static void link_teardown(ir_run *r)
{
    link_plan *l = (link_plan *)r->self;
    if (!l) return;
    if (l->pinned && l->host) cuda_of(r->dev)->api->FreeHost(l->host);
    if (!l->pinned) free(l->host);
    free(l);
    r->self = NULL;
}

static ir_status link_setup(ir_run *r, bool pinned)
{
    cuda_dev  *c = cuda_of(r->dev);
    link_plan *l = (link_plan *)calloc(1, sizeof *l);
    r->self = l;
    if (!l) return ir_fail(IR_ENOMEM, "transfer: no memory for the plan");
    l->bytes = (size_t)r->p.v[0];
    l->pinned = pinned;
    ir_status st = IR_OK;
    if (pinned) {
        st = CU_TRY(c, HostAlloc(&l->host, l->bytes, cudaHostAllocMapped));
        if (st == IR_OK) st = CU_TRY(c, HostGetDevicePointer(&l->mapped, l->host, 0));
    } else if (!(l->host = malloc(l->bytes))) {
        st = ir_fail(IR_ENOMEM, "transfer: no host memory for %zu bytes", l->bytes);
    }
    for (size_t i = 0; st == IR_OK && i < l->bytes / 4; i++)
        ((uint32_t *)l->host)[i] = r->p.v[1] == WL_TO_DEVICE ? wl_transfer_value(i) : 0;
    return st;
}
static ir_status pageable_setup(ir_run *r) { return link_setup(r, false); }
static ir_status pinned_setup(ir_run *r) { return link_setup(r, true); }

/* Only the first call proves anything: later ones, of which large copies are one at a time, would time the
 * probe. */
static bool to_be_probed(const ir_run *r)
{
    return r->p.v[1] == WL_FROM_DEVICE && !((const link_plan *)r->self)->probed;
}

/* What arrived, by the elements asked for. */
static ir_status probe(ir_run *r)
{
    cuda_dev  *c = cuda_of(r->dev);
    link_plan *l = (link_plan *)r->self;
    uint32_t   v[WL_TRANSFER_PROBES];
    ir_status  st = CU_TRY(c, StreamSynchronize(c->stream));
    for (size_t j = 0; j < WL_TRANSFER_PROBES; j++)
        v[j] = ((const uint32_t *)l->host)[wl_transfer_probe(&r->p, j)];
    l->probed = true;
    return st == IR_OK ? cuda_upload(c, r->mem[1].p, v, sizeof v) : st;
}

static ir_status copy_run(ir_run *r, uint32_t reps)
{
    cuda_dev  *c = cuda_of(r->dev);
    link_plan *l = (link_plan *)r->self;
    bool       to = r->p.v[1] == WL_TO_DEVICE;
    ir_status  st = IR_OK;
    if (!l->pinned || to_be_probed(r)) cuda_release(c); /* pageable copies wait for the device */
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) {
        cuda_queued(c, 1);
        st = to ? CU_TRY(c, MemcpyAsync(r->mem[0].p, l->host, l->bytes, cudaMemcpyHostToDevice, c->stream))
                : CU_TRY(c, MemcpyAsync(l->host, r->mem[0].p, l->bytes, cudaMemcpyDeviceToHost, c->stream));
    }
    return st == IR_OK && to_be_probed(r) ? probe(r) : st;
}

CU_KERNEL(512, 2) carry_kernel(uint32_t *dst, const uint32_t *src, size_t n)
{
    size_t quads = n / 4, step = (size_t)gridDim.x * 512, at = (size_t)blockIdx.x * 512 + threadIdx.x;
    for (size_t i = at; i < quads; i += 4 * step) {
        uint4 v[4];
        CU_UNROLL for (int u = 0; u < 4; u++) if (i + (size_t)u * step < quads) v[u] =
            cu_ld16_stream(src + 4 * (i + (size_t)u * step));
        CU_UNROLL for (int u = 0; u < 4; u++) if (i + (size_t)u * step < quads)
            cu_st16_stream(dst + 4 * (i + (size_t)u * step), v[u]);
    }
    if (at < n - 4 * quads) dst[4 * quads + at] = src[4 * quads + at];
}

static ir_status mapped_run(ir_run *r, uint32_t reps)
{
    cuda_dev  *c = cuda_of(r->dev);
    link_plan *l = (link_plan *)r->self;
    bool       to = r->p.v[1] == WL_TO_DEVICE;
    uint32_t  *dev = (uint32_t *)r->mem[0].p, *host = (uint32_t *)l->mapped;
    ir_status  st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++)
        st = cuda_launch(c, carry_kernel, dim3((unsigned)c->sms), dim3(512), 0, to ? dev : host,
                         (const uint32_t *)(to ? host : dev), l->bytes / 4);
    if (to_be_probed(r)) cuda_release(c);
    return st == IR_OK && to_be_probed(r) ? probe(r) : st;
}

static const ir_plan_ops transfer_plan_ops = {.destroy = link_teardown};

const ir_kernel cuda_transfer_pageable = {.family = "transfer",
                                          .name = "pageable",
                                          .doc = "ordinary host memory: staged by the driver",
                                          .plan = pageable_setup,
                                          .run = copy_run,
                                          .ops = &transfer_plan_ops};
const ir_kernel cuda_transfer_pinned = {.family = "transfer",
                                        .name = "pinned",
                                        .doc = "pinned host memory: the copy engine",
                                        .plan = pinned_setup,
                                        .run = copy_run,
                                        .ops = &transfer_plan_ops};
const ir_kernel cuda_transfer_mapped = {.family = "transfer",
                                        .name = "mapped",
                                        .doc = "a kernel that loads from or stores to mapped host memory",
                                        .plan = pinned_setup,
                                        .run = mapped_run,
                                        .ops = &transfer_plan_ops};

/* ---- local: shared memory, neighbouring lanes read neighbouring 16 bytes --------------------- */
CU_KERNEL(256, 4) local_kernel(double *sums, uint32_t words, uint32_t passes, uint32_t reps)
{
    CU_SMEM(smem);
    CU_SHARED(uint32_t, part[8]);
    uint32_t *w = (uint32_t *)smem, sum = 0;
    for (uint32_t r = 0; r < reps; r++) {
        for (uint32_t i = threadIdx.x; i < words; i += 256)
            w[i] = i * 2654435761u + 12345u; /* wl_local_value() */
        cu_sync();
        sum = 0;
        for (uint32_t q = 0; q < passes; q++)
            CU_UNROLL4 for (uint32_t i = threadIdx.x; i < words / 4; i += 256)
            {
                uint4 v = cu_lds16(w + 4 * i);
                sum += (v.x + v.y) + (v.z + v.w);
            }
        for (int m = 16; m > 0; m /= 2) sum += cu_shfl_xor(sum, m);
        cu_sync();
        if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
        cu_sync();
        sum = 0;
        for (int i = 0; i < 8; i++) sum += part[i];
        if (threadIdx.x == 0) sums[blockIdx.x] = (double)sum;
        cu_sync();
    }
}

static ir_status local_setup(ir_run *r)
{
    return cuda_allow_smem(cuda_of(r->dev), (const void *)local_kernel, (size_t)r->p.v[0]);
}
static ir_status local_run(ir_run *r, uint32_t reps)
{
    return cuda_launch(cuda_of(r->dev), local_kernel, dim3((unsigned)r->p.v[2]), dim3(256), (size_t)r->p.v[0],
                       (double *)r->mem[0].p, (uint32_t)(r->p.v[0] / 4), (uint32_t)r->p.v[1], reps);
}
const ir_kernel cuda_local_shared = {.family = "local",
                                     .name = "shared",
                                     .doc = "16-byte loads from shared memory, no two lanes in one bank",
                                     .flags = IR_K_FUSED,
                                     .plan = local_setup,
                                     .run = local_run};

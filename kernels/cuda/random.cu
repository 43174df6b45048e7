/* random.cu -- dependent loads along a cycle of lines (latency), sums over random indices (independent
 * misses), and loads from shared memory. */
#include "kernels/cuda/device.cuh"

#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_memory.h"

#include <stdlib.h>

/* ---- chase: each chain is the first lane of a warp of one block, so that chains wait for memory and not
 * each other ---- */
typedef struct {
    void    *lines; /* device: each line starts with the address of the next */
    void    *at;    /* device: current address of every chain */
    uint32_t n;
} chase_plan;

CU_KERNEL(256, 1) link_kernel(unsigned char *lines, const uint32_t *order, uint32_t n)
{
    for (size_t i = (size_t)blockIdx.x * 256 + threadIdx.x; i < n; i += (size_t)gridDim.x * 256) {
        size_t next = order[i + 1 < n ? i + 1 : 0];
        *(unsigned long long *)(lines + (size_t)order[i] * WL_CHASE_LINE) =
            (unsigned long long)(uintptr_t)(lines + next * WL_CHASE_LINE);
    }
}

CU_KERNEL(1024, 1)
chase_kernel(const unsigned char *lines, unsigned long long *at, double *ends, int64_t steps)
{
    unsigned chain = threadIdx.x / 32;
    if (threadIdx.x % 32) return;
    unsigned long long p = at[chain], base = (unsigned long long)(uintptr_t)lines, first = p;
    int64_t            i = 0;
    for (; i + 8 <= steps; i += 8) {
        CU_UNROLL for (int u = 0; u < 8; u++) p = cu_chase(p);
    }
    for (; i < steps; i++) p = cu_chase(p);
    at[chain] = p;
    ends[2 * chain] = (double)((first - base) / WL_CHASE_LINE);
    ends[2 * chain + 1] = (double)((p - base) / WL_CHASE_LINE);
}

static uint32_t *cycle(uint32_t n)
{
    uint32_t *order = (uint32_t *)malloc(sizeof *order * n);
    for (uint32_t i = 0; order && i < n; i++) order[i] = i;
    for (uint32_t i = n - 1; order && i > 0; i--) {
        uint32_t j = (uint32_t)((uint64_t)ir_hash32(WL_CHASE_SEED, i) * (i + 1) >> 32), was = order[i];
        order[i] = order[j];
        order[j] = was;
    }
    return order;
}

static ir_status start_positions(cuda_dev *c, const ir_run *r, chase_plan *p, const uint32_t *order)
{
    unsigned long long at[WL_CHASE_MAX_CHAINS];
    size_t             k = (size_t)r->p.v[1];
    for (size_t i = 0; i < k; i++)
        at[i] =
            (unsigned long long)(uintptr_t)p->lines + (unsigned long long)order[i * p->n / k] * WL_CHASE_LINE;
    ir_status st = cuda_new(c, k * sizeof *at, &p->at);
    return st == IR_OK ? cuda_upload(c, p->at, at, k * sizeof *at) : st;
}

static ir_status chase_setup(ir_run *r)
{
    cuda_dev   *c = cuda_of(r->dev);
    chase_plan *p = (chase_plan *)calloc(1, sizeof *p);
    void       *order_dev = NULL;
    r->self = p;
    if (!p) return ir_fail(IR_ENOMEM, "chase: no memory for the plan");
    p->n = (uint32_t)(r->p.v[0] / WL_CHASE_LINE);
    uint32_t *order = cycle(p->n);
    ir_status st = order ? IR_OK : ir_fail(IR_ENOMEM, "chase: no memory to order %u lines", p->n);
    if (st == IR_OK) st = cuda_new(c, (size_t)p->n * WL_CHASE_LINE, &p->lines);
    if (st == IR_OK) st = cuda_new(c, (size_t)p->n * sizeof *order, &order_dev);
    if (st == IR_OK) st = cuda_upload(c, order_dev, order, (size_t)p->n * sizeof *order);
    if (st == IR_OK)
        st = cuda_launch(c, link_kernel, dim3(cuda_ceil(p->n, 256 * 16)), dim3(256), 0,
                         (unsigned char *)p->lines, (const uint32_t *)order_dev, p->n);
    if (st == IR_OK) st = start_positions(c, r, p, order);
    if (st == IR_OK) st = CU_TRY(c, StreamSynchronize(c->stream));
    cuda_free(c, &order_dev);
    free(order);
    return st;
}

static void chase_teardown(ir_run *r)
{
    chase_plan *p = (chase_plan *)r->self;
    if (!p) return;
    cuda_free(cuda_of(r->dev), &p->lines);
    cuda_free(cuda_of(r->dev), &p->at);
    free(p);
    r->self = NULL;
}

static ir_status chase_can_run(const ir_dev *, const ir_workload *, const ir_params *p)
{
    if (p->v[3] == WL_PAGES_DEFAULT) return IR_OK;
    return ir_fail(IR_SKIP, "chase: the GPU's driver chooses the page size (pages=0)");
}

static ir_status chase_run(ir_run *r, uint32_t reps)
{
    cuda_dev   *c = cuda_of(r->dev);
    chase_plan *p = (chase_plan *)r->self;
    ir_status   st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++)
        st = cuda_launch(c, chase_kernel, dim3(1), dim3((unsigned)r->p.v[1] * 32), 0,
                         (const unsigned char *)p->lines, (unsigned long long *)p->at, (double *)r->mem[0].p,
                         r->p.v[2]);
    return st;
}

static const ir_plan_ops random_plan_ops = {.destroy = chase_teardown};

const ir_kernel cuda_chase_warps = {.family = "chase",
                                    .name = "warps",
                                    .doc = "one lane of a warp a chain, all in one block",
                                    .can_run = chase_can_run,
                                    .plan = chase_setup,
                                    .run = chase_run,
                                    .ops = &random_plan_ops};

/* ---- gather ---------------------------------------------------------------------------------- */
enum { GATHER_THREADS = 256 };

/* U: indices a thread fetches at once; 4 come with one load. */
template <class T, int U>
CU_KERNEL(GATHER_THREADS, 2)
gather_kernel(T *sums, const T *x, const uint32_t *index, size_t count)
{
    CU_SHARED(T, part[GATHER_THREADS / 32]);
    T      sum = 0;
    size_t quads = count / 4, step = (size_t)gridDim.x * GATHER_THREADS;
    for (size_t q = (size_t)blockIdx.x * GATHER_THREADS + threadIdx.x; q < quads; q += step * (U / 4)) {
        uint4 i[U / 4];
        CU_UNROLL for (int u = 0; u < U / 4; u++) if (q + (size_t)u * step < quads) i[u] =
            cu_ldnc16(index + 4 * (q + (size_t)u * step));
        CU_UNROLL for (int u = 0; u < U / 4; u++) if (q + (size_t)u * step < quads) sum +=
            (x[i[u].x] + x[i[u].y]) + (x[i[u].z] + x[i[u].w]);
    }
    size_t rest = quads * 4 + threadIdx.x;
    if (blockIdx.x == 0 && rest < count) sum += x[index[rest]];
    for (int m = 16; m > 0; m /= 2) sum += cu_shfl_xor(sum, m);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
    cu_sync();
    if (threadIdx.x) return;
    for (int w = 1; w < GATHER_THREADS / 32; w++) sum += part[w];
    for (unsigned s = blockIdx.x; s < WL_PARTIALS; s += gridDim.x) sums[s] = s == blockIdx.x ? sum : (T)0;
}

template <class T, int U> static ir_status gather_typed(ir_run *r)
{
    cuda_dev *c = cuda_of(r->dev);
    size_t    count = (size_t)r->p.v[1], want = (count + 4 * GATHER_THREADS - 1) / (4 * GATHER_THREADS);
    return cuda_launch(c, gather_kernel<T, U>,
                       dim3((unsigned)(want < WL_PARTIALS ? want : (size_t)WL_PARTIALS)),
                       dim3(GATHER_THREADS), 0, (T *)r->mem[0].p, (const T *)r->mem[1].p,
                       (const uint32_t *)r->mem[2].p, count);
}

template <int U> static ir_status gather_any(ir_run *r, uint32_t reps)
{
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++)
        st = r->p.dtype == IR_F32 ? gather_typed<float, U>(r) : gather_typed<double, U>(r);
    return st;
}
static ir_status gather4_run(ir_run *r, uint32_t reps) { return gather_any<4>(r, reps); }
static ir_status gather16_run(ir_run *r, uint32_t reps) { return gather_any<16>(r, reps); }

const ir_kernel cuda_gather_quad = {
    .family = "gather", .name = "quad", .doc = "4 independent misses a thread", .run = gather4_run};
const ir_kernel cuda_gather_wide = {
    .family = "gather", .name = "wide", .doc = "16 independent misses a thread", .run = gather16_run};

/* stream.cu -- read, write, copy, scale, add, triad with 16-byte accesses, `streams` of them in flight in
 * every thread. Assumes arrays aligned to 16 bytes, as the device's allocator gives them; the elements behind
 * the last whole 16 bytes are done one by one. Loads pass L1 by (.cg), so that a small working set measures
 * L2. */
#include "kernels/cuda/device.cuh"

#include "kernels/workloads/workloads_memory.h"

template <class T> union packet {
    uint4 v;
    T     e[16 / sizeof(T)];
};

template <class T, int OP> CU_FN T combine(T b, T c)
{
    (void)b, (void)c;
    if (OP == WL_WRITE) return (T)WL_STREAM_VALUE;
    if (OP == WL_COPY) return b;
    if (OP == WL_SCALE) return (T)WL_STREAM_SCALAR * b;
    if (OP == WL_ADD) return b + c;
    return b + (T)WL_STREAM_SCALAR * c;
}

template <class T> CU_FN T block_sum(T v)
{
    CU_SHARED(T, part[32]);
    for (int m = 16; m > 0; m /= 2) v += cu_shfl_xor(v, m);
    cu_sync();
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    cu_sync();
    v = 0;
    for (unsigned w = 0; w < blockDim.x / 32; w++) v += part[w];
    return v;
}

/* One block a multiprocessor at least, so that no load in flight is spilled; how many more
 * fit is asked for at run time. */
enum { THREADS = 256, LEAST = 1 };

/* One pass over the arrays by the whole grid; tiles of U * THREADS packets, dealt out in turn. HINT: evict
 * first. */
template <class T, int OP, int U, bool HINT> CU_FN T stream_pass(T *a, const T *b, const T *c, size_t n)
{
    const size_t per = 16 / sizeof(T), packets = n / per, tile = (size_t)U * THREADS;
    T            sum = 0;
    for (size_t at = (size_t)blockIdx.x * tile + threadIdx.x; at < packets; at += gridDim.x * tile) {
        packet<T> x[U], y[U];
        CU_UNROLL for (int u = 0; u < U; u++)
        {
            size_t i = at + (size_t)u * THREADS;
            if (i >= packets) continue;
            if (OP != WL_WRITE) x[u].v = HINT ? cu_ld16_stream(b + i * per) : cu_ld16(b + i * per);
            if (OP == WL_ADD || OP == WL_TRIAD)
                y[u].v = HINT ? cu_ld16_stream(c + i * per) : cu_ld16(c + i * per);
        }
        CU_UNROLL for (int u = 0; u < U; u++)
        {
            size_t i = at + (size_t)u * THREADS;
            if (i >= packets) continue;
            packet<T> r;
            CU_UNROLL for (size_t e = 0; e < per; e++)
            {
                if (OP == WL_READ)
                    sum += x[u].e[e];
                else
                    r.e[e] =
                        combine<T, OP>(OP == WL_WRITE ? (T)0 : x[u].e[e], OP >= WL_ADD ? y[u].e[e] : (T)0);
            }
            if (OP == WL_READ) continue;
            if (HINT)
                cu_st16_stream(a + i * per, r.v);
            else
                cu_st16(a + i * per, r.v);
        }
    }
    size_t i = packets * per + threadIdx.x;
    if (blockIdx.x == 0 && i < n) {
        if (OP == WL_READ)
            sum += b[i];
        else
            a[i] = combine<T, OP>(OP == WL_WRITE ? (T)0 : b[i], OP >= WL_ADD ? c[i] : (T)0);
    }
    return sum;
}

/* a: destination, or WL_PARTIALS sums, of which every block owns those at its index plus multiples of the
 * grid. */
template <class T, int OP, int U, bool HINT>
CU_KERNEL(THREADS, LEAST)
stream_kernel(T *a, const T *b, const T *c, size_t n, uint32_t reps)
{
    T sum = 0;
    for (uint32_t r = 0; r < reps; r++) sum = stream_pass<T, OP, U, HINT>(a, b, c, n);
    if (OP != WL_READ) return;
    sum = block_sum(sum);
    for (unsigned s = blockIdx.x + gridDim.x * threadIdx.x; s < WL_PARTIALS; s += gridDim.x * blockDim.x)
        a[s] = s == blockIdx.x ? sum : (T)0;
}

/* A tile for every block, or as many blocks as are resident at once, or half of them; READ has too many sums
 * for the first. */
enum fill { TILES, HALF, WHOLE };
static ir_status grid_of(cuda_dev *c, const ir_run *r, const void *fn, int unroll, fill how, unsigned *grid)
{
    size_t n = wl_stream_n(r->workload, &r->p), width = r->p.dtype == IR_F32 ? 4 : 8,
           tile = (size_t)unroll * THREADS * 16 / width;
    size_t    tiles = (n + tile - 1) / tile, most = (size_t)1 << 30;
    int       room = 0;
    ir_status st = how == TILES ? IR_OK : cuda_resident(c, fn, THREADS, 0, &room);
    if (how == WHOLE) most = (size_t)room;
    if (how == HALF) most = room > 1 ? (size_t)room / 2 : 1;
    if (wl_stream_of(r->workload)->code == WL_READ && most > WL_PARTIALS) most = WL_PARTIALS;
    *grid = (unsigned)(tiles < 1 ? 1 : tiles < most ? tiles : most);
    return st;
}

template <class T, int OP, int U, bool HINT>
static ir_status stream_launch(ir_run *r, uint32_t reps, fill how)
{
    cuda_dev *c = cuda_of(r->dev);
    auto      fn = stream_kernel<T, OP, U, HINT>;
    unsigned  grid = 1;
    ir_status st = grid_of(c, r, (const void *)fn, U, how, &grid);
    return st == IR_OK
               ? cuda_launch(c, fn, dim3(grid), dim3(THREADS), 0, (T *)r->mem[0].p, (const T *)r->mem[1].p,
                             (const T *)r->mem[2].p, wl_stream_n(r->workload, &r->p), reps)
               : st;
}

template <class T, int OP, bool HINT> static ir_status stream_op(ir_run *r, uint32_t reps, fill how)
{
    switch (r->p.v[1]) {
    case 1: return stream_launch<T, OP, 1, HINT>(r, reps, how);
    case 2: return stream_launch<T, OP, 2, HINT>(r, reps, how);
    case 4: return stream_launch<T, OP, 4, HINT>(r, reps, how);
    default: return stream_launch<T, OP, 8, HINT>(r, reps, how);
    }
}

template <class T, bool HINT> static ir_status stream_typed(ir_run *r, uint32_t reps, fill how)
{
    switch (wl_stream_of(r->workload)->code) {
    case WL_READ: return stream_op<T, WL_READ, HINT>(r, reps, how);
    case WL_WRITE: return stream_op<T, WL_WRITE, HINT>(r, reps, how);
    case WL_COPY: return stream_op<T, WL_COPY, HINT>(r, reps, how);
    case WL_SCALE: return stream_op<T, WL_SCALE, HINT>(r, reps, how);
    case WL_ADD: return stream_op<T, WL_ADD, HINT>(r, reps, how);
    default: return stream_op<T, WL_TRIAD, HINT>(r, reps, how);
    }
}

template <bool HINT> static ir_status stream_any(ir_run *r, uint32_t reps, fill how)
{
    return r->p.dtype == IR_F32 ? stream_typed<float, HINT>(r, reps, how)
                                : stream_typed<double, HINT>(r, reps, how);
}

static ir_status resident_run(ir_run *r, uint32_t reps) { return stream_any<false>(r, reps, WHOLE); }
static ir_status hint_run(ir_run *r, uint32_t reps) { return stream_any<true>(r, reps, WHOLE); }
static ir_status half_run(ir_run *r, uint32_t reps) { return stream_any<false>(r, reps, HALF); }
static ir_status tiles_run(ir_run *r, uint32_t reps)
{
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = stream_any<false>(r, 1, TILES);
    return st;
}

/* ---- naive: what a first CUDA program does, one element a thread ----------------------------- */
template <class T, int OP> CU_KERNEL(256, 1) naive_kernel(T *a, const T *b, const T *c, size_t n)
{
    size_t i = (size_t)blockIdx.x * 256 + threadIdx.x;
    if (i < n) a[i] = combine<T, OP>(OP == WL_WRITE ? (T)0 : b[i], OP >= WL_ADD ? c[i] : (T)0);
}
template <class T> CU_KERNEL(256, 1) naive_read_kernel(T *a, const T *b, size_t n)
{
    T sum = 0;
    for (size_t i = (size_t)blockIdx.x * 256 + threadIdx.x; i < n; i += (size_t)gridDim.x * 256) sum += b[i];
    sum = block_sum(sum);
    for (unsigned s = blockIdx.x + gridDim.x * threadIdx.x; s < WL_PARTIALS; s += gridDim.x * 256)
        a[s] = s == blockIdx.x ? sum : (T)0;
}

template <class T> static ir_status naive_typed(ir_run *r)
{
    cuda_dev *c = cuda_of(r->dev);
    size_t    n = wl_stream_n(r->workload, &r->p);
    T        *a = (T *)r->mem[0].p;
    const T  *x = (const T *)r->mem[1].p, *y = (const T *)r->mem[2].p;
    dim3      grid(cuda_ceil(n, 256)), block(256);
    switch (wl_stream_of(r->workload)->code) {
    case WL_READ:
        return cuda_launch(c, naive_read_kernel<T>,
                           dim3(grid.x < WL_PARTIALS ? grid.x : (unsigned)WL_PARTIALS), block, 0, a, x, n);
    case WL_WRITE: return cuda_launch(c, naive_kernel<T, WL_WRITE>, grid, block, 0, a, x, y, n);
    case WL_COPY: return cuda_launch(c, naive_kernel<T, WL_COPY>, grid, block, 0, a, x, y, n);
    case WL_SCALE: return cuda_launch(c, naive_kernel<T, WL_SCALE>, grid, block, 0, a, x, y, n);
    case WL_ADD: return cuda_launch(c, naive_kernel<T, WL_ADD>, grid, block, 0, a, x, y, n);
    default: return cuda_launch(c, naive_kernel<T, WL_TRIAD>, grid, block, 0, a, x, y, n);
    }
}

static ir_status naive_run(ir_run *r, uint32_t reps)
{
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++)
        st = r->p.dtype == IR_F32 ? naive_typed<float>(r) : naive_typed<double>(r);
    return st;
}

static ir_status naive_can_run(const ir_dev *, const ir_workload *w, const ir_params *p)
{
    if (wl_stream_n(w, p) / 256 < (size_t)1 << 31) return IR_OK;
    return ir_fail(IR_SKIP, "one thread an element: more than 2^31 blocks");
}

/* ---- the device's own copy ------------------------------------------------------------------- */
static ir_status memcpy_can_run(const ir_dev *, const ir_workload *w, const ir_params *)
{
    return wl_stream_of(w)->code == WL_COPY ? IR_OK
                                            : ir_fail(IR_SKIP, "cudaMemcpy copies, it does nothing else");
}
static ir_status memcpy_run(ir_run *r, uint32_t reps)
{
    cuda_dev *c = cuda_of(r->dev);
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) {
        cuda_queued(c, 1);
        st = CU_TRY(
            c, MemcpyAsync(r->mem[0].p, r->mem[1].p, r->mem[0].bytes, cudaMemcpyDeviceToDevice, c->stream));
    }
    return st;
}

const ir_kernel cuda_stream_naive = {.family = "stream",
                                     .name = "naive",
                                     .doc = "one element a thread",
                                     .flags = IR_K_NAIVE,
                                     .can_run = naive_can_run,
                                     .run = naive_run};
const ir_kernel cuda_stream_resident = {.family = "stream",
                                        .name = "resident",
                                        .doc = "16-byte accesses by a grid that fills the device once",
                                        .flags = IR_K_FUSED,
                                        .run = resident_run};
const ir_kernel cuda_stream_hint = {.family = "stream",
                                    .name = "hint",
                                    .doc = "as resident, with evict-first loads and stores",
                                    .flags = IR_K_FUSED,
                                    .run = hint_run};
const ir_kernel cuda_stream_tiles = {
    .family = "stream", .name = "tiles", .doc = "16-byte accesses, a block for every tile", .run = tiles_run};
const ir_kernel cuda_stream_memcpy = {.family = "stream",
                                      .name = "memcpy",
                                      .doc = "cudaMemcpyAsync from device to device",
                                      .flags = IR_K_LIB,
                                      .can_run = memcpy_can_run,
                                      .run = memcpy_run};
const ir_kernel cuda_stream_half = {.family = "stream",
                                    .name = "half",
                                    .doc = "as resident, with half of the threads the device holds",
                                    .flags = IR_K_FUSED | IR_K_HALF,
                                    .run = half_run};

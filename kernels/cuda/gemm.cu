/* gemm.cu -- C[m,n] = A[m,k] B[k,n], row-major: the ladder from one thread an element to the matrix units.
 * Dimensions beyond 2^31 are refused. */
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/product.h"

#include <stdlib.h>

static ir_status small_enough(const ir_params *p)
{
    wl_gemm_shape s = wl_gemm_of(p);
    const size_t  most = (size_t)1 << 30;
    return s.m <= most && s.n <= most && s.k <= most ? IR_OK
                                                     : ir_fail(IR_SKIP, "cuda: dimensions of at most 2^30");
}

/* An element as the type it is summed in holds it. */
CU_FN double                   wide(double x) { return x; }
CU_FN int                      wide(int8_t x) { return x; }
template <class T> CU_FN float wide(T x) { return cu_f32(x); }

/* ---- naive ----------------------------------------------------------------------------------- */
template <class T, class ACC>
CU_KERNEL(256, 1)
naive_kernel(const T *a, const T *b, ACC *c, size_t m, size_t n, size_t k)
{
    size_t j = (size_t)blockIdx.x * 32 + threadIdx.x % 32, i = (size_t)blockIdx.y * 8 + threadIdx.x / 32;
    ACC    s = 0;
    if (i >= m || j >= n) return;
    for (size_t q = 0; q < k; q++) s += (ACC)wide(a[i * k + q]) * (ACC)wide(b[q * n + j]);
    c[i * n + j] = s;
}

template <class T, class ACC> static ir_status naive_typed(ir_run *r)
{
    wl_gemm_shape s = wl_gemm_of(&r->p);
    return cuda_launch(cuda_of(r->dev), naive_kernel<T, ACC>, dim3(cuda_ceil(s.n, 32), cuda_ceil(s.m, 8)),
                       dim3(256), 0, (const T *)r->mem[0].p, (const T *)r->mem[1].p, (ACC *)r->mem[2].p, s.m,
                       s.n, s.k);
}
static ir_status naive_once(ir_run *r)
{
    switch (r->p.dtype) {
    case IR_F64: return naive_typed<double, double>(r);
    case IR_F32:
    case IR_TF32: return naive_typed<float, float>(r);
    case IR_F16: return naive_typed<__half, float>(r);
    case IR_F8: return naive_typed<__nv_fp8_e4m3, float>(r);
    case IR_I8: return naive_typed<int8_t, int>(r);
    default: return naive_typed<__nv_bfloat16, float>(r);
    }
}
static ir_status naive_run(ir_run *r, uint32_t reps)
{
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = naive_once(r);
    return st;
}
static ir_status naive_can_run(const ir_dev *, const ir_workload *, const ir_params *p)
{
    ir_status st = small_enough(p);
    if (st == IR_OK && wl_gemm_of(p).m > 65535 * 8)
        st = ir_fail(IR_SKIP, "naive: at most %d rows", 65535 * 8);
    return st;
}

/* ---- tiled: 32 x 32 of C a block, operands through shared memory, 4 sums a thread ------------ */
enum { TILE = 32 };
template <class T> CU_KERNEL(256, 2) tiled_kernel(const T *a, const T *b, T *c, size_t m, size_t n, size_t k)
{
    CU_SHARED(T, sa[TILE][TILE + 1]);
    CU_SHARED(T, sb[TILE][TILE + 1]);
    size_t m0 = (size_t)blockIdx.y * TILE, n0 = (size_t)blockIdx.x * TILE;
    int    x = (int)threadIdx.x % TILE, y = (int)threadIdx.x / TILE;
    T      s[4] = {0, 0, 0, 0};
    for (size_t k0 = 0; k0 < k; k0 += TILE) {
        CU_UNROLL for (int i = 0; i < 4; i++)
        {
            size_t row = m0 + (size_t)(y + 8 * i), kb = k0 + (size_t)(y + 8 * i);
            sa[y + 8 * i][x] = row < m && k0 + (size_t)x < k ? a[row * k + k0 + (size_t)x] : (T)0;
            sb[y + 8 * i][x] = kb < k && n0 + (size_t)x < n ? b[kb * n + n0 + (size_t)x] : (T)0;
        }
        cu_sync();
        for (int q = 0; q < TILE; q++)
            CU_UNROLL for (int i = 0; i < 4; i++) s[i] += sa[y + 8 * i][q] * sb[q][x];
        cu_sync();
    }
    CU_UNROLL for (int i = 0; i < 4; i++) if (m0 + (size_t)(y + 8 * i) < m && n0 + (size_t)x < n)
        c[(m0 + (size_t)(y + 8 * i)) * n + n0 + (size_t)x] = s[i];
}

template <class T> static ir_status tiled_typed(ir_run *r)
{
    wl_gemm_shape s = wl_gemm_of(&r->p);
    return cuda_launch(cuda_of(r->dev), tiled_kernel<T>, dim3(cuda_ceil(s.n, TILE), cuda_ceil(s.m, TILE)),
                       dim3(256), 0, (const T *)r->mem[0].p, (const T *)r->mem[1].p, (T *)r->mem[2].p, s.m,
                       s.n, s.k);
}
static ir_status tiled_run(ir_run *r, uint32_t reps)
{
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++)
        st = r->p.dtype == IR_F64 ? tiled_typed<double>(r) : tiled_typed<float>(r);
    return st;
}
static ir_status tiled_can_run(const ir_dev *, const ir_workload *, const ir_params *p)
{
    ir_status st = small_enough(p);
    if (st == IR_OK && p->dtype != IR_F32 && p->dtype != IR_F64)
        st = ir_fail(IR_SKIP, "tiled: f32 and f64 only");
    if (st == IR_OK && wl_gemm_of(p).m > 65535 * TILE)
        st = ir_fail(IR_SKIP, "tiled: at most %d rows", 65535 * TILE);
    return st;
}

/* ---- B turned: [n][k], as matrix units that take no [k][n] want it; done once, when the weights are loaded
 * ---- */
template <class T> CU_KERNEL(256, 2) turn_kernel(T *dst, const T *src, size_t rows, size_t cols)
{
    CU_SHARED(T, t[TILE][TILE + 1]);
    size_t c0 = (size_t)blockIdx.x * TILE;
    int    x = (int)threadIdx.x % TILE, y = (int)threadIdx.x / TILE;
    for (size_t r0 = (size_t)blockIdx.y * TILE; r0 < rows; r0 += (size_t)gridDim.y * TILE) {
        CU_UNROLL for (int i = y; i < TILE; i += 8) if (r0 + (size_t)i < rows && c0 + (size_t)x < cols)
            t[i][x] = src[(r0 + (size_t)i) * cols + c0 + (size_t)x];
        cu_sync();
        CU_UNROLL for (int i = y; i < TILE; i += 8) if (c0 + (size_t)i < cols && r0 + (size_t)x < rows)
            dst[(c0 + (size_t)i) * rows + r0 + (size_t)x] = t[x][i];
        cu_sync();
    }
}

ir_status cuda_transpose(cuda_dev *c, void *dst, const void *src, size_t rows, size_t cols, size_t width)
{
    unsigned down = cuda_ceil(rows, TILE);
    dim3     grid(cuda_ceil(cols, TILE), down < 32768 ? down : 32768);
    if (width == 1)
        return cuda_launch(c, turn_kernel<unsigned char>, grid, dim3(256), 0, (unsigned char *)dst,
                           (const unsigned char *)src, rows, cols);
    return cuda_launch(c, turn_kernel<unsigned>, grid, dim3(256), 0, (unsigned *)dst, (const unsigned *)src,
                       rows, cols);
}

/* ---- through product.cu ---------------------------------------------------------------------- */
typedef struct {
    pr_plan plan;
    void   *partial, *tickets;
} gemm_plan;

static void gemm_teardown(ir_run *r)
{
    gemm_plan *g = (gemm_plan *)r->self;
    if (!g) return;
    cuda_free(cuda_of(r->dev), &g->partial);
    cuda_free(cuda_of(r->dev), &g->tickets);
    free(g);
    r->self = NULL;
}

static pr_unit unit_of(ir_dtype t)
{
    return t == IR_F32 ? PR_VECTOR : t == IR_TF32 ? PR_MMA_TF32 : t == IR_F16 ? PR_MMA_F16 : PR_MMA_BF16;
}

static ir_status gemm_setup(ir_run *r)
{
    cuda_dev     *c = cuda_of(r->dev);
    wl_gemm_shape s = wl_gemm_of(&r->p);
    gemm_plan    *g = (gemm_plan *)calloc(1, sizeof *g);
    r->self = g;
    if (!g) return ir_fail(IR_ENOMEM, "gemm: no memory for the plan");
    pr_choose(c, unit_of(r->p.dtype), (int)s.m, (int)s.n, (int)s.k, &g->plan);
    ir_status st = cuda_new(c, g->plan.partial_B, &g->partial);
    if (st == IR_OK) st = cuda_new(c, g->plan.ticket_B, &g->tickets);
    if (st == IR_OK && g->plan.ticket_B)
        st = CU_TRY(c, MemsetAsync(g->tickets, 0, g->plan.ticket_B, c->stream));
    return st;
}

/* The same without the wide tiles, so that both rungs are seen. */
static ir_status mma_setup(ir_run *r)
{
    ir_status st = gemm_setup(r);
    if (st == IR_OK) ((gemm_plan *)r->self)->plan.wide = false;
    return st;
}
static ir_status wgmma_setup(ir_run *r)
{
    ir_status st = gemm_setup(r);
    if (st == IR_OK) ((gemm_plan *)r->self)->plan.wide = true;
    return st;
}

static ir_status tma_setup(ir_run *r)
{
    ir_status st = wgmma_setup(r);
    if (st == IR_OK) ((gemm_plan *)r->self)->plan.paired = true;
    return st;
}

static ir_status mma_prepare(ir_run *r)
{
    wl_gemm_shape s = wl_gemm_of(&r->p);
    if (r->p.dtype != IR_TF32) return IR_OK;
    ir_status st = cuda_new(cuda_of(r->dev), s.k * s.n * 4, &r->packed);
    return st == IR_OK ? cuda_transpose(cuda_of(r->dev), r->packed, r->mem[1].p, s.k, s.n, 4) : st;
}
static void mma_unprepare(ir_run *r) { cuda_free(cuda_of(r->dev), &r->packed); }

static ir_status gemm_run(ir_run *r, uint32_t reps)
{
    gemm_plan    *g = (gemm_plan *)r->self;
    wl_gemm_shape s = wl_gemm_of(&r->p);
    pr_args       p;
    ir_status     st = IR_OK;
    memset(&p, 0, sizeof p);
    p.a = r->mem[0].p;
    p.b = r->packed ? r->packed : r->mem[1].p;
    p.out = r->mem[2].p;
    p.M = (int)s.m;
    p.N = (int)s.n;
    p.K = (int)s.k;
    p.n_major = !r->packed;
    p.partial = (float *)g->partial;
    p.tickets = (unsigned *)g->tickets;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = pr_run(cuda_of(r->dev), &g->plan, &p);
    return st;
}

static ir_status blocked_can_run(const ir_dev *, const ir_workload *, const ir_params *p)
{
    return p->dtype == IR_F32 ? small_enough(p) : ir_fail(IR_SKIP, "blocked: f32 only");
}
static ir_status mma_can_run(const ir_dev *dev, const ir_workload *, const ir_params *p)
{
    if (p->dtype != IR_BF16 && p->dtype != IR_F16 && p->dtype != IR_TF32)
        return ir_fail(IR_SKIP, "mma: tf32, f16 and bf16, not %s", ir_dtype_name(p->dtype));
    int need = p->dtype == IR_F16 ? 75 : 80, cc = cuda_of(dev)->cc;
    if (cc < need)
        return ir_fail(IR_SKIP, "mma: %s matrix instructions need sm_%d, this is sm_%d",
                       ir_dtype_name(p->dtype), need, cc);
    return small_enough(p);
}
static ir_status wgmma_can_run(const ir_dev *dev, const ir_workload *, const ir_params *p)
{
    wl_gemm_shape s = wl_gemm_of(p);
    if (p->dtype != IR_BF16 && p->dtype != IR_F16)
        return ir_fail(IR_SKIP, "wgmma: f16 and bf16, not %s", ir_dtype_name(p->dtype));
    if (cuda_of(dev)->cc != 90) return ir_fail(IR_SKIP, "wgmma: sm_90 only, this is sm_%d", cuda_of(dev)->cc);
    if (!IR_CUDA_SM90A) return ir_fail(IR_SKIP, "wgmma: this build has no code for sm_90a");
    if (s.n % 8 || s.k % 8) return ir_fail(IR_SKIP, "wgmma: n and k in multiples of 8");
    return small_enough(p);
}

const ir_kernel cuda_gemm_naive = {.family = "gemm",
                                   .name = "naive",
                                   .doc = "a thread an element",
                                   .flags = IR_K_NAIVE,
                                   .can_run = naive_can_run,
                                   .run = naive_run};
const ir_kernel cuda_gemm_tiled = {.family = "gemm",
                                   .name = "tiled",
                                   .doc = "32 x 32 tiles through shared memory",
                                   .can_run = tiled_can_run,
                                   .run = tiled_run};

static const ir_plan_ops gemm_plan_ops = {.destroy = gemm_teardown};

const ir_kernel cuda_gemm_blocked = {.family = "gemm",
                                     .name = "blocked",
                                     .doc = "128 x 128 tiles, 8 x 8 sums a thread in registers",
                                     .can_run = blocked_can_run,
                                     .plan = gemm_setup,
                                     .run = gemm_run,
                                     .ops = &gemm_plan_ops};

static const ir_plan_ops gemm_mma_plan_ops = {
    .destroy = gemm_teardown, .prepare = mma_prepare, .unprepare = mma_unprepare};

const ir_kernel cuda_gemm_mma = {.family = "gemm",
                                 .name = "mma",
                                 .doc =
                                     "matrix units through mma.sync, tiles in a ring of asynchronous copies",
                                 .can_run = mma_can_run,
                                 .plan = mma_setup,
                                 .run = gemm_run,
                                 .ops = &gemm_mma_plan_ops};
const ir_kernel cuda_gemm_wgmma = {.family = "gemm",
                                   .name = "wgmma",
                                   .doc = "sm_90a's warp-group instructions, tiles of 128 x 256",
                                   .can_run = wgmma_can_run,
                                   .plan = wgmma_setup,
                                   .run = gemm_run,
                                   .ops = &gemm_plan_ops};
const ir_kernel cuda_gemm_tma = {.family = "gemm",
                                 .name = "tma",
                                 .doc = "the same by pairs of blocks that stay, fed by the copy unit",
                                 .can_run = wgmma_can_run,
                                 .plan = tma_setup,
                                 .run = gemm_run,
                                 .ops = &gemm_plan_ops};

/* matrix.cu -- "mma": the peak of the matrix units. sync: mma.sync on registers, a warp a team. wgmma: the
 * warp-group instructions of sm_90a on shared memory, where mma.sync does not reach the peak; a warp group is
 * four teams, and an instruction of N columns N / 8 chains of each. sm_100's tcgen05 has no loop here:
 * mma.sync does not reach that device's peak, and where cuBLASLt's product is faster that product is the
 * ceiling. */
#include "kernels/workloads/workloads_matrix.h"
#include "kernels/cuda/product.h"
#include "kernels/cuda/wgmma.cuh"

template <class T> struct coded; /* an operand's small integer in its type */
template <> struct coded<float> {
    static CU_MEMBER unsigned bits(int v) { return __float_as_uint((float)v); }
};
template <> struct coded<__half> {
    static CU_MEMBER unsigned bits(int v) { return __half_as_ushort(__float2half_rn((float)v)); }
};
template <> struct coded<__nv_bfloat16> {
    static CU_MEMBER unsigned bits(int v) { return __bfloat16_as_ushort(__float2bfloat16_rn((float)v)); }
};
template <> struct coded<__nv_fp8_e4m3> {
    static CU_MEMBER unsigned bits(int v) { return __nv_fp8_e4m3((float)v).__x; }
};
template <> struct coded<int8_t> {
    static CU_MEMBER unsigned bits(int v) { return (unsigned)v & 255u; }
};

struct sync_tf32 {
    typedef float         T;
    typedef float         ACC;
    static CU_MEMBER void step(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
    {
        cu_mma_tf32(d, a, b);
    }
};
struct sync_f16 {
    typedef __half        T;
    typedef float         ACC;
    static CU_MEMBER void step(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
    {
        cu_mma_f16(d, a, b);
    }
};
struct sync_bf16 {
    typedef __nv_bfloat16 T;
    typedef float         ACC;
    static CU_MEMBER void step(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
    {
        cu_mma_bf16(d, a, b);
    }
};
struct sync_f8 {
    typedef __nv_fp8_e4m3 T;
    typedef float         ACC;
    static CU_MEMBER void step(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
    {
        cu_mma_f8(d, a, b);
    }
};
struct sync_i8 {
    typedef int8_t        T;
    typedef int           ACC;
    static CU_MEMBER void step(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
    {
        cu_mma_i8(d, a, b);
    }
};

enum { THREADS = 128 };

template <class U, int N>
CU_KERNEL(THREADS, 1)
sync_kernel(typename U::ACC *sums, int iters, unsigned teams, uint32_t reps)
{
    typedef typename U::T   T;
    typedef typename U::ACC ACC;
    constexpr int           PER = 4 / (int)sizeof(T), K = 8 * PER;
    unsigned                team = (blockIdx.x * THREADS + threadIdx.x) / 32, a[4], b[2];
    int                     lane = (int)threadIdx.x % 32, g = lane / 4, q = lane % 4;
    CU_UNROLL for (int r = 0; r < 4; r++)
    {
        a[r] = 0;
        CU_UNROLL for (int e = 0; e < PER; e++)
        {
            int i = g + r % 2 * 8, k = q * PER + e + r / 2 * (K / 2);
            a[r] |= coded<T>::bits(WL_MMA_A(i, k, K)) << (e * 8 * (int)sizeof(T));
        }
    }
    CU_UNROLL for (int r = 0; r < 2; r++)
    {
        b[r] = 0;
        CU_UNROLL for (int e = 0; e < PER; e++)
        {
            int k = q * PER + e + r * (K / 2);
            b[r] |= coded<T>::bits(WL_MMA_B(k, g)) << (e * 8 * (int)sizeof(T));
        }
    }
    for (uint32_t rep = 0; rep < reps; rep++) {
        ACC d[N][4];
        CU_UNROLL for (int c = 0; c < N; c++) CU_UNROLL for (int r = 0; r < 4; r++) d[c][r] =
            (ACC)WL_MMA_START(c, g + r / 2 * 8, q * 2 + r % 2);
        for (int it = 0; it < iters; it++) CU_UNROLL for (int c = 0; c < N; c++) U::step(d[c], a, b);
        CU_UNROLL for (int r = 0; r < 4; r++)
        {
            ACC s = 0;
            CU_UNROLL for (int c = 0; c < N; c++) s += d[c][r];
            if (team < teams) sums[(size_t)team * 128 + (size_t)((g + r / 2 * 8) * 8 + q * 2 + r % 2)] = s;
        }
    }
}

template <class U> static ir_status sync_typed(ir_run *r, uint32_t reps)
{
    cuda_dev *c = cuda_of(r->dev);
    unsigned  teams = (unsigned)wl_mma_teams(&r->p);
    dim3      grid(cuda_ceil(teams, THREADS / 32)), block(THREADS);
    auto     *out = (typename U::ACC *)r->mem[0].p;
    int       iters = (int)r->p.v[1];
    switch (r->p.v[0]) {
    case 1: return cuda_launch(c, sync_kernel<U, 1>, grid, block, 0, out, iters, teams, reps);
    case 2: return cuda_launch(c, sync_kernel<U, 2>, grid, block, 0, out, iters, teams, reps);
    case 4: return cuda_launch(c, sync_kernel<U, 4>, grid, block, 0, out, iters, teams, reps);
    case 8: return cuda_launch(c, sync_kernel<U, 8>, grid, block, 0, out, iters, teams, reps);
    case 16: return cuda_launch(c, sync_kernel<U, 16>, grid, block, 0, out, iters, teams, reps);
    default: return cuda_launch(c, sync_kernel<U, 32>, grid, block, 0, out, iters, teams, reps);
    }
}
static ir_status sync_run(ir_run *r, uint32_t reps)
{
    switch (r->p.dtype) {
    case IR_TF32: return sync_typed<sync_tf32>(r, reps);
    case IR_F16: return sync_typed<sync_f16>(r, reps);
    case IR_BF16: return sync_typed<sync_bf16>(r, reps);
    case IR_F8: return sync_typed<sync_f8>(r, reps);
    default: return sync_typed<sync_i8>(r, reps);
    }
}
static ir_status sync_can_run(const ir_dev *dev, const ir_workload *, const ir_params *p)
{
    int need = p->dtype == IR_F8                         ? 89
               : p->dtype == IR_F16 || p->dtype == IR_I8 ? 75
                                                         : 80,
        cc = cuda_of(dev)->cc;
    return cc >= need ? IR_OK
                      : ir_fail(IR_SKIP, "mma.sync in %s needs sm_%d, this is sm_%d", ir_dtype_name(p->dtype),
                                need, cc);
}

/* ---- wgmma ----------------------------------------------------------------------------------- */
struct wg_u_tf32 {
    typedef float                          T;
    typedef float                          ACC;
    template <int H> static CU_MEMBER void step(float (&d)[H], uint64_t a, uint64_t b) { wg_tf32(d, a, b); }
};
struct wg_u_f16 {
    typedef __half                         T;
    typedef float                          ACC;
    template <int H> static CU_MEMBER void step(float (&d)[H], uint64_t a, uint64_t b) { wg_f16(d, a, b); }
};
struct wg_u_bf16 {
    typedef __nv_bfloat16                  T;
    typedef float                          ACC;
    template <int H> static CU_MEMBER void step(float (&d)[H], uint64_t a, uint64_t b) { wg_bf16(d, a, b); }
};
struct wg_u_f8 {
    typedef __nv_fp8_e4m3                  T;
    typedef float                          ACC;
    template <int H> static CU_MEMBER void step(float (&d)[H], uint64_t a, uint64_t b) { wg_f8(d, a, b); }
};
struct wg_u_i8 {
    typedef int8_t                         T;
    typedef int                            ACC;
    template <int H> static CU_MEMBER void step(int (&d)[H], uint64_t a, uint64_t b) { wg_i8(d, a, b); }
};

/* Both operands in rows of 128 bytes, of which an instruction reads the first 32; chunks permuted by the row
 * as the hardware does. */
template <class U, int N>
CU_KERNEL(128, 1)
wgmma_kernel(typename U::ACC *sums, int iters, unsigned teams, uint32_t reps)
{
    typedef typename U::T   T;
    typedef typename U::ACC ACC;
    constexpr int           K = 32 / (int)sizeof(T);
    CU_SMEM(smem);
    int lane = (int)threadIdx.x % 32, team = (int)(blockIdx.x * 4 + threadIdx.x / 32);
    for (int e = (int)threadIdx.x; e < (64 + N) * K; e += 128) {
        int      row = e / K, k = e % K, at = row * 128 + ((k * (int)sizeof(T)) ^ ((row & 7) << 4));
        int      v = row < 64 ? WL_MMA_A(row % 16, k, K) : WL_MMA_B(k, (row - 64) % 8);
        unsigned bits = coded<T>::bits(v);
        for (int byte = 0; byte < (int)sizeof(T); byte++)
            smem[at + byte] = (unsigned char)(bits >> (8 * byte));
    }
    wg_visible();
    cu_sync();
    uint64_t a = wg_descriptor(wg_address(smem), 16, 1024),
             b = wg_descriptor(wg_address(smem + 64 * 128), 16, 1024);
    for (uint32_t rep = 0; rep < reps; rep++) {
        ACC d[N / 2];
        CU_UNROLL for (int r = 0; r < N / 2; r++) d[r] =
            (ACC)WL_MMA_START(r / 4, lane / 4 + r / 2 % 2 * 8, lane % 4 * 2 + r % 2);
        wg_settle(d);
        int it = 0;
        for (; it + 8 <= iters; it += 8) { /* a group is in flight while the next is issued */
            wg_begin();
            CU_UNROLL for (int u = 0; u < 8; u++) U::step(d, a, b);
            wg_end();
            wg_wait<1>();
        }
        wg_wait<0>();
        wg_settle(d);
        for (; it < iters; it++) {
            wg_begin();
            U::step(d, a, b);
            wg_end();
            wg_wait<0>();
            wg_settle(d);
        }
        wg_settle(d);
        CU_UNROLL for (int r = 0; r < 4; r++)
        {
            ACC s = 0;
            CU_UNROLL for (int c = 0; c < N / 8; c++) s += d[4 * c + r];
            if (team < (int)teams)
                sums[(size_t)team * 128 + (size_t)((lane / 4 + r / 2 * 8) * 8 + lane % 4 * 2 + r % 2)] = s;
        }
    }
}

template <class U> static ir_status wgmma_typed(ir_run *r, uint32_t reps)
{
    cuda_dev *c = cuda_of(r->dev);
    unsigned  teams = (unsigned)wl_mma_teams(&r->p);
    dim3      grid(cuda_ceil(teams, 4)), block(128);
    auto     *out = (typename U::ACC *)r->mem[0].p;
    int       iters = (int)r->p.v[1];
    size_t    smem = (size_t)(64 + 8 * r->p.v[0]) * 128;
    switch (r->p.v[0]) {
    case 8: return cuda_launch(c, wgmma_kernel<U, 64>, grid, block, smem, out, iters, teams, reps);
    case 16: return cuda_launch(c, wgmma_kernel<U, 128>, grid, block, smem, out, iters, teams, reps);
    default: return cuda_launch(c, wgmma_kernel<U, 256>, grid, block, smem, out, iters, teams, reps);
    }
}
static ir_status wgmma_run(ir_run *r, uint32_t reps)
{
    switch (r->p.dtype) {
    case IR_TF32: return wgmma_typed<wg_u_tf32>(r, reps);
    case IR_F16: return wgmma_typed<wg_u_f16>(r, reps);
    case IR_BF16: return wgmma_typed<wg_u_bf16>(r, reps);
    case IR_F8: return wgmma_typed<wg_u_f8>(r, reps);
    default: return wgmma_typed<wg_u_i8>(r, reps);
    }
}
static ir_status wgmma_can_run(const ir_dev *dev, const ir_workload *, const ir_params *p)
{
    if (cuda_of(dev)->cc != 90) return ir_fail(IR_SKIP, "wgmma: sm_90 only, this is sm_%d", cuda_of(dev)->cc);
    if (!IR_CUDA_SM90A) return ir_fail(IR_SKIP, "wgmma: this build has no code for sm_90a");
    return p->v[0] >= 8 ? IR_OK : ir_fail(IR_SKIP, "wgmma: 8, 16 or 32 chains, 64 to 256 columns");
}

const ir_kernel cuda_mma_sync = {.family = "mma",
                                 .name = "sync",
                                 .doc = "mma.sync on registers, a warp a team",
                                 .flags = IR_K_FUSED,
                                 .can_run = sync_can_run,
                                 .run = sync_run};
const ir_kernel cuda_mma_wgmma = {.family = "mma",
                                  .name = "wgmma",
                                  .doc = "warp-group instructions of sm_90a on shared memory",
                                  .flags = IR_K_FUSED,
                                  .can_run = wgmma_can_run,
                                  .run = wgmma_run};

/* peak.cu -- "fma": multiply-accumulates of the vector units, on registers. A team is a vector of 64 bytes:
 * one thread a lane (f16: two lanes, packed), so 8 or 16 threads; teams share blocks. bf16
 * multiply-accumulates into f32 exist on the matrix units only: see "mma". */
#include "kernels/cuda/device.cuh"

#include "kernels/workloads/workloads_compute.h"

enum { THREADS = 256 };
CU_BOTH double start_of(int chain, int l)
{
    return 8192.0 + 512.0 * ((l + 5 * chain) % 16);
} /* wl_fma_start() on the device */

/* How a dtype starts, steps and sums; K holds what the loop must not know at compile time. */
struct op_f64 {
    typedef double acc;
    typedef double out;
    typedef double sum;
    enum { LANES = 8 };
    static CU_MEMBER acc start(int c, int l) { return start_of(c, l); }
    static CU_MEMBER acc step(acc x, double k, int) { return fma(x, k, x); }
    static CU_MEMBER sum value(acc x) { return x; }
};
struct op_f32 {
    typedef float  acc;
    typedef float  out;
    typedef double sum;
    enum { LANES = 16 };
    static CU_MEMBER acc start(int c, int l) { return (float)start_of(c, l); }
    static CU_MEMBER acc step(acc x, float k, int) { return fmaf(x, k, x); }
    static CU_MEMBER sum value(acc x) { return (double)x; }
};
struct op_f16 {
    typedef __half2 acc;
    typedef float   out;
    typedef double  sum;
    enum { LANES = 16 };
    static CU_MEMBER acc start(int c, int l)
    {
        return __float2half2_rn((float)start_of(c, l));
    } /* lanes l and l + 16 start alike */
    static CU_MEMBER acc step(acc x, __half2 k, int) { return cu_hfma2(x, k, x); }
    static CU_MEMBER sum value(acc x) { return (double)__low2float(x) + (double)__high2float(x); }
};
struct op_i8 {
    typedef int      acc;
    typedef unsigned out;
    typedef unsigned sum;
    enum { LANES = 16 };
    static CU_MEMBER acc start(int c, int l) { return (l + 5 * c) % 16; }
    static CU_MEMBER acc step(acc x, int a, int b) { return cu_dp4a(a, b, x); }
    static CU_MEMBER sum value(acc x) { return (unsigned)x; }
};

template <class OP, int N, class K>
CU_KERNEL(THREADS, 2)
fma_kernel(typename OP::out *sums, K k, int even, int odd, int iters, unsigned teams, uint32_t reps)
{
    unsigned         id = blockIdx.x * THREADS + threadIdx.x, team = id / OP::LANES;
    int              l = (int)(id % OP::LANES), b = l % 2 ? odd : even;
    typename OP::acc x[N];
    typename OP::sum sum = 0;
    for (uint32_t r = 0; r < reps; r++) {
        CU_UNROLL for (int c = 0; c < N; c++) x[c] = OP::start(c, l);
        CU_UNROLL4 for (int i = 0; i < iters; i++)
        {
            CU_UNROLL for (int c = 0; c < N; c++) x[c] = OP::step(x[c], k, b);
        }
        sum = 0;
        CU_UNROLL for (int c = 0; c < N; c++) sum += OP::value(x[c]);
        sum = cu_same(sum); /* every repetition is wanted, as far as the compiler knows */
        k = cu_same(k);
    }
    if (team < teams) sums[(size_t)team * OP::LANES + (unsigned)l] = (typename OP::out)sum;
}

template <class OP, class K> static ir_status fma_launch(ir_run *r, uint32_t reps, K k, int even, int odd)
{
    cuda_dev *c = cuda_of(r->dev);
    unsigned  teams = (unsigned)wl_fma_teams(&r->p);
    dim3      grid(cuda_ceil((size_t)teams * OP::LANES, THREADS)), block(THREADS);
    int       iters = (int)r->p.v[1];
    auto     *out = (typename OP::out *)r->mem[0].p;
    switch (r->p.v[0]) {
    case 1:
        return cuda_launch(c, fma_kernel<OP, 1, K>, grid, block, 0, out, k, even, odd, iters, teams, reps);
    case 2:
        return cuda_launch(c, fma_kernel<OP, 2, K>, grid, block, 0, out, k, even, odd, iters, teams, reps);
    case 4:
        return cuda_launch(c, fma_kernel<OP, 4, K>, grid, block, 0, out, k, even, odd, iters, teams, reps);
    case 8:
        return cuda_launch(c, fma_kernel<OP, 8, K>, grid, block, 0, out, k, even, odd, iters, teams, reps);
    case 10:
        return cuda_launch(c, fma_kernel<OP, 10, K>, grid, block, 0, out, k, even, odd, iters, teams, reps);
    case 12:
        return cuda_launch(c, fma_kernel<OP, 12, K>, grid, block, 0, out, k, even, odd, iters, teams, reps);
    case 16:
        return cuda_launch(c, fma_kernel<OP, 16, K>, grid, block, 0, out, k, even, odd, iters, teams, reps);
    default:
        return cuda_launch(c, fma_kernel<OP, 24, K>, grid, block, 0, out, k, even, odd, iters, teams, reps);
    }
}

static int pack4(const int *v)
{
    return (int)((unsigned)(v[0] & 255) | (unsigned)(v[1] & 255) << 8 | (unsigned)(v[2] & 255) << 16 |
                 (unsigned)(v[3] & 255) << 24);
}

static ir_status fma_run(ir_run *r, uint32_t reps)
{
    static const int a[4] = WL_FMA_I8_A, b[2][4] = WL_FMA_I8_B;
    __half_raw       h;
    h.x = WL_FMA_C_F16;
    switch (r->p.dtype) {
    case IR_F64: return fma_launch<op_f64>(r, reps, (double)WL_FMA_C, 0, 0);
    case IR_F32: return fma_launch<op_f32>(r, reps, (float)WL_FMA_C, 0, 0);
    case IR_F16: return fma_launch<op_f16>(r, reps, __half2half2(__half(h)), 0, 0);
    default: return fma_launch<op_i8>(r, reps, pack4(a), pack4(b[0]), pack4(b[1]));
    }
}

static ir_status fma_can_run(const ir_dev *, const ir_workload *, const ir_params *p)
{
    if (p->dtype != IR_BF16) return IR_OK;
    return ir_fail(IR_SKIP,
                   "fma in bf16: the vector units have no such instruction; mma measures the matrix units");
}

const ir_kernel cuda_fma_chains = {.family = "peak",
                                   .name = "chains",
                                   .doc =
                                       "multiply-accumulates of the vector units, nothing else in the loop",
                                   .flags = IR_K_FUSED,
                                   .can_run = fma_can_run,
                                   .run = fma_run};

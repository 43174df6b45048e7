/* few.cu -- products of few rows with a large matrix: gemv, decode steps, the classifier at batch 1. Every
 * weight is read once, 16 bytes a lane; a block owns R outputs and its warps share the length of the rows, so
 * that a matrix of a thousand rows still keeps the whole device's memory system busy. Sums are f32. x is read
 * through L1, shared by the R rows. */
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/cuda/epilogue.cuh"
#include "kernels/cuda/weights.cuh"

enum { WARPS = 8, THREADS = 32 * WARPS };

CU_FN float4 four_of(const float *x) { return *(const float4 *)x; }
CU_FN float4 four_of(const __nv_bfloat16 *x) { return ep_load4(x, PR_BF16, 0); }

/* B: rows of x, R: outputs a block. VEC: rows of both start at multiples of 16 bytes. X: type of x. */
template <class W, int B, int R, bool VEC, class X> CU_KERNEL(THREADS, 2) few_kernel(pr_args p)
{
    CU_SHARED(float, part[WARPS * R * B]);
    typedef typename W::T T;
    constexpr int         N = W::N;
    const X              *x = (const X *)p.a;
    int                   n0 = (int)blockIdx.x * R, tid = (int)threadIdx.x;
    float                 acc[R][B];
    CU_UNROLL for (int r = 0; r < R; r++) CU_UNROLL for (int b = 0; b < B; b++) acc[r][b] = 0;
    const T *row[R];
    CU_UNROLL for (int r = 0; r < R; r++) row[r] =
        (const T *)p.b + (size_t)(n0 + r < p.N ? n0 + r : p.N - 1) * (size_t)p.K;
    int whole = VEC ? p.K / N : 0;
    /* Steps, and quads of one step, whose operands the registers hold: 16 values of x for every row of it, 8
     * loads of weights. */
    constexpr int AHEAD = N * B > 32 ? 1 : N * B > 16 || R > 2 ? 2 : 4, QUADS = B >= 8 ? 1 : N / 4;
    CU_UNROLL_BY(AHEAD) for (int q = tid; q < whole; q += THREADS)
    {
        uint4 w[R];
        CU_UNROLL for (int r = 0; r < R; r++) w[r] = cu_ldnc16(row[r] + (size_t)q * N);
        CU_UNROLL_BY(QUADS) for (int i = 0; i < N / 4; i++) /* four weights of every row are open at a time */
        {
            float f[R][4];
            CU_UNROLL for (int r = 0; r < R; r++) W::open(w[r], i, f[r]);
            CU_UNROLL for (int b = 0; b < B; b++)
            {
                float4 v = four_of(x + (size_t)(b < p.M ? b : 0) * (size_t)p.K + (size_t)q * N + 4 * i);
                CU_UNROLL for (int r = 0; r < R; r++) acc[r][b] =
                    fmaf(f[r][3], v.w, fmaf(f[r][2], v.z, fmaf(f[r][1], v.y, fmaf(f[r][0], v.x, acc[r][b]))));
            }
        }
    }
    CU_UNROLL_BY(1) for (int k = whole * N + tid; k < p.K; k += THREADS) CU_UNROLL for (int b = 0; b < B; b++)
    {
        float v = cu_f32(x[(size_t)(b < p.M ? b : 0) * (size_t)p.K + (size_t)k]);
        CU_UNROLL for (int r = 0; r < R; r++) acc[r][b] = fmaf(cu_f32(row[r][k]), v, acc[r][b]);
    }
    ep_put_shares<WARPS>(p, n0, part, acc);
}

template <class W, int B, bool VEC, class X> static ir_status few_rows(cuda_dev *c, const pr_args *p)
{
    constexpr int R = B == 8 ? 2 : 4; /* 8 x 4 sums and their operands do not fit the registers */
    if (p->N >= R * 2 * c->sms)
        return cuda_launch(c, few_kernel<W, B, R, VEC, X>, dim3(cuda_ceil((size_t)p->N, R)), dim3(THREADS), 0,
                           *p);
    return cuda_launch(c, few_kernel<W, B, 1, VEC, X>, dim3((unsigned)p->N), dim3(THREADS), 0, *p);
}

template <class W> static bool in_chunks(const pr_args *p)
{
    return (uintptr_t)p->a % 16 == 0 && (uintptr_t)p->b % 16 == 0 && p->K % W::N == 0 && p->K % 4 == 0;
}
template <class W, int B> static ir_status few_sized(cuda_dev *c, const pr_args *p)
{
    return in_chunks<W>(p) ? few_rows<W, B, true, float>(c, p) : few_rows<W, B, false, float>(c, p);
}
template <class W> static ir_status few_typed(cuda_dev *c, const pr_args *p)
{
    return p->M == 1   ? few_sized<W, 1>(c, p)
           : p->M == 2 ? few_sized<W, 2>(c, p)
           : p->M <= 4 ? few_sized<W, 4>(c, p)
                       : few_sized<W, 8>(c, p);
}

ir_status pr_few(cuda_dev *c, const pr_args *p, pr_type t)
{
    switch (t) {
    case PR_F32: return few_typed<w_f32>(c, p);
    case PR_F16: return few_typed<w_f16>(c, p);
    case PR_BF16: return few_typed<w_bf16>(c, p);
    case PR_I8: return few_typed<w_i8>(c, p);
    default: return few_typed<w_f8>(c, p);
    }
}

/* ---- gemv ------------------------------------------------------------------------------------ */
template <class T, class X>
CU_KERNEL(256, 1)
gemv_naive_kernel(const T *w, const X *x, X *y, size_t m, size_t k, bool)
{
    size_t i = (size_t)blockIdx.x * 256 + threadIdx.x;
    X      s = 0;
    if (i >= m) return;
    for (size_t j = 0; j < k; j++) s += (X)w[i * k + j] * (X)x[j];
    y[i] = s;
}
CU_KERNEL(256, 1)
gemv_naive_bf16(const __nv_bfloat16 *w, const __nv_bfloat16 *x, float *y, size_t m, size_t k)
{
    size_t i = (size_t)blockIdx.x * 256 + threadIdx.x;
    float  s = 0;
    if (i >= m) return;
    for (size_t j = 0; j < k; j++) s += cu_f32(w[i * k + j]) * cu_f32(x[j]);
    y[i] = s;
}

static ir_status gemv_naive_once(ir_run *r)
{
    cuda_dev     *c = cuda_of(r->dev);
    wl_gemm_shape s = wl_gemv_of(&r->p);
    dim3          grid(cuda_ceil(s.m, 256)), block(256);
    void         *w = r->mem[0].p, *x = r->mem[1].p, *y = r->mem[2].p;
    if (r->p.dtype == IR_F64)
        return cuda_launch(c, gemv_naive_kernel<double, double>, grid, block, 0, (const double *)w,
                           (const double *)x, (double *)y, s.m, s.k, true);
    if (r->p.dtype == IR_F32)
        return cuda_launch(c, gemv_naive_kernel<float, float>, grid, block, 0, (const float *)w,
                           (const float *)x, (float *)y, s.m, s.k, true);
    return cuda_launch(c, gemv_naive_bf16, grid, block, 0, (const __nv_bfloat16 *)w, (const __nv_bfloat16 *)x,
                       (float *)y, s.m, s.k);
}
static ir_status gemv_naive_run(ir_run *r, uint32_t reps)
{
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = gemv_naive_once(r);
    return st;
}

/* f64: a block a row. */
CU_KERNEL(THREADS, 2) gemv_f64_kernel(const double *w, const double *x, double *y, size_t k, bool vec)
{
    CU_SHARED(double, part[WARPS]);
    const double *row = w + (size_t)blockIdx.x * k;
    double        s = 0;
    size_t        pairs = vec ? k / 2 : 0;
    for (size_t j = threadIdx.x; j < pairs; j += THREADS) {
        union {
            uint4  v;
            double e[2];
        } a;
        a.v = cu_ldnc16(row + 2 * j);
        s = fma(a.e[1], x[2 * j + 1], fma(a.e[0], x[2 * j], s));
    }
    for (size_t j = 2 * pairs + threadIdx.x; j < k; j += THREADS) s = fma(row[j], x[j], s);
    for (int m = 16; m > 0; m /= 2) s += cu_shfl_xor(s, m);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = s;
    cu_sync();
    if (threadIdx.x) return;
    for (int i = 1; i < WARPS; i++) s += part[i];
    y[blockIdx.x] = s;
}

static ir_status gemv_can_run(const ir_dev *, const ir_workload *, const ir_params *p)
{
    wl_gemm_shape s = wl_gemv_of(p);
    return s.m < (size_t)1 << 31 && s.k < (size_t)1 << 31
               ? IR_OK
               : ir_fail(IR_SKIP, "gemv: dimensions of at most 2^31");
}
static ir_status gemv_once(ir_run *r)
{
    cuda_dev     *c = cuda_of(r->dev);
    wl_gemm_shape s = wl_gemv_of(&r->p);
    if (r->p.dtype == IR_F64)
        return cuda_launch(c, gemv_f64_kernel, dim3((unsigned)s.m), dim3(THREADS), 0,
                           (const double *)r->mem[0].p, (const double *)r->mem[1].p, (double *)r->mem[2].p,
                           s.k, s.k % 2 == 0);
    pr_args p;
    memset(&p, 0, sizeof p);
    p.a = r->mem[1].p;
    p.b = r->mem[0].p;
    p.out = r->mem[2].p;
    p.M = 1;
    p.N = (int)s.m;
    p.K = (int)s.k;
    if (r->p.dtype == IR_F32) return pr_few(c, &p, PR_F32);
    return in_chunks<w_bf16>(&p) ? few_rows<w_bf16, 1, true, __nv_bfloat16>(c, &p)
                                 : few_rows<w_bf16, 1, false, __nv_bfloat16>(c, &p);
}
static ir_status gemv_run(ir_run *r, uint32_t reps)
{
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = gemv_once(r);
    return st;
}

const ir_kernel cuda_gemv_naive = {
    .family = "gemv", .name = "naive", .doc = "a thread a row", .flags = IR_K_NAIVE, .run = gemv_naive_run};
const ir_kernel cuda_gemv_stream = {.family = "gemv",
                                    .name = "stream",
                                    .doc = "blocks share rows, 16-byte loads of weights that pass L1 by",
                                    .can_run = gemv_can_run,
                                    .run = gemv_run};

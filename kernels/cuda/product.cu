/* product.cu -- matrix products on the matrix units (mma.sync, sm_80 and later) and on the vector units
 * (f32), for gemm, fully connected rows and convolutions. See product.h.
 *
 * Matrix units: tiles BM x BN x 128 bytes of k, a ring of STAGES tiles in shared memory filled by
 * asynchronous copies, rows of 128 bytes whose 16-byte chunks are permuted by the row number so that ldmatrix
 * meets no bank twice. A k-step of an instruction is 32 bytes whatever the type, so f16, bf16 and tf32 share
 * all index arithmetic. Small grids split k; the last block of a tile to finish adds the parts in order, so
 * results do not depend on timing. */
#include "kernels/cuda/product.cuh"

/* ---- matrix units ---------------------------------------------------------------------------- */
struct unit_f16 {
    typedef __half        T;
    static CU_MEMBER void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
    {
        cu_mma_f16(d, a, b);
    }
};
struct unit_bf16 {
    typedef __nv_bfloat16 T;
    static CU_MEMBER void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
    {
        cu_mma_bf16(d, a, b);
    }
};
struct unit_tf32 {
    typedef float         T;
    static CU_MEMBER void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2])
    {
        cu_mma_tf32(d, a, b);
    }
};

/* Two blocks of the large tiles share a multiprocessor where its shared memory holds both rings: one computes
 * while the other waits. */
#if defined(__CUDA_ARCH__) && (__CUDA_ARCH__ == 900 || __CUDA_ARCH__ == 1000 || __CUDA_ARCH__ == 1100)
enum { BIG_BLOCKS = 2 };
#else
enum { BIG_BLOCKS = 1 };
#endif

template <class U, int BM, int BN, int WM, int WN, int STAGES, bool CONV, bool NMAJOR>
CU_KERNEL(32 * WM * WN, BM == 128 && BN == 128 && !CONV ? BIG_BLOCKS : 1)
mma_kernel(pr_args p)
{
    typedef typename U::T T;
    constexpr int         THREADS = 32 * WM * WN, PER = 16 / (int)sizeof(T), BK = ROW_B / (int)sizeof(T);
    constexpr int         A_B = BM * ROW_B, STAGE_B = A_B + BN * ROW_B, MT = BM / WM / 16, NT = BN / WN / 8,
                  ROWS = BM * 8 / THREADS;
    constexpr int STEPS = BN == 256 ? 2
                          : BM == 128 && !CONV && BIG_BLOCKS > 1
                              ? 1
                              : 4; /* of k whose fragments registers hold */
    CU_SMEM(smem);
    int m0, n0, tid = (int)threadIdx.x, lane = tid % 32, wm = tid / 32 % WM * (BM / WM),
                wn = tid / 32 / WM * (BN / WN);
    pixel px[ROWS];
    float acc[MT][NT][4];
    tile_of(p, BM, BN, &m0, &n0);
    if (CONV) {
        CU_UNROLL for (int i = 0; i < ROWS; i++) px[i] = pixel_of(p, m0 + tid / 8 + i * (THREADS / 8));
    }
    CU_UNROLL for (int i = 0; i < MT; i++) CU_UNROLL for (int j = 0; j < NT; j++)
        CU_UNROLL for (int r = 0; r < 4; r++) acc[i][j][r] = 0;

    int tiles = (p.K + BK - 1) / BK, per_split = (tiles + p.splits - 1) / p.splits,
        t0 = (int)blockIdx.z * per_split;
    int t1 = t0 + per_split < tiles ? t0 + per_split : tiles;

    auto load = [&](int t) {
        unsigned char *sa = smem + (t - t0) % STAGES * STAGE_B, *sb = sa + A_B;
        int            k = t * BK + tid % 8 * PER;
        CU_UNROLL for (int i = 0; i < ROWS; i++)
        {
            int row = tid / 8 + i * (THREADS / 8);
            if (CONV)
                fetch_image<T>(sa + chunk_at(row, tid % 8), p, px[i], k);
            else
                fetch_dense<T>(sa + chunk_at(row, tid % 8), p.a, m0 + row, p.M, k, p.K, (size_t)p.K,
                               p.fast_a);
        }
        if (NMAJOR) {
            CU_UNROLL for (int i = 0; i < BK * (BN / 8) / THREADS; i++)
            {
                int q = tid + i * THREADS, row = q / (BN / 8), c = q % (BN / 8);
                fetch_dense<T>(sb + chunk_at_n<BN>(row, c), p.b, t * BK + row, p.K, n0 + c * 8, p.N,
                               (size_t)p.N, p.fast_b);
            }
        } else {
            CU_UNROLL for (int i = 0; i < BN * 8 / THREADS; i++)
            {
                int row = tid / 8 + i * (THREADS / 8);
                fetch_dense<T>(sb + chunk_at(row, tid % 8), p.b, n0 + row, p.N, k, p.K, (size_t)p.K,
                               p.fast_b);
            }
        }
    };
    CU_UNROLL_BY(1) for (int s = 0; s < STAGES - 1; s++)
    {
        if (t0 + s < t1) load(t0 + s);
        cu_cp_commit();
    }
    for (int t = t0; t < t1; t++) {
        cu_cp_wait<STAGES - 2>();
        cu_sync();
        if (t + STAGES - 1 < t1) load(t + STAGES - 1);
        cu_cp_commit();
        const unsigned char *sa = smem + (t - t0) % STAGES * STAGE_B, *sb = sa + A_B;
        CU_UNROLL_BY(STEPS) for (int kk = 0; kk < 4; kk++)
        {
            unsigned a[MT][4], b[NT / 2][4];
            CU_UNROLL for (int i = 0; i < MT; i++)
                cu_ldmatrix4(sa + chunk_at(wm + i * 16 + lane % 16, kk * 2 + lane / 16), a[i]);
            CU_UNROLL for (int j = 0; j < NT / 2; j++)
            {
                if (NMAJOR)
                    cu_ldmatrix4_trans(
                        sb + chunk_at_n<BN>(kk * 16 + lane % 16, (wn + j * 16) / 8 + lane / 16), b[j]);
                else
                    cu_ldmatrix4(sb + chunk_at(wn + j * 16 + lane % 8 + lane / 16 * 8, kk * 2 + lane / 8 % 2),
                                 b[j]);
            }
            CU_UNROLL for (int i = 0; i < MT; i++) CU_UNROLL for (int j = 0; j < NT; j++)
            {
                const unsigned two[2] = {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]};
                U::mma(acc[i][j], a[i], two);
            }
        }
    }
    if (p.splits > 1 && !join_splits<MT * NT * 4, THREADS>(p, &acc[0][0][0], smem)) return;
    cu_sync(); /* nobody reads tiles any more */
    CU_UNROLL for (int i = 0; i < MT; i++) CU_UNROLL for (int j = 0; j < NT; j++) keep_fragment<BN>(
        (float *)smem, wm + i * 16, wn + j * 8, acc[i][j][0], acc[i][j][1], acc[i][j][2], acc[i][j][3]);
    cu_sync();
    ep_tile<BM, BN, THREADS>(p, m0, n0, (const float *)smem, sums_stride<BN>());
}

/* ---- vector units: 8 x 8 sums a thread, operands of the next step prefetched into registers ---- */
enum {
    VB = 128,
    VK = 16,
    VT = 256,
    VPAD = VB + 4,
    VROWS = 2 * VK
}; /* VROWS: of sums that the operands' shared memory holds */

template <bool CONV, bool NMAJOR> CU_KERNEL(VT, 2) vector_kernel(pr_args p)
{
    CU_SMEM(smem);
    float *sa = (float *)smem, *sb = sa + VK * VPAD; /* [k][m], [k][n] */
    int    m0, n0, tid = (int)threadIdx.x, tx = tid % 16, ty = tid / 16;
    float  acc[8][8], ra[8], rb[8];
    CU_SHARED(pixel, px[CONV ? VB : 1]); /* eight of them would not fit the registers beside the sums */
    tile_of(p, VB, VB, &m0, &n0);
    if (CONV) {
        if (tid < VB) px[tid] = pixel_of(p, m0 + tid);
        cu_sync();
    }
    CU_UNROLL for (int i = 0; i < 8; i++) CU_UNROLL for (int j = 0; j < 8; j++) acc[i][j] = 0;
    int tiles = (p.K + VK - 1) / VK, per_split = (tiles + p.splits - 1) / p.splits,
        t0 = (int)blockIdx.z * per_split;
    int  t1 = t0 + per_split < tiles ? t0 + per_split : tiles;
    auto fetch = [&](int t) {
        int k = t * VK + tid % VK;
        CU_UNROLL for (int i = 0; i < 8; i++)
        {
            int  row = m0 + tid / VK + i * (VT / VK);
            bool in = row < p.M && k < p.K;
            if (CONV) {
                const float *src = image_at<float>(p, px[tid / VK + i * (VT / VK)], k, &in);
                ra[i] = in ? *src : 0;
            } else {
                ra[i] = in ? ((const float *)p.a)[(size_t)row * (size_t)p.K + (size_t)k] : 0;
            }
            if (NMAJOR) {
                int kb = t * VK + tid / VB + i * (VT / VB), n = n0 + tid % VB;
                rb[i] = kb < p.K && n < p.N ? ((const float *)p.b)[(size_t)kb * (size_t)p.N + (size_t)n] : 0;
            } else {
                int n = n0 + tid / VK + i * (VT / VK);
                rb[i] = k < p.K && n < p.N ? ((const float *)p.b)[(size_t)n * (size_t)p.K + (size_t)k] : 0;
            }
        }
    };
    if (t0 < t1) fetch(t0);
    for (int t = t0; t < t1; t++) {
        CU_UNROLL for (int i = 0; i < 8; i++)
        {
            sa[tid % VK * VPAD + tid / VK + i * (VT / VK)] = ra[i];
            if (NMAJOR)
                sb[(tid / VB + i * (VT / VB)) * VPAD + tid % VB] = rb[i];
            else
                sb[tid % VK * VPAD + tid / VK + i * (VT / VK)] = rb[i];
        }
        cu_sync();
        if (t + 1 < t1) fetch(t + 1);
        CU_UNROLL_BY(2)
        for (int k = 0; k < VK; k++) /* more, and operands that were read early would not fit the registers */
        {
            float a[8], b[8];
            CU_UNROLL for (int i = 0; i < 8; i += 4)
            {
                /* Columns 4 tx and 64 + 4 tx: neighbouring threads read neighbouring 16 bytes. */
                float4 va = *(const float4 *)(sa + k * VPAD + i / 4 * 64 + 4 * ty),
                       vb = *(const float4 *)(sb + k * VPAD + i / 4 * 64 + 4 * tx);
                a[i] = va.x, a[i + 1] = va.y, a[i + 2] = va.z, a[i + 3] = va.w;
                b[i] = vb.x, b[i + 1] = vb.y, b[i + 2] = vb.z, b[i + 3] = vb.w;
            }
            CU_UNROLL for (int i = 0; i < 8; i++) CU_UNROLL for (int j = 0; j < 8; j++) acc[i][j] =
                fmaf(a[i], b[j], acc[i][j]);
        }
        cu_sync();
    }
    if (p.splits > 1 && !join_splits<64, VT>(p, &acc[0][0], smem)) return;
    CU_UNROLL_BY(1)
    for (int part = 0; part < VB / VROWS;
         part++) /* of the tile's rows, as many as the operands' place holds */
    {
        bool low = part >= 2; /* sums 4 to 7 of a thread lie 64 rows below the others */
        cu_sync();
        if (ty / (VROWS / 4) == part % 2) {
            CU_UNROLL for (int i = 0; i < 4; i++) CU_UNROLL for (int j = 0; j < 8; j += 4)
            {
                float4 v =
                    low ? make_float4(acc[4 + i][j], acc[4 + i][j + 1], acc[4 + i][j + 2], acc[4 + i][j + 3])
                        : make_float4(acc[i][j], acc[i][j + 1], acc[i][j + 2], acc[i][j + 3]);
                *(float4 *)(sa + (4 * (ty % (VROWS / 4)) + i) * VPAD + j / 4 * 64 + 4 * tx) = v;
            }
        }
        cu_sync();
        ep_tile<VROWS, VB, VT>(p, m0 + part * VROWS, n0, sa, VPAD);
    }
}

/* ---- choosing and launching ------------------------------------------------------------------ */
static int ceil_div(int a, int b) { return (a + b - 1) / b; }
enum {
    BIG_STAGES = 3,
    BROAD_STAGES = 3,
    SMALL_STAGES = 4
}; /* sm_75's 64 KiB are what four stages of 64 x 64 take: no static shared memory beside them */

void pr_choose(const cuda_dev *c, pr_unit unit, int M, int N, int K, pr_plan *o)
{
    int vector = unit == PR_VECTOR,
        step = vector                ? VK
               : unit == PR_MMA_TF32 ? 32
                                     : 64,
        steps = ceil_div(K, step);
    int big_tiles = ceil_div(M, 128) * ceil_div(N, 128);
    o->unit = unit;
    bool room =
        c->prop.sharedMemPerBlockOptin >= (size_t)BIG_STAGES * (128 + 128) * ROW_B; /* sm_75 has less */
    o->big = vector || (big_tiles >= c->sms && room);
    /* Warps of 64 x 64 read a third less of shared memory for each product than those of 64 x 32: where one
     * ring of tiles 128 x 256 fits, but not the two of 128 x 128 that hide each other's waits. */
    size_t optin = c->prop.sharedMemPerBlockOptin;
    o->broad = !vector && optin >= (size_t)BROAD_STAGES * (128 + 256) * ROW_B &&
               optin < (size_t)2 * BIG_STAGES * (128 + 128) * ROW_B &&
               ceil_div(M, 128) * ceil_div(N, 256) >= c->sms;
    int tiles = o->big ? big_tiles : ceil_div(M, 64) * ceil_div(N, 64), fill = c->sms * 2;
    int most = steps / (vector ? 16 : 4);
    o->splits = tiles >= c->sms ? 1 : ceil_div(fill, tiles);
    if (o->splits > most) o->splits = most;
    if (o->splits > 32) o->splits = 32;
    if (o->splits < 1) o->splits = 1;
    o->splits = ceil_div(steps, ceil_div(steps, o->splits)); /* none is empty */
    size_t part = (size_t)(o->big ? 128 * 128 : 64 * 64) * sizeof(float);
    /* Wide tiles leave registers for nothing else: only where every multiprocessor gets one. */
    o->wide = IR_CUDA_SM90A && c->cc == 90 && (unit == PR_MMA_F16 || unit == PR_MMA_BF16) &&
              ceil_div(M, 128) * ceil_div(N, 256) >= c->sms;
    o->paired = false;
    o->partial_B = o->splits > 1 ? part * (size_t)tiles * (size_t)o->splits : 0;
    o->ticket_B = o->splits > 1 ? (size_t)tiles * sizeof(unsigned) : 0;
}

template <class U, int BM, int BN, int WM, int WN, int STAGES, bool CONV, bool NMAJOR>
static ir_status launch_mma(cuda_dev *c, const pr_plan *plan, const pr_args &p)
{
    const size_t smem = (size_t)STAGES * (BM + BN) * ROW_B;
    auto         fn = mma_kernel<U, BM, BN, WM, WN, STAGES, CONV, NMAJOR>;
    ir_status    st = cuda_allow_smem(c, (const void *)fn, smem);
    if (st != IR_OK) return st;
    dim3 grid((unsigned)(ceil_div(p.M, BM) * ceil_div(p.N, BN)), 1, (unsigned)plan->splits);
    return cuda_launch(c, fn, grid, dim3(32 * WM * WN), smem, p);
}

template <class U, bool CONV> static ir_status mma_k_major(cuda_dev *c, const pr_plan *plan, const pr_args &p)
{
    if constexpr (!CONV)
        if (plan->broad) return launch_mma<U, 128, 256, 2, 4, BROAD_STAGES, false, false>(c, plan, p);
    if (plan->big) return launch_mma<U, 128, 128, 2, 4, BIG_STAGES, CONV, false>(c, plan, p);
    return launch_mma<U, 64, 64, 2, 2, SMALL_STAGES, CONV, false>(c, plan, p);
}
template <class U> static ir_status mma_any(cuda_dev *c, const pr_plan *plan, const pr_args &p)
{
    return p.conv ? mma_k_major<U, true>(c, plan, p) : mma_k_major<U, false>(c, plan, p);
}
template <class U> static ir_status mma_n_major(cuda_dev *c, const pr_plan *plan, const pr_args &p)
{
    if (plan->broad) return launch_mma<U, 128, 256, 2, 4, BROAD_STAGES, false, true>(c, plan, p);
    if (plan->big) return launch_mma<U, 128, 128, 2, 4, BIG_STAGES, false, true>(c, plan, p);
    return launch_mma<U, 64, 64, 2, 2, SMALL_STAGES, false, true>(c, plan, p);
}

static ir_status vector_any(cuda_dev *c, const pr_plan *plan, const pr_args &p)
{
    dim3 grid((unsigned)(ceil_div(p.M, VB) * ceil_div(p.N, VB)), 1, (unsigned)plan->splits), block(VT);
    const size_t smem = 2 * VK * VPAD * sizeof(float);
    if (p.n_major) return cuda_launch(c, vector_kernel<false, true>, grid, block, smem, p);
    if (p.conv) return cuda_launch(c, vector_kernel<true, false>, grid, block, smem, p);
    return cuda_launch(c, vector_kernel<false, false>, grid, block, smem, p);
}

static bool aligned16(const void *p) { return (uintptr_t)p % 16 == 0; }

ir_status pr_run(cuda_dev *c, const pr_plan *plan, const pr_args *args)
{
    pr_args p = *args;
    int     per = plan->unit == PR_MMA_F16 || plan->unit == PR_MMA_BF16 ? 8 : 4;
    p.splits = plan->splits;
    p.fast_a = aligned16(p.a) && (p.conv ? p.C : p.K) % per == 0;
    p.fast_b = aligned16(p.b) && (p.n_major ? p.N : p.K) % per == 0;
    if (plan->unit != PR_VECTOR && c->cc < (plan->unit == PR_MMA_F16 ? 75 : 80))
        return ir_fail(IR_SKIP, "cuda: these matrix instructions need a newer device than sm_%d", c->cc);
    p.four = p.N % 4 == 0 && aligned16(p.out) && aligned16(p.add);
    if (plan->paired && p.fast_a && p.fast_b && !p.conv) return pr_tma(c, plan->unit, &p);
    if (plan->wide && p.fast_a && p.fast_b) return pr_wide(c, plan->unit, &p);
    switch (plan->unit) {
    case PR_VECTOR: return vector_any(c, plan, p);
    case PR_MMA_F16: return p.n_major ? mma_n_major<unit_f16>(c, plan, p) : mma_any<unit_f16>(c, plan, p);
    case PR_MMA_BF16: return p.n_major ? mma_n_major<unit_bf16>(c, plan, p) : mma_any<unit_bf16>(c, plan, p);
    default:
        if (p.n_major) return ir_fail(IR_SKIP, "cuda: tf32 with B in rows of n has no kernel");
        return mma_any<unit_tf32>(c, plan, p);
    }
}

/* ---- conversion ------------------------------------------------------------------------------ */
CU_KERNEL(256, 4) convert_kernel(void *dst, int dst_t, const void *src, int src_t, size_t n)
{
    for (size_t i = (size_t)blockIdx.x * 256 + threadIdx.x; i < n; i += (size_t)gridDim.x * 256)
        ep_store(dst, dst_t, i, ep_load(src, src_t, i));
}

ir_status pr_convert(cuda_dev *c, void *dst, pr_type dst_t, const void *src, pr_type src_t, size_t n)
{
    size_t want = (n + 256 * 8 - 1) / (256 * 8), most = (size_t)c->sms * 16;
    return cuda_launch(c, convert_kernel,
                       dim3((unsigned)(want < 1      ? 1
                                       : want < most ? want
                                                     : most)),
                       dim3(256), 0, dst, (int)dst_t, src, (int)src_t, n);
}

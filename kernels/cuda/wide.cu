/* wide.cu -- products on the warp-group matrix instructions of sm_90a: tiles 128 x 256 x 64, two warp groups
 * of 64 rows, a ring of four tiles filled by asynchronous copies. Everything in 16-bit types with f32 sums;
 * operands in rows of whole 16 bytes. */
#include "kernels/cuda/wg_tile.cuh"

enum {
    BM = 128,
    BN = 256,
    BK = WG_DEEP,
    STAGES = 4,
    THREADS = 256,
    A_B = BM * ROW_B,
    STAGE_B = A_B + BN * ROW_B
};

/* B as [k][n]: blocks of 64 columns, each 64 rows (k) of 128 bytes. Else rows n of 128 bytes (k), as A. */
template <class U, bool CONV, bool NMAJOR> CU_KERNEL(THREADS, 1) wide_kernel(pr_args p)
{
    typedef typename U::T T;
    CU_SMEM(smem);
    int   m0, n0, tid = (int)threadIdx.x, group = tid / 128;
    pixel px[4];
    float acc[BN / 2];
    tile_of(p, BM, BN, &m0, &n0);
    if (CONV) {
        CU_UNROLL for (int i = 0; i < 4; i++) px[i] = pixel_of(p, m0 + tid / 8 + i * 32);
    }
    CU_UNROLL for (int i = 0; i < BN / 2; i++) acc[i] = 0;
    int  tiles = (p.K + BK - 1) / BK;
    auto load = [&](int t) {
        unsigned char *sa = smem + t % STAGES * STAGE_B, *sb = sa + A_B;
        int            k = t * BK + tid % 8 * 8;
        CU_UNROLL for (int i = 0; i < 4; i++)
        {
            int row = tid / 8 + i * 32;
            if (CONV)
                fetch_image<T>(sa + chunk_at(row, tid % 8), p, px[i], k);
            else
                fetch_dense<T>(sa + chunk_at(row, tid % 8), p.a, m0 + row, p.M, k, p.K, (size_t)p.K, true);
        }
        CU_UNROLL for (int i = 0; i < 8; i++)
        {
            if (NMAJOR) {
                int row = tid / 32 + i * 8, c = tid % 32;
                fetch_dense<T>(sb + c / 8 * WG_BLOCK_B + chunk_at(row, c % 8), p.b, t * BK + row, p.K,
                               n0 + c * 8, p.N, (size_t)p.N, true);
            } else {
                int row = tid / 8 + i * 32;
                fetch_dense<T>(sb + chunk_at(row, tid % 8), p.b, n0 + row, p.N, k, p.K, (size_t)p.K, true);
            }
        }
    };
    CU_UNROLL_BY(1) for (int s = 0; s < STAGES - 2; s++)
    {
        if (s < tiles) load(s);
        cu_cp_commit();
    }
    for (int t = 0; t < tiles; t++) {
        cu_cp_wait<STAGES - 3>();
        wg_visible();
        cu_sync(); /* tile t is there, and nobody reads tile t - 2 any more */
        if (t + STAGES - 2 < tiles) load(t + STAGES - 2);
        cu_cp_commit();
        uint32_t a = wg_address(smem + t % STAGES * STAGE_B + group * 64 * ROW_B),
                 b = wg_address(smem + t % STAGES * STAGE_B + A_B);
        wg_begin();
        wg_stage<U, NMAJOR>(acc, a, b);
        wg_end();
        wg_wait<1>();
    }
    wg_wait<0>();
    wg_settle(acc);
    cu_sync(); /* nobody's products read tiles any more */
    CU_UNROLL for (int r = 0; r < BN / 2; r += 4) keep_fragment<BN>(
        (float *)smem, group * 64 + tid % 128 / 32 * 16, r * 2, acc[r], acc[r + 1], acc[r + 2], acc[r + 3]);
    cu_sync();
    ep_tile<BM, BN, THREADS>(p, m0, n0, (const float *)smem, sums_stride<BN>());
}

template <class U> static ir_status wide_typed(cuda_dev *c, const pr_args &p)
{
    const size_t smem = (size_t)STAGES * STAGE_B;
    auto         fn = p.n_major ? wide_kernel<U, false, true>
                      : p.conv  ? wide_kernel<U, true, false>
                                : wide_kernel<U, false, false>;
    ir_status    st = cuda_allow_smem(c, (const void *)fn, smem);
    size_t       tiles = (size_t)((p.M + BM - 1) / BM) * (size_t)((p.N + BN - 1) / BN);
    return st == IR_OK ? cuda_launch(c, fn, dim3((unsigned)tiles), dim3(THREADS), smem, p) : st;
}

ir_status pr_wide(cuda_dev *c, pr_unit unit, const pr_args *p)
{
    return unit == PR_MMA_F16 ? wide_typed<wg_unit_f16>(c, *p) : wide_typed<wg_unit_bf16>(c, *p);
}

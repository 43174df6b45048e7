/* tma.cu -- products on sm_90a by pairs of blocks that stay. A pair computes tiles of 256 x 256, 128 rows
 * each, and walks the matrix in steps of all pairs. One thread of a block copies: its own rows of A, and its
 * half of the columns of B to both blocks, so that B is read once a pair. Two warp groups multiply 64 rows
 * each; a ring of four stages lies between them and the copies, which are a tile ahead while sums are stored.
 * Operands in rows of whole 16 bytes, 16-bit types, f32 sums. */
#include "kernels/cuda/tma.cuh"
#include "kernels/cuda/wg_tile.cuh"

enum {
    PAIR = 2,
    BM = 128,
    BN = 256,
    BK = WG_DEEP,
    STAGES = 4,
    GROUPS = 2, /* warp groups that multiply */
    THREADS = 128 * (1 + GROUPS),
    WARPS = 4 * GROUPS,
    A_B = BM * ROW_B,
    STAGE_B = A_B + BN * ROW_B,
    N_BLOCK = 64, /* columns of B that make a row of 128 bytes, as [k][n] */
    PIECE = 64,   /* columns of a warp's 16 rows that are stored at a time */
    PIECE_B = 16 * PIECE * 4,
    RING_B = STAGES * STAGE_B,
    SMEM_B = RING_B + WARPS * PIECE_B + 2 * STAGES * 8,
    HEIGHT = 4, /* pairs of tiles in a column that run at once */
    COPIER_REGISTERS = 40,
    SUMS_REGISTERS = 232
};

struct tma_args {
    CUtensorMap a, b;
    pr_args     p;
};
/* full: a stage's bytes are there. empty: all warps of both blocks are done with it. */
struct ring {
    unsigned char *stage;
    cu_bar        *full, *empty;
};
CU_FN ring ring_at(unsigned char *smem)
{
    cu_bar *bars = (cu_bar *)(smem + RING_B + WARPS * PIECE_B);
    return {smem, bars, bars + STAGES};
}
CU_BOTH int pairs_of(const pr_args &p) { return (p.M + PAIR * BM - 1) / (PAIR * BM) * ((p.N + BN - 1) / BN); }

/* One thread: every tile of k of every tile of this pair, as stages come free. */
template <bool NMAJOR> CU_FN void copy_tiles(const tma_args &g, const ring &r, int rank)
{
    int      all = pairs_of(g.p), tiles = (g.p.K + BK - 1) / BK;
    unsigned n = 0;
    CU_UNROLL_BY(1) for (int i = (int)blockIdx.x / PAIR; i < all; i += (int)gridDim.x / PAIR)
    {
        int m0, n0;
        tile_at(g.p, i, HEIGHT, PAIR * BM, BN, &m0, &n0);
        CU_UNROLL_BY(1) for (int t = 0; t < tiles; t++, n++)
        {
            unsigned       at = n % STAGES, turn = n / STAGES;
            unsigned char *a = r.stage + at * STAGE_B, *b = a + A_B;
            bar_wait(&r.empty[at], (turn & 1) ^ 1);
            bar_expect(&r.full[at], STAGE_B);
            tma_load(a, &g.a, t * BK, m0 + rank * BM, &r.full[at]);
            if (!NMAJOR)
                tma_load_both(b + rank * (BN / 2) * ROW_B, &g.b, t * BK, n0 + rank * (BN / 2), &r.full[at]);
            else
                CU_UNROLL for (int c = 0; c < BN / 2 / N_BLOCK; c++)
                {
                    int block = rank * (BN / 2 / N_BLOCK) + c;
                    tma_load_both(b + block * WG_BLOCK_B, &g.b, n0 + block * N_BLOCK, t * BK, &r.full[at]);
                }
        }
    }
}

/* This warp reads the stage no more. */
CU_FN void give_back(const ring &r, unsigned n)
{
    if (threadIdx.x % 32 == 0) CU_UNROLL for (int b = 0; b < PAIR; b++) bar_arrive(&r.empty[n % STAGES], b);
}

/* A warp's 16 rows x BN sums, a piece at a time through its place in shared memory: float2 number c of row i
 * lies where c ^ 4 (i % 4) would, so that a fragment's rows meet no bank twice. */
CU_FN void store_rows(const pr_args &p, int m0, int n0, float *piece, const float (&acc)[BN / 2])
{
    int lane = (int)threadIdx.x % 32;
    CU_UNROLL_BY(1) for (int c = 0; c < BN / PIECE; c++)
    {
        CU_UNROLL for (int q = 0; q < BN / PIECE; q++) if (q == c)
            CU_UNROLL for (int j = 0; j < PIECE / 8; j++)
        {
            const float *s = &acc[(q * (PIECE / 8) + j) * 4];
            int          row = lane / 4, at = (j * 4 + lane % 4) ^ (row % 4 * 4);
            ((float2 *)piece)[row * (PIECE / 2) + at] = make_float2(s[0], s[1]);
            ((float2 *)piece)[(row + 8) * (PIECE / 2) + at] = make_float2(s[2], s[3]);
        }
        cu_warp_sync();
        CU_UNROLL_BY(2) for (int i = lane / 16; i < 16; i += 2)
        {
            int four = lane % 16;
            ep_any4(p, m0 + i, n0 + c * PIECE + four * 4,
                    ((const float4 *)piece)[i * (PIECE / 4) + (four ^ (i % 4 * 2))]);
        }
        cu_warp_sync();
    }
}

/* Rows 64 `group`.. of this block's part of every tile of this pair. */
template <class U, bool NMAJOR>
CU_FN void multiply_tiles(const tma_args &g, const ring &r, int rank, int group, unsigned char *pieces)
{
    float    acc[BN / 2];
    int      all = pairs_of(g.p), tiles = (g.p.K + BK - 1) / BK, warp = (int)threadIdx.x / 32 % 4;
    unsigned n = 0;
    CU_UNROLL_BY(1) for (int i = (int)blockIdx.x / PAIR; i < all; i += (int)gridDim.x / PAIR)
    {
        int m0, n0;
        tile_at(g.p, i, HEIGHT, PAIR * BM, BN, &m0, &n0);
        CU_UNROLL for (int j = 0; j < BN / 2; j++) acc[j] = 0;
        CU_UNROLL_BY(1) for (int t = 0; t < tiles; t++, n++)
        {
            bar_wait(&r.full[n % STAGES], n / STAGES & 1);
            uint32_t a = wg_address(r.stage + n % STAGES * STAGE_B + group * 64 * ROW_B),
                     b = wg_address(r.stage + n % STAGES * STAGE_B + A_B);
            wg_begin();
            wg_stage<U, NMAJOR>(acc, a, b);
            wg_end();
            wg_wait<1>();
            if (t > 0) give_back(r, n - 1);
        }
        wg_wait<0>();
        wg_settle(acc);
        give_back(r, n - 1);
        store_rows(g.p, m0 + rank * BM + group * 64 + warp * 16, n0,
                   (float *)(pieces + (group * 4 + warp) * PIECE_B), acc);
    }
}

template <class U, bool NMAJOR> CU_KERNEL(THREADS, 1) tma_kernel(CU_GRID_CONSTANT tma_args g)
{
    CU_SMEM(smem);
    ring r = ring_at(smem);
    int  rank = cu_rank(), group = (int)threadIdx.x / 128 - 1;
    if (threadIdx.x == 0) {
        for (int s = 0; s < STAGES; s++) bar_init(&r.full[s], 1), bar_init(&r.empty[s], PAIR * WARPS);
        bar_made();
    }
    cu_pair_sync(); /* the other block's barriers are there */
    if (group < 0) {
        cu_give_registers<COPIER_REGISTERS>();
        if (threadIdx.x == 0) copy_tiles<NMAJOR>(g, r, rank);
    } else {
        cu_take_registers<SUMS_REGISTERS>();
        multiply_tiles<U, NMAJOR>(g, r, rank, group, smem + RING_B);
    }
    cu_pair_sync(); /* nobody arrives at barriers of a block that has left */
}

template <class U> static ir_status tma_typed(cuda_dev *c, bool bf16, const pr_args &p)
{
    tma_args g;
    auto     fn = p.n_major ? tma_kernel<U, true> : tma_kernel<U, false>;
    int      pairs = pairs_of(p), most = c->sms / PAIR;
    memset(&g, 0, sizeof g);
    g.p = p;
    if (most < 1) return ir_fail(IR_SKIP, "cuda: a pair of blocks needs two multiprocessors");
    ir_status st = cuda_allow_smem(c, (const void *)fn, SMEM_B);
    if (st == IR_OK) st = CU_TRY(c, TensorMap(&g.a, bf16, p.a, (size_t)p.K, (size_t)p.M, BK, BM));
    if (st == IR_OK && p.n_major)
        st = CU_TRY(c, TensorMap(&g.b, bf16, p.b, (size_t)p.N, (size_t)p.K, N_BLOCK, BK));
    else if (st == IR_OK)
        st = CU_TRY(c, TensorMap(&g.b, bf16, p.b, (size_t)p.K, (size_t)p.N, BK, BN / 2));
    if (st != IR_OK) return st;
    dim3 grid((unsigned)(PAIR * (pairs < most ? pairs : most)));
    return cuda_launch_as(CUDA_PAIRS, c, fn, grid, dim3(THREADS), SMEM_B, g);
}

ir_status pr_tma(cuda_dev *c, pr_unit unit, const pr_args *p)
{
    return unit == PR_MMA_F16 ? tma_typed<wg_unit_f16>(c, false, *p) : tma_typed<wg_unit_bf16>(c, true, *p);
}

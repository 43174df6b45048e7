/* wg_tile.cuh -- one stage of a product on the warp-group matrix instructions: 64 rows of A by N columns of
 * B, 64 deep, in 16-bit types with f32 sums; for wide.cu and tma.cu. */
#ifndef CUDA_WG_TILE_CUH
#define CUDA_WG_TILE_CUH
#include "kernels/cuda/product.cuh"
#include "kernels/cuda/wgmma.cuh"

enum { WG_DEEP = 64, WG_BLOCK_B = WG_DEEP * ROW_B /* of 64 columns of B as [k][n] */ };

struct wg_unit_f16 {
    typedef __half                         T;
    template <int H> static CU_MEMBER void k_major(float (&d)[H], uint64_t a, uint64_t b) { wg_f16(d, a, b); }
    template <int H> static CU_MEMBER void n_major(float (&d)[H], uint64_t a, uint64_t b)
    {
        wg_f16_n(d, a, b);
    }
};
struct wg_unit_bf16 {
    typedef __nv_bfloat16                  T;
    template <int H> static CU_MEMBER void k_major(float (&d)[H], uint64_t a, uint64_t b)
    {
        wg_bf16(d, a, b);
    }
    template <int H> static CU_MEMBER void n_major(float (&d)[H], uint64_t a, uint64_t b)
    {
        wg_bf16_n(d, a, b);
    }
};

/* a: this group's 64 rows, b: the stage's B, rows n of 128 bytes (k) as A or, NMAJOR, blocks of 64 columns of
 * 64 rows (k) each. Between wg_begin() and wg_end(). */
template <class U, bool NMAJOR, int H> CU_FN void wg_stage(float (&acc)[H], uint32_t a, uint32_t b)
{
    CU_UNROLL for (uint32_t kk = 0; kk < WG_DEEP / 16; kk++)
    {
        uint64_t da = wg_descriptor(a + kk * 32, 16, 8 * ROW_B);
        if (NMAJOR)
            U::n_major(acc, da, wg_descriptor(b + kk * 16 * ROW_B, WG_BLOCK_B, 8 * ROW_B));
        else
            U::k_major(acc, da, wg_descriptor(b + kk * 32, 16, 8 * ROW_B));
    }
}
#endif

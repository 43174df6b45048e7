/* gemm_isa.c -- matrix product for one ISA: register tiles in f32 and f64 from one body (gemm_body.h). The
 * tile is as large as the register file allows: accumulators hide the multiply-add latency, and every loaded
 * value is used mr or nr times. */
#include "harness/ironroof.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/simd.h"

/* Rows x vectors of the packed tile and its steps at a time, rows x vectors of the unpacked one. */
#if defined(__AVX512F__)
#define TILE_M     14
#define TILE_V     2
#define TILE_STEPS 2
#define BAND_M     6
#define BAND_V     4
#elif defined(__AVX2__)
#define TILE_M     6
#define TILE_V     2
#define TILE_STEPS 2
#define BAND_M     6
#define BAND_V     2
#elif defined(__ARM_NEON)
#define TILE_M     8
#define TILE_V     3
#define TILE_STEPS 1
#define BAND_M     6
#define BAND_V     4
#else
#define TILE_M     4
#define TILE_V     2
#define TILE_STEPS 2
#define BAND_M     4
#define BAND_V     2
#endif

typedef uint16_t half_v __attribute__((vector_size(VBYTES / 2), may_alias));
typedef uint32_t word_v __attribute__((vector_size(VBYTES), may_alias));
/* VF bf16 values as float: their bits are a float's upper half. */
SIMD_INLINE vf gemm_widen(const void *p)
{
    half_v h;
    memcpy(&h, p, sizeof h);
    return (vf)(__builtin_convertvector(h, word_v) << 16);
}
SIMD_INLINE float gemm_widen1(const void *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    uint32_t u = (uint32_t)h << 16;
    float    f;
    memcpy(&f, &u, sizeof f);
    return f;
}

enum { RUN_B = 4 << 10 }; /* of a row of C that few rows keep in L1, and of a row of B at once */

/* Lanes of two vectors interleaved, from lane o on. */
#define ZIP2(a, b, o) __builtin_shufflevector(a, b, o, 2 + o)
#define ZIP4(a, b, o) __builtin_shufflevector(a, b, o, 4 + o, 1 + o, 5 + o)
#define ZIP8(a, b, o) __builtin_shufflevector(a, b, o, 8 + o, 1 + o, 9 + o, 2 + o, 10 + o, 3 + o, 11 + o)
#define ZIP16(a, b, o) \
    __builtin_shufflevector(a, b, o, 16 + o, 1 + o, 17 + o, 2 + o, 18 + o, 3 + o, 19 + o, 4 + o, 20 + o, \
                            5 + o, 21 + o, 6 + o, 22 + o, 7 + o, 23 + o)
#if VBYTES == 64
#define ZIP_F32 ZIP16
#define ZIP_F64 ZIP8
#elif VBYTES == 32
#define ZIP_F32 ZIP8
#define ZIP_F64 ZIP4
#else
#define ZIP_F32 ZIP4
#define ZIP_F64 ZIP2
#endif

#define T              float
#define V              vf
#define VL             VF
#define N(x)           x##_f32
#define V_(x)          vf_##x
#define ZIP_LOW(a, b)  ZIP_F32(a, b, 0)
#define ZIP_HIGH(a, b) ZIP_F32(a, b, VF / 2)
#define WIDEN(p)       gemm_widen(p)
#define WIDEN1(p)      gemm_widen1(p)
#include "kernels/cpu/gemm_body.h"
#undef T
#undef V
#undef VL
#undef N
#undef V_
#undef ZIP_LOW
#undef ZIP_HIGH
#undef WIDEN
#undef WIDEN1
#define T              double
#define V              vd
#define VL             VD
#define N(x)           x##_f64
#define V_(x)          vd_##x
#define ZIP_LOW(a, b)  ZIP_F64(a, b, 0)
#define ZIP_HIGH(a, b) ZIP_F64(a, b, VD / 2)
#define WIDEN(p)       vd_load((const double *)(p)) /* never: no wide inputs */
#define WIDEN1(p)      (*(const double *)(p))
#include "kernels/cpu/gemm_body.h"

#define OPS(t) \
    { \
        TILE_M, NR_##t, BAND_M, NB_##t, pack_a_##t, pack_b_##t, pack_bt_##t, block_##t, finish_side_##t, \
            pack_x_##t, band_##t, runs_##t, sum_##t \
    }
const cpu_gemm_table CPU_SYM(cpu_gemm) = {.type = {[CPU_GEMM_F32] = OPS(f32), [CPU_GEMM_F64] = OPS(f64)}};

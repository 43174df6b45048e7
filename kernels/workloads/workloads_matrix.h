/* workloads_matrix.h -- the arithmetic peak of matrix units. What a kernel needs to know beyond ironroof.h is
 * here. */
#ifndef WORKLOADS_MATRIX_H
#define WORKLOADS_MATRIX_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif

/* ---- "mma": v[0] = chains, v[1] = iters, v[2] = teams (0: one; the context fills the device)
 * ----------------- A chain is a tile of 16 x 8 accumulators (f32; i8: i32) in registers; every iteration
 * adds the product of a 16 x k and a k x 8 tile to each chain, k being 32 bytes of the dtype. The operands
 * are wl_mma_a(i, k), wl_mma_b(k, j): small integers of both signs whose dot products are +-1, 2 or 3, so
 * that every sum is exact in f32, and in f8 units whose accumulators are narrower. Chain c starts at
 * wl_mma_start(c, i, j). A wider instruction computes several chains, or teams, at once. Tensor [0]: per team
 * 128 values (f32, i8: i32): element (i, j) summed over the chains, row-major. */
enum {
    WL_MMA_M = 16,
    WL_MMA_N = 8,
    WL_MMA_K_B = 32,
    WL_MMA_MAX_CHAINS = 32,
    WL_MMA_MAX_ITERS = 1 << 16,
    WL_MMA_MAX_ITERS_F8 = 1 << 11
};
static inline int64_t wl_mma_teams(const ir_params *p) { return p->v[2] > 0 ? p->v[2] : 1; }
static inline int     wl_mma_k(ir_dtype t) { return t == IR_TF32 ? 8 : t == IR_I8 || t == IR_F8 ? 32 : 16; }
/* As expressions, because device code cannot call host functions. Both stay within +-4. */
#define WL_MMA_A(i, k, K)     (((i) + (k) / 2) % 7 - 3 + ((k) == (i) % (K)))
#define WL_MMA_B(k, j)        (((k) % 2 ? -1 : 1) * (1 + ((k) / 2 + (j)) % 3))
#define WL_MMA_START(c, i, j) (((c) + (i) + (j)) % 5)
extern const ir_workload wl_mma;

#ifdef __cplusplus
}
#endif
#endif

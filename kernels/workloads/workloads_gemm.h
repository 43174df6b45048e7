/* workloads_gemm.h -- the dense products: matrix by matrix, matrix by vector, and a batch of vectors by one
 * weight matrix. All matrices are row-major and dense (leading dimension = columns). f32 and f64 compute and
 * store in their type; bf16 and f16 mean such inputs, f32 accumulation, f32 output; tf32 stores f32 numbers
 * that tf32 holds exactly. f8 (e4m3): inputs +-1, 2, 3 or 4, so that the sums are exact in units whose
 * accumulators are narrower than f32; f32 output. i8: inputs -128..127 without 0, i32 output (its tensor is
 * called i8, four bytes an element). */
#ifndef WORKLOADS_GEMM_H
#define WORKLOADS_GEMM_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif

/* ---- family "gemm": C[m,n] = A[m,k] B[k,n]; tensors [0] A, [1] B, [2] C ------------------------------
 * wl_gemm has v = m, n, k; wl_batchmm has v = batch, n, k and calls the tensors X, W, Y: one set of kernels
 * serves both, and reads the shape through wl_gemm_of(). B is the weight matrix in both. */
typedef struct {
    size_t m, n, k;
} wl_gemm_shape;
static inline wl_gemm_shape wl_gemm_of(const ir_params *p)
{
    wl_gemm_shape s = {(size_t)p->v[0], (size_t)p->v[1], (size_t)p->v[2]};
    return s;
}
extern const ir_workload wl_gemm, wl_batchmm;

/* ---- family "gemv": y[m] = W[m,k] x[k], v = m, k; tensors [0] W, [1] x, [2] y ---------------- */
static inline wl_gemm_shape wl_gemv_of(const ir_params *p)
{
    wl_gemm_shape s = {(size_t)p->v[0], 1, (size_t)p->v[1]};
    return s;
}
extern const ir_workload wl_gemv;
/* Family "gemv_twice", a variant for proofs: the same product, tensors and result, every multiply-add done
 * twice on the same loaded value. */
extern const ir_workload wl_gemv_twice;

/* Bytes of an input and of an output element. */
static inline size_t wl_gemm_in_B(ir_dtype t)
{
    return t == IR_F64 ? 8 : t == IR_F32 || t == IR_TF32 ? 4 : t == IR_F8 || t == IR_I8 ? 1 : 2;
}
static inline size_t wl_gemm_out_B(ir_dtype t) { return t == IR_F64 ? 8 : 4; }

/* The types that every processor multiplies somehow; the others need units for them. */
static inline bool wl_gemm_plain(ir_dtype t) { return t == IR_F64 || t == IR_F32 || t == IR_BF16; }

#ifdef __cplusplus
}
#endif
#endif

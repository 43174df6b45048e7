/* product.h -- one description of a matrix product for all kernels that compute one: gemm, fully connected
 * rows, convolutions as implicit products. C[M][N] = act(A[M][K] B + bias + add). The C side builds it,
 * product.cu runs it. */
#ifndef CUDA_PRODUCT_H
#define CUDA_PRODUCT_H
#include "kernels/cuda/cuda.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef enum { PR_F32, PR_F16, PR_BF16, PR_I8, PR_F8 } pr_type;
static inline size_t pr_width(pr_type t) { return t == PR_F32 ? 4 : t == PR_I8 || t == PR_F8 ? 1 : 2; }
typedef struct {
    const void  *a, *b;
    int          M, N, K;
    bool         conv; /* A is an image: row m is an output pixel, k runs over [r][s][c] */
    int          H, W, C, S, stride, pad, pad_w, OH, OW;
    bool         n_major;        /* B is [K][N] (gemm), else [N][K] (weights) */
    bool         fast_a, fast_b; /* rows start at multiples of 16 bytes; set by pr_run() */
    bool         four;           /* outputs and what is added come in whole fours; set by pr_run() */
    const float *bias;           /* [N] or NULL */
    const float *scale;          /* [N] or NULL: of weights of one byte */
    const void  *add;            /* [M][N] or NULL, of type add_t */
    bool         gate;           /* what is added multiplies act's result instead */
    void        *out;            /* [M][N] of type out_t */
    pr_type      add_t, out_t;
    int          act;    /* ly_act */
    int          splits; /* of K; more than one needs partial and tickets */
    float       *partial;
    unsigned    *tickets; /* zero between calls: the last block of a tile resets its own */
} pr_args;

/* How a product runs. */
typedef enum { PR_VECTOR, PR_MMA_F16, PR_MMA_BF16, PR_MMA_TF32 } pr_unit;
typedef struct {
    pr_unit unit;
    bool    big, broad, wide, paired; /* tiles 128 x 128; 128 x 256; the same by warp groups; by pairs of
                                         blocks, where asked for */
    int    splits;
    size_t partial_B, ticket_B;
} pr_plan;
/* Choose tile and splits so that the device is filled; the workspace it needs is at most partial_B and
 * ticket_B. */
void pr_choose(const cuda_dev *, pr_unit, int M, int N, int K, pr_plan *out);
/* Enqueue. a and b are of the unit's type: f32 for PR_VECTOR and PR_MMA_TF32. */
ir_status pr_run(cuda_dev *, const pr_plan *, const pr_args *);
/* The same on sm_90a's warp-group instructions; both operands in rows of whole 16 bytes, no splits, f16 or
 * bf16. */
ir_status pr_wide(cuda_dev *, pr_unit, const pr_args *);
/* The same by pairs of blocks that stay and share what they read; no images. IR_SKIP: this driver describes
 * no tensors to the copy unit. */
ir_status pr_tma(cuda_dev *, pr_unit, const pr_args *);
#if !defined(IR_CUDA_SM90A)
#define IR_CUDA_SM90A 0 /* 1: this build has code for sm_90a */
#endif
/* y[i] = x[i] in another type; n elements. */
ir_status pr_convert(cuda_dev *, void *dst, pr_type dst_t, const void *src, pr_type src_t, size_t n);

/* Few rows (M <= PR_FEW): every weight is read once, at the rate memory delivers. x is f32 [M][K]; b is
 * [N][K] of b_t. */
enum { PR_FEW = 8 };
ir_status pr_few(cuda_dev *, const pr_args *, pr_type b_t);
#ifdef __cplusplus
}
#endif
#endif

/* gemm.h -- the register-blocked product as a part: gemm's own kernels and the layers of networks use it. */
#ifndef OCL_GEMM_H
#define OCL_GEMM_H
#include "kernels/opencl/ocl.h"

/* Y[m,n] = A[m,k] B, B[k,n] or, with trans_b, B[n,k]. in_a, in_b: types of the inputs; T: f32 or f64. */
typedef struct {
    ir_dtype in_a, in_b, T;
    bool     trans_b, epilogue;
} ocl_gemm_kind;
typedef struct {
    cl_kernel     gemm, pack_a, pack_b, pack_image; /* the packs on CPUs only */
    ocl_gemm_tile tile;
    ocl_gemm_kind kind;
} ocl_gemm;
/* Everything an epilogue may add; zeroed with b_at = s_at = -1 and V, add set to any buffer: nothing. */
typedef struct {
    cl_mem  V, add;
    cl_long b_at, s_at;
    cl_int  has_add, act;
} ocl_epilogue;

/* Build the kernels for the tile (mr = 0: the tuned one of this device and T). */
ir_status ocl_gemm_init(ocl_dev *, ocl_gemm_kind, const ocl_gemm_tile *, ocl_gemm *);
void      ocl_gemm_free(ocl_gemm *);
/* Elements of T that the packed A and B take; 0 where the device packs nothing. */
size_t    ocl_gemm_packed_a(const ocl_dev *, const ocl_gemm *, size_t m, size_t k);
size_t    ocl_gemm_packed_b(const ocl_dev *, const ocl_gemm *, size_t n, size_t k);
ir_status ocl_gemm_pack_b(ocl_dev *, const ocl_gemm *, cl_mem B, size_t B_at, cl_mem out, size_t out_at,
                          size_t n, size_t k);
/* Enqueue. CPU: A is packed into `scratch` first; B is packed. Else A and B lie as given. B begins
 * at element B_at of its buffer. A = NULL: scratch holds it packed already. */
ir_status ocl_gemm_run(ocl_dev *, const ocl_gemm *, cl_mem A, cl_mem B, size_t B_at, cl_mem C, cl_mem scratch,
                       size_t m, size_t n, size_t k, const ocl_epilogue *);
/* CPU: the packed A of a convolution, straight from its image. */
typedef struct {
    cl_uint m, h, w, c, r, s, stride, pad, oh, ow, pad_w;
} ocl_image;
ir_status ocl_gemm_pack_image(ocl_dev *, const ocl_gemm *, cl_mem x, cl_mem out, const ocl_image *);
#endif

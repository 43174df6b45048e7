/* linear.h -- products of a weight matrix with few vectors, as a part: gemv and the layers of networks use
 * it. */
#ifndef OCL_LINEAR_H
#define OCL_LINEAR_H
#include "kernels/opencl/gemm.h"
enum { OCL_LINEAR_ROWS = 8 }; /* most rows it takes */
typedef struct {
    cl_kernel kernel;
    size_t    local;
    int       rows;
    bool      epilogue;
} ocl_linear;
/* y[rows][n] = x[rows][k] W', W[n][k] of type w; x of type xt; T: f32 or f64. */
ir_status ocl_linear_init(ocl_dev *, ir_dtype w, ir_dtype xt, ir_dtype T, int rows, bool epilogue,
                          ocl_linear *);
ir_status ocl_linear_run(ocl_dev *, const ocl_linear *, cl_mem W, size_t W_at, cl_mem x, cl_mem y, size_t n,
                         size_t k, const ocl_epilogue *);
#endif

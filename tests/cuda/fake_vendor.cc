/* fake_vendor.cc -- see fake_vendor.h: the entry points under their own names, against the vendor's headers.
 */
#include "tests/cuda/fake_vendor.h"

#include <cublasLt.h>
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <math.h>
#include <string.h>

fake_vendor_state fake_vendor;

void fake_vendor_reset(void)
{
    fake_vendor = {};
    fake_vendor.algorithms = 3;
}

namespace
{
bool           fails() { return ++fake_vendor.calls == fake_vendor.fail_at; }
cublasStatus_t blas_error()
{
    return fake_vendor.error == FAKE_VENDOR_NO_MEMORY ? CUBLAS_STATUS_ALLOC_FAILED
           : fake_vendor.error == FAKE_VENDOR_FAILED  ? CUBLAS_STATUS_EXECUTION_FAILED
                                                      : CUBLAS_STATUS_NOT_SUPPORTED;
}
#define BLAS_CALL() \
    do { \
        if (fails()) return blas_error(); \
    } while (0)

double load(const void *p, cudaDataType_t t, int64_t i)
{
    switch (t) {
    case CUDA_R_64F: return ((const double *)p)[i];
    case CUDA_R_32F: return (double)((const float *)p)[i];
    case CUDA_R_16F: return (double)__half2float(((const __half *)p)[i]);
    case CUDA_R_16BF: return (double)__bfloat162float(((const __nv_bfloat16 *)p)[i]);
    default: return (double)((const int8_t *)p)[i];
    }
}
void store(void *p, cudaDataType_t t, int64_t i, double v)
{
    if (t == CUDA_R_64F)
        ((double *)p)[i] = v;
    else if (t == CUDA_R_32I)
        ((int32_t *)p)[i] = (int32_t)v;
    else
        ((float *)p)[i] = (float)v;
}
struct matrix {
    const void    *p;
    cudaDataType_t t;
    int64_t        ld;
    bool           turned;
};
/* Column-major, as the libraries have it. */
double at(const matrix &m, int64_t row, int64_t col)
{
    return load(m.p, m.t, m.turned ? col + row * m.ld : row + col * m.ld);
}
void product(matrix a, matrix b, void *c, cudaDataType_t ct, int64_t ldc, int64_t m, int64_t n, int64_t k)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double s = 0;
            for (int64_t q = 0; q < k; q++) s += at(a, i, q) * at(b, q, j);
            store(c, ct, i + j * ldc, s);
        }
}
struct object {
    int64_t v[8];
};
template <class H> void make(H *h)
{
    *h = (H) new object();
    fake_vendor.live++;
}
template <class H> void drop(H h)
{
    delete (object *)h;
    fake_vendor.live--;
}
object &of(const void *h) { return *(object *)h; }
} // namespace

extern "C" {
/* ---- cuBLAS ---------------------------------------------------------------------------------- */
cublasStatus_t cublasCreate_v2(cublasHandle_t *h)
{
    BLAS_CALL();
    make(h);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy_v2(cublasHandle_t h)
{
    drop(h);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream_v2(cublasHandle_t, cudaStream_t)
{
    BLAS_CALL();
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t)
{
    BLAS_CALL();
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGemmEx(cublasHandle_t, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                            const void *, const void *A, cudaDataType at, int lda, const void *B,
                            cudaDataType bt, int ldb, const void *, void *C, cudaDataType ct, int ldc,
                            cublasComputeType_t, cublasGemmAlgo_t)
{
    BLAS_CALL();
    product({A, at, lda, ta != CUBLAS_OP_N}, {B, bt, ldb, tb != CUBLAS_OP_N}, C, ct, ldc, m, n, k);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSgemv_v2(cublasHandle_t, cublasOperation_t t, int m, int n, const float *,
                              const float *A, int lda, const float *x, int, const float *, float *y, int)
{
    BLAS_CALL();
    if (t != CUBLAS_OP_T) return CUBLAS_STATUS_INVALID_VALUE;
    product({A, CUDA_R_32F, lda, true}, {x, CUDA_R_32F, m, false}, y, CUDA_R_32F, n, n, 1, m);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDgemv_v2(cublasHandle_t, cublasOperation_t t, int m, int n, const double *,
                              const double *A, int lda, const double *x, int, const double *, double *y, int)
{
    BLAS_CALL();
    if (t != CUBLAS_OP_T) return CUBLAS_STATUS_INVALID_VALUE;
    product({A, CUDA_R_64F, lda, true}, {x, CUDA_R_64F, m, false}, y, CUDA_R_64F, n, n, 1, m);
    return CUBLAS_STATUS_SUCCESS;
}

/* ---- cuBLASLt: a layout is type, rows, columns, leading dimension; a description whether A is transposed
 * ---- */
cublasStatus_t cublasLtCreate(cublasLtHandle_t *h)
{
    BLAS_CALL();
    make(h);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t h)
{
    drop(h);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *d, cublasComputeType_t, cudaDataType_t)
{
    BLAS_CALL();
    make(d);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d)
{
    drop(d);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t a,
                                              const void *v, size_t)
{
    BLAS_CALL();
    if (a != CUBLASLT_MATMUL_DESC_TRANSA) return CUBLAS_STATUS_INVALID_VALUE;
    of(d).v[0] = *(const cublasOperation_t *)v != CUBLAS_OP_N;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *l, cudaDataType t, uint64_t rows,
                                          uint64_t cols, int64_t ld)
{
    BLAS_CALL();
    make(l);
    of(*l) = {{(int64_t)t, (int64_t)rows, (int64_t)cols, ld}};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l)
{
    drop(l);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *p)
{
    BLAS_CALL();
    make(p);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p)
{
    drop(p);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t,
                                                    cublasLtMatmulPreferenceAttributes_t, const void *,
                                                    size_t)
{
    BLAS_CALL();
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatmulPreference_t, int most,
                                              cublasLtMatmulHeuristicResult_t *r, int *n)
{
    BLAS_CALL();
    *n = fake_vendor.algorithms < most ? fake_vendor.algorithms : most;
    memset(r, 0, sizeof *r * (size_t)*n);
    for (int i = 0; i < *n; i++) r[i].algo.data[0] = (uint64_t)i;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t d, const void *, const void *A,
                              cublasLtMatrixLayout_t a, const void *B, cublasLtMatrixLayout_t b, const void *,
                              const void *, cublasLtMatrixLayout_t, void *C, cublasLtMatrixLayout_t c,
                              const cublasLtMatmulAlgo_t *algo, void *, size_t, cudaStream_t)
{
    BLAS_CALL();
    if (algo->data[0] < (uint64_t)fake_vendor.refused) return CUBLAS_STATUS_NOT_SUPPORTED;
    bool   turned = of(d).v[0] != 0;
    matrix left = {A, (cudaDataType_t)of(a).v[0], of(a).v[3], turned},
           right = {B, (cudaDataType_t)of(b).v[0], of(b).v[3], false};
    product(left, right, C, (cudaDataType_t)of(c).v[0], of(c).v[3], of(c).v[1], of(c).v[2],
            turned ? of(a).v[1] : of(a).v[2]);
    return CUBLAS_STATUS_SUCCESS;
}
}

/* ---- cuDNN: a tensor is n, c, h, w; a filter k, c, r, s; a convolution pad, stride, groups; all NHWC f32
 * ---- */
#if defined(IR_HAVE_CUDNN)
#include <cudnn.h>
static cudnnStatus_t dnn_error()
{
    return fake_vendor.error == FAKE_VENDOR_NO_MEMORY ? CUDNN_STATUS_ALLOC_FAILED
           : fake_vendor.error == FAKE_VENDOR_FAILED  ? CUDNN_STATUS_EXECUTION_FAILED
                                                      : CUDNN_STATUS_NOT_SUPPORTED;
}
extern "C" {
#define DNN_CALL() \
    do { \
        if (fails()) return dnn_error(); \
    } while (0)
#define PAIR(name, type) \
    cudnnStatus_t cudnnCreate##name(type *h) \
    { \
        DNN_CALL(); \
        make(h); \
        return CUDNN_STATUS_SUCCESS; \
    } \
    cudnnStatus_t cudnnDestroy##name(type h) \
    { \
        drop(h); \
        return CUDNN_STATUS_SUCCESS; \
    }
PAIR(, cudnnHandle_t)
PAIR(TensorDescriptor, cudnnTensorDescriptor_t)
PAIR(FilterDescriptor, cudnnFilterDescriptor_t)
PAIR(ConvolutionDescriptor, cudnnConvolutionDescriptor_t)
PAIR(ActivationDescriptor, cudnnActivationDescriptor_t)
cudnnStatus_t cudnnSetStream(cudnnHandle_t, cudaStream_t)
{
    DNN_CALL();
    return CUDNN_STATUS_SUCCESS;
}
const char   *cudnnGetErrorString(cudnnStatus_t) { return "an error the test asked for"; }
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t f, cudnnDataType_t t,
                                         int n, int c, int h, int w)
{
    DNN_CALL();
    if (f != CUDNN_TENSOR_NHWC || t != CUDNN_DATA_FLOAT) return CUDNN_STATUS_BAD_PARAM;
    of(d) = {{n, c, h, w}};
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t t, cudnnTensorFormat_t f,
                                         int k, int c, int r, int s)
{
    DNN_CALL();
    if (f != CUDNN_TENSOR_NHWC || t != CUDNN_DATA_FLOAT) return CUDNN_STATUS_BAD_PARAM;
    of(d) = {{k, c, r, s}};
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t d, int ph, int, int sh, int, int,
                                              int, cudnnConvolutionMode_t mode, cudnnDataType_t)
{
    DNN_CALL();
    if (mode != CUDNN_CROSS_CORRELATION) return CUDNN_STATUS_BAD_PARAM;
    of(d) = {{ph, sh, 1}};
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t d, int n)
{
    DNN_CALL();
    of(d).v[2] = n;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t, cudnnMathType_t)
{
    DNN_CALL();
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetActivationDescriptor(cudnnActivationDescriptor_t, cudnnActivationMode_t,
                                           cudnnNanPropagation_t, double)
{
    DNN_CALL();
    return CUDNN_STATUS_SUCCESS;
}
static void convolve(const object &x, const float *in, const object &w, const float *W, const object &conv,
                     const object &y, float *out, const float *bias)
{
    int64_t C = x.v[1], K = y.v[1], per = w.v[1], pad = conv.v[0], stride = conv.v[1], groups = conv.v[2];
    for (int64_t i = 0; i < y.v[0] * y.v[2] * y.v[3] * K; i++) {
        int64_t k = i % K, ow = i / K % y.v[3], oh = i / K / y.v[3] % y.v[2], n = i / K / y.v[3] / y.v[2];
        double  s = 0;
        for (int64_t q = 0; q < w.v[2] * w.v[3] * per; q++) {
            int64_t c = q % per, h = oh * stride - pad + q / per / w.v[3],
                    v = ow * stride - pad + q / per % w.v[3];
            if (h < 0 || h >= x.v[2] || v < 0 || v >= x.v[3]) continue;
            s += (double)in[((n * x.v[2] + h) * x.v[3] + v) * C + k / (K / groups) * per + c] *
                 (double)W[k * w.v[2] * w.v[3] * per + q];
        }
        out[i] = bias ? fmaxf((float)(s + (double)bias[k]), 0) : (float)s;
    }
}
cudnnStatus_t cudnnFindConvolutionForwardAlgorithmEx(cudnnHandle_t, const cudnnTensorDescriptor_t,
                                                     const void *, const cudnnFilterDescriptor_t,
                                                     const void *, const cudnnConvolutionDescriptor_t,
                                                     const cudnnTensorDescriptor_t, void *, const int most,
                                                     int *n, cudnnConvolutionFwdAlgoPerf_t *r, void *, size_t)
{
    DNN_CALL();
    *n = fake_vendor.algorithms < most ? fake_vendor.algorithms : most;
    memset(r, 0, sizeof *r * (size_t)*n);
    for (int i = 0; i < *n; i++)
        r[i].status = i < fake_vendor.refused ? CUDNN_STATUS_NOT_SUPPORTED : CUDNN_STATUS_SUCCESS;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t, const void *, const cudnnTensorDescriptor_t xd,
                                      const void *x, const cudnnFilterDescriptor_t wd, const void *w,
                                      const cudnnConvolutionDescriptor_t cd, cudnnConvolutionFwdAlgo_t,
                                      void *, size_t, const void *, const cudnnTensorDescriptor_t yd, void *y)
{
    DNN_CALL();
    convolve(of(xd), (const float *)x, of(wd), (const float *)w, of(cd), of(yd), (float *)y, NULL);
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnConvolutionBiasActivationForward(
    cudnnHandle_t, const void *, const cudnnTensorDescriptor_t xd, const void *x,
    const cudnnFilterDescriptor_t wd, const void *w, const cudnnConvolutionDescriptor_t cd,
    cudnnConvolutionFwdAlgo_t, void *, size_t, const void *, const cudnnTensorDescriptor_t, const void *,
    const cudnnTensorDescriptor_t, const void *bias, const cudnnActivationDescriptor_t,
    const cudnnTensorDescriptor_t yd, void *y)
{
    DNN_CALL();
    convolve(of(xd), (const float *)x, of(wd), (const float *)w, of(cd), of(yd), (float *)y,
             (const float *)bias);
    return CUDNN_STATUS_SUCCESS;
}
}
#endif

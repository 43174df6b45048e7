/* api.c -- the table of runtime calls filled with the CUDA runtime itself, which is linked statically: it
 * loads the driver when first called and reports cudaErrorInsufficientDriver where there is none. */
#include "kernels/cuda/cuda.h"

#include <cuda.h>
#include <string.h>

/* The C entry point takes a log buffer that changed meaning between versions; this form is in both. */
static cudaError_t instantiate(cudaGraphExec_t *out, cudaGraph_t g)
{
    return cudaGraphInstantiateWithFlags(out, g, 0);
}

static cudaError_t tensor_map(void *map, bool bf16, const void *base, size_t cols, size_t rows,
                              unsigned box_cols, unsigned box_rows)
{
    typedef CUresult encode(CUtensorMap *, CUtensorMapDataType, cuuint32_t, void *, const cuuint64_t *,
                            const cuuint64_t *, const cuuint32_t *, const cuuint32_t *, CUtensorMapInterleave,
                            CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill);
    enum cudaDriverEntryPointQueryResult found;
    void                                *entry = NULL;
    encode                              *f;
    cuuint64_t                           size[2] = {cols, rows}, stride[1] = {2 * (cuuint64_t)cols};
    cuuint32_t                           box[2] = {box_cols, box_rows}, step[2] = {1, 1};
    cudaError_t                          e =
        cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &found);
    if (e != cudaSuccess) return e;
    if (found != cudaDriverEntryPointSuccess || !entry) return cudaErrorNotSupported;
    memcpy(&f, &entry, sizeof f); /* POSIX returns functions as data pointers */
    return f(map, bf16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, (void *)base,
             size, stride, box, step, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
             CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS
               ? cudaSuccess
               : cudaErrorInvalidValue;
}

const cuda_api cuda_runtime = {.GetDeviceCount = cudaGetDeviceCount,
                               .DriverGetVersion = cudaDriverGetVersion,
                               .RuntimeGetVersion = cudaRuntimeGetVersion,
                               .SetDevice = cudaSetDevice,
                               .GetDeviceProperties = cudaGetDeviceProperties,
                               .DeviceGetAttribute = cudaDeviceGetAttribute,
                               .MemGetInfo = cudaMemGetInfo,
                               .Malloc = cudaMalloc,
                               .Free = cudaFree,
                               .HostAlloc = cudaHostAlloc,
                               .FreeHost = cudaFreeHost,
                               .HostGetDevicePointer = cudaHostGetDevicePointer,
                               .MemcpyAsync = cudaMemcpyAsync,
                               .MemsetAsync = cudaMemsetAsync,
                               .StreamCreateWithFlags = cudaStreamCreateWithFlags,
                               .StreamDestroy = cudaStreamDestroy,
                               .StreamSynchronize = cudaStreamSynchronize,
                               .StreamWaitEvent = cudaStreamWaitEvent,
                               .EventCreate = cudaEventCreate,
                               .EventDestroy = cudaEventDestroy,
                               .EventRecord = cudaEventRecord,
                               .EventSynchronize = cudaEventSynchronize,
                               .EventElapsedTime = cudaEventElapsedTime,
                               .LaunchKernel = cudaLaunchKernel,
                               .LaunchCooperativeKernel = cudaLaunchCooperativeKernel,
                               .LaunchKernelExC = cudaLaunchKernelExC,
                               .FuncSetAttribute = cudaFuncSetAttribute,
                               .FuncGetAttributes = cudaFuncGetAttributes,
                               .OccupancyMaxActiveBlocksPerMultiprocessor =
                                   cudaOccupancyMaxActiveBlocksPerMultiprocessor,
                               .StreamBeginCapture = cudaStreamBeginCapture,
                               .StreamEndCapture = cudaStreamEndCapture,
                               .GraphInstantiate = instantiate,
                               .GraphLaunch = cudaGraphLaunch,
                               .GraphExecDestroy = cudaGraphExecDestroy,
                               .GraphDestroy = cudaGraphDestroy,
                               .TensorMap = tensor_map,
                               .GetLastError = cudaGetLastError,
                               .GetErrorString = cudaGetErrorString,
                               .GetErrorName = cudaGetErrorName};

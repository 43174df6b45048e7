/* api.c -- the table of runtime calls filled with the CUDA runtime itself, which is linked statically: it
 * loads the driver when first called and reports cudaErrorInsufficientDriver where there is none. */
#include "kernels/cuda/cuda.h"

/* The C entry point takes a log buffer that changed meaning between versions; this form is in both. */
static cudaError_t instantiate(cudaGraphExec_t *out, cudaGraph_t g)
{
    return cudaGraphInstantiateWithFlags(out, g, 0);
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
                               .GetLastError = cudaGetLastError,
                               .GetErrorString = cudaGetErrorString,
                               .GetErrorName = cudaGetErrorName};

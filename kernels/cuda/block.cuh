/* block.cuh -- reductions over a block of N threads, every one of which gets the result; the barriers in them
 * order shared memory. */
#ifndef CUDA_BLOCK_CUH
#define CUDA_BLOCK_CUH
#include "kernels/cuda/device.cuh"

template <int N> CU_FN float block_sum(float v)
{
    CU_SHARED(float, part[N / 32]);
    v = cu_warp_sum(v);
    cu_sync();
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    cu_sync();
    v = 0;
    for (int w = 0; w < N / 32; w++) v += part[w];
    return v;
}
template <int N> CU_FN float block_max(float v)
{
    CU_SHARED(float, part[N / 32]);
    v = cu_warp_max(v);
    cu_sync();
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    cu_sync();
    v = part[0];
    for (int w = 1; w < N / 32; w++) v = fmaxf(v, part[w]);
    return v;
}
#endif

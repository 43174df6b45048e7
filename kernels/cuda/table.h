/* table.h -- every CUDA kernel, one X() line each, in ladder order. The file that defines
 * `const ir_kernel cuda_<x>` must exist or the link fails. */
/* gemm, gemv */
X(cuda_gemm_naive)
X(cuda_gemm_tiled)
X(cuda_gemm_blocked)
X(cuda_gemm_mma)
X(cuda_gemv_naive)
X(cuda_gemv_stream)
/* memory: streams, pointer chase, random gather */
X(cuda_stream_naive)
X(cuda_stream_tiles)
X(cuda_stream_resident)
X(cuda_stream_hint)
X(cuda_stream_memcpy)
X(cuda_chase_warps)
X(cuda_gather_quad)
X(cuda_gather_wide)
/* fma, forkjoin */
X(cuda_fma_chains)
X(cuda_launch_queue)
X(cuda_launch_sync)
X(cuda_launch_graph)
X(cuda_launch_grid)

/* table.h -- every CPU kernel, one X() line each, in ladder order. The file that defines
 * `const ir_kernel cpu_<x>` must exist or the link fails. */
/* gemm, gemv */
X(cpu_gemm_naive)
X(cpu_gemm_blocked)
X(cpu_gemm_openblas)
X(cpu_gemv_naive)
X(cpu_gemv_stream)
X(cpu_gemv_openblas)
X(cpu_gemv_openblas_gemm)
/* memory: streams, pointer chase, random gather */
X(cpu_stream_naive)
X(cpu_stream_regular)
X(cpu_stream_narrow)
X(cpu_stream_nt)
X(cpu_stream_narrow_nt)
X(cpu_chase_pointer)
X(cpu_gather_naive)
X(cpu_gather_regular)
X(cpu_gather_vector)
/* fma, clock, forkjoin */
X(cpu_fma_chains)
#if defined(__x86_64__)
X(cpu_fma_amx)
#elif defined(__aarch64__)
X(cpu_fma_mmla)
#endif
X(cpu_clock_chain)
X(cpu_clock_vector)
X(cpu_forkjoin_pool)

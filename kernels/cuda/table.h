/* table.h -- every CUDA kernel, one X() line each, in ladder order. The file that defines
 * `const ir_kernel cuda_<x>` must exist or the link fails. */
/* gemm, gemv */
X(cuda_gemm_naive)
X(cuda_gemm_tiled)
X(cuda_gemm_blocked)
X(cuda_gemm_mma)
X(cuda_gemm_wgmma)
#if IR_HAVE_CUBLAS
X(cuda_gemm_cublas)
X(cuda_gemm_cublaslt)
#endif
X(cuda_gemv_naive)
X(cuda_gemv_stream)
#if IR_HAVE_CUBLAS
X(cuda_gemv_cublas)
#endif
/* memory: streams, pointer chase, random gather */
X(cuda_stream_naive)
X(cuda_stream_tiles)
X(cuda_stream_resident)
X(cuda_stream_hint)
X(cuda_stream_memcpy)
X(cuda_stream_half)
X(cuda_chase_warps)
X(cuda_gather_quad)
X(cuda_gather_wide)
/* fma, forkjoin */
X(cuda_fma_chains)
X(cuda_mma_sync)
X(cuda_mma_wgmma)
X(cuda_launch_queue)
X(cuda_launch_sync)
X(cuda_launch_graph)
X(cuda_launch_grid)
X(cuda_local_shared)
X(cuda_transfer_pageable)
X(cuda_transfer_pinned)
X(cuda_transfer_mapped)
X(cuda_overlap_streams)
/* operators and networks */
X(cuda_conv_direct)
X(cuda_conv_implicit)
#if IR_HAVE_CUDNN
X(cuda_conv_cudnn)
#endif
X(cuda_linear_product)
X(cuda_norm_rows)
X(cuda_softmax_rows)
X(cuda_act_map)
X(cuda_add_map)
X(cuda_embed_rows)
X(cuda_attention_naive)
X(cuda_attention_split)
X(cuda_attention_flash)
X(cuda_cnn_launches)
X(cuda_cnn_graph)
X(cuda_gpt_launches)
X(cuda_gpt_graph)
X(cuda_gpt_few)
X(cuda_gpt_few_graph)
X(cuda_gpt_early_graph)
X(cuda_gpt_resident)
/* the other lighthouse models */
X(cuda_bag_items)
X(cuda_dlrm_launches)
X(cuda_dlrm_graph)
X(cuda_encoder_launches)
X(cuda_encoder_graph)

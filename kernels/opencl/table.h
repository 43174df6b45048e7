/* table.h -- every OpenCL kernel, one X() line each, in ladder order. */
/* memory: streams, pointer chase, random gather, transfers, local memory */
X(ocl_stream_scalar)
X(ocl_stream_narrow)
X(ocl_stream_wide)
X(ocl_stream_wide_nt)
X(ocl_stream_fused)
X(ocl_chase_item)
X(ocl_gather_items)
X(ocl_transfer_pageable)
X(ocl_transfer_pinned)
X(ocl_transfer_mapped)
X(ocl_local_groups)
/* fma, launch */
X(ocl_fma_whole)
X(ocl_fma_halved)
X(ocl_fma_lane)
X(ocl_launch_pipelined)
X(ocl_launch_waited)

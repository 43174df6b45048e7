/* static_smem.h -- static shared memory of kernels as ptxas reports it, bytes, the most over template
 * arguments and capabilities; a kernel that is not here has none. Beside dynamic shared memory, whose
 * alignment is 1024, ptxas rounds up to that. test_cuda_sass.py holds it against what was compiled. */
X(few_kernel, 512)
X(groups_kernel, 512)
X(gemv_f64_kernel, 64)
X(attention_kernel, 6144)
X(tiled_kernel, 16896)
X(turn_kernel, 4224)
X(vector_kernel, 3072)
X(norm_kernel, 1024)
X(softmax_kernel, 1024)
X(local_kernel, 1024)
X(gather_kernel, 64)
X(stream_kernel, 256)
X(naive_read_kernel, 256)

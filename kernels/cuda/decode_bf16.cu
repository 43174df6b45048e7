/* decode_bf16.cu -- decode.cuh for weights in bf16. */
#include "kernels/cuda/decode.cuh"

DC_KERNELS(dc_bf16, w_bf16);

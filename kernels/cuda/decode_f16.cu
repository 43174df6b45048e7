/* decode_f16.cu -- decode.cuh for weights in f16. */
#include "kernels/cuda/decode.cuh"

DC_KERNELS(dc_f16, w_f16);

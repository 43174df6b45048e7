/* decode_i8.cu -- decode.cuh for weights in i8. */
#include "kernels/cuda/decode.cuh"

DC_KERNELS(dc_i8, w_i8);

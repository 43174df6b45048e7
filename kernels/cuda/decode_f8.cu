/* decode_f8.cu -- decode.cuh for weights in f8. */
#include "kernels/cuda/decode.cuh"

DC_KERNELS(dc_f8, w_f8);

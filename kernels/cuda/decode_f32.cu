/* decode_f32.cu -- decode.cuh for weights in f32. */
#include "kernels/cuda/decode.cuh"

DC_KERNELS(dc_f32, w_f32);

/* models.h -- rows of recommendation networks and encoders that other networks lack. Buffers as in rows.h. */
#ifndef CUDA_MODELS_H
#define CUDA_MODELS_H
#include "kernels/cuda/rows.h"
#ifdef __cplusplus
extern "C" {
#endif
/* W: the whole tensor, of type wt; lookups: where bags begin, then row numbers. */
ir_status rw_bag(cuda_dev *, const ly_row *, const int32_t *lookups, const void *W, pr_type wt, rw_buf out);
ir_status rw_interact(cuda_dev *, const ly_row *, rw_buf in, rw_buf add, rw_buf out); /* LY_CONCAT too */
/* scale: row scales of one-byte weights, or NULL. */
ir_status rw_tokens(cuda_dev *, const ly_row *, rw_buf in, const void *W, pr_type wt, const float *scale,
                    rw_buf out);
ir_status rw_patches(cuda_dev *, const ly_row *, rw_buf in, rw_buf out);
/* out += the rows of a LY_EMBED's token types. */
ir_status rw_types(cuda_dev *, const ly_row *, const void *W, pr_type wt, const float *scale, rw_buf out);
#ifdef __cplusplus
}
#endif
#endif

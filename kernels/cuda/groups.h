/* groups.h -- weights in groups (ly_format) on the device: values, scales and zero points in planes of their
 * own, so that 16 bytes of values are one load. */
#ifndef CUDA_GROUPS_H
#define CUDA_GROUPS_H
#include "kernels/cuda/rows.h"
#ifdef __cplusplus
extern "C" {
#endif
typedef struct {
    const unsigned char *values; /* 16 bytes: 32 values of 4 bits, byte j has j and j + 16; or 16 of 8 bits */
    const void          *scale;  /* f16 a group */
    const unsigned char *zero;   /* a byte a group; NULL: 8 of 4 bits, 0 of 8 bits */
    int                  bits, group;
    size_t               n; /* elements */
} gr_planes;
/* Bytes of the planes of n elements, a multiple of 256; and where they lie in memory of so many. */
size_t    gr_bytes(int bits, ly_format, size_t n);
gr_planes gr_at(const void *memory, int bits, ly_format, size_t n);
/* Fill planes from the stored tensor. */
ir_status gr_split(cuda_dev *, const gr_planes *, const void *W);
/* All weights as bf16. */
ir_status gr_open(cuda_dev *, const gr_planes *, void *out);
/* pr_few() with weights from element `first` on. */
ir_status gr_few(cuda_dev *, const pr_args *, const gr_planes *, size_t first);
/* Rows of a table without positions. */
ir_status gr_embed(cuda_dev *, const ly_row *, const int32_t *token, const gr_planes *, rw_buf out);
#ifdef __cplusplus
}
#endif
#endif

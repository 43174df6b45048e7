/* im2col.h -- a convolution as a matrix product over unrolled windows, a band of pixels at a time; the
 * product is OpenBLAS's where it is built in, else our own tiles'. Called outside regions of the pool:
 * OpenBLAS brings its own threads. */
#ifndef CPU_IM2COL_H
#define CPU_IM2COL_H
#include "kernels/cpu/conv.h"

typedef struct {
    ly_row        row;
    ir_pool      *pool;
    int           threads;
    bool          unroll; /* false: a 1x1 filter, whose matrix is the input itself */
    cpu_conv_plan own;    /* without OpenBLAS: the product over one unrolled image */
    int64_t       band;   /* pixels of a product: of one image where windows are unrolled, else of all */
    char         *matrix, *work;
    size_t        matrix_B, work_B; /* matrix: [groups][band][r][s][c/groups] */
} cpu_im2col;
/* IR_SKIP where the product cannot be made with so many threads. */
ir_status cpu_im2col_can(const ly_row *, int threads);
/* Are windows copied to a matrix? Not where they are single pixels, one beside the other: there the input is
 * the matrix. */
bool cpu_im2col_unrolls(const ly_row *);
/* Pixels of a band: as many as some megabytes of matrix hold, unless that were too few for a product at full
 * speed. Without a matrix it is the library's own copy that grows with them. */
int64_t   cpu_im2col_band(const ly_row *);
ir_status cpu_im2col_make(const ir_dev *, const ly_row *, int threads, cpu_im2col *out);
void      cpu_im2col_free(cpu_im2col *); /* idempotent */
/* Floats that pack() writes; 0: the weights are used as they are. */
size_t cpu_im2col_packed_n(const cpu_im2col *);
void   cpu_im2col_pack(const cpu_im2col *, const void *W, const void *bias, float *packed);
/* y = act(x * W + bias + add). bias, add: NULL for none; packed: what pack() wrote with the same bias. */
void cpu_im2col_run(const cpu_im2col *, const void *x, const void *W, const float *packed, const void *bias,
                    const void *add, void *y);
#endif

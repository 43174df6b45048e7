/* linear_packed.h -- Y[rows,k] = X[rows,c] W[k,c]' + b for many rows: both sides are copied into the panels
 * of the product's register tile (gemm.h). X is packed once, by all threads together; each then packs the
 * rows of W that are its columns of Y, block by block, widened to f32 where they are of another type. W may
 * also be laid out so beforehand, where it lies. */
#ifndef CPU_LINEAR_PACKED_H
#define CPU_LINEAR_PACKED_H
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/linear.h"

typedef struct {
    const cpu_gemm_ops *ops;
    int                 tm, tn;          /* threads over rows of X, over rows of W */
    size_t              mc, kc;          /* rows of X that a panel of W meets at once, its depth */
    size_t              rows, c, panels; /* of X: rows, elements of each, panels of ops->mr rows */
    size_t              x_B, scratch_B;  /* packed X; a thread's own */
    bool                laid;            /* whole panels of W lie packed in its place: cpu_linear_lay() */
} cpu_linear_panels;

/* Whether so many rows pay for copying W into panels; only for sums in f32. */
bool cpu_linear_packs(cpu_dot, size_t rows);
/* For l->rows, c and k. laid: W will be laid out before; only of f32. */
cpu_linear_panels cpu_linear_panels_of(const ir_dev *, const cpu_linear *l, int threads, bool laid);
/* This thread's part of laying W out in its own place, which starts at a multiple of 64; rows that make no
 * whole panel stay as they are. scratch: cpu_linear_lay_B() bytes. */
void   cpu_linear_lay(const cpu_linear *, const cpu_linear_panels *, int tid, int nthreads, void *scratch);
size_t cpu_linear_lay_B(const cpu_linear_panels *);
/* Rows of panel i of X, which begin at x and lie c elements apart, to their place in `out`, of x_B bytes. */
void cpu_linear_pack_panel(const cpu_linear_panels *, size_t i, const void *x, char *out);
/* This thread's part of Y, with what follows the sums. l->x: every panel packed; scratch: scratch_B bytes. */
void cpu_linear_packed(const cpu_linear *, const cpu_linear_panels *, int tid, void *scratch);
#endif

/* decode.h -- a step of few token rows as a short list of phases: what a phase is, as host and device see it.
 * A phase is one kernel where phases are launched one by one, and the stretch between two barriers where one
 * resident kernel walks them all. A GPT layer has five: query-key-value product, attention, projection, and
 * the MLP's two products. Norms are part of the product that reads them, the parts of an attention are joined
 * by the projection that reads it. */
#ifndef CUDA_DECODE_H
#define CUDA_DECODE_H
#include "kernels/nets/layer.h"
#include "kernels/cuda/product.h"
#ifdef __cplusplus
extern "C" {
#endif

enum {
    DC_ROWS = 4,
    DC_THREADS = 256,
    DC_WARPS = DC_THREADS / 32,
    DC_MAX_DH = 128
}; /* most token rows of a step; a block */
typedef enum { DC_EMBED, DC_PRODUCT, DC_ATTENTION } dc_op;
typedef struct {
    int op;           /* dc_op */
    int in, add, out; /* activation buffers of the table, LY_NONE, or LY_OUTPUT; f32 */
    int M, N, K;      /* product: out[M][N] = act(x[M][K] W' + bias + add). embed: K columns */
    int every, skip;  /* row m of x is row m * every + skip of the input */
    int act;          /* ly_act */
    int split; /* attention: blocks that share a query's keys. A product with split > 0 reads their parts */
    int heads, dh, tokens, past; /* attention, and the product that joins its parts */
    int warps;                   /* product: warps that share an output row, 1, 2, 4 or 8 */
    int ahead;          /* the product whose weights are fetched into L2 while this phase ends; -1: none */
    int64_t W_at, P_at; /* elements into W */
    int64_t b_at, s_at, g_at,
        o_at;             /* elements into V: bias; row scales; the norm's gain and offset; -1: none */
    int64_t plane, vocab; /* attention: first element of its cache planes; embed: rows of the table */
} dc_phase;
typedef struct {
    const dc_phase *phase;         /* [n], device memory */
    int             n, batch, cap; /* cap: rows a sequence has in the cache */
    const void     *W;
    const float    *V;
    void           *kv;
    const int32_t  *token;
    float          *buf[LY_MAX_BUF], *out;
    float          *parts;   /* [row][head][split]: maximum, sum, dh columns */
    unsigned       *arrived; /* blocks at the barrier, zero when the kernel starts */
} dc_args;

/* Floats of shared memory a block needs for phase p of B rows. */
static inline int dc_shared(const dc_phase *p, int rows)
{
    return p->op == DC_PRODUCT     ? rows * (p->K + DC_WARPS)
           : p->op == DC_ATTENTION ? p->dh + DC_WARPS * (p->dh + 2)
                                   : 0;
}
/* Kernels for `rows` token rows of weights wt: one phase on `blocks` blocks; all phases on a resident grid.
 * IR_SKIP: too much shared memory. */
ir_status dc_run_phase(cuda_dev *, const dc_args *, int phase, int rows, pr_type wt, int blocks, size_t smem);
ir_status dc_run_resident(cuda_dev *, const dc_args *, int rows, pr_type wt, int blocks, size_t smem);
/* Blocks of the resident kernel that the device holds at once. */
ir_status dc_resident(cuda_dev *, int rows, pr_type wt, size_t smem, int *blocks);
#ifdef __cplusplus
}
#endif
#endif

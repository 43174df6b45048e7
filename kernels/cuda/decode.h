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
    DC_MAX_DH = 128,
    DC_SPLIT = 16
}; /* most token rows of a step; a block; most shares of a query's keys, half a warp */
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
    int early; /* product: launched before its input is there; its weights are fetched into L2 meanwhile */
    int ahead; /* the product whose weights are fetched into L2 while this phase ends; -1: none */
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
    return p->op == DC_PRODUCT     ? rows * (p->K + DC_WARPS) + p->M * p->heads * p->split
           : p->op == DC_ATTENTION ? DC_WARPS * (p->dh + 2)
                                   : 0;
}
/* Kernels for `rows` token rows (1, 2 or 4) of one type of weights: one phase on `blocks` blocks; all phases
 * on a resident grid; the blocks of either kernel that the device holds at once. IR_SKIP: too much shared
 * memory. */
typedef struct {
    ir_status (*phase)(cuda_dev *, const dc_args *, const dc_phase *, int rows, int blocks, size_t smem);
    ir_status (*resident)(cuda_dev *, const dc_args *, int rows, int blocks, size_t smem);
    ir_status (*at_once)(cuda_dev *, int rows, bool resident, size_t smem, int *blocks);
} dc_kernels;
extern const dc_kernels dc_f32, dc_f16, dc_bf16, dc_i8, dc_f8;
#ifdef __cplusplus
}
#endif
#endif

/* rows.h -- the operators of layer tables that are no matrix products. Buffers are of any pr_type that holds
 * activations (f32, f16, bf16); arithmetic is f32. */
#ifndef CUDA_ROWS_H
#define CUDA_ROWS_H
#include "kernels/nets/layer.h"
#include "kernels/cuda/product.h"
#ifdef __cplusplus
extern "C" {
#endif
typedef struct {
    void   *p;
    pr_type t;
} rw_buf;
/* offset NULL: an RMS norm. */
ir_status rw_norm(cuda_dev *, const ly_row *, rw_buf in, rw_buf out, const float *gain, const float *offset);
/* Turns queries and keys of qkv in place: cosines and sines of dh/2 pairs for each new position, on the
 * device, f32. */
ir_status rw_turn(cuda_dev *, const ly_row *, rw_buf qkv, const float *turn);
ir_status rw_softmax(cuda_dev *, int64_t rows, int64_t c, rw_buf in, rw_buf out);
/* out = act(in + add + bias[i % c]); add.p and bias may be NULL. */
ir_status rw_map(cuda_dev *, size_t n, int c, int act, rw_buf in, rw_buf add, const float *bias, rw_buf out);
ir_status rw_pool(cuda_dev *, const ly_row *, rw_buf in, rw_buf out);
/* W: the table, of type wt; scale: row scales of one-byte weights, or NULL. */
ir_status rw_embed(cuda_dev *, const ly_row *, const int32_t *token, const void *W, pr_type wt,
                   const float *scale, rw_buf out);
/* A thread an output element; any groups. bias may be NULL. */
ir_status rw_conv_direct(cuda_dev *, const ly_row *, rw_buf in, const void *W, pr_type wt, const float *bias,
                         rw_buf add, rw_buf out);
/* Attention over qkv and the cache (element 0 of its plane pair `row->block`), and the new rows appended to
 * it. split: blocks that share the keys of one query; more than 1 needs work (rw_attention_work bytes) and
 * tickets (zero, one for every query and head). */
ir_status rw_attention(cuda_dev *, const ly_row *, int64_t cap, rw_buf qkv, void *kv, pr_type kv_t,
                       rw_buf out, int split, float *work, unsigned *tickets);
int       rw_attention_split(const cuda_dev *, const ly_row *);
size_t    rw_attention_work(const ly_row *, int split);
/* The same for many queries, on matrix units, in one launch (two where qkv is of another type than the
 * cache); queries and weights are rounded to kv_t. rw_flash_can: IR_SKIP where this device, type or shape has
 * no kernel. */
ir_status rw_flash(cuda_dev *, const ly_row *, int64_t cap, rw_buf qkv, void *kv, pr_type kv_t, rw_buf out);
ir_status rw_flash_can(const cuda_dev *, const ly_row *, pr_type kv_t);
#ifdef __cplusplus
}
#endif
#endif

/* oracle.h -- what a row of a layer table computes, in plain C: the truth that every kernel is held against.
 * Sums run in f32 lanes that are folded into double every 512 terms, so their error stays below one f32
 * rounding of the result; bias, residual, activation, norms and softmax are in double; results are f32. It
 * shares no code with any kernel. */
#ifndef NETS_REFERENCE_H
#define NETS_REFERENCE_H
#include "kernels/nets/cache.h"
#include "kernels/nets/format.h"
typedef struct {
    ir_dtype    dtype;
    const void *W;
    const void *V;
    ly_format   format; /* of W, of n elements */
    int64_t     n;
} ref_weights; /* W in dtype, V f32; any address */
/* What a matrix row does with its sums. add, bias: NULL for none. */
typedef struct {
    const float *bias, *add;
    ly_act       act;
    float       *out;
    int64_t      ld;
    bool         gate; /* add multiplies the result instead */
} ref_epilogue;

/* out[p][n] = act(sum_k x[p][k] W[n][k] + bias[n] + add[p][n]); W at W_at, row scales of one-byte weights at
 * V[s_at]; s_at < 0: none. */
ir_status ref_product(const float *x, int64_t P, int64_t K, const ref_weights *, int64_t W_at, int64_t s_at,
                      int64_t N, const ref_epilogue *);
/* One image of a convolution or pool: x [h][w][c], add and out [oh][ow][k]. */
ir_status ref_conv(const ly_row *, const ref_weights *, const float *x, const float *add, float *out);
void      ref_pool(const ly_row *, const float *x, float *out);
void ref_norm(int64_t rows, int64_t c, const float *gain, const float *offset, const float *x, float *out);
/* The norm of a row of a table, of one row of c. */
void ref_norm_row(const ly_row *, const float *gain, const float *offset, const float *x, float *out);
/* Turn the dh elements of one query or key at `position`. */
void   ref_rotate(const ly_rope *, int64_t dh, int64_t position, float *x);
void   ref_softmax(int64_t rows, int64_t c, const float *x, float *out);
double ref_act(ly_act, double x);
/* LY_EMBED: adds the token types' rows. LY_TOKENS, LY_PATCHES. row: room for one of c. */
void ref_types(const ly_row *, const ref_weights *, float *row, float *out);
void ref_tokens(const ly_row *, const ref_weights *, const float *x, float *row, float *out);
void ref_patches(const ly_row *, const float *x, float *out);
/* LY_ATTENTION that sees all. */
ir_status ref_attention_all(const ly_row *, const float *qkv, float *out);
/* LY_MOE. gap: NULL, or by how much each row's choice was clear: its smallest chosen logit less the largest
 * other, relative to their root mean square. */
ir_status ref_moe(const ly_row *, const ref_weights *, const float *x, const float *add, float *out,
                  double *gap);
/* LY_BAG: lookups as its input has them. LY_INTERACT and LY_CONCAT. */
ir_status ref_bag(const ly_row *, const ref_weights *, const void *lookups, float *out);
void      ref_interact(const ly_row *, const float *x, const float *others, float *out);
/* Where attention finds the cached rows of one sequence, `item` of the cache at `at`, and who is given its
 * new ones: plane by plane (cache.h) of each block in turn, [tokens][dh] as floats rounded to the cache's
 * dtype, gone after the call. */
typedef struct {
    const ly_cache *cache;
    const void     *at;
    int64_t         item;
    void (*take)(void *to, int64_t block, int64_t plane, const float *rows);
    void *to;
} ref_cache;
/* Attention of one sequence: qkv [tokens][(heads + 2 kv_heads)*dh]; new keys and values are attended as
 * rounded. */
ir_status ref_attention(const ly_row *, const ref_cache *, const float *qkv, float *out);

/* A whole network for one item. net: its table for batch 1. input: that item's image or tokens. NULL: a
 * network without attention. out: out_elems. */
ir_status ref_network(const ly_net *net, const ref_weights *, const void *input, const ref_cache *,
                      float *out);
#endif

/* workloads_nets.h -- convolution, operators, attention and whole networks: what a kernel needs to know
 * beyond ironroof.h and layer.h. Every kernel reads its shape through the row or table that wl_row_of() and
 * wl_net_of() build: no kernel interprets p.v[] itself. Calling a kernel again on the same tensors gives the
 * same result: the cache rows from `past` on are overwritten. Tensors of each family, in this order:
 *
 * - conv: x f32 NHWC, W [k][r][s][c/groups] in dtype, V f32: bias[k], y f32 NHWC
 * - linear: x f32 [rows][c], W [k][c] in dtype, V f32: bias[k], then row scales[k] of one-byte weights,
 *   y f32 [rows][k]
 * - norm: x f32 [rows][c], V f32: gain[c], offset[c], y f32 [rows][c]
 * - softmax, act: x f32 [rows][c], y f32 [rows][c]
 * - add: x f32, add f32, y f32
 * - embed: tokens i32 [rows], W: table [vocab][c], then positions, y f32
 * - attention: qkv f32 [batch*tokens][3*heads*dh], KV cache INOUT in ly_kv_dtype, y f32
 *   [batch*tokens][heads*dh]
 * - networks: input, W, V, output f32, KV cache INOUT (gpt2 only) */
#ifndef WORKLOADS_NETS_H
#define WORKLOADS_NETS_H
#include "kernels/nets/layer.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Families (a kernel serves a family), and v of each workload:
 *
 * - conv: n, h, w, c, k, r, s, stride, pad, groups, fuse (0: bare, 1: bias and ReLU in the same pass, 2: bias
 *   and ReLU as passes of their own)
 * - linear: rows, c, k
 * - norm, softmax: rows, c
 * - act: rows, c, kind (relu, gelu)
 * - add: rows, c
 * - embed: rows, c, vocab
 * - attention: batch, heads, dh, tokens, past
 * - cnn (resnet50, mobilenetv2): batch, res; (dscnn): batch
 * - gpt (gpt2): size, batch, tokens, past
 * - gpt (gpt): layers, width, heads, vocab, context, batch, tokens, past
 * - gpt (llama): enum wl_llama_param below
 * - dlrm: size, batch, rows, zipf
 * - encoder (bert): size, batch, tokens
 * - encoder (vit): size, batch, res
 * - bag: rows, c, bags, lookups, zipf
 * - mixtral: size, batch, tokens, past
 * - moe: tokens, width, ff, experts, top */
extern const ir_workload wl_conv, wl_linear, wl_norm, wl_softmax, wl_act, wl_add2, wl_embed, wl_attention,
    wl_chain, wl_normchain;
/* chain: n elements, k operations, and whether they are one pass. x f32 [n], ab f32 [2][k], y f32 [n]. */
enum { WL_CHAIN_FUSED, WL_CHAIN_UNFUSED, WL_CHAIN_MOST = 1024 };
/* normchain, of the same family: layer norm, dropout, ReLU on rows; v = rows, c, fuse, drop (per cent of the
 * elements that dropout leaves out). x f32 [rows][c] | V f32: gain[c], offset[c] | y f32 [rows][c].
 * wl_row_of() gives the norm. Element j of row i is left out where the hash of j under the row's own seed, as
 * a signed number, is below the limit; the others are scaled by 1/(1 - drop/100). */
enum { WL_NORMCHAIN_STEPS = 3, WL_DROP_SEED = 0xD80 };
static inline bool     wl_chain_fused(const ir_params *p) { return p->v[2] == WL_CHAIN_FUSED; } /* of both */
static inline uint32_t wl_drop_row(int64_t i) { return ir_hash32(WL_DROP_SEED, (uint64_t)i); }
static inline int32_t  wl_drop_limit(const ir_params *p)
{
    return (int32_t)(INT32_MIN + (p->v[3] << 32) / 100);
}
static inline float wl_drop_scale(const ir_params *p) { return 100 / (float)(100 - p->v[3]); }
static inline bool  wl_dropped(const ir_params *p, int64_t i, int64_t j)
{
    return (int32_t)ir_hash32(wl_drop_row(i), (uint64_t)j) < wl_drop_limit(p);
}
extern const ir_workload wl_resnet50, wl_mobilenetv2, wl_dscnn, wl_gpt2, wl_gpt, wl_llama;
extern const ir_workload wl_dlrm, wl_bag, wl_bert, wl_vit, wl_moe, wl_mixtral;
enum { WL_MOE_EXPERTS = 512 };
/* Their variants for proofs, by name only: the same work on shared matrices (ly_share: in gpt2 all at one
 * place, in resnet50 those of one shape), so that most weights are found in a cache. */
extern const ir_workload wl_resnet50_shared, wl_gpt2_shared;

enum { WL_BARE, WL_FUSED, WL_UNFUSED }; /* conv's fuse */
/* The row is the same for WL_FUSED and WL_UNFUSED (bias and ReLU): only this tells whether to make passes of
 * them. */
static inline int wl_fuse_of(const ir_params *p) { return (int)p->v[10]; }
/* The one row of an operator workload's point. W_at = 0 and b_at, g_at, s_at are offsets into V as laid out
 * above. */
void wl_row_of(const ir_workload *, const ir_params *, ly_row *out);
/* Is it one of the whole networks? */
bool wl_is_net(const ir_workload *);
/* llama's v[]; of the first nine a 0 means "as `size` has it", and the named sizes are ly_llama[]. WL_FORMAT
 * says how weights are stored: whole (f32, f16, bf16), an f32 scale a row (i8, f8), or groups of 32, 64 or
 * 128 with an f16 scale, g..z with 4-bit zero points (ly_format); WL_KV the cache's dtype. */
enum wl_llama_param {
    WL_SIZE,
    WL_LAYERS,
    WL_WIDTH,
    WL_HEADS,
    WL_KV_HEADS,
    WL_FF,
    WL_VOCAB,
    WL_THETA,
    WL_PAIRS,
    WL_HEAD,
    WL_BATCH,
    WL_TOKENS,
    WL_PAST,
    WL_FORMAT,
    WL_KV,
    WL_LLAMA_N
};
/* Words of WL_FORMAT, NULL-terminated, and what they mean for weights of a dtype; IR_EINVAL where it means
 * nothing. WL_FORMAT_AUTO: none, a row's scale, or for i4 groups of 32. */
enum { WL_FORMAT_AUTO };
extern const char *const wl_format_word[];
int64_t                  wl_format_of(ir_dtype, int64_t word); /* AUTO resolved */
ir_status                wl_format(ir_dtype, int64_t word, ly_format *out);
/* A network's table; ly_free() it. IR_EINVAL as the network's builder. */
ir_status wl_net_of(const ir_workload *, const ir_params *, ly_net *out);
#ifdef __cplusplus
}
#endif
#endif

/* encoder.h -- encoders: every token sees all others, no cache. BERT norms after attention and MLP, ViT
 * before them; both have biases everywhere and GELU in the erf form. */
#ifndef NETS_ENCODER_H
#define NETS_ENCODER_H
#include "kernels/nets/layer.h"
#ifdef __cplusplus
extern "C" {
#endif
typedef struct {
    const char *name;
    int64_t     layers, d, heads, ff;
    int64_t     vocab, context, types; /* BERT: rows of its three tables */
    int64_t     patch, classes;        /* ViT: pixels of a patch's side; 0: BERT */
} ly_encoder_shape;
enum { LY_BERT_BASE, LY_BERT_LARGE, LY_NBERT, LY_BERT_TINY = LY_NBERT };
enum { LY_VIT_BASE, LY_VIT_LARGE, LY_NVIT, LY_VIT_TINY = LY_NVIT };
extern const ly_encoder_shape ly_bert_shapes[LY_NBERT + 1], ly_vit_shapes[LY_NVIT + 1];
/* Tokens to the pooled output: the first token's, through a matrix and tanh. The second half of a sequence is
 * of the second token type. Parameters: (vocab + context + types) d + 2 d + layers (4 d^2 + 2 d ff + 9 d +
 * ff)
 * + d^2 + d. */
ir_status ly_bert(const ly_encoder_shape *, int64_t batch, int64_t tokens, ly_net *out);
/* Images of res x res pixels, a multiple of the patch, to logits: (res/patch)^2 patches and a class token. */
ir_status ly_vit(const ly_encoder_shape *, int64_t batch, int64_t res, ly_net *out);
#ifdef __cplusplus
}
#endif
#endif

/* encoder.c -- BERT and ViT as workloads. */
#include "kernels/nets/encoder.h"
#include "kernels/workloads/networks.h"

enum { SIZE, BATCH, THIRD };

static ir_status bert_net(const ir_params *p, ly_net *out)
{
    if (p->v[SIZE] < 0 || p->v[SIZE] > LY_BERT_TINY)
        return ir_fail(IR_EINVAL, "size=%lld: give base, large or tiny", (long long)p->v[SIZE]);
    return ly_bert(&ly_bert_shapes[p->v[SIZE]], p->v[BATCH], p->v[THIRD], out);
}

static ir_status vit_net(const ir_params *p, ly_net *out)
{
    if (p->v[SIZE] < 0 || p->v[SIZE] > LY_VIT_TINY)
        return ir_fail(IR_EINVAL, "size=%lld: give base, large or tiny", (long long)p->v[SIZE]);
    return ly_vit(&ly_vit_shapes[p->v[SIZE]], p->v[BATCH], p->v[THIRD], out);
}

#define ENCODER_TYPES (1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16 | 1u << IR_I8)
static const nets_kind   bert_kind = {.net = bert_net}, vit_kind = {.net = vit_net};
static const char *const size_word[] = {"base", "large", "tiny", NULL}; /* tiny: for tests */
/* size, batch, tokens */
static const ir_params bert_quick[] = {{{LY_BERT_BASE, 1, 128}, IR_F32, 0}};
static const ir_params bert_full[] = {
    {{LY_BERT_BASE, 1, 16}, IR_F32, 0},   {{LY_BERT_BASE, 1, 128}, IR_F32, 0},
    {{LY_BERT_BASE, 2, 128}, IR_F32, 0},  {{LY_BERT_BASE, 4, 128}, IR_F32, 0},
    {{LY_BERT_BASE, 8, 128}, IR_F32, 0},  {{LY_BERT_BASE, 32, 128}, IR_F32, 0},
    {{LY_BERT_BASE, 1, 384}, IR_F32, 0},  {{LY_BERT_BASE, 1, 128}, IR_BF16, 0},
    {{LY_BERT_LARGE, 1, 128}, IR_F32, 0}, {{LY_BERT_LARGE, 1, 384}, IR_F32, 0}};
static const ir_params bert_odd[] = {{{LY_BERT_TINY, 1, 1}, IR_F32, 0},
                                     {{LY_BERT_TINY, 3, 13}, IR_F32, 0},
                                     {{LY_BERT_TINY, 2, 40}, IR_F32, 0}};
/* size, batch, res */
static const ir_params vit_full[] = {
    {{LY_VIT_BASE, 1, 224}, IR_F32, 0},  {{LY_VIT_BASE, 2, 224}, IR_F32, 0},
    {{LY_VIT_BASE, 4, 224}, IR_F32, 0},  {{LY_VIT_BASE, 8, 224}, IR_F32, 0},
    {{LY_VIT_BASE, 1, 224}, IR_BF16, 0}, {{LY_VIT_LARGE, 1, 224}, IR_F32, 0}};
static const ir_params vit_odd[] = {
    {{LY_VIT_TINY, 1, 8}, IR_F32, 0}, {{LY_VIT_TINY, 3, 24}, IR_F32, 0}, {{LY_VIT_TINY, 2, 40}, IR_F32, 0}};
const ir_workload wl_bert = {.name = "bert",
                             .family = "encoder",
                             .doc = "BERT: tokens through all layers to the pooled output",
                             .param = {"size", "batch", "tokens"},
                             .word = {[SIZE] = size_word},
                             .defaults = {{LY_BERT_BASE, 1, 128}, IR_F32, 0},
                             .dtypes = ENCODER_TYPES,
                             NETWORK(bert)};
const ir_workload wl_vit = {.name = "vit",
                            .family = "encoder",
                            .doc = "Vision transformer, patches of 16: images to logits",
                            .param = {"size", "batch", "res"},
                            .word = {[SIZE] = size_word},
                            .defaults = {{LY_VIT_BASE, 1, 224}, IR_F32, 0},
                            .dtypes = ENCODER_TYPES,
                            NETWORK_LONG(vit)};

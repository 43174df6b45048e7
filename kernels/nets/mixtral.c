/* mixtral.c -- Mixtral 8x7B, a quarter of its depth and half of its width, and a shape for tests. */
#include "kernels/nets/layer.h"

#define MIXTRAL(n, l, w, h, kv, f, v, c, e, t) \
    { \
        .name = n, .layers = l, .d = w, .heads = h, .kv_heads = kv, .ff = f, .vocab = v, .context = c, \
        .rms = true, .eps = 1e-5, .act = LY_SILU, .gated = true, \
        .rope = {.pairs = LY_ROPE_HALVES, .theta = 1e6}, .experts = e, .top = t \
    }
const ly_decoder_shape ly_mixtral[LY_NMIXTRAL + 1] = {
    MIXTRAL("mini", 4, 2048, 16, 4, 7168, 32000, 32768, 8, 2),
    MIXTRAL("8x7b", 32, 4096, 32, 8, 14336, 32000, 32768, 8, 2),
    MIXTRAL("tiny", 2, 80, 5, 1, 56, 211, 48, 5, 2)};

/* llama.c -- Llama and what has its architecture: RMS norms, rotary positions, grouped queries, a SiLU gate
 * in the MLP, no biases (Qwen2.5 has them on q, k and v). Shapes and eps as published with the weights. */
#include "kernels/nets/layer.h"

#define ROPE(theta_) \
    { \
        .pairs = LY_ROPE_HALVES, .theta = (theta_) \
    }
#define ROPE_31(factor_) \
    { \
        LY_ROPE_HALVES, 500000, factor_, 1, 4, 8192 \
    }
#define LLAMA(name_, l, d_, h, kv, f, v, c, tied_, rope_) \
    { \
        .name = name_, .layers = l, .d = d_, .heads = h, .kv_heads = kv, .ff = f, .vocab = v, .context = c, \
        .rms = true, .act = LY_SILU, .gated = true, .rope = rope_, .tied = tied_ \
    }
#define QWEN(name_, l, d_, h, kv, f) \
    { \
        .name = name_, .layers = l, .d = d_, .heads = h, .kv_heads = kv, .ff = f, .vocab = 151936, \
        .context = 32768, .rms = true, .eps = 1e-6, .act = LY_SILU, .gated = true, .rope = ROPE(1000000), \
        .tied = true, .biases = LY_QKV_BIAS \
    }
const ly_decoder_shape ly_llama[LY_NLLAMA] = {
    LLAMA("1b", 16, 2048, 32, 8, 8192, 128256, 131072, true, ROPE_31(32)),
    LLAMA("3b", 28, 3072, 24, 8, 8192, 128256, 131072, true, ROPE_31(32)),
    LLAMA("8b", 32, 4096, 32, 8, 14336, 128256, 8192, false, ROPE(500000)),
    LLAMA("7b", 32, 4096, 32, 32, 11008, 32000, 4096, false, ROPE(10000)),
    LLAMA("13b", 40, 5120, 40, 40, 13824, 32000, 4096, false, ROPE(10000)),
    LLAMA("tinyllama", 22, 2048, 32, 4, 5632, 32000, 2048, false, ROPE(10000)),
    LLAMA("mistral-7b", 32, 4096, 32, 8, 14336, 32000, 32768, false, ROPE(10000)),
    QWEN("qwen-0.5b", 24, 896, 14, 2, 4864),
    QWEN("qwen-1.5b", 28, 1536, 12, 2, 8960),
    LLAMA("70b", 80, 8192, 64, 8, 28672, 128256, 8192, false, ROPE(500000)),
    [LY_LLAMA_TINY] = LLAMA("tiny", 2, 80, 5, 1, 224, 211, 48, false, ROPE(10000))};

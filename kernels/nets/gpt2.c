/* gpt2.c -- GPT-2 and what has its architecture (GPT-3): learned positions, layer norm before attention and
 * MLP and a last one, biases everywhere, GELU, the token embedding tied to the output head. */
#include "kernels/nets/layer.h"

const ly_gpt_shape ly_gpt2[LY_NSIZE + 1] = {{"small", 12, 768, 12, 3072, 50257, 1024},
                                            {"medium", 24, 1024, 16, 4096, 50257, 1024},
                                            {"large", 36, 1280, 20, 5120, 50257, 1024},
                                            {"xl", 48, 1600, 25, 6400, 50257, 1024},
                                            {"tiny", 2, 80, 5, 320, 211, 48}};

ir_status ly_gpt(const ly_gpt_shape *g, int64_t batch, int64_t tokens, int64_t past, ly_net *net)
{
    const ly_decoder_shape d = {.name = g->name,
                                .layers = g->layers,
                                .d = g->d,
                                .heads = g->heads,
                                .kv_heads = g->heads,
                                .ff = g->ff,
                                .vocab = g->vocab,
                                .context = g->context,
                                .act = LY_GELU,
                                .learned = true,
                                .tied = true,
                                .biases = LY_ALL_BIAS};
    const ly_step          s = {.batch = batch, .tokens = tokens, .past = past};
    return ly_decoder(&d, &s, net);
}

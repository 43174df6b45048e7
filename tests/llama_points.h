/* llama_points.h -- points of the Llama-like step by the words of their keys. Include after <cmocka.h>. */
#ifndef TESTS_LLAMA_POINTS_H
#define TESTS_LLAMA_POINTS_H
#include "kernels/workloads/workloads_nets.h"

#include <string.h>

static inline int64_t word_of(const ir_workload *w, int param, const char *word)
{
    for (int64_t i = 0; w->word[param][i]; i++)
        if (!strcmp(w->word[param][i], word)) return i;
    fail_msg("%s has no %s=%s", w->name, w->param[param], word);
    return -1;
}

static inline ir_params step(int64_t size, int64_t batch, int64_t tokens, int64_t past, ir_dtype t)
{
    return (ir_params){{[WL_SIZE] = size, [WL_BATCH] = batch, [WL_TOKENS] = tokens, [WL_PAST] = past}, t, 0};
}

static inline ir_params stored(ir_params p, const char *format, const char *kv)
{
    if (format) p.v[WL_FORMAT] = word_of(&wl_llama, WL_FORMAT, format);
    if (kv) p.v[WL_KV] = word_of(&wl_llama, WL_KV, kv);
    return p;
}

/* layers, width, heads, kv_heads, ff, vocab, theta, pairs, head */
#define WIDE OTHER_SIZE, 2, 128, 4, 2, 384, 67, 1000, 1 + 1, 2
#define DEEP OTHER_SIZE, 1, 256, 4, 1, 128, 131, 50, 1, 1
#define ODD  OTHER_SIZE, 1, 96, 2, 1, 160, 37, 1000, 1 + 1, 2 /* rows of 3 and 5 blocks */
enum { OTHER_SIZE = LY_NLLAMA };

#endif

/* mixtral.c -- a step of a decoder whose MLPs are mixtures of experts, as a workload. */
#include "kernels/workloads/networks.h"

enum { SIZE, BATCH, TOKENS, PAST };

static ir_status mixtral_net(const ir_params *p, ly_net *out)
{
    const ly_step s = {.batch = p->v[BATCH], .tokens = p->v[TOKENS], .past = p->v[PAST]};
    if (p->v[SIZE] < 0 || p->v[SIZE] > LY_MIXTRAL_TINY)
        return ir_fail(IR_EINVAL, "size=%lld: give mini, 8x7b or tiny", (long long)p->v[SIZE]);
    return ly_decoder(&ly_mixtral[p->v[SIZE]], &s, out);
}

static const nets_kind   mixtral_kind = {.net = mixtral_net};
static const char *const size_word[] = {"mini", "8x7b", "tiny", NULL}; /* tiny: for tests */
/* size, batch, tokens, past */
static const ir_params mixtral_full[] = {
    {{LY_MIXTRAL_MINI, 1, 1, 128}, IR_F32, 0},   {{LY_MIXTRAL_MINI, 1, 1, 128}, IR_BF16, 0},
    {{LY_MIXTRAL_MINI, 2, 1, 128}, IR_BF16, 0},  {{LY_MIXTRAL_MINI, 4, 1, 128}, IR_BF16, 0},
    {{LY_MIXTRAL_MINI, 8, 1, 128}, IR_BF16, 0},  {{LY_MIXTRAL_MINI, 16, 1, 128}, IR_BF16, 0},
    {{LY_MIXTRAL_MINI, 32, 1, 128}, IR_BF16, 0}, {{LY_MIXTRAL_MINI, 1, 128, 0}, IR_BF16, 0},
    {{LY_MIXTRAL_MINI, 1, 1, 128}, IR_I8, 0}};
static const ir_params mixtral_odd[] = {{{LY_MIXTRAL_TINY, 1, 1, 0}, IR_F32, 0},
                                        {{LY_MIXTRAL_TINY, 3, 1, 17}, IR_F32, 0},
                                        {{LY_MIXTRAL_TINY, 2, 7, 9}, IR_F32, 0}};
const ir_workload      wl_mixtral = {.name = "mixtral",
                                     .family = "mixtral",
                                     .doc = "a step of a decoder with mixtures of experts: tokens=1 decodes",
                                     .param = {"size", "batch", "tokens", "past"},
                                     .word = {[SIZE] = size_word},
                                     .defaults = {{LY_MIXTRAL_MINI, 1, 1, 128}, IR_BF16, 0},
                                     .dtypes = 1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16 | 1u << IR_I8,
                                     NETWORK_LONG(mixtral)};

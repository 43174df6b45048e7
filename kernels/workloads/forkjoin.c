/* forkjoin.c -- "forkjoin": a parallel region that does nothing, the launch term of the law alone. */
#include "kernels/workloads/workloads_compute.h"

#include <string.h>

static ir_cost forkjoin_cost(IR_SELF, const ir_params *p)
{
    (void)p;
    return (ir_cost){.launches = 1};
}

static int forkjoin_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    out[0] = (ir_tensor){"seen", sizeof(uint64_t) * (size_t)wl_threads(p), IR_OUT, IR_F64};
    return 1;
}

static void forkjoin_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                           ir_check *out)
{
    uint64_t got;
    int      wrong = 0;
    (void)before;
    for (int t = 0; t < wl_threads(p); t++) {
        memcpy(&got, (const char *)after[0] + sizeof got * (size_t)t, sizeof got);
        wrong += got != WL_FORKJOIN_SEEN + (uint64_t)t;
    }
    *out = (ir_check){wrong, 0, "each thread ran each region; err counts wrong threads"};
}

static const ir_params quick[] = {{{0}, IR_F64, 1}, {{0}, IR_F64, 0}};

const ir_workload wl_forkjoin = {.name = "forkjoin",
                                 .family = "launch",
                                 .doc = "an empty parallel region: fork and join",
                                 .defaults = {{0}, IR_F64, 0},
                                 .dtypes = 1u << IR_F64,
                                 .quick = quick,
                                 .nquick = sizeof quick / sizeof *quick,
                                 .full = quick,
                                 .nfull = sizeof quick / sizeof *quick,
                                 .odd = quick,
                                 .nodd = sizeof quick / sizeof *quick,
                                 .cost = forkjoin_cost,
                                 .tensors = forkjoin_tensors,
                                 .check = forkjoin_check};

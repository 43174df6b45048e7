/* clock.c -- "clock": dependent one-cycle integer operations, from whose rate the running clock follows. No
 * memory, no floating point. Refuses chains beyond 2^32 operations, which nobody waits for. */
#include "kernels/workloads/workloads_compute.h"

#include <math.h>
#include <string.h>

static ir_status clock_valid(IR_SELF, const ir_params *p)
{
    if (p->v[0] < 1 || p->v[0] > (int64_t)1 << 32)
        return ir_fail(IR_EINVAL, "adds=%lld: give 1 to 2^32", (long long)p->v[0]);
    return IR_OK;
}

static ir_cost clock_cost(IR_SELF, const ir_params *p)
{
    ir_cost c = {0};
    c.flops = (double)p->v[0];
    c.launches = 1;
    return c;
}

static int clock_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    out[0] = (ir_tensor){"x", sizeof(uint64_t) * (size_t)wl_threads(p), IR_OUT, IR_F64};
    return 1;
}

static void clock_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                        ir_check *out)
{
    uint64_t x = WL_CLOCK_START, got;
    int      wrong = 0;
    (void)before;
    for (int64_t i = 0; i < p->v[0]; i++) x = i % 2 ? x ^ WL_CLOCK_XOR : x + WL_CLOCK_ADD;
    for (int t = 0; t < wl_threads(p); t++) {
        memcpy(&got, (const char *)after[0] + sizeof got * (size_t)t, sizeof got);
        wrong += got != x;
    }
    *out = (ir_check){wrong, 0, "replay, exact; err counts wrong threads"};
}

static const ir_params quick[] = {{{1 << 17}, IR_F64, 1}};
static const ir_params full[] = {{{1 << 17}, IR_F64, 1}, {{1 << 17}, IR_F64, 0}};
static const ir_params odd[] = {{{1}, IR_F64, 0},    {{2}, IR_F64, 1},   {{15}, IR_F64, 0}, {{16}, IR_F64, 1},
                                {{17}, IR_F64, 0},   {{63}, IR_F64, 0},  {{64}, IR_F64, 1}, {{65}, IR_F64, 0},
                                {{1001}, IR_F64, 0}, {{4096}, IR_F64, 0}};

const ir_workload wl_clock = {.name = "clock",
                              .family = "clock",
                              .doc = "dependent one-cycle integer operations: adds/T is the running clock",
                              .param = {"adds"},
                              .defaults = {{1 << 17}, IR_F64, 1},
                              .dtypes = 1u << IR_F64,
                              .quick = quick,
                              .nquick = sizeof quick / sizeof *quick,
                              .full = full,
                              .nfull = sizeof full / sizeof *full,
                              .odd = odd,
                              .nodd = sizeof odd / sizeof *odd,
                              .valid = clock_valid,
                              .cost = clock_cost,
                              .tensors = clock_tensors,
                              .check = clock_check};

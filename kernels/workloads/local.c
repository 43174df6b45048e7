/* local.c -- "local": loads from the memory inside a processor that programs address themselves. Only devices
 * have kernels for it. Refuses buffers that are no multiple of 16 bytes. */
#include "kernels/workloads/workloads_compute.h"

enum { BYTES, PASSES, GROUPS };

static ir_status local_valid(IR_SELF, const ir_params *p)
{
    if (p->v[BYTES] < 16 || p->v[BYTES] % 16 || p->v[BYTES] > 1 << 24)
        return ir_fail(IR_EINVAL, "bytes=%lld: give 16 to 2^24, a multiple of 16", (long long)p->v[BYTES]);
    if (p->v[PASSES] < 1 || p->v[PASSES] > 1 << 24)
        return ir_fail(IR_EINVAL, "passes=%lld: give 1 to 2^24", (long long)p->v[PASSES]);
    if (p->v[GROUPS] < 1 || p->v[GROUPS] > 1 << 20)
        return ir_fail(IR_EINVAL, "groups=%lld: give 1 to 2^20", (long long)p->v[GROUPS]);
    return IR_OK;
}

static ir_cost local_cost(IR_SELF, const ir_params *p)
{
    return (ir_cost){.launches = 1,
                     .footprint_B = (double)p->v[BYTES] * (double)p->v[PASSES] * (double)p->v[GROUPS]};
}

static int local_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    out[0] = (ir_tensor){"sums", sizeof(double) * (size_t)p->v[GROUPS], IR_OUT, IR_F64};
    return 1;
}

static void local_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                        ir_check *out)
{
    const double *got = after[0];
    uint32_t      sum = 0;
    int64_t       wrong = 0;
    (void)before;
    for (uint32_t i = 0; i < (uint32_t)(p->v[BYTES] / 4); i++) sum += wl_local_value(i);
    sum *= (uint32_t)p->v[PASSES];
    for (int64_t g = 0; g < p->v[GROUPS]; g++) wrong += !(got[g] == (double)sum); /* NaN is wrong */
    *out = (ir_check){(double)wrong, 0, "sum modulo 2^32, exact; err counts wrong groups"};
}

/* bytes, passes, groups */
static const ir_params quick[] = {{{16384, 1024, 512}, IR_F32, 0}};
static const ir_params full[] = {
    {{4096, 4096, 512}, IR_F32, 0}, {{16384, 1024, 512}, IR_F32, 0}, {{32768, 512, 512}, IR_F32, 0}};
static const ir_params odd[] = {
    {{16, 1, 1}, IR_F32, 0}, {{48, 3, 2}, IR_F32, 0}, {{4112, 5, 7}, IR_F32, 0}, {{16384, 2, 33}, IR_F32, 0}};

const ir_workload wl_local = {.name = "local",
                              .family = "local",
                              .doc = "loads from a work-group's own memory (OpenCL local, CUDA shared)",
                              .param = {"bytes", "passes", "groups"},
                              .defaults = {{16384, 1024, 512}, IR_F32, 0},
                              .dtypes = 1u << IR_F32,
                              .quick = quick,
                              .nquick = sizeof quick / sizeof *quick,
                              .full = full,
                              .nfull = sizeof full / sizeof *full,
                              .odd = odd,
                              .nodd = sizeof odd / sizeof *odd,
                              .valid = local_valid,
                              .cost = local_cost,
                              .tensors = local_tensors,
                              .check = local_check};

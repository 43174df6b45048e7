/* transfer.c -- "transfer": bytes between the host and a device, the price of moving a problem there. Only
 * devices have kernels for it. Refuses sizes that are no multiple of 4 bytes. */
#include "kernels/workloads/workloads_memory.h"

#include <string.h>

static ir_status transfer_valid(IR_SELF, const ir_params *p)
{
    if (p->v[0] < 4 || p->v[0] % 4 || p->v[0] > (int64_t)1 << 40)
        return ir_fail(IR_EINVAL, "bytes=%lld: give 4 to 2^40, a multiple of 4", (long long)p->v[0]);
    if (p->v[1] != WL_TO_DEVICE && p->v[1] != WL_FROM_DEVICE)
        return ir_fail(IR_EINVAL, "direction=%lld: give to or from", (long long)p->v[1]);
    return IR_OK;
}

static ir_cost transfer_cost(IR_SELF, const ir_params *p)
{
    ir_cost c = {.launches = 1, .footprint_B = (double)p->v[0]};
    if (p->v[1] == WL_TO_DEVICE)
        c.part[IR_OF_OUT].write_B = (double)p->v[0];
    else
        c.part[IR_OF_IN].read_B = (double)p->v[0];
    return c;
}

static int transfer_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    bool to = p->v[1] == WL_TO_DEVICE;
    out[0] = (ir_tensor){"a", (size_t)p->v[0], to ? IR_OUT : IR_IN, IR_F32};
    if (!to) out[1] = (ir_tensor){"probes", 4 * (size_t)WL_TRANSFER_PROBES, IR_OUT, IR_F32};
    return to ? 1 : 2;
}

static void transfer_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    (void)t;
    for (size_t i = 0; i < (size_t)p->v[0] / 4; i++) {
        uint32_t v = ir_hash32(seed, i);
        memcpy((char *)host + 4 * i, &v, 4);
    }
}

static uint32_t transfer_at(const void *p, size_t i)
{
    uint32_t v;
    memcpy(&v, (const char *)p + 4 * i, 4);
    return v;
}

static void transfer_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                           ir_check *out)
{
    size_t wrong = 0;
    if (p->v[1] == WL_TO_DEVICE)
        for (size_t i = 0; i < (size_t)p->v[0] / 4; i++)
            wrong += transfer_at(after[0], i) != wl_transfer_value(i);
    else
        for (size_t j = 0; j < WL_TRANSFER_PROBES; j++)
            wrong += transfer_at(after[1], j) != transfer_at(before[0], wl_transfer_probe(p, j));
    *out = (ir_check){(double)wrong, 0,
                      p->v[1] == WL_TO_DEVICE ? "every element, exact"
                                              : "1024 elements, exact; err counts wrong ones"};
}

static const char *const direction[] = {"to", "from", NULL};
static const ir_params   quick[] = {{{1 << 26, WL_TO_DEVICE}, IR_F32, 0},
                                    {{1 << 26, WL_FROM_DEVICE}, IR_F32, 0}};
static const ir_params   full[] = {
      {{1 << 16, WL_TO_DEVICE}, IR_F32, 0}, {{1 << 16, WL_FROM_DEVICE}, IR_F32, 0},
      {{1 << 20, WL_TO_DEVICE}, IR_F32, 0}, {{1 << 20, WL_FROM_DEVICE}, IR_F32, 0},
      {{1 << 26, WL_TO_DEVICE}, IR_F32, 0}, {{1 << 26, WL_FROM_DEVICE}, IR_F32, 0},
      {{1 << 28, WL_TO_DEVICE}, IR_F32, 0}, {{1 << 28, WL_FROM_DEVICE}, IR_F32, 0}};
static const ir_params odd[] = {{{4, WL_TO_DEVICE}, IR_F32, 0},      {{4, WL_FROM_DEVICE}, IR_F32, 0},
                                {{4100, WL_TO_DEVICE}, IR_F32, 0},   {{4100, WL_FROM_DEVICE}, IR_F32, 0},
                                {{100004, WL_TO_DEVICE}, IR_F32, 0}, {{100004, WL_FROM_DEVICE}, IR_F32, 0}};

const ir_workload wl_transfer = {.name = "transfer",
                                 .family = "transfer",
                                 .doc = "bytes between host and device, by kind of host memory",
                                 .param = {"bytes", "direction"},
                                 .word = {NULL, direction},
                                 .defaults = {{1 << 26, WL_TO_DEVICE}, IR_F32, 0},
                                 .dtypes = 1u << IR_F32,
                                 .quick = quick,
                                 .nquick = sizeof quick / sizeof *quick,
                                 .full = full,
                                 .nfull = sizeof full / sizeof *full,
                                 .odd = odd,
                                 .nodd = sizeof odd / sizeof *odd,
                                 .valid = transfer_valid,
                                 .cost = transfer_cost,
                                 .tensors = transfer_tensors,
                                 .fill = transfer_fill,
                                 .check = transfer_check};

/* overlap.c -- "overlap": a copy to the device, arithmetic on it, and both at once: what of the shorter hides
 * behind the longer. Only devices have kernels for it. Refuses sizes that are no multiple of 4 bytes. */
#include "kernels/workloads/workloads_memory.h"

#include <string.h>

enum { BYTES, ITERS, LANES, WORK };

static ir_status overlap_valid(IR_SELF, const ir_params *p)
{
    if (p->v[BYTES] < 4 || p->v[BYTES] % 4 || p->v[BYTES] > (int64_t)1 << 36)
        return ir_fail(IR_EINVAL, "bytes=%lld: give 4 to 2^36, a multiple of 4", (long long)p->v[BYTES]);
    if (p->v[ITERS] < 1 || p->v[ITERS] > WL_OVERLAP_MAX_ITERS)
        return ir_fail(IR_EINVAL, "iters=%lld: give 1 to %d", (long long)p->v[ITERS], WL_OVERLAP_MAX_ITERS);
    if (p->v[LANES] < WL_OVERLAP_GROUP || p->v[LANES] % WL_OVERLAP_GROUP || p->v[LANES] > 1 << 24)
        return ir_fail(IR_EINVAL, "lanes=%lld: give 256 to 2^24, a multiple of 256", (long long)p->v[LANES]);
    if (p->v[WORK] < WL_OVERLAP_COPY || p->v[WORK] > WL_OVERLAP_BOTH)
        return ir_fail(IR_EINVAL, "work=%lld: give copy, compute or both", (long long)p->v[WORK]);
    return IR_OK;
}

static bool copies(const ir_params *p) { return p->v[WORK] != WL_OVERLAP_COMPUTE; }
static bool computes(const ir_params *p) { return p->v[WORK] != WL_OVERLAP_COPY; }

static ir_cost overlap_cost(IR_SELF, const ir_params *p)
{
    ir_cost c = {.launches = 1};
    if (copies(p)) c.part[IR_OF_OUT].write_B = c.footprint_B = (double)p->v[BYTES];
    return c;
}

static int overlap_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    int n = 0;
    if (copies(p)) out[n++] = (ir_tensor){"a", (size_t)p->v[BYTES], IR_OUT, IR_F32};
    if (computes(p)) out[n++] = (ir_tensor){"x", 4 * (size_t)p->v[LANES], IR_OUT, IR_F32};
    return n;
}

static uint32_t overlap_at(const void *p, size_t i)
{
    uint32_t v;
    memcpy(&v, (const char *)p + 4 * i, 4);
    return v;
}

/* iters steps as one: x <- a x + b composed with itself, by doubling. */
static void steps(int64_t iters, uint32_t *a, uint32_t *b)
{
    uint32_t pa = WL_OVERLAP_A, pb = WL_OVERLAP_B;
    *a = 1;
    *b = 0;
    for (int64_t n = iters; n; n /= 2) {
        if (n % 2) {
            *b = pa * *b + pb;
            *a *= pa;
        }
        pb = pa * pb + pb;
        pa *= pa;
    }
}

static void overlap_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                          ir_check *out)
{
    size_t   wrong = 0;
    uint32_t a, b;
    (void)before;
    steps(p->v[ITERS], &a, &b);
    if (copies(p))
        for (size_t i = 0; i < (size_t)p->v[BYTES] / 4; i++)
            wrong += overlap_at(after[0], i) != wl_transfer_value(i);
    if (computes(p))
        for (uint32_t l = 0; l < (uint32_t)p->v[LANES]; l++)
            wrong += overlap_at(after[copies(p)], l) != a * WL_OVERLAP_START(l) + b;
    *out = (ir_check){(double)wrong, 0, "every element and lane, exact; err counts wrong ones"};
}

static const char *const work[] = {"copy", "compute", "both", NULL};
#define ONE(bytes, iters, lanes, work) \
    { \
        {bytes, iters, lanes, WL_OVERLAP_##work}, IR_F32, 0 \
    }
#define EACH(bytes, iters, lanes) \
    ONE(bytes, iters, lanes, COPY), ONE(bytes, iters, lanes, COMPUTE), ONE(bytes, iters, lanes, BOTH)
static const ir_params quick[] = {EACH(1 << 26, 1 << 18, 1 << 17)};
static const ir_params full[] = {EACH(1 << 26, 1 << 18, 1 << 17), EACH(1 << 28, 1 << 20, 1 << 17)};
static const ir_params odd[] = {EACH(4, 1, 256), EACH(4100, 3, 512), EACH(65536, 2, 256)};

const ir_workload wl_overlap = {.name = "overlap",
                                .family = "overlap",
                                .doc = "a copy from the host, arithmetic on the device, and both at once",
                                .param = {"bytes", "iters", "lanes", "work"},
                                .word = {NULL, NULL, NULL, work},
                                .defaults = {{1 << 26, 1 << 18, 1 << 17, WL_OVERLAP_BOTH}, IR_F32, 0},
                                .dtypes = 1u << IR_F32,
                                .quick = quick,
                                .nquick = sizeof quick / sizeof *quick,
                                .full = full,
                                .nfull = sizeof full / sizeof *full,
                                .odd = odd,
                                .nodd = sizeof odd / sizeof *odd,
                                .valid = overlap_valid,
                                .cost = overlap_cost,
                                .tensors = overlap_tensors,
                                .check = overlap_check};

/* gather.c -- the sum of randomly indexed elements: independent misses, as in embedding look-ups and sparse
 * products. Refuses more than 2^31 elements (indices are 32-bit, and vector gathers take them as signed) and
 * types other than f32 and f64. */
#include "kernels/workloads/memory_util.h"
#include "kernels/workloads/workloads_memory.h"

#include <math.h>

enum { BYTES, COUNT };

static double width_of(const ir_params *p) { return ir_dtype_bytes(p->dtype); }

static ir_status gather_valid(IR_SELF, const ir_params *p)
{
    int64_t width = p->dtype == IR_F32 ? 4 : 8;
    if (p->v[BYTES] < width || p->v[BYTES] / width > (int64_t)1 << 31)
        return ir_fail(IR_EINVAL, "bytes=%lld: give %lld (one element) to 2^31 elements",
                       (long long)p->v[BYTES], (long long)width);
    if (p->v[COUNT] < 1 || p->v[COUNT] > (int64_t)1 << 36)
        return ir_fail(IR_EINVAL, "count=%lld: give 1 to 2^36 gathers per call", (long long)p->v[COUNT]);
    return IR_OK;
}

static ir_cost gather_cost(IR_SELF, const ir_params *p)
{
    double  count = (double)p->v[COUNT], lines = ceil((double)wl_gather_n(p) * width_of(p) / 64);
    ir_cost c = {0};
    /* An element's index comes with it: the ceiling of gathers counts both. */
    c.part[IR_OF_ROWS] = (ir_traffic){.read_B = count * width_of(p), .access = IR_RANDOM};
    c.part[IR_OF_IN] = (ir_traffic){.read_B = count * 4, .access = IR_RANDOM};
    c.flops = count;
    c.launches = 1;
    /* Expected number of distinct lines that `count` uniform draws touch. */
    c.footprint_B = count * 4 + 64 * (lines > 1 ? -lines * expm1(count * log1p(-1 / lines)) : 1);
    return c;
}

static int gather_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    size_t width = (size_t)width_of(p);
    out[0] = (ir_tensor){"sums", WL_PARTIALS * width, IR_OUT, p->dtype};
    out[1] = (ir_tensor){"x", wl_gather_n(p) * width, IR_IN, p->dtype};
    out[2] = (ir_tensor){"index", (size_t)p->v[COUNT] * 4, IR_IN, IR_F32}; /* uint32 */
    return 3;
}

static void gather_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    if (t == 1) {
        memory_fill(p->dtype, host, wl_gather_n(p), seed);
        return;
    }
    uint32_t *index = host;
    uint64_t  n = wl_gather_n(p), count = (uint64_t)p->v[COUNT];
    for (uint64_t i = 0; i < count; i++)
        index[i] = (uint32_t)((uint64_t)ir_hash32(seed ^ 0x1DE7u, i) * n >> 32);
}

static void gather_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                         ir_check *out)
{
    const uint32_t *index = before[2];
    size_t          count = (size_t)p->v[COUNT];
    double          sum = 0;
    if (p->dtype == IR_F32)
        for (size_t i = 0; i < count; i++) sum += (double)((const float *)before[1])[index[i]];
    else
        for (size_t i = 0; i < count; i++) sum += ((const double *)before[1])[index[i]];
    out->err = fabs(memory_sum(p->dtype, after[0], WL_PARTIALS) - sum);
    out->tol = memory_sum_tol(p->dtype, count);
    out->oracle = "sum in double, one by one";
}

/* bytes, count; dtype; threads */
static const ir_params quick[] = {{{1 << 28, 1 << 20}, IR_F64, 0}};
static const ir_params full[] = {{{16 << 10, 2048}, IR_F64, 0},   {{512 << 10, 1 << 16}, IR_F64, 0},
                                 {{8 << 20, 1 << 20}, IR_F64, 0}, {{1 << 28, 1 << 20}, IR_F64, 0},
                                 {{1 << 28, 1 << 20}, IR_F64, 1}, {{1 << 28, 1 << 20}, IR_F32, 0},
                                 {{1 << 29, 1 << 22}, IR_F64, 0}};
static const ir_params odd[] = {{{8, 1}, IR_F64, 0},       {{7, 9}, IR_F32, 1},
                                {{65, 7}, IR_F64, 0},      {{1001, 63}, IR_F32, 0},
                                {{8008, 65}, IR_F64, 1},   {{100003, 1001}, IR_F64, 0},
                                {{4099, 4099}, IR_F32, 0}, {{1000003, 100003}, IR_F64, 0}};

const ir_workload wl_gather = {.name = "gather",
                               .family = "gather",
                               .doc = "sum of x[index[i]] at uniformly random indices",
                               .param = {"bytes", "count"},
                               .defaults = {{1 << 28, 1 << 20}, IR_F64, 0},
                               .dtypes = 1u << IR_F64 | 1u << IR_F32,
                               .quick = quick,
                               .nquick = sizeof quick / sizeof *quick,
                               .full = full,
                               .nfull = sizeof full / sizeof *full,
                               .odd = odd,
                               .nodd = sizeof odd / sizeof *odd,
                               .valid = gather_valid,
                               .cost = gather_cost,
                               .tensors = gather_tensors,
                               .fill = gather_fill,
                               .check = gather_check};

/* gemv.c -- y[m] = W[m,k] x[k]: two flops per weight, so the rate at which W arrives decides. */
#include "kernels/workloads/gemm_util.h"

static const char *const dim[3] = {"m", "n", "k"}, *const tensor[3] = {"W", "x", "y"};

static ir_status gemv_valid(IR_SELF, const ir_params *p)
{
    if (p->v[0] < 1) return ir_fail(IR_EINVAL, "m=%lld: must be at least 1", (long long)p->v[0]);
    if (p->v[1] < 1) return ir_fail(IR_EINVAL, "k=%lld: must be at least 1", (long long)p->v[1]);
    return gemm_valid(dim, wl_gemv_of(p), p->dtype);
}

static ir_cost gemv_cost(IR_SELF, const ir_params *p) { return gemm_cost(wl_gemv_of(p), p->dtype, 0); }
static int     gemv_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    return gemm_tensors(wl_gemv_of(p), p->dtype, tensor, out);
}

static void gemv_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    wl_gemm_shape s = wl_gemv_of(p);
    gemm_fill(p->dtype, host, t == 0 ? s.m * s.k : s.k, seed + (uint64_t)t);
}

static void gemv_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                       ir_check *out)
{
    gemm_check(wl_gemv_of(p), p->dtype, before[0], before[1], after[2], out);
}

/* m, k; dtype; threads. 8192 x 8192 f32 is 256 MiB: past every cache. */
static const ir_params quick[] = {{{1024, 1024}, IR_F32, 0},
                                  {{8192, 8192}, IR_F32, 0},
                                  {{8192, 8192}, IR_BF16, 0},
                                  {{4096, 8192}, IR_F64, 0}};
static const ir_params full[] = {
    {{256, 256}, IR_F32, 0},     {{1024, 1024}, IR_F32, 0},  {{4096, 4096}, IR_F32, 0},
    {{8192, 8192}, IR_F32, 0},   {{8192, 8192}, IR_F32, 1},  {{16384, 8192}, IR_F32, 0},
    {{1024, 65536}, IR_F32, 0},  {{65536, 1024}, IR_F32, 0}, {{8192, 8192}, IR_F64, 0},
    {{8192, 8192}, IR_F64, 1},   {{1024, 1024}, IR_BF16, 0}, {{8192, 8192}, IR_BF16, 0},
    {{16384, 8192}, IR_BF16, 0}, {{16384, 8192}, IR_BF16, 1}};
static const ir_params odd[] = {
    {{1, 1}, IR_F32, 0},      {{1, 1}, IR_F64, 0},     {{1, 1}, IR_BF16, 0},     {{3, 7}, IR_F32, 0},
    {{3, 7}, IR_F64, 0},      {{3, 7}, IR_BF16, 0},    {{17, 33}, IR_F32, 0},    {{17, 65}, IR_F64, 0},
    {{17, 33}, IR_BF16, 0},   {{1, 1000}, IR_F32, 0},  {{1000, 1}, IR_F64, 0},   {{1000, 2}, IR_BF16, 0},
    {{127, 129}, IR_F32, 0},  {{127, 131}, IR_F64, 0}, {{127, 129}, IR_BF16, 0}, {{5, 4099}, IR_F32, 0},
    {{6, 4099}, IR_F64, 0},   {{7, 4099}, IR_BF16, 0}, {{2, 70001}, IR_F32, 0},  {{9, 20011}, IR_BF16, 0},
    {{1031, 511}, IR_F32, 0}, {{1031, 511}, IR_F64, 0}};

const ir_workload wl_gemv = {.name = "gemv",
                             .family = "gemv",
                             .doc = "y[m] = W[m,k] x[k], row-major: weights read once, two flops each",
                             .param = {"m", "k"},
                             .defaults = {{8192, 8192}, IR_F32, 0},
                             .dtypes = 1u << IR_F64 | 1u << IR_F32 | 1u << IR_BF16,
                             .quick = quick,
                             .nquick = sizeof quick / sizeof *quick,
                             .full = full,
                             .nfull = sizeof full / sizeof *full,
                             .odd = odd,
                             .nodd = sizeof odd / sizeof *odd,
                             .valid = gemv_valid,
                             .cost = gemv_cost,
                             .tensors = gemv_tensors,
                             .fill = gemv_fill,
                             .check = gemv_check};

/* ---- the variant ----------------------------------------------------------------------------- */
static ir_cost twice(IR_SELF, const ir_params *p)
{
    ir_cost c = gemv_cost(self, p);
    c.flops *= 2;
    return c;
}

static const ir_params twice_odd[] = {{{3, 7}, IR_F32, 0},      {{17, 65}, IR_F64, 0},
                                      {{127, 129}, IR_BF16, 0}, {{9, 20011}, IR_BF16, 0},
                                      {{6, 4099}, IR_F64, 0},   {{1031, 511}, IR_F32, 0}};
const ir_workload      wl_gemv_twice = {
         .name = "gemv_twice",
         .family = "gemv_twice",
         .doc = "a twin: gemv with every multiply-add done twice on the same loaded weight",
         .param = {"m", "k"},
         .defaults = {{8192, 8192}, IR_F32, 0},
         .dtypes = 1u << IR_F64 | 1u << IR_F32 | 1u << IR_BF16,
         .by_name = true,
         .quick = quick,
         .nquick = sizeof quick / sizeof *quick,
         .full = full,
         .nfull = sizeof full / sizeof *full,
         .odd = twice_odd,
         .nodd = sizeof twice_odd / sizeof *twice_odd,
         .valid = gemv_valid,
         .cost = twice,
         .tensors = gemv_tensors,
         .fill = gemv_fill,
         .check = gemv_check};

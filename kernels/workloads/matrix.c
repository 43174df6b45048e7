/* matrix.c -- "mma": multiply-accumulates of matrix units on registers, the compute term of the law for
 * products in narrow types. Refuses chain counts that are no power of two up to 32 and loops whose sums would
 * not be exact. */
#include "kernels/workloads/workloads_matrix.h"

#include <math.h>
#include <string.h>

enum { CHAINS, ITERS, TEAMS };
enum { MAX_TEAMS = 1 << 20 };

static ir_status matrix_valid(IR_SELF, const ir_params *p)
{
    int64_t c = p->v[CHAINS], most = p->dtype == IR_F8 ? WL_MMA_MAX_ITERS_F8 : WL_MMA_MAX_ITERS;
    if (c < 1 || c > WL_MMA_MAX_CHAINS || (c & (c - 1)))
        return ir_fail(IR_EINVAL, "chains=%lld: give 1, 2, 4, 8, 16 or 32", (long long)c);
    if (p->v[ITERS] < 1 || p->v[ITERS] > most)
        return ir_fail(IR_EINVAL, "iters=%lld: give 1 to %lld for %s", (long long)p->v[ITERS],
                       (long long)most, ir_dtype_name(p->dtype));
    if (p->v[TEAMS] < 0 || p->v[TEAMS] > MAX_TEAMS)
        return ir_fail(IR_EINVAL, "teams=%lld: give 1 to %d, or 0: as many as fill the device",
                       (long long)p->v[TEAMS], MAX_TEAMS);
    return IR_OK;
}

static ir_cost matrix_cost(IR_SELF, const ir_params *p)
{
    double step = 2.0 * WL_MMA_M * WL_MMA_N * wl_mma_k(p->dtype);
    return (ir_cost){.flops = step * (double)p->v[CHAINS] * (double)p->v[ITERS] * (double)wl_mma_teams(p),
                     .launches = 1};
}

static int matrix_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    out[0] = (ir_tensor){"sums", (size_t)wl_mma_teams(p) * WL_MMA_M * WL_MMA_N * 4, IR_OUT,
                         p->dtype == IR_I8 ? IR_I8 : IR_F32};
    return 1;
}

static double expected(const ir_params *p, int i, int j)
{
    int     K = wl_mma_k(p->dtype), dot = 0;
    int64_t sum = 0;
    for (int k = 0; k < K; k++) dot += WL_MMA_A(i, k, K) * WL_MMA_B(k, j);
    for (int c = 0; c < p->v[CHAINS]; c++) sum += WL_MMA_START(c, i, j) + p->v[ITERS] * dot;
    return (double)sum;
}

static void matrix_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                         ir_check *out)
{
    int64_t wrong = 0;
    (void)before;
    for (int64_t t = 0; t < wl_mma_teams(p); t++)
        for (int e = 0; e < WL_MMA_M * WL_MMA_N; e++) {
            float   f;
            int32_t n;
            memcpy(&f, (const char *)after[0] + 4 * (t * WL_MMA_M * WL_MMA_N + e), 4);
            memcpy(&n, &f, 4);
            double got = p->dtype == IR_I8 ? (double)n : (double)f;
            wrong += !(got == expected(p, e / WL_MMA_N, e % WL_MMA_N)); /* NaN is wrong */
        }
    *out = (ir_check){(double)wrong, 0, "closed form, exact; err counts wrong elements"};
}

/* chains, iters, teams */
#define TYPES(M, ...) \
    M(IR_TF32, __VA_ARGS__), M(IR_F16, __VA_ARGS__), M(IR_BF16, __VA_ARGS__), M(IR_F8, __VA_ARGS__), \
        M(IR_I8, __VA_ARGS__)
#define AT(t, chains, iters, teams) \
    { \
        {chains, iters, teams}, t, 0 \
    }
static const ir_params quick[] = {TYPES(AT, 8, 2048, 0), TYPES(AT, 32, 2048, 0)};
static const ir_params full[] = {TYPES(AT, 1, 2048, 0), TYPES(AT, 2, 2048, 0),  TYPES(AT, 4, 2048, 0),
                                 TYPES(AT, 8, 2048, 0), TYPES(AT, 16, 2048, 0), TYPES(AT, 32, 2048, 0)};
static const ir_params odd[] = {TYPES(AT, 1, 1, 1), TYPES(AT, 2, 3, 5),  TYPES(AT, 4, 7, 1),
                                TYPES(AT, 8, 5, 6), TYPES(AT, 16, 2, 3), TYPES(AT, 32, 3, 4)};

const ir_workload wl_mma = {.name = "mma",
                            .family = "mma",
                            .doc = "multiply-accumulates of matrix units on registers",
                            .param = {"chains", "iters", "teams"},
                            .defaults = {{8, 2048}, IR_BF16, 0},
                            .dtypes =
                                1u << IR_TF32 | 1u << IR_F16 | 1u << IR_BF16 | 1u << IR_F8 | 1u << IR_I8,
                            .quick = quick,
                            .nquick = sizeof quick / sizeof *quick,
                            .full = full,
                            .nfull = sizeof full / sizeof *full,
                            .odd = odd,
                            .nodd = sizeof odd / sizeof *odd,
                            .valid = matrix_valid,
                            .cost = matrix_cost,
                            .tensors = matrix_tensors,
                            .check = matrix_check};

/* peak.c -- "fma": multiply-accumulates on registers, the compute term of the law without memory. The work
 * per call is fixed by chains, iters, teams, dtype and threads; how wide an instruction is belongs to the
 * kernel. Refuses chain counts no kernel has a loop for and loops so long that values would leave the normal
 * range. */
#include "kernels/workloads/workloads_compute.h"

#include <float.h>
#include <math.h>
#include <string.h>

static ir_status peak_valid(IR_SELF, const ir_params *p)
{
    int64_t most = p->dtype == IR_F16 ? WL_FMA_MAX_ITERS_F16 : WL_FMA_MAX_ITERS;
    if (wl_fma_chains_index(p->v[0]) < 0)
        return ir_fail(IR_EINVAL, "chains=%lld: give 1, 2, 4, 8, 10, 12, 16 or 24", (long long)p->v[0]);
    if (p->v[1] < 1 || p->v[1] > most)
        return ir_fail(IR_EINVAL, "iters=%lld: give 1 to %lld for %s", (long long)p->v[1], (long long)most,
                       ir_dtype_name(p->dtype));
    if (p->v[2] < 0 || p->v[2] > WL_FMA_MAX_TEAMS)
        return ir_fail(IR_EINVAL, "teams=%lld: give 1 to %d, or 0: as many as fill the device",
                       (long long)p->v[2], WL_FMA_MAX_TEAMS);
    return IR_OK;
}

static ir_cost peak_cost(IR_SELF, const ir_params *p)
{
    ir_cost c = {0};
    double  macs = WL_FMA_VECTOR_B / ir_dtype_bytes(p->dtype);
    c.flops = 2 * macs * (double)p->v[0] * (double)p->v[1] * (double)wl_fma_teams(p);
    c.launches = 1;
    return c;
}

static int peak_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    ir_dtype t = p->dtype == IR_F64 || p->dtype == IR_I8 ? p->dtype : IR_F32;
    out[0] = (ir_tensor){"sums", WL_FMA_VECTOR_B * (size_t)wl_fma_teams(p), IR_OUT, t};
    return 1;
}

/* ---- oracles: one accumulator after n steps -------------------------------------------------- */
static double float_steps(double x0, int64_t n) { return x0 * pow(1 + WL_FMA_C, (double)n); }

/* To 11 significant bits, nearest even: x is normal in f16. */
static double round_f16(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    u += 0x1FFFFFFFFFFull + ((u >> 42) & 1);
    u &= ~0x3FFFFFFFFFFull;
    memcpy(&x, &u, sizeof u);
    return x;
}

/* x*C has 22 bits, so x + x*C is exact in double and one rounding makes it the fused result. */
static double half_steps(double x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x = round_f16(x + x * WL_FMA_C);
    return x;
}

static double expected_float(const ir_params *p, int lane)
{
    double sum = 0, by_start[16];
    for (int i = 0; i < 16; i++) by_start[i] = NAN;
    for (int c = 0; c < p->v[0]; c++) {
        double x0 = wl_fma_start(c, lane), *x = &by_start[(lane + 5 * c) % 16];
        if (isnan(*x)) *x = p->dtype == IR_F16 ? half_steps(x0, p->v[1]) : float_steps(x0, p->v[1]);
        sum += p->dtype == IR_F16 ? 2 * *x : *x; /* accumulators l and l + 16 start alike */
    }
    return sum;
}

static int64_t expected_int(const ir_params *p, int lane)
{
    static const int a2[] = WL_FMA_BF16_A, b2[][2] = WL_FMA_BF16_B, a4[] = WL_FMA_I8_A, b4[][4] = WL_FMA_I8_B;
    int64_t          dot = 0, sum = 0;
    for (int k = 0; k < 4; k++)
        dot += p->dtype == IR_I8 ? a4[k] * b4[lane % 2][k] : k < 2 ? a2[k] * b2[lane % 2][k] : 0;
    for (int c = 0; c < p->v[0]; c++) sum += wl_fma_start_int(c, lane) + p->v[1] * dot;
    return sum;
}

/* Difference of one lane: relative for f64 and f32, absolute where the result is exact. */
static double lane_error(const ir_params *p, const unsigned char *at, int lane)
{
    double   d = 0;
    float    f = 0;
    uint32_t i = 0;
    switch (p->dtype) {
    case IR_F64: memcpy(&d, at + 8 * lane, 8); return fabs(d / expected_float(p, lane) - 1);
    case IR_F32: memcpy(&f, at + 4 * lane, 4); return fabs((double)f / expected_float(p, lane) - 1);
    case IR_F16: memcpy(&f, at + 4 * lane, 4); return fabs((double)f - expected_float(p, lane));
    case IR_BF16: memcpy(&f, at + 4 * lane, 4); return fabs((double)f - (double)expected_int(p, lane));
    default: memcpy(&i, at + 4 * lane, 4); return fabs((double)i - (double)(uint32_t)expected_int(p, lane));
    }
}

/* Every team computes the same, so the oracle speaks once and the other teams must equal the first. */
static void peak_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                       ir_check *out)
{
    const unsigned char *got = after[0];
    int                  lanes = p->dtype == IR_F64 ? 8 : WL_FMA_LANES;
    double               err = 0, u = p->dtype == IR_F64 ? DBL_EPSILON : p->dtype == IR_F32 ? FLT_EPSILON : 0;
    (void)before;
    for (int l = 0; l < lanes; l++) {
        double e = lane_error(p, got, l);
        if (!(e <= err)) err = e; /* NaN too, and it stays */
        if (isnan(err)) break;
    }
    for (int64_t t = 1; t < wl_fma_teams(p); t++)
        if (memcmp(got, got + t * WL_FMA_VECTOR_B, WL_FMA_VECTOR_B)) err = INFINITY;
    out->err = err;
    /* Half an ulp a step as a random walk, eight standard deviations: far below the 9.5e-4 of one step. */
    out->tol = 4 * u * sqrt((double)p->v[1] + WL_FMA_MAX_CHAINS);
    out->oracle = p->dtype == IR_F16 ? "replay, one rounding a step, exact"
                  : u > 0            ? "closed form"
                                     : "closed form, exact";
}

/* chains, iters, teams; dtype; threads */
enum { ITERS = 1 << 14 };
#define BOTH(chains, t) \
    {{chains, ITERS}, t, 1}, { {chains, ITERS}, t, 0 }
#define TYPES(M, x) M(x, IR_F64), M(x, IR_F32), M(x, IR_F16), M(x, IR_BF16), M(x, IR_I8)
#define LADDER(M) \
    TYPES(M, 1), TYPES(M, 2), TYPES(M, 4), TYPES(M, 8), TYPES(M, 10), TYPES(M, 12), TYPES(M, 16), TYPES(M, 24)
#define SMALL(chains, t) \
    {{chains, 1}, t, 1}, {{chains, 2}, t, 0}, {{chains, 3}, t, 0}, {{chains, 7}, t, 1}, \
    { \
        {chains, 1021}, t, 0 \
    }
static const ir_params quick[] = {TYPES(BOTH, 12)};
static const ir_params full[] = {LADDER(BOTH)};
#define TEAMS(teams, t) \
    { \
        {8, 33, teams}, t, 0 \
    }
static const ir_params odd[] = {LADDER(SMALL), TYPES(BOTH, 12), TYPES(TEAMS, 1), TYPES(TEAMS, 3),
                                TYPES(TEAMS, 65)};

const ir_workload wl_fma = {.name = "fma",
                            .family = "peak",
                            .doc = "dependent chains of multiply-accumulates on registers",
                            .param = {"chains", "iters", "teams"},
                            .defaults = {{12, ITERS}, IR_F32, 0},
                            .dtypes =
                                1u << IR_F64 | 1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16 | 1u << IR_I8,
                            .quick = quick,
                            .nquick = sizeof quick / sizeof *quick,
                            .full = full,
                            .nfull = sizeof full / sizeof *full,
                            .odd = odd,
                            .nodd = sizeof odd / sizeof *odd,
                            .valid = peak_valid,
                            .cost = peak_cost,
                            .tensors = peak_tensors,
                            .check = peak_check};

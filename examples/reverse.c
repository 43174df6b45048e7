/* reverse.c -- the workload: shape, cost, inputs and oracle. It knows no device. Refuses n above 2^30. */
#include "examples/reverse.h"

#include <math.h>

static ir_status reverse_valid(IR_SELF, const ir_params *p)
{
    if (p->v[0] >= 1 && p->v[0] <= 1 << 30) return IR_OK;
    return ir_fail(IR_EINVAL, "n=%lld: give 1 to 2^30 elements", (long long)p->v[0]);
}

/* Every element is read once and written once. A regular store reads the line first: wa_B. */
static ir_cost reverse_cost(IR_SELF, const ir_params *p)
{
    const double B = (double)p->v[0] * sizeof(float);
    ir_cost      c = {.launches = 1, .footprint_B = 2 * B};
    c.part[IR_OF_IN] = (ir_traffic){.read_B = B};
    c.part[IR_OF_OUT] = (ir_traffic){.write_B = B, .wa_B = B};
    return c;
}

static int reverse_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    const size_t bytes = (size_t)p->v[0] * sizeof(float);
    out[0] = (ir_tensor){"y", bytes, IR_OUT, IR_F32};
    out[1] = (ir_tensor){"x", bytes, IR_IN, IR_F32};
    return 2;
}

static void reverse_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    float *x = host;
    (void)t; /* x is the only input */
    for (int64_t i = 0; i < p->v[0]; i++) x[i] = ir_rand_f32(seed, (uint64_t)i);
}

/* Nothing is computed, so nothing is tolerated. The error starts as NaN: an empty check does not pass. */
static void reverse_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                          ir_check *out)
{
    const float *x = before[1], *y = after[0];
    *out = (ir_check){NAN, 0, "every element against x[n-1-i]"};
    double worst = 0;
    for (int64_t i = 0; i < p->v[0]; i++) {
        const double err = fabs((double)y[i] - (double)x[p->v[0] - 1 - i]);
        if (!(err <= worst)) worst = err; /* NaN stays */
    }
    out->err = worst;
}

static const ir_params quick[] = {{{1 << 22}, IR_F32, 0}};
static const ir_params odd[] = {{{1}, IR_F32, 0}, {{2}, IR_F32, 0}, {{31}, IR_F32, 0}, {{4097}, IR_F32, 0}};

const ir_workload wl_reverse = {.name = "reverse",
                                .family = "reverse",
                                .doc = "an array, last element first",
                                .param = {"n"},
                                .defaults = {{1 << 22}, IR_F32, 0},
                                .dtypes = 1u << IR_F32,
                                .quick = quick,
                                .nquick = sizeof quick / sizeof *quick,
                                .full = quick,
                                .nfull = sizeof quick / sizeof *quick,
                                .odd = odd,
                                .nodd = sizeof odd / sizeof *odd,
                                .valid = reverse_valid,
                                .cost = reverse_cost,
                                .tensors = reverse_tensors,
                                .fill = reverse_fill,
                                .check = reverse_check};

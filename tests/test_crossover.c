/* test_crossover.c -- the knee of a time over a batch sweep, in both forms, with noise; the predicted one
 * from cost and ceilings; what a context's sweeps say. */
#include "bench/analysis/crossover.h"
#include "kernels/workloads/workloads_gemm.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/asserts.h"

const ir_workload *const ir_workloads[] = {&wl_batchmm, NULL};

static const double batch[] = {1, 2, 4, 8, 16, 32, 64};
enum { N = 7 };

static void exact(void **state)
{
    (void)state;
    double        T[N], sd[N] = {0};
    crossover_fit f;
    for (int i = 0; i < N; i++) T[i] = 3e-3 + 2e-4 * batch[i];
    assert_int_equal(crossover_knee(batch, T, sd, N, 1, &f), IR_OK);
    assert_false(f.overlapped);
    assert_num(fabs(f.knee - 15), <, 1e-6);
    assert_num(f.lo, <=, f.knee * (1 + 1e-9));
    assert_num(f.hi, >=, f.knee * (1 - 1e-9));
    for (int i = 0; i < N; i++) T[i] = fmax(3e-3, 2e-4 * batch[i]);
    assert_int_equal(crossover_knee(batch, T, sd, N, 1, &f), IR_OK);
    assert_true(f.overlapped);
    assert_num(fabs(f.knee - 15), <, 1e-6);
}

static void noisy_intervals_cover(void **state)
{
    (void)state;
    int    covered = 0, runs = 100;
    ir_rng rng;
    ir_rng_seed(&rng, 5);
    for (int r = 0; r < runs; r++) {
        double        T[N], sd[N];
        crossover_fit f;
        for (int i = 0; i < N; i++) {
            double t = 3e-3 + 2e-4 * batch[i];
            T[i] = t * exp(0.03 * ir_rng_normal(&rng));
            sd[i] = 0.03 * t;
        }
        assert_int_equal(crossover_knee(batch, T, sd, N, (uint64_t)r, &f), IR_OK);
        covered += f.lo <= 15 && 15 <= f.hi;
    }
    assert_true(covered > 0.85 * runs);
}

static void compute_bound_from_the_first(void **state)
{
    (void)state;
    double        T[N], sd[N] = {0};
    crossover_fit f;
    for (int i = 0; i < N; i++) T[i] = 2e-4 * batch[i];
    assert_int_equal(crossover_knee(batch, T, sd, N, 1, &f), IR_OK);
    assert_true(f.knee < 1);
}

static void refusals(void **state)
{
    (void)state;
    double        T[N], sd[N] = {0};
    crossover_fit f;
    for (int i = 0; i < N; i++) T[i] = 1e-3 / batch[i];
    assert_int_equal(crossover_knee(batch, T, sd, N, 1, &f), IR_SKIP);
    assert_int_equal(crossover_knee(batch, T, sd, 2, 1, &f), IR_SKIP);
    assert_non_null(strstr(ir_why(), "2 batches"));
}

static void add(ir_ceilings *c, ir_what what, const char *op, ir_dtype t, double value, double read_frac)
{
    ir_ceiling x = {.what = what,
                    .dtype = t,
                    .threads = 1,
                    .value = value,
                    .lo = value,
                    .hi = value,
                    .theory = NAN,
                    .read_frac = read_frac,
                    .size_B = 1e9};
    snprintf(x.device, sizeof x.device, "cpu0");
    if (what == IR_C_BANDWIDTH) snprintf(x.level, sizeof x.level, "DRAM");
    snprintf(x.op, sizeof x.op, "%s", op);
    assert_int_equal(ir_ceilings_add(c, &x), IR_OK);
}

static void machine(ir_ceilings *c)
{
    ir_ceilings_init(c);
    add(c, IR_C_BANDWIDTH, "read", IR_NDTYPE, 50e9, 1);
    add(c, IR_C_FLOPS, "fma", IR_F32, 1e12, NAN);
    add(c, IR_C_LAUNCH, "forkjoin", IR_NDTYPE, 1e-6, NAN);
}

/* 4 (n k + B (n + k)) / BW = 2 B n k / R */
static void predicted(void **state)
{
    (void)state;
    ir_ceilings c;
    machine(&c);
    const ir_params p = {{1, 4096, 4096}, IR_F32, 1};
    double          n = 4096, want = 4 * n * n / 50e9 / (2 * n * n / 1e12 - 8 * n / 50e9);
    double          got = crossover_predict(&wl_batchmm, &p, 0, false, &c);
    if (!(fabs(got / want - 1) < 1e-3)) fail_msg("%g, not %g", got, want);
    const ir_params thin = {{1, 8, 8}, IR_F32, 1}; /* activations outweigh the arithmetic at every batch */
    assert_true(isinf(crossover_predict(&wl_batchmm, &thin, 0, false, &c)));
    ir_ceilings_free(&c);
    ir_ceilings_init(&c);
    assert_true(isnan(crossover_predict(&wl_batchmm, &p, 0, false, &c)));
    ir_ceilings_free(&c);
}

static void sweep_of(ir_point *pt, int n, const char *kernel, double rest)
{
    for (int i = 0; i < n; i++) {
        const ir_params p = {{(int64_t)batch[i], 4096, 4096}, IR_F32, 1};
        ir_point_init(&pt[i]);
        snprintf(pt[i].id.backend, sizeof pt[i].id.backend, "cpu");
        snprintf(pt[i].id.workload, sizeof pt[i].id.workload, "batchmm");
        snprintf(pt[i].id.family, sizeof pt[i].id.family, "gemm");
        snprintf(pt[i].id.kernel, sizeof pt[i].id.kernel, "%s", kernel);
        ir_point_params(&pt[i], &wl_batchmm, &p);
        pt[i].status = IR_OK;
        pt[i].m.wall.median = rest + 2e-4 * batch[i];
        pt[i].m.wall.ci_lo = 0.99 * pt[i].m.wall.median;
        pt[i].m.wall.ci_hi = 1.01 * pt[i].m.wall.median;
        pt[i].m.wall.n = 30;
    }
}

static char *printed(ir_point *pt, size_t n)
{
    char           *text = NULL;
    size_t          size;
    measure_context s = {.point = pt, .npoint = n};
    machine(&s.ceilings);
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    crossover_print(f, &s);
    fclose(f);
    ir_ceilings_free(&s.ceilings);
    return text;
}

static void one_line_per_sweep(void **state)
{
    (void)state;
    ir_point pt[2 * N];
    sweep_of(pt, N, "blocked", 3e-3);
    sweep_of(pt + N, 2, "naive", 3e-3); /* two batches are no sweep */
    char *text = printed(pt, N + 2);
    assert_non_null(strstr(text, "batchmm f32 blocked: memory gives way to compute at batch 15 ["));
    assert_non_null(strstr(text, "predicted 41"));
    assert_null(strstr(text, "naive"));
    free(text);
}

/* Time that only ever grows with the batch: no crossover is claimed to have been measured at the first one.
 */
static void compute_bound_throughout(void **state)
{
    (void)state;
    ir_point pt[N];
    sweep_of(pt, N, "blocked", 0);
    char *text = printed(pt, N);
    assert_non_null(
        strstr(text, "memory gives way to compute at batch 1 already, the smallest measured (predicted 41"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact),
                                       cmocka_unit_test(noisy_intervals_cover),
                                       cmocka_unit_test(compute_bound_from_the_first),
                                       cmocka_unit_test(refusals),
                                       cmocka_unit_test(predicted),
                                       cmocka_unit_test(one_line_per_sweep),
                                       cmocka_unit_test(compute_bound_throughout)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

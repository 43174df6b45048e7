/* test_stats.c -- order statistics by hand; the promised coverage of the median's interval, with the stopping
 * rule on, over independent, skewed, bimodal and autocorrelated traces; modes; plateaus. Seeded: the same
 * numbers on every machine. */
#include "harness/stats/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/asserts.h"
#include "tests/support/thin.h"

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12 * fmax(1, fabs(want)))) fail_msg("%.17g, not %.17g", got, want);
}

static void test_order(void **state)
{
    (void)state;
    double v[] = {3, 1, NAN, 2, 4};
    near(ir_median((double[]){3, 1, 2}, 3), 2);
    near(ir_median((double[]){4, 1, 2, 3}, 4), 2.5);
    near(ir_median(v, 5), 2.5); /* a NAN was not measured */
    assert_true(isnan(ir_median(v, 0)));
    ir_sort(v, 5);
    near(v[0], 1);
    near(v[3], 4);
    assert_true(isnan(v[4]));
    near(ir_quantile_sorted((double[]){1, 2, 3, 4}, 4, 0.25), 1.75);
    near(ir_quantile_sorted((double[]){1, 2, 3, 4}, 4, 1), 4);
    near(ir_quantile_sorted((double[]){7}, 1, 0.9), 7);
}

static void test_binomial(void **state)
{
    (void)state;
    double lo, hi;
    near(ir_binom_cdf(0, 5, 0.5), 1.0 / 32);
    near(ir_binom_cdf(2, 5, 0.5), 0.5);
    near(ir_binom_cdf(5, 5, 0.5), 1);
    assert_true(fabs(ir_binom_cdf(8, 20, 0.3) - 0.886669) < 1e-6);
    ir_binom_ci(0, 96, 0.95, &lo, &hi);
    near(lo, 0);
    assert_true(fabs(hi - (1 - pow(0.025, 1.0 / 96))) < 1e-9); /* the closed form at k = 0 */
    ir_binom_ci(7, 20, 0.95, &lo, &hi);
    /* Clopper-Pearson table */
    assert_num(fabs(lo - 0.153909), <, 1e-5);
    assert_num(fabs(hi - 0.592189), <, 1e-5);
}

static void test_rules(void **state)
{
    (void)state;
    assert_true(ir_is_checkpoint(30));
    assert_true(ir_is_checkpoint(60));
    assert_true(ir_is_checkpoint(960));
    assert_false(ir_is_checkpoint(0) || ir_is_checkpoint(15) || ir_is_checkpoint(90) || ir_is_checkpoint(31));
    assert_true(!ir_percentile_allowed(28, 0.9));
    assert_true(ir_percentile_allowed(29, 0.9));
    assert_true(!ir_percentile_allowed(298, 0.99));
    assert_true(ir_percentile_allowed(299, 0.99));
    assert_true(!ir_percentile_allowed(2994, 0.999));
    assert_true(ir_percentile_allowed(2995, 0.999));
    double lo = 0, hi = 0;
    ir_median_ci((double[]){1, 2, 3, 4, 5}, 5, 0.95, &lo, &hi);
    /* fewer than 6: no interval */
    assert_nan(lo);
    assert_nan(hi);
    ir_median_ci((double[]){2, 1, 3, 5, 4, 6}, 6, 0.95, &lo, &hi);
    near(lo, 1);
    near(hi, 6);
    ir_stats s;
    ir_stats_of(NULL, 0, &s);
    assert_num(s.n, ==, 0);
    assert_nan(s.median);
    assert_nan(s.ci_lo);
    ir_stats_of((double[]){1, 1, 1, 1, 1, 1, 1, 9}, 8, &s);
    /* counted, never removed */
    assert_num(s.outliers, ==, 1);
    assert_num(s.n, ==, 8);
    assert_num(s.max, ==, 9);
}

/* ---- coverage -------------------------------------------------------------------------------- */
typedef struct {
    const char *name;
    double      r, median;
    int         kind;
} trace;
enum { NORMAL, LOGNORMAL, BIMODAL };

static double draw(ir_rng *g, const trace *t, double *z)
{
    *z = t->r * *z + sqrt(1 - t->r * t->r) * ir_rng_normal(g);
    if (t->kind == LOGNORMAL) return exp(0.5 * *z);
    if (t->kind == BIMODAL) return (ir_rng_uniform(g) < 0.65 ? 1 : 1.3) + 0.02 * *z;
    return 1 + 0.05 * *z;
}

/* As the measuring loop: look at n = 30, 60, ... and stop when the interval is 1 % narrow, at 480 at the
 * latest. */
static bool covers(const trace *t, uint64_t seed)
{
    enum { MOST = 480 };
    double v[MOST], z, lo, hi;
    ir_rng g;
    ir_rng_seed(&g, seed);
    z = ir_rng_normal(&g);
    for (size_t n = 0; n < MOST;) {
        v[n++] = draw(&g, t, &z);
        if (!ir_is_checkpoint(n)) continue;
        ir_median_ci(v, n, 0.95, &lo, &hi);
        if (hi - lo <= 0.02 * ir_median(v, n)) break;
    }
    return lo <= t->median && t->median <= hi;
}

static double true_median(const trace *t)
{
    if (t->kind != BIMODAL) return 1;
    double lo = 0.9, hi = 1.3; /* .65 F((x-1)/s) + .35 F((x-1.3)/s) = .5 */
    for (int i = 0; i < 60; i++) {
        double x = 0.5 * (lo + hi), f = 0.65 * 0.5 * erfc(-(x - 1) / 0.02 / sqrt(2)) +
                                        0.35 * 0.5 * erfc(-(x - 1.3) / 0.02 / sqrt(2));
        if (f < 0.5)
            lo = x;
        else
            hi = x;
    }
    return lo;
}

static void test_coverage(void **state)
{
    (void)state;
    enum { RUNS = 3000 };
    trace t[] = {
        {"independent", 0, 0, NORMAL},          {"skewed", 0, 0, LOGNORMAL},   {"bimodal", 0, 0, BIMODAL},
        {"AR(1) r=.3", .3, 0, NORMAL},          {"AR(1) r=.5", .5, 0, NORMAL}, {"AR(1) r=.7", .7, 0, NORMAL},
        {"skewed AR(1) r=.7", .7, 0, LOGNORMAL}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        size_t   k = 0;
        uint64_t runs = thin_trials(RUNS);
        t[i].median = true_median(&t[i]);
        for (uint64_t s = 0; s < runs; s++) k += covers(&t[i], 1000 * (i + 1) + s);
        double c = (double)k / (double)runs;
        print_message("coverage of a nominal 95 %% interval, %s: %.1f %%\n", t[i].name, 100 * c);
        if (thin_by() == 1 && (c < 0.94 || c > 0.985)) fail_msg("%s: %.3f", t[i].name, c);
    }
}

static void test_modes(void **state)
{
    (void)state;
    size_t   found = 0, false_alarm = 0;
    double   lo, hi, v[120];
    ir_rng   g;
    uint64_t runs = thin_trials(300);
    for (uint64_t s = 0; s < runs; s++) {
        ir_rng_seed(&g, s);
        for (size_t i = 0; i < 120; i++) v[i] = (ir_rng_uniform(&g) < 0.6 ? 1 : 2) + 0.03 * ir_rng_normal(&g);
        found += ir_bimodal(v, 120, &lo, &hi) && fabs(lo - 1) < 0.05 && fabs(hi - 2) < 0.05;
        for (size_t i = 0; i < 120; i++) v[i] = exp(0.8 * ir_rng_normal(&g));
        false_alarm += ir_bimodal(v, 120, &lo, &hi);
    }
    assert_true(found == runs);
    assert_true(false_alarm <= 2);
    for (size_t i = 0; i < 120; i++) v[i] = 5;
    assert_false(ir_bimodal(v, 120, &lo, &hi));
    assert_false(ir_bimodal(v, 19, &lo, &hi));
}

static void test_plateaus(void **state)
{
    (void)state;
    enum { N = 24 };
    double     x[N], y[N];
    ir_plateau p[8];
    ir_rng     g;
    ir_rng_seed(&g, 3);
    for (int i = 0; i < N; i++) {
        x[i] = 4096.0 * (1 << i);
        y[i] = (x[i] <= 48e3    ? 240e9
                : x[i] <= 1.1e6 ? 120e9
                : x[i] <= 20e6  ? 60e9
                                : 25e9) *
               (1 + 0.02 * ir_rng_normal(&g));
    }
    size_t n = ir_plateaus(x, y, N, 0.10, p, 8);
    assert_int_equal(n, 4);
    assert_num(p[0].x_lo, ==, x[0]);
    assert_num(p[0].x_hi, <=, 48e3);
    assert_num(p[3].x_hi, ==, x[N - 1]);
    assert_close(p[0].y, 240e9, 0.05);
    assert_close(p[3].y, 25e9, 0.05);
    for (int i = 0; i < N; i++) y[i] = 50e9;
    assert_int_equal(ir_plateaus(x, y, N, 0.10, p, 8), 1);
    assert_int_equal(ir_plateaus(x, y, 0, 0.10, p, 8), 0);
}

static void test_random(void **state)
{
    (void)state;
    ir_rng a, b;
    double sum = 0, sq = 0;
    ir_rng_seed(&a, 5);
    ir_rng_seed(&b, 5);
    for (int i = 0; i < 1000; i++) assert_true(ir_rng_next(&a) == ir_rng_next(&b));
    for (int i = 0; i < 20000; i++) {
        double z = ir_rng_normal(&a);
        sum += z;
        sq += z * z;
        assert_true(ir_rng_below(&a, 7) < 7);
    }
    assert_num(fabs(sum / 20000), <, 0.03);
    assert_close(sq, 20000, 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_binomial),
                                       cmocka_unit_test(test_rules), cmocka_unit_test(test_coverage),
                                       cmocka_unit_test(test_modes), cmocka_unit_test(test_plateaus),
                                       cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

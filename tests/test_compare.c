/* test_compare.c -- verdicts on paired blocks and change points: by hand, and their rates over seeded series.
 */
#include "harness/stats/compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/asserts.h"
#include "tests/support/thin.h"

static void test_interval(void **state)
{
    (void)state;
    double d[12], lo, hi, c;
    for (int i = 0; i < 12; i++) d[i] = (i * 7 % 12) + 1; /* 1..12 shuffled */
    assert_true(ir_sign_interval(d, 12, 0.95, &lo, &hi, &c));
    assert_num(lo, ==, 3);
    assert_num(hi, ==, 10);
    assert_num(fabs(c - (1 - 2 * 79.0 / 4096)), <, 1e-12);
    assert_true(ir_sign_interval(d, 8, 0.95, &lo, &hi, &c));
    assert_true(fabs(c - (1 - 2.0 / 256)) < 1e-12);
    assert_false(ir_sign_interval(d, 5, 0.95, &lo, &hi, &c)); /* 5 give 93.75 % at best */
    assert_nan(lo);
    assert_nan(hi);
    assert_false(ir_sign_interval(d, 0, 0.95, &lo, &hi, &c));
}

static ir_ab verdict(double shift, double spread, size_t n)
{
    double       d[32];
    ir_ab_result r;
    for (size_t i = 0; i < n; i++) d[i] = shift + spread * ((double)i / (double)(n - 1) - 0.5);
    ir_ab_judge(d, n, 0.95, 0.02, &r);
    assert_int_equal(r.n, n);
    return r.verdict;
}

static void test_verdicts(void **state)
{
    (void)state;
    assert_int_equal(verdict(0, 0.01, 12), IR_AB_SAME);
    assert_int_equal(verdict(0.05, 0.01, 12), IR_AB_REGRESSED);
    assert_int_equal(verdict(-0.05, 0.01, 12), IR_AB_IMPROVED);
    assert_int_equal(verdict(0.02, 0.01, 12), IR_AB_INCONCLUSIVE);
    assert_int_equal(verdict(0, 0.5, 12), IR_AB_INCONCLUSIVE); /* too wide to say anything, never a pass */
    assert_int_equal(verdict(0.5, 0.01, 7), IR_AB_TOO_FEW);
    assert_string_equal(ir_ab_name(IR_AB_REGRESSED), "REGRESSED");
    assert_int_equal(ir_ab_next_blocks(8), 12);
    assert_int_equal(ir_ab_next_blocks(12), 16);
    assert_int_equal(ir_ab_next_blocks(32), 48);
    assert_int_equal(ir_ab_next_blocks(IR_AB_MOST_BLOCKS), 0);
    assert_int_equal(verdict(-0.02, 0.04, 12), IR_AB_NOT_SLOWER); /* faster or the same */
    assert_int_equal(ir_ab_of_interval(-0.3, 0.019, 0.02), IR_AB_NOT_SLOWER);
    assert_int_equal(ir_ab_of_interval(-0.3, 0.021, 0.02), IR_AB_INCONCLUSIVE);
    assert_int_equal(ir_ab_of_interval(NAN, NAN, 0.02), IR_AB_INCONCLUSIVE);
    assert_string_equal(ir_ab_name(IR_AB_NOT_SLOWER), "NOT SLOWER");
}

/* What the plan promises is what happens: effects of the minimum detectable size are found about 80 % of the
 * time. */
static void test_detection(void **state)
{
    (void)state;
    const uint64_t trials = thin_trials(400);
    size_t         found = 0, alarms = 0;
    double         mde = 0.02 + 0.009;
    ir_rng         g;
    ir_rng_seed(&g, 11);
    for (uint64_t t = 0; t < trials; t++) {
        double       d[12];
        ir_ab_result r;
        for (int i = 0; i < 12; i++) d[i] = 0.01 * ir_rng_normal(&g);
        ir_ab_judge(d, 12, 0.95, 0.02, &r);
        alarms += r.verdict == IR_AB_REGRESSED || r.verdict == IR_AB_IMPROVED;
        if (r.mde > mde) mde = 0.98 * mde + 0.02 * r.mde;
        for (int i = 0; i < 12; i++) d[i] += r.mde;
        ir_ab_judge(d, 12, 0.95, 0.02, &r);
        found += r.verdict == IR_AB_REGRESSED;
    }
    assert_int_equal(alarms, 0);
    if (thin_by() == 1) assert_true((double)found >= 0.7 * (double)trials);
    double d[12];
    for (int i = 0; i < 12; i++) d[i] = 0.01 * (i - 5.5) / 4;
    assert_int_equal(ir_ab_plan(d, 12, 0.95, 0.02, 0.10), 12);
    assert_int_equal(ir_ab_plan(d, 12, 0.95, 0.02, 0.0201), 0);
    assert_int_equal(ir_ab_plan(d, 4, 0.95, 0.02, 0.10), 0);
}

/* ---- change points --------------------------------------------------------------------------- */
static double noise(ir_rng *g, int kind)
{
    double z = ir_rng_normal(g);
    if (kind == 1) return 0.01 * (exp(0.8 * z) - 1.377);   /* skewed */
    if (kind == 2 && ir_rng_uniform(g) < 0.05) return 0.2; /* outliers */
    return 0.01 * z;
}

static void test_flat_series(void **state)
{
    (void)state;
    static const size_t length[] = {20, 35, 60, 120, 200};
    size_t              flagged = 0, firm = 0, all = 0;
    ir_change           c[IR_MAX_CHANGES];
    double              y[200];
    ir_rng              g;
    ir_rng_seed(&g, 21);
    for (int kind = 0; kind < 3; kind++)
        for (size_t l = 0; l < 5; l++)
            for (uint64_t t = 0; t < thin_trials(length[l] > 100 ? 8 : 40); t++) {
                for (size_t i = 0; i < length[l]; i++) y[i] = noise(&g, kind);
                size_t n = ir_changes(y, length[l], 0.01, 0.02, c, IR_MAX_CHANGES);
                flagged += n > 0;
                firm += n > 0 && c[0].firm;
                all++;
            }
    print_message("flat histories flagged: %zu of %zu (firm: %zu)\n", flagged, all, firm);
    assert_true(flagged <= all / 100 + 1);
}

static void test_steps(void **state)
{
    (void)state;
    size_t    found = 0, all = 0;
    ir_change c[IR_MAX_CHANGES];
    double    y[60];
    ir_rng    g;
    ir_rng_seed(&g, 22);
    for (int kind = 0; kind < 3; kind++)
        for (uint64_t t = 0; t < thin_trials(60); t++) {
            size_t before = 20 + t % 30, n = before + 8;
            for (size_t i = 0; i < n; i++) y[i] = noise(&g, kind) + (i >= before ? 0.05 : 0);
            size_t k = ir_changes(y, n, 0.01, 0.02, c, IR_MAX_CHANGES);
            bool   hit = false;
            for (size_t i = 0; i < k; i++)
                hit =
                    hit || (c[i].firm && c[i].at + 3 >= before && c[i].at <= before + 3 && c[i].shift > 0.02);
            found += hit;
            all++;
        }
    print_message("5 %% steps found within 8 runs: %zu of %zu\n", found, all);
    assert_true((double)found >= 0.95 * (double)all);
}

static void test_rules(void **state)
{
    (void)state;
    ir_change c[IR_MAX_CHANGES];
    double    y[40];
    for (int i = 0; i < 40; i++) y[i] = 0.001 * (i * 7 % 11);
    y[20] = 3;
    assert_int_equal(ir_changes(y, 40, 0.01, 0.02, c, IR_MAX_CHANGES), 0); /* one spike */
    y[20] = 0;
    for (int i = 37; i < 40; i++) y[i] = 0.1 + 0.001 * i;
    assert_int_equal(ir_changes(y, 40, 0.01, 0.02, c, IR_MAX_CHANGES), 1);
    assert_true(!c[0].firm);
    assert_num(c[0].at, ==, 37);
    assert_nan(c[0].p);
    for (int i = 30; i < 40; i++) y[i] = -0.1 + 0.001 * i;
    assert_int_equal(ir_changes(y, 40, 0.01, 0.02, c, IR_MAX_CHANGES), 1);
    assert_true(c[0].firm);
    assert_num(c[0].at, ==, 30);
    assert_num(c[0].shift, <, -0.05);
    for (int i = 0; i < 40; i++) y[i] = i >= 25 ? 0.01 : 0.001 * (i % 5); /* a real shift below delta */
    assert_int_equal(ir_changes(y, 40, 0.01, 0.02, c, IR_MAX_CHANGES), 0);
    y[3] = NAN;
    for (int i = 15; i < 28; i++) y[i] = 0.2;
    assert_int_equal(ir_changes(y, 40, 0.01, 0.02, c, IR_MAX_CHANGES),
                     2); /* up and down again; the index counts the NAN */
    assert_num(c[0].at, ==, 15);
    assert_num(c[1].at, ==, 28);
    assert_int_equal(ir_changes(y, 0, 0.01, 0.02, c, IR_MAX_CHANGES), 0);
    assert_true(ir_hodges_lehmann((double[]){1, 2, 3}, 3, (double[]){5, 6, 7}, 3) == 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_interval),  cmocka_unit_test(test_verdicts),
                                       cmocka_unit_test(test_detection), cmocka_unit_test(test_flat_series),
                                       cmocka_unit_test(test_steps),     cmocka_unit_test(test_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

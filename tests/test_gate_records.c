/* test_gate_records.c -- shifts, thresholds and sparks of recorded runs. */
#include "bench/gate/baseline.h"
#include "bench/gate/series.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/asserts.h"

/* ---- recorded runs --------------------------------------------------------------------------- */
static void test_shift(void **state)
{
    (void)state;
    double       a[8] = {1, 2, 3, 4, 5, 6, 7, 8}, b[8], lo, hi, c;
    ir_ab_result r;
    for (int i = 0; i < 8; i++) b[i] = a[i] + 10;
    assert_true(ir_shift_interval(a, 8, b, 8, 0.95, &lo, &hi, &c));
    assert_num(lo, <=, 10);
    assert_num(hi, >=, 10);
    assert_num(c, >=, 0.95);
    assert_num(c, <, 0.97);
    /* 4 against 4: the extremes alone, 1 - 2/70 */
    assert_true(ir_shift_interval(a, 4, b, 4, 0.95, &lo, &hi, &c));
    assert_num(lo, ==, 7);
    assert_num(hi, ==, 13);
    assert_num(fabs(c - (1 - 2.0 / 70)), <, 1e-12);
    assert_false(ir_shift_interval(a, 3, b, 3, 0.95, &lo, &hi, &c));
    assert_false(ir_shift_interval(a, 0, b, 3, 0.95, &lo, &hi, &c));
    b[0] = NAN;
    assert_false(ir_shift_interval(a, 4, b, 4, 0.95, &lo, &hi, &c)); /* a NAN is no run */
    ir_shift_judge(a, 3, a, 3, 0.95, 0.02, &r);
    assert_int_equal(r.verdict, IR_AB_TOO_FEW);
    /* coverage: the nominal 95 % over seeded pairs of sets */
    ir_rng g;
    size_t in = 0, red = 0;
    ir_rng_seed(&g, 3);
    for (int t = 0; t < 2000; t++) {
        double x[6], y[6];
        for (int i = 0; i < 6; i++) {
            x[i] = 0.02 * ir_rng_normal(&g);
            y[i] = 0.02 * ir_rng_normal(&g) + 0.03;
        }
        ir_shift_interval(x, 6, y, 6, 0.95, &lo, &hi, &c);
        in += lo <= 0.03 && hi >= 0.03;
        for (int i = 0; i < 6; i++) y[i] -= 0.03;
        ir_shift_judge(x, 6, y, 6, 0.95, 0.02, &r);
        red += r.verdict == IR_AB_REGRESSED;
    }
    print_message("shift interval covers %.1f %%, %zu of 2000 false alarms\n", (double)in / 20, red);
    assert_num(in, >=, 1880);
    assert_num(red, <=, 10);
}

static char *scratch(const char *text)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/ironroof-gate-XXXXXX");
    int fd = mkstemp(path);
    assert_num(fd, >=, 0);
    assert_num(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void test_thresholds(void **state)
{
    (void)state;
    static thresholds t;
    char             *path = scratch("# point  share\n\n  gemm  5%   # noisy\n/gemm/blocked: 0.01\n");
    assert_int_equal(thresholds_read(path, false, &t), IR_OK);
    assert_int_equal(t.n, 2);
    assert_true(fabs(threshold_of(&t, "cpu/gemm/blocked:m=1", 9) - log1p(0.01)) <
                1e-12); /* the last one that matches */
    assert_true(fabs(threshold_of(&t, "cpu/gemm/naive:m=1", 9) - log1p(0.05)) < 1e-12);
    assert_true(threshold_of(&t, "cpu/copy/nt:", 9) == 9);
    thresholds_free(&t);
    unlink(path);
    static const char *const bad[] = {"gemm\n",     "gemm fast\n", "( 5%\n",
                                      "gemm -5%\n", "gemm 0\n",    "gemm nan\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        path = scratch(bad[i]);
        assert_int_equal(thresholds_read(path, false, &t), IR_EINVAL);
        assert_non_null(strstr(ir_why(), ":1: "));
        unlink(path);
    }
    assert_int_equal(thresholds_read("/no/such/file", true, &t), IR_OK);
    assert_int_equal(thresholds_read("/no/such/file", false, &t), IR_EIO);
}

static void test_spark(void **state)
{
    (void)state;
    double y[] = {0, 1, NAN, 0.5};
    series s = {.y = y, .n = 4};
    char   buf[64];
    series_spark(&s, false, 40, buf, sizeof buf);
    assert_string_equal(buf, "_# -");
    series_spark(&s, false, 2, buf, sizeof buf);
    assert_int_equal(strlen(buf), 2);
    series_spark(&s, true, 40, buf, sizeof buf);
    assert_int_equal(strlen(buf), 3 * 3 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shift), cmocka_unit_test(test_thresholds),
                                       cmocka_unit_test(test_spark)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

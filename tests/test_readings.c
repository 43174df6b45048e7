/* test_readings.c -- a monitor's readings: the last ones are kept, the rest is counted. */
#include "bench/measure/readings.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include "tests/support/asserts.h"

static void the_last_are_kept(void **state)
{
    readings r = {.n = 0};
    (void)state;
    assert_true(isnan(readings_last(&r)) && isnan(readings_quantile(&r, 0.5)));
    readings_add(&r, 3);
    readings_add(&r, 1);
    assert_num(readings_last(&r), ==, 1);
    assert_num(readings_quantile(&r, 0.5), ==, 2);
    assert_num(readings_quantile(&r, 1), ==, 3);
    r.n = 0;
    for (int i = 0; i < READINGS_KEEP + 10; i++) readings_add(&r, i);
    assert_num(readings_last(&r), ==, READINGS_KEEP + 9);
    assert_num(r.n, ==, READINGS_KEEP + 10);
    assert_num(readings_quantile(&r, 0), ==, 10); /* 0 to 9 are forgotten */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_last_are_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

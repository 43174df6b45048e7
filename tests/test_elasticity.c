/* test_elasticity.c -- what interventions say of a label: elasticities and the rule on times made from a
 * known law, contradictions included. */
#include "bench/ablation/elasticity.h"
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

/* ---- the rule -------------------------------------------------------------------------------- */
typedef struct {
    double data, comp, lat;
} factors;
/* batch doubled; more bytes at equal FLOPs; narrower weights; half the cores */
static const factors usual[] = {{1, 2, 1}, {4, 1, 1}, {.5, 1, 1}, {1.1, 2, 1}};
enum { NUSUAL = 4 };

/* Variants of a point whose time is data + comp + lat, with errors of sd in ln. */
static void made(const factors *f, size_t n, factors share, double sd, uint64_t seed, term_change *c)
{
    ir_rng rng;
    ir_rng_seed(&rng, seed);
    for (size_t i = 0; i < n; i++) {
        double y = log(share.data * f[i].data + share.comp * f[i].comp + share.lat * f[i].lat) +
                   sd * ir_rng_normal(&rng);
        c[i] = (term_change){.d = {log(f[i].data), log(f[i].comp), log(f[i].lat)}, .y = y};
        for (int d = 0; d < ABL_DRAWS; d++) c[i].draw[d] = y + sd * ir_rng_normal(&rng);
    }
}

static term_change change[ABL_MAX_VARIANTS];
enum { NO_LAT = 1u << ABL_LAT };

static void elasticities_are_the_shares(void **state)
{
    (void)state;
    term_elasticity e[ABL_NTERM];
    made(usual, NUSUAL, (factors){.7, .3, 0}, 0, 1, change);
    elasticities_of(change, NUSUAL, NO_LAT, 1, e);
    assert_true(fabs(e[ABL_DATA].v - .7) < 1e-9 && fabs(e[ABL_COMP].v - .3) < 1e-9);
    assert_int_equal(e[ABL_LAT].how, ABL_NIL);
    assert_true(e[ABL_DATA].lo < .7 && .7 < e[ABL_DATA].hi && e[ABL_DATA].hi - e[ABL_DATA].lo < .4);
}

static void intervals_cover(void **state)
{
    (void)state;
    int in = 0, runs = 200;
    for (int r = 0; r < runs; r++) {
        term_elasticity e[ABL_NTERM];
        made(usual, NUSUAL, (factors){.6, .4, 0}, .05, (uint64_t)r, change);
        elasticities_of(change, NUSUAL, NO_LAT, (uint64_t)r, e);
        in += e[ABL_DATA].lo <= .6 && .6 <= e[ABL_DATA].hi;
    }
    assert_true(in > 0.85 * runs);
}

static ablation_outcome outcome(const factors *f, size_t n, factors share, unsigned nil, ir_bound label)
{
    term_elasticity e[ABL_NTERM];
    made(f, n, share, .01, 7, change);
    elasticities_of(change, n, nil, 7, e);
    return ablation_judge(label, e);
}

static void the_label_decides(void **state)
{
    (void)state;
    static const factors data = {.95, .05, 0}, comp = {.05, .95, 0}, even = {.5, .5, 0};
    assert_int_equal(outcome(usual, NUSUAL, data, NO_LAT, IR_BOUND_MEMORY), ABL_CONFIRMED);
    assert_int_equal(outcome(usual, NUSUAL, data, NO_LAT, IR_BOUND_CACHE), ABL_CONFIRMED);
    assert_int_equal(outcome(usual, NUSUAL, data, NO_LAT, IR_BOUND_COMPUTE), ABL_CONTRADICTED);
    assert_int_equal(outcome(usual, NUSUAL, comp, NO_LAT, IR_BOUND_COMPUTE), ABL_CONFIRMED);
    assert_int_equal(outcome(usual, NUSUAL, comp, NO_LAT, IR_BOUND_MEMORY), ABL_CONTRADICTED);
    assert_int_equal(outcome(usual, NUSUAL, even, NO_LAT, IR_BOUND_MEMORY), ABL_UNDECIDED);
    assert_int_equal(outcome(usual, NUSUAL, data, NO_LAT, IR_BOUND_MIXED), ABL_UNDECIDED);
}

/* A time that nothing moves follows neither bytes nor FLOPs. */
static void a_time_that_stands_still(void **state)
{
    (void)state;
    static const factors still = {0, 0, 1};
    assert_int_equal(outcome(usual, NUSUAL, still, 0, IR_BOUND_MEMORY), ABL_CONTRADICTED);
    assert_int_equal(outcome(usual, NUSUAL, still, 0, IR_BOUND_COMPUTE), ABL_CONTRADICTED);
    assert_int_equal(outcome(usual, NUSUAL, still, 0, IR_BOUND_LATENCY),
                     ABL_CONFIRMED); /* what the others leave of 1 */
}

static void terms_that_change_together(void **state)
{
    (void)state;
    static const factors both[] = {{2, 2, 1}, {.5, .5, 1}}, one[] = {{2, 1, 1}};
    term_elasticity      e[ABL_NTERM];
    assert_int_equal(outcome(both, 2, (factors){1, 0, 0}, NO_LAT, IR_BOUND_MEMORY), ABL_UNDECIDED);
    elasticities_of(change, 2, NO_LAT, 7, e);
    assert_int_equal(e[ABL_DATA].how, ABL_TANGLED);
    assert_true(isnan(e[ABL_DATA].v));
    /* one clean intervention is enough: elasticities add to 1 */
    assert_int_equal(outcome(one, 1, (factors){.95, .05, 0}, NO_LAT, IR_BOUND_MEMORY), ABL_CONFIRMED);
    assert_int_equal(outcome(one, 1, (factors){.05, .95, 0}, NO_LAT, IR_BOUND_MEMORY), ABL_CONTRADICTED);
    elasticities_of(change, 0, 0, 1, e);
    assert_int_equal(ablation_judge(IR_BOUND_MEMORY, e), ABL_UNDECIDED);
}

static void noise_decides_nothing(void **state)
{
    (void)state;
    term_elasticity e[ABL_NTERM];
    made(usual, NUSUAL, (factors){.8, .2, 0}, .5, 3, change);
    elasticities_of(change, NUSUAL, NO_LAT, 3, e);
    assert_true(e[ABL_DATA].hi - e[ABL_DATA].lo > .5);
    assert_int_not_equal(ablation_judge(IR_BOUND_MEMORY, e), ABL_CONFIRMED);
}

static void ratios_from_blocks(void **state)
{
    (void)state;
    static const double a[] = {1, 1.1, .9}, b[] = {2, 2.2, 1.8}, late[] = {1.2, 1.32, 1.08};
    const block_times   base = {{{a, 3}, {late, 3}}, 2}, variant = {{{b, 3}}, 1}, none = {{{a, 0}}, 0};
    term_change         c[2];
    change_ratios(&base, &variant, 1, 1, c);
    assert_true(fabs(c[0].y - (log(2) - .5 * log(1.2))) < 1e-12);
    assert_true(c[0].lo < c[0].y && c[0].y < c[0].hi);
    change_ratios(&base, &none, 1, 1, c);
    assert_true(isnan(c[0].y));
}

static void one_twin_alone(void **state)
{
    (void)state;
    made((const factors[]){{1, 2, 1}}, 1, (factors){1, 0, 0}, 0, 1, change);
    assert_true(change_agrees(IR_BOUND_MEMORY, &change[0]) && !change_agrees(IR_BOUND_COMPUTE, &change[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elasticities_are_the_shares), cmocka_unit_test(intervals_cover),
        cmocka_unit_test(the_label_decides),           cmocka_unit_test(a_time_that_stands_still),
        cmocka_unit_test(terms_that_change_together),  cmocka_unit_test(noise_decides_nothing),
        cmocka_unit_test(ratios_from_blocks),          cmocka_unit_test(one_twin_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

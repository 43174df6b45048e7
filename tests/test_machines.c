/* test_machines.c -- machines side by side: the split of a gap adds up, and the printed comparison of two
 * small records is the golden one (tests/golden/compare.txt; IRONROOF_GOLDEN=write writes it anew). */
#include "bench/predict/side_by_side.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/asserts.h"

static const ir_workload *const table[] = {&wl_copy, &wl_gemm, &wl_gemv, NULL};

static void gap(void **state)
{
    compare_time a = {.ok = true, .T_s = 10, .lo = 9, .hi = 11, .term_s = {6, 3, 1, 0}},
                 b = {.ok = true, .T_s = 20, .lo = 19, .hi = 21, .term_s = {12, 3, 2, 3}};
    compare_gap g;
    (void)state;
    compare_gap_of(&a, &b, &g);
    assert_num(g.ratio, ==, 2);
    assert_num(fabs(g.lo - 19.0 / 11), <, 1e-12);
    assert_num(fabs(g.hi - 21.0 / 9), <, 1e-12);
    assert_num(fabs(g.share[P_DATA] - 0.6), <, 1e-12);
    assert_num(g.share[P_COMP], ==, 0);
    assert_num(fabs(g.share[P_LAT] - 0.1), <, 1e-12);
    assert_num(fabs(g.share[COMPARE_UNEXPLAINED] - 0.3), <, 1e-12);
    assert_num(g.explains, ==, P_DATA);
    assert_num(g.term_ratio[P_DATA], ==, 2);
    assert_num(g.term_ratio[P_COMP], ==, 1);
    compare_gap_of(&a, &a, &g);
    assert_int_equal(g.explains, -1);
    compare_gap_of(&b, &a, &g); /* the other way round: the same shares */
    assert_num(fabs(g.share[P_DATA] - 0.6), <, 1e-12);
    assert_num(g.explains, ==, P_DATA);
}

static void datasheets(void **state)
{
    machine_views *s = calloc(1, sizeof *s);
    cli_dtypes     none = {.n = 0};
    cli_point      p[16];
    compare_time   t;
    (void)state;
    assert_int_equal(machine_views_add_list(s, "a100,laptop,jetson-orin"), IR_OK);
    assert_string_equal(compare_differs(&s->v[0], &s->v[1]), "datasheet");
    size_t n = compare_points(s, predict_workloads(table), &none, p, 16);
    assert_int_equal(n, 3); /* copy, gemm f32, gemm f16: what the table has of the standard points */
    assert_int_equal(p[2].p.dtype, IR_F16);
    for (size_t m = 0; m < s->n; m++)
        for (size_t i = 0; i < n; i++) {
            compare_time_of(&s->v[m], p[i].workload, &p[i].p, &t);
            double sum = t.term_s[0] + t.term_s[1] + t.term_s[2] + t.term_s[3];
            assert_true(t.ok);
            assert_true(!t.measured);
            assert_close(sum, t.T_s, 1e-12);
        }
    machine_views_free(s);
    free(s);
}

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 1 << 16);
    if (f && fread(text, 1, (1 << 16) - 1, f) == 0) text[0] = 0;
    if (f) fclose(f);
    return text;
}

static char *printed(const machine_views *s)
{
    char      *text = NULL;
    size_t     size = 0;
    cli_dtypes none = {.n = 0};
    cli_point  p[16];
    size_t     n = compare_points(s, predict_workloads(table), &none, p, 16);
    ir_text    t = {.f = open_memstream(&text, &size), .width = 120};
    assert_int_equal(compare_print(&t, s, p, n, true), IR_OK);
    fclose(t.f);
    return text;
}

static void golden(void **state)
{
    machine_views *s = calloc(1, sizeof *s);
    const char    *path = IR_TESTS_DIR "/golden/compare.txt", *mode = getenv("IRONROOF_GOLDEN");
    ir_status      st = machine_views_add(s, IR_TESTS_DIR "/fixtures/machine_a.jsonl");
    (void)state;
    if (st == IR_OK) st = machine_views_add(s, IR_TESTS_DIR "/fixtures/machine_b.jsonl");
    if (st != IR_SKIP) { /* without jansson there is nothing to read records with */
        assert_int_equal(st, IR_OK);
        assert_string_equal(compare_differs(&s->v[0], &s->v[1]), "cpu_model");
        char *got = printed(s);
        if (mode && !strcmp(mode, "write")) {
            FILE *f = fopen(path, "wb");
            assert_non_null(f);
            fputs(got, f);
            fclose(f);
        }
        char *want = slurp(path);
        assert_true(strlen(want) > 500);
        if (strcmp(want, got)) fail_msg("the comparison changed:\n%s", got);
        free(want);
        free(got);
    }
    machine_views_free(s);
    free(s);
}

static void measured_over_predicted(void **state)
{
    machine_views  *s = calloc(1, sizeof *s);
    const ir_params p = {{4096, 4096, 4096}, IR_F32, 0};
    compare_time    t;
    (void)state;
    if (machine_views_add(s, IR_TESTS_DIR "/fixtures/machine_a.jsonl") == IR_OK) {
        compare_time_of(&s->v[0], &wl_gemm, &p, &t);
        assert_true(t.ok);
        assert_true(t.measured);
        assert_num(t.T_s, ==, ir_point_time(t.measured));
        assert_num(fabs(t.lo / t.T_s - 0.99), <, 1e-9);
        double sum = t.term_s[0] + t.term_s[1] + t.term_s[2] + t.term_s[3];
        /* faster than the law says */
        assert_close(sum, t.T_s, 1e-12);
        assert_num(t.term_s[COMPARE_UNEXPLAINED], <, 0);
    }
    machine_views_free(s);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gap), cmocka_unit_test(datasheets),
                                       cmocka_unit_test(golden), cmocka_unit_test(measured_over_predicted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_device_run.c -- a run's rows are judged together: rows in which others took the CPUs do not enter the
 * law, and where two threads did what no machine does, no row tells what holds it. */
#include "law_machine.h"

#include "bench/run/device_run.h"
#include "bench/run/stream.h"

#include <string.h>

enum { N = 24 };
/* Rows that obey T = D/BW + O/(R .8) + L on three families; the first `preempted` took five times as long. */
static void rows(ir_point *p, const ir_ceilings *c, size_t preempted)
{
    static const char *const family[] = {"stream", "gemm", "launch"};
    for (size_t i = 0; i < N; i++) {
        size_t f = i % 3;
        double bytes = f == 2 ? 0 : 4e8 * (double)(1 + i % 5),
               flops = f == 1 ? bytes * (double)(2 + i % 7) : 0;
        p[i] = point(bytes, 0, flops, bytes, 1);
        p[i].id.p.v[0] = (int64_t)i;
        snprintf(p[i].id.family, sizeof p[i].id.family, "%s", family[f]);
        snprintf(p[i].id.workload, sizeof p[i].id.workload, "%s", f == 1 ? "gemm" : f ? "forkjoin" : "read");
        ir_row x;
        assert_true(ir_row_of(&p[i], c, &x));
        double T = x.x_data_s / 0.9 + x.x_comp_s / 0.8 + 2e-6 * x.x_launch;
        retime(&p[i], i < preempted ? 1.5 * T : T);
        p[i].m.cpu_share = 1;
        if (i >= preempted) continue;
        p[i].flags = IR_FLAG_PREEMPTED;
        p[i].m.cpu_share = 0.2;
    }
}

static void preempted_rows_do_not_enter(void **state)
{
    static fitted_law quiet, some, most;
    ir_ceilings       c;
    ir_point          p[N];
    (void)state;
    machine(&c);
    rows(p, &c, 0);
    fit_points(p, N, &c, 1, &quiet);
    rows(p, &c, 6);
    fit_points(p, N, &c, 1, &some);
    assert_true(quiet.fitted && some.fitted);
    assert_int_equal(quiet.fit[0].n, N);
    assert_int_equal(some.fit[0].n, N - 6);
    assert_close(some.fit[some.better].BW.v, quiet.fit[quiet.better].BW.v, 1e-6);
    assert_close(some.fit[some.better].eta.v, quiet.fit[quiet.better].eta.v, 1e-6);
    for (size_t i = 0; i < N; i++) assert_int_equal(*p[i].law.withheld != 0, i < 6);
    rows(p, &c, 20); /* the rest would be too few: all enter, and the run is unusable */
    fit_points(p, N, &c, 1, &most);
    assert_true(most.fitted);
    assert_int_equal(most.fit[0].n, N);
    ir_ceilings_free(&c);
}

/* An unusable run judges no row, whatever it is unusable for. */
static void unusable_runs_withhold(void **state)
{
    static const struct {
        bool             graded;
        ir_quality_value value;
        bool             withheld;
    } row[] = {{true, IR_QUALITY_GOOD, false},
               {true, IR_QUALITY_NOISY, false},
               {true, IR_QUALITY_UNUSABLE, true},
               {false, IR_QUALITY_UNUSABLE, false}};
    (void)state;
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        static device_run c;
        ir_point          p[N];
        size_t            bounds = 0;
        memset(&c, 0, sizeof c);
        machine(&c.s.ceilings);
        ir_env_init(&c.env);
        c.graded = row[k].graded;
        c.quality.value = row[k].value;
        c.quality.ncause = 1;
        snprintf(c.quality.cause[0].text, sizeof c.quality.cause[0].text,
                 "two threads ran 0.40 x one, which no machine does: something else ran");
        rows(p, &c.s.ceilings, 0);
        c.s.point = p;
        c.s.npoint = N;
        c.s.policy.seed = 1;
        device_run_judge(&c);
        for (size_t i = 0; i < N; i++) {
            bounds += p[i].law.bound != IR_BOUND_UNKNOWN;
            if (row[k].withheld)
                assert_string_equal(p[i].law.withheld,
                                    "unusable run: two threads ran 0.40 x one, which no machine does");
        }
        assert_int_equal(bounds, row[k].withheld ? 0 : N);
        ir_env_free(&c.env);
        ir_ceilings_free(&c.s.ceilings);
    }
}

/* Every row is streamed once and none is lost, also when rows for ceilings join those before it. */
static void streamed_once(void **state)
{
    (void)state;
    measure_context s = {0};
    ir_point        p[8], ceiling;
    char           *text = NULL;
    size_t          size = 0, seen = 0;
    row_stream      r = {.t = {.f = open_memstream(&text, &size)}, .on = true};
    assert_non_null(r.t.f);
    ir_point_init(&ceiling);
    ceiling.id.for_ceiling = true;
    s.point = p;
    for (int i = 0; i < 3; i++) {
        p[s.npoint] = point(1e6, 0, 0, 1e6, 1);
        snprintf(p[s.npoint].id.workload, sizeof p[0].id.workload, "row%d", i);
        s.npoint++;
        stream_rows(&r, &s);
        p[s.npoint++] = ceiling; /* measured because of that row */
        stream_rows(&r, &s);
        s.npoint--;
        memmove(p + 1, p, s.npoint++ * sizeof *p);
        p[0] = ceiling;
        stream_rows(&r, &s);
    }
    fclose(r.t.f);
    for (const char *at = text; (at = strstr(at, "row")) != NULL; at++) seen++;
    assert_int_equal(seen, 3);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(preempted_rows_do_not_enter),
                                       cmocka_unit_test(unusable_runs_withhold),
                                       cmocka_unit_test(streamed_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_law_fit.c -- the fit on a synthetic device that obeys the law: what was put in must come out,
 * intervals must cover as often as they promise, and what the rows do not tell must be refused. */
#include "harness/law/law.h"
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
#include "tests/support/thin.h"

/* The truth: a machine of 40 GB/s and 200 GFLOP/s. */
#define BW_CEILING 40e9
#define R_CEILING  200e9
#define TRUE_S     0.95
#define TRUE_ETA   0.85
#define TRUE_L     2e-6

enum { STREAM, PEAK, LAUNCH, GEMM, GEMV, NFAMILY, MAX_ROWS = 80 };

typedef struct {
    ir_row row[MAX_ROWS];
    size_t n;
} rows;

static double law_s(ir_form form, const ir_row *r)
{
    double d = r->x_data_s / TRUE_S, c = r->x_comp_s / TRUE_ETA;
    return (form == IR_ADDITIVE ? d + c : fmax(d, c)) + TRUE_L * r->x_launch;
}

static void add(rows *q, double bytes, double flops, int family)
{
    assert_true(q->n < MAX_ROWS);
    q->row[q->n++] = (ir_row){bytes / BW_CEILING, flops / R_CEILING, 1, 0, 0, 0, family};
}

static void streams(rows *q)
{
    for (int i = 0; i < 8; i++) add(q, 1048576.0 * (1 << i), 0, STREAM);
    for (int i = 0; i < 6; i++) add(q, 3145728.0 * (1 << i), 262144.0 * (1 << i), STREAM);
}

/* The points a run measures: streams, multiply-accumulates, empty launches, products of several shapes. */
static void device(rows *q)
{
    static const double shape[] = {32, 64, 96, 128, 256, 512, 1024, 2048};
    q->n = 0;
    streams(q);
    for (int i = 0; i < 5; i++) add(q, 0, 1572864.0 * (1 << i), PEAK);
    for (int i = 0; i < 2; i++) add(q, 0, 0, LAUNCH);
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        add(q, 12 * shape[i] * shape[i], 2 * shape[i] * shape[i] * shape[i], GEMM);
    for (int b = 1; b <= 256; b *= 2) add(q, 4.0 * 1024 * 1024 + 8.0 * 1024 * b, 2.0 * 1024 * 1024 * b, GEMM);
    for (int i = 8; i < 13; i++) add(q, 4 * exp2(2 * i), 2 * exp2(2 * i), GEMV);
}

/* Times under the law with noise; each row's own interval states `claimed` as its standard deviation. */
static void measure(rows *q, ir_form form, double noise, double claimed, ir_rng *rng)
{
    for (size_t i = 0; i < q->n; i++) {
        ir_row *r = &q->row[i];
        r->T_s = law_s(form, r) * exp(noise > 0 ? noise * ir_rng_normal(rng) : 0);
        double sd = claimed > 0 ? claimed * (0.75 + 0.5 * ir_rng_uniform(rng)) : 0;
        r->T_lo = r->T_s * exp(-1.96 * sd);
        r->T_hi = r->T_s * exp(1.96 * sd);
    }
}

static void made(rows *q, ir_form form, double noise, uint64_t seed)
{
    ir_rng rng;
    ir_rng_seed(&rng, seed);
    device(q);
    measure(q, form, noise, noise, &rng);
}

static void assert_covers(const ir_coef *c, double truth)
{
    assert_int_equal(c->how, IR_FITTED);
    assert_num(c->lo, <=, truth);
    assert_num(truth, <=, c->hi);
}

/* ---- exact recovery -------------------------------------------------------------------------- */
static void recovers(ir_form form)
{
    rows   q;
    ir_fit fit;
    made(&q, form, 0, 1);
    assert_int_equal(ir_fit_rows(form, q.row, q.n, 1, &fit), IR_OK);
    assert_close(fit.BW.v, TRUE_S, 1e-9);
    assert_close(fit.eta.v, TRUE_ETA, 1e-9);
    assert_close(fit.L_lat.v, TRUE_L, 1e-9);
    assert_covers(&fit.BW, TRUE_S);
    assert_covers(&fit.eta, TRUE_ETA);
    assert_covers(&fit.L_lat, TRUE_L);
    assert_num(fit.err_p90, <, 1e-9);
    assert_num(fit.lofo_p90, <, 1e-6);
    assert_num(fit.cond, >=, 1);
    assert_num(fit.cond, <, 10);
    assert_int_equal(fit.n, q.n);
    assert_int_equal(fit.nfamily, NFAMILY);
    assert_false(fit.eta_error);
    for (size_t i = 0; i < q.n; i++) assert_close(ir_fit_predict(&fit, &q.row[i]), q.row[i].T_s, 1e-9);
}

static void recovers_additive(void **state)
{
    (void)state;
    recovers(IR_ADDITIVE);
}
static void recovers_overlapped(void **state)
{
    (void)state;
    recovers(IR_OVERLAPPED);
}

/* The order of rows, and rows that are no measurement, change nothing. */
static void order_and_junk_do_not_matter(void **state)
{
    rows   q;
    ir_fit a, b;
    (void)state;
    for (int form = 0; form < 2; form++) {
        made(&q, (ir_form)form, 0.05, 3);
        assert_int_equal(ir_fit_rows((ir_form)form, q.row, q.n, 1, &a), IR_OK);
        for (size_t i = 0; i < q.n / 2; i++) {
            ir_row r = q.row[i];
            q.row[i] = q.row[q.n - 1 - i];
            q.row[q.n - 1 - i] = r;
        }
        q.row[q.n++] = (ir_row){NAN, 0, 1, 1e-3, NAN, NAN, STREAM};
        q.row[q.n++] = (ir_row){1e-3, 0, 1, NAN, NAN, NAN, STREAM};
        q.row[q.n++] = (ir_row){1e-3, 0, 1, 0, NAN, NAN, STREAM};
        q.row[q.n++] = (ir_row){-1e-3, 0, 1, 1e-3, NAN, NAN, STREAM};
        q.row[q.n++] = (ir_row){0, 0, 0, 1e-3, NAN, NAN, STREAM};
        q.row[q.n++] = (ir_row){INFINITY, 0, 1, 1e-3, NAN, NAN, STREAM};
        assert_int_equal(ir_fit_rows((ir_form)form, q.row, q.n, 1, &b), IR_OK);
        assert_int_equal(b.n, a.n);
        assert_close(b.BW.v, a.BW.v, 1e-6);
        assert_close(b.eta.v, a.eta.v, 1e-6);
        assert_close(b.L_lat.v, a.L_lat.v, 1e-6);
    }
}

static void the_same_seed_gives_the_same_fit(void **state)
{
    static ir_fit a, b;
    rows          q;
    (void)state;
    made(&q, IR_OVERLAPPED, 0.02, 5);
    assert_int_equal(ir_fit_rows(IR_OVERLAPPED, q.row, q.n, 7, &a), IR_OK);
    assert_int_equal(ir_fit_rows(IR_OVERLAPPED, q.row, q.n, 7, &b), IR_OK);
    assert_memory_equal(a.draw, b.draw, sizeof a.draw);
    assert_num(a.BW.lo, ==, b.BW.lo);
    assert_num(a.eta.hi, ==, b.eta.hi);
    assert_num(a.lofo_p90, ==, b.lofo_p90);
    assert_int_equal(ir_fit_rows(IR_OVERLAPPED, q.row, q.n, 8, &b), IR_OK);
    assert_num(a.BW.v, ==, b.BW.v);
    assert_num(a.BW.lo, !=, b.BW.lo);
}

/* ---- refusals -------------------------------------------------------------------------------- */
static void two_rows_are_refused(void **state)
{
    rows   q;
    ir_fit fit;
    (void)state;
    made(&q, IR_ADDITIVE, 0, 1);
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(ir_fit_rows(IR_ADDITIVE, q.row, n, 1, &fit), IR_EINVAL);
        assert_non_null(strstr(ir_why(), "needs 3"));
        assert_int_equal(fit.BW.how, IR_UNIDENTIFIED);
        assert_nan(fit.BW.v);
        assert_nan(fit.lofo_median);
        assert_num(fit.ndraw, ==, 0);
    }
    for (size_t i = 0; i < q.n; i++) q.row[i].T_s = NAN;
    assert_int_equal(ir_fit_rows(IR_ADDITIVE, q.row, q.n, 1, &fit), IR_EINVAL);
}

static void assert_unidentified(const ir_coef *c)
{
    assert_int_equal(c->how, IR_UNIDENTIFIED);
    assert_nan(c->v);
    assert_nan(c->lo);
    assert_nan(c->hi);
}

/* Large copies with and without noise: launches take a thousandth of the time and there is no arithmetic. */
static void copies_alone_tell_bandwidth_only(void **state)
{
    (void)state;
    for (int k = 0; k < 40; k++) {
        rows   q = {.n = 0};
        ir_rng rng;
        ir_fit fit;
        for (int i = 0; i < 6; i++) add(&q, 67108864.0 * (1 << i), 0, STREAM);
        ir_rng_seed(&rng, (uint64_t)k);
        double noise = k < 2 ? 0 : 0.004;
        measure(&q, (ir_form)(k % 2), noise, noise, &rng);
        assert_int_equal(ir_fit_rows((ir_form)(k % 2), q.row, q.n, 1, &fit), IR_OK);
        assert_close(fit.BW.v, TRUE_S, 0.01);
        assert_unidentified(&fit.eta);
        assert_true(fit.L_lat.how != IR_FITTED);
        assert_nan(fit.lofo_median);
        assert_num(fit.nfamily, ==, 1);
        assert_nan(fit.draw[0][1]);
        assert_true(isfinite(fit.draw[0][0]));
    }
}

/* One intensity throughout, or nearly: bytes and operations cannot be told apart, and neither may be claimed.
 */
static void one_intensity_is_collinear(void **state)
{
    (void)state;
    for (int k = 0; k < 20; k++) {
        rows   q = {.n = 0};
        ir_rng rng;
        ir_fit fit;
        for (int i = 0; i < 12; i++) {
            double vary = k < 10 ? 0 : i % 2 ? 0.003 : -0.003;
            add(&q, 65536.0 * (1 << i), 5 * 65536.0 * (1 << i) * (1 + vary), GEMV);
        }
        ir_rng_seed(&rng, (uint64_t)k);
        measure(&q, IR_ADDITIVE, k ? 0.01 : 0, 0.01, &rng);
        assert_int_equal(ir_fit_rows(IR_ADDITIVE, q.row, q.n, 1, &fit), IR_OK);
        assert_unidentified(&fit.BW);
        assert_unidentified(&fit.eta);
        assert_true(fit.cond > 100);
    }
}

/* Streams whose additions hide behind the bytes say nothing of eta, however slow some of them are. */
static void hidden_arithmetic_is_not_claimed(void **state)
{
    rows   q = {.n = 0};
    ir_rng rng;
    ir_fit fit;
    (void)state;
    streams(&q);
    for (int i = 0; i < 2; i++) add(&q, 0, 0, LAUNCH);
    ir_rng_seed(&rng, 3);
    measure(&q, IR_OVERLAPPED, 0.02, 0.02, &rng);
    for (size_t i = 8; i < 14; i++) q.row[i].T_s *= 1.5;
    for (int form = 0; form < 2; form++) {
        assert_int_equal(ir_fit_rows((ir_form)form, q.row, q.n, 1, &fit), IR_OK);
        assert_unidentified(&fit.eta);
        assert_int_equal(fit.BW.how, IR_FITTED);
        assert_close(fit.L_lat.v, TRUE_L, 0.1);
    }
}

/* Rows that get faster than proportional as they shrink: the best L is negative, and is held at 0. */
static void latency_below_zero_is_pinned(void **state)
{
    rows   q = {.n = 0};
    ir_rng rng;
    ir_fit fit;
    (void)state;
    for (int i = 0; i < 10; i++) add(&q, 1e6 * (1 << i), 0, STREAM);
    for (int i = 0; i < 4; i++) add(&q, 0, 1e8 * (1 << i), PEAK);
    ir_rng_seed(&rng, 1);
    measure(&q, IR_ADDITIVE, 0.002, 0.002, &rng);
    for (size_t i = 0; i < 10; i++) q.row[i].T_s -= TRUE_L + 3e-6;
    for (size_t i = 10; i < 14; i++) q.row[i].T_s -= TRUE_L;
    assert_int_equal(ir_fit_rows(IR_ADDITIVE, q.row, q.n, 1, &fit), IR_OK);
    assert_int_equal(fit.L_lat.how, IR_PINNED);
    assert_true(fit.L_lat.v == 0);
    assert_string_equal(ir_how_name(fit.L_lat.how), "pinned");
}

static void eta_above_one_is_an_error(void **state)
{
    rows   q;
    ir_fit fit;
    (void)state;
    made(&q, IR_ADDITIVE, 0, 1);
    for (size_t i = 0; i < q.n; i++) q.row[i].x_comp_s *= 1.25; /* a peak measured too low */
    assert_int_equal(ir_fit_rows(IR_ADDITIVE, q.row, q.n, 1, &fit), IR_OK);
    assert_close(fit.eta.v, 1.25 * TRUE_ETA, 1e-6);
    assert_true(fit.eta_error);
}

/* ---- robustness ------------------------------------------------------------------------------ */
/* One kernel three times too slow and one too fast move nothing by more than a percent. */
static void bad_rows_do_not_move_the_law(void **state)
{
    rows   q;
    ir_fit fit;
    (void)state;
    for (int form = 0; form < 2; form++) {
        made(&q, (ir_form)form, 0.002, 9);
        q.row[3].T_s *= 3;
        q.row[5].T_s *= 0.6;
        q.row[17].T_s *= 3;
        assert_int_equal(ir_fit_rows((ir_form)form, q.row, q.n, 1, &fit), IR_OK);
        assert_close(fit.BW.v, TRUE_S, 0.01);
        assert_close(fit.eta.v, TRUE_ETA, 0.01);
        assert_close(fit.L_lat.v, TRUE_L, 0.01);
    }
}

/* Each form must recognise its own data, at noise too. */
static void better_form_is_the_true_one(void **state)
{
    ir_fit fit[2];
    (void)state;
    for (int form = 0; form < 2; form++)
        for (uint64_t seed = 0; seed < thin_trials(20); seed++) {
            rows q;
            made(&q, (ir_form)form, 0.02, seed);
            for (int f = 0; f < 2; f++)
                assert_int_equal(ir_fit_rows((ir_form)f, q.row, q.n, 1, &fit[f]), IR_OK);
            assert_true(fit[form].lofo_median < fit[!form].lofo_median);
            assert_true(fit[form].err_median < fit[!form].err_median);
        }
}

/* The global minimum of the overlapped form, against a fine grid of all ratios s/eta. */
static void overlapped_fit_is_global(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < thin_trials(10); seed++) {
        rows   q;
        ir_fit fit;
        double least = INFINITY, mine = 0;
        made(&q, IR_OVERLAPPED, 0, seed);
        q.n = 7; /* below the number from which on rows are weighted */
        ir_rng rng;
        ir_rng_seed(&rng, seed);
        for (size_t i = 0; i < q.n; i++)
            q.row[i] = (ir_row){1e-3 * ir_rng_uniform(&rng),
                                1e-3 * ir_rng_uniform(&rng),
                                0,
                                1e-3 * (0.5 + ir_rng_uniform(&rng)),
                                NAN,
                                NAN,
                                (int)i};
        assert_int_equal(ir_fit_rows(IR_OVERLAPPED, q.row, q.n, 1, &fit), IR_OK);
        if (fit.BW.how != IR_FITTED || fit.eta.how != IR_FITTED) continue;
        for (size_t i = 0; i < q.n; i++) mine += pow(ir_fit_predict(&fit, &q.row[i]) / q.row[i].T_s - 1, 2);
        for (double angle = 0; angle < 1.5708; angle += 1e-4) {
            double saa = 0, sa = 0;
            for (size_t i = 0; i < q.n; i++) {
                double a =
                    fmax(cos(angle) * q.row[i].x_data_s, sin(angle) * q.row[i].x_comp_s) / q.row[i].T_s;
                saa += a * a;
                sa += a;
            }
            least = fmin(least, (double)q.n - sa * sa / saa);
        }
        assert_true(mine <= least * (1 + 1e-6));
    }
}

/* ---- coverage -------------------------------------------------------------------------------- */
enum { SEEDS = 500 };

static int covers(const ir_coef *c, double truth)
{
    return c->how == IR_FITTED && c->lo <= truth && truth <= c->hi;
}

static void coverage(ir_form form, double noise, double claimed)
{
    int    hit[3] = {0};
    ir_fit fit;
    for (uint64_t seed = 1; seed <= thin_trials(SEEDS); seed++) {
        rows   q;
        ir_rng rng;
        ir_rng_seed(&rng, 1000 + seed);
        device(&q);
        measure(&q, form, noise, claimed, &rng);
        assert_int_equal(ir_fit_rows(form, q.row, q.n, seed, &fit), IR_OK);
        hit[0] += covers(&fit.BW, TRUE_S);
        hit[1] += covers(&fit.eta, TRUE_ETA);
        hit[2] += covers(&fit.L_lat, TRUE_L);
    }
    for (int j = 0; j < 3 && thin_by() == 1; j++)
        if (hit[j] < SEEDS * 92 / 100 || hit[j] > SEEDS * 98 / 100)
            fail_msg("%s: the 95 %% interval of coefficient %d covers the truth in %d of %d seeds",
                     ir_form_name(form), j, hit[j], SEEDS);
}

static void intervals_cover_additive(void **state)
{
    (void)state;
    coverage(IR_ADDITIVE, 0.02, 0.02);
}
static void intervals_cover_overlapped(void **state)
{
    (void)state;
    coverage(IR_OVERLAPPED, 0.02, 0.02);
}

/* Rows that know nothing of their own error: the scatter alone must say it. */
static void intervals_cover_without_row_intervals(void **state)
{
    (void)state;
    coverage(IR_ADDITIVE, 0.02, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recovers_additive),
        cmocka_unit_test(recovers_overlapped),
        cmocka_unit_test(order_and_junk_do_not_matter),
        cmocka_unit_test(the_same_seed_gives_the_same_fit),
        cmocka_unit_test(two_rows_are_refused),
        cmocka_unit_test(copies_alone_tell_bandwidth_only),
        cmocka_unit_test(one_intensity_is_collinear),
        cmocka_unit_test(hidden_arithmetic_is_not_claimed),
        cmocka_unit_test(latency_below_zero_is_pinned),
        cmocka_unit_test(eta_above_one_is_an_error),
        cmocka_unit_test(bad_rows_do_not_move_the_law),
        cmocka_unit_test(better_form_is_the_true_one),
        cmocka_unit_test(overlapped_fit_is_global),
        cmocka_unit_test(intervals_cover_additive),
        cmocka_unit_test(intervals_cover_overlapped),
        cmocka_unit_test(intervals_cover_without_row_intervals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

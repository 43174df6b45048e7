/* test_predict.c -- predictions against sums done by hand, with and without a fit; what-if settings; every
 * refusal. */
#include "bench/predict/predict.h"
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/asserts.h"

#define NEAR(a, b) assert_true(fabs((a) / (b)-1) < 1e-9)
static const ir_params       gemm4096 = {{4096, 4096, 4096}, IR_F32, 0};
static const predict_what_if as_is;
static const double          O = 2.0 * 4096 * 4096 * 4096, D = 3.0 * 4096 * 4096 * 4;
static machine_views        *views;

static int open_views(void **state)
{
    (void)state;
    views = calloc(1, sizeof *views);
    return machine_views_add_list(views, "a100,coral,orin-nano,tpu-v4") == IR_OK ? 0 : -1;
}

static int close_views(void **state)
{
    (void)state;
    machine_views_free(views);
    free(views);
    return 0;
}

/* ---- datasheets ------------------------------------------------------------------------------ */
static void by_hand(void **state)
{
    prediction q;
    (void)state;
    assert_int_equal(predict_point(&views->v[0], &wl_gemm, &gemm4096, &as_is, &q), IR_OK);
    NEAR(q.term_s[P_DATA], D / 2039e9);
    NEAR(q.term_s[P_COMP], O / 19.5e12);
    assert_num(q.term_s[P_LAT], ==, 0);
    assert_true(!q.launch_known);
    NEAR(q.T_s[IR_ADDITIVE], D / 2039e9 + O / 19.5e12);
    NEAR(q.T_s[IR_OVERLAPPED], O / 19.5e12);
    NEAR(q.I, 4096.0 / 6);
    NEAR(q.ridge, 19.5e12 / 2039e9);
    assert_int_equal(q.bound, IR_BOUND_COMPUTE);
    assert_int_equal(q.eta_how, PREDICT_ASSUMED);
    NEAR(q.T_band_s[IR_ADDITIVE][0], D / 2039e9 + O / 19.5e12 / 0.5);
    NEAR(q.T_band_s[IR_OVERLAPPED][1], O / 19.5e12 / 0.9);
    /* a datasheet has no interval and no probability */
    assert_nan(q.T_lo[0]);
    assert_nan(q.bound_p);
    assert_int_equal(q.crossover, -1); /* gemm has no batch */
}

static void dtype_of_another_machine(void **state)
{
    const ir_workload *const mine[] = {&wl_gemm, NULL};
    const ir_workload       *w = predict_workloads(mine)[0];
    ir_params                p = gemm4096;
    prediction               q;
    (void)state;
    p.dtype = IR_F16;
    assert_true(w->dtypes >> IR_F16 & 1);
    assert_int_equal(predict_point(&views->v[0], w, &p, &as_is, &q), IR_OK);
    NEAR(q.term_s[P_COMP], O / 312e12);
}

/* Smallest batch above B* = (I s/2)/(1 - I s/D) = 19.3, I the ridge. */
static void crossover(void **state)
{
    const ir_params p = {{1, 4096, 4096}, IR_F32, 0};
    prediction      q;
    predict_what_if faster = {.R_peak = {true, false, 2039e9}}, never = {.R_peak = {true, false, 1e20}};
    (void)state;
    assert_int_equal(predict_point(&views->v[0], &wl_batchmm, &p, &as_is, &q), IR_OK);
    assert_int_equal(q.crossover, 20);
    assert_int_equal(predict_point(&views->v[0], &wl_batchmm, &p, &faster, &q),
                     IR_OK); /* ridge 1: from batch 3 on */
    assert_int_equal(q.crossover, 3);
    assert_int_equal(predict_point(&views->v[0], &wl_batchmm, &p, &never, &q), IR_OK);
    assert_int_equal(q.crossover, 0);
}

static void networks(void **state)
{
    const ir_params p = {{LY_XL, 8, 1, 1023}, IR_F32, 0}, one = {{4, 224}, IR_F32, 0};
    prediction      q;
    (void)state;
    assert_int_equal(predict_point(&views->v[2], &wl_gpt2, &p, &as_is, &q), IR_OK);
    assert_false(q.fits);
    assert_string_equal(q.rate_item, "token");
    NEAR(q.rate, 8 / q.T_s[IR_ADDITIVE]);
    assert_int_equal(predict_point(&views->v[0], &wl_resnet50, &one, &as_is, &q), IR_OK);
    assert_true(q.fits);
    assert_num(q.cost.flops, ==, 4 * 8178368512.0);
    NEAR(q.rate, 4 / q.T_s[IR_ADDITIVE]);
    assert_string_equal(q.rate_item, "image");
}

static void refused(void **state)
{
    prediction q;
    ir_params  p = gemm4096;
    (void)state;
    p.dtype = IR_I8;
    assert_int_equal(predict_point(&views->v[1], &wl_gemm, &p, &as_is, &q), IR_EINVAL);
    assert_non_null(strstr(ir_why(), "coral has no bandwidth"));
    assert_int_equal(predict_point(&views->v[3], &wl_gemm, &gemm4096, &as_is, &q), IR_EINVAL);
    assert_string_equal(ir_why(), "tpu-v4 has no f32 peak (it has bf16 i8)");
}

/* ---- what if --------------------------------------------------------------------------------- */
static prediction with(const char *a, const char *b)
{
    predict_what_if w = {0};
    prediction      q;
    if (predict_set(&w, a) != IR_OK || (b && predict_set(&w, b) != IR_OK)) fail_msg("%s", ir_why());
    if (predict_point(&views->v[0], &wl_gemm, &gemm4096, &w, &q) != IR_OK) fail_msg("%s: %s", a, ir_why());
    return q;
}

static void what_if(void **state)
{
    (void)state;
    NEAR(with("BW=2x", NULL).term_s[P_DATA], D / 2039e9 / 2);
    NEAR(with("BW=1T", NULL).term_s[P_DATA], D / 1e12);
    NEAR(with("R_peak=1e15", NULL).term_s[P_COMP], O / 1e15);
    NEAR(with("R_peak=0.5x", NULL).term_s[P_COMP], O / 19.5e12 * 2);
    NEAR(with("eta=0.5", NULL).term_s[P_COMP], O / 19.5e12 * 2);
    NEAR(with("L_lat=1e-3", NULL).T_s[IR_OVERLAPPED], O / 19.5e12 + 1e-3);
    assert_true(with("L_lat=0", NULL).launch_known);
    NEAR(with("BW=2x", "eta=0.8").T_s[IR_ADDITIVE], D / 2039e9 / 2 + O / 19.5e12 / 0.8);
    assert_int_equal(with("eta=0.5", NULL).eta_how, PREDICT_SET);
    assert_true(isnan(with("eta=0.5", NULL).T_band_s[0][0]));
    assert_int_equal(with("BW=1M", NULL).bound, IR_BOUND_MEMORY);
    assert_int_equal(with("L_lat=10", NULL).bound, IR_BOUND_LATENCY);
}

static void what_if_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"BW=0", "must be above 0"},     {"BW=-1", "must be above 0"},         {"BW=0x", "must be above 0"},
        {"BW=0x10", "write a value"},    {"eta=0", "must be above 0"},         {"eta=1.5", "at most 1"},
        {"L_lat=-1", "must be above 0"}, {"R_peak=fast", "write a value"},     {"R_peak=", "write a value"},
        {"R_peak", "KEY=VALUE"},         {"Rpeak=1", "did you mean 'R_peak'"}, {"BW=nan", "write a value"},
        {"BW=1e999", "write a value"},   {"R_peak=-2x", "must be above 0"}};
    predict_what_if twice = {0}, times = {.L_lat = {true, true, 2}};
    prediction      q;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        predict_what_if w = {0};
        assert_int_equal(predict_set(&w, bad[i].text), IR_EINVAL);
        if (!strstr(ir_why(), bad[i].why)) fail_msg("%s: %s", bad[i].text, ir_why());
    }
    assert_int_equal(predict_set(&twice, "BW=2x"), IR_OK);
    assert_int_equal(predict_set(&twice, "BW=3x"), IR_EINVAL);
    assert_int_equal(predict_point(&views->v[0], &wl_gemm, &gemm4096, &times, &q), IR_EINVAL);
    assert_non_null(strstr(ir_why(), "no known launch cost"));
}

/* ---- with a fit ------------------------------------------------------------------------------ */
static void fitted(void **state)
{
    machine_view v = views->v[0];
    ir_fit       f = {.form = IR_ADDITIVE,
                      .BW_ref = 2039e9,
                      .R_peak = 19.5e12,
                      .BW = {2039e9 * 0.8, NAN, NAN, IR_FITTED},
                      .eta = {0.5, NAN, NAN, IR_FITTED},
                      .L_lat = {1e-5, NAN, NAN, IR_FITTED},
                      .ndraw = 100};
    prediction   q;
    (void)state;
    for (int d = 0; d < 100; d++) {
        f.draw[d][0] = 1 / 0.8;
        f.draw[d][1] = 2 * (0.95 + 0.001 * d); /* 2 +- 5 % */
        f.draw[d][2] = 1e-5;
    }
    v.fit[0] = f;
    v.has_fit[0] = true;
    v.better = 0;
    assert_int_equal(predict_point(&v, &wl_gemm, &gemm4096, &as_is, &q), IR_OK);
    assert_int_equal(q.eta_how, PREDICT_FITTED);
    NEAR(q.T_s[IR_ADDITIVE], D / 2039e9 / 0.8 + O / 19.5e12 / 0.5 + 1e-5);
    assert_num(q.T_lo[0], <, q.T_s[0]);
    assert_num(q.T_s[0], <, q.T_hi[0]);
    assert_num(q.bound_p, ==, 1);
    assert_nan(q.T_band_s[0][0]);
    assert_true(fabs(q.T_lo[0] / (D / 2039e9 / 0.8 + O / 19.5e12 * 2 * 0.9525 + 1e-5) - 1) < 1e-3);
    predict_what_if w = {.L_lat = {true, false, 0}, .eta = {true, false, 1}};
    assert_int_equal(predict_point(&v, &wl_gemm, &gemm4096, &w, &q), IR_OK);
    NEAR(q.T_s[IR_ADDITIVE], D / 2039e9 / 0.8 + O / 19.5e12);
    NEAR(q.T_lo[0], q.T_hi[0]); /* what is set does not vary */
    v.fit[0].eta.how = IR_UNIDENTIFIED;
    v.fit[0].eta.v = NAN;
    assert_int_equal(predict_point(&v, &wl_gemm, &gemm4096, &as_is, &q), IR_OK);
    assert_int_equal(q.eta_how, PREDICT_ASSUMED);
    NEAR(q.eta, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),         cmocka_unit_test(dtype_of_another_machine),
        cmocka_unit_test(crossover),       cmocka_unit_test(networks),
        cmocka_unit_test(refused),         cmocka_unit_test(what_if),
        cmocka_unit_test(what_if_refused), cmocka_unit_test(fitted)};
    return cmocka_run_group_tests(tests, open_views, close_views);
}

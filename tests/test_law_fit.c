/* test_law_fit.c -- the fit on a synthetic device that obeys the law: what was put in must come out, intervals must
 * cover as often as they promise, and what the rows do not tell must be refused. */
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

/* The truth: a machine of 40 GB/s and 200 GFLOP/s. */
#define BW_CEILING 40e9
#define R_CEILING  200e9
#define TRUE_S     0.95
#define TRUE_ETA   0.85
#define TRUE_L     2e-6

enum { STREAM, PEAK, LAUNCH, GEMM, GEMV, NFAMILY, MAX_ROWS = 80 };

typedef struct { ir_row row[MAX_ROWS]; size_t n; } rows;

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

static void assert_close(double got, double want, double rel)
{
    if (!(fabs(got / want - 1) <= rel)) fail_msg("got %.6g, want %.6g within %.3g", got, want, rel);
}

static void assert_covers(const ir_coef *c, double truth)
{
    assert_int_equal(c->how, IR_FITTED);
    assert_true(c->lo <= truth && truth <= c->hi);
}

/* ---- coverage --------------------------------------------------------------------------------------- */
enum { SEEDS = 500 };

static int covers(const ir_coef *c, double truth) { return c->how == IR_FITTED && c->lo <= truth && truth <= c->hi; }

static void coverage(ir_form form, double noise, double claimed)
{
    int    hit[3] = {0};
    ir_fit fit;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
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
    print_message("%s, noise %.3g claimed %.3g: coverage %.1f %.1f %.1f %%\n", ir_form_name(form), noise, claimed,
                  hit[0] / 5.0, hit[1] / 5.0, hit[2] / 5.0);
    for (int j = 0; j < 3; j++) assert_in_range(hit[j], SEEDS * 92 / 100, SEEDS * 98 / 100);
}

static void intervals_cover_additive(void **state) { (void)state; coverage(IR_ADDITIVE, 0.02, 0.02); }
static void intervals_cover_overlapped(void **state) { (void)state; coverage(IR_OVERLAPPED, 0.02, 0.02); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_cover_additive),
        cmocka_unit_test(intervals_cover_overlapped),
    };
    (void)made, (void)assert_close, (void)assert_covers;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

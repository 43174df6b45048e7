/* test_law_words.c -- what a reader is told of a point and a machine: the bound `code`, shares of the
 * measured time, the summary sentence. */
#include "law_machine.h"

/* Data 20 ms, compute 10 ms of a longer and longer time: memory while data has half of it, then mixed, and
 * code once all terms together have less than half. P is that of explaining so little. */
static void far_from_any_roof(void **state)
{
    static const struct {
        double   T;
        ir_bound bound;
    } at[] = {{0.031, IR_BOUND_MEMORY}, {0.039, IR_BOUND_MEMORY}, {0.041, IR_BOUND_MIXED},
              {0.0599, IR_BOUND_MIXED}, {0.0601, IR_BOUND_CODE},  {1, IR_BOUND_CODE}};
    ir_ceilings c;
    double      share[IR_NSHARE];
    (void)state;
    machine(&c);
    ir_point p = point(8e8, 0, 2e9, 8e8, 0.04);
    p.id.kflags =
        IR_K_NAIVE; /* of a contender so far from both limits nothing is said: it may be disturbed */
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        retime(&p, at[i].T);
        ir_point_judge(&p, &c, NULL);
        if (p.law.bound != at[i].bound)
            fail_msg("%zu: %s, not %s", i, ir_bound_name(p.law.bound), ir_bound_name(at[i].bound));
    }
    assert_string_equal(ir_bound_name(IR_BOUND_CODE), "code");
    ir_fit f = known(IR_ADDITIVE); /* data 25 ms, compute 20 ms */
    f.ndraw = IR_FIT_DRAWS;
    for (int d = 0; d < f.ndraw; d++) {
        f.draw[d][0] = d < 196 ? 1.25 : 3; /* in two draws of a hundred data alone explains half */
        f.draw[d][1] = 2;
        f.draw[d][2] = NAN;
    }
    retime(&p, 0.1);
    ir_point_judge(&p, &c, &f);
    assert_int_equal(p.law.bound, IR_BOUND_CODE);
    assert_close(p.law.bound_p, 0.98, 1e-12);
    for (int d = 180; d < f.ndraw; d++) f.draw[d][0] = 3;
    ir_point_judge(&p, &c, &f);
    assert_int_equal(p.law.bound, IR_BOUND_MIXED);
    ir_point_shares(&p, share);
    assert_close(share[IR_SHARE_DATA], 0.25, 1e-4);
    assert_close(share[IR_SHARE_COMP], 0.2, 1e-4);
    assert_close(share[IR_SHARE_UNEXPLAINED], 0.55, 1e-4);
    ir_ceilings_free(&c);
}

/* Shares are of the measured time and sum to 1, in either form, also where the law says more than was
 * measured. */
static void shares_sum_to_one(void **state)
{
    static const double T[] = {0.01, 0.026, 0.046, 0.2};
    ir_ceilings         c;
    (void)state;
    machine(&c);
    for (int form = 0; form < 2; form++)
        for (size_t i = 0; i < sizeof T / sizeof *T; i++) {
            ir_point p = point(8e8, 0, 2e9, 8e8, T[i]);
            ir_fit   f = known((ir_form)form);
            double   share[IR_NSHARE], sum = 0;
            ir_point_judge(&p, &c, &f);
            ir_point_shares(&p, share);
            for (int k = 0; k < IR_NSHARE; k++) {
                assert_true(share[k] >= 0 && share[k] <= 1);
                sum += share[k];
            }
            assert_close(sum, 1, 1e-9);
            assert_true((share[IR_SHARE_COMP] == 0) == (form == IR_OVERLAPPED)); /* hidden behind data */
        }
    ir_point none = point(8e8, 0, 2e9, 8e8, 0.04);
    double   share[IR_NSHARE];
    none.status = IR_SKIP;
    ir_point_shares(&none, share);
    assert_true(isnan(share[IR_SHARE_DATA]) && isnan(share[IR_SHARE_UNEXPLAINED]));
    ir_ceilings_free(&c);
}

/* ---- summary --------------------------------------------------------------------------------- */
static void summary(void **state)
{
    char        s[512], small[16];
    ir_ceilings c;
    ir_fit      f = known(IR_ADDITIVE);
    (void)state;
    machine(&c);
    ir_summary_sentence(&c, NULL, s, sizeof s);
    assert_string_equal(
        s, "DRAM read 40.0 GB/s, 200 GFLOP/s f32, 100 GFLOP/s f64, f32 ridge 5.00 FLOP/B, launch 2.00 us");
    ir_ceiling *x = (ir_ceiling *)ir_ceiling_find(&c, IR_C_BANDWIDTH, "DRAM", "read", IR_NDTYPE, 0), was = *x;
    x->lo = 0.8 * x->value; /* a wide or suspect headline does not stand bare */
    x->hi = 1.1 * x->value;
    ir_summary_sentence(&c, NULL, s, sizeof s);
    assert_ptr_equal(strstr(s, "DRAM read 40.0 GB/s +-20 % !,"), s);
    *x = was;
    x->flags |= IR_FLAG_SUSPECT;
    ir_summary_sentence(&c, NULL, s, sizeof s);
    assert_ptr_equal(strstr(s, "DRAM read 40.0 GB/s ! suspect,"), s);
    *x = was;
    f.err_median = 0.05;
    f.lofo_median = 0.081;
    ir_summary_sentence(&c, &f, s, sizeof s);
    assert_non_null(
        strstr(s, "; additive law: BW 32.0 GB/s [30.0, 34.0], eta 0.500 [0.400, 0.600], L_lat unidentified"));
    assert_non_null(strstr(s, "median error 5.00 % (families left out 8.10 %)"));
    ir_summary_sentence(&c, &f, small, sizeof small);
    assert_string_equal(small, "DRAM read 40.0 ");
    ir_ceilings_free(&c);
    ir_summary_sentence(&c, NULL, s, sizeof s);
    assert_string_equal(s, "no ceiling was measured");
    stream(&c, "DRAM", "read", 1, 1, 999.7e9);
    ir_summary_sentence(&c, NULL, s, sizeof s);
    assert_string_equal(s, "DRAM read 1.00 TB/s");
    ir_summary_sentence(&c, NULL, s, 0);
    ir_ceilings_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(far_from_any_roof),
                                       cmocka_unit_test(shares_sum_to_one), cmocka_unit_test(summary)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_claims_disturbed.c -- rows whose time is not the machine's own decide nothing: neither a claim nor the
 * answer at batch 1. */
#include "harness/law/law.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "tests/claims_evidence.h"

/* The same evidence, which confirms, from a run or a row whose time is not the machine's own: nothing is
 * decided. */
static void no_claim_on_disturbed_rows(void **state)
{
    static const struct {
        uint32_t    flags;
        double      wide;
        const char *unusable, *why;
    } row[] = {{0, 1.01, NULL, NULL},
               {IR_FLAG_NOISY, 1.01, NULL, NULL},
               {IR_FLAG_PREEMPTED, 1.01, NULL, "a thread got 20 %"},
               {0, 1.6, NULL, "+-60 %"},
               {0, 1.01, "two threads ran 2.21 x one", "2.21 x one"}};
    const ir_params p = {{8192, 8192}, IR_F32, 0};
    const ir_cost   cost = wl_gemv.cost(&wl_gemv, &p);
    ir_ceilings     c;
    (void)state;
    ceilings(&c);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        claim_measured m;
        ir_point       pt[2];
        double         T = ir_cost_B(&cost) / (0.95 * 40e9);
        point(&pt[0], &wl_gemv, p, T, IR_BOUND_MEMORY, 1);
        point(&pt[1], &wl_gemv, p, 1.02 * T, IR_BOUND_MEMORY,
              1); /* a slower kernel in its place would answer another question */
        pt[0].flags = row[i].flags;
        pt[0].m.cpu_share = 0.2;
        pt[0].m.wall.ci_hi = row[i].wide * T;
        claim_evidence e = {.point = pt,
                            .npoint = 2,
                            .ceilings = &c,
                            .threads = 2,
                            .device = "cpu0",
                            .title = "test",
                            .workloads = claim_table,
                            .unusable = row[i].unusable};
        claim_measure(claims_find(&claims_builtin, "gemv-intensity-f32"), &e, &m);
        assert_int_equal(m.outcome, row[i].why ? MEASURED_UNDECIDED : MEASURED_CONFIRMED);
        if (row[i].why && !strstr(m.why, row[i].why)) fail_msg("row %zu: '%s'", i, m.why);
    }
    ir_ceilings_free(&c);
}

/* ---- batch 1 --------------------------------------------------------------------------------- */
#define WITHHELD IR_BOUND_UNKNOWN

/* ResNet-50 and GPT-2's decode step; a bound that is withheld says why. */
static ir_status ask(ir_bound net, ir_bound decode, const char *unusable, batch1_answer *a)
{
    static ir_point pt[2];
    ir_ceilings     c;
    ceilings(&c);
    point(&pt[0], &wl_resnet50, (ir_params){{1, 224}, IR_F32, 0}, 0.05, net, 0.99);
    point(&pt[1], &wl_gpt2, (ir_params){{LY_MEDIUM, 1, 1, 128}, IR_F32, 0}, 0.04, decode, 0.99);
    for (int i = 0; i < 2; i++)
        if (pt[i].law.bound == IR_BOUND_UNKNOWN) ir_point_withhold(&pt[i], "the interval is +-80 %");
    claim_evidence e = {.point = pt,
                        .npoint = 2,
                        .ceilings = &c,
                        .threads = 2,
                        .device = "cpu0",
                        .title = "test",
                        .workloads = claim_table,
                        .unusable = unusable};
    ir_status      st = batch1_ask(&e, a);
    ir_ceilings_free(&c);
    return st;
}

static void batch1_without_bounds(void **state)
{
    static const struct {
        ir_bound    net, decode;
        const char *unusable, *verdict, *says; /* verdict NULL: refused, says: why */
    } row[] = {{IR_BOUND_MEMORY, IR_BOUND_MEMORY, NULL, "holds", "holds here"},
               {WITHHELD, IR_BOUND_MEMORY, NULL, "undecided", "rows are withheld"},
               {WITHHELD, IR_BOUND_COMPUTE, NULL, "does not hold",
                "does not hold"}, /* what is left speaks against it */
               {WITHHELD, WITHHELD, NULL, NULL, "the interval is +-80 %"},
               {IR_BOUND_MEMORY, IR_BOUND_MEMORY, "two threads ran 2.21 x one", NULL, "2.21 x one"}};
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        batch1_answer a;
        ir_status     st = ask(row[i].net, row[i].decode, row[i].unusable, &a);
        assert_int_equal(st, row[i].verdict ? IR_OK : IR_EINVAL);
        if (row[i].verdict) assert_string_equal(a.verdict, row[i].verdict);
        const char *said = row[i].verdict ? a.answer : ir_why();
        if (!strstr(said, row[i].says)) fail_msg("row %zu: '%s' does not say '%s'", i, said, row[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_claim_on_disturbed_rows),
                                       cmocka_unit_test(batch1_without_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

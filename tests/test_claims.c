/* test_claims.c -- the ledger: every analytic claim recomputed, its verdict the expected one; errors of a
 * ledger; rules over made-up evidence; the batch-1 answer, which must be able to say no. */
#include "bench/claims/claims.h"
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/workloads/workloads_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "kernels/workloads/table.h"
#include "tests/claims_evidence.h"
#include "tests/support/asserts.h"

static void all_claims(void **state)
{
    size_t analytic = 0;
    (void)state;
    assert_int_equal(claims_builtin.n, 63);
    for (size_t i = 0; i < claims_builtin.n; i++) {
        const ir_claim *c = &claims_builtin.claim[i];
        claim_result    r;
        if (claim_evaluate(c, &r) != IR_OK) fail_msg("%s: %s", c->id, ir_why());
        assert_true((c->formula != NULL) == (strcmp(c->kind, "measurable") != 0));
        if (!c->formula) {
            assert_int_equal(r.verdict, CLAIM_NONE);
            continue;
        }
        analytic++;
        assert_string_equal(claim_analytic_name(r.verdict), c->verdict_expected);
        assert_num(c->recomputed.n, >=, c->stated.n);
        assert_num(c->stated.n, >, 0);
        for (size_t k = 0; k < c->recomputed.n; k++)
            assert_true(
                claim_meets(&c->recomputed.v[k], formula_get(&r.values, c->recomputed.v[k].name), 1e-5));
    }
    assert_int_equal(analytic, 57);
}

static void every_measurable_has_a_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < claims_builtin.n; i++)
        if (claims_builtin.claim[i].has_measure && !claim_rule_find(claims_builtin.claim[i].id))
            fail_msg("%s has no rule", claims_builtin.claim[i].id);
    for (const claim_rule *r = claim_rules; r->id; r++) {
        if (!claims_find(&claims_builtin, r->id)) fail_msg("rule %s has no claim", r->id);
        if (!r->untestable && ((!r->bind[0].name && !r->ratio[0].name) || !r->confirm[0].name ||
                               !r->refute[0].name || !r->shown[0]))
            fail_msg("rule %s decides nothing", r->id);
    }
}

/* A rule's points are points of this program. */
static void every_spec_parses(void **state)
{
    const claim_evidence e = {.workloads = ir_workloads};
    (void)state;
    for (const claim_rule *r = claim_rules; r->id; r++)
        for (int i = 0; !r->untestable && i < CLAIM_MAX_BIND && r->bind[i].name; i++) {
            const ir_workload *w;
            ir_params          p;
            claim_bind_kind    k = r->bind[i].kind;
            if ((k >= BIND_CEIL_BW && k <= BIND_CEIL_LAUNCH) || k >= BIND_ETA) continue;
            if (claim_spec(&e, r->bind[i].spec, &w, &p) != IR_OK)
                fail_msg("%s: %s: %s", r->id, r->bind[i].spec, ir_why());
        }
    for (const claim_rule *r = claim_rules; r->id; r++)
        for (int i = 0; i < 2 * CLAIM_MAX_RATIO; i++) {
            const claim_ratio *q = i < CLAIM_MAX_RATIO ? &r->ratio[i] : &r->beside[i - CLAIM_MAX_RATIO];
            const ir_workload *w;
            ir_params          p;
            if (q->name &&
                (claim_spec(&e, q->over, &w, &p) != IR_OK || claim_spec(&e, q->under, &w, &p) != IR_OK))
                fail_msg("%s: %s: %s", r->id, q->name, ir_why());
        }
}

/* The table made at build time against the file it was made from. */
static void same_as_file(void **state)
{
    ir_ledger l;
    ir_status st = ir_ledger_read(IR_TESTS_DIR "/../bench/claims/claims.json", &l);
    (void)state;
    if (st == IR_SKIP) {
        assert_non_null(strstr(ir_why(), "jansson"));
        return;
    }
    if (st != IR_OK) fail_msg("%s", ir_why());
    assert_int_equal(l.n, claims_builtin.n);
    for (size_t i = 0; i < l.n; i++) {
        const ir_claim *a = &l.claim[i], *b = &claims_builtin.claim[i];
        assert_string_equal(a->id, b->id);
        assert_string_equal(a->statement, b->statement);
        assert_string_equal(a->why, b->why);
        assert_string_equal(a->traffic_model, b->traffic_model);
        assert_string_equal(a->quantity, b->quantity);
        assert_string_equal(a->refutes, b->refutes);
        assert_string_equal(a->formula ? a->formula : "", b->formula ? b->formula : "");
        assert_int_equal(a->nconflict, b->nconflict);
        assert_int_equal(a->inputs.n, b->inputs.n);
        assert_int_equal(a->stated.n, b->stated.n);
        assert_int_equal(a->recomputed.n, b->recomputed.n);
        assert_int_equal(a->book_line, b->book_line);
        assert_num(a->tolerance_rel, ==, b->tolerance_rel);
        assert_num(a->has_measure, ==, b->has_measure);
        assert_num(a->has_recomputed, ==, b->has_recomputed);
        for (size_t k = 0; k < a->inputs.n; k++)
            for (size_t m = 0; m < b->inputs.n; m++)
                if (!strcmp(a->inputs.v[k].name, b->inputs.v[m].name))
                    assert_true(a->inputs.v[k].v == b->inputs.v[m].v);
    }
    ir_ledger_free(&l);
    ir_ledger_free(&l);
}

/* ---- a ledger's own errors ------------------------------------------------------------------- */
static const ir_claim_value in_x[] = {{"x", IR_CV_NUMBER, 3, NAN, NAN, NULL, ""}};

static ir_status try_claim(const char *formula, ir_claim_value stated, const ir_claim_value *again,
                           const char *expected, claim_result *r)
{
    ir_claim c = {.id = "t",
                  .kind = "analytic",
                  .formula = formula,
                  .inputs = {in_x, 1},
                  .stated = {&stated, 1},
                  .recomputed = {again, again ? 1 : 0},
                  .has_recomputed = again != NULL,
                  .tolerance_rel = 0.1,
                  .verdict_expected = expected};
    return claim_evaluate(&c, r);
}

static void ledger_errors(void **state)
{
    const ir_claim_value six = {"z", IR_CV_NUMBER, 6, NAN, NAN, NULL, ""},
                         seven = {"z", IR_CV_NUMBER, 7, NAN, NAN, NULL, ""},
                         word = {"z", IR_CV_WORD, NAN, NAN, NAN, "memory", "class"};
    claim_result r;
    (void)state;
    assert_int_equal(try_claim("z = 2*x", six, &six, "reproduced", &r), IR_OK);
    assert_int_equal(r.verdict, CLAIM_REPRODUCED);
    assert_int_equal(try_claim("z = 2*x", six, NULL, NULL, &r), IR_OK);
    assert_int_equal(try_claim("z = 3*x", six, NULL, "contradicted", &r), IR_OK);
    assert_int_equal(r.verdict, CLAIM_CONTRADICTED);
    assert_int_equal(try_claim("z = 2*y", six, NULL, NULL, &r), IR_EINVAL);
    assert_string_equal(r.why, "claim t: column 7 of the formula: unknown name 'y'");
    assert_int_equal(r.verdict, CLAIM_ERROR);
    assert_int_equal(try_claim("q = 2*x", six, NULL, NULL, &r), IR_EINVAL);
    assert_string_equal(r.why, "claim t: the formula does not compute the stated 'z'");
    assert_int_equal(try_claim("z = 2*x", six, &seven, NULL, &r), IR_EINVAL);
    assert_string_equal(r.why, "claim t: z is 6, the ledger's recomputed value is 7");
    assert_int_equal(r.verdict, CLAIM_REPRODUCED); /* our own result stands */
    assert_int_equal(try_claim("z = 2*x", six, &word, NULL, &r), IR_EINVAL);
    assert_int_equal(try_claim("z = 2*x", six, NULL, "contradicted", &r), IR_EINVAL);
    assert_string_equal(r.why, "claim t: the verdict is reproduced, the ledger expects contradicted");
}

static void meets(void **state)
{
    const formula_value  two = {"v", 2, NULL}, mem = {"v", NAN, "memory"};
    const ir_claim_value near = {"v", IR_CV_NUMBER, 2.05, NAN, NAN, NULL, ""},
                         from = {"v", IR_CV_RANGE, NAN, 2.1, NAN, NULL, ""},
                         to = {"v", IR_CV_RANGE, NAN, NAN, 1.9, NULL, ""},
                         word = {"v", IR_CV_WORD, NAN, NAN, NAN, "memory", ""};
    (void)state;
    assert_true(claim_meets(&near, &two, 0.05));
    assert_true(!claim_meets(&near, &two, 0.01));
    /* a range is widened */
    assert_true(claim_meets(&from, &two, 0.05));
    assert_true(!claim_meets(&from, &two, 0.01));
    assert_true(claim_meets(&to, &two, 0.06));
    assert_true(!claim_meets(&to, &two, 0.01));
    assert_true(claim_meets(&word, &mem, 0));
    assert_true(!claim_meets(&word, &two, 1));
    assert_true(!claim_meets(&near, &mem, 1));
}

/* ---- rules over made-up evidence ------------------------------------------------------------- */
static claim_outcome gemv_outcome(double share, ir_bound b, double prob, claim_measured *m)
{
    const ir_params p = {{8192, 8192}, IR_F32, 0};
    ir_point        pt;
    ir_ceilings     c;
    ceilings(&c);
    ir_cost cost = wl_gemv.cost(&wl_gemv, &p);
    point(&pt, &wl_gemv, p, ir_cost_B(&cost) / (share * 40e9), b, prob);
    claim_evidence e = {.point = &pt,
                        .npoint = 1,
                        .ceilings = &c,
                        .threads = 2,
                        .device = "cpu0",
                        .title = "test",
                        .workloads = claim_table};
    claim_measure(claims_find(&claims_builtin, "gemv-intensity-f32"), &e, m);
    ir_ceilings_free(&c);
    return m->outcome;
}

static void rules(void **state)
{
    claim_measured m;
    (void)state;
    assert_int_equal(gemv_outcome(0.95, IR_BOUND_MEMORY, 1, &m), MEASURED_CONFIRMED);
    assert_num(m.p, ==, 1);
    assert_num(fabs(formula_get(&m.values, "share")->v - 0.95), <, 1e-9);
    assert_num(m.lo[0], <, 0.95);
    assert_num(m.hi[0], >, 0.95);
    assert_non_null(strstr(m.evidence, "cpu/gemv/fast:m=8192"));
    assert_int_equal(gemv_outcome(0.85, IR_BOUND_MEMORY, 1, &m),
                     MEASURED_UNDECIDED); /* half of the draws below .85 */
    assert_int_equal(gemv_outcome(0.95, IR_BOUND_MEMORY, 0.8, &m),
                     MEASURED_UNDECIDED); /* the label is not clear */
    assert_int_equal(gemv_outcome(0.95, IR_BOUND_MEMORY, NAN, &m),
                     MEASURED_UNDECIDED); /* no probability, no answer */
    assert_int_equal(gemv_outcome(0.95, IR_BOUND_LATENCY, 1, &m), MEASURED_REFUTED);
    assert_int_equal(gemv_outcome(0.5, IR_BOUND_MEMORY, 1, &m), MEASURED_REFUTED);
}

static void missing(void **state)
{
    ir_ceilings    c;
    claim_measured m;
    (void)state;
    ceilings(&c);
    claim_evidence e = {
        .ceilings = &c, .threads = 2, .device = "cpu0", .title = "test", .workloads = claim_table};
    claim_measure(claims_find(&claims_builtin, "gemv-intensity-f32"), &e, &m);
    assert_int_equal(m.outcome, MEASURED_MISSING);
    assert_non_null(strstr(m.why, "needs gemv:m=8192"));
    claim_measure(claims_find(&claims_builtin, "strided-bandwidth"), &e, &m);
    assert_int_equal(m.outcome, MEASURED_UNTESTABLE);
    claim_measure(claims_find(&claims_builtin, "im2col-speedup"), &e, &m); /* no conv in this table */
    assert_int_equal(m.outcome, MEASURED_UNTESTABLE);
    assert_non_null(strstr(m.why, "conv"));
    claim_measure(claims_find(&claims_builtin, "kv-7b-537mb"), &e, &m);
    assert_int_equal(m.outcome, MEASURED_NONE);
    claim_measure(claims_find(&claims_builtin, "mobilenet-energy"), &e, &m);
    assert_int_equal(m.outcome, MEASURED_UNTESTABLE);
    assert_non_null(strstr(m.why, "needs joules: ironroof run --energy on"));
    ir_energy_fit joules = {.move_JpB = {160e-12, 150e-12, 170e-12, true},
                            .comp_JpF = {1.85e-12, 1.8e-12, 1.9e-12, true}};
    e.energy = &joules; /* the book's own figures, a MAC being two flops */
    claim_measure(claims_find(&claims_builtin, "mobilenet-energy"), &e, &m);
    assert_int_equal(m.outcome, MEASURED_CONFIRMED);
    claim_measure(claims_find(&claims_builtin, "energy-move-vs-compute"), &e, &m);
    assert_int_equal(m.outcome, MEASURED_CONFIRMED);
    joules.move_JpB = (ir_joule){20e-12, 18e-12, 22e-12, true};
    claim_measure(claims_find(&claims_builtin, "energy-move-vs-compute"), &e, &m);
    assert_int_equal(m.outcome, MEASURED_REFUTED);
    e.energy = NULL;
    claim_measure(claims_find(&claims_builtin, "resnet50-flop-is-mac"), &e, &m); /* a count needs no timing */
    assert_int_equal(m.outcome, MEASURED_REFUTED);
    assert_true(formula_get(&m.values, "O")->v == 8178368512.0);
    ir_ceilings_free(&c);
}

/* ---- tensors by the cache, ratios of times --------------------------------------------------- */
static void sizes(void **state)
{
    claim_evidence e = {.llc_B = 33554432, .mem_B = 32e9};
    char           text[CLAIM_SPEC];
    (void)state;
    assert_int_equal(claim_spec_text(&e, "a:n={dram},k={cache},m={dram/1024},q=7", text, sizeof text), IR_OK);
    assert_string_equal(text,
                        "a:n=33554432,k=1048576,m=32768,q=7"); /* 134 MB; 4.2 MB, three of them in 33 MB */
    e.llc_B = 50e6;
    assert_int_equal(claim_spec_text(&e, "{dram}", text, sizeof text), IR_OK);
    assert_string_equal(text, "67108864"); /* 4 B each: the next power of two above 200 MB */
    e.llc_B = 1e6;
    assert_int_equal(claim_spec_text(&e, "{dram}{cache/999999}", text, sizeof text), IR_OK);
    assert_string_equal(text, "335544321"); /* never below 134 MB, never below one */
    e.mem_B = 1e9;
    assert_int_equal(claim_spec_text(&e, "{dram}", text, sizeof text), IR_OK);
    assert_string_equal(text, "16777216"); /* three of 67 MB: below a quarter of the memory */
    e.llc_B = 64e6;
    assert_int_equal(claim_spec_text(&e, "{dram}", text, sizeof text), IR_EINVAL);
    assert_non_null(strstr(ir_why(), "quarter of the memory"));
    e = (claim_evidence){.llc_B = NAN, .mem_B = NAN};
    assert_int_equal(claim_spec_text(&e, "{dram} {cache}", text, sizeof text), IR_OK);
    assert_string_equal(text, "33554432 65536");
    assert_int_equal(claim_spec_text(&e, "n={disk}", text, sizeof text), IR_EINVAL);
    assert_int_equal(claim_spec_text(&e, "n={dram", text, sizeof text), IR_EINVAL);
    assert_int_equal(claim_spec_text(&e, "n={dram/0}", text, sizeof text), IR_EINVAL);
    assert_int_equal(claim_spec_text(&e, "n={dram}", text, 6), IR_EINVAL);
}

/* The machine of every case below: a last-level cache of 50 MB. */
enum { ELEMENTS = 67108864 };
static const ir_workload *const fusions[] = {&wl_chain, &wl_normchain, NULL};

static claim_outcome fusion(const char *id, ir_point *pt, size_t n, claim_measured *m)
{
    ir_ceilings c;
    ceilings(&c);
    claim_evidence e = {.point = pt,
                        .npoint = n,
                        .ceilings = &c,
                        .threads = 2,
                        .llc_B = 50e6,
                        .mem_B = 64e9,
                        .device = "cpu0",
                        .title = "test",
                        .workloads = fusions};
    claim_measure(claims_find(&claims_builtin, id), &e, m);
    ir_ceilings_free(&c);
    return m->outcome;
}

static void normchain_pair(ir_point *pt, int64_t rows, double ratio)
{
    point(&pt[0], &wl_normchain, (ir_params){{rows, 1024, WL_CHAIN_FUSED, 10}, IR_F32, 0}, 1e-3,
          IR_BOUND_MEMORY, 1);
    point(&pt[1], &wl_normchain, (ir_params){{rows, 1024, WL_CHAIN_UNFUSED, 10}, IR_F32, 0}, ratio * 1e-3,
          IR_BOUND_MEMORY, 1);
}

static void layernorm_fusion(void **state)
{
    static const char id[] = "fusion-layernorm-chain";
    ir_point          pt[4];
    claim_measured    m;
    (void)state;
    normchain_pair(pt, ELEMENTS / 1024, 5);
    normchain_pair(pt + 2, 16, 2.5);
    assert_int_equal(fusion(id, pt, 4, &m), MEASURED_CONFIRMED);
    assert_num(fabs(formula_get(&m.values, "ratio")->v - 5), <, 1e-9);
    assert_num(m.lo[0], <, 4.97);
    assert_num(m.hi[0], >, 5.03);
    assert_string_equal(claim_shown(claim_rule_find(id), 2), "small");
    assert_num(fabs(formula_get(&m.values, "small")->v - 2.5), <, 1e-9);
    assert_num(m.lo[2], <, 2.5);
    assert_num(m.hi[2], >, 2.5);
    /* not measured, decides nothing */
    assert_true(!formula_get(&m.values, "cache"));
    assert_nan(m.lo[1]);
    normchain_pair(pt, ELEMENTS / 1024, 3);
    assert_int_equal(fusion(id, pt, 4, &m), MEASURED_REFUTED);
    normchain_pair(pt, ELEMENTS / 1024, 4.2);
    assert_int_equal(fusion(id, pt, 4, &m), MEASURED_UNDECIDED);
    assert_int_equal(fusion(id, pt + 1, 3, &m), MEASURED_MISSING);
    assert_non_null(strstr(m.why, "needs normchain:rows=65536,c=1024,fuse=fused,drop=10"));
    normchain_pair(pt, ELEMENTS / 2048, 5); /* too small for this cache: another question */
    assert_int_equal(fusion(id, pt, 4, &m), MEASURED_MISSING);
}

/* The fastest kernel's time stands, suspect or not; what the memory gave meanwhile widens the interval. */
static void ratio_of_moments(void **state)
{
    static const char id[] = "fusion-layernorm-chain";
    ir_point          pt[3];
    claim_measured    m;
    (void)state;
    normchain_pair(pt, ELEMENTS / 1024, 5);
    pt[2] = pt[1];
    pt[2].m.wall = (ir_stats){.median = 3e-3, .ci_lo = 2.97e-3, .ci_hi = 3.03e-3, .n = 30};
    pt[2].flags = IR_FLAG_SUSPECT;
    assert_int_equal(fusion(id, pt, 3, &m), MEASURED_REFUTED);
    assert_int_equal(fusion(id, pt, 2, &m), MEASURED_CONFIRMED);
    pt[0].m.bw_now = 1.5, pt[1].m.bw_now = 1; /* 5 is 3.3 where memory gives the same to both */
    assert_int_equal(fusion(id, pt, 2, &m), MEASURED_UNDECIDED);
    assert_num(m.lo[0], <, 3.4);
    assert_num(m.hi[0], >, 7);
    pt[0].m.bw_now = 1.02;
    assert_int_equal(fusion(id, pt, 2, &m), MEASURED_CONFIRMED);
}

/* k = 2, 4, 8 with such ratios; the bound is the fused pass's of 8. */
static claim_outcome k_ops(double k2, double k4, double k8, ir_bound b, size_t n, claim_measured *m)
{
    const double ratio[] = {k2, k4, k8};
    ir_point     pt[6];
    for (int i = 0; i < 3; i++) {
        point(&pt[2 * i], &wl_chain, (ir_params){{ELEMENTS, 2 << i, WL_CHAIN_UNFUSED}, IR_F32, 0},
              ratio[i] * 1e-3, IR_BOUND_MEMORY, 1);
        point(&pt[2 * i + 1], &wl_chain, (ir_params){{ELEMENTS, 2 << i, WL_CHAIN_FUSED}, IR_F32, 0}, 1e-3,
              i == 2 ? b : IR_BOUND_MEMORY, 1);
    }
    return fusion("fusion-k-ops", pt, n, m);
}

static void k_ops_fusion(void **state)
{
    claim_measured m;
    (void)state;
    assert_int_equal(k_ops(2, 4, 8, IR_BOUND_MEMORY, 6, &m), MEASURED_CONFIRMED);
    assert_int_equal(k_ops(2, 4, 5, IR_BOUND_MEMORY, 6, &m), MEASURED_UNDECIDED);
    assert_int_equal(k_ops(2, 4, 5, IR_BOUND_COMPUTE, 6, &m),
                     MEASURED_CONFIRMED); /* the claim ends where arithmetic begins */
    assert_int_equal(k_ops(1.1, 4, 8, IR_BOUND_MEMORY, 6, &m), MEASURED_REFUTED);
    assert_int_equal(k_ops(2, 2.2, 8, IR_BOUND_MEMORY, 6, &m), MEASURED_REFUTED);
    assert_int_equal(k_ops(1.4, 4, 8, IR_BOUND_MEMORY, 6, &m), MEASURED_UNDECIDED);
    assert_int_equal(k_ops(2, 4, 8, IR_BOUND_MEMORY, 5, &m), MEASURED_MISSING);
    assert_non_null(strstr(m.why, "needs chain:n=67108864,k=8,fuse=fused"));
}

/* ---- batch 1 --------------------------------------------------------------------------------- */
static const char *ask(ir_bound net, double net_p, ir_bound decode, double decode_p, batch1_answer *a)
{
    static ir_point pt[3];
    ir_ceilings     c;
    ceilings(&c);
    point(&pt[0], &wl_resnet50, (ir_params){{1, 224}, IR_F32, 0}, 0.05, net, net_p);
    point(&pt[1], &wl_gpt2, (ir_params){{LY_MEDIUM, 1, 1, 128}, IR_F32, 0}, 0.04, decode, decode_p);
    point(&pt[2], &wl_gpt2, (ir_params){{LY_MEDIUM, 4, 1, 128}, IR_F32, 0}, 0.05, IR_BOUND_COMPUTE,
          1); /* batch 4: no witness */
    claim_evidence e = {.point = pt,
                        .npoint = 3,
                        .ceilings = &c,
                        .threads = 2,
                        .device = "cpu0",
                        .title = "test",
                        .workloads = claim_table};
    ir_status      st = batch1_ask(&e, a);
    ir_ceilings_free(&c);
    if (st != IR_OK) fail_msg("%s", ir_why());
    assert_int_equal(a->n, 2);
    return a->verdict;
}

static void batch1(void **state)
{
    batch1_answer a;
    (void)state;
    assert_string_equal(ask(IR_BOUND_MEMORY, 1, IR_BOUND_MEMORY, 0.97, &a), "holds");
    assert_true(a.p == 0.97);
    assert_string_equal(ask(IR_BOUND_COMPUTE, 0.99, IR_BOUND_MEMORY, 1, &a), "does not hold");
    assert_non_null(strstr(a.answer, "does not hold here: ResNet-50 f32 is compute-bound"));
    assert_non_null(strstr(a.answer, "it holds for GPT-2 medium decode f32"));
    assert_non_null(strstr(a.answer, "eta = 0.300"));
    assert_true(a.p == 0.99);
    assert_string_equal(ask(IR_BOUND_MIXED, 0.6, IR_BOUND_MEMORY, 1, &a), "undecided");
    claim_evidence none = {.workloads = claim_table};
    assert_int_equal(batch1_ask(&none, &a), IR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_claims),
                                       cmocka_unit_test(every_measurable_has_a_rule),
                                       cmocka_unit_test(every_spec_parses),
                                       cmocka_unit_test(same_as_file),
                                       cmocka_unit_test(ledger_errors),
                                       cmocka_unit_test(meets),
                                       cmocka_unit_test(rules),
                                       cmocka_unit_test(missing),
                                       cmocka_unit_test(sizes),
                                       cmocka_unit_test(layernorm_fusion),
                                       cmocka_unit_test(ratio_of_moments),
                                       cmocka_unit_test(k_ops_fusion),
                                       cmocka_unit_test(batch1)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

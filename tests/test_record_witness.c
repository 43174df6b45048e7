/* test_record_witness.c -- energy and counts of a point, the fit of joules and a series: written, read back
 * the same, and refused with line and field where they are no numbers. Old records have none. */
#define _GNU_SOURCE
#include "harness/record/record.h"
#include "tests/tree.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void witnessed(ir_point *p)
{
    ir_point_init(p);
    snprintf(p->id.backend, sizeof p->id.backend, "cpu");
    snprintf(p->id.workload, sizeof p->id.workload, "copy");
    snprintf(p->id.family, sizeof p->id.family, "stream");
    snprintf(p->id.kernel, sizeof p->id.kernel, "nt");
    p->m.cost.part[IR_OF_IN].read_B = p->m.cost.part[IR_OF_OUT].write_B = 1e9;
    p->m.energy = (ir_energy){.scope = "packages",
                              .source = "powercap",
                              .span_s = 0.25,
                              .calls = 10,
                              .ticks = 200,
                              .W = 40,
                              .J = 1,
                              .lo = 0.98,
                              .hi = 1.02,
                              .idle_W = 12};
    for (int i = 0; i < IR_ENERGY_PARTS; i++) p->m.energy.part[i].J = NAN;
    snprintf(p->m.energy.part[0].name, sizeof p->m.energy.part[0].name, "package-0");
    p->m.energy.part[0].J = 10;
    p->m.joules = 1;
    snprintf(p->m.counts.source, sizeof p->m.counts.source, "likwid");
    snprintf(p->m.counts.group, sizeof p->m.counts.group, "MEM1,MEM2");
    snprintf(p->m.counts.certificate, sizeof p->m.counts.certificate, "counts 1.01 of a known read");
    p->m.counts.read_B = 1.01e9;
    p->m.counts.write_B = 1e9;
    p->m.counted_B = 2.01e9;
}

static void written_and_read_back(void **state)
{
    (void)state;
    tree          t;
    char          path[128];
    ir_journal   *j;
    ir_record     r;
    ir_point      p;
    ir_window     w[2] = {{.t_s = 0, .call_s = 0.1}, {.t_s = 1, .call_s = 0.2, .clock_Hz = NAN}};
    ir_series     s = {.device = "cpu0", .key = "cpu/copy/nt:", .window_s = 1, .w = w, .n = 2};
    ir_energy_fit f = {.device = "cpu0", .scope = "packages", .threads = 2, .n = 20, .nspin = 6};
    f.move_JpB = (ir_joule){100e-12, 90e-12, 110e-12, true};
    f.comp_JpF = (ir_joule){NAN, NAN, NAN, false};
    f.base_W = (ir_joule){12, 11, 13, true};
    f.idle_W = 9;
    f.cond = f.err_median = NAN;
    snprintf(f.why, sizeof f.why, "not identified: J/FLOP");
    s.s = (ir_sustained){
        .peak = 10, .sustained = 9, .slope = NAN, .drop_s = 25, .known = true, .cause = "cpu quota"};
    tree_init(&t);
    snprintf(path, sizeof path, "%s/r.jsonl", t.root);
    witnessed(&p);
    assert_int_equal(ir_journal_open(path, false, &j), IR_OK);
    ir_journal_header(j, "0", "1", 0, NULL);
    ir_journal_point(j, &p);
    ir_journal_energy_fit(j, &f);
    ir_journal_series(j, &s);
    assert_int_equal(ir_journal_close(&j), IR_OK);
    ir_status st = ir_record_read(path, true, &r);
    if (st == IR_SKIP) {
        tree_free(&t);
        skip(); /* built without a reader */
    }
    if (st != IR_OK) print_message("%s\n", ir_why());
    assert_int_equal(st, IR_OK);
    assert_true(r.npoint == 1 && r.nenergy_fit == 1 && r.nseries == 1);
    const ir_point *q = &r.point[0];
    assert_true(q->m.energy.J == 1 && q->m.energy.W == 40 && q->m.energy.ticks == 200 &&
                q->m.energy.idle_W == 12);
    assert_string_equal(q->m.energy.scope, "packages");
    assert_string_equal(q->m.energy.part[0].name, "package-0");
    assert_true(q->m.energy.part[0].J == 10 && q->m.joules == 1 && q->m.counted_B == 2.01e9);
    assert_string_equal(q->m.counts.group, "MEM1,MEM2");
    assert_string_equal(q->m.counts.certificate, "counts 1.01 of a known read");
    assert_true(q->m.counts.read_B == 1.01e9 && isnan(q->m.counts.flops) && !*q->m.counts.why);
    assert_true(r.energy_fit[0].move_JpB.known && r.energy_fit[0].move_JpB.v == 100e-12);
    assert_true(!r.energy_fit[0].comp_JpF.known && isnan(r.energy_fit[0].comp_JpF.v));
    assert_true(r.energy_fit[0].nspin == 6 && r.energy_fit[0].idle_W == 9);
    assert_string_equal(r.energy_fit[0].why, "not identified: J/FLOP");
    assert_true(r.series[0].s.known && r.series[0].s.drop_s == 25 && r.series[0].s.peak == 10);
    assert_string_equal(r.series[0].s.cause, "cpu quota");
    ir_record_free(&r);
    tree_free(&t);
}

#define HEADER "{\"record\":\"header\",\"schema\":1}\n"
static void refused_with_line_and_field(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } bad[] = {{"{\"record\":\"energy-fit\",\"base_W\":7}", "base_W"},
               {"{\"record\":\"energy-fit\",\"idle_W\":\"nine\"}", "idle_W"},
               {"{\"record\":\"series\",\"known\":true}", "key"},
               {"{\"record\":\"series\",\"key\":\"k\",\"drop_s\":[]}", "drop_s"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char      text[300];
        ir_record r;
        int       n = snprintf(text, sizeof text, HEADER "%s\n", bad[i].line);
        ir_status st = ir_record_parse("x.jsonl", text, (size_t)n, true, &r);
        if (st == IR_SKIP) skip();
        if (st != IR_EINVAL) print_message("%s: %s\n", bad[i].line, ir_why());
        assert_int_equal(st, IR_EINVAL);
        assert_non_null(strstr(ir_why(), "x.jsonl:2"));
        assert_non_null(strstr(ir_why(), bad[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(written_and_read_back),
                                       cmocka_unit_test(refused_with_line_and_field)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

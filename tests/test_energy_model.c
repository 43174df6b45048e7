/* test_energy_model.c -- a described machine whose byte, flop and base power are known: the fit must give
 * them back within its intervals, from a counter that ticks ten times a second and goes round once; it must
 * claim nothing where the rows cannot tell. What is kept up on the virtual clock: a drop by heat, and none.
 */
#include "harness/law/law.h"
#include "harness/measure/measure.h"
#include "kernels/model/model.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SEEDS = 40 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SEEDS = 40 };
#else
enum { SEEDS = 500 };
#endif
#else
enum { SEEDS = 500 };
#endif

static void describe(model_machine *m, uint64_t seed)
{
    ir_rng rng;
    ir_rng_seed(&rng, seed);
    model_smallest(m);
    m->disturb.noise = 0.01;
    m->seed = (double)seed;
    m->energy.move_JpB = 50e-12 + 150e-12 * ir_rng_uniform(&rng);
    m->energy.comp_JpF = 5e-12 + 35e-12 * ir_rng_uniform(&rng);
    m->energy.base_W = 5 + 15 * ir_rng_uniform(&rng);
    m->energy.tick_s = 0.1;
    m->energy.wrap_J = 15 * m->energy.base_W; /* the rows take longer: it goes round */
}

static void open_device(model_machine *m, ir_dev *d)
{
    ir_open_options asked = {.own = m};
    *d = (ir_dev){.be = &model_backend};
    assert_int_equal(model_backend.open(d, &asked), IR_OK);
}

static const ir_kernel *first_kernel(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    for (const ir_kernel *const *k = d->be->kernels; *k; k++)
        if (!strcmp((*k)->family, w->family) && (!(*k)->can_run || (*k)->can_run(d, w, p) == IR_OK))
            return *k;
    return NULL;
}

static ir_policy brief(const ir_witness *w)
{
    ir_policy p;
    ir_policy_quick(&p);
    p.warmup_s = p.warmup_cap_s = 0.002;
    p.fixed_n = 3;
    p.witness = w;
    return p;
}

/* One row; false: the device cannot. `size`: of v[0]; 0: the default. */
static bool row(ir_dev *d, const ir_witness *w, const char *workload, int64_t size, ir_energy_row *out)
{
    const ir_workload *wl = ir_workload_named(workload);
    ir_params          p = wl->defaults;
    ir_policy          pol = brief(w);
    ir_point           o;
    if (size) p.v[0] = size;
    p.threads = 1;
    if (strcmp(workload, "clock") != 0) p.dtype = IR_F32;
    const ir_kernel *k = first_kernel(d, wl, &p);
    assert_non_null(k);
    ir_status st = ir_measure(d, wl, k, &p, &pol, &o);
    if (st != IR_OK) print_message("%s: %s\n", workload, o.reason);
    assert_int_equal(st, IR_OK);
    if (o.m.cost.footprint_B > 1e6) strcpy(o.law.level, "DRAM");
    bool known = ir_energy_row_of(&o, out);
    ir_point_free(&o);
    return known;
}

enum { MIB64 = 64 << 20 };
static const struct {
    const char *workload;
    int64_t     size;
} moved[] = {{"read", MIB64}, {"copy", MIB64}, {"triad", MIB64}, {"read", 3 * MIB64}, {"scale", MIB64},
             {"fma", 0},      {"fma", 0},      {"gemm", 0},      {"gemv", 0},         {"clock", 0},
             {"clock", 0},    {"clock", 0},    {"clock", 0},     {"clock", 0},        {"clock", 0}};

static size_t rows_of(ir_dev *d, const ir_witness *w, bool spin, ir_energy_row *r)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++)
        if (spin || strcmp(moved[i].workload, "clock") != 0)
            n += row(d, w, moved[i].workload, moved[i].size, &r[n]);
    return n;
}

static bool inside(const ir_joule *j, double truth) { return j->known && truth >= j->lo && truth <= j->hi; }

static void the_fit_gives_back_what_was_put_in(void **state)
{
    (void)state;
    int    in[3] = {0};
    double worst = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        model_machine m;
        ir_dev        d;
        ir_witness    w;
        ir_vitals     v;
        ir_energy_row r[32];
        ir_energy_fit f;
        describe(&m, seed);
        open_device(&m, &d);
        assert_int_equal(ir_witness_device(&d, &w), IR_OK);
        w.least_s = 0.1;
        w.most_s = 2;
        size_t n = rows_of(&d, &w, true, r);
        assert_int_equal(ir_energy_fit_rows(r, n, seed, &f), IR_OK);
        d.be->vitals(&d, &v);
        assert_true(v.energy_J < m.energy.base_W * 15 && d.be->now(&d) > 15);
        in[0] += inside(&f.move_JpB, m.energy.move_JpB);
        in[1] += inside(&f.comp_JpF, m.energy.comp_JpF);
        in[2] += inside(&f.base_W, m.energy.base_W);
        worst = fmax(worst, fabs(f.move_JpB.v / m.energy.move_JpB - 1));
        d.be->close(&d);
    }
    print_message("inside: a byte %d, a flop %d, base power %d of %d; a byte at worst %.1f %% off\n", in[0],
                  in[1], in[2], SEEDS, 100 * worst);
    for (int k = 0; k < 3; k++) assert_true(in[k] >= (int)(0.93 * SEEDS));
}

/* Data and arithmetic one after the other, and every kernel at its ceilings: time says the same as they do.
 */
static void without_spin_nothing_is_claimed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        model_machine m;
        ir_dev        d;
        ir_witness    w;
        ir_energy_row r[32];
        ir_energy_fit f;
        describe(&m, seed);
        m.disturb.noise = 0;
        open_device(&m, &d);
        assert_int_equal(ir_witness_device(&d, &w), IR_OK);
        w.least_s = 0.1;
        w.most_s = 2;
        size_t n = rows_of(&d, &w, false, r);
        assert_int_equal(ir_energy_fit_rows(r, n, seed, &f), IR_OK);
        assert_true(!f.move_JpB.known && !f.comp_JpF.known && !f.base_W.known);
        assert_non_null(strstr(f.why, "no row in which the threads only wait"));
        d.be->close(&d);
    }
}

/* A device that tells neither, a counter that stands still, and idle power. */
static void idle_and_none(void **state)
{
    (void)state;
    model_machine m;
    ir_dev        d;
    ir_witness    w;
    ir_power      p;
    ir_energy_row r;
    describe(&m, 1);
    open_device(&m, &d);
    assert_int_equal(ir_witness_device(&d, &w), IR_OK);
    assert_int_equal(ir_power_at_rest(&d, &w, 3, &p), IR_OK);
    assert_true(fabs(p.W / m.energy.base_W - 1) < 0.01);
    d.be->close(&d);
    m.energy.tick_s = 1e4; /* stands still */
    open_device(&m, &d);
    assert_int_equal(ir_witness_device(&d, &w), IR_OK);
    w.least_s = 0.1;
    w.most_s = 0.5;
    assert_false(row(&d, &w, "read", MIB64, &r));
    d.be->close(&d);
    m.energy.base_W = 0;
    open_device(&m, &d);
    assert_int_equal(ir_witness_device(&d, &w), IR_SKIP);
    d.be->close(&d);
}

/* A slice of a card has no joules of its own, and says so. */
static ir_status describe_slice(ir_dev *dev, ir_device_info *out)
{
    (void)dev;
    *out = (ir_device_info){.limits = "a MIG slice: part of a card"};
    return IR_OK;
}

static void tells_nothing(ir_dev *dev, ir_vitals *v)
{
    (void)dev;
    *v = (ir_vitals){.clock_Hz = NAN, .power_W = NAN, .energy_J = NAN, .temp_C = NAN};
}

static void a_slice_of_a_card(void **state)
{
    (void)state;
    ir_witness w;
    ir_backend slice = {.name = "slice", .vitals = tells_nothing, .describe = describe_slice};
    ir_dev     d = {.be = &slice};
    assert_int_equal(ir_witness_device(&d, &w), IR_SKIP);
    assert_non_null(strstr(ir_why(), "(a MIG slice: part of a card): measure the whole card"));
    slice.describe = NULL;
    assert_int_equal(ir_witness_device(&d, &w), IR_SKIP);
    assert_string_equal(ir_why(), "energy: the device tells neither joules nor watts");
}

static void told_by_the_device(void *arg, ir_window *w)
{
    ir_dev *d = arg;
    double  total;
    d->be->taken(d, &w->steal_s, &total, &w->throttle_n);
}

static void keep_up(model_machine *m, ir_sustained *s)
{
    ir_dev             d;
    const ir_workload *w = ir_workload_named("fma");
    ir_params          p = w->defaults;
    ir_policy          pol = brief(NULL);
    ir_vigil           g = {.span_s = 60, .window_s = 1, .host = told_by_the_device, .arg = &d};
    ir_point           o;
    ir_limits          limits = {NAN, NAN};
    open_device(m, &d);
    p.dtype = IR_F32;
    p.threads = 1;
    pol.vigil = &g;
    assert_int_equal(ir_measure(&d, w, first_kernel(&d, w, &p), &p, &pol, &o), IR_OK);
    ir_point_free(&o);
    ir_sustain_judge(g.v, g.n, &limits, s);
    free(g.v);
    d.be->close(&d);
}

static void kept_up_on_the_virtual_clock(void **state)
{
    (void)state;
    model_machine m;
    ir_sustained  s;
    model_smallest(&m);
    m.disturb.noise = 0.02;
    keep_up(&m, &s);
    assert_true(s.known && isnan(s.drop_s) && fabs(s.sustained / s.peak - 1) < 0.01);
    m.disturb.throttle = 0.8;
    m.disturb.throttle_s = 25;
    keep_up(&m, &s);
    print_message("throttled at 25 s of load: a drop at %.1f s, %s: %s\n", s.drop_s, s.cause, s.evidence);
    assert_true(fabs(s.drop_s - 25) <= 1.5);
    assert_string_equal(s.cause, "device");
    assert_true(fabs(s.sustained / s.peak - 0.8) < 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_fit_gives_back_what_was_put_in),
                                       cmocka_unit_test(without_spin_nothing_is_claimed),
                                       cmocka_unit_test(idle_and_none), cmocka_unit_test(a_slice_of_a_card),
                                       cmocka_unit_test(kept_up_on_the_virtual_clock)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

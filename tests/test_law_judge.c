/* test_law_judge.c -- the law over points: fit in units, verdicts, guards. */
#include "law_machine.h"

#include "harness/stats/stats.h"

/* ---- the law over points --------------------------------------------------------------------- */
enum { NP = 64 };
static const double S = 0.95, ETA = 0.85, LAT = 2e-6;

static double truth_s(ir_form form, const ir_row *x)
{
    double d = x->x_data_s / S, k = x->x_comp_s / ETA;
    return (form == IR_ADDITIVE ? d + k : fmax(d, k)) + LAT * x->x_launch;
}

/* Points of six families over all intensities, timed by the law with noise. */
static size_t device_run(ir_point *p, const ir_ceilings *c, ir_form form, double noise, uint64_t seed)
{
    static const char *const family[] = {"stream", "peak", "launch", "gemm", "gemv", "conv"};
    size_t                   n = 0;
    ir_rng                   rng;
    ir_rng_seed(&rng, seed);
    for (int i = 0; i < 60; i++, n++) {
        int    f = i % 6;
        double bytes = f == 1 || f == 2 ? 0 : 2e7 * exp2(i % 8),
               I[] = {0, 0, 0, exp2(i % 13 - 3), 0.5, exp2(i % 11)};
        p[n] = point(0.8 * bytes, 0.2 * bytes, f == 1 ? 1e7 * exp2(i % 9) : bytes * I[f], bytes, 1);
        p[n].id.p.v[0] = i;
        snprintf(p[n].id.family, sizeof p[n].id.family, "%s", family[f]);
        snprintf(p[n].id.device, sizeof p[n].id.device, "ideal0");
        ir_row x;
        assert_true(ir_row_of(&p[n], c, &x));
        double T = truth_s(form, &x) * exp(noise * ir_rng_normal(&rng));
        p[n].m.wall.median = T;
        p[n].m.wall.ci_lo = T * exp(-1.96 * noise);
        p[n].m.wall.ci_hi = T * exp(1.96 * noise);
    }
    return n;
}

static void iron_fit_recovers_in_units(void **state)
{
    static ir_fit fit[2];
    (void)state;
    for (int form = 0; form < 2; form++) {
        ir_ceilings c;
        ir_point    p[NP];
        int         better = -1;
        machine(&c);
        size_t n = device_run(p, &c, (ir_form)form, 0.002, 1);
        assert_int_equal(ir_iron_fit(p, n, &c, 1, fit, &better), IR_OK);
        assert_int_equal(better, form);
        assert_string_equal(fit[form].device, "ideal0");
        assert_close(fit[form].BW_ref, 40e9, 1e-12);
        assert_close(fit[form].R_peak, 200e9, 1e-12);
        assert_close(fit[form].BW.v, 40e9 * S, 0.005);
        assert_close(fit[form].eta.v, ETA, 0.005);
        assert_close(fit[form].L_lat.v, LAT, 0.01);
        assert_int_equal(fit[form].nfamily, 6);
        ir_row x;
        assert_true(ir_row_of(&p[3], &c, &x));
        assert_close(ir_fit_predict(&fit[form], &x), ir_point_time(&p[3]), 0.02);
        ir_ceilings_free(&c);
    }
}

static void iron_fit_refuses_too_few(void **state)
{
    static ir_fit fit[2];
    ir_ceilings   c;
    ir_point      p[NP];
    int           better = -1;
    (void)state;
    machine(&c);
    size_t n = device_run(p, &c, IR_ADDITIVE, 0, 1);
    assert_int_equal(ir_iron_fit(p, 2, &c, 1, fit, &better), IR_EINVAL);
    assert_nan(fit[0].BW.v);
    assert_nan(fit[1].eta.v);
    assert_int_equal(ir_iron_fit(p, 0, &c, 1, fit, &better), IR_EINVAL);
    for (size_t i = 0; i < n; i++) p[i].flags |= IR_FLAG_SUSPECT;
    assert_int_equal(ir_iron_fit(p, n, &c, 1, fit, &better), IR_EINVAL);
    ir_ceilings_free(&c);
    assert_int_equal(ir_iron_fit(p, n, &c, 1, fit, &better), IR_EINVAL); /* no ceilings, no rows */
}

/* Of all points whose leading term is 10 % above the next, and above half of T, 99 % must be labelled so. */
static void verdicts_are_right_away_from_the_ridge(void **state)
{
    static ir_fit fit[2];
    ir_ceilings   c;
    size_t        right = 0, total = 0;
    (void)state;
    machine(&c);
    for (uint64_t seed = 0; seed < 60; seed++) {
        ir_form  form = (ir_form)(seed % 2);
        ir_point p[NP];
        int      better;
        size_t   n = device_run(p, &c, form, 0.02, 100 + seed);
        assert_int_equal(ir_iron_fit(p, n, &c, seed, fit, &better), IR_OK);
        for (size_t i = 0; i < n; i++) {
            ir_row x;
            assert_true(ir_row_of(&p[i], &c, &x));
            double t[] = {x.x_data_s / S, x.x_comp_s / ETA, LAT * x.x_launch}, T = truth_s(form, &x);
            int    k = t[1] > t[0] ? 1 : 0;
            if (t[2] > t[k]) k = 2;
            double next = fmax(t[(k + 1) % 3], t[(k + 2) % 3]);
            if (t[k] < 1.1 * next || t[k] < 0.55 * T) continue;
            static const ir_bound label[] = {IR_BOUND_MEMORY, IR_BOUND_COMPUTE, IR_BOUND_LATENCY};
            ir_point_judge(&p[i], &c, &fit[better]);
            total++;
            right += p[i].law.bound == label[k];
        }
    }
    assert_true(total > 2000);
    assert_true((double)right >= 0.99 * (double)total);
    ir_ceilings_free(&c);
}

/* ---- one verdict ----------------------------------------------------------------------------- */
static void a_verdict_in_numbers(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    ir_point p = point(8e8, 0, 2e9, 8e8, 0.04); /* data 20 ms, compute 10 ms, launch 2 us, of 40 ms */
    ir_point_judge(&p, &c, NULL);
    assert_string_equal(p.law.level, "DRAM");
    assert_close(p.law.term_data_s, 0.02, 1e-12);
    assert_close(p.law.term_comp_s, 0.01, 1e-12);
    assert_close(p.law.term_lat_s, 2e-6, 1e-12);
    assert_close(p.law.T_law_s, 0.030002, 1e-12);
    assert_close(p.law.mfu, 0.25, 1e-12);
    assert_close(p.law.mbu, 0.5, 1e-12);
    assert_close(p.law.ridge, 5, 1e-12);
    assert_close(p.law.eta, 0.01 / (0.04 - 0.02 - 2e-6), 1e-9);
    assert_close(p.law.eta_star, 0.5, 1e-12); /* at half the peak compute would take 20 ms too */
    assert_close(p.law.margin, log(2), 1e-12);
    assert_true(isnan(p.law.bound_p));
    assert_int_equal(p.law.bound, IR_BOUND_MEMORY);
    p.m.wall.median = 0.041; /* now data is below half of T */
    ir_point_judge(&p, &c, NULL);
    assert_int_equal(p.law.bound, IR_BOUND_MIXED);
    p.m.wall.median = 0.019; /* the other terms leave nothing */
    ir_point_judge(&p, &c, NULL);
    assert_true(isnan(p.law.eta));
    ir_ceilings_free(&c);
}

static void classes(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    ir_point cache = point(3e6, 0, 0, 3e6, 1e-5), launch = point(0, 0, 0, 0, 2e-6),
             peak = point(0, 0, 2e9, 0, 0.011);
    ir_point_judge(&cache, &c, NULL);
    assert_int_equal(cache.law.bound, IR_BOUND_CACHE);
    assert_string_equal(cache.law.level, "L2");
    assert_close(cache.law.mbu, 3e6 / (1e-5 * 400e9), 1e-12);
    assert_nan(cache.law.mfu);
    assert_nan(cache.law.eta);
    assert_nan(cache.law.eta_star);
    cache.id.cold = true;
    retime(&cache, 1e-4);
    ir_point_judge(&cache, &c, NULL);
    assert_int_equal(cache.law.bound, IR_BOUND_MEMORY);
    ir_point_judge(&launch, &c, NULL);
    assert_int_equal(launch.law.bound, IR_BOUND_LATENCY);
    assert_string_equal(launch.law.level, "");
    assert_nan(launch.law.margin);
    assert_nan(launch.law.mbu);
    ir_point_judge(&peak, &c, NULL);
    assert_int_equal(peak.law.bound, IR_BOUND_COMPUTE);
    assert_close(peak.law.eta, 0.01 / (0.011 - 2e-6), 1e-9);
    assert_true(isnan(peak.law.eta_star));
    ir_ceilings_free(&c);
}

static void nothing_to_judge(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    ir_point p = point(8e8, 0, 2e9, 8e8, 0.04);
    p.status = IR_SKIP;
    p.law.bound = IR_BOUND_MEMORY; /* of an earlier judgement */
    p.law.mfu = 0.5;
    ir_point_judge(&p, &c, NULL);
    assert_num(p.law.bound, ==, IR_BOUND_UNKNOWN);
    assert_nan(p.law.mfu);
    assert_nan(p.law.T_law_s);
    p = point(8e8, 0, 2e9, 8e8, 0.04);
    p.id.p.dtype = IR_TF32; /* no peak: the data term is known, the verdict is not */
    ir_point_judge(&p, &c, NULL);
    assert_close(p.law.term_data_s, 0.02, 1e-12);
    assert_nan(p.law.term_comp_s);
    assert_nan(p.law.T_law_s);
    assert_nan(p.law.mfu);
    assert_num(p.law.bound, ==, IR_BOUND_UNKNOWN);
    assert_close(p.law.mbu, 0.5, 1e-12);
    ir_ceilings_free(&c);
    p = point(8e8, 0, 2e9, 8e8, 0.04);
    ir_point_judge(&p, &c, NULL);
    assert_num(p.law.bound, ==, IR_BOUND_UNKNOWN);
    assert_nan(p.law.mbu);
    assert_nan(p.law.ridge);
}

/* Terms by the fit; what it does not know at the ceilings; the time by its form; P by its draws. */
static void a_fit_decides(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    ir_point p = point(8e8, 0, 2e9, 8e8, 0.026);
    ir_fit   f = known(IR_OVERLAPPED); /* data 25 ms, compute 20 ms */
    ir_point_judge(&p, &c, &f);
    assert_close(p.law.term_data_s, 0.025, 1e-12);
    assert_close(p.law.term_comp_s, 0.020, 1e-12);
    assert_close(p.law.term_lat_s, 2e-6, 1e-12);
    assert_close(p.law.T_law_s, 0.025002, 1e-12);
    assert_true(isnan(p.law.bound_p)); /* a fit without draws, as read from a record */
    assert_int_equal(p.law.bound, IR_BOUND_MEMORY);
    assert_close(p.law.eta, 0.01 / (0.026 - 2e-6), 1e-9); /* more time than data needs: compute took it */
    p.m.wall.median = 0.0251;
    ir_point_judge(&p, &c, &f);
    assert_true(isnan(p.law.eta)); /* compute is hidden behind data */
    f.ndraw = IR_FIT_DRAWS;
    for (int d = 0; d < f.ndraw; d++) { /* data is known to a per cent, compute to a tenth */
        f.draw[d][0] = d % 2 ? 1.24 : 1.26;
        f.draw[d][1] = d % 2 ? 1.8 : 2.2;
        f.draw[d][2] = NAN;
    }
    ir_point_judge(&p, &c, &f); /* a second term a fifth smaller, in a form that takes the larger */
    assert_true(p.law.bound_p > 0.95);
    assert_int_equal(p.law.bound, IR_BOUND_MEMORY);
    ir_point even = point(8e8, 0, 2.48e9, 8e8, 0.0251); /* compute 24.8 ms */
    ir_point_judge(&even, &c, &f);
    assert_true(even.law.bound_p > 0.3 && even.law.bound_p < 0.95);
    assert_int_equal(even.law.bound, IR_BOUND_MIXED);
    f.form = IR_ADDITIVE;
    p.m.wall.median = 0.046;
    ir_point_judge(&p, &c, &f);
    assert_close(p.law.T_law_s, 0.045002, 1e-12);
    assert_int_equal(p.law.bound, IR_BOUND_MEMORY);
    assert_close(p.law.eta, 0.01 / (0.046 - 0.025 - 2e-6), 1e-9);
    ir_ceilings_free(&c);
}

/* Dependent accesses: the wait belongs to latency, in the terms and in every draw. */
static void hops_are_latency(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    put(&c, IR_C_LATENCY, "DRAM", "chase", IR_NDTYPE, 1, 100e-9);
    ir_point p = point(64e6, 0, 0, 4e8, 0.101);
    p.m.cost.part[IR_OF_IN].access = IR_DEPENDENT;
    p.m.cost.part[IR_OF_IN].accesses = 1e6;
    ir_fit f = known(IR_ADDITIVE);
    f.ndraw = IR_FIT_DRAWS;
    for (int d = 0; d < f.ndraw; d++) f.draw[d][0] = 1.25, f.draw[d][1] = f.draw[d][2] = NAN;
    ir_point_judge(&p, &c, &f);
    assert_close(p.law.term_lat_s, 0.1 + 2e-6, 1e-9);
    assert_close(p.law.bound_p, 1, 1e-12);
    assert_int_equal(p.law.bound, IR_BOUND_LATENCY);
    ir_ceilings_free(&c);
}

/* ---- guards ---------------------------------------------------------------------------------- */
static void assert_suspect(ir_point p, const ir_ceilings *c, const char *cause)
{
    bool suspect = ir_guard_point(&p, c);
    assert_int_equal(suspect, cause != NULL);
    assert_int_equal((p.flags & IR_FLAG_SUSPECT) != 0, cause != NULL);
    if (cause && !strstr(p.reason, cause)) fail_msg("'%s' does not say '%s'", p.reason, cause);
    if (!cause) assert_string_equal(p.reason, "");
    assert_int_equal((p.flags & IR_FLAG_CACHE_RESIDENT) != 0, cause && !strcmp(cause, "cache-resident"));
}

static void impossible_points(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    ir_point p = point(0, 0, 1e9, 0, 5e-3);
    assert_suspect(p, &c, NULL); /* exactly at the peak */
    p.m.wall.median = 5e-3 / 1.019;
    assert_suspect(p, &c, NULL);
    p.m.wall.median = 5e-3 / 1.1;
    assert_suspect(p, &c, "clock");
    p.m.wall.median = 5e-3 / 3.6;
    assert_suspect(p, &c, "dead code");
    put(&c, IR_C_CLOCK, "", "clock", IR_NDTYPE, 1, 3e9); /* the clock is known, and did not run faster */
    p.m.wall.median = 5e-3 / 1.1;
    p.m.clock_Hz = 3e9;
    assert_suspect(p, &c, "dead code");
    p.m.clock_Hz = 3.3e9;
    assert_suspect(p, &c, "clock");
    p = point(4e8, 0, 0, 4e8, 4e8 / 120e9); /* three times DRAM, which L2 could give */
    assert_suspect(p, &c, "cache-resident");
    c.level_B[IR_DRAM] = 5e8; /* nothing strange where a cache is known to serve a part of such a footprint */
    assert_false(ir_guard_point(&p, &c));
    assert_int_equal(p.flags, IR_FLAG_CACHE_RESIDENT);
    p.id.cold = true;
    p.flags = 0;
    assert_suspect(p, &c, "cache-resident");
    p.id.cold = false;
    p.flags = 0;
    c.level_B[IR_DRAM] = NAN;
    p.m.cost = (ir_cost){.part[IR_OF_OUT].write_B = 4e8, .footprint_B = 4e8};
    p.m.wall.median = 4e8 / 900e9; /* no cache could */
    assert_suspect(p, &c, "compressible");
    p.m.cost = (ir_cost){.part[IR_OF_IN].read_B = 4e8, .footprint_B = 4e8};
    assert_suspect(p, &c, "dead code");
    p = point(4e8, 0, 0, 4e8, 4e8 / 48e9);
    assert_suspect(p, &c, "cache-resident");
    p.m.bw_now = 1.2; /* memory gave a fifth more at that time than when the ceiling was measured */
    assert_suspect(p, &c, NULL);
    p.m.bw_now = NAN;
    for (size_t i = 0; i < c.n; i++) /* every other DRAM rate is of a moment at which reads got half */
        if (!strcmp(c.v[i].level, "DRAM") && strcmp(c.v[i].op, "read") != 0) c.v[i].ref_read_Bps = 22e9;
    p = point(2e8, 2e8, 0, 4e8, 4e8 / 60e9);
    assert_suspect(p, &c, NULL);
    for (size_t i = 0; i < c.n; i++) c.v[i].ref_read_Bps = NAN;
    assert_suspect(p, &c, "cache-resident");
    p = point(4e8, 0, 0, 4e8, NAN);
    assert_suspect(p, &c, NULL);
    ir_ceilings_free(&c);
}

/* A fallback is an estimate: exceeding it proves nothing. */
static void only_like_is_compared(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    ir_point p = point(4e8, 0, 0, 4e8, 1e-3); /* ten times DRAM */
    p.id.p.threads = 3;
    assert_suspect(p, &c, NULL);
    p.id.p.threads = 4;
    p.m.cost.footprint_B = 1e7; /* L3, which has no ceiling */
    assert_suspect(p, &c, NULL);
    p = point(4e8, 0, 0, 4e8, 4e8 / 43e9);
    assert_suspect(p, &c, "cache-resident");
    snprintf(p.id.workload, sizeof p.id.workload, "copy"); /* its own operation: 44 GB/s */
    assert_suspect(p, &c, NULL);
    p = point(0, 0, 1e9, 0, 1e-3); /* f64 was not measured at 1 thread */
    p.id.p.dtype = IR_F64;
    p.id.p.threads = 1;
    assert_suspect(p, &c, NULL);
    ir_ceilings_free(&c);
}

static void guarding_twice_is_guarding_once(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    ir_point p = point(0, 0, 1e9, 0, 1e-3);
    p.flags = IR_FLAG_NOISY;
    assert_true(ir_guard_point(&p, &c));
    assert_true(ir_guard_point(&p, &c));
    p.m.wall.median = 1;
    assert_false(ir_guard_point(&p, &c));
    assert_int_equal(p.flags, IR_FLAG_NOISY);
    assert_string_equal(p.reason, "");
    p.status = IR_SKIP;
    snprintf(p.reason, sizeof p.reason, "no such device");
    assert_false(ir_guard_point(&p, &c));
    assert_string_equal(p.reason, "no such device");
    ir_ceilings_free(&c);
}

static const char *guarded(ir_ceilings *c, size_t i)
{
    ir_guard_ceilings(c);
    return c->v[i].flags & IR_FLAG_SUSPECT ? c->v[i].why : "";
}

static void impossible_ceilings(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    c.v[9].flags = IR_FLAG_SUSPECT | IR_FLAG_NOISY; /* of the point it came from */
    ir_guard_ceilings(&c);
    for (size_t i = 0; i < c.n; i++) assert_false(c.v[i].flags & IR_FLAG_SUSPECT);
    assert_int_equal(c.v[9].flags, IR_FLAG_NOISY);
    c.v[10].theory = 197e9;
    assert_string_equal(guarded(&c, 10), "");
    c.v[10].theory = 190e9;
    assert_non_null(strstr(guarded(&c, 10), "clock"));
    c.v[10].theory = 60e9;
    assert_non_null(strstr(guarded(&c, 10), "dead code"));
    put(&c, IR_C_BANDWIDTH, "DRAM", "spec", IR_F64, 4, 42e9)->source = IR_SRC_DATASHEET;
    assert_string_equal(guarded(&c, 2), "");
    assert_non_null(strstr(guarded(&c, 6), "datasheet")); /* copies at 44 GB/s */
    c.v[2].value = 500e9;                                 /* DRAM reads above L2's */
    c.v[c.n - 1].value = NAN;
    assert_non_null(strstr(guarded(&c, 2), "L2"));
    ir_ceilings_free(&c);
}

/* 12 lines of 64 B in flight for 100 ns are 7.7 GB/s of demand misses; what streams keep beyond that is said,
 * and no suspect. */
static void little_is_a_remark(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    put(&c, IR_C_LATENCY, "DRAM", "chase", IR_NDTYPE, 1, 100e-9);
    ir_ceiling *mlp = put(&c, IR_C_LATENCY, "DRAM", "mlp", IR_NDTYPE, 1, 12);
    mlp->nsat = 1;
    mlp->sat[0] = (ir_saturation){.axis = "chains", .from = 16, .to = 32, .gain = 0.01, .known = true};
    c.v[0].value = 90e9;
    ir_guard_ceilings(&c);
    assert_non_null(strstr(c.v[0].why, "in flight"));
    assert_false(c.v[0].flags & IR_FLAG_SUSPECT);
    c.v[2].value = 30e9;            /* four cores: four times as much */
    c.v[c.n - 1].sat[0].gain = 0.9; /* still rising with the chains: it says nothing */
    ir_guard_ceilings(&c);
    assert_string_equal(c.v[0].why, "");
    ir_ceilings_free(&c);
}

static void latency_grows_outwards(void **state)
{
    ir_ceilings c;
    (void)state;
    machine(&c);
    put(&c, IR_C_LATENCY, "L2", "chase", IR_NDTYPE, 1, 4e-9);
    put(&c, IR_C_LATENCY, "DRAM", "chase", IR_NDTYPE, 1, 3e-9);
    assert_non_null(strstr(guarded(&c, c.n - 1), "cache-resident"));
    assert_string_equal(guarded(&c, c.n - 2), "");
    ir_ceilings_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iron_fit_recovers_in_units),
        cmocka_unit_test(iron_fit_refuses_too_few),
        cmocka_unit_test(verdicts_are_right_away_from_the_ridge),
        cmocka_unit_test(a_verdict_in_numbers),
        cmocka_unit_test(classes),
        cmocka_unit_test(nothing_to_judge),
        cmocka_unit_test(a_fit_decides),
        cmocka_unit_test(hops_are_latency),
        cmocka_unit_test(impossible_points),
        cmocka_unit_test(only_like_is_compared),
        cmocka_unit_test(guarding_twice_is_guarding_once),
        cmocka_unit_test(impossible_ceilings),
        cmocka_unit_test(little_is_a_remark),
        cmocka_unit_test(latency_grows_outwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

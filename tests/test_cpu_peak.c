/* test_cpu_peak.c -- FMA chains, clock chains and the empty parallel region against their oracles for every
 * ISA and dtype; the port model; the pair probe. Nothing is asserted about speed. */
#include "kernels/workloads/workloads_compute.h"
#include "kernels/cpu/peak.h"
#include "kernels/cpu/ports.h"
#include "kernels/cpu/smt_probe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/cpu_device.h"

static size_t verify_kernels(device *d, const ir_workload *w, const ir_params *p)
{
    size_t ran = 0;
    for (const ir_kernel *const *k = cpu_backend.kernels; *k; k++) {
        ir_check c;
        if (strcmp((*k)->family, w->family) != 0) continue;
        ir_status s = ir_verify(&d->dev, w, *k, p, 42, 0, &c);
        ran += s == IR_OK;
        if (s != IR_OK && s != IR_SKIP)
            fail_msg("%s/%s v=%lld,%lld %s isa=%s threads=%d: %s", w->name, (*k)->name, (long long)p->v[0],
                     (long long)p->v[1], ir_dtype_name(p->dtype), cpu_isa_name(d->cpu.isa), p->threads,
                     ir_why());
    }
    return ran;
}

static void verify_all(device *d, const ir_workload *w)
{
    size_t ran = 0;
    for (size_t i = 0; i < w->nodd; i++)
        for (int t = 0; t < IR_NDTYPE; t++)
            for (int threads = 1; threads <= 3; threads++) {
                ir_params p = w->odd[i];
                p.dtype = (ir_dtype)t;
                p.threads = threads;
                if (!(w->dtypes & (1u << t)) || (w->valid && w->valid(&p) != IR_OK)) continue;
                ran += verify_kernels(d, w, &p);
            }
    assert_true(ran > 0);
}

static void test_odd_shapes(void **state)
{
    (void)state;
    for (int isa = 0; isa < CPU_NISA; isa++) {
        device d;
        if (!isa_runs((cpu_isa)isa)) continue;
        open_device(&d, (cpu_isa)isa, 3);
        verify_all(&d, &wl_fma);
        verify_all(&d, &wl_clock);
        verify_all(&d, &wl_forkjoin);
        close_device(&d);
    }
}

static void test_costs(void **state)
{
    (void)state;
    ir_params p = wl_fma.defaults;
    p.dtype = IR_F32;
    p.threads = 2;
    p.v[0] = 8;
    p.v[1] = 1000;
    assert_true(wl_fma.cost(&p).flops ==
                2.0 * 16 * 8 * 1000 * 2); /* 2 flop, 16 lanes, 8 chains, 1000 steps, 2 threads */
    p.dtype = IR_F64;
    assert_true(wl_fma.cost(&p).flops == 2.0 * 8 * 8 * 1000 * 2);
}

/* Where the core is known, theory is clock x ports x width x 2; where it is not, it is unknown and not zero.
 */
static void test_theory(void **state)
{
    (void)state;
    double per = cpu_fma_per_cycle(cpu_isa_best(), IR_F32),
           f = cpu_fma_theory_flops(cpu_isa_best(), IR_F32, 1e9);
    if (!cpu_core_name()) {
        assert_true(isnan(per) && isnan(f));
        return;
    }
    assert_true(isnan(f) || (f >= 1e9 && fmod(f, 1e9) == 0));
    assert_true(isnan(f) || f == 2 * cpu_fma_theory_flops(cpu_isa_best(), IR_F64, 1e9));
    assert_true(isnan(cpu_fma_theory_flops(cpu_isa_best(), IR_F32, NAN)));
}

static void test_pair_probe(void **state)
{
    (void)state;
    device d;
    double ratio = NAN;
    open_device(&d, cpu_isa_best(), 1);
    assert_int_not_equal(cpu_smt_probe(&d.dev, &ratio), IR_OK); /* one thread is no pair */
    close_device(&d);
    open_device(&d, cpu_isa_best(), 2);
    assert_int_equal(cpu_smt_probe(&d.dev, &ratio), IR_OK);
    assert_true(ratio > 0);
    close_device(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_odd_shapes), cmocka_unit_test(test_costs),
                                       cmocka_unit_test(test_theory), cmocka_unit_test(test_pair_probe)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

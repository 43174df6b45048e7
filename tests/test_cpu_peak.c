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

static void verify_all(device *d, const ir_workload *w)
{
    int ran = 0;
    for (size_t i = 0; i < w->nodd; i++)
        for (int t = 0; t < IR_NDTYPE; t++)
            for (int threads = 1; threads <= 3; threads++) {
                ir_params p = w->odd[i];
                p.dtype = (ir_dtype)t;
                p.threads = threads;
                if (!(w->dtypes & (1u << t)) || (w->valid && w->valid(w, &p) != IR_OK)) continue;
                ran += verify_kernels(d, w, &p, 0, 0);
            }
    assert_num(ran, >, 0);
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
    assert_true(wl_fma.cost(&wl_fma, &p).flops ==
                2.0 * 16 * 8 * 1000 * 2); /* 2 flop, 16 lanes, 8 chains, 1000 steps, 2 threads */
    p.dtype = IR_F64;
    assert_true(wl_fma.cost(&wl_fma, &p).flops == 2.0 * 8 * 8 * 1000 * 2);
}

/* Where the core is known, theory is clock x ports x lanes x 2 for every ISA; where it is not, it is unknown
 * and not zero. */
static void test_theory(void **state)
{
    (void)state;
    static const int vector_B[CPU_NISA] = {
        [CPU_PORTABLE] = 16, [CPU_NEON] = 16, [CPU_AVX2] = 32, [CPU_AVX512] = 64};
    const char *core = cpu_core_name();
    print_message("core: %s\n", core ? core : "not in the table");
    for (int i = 0; i < CPU_NISA; i++) {
        const cpu_isa isa = (cpu_isa)i;
        const double  per = cpu_fma_per_cycle(isa, IR_F32);
        if (!core || isnan(per)) {
            assert_nan(per);
            assert_nan(cpu_fma_theory_flops(isa, IR_F32, 1e9));
            assert_nan(cpu_fma_theory_flops(isa, IR_F64, 1e9));
        } else {
            assert_num(per, >=, 1); /* no core of the table starts fewer, none more than four */
            assert_num(per, <=, 4);
            assert_close(cpu_fma_theory_flops(isa, IR_F32, 1e9), 2e9 * per * vector_B[i] / 4, 1e-12);
            assert_close(cpu_fma_theory_flops(isa, IR_F64, 3e9), 6e9 * per * vector_B[i] / 8, 1e-12);
        }
        assert_nan(cpu_fma_theory_flops(isa, IR_F32, NAN));
    }
    /* Every row of the table says what its portable and its narrow vector loops reach. */
    if (core) assert_true(!isnan(cpu_fma_per_cycle(CPU_PORTABLE, IR_F32)));
    if (core)
        assert_true(!isnan(cpu_fma_per_cycle(cpu_isa_best() == CPU_NEON ? CPU_NEON : CPU_AVX2, IR_F32)));
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

/* test_cpu_stream.c -- the memory kernels (streams, chase, gather) against their oracles on awkward shapes,
 * for every ISA, thread count and alignment, inside guard bytes; the costs by hand; and the oracles against
 * wrong results. */
#include "kernels/workloads/workloads_memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/cpu_device.h"

static const ir_workload *const workloads[] = {&wl_read, &wl_write, &wl_copy,  &wl_scale,
                                               &wl_add,  &wl_triad, &wl_chase, &wl_gather};
enum { NWORKLOADS = sizeof workloads / sizeof *workloads };

static void verify_workload(device *d, const ir_workload *w, int threads)
{
    static const size_t off[] = {0, 8, 24, 56};
    int                 ran = 0;
    for (size_t i = 0; i < w->nodd; i++)
        for (int t = 0; t < IR_NDTYPE; t++)
            for (size_t a = 0; a < sizeof off / sizeof *off; a++) {
                ir_params p = w->odd[i];
                p.dtype = (ir_dtype)t;
                p.threads = threads;
                if (!(w->dtypes & (1u << t)) || (w->valid && w->valid(w, &p) != IR_OK)) continue;
                ran += verify_kernels(d, w, &p, off[a], 0);
            }
    if (w == &wl_chase && threads > 1)
        assert_int_equal(ran, 0); /* a chase is one thread's */
    else
        assert_num(ran, >, 0);
}

static void test_odd_shapes(void **state)
{
    (void)state;
    for (int isa = 0; isa < CPU_NISA; isa++)
        for (int threads = 1; threads <= 3 && isa_runs((cpu_isa)isa); threads++) {
            device d;
            open_device(&d, (cpu_isa)isa, 3);
            for (size_t w = 0; w < NWORKLOADS; w++) verify_workload(&d, workloads[w], threads);
            close_device(&d);
        }
}

/* Every length around the vector, the block and the page, one to eight address streams. */
static void test_every_length(void **state)
{
    (void)state;
    device d;
    open_device(&d, cpu_isa_best(), 2);
    for (size_t w = 0; w < 6; w++)
        for (int64_t n = 1; n < 1100; n += n < 150 ? 1 : 83)
            for (int64_t streams = 1; streams <= 8; streams *= 2) {
                const wl_stream_op *op = wl_stream_of(workloads[w]);
                ir_params           p = workloads[w]->defaults;
                p.v[0] = n * (op->reads + op->writes) * 8;
                p.v[1] = streams;
                p.dtype = IR_F64;
                p.threads = 1 + (int)(n % 2);
                assert_num(verify_kernels(&d, workloads[w], &p, 0, 0), >, 0);
            }
    close_device(&d);
}

static void test_costs(void **state)
{
    (void)state;
    ir_params p = wl_triad.defaults;
    p.v[0] = 3 * 8 * 1000;
    p.dtype = IR_F64;
    ir_cost c = wl_triad.cost(&wl_triad, &p);
    assert_num(ir_cost_read_B(&c), ==, 16000);
    assert_num(ir_cost_write_B(&c), ==, 8000);
    assert_num(ir_cost_wa_B(&c), ==, 8000);
    assert_num(c.flops, ==, 2000);
    assert_num(c.launches, ==, 1);
    p = wl_copy.defaults;
    p.v[0] = 2 * 4 * 1000;
    p.dtype = IR_F32;
    c = wl_copy.cost(&wl_copy, &p);
    assert_num(ir_cost_read_B(&c), ==, 4000);
    assert_num(ir_cost_write_B(&c), ==, 4000);
    assert_num(ir_cost_wa_B(&c), ==, 4000);
    assert_num(c.flops, ==, 0);
    p = wl_read.defaults;
    p.v[0] = 8000;
    p.dtype = IR_F64;
    c = wl_read.cost(&wl_read, &p);
    assert_num(ir_cost_read_B(&c), ==, 8000);
    assert_num(ir_cost_wa_B(&c), ==, 0);
    assert_num(ir_cost_of(&c, IR_OF_IN), ==, 8000);
}

/* A checker that accepts anything proves nothing: one wrong element anywhere must be seen. */
static void test_the_oracle_sees(void **state)
{
    (void)state;
    enum { N = 1000 };
    ir_params p = wl_copy.defaults;
    p.v[0] = 2 * 8 * N;
    p.dtype = IR_F64;
    p.threads = 1;
    double *b = calloc(N, sizeof *b), *a = calloc(N, sizeof *a);
    assert_true(a);
    assert_true(b);
    wl_copy.fill(&wl_copy, &p, 1, b, 7);
    static const double bad[] = {1e-3, NAN, INFINITY};
    for (int i = 0; i < N; i += 111)
        for (size_t j = 0; j < 3; j++) {
            ir_check    c;
            const void *before[] = {NULL, b}, *after[] = {a, b};
            memcpy(a, b, N * sizeof *a);
            wl_copy.check(&wl_copy, &p, before, after, &c);
            assert_true(c.err <= c.tol);
            a[i] += bad[j];
            wl_copy.check(&wl_copy, &p, before, after, &c);
            assert_false(c.err <= c.tol);
        }
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_odd_shapes), cmocka_unit_test(test_every_length),
                                       cmocka_unit_test(test_costs), cmocka_unit_test(test_the_oracle_sees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

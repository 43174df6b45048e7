/* test_net_values.c -- what networks are filled with: narrow types rounded as the processor would, pure
 * fills. */
#include "kernels/nets/values.h"
#include "harness/measure/measure.h"
#include "kernels/cpu/net_naive.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/cpu_device.h"

/* ---- values ---------------------------------------------------------------------------------- */
static void f16_round_trip(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        float  f = ly_f16_to_f32((uint16_t)h);
        int    e = (int)(h >> 10 & 31), m = (int)(h & 1023);
        double want = e == 31 ? (m ? NAN : INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
        if (isnan(want)) {
            assert_nan(f);
            assert_nan(ly_f16_to_f32(ly_f32_to_f16(f)));
            continue;
        }
        assert_true((double)f == (h >> 15 ? -want : want));
        assert_int_equal(ly_f32_to_f16(f), h);
    }
}

static void f16_rounds_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7BFF; h++) { /* between h and the next value */
        float a = ly_f16_to_f32((uint16_t)h), b = ly_f16_to_f32((uint16_t)(h + 1)), mid = a + (b - a) / 2;
        assert_int_equal(ly_f32_to_f16(mid), h + (h & 1));
        assert_int_equal(ly_f32_to_f16(nextafterf(mid, 0)), h);
        assert_int_equal(ly_f32_to_f16(nextafterf(mid, INFINITY)), h + 1);
    }
    assert_int_equal(ly_f32_to_f16(65519.9f), 0x7BFF);
    assert_int_equal(ly_f32_to_f16(65520), 0x7C00);
    assert_int_equal(ly_f32_to_f16(-1e9f), 0xFC00);
}

/* Whatever the address, width of the machine or place where a fill starts: the element's index decides. */
static void fills_are_pure(void **state)
{
    (void)state;
    static const ir_dtype types[] = {IR_F32, IR_F16, IR_BF16, IR_I8, IR_F8};
    unsigned char         a[4 * 1000 + 8], b[4 * 1000 + 8];
    float                 x[1000], y[1000];
    for (size_t t = 0; t < 5; t++) {
        ly_fill(types[t], a, 0, 1000, 0.5f, 9);
        for (int64_t i = 0; i < 1000; i += 37)
            ly_fill(types[t], b + 3, i, i + 37 < 1000 ? 37 : 1000 - i, 0.5f, 9);
        ly_load(types[t], a, 0, 1000, x);
        ly_load(types[t], b + 3, 0, 1000, y);
        assert_memory_equal(x, y, sizeof x);
        for (int i = 0; i < 1000; i++) {
            float want =
                types[t] == IR_I8
                    ? truncf(127.99f * ir_rand_f32(9, (uint64_t)i))
                    : ly_round(types[t], (types[t] == IR_F8 ? 448 : 0.5f) * ir_rand_f32(9, (uint64_t)i));
            assert_true(x[i] == want);
        }
    }
}

/* Too large to compare completely: a single element in rows that are not compared. Only the first few rows
 * differ, and only they are computed. */
static void linear_freivalds(void **state)
{
    (void)state;
    enum { ROWS = 4096, FEW = 8, C = 768, K = 768 };
    device          d;
    const ir_params p = {{ROWS, C, K}, IR_I8, 0}, few = {{FEW, C, K}, IR_I8, 0};
    ir_tensor       t[IR_MAX_TENSORS];
    const void     *v[4];
    float          *x, *y;
    ir_check        c;
    assert_int_equal(wl_linear.tensors(&wl_linear, &p, t), 4);
    for (int i = 0; i < 4; i++) {
        void *m = calloc(1, t[i].bytes);
        assert_non_null(m);
        if (i < 3) wl_linear.fill(&wl_linear, &p, i, m, 5);
        v[i] = m;
    }
    x = (float *)(uintptr_t)v[0];
    y = (float *)(uintptr_t)v[3];
    ir_run run = {.workload = &wl_linear,
                  .kernel = kernel_named(&cpu_backend, "linear", "naive"),
                  .dev = &d.dev,
                  .p = few,
                  .nmem = 4};
    open_device(&d, cpu_isa_best(), 2);
    run.p.threads = d.cpu.nthreads;
    for (int i = 0; i < 4; i++) run.mem[i].p = (void *)(uintptr_t)v[i];
    assert_int_equal(run.kernel->run(&run, 1), IR_OK);
    for (int64_t i = FEW; i < ROWS; i++) {
        memcpy(x + i * C, x + i % FEW * C, C * sizeof *x);
        memcpy(y + i * K, y + i % FEW * K, K * sizeof *y);
    }
    wl_linear.check(&wl_linear, &p, v, v, &c);
    if (!(c.err <= c.tol)) fail_msg("error %g, tolerance %g", c.err, c.tol);
    assert_non_null(strstr(c.oracle, "Freivalds"));
    for (int64_t i = 0; i < ROWS; i += 311) {
        float *one = y + i * K + 77 * i % K;
        *one += 4;
        wl_linear.check(&wl_linear, &p, v, v, &c);
        assert_false(c.err <= c.tol);
        *one -= 4;
    }
    for (int i = 0; i < 4; i++) free((void *)(uintptr_t)v[i]);
    close_device(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(linear_freivalds), cmocka_unit_test(f16_round_trip),
                                       cmocka_unit_test(f16_rounds_to_nearest_even),
                                       cmocka_unit_test(fills_are_pure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

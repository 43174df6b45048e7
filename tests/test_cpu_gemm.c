/* test_cpu_gemm.c -- every product kernel against the oracle on awkward shapes, for every ISA, thread count
 * and alignment; and the oracle against wrong results. Needs no particular machine: what it cannot run is
 * skipped with a reason. */
#include "kernels/workloads/workloads_gemm.h"
#include "harness/measure/measure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/cpu_device.h"

static const ir_workload *const workloads[] = {&wl_gemm, &wl_batchmm, &wl_gemv};
enum { NWORKLOADS = sizeof workloads / sizeof *workloads, MOST_THREADS = 3 };

static void test_odd_shapes(void **state)
{
    (void)state;
    static const size_t misalign[] = {0, 1, 8, 20, 63};
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        for (int threads = 1; threads <= MOST_THREADS; threads++) {
            device d;
            open_device(&d, (cpu_isa)isa, threads);
            for (size_t w = 0; w < NWORKLOADS; w++)
                for (size_t i = 0; i < workloads[w]->nodd; i++)
                    for (size_t a = 0; a < sizeof misalign / sizeof *misalign; a++)
                        verify_kernels(&d, workloads[w], &workloads[w]->odd[i], misalign[a], IR_K_LIB);
            for (size_t w = 0; w < NWORKLOADS; w++) each_kernel_ran(&d, workloads[w], IR_K_LIB);
            close_device(&d);
        }
    }
}

/* Every size around the register tiles, the row groups, and the switch between the two ways. */
static void test_edges(void **state)
{
    (void)state;
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        device d;
        open_device(&d, (cpu_isa)isa, 2);
        for (int64_t m = 1; m <= 48; m++)
            for (size_t t = 0; t < 3; t++) {
                static const ir_dtype types[] = {IR_F32, IR_F64, IR_BF16};
                verify_kernels(&d, &wl_gemm, &(ir_params){{m, 97 - m, 34 + m}, types[t], 0}, 0, IR_K_LIB);
                verify_kernels(&d, &wl_gemm, &(ir_params){{m, 2 * m + 15, 3}, types[t], 0}, 4, IR_K_LIB);
                verify_kernels(&d, &wl_gemv, &(ir_params){{m, 250 + m}, types[t], 0}, 0, IR_K_LIB);
            }
        each_kernel_ran(&d, &wl_gemm, IR_K_LIB);
        each_kernel_ran(&d, &wl_gemv, IR_K_LIB);
        close_device(&d);
    }
}

/* Several blocks in every direction: caches of this imaginary machine are tiny. */
static void test_many_blocks(void **state)
{
    (void)state;
    static const ir_params shape[] = {
        {{150, 170, 190}, IR_F32, 0}, {{390, 70, 90}, IR_F64, 0},    {{61, 400, 67}, IR_F32, 0},
        {{400, 33, 129}, IR_BF16, 0}, {{1000, 17, 40}, IR_F32, 0},   {{29, 29, 1000}, IR_F64, 0},
        {{61, 1101, 67}, IR_F32, 0},  {{33, 557, 90}, IR_F64, 0},    {{75, 2201, 70}, IR_BF16, 0},
        {{7, 400, 200}, IR_F32, 0},   {{16, 333, 250}, IR_F32, 0}, /* few rows, B past every cache */
        {{24, 270, 251}, IR_F64, 0},  {{13, 1100, 130}, IR_BF16, 0}, {{1, 6203, 131}, IR_F32, 0},
        {{4, 1101, 643}, IR_F32, 0}, /* runs, some longer than a strip */
        {{3, 1101, 389}, IR_BF16, 0}, {{6, 523, 771}, IR_F64, 0}};
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        for (int threads = 1; threads <= 4; threads *= 2) {
            device d;
            open_device(&d, (cpu_isa)isa, threads);
            pretend_caches(&d, 3, 1024, 16);
            for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
                verify_kernels(&d, &wl_gemm, &shape[i], 0, IR_K_LIB);
            each_kernel_ran(&d, &wl_gemm, IR_K_LIB);
            close_device(&d);
        }
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const ir_params bad[] = {{{0, 1, 1}, IR_F32, 0},
                                    {{1, -1, 1}, IR_F32, 0},
                                    {{1, 1, 0}, IR_F64, 0},
                                    {{INT64_MAX, 1, 1}, IR_F32, 0},
                                    {{1, INT64_MAX, INT64_MAX}, IR_F32, 0},
                                    {{(int64_t)1 << 40, (int64_t)1 << 30, 1}, IR_F64, 0},
                                    {{1, (int64_t)1 << 32, (int64_t)1 << 32}, IR_BF16, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(wl_gemm.valid(&wl_gemm, &bad[i]), IR_EINVAL);
        assert_true(strlen(ir_why()) > 8);
        assert_int_equal(wl_batchmm.valid(&wl_batchmm, &bad[i]), IR_EINVAL);
        ir_params v = {{bad[i].v[0] == 1 ? bad[i].v[1] : bad[i].v[0], bad[i].v[2]}, bad[i].dtype, 0};
        if (v.v[0] < 1 || v.v[1] < 1 || v.v[0] > (int64_t)1 << 46)
            assert_int_equal(wl_gemv.valid(&wl_gemv, &v), IR_EINVAL);
    }
    assert_int_equal(wl_batchmm.valid(&wl_batchmm, &wl_batchmm.defaults),
                     IR_EINVAL); /* batch must be given */
    assert_non_null(strstr(ir_why(), "batch=0"));
    assert_int_equal(wl_gemm.valid(&wl_gemm, &wl_gemm.defaults), IR_OK);
    assert_int_equal(wl_gemv.valid(&wl_gemv, &wl_gemv.defaults), IR_OK);
}

static void test_costs(void **state)
{
    (void)state;
    ir_params p = {{3, 5, 7}, IR_BF16, 0};
    ir_cost   c = wl_gemm.cost(&wl_gemm, &p);
    assert_num(c.flops, ==, 2 * 3 * 5 * 7);
    assert_num(ir_cost_read_B(&c), ==, 2 * (3 * 7 + 7 * 5));
    assert_num(ir_cost_write_B(&c), ==, 4 * 3 * 5);
    assert_num(ir_cost_weights_B(&c), ==, 2 * 7 * 5);
    assert_num(ir_cost_of(&c, IR_OF_IN), ==, 2 * 3 * 7);
    assert_num(ir_cost_of(&c, IR_OF_OUT), ==, ir_cost_write_B(&c));
    p = (ir_params){{3, 7}, IR_F64, 0};
    c = wl_gemv.cost(&wl_gemv, &p);
    assert_num(c.flops, ==, 2 * 3 * 7);
    assert_num(ir_cost_weights_B(&c), ==, 8 * 3 * 7);
    assert_num(ir_cost_of(&c, IR_OF_IN), ==, 8 * 7);
    assert_num(ir_cost_write_B(&c), ==, 8 * 3);
    assert_num(c.footprint_B, ==, ir_cost_B(&c));
    assert_num(ir_cost_wa_B(&c), ==, ir_cost_write_B(&c));
    assert_num(c.launches, ==, 1);
    for (size_t w = 0; w < NWORKLOADS; w++) /* tensors and cost agree */
        for (size_t i = 0; i < workloads[w]->nodd; i++) {
            const ir_params *o = &workloads[w]->odd[i];
            ir_tensor        t[IR_MAX_TENSORS];
            double           sum = 0, by = 0;
            int              n = workloads[w]->tensors(workloads[w], o, t);
            for (int q = 0; q < n; q++) sum += (double)t[q].bytes;
            c = workloads[w]->cost(workloads[w], o);
            for (int q = 0; q < IR_NPART; q++) by += ir_cost_of(&c, (ir_of)q);
            assert_num(sum, ==, ir_cost_B(&c));
            assert_num(by, ==, sum);
            assert_int_equal(workloads[w]->valid(workloads[w], o), IR_OK);
        }
}

/* ---- the oracle itself ----------------------------------------------------------------------- */
typedef struct {
    const ir_workload *w;
    ir_params          p;
    void              *t[3];
    size_t             bytes[3];
} problem;

static void make(problem *q, const ir_workload *w, ir_params p)
{
    ir_tensor spec[IR_MAX_TENSORS];
    q->w = w;
    q->p = p;
    w->tensors(w, &p, spec);
    for (int t = 0; t < 3; t++) {
        q->bytes[t] = spec[t].bytes;
        q->t[t] = calloc(1, spec[t].bytes);
        assert_non_null(q->t[t]);
        if (spec[t].role == IR_IN) w->fill(w, &p, t, q->t[t], 7);
    }
    device d;
    open_device(&d, cpu_isa_best(), 2);
    p.threads = 2;
    ir_run r = {.workload = w, .dev = &d.dev, .p = p, .nmem = 3};
    for (int t = 0; t < 3; t++) r.mem[t].p = r.mem[t].host = q->t[t];
    for (const ir_kernel *const *k = cpu_backend.kernels; *k; k++)
        if (!strcmp((*k)->family, w->family) && (*k)->flags & IR_K_NAIVE) r.kernel = *k;
    assert_non_null(r.kernel);
    assert_int_equal(r.kernel->run(&r, 1), IR_OK);
    close_device(&d);
}

static bool accepted(const problem *q)
{
    const void *before[3] = {q->t[0], q->t[1], NULL}, *after[3] = {q->t[0], q->t[1], q->t[2]};
    ir_check    c = {NAN, NAN, NULL};
    q->w->check(q->w, &q->p, before, after, &c);
    assert_non_null(c.oracle);
    assert_num(c.tol, >, 0);
    assert_num(c.tol, <, 1e-4);
    return c.err <= c.tol;
}

static void drop(problem *q)
{
    for (int t = 0; t < 3; t++) free(q->t[t]);
}

/* Change element i of the result, expect refusal, and restore it. */
static void refuses(problem *q, size_t i, double factor, double add)
{
    char   old[8];
    size_t width = wl_gemm_out_B(q->p.dtype);
    char  *at = (char *)q->t[2] + i * width;
    memcpy(old, at, width);
    double d;
    float  f;
    memcpy(width == 8 ? (void *)&d : (void *)&f, at, width);
    if (width == 8)
        d = d * factor + add;
    else
        f = (float)((double)f * factor + add);
    memcpy(at, width == 8 ? (void *)&d : (void *)&f, width);
    assert_false(accepted(q));
    memcpy(at, old, width);
}

static void refuses_all(problem *q)
{
    size_t n = q->bytes[2] / wl_gemm_out_B(q->p.dtype);
    assert_true(accepted(q));
    for (size_t i = 0; i < n; i += n / 7 + 1) {
        refuses(q, i, 1, 0.1);
        refuses(q, i, 0, NAN);
        refuses(q, i, 0, INFINITY);
    }
    refuses(q, n - 1, 1, 0.1);
    refuses(q, n - 1, 0, NAN);
    assert_true(accepted(q));
}

static void test_oracle_small(void **state)
{
    (void)state;
    static const ir_dtype types[] = {IR_F32, IR_F64, IR_BF16};
    for (size_t t = 0; t < 3; t++) {
        problem q;
        make(&q, &wl_gemm, (ir_params){{40, 41, 42}, types[t], 0});
        refuses_all(&q);
        drop(&q);
        make(&q, &wl_gemv, (ir_params){{50, 300}, types[t], 0});
        refuses_all(&q);
        drop(&q);
    }
}

static void test_oracle_large(void **state)
{
    (void)state;
    static const ir_dtype types[] = {IR_F32, IR_F64, IR_BF16};
    for (size_t t = 0; t < 3; t++) {
        problem q;
        make(&q, &wl_gemm, (ir_params){{300, 301, 302}, types[t], 0});
        refuses_all(&q);
        drop(&q);
        make(&q, &wl_gemv, (ir_params){{4100, 4101}, types[t], 0}); /* by rows: any row stands for all */
        assert_true(accepted(&q));
        refuses(&q, 2050, 1, 0.1);
        refuses(&q, 4099, 0, NAN);
        drop(&q);
    }
}

static void test_oracle_sees_a_transpose_and_lost_depth(void **state)
{
    (void)state;
    problem q;
    for (int64_t n = 64; n <= 320; n += 256) {
        make(&q, &wl_gemm, (ir_params){{n, n, n}, IR_F32, 0});
        float *c = q.t[2];
        assert_true(accepted(&q));
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < i; j++) {
                float x = c[i * n + j];
                c[i * n + j] = c[j * n + i];
                c[j * n + i] = x;
            }
        assert_false(accepted(&q));
        const float *a = q.t[0], *b = q.t[1];
        make(&q, &wl_gemm, (ir_params){{n, n, n}, IR_F32, 0});
        free((void *)(uintptr_t)a);
        free((void *)(uintptr_t)b);
        free(c);
        a = q.t[0], b = q.t[1], c = q.t[2];
        for (int64_t j = 0; j < n; j++)
            c[j] -= a[n - 1] * b[(n - 1) * n + j]; /* row 0 without its last term */
        assert_false(accepted(&q));
        drop(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_costs),
                                       cmocka_unit_test(test_oracle_small),
                                       cmocka_unit_test(test_oracle_large),
                                       cmocka_unit_test(test_oracle_sees_a_transpose_and_lost_depth),
                                       cmocka_unit_test(test_edges),
                                       cmocka_unit_test(test_odd_shapes),
                                       cmocka_unit_test(test_many_blocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

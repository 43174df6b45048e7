/* test_cpu_ops.c -- the functions under the operators against the C library, on every ISA; chains of
 * operations that go wrong are caught, and dropout leaves out what it should. Needs no particular machine. */
#include "kernels/workloads/workloads_nets.h"
#include "kernels/cpu/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/cpu_device.h"

/* ---- functions ------------------------------------------------------------------------------- */
static void each_ops(void (*f)(const cpu_ops *))
{
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        device d;
        open_device(&d, (cpu_isa)isa, 1);
        f(cpu_ops_of(&d.dev));
        close_device(&d);
    }
}

static void exponential_of(const cpu_ops *o)
{
    enum { N = 20001 };
    static float x[N], y[N];
    double       worst = 0;
    for (int i = 0; i < N; i++) x[i] = -86.9f + (88.7f + 86.9f) * (float)i / (N - 1);
    o->exp_sum(N, x, 0, y);
    for (int i = 0; i < N; i++) worst = fmax(worst, fabs((double)y[i] / exp((double)x[i]) - 1));
    assert_true(worst <= 2.4e-7); /* two units in the last place */
    const float odd[] = {-INFINITY, -200, 0, 89, INFINITY, NAN};
    o->exp_sum(6, odd, 0, y);
    assert_num(y[0], ==, 0);
    assert_num(y[1], ==, 0);
    assert_num(y[2], ==, 1);
    assert_true(isinf(y[3]));
    assert_true(isinf(y[4]));
    assert_nan(y[5]);
    assert_true(o->max(6, odd) == INFINITY);
}

static void gelu_of(const cpu_ops *o)
{
    enum { N = 4001 };
    static float x[N], y[N];
    for (int i = 0; i < N; i++) x[i] = -20 + 0.01f * (float)i;
    o->act(N, x, y, LY_GELU);
    for (int i = 0; i < N; i++) {
        double v = (double)x[i], want = v / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (v + 0.044715 * v * v * v)));
        assert_true(fabs((double)y[i] - want) <= 1e-6 * fmax(1, fabs(want)));
    }
    const float odd[] = {-INFINITY, NAN, INFINITY, -1e30f, 1e30f};
    o->act(5, odd, y, LY_GELU);
    assert_nan(y[1]);
    assert_true(isinf(y[2]));
    assert_num(y[3], ==, 0);
    assert_num(y[4], ==, 1e30f);
    o->act(5, odd, y, LY_RELU);
    assert_num(y[0], ==, 0);
    assert_nan(y[1]);
    assert_true(isinf(y[2]));
    assert_num(y[3], ==, 0);
    o->act(5, odd, y, LY_RELU6);
    assert_num(y[0], ==, 0);
    assert_nan(y[1]);
    assert_num(y[2], ==, 6);
    assert_num(y[4], ==, 6);
}

static void narrow_of(const cpu_ops *o)
{
    enum { N = 1003 };
    static float    x[N];
    static uint16_t y[N];
    for (int i = 0; i < N; i++) x[i] = ir_rand_f32(9, (uint64_t)i) * (float)(1 << i % 24);
    x[5] = NAN, x[6] = INFINITY, x[7] = -INFINITY, x[8] = 0, x[N - 1] = NAN;
    o->narrow(IR_BF16, N, x, y);
    for (int i = 0; i < N; i++) assert_int_equal(y[i], ir_f32_to_bf16(x[i]));
}

static void test_exponential(void **state) { (void)state, each_ops(exponential_of); }
static void test_gelu(void **state) { (void)state, each_ops(gelu_of); }
static void test_narrow(void **state) { (void)state, each_ops(narrow_of); }

/* ---- chains ---------------------------------------------------------------------------------- */
/* Kernels that go wrong in one way each: nothing is left out, one element more is, negatives stay, the norm's
 * offset is forgotten. */
static const ir_kernel *right;
static int64_t          rows_c;
enum { KEEPS_ALL, DROPS_ONE, NO_RELU, NO_OFFSET, NWRONG };
static int wrong;

static ir_status wrong_run(ir_run *r, uint32_t reps)
{
    ir_run        with = *r;
    float        *y = r->mem[2].p;
    float         zeros[2 * 33];
    const int64_t c = r->p.v[1];
    if (wrong == KEEPS_ALL) with.p.v[3] = 0;
    if (wrong == NO_OFFSET) {
        memcpy(zeros, r->mem[1].p, (size_t)c * sizeof *zeros);
        memset(zeros + c, 0, (size_t)c * sizeof *zeros);
        with.mem[1].p = zeros;
    }
    ir_status st = right->run(&with, reps);
    for (int64_t i = 0; i < rows_c; i++) {
        if (wrong == DROPS_ONE && y[i] > 0.1f) {
            y[i] = 0;
            break;
        }
        if (wrong == NO_RELU && y[i] == 0 && !wl_dropped(&r->p, i / c, i % c)) y[i] = -0.5f;
    }
    return st;
}

static void test_wrong_chains(void **state)
{
    (void)state;
    ir_params p = {{17, 33, WL_CHAIN_FUSED, 25}, IR_F32, 0};
    device    d;
    open_device(&d, cpu_isa_best(), 2);
    for (const ir_kernel *const *k = cpu_backend.kernels; *k; k++)
        if (!strcmp((*k)->family, "chain") && !strcmp((*k)->name, "simd")) right = *k;
    assert_non_null(right);
    rows_c = p.v[0] * p.v[1];
    ir_kernel fake = *right;
    ir_check  check;
    assert_int_equal(ir_verify(&d.dev, &wl_normchain, &fake, &p, 42, 0, &check), IR_OK);
    assert_true(check.err <= check.tol);
    fake.run = wrong_run;
    for (wrong = 0; wrong < NWRONG; wrong++)
        assert_int_equal(ir_verify(&d.dev, &wl_normchain, &fake, &p, 42, 0, &check), IR_ECHECK);
    p = (ir_params){{3, 7, WL_CHAIN_FUSED, 100}, IR_F32, 0};
    assert_int_equal(wl_normchain.valid(&wl_normchain, &p), IR_EINVAL);
    close_device(&d);
}

/* Of a million elements as many are left out as asked for, within five deviations, and no column or row more
 * than others. */
static void test_dropout_share(void **state)
{
    enum { ROWS = 1024, COLS = 1024 };
    static int column[COLS];
    (void)state;
    for (int64_t drop = 0; drop <= 99; drop += 33) {
        const ir_params p = {{ROWS, COLS, WL_CHAIN_FUSED, drop}, IR_F32, 0};
        const double    q = (double)drop / 100, deviation = sqrt(q * (1 - q));
        int             all = 0;
        memset(column, 0, sizeof column);
        for (int64_t i = 0; i < ROWS; i++) {
            int row = 0;
            for (int64_t j = 0; j < COLS; j++) {
                const bool out = wl_dropped(&p, i, j);
                row += out;
                column[j] += out;
            }
            assert_true(fabs(row - q * COLS) <= 5 * deviation * sqrt(COLS));
            all += row;
        }
        assert_true(fabs(all - q * ROWS * COLS) <= 5 * deviation * sqrt((double)ROWS * COLS));
        for (int j = 0; j < COLS; j++) assert_true(fabs(column[j] - q * ROWS) <= 5 * deviation * sqrt(ROWS));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exponential), cmocka_unit_test(test_gelu),
                                       cmocka_unit_test(test_narrow), cmocka_unit_test(test_wrong_chains),
                                       cmocka_unit_test(test_dropout_share)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_measure.c -- prove-then-time, driven through a backend whose clock is fake and whose n-th call fails.
 */
#include "harness/measure/measure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/asserts.h"

#include "tests/measure_fake.h"

/* ---- a workload: y = 2 x --------------------------------------------------------------------- */
static ir_cost w_cost(IR_SELF, const ir_params *p)
{
    double b = 4.0 * (double)p->v[0];
    return (ir_cost){.flops = (double)p->v[0],
                     .launches = 1,
                     .footprint_B = 2 * b,
                     .part = {[IR_OF_IN] = {.read_B = b}, [IR_OF_OUT] = {.write_B = b, .wa_B = b}}};
}
static int w_tensors(IR_SELF, const ir_params *p, ir_tensor *t)
{
    size_t b = 4 * (size_t)p->v[0];
    t[0] = (ir_tensor){"x", b, IR_IN, IR_F32};
    t[1] = (ir_tensor){"y", b, IR_OUT, IR_F32};
    return 2;
}
static void w_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    for (int64_t i = 0; i < p->v[0]; i++) {
        float f = ir_rand_f32(seed + (uint64_t)t, (uint64_t)i);
        memcpy((char *)host + 4 * i, &f, 4); /* misaligned on purpose in some tests */
    }
}
static void w_check(IR_SELF, const ir_params *p, const void *const *b, const void *const *a, ir_check *o)
{
    *o = (ir_check){0, 1e-6, "y = 2 x"};
    for (int64_t i = 0; i < p->v[0]; i++) {
        float x, y;
        memcpy(&x, (const char *)b[0] + 4 * i, 4);
        memcpy(&y, (const char *)a[1] + 4 * i, 4);
        double e = fabs((double)y - 2.0 * (double)x);
        if (!(e <= o->err)) o->err = e; /* a NaN sticks */
        if (isnan(e)) return;
    }
}
static ir_status w_valid(IR_SELF, const ir_params *p)
{
    return p->v[0] > 0 ? IR_OK : ir_fail(IR_EINVAL, "n must be positive");
}
static const ir_workload twice = {.name = "twice",
                                  .family = "twice",
                                  .doc = "y = 2 x",
                                  .param = {"n"},
                                  .defaults = {.v = {16}, .dtype = IR_F32},
                                  .dtypes = 1u << IR_F32,
                                  .valid = w_valid,
                                  .cost = w_cost,
                                  .tensors = w_tensors,
                                  .fill = w_fill,
                                  .check = w_check};

/* ---- kernels: one right, several wrong ------------------------------------------------------- */
static ir_status go(ir_run *r, uint32_t reps, float factor, int64_t extra)
{
    for (uint32_t k = 0; k < reps; k++) {
        fake.seen[fake.runs++ % 64] = r->mem[0].p;
        fake.clock += fake.call_s * (fake.noise ? 1 + 0.3 * (ir_rand_f32(7, (uint64_t)fake.runs) > 0) : 1);
    }
    for (int64_t i = 0; i < r->p.v[0] + extra; i++) {
        float x = 0;
        if (i < r->p.v[0]) memcpy(&x, (const char *)r->mem[0].p + 4 * i, 4);
        x *= factor;
        memcpy((char *)r->mem[1].p + 4 * i, &x, 4);
    }
    return IR_OK;
}
static ir_status       k_right(ir_run *r, uint32_t n) { return go(r, n, 2, 0); }
static ir_status       k_wrong(ir_run *r, uint32_t n) { return go(r, n, 2.01f, 0); }
static ir_status       k_short(ir_run *r, uint32_t n) { return go(r, n, 2, -1); }
static ir_status       k_over(ir_run *r, uint32_t n) { return go(r, n, 2, 1); }
static int             rested_after; /* calls so far, when the workspace was last given up */
static void            drops_scratch(ir_run *r) { (void)r, rested_after = fake.runs; }
static ir_status       no_setup(ir_run *r) { return (void)r, ir_fail(IR_SKIP, "no plan for this shape"); }
static const ir_kernel right = {.family = "twice", .name = "right", .run = k_right};
static const ir_kernel fused = {
    .family = "twice", .name = "fused", .run = k_right, .flags = IR_K_FUSED | IR_K_NT};
static const ir_kernel bottom = {.family = "twice", .name = "bottom", .run = k_right, .flags = IR_K_NAIVE};
static const ir_kernel wrong = {.family = "twice", .name = "wrong", .run = k_wrong};
static const ir_kernel leaves = {.family = "twice", .name = "leaves", .run = k_short};
static const ir_kernel over = {.family = "twice", .name = "over", .run = k_over};

static const ir_plan_ops test_measure_plan_ops = {.drop_scratch = drops_scratch};

static const ir_kernel resting = {
    .family = "twice", .name = "resting", .run = k_right, .ops = &test_measure_plan_ops};
static const ir_kernel unplanned = {.family = "twice", .name = "unplanned", .run = k_right, .plan = no_setup};
static const ir_kernel *const kernels[] = {&right, NULL};
static const ir_backend       backend = {.name = "fake",
                                         .kernels = kernels,
                                         .open = f_open,
                                         .close = f_close,
                                         .describe = f_describe,
                                         .alloc = f_alloc,
                                         .release = f_release,
                                         .put = f_put,
                                         .get = f_get,
                                         .sync = f_sync,
                                         .now = f_now,
                                         .start = f_start,
                                         .stop = f_stop};

static ir_dev    dev;
static ir_policy pol;
static int       setup(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake.call_s = 1e-3;
    fake.step_s = 1e-9;
    dev = (ir_dev){.be = &backend};
    ir_policy_full(&pol);
    return backend.open(&dev, NULL) == IR_OK ? 0 : -1;
}
static int teardown(void **state)
{
    (void)state;
    ir_measure_release(&dev);
    assert_int_equal(fake.live, 0); /* every path gives its memory back */
    return 0;
}
static ir_params n_of(int64_t n) { return (ir_params){.v = {n}, .dtype = IR_F32, .threads = 1}; }
static ir_status measure(const ir_kernel *k, int64_t n, ir_point *o)
{
    ir_params p = n_of(n);
    return ir_measure(&dev, &twice, k, &p, &pol, o);
}

static void test_times_what_it_proved(void **state)
{
    (void)state;
    ir_point o;
    assert_int_equal(measure(&right, 100, &o), IR_OK);
    assert_true(fabs(o.m.wall.median / 1e-3 - 1) < 1e-3);
    assert_string_equal(o.m.stop, "converged");
    assert_string_equal(o.m.warmup, "stable");
    /* the first checkpoint at or after 0.5 s */
    assert_num(o.m.samples.n, ==, 960);
    assert_num(o.m.wall.n, ==, 960);
    assert_int_equal(o.m.dev.n, 0);
    assert_true(o.m.check.err <= o.m.check.tol);
    assert_int_equal(ir_cost_wa_B(&o.m.cost), 400);
    ir_point_free(&o);
}

static void test_short_calls_are_batched(void **state)
{
    (void)state;
    ir_point o;
    fake.call_s = 20e-9;
    fake.step_s = 50e-9;
    assert_int_equal(measure(&fused, 100, &o), IR_OK);
    assert_num(o.m.reps * 20e-9, >=, 10e-6);
    assert_num(o.m.reps * 20e-9, >=, 99 * o.m.overhead_s);
    assert_true(fabs(o.m.cost.launches * o.m.reps - 1) < 1e-12); /* one launch a batch */
    assert_true(ir_cost_wa_B(&o.m.cost) == 0);                   /* non-temporal stores allocate no line */
    ir_point_free(&o);
}

static void test_budget_ends_a_noisy_point(void **state)
{
    (void)state;
    ir_point o;
    fake.noise = 1;
    pol.precision = 1e-9;
    pol.budget_s = 1;
    assert_int_equal(measure(&right, 10, &o), IR_OK);
    assert_string_equal(o.m.stop, "budget");
    assert_true(o.flags & IR_FLAG_NOISY);
    ir_point_free(&o);
    pol.fixed_n = 17;
    assert_int_equal(measure(&right, 10, &o), IR_OK);
    assert_int_equal(o.m.samples.n, 17);
    assert_string_equal(o.m.stop, "fixed");
    ir_point_free(&o);
}

/* Naive rungs alone have a limit, and only where the policy sets one. */
static void test_slow_naive_rungs_are_left_out(void **state)
{
    (void)state;
    ir_point o;
    fake.call_s = 3;
    assert_int_equal(measure(&bottom, 10, &o), IR_OK);
    ir_point_free(&o);
    pol.naive_s = 2;
    assert_int_equal(measure(&right, 10, &o), IR_OK);
    ir_point_free(&o);
    assert_int_equal(measure(&bottom, 10, &o), IR_SKIP);
    assert_int_equal(o.m.samples.n, 0);
    assert_true(o.m.check.err <= o.m.check.tol);
    assert_non_null(strstr(o.reason, "takes 3 s"));
    assert_string_equal(o.m.stop, "");
    ir_point_free(&o);
    fake.call_s = 1;
    assert_int_equal(measure(&bottom, 10, &o), IR_OK);
    ir_point_free(&o);
}

static void test_wrong_kernels_get_no_time(void **state)
{
    (void)state;
    const ir_kernel *const bad[] = {&wrong, &leaves};
    for (size_t i = 0; i < 2; i++) {
        ir_point o;
        assert_int_equal(measure(bad[i], 33, &o), IR_ECHECK);
        assert_int_equal(o.m.samples.n, 0);
        assert_true(isnan(ir_point_time(&o)));
        assert_non_null(strstr(o.reason, "wrong result"));
        ir_point_free(&o);
    }
}

static void test_verify_sees_stray_writes(void **state)
{
    (void)state;
    ir_check  c;
    ir_params p = n_of(33);
    for (size_t mis = 0; mis < 64; mis += 7) {
        assert_int_equal(ir_verify(&dev, &twice, &right, &p, 1, mis, &c), IR_OK);
        assert_int_equal(ir_verify(&dev, &twice, &over, &p, 1, mis, &c), IR_ECHECK);
        assert_non_null(strstr(ir_why(), "past the end"));
    }
    assert_int_equal(ir_verify(&dev, &twice, &wrong, &p, 1, 0, &c), IR_ECHECK);
    assert_int_equal(fake.live, 0);
}

static void test_refusals_are_rows(void **state)
{
    (void)state;
    ir_point  o;
    ir_params p = n_of(8);
    assert_int_equal(measure(&right, 0, &o), IR_EINVAL);
    assert_non_null(strstr(o.reason, "positive"));
    ir_point_free(&o);
    assert_int_equal(measure(&unplanned, 8, &o), IR_SKIP);
    assert_string_equal(o.reason, "no plan for this shape");
    ir_point_free(&o);
    p.dtype = IR_F64;
    assert_int_equal(ir_measure(&dev, &twice, &right, &p, &pol, &o), IR_EINVAL);
    ir_point_free(&o);
    p = n_of(8);
    p.threads = 5;
    assert_int_equal(ir_measure(&dev, &twice, &right, &p, &pol, &o), IR_EINVAL);
    assert_non_null(strstr(o.reason, "5 threads"));
    ir_point_free(&o);
    p.threads = 0;
    pol.max_B = 10;
    assert_int_equal(ir_measure(&dev, &twice, &right, &p, &pol, &o), IR_SKIP);
    assert_int_equal(o.id.p.threads, 4); /* resolved */
    assert_non_null(strstr(o.reason, "needs"));
    ir_point_free(&o);
}

static void test_cold_rotates(void **state)
{
    (void)state;
    ir_point o;
    pol.cold = true;
    pol.cold_pool_B = 10 * 800;
    assert_int_equal(measure(&right, 100, &o), IR_OK);
    assert_true(o.id.cold);
    for (int i = 1; i < 64; i++) assert_ptr_not_equal(fake.seen[i], fake.seen[i - 1]);
    int distinct = 0;
    for (int i = 0; i < 64; i++) {
        bool first = true;
        for (int j = 0; j < i; j++) first = first && fake.seen[j] != fake.seen[i];
        distinct += first;
    }
    assert_int_equal(distinct, 10);
    ir_point_free(&o);
}

static void test_hidden_memory_goes_through_put_and_get(void **state)
{
    (void)state;
    ir_point o;
    fake.hidden = true;
    assert_int_equal(measure(&right, 100, &o), IR_OK);
    assert_num(fake.calls[PUT], >=, 2);
    assert_num(fake.calls[GET], ==, 1);
    ir_point_free(&o);
}

static void test_every_fault_is_a_row(void **state)
{
    (void)state;
    for (int hidden = 0; hidden < 2; hidden++)
        for (int slot = DESCRIBE; slot < NSLOT; slot++)
            for (int nth = 1; nth < 40; nth += nth < 4 ? 1 : 7) {
                setup(NULL);
                fake.hidden = hidden;
                fake.fail_at[slot] = nth;
                ir_point  o;
                ir_status s = measure(&right, 50, &o);
                assert_int_equal(s, o.status);
                if (s != IR_OK) {
                    assert_non_null(strstr(o.reason, "injected"));
                    assert_true(dev.dead);
                    ir_point_free(&o);
                    fake.fail_at[slot] = 0;
                    assert_int_equal(measure(&right, 50, &o),
                                     IR_SKIP); /* the rest of the device is skipped */
                    assert_non_null(strstr(o.reason, "failed earlier"));
                }
                ir_point_free(&o);
                ir_measure_release(&dev);
                assert_int_equal(fake.live, 0);
            }
}

static void test_clock_backwards_and_standing(void **state)
{
    (void)state;
    ir_point o;
    fake.backwards = true;
    assert_int_equal(measure(&right, 50, &o), IR_EDEVICE);
    assert_non_null(strstr(o.reason, "backwards"));
    ir_point_free(&o);
    ir_measure_release(&dev);
    setup(NULL);
    fake.call_s = fake.step_s = 0;
    pol.fixed_n = 5;
    assert_int_equal(measure(&right, 50, &o), IR_EDEVICE);
    assert_non_null(strstr(o.reason, "stands still"));
    ir_point_free(&o);
}

static void test_stop_flag(void **state)
{
    (void)state;
    ir_point     o;
    volatile int flag = 1;
    pol.stop_flag = &flag;
    assert_int_equal(measure(&right, 50, &o), IR_EINTR);
    ir_point_free(&o);
}

/* A probe is called between samples, takes nothing from the budget and is no sample; each call is one of its
 * own kernel. */
typedef struct {
    ir_probe *probe;
    int       calls;
    double    worst;
} beside;
static void look(void *arg)
{
    beside *b = arg;
    b->calls++;
    b->worst = fmax(b->worst, fabs(ir_probe_s(b->probe) - 1e-3));
}

static void test_probe_beside_the_samples(void **state)
{
    (void)state;
    ir_point  o;
    beside    b = {0};
    ir_params p = n_of(8);
    assert_int_equal(ir_probe_open(&dev, &twice, &right, &p, 1, &b.probe), IR_OK);
    pol.fixed_n = 100;
    assert_int_equal(measure(&right, 100, &o), IR_OK);
    double alone = o.m.wall.median;
    ir_point_free(&o);
    pol.beside = look;
    pol.beside_arg = &b;
    pol.beside_s = 10e-3;
    assert_int_equal(measure(&right, 100, &o), IR_OK);
    assert_int_equal(
        b.calls, 11); /* before the first sample, after every tenth of 1 ms, the hundredth being the last */
    assert_num(b.worst, <, 1e-6);
    assert_close(o.m.wall.median, alone, 1e-9);
    assert_num(o.m.samples.n, ==, 100);
    ir_point_free(&o);
    pol.fixed_n = 0;
    pol.budget_s = pol.min_s = 0.2;
    pol.precision = 1e-12;
    pol.beside_s = 1e-9; /* after every sample */
    fake.noise = 1;
    assert_int_equal(measure(&right, 100, &o), IR_OK);
    assert_string_equal(o.m.stop, "budget");
    assert_true((double)o.m.samples.n * o.m.wall.mean > 0.19);
    ir_point_free(&o);
    ir_probe_close(b.probe);
    ir_probe_close(NULL);
}

static void test_probes_are_proven(void **state)
{
    (void)state;
    ir_params p = n_of(8), none = n_of(0);
    ir_probe *probe = (ir_probe *)1;
    assert_int_equal(ir_probe_open(&dev, &twice, &wrong, &p, 1, &probe), IR_ECHECK);
    assert_null(probe);
    assert_int_equal(ir_probe_open(&dev, &twice, &unplanned, &p, 1, &probe), IR_SKIP);
    assert_int_equal(ir_probe_open(&dev, &twice, &right, &none, 1, &probe), IR_EINVAL);
    assert_null(probe);
}

/* The next kernel of a point finds the tensors; another point does not find the memory full of them. */
static void test_tensors_of_other_points_go(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        int     live, allocs;
    } step[] = {{100000, 2, 2}, {100000, 2, 2}, {90000, 2, 4}, {100, 2, 6}, {100000, 4, 8}};
    for (size_t i = 0; i < sizeof step / sizeof *step; i++) {
        ir_point o;
        assert_int_equal(measure(&right, step[i].n, &o), IR_OK);
        assert_int_equal(fake.live, step[i].live);
        assert_int_equal(fake.calls[ALLOC], step[i].allocs);
        ir_point_free(&o);
    }
}

/* Between the call that is proven and the oracle, and at no other time. */
static void test_workspaces_rest(void **state)
{
    (void)state;
    ir_point  o;
    ir_params p = n_of(100);
    ir_check  c;
    assert_int_equal(measure(&resting, 100, &o), IR_OK);
    assert_int_equal(rested_after, 1);
    ir_point_free(&o);
    fake.runs = rested_after = 0;
    assert_int_equal(ir_verify(&dev, &twice, &resting, &p, 1, 0, &c), IR_OK);
    assert_int_equal(rested_after, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {T(test_times_what_it_proved),
                                       T(test_short_calls_are_batched),
                                       T(test_budget_ends_a_noisy_point),
                                       T(test_slow_naive_rungs_are_left_out),
                                       T(test_wrong_kernels_get_no_time),
                                       T(test_verify_sees_stray_writes),
                                       T(test_refusals_are_rows),
                                       T(test_cold_rotates),
                                       T(test_hidden_memory_goes_through_put_and_get),
                                       T(test_every_fault_is_a_row),
                                       T(test_clock_backwards_and_standing),
                                       T(test_stop_flag),
                                       T(test_tensors_of_other_points_go),
                                       T(test_workspaces_rest),
                                       T(test_probe_beside_the_samples),
                                       T(test_probes_are_proven)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

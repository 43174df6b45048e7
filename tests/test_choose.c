/* test_choose.c -- which form of a kernel measures a point: a device with three forms and a clock of its own,
 * on which a call takes what the test says. */
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

enum { NFORM = 3, NARROW = 0, MIDDLE = 1, WIDE = 2 };
static const char *const forms[NFORM + 1] = {"narrow", "middle", "wide", NULL};
static struct {
    int form, runs[NFORM], setups[NFORM], live; /* live: plans and packed inputs that were not given back */
    uint32_t rivals;
    double   call_s[NFORM];
    int      wrong, unable; /* the form whose result is wrong, that cannot run; -1: none */
} f;

static uint32_t f_rivals(const ir_dev *d) { return (void)d, f.rivals; }
static int      f_use(const ir_dev *d, int form)
{
    const int before = f.form;
    (void)d;
    f.form = form;
    return before;
}
static ir_status f_describe_form(ir_dev *d, ir_device_info *o)
{
    ir_status s = f_describe(d, o);
    snprintf(o->isa, sizeof o->isa, "%s", forms[f.form]);
    return s;
}

/* ---- y = x + 1, in a tensor that is read and written, with an input that is packed and given up --- */
static ir_cost w_cost(IR_SELF, const ir_params *p)
{
    double b = 4.0 * (double)p->v[0];
    return (ir_cost){
        .part[IR_OF_IN].read_B = 2 * b, .part[IR_OF_OUT].write_B = b, .launches = 1, .footprint_B = 2 * b};
}
static int w_tensors(IR_SELF, const ir_params *p, ir_tensor *t)
{
    size_t b = 4 * (size_t)p->v[0];
    t[0] = (ir_tensor){"one", b, IR_IN, IR_F32};
    t[1] = (ir_tensor){"y", b, IR_INOUT, IR_F32};
    return 2;
}
static void w_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    (void)seed;
    for (int64_t i = 0; i < p->v[0]; i++) ((float *)host)[i] = t ? (float)i : 1;
}
static void w_check(IR_SELF, const ir_params *p, const void *const *b, const void *const *a, ir_check *o)
{
    *o = (ir_check){0, 0, "y = x + 1"};
    for (int64_t i = 0; i < p->v[0]; i++)
        if (((const float *)a[1])[i] != ((const float *)b[1])[i] + ((const float *)b[0])[i]) o->err = 1;
}
static const ir_workload plus = {.name = "plus",
                                 .family = "plus",
                                 .doc = "y = x + 1",
                                 .param = {"n"},
                                 .defaults = {.v = {16}, .dtype = IR_F32},
                                 .dtypes = 1u << IR_F32,
                                 .cost = w_cost,
                                 .tensors = w_tensors,
                                 .fill = w_fill,
                                 .check = w_check};

static ir_status k_can(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    (void)d, (void)w, (void)p;
    return f.form == f.unable ? ir_fail(IR_SKIP, "not in this form") : IR_OK;
}
static ir_status k_setup(ir_run *r)
{
    r->self = malloc(1);
    f.setups[f.form]++;
    f.live++;
    return IR_OK;
}
static void k_teardown(ir_run *r)
{
    f.live -= r->self != NULL;
    free(r->self);
    r->self = NULL;
}
static ir_status k_prepare(ir_run *r)
{
    float *one = malloc(r->mem[0].bytes);
    memcpy(one, r->mem[0].p, r->mem[0].bytes);
    memset(r->mem[0].p, 0xEE, r->mem[0].bytes); /* consumed */
    r->packed = one;
    f.live++;
    return IR_OK;
}
static uint32_t k_consumes(const ir_run *r) { return (void)r, 1; }
static void     k_unprepare(ir_run *r)
{
    f.live -= r->packed != NULL;
    free(r->packed);
    r->packed = NULL;
}
static ir_status k_run(ir_run *r, uint32_t reps)
{
    fake.clock += reps * f.call_s[f.form];
    f.runs[f.form] += (int)reps;
    for (uint32_t k = 0; k < reps; k++)
        for (int64_t i = 0; i < r->p.v[0]; i++)
            ((float *)r->mem[1].p)[i] += ((const float *)r->packed)[i] * (f.form == f.wrong ? 2 : 1);
    return IR_OK;
}

static const ir_plan_ops test_choose_plan_ops = {
    .destroy = k_teardown, .prepare = k_prepare, .unprepare = k_unprepare, .consumes = k_consumes};

static const ir_kernel        adds = {.family = "plus",
                                      .name = "adds",
                                      .by_form = true,
                                      .can_run = k_can,
                                      .plan = k_setup,
                                      .run = k_run,
                                      .ops = &test_choose_plan_ops};
static const ir_kernel *const kernels[] = {&adds, NULL};
static const ir_backend       backend = {.name = "fake",
                                         .kernels = kernels,
                                         .open = f_open,
                                         .close = f_close,
                                         .describe = f_describe_form,
                                         .alloc = f_alloc,
                                         .release = f_release,
                                         .put = f_put,
                                         .get = f_get,
                                         .sync = f_sync,
                                         .now = f_now,
                                         .start = f_start,
                                         .stop = f_stop,
                                         .forms = forms,
                                         .rivals = f_rivals,
                                         .use_form = f_use};

static ir_dev    dev;
static ir_policy pol;
static int       setup(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    memset(&f, 0, sizeof f);
    fake.step_s = 1e-9;
    f.form = WIDE;
    f.rivals = 7;
    f.wrong = f.unable = -1;
    for (int i = 0; i < NFORM; i++) f.call_s[i] = 1e-3;
    dev = (ir_dev){.be = &backend};
    ir_policy_quick(&pol);
    return backend.open(&dev, NULL) == IR_OK ? 0 : -1;
}
static int teardown(void **state)
{
    (void)state;
    ir_measure_release(&dev);
    assert_int_equal(fake.live, 0);
    assert_int_equal(f.live, 0);
    assert_int_equal(f.form, WIDE); /* it is given back after every point */
    return 0;
}

/* The form on the row of a point of n elements. */
static const char *chosen_for(const ir_kernel *k, int64_t n, ir_status want)
{
    static char isa[IR_NAME];
    ir_params   p = {.v = {n}, .dtype = IR_F32, .threads = 1};
    ir_point    o;
    assert_int_equal(ir_measure(&dev, &plus, k, &p, &pol, &o), want);
    snprintf(isa, sizeof isa, "%s", o.id.isa);
    ir_point_free(&o);
    return isa;
}

static void test_takes_the_fastest(void **state)
{
    (void)state;
    f.call_s[MIDDLE] = 0.7e-3;
    assert_string_equal(chosen_for(&adds, 16, IR_OK), "middle");
    f.call_s[NARROW] = 0.2e-3;
    assert_string_equal(chosen_for(&adds, 16, IR_OK), "middle"); /* as decided */
    assert_string_equal(chosen_for(&adds, 32, IR_OK), "narrow"); /* another shape */
    ir_measure_release(&dev);
    assert_string_equal(chosen_for(&adds, 16, IR_OK), "narrow"); /* forgotten with the device */
}

static void test_the_widest_needs_to_lose_clearly(void **state)
{
    (void)state;
    f.call_s[MIDDLE] = 0.98e-3;
    assert_string_equal(chosen_for(&adds, 16, IR_OK), "wide");
    assert_num(f.runs[MIDDLE], >, 0);
}

static void test_nothing_to_choose(void **state)
{
    (void)state;
    ir_kernel same = adds;
    f.call_s[NARROW] = 0.1e-3;
    same.by_form = false;
    assert_string_equal(chosen_for(&same, 16, IR_OK), "wide");
    f.rivals = 0;
    assert_string_equal(chosen_for(&adds, 16, IR_OK), "wide");
    assert_int_equal(f.setups[NARROW], 0);
}

/* One process of a comparison decides nothing, but does as was decided. */
static void test_a_comparison_decides_nothing(void **state)
{
    (void)state;
    f.call_s[NARROW] = 0.1e-3;
    pol.fixed_n = 3;
    assert_string_equal(chosen_for(&adds, 16, IR_OK), "wide");
    assert_int_equal(f.setups[NARROW], 0);
    pol.fixed_n = 0;
    assert_string_equal(chosen_for(&adds, 16, IR_OK), "narrow");
    pol.fixed_n = 3;
    assert_string_equal(chosen_for(&adds, 16, IR_OK), "narrow");
}

static void test_only_rivals_are_tried(void **state)
{
    (void)state;
    f.rivals = 1u << WIDE | 1u << MIDDLE;
    f.call_s[NARROW] = 0.1e-3;
    f.call_s[MIDDLE] = 0.5e-3;
    assert_string_equal(chosen_for(&adds, 16, IR_OK), "middle");
    assert_int_equal(f.setups[NARROW], 0);
}

/* A form that cannot run is passed over; a fast one that is wrong is found out by the proof. */
static void test_forms_that_fail(void **state)
{
    (void)state;
    f.call_s[NARROW] = 0.1e-3;
    f.unable = NARROW;
    assert_string_equal(chosen_for(&adds, 16, IR_OK), "wide");
    f.unable = -1;
    f.wrong = NARROW;
    assert_string_equal(chosen_for(&adds, 32, IR_ECHECK), "narrow");
}

/* Long calls are tried once each, short ones twice in the order A B B A. */
static void test_long_calls(void **state)
{
    (void)state;
    f.rivals = 1u << WIDE | 1u << MIDDLE;
    assert_string_equal(chosen_for(&adds, 16, IR_OK), "wide");
    assert_int_equal(f.setups[MIDDLE], 2);
    memset(f.setups, 0, sizeof f.setups);
    for (int i = 0; i < NFORM; i++) f.call_s[i] = 1;
    assert_string_equal(chosen_for(&adds, 32, IR_OK), "wide");
    assert_int_equal(f.setups[MIDDLE], 1);
}

static void test_interrupted(void **state)
{
    (void)state;
    static const volatile int stop = 1;
    pol.stop_flag = &stop;
    f.call_s[NARROW] = 0.1e-3;
    assert_string_equal(chosen_for(&adds, 16, IR_EINTR), "wide");
    assert_int_equal(f.setups[NARROW], 0);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {CASE(test_takes_the_fastest),
                                       CASE(test_the_widest_needs_to_lose_clearly),
                                       CASE(test_nothing_to_choose),
                                       CASE(test_a_comparison_decides_nothing),
                                       CASE(test_only_rivals_are_tried),
                                       CASE(test_forms_that_fail),
                                       CASE(test_long_calls),
                                       CASE(test_interrupted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

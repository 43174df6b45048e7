/* test_bind.c -- a point asks its workload's cost and its kernel's can_run once, on the way from a run's
 * context through the bandwidth monitor to the timed samples; and says why where it cannot run. */
#include "bench/measure/context.h"
#include "harness/ideal.h"
#include "kernels/workloads/table.h"
#include "kernels/workloads/workloads_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

const ir_workload *const ir_workloads[] = {&wl_read, &wl_copy, NULL};

static struct {
    int       cost, valid, can_run;
    ir_status answer;
} asked;
static ir_cost counting_cost(IR_SELF, const ir_params *p)
{
    asked.cost++;
    return wl_copy.cost(&wl_copy, p);
}
static ir_status counting_valid(IR_SELF, const ir_params *p)
{
    asked.valid++;
    return wl_copy.valid(&wl_copy, p);
}
static ir_status counting_can_run(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    (void)d, (void)w, (void)p;
    asked.can_run++;
    return asked.answer == IR_OK ? IR_OK : ir_fail(asked.answer, "not on this device");
}
static ir_status bind_run(ir_run *r, uint32_t reps)
{
    ir_run other = *r;
    other.workload = &wl_copy; /* the model asks for the cost of what it runs, too */
    return ir_ideal_backend.kernels[0]->run(&other, reps);
}
static const ir_kernel kernel = {.family = "stream",
                                 .name = "counting",
                                 .flags = IR_K_IDEAL,
                                 .can_run = counting_can_run,
                                 .run = bind_run};

static ir_point measured(ir_status answer, int64_t bytes)
{
    measure_context s;
    ir_workload     w = wl_copy;
    ir_params       p = {{bytes, 1}, IR_F64, 1};
    const ir_point *o;
    memset(&asked, 0, sizeof asked);
    asked.answer = answer;
    w.cost = counting_cost;
    w.valid = counting_valid;
    assert_int_equal(context_open(&s, &ir_ideal_backend, 0, NULL), IR_OK);
    assert_int_equal(context_measure(&s, &w, &kernel, &p, false, &o), IR_OK);
    ir_point copy = *o;
    memset(&copy.m.samples, 0, sizeof copy.m.samples); /* the context's */
    context_close(&s);
    return copy;
}

static void each_is_asked_once(void **state)
{
    (void)state;
    ir_point o = measured(IR_OK, 1 << 20);
    assert_int_equal(o.status, IR_OK);
    assert_int_equal(asked.cost, 1);
    assert_int_equal(asked.valid, 1);
    assert_int_equal(asked.can_run, 1);
}

static void a_skip_keeps_its_reason_and_cost(void **state)
{
    (void)state;
    ir_point o = measured(IR_SKIP, 1 << 20);
    assert_int_equal(o.status, IR_SKIP);
    assert_string_equal(o.reason, "not on this device");
    assert_true(ir_cost_read_B(&o.m.cost) > 0);
    assert_int_equal(asked.can_run, 1);
}

static void an_impossible_shape_has_no_cost(void **state)
{
    (void)state;
    ir_point o = measured(IR_OK, -1);
    assert_int_equal(o.status, IR_EINVAL);
    assert_int_equal(asked.can_run, 0);
    assert_int_equal(asked.cost, 0);
    assert_true(ir_cost_read_B(&o.m.cost) == 0);
    assert_int_equal(o.id.p.v[0], -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_asked_once),
                                       cmocka_unit_test(a_skip_keeps_its_reason_and_cost),
                                       cmocka_unit_test(an_impossible_shape_has_no_cost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

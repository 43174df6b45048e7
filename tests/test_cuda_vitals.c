/* test_cuda_vitals.c -- clocks, power and throttling of a GPU: NVML loaded from a library made for the test,
 * read in windows of a timed point, and what the point and its samples then say. A machine without NVML says
 * nothing. */
#include "kernels/workloads/workloads_memory.h"
#include "harness/measure/measure.h"
#include "tests/cuda/fake.h"
#include "tests/cuda/fake_nvml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tests/support/asserts.h"
#include <math.h>
#include <string.h>

static ir_dev opened(const char *library, const char *name)
{
    ir_dev d = {.be = &cuda_backend};
    fake_reset();
    fake.name = name;
    nvml_library = library;
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    return d;
}

static void closed(ir_dev *d)
{
    ir_measure_release(d);
    cuda_backend.close(d);
    assert_int_equal(fake.live, 0);
    assert_int_equal(fake_nvml.open, 0);
}

/* Sampled for a third of a second, so that there are several windows. */
static ir_status sampled_by(ir_dev *d, const ir_witness *w, ir_point *o)
{
    const ir_params p = {{4096, 1}, IR_F32, 0};
    ir_policy       pol = {
              .warmup_s = 0, .warmup_cap_s = 0, .min_s = 0.33, .budget_s = 0.33, .precision = 0, .seed = 1};
    pol.witness = w;
    for (const ir_kernel *const *k = cuda_backend.kernels; *k; k++)
        if (!strcmp((*k)->family, "stream") && !strcmp((*k)->name, "memcpy"))
            return ir_measure(d, &wl_copy, *k, &p, &pol, o);
    fail_msg("no kernel cuda/copy/memcpy");
    return IR_SKIP;
}

static ir_status sampled(ir_dev *d, ir_point *o) { return sampled_by(d, NULL, o); }

/* Joules come from a stretch of its own, read between batches. */
static void joules_of_a_stretch(ir_dev *d)
{
    ir_witness w;
    ir_point   o;
    assert_int_equal(ir_witness_device(d, &w), IR_OK);
    w.least_s = 0.05;
    w.most_s = 1;
    assert_int_equal(sampled_by(d, &w, &o), IR_OK);
    assert_string_equal(o.m.energy.scope, "device");
    assert_num(o.m.energy.ticks, >=, IR_LEAST_TICKS);
    assert_num(o.m.joules, >, 0);
    assert_true(isfinite(o.m.joules));
    ir_point_free(&o);
}

static size_t throttled(const ir_point *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->m.samples.n; i++) n += o->m.samples.v[i].throttled;
    return n;
}

static void healthy(void **state)
{
    ir_point       o;
    ir_device_info i;
    ir_vitals      v;
    (void)state;
    fake_nvml_reset();
    fake_nvml.energy_step_mJ = 5000;
    ir_dev d = opened(IR_FAKE_NVML, "Fake H100");
    assert_int_equal(fake_nvml.open, 1);
    cuda_backend.vitals(&d, &v);
    assert_num(fabs(v.cap_W - 700), <, 1e-9);
    cuda_backend.describe(&d, &i);
    assert_non_null(strstr(i.limits, "at most 1980 MHz, 700 W"));
    assert_int_equal(sampled(&d, &o), IR_OK);
    assert_num(fabs(o.m.clock_Hz - 1.98e9), <, 1);
    assert_num(fabs(o.m.mem_clock_Hz - 2.619e9), <, 1);
    assert_num(fabs(o.m.power_W - 350.5), <, 1e-9);
    assert_num(fabs(o.m.temp_C - 41), <, 1e-9);
    assert_nan(o.m.joules);
    assert_string_equal(o.m.slowed, "");
    assert_int_equal(o.flags & (IR_FLAG_THROTTLED | IR_FLAG_CLOCK_DRIFT), 0);
    assert_int_equal(throttled(&o), 0);
    /* once a window, not once a sample */
    assert_num(fake_nvml.readings, >=, 3);
    assert_num(fake_nvml.readings, <, 40);
    joules_of_a_stretch(&d);
    ir_point_free(&o);
    closed(&d);
}

static void slowed(void **state)
{
    ir_point o;
    (void)state;
    fake_nvml_reset();
    fake_nvml.reasons = 0x4 | 0x20 | 0x2; /* the last is a clock somebody set: no throttling */
    fake_nvml.step_MHz = 60;
    ir_dev d = opened(IR_FAKE_NVML, "Fake H100");
    assert_int_equal(sampled(&d, &o), IR_OK);
    assert_string_equal(o.m.slowed, "power cap, thermal");
    assert_true(o.flags & IR_FLAG_THROTTLED);
    assert_true(o.flags & IR_FLAG_CLOCK_DRIFT);
    assert_num(o.m.clock_Hz, <, 1.98e9);
    assert_num(o.m.clock_Hz, >, 1e9);
    assert_num(o.m.samples.n, >, 0);
    assert_num(throttled(&o), ==, o.m.samples.n);
    ir_point_free(&o);
    fake_nvml.reasons = 0x2;
    assert_int_equal(sampled(&d, &o), IR_OK);
    assert_int_equal(throttled(&o), 0);
    assert_int_equal(o.flags & IR_FLAG_THROTTLED, 0);
    ir_point_free(&o);
    closed(&d);
}

static void says_nothing(const char *library, const char *name)
{
    ir_point  o;
    ir_vitals v;
    ir_dev    d = opened(library, name);
    cuda_backend.vitals(&d, &v);
    assert_nan(v.clock_Hz);
    assert_nan(v.mem_clock_Hz);
    assert_nan(v.power_W);
    assert_nan(v.energy_J);
    assert_nan(v.temp_C);
    assert_nan(v.cap_W);
    assert_string_equal(v.slowed, "");
    assert_int_equal(sampled(&d, &o), IR_OK);
    assert_nan(o.m.clock_Hz);
    assert_nan(o.m.power_W);
    assert_nan(o.m.temp_C);
    assert_nan(o.m.joules);
    assert_nan(o.m.mem_clock_Hz);
    assert_int_equal(o.flags & (IR_FLAG_THROTTLED | IR_FLAG_CLOCK_DRIFT), 0);
    ir_point_free(&o);
    closed(&d);
}

static void absent(void **state)
{
    (void)state;
    fake_nvml_reset();
    says_nothing(NULL, "Fake H100");
    says_nothing("no such library", "Fake H100");
    fake_nvml.init_fails = true;
    says_nothing(IR_FAKE_NVML, "Fake H100");
    fake_nvml_reset();
    fake_nvml.other_card = true;
    says_nothing(IR_FAKE_NVML, "Fake H100");
    fake_nvml_reset();
    fake_nvml.error = 3; /* each reading is refused */
    fake_nvml.reasons = 0x4;
    says_nothing(IR_FAKE_NVML, "Fake H100");
}

/* The card's power is not the slice's. */
static void slice(void **state)
{
    ir_vitals      v;
    ir_device_info i;
    (void)state;
    fake_nvml_reset();
    ir_dev d = opened(IR_FAKE_NVML, "Fake H100 MIG 1g.10gb");
    cuda_backend.vitals(&d, &v);
    assert_nan(v.power_W);
    assert_nan(v.energy_J);
    assert_nan(v.cap_W);
    assert_true(isfinite(v.clock_Hz));
    cuda_backend.describe(&d, &i);
    assert_non_null(strstr(i.limits, "MIG slice"));
    closed(&d);
}

static void words(void **state)
{
    char small[12], buf[128];
    (void)state;
    assert_string_equal(nvml_slowed_text(0, buf, sizeof buf), "");
    assert_string_equal(nvml_slowed_text(0x1, buf, sizeof buf), ""); /* idle */
    assert_string_equal(nvml_slowed_text(0x24, buf, sizeof buf), "power cap, thermal");
    assert_string_equal(nvml_slowed_text(0xFF, small, sizeof small),
                        "power cap, "); /* cut, not beyond the buffer */
    assert_string_equal(nvml_limits(NULL, buf, sizeof buf), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(healthy), cmocka_unit_test(slowed),
                                       cmocka_unit_test(absent), cmocka_unit_test(slice),
                                       cmocka_unit_test(words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

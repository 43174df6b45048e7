/* test_cuda_host.c -- the host side of the CUDA backend against a runtime that fails on demand: what a
 * machine without a driver or device says, capabilities, MIG, memory that runs out, a device that dies at any
 * call; nothing leaks. */
#include "tests/cuda/points.h"
#include "harness/plan.h"

static void refuses(int index, const char *words)
{
    ir_dev d = device(index);
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_SKIP);
    if (!strstr(ir_why(), words)) fail_msg("'%s' does not say '%s'", ir_why(), words);
    assert_null(strchr(ir_why(), '\n'));
    cuda_backend.close(&d);
    assert_int_equal(fake.live, 0);
}

static void absent(void **state)
{
    (void)state;
    fake_reset();
    fake.count_error = cudaErrorInsufficientDriver;
    fake.driver = 0;
    refuses(0, "no NVIDIA driver");
    fake.driver = 11040;
    refuses(0, "driver speaks CUDA 11.4, this build needs 13.0");
    fake.count_error = cudaErrorNoDevice;
    refuses(0, "no NVIDIA GPU");
    fake.count_error = cudaSuccess;
    fake.devices = 0;
    refuses(0, "no NVIDIA GPU");
    fake.devices = 1;
    refuses(1, "no device 1");
    fake.cc = 61;
    refuses(0, "compute capability 6.1");
}

static void described(void **state)
{
    (void)state;
    fake_reset();
    ir_dev         d = device(0);
    ir_device_info i;
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    assert_int_equal(cuda_backend.describe(&d, &i), IR_OK);
    assert_string_equal(i.id, "cuda0");
    assert_int_equal(i.threads, 0);
    assert_int_equal(i.cores, 2);
    assert_true(fabs(i.spec_Bps / 3.35232e12 - 1) < 1e-6); /* 2 x 2619 MHz x 640 B: an H100 SXM */
    assert_true(fabs(i.spec_flops[IR_BF16] / (2 * 2048 * 2 * 1.98e9) - 1) < 1e-12);
    assert_true(isnan(i.spec_flops[IR_I4]));
    cuda_backend.close(&d);
    cuda_backend.close(&d); /* idempotent */
    assert_int_equal(fake.live, 0);
    fake.name = "Fake H100 MIG 1g.10gb";
    d = device(0);
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    cuda_backend.describe(&d, &i);
    assert_true(isnan(i.spec_Bps));
    assert_non_null(strstr(i.driver, "MIG"));
    cuda_backend.close(&d);
    fake.name = "Fake Orin";
    fake.cc = 87;
    fake.integrated = true; /* its memory makes more transfers a clock than the clock tells */
    d = device(0);
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    cuda_backend.describe(&d, &i);
    assert_true(isnan(i.spec_Bps));
    cuda_backend.close(&d);
}

static void peaks(void **state)
{
    (void)state;
    assert_true(fabs(cuda_peak_flops(80, 108, 1.41e9, IR_BF16) / 312e12 - 1) < 0.01); /* A100 datasheet */
    assert_true(fabs(cuda_peak_flops(80, 108, 1.41e9, IR_F32) / 19.5e12 - 1) < 0.01);
    assert_true(fabs(cuda_peak_flops(90, 132, 1.83e9, IR_BF16) / 989e12 - 1) < 0.01); /* H100 SXM datasheet */
    assert_true(fabs(cuda_peak_flops(90, 132, 1.83e9, IR_F8) / 1979e12 - 1) < 0.01);
    assert_true(fabs(cuda_peak_flops(87, 16, 1.3e9, IR_I8) / 85e12 - 1) <
                0.01); /* Jetson AGX Orin 64 GB, dense */
    assert_true(fabs(cuda_peak_flops(120, 170, 2.407e9, IR_F16) / 209.5e12 - 1) <
                0.01); /* RTX 5090, f32 sums, dense */
    assert_true(fabs(cuda_peak_flops(120, 170, 2.407e9, IR_TF32) / 104.8e12 - 1) < 0.01);
    assert_true(fabs(cuda_peak_flops(120, 170, 2.407e9, IR_F8) / 419e12 - 1) < 0.01);
    assert_true(isnan(cuda_peak_flops(80, 108, 1.41e9, IR_F8)));
    assert_true(isnan(cuda_peak_flops(61, 20, 1e9, IR_F32)));
}

static void healthy(void **state)
{
    (void)state;
    fake_reset();
    fake.sms = 16;
    ir_dev d = device(0);
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    for (int i = 0; i < NPOINT; i++) {
        ir_point o;
        if (measure(&d, &points[i], &o) != IR_OK) fail_msg("%s: %s", points[i].family, o.reason);
        assert_num(o.m.dev.n, >, 0);
        assert_num(o.m.dev.median, >, 0);
        ir_point_free(&o);
    }
    ir_measure_release(&d);
    cuda_backend.close(&d);
    assert_int_equal(fake.live, 0);
}

static void open_fails_cleanly(void **state)
{
    (void)state;
    fake_reset();
    ir_dev healthy_dev = device(0);
    assert_int_equal(cuda_backend.open(&healthy_dev, &fake_options), IR_OK);
    const long calls = fake.calls;
    cuda_backend.close(&healthy_dev);
    assert_num(calls, >, 5);
    for (long n = 1; n <= calls; n++) {
        fake_reset();
        fake.fail_at = n;
        fake.fail_with = cudaErrorLaunchFailure;
        fake.sticky = true;
        ir_dev    d = device(0);
        ir_status st = cuda_backend.open(&d, &fake_options);
        if (st != IR_EDEVICE && st != IR_SKIP)
            fail_msg("call %ld of %ld fails, and open() says %s", n, calls, ir_status_name(st));
        assert_reason(ir_why());
        assert_int_equal(fake.live, 0);
    }
}

static void too_large(void **state)
{
    (void)state;
    ir_point o;
    fake_reset();
    fake.mem_B = 1 << 20;
    ir_dev d = device(0);
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    const point x = {&wl_copy, "stream", "resident", {{4 << 20, 1}, IR_F32, 0}};
    assert_int_equal(measure(&d, &x, &o), IR_SKIP); /* more than there ever is */
    if (!strstr(o.reason, "needs 0.00419 GB, cuda0 has 0.00105 GB")) fail_msg("%s", o.reason);
    ir_point_free(&o);
    const point gpt = {&wl_gpt, "gpt", "graph", {{39, 4096, 32, 50257, 2048, 1, 1, 128}, IR_BF16, 0}};
    fake.mem_B = (size_t)12 << 30;
    ir_dev small = device(0);
    assert_int_equal(cuda_backend.open(&small, &fake_options), IR_OK);
    assert_int_equal(measure(&small, &gpt, &o), IR_SKIP);
    assert_non_null(strstr(o.reason, "needs 16.2 GB, cuda0 has 12.9 GB"));
    ir_point_free(&o);
    cuda_backend.close(&small);
    fake.mem_B = 1 << 20;
    fake.used_B += 1 << 19; /* what another program holds */
    const point y = {&wl_copy, "stream", "resident", {{786432, 1}, IR_F32, 0}};
    assert_int_equal(measure(&d, &y, &o), IR_ENOMEM);
    assert_non_null(strstr(o.reason, "no room"));
    fake.used_B -= 1 << 19;
    assert_false(d.dead);
    ir_point_free(&o);
    assert_int_equal(measure(&d, &points[0], &o), IR_OK); /* a smaller one goes on */
    ir_point_free(&o);
    ir_measure_release(&d);
    cuda_backend.close(&d);
    assert_int_equal(fake.live, 0);
}

/* A batch that no longer fits is a row with a reason; the next smaller one runs as before. */
static void memory_ends_at_a_batch(void **state)
{
    (void)state;
    ir_point  o;
    ir_status st = IR_ENOMEM;
    point     x = {&wl_gpt, "gpt", "launches", {{1, 32, 2, 31, 8, 1, 1, 3}, IR_F32, 0}};
    fake_reset();
    const size_t whole = (size_t)1 << 30; /* of which others leave less and less */
    fake.mem_B = whole;
    ir_dev d = device(0);
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    for (size_t room = 1 << 14; st == IR_ENOMEM && room < whole; room *= 2) {
        fake.used_B = whole - room;
        st = measure(&d, &x, &o);
        ir_point_free(&o);
    }
    assert_int_equal(st, IR_OK);
    x.p.v[5] = 4096;
    assert_int_equal(measure(&d, &x, &o), IR_ENOMEM);
    assert_int_equal(o.status, IR_ENOMEM);
    assert_non_null(strstr(o.reason, "no room for"));
    assert_false(d.dead);
    ir_point_free(&o);
    x.p.v[5] = 1;
    assert_int_equal(measure(&d, &x, &o), IR_OK);
    ir_point_free(&o);
    ir_measure_release(&d);
    cuda_backend.close(&d);
    assert_int_equal(fake.live, 0);
}

static void older_capability(void **state)
{
    (void)state;
    ir_point o;
    fake_reset();
    fake.cc = 75;
    ir_dev d = device(0);
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    assert_int_equal(measure(&d, &points[3], &o), IR_SKIP);
    assert_non_null(strstr(o.reason, "sm_75"));
    ir_point_free(&o);
    assert_int_equal(measure(&d, &points[7], &o), IR_SKIP);
    ir_point_free(&o);
    ir_measure_release(&d);
    cuda_backend.close(&d);
}

/* What the kernels say of themselves: so many launches a layer and a step, and the cost counts them so. */
static void kernels_a_layer(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int         layer, step;
    } want[] = {{"launches", 7, 3}, {"few", 5, 2}, {"resident", 0, 1}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        fake_reset();
        ir_dev    d = device(0);
        ir_tensor t[IR_MAX_TENSORS];
        ir_run    r = {.workload = &wl_gpt2,
                       .kernel = kernel_named(&cuda_backend, "gpt", want[i].name),
                       .dev = &d,
                       .p = {{LY_TINY, 1, 1, 3}, IR_F8, 0}};
        assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
        r.nmem = wl_gpt2.tensors(&wl_gpt2, &r.p, t);
        for (int m = 0; m < r.nmem; m++) {
            void *host = calloc(1, t[m].bytes);
            assert_non_null(host);
            assert_int_equal(cuda_backend.alloc(&d, t[m].bytes, &r.mem[m]), IR_OK);
            if (t[m].role != IR_OUT) wl_gpt2.fill(&wl_gpt2, &r.p, m, host, 1);
            assert_int_equal(cuda_backend.put(&d, &r.mem[m], host), IR_OK);
            free(host);
        }
        assert_int_equal(ir_plan_make(&r), IR_OK);
        long before = fake.launches, launched = want[i].layer * ly_gpt2[LY_TINY].layers + want[i].step;
        assert_int_equal(r.kernel->run(&r, 1), IR_OK);
        assert_int_equal(fake.launches - before, launched);
        ir_cost c = wl_gpt2.cost(&wl_gpt2, &r.p);
        if (r.kernel->cost) r.kernel->cost(&r.p, &c);
        assert_int_equal((long)c.launches, launched);
        ir_plan_destroy(&r);
        for (int m = 0; m < r.nmem; m++) cuda_backend.release(&d, &r.mem[m]);
        cuda_backend.close(&d);
        assert_int_equal(fake.live, 0);
    }
}

/* What the executor of few rows leaves to the others. */
static void too_many_rows(void **state)
{
    (void)state;
    fake_reset();
    ir_dev           d = device(0);
    const ir_kernel *k = kernel_named(&cuda_backend, "gpt", "few");
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    ir_params p = {{LY_TINY, 5, 1, 3}, IR_BF16, 0};
    assert_int_equal(k->can_run(&d, &wl_gpt2, &p), IR_SKIP);
    assert_non_null(strstr(ir_why(), "5 token rows"));
    p = (ir_params){{1, 40, 4, 99, 9, 1, 1, 0}, IR_BF16, 0};
    assert_int_equal(k->can_run(&d, &wl_gpt, &p), IR_SKIP);
    assert_non_null(strstr(ir_why(), "multiples of 16"));
    p = (ir_params){{1, 256, 1, 99, 9, 1, 1, 0}, IR_BF16, 0};
    assert_int_equal(k->can_run(&d, &wl_gpt, &p), IR_SKIP);
    assert_non_null(strstr(ir_why(), "heads of 256"));
    ((cuda_dev *)d.self)->prop.cooperativeLaunch = 0;
    p = (ir_params){{LY_TINY, 1, 1, 3}, IR_BF16, 0};
    assert_int_equal(k->can_run(&d, &wl_gpt2, &p), IR_OK);
    assert_int_equal(kernel_named(&cuda_backend, "gpt", "resident")->can_run(&d, &wl_gpt2, &p), IR_SKIP);
    cuda_backend.close(&d);
}

/* Where every launch waits, a kernel that waits for the host would never end. */
static void blocking_launches(void **state)
{
    (void)state;
    double s;
    fake_reset();
    setenv("CUDA_LAUNCH_BLOCKING", "1", 1);
    ir_dev d = device(0);
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    unsetenv("CUDA_LAUNCH_BLOCKING");
    long launches = fake.launches;
    assert_int_equal(cuda_backend.start(&d), IR_OK);
    assert_true(!cuda_of(&d)->closed);
    assert_num(*cuda_of(&d)->latch, ==, 1);
    assert_num(fake.launches, ==, launches);
    assert_int_equal(cuda_backend.stop(&d, &s), IR_OK);
    assert_true(isfinite(s));
    cuda_backend.close(&d);
}

/* More launches than the queue holds must not wait for a latch that nobody opens. */
static void queue_overflow(void **state)
{
    (void)state;
    fake_reset();
    ir_dev d = device(0);
    double s;
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    cuda_dev *c = cuda_of(&d);
    assert_int_equal(cuda_backend.start(&d), IR_OK);
    assert_true(c->closed);
    assert_num(*c->latch, ==, 0);
    cuda_queued(c, CUDA_QUEUE - 1);
    assert_true(c->closed);
    cuda_queued(c, 1);
    assert_true(!c->closed);
    assert_num(*c->latch, ==, 1);
    assert_int_equal(cuda_backend.stop(&d, &s), IR_OK);
    assert_int_equal(cuda_backend.start(&d), IR_OK);
    assert_int_equal(cuda_backend.sync(&d), IR_OK);
    assert_true(!c->closed);
    cuda_backend.close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(absent),
                                       cmocka_unit_test(described),
                                       cmocka_unit_test(peaks),
                                       cmocka_unit_test(healthy),
                                       cmocka_unit_test(open_fails_cleanly),
                                       cmocka_unit_test(too_large),
                                       cmocka_unit_test(memory_ends_at_a_batch),
                                       cmocka_unit_test(older_capability),
                                       cmocka_unit_test(queue_overflow),
                                       cmocka_unit_test(blocking_launches),
                                       cmocka_unit_test(kernels_a_layer),
                                       cmocka_unit_test(too_many_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

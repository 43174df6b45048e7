/* test_cuda_faults.c -- the CUDA backend against a runtime whose n-th call fails, for every n: what costs a
 * row and what the device, memory that runs out, and what kernels ask of shared memory on each capability;
 * graphs and probes stay outside of what is timed. */
#include "tests/cuda/points.h"
#include "harness/plan.h"

extern bool
    emu_turing; /* kernels/cuda/emulate.h, which is C++: kernels get the matrix instructions of sm_75 */

/* The n-th call fails, for every n of every `by`-th point: never a crash, a leak, or a wrong "ok". */
static void fail_everywhere(cudaError_t e, bool sticky, ir_status want, size_t first, size_t by)
{
    for (size_t i = first; i < NPOINT; i += by) {
        long step = 1;
        for (long n = 1;; n += step, step += 1 + step / 2) {
            ir_point o;
            fake_reset();
            ir_dev d = device(0);
            assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
            fake.fail_at = fake.calls + n;
            fake.fail_with = e;
            fake.sticky = sticky;
            long      last = fake.fail_at;
            ir_status st = measure(&d, &points[i], &o);
            bool      reached = fake.calls >= last;
            if (reached && st != IR_OK) {
                if (st != want && st != IR_ENOMEM)
                    fail_msg("%s, call %ld: %s (%s)", points[i].family, n, o.reason, ir_status_name(st));
                assert_true(o.reason[0] != 0);
                if (want == IR_EDEVICE) assert_true(d.dead);
            }
            if (d.dead) { /* everything after is a skip with a reason */
                ir_point p;
                assert_int_equal(measure(&d, &points[0], &p), IR_SKIP);
                assert_non_null(strstr(p.reason, "failed earlier"));
                ir_point_free(&p);
            }
            ir_point_free(&o);
            ir_measure_release(&d);
            cuda_backend.close(&d);
            if (fake.live != 0)
                fail_msg("%s, call %ld: %ld objects not freed", points[i].family, n, fake.live);
            if (!reached) break;
        }
    }
}

static void lost_device(void **state)
{
    (void)state;
    fail_everywhere(cudaErrorLaunchFailure, true, IR_EDEVICE, 0, 1);
}

/* Errors that the backend does not list: what they say of the device is whether it still answers. Each point
 * meets one of them. */
static const cudaError_t unlisted[] = {cudaErrorInvalidValue, cudaErrorInvalidConfiguration,
                                       cudaErrorLaunchOutOfResources};
enum { NUNLISTED = sizeof unlisted / sizeof *unlisted };
static void bad_launch_costs_a_row(void **state)
{
    (void)state;
    for (size_t e = 0; e < NUNLISTED; e++) fail_everywhere(unlisted[e], false, IR_ECHECK, e, NUNLISTED);
    for (size_t e = 0; e < NUNLISTED; e++)
        for (size_t i = 0; i < NPOINT; i++) {
            ir_point o;
            fake_reset();
            ir_dev d = device(0);
            assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
            fake.fail_at = fake.calls + 1;
            fake.fail_with = unlisted[e];
            assert_int_equal(measure(&d, &points[i], &o), IR_ECHECK);
            ir_point_free(&o);
            assert_false(d.dead);
            if (measure(&d, &points[i], &o) != IR_OK)
                fail_msg("%s after a bad launch: %s", points[i].family, o.reason);
            ir_point_free(&o);
            ir_measure_release(&d);
            cuda_backend.close(&d);
        }
}

static void silent_device_is_dead(void **state)
{
    (void)state;
    for (size_t e = 0; e < NUNLISTED; e++) fail_everywhere(unlisted[e], true, IR_EDEVICE, e, NUNLISTED);
}

/* What a kernel asks for beside its static shared memory is allowed where the capability has both, else the
 * row is skipped. */
static void shared_memory_limits(void **state)
{
    (void)state;
    static const struct {
        int       cc;
        point     x;
        ir_status want;
    } t[] = {{90,
              {&wl_local, "local", "shared", {{49152, 1, 2}, IR_F32, 0}},
              IR_OK}, /* 48 KiB are what needs no asking, static included */
             {90, {&wl_local, "local", "shared", {{226 << 10, 1, 2}, IR_F32, 0}}, IR_OK},
             {90, {&wl_local, "local", "shared", {{227 << 10, 1, 2}, IR_F32, 0}}, IR_SKIP},
             {86, {&wl_local, "local", "shared", {{98 << 10, 1, 2}, IR_F32, 0}}, IR_OK},
             {86, {&wl_local, "local", "shared", {{99 << 10, 1, 2}, IR_F32, 0}}, IR_SKIP},
             {75, {&wl_local, "local", "shared", {{63 << 10, 1, 2}, IR_F32, 0}}, IR_OK},
             {75, {&wl_local, "local", "shared", {{64 << 10, 1, 2}, IR_F32, 0}}, IR_SKIP},
             {75, {&wl_gemm, "gemm", "mma", {{64, 64, 512}, IR_F16, 0}}, IR_OK}, /* parts of k joined */
             {75,
              {&wl_gemm, "gemm", "mma", {{256, 256, 64}, IR_F16, 0}},
              IR_OK}, /* enough tiles for the large ones, no room for them */
             {86, {&wl_gemm, "gemm", "mma", {{256, 256, 64}, IR_BF16, 0}}, IR_OK},
             {75, {&wl_attention, "attention", "flash", {{1, 1, 128, 17, 5}, IR_F16, 0}}, IR_OK},
             {86, {&wl_attention, "attention", "flash", {{1, 1, 128, 17, 5}, IR_F16, 0}}, IR_OK},
             {120, {&wl_norm, "norm", "rows", {{3, 10240}, IR_F32, 0}}, IR_OK},
             {75, {&wl_softmax, "softmax", "rows", {{3, 10240}, IR_F32, 0}}, IR_OK}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        ir_point o;
        fake_reset();
        fake.cc = t[i].cc;
        emu_turing = t[i].cc < 80;
        ir_dev d = device(0);
        assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
        ir_status st = measure(&d, &t[i].x, &o);
        if (st != t[i].want)
            fail_msg("%s (row %zu) on sm_%d: %s: %s", t[i].x.family, i, t[i].cc, ir_status_name(st),
                     o.reason);
        assert_false(d.dead);
        ir_point_free(&o);
        ir_measure_release(&d);
        cuda_backend.close(&d);
    }
    emu_turing = false;
}

/* A graph for every set of tensors, recorded before anything is timed. */
static void cold_graphs(void **state)
{
    (void)state;
    const int which[] = {2, 7, 8, 9};
    for (size_t i = 0; i < sizeof which / sizeof *which; i++) {
        const point *x = &points[which[i]];
        ir_policy    pol = short_policy();
        ir_point     o;
        pol.cold = true;
        pol.cold_pool_B = 1;
        pol.fixed_n = 9;
        fake_reset();
        fake.sms = 16;
        ir_dev d = device(0);
        assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
        if (ir_measure(&d, x->w, kernel(x->family, x->kernel), &x->p, &pol, &o) != IR_OK)
            fail_msg("%s: %s", x->family, o.reason);
        assert_int_equal(fake.graphs, 2);
        ir_point_free(&o);
        ir_measure_release(&d);
        cuda_backend.close(&d);
        assert_int_equal(fake.live, 0);
    }
}

/* Only the proof looks at what a copy brought. */
static void probed_once(void **state)
{
    (void)state;
    static const point x[] = {{&wl_transfer, "transfer", "pinned", {{4100, WL_FROM_DEVICE}, IR_F32, 0}},
                              {&wl_transfer, "transfer", "pageable", {{4100, WL_FROM_DEVICE}, IR_F32, 0}},
                              {&wl_transfer, "transfer", "mapped", {{4100, WL_FROM_DEVICE}, IR_F32, 0}}};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        ir_tensor t[IR_MAX_TENSORS];
        fake_reset();
        ir_dev d = device(0);
        ir_run r = {.workload = x[i].w, .kernel = kernel(x[i].family, x[i].kernel), .dev = &d, .p = x[i].p};
        assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
        r.nmem = x[i].w->tensors(x[i].w, &r.p, t);
        for (int m = 0; m < r.nmem; m++)
            assert_int_equal(cuda_backend.alloc(&d, t[m].bytes, &r.mem[m]), IR_OK);
        assert_int_equal(ir_plan_make(&r), IR_OK);
        assert_int_equal(r.kernel->run(&r, 1), IR_OK);
        assert_true(fake.uploaded_B > 0);
        fake.uploaded_B = 0;
        for (int call = 0; call < 3; call++) assert_int_equal(r.kernel->run(&r, 1), IR_OK);
        assert_true(fake.uploaded_B == 0);
        ir_plan_destroy(&r);
        for (int m = 0; m < r.nmem; m++) cuda_backend.release(&d, &r.mem[m]);
        cuda_backend.close(&d);
        assert_int_equal(fake.live, 0);
    }
}

/* The next kernel of a ladder finds its operands on the device: only its output is made unusable again. */
static void operands_stay(void **state)
{
    (void)state;
    static const char *const ladder[] = {"naive", "tiled", "blocked"};
    enum { M = 40, N = 48, K = 64 };
    fake_reset();
    ir_dev d = device(0);
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    for (int i = 0; i < 3; i++) {
        point    x = {&wl_gemm, "gemm", ladder[i], {{M, N, K}, IR_F32, 0}};
        ir_point o;
        fake.uploaded_B = 0;
        if (measure(&d, &x, &o) != IR_OK) fail_msg("%s: %s", ladder[i], o.reason);
        ir_point_free(&o);
        if (i == 0)
            assert_true(fake.uploaded_B >= 4 * (M * K + K * N + M * N));
        else
            assert_true(fake.uploaded_B == 4 * M * N);
    }
    point    other = {&wl_gemm, "gemm", "tiled", {{M, N, K + 16}, IR_F32, 0}};
    ir_point o;
    fake.uploaded_B = 0;
    assert_int_equal(measure(&d, &other, &o), IR_OK);
    ir_point_free(&o);
    assert_true(fake.uploaded_B >= 4 * (M * (K + 16) + (K + 16) * N + M * N));
    ir_measure_release(&d);
    cuda_backend.close(&d);
    assert_int_equal(fake.live, 0);
}

static void out_of_memory_anywhere(void **state)
{
    (void)state;
    fail_everywhere(cudaErrorMemoryAllocation, false, IR_ENOMEM, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_device),           cmocka_unit_test(bad_launch_costs_a_row),
        cmocka_unit_test(silent_device_is_dead), cmocka_unit_test(out_of_memory_anywhere),
        cmocka_unit_test(shared_memory_limits),  cmocka_unit_test(cold_graphs),
        cmocka_unit_test(probed_once),           cmocka_unit_test(operands_stay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

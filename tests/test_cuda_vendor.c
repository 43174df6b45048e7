/* test_cuda_vendor.c -- the kernels that call cuBLAS, cuBLASLt and cuDNN against libraries that fail on
 * demand: right results where all is well; a row with a reason, no leak and a run that goes on where any call
 * fails; what their statuses mean. */
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_nets.h"
#include "harness/measure/measure.h"
#include "tests/cuda/fake.h"
#include "tests/cuda/fake_vendor.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "tests/support/kernels.h"

typedef struct {
    const ir_workload *w;
    const char        *family, *kernel;
    ir_params          p;
} point;
static const point points[] = {
    {&wl_gemm, "gemm", "cublas", {{24, 16, 40}, IR_BF16, 0}},
    {&wl_gemm, "gemm", "cublas", {{9, 7, 5}, IR_F64, 0}},
    {&wl_gemm, "gemm", "cublaslt", {{24, 16, 40}, IR_F16, 0}},
    {&wl_gemm, "gemm", "cublaslt", {{8, 12, 20}, IR_I8, 0}},
    {&wl_gemv, "gemv", "cublas", {{33, 21}, IR_F32, 0}},
    {&wl_gemv, "gemv", "cublas", {{33, 21}, IR_BF16, 0}},
#if defined(IR_HAVE_CUDNN)
    {&wl_conv, "conv", "cudnn", {{2, 5, 6, 4, 6, 3, 3, 2, 1, 2, WL_FUSED}, IR_F32, 0}},
#endif
};
enum { NPOINT = sizeof points / sizeof *points };

static void *open_fake(const char *name)
{
    return strstr(name, "cublas") || strstr(name, "cudnn") ? dlopen(IR_FAKE_VENDOR, RTLD_NOW | RTLD_LOCAL)
                                                           : NULL;
}

static const ir_kernel *kernel(const point *x) { return kernel_named(&cuda_backend, x->family, x->kernel); }

static ir_status measure(ir_dev *d, const point *x, ir_point *o)
{
    ir_policy p;
    ir_policy_quick(&p);
    p.warmup_s = p.warmup_cap_s = 0;
    p.fixed_n = 1;
    return ir_measure(d, x->w, kernel(x), &x->p, &p, o);
}

static ir_dev opened(void)
{
    ir_dev d = {.be = &cuda_backend};
    fake_reset();
    fake_vendor_reset();
    assert_int_equal(cuda_backend.open(&d, &fake_options), IR_OK);
    return d;
}
static void closed(ir_dev *d)
{
    ir_measure_release(d);
    cuda_backend.close(d);
    assert_int_equal(fake.live, 0);
    assert_int_equal(fake_vendor.live, 0);
}
static void expect(ir_dev *d, const point *x, ir_status want, const char *words)
{
    ir_point  o;
    ir_status st = measure(d, x, &o);
    if (st != want || (words && !strstr(o.reason, words)))
        fail_msg("%s/%s: %s: %s", x->family, x->kernel, ir_status_name(st), o.reason);
    ir_point_free(&o);
}

static void healthy(void **state)
{
    (void)state;
    ir_dev d = opened();
    for (int i = 0; i < NPOINT; i++) expect(&d, &points[i], IR_OK, NULL);
    assert_true(fake_vendor.calls > 2 * NPOINT);
    closed(&d);
}

/* Call n of the library fails, for every n of a point. status: what the row must then be; a candidate that
 * cuBLASLt or cuDNN tried and that failed is no failure. */
static void each_call_fails(fake_vendor_error e, ir_status want)
{
    for (int i = 0; i < NPOINT; i++) {
        long failed = 0;
        for (long n = 1;; n++) {
            ir_point o;
            ir_dev   d = opened();
            fake_vendor.fail_at = n;
            fake_vendor.error = e;
            ir_status st = measure(&d, &points[i], &o);
            bool      reached = fake_vendor.calls >= n;
            fake_vendor.fail_at = 0;
            if (st != IR_OK) {
                failed++;
                if (st != want || !o.reason[0] || o.status != st)
                    fail_msg("%s/%s, call %ld: %s: %s", points[i].family, points[i].kernel, n,
                             ir_status_name(st), o.reason);
                if (!strstr(o.reason, "cublas") && !strstr(o.reason, "cudnn"))
                    fail_msg("'%s' names no library", o.reason);
            }
            ir_point_free(&o);
            assert_false(d.dead);
            expect(&d, &points[i], IR_OK, NULL); /* the run goes on */
            closed(&d);
            if (!reached) break;
        }
        assert_true(failed >= 3); /* handle, stream or description, and the work itself */
    }
}
static void execution_fails(void **state)
{
    (void)state;
    each_call_fails(FAKE_VENDOR_FAILED, IR_SKIP); /* the device still answers */
}
static void no_memory(void **state)
{
    (void)state;
    each_call_fails(FAKE_VENDOR_NO_MEMORY, IR_ENOMEM);
}
static void not_supported(void **state)
{
    (void)state;
    each_call_fails(FAKE_VENDOR_UNSUPPORTED, IR_SKIP);
}

static void candidates(void **state)
{
    (void)state;
    ir_dev d = opened();
    for (int i = 0; i < NPOINT; i++) {
        bool tries = !strcmp(points[i].kernel, "cublaslt") || !strcmp(points[i].kernel, "cudnn");
        fake_vendor.algorithms = 3;
        fake_vendor.refused = 2; /* the last one runs */
        expect(&d, &points[i], IR_OK, NULL);
        fake_vendor.refused = 3;
        expect(&d, &points[i], tries ? IR_SKIP : IR_OK, tries ? "none of 3 algorithms runs" : NULL);
        fake_vendor.algorithms = 0;
        expect(&d, &points[i], tries ? IR_SKIP : IR_OK, NULL);
    }
    closed(&d);
}

/* A sticky error of the device while a library works: this device's later rows say so. */
static void device_lost(void **state)
{
    (void)state;
    for (int i = 0; i < NPOINT; i++)
        for (long n = 1, step = 1;; n += step, step++) {
            ir_point o;
            ir_dev   d = opened();
            fake.fail_at = fake.calls + n;
            fake.fail_with = cudaErrorLaunchFailure;
            fake.sticky = true;
            long      at = fake.fail_at;
            ir_status st = measure(&d, &points[i], &o);
            bool      reached = fake.calls >= at;
            if (st != IR_OK && st != IR_EDEVICE)
                fail_msg("%s/%s, call %ld: %s", points[i].family, points[i].kernel, n, o.reason);
            if (st != IR_OK) assert_true(d.dead);
            ir_point_free(&o);
            if (d.dead) expect(&d, &points[0], IR_SKIP, "failed earlier");
            closed(&d);
            if (!reached) break;
        }
}

int main(void)
{
    cuda_open_library = open_fake;
    const struct CMUnitTest tests[] = {cmocka_unit_test(healthy),    cmocka_unit_test(execution_fails),
                                       cmocka_unit_test(no_memory),  cmocka_unit_test(not_supported),
                                       cmocka_unit_test(candidates), cmocka_unit_test(device_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_opencl_devices.c -- devices other than the one at hand: clGetDeviceIDs, clGetDeviceInfo and
 * clEnqueueNDRangeKernel are defined here, ask the loader, and then tell what a test wants told (an EMBEDDED
 * profile, no extensions, memory of its own, small limits, a broken first device). Assumes a dynamic loader;
 * skipped visibly where no platform is. */
#define _GNU_SOURCE
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/workloads/workloads_nets.h"
#include "tests/opencl_device.h"

#include <dlfcn.h>

/* ---- the liar -------------------------------------------------------------------------------- */
static struct {
    const char *profile, *extensions; /* NULL: the truth */
    bool        own_memory, no_compiler, broken_first, two, broken_platform;
    cl_ulong    max_alloc;                /* 0: the truth */
    size_t      max_group, refuse_beyond; /* 0: the truth */
} lie;
static cl_device_id real_device;
static int          broken; /* its address is the broken device's handle */
#define BROKEN ((cl_device_id)(void *)&broken)

static void *next(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);
    assert_non_null(f);
    return f;
}

static cl_int answer(const void *value, size_t n, size_t size, void *out, size_t *size_out)
{
    if (out && size < n) return CL_INVALID_VALUE;
    if (out) memcpy(out, value, n);
    if (size_out) *size_out = n;
    return CL_SUCCESS;
}

cl_int clGetDeviceIDs(cl_platform_id p, cl_device_type t, cl_uint most, cl_device_id *id, cl_uint *n)
{
    cl_int (*ask)(cl_platform_id, cl_device_type, cl_uint, cl_device_id *, cl_uint *);
    *(void **)&ask = next("clGetDeviceIDs");
    if (lie.broken_platform) return CL_INVALID_PLATFORM;
    cl_int code = ask(p, t, most, id, n);
    if (code != CL_SUCCESS || !id || !lie.two || most < 2) return code;
    real_device = id[0];
    id[1] = id[0];
    id[0] = BROKEN;
    *n = 2;
    return CL_SUCCESS;
}

cl_int clGetDeviceInfo(cl_device_id id, cl_device_info what, size_t size, void *out, size_t *size_out)
{
    static const cl_bool no = CL_FALSE;
    cl_int (*ask)(cl_device_id, cl_device_info, size_t, void *, size_t *);
    *(void **)&ask = next("clGetDeviceInfo");
    if (what == CL_DEVICE_PROFILE && lie.profile)
        return answer(lie.profile, strlen(lie.profile) + 1, size, out, size_out);
    if (what == CL_DEVICE_EXTENSIONS && lie.extensions)
        return answer(lie.extensions, strlen(lie.extensions) + 1, size, out, size_out);
    if (what == CL_DEVICE_HOST_UNIFIED_MEMORY && lie.own_memory)
        return answer(&no, sizeof no, size, out, size_out);
    if (what == CL_DEVICE_COMPILER_AVAILABLE && lie.no_compiler)
        return answer(&no, sizeof no, size, out, size_out);
    if (what == CL_DEVICE_AVAILABLE && id == BROKEN) return answer(&no, sizeof no, size, out, size_out);
    if (what == CL_DEVICE_MAX_MEM_ALLOC_SIZE && lie.max_alloc)
        return answer(&lie.max_alloc, sizeof lie.max_alloc, size, out, size_out);
    if (what == CL_DEVICE_MAX_WORK_GROUP_SIZE && lie.max_group)
        return answer(&lie.max_group, sizeof lie.max_group, size, out, size_out);
    return ask(id == BROKEN ? real_device : id, what, size, out, size_out);
}

cl_int clEnqueueNDRangeKernel(cl_command_queue q, cl_kernel k, cl_uint dim, const size_t *at,
                              const size_t *global, const size_t *local, cl_uint n, const cl_event *wait,
                              cl_event *e)
{
    cl_int (*ask)(cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *, const size_t *,
                  cl_uint, const cl_event *, cl_event *);
    *(void **)&ask = next("clEnqueueNDRangeKernel");
    if (lie.refuse_beyond && local && *local > lie.refuse_beyond) return CL_INVALID_WORK_GROUP_SIZE;
    return ask(q, k, dim, at, global, local, n, wait, e);
}

static int truth(void **state)
{
    (void)state;
    memset(&lie, 0, sizeof lie);
    return 0;
}

/* ---- parts ----------------------------------------------------------------------------------- */
static ir_status verify(ir_dev *d, const ir_workload *w, const char *kernel, ir_params p)
{
    ir_check c;
    return ir_verify(d, w, kernel_named(&ocl_backend, w->family, kernel), &p, 42, 0, &c);
}

static ir_status copy_of(ir_dev *d, int64_t bytes, ir_dtype t)
{
    return verify(d, &wl_copy, "wide", (ir_params){{bytes, 1}, t, 0});
}

/* ---- what devices lack ----------------------------------------------------------------------- */
static void test_embedded(void **state)
{
    (void)state;
    ir_dev         d;
    ir_device_info i;
    lie.profile = "EMBEDDED_PROFILE";
    lie.extensions = "cles_khr_int64 cl_khr_byte_addressable_store";
    ocl_take(&d, false);
    assert_int_equal(ocl_backend.describe(&d, &i), IR_OK);
    assert_non_null(strstr(i.limits, "embedded"));
    assert_non_null(strstr(i.limits, "no fp64, no fp16"));
    assert_int_equal(copy_of(&d, 12345, IR_F32), IR_OK);
    assert_int_equal(copy_of(&d, 12345, IR_F64), IR_SKIP);
    assert_non_null(strstr(ir_why(), "cl_khr_fp64"));
    assert_int_equal(verify(&d, &wl_fma, "whole", (ir_params){{8, 1}, IR_F16, 0}), IR_SKIP);
    assert_int_equal(verify(&d, &wl_fma, "lane", (ir_params){{8, 1}, IR_I8, 0}), IR_SKIP);
    assert_int_equal(verify(&d, &wl_gpt2, "layers", (ir_params){{LY_TINY, 1, 1, 5}, IR_F32, 0}), IR_OK);
    ocl_give(&d);
    lie.extensions = ""; /* and without 64-bit integers no kernel of ours can be built */
    ocl_take(&d, false);
    assert_int_equal(copy_of(&d, 12345, IR_F32), IR_SKIP);
    assert_non_null(strstr(ir_why(), "cles_khr_int64"));
    ocl_give(&d);
}

static void test_own_memory(void **state)
{
    (void)state;
    enum { BYTES = (40 << 20) + 13 }; /* more than two fillings of the staging buffer */
    ir_dev         d;
    ir_device_info i;
    ir_mem         m;
    lie.own_memory = true;
    ocl_take(&d, false);
    unsigned char *out = malloc(BYTES), *back = calloc(1, BYTES);
    assert_int_equal(ocl_backend.describe(&d, &i), IR_OK);
    assert_non_null(strstr(i.limits, "own memory"));
    for (size_t k = 0; k < BYTES; k++) out[k] = (unsigned char)(k * 2654435761u >> 13);
    assert_int_equal(ocl_backend.alloc(&d, BYTES, &m), IR_OK);
    assert_null(((ocl_buf *)m.p)->host); /* no pages of the host under it */
    assert_int_equal(ocl_backend.put(&d, &m, out), IR_OK);
    assert_non_null(ocl_of(&d)->staging_host);
    assert_int_equal(ocl_backend.get(&d, &m, back), IR_OK);
    assert_memory_equal(out, back, BYTES);
    ocl_backend.release(&d, &m);
    assert_int_equal(copy_of(&d, 12345, IR_F32), IR_OK);
    ocl_give(&d);
    free(out);
    free(back);
}

static void test_small_allocations(void **state)
{
    (void)state;
    ir_dev d;
    lie.max_alloc = 1 << 20;
    ocl_take(&d, false);
    assert_int_equal(copy_of(&d, 1 << 20, IR_F32), IR_OK);
    assert_int_equal(copy_of(&d, 4 << 20, IR_F32), IR_SKIP);
    assert_non_null(strstr(ir_why(), "at most"));
    assert_int_equal(
        verify(&d, &wl_conv, "im2col", (ir_params){{1, 32, 32, 64, 64, 3, 3, 1, 1, 1, 1}, IR_F32, 0}),
        IR_SKIP);
    assert_non_null(strstr(ir_why(), "at most"));
    assert_int_equal(copy_of(&d, 12345, IR_F32), IR_OK); /* nothing is lost by it */
    ocl_give(&d);
}

static void test_small_groups(void **state)
{
    (void)state;
    ir_dev d;
    for (lie.max_group = 1; lie.max_group <= 32; lie.max_group *= 32) {
        lie.refuse_beyond = lie.max_group;
        ocl_take(&d, true);
        assert_int_equal(copy_of(&d, 12345, IR_F32), IR_OK);
        assert_int_equal(verify(&d, &wl_read, "wide", (ir_params){{12345, 1}, IR_F32, 0}), IR_OK);
        assert_int_equal(verify(&d, &wl_gemv, "rows", (ir_params){{33, 47}, IR_F32, 0}), IR_OK);
        assert_int_equal(verify(&d, &wl_softmax, "groups", (ir_params){{5, 37}, IR_F32, 0}), IR_OK);
        assert_int_equal(verify(&d, &wl_gemm, "naive", (ir_params){{17, 19, 23}, IR_F32, 0}), IR_OK);
        /* The tiles of the wide layout are made for groups of 256 items: a smaller device gets none, and says
         * so. */
        assert_int_equal(verify(&d, &wl_gemm, "blocked", (ir_params){{33, 35, 37}, IR_F32, 0}), IR_SKIP);
        assert_non_null(strstr(ir_why(), "256 items"));
        ocl_give(&d);
    }
    lie.max_group = 0; /* a device that promises more than it takes: a row, and the device lives on */
    lie.refuse_beyond = 2;
    ocl_take(&d, true);
    assert_int_equal(copy_of(&d, 12345, IR_F32), IR_SKIP);
    assert_non_null(strstr(ir_why(), "work-group size refused"));
    assert_false(d.dead);
    lie.refuse_beyond = 0;
    assert_int_equal(copy_of(&d, 12345, IR_F32), IR_OK);
    ocl_give(&d);
}

/* ---- which device ---------------------------------------------------------------------------- */
static ir_status open_index(int index)
{
    ir_dev                d = {.be = &ocl_backend, .index = index};
    const ocl_options     own = {.cache_dir = ""};
    const ir_open_options asked = {.own = &own};
    ir_status             s = ocl_backend.open(&d, &asked);
    if (s == IR_OK)
        ocl_give(&d);
    else
        ocl_backend.close(&d);
    return s;
}

static void test_broken_device(void **state)
{
    (void)state;
    if (open_index(0) == IR_SKIP) skip();
    ocl_forget();
    lie.two = true;
    assert_int_equal(open_index(0), IR_EDEVICE);
    assert_non_null(strstr(ir_why(), "is not available"));
    assert_int_equal(open_index(1), IR_OK); /* the first one does not stand in its way */
    lie.two = false;
    lie.no_compiler = true;
    assert_int_equal(open_index(0), IR_EDEVICE);
    assert_non_null(strstr(ir_why(), "no compiler"));
    lie.no_compiler = false;
    lie.broken_platform = true;
    assert_int_not_equal(open_index(0), IR_OK);
    assert_true(strlen(ir_why()) > 10);
    ocl_forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_embedded, truth), cmocka_unit_test_setup(test_own_memory, truth),
        cmocka_unit_test_setup(test_small_allocations, truth),
        cmocka_unit_test_setup(test_small_groups, truth), cmocka_unit_test_setup(test_broken_device, truth)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

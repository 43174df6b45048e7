/* opencl_device.h -- what the OpenCL tests share: a device or a visible skip, and no object left behind. */
#ifndef IR_TESTS_OPENCL_DEVICE_H
#define IR_TESTS_OPENCL_DEVICE_H
#include "harness/measure/measure.h"
#include "kernels/opencl/ocl.h"
#include "tests/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "tests/support/asserts.h"
#include "tests/support/kernels.h"

static tree ocl_tmp; /* the cache of the fault tests; without it (root empty) there is none */

static inline void ocl_forget(void)
{
    for (int k = 0; k < OCL_NKIND; k++) assert_int_equal(ocl_calls.live[k], 0);
    memset(&ocl_calls, 0, sizeof ocl_calls);
}

/* Open device 0, or skip the test where there is none. */
static inline void ocl_take(ir_dev *d, bool wide)
{
    const ocl_options     own = {.wide = wide, .staged = wide, .cache_dir = ocl_tmp.root};
    const ir_open_options asked = {.own = &own};
    *d = (ir_dev){.be = &ocl_backend};
    ir_status s = ocl_backend.open(d, &asked);
    if (s == IR_SKIP) {
        print_message("skipped: %s\n", ir_why());
        skip();
    }
    assert_int_equal(s, IR_OK);
}

static inline void ocl_give(ir_dev *d)
{
    ir_measure_release(d);
    ocl_backend.close(d);
    ocl_backend.close(d); /* idempotent */
    ocl_forget();
}
#endif

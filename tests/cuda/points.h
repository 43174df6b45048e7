/* points.h -- what the tests of the CUDA backend's host side measure: one point of every kind of call, on the
 * stand-in device. */
#ifndef TESTS_CUDA_POINTS_H
#define TESTS_CUDA_POINTS_H
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/workloads/workloads_nets.h"
#include "harness/measure/measure.h"
#include "tests/cuda/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "tests/support/asserts.h"
#include "tests/support/kernels.h"

static ir_dev device(int index) { return (ir_dev){.be = &cuda_backend, .index = index}; }

static const ir_kernel *kernel(const char *family, const char *name)
{
    for (const ir_kernel *const *k = cuda_backend.kernels; *k; k++)
        if (!strcmp((*k)->family, family) && !strcmp((*k)->name, name)) return *k;
    fail_msg("no kernel cuda/%s/%s", family, name);
    return NULL;
}

static ir_policy short_policy(void)
{
    ir_policy p;
    ir_policy_quick(&p);
    p.warmup_s = p.warmup_cap_s = 0;
    p.fixed_n = 1;
    return p;
}

/* One point of every kind of call. */
typedef struct {
    const ir_workload *w;
    const char        *family, *kernel;
    ir_params          p;
} point;
static const point points[] = {
    {&wl_copy, "stream", "resident", {{4096, 1}, IR_F32, 0}},
    {&wl_chase, "chase", "warps", {{4096, 2, 10, 0}, IR_F64, 0}},
    {&wl_forkjoin, "launch", "graph", {{0}, IR_F64, 0}},
    {&wl_gemm, "gemm", "mma", {{64, 64, 512}, IR_BF16, 0}},
    {&wl_transfer, "transfer", "pinned", {{4100, WL_FROM_DEVICE}, IR_F32, 0}},
    {&wl_overlap, "overlap", "streams", {{4100, 2, 256, WL_OVERLAP_BOTH}, IR_F32, 0}},
    {&wl_conv, "conv", "implicit", {{1, 5, 5, 3, 7, 3, 3, 1, 1, 1, 1}, IR_BF16, 0}},
    {&wl_gpt, "gpt", "graph", {{1, 32, 2, 31, 8, 1, 1, 3}, IR_I8, 0}},
    {&wl_gpt, "gpt", "few_graph", {{1, 32, 2, 31, 8, 1, 1, 3}, IR_F8, 0}},
    {&wl_gpt, "gpt", "early_graph", {{1, 32, 2, 31, 8, 1, 1, 3}, IR_F8, 0}},
    {&wl_gpt, "gpt", "resident", {{1, 32, 2, 31, 8, 2, 1, 3}, IR_F8, 0}}};
enum { NPOINT = sizeof points / sizeof *points };

static ir_status measure(ir_dev *d, const point *x, ir_point *o)
{
    ir_policy pol = short_policy();
    return ir_measure(d, x->w, kernel(x->family, x->kernel), &x->p, &pol, o);
}

#endif

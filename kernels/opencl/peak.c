/* peak.c -- "fma" on registers: a team's 64-byte vector whole, halved, or a lane per work-item. CPUs take the
 * wide forms, GPUs the last. bf16 has no OpenCL type; i8 needs cl_khr_integer_dot_product. */
#include "kernels/workloads/workloads_compute.h"
#include "kernels/opencl/ocl.h"

#include <stdlib.h>

typedef struct {
    cl_kernel kernel;
    size_t    groups, local;
} plan;

static ir_status ocl_peak_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    const ocl_dev *d = ocl_of(dev);
    (void)w;
    if (p->dtype == IR_BF16) return ir_fail(IR_SKIP, "OpenCL has no bf16 arithmetic");
    if (p->dtype == IR_I8 && !d->idot8)
        return ir_fail(IR_SKIP, "opencl: %.60s has no int8 dot product (cl_khr_integer_dot_product)",
                       d->name);
    return ocl_has_dtype(d, p->dtype);
}

static ir_status ocl_peak_vector_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    return p->dtype == IR_I8 ? ir_fail(IR_SKIP, "int8 dot products come one lane per item")
                             : ocl_peak_can_run(dev, w, p);
}

static ir_status lane_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ir_status s = ocl_peak_can_run(dev, w, p);
    if (s != IR_OK || !ocl_of(dev)->cpu || p->dtype == IR_I8) return s;
    return ir_fail(IR_SKIP, "a lane per item leaves a CPU's vectors empty: see whole and halved");
}

static void ocl_peak_teardown(ir_run *r)
{
    plan *p = r->self;
    if (!p) return;
    ocl_kernel_free(&p->kernel);
    free(p);
    r->self = NULL;
}

/* parts: items per team; 0: one per lane. */
static ir_status ocl_peak_setup(ir_run *r, int parts)
{
    static const int type[IR_NDTYPE] = {[IR_F64] = 0, [IR_F32] = 1, [IR_F16] = 2, [IR_I8] = 3};
    ocl_dev         *d = ocl_of(r->dev);
    plan            *p = ocl_plan(r, sizeof *p);
    char             options[96];
    int              lanes = r->p.dtype == IR_F64 ? 8 : WL_FMA_LANES, per_item = parts ? lanes / parts : 1;
    if (!p) return IR_ENOMEM;
    size_t items = (size_t)wl_fma_teams(&r->p) * (size_t)(lanes / per_item);
    p->local = parts || d->cpu ? 1 : 256;
    while (p->local > 1 && (p->local > d->max_group || items % p->local)) p->local /= 2;
    p->groups = items / p->local;
    snprintf(options, sizeof options, "-DCHAINS=%lld -DL=%d -DTYPE=%d", (long long)r->p.v[0], per_item,
             type[r->p.dtype]);
    ir_status s = ocl_kernel(d, "peak", options, "peak", &p->kernel);
    if (s != IR_OK) ocl_peak_teardown(r);
    return s;
}

static ir_status whole_setup(ir_run *r) { return ocl_peak_setup(r, 1); }
static ir_status halved_setup(ir_run *r) { return ocl_peak_setup(r, 2); }
static ir_status lane_setup(ir_run *r) { return ocl_peak_setup(r, 0); }

static ir_status ocl_peak_run(ir_run *r, uint32_t reps)
{
    static const cl_char a[4] = WL_FMA_I8_A, b[2][4] = WL_FMA_I8_B;
    plan                *p = r->self;
    cl_mem               sums = ocl_mem_of(&r->mem[0]);
    cl_uint              iters = (cl_uint)r->p.v[1];
    cl_float             c = (cl_float)WL_FMA_C;
    const ocl_arg        floats[] = {OCL_A(sums), OCL_A(iters), OCL_A(c)},
                  ints[] = {OCL_A(sums), OCL_A(iters), {4, a}, {4, b[0]}, {4, b[1]}};
    ir_status s = r->p.dtype == IR_I8 ? ocl_args(p->kernel, ints, 5) : ocl_args(p->kernel, floats, 3);
    return s == IR_OK ? ocl_launches(ocl_of(r->dev), p->kernel, p->groups, p->local, reps) : s;
}

static const ir_plan_ops peak_plan_ops = {.destroy = ocl_peak_teardown};

const ir_kernel ocl_fma_whole = {.family = "peak",
                                 .name = "whole",
                                 .doc = "a work-item carries a 64-byte vector per chain",
                                 .can_run = ocl_peak_vector_can_run,
                                 .plan = whole_setup,
                                 .run = ocl_peak_run,
                                 .ops = &peak_plan_ops};
const ir_kernel ocl_fma_halved = {.family = "peak",
                                  .name = "halved",
                                  .doc = "a work-item carries a 32-byte vector per chain",
                                  .can_run = ocl_peak_vector_can_run,
                                  .plan = halved_setup,
                                  .run = ocl_peak_run,
                                  .ops = &peak_plan_ops};
const ir_kernel ocl_fma_lane = {.family = "peak",
                                .name = "lane",
                                .doc = "a work-item carries one lane",
                                .can_run = lane_can_run,
                                .plan = lane_setup,
                                .run = ocl_peak_run,
                                .ops = &peak_plan_ops};

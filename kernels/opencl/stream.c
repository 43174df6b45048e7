/* stream.c -- read, write, copy, scale, add, triad: by vector width, with and without non-temporal stores,
 * one launch per repetition or all of them in one. The fused form is for working sets that live in a cache,
 * where a launch would be most of the time; beyond half the last-level cache it refuses, because each item
 * would repeat a part that stays there. */
#include "kernels/workloads/workloads_memory.h"
#include "kernels/opencl/ocl.h"

#include <math.h>
#include <stdlib.h>

enum { SCALAR_B = 0, NARROW_B = 16, WIDE_B = 64, TURNS = 8 };
typedef struct {
    cl_kernel kernel;
    size_t    groups, local;
    ocl_buf  *none;
} plan;

static ir_status ocl_stream_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p, bool streams,
                                    bool stores)
{
    if (!streams && p->v[1] != 1)
        return ir_fail(IR_SKIP, "streams=%lld: this variant has one", (long long)p->v[1]);
    if (stores && wl_stream_of(w)->writes == 0) return ir_fail(IR_SKIP, "%s stores nothing", w->name);
    return ocl_has_dtype(ocl_of(dev), p->dtype);
}

static ir_status plain_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    return ocl_stream_can_run(dev, w, p, false, false);
}
static ir_status wide_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    return ocl_stream_can_run(dev, w, p, true, false);
}
static ir_status ocl_stream_nt_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    return ocl_stream_can_run(dev, w, p, true, true);
}

static ir_status fused_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    double most = (double)ocl_of(dev)->cache_B / 2;
    if (!((double)p->v[0] <= fmax(most, 1 << 20)))
        return ir_fail(IR_SKIP,
                       "more than half the last-level cache: repetitions in one launch would find it there");
    return ocl_stream_can_run(dev, w, p, false, false);
}

static void ocl_stream_teardown(ir_run *r)
{
    plan *p = r->self;
    if (!p) return;
    ocl_kernel_free(&p->kernel);
    ocl_buffer_free(&p->none);
    free(p);
    r->self = NULL;
}

static ir_status setup_width(ir_run *r, size_t width_B, bool nt, bool fused)
{
    ocl_dev *d = ocl_of(r->dev);
    plan    *p = ocl_plan(r, sizeof *p);
    char     options[256], vector[16];
    if (!p) return IR_ENOMEM;
    bool        f32 = r->p.dtype == IR_F32;
    const char *T = f32 ? "float" : "double";
    size_t      w = width_B ? width_B / (f32 ? 4 : 8) : 1;
    p->local = ocl_local(d);
    p->groups = fused ? d->units : ocl_groups(d);
    if (!d->cpu && !fused && p->groups < 1024) p->groups = 1024;
    if (p->groups > WL_PARTIALS) p->groups = WL_PARTIALS;
    int turns = wl_stream_of(r->workload)->code == WL_READ && r->p.v[1] == 1 && w > 1 ? TURNS : 1;
    snprintf(vector, sizeof vector, w > 1 ? "%s%zu" : "%s", T, w);
    snprintf(options, sizeof options,
             "-DT=%s -DTV=%s -DW=%zu -DOP=%d -DS=%lld -DU=%d -DLS=%zu -DNT=%d -DPARTIALS=%d -DVALUE=0.75f "
             "-DSCALAR=3.0f",
             T, vector, w, (int)wl_stream_of(r->workload)->code, (long long)r->p.v[1], turns, p->local, nt,
             (int)WL_PARTIALS);
    ir_status s = ocl_kernel(d, "stream", options, "stream", &p->kernel);
    if (s == IR_OK) s = ocl_buffer(d, 64, &p->none);
    if (s != IR_OK) ocl_stream_teardown(r);
    return s;
}

static ir_status scalar_setup(ir_run *r) { return setup_width(r, SCALAR_B, false, false); }
static ir_status narrow_setup(ir_run *r) { return setup_width(r, NARROW_B, false, false); }
static ir_status wide_setup(ir_run *r) { return setup_width(r, WIDE_B, false, false); }
static ir_status nt_setup(ir_run *r) { return setup_width(r, WIDE_B, true, false); }
static ir_status fused_setup(ir_run *r) { return setup_width(r, WIDE_B, false, true); }

static ir_status ocl_stream_bind(ir_run *r, cl_uint passes)
{
    plan    *p = r->self;
    cl_mem   a = ocl_mem_of(&r->mem[0]), b = p->none->mem, c = p->none->mem;
    cl_ulong n = wl_stream_n(r->workload, &r->p);
    cl_uint  still = 0;
    if (r->nmem > 1) b = ocl_mem_of(&r->mem[1]);
    if (r->nmem > 2) c = ocl_mem_of(&r->mem[2]);
    const ocl_arg args[] = {OCL_A(a), OCL_A(b), OCL_A(c), OCL_A(n), OCL_A(passes), OCL_A(still)};
    return ocl_args(p->kernel, args, 6);
}

static ir_status ocl_stream_run(ir_run *r, uint32_t reps)
{
    plan     *p = r->self;
    ir_status s = ocl_stream_bind(r, 1);
    return s == IR_OK ? ocl_launches(ocl_of(r->dev), p->kernel, p->groups, p->local, reps) : s;
}

static ir_status run_fused(ir_run *r, uint32_t reps)
{
    plan     *p = r->self;
    ir_status s = ocl_stream_bind(r, reps);
    return s == IR_OK ? ocl_launch(ocl_of(r->dev), p->kernel, p->groups, p->local) : s;
}

static const ir_plan_ops stream_plan_ops = {.destroy = ocl_stream_teardown};

const ir_kernel ocl_stream_scalar = {.family = "stream",
                                     .name = "scalar",
                                     .doc = "one element a load",
                                     .flags = IR_K_NAIVE,
                                     .can_run = plain_can_run,
                                     .plan = scalar_setup,
                                     .run = ocl_stream_run,
                                     .ops = &stream_plan_ops};
const ir_kernel ocl_stream_narrow = {.family = "stream",
                                     .name = "narrow",
                                     .doc = "16-byte vectors",
                                     .can_run = plain_can_run,
                                     .plan = narrow_setup,
                                     .run = ocl_stream_run,
                                     .ops = &stream_plan_ops};
const ir_kernel ocl_stream_wide = {.family = "stream",
                                   .name = "wide",
                                   .doc = "64-byte vectors",
                                   .can_run = wide_can_run,
                                   .plan = wide_setup,
                                   .run = ocl_stream_run,
                                   .ops = &stream_plan_ops};
const ir_kernel ocl_stream_wide_nt = {.family = "stream",
                                      .name = "wide_nt",
                                      .doc =
                                          "64-byte vectors, non-temporal stores where the compiler has them",
                                      .flags = IR_K_NT,
                                      .can_run = ocl_stream_nt_can_run,
                                      .plan = nt_setup,
                                      .run = ocl_stream_run,
                                      .ops = &stream_plan_ops};
const ir_kernel ocl_stream_fused = {.family = "stream",
                                    .name = "fused",
                                    .doc = "64-byte vectors, all repetitions in one launch",
                                    .flags = IR_K_FUSED,
                                    .can_run = fused_can_run,
                                    .plan = fused_setup,
                                    .run = run_fused,
                                    .ops = &stream_plan_ops};

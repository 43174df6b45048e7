/* misc.c -- pointer chase, gather, launch cost, local memory, transfers. The chase's page size is the
 * device's business: it refuses to be asked for one. */
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/opencl/ocl.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES, CHAINS, STEPS, PAGES };
typedef struct {
    cl_kernel kernel;
    ocl_buf  *lines, *at,
        *small; /* chase: the cycle, positions, ends; launch: small, the counter; local: small, the sums */
    cl_mem   pinned; /* transfer */
    void    *host;   /* transfer: the host side, malloc'ed, or `pinned` mapped */
    size_t   groups, local;
    cl_ulong launched;
} plan;

static void ocl_misc_teardown(ir_run *r)
{
    plan    *p = r->self;
    ocl_dev *d = ocl_of(r->dev);
    if (!p) return;
    ocl_kernel_free(&p->kernel);
    ocl_buffer_free(&p->lines);
    ocl_buffer_free(&p->at);
    ocl_buffer_free(&p->small);
    if (!p->pinned) free(p->host);
    ocl_pinned_free(d, &p->pinned, &p->host);
    free(p);
    r->self = NULL;
}

/* Every set-up: a plan, what `fill` puts into it, nothing of it after a failure. */
static ir_status opened(ir_run *r, ir_status (*fill)(ir_run *, plan *))
{
    plan     *p = ocl_plan(r, sizeof *p);
    ir_status s = p ? fill(r, p) : IR_ENOMEM;
    if (s != IR_OK) ocl_misc_teardown(r);
    return s;
}

/* ---- chase ----------------------------------------------------------------------------------- */
static ir_status ocl_misc_chase_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    if (p->v[PAGES] != WL_PAGES_DEFAULT)
        return ir_fail(IR_SKIP, "pages=%lld: OpenCL has no say in page sizes", (long long)p->v[PAGES]);
    return IR_OK;
}

/* The cycle of workloads_memory.h as line numbers, and where its chains start. */
static uint32_t *cycle(uint32_t n, uint32_t chains, uint32_t *start)
{
    uint32_t *order = malloc(sizeof *order * n), *next = calloc(n, WL_CHASE_LINE);
    for (uint32_t i = 0; order && i < n; i++) order[i] = i;
    for (uint32_t i = n - 1; order && i > 0; i--) {
        uint32_t j = (uint32_t)((uint64_t)ir_hash32(WL_CHASE_SEED, i) * (i + 1) >> 32), was = order[i];
        order[i] = order[j];
        order[j] = was;
    }
    for (uint32_t i = 0; order && next && i < n; i++) next[16 * (size_t)order[i]] = order[(i + 1) % n];
    for (uint32_t c = 0; order && c < chains; c++) start[c] = order[(uint64_t)c * n / chains];
    if (!order) {
        free(next);
        next = NULL;
    }
    free(order);
    return next;
}

static ir_status chase_plan(ir_run *r, plan *p)
{
    ocl_dev *d = ocl_of(r->dev);
    uint32_t n = (uint32_t)(r->p.v[BYTES] / WL_CHASE_LINE), start[WL_CHASE_MAX_CHAINS];
    size_t   k = (size_t)r->p.v[CHAINS];
    char     options[64];
    snprintf(options, sizeof options, "-DCHAINS=%zu", k);
    ir_status s = ocl_kernel(d, "misc", options, "chase", &p->kernel);
    if (s == IR_OK) s = ocl_buffer(d, (size_t)n * WL_CHASE_LINE, &p->lines);
    if (s == IR_OK) s = ocl_buffer(d, 4 * k, &p->at);
    if (s == IR_OK) s = ocl_buffer(d, 8 * k, &p->small);
    uint32_t *next = s == IR_OK ? cycle(n, (uint32_t)k, start) : NULL;
    if (s == IR_OK && !next) s = ir_fail(IR_ENOMEM, "opencl: no memory for %u lines", n);
    if (s == IR_OK) s = ocl_write(d, p->lines, 0, (size_t)n * WL_CHASE_LINE, next);
    if (s == IR_OK) s = ocl_write(d, p->at, 0, 4 * k, start);
    free(next);
    return s;
}

static ir_status ocl_misc_chase_setup(ir_run *r) { return opened(r, chase_plan); }

/* The kernel counts in 32-bit numbers, so that no fp64 is needed; the workload's doubles are made here. */
static ir_status chase_ends(ir_run *r)
{
    plan     *p = r->self;
    size_t    n = 2 * (size_t)r->p.v[CHAINS];
    uint32_t  ends[2 * WL_CHASE_MAX_CHAINS];
    double    out[2 * WL_CHASE_MAX_CHAINS];
    ir_status s = ocl_read(ocl_of(r->dev), p->small, 0, 4 * n, ends);
    for (size_t i = 0; i < n; i++) out[i] = ends[i];
    return s == IR_OK ? ocl_write(ocl_of(r->dev), r->mem[0].p, 0, 8 * n, out) : s;
}

static ir_status ocl_misc_chase_run(ir_run *r, uint32_t reps)
{
    plan         *p = r->self;
    cl_ulong      steps = (cl_ulong)r->p.v[STEPS];
    const ocl_arg args[] = {OCL_A(p->lines->mem), OCL_A(p->at->mem), OCL_A(p->small->mem), OCL_A(steps)};
    ir_status     s = ocl_args(p->kernel, args, 4);
    if (s == IR_OK) s = ocl_launches(ocl_of(r->dev), p->kernel, 1, 1, reps);
    return s == IR_OK ? chase_ends(r) : s;
}

static const ir_plan_ops misc_plan_ops = {.destroy = ocl_misc_teardown};

const ir_kernel ocl_chase_item = {.family = "chase",
                                  .name = "item",
                                  .doc = "one work-item follows line numbers",
                                  .can_run = ocl_misc_chase_can_run,
                                  .plan = ocl_misc_chase_setup,
                                  .run = ocl_misc_chase_run,
                                  .ops = &misc_plan_ops};

/* ---- gather ---------------------------------------------------------------------------------- */
static ir_status gather_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)w;
    return ocl_has_dtype(ocl_of(dev), p->dtype);
}

static ir_status gather_plan(ir_run *r, plan *p)
{
    ocl_dev *d = ocl_of(r->dev);
    char     options[96];
    p->local = ocl_local(d);
    p->groups = ocl_groups(d) < WL_PARTIALS ? ocl_groups(d) : WL_PARTIALS;
    snprintf(options, sizeof options, "-DGATHER -DT=%s -DLS=%zu -DPARTIALS=%d",
             r->p.dtype == IR_F32 ? "float" : "double", p->local, (int)WL_PARTIALS);
    return ocl_kernel(d, "misc", options, "gather", &p->kernel);
}

static ir_status gather_setup(ir_run *r) { return opened(r, gather_plan); }

static ir_status gather_run(ir_run *r, uint32_t reps)
{
    plan         *p = r->self;
    cl_ulong      n = (cl_ulong)r->p.v[1];
    cl_mem        m[3] = {ocl_mem_of(&r->mem[0]), ocl_mem_of(&r->mem[1]), ocl_mem_of(&r->mem[2])};
    const ocl_arg args[] = {OCL_A(m[0]), OCL_A(m[1]), OCL_A(m[2]), OCL_A(n)};
    ir_status     s = ocl_args(p->kernel, args, 4);
    return s == IR_OK ? ocl_launches(ocl_of(r->dev), p->kernel, p->groups, p->local, reps) : s;
}

const ir_kernel ocl_gather_items = {.family = "gather",
                                    .name = "items",
                                    .doc = "four independent gathers per work-item",
                                    .can_run = gather_can_run,
                                    .plan = gather_setup,
                                    .run = gather_run,
                                    .ops = &misc_plan_ops};

/* ---- launch ---------------------------------------------------------------------------------- */
static ir_status launch_plan(ir_run *r, plan *p)
{
    cl_ulong  zero = 0;
    ir_status s = ocl_kernel(ocl_of(r->dev), "misc", "-DLAUNCH", "launch", &p->kernel);
    if (s == IR_OK) s = ocl_buffer(ocl_of(r->dev), sizeof zero, &p->small);
    if (s == IR_OK) s = ocl_write(ocl_of(r->dev), p->small, 0, sizeof zero, &zero);
    return s;
}

static ir_status launch_setup(ir_run *r) { return opened(r, launch_plan); }

static ir_status ocl_misc_launches(ir_run *r, uint32_t reps, bool wait)
{
    plan         *p = r->self;
    ocl_dev      *d = ocl_of(r->dev);
    cl_mem        seen = ocl_mem_of(&r->mem[0]);
    cl_ulong      value = WL_FORKJOIN_SEEN, expected = p->launched + reps;
    const ocl_arg args[] = {OCL_A(seen), OCL_A(p->small->mem), OCL_A(value), OCL_A(expected)};
    ir_status     s = ocl_args(p->kernel, args, 4);
    p->launched = expected;
    for (uint32_t i = 0; i < reps && s == IR_OK; i++) {
        s = ocl_launch(d, p->kernel, 1, 1);
        if (wait && s == IR_OK) s = OCL(clFinish(d->queue));
    }
    return s;
}

static ir_status pipelined_run(ir_run *r, uint32_t reps) { return ocl_misc_launches(r, reps, false); }
static ir_status waited_run(ir_run *r, uint32_t reps) { return ocl_misc_launches(r, reps, true); }

const ir_kernel ocl_launch_pipelined = {.family = "launch",
                                        .name = "pipelined",
                                        .doc = "one work-item; launches queue up in order",
                                        .plan = launch_setup,
                                        .run = pipelined_run,
                                        .ops = &misc_plan_ops};
const ir_kernel ocl_launch_waited = {.family = "launch",
                                     .name = "waited",
                                     .doc = "one work-item; the host waits for each launch",
                                     .plan = launch_setup,
                                     .run = waited_run,
                                     .ops = &misc_plan_ops};

/* ---- local memory ---------------------------------------------------------------------------- */
static ir_status local_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    const ocl_dev *d = ocl_of(dev);
    (void)w;
    if ((cl_ulong)p->v[0] + 4096 > d->local_B)
        return ir_fail(IR_SKIP, "%lld bytes: a group has %.3g kB of local memory", (long long)p->v[0],
                       (double)d->local_B / 1e3);
    return IR_OK;
}

static ir_status local_plan(ir_run *r, plan *p)
{
    ocl_dev *d = ocl_of(r->dev);
    char     options[96];
    p->local = ocl_local(d);
    p->groups = (size_t)r->p.v[2];
    snprintf(options, sizeof options, "-DLOCAL -DNV=%lld -DLS=%zu", (long long)(r->p.v[0] / 16), p->local);
    ir_status s = ocl_kernel(d, "misc", options, "local_read", &p->kernel);
    return s == IR_OK ? ocl_buffer(d, 4 * p->groups, &p->small) : s;
}

static ir_status local_setup(ir_run *r) { return opened(r, local_plan); }

static ir_status local_sums(ir_run *r)
{
    plan     *p = r->self;
    uint32_t *got = malloc(4 * p->groups);
    double   *out = malloc(8 * p->groups);
    ir_status s = got && out ? ocl_read(ocl_of(r->dev), p->small, 0, 4 * p->groups, got)
                             : ir_fail(IR_ENOMEM, "opencl: no memory for sums");
    for (size_t i = 0; s == IR_OK && i < p->groups; i++) out[i] = got[i];
    if (s == IR_OK) s = ocl_write(ocl_of(r->dev), r->mem[0].p, 0, 8 * p->groups, out);
    free(got);
    free(out);
    return s;
}

static ir_status local_run(ir_run *r, uint32_t reps)
{
    plan         *p = r->self;
    cl_uint       passes = (cl_uint)r->p.v[1], still = 0;
    const ocl_arg args[] = {OCL_A(p->small->mem), OCL_A(passes), OCL_A(still)};
    ir_status     s = ocl_args(p->kernel, args, 3);
    if (s == IR_OK) s = ocl_launches(ocl_of(r->dev), p->kernel, p->groups, p->local, reps);
    return s == IR_OK ? local_sums(r) : s;
}

const ir_kernel ocl_local_groups = {.family = "local",
                                    .name = "groups",
                                    .doc = "16-byte loads, four in flight per work-item",
                                    .can_run = local_can_run,
                                    .plan = local_setup,
                                    .run = local_run,
                                    .ops = &misc_plan_ops};

/* ---- transfer -------------------------------------------------------------------------------- */
static ir_status host_side(ir_run *r, plan *p)
{
    uint32_t v = 0;
    for (size_t i = 0; i < (size_t)r->p.v[0] / 4; i++) {
        if (r->p.v[1] == WL_TO_DEVICE) v = wl_transfer_value(i);
        memcpy((char *)p->host + 4 * i, &v, 4);
    }
    return IR_OK;
}

static ir_status pageable_plan(ir_run *r, plan *p)
{
    size_t bytes = (size_t)r->p.v[0];
    p->host = malloc(bytes);
    return p->host ? host_side(r, p) : ir_fail(IR_ENOMEM, "opencl: no memory for %zu bytes", bytes);
}

static ir_status pinned_plan(ir_run *r, plan *p)
{
    ocl_dev  *d = ocl_of(r->dev);
    ir_status s = ocl_pinned(d, (size_t)r->p.v[0], &p->pinned, &p->host);
    return s == IR_OK ? host_side(r, p) : s;
}

static ir_status pageable_setup(ir_run *r) { return opened(r, pageable_plan); }
static ir_status pinned_setup(ir_run *r) { return opened(r, pinned_plan); }

static ir_status probes(ir_run *r)
{
    plan    *p = r->self;
    uint32_t v[WL_TRANSFER_PROBES];
    for (size_t j = 0; j < WL_TRANSFER_PROBES; j++)
        memcpy(&v[j], (char *)p->host + 4 * wl_transfer_probe(&r->p, j), 4);
    return ocl_write(ocl_of(r->dev), r->mem[1].p, 0, sizeof v, v);
}

static ir_status copy_run(ir_run *r, uint32_t reps)
{
    plan     *p = r->self;
    ocl_dev  *d = ocl_of(r->dev);
    cl_mem    m = ocl_mem_of(&r->mem[0]);
    size_t    bytes = (size_t)r->p.v[0];
    bool      to = r->p.v[1] == WL_TO_DEVICE;
    ir_status s = IR_OK;
    for (uint32_t i = 0; i < reps && s == IR_OK; i++)
        s = to ? OCL(clEnqueueWriteBuffer(d->queue, m, CL_TRUE, 0, bytes, p->host, 0, NULL, NULL))
               : OCL(clEnqueueReadBuffer(d->queue, m, CL_TRUE, 0, bytes, p->host, 0, NULL, NULL));
    return s == IR_OK && !to ? probes(r) : s;
}

static ir_status mapped_run(ir_run *r, uint32_t reps)
{
    plan     *p = r->self;
    ocl_dev  *d = ocl_of(r->dev);
    cl_mem    m = ocl_mem_of(&r->mem[0]);
    size_t    bytes = (size_t)r->p.v[0];
    bool      to = r->p.v[1] == WL_TO_DEVICE;
    ir_status s = IR_OK;
    for (uint32_t i = 0; i < reps && s == IR_OK; i++) {
        void *q;
        s = ocl_map(d, m, to ? CL_MAP_WRITE_INVALIDATE_REGION : CL_MAP_READ, 0, bytes, &q);
        if (s != IR_OK) break;
        memcpy(to ? q : p->host, to ? p->host : q, bytes);
        s = OCL(clEnqueueUnmapMemObject(d->queue, m, q, 0, NULL, NULL));
        if (s == IR_OK) s = OCL(clFinish(d->queue));
    }
    return s == IR_OK && !to ? probes(r) : s;
}

const ir_kernel ocl_transfer_pageable = {.family = "transfer",
                                         .name = "pageable",
                                         .doc = "read or write of ordinary host memory",
                                         .plan = pageable_setup,
                                         .run = copy_run,
                                         .ops = &misc_plan_ops};
const ir_kernel ocl_transfer_pinned = {.family = "transfer",
                                       .name = "pinned",
                                       .doc = "read or write of memory the runtime allocated for it",
                                       .plan = pinned_setup,
                                       .run = copy_run,
                                       .ops = &misc_plan_ops};
const ir_kernel ocl_transfer_mapped = {
    .family = "transfer",
    .name = "mapped",
    .doc = "the buffer mapped and copied by the host; zero-copy where memory is shared",
    .plan = pageable_setup,
    .run = mapped_run,
    .ops = &misc_plan_ops};

/* test_ceilings.c -- the ceilings phase on a made-up GPU whose clock is virtual and whose every rate is
 * known: what is found, which of several ways counts, what the saturation checks say, and what the report
 * shows of it. */
#include "bench/ceilings/ceilings.h"
#include "bench/ceilings/stages.h"
#include "kernels/workloads/table.h"
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_matrix.h"
#include "kernels/workloads/workloads_memory.h"
#include "harness/record/record.h"
#include "harness/record/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/asserts.h"

const ir_workload *const ir_workloads[] = {
    &wl_read, &wl_write, &wl_copy,     &wl_scale, &wl_add,      &wl_triad,   &wl_chase, &wl_gather, &wl_clock,
    &wl_fma,  &wl_mma,   &wl_forkjoin, &wl_local, &wl_transfer, &wl_overlap, &wl_gemm,  NULL};

/* ---- the GPU --------------------------------------------------------------------------------- */
#define L2_B 50e6
static const double DRAM = 3e12, L2 = 6e12, LAUNCH = 2e-6, LINK = 50e9, LOCAL = 30e12;
static struct {
    double clock_s;
    double overlap;
    bool   no_library, leaky;
} gpu;

static double stream_s(const ir_run *r, double share)
{
    ir_cost c = r->workload->cost(r->workload, &r->p);
    double  streams = (double)r->p.v[ir_workload_param(r->workload, "streams")], bytes = ir_cost_B(&c);
    double  full = gpu.leaky ? streams / 8 : streams < 2 ? 0.5 : streams < 4 ? 0.9 : 1;
    return bytes / ((c.footprint_B <= L2_B ? L2 : DRAM) * full * share);
}
static double stream_whole(const ir_run *r) { return stream_s(r, 1); }
static double stream_by_half(const ir_run *r) { return stream_s(r, gpu.leaky ? 0.5 : 0.995); }
/* Vector units: 60 TFLOP/s in f32 from 8 chains and 1024 teams on, other types in proportion to their width.
 */
static double fma_s(const ir_run *r)
{
    double teams = r->p.v[2] ? (double)r->p.v[2] : 1024; /* none: a host's threads */
    double fill = fmin(teams / 1024, 1) * fmin((double)r->p.v[0] / 8, 1);
    return r->workload->cost(r->workload, &r->p).flops / (60e12 * 4 / ir_dtype_bytes(r->p.dtype) * fill);
}
static double mma_s(const ir_run *r)
{
    double fill = fmin((double)r->p.v[2] / 4096, 1) * fmin((double)r->p.v[0] / 16, 1);
    return r->workload->cost(r->workload, &r->p).flops / (1200e12 / ir_dtype_bytes(r->p.dtype) * fill);
}
/* The library beats the loops in f16, and not in bf16. */
static double library_s(const ir_run *r)
{
    double size = (double)r->p.v[0], peak = r->p.dtype == IR_F16    ? 700e12
                                            : r->p.dtype == IR_BF16 ? 500e12
                                                                    : 40e12;
    return r->workload->cost(r->workload, &r->p).flops / (peak * (size < 5000 ? 0.9 : 1));
}
static double chase_s(const ir_run *r)
{
    double bytes = (double)r->p.v[0];
    return (double)r->p.v[2] * (bytes < 100e3 ? 20e-9 : bytes < L2_B ? 150e-9 : 500e-9);
}
static double local_s(const ir_run *r)
{
    return r->workload->cost(r->workload, &r->p).footprint_B / (LOCAL * fmin((double)r->p.v[2] / 1024, 1));
}
static double link_s(const ir_run *r) { return (double)r->p.v[0] / LINK - LAUNCH; } /* a copy is no kernel */
static double launch_s(const ir_run *r) { return (void)r, 0; }
static double overlap_s(const ir_run *r)
{
    double copy = (double)r->p.v[0] / LINK, compute = (double)r->p.v[1] * 1e-9;
    if (r->p.v[3] == WL_OVERLAP_COPY) return copy;
    if (r->p.v[3] == WL_OVERLAP_COMPUTE) return compute;
    return copy + compute - gpu.overlap * fmin(copy, compute);
}

static ir_status take(ir_run *r, uint32_t reps, double (*each)(const ir_run *))
{
    gpu.clock_s += reps * (LAUNCH + each(r)); /* each call is one launch */
    return IR_OK;
}
#define KERNEL(id, fam, title, more) \
    static ir_status       id##_run(ir_run *r, uint32_t reps) { return take(r, reps, id); } \
    static const ir_kernel k_##id = { \
        .family = fam, .name = title, .flags = IR_K_IDEAL | (more), .run = id##_run};
KERNEL(stream_whole, "stream", "resident", 0)
KERNEL(stream_by_half, "stream", "half", IR_K_HALF)
KERNEL(fma_s, "peak", "chains", 0)
KERNEL(mma_s, "mma", "loops", 0)
KERNEL(chase_s, "chase", "warps", 0)
KERNEL(local_s, "local", "shared", 0)
KERNEL(link_s, "transfer", "pinned", 0)
KERNEL(launch_s, "launch", "queue", 0)
KERNEL(overlap_s, "overlap", "streams", 0)
static ir_status library_run(ir_run *r, uint32_t reps) { return take(r, reps, library_s); }
static ir_status library_can_run(const ir_dev *d, const ir_workload *w, const ir_params *p)
{
    (void)d, (void)w, (void)p;
    return gpu.no_library ? ir_fail(IR_SKIP, "no library") : IR_OK;
}
static const ir_kernel        k_library = {.family = "gemm",
                                           .name = "vendor",
                                           .flags = IR_K_IDEAL | IR_K_LIB,
                                           .can_run = library_can_run,
                                           .run = library_run};
static const ir_kernel *const kernels[] = {&k_stream_whole, &k_stream_by_half, &k_fma_s,  &k_mma_s,
                                           &k_chase_s,      &k_local_s,        &k_link_s, &k_launch_s,
                                           &k_overlap_s,    &k_library,        NULL};

static const ir_backend virtual_gpu;
static ir_status        g_open(ir_dev *d, const ir_open_options *o)
{
    (void)o;
    d->be = &virtual_gpu;
    d->self = &gpu;
    return IR_OK;
}
static void      g_close(ir_dev *d) { d->self = NULL; }
static ir_status g_describe(ir_dev *d, ir_device_info *o)
{
    (void)d;
    memset(o, 0, sizeof *o);
    snprintf(o->id, sizeof o->id, "gpu0");
    snprintf(o->backend, sizeof o->backend, "gpu");
    o->cores = 100;
    o->mem_B = 80e9;
    o->llc_B = L2_B;
    o->clock_Hz = o->spec_Bps = NAN;
    for (int t = 0; t < IR_NDTYPE; t++) o->spec_flops[t] = NAN;
    o->spec_flops[IR_F32] = 64e12;
    return IR_OK;
}
static ir_status g_alloc(ir_dev *d, size_t n, ir_mem *m)
{
    return (void)d, (void)n, (void)m, ir_fail(IR_ENOMEM, "none");
}
static void      g_release(ir_dev *d, ir_mem *m) { (void)d, (void)m; }
static ir_status g_put(ir_dev *d, ir_mem *m, const void *h) { return (void)d, (void)m, (void)h, IR_OK; }
static ir_status g_get(ir_dev *d, const ir_mem *m, void *h) { return (void)d, (void)m, (void)h, IR_OK; }
static ir_status g_sync(ir_dev *d) { return (void)d, IR_OK; }
static double    g_now(ir_dev *d) { return (void)d, gpu.clock_s; }
static ir_status g_start(ir_dev *d) { return (void)d, IR_OK; }
static ir_status g_stop(ir_dev *d, double *s)
{
    (void)d;
    *s = NAN;
    return IR_OK;
}
static const ir_backend virtual_gpu = {.name = "gpu",
                                       .kernels = kernels,
                                       .open = g_open,
                                       .close = g_close,
                                       .describe = g_describe,
                                       .alloc = g_alloc,
                                       .release = g_release,
                                       .put = g_put,
                                       .get = g_get,
                                       .sync = g_sync,
                                       .now = g_now,
                                       .start = g_start,
                                       .stop = g_stop};

static void measured(measure_context *s)
{
    assert_int_equal(context_open(s, &virtual_gpu, 0, NULL), IR_OK);
    if (ceilings_measure(s) != IR_OK) fail_msg("%s", ir_why());
}

static const ir_ceiling *found(const measure_context *s, ir_what what, const char *level, const char *op,
                               ir_dtype t)
{
    const ir_ceiling *c = ir_ceiling_find(&s->ceilings, what, level, op, t, 0);
    if (!c)
        fail_msg("no ceiling: %s %s %s %s", ir_what_name(what), level ? level : "", op ? op : "",
                 t < IR_NDTYPE ? ir_dtype_name(t) : "");
    return c;
}

static const ir_saturation *saturation_over(const ir_ceiling *c, const char *axis)
{
    for (int i = 0; i < c->nsat; i++)
        if (!strcmp(c->sat[i].axis, axis)) return &c->sat[i];
    fail_msg("%s %s has no certificate over %s", c->level, c->op, axis);
    return NULL;
}

static void assert_near(double got, double want, double rel)
{
    if (!(fabs(got / want - 1) <= rel)) fail_msg("got %.6g, want %.6g", got, want);
}

static void memory(void **state)
{
    static const char *const op[] = {"read", "write", "copy", "triad"};
    measure_context          s;
    (void)state;
    memset(&gpu, 0, sizeof gpu);
    gpu.overlap = 0.9;
    measured(&s);
    for (size_t i = 0; i < sizeof op / sizeof *op; i++) {
        const ir_ceiling *c = found(&s, IR_C_BANDWIDTH, "DRAM", op[i], IR_NDTYPE);
        assert_near(c->value, DRAM, 0.01);
        assert_true(c->size_B >= 4 * L2_B);
        assert_string_equal(c->kernel, "resident"); /* half is no contender */
        assert_true(saturation_over(c, "streams")->saturated);
        assert_num(saturation_over(c, "streams")->to, >, 7);
        assert_true(saturation_over(c, "occupancy")->saturated);
        if (2 * c->size_B <= ir_host_available_B() / 3) assert_true(saturation_over(c, "bytes")->saturated);
        assert_false(c->flags & IR_FLAG_SUSPECT);
    }
    assert_near(found(&s, IR_C_BANDWIDTH, "DRAM", "scale", IR_NDTYPE)->value, DRAM,
                0.01); /* with the streams of copy */
    assert_near(found(&s, IR_C_BANDWIDTH, "L2", "read", IR_NDTYPE)->value, L2, 0.01);
    assert_true(found(&s, IR_C_BANDWIDTH, "L2", "read", IR_NDTYPE)->size_B >
                L2_B / 5); /* enough for every processor of it */
    assert_true(s.ceilings.level_B[IR_DRAM] <= L2_B &&
                s.ceilings.level_B[IR_DRAM] > 0.9 * L2_B); /* halved in ratio between two rungs */
    assert_true(s.ceilings.level_B[1] <= L2_B && s.ceilings.level_B[1] > 0.9 * L2_B);
    assert_near(found(&s, IR_C_BANDWIDTH, "local", "read", IR_NDTYPE)->value, LOCAL, 0.01);
    assert_true(saturation_over(found(&s, IR_C_BANDWIDTH, "local", "read", IR_NDTYPE), "groups")->saturated);
    assert_near(found(&s, IR_C_BANDWIDTH, "link", "to", IR_NDTYPE)->value, LINK, 0.01);
    assert_near(found(&s, IR_C_BANDWIDTH, "link", "from", IR_NDTYPE)->value, LINK, 0.01);
    assert_true(saturation_over(found(&s, IR_C_BANDWIDTH, "link", "from", IR_NDTYPE), "bytes")->saturated);
    assert_near(found(&s, IR_C_LATENCY, "L1", "chase", IR_NDTYPE)->value, 20e-9, 0.01);
    assert_near(found(&s, IR_C_LATENCY, "L2", "chase", IR_NDTYPE)->value, 150e-9, 0.01);
    assert_near(found(&s, IR_C_LATENCY, "DRAM", "chase", IR_NDTYPE)->value, 500e-9, 0.01);
    assert_near(found(&s, IR_C_LAUNCH, NULL, "forkjoin", IR_NDTYPE)->value, LAUNCH, 0.01);
    assert_near(found(&s, IR_C_OVERLAP, "link", "overlap", IR_NDTYPE)->value, 0.9, 0.01);
    context_close(&s);
}

/* A rate that still rises is no ceiling, and says so. */
static void unsaturated(void **state)
{
    measure_context s;
    (void)state;
    memset(&gpu, 0, sizeof gpu);
    gpu.leaky = true;
    measured(&s);
    const ir_ceiling *c = found(&s, IR_C_BANDWIDTH, "DRAM", "copy", IR_NDTYPE);
    assert_near(c->value, DRAM, 0.01); /* of the most streams */
    assert_near(saturation_over(c, "streams")->gain, 1, 0.01);
    assert_false(saturation_over(c, "streams")->saturated);
    assert_near(saturation_over(c, "occupancy")->gain, 1, 0.01);
    assert_false(saturation_over(c, "occupancy")->saturated);
    context_close(&s);
}

/* Loops and library are rows of their own; the higher is the ceiling. */
static void arithmetic(void **state)
{
    measure_context s;
    (void)state;
    memset(&gpu, 0, sizeof gpu);
    measured(&s);
    assert_near(found(&s, IR_C_FLOPS, NULL, "mma", IR_F16)->value, 600e12, 0.01);
    assert_near(found(&s, IR_C_FLOPS, NULL, "gemm", IR_F16)->value, 700e12, 0.01);
    assert_near(ir_peak_ceiling(&s.ceilings, IR_F16, 0), 700e12, 0.01);
    assert_near(found(&s, IR_C_FLOPS, NULL, "gemm", IR_BF16)->value, 500e12, 0.01);
    assert_near(ir_peak_ceiling(&s.ceilings, IR_BF16, 0), 600e12, 0.01);
    const ir_ceiling *f32 = found(&s, IR_C_FLOPS, NULL, "fma", IR_F32);
    assert_near(f32->value, 60e12, 0.01);
    assert_near(f32->theory, 64e12, 0.01);
    assert_near(ir_peak_ceiling(&s.ceilings, IR_F32, 0), 60e12, 0.01);
    assert_true(saturation_over(f32, "chains")->saturated);
    assert_true(saturation_over(f32, "teams")->saturated);
    const ir_ceiling *lib = found(&s, IR_C_FLOPS, NULL, "gemm", IR_F16);
    assert_near(saturation_over(lib, "size")->gain, 0.111,
                0.02); /* the library still gained from 4096 to 8192 */
    assert_false(saturation_over(lib, "size")->saturated);
    context_close(&s);
    gpu.no_library = true;
    measured(&s);
    assert_null(ir_ceiling_find(&s.ceilings, IR_C_FLOPS, NULL, "gemm", IR_NDTYPE, 0));
    assert_near(ir_peak_ceiling(&s.ceilings, IR_F16, 0), 600e12, 0.01);
    context_close(&s);
}

static void shown(void **state)
{
    static const char *const words[] = {"mma loops 600 TFLOP/s, gemm vendor 700 TFLOP/s",
                                        "link   to ",
                                        "50.0 GB/s",
                                        "local  read ",
                                        "link: bytes between host and device",
                                        "Overlap 90 % of the shorter",
                                        "(queue)",
                                        "o occupancy"};
    measure_context          s;
    char                    *text = NULL;
    size_t                   size = 0;
    (void)state;
    memset(&gpu, 0, sizeof gpu);
    gpu.overlap = 0.9;
    measured(&s);
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    ir_text t = {.f = f, .width = 200};
    ir_text_ceilings(&t, &s.ceilings);
    fclose(f);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(text, words[i])) {
            fputs(text, stderr);
            fail_msg("the report does not say '%s'", words[i]);
        }
    free(text);
    context_close(&s);
}

/* Visits in the state of the first, in another, in that again, and in a third; what a ceiling keeps, and that
 * its value is the most it gave. */
static void moments(void **state)
{
    ir_ceiling c = {.value = 100, .ref_read_Bps = 80};
    (void)state;
    ceiling_operating_point(&c, 81, 72); /* as the first: their geometric mean, at the higher rate */
    assert_near(c.value, 100, 1e-12);
    assert_near(c.value / c.ref_read_Bps, sqrt(100. / 80 * 81 / 72), 1e-12);
    assert_true(c.alt_read_Bps == 0);
    ceiling_operating_point(&c, 60, 40);
    assert_num(c.alt_Bps, ==, 60);
    assert_num(c.alt_read_Bps, ==, 40);
    assert_num(c.value, ==, 100);
    ceiling_operating_point(&c, 66, 42);
    assert_near(c.alt_Bps / c.alt_read_Bps, sqrt(60. / 40 * 66 / 42), 1e-12);
    ceiling_operating_point(
        &c, 150, 120); /* the best is the ceiling; beside it the state that gave most of the others */
    assert_num(c.value, ==, 150);
    assert_num(c.ref_read_Bps, ==, 120);
    assert_num(c.alt_Bps, ==, 100);
    ir_ceiling before = c;
    ceiling_operating_point(&c, 500, NAN);
    assert_memory_equal(&c, &before, sizeof c);
    ir_ceiling blind = {.value = 100, .ref_read_Bps = NAN};
    ceiling_operating_point(&blind, 90, 50);
    assert_num(blind.value, ==, 100);
    assert_num(blind.ref_read_Bps, ==, 50);
}

/* A point that meets another state has the ceilings visited, twice at most; what that measures stands before
 * what was asked for. */
static void followed(void **state)
{
    (void)state;
    measure_context s;
    size_t          n;
    assert_int_equal(context_open(&s, &virtual_gpu, 0, NULL), IR_OK);
    s.info.threads = 1; /* a device's memory is its own: nothing follows there */
    const ir_kernel *k = backend_kernel(s.dev.be, &wl_copy, 0);
    ir_ceiling       c = {.what = IR_C_BANDWIDTH,
                          .level = "DRAM",
                          .op = "copy",
                          .value = 100,
                          .lo = 99,
                          .hi = 101,
                          .ref_read_Bps = 80,
                          .size_B = 1 << 20};
    snprintf(c.kernel, sizeof c.kernel, "%s", k->name);
    assert_int_equal(ir_ceilings_add(&s.ceilings, &c), IR_OK);
    s.monitor.size = ir_workload_param(&wl_copy, "bytes");
    s.monitor.ceiling_Bps = 80;
    for (int i = 0; i < 2; i++) {
        s.in_ceilings = i == 0;
        assert_int_equal(context_measure(&s, &wl_copy, k, &wl_copy.defaults, false, NULL), IR_OK);
    }
    static const struct {
        double now;
        int    remeasured;
    } met[] = {{NAN, 0}, {1.1, 0}, {2, 1}, {0.5, 2}, {0.25, 2}};
    for (size_t i = 0; i < sizeof met / sizeof *met; i++) {
        s.point[s.npoint - 1].m.bw_now = met[i].now;
        assert_int_equal(ceilings_follow(&s), IR_OK);
        assert_int_equal(s.remeasured, met[i].remeasured);
        assert_int_equal(s.npoint, 2 + met[i].remeasured);
        const ir_point *asked = context_asked(&s, &n);
        assert_num(n, ==, 1);
        assert_ptr_equal(asked, &s.point[s.npoint - 1]);
        assert_true(!asked->id.for_ceiling);
        for (size_t j = 0; j + 1 < s.npoint; j++) assert_true(s.point[j].id.for_ceiling);
    }
    assert_true(!s.in_ceilings);
    assert_num(s.ceilings.v[0].value, >, 100);
    context_close(&s);
}

/* A point that outdoes its peak has that peak measured again: one that was too low is raised, and nothing is
 * suspect; where the peak is right, the point stays suspect. */
static void peak_followed(void **state)
{
    (void)state;
    static const struct {
        double short_of; /* the ceiling, of what the units do */
        double count;    /* operations claimed for each one done */
        bool   suspect;
        int    again;
    } row[] = {{.5, 1, false, 1}, {1, 1, false, 0}, {1, 3, true, 1}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        measure_context s;
        assert_int_equal(context_open(&s, &virtual_gpu, 0, NULL), IR_OK);
        s.info.threads = 1; /* a host's units */
        ir_params p = wl_fma.defaults;
        p.threads = 1;
        p.v[0] = 16;
        const ir_kernel *k = backend_kernel_named(s.dev.be, &wl_fma, "chains");
        assert_int_equal(context_measure(&s, &wl_fma, k, &p, false, NULL), IR_OK);
        const double v = s.point[0].m.cost.flops / ir_point_time(&s.point[0]) * row[i].short_of;
        ir_ceiling   c = {.what = IR_C_FLOPS,
                          .op = "fma",
                          .dtype = p.dtype,
                          .threads = 1,
                          .value = v,
                          .lo = .99 * v,
                          .hi = 1.01 * v};
        assert_int_equal(ir_ceilings_add(&s.ceilings, &c), IR_OK);
        s.point[0].m.cost.flops *= row[i].count;
        ir_guard_point(&s.point[0], &s.ceilings);
        assert_int_equal(ceilings_follow(&s), IR_OK);
        assert_int_equal(s.peaks_again, row[i].again);
        assert_int_equal((s.point[s.npoint - 1].flags & IR_FLAG_SUSPECT) != 0, row[i].suspect);
        assert_true(!s.point[s.npoint - 1].id.for_ceiling && !s.in_ceilings);
        context_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory),       cmocka_unit_test(unsaturated),
                                       cmocka_unit_test(arithmetic),   cmocka_unit_test(shown),
                                       cmocka_unit_test(moments),      cmocka_unit_test(followed),
                                       cmocka_unit_test(peak_followed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

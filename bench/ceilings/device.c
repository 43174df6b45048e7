/* device.c -- ceilings that only a device with memory of its own has: the best product of its vendor's
 * library beside the arithmetic loops, what the last doubling of bytes and threads in flight gained, and
 * whether copies and kernels run at once. */
#include "bench/ceilings/stages.h"
#include "kernels/workloads/table.h"
#include "kernels/workloads/workloads_memory.h"
#include "harness/machine/machine.h"

#include <math.h>
#include <string.h>

/* ---- the library's best product -------------------------------------------------------------- */
/* One call of so large a product, at the peak of the loops; 0: not known. */
static double library_call_s(const ceiling_plan *pl, ir_dtype t, int64_t size)
{
    double R = ir_product_ceiling(&pl->s->ceilings, t, 0), n = (double)size;
    return R > 0 ? 2 * n * n * n / R : 0;
}

/* A size whose single call outlasts what a point gets adds nothing: by then launches do not count, and a type
 * that a device hardly has would take minutes. The smallest is always asked. */
static ir_status library_peak(ceiling_plan *pl, const ir_workload *w, ir_dtype t)
{
    static const int64_t size[] = {2048, 4096, 8192, 16384};
    enum { N = sizeof size / sizeof *size };
    double    r[N], most_s = pl->s->policy.budget_s;
    int       first = pl->s->full || library_call_s(pl, t, size[1]) > most_s ? 0 : 1, n = first;
    ir_point  best;
    ir_params p = w->defaults;
    ceiling_none(&best);
    p.dtype = t;
    p.threads = 0;
    for (; n < (pl->s->full ? N : N - 1); n++) {
        ir_point q;
        if (n > first && library_call_s(pl, t, size[n]) > most_s) break;
        for (int d = 0; d < 3; d++) p.v[d] = size[n];
        ceiling_none(&q);
        ir_status s = ceiling_fastest(pl, w, &p, IR_K_LIB, 0, &q);
        if (s != IR_OK) return s;
        r[n] = q.status == IR_OK ? ceiling_flops(pl, &q) : NAN;
        if (q.status == IR_OK && (best.status != IR_OK || r[n] > ceiling_flops(pl, &best))) best = q;
    }
    if (best.status != IR_OK) return IR_OK;
    ir_ceiling c = ceiling_from(pl, IR_C_FLOPS, "", &best, ceiling_flops(pl, &best));
    c.dtype = t;
    c.size_B = best.m.cost.footprint_B;
    c.theory = pl->s->info.spec_flops[t];
    ceiling_saturation_axis(&c, "size", size + first, r + first, n - first);
    return ceiling_add(pl, &c);
}

ir_status ceilings_library(ceiling_plan *pl)
{
    const ir_workload *w = ir_workload_named("gemm");
    ir_status          s = IR_OK;
    for (int t = 0; t < IR_NDTYPE && s == IR_OK; t++)
        if (w->dtypes & (1u << t)) s = library_peak(pl, w, (ir_dtype)t);
    return s;
}

/* ---- saturation ------------------------------------------------------------------------------ */
/* Operations that are certified in the quick profile: proving a gigabyte on the host takes seconds. */
static bool is_checked(const measure_context *s, const ir_workload *w)
{
    static const char *const op[] = {"read", "write", "copy", "triad"};
    bool                     in = s->full;
    for (size_t i = 0; i < sizeof op / sizeof *op && !in; i++) in = !strcmp(w->name, op[i]);
    return in;
}

/* One kernel at one shape; NAN where it does not run. */
static ir_status device_rate_of(ceiling_plan *pl, const ir_workload *w, const ir_kernel *k,
                                const ir_params *p, const ir_point **q, double *rate)
{
    *rate = NAN;
    if (!context_wants(pl->s, w, k)) return IR_OK;
    ir_status s = context_measure(pl->s, w, k, p, false, q);
    if (s == IR_OK && (*q)->status == IR_OK) *rate = ceiling_rate(pl, *q);
    return s;
}

static ir_status over_streams(ceiling_plan *pl, const ir_workload *w, const ir_kernel *k, ir_params *p,
                              ir_ceiling *c)
{
    static const int64_t streams[] = {1, 2, 4, 8};
    enum { N = sizeof streams / sizeof *streams };
    double    r[N], most = 0;
    int64_t   best = p->v[ir_workload_param(w, "streams")];
    ir_status s = IR_OK;
    for (int i = 0; i < N && s == IR_OK; i++) {
        const ir_point *q;
        ceiling_set(w, p, "streams", (double)streams[i]);
        s = device_rate_of(pl, w, k, p, &q, &r[i]);
        if (s != IR_OK || !(r[i] > most)) continue;
        most = r[i];
        best = streams[i];
        ceiling_raise(pl, c, q);
    }
    pl->streams = best;
    ceiling_set(w, p, "streams", (double)best);
    ceiling_saturation_axis(c, "streams", streams, r, N);
    return s;
}

/* An operation that gets no saturation check of its own takes the streams of the last that did. */
static ir_status as_checked(ceiling_plan *pl, const ir_workload *w, const ir_kernel *k, ir_params *p,
                            ir_ceiling *c)
{
    const ir_point *q;
    double          rate;
    if (pl->streams == 0) return IR_OK;
    ceiling_set(w, p, "streams", (double)pl->streams);
    ir_status s = device_rate_of(pl, w, k, p, &q, &rate);
    if (s == IR_OK && isfinite(rate)) ceiling_raise(pl, c, q);
    return s;
}

/* Against the kernel that keeps half of the threads, at the same streams. */
static ir_status over_occupancy(ceiling_plan *pl, const ir_workload *w, const ir_params *p, ir_ceiling *c)
{
    const ir_kernel *k;
    const ir_point  *q;
    double           half;
    ir_status        s = IR_OK;
    for (size_t i = 0; s == IR_OK && (k = backend_kernel(pl->s->dev.be, w, i)); i++) {
        if (!(k->flags & IR_K_HALF)) continue;
        s = device_rate_of(pl, w, k, p, &q, &half);
        if (s == IR_OK && half > 0) ceiling_saturation(c, "occupancy", 0.5, 1, c->value / half - 1);
    }
    return s;
}

ir_status ceilings_saturate(ceiling_plan *pl, const ir_workload *w, int level, ir_ceiling *c)
{
    const ir_kernel *winner = backend_kernel_named(pl->s->dev.be, w, c->kernel);
    const ir_point  *q;
    double           twice;
    ir_params        p = w->defaults;
    if (!winner) return IR_OK;
    p.threads = 0;
    ceiling_set(w, &p, "bytes", c->size_B);
    if (!is_checked(pl->s, w)) return as_checked(pl, w, winner, &p, c);
    ir_status s = over_streams(pl, w, winner, &p, c);
    if (s == IR_OK) s = over_occupancy(pl, w, &p, c);
    if (s != IR_OK || level != IR_DRAM || 2 * c->size_B > ceiling_room_B(pl) / 3) return s;
    ceiling_set(w, &p, "bytes", 2 * c->size_B);
    s = device_rate_of(pl, w, winner, &p, &q, &twice);
    if (s == IR_OK) ceiling_saturation(c, "bytes", c->size_B, 2 * c->size_B, twice / c->value - 1);
    return s;
}

/* ---- copying while computing ----------------------------------------------------------------- */
/* One kernel at one kind of work; *T is NAN where it does not run. */
static ir_status overlap_time(ceiling_plan *pl, const ir_workload *w, const ir_kernel *k, ir_params *p,
                              int work, const ir_point **q, double *T)
{
    ceiling_set(w, p, "work", work);
    ir_status s = context_measure(pl->s, w, k, p, false, q);
    *T = s == IR_OK && (*q)->status == IR_OK ? ir_point_time(*q) : NAN;
    return s;
}

/* Both halves are made to last alike, since a short one beside a long one would prove little. */
static ir_status overlap_of(ceiling_plan *pl, const ir_workload *w, const ir_kernel *k)
{
    const ir_point *q;
    ir_params       p = w->defaults;
    double          copy, compute, both;
    int             iters = ir_workload_param(w, "iters");
    p.threads = 0;
    ir_status s = overlap_time(pl, w, k, &p, WL_OVERLAP_COPY, &q, &copy);
    if (s == IR_OK) s = overlap_time(pl, w, k, &p, WL_OVERLAP_COMPUTE, &q, &compute);
    if (s != IR_OK || !(copy > 0) || !(compute > 0)) return s;
    p.v[iters] = (int64_t)fmin(fmax((double)p.v[iters] * copy / compute, 1), WL_OVERLAP_MAX_ITERS);
    s = overlap_time(pl, w, k, &p, WL_OVERLAP_COMPUTE, &q, &compute);
    if (s == IR_OK) s = overlap_time(pl, w, k, &p, WL_OVERLAP_BOTH, &q, &both);
    if (s != IR_OK || !(compute > 0) || !(both > 0)) return s;
    ir_ceiling c = ceiling_from(pl, IR_C_OVERLAP, "link", q, (copy + compute - both) / fmin(copy, compute));
    c.lo = c.hi = NAN; /* a difference of three times: their intervals are in the points */
    return ceiling_add(pl, &c);
}

ir_status ceilings_overlap(ceiling_plan *pl)
{
    const ir_workload *w = ir_workload_named("overlap");
    const ir_kernel   *k;
    ir_status          s = IR_OK;
    for (size_t i = 0; pl->own && s == IR_OK && (k = backend_kernel(pl->s->dev.be, w, i)); i++)
        if (context_wants(pl->s, w, k)) s = overlap_of(pl, w, k);
    return s;
}

/* bw_monitor.c -- see reference.h. One call takes some milliseconds and is made between the samples of a point every
 * EVERY_S: where a shared machine's memory changes its speed by a factor of two within seconds, before and after would miss
 * it. Of a footprint that a cache may serve in part (one below the reference's own), how large a part depends on the machine's state
 * as well (one last-level cache for two threads, or two): reads of just that footprint tell, repeated until they have replaced the
 * point's own data in the cache.
 * Assumes that a point at DRAM leaves nothing in the caches that its next sample could miss. */
#include "bench/measure/bw_monitor.h"
#include "bench/tables.h"
#include "harness/stats/stats.h"

#include <math.h>

enum { SETTLE = 4 }; /* passes until a last-level cache holds what it will of one footprint */
static const double EVERY_S = 0.05, STEADY = 0.15, READ_STEP_B = 1 << 16;

/* The number of streams is not in a ceiling, but in the point that reached it. */
static double best_streams(const session *s, const ir_workload *w, const ir_ceiling *c)
{
    int    at = bench_param(w, "streams"), size = bench_param(w, "bytes");
    double streams = (double)w->defaults.v[at], best = INFINITY;
    for (size_t i = 0; i < s->npoint; i++) {
        const ir_point *p = &s->point[i];
        if (!p->for_ceiling || strcmp(p->workload, w->name) || strcmp(p->kernel, c->kernel) || p->p.threads != c->threads ||
            p->p.v[size] != (int64_t)c->size_B || !(ir_point_time(p) < best))
            continue;
        best = ir_point_time(p);
        streams = (double)p->p.v[at];
    }
    return streams;
}

void session_reference(session *s)
{
    const ir_workload *w = bench_workload("read");
    const ir_ceiling  *c = ir_ceiling_find(&s->ceilings, IR_C_BANDWIDTH, "DRAM", "read", IR_NDTYPE, s->info.threads);
    reference_close(s);
    if (!c || s->info.threads == 1 || (s->info.threads == 0 && !s->info.host_again) || !(c->size_B > 0)) return;
    const ir_kernel *k = session_kernel_named(s, w, c->kernel);
    s->ref.p = w->defaults;
    s->ref.p.threads = c->threads;
    s->ref.size = bench_param(w, "bytes");
    s->ref.p.v[s->ref.size] = (int64_t)c->size_B;
    s->ref.p.v[bench_param(w, "streams")] = (int64_t)best_streams(s, w, c);
    s->ref.ceiling_Bps = c->value;
    s->ref.kernel = k;
    if (k) ir_probe_open(&s->dev, w, k, &s->ref.p, s->policy.seed, &s->ref.probe); /* none: points go without a reference */
}

void reference_close(session *s)
{
    ir_probe_close(s->ref.probe);
    ir_probe_close(s->ref.at);
    memset(&s->ref, 0, sizeof s->ref);
}

static void look(void *arg)
{
    reference *r = arg;
    bool       part = r->now == r->at;
    for (int i = 0; part && i < SETTLE; i++) ir_probe_s(r->at);
    double t = ir_probe_s(r->now), bytes = part ? r->at_B : (double)r->p.v[r->size];
    if (t > 0) r->seen[r->n++ % REF_MOST] = bytes / t / r->ceiling_Bps;
}

/* The reference for a footprint; NULL: there is none. */
static ir_probe *for_footprint(session *s, double B, bool cold)
{
    reference *r = &s->ref;
    if (cold || !(B < (double)r->p.v[r->size])) return r->probe;
    B = floor(B / READ_STEP_B) * READ_STEP_B;
    if (B == r->at_B) return r->at;
    ir_params p = r->p;
    ir_probe_close(r->at);
    p.v[r->size] = (int64_t)B;
    r->at_B = B;
    ir_probe_open(&s->dev, bench_workload("read"), r->kernel, &p, s->policy.seed, &r->at);
    return r->at;
}

/* Is it a point whose time is memory bandwidth, and will its kernel run at all? */
static bool drifts(const session *s, const ir_workload *w, const ir_kernel *k, const ir_params *p, bool cold, double *footprint_B)
{
    int threads = p->threads ? p->threads : s->info.threads;
    if (!s->ref.probe || threads != s->ref.p.threads) return false;
    if (w->valid && w->valid(p) != IR_OK) return false;
    if (k->can_run && k->can_run(&s->dev, w, p) != IR_OK) return false;
    ir_cost c = w->cost(p);
    *footprint_B = c.footprint_B;
    return c.read_B + c.write_B > 0 && !strcmp(ir_level_of(&s->ceilings, c.footprint_B, threads, cold), "DRAM");
}

bool reference_begin(session *s, const ir_workload *w, const ir_kernel *k, const ir_params *p, bool cold, ir_policy *pol)
{
    double footprint_B;
    if (!drifts(s, w, k, p, cold, &footprint_B)) return false;
    s->ref.now = for_footprint(s, footprint_B, cold);
    if (!s->ref.now) return false;
    s->ref.n = 0;
    pol->beside = look;
    pol->beside_arg = &s->ref;
    pol->beside_s = EVERY_S;
    return true;
}

void reference_end(session *s, ir_point *o)
{
    reference *r = &s->ref;
    size_t     n = r->n < REF_MOST ? r->n : REF_MOST;
    if (o->status != IR_OK || n == 0) return;
    ir_sort(r->seen, n);
    o->bw_now = ir_quantile_sorted(r->seen, n, 0.5);
    if (ir_quantile_sorted(r->seen, n, 0.75) - ir_quantile_sorted(r->seen, n, 0.25) > STEADY * o->bw_now) o->flags |= IR_FLAG_NOISY;
}

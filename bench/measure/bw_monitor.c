/* bw_monitor.c -- see bw_monitor.h. One call takes some milliseconds and is made between the samples of a
 * point every EVERY_S: where a shared machine's memory changes its speed by a factor of two within seconds,
 * before and after would miss it. Of a footprint that a cache may serve in part (one below the reference's
 * own), how large a part depends on the machine's state as well (one last-level cache for two threads, or
 * two): reads of just that footprint tell, repeated until they have replaced the point's own data in the
 * cache. Assumes that a point at DRAM leaves nothing in the caches that its next sample could miss. */
#include "bench/measure/bw_monitor.h"
#include "bench/measure/kernels.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <string.h>

enum { SETTLE = 4 }; /* passes until a last-level cache holds what it will of one footprint */
static const double EVERY_S = 0.05, STEADY = 0.15, READ_STEP_B = 1 << 16;

/* The number of streams is not in a ceiling, but in the point that reached it. */
static double best_streams(const ir_point *pts, size_t n, const ir_workload *w, const ir_ceiling *c)
{
    int    at = ir_workload_param(w, "streams"), size = ir_workload_param(w, "bytes");
    double streams = (double)w->defaults.v[at], best = INFINITY;
    for (size_t i = 0; i < n; i++) {
        const ir_point *p = &pts[i];
        if (!p->id.for_ceiling || strcmp(p->id.workload, w->name) || strcmp(p->id.kernel, c->kernel) ||
            p->id.p.threads != c->threads || p->id.p.v[size] != (int64_t)c->size_B ||
            !(ir_point_time(p) < best))
            continue;
        best = ir_point_time(p);
        streams = (double)p->id.p.v[at];
    }
    return streams;
}

void bw_monitor_choose(bw_monitor *m, ir_dev *dev, const ir_device_info *info, const ir_ceilings *all,
                       const ir_point *pts, size_t n, uint64_t seed)
{
    const ir_workload *w = ir_workload_named("read");
    const ir_ceiling  *c = ir_ceiling_find(all, IR_C_BANDWIDTH, "DRAM", "read", IR_NDTYPE, info->threads);
    bw_monitor_close(m);
    if (!c || info->threads == 1 || (info->threads == 0 && !info->host_again) || !(c->size_B > 0)) return;
    const ir_kernel *k = backend_kernel_named(dev->be, w, c->kernel);
    m->dev = dev;
    m->seed = seed;
    m->p = w->defaults;
    m->p.threads = c->threads;
    m->size = ir_workload_param(w, "bytes");
    m->p.v[m->size] = (int64_t)c->size_B;
    m->p.v[ir_workload_param(w, "streams")] = (int64_t)best_streams(pts, n, w, c);
    m->ceiling_Bps = c->value;
    m->kernel = k;
    if (k) ir_probe_open(dev, w, k, &m->p, seed, &m->whole); /* none: points go without it */
}

void bw_monitor_close(bw_monitor *m)
{
    ir_probe_close(m->whole);
    ir_probe_close(m->part);
    memset(m, 0, sizeof *m);
}

static void bw_monitor_look(void *arg)
{
    bw_monitor *m = arg;
    bool        part = m->now == m->part;
    for (int i = 0; part && i < SETTLE; i++) ir_probe_s(m->part);
    double t = ir_probe_s(m->now), bytes = part ? m->part_B : (double)m->p.v[m->size];
    if (t > 0) readings_add(&m->seen, bytes / t / m->ceiling_Bps);
}

double bw_monitor_share(bw_monitor *m)
{
    size_t n = m->seen.n;
    bw_monitor_look(m);
    return m->seen.n > n ? readings_last(&m->seen) : NAN;
}

/* The read for a footprint; NULL: there is none. */
static ir_probe *for_footprint(bw_monitor *m, double B, bool cold)
{
    if (cold || !(B < (double)m->p.v[m->size])) return m->whole;
    B = floor(B / READ_STEP_B) * READ_STEP_B;
    if (B == m->part_B) return m->part;
    ir_params p = m->p;
    ir_probe_close(m->part);
    p.v[m->size] = (int64_t)B;
    m->part_B = B;
    ir_probe_open(m->dev, ir_workload_named("read"), m->kernel, &p, m->seed, &m->part);
    return m->part;
}

/* Does its time depend on the bandwidth of memory? */
static bool drifts(const bw_monitor *m, const ir_ceilings *all, const ir_bound_kernel *b, bool cold)
{
    const ir_cost *c = &b->cost;
    if (!m->whole || b->status != IR_OK || b->p.threads != m->p.threads || b->p.node > 0) return false;
    return ir_cost_B(c) > 0 && !strcmp(ir_level_of(all, c->footprint_B, m->p.threads, cold), "DRAM");
}

bool bw_monitor_begin(bw_monitor *m, const ir_ceilings *all, const ir_bound_kernel *b, bool cold,
                      ir_policy *pol)
{
    if (!drifts(m, all, b, cold)) return false;
    m->now = for_footprint(m, b->cost.footprint_B, cold);
    if (!m->now) return false;
    m->seen.n = 0;
    pol->beside = bw_monitor_look;
    pol->beside_arg = m;
    pol->beside_s = EVERY_S;
    return true;
}

void bw_monitor_end(bw_monitor *m, ir_point *o)
{
    if (o->status != IR_OK || m->seen.n == 0) return;
    o->m.bw_now = readings_quantile(&m->seen, 0.5);
    if (readings_quantile(&m->seen, 0.75) - readings_quantile(&m->seen, 0.25) > STEADY * o->m.bw_now)
        o->flags |= IR_FLAG_NOISY;
}

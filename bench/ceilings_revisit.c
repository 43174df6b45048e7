/* ceilings_revisit.c -- memory bandwidth, and what a launch costs, asked for a second time, a minute later. On a shared machine it depends on what the
 * neighbours do and on where the hypervisor put the processors; a ceiling is the higher of both visits, its interval
 * spans both, and its certificate says how far apart they were. Core-private rates do not need it. */
#include "bench/ceilings.h"
#include "bench/tables.h"

#include <math.h>
#include <string.h>

/* The op's rate over the read's of the moment, by both visits. */
static double read_then(const ir_ceiling *first, const ir_ceiling *again)
{
    double a = first->value / first->read_then_Bps, b = again->value / again->read_then_Bps;
    if (!(a > 0)) return again->read_then_Bps;
    return b > 0 ? fmax(first->value, again->value) / sqrt(a * b) : first->read_then_Bps;
}

static void merge(const ceiling_plan *pl, ir_ceiling *c, const ir_point *q)
{
    double rate = (q->cost.read_B + q->cost.write_B) / ir_point_time(q), gain = rate / c->value - 1;
    ceiling_certify(c, "visits", 1, 2, gain);
    ir_ceiling again = ceiling_from(pl, IR_C_BANDWIDTH, c->level, q, rate);
    c->lo = fmin(c->lo, again.lo);
    c->hi = fmax(c->hi, again.hi);
    c->read_then_Bps = read_then(c, &again);
    if (rate > c->value) c->value = rate;
    if (fabs(gain) > 0.05) c->flags |= IR_FLAG_NOISY;
}

/* What a launch costs is the least it ever took: threads that a host has parked answer late for a while. */
static void merge_launch(ir_ceiling *c, const ir_point *q)
{
    const ir_stats *t = ir_point_stats(q);
    ceiling_certify(c, "visits", 1, 2, c->value / t->median - 1);
    if (!(t->median < c->value)) return;
    c->value = t->median;
    c->lo = t->ci_lo;
    c->hi = t->ci_hi;
}

static bool revisited(const ir_ceiling *c, const ir_workload *w)
{
    if (c->what == IR_C_LAUNCH) return !strcmp(w->family, "launch");
    return c->what == IR_C_BANDWIDTH && !strcmp(c->level, "DRAM") && !strcmp(w->family, "stream");
}

ir_status ceilings_revisit(ceiling_plan *pl)
{
    session  *s = pl->s;
    ir_status st = IR_OK;
    for (size_t i = 0; !pl->device && i < s->ceilings.n && st == IR_OK; i++) {
        ir_ceiling        *c = &s->ceilings.v[i];
        const ir_workload *w = bench_workload(c->op);
        const ir_kernel   *k = w ? session_kernel_named(s, w, c->kernel) : NULL;
        const ir_point    *q;
        if (!k || !revisited(c, w)) continue;
        const bool launch = c->what == IR_C_LAUNCH;
        ir_params  p = w->defaults;
        p.threads = c->threads;
        if (!launch) ceiling_set(w, &p, "bytes", c->size_B);
        st = session_measure(s, w, k, &p, false, &q);
        if (st != IR_OK || q->status != IR_OK) continue;
        if (launch) merge_launch(&s->ceilings.v[i], q);
        else merge(pl, &s->ceilings.v[i], q);
    }
    return st;
}

/* remeasure.c -- memory bandwidth, and what a launch costs, asked for a second time, a minute later. On a
 * shared machine it depends on what the neighbours do and on where the hypervisor put the processors; a
 * ceiling is the higher of both, its interval spans both, and its saturation check says how far apart they
 * were. Core-private rates do not need it.
 *
 * How far an operation outdoes reads differs between the memory's states, so two operating points are kept of
 * each where reads got clearly more in one than in the other. A point that meets a state that is new calls
 * for a re-measurement at once, while the state lasts. One that outdoes a peak calls for that peak: one of
 * both is wrong, and a peak that was measured while two threads shared a core is raised. */
#include "bench/ceilings/ceilings.h"
#include "bench/ceilings/stages.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <string.h>

enum { MAX_REMEASURE = 2, MAX_PEAKS = 4 }; /* on the points' behalf */
#define APART 1.15 /* reads that got this much more were read in another state of the memory */

static bool same_state(double a_Bps, double b_Bps) { return fmax(a_Bps, b_Bps) < APART * fmin(a_Bps, b_Bps); }

/* An operation's rate and that of the reads beside it. */
typedef struct {
    double op_Bps, read_Bps;
} operating_point;

/* Two measurements in one state: the higher rate, and the share of reads that both showed. */
static operating_point remeasure_together(operating_point a, operating_point b)
{
    const double top = fmax(a.op_Bps, b.op_Bps);
    return (operating_point){top, top / sqrt(a.op_Bps / a.read_Bps * (b.op_Bps / b.read_Bps))};
}

/* The latest state stays, and beside it the one with the highest rate. */
void ceiling_operating_point(ir_ceiling *c, double op_Bps, double read_Bps)
{
    operating_point a = {c->value, c->ref_read_Bps}, b = {c->alt_Bps, c->alt_read_Bps},
                    now = {op_Bps, read_Bps};
    if (!(read_Bps > 0)) return;
    if (!(a.read_Bps > 0)) {
        a = now; /* what it was measured beside is not known: as if now */
    } else if (same_state(a.read_Bps, read_Bps)) {
        a = remeasure_together(a, now);
    } else {
        b = b.read_Bps > 0 && same_state(b.read_Bps, read_Bps) ? remeasure_together(b, now) : now;
    }
    if (b.op_Bps > a.op_Bps) {
        operating_point t = a;
        a = b;
        b = t;
    }
    c->value = fmax(c->value, a.op_Bps);
    c->ref_read_Bps = a.read_Bps;
    c->alt_Bps = b.op_Bps;
    c->alt_read_Bps = b.read_Bps;
}

static void merge(const ceiling_plan *pl, ir_ceiling *c, const ir_point *q)
{
    double     rate = ceiling_rate(pl, q), gain = rate / c->value - 1;
    ir_ceiling again = ceiling_from(pl, IR_C_BANDWIDTH, c->level, q, rate);
    if (!pl->for_points) ceiling_saturation(c, "visits", 1, 2, gain);
    c->lo = fmin(c->lo, again.lo);
    c->hi = fmax(c->hi, again.hi);
    ceiling_operating_point(c, rate, again.ref_read_Bps);
    c->value = fmax(c->value, rate);
    if (fabs(gain) > 0.05) c->flags |= IR_FLAG_NOISY;
}

/* What a launch costs is the least it ever took: threads that a host has parked answer late for a while. */
static void merge_launch(ir_ceiling *c, const ir_point *q)
{
    const ir_stats *t = ir_point_stats(q);
    ceiling_saturation(c, "visits", 1, 2, c->value / t->median - 1);
    if (!(t->median < c->value)) return;
    c->value = t->median;
    c->lo = t->ci_lo;
    c->hi = t->ci_hi;
}

static bool is_remeasured(const ceiling_plan *pl, const ir_ceiling *c)
{
    const ir_workload *w = ir_workload_named(c->op);
    if (!w) return false;
    if (c->what == IR_C_LAUNCH) return !pl->for_points && !strcmp(w->family, "launch");
    if (c->what != IR_C_BANDWIDTH || strcmp(c->level, "DRAM") || strcmp(w->family, "stream")) return false;
    return !pl->for_points || (c->ref_read_Bps > 0 && strcmp(c->op, "read") != 0);
}

ir_status ceilings_remeasure(ceiling_plan *pl)
{
    measure_context *s = pl->s;
    ir_status        st = IR_OK;
    for (size_t i = 0; !pl->device && i < s->ceilings.n && st == IR_OK; i++) {
        ir_ceiling        *c = &s->ceilings.v[i];
        const ir_workload *w = ir_workload_named(c->op);
        const ir_kernel   *k = w ? backend_kernel_named(s->dev.be, w, c->kernel) : NULL;
        const ir_point    *q;
        if (!k || !is_remeasured(pl, c)) continue;
        const bool launch = c->what == IR_C_LAUNCH;
        ir_params  p = w->defaults;
        p.threads = c->threads;
        if (!launch) ceiling_set(w, &p, "bytes", c->size_B);
        st = context_measure(s, w, k, &p, false, &q);
        if (st != IR_OK || q->status != IR_OK) continue;
        if (launch)
            merge_launch(&s->ceilings.v[i], q);
        else
            merge(pl, &s->ceilings.v[i], q);
    }
    return st;
}

/* Did every ceiling that a re-measurement would change meet this state? */
static bool met(const ceiling_plan *pl, double reads_Bps)
{
    for (size_t i = 0; i < pl->s->ceilings.n; i++) {
        const ir_ceiling *c = &pl->s->ceilings.v[i];
        if (is_remeasured(pl, c) && !same_state(c->ref_read_Bps, reads_Bps) &&
            !(c->alt_read_Bps > 0 && same_state(c->alt_read_Bps, reads_Bps)))
            return false;
    }
    return true;
}

/* The last `n` rows to the end of the ceilings' own at the front, so that what was asked for stays together.
 */
static void to_the_front(measure_context *s, size_t n)
{
    size_t at = 0;
    if (n == 0) return;
    while (s->point[at].id.for_ceiling) at++;
    for (size_t i = s->npoint - n; i > at && i < s->npoint; i++, at++) {
        const ir_point moved = s->point[i];
        memmove(&s->point[at + 1], &s->point[at], (i - at) * sizeof moved);
        s->point[at] = moved;
    }
}

/* The measured peak that a point outdid; NULL: none. */
static ir_ceiling *outdone(const measure_context *s, const ir_point *p)
{
    const double rate = (p->m.cost.flops - p->m.cost.spare_flops) / ir_point_time(p);
    for (size_t i = 0; i < s->ceilings.n; i++) {
        ir_ceiling *c = &s->ceilings.v[i];
        if (c->what == IR_C_FLOPS && c->source == IR_SRC_MEASURED && c->dtype == p->id.p.dtype &&
            c->threads == p->id.p.threads && !strcmp(c->op, "fma") && rate > fmax(c->value, c->hi))
            return c;
    }
    return NULL;
}

static ir_status follow_peak(measure_context *s)
{
    const ir_point *p = &s->point[s->npoint - 1];
    ir_ceiling     *c = p->flags & IR_FLAG_SUSPECT && s->peaks_again < MAX_PEAKS ? outdone(s, p) : NULL;
    if (!c || s->info.threads == 0) return IR_OK;
    ceiling_plan pl = {.s = s};
    const size_t before = s->npoint;
    ir_point     best;
    s->peaks_again++;
    s->in_ceilings = true;
    ir_status st = ceilings_peak_rows(&pl, c->dtype, c->threads, &best);
    s->in_ceilings = false;
    if (st == IR_OK && best.status == IR_OK) ceiling_raise(&pl, c, &best);
    to_the_front(s, s->npoint - before);
    ir_guard_point(&s->point[s->npoint - 1], &s->ceilings);
    return st;
}

ir_status ceilings_follow(measure_context *s)
{
    ir_status       peak = s->npoint ? follow_peak(s) : IR_OK;
    const ir_point *p = s->npoint ? &s->point[s->npoint - 1] : NULL;
    if (peak != IR_OK) return peak;
    /* Only beside footprints as large as the ceilings' did the reference read memory alone (bw_monitor.c). */
    if (!p || s->remeasured >= MAX_REMEASURE || p->status != IR_OK || p->id.for_ceiling ||
        p->flags & IR_FLAG_NOISY || !(p->m.bw_now > 0) ||
        p->m.cost.footprint_B < (double)s->monitor.p.v[s->monitor.size])
        return IR_OK;
    ceiling_plan pl = {.s = s, .device = s->info.threads == 0, .for_points = true};
    if (met(&pl, p->m.bw_now * s->monitor.ceiling_Bps)) return IR_OK;
    const size_t before = s->npoint;
    s->remeasured++;
    s->in_ceilings = true;
    ir_status st = ceilings_remeasure(&pl);
    s->in_ceilings = false;
    to_the_front(s, s->npoint - before);
    return st;
}

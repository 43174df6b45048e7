/* common.c -- what the stages of a ceilings run share: a ceiling from a point, and its saturation checks. */
#include "bench/ceilings/stages.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <string.h>

/* A working set that stands for a level is twice what lies nearer, if it keeps this far from the level's end.
 */
static const double MOST_OF_LEVEL = 0.7;

void ceiling_set(const ir_workload *w, ir_params *p, const char *key, double value)
{
    int i = ir_workload_param(w, key);
    if (i >= 0) p->v[i] = (int64_t)value;
}

/* Seconds of a call that are its launches and not its work: on a device where each pass is one, they hide
 * what a small working set can do. 0 elsewhere, and while no launch was measured. */
static double launching_s(const ceiling_plan *pl, const ir_point *p)
{
    return pl->own ? pl->launch_s * p->m.cost.launches : 0;
}

static const double MOST_LAUNCH = 0.9;
/* What is left of a call beside its launches; NAN where that is too little to be told from them. */
static double working_s(const ceiling_plan *pl, const ir_point *p)
{
    double T = ir_point_time(p), L = launching_s(pl, p);
    return L < MOST_LAUNCH * T ? T - L : NAN;
}

double ceiling_rate(const ceiling_plan *pl, const ir_point *p)
{
    return p->status == IR_OK ? ir_cost_B(&p->m.cost) / working_s(pl, p) : NAN;
}

double ceiling_flops(const ceiling_plan *pl, const ir_point *p) { return p->m.cost.flops / working_s(pl, p); }

ir_ceiling ceiling_from(const ceiling_plan *pl, ir_what what, const char *level, const ir_point *p,
                        double value)
{
    ir_ceiling c;
    memset(&c, 0, sizeof c);
    const ir_stats *t = ir_point_stats(p);
    double          L = launching_s(pl, p) < MOST_LAUNCH * t->median ? launching_s(pl, p) : 0;
    double          scale = value * (t->median - L); /* rates: value = scale / time */
    c = (ir_ceiling){.what = what,
                     .dtype = IR_NDTYPE,
                     .threads = p->id.p.threads,
                     .value = value,
                     .lo = scale / (t->ci_hi - L),
                     .hi = scale / (t->ci_lo - L),
                     .theory = NAN,
                     .read_frac = NAN,
                     .size_B = NAN,
                     .ref_read_Bps = p->m.bw_now * pl->s->monitor.ceiling_Bps,
                     .source = IR_SRC_MEASURED,
                     .flags = p->flags};
    snprintf(c.device, sizeof c.device, "%s", pl->s->info.id);
    snprintf(c.level, sizeof c.level, "%s", level);
    snprintf(c.op, sizeof c.op, "%s", p->id.workload);
    snprintf(c.kernel, sizeof c.kernel, "%s", p->id.kernel);
    snprintf(c.isa, sizeof c.isa, "%s", p->id.isa);
    return c;
}

void ceiling_raise(const ceiling_plan *pl, ir_ceiling *c, const ir_point *q)
{
    const double now = c->what == IR_C_FLOPS ? ceiling_flops(pl, q) : ceiling_rate(pl, q);
    if (!(now > c->value)) return;
    ir_ceiling more = ceiling_from(pl, c->what, c->level, q, now);
    c->value = more.value;
    c->lo = more.lo;
    c->hi = more.hi;
    snprintf(c->kernel, sizeof c->kernel, "%s", more.kernel);
}

void ceiling_saturation(ir_ceiling *c, const char *axis, double from, double to, double gain)
{
    if (c->nsat >= IR_MAX_SATURATION) return;
    ir_saturation *x = &c->sat[c->nsat++];
    memset(x, 0, sizeof *x);
    snprintf(x->axis, sizeof x->axis, "%s", axis);
    x->from = from;
    x->to = to;
    x->gain = gain;
    x->known = isfinite(gain);
    x->saturated = x->known && gain < 0.01;
}

ir_status ceiling_add(ceiling_plan *pl, const ir_ceiling *c) { return ir_ceilings_add(&pl->s->ceilings, c); }

double ceiling_room_B(const ceiling_plan *pl)
{
    const ir_device_info *i = &pl->s->info;
    return i->modelled ? i->mem_B
                       : fmin(ir_host_available_B(), pl->device ? i->mem_B : NAN); /* fmin passes over NAN */
}

double ceiling_ladder_step(const ceiling_plan *pl) { return pl->s->full ? sqrt(sqrt(2.0)) : 2; }

double ceiling_bytes(const ceiling_plan *pl, int level, int threads)
{
    const ir_ceilings *c = &pl->s->ceilings;
    double             size = pl->size_B[level], inner = 0;
    if (pl->device) return floor((level < IR_L3 && threads > 1 ? size * threads : size) / 4096) * 4096;
    if (level == IR_DRAM)
        return floor(fmax(size, 4 * pl->llc_B * ir_level_instances(c, pl->llc, threads)) / 4096) * 4096;
    for (int l = 0; l < level; l++)
        if (c->level_B[l] > 0) inner = c->level_B[l] * ir_level_instances(c, l, threads);
    size *= ir_level_instances(c, level, threads);
    double most = MOST_OF_LEVEL * c->level_B[level] * ir_level_instances(c, level, threads);
    if (size >= 2 * inner) return floor(size / 4096) * 4096;
    return floor(fmin(fmax(2 * inner, sqrt(2 * inner * most)), fmax(most, size)) / 4096) * 4096;
}

ir_status ceiling_axis(ceiling_plan *pl, const ir_workload *w, ir_params p, const char *key, const int64_t *v,
                       int n, double (*value)(const ceiling_plan *, const ir_point *), double *r,
                       ir_point *best)
{
    ceiling_none(best);
    for (int i = 0; i < n; i++) {
        ir_point q;
        ceiling_set(w, &p, key, (double)v[i]);
        ir_status s = ceiling_best(pl, w, &p, false, &q);
        if (s != IR_OK) return s;
        r[i] = q.status == IR_OK ? value(pl, &q) : NAN;
        if (q.status == IR_OK && (best->status != IR_OK || r[i] > value(pl, best))) *best = q;
    }
    return IR_OK;
}

void ceiling_saturation_axis(ir_ceiling *c, const char *key, const int64_t *v, const double *r, int n)
{
    while (n > 1 && !isfinite(r[n - 1])) n--;
    if (n > 1) ceiling_saturation(c, key, (double)v[n - 2], (double)v[n - 1], r[n - 1] / r[n - 2] - 1);
}

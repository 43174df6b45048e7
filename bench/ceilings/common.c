/* common.c -- what the stages of a ceilings run share: a ceiling from a point, and its saturation checks. */
#include "bench/ceilings/stages.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <string.h>

const char *const ceiling_level[NLEVEL] = {"L1", "L2", "L3", "DRAM"};

void ceiling_set(const ir_workload *w, ir_params *p, const char *key, double value)
{
    int i = ir_workload_param(w, key);
    if (i >= 0) p->v[i] = (int64_t)value;
}

double ceiling_rate(const ir_point *p)
{
    return p->status == IR_OK ? (p->m.cost.read_B + p->m.cost.write_B) / ir_point_time(p) : NAN;
}

double ceiling_flops(const ir_point *p) { return p->m.cost.flops / ir_point_time(p); }

ir_ceiling ceiling_from(const ceiling_plan *pl, ir_what what, const char *level, const ir_point *p,
                        double value)
{
    ir_ceiling c;
    memset(&c, 0, sizeof c);
    const ir_stats *t = ir_point_stats(p);
    double          scale = value * t->median; /* rates: value = scale / time */
    c = (ir_ceiling){.what = what,
                     .dtype = IR_NDTYPE,
                     .threads = p->id.p.threads,
                     .value = value,
                     .lo = scale / t->ci_hi,
                     .hi = scale / t->ci_lo,
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
    if (!(ceiling_rate(q) > c->value)) return;
    ir_ceiling more = ceiling_from(pl, c->what, c->level, q, ceiling_rate(q));
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

double ceiling_ladder_step(const ceiling_plan *pl) { return pl->s->full ? sqrt(sqrt(2.0)) : 2; }

double ceiling_bytes(const ceiling_plan *pl, int level, int threads)
{
    double size = pl->size_B[level];
    bool   priv = level < 2 && threads > 1; /* L1 and L2 belong to one core */
    return floor((priv ? size * threads : size) / 4096) * 4096;
}

ir_status ceiling_axis(ceiling_plan *pl, const ir_workload *w, ir_params p, const char *key, const int64_t *v,
                       int n, double (*value)(const ir_point *), double *r, ir_point *best)
{
    ceiling_none(best);
    for (int i = 0; i < n; i++) {
        ir_point q;
        ceiling_set(w, &p, key, (double)v[i]);
        ir_status s = ceiling_best(pl, w, &p, false, &q);
        if (s != IR_OK) return s;
        r[i] = q.status == IR_OK ? value(&q) : NAN;
        if (q.status == IR_OK && (best->status != IR_OK || r[i] > value(best))) *best = q;
    }
    return IR_OK;
}

void ceiling_saturation_axis(ir_ceiling *c, const char *key, const int64_t *v, const double *r, int n)
{
    while (n > 1 && !isfinite(r[n - 1])) n--;
    if (n > 1) ceiling_saturation(c, key, (double)v[n - 2], (double)v[n - 1], r[n - 1] / r[n - 2] - 1);
}

/* costs.c -- the ceilings that are prices rather than speeds of computing: a launch, a byte over the link to
 * a device, a byte from its local memory. Each kind is its own ceiling. */
#include "bench/ceilings/stages.h"
#include "kernels/workloads/table.h"

#include <string.h>

/* One ceiling per kernel of a workload: variants that answer different questions, not contenders. scale: what
 * the value is per second of the point's time; 0: the time itself. */
static ir_status each_kernel(ceiling_plan *pl, const ir_workload *w, const ir_params *p, ir_what what,
                             const char *level, const char *op, double scale)
{
    const ir_kernel *k;
    ir_status        s = IR_OK;
    for (size_t i = 0; s == IR_OK && (k = backend_kernel(pl->s->dev.be, w, i)); i++) {
        const ir_point *q;
        if (!context_wants(pl->s, w, k)) continue;
        s = context_measure(pl->s, w, k, p, false, &q);
        if (s != IR_OK || q->status != IR_OK) continue;
        double     T = ir_point_time(q);
        ir_ceiling c = ceiling_from(pl, what, level, q, scale > 0 ? scale / T : T);
        snprintf(c.op, sizeof c.op, "%s", op);
        if (scale > 0) {
            c.size_B = scale;
        } else {
            c.lo = ir_point_stats(q)->ci_lo;
            c.hi = ir_point_stats(q)->ci_hi;
        }
        s = ir_ceilings_add(&pl->s->ceilings, &c);
    }
    return s;
}

ir_status ceilings_launches(ceiling_plan *pl)
{
    const ir_workload *w = ir_workload_named("forkjoin");
    ir_status          s = IR_OK;
    if (pl->launch_s > 0) return s;
    for (int i = 0; i < pl->nthread && s == IR_OK; i++) {
        ir_params p = w->defaults;
        p.threads = pl->threads[i];
        s = each_kernel(pl, w, &p, IR_C_LAUNCH, "", w->name, 0);
    }
    double least = ir_launch_ceiling(&pl->s->ceilings, 0);
    if (s == IR_OK && least > 0) pl->launch_s = least;
    return s;
}

/* Twice the bytes over the link: neither a set-up nor a page fault may still count. */
static ir_status twice_the_bytes(ceiling_plan *pl, const ir_workload *w, ir_params p, ir_ceiling *c)
{
    const ir_point *q;
    double          more = 2 * c->size_B;
    ceiling_set(w, &p, "bytes", more);
    ir_status s = context_measure(pl->s, w, backend_kernel_named(pl->s->dev.be, w, c->kernel), &p, false, &q);
    if (s != IR_OK || q->status != IR_OK) return s; /* too large for this device: no saturation check */
    ceiling_saturation(c, "bytes", c->size_B, more, more / ir_point_time(q) / c->value - 1);
    return IR_OK;
}

static ir_status links(ceiling_plan *pl)
{
    const ir_workload *w = ir_workload_named("transfer");
    ir_status          s = IR_OK;
    for (int64_t d = 0; pl->device && d < 2 && s == IR_OK; d++) {
        ir_params p = w->defaults;
        size_t    i = pl->s->ceilings.n;
        p.threads = 0;
        ceiling_set(w, &p, "direction", (double)d);
        s = each_kernel(pl, w, &p, IR_C_BANDWIDTH, "link",
                        ir_param_word(w, ir_workload_param(w, "direction"), d), (double)p.v[0]);
        for (; i < pl->s->ceilings.n && s == IR_OK; i++) s = twice_the_bytes(pl, w, p, &pl->s->ceilings.v[i]);
    }
    return s;
}

static double local_rate(const ceiling_plan *pl, const ir_point *q)
{
    (void)pl;
    return q->m.cost.footprint_B / ir_point_time(q);
}

/* More groups until they gain nothing: a device with few of them is not full. */
static ir_status local_memory(ceiling_plan *pl)
{
    static const int64_t groups[] = {256, 512, 1024, 2048};
    enum { N = sizeof groups / sizeof *groups };
    const ir_workload *w = ir_workload_named("local");
    ir_params          p = w->defaults;
    double             r[N];
    ir_point           best;
    p.threads = 0;
    if (!pl->own)
        return pl->device
                   ? each_kernel(pl, w, &p, IR_C_BANDWIDTH, "local", "read", w->cost(w, &p).footprint_B)
                   : IR_OK;
    ir_status s = ceiling_axis(pl, w, p, "groups", groups, N, local_rate, r, &best);
    if (s != IR_OK || best.status != IR_OK) return s;
    ir_ceiling c = ceiling_from(pl, IR_C_BANDWIDTH, "local", &best, local_rate(pl, &best));
    snprintf(c.op, sizeof c.op, "read");
    c.size_B = best.m.cost.footprint_B;
    ceiling_saturation_axis(&c, "groups", groups, r, N);
    return ceiling_add(pl, &c);
}

ir_status ceilings_costs(ceiling_plan *pl)
{
    ir_status s = ceilings_launches(pl);
    if (s == IR_OK) s = links(pl);
    return s == IR_OK ? local_memory(pl) : s;
}

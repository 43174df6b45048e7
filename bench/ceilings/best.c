/* best.c -- which kernels contend for a ceiling, and the fastest of them at one shape. */
#include "bench/ceilings/stages.h"

/* Where a launch costs as much as a pass over a cache, kernels that make one per repetition do not contend
 * with those that make one per batch: they would measure the launch. */
static bool launch_bound(const ceiling_plan *pl) { return pl->device && pl->s->info.numa_nodes > 0; }

ir_status ceiling_fastest(ceiling_plan *pl, const ir_workload *w, const ir_params *p, uint32_t with,
                          uint32_t without, ir_point *best)
{
    const ir_kernel *k;
    for (size_t i = 0; (k = backend_kernel(pl->s->dev.be, w, i)); i++) {
        const ir_point *q;
        if ((k->flags & with) != with || k->flags & without || !context_wants(pl->s, w, k)) continue;
        ir_status s = context_measure(pl->s, w, k, p, false, &q);
        if (s != IR_OK) return s;
        if (q->status == IR_OK && (best->status != IR_OK || ir_point_time(q) < ir_point_time(best)))
            *best = *q;
    }
    return IR_OK; /* *best borrows its samples from the context */
}

void ceiling_none(ir_point *best)
{
    ir_point_init(best);
    best->status = IR_SKIP;
}

ir_status ceiling_best(ceiling_plan *pl, const ir_workload *w, const ir_params *p, bool nt, ir_point *best)
{
    const uint32_t never = IR_K_NAIVE | IR_K_HALF | (nt ? 0 : IR_K_NT);
    ceiling_none(best);
    ir_status s = ceiling_fastest(pl, w, p, IR_K_FUSED, never, best);
    if (s != IR_OK || (launch_bound(pl) && best->status == IR_OK)) return s;
    return ceiling_fastest(pl, w, p, 0, never | IR_K_FUSED, best);
}

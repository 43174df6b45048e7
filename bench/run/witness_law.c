/* witness_law.c -- the law by counted bytes: the same points, whose traffic is what the counters saw; what
 * regular stores move besides is in it already. */
#include "bench/run/witness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_COUNTED = 6 };

ir_status witness_law(run_witness *o, const measure_context *s)
{
    size_t    n = 0;
    ir_point *copy = o->counts ? malloc((s->npoint ? s->npoint : 1) * sizeof *copy) : NULL;
    if (!o->counts) return IR_OK;
    if (!copy) return ir_fail(IR_ENOMEM, "no memory for %zu points", s->npoint);
    for (size_t i = 0; i < s->npoint; i++) {
        const ir_counts *c = &s->point[i].m.counts;
        if (s->point[i].status != IR_OK || s->point[i].id.for_ceiling || !(c->read_B > 0)) continue;
        copy[n] = s->point[i]; /* borrows the samples */
        copy[n].m.cost.read_B = c->read_B;
        copy[n].m.cost.write_B = c->write_B > 0 ? c->write_B : 0;
        copy[n++].m.cost.wa_B = 0;
    }
    if (n >= LEAST_COUNTED && s->ceilings.n) {
        fit_points(copy, n, &s->ceilings, s->policy.seed, &o->counted);
        o->has_counted = o->counted.fitted;
    }
    free(copy);
    return IR_OK;
}

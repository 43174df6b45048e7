/* witness_law.c -- the law by counted bytes: the same points, whose traffic is what the counters saw; what
 * regular stores move besides is in it already. */
#include "bench/run/witness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_COUNTED = 6 };

/* The cost with the bytes that were counted. What lives apart or is looked up stays as it is, as far as there
 * are so many bytes; all else is of no class. */
static void witness_as_counted(ir_cost *k, double read_B, double write_B)
{
    const ir_access access = ir_cost_all_random(k) ? IR_RANDOM : IR_STREAM;
    const bool      apart = ir_cost_apart_B(k) > 0;
    ir_traffic      rest = {.access = access};
    for (int i = 0; i < IR_NPART; i++) {
        ir_traffic *t = &k->part[i];
        const bool  stays = t->access == IR_RANDOM ? access == IR_STREAM : apart && t->footprint_B > 0;
        if (!stays) t->read_B = t->write_B = 0;
        read_B -= t->read_B = fmin(t->read_B, read_B);
        write_B -= t->write_B = fmin(t->write_B, write_B);
    }
    rest.read_B = read_B;
    rest.write_B = write_B;
    k->part[IR_OF_REST] = rest;
    ir_cost_past_caches(k);
}

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
        witness_as_counted(&copy[n++].m.cost, c->read_B, c->write_B > 0 ? c->write_B : 0);
    }
    if (n >= LEAST_COUNTED && s->ceilings.n) {
        fit_points(copy, n, &s->ceilings, s->policy.seed, &o->counted);
        o->has_counted = o->counted.fitted;
    }
    free(copy);
    return IR_OK;
}

ir_status witness_law_journal(ir_journal *j, const run_witness *o, const measure_context *s,
                              const fitted_law *modelled)
{
    ir_verdict    v = {.question = "law by counted bytes", .p = NAN};
    const ir_fit *f = &o->counted.fit[o->counted.better];
    if (!o->has_counted) return IR_OK;
    snprintf(v.device, sizeof v.device, "%s", s->info.id);
    snprintf(v.verdict, sizeof v.verdict, "%s", ir_form_name(f->form));
    size_t n = (size_t)snprintf(v.answer, sizeof v.answer,
                                "BW %.3g [%.3g, %.3g], eta %.3g [%.3g, %.3g], L_lat %.3g s", f->BW.v,
                                f->BW.lo, f->BW.hi, f->eta.v, f->eta.lo, f->eta.hi, f->L_lat.v);
    if (modelled->fitted && n < sizeof v.answer) {
        const ir_fit *m = &modelled->fit[modelled->better];
        snprintf(v.answer + n, sizeof v.answer - n, "; by modelled bytes BW %.3g, eta %.3g, L_lat %.3g s",
                 m->BW.v, m->eta.v, m->L_lat.v);
    }
    return ir_journal_verdict(j, &v);
}

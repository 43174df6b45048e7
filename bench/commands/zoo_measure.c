/* zoo_measure.c -- what `run` does, on a described machine and without its screen, journal and page. */
#include "bench/ceilings/ceilings.h"
#include "bench/commands/zoo.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <string.h>

/* Enough for a median within a per cent, and no more: the machine's clock is free, this one's is not. */
static void brief(ir_policy *p)
{
    ir_policy_quick(p);
    p->warmup_s = 1e-3;
    p->warmup_cap_s = 0.02;
    p->min_s = 2e-3;
    p->budget_s = 0.1;
}

static ir_status measure_grid(measure_context *s, const ir_workload *w)
{
    const ir_kernel *k;
    ir_status        st = IR_OK;
    for (size_t i = 0; i < w->nquick && st == IR_OK; i++) {
        if (s->info.threads == 0 && w->quick[i].threads > 0 && i > 0)
            continue; /* differs in nothing but host threads */
        for (size_t j = 0; st == IR_OK && (k = backend_kernel(s->dev.be, w, j)); j++) {
            if (k->can_run(&s->dev, w, &w->quick[i]) != IR_OK) continue;
            st = context_measure(s, w, k, &w->quick[i], false, NULL);
            if (st == IR_OK) st = ceilings_follow(s);
        }
    }
    return st;
}

ir_status zoo_measure(const model_machine *m, bool as_quick, zoo_run *o)
{
    measure_context *s = &o->s;
    memset(o, 0, sizeof *o);
    ir_status st = context_open(s, &model_backend, 0, &(ir_open_options){.own = m});
    if (st != IR_OK) return st;
    (as_quick ? ir_policy_quick : brief)(&s->policy);
    double pair;
    device_run_pair(s, &pair);
    st = ceilings_measure(s);
    if (st == IR_OK) context_choose_monitor(s);
    o->ceilings_s = s->dev.be->now(&s->dev);
    for (const ir_workload *const *w = ir_workloads; *w && st == IR_OK; w++)
        if (!(*w)->by_name) st = measure_grid(s, *w);
    o->run_s = s->dev.be->now(&s->dev);
    if (st == IR_OK) device_run_pair(s, &pair);
    if (st == IR_OK) fit_points(s->point, s->npoint, &s->ceilings, s->policy.seed, &o->law);
    context_close_device(s);
    return st;
}

void zoo_free(zoo_run *o) { context_close(&o->s); }

void zoo_variant(const model_machine *as_described, uint64_t seed, FILE *log, zoo_result *out)
{
    model_machine m = *as_described;
    zoo_run       run;
    int           machine = out->machine;
    memset(out, 0, sizeof *out);
    out->machine = machine;
    out->seed = seed;
    out->lofo_median = out->lofo_p90 = out->ceilings_s = out->run_s = NAN;
    model_vary(&m, seed);
    ir_status st = zoo_measure(&m, seed == 0 || !zoo_calm(&m), &run);
    if (st == IR_OK) {
        zoo_score_ceilings(&run, &m, log, out);
        zoo_score_flags(&run, &m, log, out);
        zoo_score_labels(&run, &m, log, out);
        zoo_score_law(&run, &m, log, out);
        zoo_score_crossover(&run, &m, log, out);
        zoo_score_claim(&run, &m, log, out);
        zoo_score_gate(&m, log, out);
    }
    out->failed = st != IR_OK;
    if (st != IR_OK) snprintf(out->why, sizeof out->why, "%s", ir_why());
    if (seed == 0) out->ceilings_s = run.ceilings_s;
    if (seed == 0) out->run_s = run.run_s;
    zoo_free(&run);
}

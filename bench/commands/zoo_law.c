/* zoo_law.c -- the fitted law, the crossovers and the gate against what the description says. */
#include "bench/ab/ab.h"
#include "bench/analysis/crossover.h"
#include "bench/commands/zoo.h"
#include "harness/stats/stats.h"
#include "kernels/workloads/table.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const model_scale as_is = {1, 1, 1, 1, 1};

/* ---- the law --------------------------------------------------------------------------------- */
/* The same rows, each with the time its machine takes when nothing disturbs it. */
static void undisturbed(const model_machine *m, ir_point *p)
{
    model_plan o;
    ir_stats  *t = &p->m.wall;
    if (p->status != IR_OK || !ir_workload_named(p->id.workload)) return;
    model_plan_of(m, ir_workload_named(p->id.workload), p->id.kflags, &p->id.p, &o);
    double reps = o.once && p->m.reps ? p->m.reps : 1;
    t->median = model_batch_s(&o, &as_is, reps) / reps;
    t->ci_lo = t->ci_hi = t->median;
    p->m.bw_now = isfinite(p->m.bw_now) ? 1 : p->m.bw_now;
}

static bool covers(const ir_coef *c, const ir_coef *is, zoo_tally *t)
{
    if (c->how != IR_FITTED || is->how != IR_FITTED) return true;
    bool right = c->lo <= is->v && is->v <= c->hi;
    zoo_count(t, right);
    return right;
}

void zoo_score_law(const zoo_run *r, const model_machine *m, FILE *log, zoo_result *out)
{
    const measure_context *s = &r->s;
    const ir_fit          *f = &r->law.fit[r->law.better];
    fitted_law             still;
    if (!r->law.fitted) {
        zoo_say(log, "no law: %s", r->law.why);
        return;
    }
    out->lofo_median = f->lofo_median;
    out->lofo_p90 = f->lofo_p90;
    zoo_say(log,
            "law %s: BW %.4g of %.4g eta %.3f L %.3g; error %.1f / %.1f %%, left out %.1f / %.1f %%, "
            "roofline %.0f / %.0f %%",
            ir_form_name(f->form), f->BW.v, f->BW_ref, f->eta.v, f->L_lat.v, 100 * f->err_median,
            100 * f->err_p90, 100 * f->lofo_median, 100 * f->lofo_p90, 100 * f->roof_median,
            100 * f->roof_p90);
    ir_point *copy = malloc((s->npoint ? s->npoint : 1) * sizeof *copy);
    if (!copy) {
        ir_left_out("the law of undisturbed points");
        return;
    }
    memcpy(copy, s->point, s->npoint * sizeof *copy); /* borrows the samples */
    for (size_t i = 0; i < s->npoint; i++) undisturbed(m, &copy[i]);
    fit_points(copy, s->npoint, &s->ceilings, s->policy.seed, &still);
    free(copy);
    if (!still.fitted) return;
    const ir_fit *is = &still.fit[f->form == IR_ADDITIVE ? 0 : 1];
    bool          all = covers(&f->BW, &is->BW, &out->cover[0]);
    all = covers(&f->eta, &is->eta, &out->cover[1]) && all;
    all = covers(&f->L_lat, &is->L_lat, &out->cover[2]) && all;
    if (!all) zoo_say(log, "interval misses: BW %.4g eta %.4g L %.4g", is->BW.v, is->eta.v, is->L_lat.v);
}

/* ---- crossovers ------------------------------------------------------------------------------ */
/* Arithmetic less bytes at a batch, as described. */
static double zoo_law_excess(const model_machine *m, const crossover_sweep *g, int64_t batch)
{
    ir_params  p = g->p->id.p;
    model_plan o;
    p.v[g->at] = batch;
    if (g->w->valid && g->w->valid(g->w, &p) != IR_OK) return NAN;
    model_plan_of(m, g->w, g->p->id.kflags, &p, &o);
    return o.compute_s - o.memory_s - o.cache_s;
}

/* The batch where both are equal; NAN: not between the first and the last of the sweep. */
static double crossing(const model_machine *m, const crossover_sweep *g)
{
    int64_t lo = (int64_t)g->b[0], hi = (int64_t)g->b[g->n - 1];
    double  x_lo = zoo_law_excess(m, g, lo), x_hi = zoo_law_excess(m, g, hi);
    if (!(x_lo < 0) || !(x_hi > 0)) return NAN;
    while (hi - lo > 1) {
        int64_t mid = lo + (hi - lo) / 2;
        double  x = zoo_law_excess(m, g, mid);
        if (x < 0)
            lo = mid, x_lo = x;
        else
            hi = mid, x_hi = x;
    }
    return (double)lo + x_lo / (x_lo - x_hi);
}

void zoo_score_crossover(const zoo_run *r, const model_machine *m, FILE *log, zoo_result *out)
{
    crossover_sweep g;
    for (size_t i = 0;
         zoo_calm(m) && crossover_next(&r->s, &i, &g);) { /* elsewhere the batch moves with the machine */
        crossover_fit f;
        double        is = crossing(m, &g);
        if (!(is > 0) || g.p->id.kflags & IR_K_NAIVE) continue;
        bool right = crossover_of(&r->s, &g, &f) == IR_OK && f.lo <= is && is <= f.hi;
        zoo_count(&out->crossover, right);
        if (!right)
            zoo_say(log, "crossover %s: %.3g [%.3g, %.3g], is %.3g", g.w->name, f.knee, f.lo, f.hi, is);
    }
}

/* ---- the gate -------------------------------------------------------------------------------- */
enum { POINTS = 2, SAMPLES = 30 };
typedef struct {
    const model_machine *m;
    uint64_t             at;
    double               slower;
    ir_status            st;
} gate_job;

static ir_status zoo_law_one_process(ab *a, char side, const size_t *order, size_t n)
{
    static const char *const name[POINTS] = {"copy", "gemm"};
    gate_job                *j = a->drive.ctx;
    measure_context          s;
    model_machine            m = *j->m;
    m.seed = (double)(++j->at);
    ir_status st = context_open(&s, &model_backend, 0, &(ir_open_options){.own = &m});
    s.policy.fixed_n = SAMPLES;
    s.policy.warmup_s = s.policy.warmup_cap_s = 1e-3;
    s.policy.inject = side == 'B' ? j->slower : 0;
    for (size_t i = 0; i < n && st == IR_OK; i++) {
        const ir_workload *w = ir_workload_named(name[order[i]]);
        const ir_kernel   *k = NULL;
        const ir_point    *q;
        ir_params          p = w->quick[0];
        char               key[IR_ID];
        for (size_t x = 0; (k = backend_kernel(s.dev.be, w, x)) && k->can_run(&s.dev, w, &p) != IR_OK;) x++;
        st = k ? context_measure(&s, w, k, &p, false, &q) : ir_fail(IR_SKIP, "no kernel of %s", w->name);
        if (st != IR_OK) continue;
        double v[SAMPLES];
        size_t have = q->m.samples.n < SAMPLES ? q->m.samples.n : SAMPLES;
        for (size_t x = 0; x < have; x++) v[x] = q->m.samples.v[x].wall_s;
        ir_sort(v, have);
        st = ab_seen(a, side, ir_point_key(q, key), ir_quantile_sorted(v, have, 0.25), NULL);
    }
    context_close(&s);
    return st;
}

static double no_time(ab *a)
{
    (void)a;
    return 0;
}

static void zoo_law_compare(const model_machine *m, double slower, FILE *log, zoo_tally *t)
{
    gate_job j = {m, 1000 * (uint64_t)m->seed, slower, IR_OK};
    ab       a = {.drive = {.process = zoo_law_one_process, .now = no_time, .ctx = &j},
                  .seed = (uint64_t)m->seed,
                  .nargs = POINTS,
                  .blocks = TRIAL_BLOCKS,
                  .more = true,
                  .confirm = true,
                  .max_s = INFINITY};
    trial_init(&a.t, 0.95, log1p(0.02));
    if (ab_run(&a) != IR_OK) zoo_say(log, "gate: %s", ir_why());
    for (size_t i = 0; i < a.t.n; i++) {
        const trial_point *p = &a.t.v[i];
        double             d[TRIAL_MAX_BLOCKS];
        size_t             n = p->nq < TRIAL_BLOCKS ? p->nq : TRIAL_BLOCKS;
        trial_contrast(p->q, n, d);
        size_t need = slower > 0 ? ir_ab_plan(d, n, 0.95, p->delta, log1p(slower)) : TRIAL_BLOCKS;
        if (need == 0 || need > IR_AB_USUAL_BLOCKS) continue; /* no look would find it */
        bool red =
            p->confirmed && (p->verdict == TRIAL_REGRESSED || (slower <= 0 && p->verdict == TRIAL_IMPROVED));
        zoo_count(t, slower > 0 ? red : !red);
        if ((slower > 0) != red)
            zoo_say(log, "gate at +%.0f %%: %s %s", 100 * slower, trial_verdict_name(p->verdict), p->key);
    }
    trial_free(&a.t);
}

void zoo_score_gate(const model_machine *m, FILE *log, zoo_result *out)
{
    zoo_law_compare(m, 0, log, &out->same);
    zoo_law_compare(m, 0.05, log, &out->found);
}

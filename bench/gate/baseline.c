/* baseline.c -- see baseline.h. */
#define _GNU_SOURCE
#include "bench/gate/baseline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- comparability --------------------------------------------------------------------------- */
const char *runs_differ(const run_files *base, const run_files *now, const char **a, const char **b)
{
    const run_files *side[] = {base, now};
    const run_file  *first = &base->v[0];
    *a = first->path;
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < side[s]->n; i++) {
            const run_file *f = &side[s]->v[i];
            *b = f->path;
            if (strcmp(f->r.cost_model, first->r.cost_model) != 0) return "cost_model";
            const char *field = ir_env_differs(&first->r.env, &f->r.env);
            if (field) return field;
            for (size_t d = 0; d < f->r.ndevice; d++)
                for (size_t k = 0; k < first->r.ndevice; k++) {
                    const ir_device_info *x = &f->r.device[d], *y = &first->r.device[k];
                    if (strcmp(x->id, y->id) != 0) continue;
                    if (strcmp(x->name, y->name) != 0) return "device name";
                    if (strcmp(x->driver, y->driver) != 0) return "driver";
                }
        }
    return NULL;
}

/* ---- one point ------------------------------------------------------------------------------- */
/* Times of all runs of a side; why_n: what is wrong with the first run that has none. */
static size_t baseline_times(const run_files *f, const char *key, double *t, bool *incorrect, char *why,
                             size_t why_n)
{
    size_t known = 0;
    for (size_t i = 0; i < f->n; i++) {
        const ir_point *p = run_point(&f->v[i], key);
        t[i] = run_log_time(&f->v[i], key);
        known += isnan(t[i]) ? 0 : 1;
        if (!isnan(t[i]) || *why) continue;
        bool wrong = p && p->status != IR_OK && p->status != IR_SKIP;
        *incorrect = *incorrect || wrong;
        snprintf(why, why_n, "%.110s: %s", f->v[i].path,
                 !p                     ? "the point is not in it"
                 : wrong                ? "wrong or failed"
                 : p->status == IR_SKIP ? "skipped"
                                        : "no time in it");
    }
    return known;
}

static void baseline_fill(ir_comparison *c, const ir_ab_result *r)
{
    snprintf(c->verdict, sizeof c->verdict, "%s", ir_ab_name(r->verdict));
    c->effect = r->effect;
    c->lo = r->lo;
    c->hi = r->hi;
    c->conf = r->conf;
    c->mde = r->mde;
    c->blocks = r->n;
}

static void baseline_judge_point(const run_files *base, const run_files *now, const char *key, double conf,
                                 double delta, double *room, ir_comparison *c)
{
    ir_ab_result r;
    bool         incorrect = false;
    double      *a = room, *b = room + base->n;
    memset(c, 0, sizeof *c);
    c->again_effect = c->again_lo = c->again_hi = NAN;
    snprintf(c->kind, sizeof c->kind, "gate");
    snprintf(c->point, sizeof c->point, "%s", key);
    baseline_times(base, key, a, &incorrect, c->note, sizeof c->note);
    baseline_times(now, key, b, &incorrect, c->note, sizeof c->note);
    ir_shift_judge(a, base->n, b, now->n, conf, delta, &r);
    baseline_fill(c, &r);
    c->delta = delta;
    c->time_s = exp(ir_median(a, base->n));
    c->new_s = exp(ir_median(b, now->n));
    if (*c->note)
        snprintf(c->verdict, sizeof c->verdict, incorrect ? "INCORRECT" : "MISSING");
    else if (r.verdict == IR_AB_TOO_FEW)
        snprintf(c->note, sizeof c->note, "%zu against %zu runs: 4 against 4 are the least", now->n, base->n);
    else if (r.verdict == IR_AB_REGRESSED)
        baseline_cause(base, now, key, c->note, sizeof c->note);
}

ir_status baseline_judge(const run_files *base, const run_files *now, const thresholds *t, double conf,
                         double delta, ir_comparisons *out)
{
    run_keys  k;
    ir_status st = runs_keys((const run_files *const[]){base, now}, 2, &k);
    *out = (ir_comparisons){0};
    if (st != IR_OK) return st;
    double *room = malloc((base->n + now->n + 1) * sizeof *room);
    out->v = calloc(k.n + 1, sizeof *out->v);
    if (!room || !out->v) st = ir_fail(IR_ENOMEM, "no memory for %zu points", k.n);
    for (size_t i = 0; i < k.n && st == IR_OK; i++)
        baseline_judge_point(base, now, k.v[i], conf, threshold_of(t, k.v[i], delta), room,
                             &out->v[out->n++]);
    free(room);
    run_keys_free(&k);
    if (st != IR_OK) ir_comparisons_free(out);
    return st;
}

int comparisons_exit(const ir_comparison *v, size_t n, bool strict)
{
    bool regressed = false, open = n == 0, missing = n == 0;
    for (size_t i = 0; i < n; i++) {
        const char *s = v[i].verdict;
        missing = missing || !strcmp(s, "MISSING") || !strcmp(s, "INCORRECT");
        regressed = regressed || !strcmp(s, "REGRESSED");
        open = open || !strcmp(s, "TOO FEW BLOCKS") || !strcmp(s, "ENVIRONMENT") ||
               (strict && !strcmp(s, "INCONCLUSIVE"));
    }
    return missing ? 2 : regressed ? 1 : open ? 3 : 0;
}

/* ---- which term moved ------------------------------------------------------------------------ */
enum { FIT_BW, FIT_ETA, FIT_LAT, NFIT };

static double median_fit(const run_files *f, ir_form form, int what)
{
    double v[256];
    size_t n = 0;
    for (size_t i = 0; i < f->n && n < 256; i++)
        for (size_t k = 0; k < f->v[i].r.nfit && n < 256; k++) {
            const ir_fit  *fit = &f->v[i].r.fit[k];
            const ir_coef *c = what == FIT_BW ? &fit->BW : what == FIT_ETA ? &fit->eta : &fit->L_lat;
            if (fit->form == form && c->how == IR_FITTED && c->v > 0) v[n++] = c->v;
        }
    return ir_median(v, n);
}

void baseline_cause(const run_files *base, const run_files *now, const char *key, char *buf, size_t n)
{
    static const char *const name[NFIT] = {"BW", "eta", "L_lat"};
    static const double      slower[NFIT] = {-1, -1, 1}; /* the direction that costs time */
    const ir_point          *p = run_point(&now->v[now->n - 1], key);
    double                   most = 0.01;
    int                      which = -1;
    buf[0] = 0;
    for (int w = 0; w < NFIT; w++) {
        double was = median_fit(base, IR_ADDITIVE, w), is = median_fit(now, IR_ADDITIVE, w),
               cost = slower[w] * log(is / was);
        if (cost > most) most = cost, which = w;
    }
    if (which < 0) return;
    double was = median_fit(base, IR_ADDITIVE, which), is = median_fit(now, IR_ADDITIVE, which);
    snprintf(buf, n, "law: %s %s by %.1f %% (%.3g to %.3g)%s%s", name[which],
             slower[which] > 0 ? "rose" : "fell", 100 * fabs(is / was - 1), was, is,
             p && p->law.bound != IR_BOUND_UNKNOWN ? "; the point is bound by " : "",
             p && p->law.bound != IR_BOUND_UNKNOWN ? ir_bound_name(p->law.bound) : "");
}

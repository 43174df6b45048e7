/* selftest_ideal.c -- `ironroof selftest ideal`: the whole pipeline on a device that obeys the law exactly.
 * What was put in must come out, with and without noise; what the data do not identify must be refused; and
 * every verdict must be the one the construction implies. */
#include "bench/commands/commands.h"
#include "kernels/workloads/table.h"
#include "harness/ideal.h"

#include <math.h>
#include <string.h>

typedef struct {
    FILE *f;
    int   bad;
} judge;

static void expect(judge *j, bool ok, const char *what, const char *detail)
{
    fprintf(j->f, "%-4s %s%s%s\n", ok ? "ok" : "FAIL", what, *detail ? ": " : "", detail);
    j->bad += !ok;
}

static ir_status selftest_ideal_begin(measure_context *s, const ir_ideal_options *o)
{
    const ir_open_options asked = {.own = o};
    ir_status             st = context_open(s, &ir_ideal_backend, 0, &asked);
    return st == IR_OK ? ir_ideal_ceilings(&s->dev, &s->ceilings) : st;
}

static ir_status selftest_ideal_ladder(measure_context *s, const char *workload, const char *key,
                                       int64_t first, int n)
{
    const ir_workload *w = ir_workload_named(workload);
    ir_status          st = IR_OK;
    for (int i = 0; i < n && st == IR_OK; i++) {
        ir_params p = w->defaults;
        p.threads = 1;
        p.v[ir_workload_param(w, key)] = first << i;
        st = context_measure(s, w, backend_kernel(s->dev.be, w, 0), &p, false, NULL);
    }
    return st;
}

static ir_status grid(measure_context *s, const char *workload)
{
    const ir_workload *w = ir_workload_named(workload);
    ir_status          st = IR_OK;
    for (size_t i = 0; i < w->nquick && st == IR_OK; i++) {
        ir_params p = w->quick[i];
        p.threads = 1;
        st = context_measure(s, w, backend_kernel(s->dev.be, w, 0), &p, false, NULL);
    }
    return st;
}

static ir_status selftest_ideal_measure_all(measure_context *s)
{
    static const char *const grids[] = {"forkjoin", "gemm", "gemv", "batchmm"};
    ir_status                st = selftest_ideal_ladder(s, "copy", "bytes", 1 << 20, 8);
    if (st == IR_OK) st = selftest_ideal_ladder(s, "triad", "bytes", 3 << 20, 6);
    if (st == IR_OK) st = selftest_ideal_ladder(s, "fma", "iters", 4096, 5);
    for (size_t i = 0; i < sizeof grids / sizeof *grids && st == IR_OK; i++) st = grid(s, grids[i]);
    return st;
}

static void selftest_ideal_coefficient(judge *j, const char *name, const ir_coef *c, double truth, double tol)
{
    char text[160];
    bool ok = c->how == IR_FITTED && fabs(c->v / truth - 1) <= tol;
    snprintf(text, sizeof text, "put in %.4g, got %.4g [%.4g, %.4g] (%s)", truth, c->v, c->lo, c->hi,
             ir_how_name(c->how));
    expect(j, ok, name, text);
}

/* What the construction implies, where one term clearly leads. */
static ir_bound implied(const ir_point *p, const ir_ideal_options *o)
{
    double data = ir_cost_B(&p->m.cost) / (o->BW_ceiling * o->s), lat = o->L_lat * p->m.cost.launches;
    double T = ir_point_time(p),
           comp = o->form == IR_ADDITIVE ? T - data - lat : (data + lat < 0.99 * T ? T - lat : 0);
    if (o->form == IR_OVERLAPPED && comp > 0.9 * data && data > 0.9 * comp) return IR_BOUND_UNKNOWN;
    double sum = data + lat + comp;
    return data > .6 * sum   ? IR_BOUND_MEMORY
           : comp > .6 * sum ? IR_BOUND_COMPUTE
           : lat > .6 * sum  ? IR_BOUND_LATENCY
                             : IR_BOUND_UNKNOWN;
}

static void verdicts(judge *j, const measure_context *s, const ir_ideal_options *o)
{
    char   text[80];
    size_t n = 0, right = 0;
    for (size_t i = 0; i < s->npoint; i++) {
        ir_bound want = implied(&s->point[i], o);
        if (want == IR_BOUND_UNKNOWN) continue;
        n++;
        right += s->point[i].law.bound == want;
    }
    snprintf(text, sizeof text, "%zu of %zu clear points", right, n);
    expect(j, n > 5 && right == n, "verdicts are the construction's", text);
}

static ir_status recovers(judge *j, ir_form form, double noise)
{
    measure_context  s;
    fitted_law       law;
    ir_ideal_options o;
    double           tol = noise > 0 ? 2 * noise : 1e-3;
    ir_ideal_defaults(&o);
    o.form = form;
    o.noise = noise;
    ir_status st = selftest_ideal_begin(&s, &o);
    if (st == IR_OK) st = selftest_ideal_measure_all(&s);
    if (st == IR_OK) {
        fit_points(s.point, s.npoint, &s.ceilings, 1, &law);
        fprintf(j->f, "%s law, %.0f %% noise, %zu points\n", ir_form_name(form), 100 * noise, s.npoint);
        expect(j, law.fitted, "fitted", law.why);
        const ir_fit *fit = &law.fit[form == IR_ADDITIVE ? 0 : 1];
        expect(j, &law.fit[law.better] == fit, "recognised its own form",
               ir_form_name(law.fit[law.better].form));
        selftest_ideal_coefficient(j, "BW", &fit->BW, o.BW_ceiling * o.s, tol);
        selftest_ideal_coefficient(j, "eta", &fit->eta, o.eta, tol);
        selftest_ideal_coefficient(j, "L_lat", &fit->L_lat, o.L_lat, tol);
        verdicts(j, &s, &o);
    }
    context_close(&s);
    return st;
}

static ir_status refuses(judge *j)
{
    measure_context  s;
    fitted_law       law;
    ir_ideal_options o;
    ir_ideal_defaults(&o);
    ir_status st = selftest_ideal_begin(&s, &o);
    if (st == IR_OK) st = selftest_ideal_ladder(&s, "copy", "bytes", 1 << 26, 6);
    if (st == IR_OK) {
        fit_points(s.point, s.npoint, &s.ceilings, 1, &law);
        fprintf(j->f, "copy alone, %zu points\n", s.npoint);
        expect(j, law.fitted, "fitted", law.why);
        for (int f = 0; f < 2 && law.fitted; f++) {
            selftest_ideal_coefficient(j, "BW", &law.fit[f].BW, o.BW_ceiling * o.s, 0.01);
            expect(j, law.fit[f].eta.how != IR_FITTED, "eta is not claimed", ir_how_name(law.fit[f].eta.how));
            expect(j, law.fit[f].L_lat.how != IR_FITTED, "L_lat is not claimed",
                   ir_how_name(law.fit[f].L_lat.how));
        }
    }
    context_close(&s);
    return st;
}

int selftest_ideal(FILE *f)
{
    judge     j = {f, 0};
    ir_status st = IR_OK;
    for (int noise = 0; noise < 2 && st == IR_OK; noise++)
        for (int form = 0; form < 2 && st == IR_OK; form++)
            st = recovers(&j, (ir_form)form, noise ? 0.02 : 0);
    if (st == IR_OK) st = refuses(&j);
    if (st != IR_OK) return complain();
    fprintf(f, "%s\n",
            j.bad ? "the pipeline does not give back what was put in"
                  : "the pipeline gives back what was put in");
    return j.bad ? EXIT_BAD : EXIT_FINE;
}

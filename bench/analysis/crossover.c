/* crossover.c -- see crossover.h. */
#include "bench/analysis/crossover.h"
#include "kernels/workloads/table.h"
#include "bench/analysis/verdicts.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BATCHES = 64, DRAWS = 1000 };

/* ---- the knee -------------------------------------------------------------------------------- */
typedef struct {
    const double *b, *T;
    size_t        n;
} sweep;

static double misfit(const sweep *s, double a, double c, bool overlapped)
{
    double sum = 0;
    for (size_t i = 0; i < s->n; i++) {
        double t = overlapped ? fmax(a, c * s->b[i]) : a + c * s->b[i], r = t / s->T[i] - 1;
        sum += r * r;
    }
    return sum;
}

/* Least squares on relative residuals; neither part may be negative. */
static void fit_line(const sweep *s, double *a, double *c)
{
    double aa = 0, ab = 0, bb = 0, at = 0, bt = 0;
    for (size_t i = 0; i < s->n; i++) {
        double u = 1 / s->T[i], v = s->b[i] / s->T[i];
        aa += u * u;
        ab += u * v;
        bb += v * v;
        at += u;
        bt += v;
    }
    double det = aa * bb - ab * ab;
    *a = det > 0 ? (at * bb - bt * ab) / det : 0;
    *c = det > 0 ? (bt * aa - at * ab) / det : bt / bb;
    if (*a < 0) *a = 0, *c = bt / bb;
    if (*c < 0) *c = 0, *a = at / aa;
}

/* The first m batches are flat, the others proportional: least squares for every m, the best one wins. */
static double fit_max(const sweep *s, double *a, double *c)
{
    double best = INFINITY;
    for (size_t m = 1; m < s->n; m++) {
        double u = 0, uu = 0, v = 0, vv = 0;
        for (size_t i = 0; i < s->n; i++)
            if (i < m)
                u += 1 / s->T[i], uu += 1 / (s->T[i] * s->T[i]);
            else
                v += s->b[i] / s->T[i], vv += s->b[i] * s->b[i] / (s->T[i] * s->T[i]);
        double r = misfit(s, u / uu, v / vv, true);
        if (r < best) best = r, *a = u / uu, *c = v / vv;
    }
    return best;
}

static void crossover_solve(const sweep *s, bool overlapped, double *a, double *c)
{
    if (overlapped)
        fit_max(s, a, c);
    else
        fit_line(s, a, c);
}

/* Parametric bootstrap: every time is drawn anew from its own interval and the scatter about the fit. */
static void crossover_interval(const sweep *s, const double *sd, uint64_t seed, crossover_fit *f)
{
    double knee[DRAWS], T[MAX_BATCHES];
    sweep  drawn = {s->b, T, s->n};
    ir_rng rng;
    ir_rng_seed(&rng, seed);
    for (int d = 0; d < DRAWS; d++) {
        double a = 0, c = 0;
        for (size_t i = 0; i < s->n; i++) {
            double own = sd[i] / s->T[i], e = sqrt(own * own + f->scatter * f->scatter);
            T[i] = s->T[i] * exp(e * ir_rng_normal(&rng));
        }
        crossover_solve(&drawn, f->overlapped, &a, &c);
        knee[d] = c > 0 ? a / c : INFINITY;
    }
    ir_sort(knee, DRAWS);
    f->lo = knee[DRAWS / 40];
    f->hi = knee[DRAWS - 1 - DRAWS / 40];
}

ir_status crossover_knee(const double *batch, const double *T_s, const double *sd_s, size_t n, uint64_t seed,
                         crossover_fit *f)
{
    sweep  s = {batch, T_s, n};
    double a = 0, c = 0;
    memset(f, 0, sizeof *f);
    if (n < 3 || n > MAX_BATCHES)
        return ir_fail(IR_SKIP, "%zu batches: a knee needs 3 to %d", n, MAX_BATCHES);
    fit_line(&s, &f->a, &f->c);
    double line = misfit(&s, f->a, f->c, false), bent = fit_max(&s, &a, &c);
    f->overlapped = bent < line;
    if (f->overlapped) f->a = a, f->c = c;
    f->scatter = sqrt(fmin(line, bent) / (double)(n - 2));
    if (!(f->c > 0)) return ir_fail(IR_SKIP, "time does not grow with the batch");
    f->knee = f->a / f->c;
    crossover_interval(&s, sd_s, seed, f);
    return IR_OK;
}

/* ---- prediction ------------------------------------------------------------------------------ */
/* Compute time less data time at the ceilings; NAN where the batch is not possible or a ceiling is missing.
 */
static double excess(const ir_workload *w, const ir_params *base, int at, bool cold, const ir_ceilings *c,
                     int64_t batch)
{
    ir_params p = *base;
    p.v[at] = batch;
    if (w->valid && w->valid(w, &p) != IR_OK) return NAN;
    ir_cost cost = w->cost(w, &p);
    return cost.flops / ir_product_ceiling(c, p.dtype, p.threads) -
           (cost.read_B + cost.write_B) / ir_cost_bw(c, &cost, p.threads, cold, false, 1);
}

double crossover_predict(const ir_workload *w, const ir_params *p, int at, bool cold, const ir_ceilings *c)
{
    int64_t lo = 1, hi = 1;
    double  x_lo = excess(w, p, at, cold, c, 1), x_hi = x_lo;
    if (isnan(x_lo)) return NAN;
    if (x_lo >= 0) return 0;
    while (x_hi < 0) {
        double next = excess(w, p, at, cold, c, 2 * hi);
        if (isnan(next)) return INFINITY;
        lo = hi;
        x_lo = x_hi;
        hi *= 2;
        x_hi = next;
    }
    while (hi - lo > 1) {
        int64_t mid = lo + (hi - lo) / 2;
        double  x = excess(w, p, at, cold, c, mid);
        if (x < 0)
            lo = mid, x_lo = x;
        else
            hi = mid, x_hi = x;
    }
    return (double)lo + x_lo / (x_lo - x_hi);
}

/* ---- sweeps of a context --------------------------------------------------------------------- */
typedef struct {
    const ir_workload *w;
    const ir_point    *p; /* one of its points */
    int                at;
    double             b[MAX_BATCHES], T[MAX_BATCHES], sd[MAX_BATCHES];
    size_t             n;
} group;

/* Which parameter is the batch; -1: none. */
static int batch_param(const ir_workload *w)
{
    int at = ir_workload_param(w, "batch");
    if (at < 0 && !strcmp(w->family, "linear")) at = ir_workload_param(w, "rows");
    if (at < 0 && !strcmp(w->family, "conv")) at = ir_workload_param(w, "n");
    return at;
}

static bool crossover_timed(const ir_point *p)
{
    return p->status == IR_OK && !p->id.for_ceiling && strcmp(p->id.family, "layer") != 0 &&
           ir_point_time(p) > 0;
}

static bool same_sweep(const ir_point *a, const ir_point *b, int at)
{
    if (strcmp(a->id.workload, b->id.workload) || strcmp(a->id.kernel, b->id.kernel) ||
        strcmp(a->id.family, b->id.family))
        return false;
    if (a->id.p.dtype != b->id.p.dtype || a->id.p.threads != b->id.p.threads || a->id.cold != b->id.cold)
        return false;
    for (int i = 0; i < IR_MAX_PARAMS; i++)
        if (i != at && a->id.p.v[i] != b->id.p.v[i]) return false;
    return true;
}

static void insert(group *g, const ir_point *p)
{
    const ir_stats *t = ir_point_stats(p);
    double          b = (double)p->id.p.v[g->at], half = 0.5 * (t->ci_hi - t->ci_lo);
    size_t          i = g->n;
    for (size_t k = 0; k < g->n; k++)
        if (g->b[k] == b) return;
    if (g->n == MAX_BATCHES) return;
    for (; i > 0 && g->b[i - 1] > b; i--) {
        g->b[i] = g->b[i - 1];
        g->T[i] = g->T[i - 1];
        g->sd[i] = g->sd[i - 1];
    }
    g->b[i] = b;
    g->T[i] = ir_point_time(p);
    g->sd[i] = isfinite(half) ? half / 1.96 : t->sd; /* too few samples for an interval */
    g->n++;
}

/* The sweep that point i begins; n = 0 when an earlier point did, or it has no batch. */
static void gather(const measure_context *s, size_t i, group *g)
{
    const ir_point *p = &s->point[i];
    memset(g, 0, sizeof *g);
    g->w = crossover_timed(p) ? ir_workload_named(p->id.workload) : NULL;
    g->p = p;
    g->at = g->w ? batch_param(g->w) : -1;
    if (g->at < 0) return;
    for (size_t k = 0; k < i; k++)
        if (crossover_timed(&s->point[k]) && same_sweep(&s->point[k], p, g->at)) return;
    for (size_t k = i; k < s->npoint; k++)
        if (crossover_timed(&s->point[k]) && same_sweep(&s->point[k], p, g->at)) insert(g, &s->point[k]);
}

static void crossover_number(double v, char *out, size_t n)
{
    if (isinf(v))
        snprintf(out, n, "none");
    else
        snprintf(out, n, v < 10 ? "%.1f" : "%.0f", v);
}

/* " medium decode", " prefill 128": two shapes of one network are two captions. */
static const char *crossover_shape(const ir_point *p, char buf[64])
{
    int tokens = ir_workload_param(ir_workload_named(p->id.workload), "tokens"),
        size = ir_workload_param(ir_workload_named(p->id.workload), "size");
    int n = 0;
    buf[0] = 0;
    if (size >= 0 && *p->id.pword[size]) n = snprintf(buf, 64, " %.15s", p->id.pword[size]);
    if (tokens >= 0 && p->id.p.v[tokens] == 1) snprintf(buf + n, 64 - (size_t)n, " decode");
    if (tokens >= 0 && p->id.p.v[tokens] > 1)
        snprintf(buf + n, 64 - (size_t)n, " prefill %lld", (long long)p->id.p.v[tokens]);
    return buf;
}

static void crossover_describe(const measure_context *s, const group *g, ir_verdict *v)
{
    char          shape[64], predicted[32], knee[32], lo[32], hi[32], key[IR_ID];
    double        ceiling = crossover_predict(g->w, &g->p->id.p, g->at, g->p->id.cold, &s->ceilings);
    crossover_fit f;
    memset(v, 0, sizeof *v);
    v->p = NAN;
    snprintf(v->question, sizeof v->question, "crossover");
    snprintf(v->device, sizeof v->device, "%s", s->info.id);
    snprintf(v->evidence, sizeof v->evidence, "%s", ir_point_key(g->p, key));
    if (isnan(ceiling))
        snprintf(predicted, sizeof predicted, "no ceiling to predict from");
    else if (ceiling <= 0)
        snprintf(predicted, sizeof predicted, "predicted below 1");
    else if (isinf(ceiling))
        snprintf(predicted, sizeof predicted, "predicted at no batch");
    else
        crossover_number(ceiling, knee, sizeof knee),
            snprintf(predicted, sizeof predicted, "predicted %.10s", knee);
    int used = snprintf(v->answer, sizeof v->answer,
                        "%.31s%s %s %.31s: memory gives way to compute at batch ", g->p->id.workload,
                        crossover_shape(g->p, shape), ir_dtype_name(g->p->id.p.dtype), g->p->id.kernel);
    if (crossover_knee(g->b, g->T, g->sd, g->n, s->policy.seed, &f) != IR_OK) {
        snprintf(v->verdict, sizeof v->verdict, "none");
        snprintf(v->answer + used, sizeof v->answer - (size_t)used, "none measured (%.60s), %s", ir_why(),
                 predicted);
        return;
    }
    crossover_number(f.knee, knee, sizeof knee);
    crossover_number(f.lo, lo, sizeof lo);
    crossover_number(f.hi, hi, sizeof hi);
    /* Compute-bound from its first batch on, as far as the sweep can tell. */
    const bool already = f.hi < g->b[0] || (f.lo < 1.05 * g->b[0] && f.hi < g->b[1]);
    const bool below = already || f.knee<g->b[0], above = f.knee> g->b[g->n - 1];
    snprintf(v->verdict, sizeof v->verdict, "%s",
             below   ? "below the sweep"
             : above ? "above the sweep"
                     : "within the sweep");
    if (already)
        snprintf(v->answer + used, sizeof v->answer - (size_t)used,
                 "%.0f already, the smallest measured (%s, %s form, %zu batches)", g->b[0], predicted,
                 f.overlapped ? "overlapped" : "additive", g->n);
    else
        snprintf(v->answer + used, sizeof v->answer - (size_t)used,
                 "%.12s [%.12s, %.12s] (%s, %s form, %zu batches%s)", knee, lo, hi, predicted,
                 f.overlapped ? "overlapped" : "additive", g->n, below || above ? ", outside of them" : "");
}

/* The next sweep from point *i on. */
bool crossover_next(const measure_context *s, size_t *i, ir_verdict *v)
{
    while (*i < s->npoint) {
        group g;
        gather(s, (*i)++, &g);
        if (g.n < 3) continue;
        crossover_describe(s, &g, v);
        return true;
    }
    return false;
}

void crossover_print(FILE *f, const measure_context *s) { verdicts_print(f, s, crossover_next); }

ir_status crossover_journal(ir_journal *j, const measure_context *s)
{
    return verdicts_journal(j, s, crossover_next);
}

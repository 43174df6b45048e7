/* crossover.c -- see crossover.h. */
#include "bench/analysis/crossover.h"
#include "kernels/workloads/table.h"
#include "bench/analysis/verdicts.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BATCHES = CROSSOVER_MAX, DRAWS = 200 };

/* ---- the knee -------------------------------------------------------------------------------- */
typedef struct {
    const double *b, *T;
    size_t        n;
} sweep;

/* T = (a^p + (c B)^p)^(1/p): p = 1 adds what the batch does not change and what each item adds, a large p
 * takes the larger of both. Real machines lie between, and the knee a/c is where both are equal whatever p
 * is. */
static const double norms[] = {1, 1.5, 2, 3, 5, 10, INFINITY};
enum { NNORM = sizeof norms / sizeof *norms, STEPS = 30 };

static double norm_of(double u, double v, double p)
{
    double most = fmax(u, v);
    if (isinf(p)) return most;
    return most > 0 && p > 1 ? most * pow(pow(u / most, p) + pow(v / most, p), 1 / p) : u + v;
}

static double misfit(const sweep *s, double a, double c, double p)
{
    double sum = 0;
    for (size_t i = 0; i < s->n; i++) {
        double r = log(norm_of(a, c * s->b[i], p) / s->T[i]);
        sum += r * r;
    }
    return sum;
}

/* Where a and c begin: no part may be more than the least time allows. */
static void crossover_begin(const sweep *s, double *a, double *c)
{
    *a = *c = INFINITY;
    for (size_t i = 0; i < s->n; i++) {
        *a = fmin(*a, s->T[i]);
        *c = fmin(*c, s->T[i] / s->b[i]);
    }
}

/* One step of least squares on log T in (log a, log c), from the derivatives of the norm; false: it went
 * nowhere. */
static bool crossover_step(const sweep *s, double *a, double *c, double p)
{
    double uu = 0, uv = 0, vv = 0, ur = 0, vr = 0;
    for (size_t i = 0; i < s->n; i++) {
        double u = pow(*a, p), v = pow(*c * s->b[i], p), T = norm_of(*a, *c * s->b[i], p),
               r = log(s->T[i] / T);
        if (!isfinite(u + v) || !(u + v > 0)) { /* a large p: the larger one is all */
            u = *a >= *c * s->b[i];
            v = 1 - u;
        }
        double x = u / (u + v), y = v / (u + v);
        uu += x * x;
        uv += x * y;
        vv += y * y;
        ur += x * r;
        vr += y * r;
    }
    double ridge = 1e-6 * (uu + vv), det = (uu + ridge) * (vv + ridge) - uv * uv;
    if (!(det > 0)) return false;
    double da = fmin(fmax((ur * (vv + ridge) - vr * uv) / det, -1), 1),
           dc = fmin(fmax((vr * (uu + ridge) - ur * uv) / det, -1), 1);
    *a *= exp(da);
    *c *= exp(dc);
    return fabs(da) + fabs(dc) > 1e-10;
}

static double fit_norm(const sweep *s, double p, double *a, double *c)
{
    crossover_begin(s, a, c);
    *a /= 2; /* from below: where compute takes all from the first batch on, nothing may lift it */
    for (int i = 0; i < STEPS && crossover_step(s, a, c, p); i++) continue;
    return misfit(s, *a, *c, p);
}

/* Student's t at 97.5 % over the normal's, for 1, 2 ... degrees of freedom. */
static const double t975_over_z[] = {6.48, 2.20, 1.62, 1.42, 1.31, 1.25, 1.21, 1.18};
enum { FEW = sizeof t975_over_z / sizeof *t975_over_z };

/* The norm that fits best. With few batches several do: the sums and the larger one first. */
static double crossover_solve(const sweep *s, double *a, double *c, double *p)
{
    double best = INFINITY;
    for (int i = 0; i < NNORM; i++) {
        double x, y, r = fit_norm(s, norms[i], &x, &y);
        if (!(r < best)) continue;
        best = r;
        *a = x;
        *c = y;
        *p = norms[i];
    }
    return best;
}

/* Parametric bootstrap: every time is drawn anew from its own interval and the scatter about the fit; the
 * norm is chosen anew too. */
static void crossover_interval(const sweep *s, const double *sd, uint64_t seed, crossover_fit *f)
{
    double knee[DRAWS], T[MAX_BATCHES];
    sweep  drawn = {s->b, T, s->n};
    ir_rng rng;
    ir_rng_seed(&rng, seed);
    for (int d = 0; d < DRAWS; d++) {
        double a = 0, c = 0, p = 1;
        for (size_t i = 0; i < s->n; i++) {
            double own = sd[i] / s->T[i], e = sqrt(own * own + f->scatter * f->scatter);
            T[i] = s->T[i] * exp(e * ir_rng_normal(&rng));
        }
        crossover_solve(&drawn, &a, &c, &p);
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
    double p = 1, last = 0, grows = 0;
    memset(f, 0, sizeof *f);
    if (n < 3 || n > MAX_BATCHES)
        return ir_fail(IR_SKIP, "%zu batches: a knee needs 3 to %d", n, MAX_BATCHES);
    for (size_t i = 0; i < n; i++) last = fmax(last, T_s[i]), grows = i ? grows : T_s[i];
    if (!(last > 1.02 * grows)) return ir_fail(IR_SKIP, "time does not grow with the batch");
    double left = crossover_solve(&s, &f->a, &f->c, &p);
    f->overlapped = p > 2;
    size_t df = n > 3 ? n - 3 : 1;
    f->scatter = sqrt(left / (double)df) *
                 t975_over_z[df < FEW ? df - 1 : FEW - 1]; /* a few batches hardly know their scatter */
    f->knee = f->a / f->c;
    crossover_interval(&s, sd_s, seed, f);
    return IR_OK;
}

/* ---- prediction ------------------------------------------------------------------------------ */
/* Compute time less data time at the ceilings; NAN where the batch is not possible or a ceiling is missing.
 */
static double crossover_excess(const ir_workload *w, const ir_params *base, int at, bool cold,
                               const ir_ceilings *c, int64_t batch)
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
    double  x_lo = crossover_excess(w, p, at, cold, c, 1), x_hi = x_lo;
    if (isnan(x_lo)) return NAN;
    if (x_lo >= 0) return 0;
    while (x_hi < 0) {
        double next = crossover_excess(w, p, at, cold, c, 2 * hi);
        if (isnan(next)) return INFINITY;
        lo = hi;
        x_lo = x_hi;
        hi *= 2;
        x_hi = next;
    }
    while (hi - lo > 1) {
        int64_t mid = lo + (hi - lo) / 2;
        double  x = crossover_excess(w, p, at, cold, c, mid);
        if (x < 0)
            lo = mid, x_lo = x;
        else
            hi = mid, x_hi = x;
    }
    return (double)lo + x_lo / (x_lo - x_hi);
}

/* ---- sweeps of a context --------------------------------------------------------------------- */
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

/* Launches are neither memory nor compute: their time is taken off, where that leaves most of it. */
static double beside_launches(const ir_ceilings *c, const ir_point *p)
{
    double T = ir_point_time(p), L = ir_launch_ceiling(c, p->id.p.threads) * p->m.cost.launches;
    return L < 0.8 * T ? T - L : T;
}

static void insert(crossover_sweep *g, const ir_ceilings *c, const ir_point *p)
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
    g->T[i] = beside_launches(c, p);
    g->sd[i] = isfinite(half) ? half / 1.96 : t->sd; /* too few samples for an interval */
    g->n++;
}

/* The sweep that point i begins; n = 0 when an earlier point did, or it has no batch. */
static void crossover_gather(const measure_context *s, size_t i, crossover_sweep *g)
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
        if (crossover_timed(&s->point[k]) && same_sweep(&s->point[k], p, g->at))
            insert(g, &s->ceilings, &s->point[k]);
}

/* Bytes of a batch: what it does not change, and what each item adds. */
static void crossover_bytes_of(const crossover_sweep *g, double *fixed, double *item)
{
    double D[2];
    for (int i = 0; i < 2; i++) {
        ir_params p = g->p->id.p;
        p.v[g->at] = (int64_t)g->b[i ? g->n - 1 : 0];
        ir_cost c = g->w->cost(g->w, &p);
        D[i] = c.read_B + c.write_B;
    }
    *item = (D[1] - D[0]) / (g->b[g->n - 1] - g->b[0]);
    *fixed = D[0] - *item * g->b[0];
}

/* Items bring bytes of their own, so that memory's time grows as well and compute catches up later. */
static double caught_up(double knee, double fixed, double item)
{
    double grows = fixed > 0 ? knee * item / fixed : 0;
    return grows < 0.9 ? knee / (1 - grows) : INFINITY;
}

ir_status crossover_of(const crossover_sweep *g, uint64_t seed, crossover_fit *f)
{
    double    fixed, item;
    ir_status st = crossover_knee(g->b, g->T, g->sd, g->n, seed, f);
    if (st != IR_OK) return st;
    crossover_bytes_of(g, &fixed, &item);
    f->knee = caught_up(f->knee, fixed, item);
    f->lo = caught_up(f->lo, fixed, item);
    f->hi = caught_up(f->hi, fixed, item);
    return IR_OK;
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

static void crossover_describe(const measure_context *s, const crossover_sweep *g, ir_verdict *v)
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
    if (crossover_of(g, s->policy.seed, &f) != IR_OK) {
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

bool crossover_next(const measure_context *s, size_t *i, crossover_sweep *g)
{
    while (*i < s->npoint) {
        crossover_gather(s, (*i)++, g);
        if (g->n >= 3) return true;
    }
    return false;
}

/* The verdict of the next sweep from point *i on. */
bool crossover_verdict_next(const measure_context *s, size_t *i, ir_verdict *v)
{
    crossover_sweep g;
    if (!crossover_next(s, i, &g)) return false;
    crossover_describe(s, &g, v);
    return true;
}

void crossover_print(FILE *f, const measure_context *s) { verdicts_print(f, s, crossover_verdict_next); }

ir_status crossover_journal(ir_journal *j, const measure_context *s)
{
    return verdicts_journal(j, s, crossover_verdict_next);
}

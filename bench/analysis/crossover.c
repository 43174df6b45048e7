/* crossover.c -- see crossover.h. */
#include "bench/analysis/crossover.h"
#include "bench/analysis/knee.h"
#include "kernels/workloads/table.h"
#include "bench/analysis/verdicts.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the knee of a plain sweep ---------------------------------------------------------------- */
static crossover_fit crossover_from(const knee_fit *k, double u_first, double v_last, double last)
{
    return (crossover_fit){k->a * u_first, k->c * v_last / last, k->knee, k->lo, k->hi, k->scatter, k->p > 2};
}

ir_status crossover_knee(const double *batch, const double *T_s, const double *sd_s, size_t n, uint64_t seed,
                         crossover_fit *f)
{
    double     one[KNEE_MAX];
    knee_shape h = {.n = n < KNEE_MAX ? n : KNEE_MAX};
    knee_sweep s = {batch, one, batch, T_s, sd_s, n};
    knee_fit   k;
    memset(f, 0, sizeof *f);
    for (size_t i = 0; i < h.n; i++) {
        one[i] = h.u[i] = 1;
        h.b[i] = h.v[i] = batch[i];
    }
    ir_status st = knee_of(&s, &h, seed, &k);
    if (st == IR_OK) *f = crossover_from(&k, 1, batch[n - 1], batch[n - 1]);
    return st;
}

/* ---- prediction ------------------------------------------------------------------------------ */
/* How a workload's two times grow with its batch. */
typedef struct {
    const ir_workload *w;
    const ir_params   *p;
    int                at;
    bool               cold;
    const ir_ceilings *c;
} crossover_law;

/* Both times of a batch at the ceilings; false where the batch is not possible. */
static bool crossover_terms(const crossover_law *l, int64_t batch, double *data_s, double *comp_s)
{
    ir_params p = *l->p;
    p.v[l->at] = batch;
    if (l->w->valid && l->w->valid(l->w, &p) != IR_OK) return false;
    ir_cost k = l->w->cost(l->w, &p);
    *comp_s = (k.flops - k.spare_flops) / ir_product_ceiling(l->c, p.dtype, p.threads);
    *data_s = ir_cost_B(&k) / ir_cost_bw(l->c, &k, p.threads, l->cold, false, 1);
    return true;
}

/* Compute time less data time; NAN where the batch is not possible or a ceiling is missing. */
static double crossover_excess(const crossover_law *l, int64_t batch)
{
    double data_s, comp_s;
    return crossover_terms(l, batch, &data_s, &comp_s) ? comp_s - data_s : NAN;
}

double crossover_predict(const ir_workload *w, const ir_params *p, int at, bool cold, const ir_ceilings *c)
{
    const crossover_law own = {w, p, at, cold, c}, *l = &own;
    int64_t             lo = 1, hi = 1;
    double              x_lo = crossover_excess(l, 1), x_hi = x_lo;
    if (isnan(x_lo)) return NAN;
    if (x_lo >= 0) return 0;
    while (x_hi < 0) {
        double next = crossover_excess(l, 2 * hi);
        if (isnan(next)) return INFINITY;
        lo = hi;
        x_lo = x_hi;
        hi *= 2;
        x_hi = next;
    }
    while (hi - lo > 1) {
        int64_t mid = lo + (hi - lo) / 2;
        double  x = crossover_excess(l, mid);
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
    if (g->n == CROSSOVER_MAX) return;
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

/* Both times at the batches timed, and at those between and beyond, up to 16 times the last; false where the
 * ceilings do not say. */
static bool crossover_shapes(const crossover_law *l, const crossover_sweep *g, double *u, double *v,
                             knee_shape *h)
{
    enum { BEYOND = 16 };
    bool known = true;
    for (size_t i = 0; i < g->n && known; i++)
        known = crossover_terms(l, (int64_t)g->b[i], &u[i], &v[i]) && u[i] > 0 && v[i] > 0 &&
                isfinite(u[i] + v[i]);
    h->n = 0;
    for (double b = 1; b <= BEYOND * g->b[g->n - 1] && h->n < KNEE_SHAPE; b = floor(fmax(b + 1, 1.12 * b))) {
        double *x = &h->u[h->n], *y = &h->v[h->n];
        if (!known || !crossover_terms(l, (int64_t)b, x, y) || !(*x > 0) || !(*y > 0)) break;
        h->b[h->n++] = b;
    }
    return known && h->n > 1;
}

ir_status crossover_of(const measure_context *s, const crossover_sweep *g, crossover_fit *f)
{
    double        u[KNEE_MAX], v[KNEE_MAX];
    crossover_law l = {g->w, &g->p->id.p, g->at, g->p->id.cold, &s->ceilings};
    knee_sweep    k = {g->b, u, v, g->T, g->sd, g->n};
    knee_shape    h;
    knee_fit      fit;
    if (!crossover_shapes(&l, g, u, v, &h)) return crossover_knee(g->b, g->T, g->sd, g->n, s->policy.seed, f);
    memset(f, 0, sizeof *f);
    ir_status st = knee_of(&k, &h, s->policy.seed, &fit);
    if (st == IR_OK) *f = crossover_from(&fit, u[0], v[g->n - 1], g->b[g->n - 1]);
    return st;
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
    if (crossover_of(s, g, &f) != IR_OK) {
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

/* belief.c -- how probable a label is.
 *
 * The law has three numbers for all kernels, but a kernel takes its own share of a ceiling, and data and
 * arithmetic overlap neither fully nor not at all. So each term of a row is known up to a factor exp(f): its
 * mean and spread are those of the fitted rows that the same term rules, first of its own kernel, then of all
 * families (each counts once). The row's time then says which factors are likely (one step of a Kalman filter
 * on ln T, repeated because the norm bends): what the law misses is laid on the terms that scatter most. The
 * label's probability is the share of draws in which its class is the largest, and holds half of the time. */
#include "harness/law/law_internal.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RULES     0.7  /* share of a row's time from which on it speaks of one term */
#define BOTH      0.25 /* the smaller over the larger of two terms that show how they overlap */
#define CLIP      0.69 /* ln 2: a kernel that takes twice as long is slow by its code */
#define LEAST_SD  0.01
#define SERVED_SD 0.15 /* of the share of a footprint that a cache serves between its end and memory's */
#define STEPS     6
enum { DRAWS = 100 }; /* of a row, for each norm */

static const double norms[] = {1, 1.5, 2, 3, 5, 8, 16};
enum { NNORM = sizeof norms / sizeof *norms };
_Static_assert((int)NNORM == (int)IR_FIT_NORMS, "a weight for each norm");

/* ---- time and elasticities of terms ---------------------------------------------------------- */
static double both_s(double a, double b, double p)
{
    double most = fmax(a, b), least = fmin(a, b);
    return most > 0 && least > 0 ? most * pow(1 + pow(least / most, p), 1 / p) : most;
}

/* Seconds; e: d ln T / d ln of each term, which sum to 1. */
static double belief_time(const double t[LAW_NCOL], double p, double e[LAW_NCOL])
{
    double d = t[LAW_DATA], c = t[LAW_COMP], both = both_s(d, c, p), T = both + t[LAW_LAT],
           part = d > 0 && c > 0 ? 1 / (1 + pow(c / d, p)) : d > 0;
    e[LAW_LAT] = T > 0 ? t[LAW_LAT] / T : 0;
    e[LAW_DATA] = T > 0 ? part * both / T : 0;
    e[LAW_COMP] = T > 0 ? (1 - part) * both / T : 0;
    return T;
}

static void belief_terms(const ir_fit *f, const ir_row *r, double t[LAW_NCOL])
{
    double c[LAW_NCOL];
    law_coefficients(f, c);
    t[LAW_DATA] = c[LAW_DATA] * r->x_data_s;
    t[LAW_COMP] = c[LAW_COMP] * r->x_comp_s;
    t[LAW_LAT] = c[LAW_LAT] * r->x_launch;
}

/* ---- what the fitted rows say ---------------------------------------------------------------- */
static double missed(const ir_fit *f, const ir_row *r, double p, double e[LAW_NCOL])
{
    double t[LAW_NCOL];
    belief_terms(f, r, t);
    return fmin(fmax(log(r->T_s / belief_time(t, p, e)), -CLIP), CLIP);
}

/* How far rows of two near terms speak for each norm (Laplace's likelihood at the scale of the best one);
 * without such rows all are alike. */
static void overlap_of(ir_fit *f, const ir_row *rows, size_t n)
{
    double sum[NNORM] = {0}, t[LAW_NCOL], e[LAW_NCOL], least = INFINITY, used = 0;
    for (size_t i = 0; i < n; i++) {
        belief_terms(f, &rows[i], t);
        if (!(fmin(t[LAW_DATA], t[LAW_COMP]) > BOTH * fmax(t[LAW_DATA], t[LAW_COMP]))) continue;
        used++;
        for (int k = 0; k < NNORM; k++)
            sum[k] += fmin(fabs(log(rows[i].T_s / belief_time(t, norms[k], e))), CLIP);
    }
    for (int k = 0; k < NNORM; k++) least = fmin(least, sum[k]);
    double scale = fmax(used > 0 ? least / used : 1, LEAST_SD);
    for (int k = 0; k < NNORM; k++) f->norm[k] = exp(-(sum[k] - least) / scale);
}

static double likeliest_norm(const ir_fit *f)
{
    int best = f->form == IR_ADDITIVE ? 0 : NNORM - 1;
    for (int k = 0; k < NNORM; k++)
        if (f->norm[k] > f->norm[best]) best = k;
    return norms[best];
}

static ir_kin *kin_of(ir_fit *f, const ir_point *p)
{
    for (int k = 0; k < f->nkin; k++)
        if (!strcmp(f->kin[k].family, p->id.family) && !strcmp(f->kin[k].kernel, p->id.kernel))
            return &f->kin[k];
    if (f->nkin == IR_FIT_KIN) return NULL;
    ir_kin *k = &f->kin[f->nkin++];
    memset(k, 0, sizeof *k);
    snprintf(k->family, sizeof k->family, "%s", p->id.family);
    snprintf(k->kernel, sizeof k->kernel, "%s", p->id.kernel);
    return k;
}

#define NORMAL 1.4826 /* sd over the median of absolute values */

/* Spread of a term over kernels, each of which counts once, and all rows together as one more. */
static double spread_of(const ir_fit *f, int j, double all)
{
    double v[IR_FIT_KIN + 1] = {all};
    size_t n = 1;
    for (int k = 0; k < f->nkin; k++)
        if (f->kin[k].n[j] > 0) v[n++] = sqrt(f->kin[k].square[j] / f->kin[k].n[j]);
    return fmax(NORMAL * ir_median(v, n), LEAST_SD);
}

/* Spread over the rows of one kernel, over kernels as above. */
static double within_of(const ir_fit *f, double all)
{
    double v[IR_FIT_KIN * LAW_NCOL + 1] = {all};
    size_t n = 1;
    for (int k = 0; k < f->nkin; k++)
        for (int j = 0; j < LAW_NCOL; j++) {
            const ir_kin *x = &f->kin[k];
            if (x->n[j] > 1)
                v[n++] = sqrt(fmax(x->square[j] - x->sum[j] * x->sum[j] / x->n[j], 0) / (x->n[j] - 1));
        }
    return fmax(ir_median(v, n), LEAST_SD);
}

ir_status law_believe(ir_fit *f, const ir_point *pts, const size_t *index, const ir_row *rows, size_t n)
{
    double *miss = calloc(n ? n : 1, sizeof *miss), e[LAW_NCOL];
    if (!miss) return ir_fail(IR_ENOMEM, "fit: no memory for %zu rows", n);
    f->nkin = 0;
    overlap_of(f, rows, n);
    double p = likeliest_norm(f);
    for (size_t i = 0; i < n; i++) {
        double  m = missed(f, &rows[i], p, e);
        ir_kin *k = kin_of(f, &pts[index[i]]);
        miss[i] = fabs(m);
        for (int j = 0; k && j < LAW_NCOL; j++) {
            if (e[j] < RULES) continue;
            k->n[j]++;
            k->sum[j] += m;
            k->square[j] += m * m;
        }
    }
    double all = ir_median(miss, n);
    for (int j = 0; j < LAW_NCOL; j++) f->spread[j] = spread_of(f, j, all);
    f->within = within_of(f, NORMAL * all);
    free(miss);
    return IR_OK;
}

/* ---- one row --------------------------------------------------------------------------------- */
typedef struct {
    double f[LAW_NCOL], cov[LAW_NCOL][LAW_NCOL]; /* ln of each term's factor */
} factors;

/* Of the logarithm of a coefficient over the fit's draws; 0 where it is not known. */
static double coefficient_variance(const ir_fit *f, int j)
{
    double sum = 0, square = 0, n = 0;
    for (int d = 0; d < f->ndraw; d++) {
        double v = log(f->draw[d][j]);
        if (!isfinite(v)) continue;
        sum += v;
        square += v * v;
        n++;
    }
    return n > 1 ? fmax(square - sum * sum / n, 0) / (n - 1) : 0;
}

/* Variance over one kernel's rows at a term: its own where that is more than kernels have. */
static double within_kin(const ir_fit *f, const ir_kin *x, int j)
{
    double all = f->within * f->within, n = x->n[j];
    return n > 1 ? fmax(all, (x->square[j] - x->sum[j] * x->sum[j] / n) / (n - 1)) : all;
}

static bool is_kin(const ir_kin *x, const ir_point *p)
{
    return !strcmp(x->family, p->id.family) && !strcmp(x->kernel, p->id.kernel);
}

/* A kernel that no row shows at a term takes anything from the ceiling's time to twice as long, beyond which
 * it would be slow code. What a launch costs is hardly the kernel's. */
static bool unseen(const ir_fit *f, const ir_point *p, int j)
{
    if (j == LAW_LAT || f->nkin == 0) return false;
    for (int k = 0; k < f->nkin; k++)
        if (is_kin(&f->kin[k], p) && f->kin[k].n[j] > 0) return false;
    return true;
}

/* Before its time is looked at: what its kernel's other rows say, as far as there are any. */
static void prior(const ir_fit *fit, const ir_point *p, factors *o)
{
    memset(o, 0, sizeof *o);
    for (int j = 0; j < LAW_NCOL; j++) {
        double sd = fit->spread[j];
        if (unseen(fit, p, j)) sd = fmax(sd, CLIP / sqrt(12)); /* of what lies anywhere between both */
        o->cov[j][j] = sd * sd + coefficient_variance(fit, j);
    }
    for (int k = 0; k < fit->nkin; k++) {
        const ir_kin *x = &fit->kin[k];
        if (!is_kin(x, p)) continue;
        for (int j = 0; j < LAW_NCOL; j++) {
            if (!(x->n[j] > 0)) continue;
            double between = o->cov[j][j], within = within_kin(fit, x, j);
            double weight = between / (between + within / x->n[j]);
            o->f[j] = weight * x->sum[j] / x->n[j];
            o->cov[j][j] = (1 - weight) * between + within;
        }
    }
}

static double scaled_time(const double t[LAW_NCOL], const double f[LAW_NCOL], double p, double e[LAW_NCOL])
{
    double s[LAW_NCOL];
    for (int j = 0; j < LAW_NCOL; j++) s[j] = t[j] * exp(f[j]);
    return belief_time(s, p, e);
}

/* Returns the logarithm of how likely that time was under this norm. */
static double posterior(const double t[LAW_NCOL], double p, double T, double own_sd, factors *o)
{
    const factors before = *o;
    double        e[LAW_NCOL], gain[LAW_NCOL], evidence = 0;
    for (int step = 0; step < STEPS; step++) {
        double law = log(scaled_time(t, o->f, p, e)), var = own_sd * own_sd, left = log(T) - law;
        for (int j = 0; j < LAW_NCOL; j++) {
            var += e[j] * e[j] * before.cov[j][j];
            left += e[j] * (o->f[j] - before.f[j]);
        }
        for (int j = 0; j < LAW_NCOL; j++) {
            gain[j] = before.cov[j][j] * e[j] / var;
            double next = fmin(fmax(before.f[j] + gain[j] * left, -2), 2);
            o->f[j] = step ? 0.5 * (o->f[j] + next) : next;
        }
        evidence = -0.5 * (left * left / var + log(var));
    }
    for (int i = 0; i < LAW_NCOL; i++)
        for (int j = 0; j < LAW_NCOL; j++)
            o->cov[i][j] = before.cov[i][j] - gain[i] * e[j] * before.cov[j][j];
    return evidence;
}

/* Lower triangle of a covariance; what rounding makes negative is 0. */
static void triangle(double cov[LAW_NCOL][LAW_NCOL], double l[LAW_NCOL][LAW_NCOL])
{
    memset(l, 0, sizeof(double[LAW_NCOL][LAW_NCOL]));
    for (int i = 0; i < LAW_NCOL; i++)
        for (int j = 0; j <= i; j++) {
            double sum = cov[i][j];
            for (int k = 0; k < j; k++) sum -= l[i][k] * l[j][k];
            if (i == j)
                l[i][i] = sqrt(fmax(sum, 0));
            else
                l[i][j] = l[j][j] > 1e-9 ? sum / l[j][j] : 0;
        }
}

/* Shares by class: memory's and a cache's part of data are two. */
static void classes(const double e[LAW_NCOL], double served, double share[LAW_NCLASS])
{
    share[LAW_OF_MEMORY] = e[LAW_DATA] * (1 - served);
    share[LAW_OF_CACHE] = e[LAW_DATA] * served;
    share[LAW_OF_COMPUTE] = e[LAW_COMP];
    share[LAW_OF_LATENCY] = e[LAW_LAT];
}

static int largest_class(const double share[LAW_NCLASS])
{
    int best = 0;
    for (int k = 1; k < LAW_NCLASS; k++)
        if (share[k] > share[best]) best = k;
    return best;
}

/* The class of the largest term as the row shows it, data by its level. */
static int shown_class(const ir_point *p, const double t[LAW_NCOL])
{
    if (t[LAW_COMP] > t[LAW_DATA] && t[LAW_COMP] > t[LAW_LAT]) return LAW_OF_COMPUTE;
    if (t[LAW_LAT] > t[LAW_DATA]) return LAW_OF_LATENCY;
    return strcmp(p->law.level, ir_level_names[3]) != 0 ? LAW_OF_CACHE : LAW_OF_MEMORY;
}

/* What one norm adds: draws of all factors, and of how much the cache served. */
static void draw_classes(const double t[LAW_NCOL], double p, const factors *f, double served,
                         double served_sd, double weight, double largest[LAW_NCLASS], double half[LAW_NCLASS])
{
    double  l[LAW_NCOL][LAW_NCOL], z[LAW_NCOL], at[LAW_NCOL], e[LAW_NCOL], share[LAW_NCLASS];
    ir_rng  rng;
    factors own = *f;
    triangle(own.cov, l);
    ir_rng_seed(&rng, 1);
    for (int d = 0; d < DRAWS; d++) {
        for (int j = 0; j < LAW_NCOL; j++) z[j] = ir_rng_normal(&rng);
        double u = fmin(fmax(served + served_sd * ir_rng_normal(&rng), 0), 1);
        for (int j = 0; j < LAW_NCOL; j++) {
            at[j] = f->f[j];
            for (int k = 0; k <= j; k++) at[j] += l[j][k] * z[k];
        }
        scaled_time(t, at, p, e);
        classes(e, u, share);
        int first = largest_class(share);
        largest[first] += weight / DRAWS;
        if (share[first] >= 0.5) half[first] += weight / DRAWS;
    }
}

/* The share of data's time that a cache took of a row that went faster than memory: as many bytes as its time
 * asks for, at `nearer` times memory's rate. served: what the ladder says, which is in the term already. */
static double served_by_time(const double t[LAW_NCOL], double T, double served, double nearer)
{
    double r = nearer > 1 ? 1 / nearer : 1, left = fmax(T - t[LAW_LAT], 0.1 * T),
           all = t[LAW_DATA] * (1 - served + served / r);
    double bytes = r < 1 ? fmin(fmax((all - left) / (all * (1 - r)), 0), 1) : 0;
    return bytes * r / (bytes * r + 1 - bytes);
}

void law_label(const ir_fit *fit, const ir_point *p, const ir_row *x, const double t[LAW_NCOL], double served,
               double nearer, law_verdict *o)
{
    factors f[NNORM];
    double  weight[NNORM], largest[LAW_NCLASS] = {0}, half[LAW_NCLASS] = {0}, best = -INFINITY, sum = 0;
    double  own = x->T_lo > 0 && x->T_hi > x->T_lo ? log(x->T_hi / x->T_lo) / (2 * LAW_Z975) : LEAST_SD;
    bool    asked = false;
    double  served_sd = 4 * SERVED_SD * served * (1 - served); /* 0 where one of both has it all */
    if (p->flags & IR_FLAG_CACHE_RESIDENT && served < 0.5) {
        served = served_by_time(t, x->T_s, served, nearer);
        served_sd = 4 * SERVED_SD * served * (1 - served);
    }
    int own_norm = fit->form == IR_ADDITIVE ? 0 : NNORM - 1; /* what the form has, where no row was asked */
    for (int k = 0; k < NNORM; k++) asked = asked || fit->norm[k] > 0;
    for (int k = 0; k < NNORM; k++) {
        prior(fit, p, &f[k]);
        weight[k] = log(asked ? fit->norm[k] : k == own_norm) +
                    posterior(t, norms[k], x->T_s, fmax(own, LEAST_SD), &f[k]);
        best = fmax(best, weight[k]);
    }
    for (int k = 0; k < NNORM; k++) sum += weight[k] = exp(weight[k] - best);
    for (int k = 0; k < NNORM; k++)
        if (weight[k] > 1e-3 * sum)
            draw_classes(t, norms[k], &f[k], served, served_sd, weight[k] / sum, largest, half);
    memset(o, 0, sizeof *o);
    o->first = largest_class(largest);
    o->p = fmin(largest[o->first], 1);
    o->clear = half[o->first];
    o->shown = fmin(largest[shown_class(p, t)], 1);
}

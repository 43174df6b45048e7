/* belief.c -- what rows do beside the law, for the probability of labels (label.c).
 *
 * The law has three numbers for all kernels, but a kernel takes its own share of a ceiling, and data and
 * arithmetic overlap neither fully nor not at all, each kernel's in its own way. So each term of a row is
 * known up to a factor exp(f): its mean and spread are those of the rows that the same term rules, first of
 * its own kernel, then of all kernels (each counts once). How data and arithmetic overlap, a norm, is a
 * kernel's own as well: the rows in which both count say which norms it may have, and the share of kernels
 * that have each is what is known of the next one. */
#include "harness/law/law_internal.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RULES 0.7  /* share of a row's time from which on it speaks of one term */
#define BOTH  0.25 /* the smaller over the larger of two terms that show how they overlap */

const double law_norms[IR_FIT_NORMS] = {1, 1.5, 2, 3, 5, 8, 16};

static double both_s(double a, double b, double p)
{
    double most = fmax(a, b), least = fmin(a, b);
    return most > 0 && least > 0 ? most * pow(1 + pow(least / most, p), 1 / p) : most;
}

double law_time_of(const double t[LAW_NCOL], double p, double e[LAW_NCOL])
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

bool law_both_count(const double t[LAW_NCOL])
{
    return fmin(t[LAW_DATA], t[LAW_COMP]) > BOTH * fmax(t[LAW_DATA], t[LAW_COMP]);
}

/* ---- terms ----------------------------------------------------------------------------------- */
static double missed(const ir_fit *f, const ir_row *r, double p, double e[LAW_NCOL])
{
    double t[LAW_NCOL];
    belief_terms(f, r, t);
    return fmin(fmax(log(r->T_s / law_time_of(t, p, e)), -LAW_SLOW), LAW_SLOW);
}

/* The norm that all rows of two near terms like best, where one stands for all; without such rows, the
 * form's. */
static double likeliest_norm(const ir_fit *f, const ir_row *rows, size_t n)
{
    double sum[IR_FIT_NORMS] = {0}, t[LAW_NCOL], e[LAW_NCOL];
    int    best = f->form == IR_ADDITIVE ? 0 : IR_FIT_NORMS - 1;
    for (size_t i = 0; i < n; i++) {
        belief_terms(f, &rows[i], t);
        for (int k = 0; law_both_count(t) && k < IR_FIT_NORMS; k++)
            sum[k] += fmin(fabs(log(rows[i].T_s / law_time_of(t, law_norms[k], e))), LAW_SLOW);
    }
    for (int k = 0; k < IR_FIT_NORMS; k++)
        if (sum[k] < sum[best]) best = k;
    return law_norms[best];
}

const ir_kin *law_kin(const ir_fit *f, const ir_point *p)
{
    for (int k = 0; k < f->nkin; k++)
        if (!strcmp(f->kin[k].family, p->id.family) && !strcmp(f->kin[k].kernel, p->id.kernel))
            return &f->kin[k];
    return NULL;
}

static ir_kin *kin_of(ir_fit *f, const ir_point *p)
{
    ir_kin *k = (ir_kin *)law_kin(f, p);
    if (k || f->nkin == IR_FIT_KIN) return k;
    k = &f->kin[f->nkin++];
    memset(k, 0, sizeof *k);
    k->least_s = INFINITY;
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
    return fmax(NORMAL * ir_median(v, n), LAW_LEAST_SD);
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
    return fmax(ir_median(v, n), LAW_LEAST_SD);
}

static void note_terms(ir_kin *k, const ir_row *r, double m, const double e[LAW_NCOL])
{
    for (int j = 0; k && j < LAW_NCOL; j++) {
        if (e[j] < RULES) continue;
        k->n[j]++;
        k->sum[j] += m;
        k->square[j] += m * m;
        if (j == LAW_COMP) k->least_s = fmin(k->least_s, r->x_comp_s);
    }
}

/* ---- norms ----------------------------------------------------------------------------------- */
/* The logarithms summed over a kernel's rows become likelihoods, the best 1. */
static void likelihoods(double norm[IR_FIT_NORMS])
{
    double best = norm[0];
    for (int k = 1; k < IR_FIT_NORMS; k++) best = fmax(best, norm[k]);
    for (int k = 0; k < IR_FIT_NORMS; k++) norm[k] = exp(norm[k] - best);
}

/* Share of kernels that have each norm: what each is likely to have, and one of which nothing is known.
 * Nobody was asked: 0 of all. */
static void norms_of_kernels(ir_fit *f, const bool asked[IR_FIT_KIN])
{
    int    kernels = 1;
    double share[IR_FIT_NORMS];
    for (int k = 0; k < IR_FIT_NORMS; k++) share[k] = 1.0 / IR_FIT_NORMS;
    for (int i = 0; i < f->nkin; i++) {
        double sum = 0;
        likelihoods(f->kin[i].norm);
        for (int k = 0; k < IR_FIT_NORMS; k++) sum += f->kin[i].norm[k];
        for (int k = 0; asked[i] && k < IR_FIT_NORMS; k++) share[k] += f->kin[i].norm[k] / sum;
        kernels += asked[i];
    }
    for (int k = 0; k < IR_FIT_NORMS; k++) f->norm[k] = kernels > 1 ? share[k] / kernels : 0;
}

static void overlap_of(ir_fit *f, const ir_point *pts, const size_t *index, const ir_row *rows, size_t n)
{
    bool asked[IR_FIT_KIN] = {false};
    for (size_t i = 0; i < n; i++) {
        const ir_point *p = &pts[index[i]];
        ir_kin         *x = kin_of(f, p);
        double          t[LAW_NCOL];
        belief_terms(f, &rows[i], t);
        if (!x || !law_both_count(t)) continue;
        asked[x - f->kin] = true;
        for (int k = 0; k < IR_FIT_NORMS; k++) {
            law_factors o;
            law_prior(f, p, &rows[i], &o);
            x->norm[k] += law_posterior(t, law_norms[k], &rows[i], &o);
        }
    }
    norms_of_kernels(f, asked);
}

/* ---- all of it ------------------------------------------------------------------------------- */
ir_status law_believe(ir_fit *f, const ir_point *pts, const size_t *index, const ir_row *rows, size_t n,
                      double launch_s)
{
    double *miss = calloc(n ? n : 1, sizeof *miss), e[LAW_NCOL];
    if (!miss) return ir_fail(IR_ENOMEM, "fit: no memory for %zu rows", n);
    f->nkin = 0;
    f->launch_s = launch_s;
    double p = likeliest_norm(f, rows, n);
    for (size_t i = 0; i < n; i++) {
        double m = missed(f, &rows[i], p, e);
        miss[i] = fabs(m);
        note_terms(kin_of(f, &pts[index[i]]), &rows[i], m, e);
    }
    double all = ir_median(miss, n);
    for (int j = 0; j < LAW_NCOL; j++) f->spread[j] = spread_of(f, j, all);
    f->within = within_of(f, NORMAL * all);
    overlap_of(f, pts, index, rows, n);
    free(miss);
    return IR_OK;
}

ir_status ir_fit_believe(ir_fit *f, const ir_point *pts, size_t n, const ir_ceilings *c)
{
    ir_row   *rows = malloc((n ? n : 1) * sizeof *rows);
    size_t   *index = malloc((n ? n : 1) * sizeof *index), m = 0;
    ir_status st = rows && index ? IR_OK : ir_fail(IR_ENOMEM, "fit: no memory for %zu points", n);
    for (size_t i = 0; i < n && st == IR_OK; i++)
        if (law_tells(&pts[i], c, &rows[m])) index[m++] = i;
    if (st == IR_OK) st = law_believe(f, pts, index, rows, m, ir_launch_ceiling(c, 0));
    free(rows);
    free(index);
    return st;
}

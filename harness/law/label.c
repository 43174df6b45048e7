/* label.c -- how probable a label is.
 *
 * What is known of a row's terms before its time is looked at is belief.c's. Its time then says which factors
 * are likely (one step of a Kalman filter on ln T, repeated because the norm bends): what the law misses is
 * laid on the terms that scatter most. The label's probability is the share of draws in which its class is
 * the largest, and holds half of the time. */
#include "harness/law/law_internal.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <string.h>

#define SERVED_SD 0.15 /* of the share of a footprint that a cache serves between its end and memory's */
#define SMALLER   0.5  /* of the least that a kernel was seen at: what is known of it no longer holds */
#define STEPS     6
enum { DRAWS = 100 }; /* of a row, for each norm */

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

/* What a kernel that no row shows at a term takes lies anywhere between the ceiling's time and twice that,
 * beyond which it would be slow code; from: or beyond what else is known of it (ln of a factor). */
static void anywhere(const ir_fit *f, int j, double from, law_factors *o)
{
    double c[LAW_NCOL];
    law_coefficients(f, c);
    double ceiling = c[j] > 0 ? -log(c[j]) : 0, most = ceiling + LAW_SLOW;
    double least = fmin(fmax(from, ceiling), most);
    o->f[j] = (least + most) / 2;
    o->cov[j][j] = fmax((most - least) * (most - least) / 12, f->within * f->within);
}

/* A launch costs what an empty one does, or what the fit says, which has whatever else calls have in common.
 */
static void latency_prior(const ir_fit *f, law_factors *o)
{
    double L = f->L_lat.how == IR_FITTED && f->launch_s > 0 ? log(f->launch_s / f->L_lat.v) : 0;
    o->f[LAW_LAT] = L / 2;
    o->cov[LAW_LAT][LAW_LAT] += L * L / 12;
}

/* What the kernel's other rows say of a term. */
static void kin_prior(const ir_fit *f, const ir_kin *x, int j, law_factors *o)
{
    double between = o->cov[j][j], within = within_kin(f, x, j);
    double weight = between / (between + within / x->n[j]);
    o->f[j] += weight * (x->sum[j] / x->n[j] - o->f[j]);
    o->cov[j][j] = (1 - weight) * between + within;
}

/* Bytes that took less than memory at its ceiling needs: something nearer gave a part of them, and it is not
 * known how much. At most as long as the row took beside its launches. */
static void outrun_prior(const ir_fit *f, const ir_row *r, law_factors *o)
{
    double c[LAW_NCOL];
    law_coefficients(f, c);
    double left = law_left_s(f, r), most = log(left / (c[LAW_DATA] * r->x_data_s));
    if (!(r->x_data_s > (1 + LAW_TOL) * left) || !isfinite(most)) return;
    o->f[LAW_DATA] = most - LAW_SLOW / 2;
    o->cov[LAW_DATA][LAW_DATA] = LAW_SLOW * LAW_SLOW / 12;
}

double law_left_s(const ir_fit *f, const ir_row *r)
{
    double c[LAW_NCOL];
    law_coefficients(f, c);
    return fmax(r->T_s - c[LAW_LAT] * r->x_launch, LAW_TOL * r->T_s);
}

/* Bytes go the same ways whoever asks for them, so that all kernels say what one that was not seen may reach;
 * arithmetic is its own code. */
void law_prior(const ir_fit *f, const ir_point *p, const ir_row *r, law_factors *o)
{
    const ir_kin *x = law_kin(f, p);
    memset(o, 0, sizeof *o);
    for (int j = 0; j < LAW_NCOL; j++) {
        bool seen = x && x->n[j] > 0;
        o->cov[j][j] = f->spread[j] * f->spread[j] + coefficient_variance(f, j);
        if (j == LAW_LAT) latency_prior(f, o);
        if (seen) kin_prior(f, x, j, o);
        if (j == LAW_COMP && f->nkin > 0 && !seen) anywhere(f, j, -INFINITY, o);
        if (j == LAW_COMP && seen && r->x_comp_s < SMALLER * x->least_s) /* it fills the machine less */
            anywhere(f, j, o->f[j], o);
    }
    if (f->nkin > 0) outrun_prior(f, r, o);
}

static double scaled_time(const double t[LAW_NCOL], const double f[LAW_NCOL], double p, double e[LAW_NCOL])
{
    double s[LAW_NCOL];
    for (int j = 0; j < LAW_NCOL; j++) s[j] = t[j] * exp(f[j]);
    return law_time_of(s, p, e);
}

double law_posterior(const double t[LAW_NCOL], double p, const ir_row *x, law_factors *o)
{
    const law_factors before = *o;
    double            e[LAW_NCOL], gain[LAW_NCOL], evidence = 0, T = x->T_s, own_sd = LAW_LEAST_SD;
    if (x->T_lo > 0 && x->T_hi > x->T_lo) own_sd = fmax(log(x->T_hi / x->T_lo) / (2 * LAW_Z975), own_sd);
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
    return strcmp(p->law.level, ir_level_names[IR_DRAM]) != 0 ? LAW_OF_CACHE : LAW_OF_MEMORY;
}

/* What one norm adds: draws of all factors, and of how much the cache served. */
static void draw_classes(const double t[LAW_NCOL], double p, const law_factors *f, double served,
                         double served_sd, double weight, double largest[LAW_NCLASS], double half[LAW_NCLASS])
{
    double      l[LAW_NCOL][LAW_NCOL], z[LAW_NCOL], at[LAW_NCOL], e[LAW_NCOL], share[LAW_NCLASS];
    ir_rng      rng;
    law_factors own = *f;
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

/* How likely each norm is, as logarithms; f: what the row's factors are under each. counted: its kernel's
 * norms rest on this row too. */
static void norm_weights(const ir_fit *fit, const ir_point *p, const ir_row *x, const double t[LAW_NCOL],
                         bool counted, law_factors f[IR_FIT_NORMS], double weight[IR_FIT_NORMS])
{
    int  own = fit->form == IR_ADDITIVE ? 0 : IR_FIT_NORMS - 1; /* the form's, where no row was asked */
    bool asked = false;
    const ir_kin *kin = law_kin(fit, p);
    for (int k = 0; k < IR_FIT_NORMS; k++) asked = asked || fit->norm[k] > 0;
    for (int k = 0; k < IR_FIT_NORMS; k++) {
        law_prior(fit, p, x, &f[k]);
        double evidence = law_posterior(t, law_norms[k], x, &f[k]);
        weight[k] = log(asked ? fit->norm[k] : k == own) + (asked && kin ? log(kin->norm[k]) : 0) +
                    (counted ? 0 : evidence);
    }
}

void law_label(const ir_fit *fit, const ir_point *p, const ir_row *x, const double t[LAW_NCOL], double served,
               double nearer, bool resident, bool counted, law_verdict *o)
{
    law_factors f[IR_FIT_NORMS];
    double weight[IR_FIT_NORMS], largest[LAW_NCLASS] = {0}, half[LAW_NCLASS] = {0}, best = -INFINITY, sum = 0;
    if (resident && served < 0.5) served = served_by_time(t, x->T_s, served, nearer);
    double served_sd = 4 * SERVED_SD * served * (1 - served); /* 0 where one of both has it all */
    norm_weights(fit, p, x, t, counted && law_both_count(t), f, weight);
    for (int k = 0; k < IR_FIT_NORMS; k++) best = fmax(best, weight[k]);
    for (int k = 0; k < IR_FIT_NORMS; k++) sum += weight[k] = exp(weight[k] - best);
    for (int k = 0; k < IR_FIT_NORMS; k++)
        if (weight[k] > 1e-3 * sum)
            draw_classes(t, law_norms[k], &f[k], served, served_sd, weight[k] / sum, largest, half);
    memset(o, 0, sizeof *o);
    o->first = largest_class(largest);
    o->p = fmin(largest[o->first], 1);
    o->clear = half[o->first];
    o->shown = fmin(largest[shown_class(p, t)], 1);
}

/* bootstrap.c -- a residual bootstrap, stratified by family.
 *
 * The design stays as it is, so that no draw loses the one row that identifies a coefficient; the times are drawn
 * anew about the law with resampled residuals. Each residual is first freed of its leverage (a row that bends the law
 * to itself looks better than it is). A family scatters in its own way, but few of its rows say how much: its variance
 * is drawn towards that of all rows, which counts as PRIOR_DF observations. A row never scatters less than its own
 * interval of T. Single wild rows are pulled in to four robust standard deviations, as the fit itself weighs them.
 * Intervals are the estimate +- t times the draws' standard deviation: quantiles of 200 draws would be narrower than
 * the truth with so few rows. */
#include "harness/law/bootstrap.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_POOL = 8 };
#define PRIOR_DF     4
#define MAX_LEVERAGE 0.95 /* beyond it a row's residual is 0 by construction and says nothing */

ir_status law_noise_init(law_noise *o, size_t n)
{
    memset(o, 0, sizeof *o);
    o->sd = calloc(4 * (n ? n : 1), sizeof *o->sd);
    if (!o->sd) return ir_fail(IR_ENOMEM, "fit: no memory for %zu rows", n);
    o->z = o->sd + n;
    o->e = o->sd + 2 * n;
    o->h = o->sd + 3 * n;
    return IR_OK;
}

void law_noise_free(law_noise *o)
{
    free(o->sd);
    memset(o, 0, sizeof *o);
}

/* Cornish-Fisher expansion of the normal quantile; exact values where it fails. */
static double t975(double df)
{
    static const double small[] = {12.706, 12.706, 4.303, 3.182};
    double              z = LAW_Z975, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    if (df < 3.5) return small[(int)(df < 1 ? 1 : df + 0.5)];
    return z + (z3 + z) / (4 * df) + (5 * z5 + 16 * z3 + 3 * z) / (96 * df * df) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * df * df * df);
}

/* Leverage of each row in the weighted normal equations; 0 when they cannot be inverted. */
static void leverages(const law_rows *q, unsigned mask, const double c[LAW_NCOL], double *h)
{
    law_gram g;
    double   inv[LAW_NCOL][LAW_NCOL], a[LAW_NCOL];
    law_gram_of(q, c, &g);
    bool ok = law_gram_inverse(&g, mask, inv);
    for (size_t r = 0; r < q->n; r++) {
        law_row_terms(q, r, c, a);
        h[r] = 0;
        for (int i = 0; ok && i < LAW_NCOL; i++)
            for (int j = 0; j < LAW_NCOL; j++) h[r] += q->w[r] * a[i] * inv[i][j] * a[j] / (q->T[r] * q->T[r]);
        h[r] = fmin(fmax(h[r], 0), 1);
    }
}

static double residual(const law_rows *q, size_t i, const double c[LAW_NCOL], double scale)
{
    double e = log(q->T[i] / law_row_time(q, i, c));
    return isfinite(e) ? fmin(fmax(e, -4 * scale), 4 * scale) : 4 * scale; /* a law of 0 s */
}

static double pooled(const law_rows *q, const double *e, const double *h, double prior, double prior_df, size_t of)
{
    double ss = prior * prior * prior_df, df = prior_df;
    for (size_t i = 0; i < q->n; i++) {
        if (h[i] > MAX_LEVERAGE || (of < q->n && q->family[i] != q->family[of])) continue;
        ss += e[i] * e[i];
        df += 1 - h[i];
    }
    return df > 0 ? sqrt(ss / df) : 0;
}

static void standardise(law_noise *o)
{
    double mean = 0, var = 0;
    for (size_t i = 0; i < o->nz; i++) mean += o->z[i] / (double)o->nz;
    for (size_t i = 0; i < o->nz; i++) {
        o->z[i] -= mean;
        var += o->z[i] * o->z[i] / (double)o->nz;
    }
    for (size_t i = 0; i < o->nz; i++) o->z[i] /= sqrt(var);
    if (o->nz < MIN_POOL || !(var > 0)) o->nz = 0;
}

void law_noise_of(const law_rows *q, unsigned mask, const double c[LAW_NCOL], double scale, law_noise *o)
{
    double *h = o->h, *e = o->e, floor_sd = 0;
    leverages(q, mask, c, h);
    o->df = 0;
    o->nz = 0;
    for (size_t i = 0; i < q->n; i++) {
        e[i] = residual(q, i, c, scale);
        o->df += h[i] > MAX_LEVERAGE ? 0 : 1 - h[i];
        floor_sd += q->own_sd[i] * q->own_sd[i] / (double)q->n;
    }
    o->s0 = fmax(pooled(q, e, h, 0, 0, q->n), sqrt(floor_sd));
    o->t = t975(o->df);
    for (size_t i = 0; i < q->n; i++) {
        double family_sd = pooled(q, e, h, o->s0, PRIOR_DF, i);
        o->sd[i] = fmax(family_sd, q->own_sd[i]);
        if (h[i] <= MAX_LEVERAGE) o->z[o->nz++] = e[i] / (sqrt(1 - h[i]) * family_sd);
    }
    standardise(o);
}

ir_status law_bootstrap(const law_rows *q, const ir_row *rows, unsigned mask, const double c[LAW_NCOL], double scale,
                        const law_noise *o, uint64_t seed, double draw[IR_FIT_DRAWS][LAW_NCOL])
{
    law_rows  b;
    ir_rng    rng;
    ir_status st = law_rows_init(&b, q->form, rows, q->n);
    if (st != IR_OK) return st;
    ir_rng_seed(&rng, seed);
    for (int d = 0; d < IR_FIT_DRAWS; d++) {
        for (size_t i = 0; i < b.n; i++) {
            double z = o->nz ? o->z[ir_rng_below(&rng, o->nz)] : ir_rng_normal(&rng), T = law_row_time(q, i, c);
            b.T[i] = T > 0 ? T * exp(o->sd[i] * z) : q->T[i];
            b.w[i] = 1;
        }
        memcpy(draw[d], c, LAW_NCOL * sizeof *c);
        law_resolve(&b, mask, scale, draw[d]);
    }
    law_rows_free(&b);
    return IR_OK;
}

/* bootstrap.c -- a residual bootstrap that knows how well each row was measured.
 *
 * The design stays as it is, so that no draw loses the one row that identifies a coefficient; the times are
 * drawn anew about the law. A row scatters by its own interval (own) and by what the law does not explain
 * (excess), with variance own^2 + excess^2. The excess is the one at which the squared residuals, each over
 * the variance that rows and leverage give it, sum to their number (Paule and Mandel 1982); 0 when the
 * intervals alone explain the residuals. Families are explained unequally well, but few rows say how well: a
 * family's excess is drawn towards that of all rows, which counts as PRIOR_ROWS. Single wild rows are pulled
 * in to four robust standard deviations, as the fit weighs them down. Intervals are the estimate +- t times
 * the draws' standard deviation: quantiles of 200 draws would be narrower than the truth with so few rows. */
#include "harness/law/bootstrap.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_POOL = 8 };
#define PRIOR_ROWS 8
#define MIN_FREE   0.05 /* below it a row's residual is 0 by construction and says nothing */

ir_status law_noise_init(law_noise *o, size_t n)
{
    memset(o, 0, sizeof *o);
    o->sd = calloc(5 * (n ? n : 1), sizeof *o->sd);
    if (!o->sd) return ir_fail(IR_ENOMEM, "fit: no memory for %zu rows", n);
    o->z = o->sd + n;
    o->e = o->sd + 2 * n;
    o->own = o->sd + 3 * n;
    o->free = o->sd + 4 * n;
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

static double residual(const law_rows *q, size_t i, const double c[LAW_NCOL], double scale)
{
    double e = log(q->T[i] / law_row_time(q, i, c));
    return isfinite(e) ? fmin(fmax(e, -4 * scale), 4 * scale) : 4 * scale; /* a law of 0 s */
}

/* Variance of each residual as own[i] + free[i] excess^2: what is left of the row's own error, and what the
 * errors of the others bring in through the solution (hat matrix H, residual = (I - H) error). */
static void residual_variances(const law_rows *q, unsigned mask, const double c[LAW_NCOL], law_noise *o)
{
    law_gram g;
    double   inv[LAW_NCOL][LAW_NCOL], ai[LAW_NCOL], aj[LAW_NCOL];
    law_gram_of(q, c, &g);
    bool ok = law_gram_inverse(&g, mask, inv); /* zeros otherwise: residuals as they are */
    for (size_t i = 0; i < q->n; i++) {
        o->own[i] = o->free[i] = 0;
        law_row_terms(q, i, c, ai);
        for (size_t j = 0; j < q->n; j++) {
            double h = 0;
            law_row_terms(q, j, c, aj);
            for (int k = 0; ok && k < LAW_NCOL; k++)
                for (int l = 0; l < LAW_NCOL; l++) h += ai[k] * inv[k][l] * aj[l];
            double left = (i == j) - h * q->w[j] / (q->T[i] * q->T[j]);
            o->own[i] += left * left * q->own_sd[j] * q->own_sd[j];
            o->free[i] += left * left;
        }
    }
}

static bool counts(const law_rows *q, const law_noise *o, size_t i, size_t like)
{
    return o->free[i] > MIN_FREE && (like >= q->n || q->family[i] == q->family[like]);
}

/* Excess variance of the rows of one family (that of row `like`; q->n: of all). *rows: how many it rests on.
 */
static double excess_variance(const law_rows *q, const law_noise *o, size_t like, double *rows)
{
    double lo = 0, hi = 0;
    *rows = 0;
    for (size_t i = 0; i < q->n; i++) {
        if (!counts(q, o, i, like)) continue;
        *rows += 1;
        hi += o->e[i] * o->e[i] / o->free[i]; /* at the sum, every quotient is below its share */
    }
    for (int step = 0; step < 60; step++) {
        double x = step ? 0.5 * (lo + hi) : 0, sum = 0;
        for (size_t i = 0; i < q->n; i++)
            if (counts(q, o, i, like)) sum += o->e[i] * o->e[i] / (o->own[i] + x * o->free[i]);
        if (step == 0 && sum <= *rows) return 0;
        if (sum > *rows)
            lo = x;
        else
            hi = x;
    }
    return hi;
}

static double family_excess(const law_rows *q, const law_noise *o, size_t like, double all)
{
    double rows, own = excess_variance(q, o, like, &rows);
    return (PRIOR_ROWS * all + rows * own) / (PRIOR_ROWS + rows);
}

/* Mean 0 at the second moment it has: the residuals' mean is error too. */
static void centre(law_noise *o)
{
    double mean = 0, moment = 0, left = 0;
    for (size_t i = 0; i < o->nz; i++) mean += o->z[i] / (double)o->nz;
    for (size_t i = 0; i < o->nz; i++) {
        moment += o->z[i] * o->z[i];
        o->z[i] -= mean;
        left += o->z[i] * o->z[i];
    }
    for (size_t i = 0; i < o->nz; i++) o->z[i] *= sqrt(moment / left);
    if (o->nz < MIN_POOL || !(left > 0)) o->nz = 0;
}

void law_noise_of(const law_rows *q, unsigned mask, const double c[LAW_NCOL], double scale, law_noise *o)
{
    double rows, own = 0;
    residual_variances(q, mask, c, o);
    o->df = 0;
    o->nz = 0;
    for (size_t i = 0; i < q->n; i++) {
        o->e[i] = residual(q, i, c, scale);
        own += q->own_sd[i] * q->own_sd[i] / (double)q->n;
    }
    double all = excess_variance(q, o, q->n, &rows);
    o->s0 = sqrt(all + own);
    for (size_t i = 0; i < q->n; i++) {
        double excess = family_excess(q, o, i, all);
        o->sd[i] = sqrt(excess + q->own_sd[i] * q->own_sd[i]);
        if (!counts(q, o, i, q->n)) continue;
        o->z[o->nz++] = o->e[i] / sqrt(o->own[i] + excess * o->free[i]);
        o->df += o->free[i];
    }
    o->t = t975(o->df);
    centre(o);
}

ir_status law_bootstrap(const law_rows *q, const ir_row *rows, unsigned mask, const double c[LAW_NCOL],
                        double scale, const law_noise *o, uint64_t seed, double draw[IR_FIT_DRAWS][LAW_NCOL])
{
    law_rows  b;
    ir_rng    rng;
    ir_status st = law_rows_init(&b, q->form, rows, q->n);
    if (st != IR_OK) return st;
    ir_rng_seed(&rng, seed);
    for (int d = 0; d < IR_FIT_DRAWS; d++) {
        for (size_t i = 0; i < b.n; i++) {
            double z = o->nz ? o->z[ir_rng_below(&rng, o->nz)] : ir_rng_normal(&rng),
                   T = law_row_time(q, i, c);
            b.T[i] = T > 0 ? T * exp(o->sd[i] * z) : q->T[i];
            b.w[i] = 1;
        }
        memcpy(draw[d], c, LAW_NCOL * sizeof *c);
        law_resolve(&b, mask, scale, draw[d]);
    }
    law_rows_free(&b);
    return IR_OK;
}

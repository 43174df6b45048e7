/* fleet.c -- see fleet.h. */
#define _GNU_SOURCE /* lgamma_r: lgamma writes a global */
#include "harness/stats/fleet.h"
#include "harness/stats/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_FLEET = 64, PRIOR_WEIGHT = 16, SPLIT_MIN = 20 };
static const double NU_PER_NODE = 0.37;  /* efficiency of a MAD against a standard deviation */
static const double SUSPECT_SHARE = 0.8; /* of the threshold: look 1 is wide, look 2 decides */
static const double SUSPECT_SPREADS = 3;
static const double SPLIT_SHARE = 0.35; /* a smaller mode is some slow nodes */
static const double SPLIT_SPREADS =
    4; /* halves of one normal distribution lie 2.3 apart, of a uniform one 2.7 */
static const double POWER_80 = 0.84;
static const double MAD_SD = 1.4826;

/* ---- Student's t ----------------------------------------------------------------------------- */
/* Continued fraction of the incomplete beta function (Lentz). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
    double h = d;
    for (int m = 1; m <= 300; m++) {
        double num[2] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                         -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
        double step = 1;
        for (int k = 0; k < 2; k++) {
            d = 1 + num[k] * d;
            c = 1 + num[k] / c;
            d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
            if (fabs(c) < 1e-300) c = 1e-300;
            step = d * c;
            h *= step;
        }
        if (fabs(step - 1) < 1e-14) break;
    }
    return h;
}

static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

static double beta_regular(double a, double b, double x)
{
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                     : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double ir_t_upper(double tail, double nu)
{
    if (!(tail > 0 && tail < 1 && nu > 0)) return NAN;
    if (tail > 0.5) return -ir_t_upper(1 - tail, nu);
    double lo = 0, hi = 1;
    while (0.5 * beta_regular(nu / 2, 0.5, nu / (nu + hi * hi)) > tail && hi < 1e12) hi *= 2;
    for (int i = 0; i < 200 && hi - lo > 1e-12 * hi; i++) {
        double mid = 0.5 * (lo + hi);
        if (0.5 * beta_regular(nu / 2, 0.5, nu / (nu + mid * mid)) > tail)
            lo = mid;
        else
            hi = mid;
    }
    return 0.5 * (lo + hi);
}

/* ---- look 1 ---------------------------------------------------------------------------------- */
/* What a small sample's MAD falls short by (Croux and Rousseeuw 1992). */
static double mad_factor(size_t n)
{
    static const double small[10] = {0, 0, 1.196, 1.495, 1.363, 1.206, 1.200, 1.140, 1.129, 1.107};
    return n < 10 ? small[n] : (double)n / ((double)n - 0.8);
}

/* s: sorted; scratch: as long. */
static double mad_sd(const double *s, size_t n, double centre, double *scratch)
{
    for (size_t i = 0; i < n; i++) scratch[i] = fabs(s[i] - centre);
    ir_sort(scratch, n);
    return MAD_SD * ir_quantile_sorted(scratch, n, 0.5);
}

/* The cut into two clusters of the least variance within them. */
static size_t best_cut(const double *s, size_t n)
{
    double all = 0, left = 0, best = -INFINITY;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) all += s[i] - s[0];
    for (size_t i = 1; i < n; i++) {
        left += s[i - 1] - s[0];
        double a = left / (double)i, b = (all - left) / (double)(n - i);
        double between = (double)i * (double)(n - i) * (b - a) * (b - a);
        if (between > best) best = between, at = i;
    }
    return at;
}

static void find_split(const double *s, size_t n, double delta, double *scratch, ir_fleet_series *out)
{
    if (n < SPLIT_MIN) return;
    size_t cut = best_cut(s, n), smaller = cut < n - cut ? cut : n - cut;
    if ((double)smaller < SPLIT_SHARE * (double)n) return;
    double lo = ir_quantile_sorted(s, cut, 0.5), hi = ir_quantile_sorted(s + cut, n - cut, 0.5);
    double within = fmax(mad_sd(s, cut, lo, scratch), mad_sd(s + cut, n - cut, hi, scratch));
    if (hi - lo < -log1p(-delta) || hi - lo < SPLIT_SPREADS * within) return;
    out->split = true;
    out->mode_lo = lo;
    out->mode_hi = hi;
}

static double surely(const ir_fleet_series *f, size_t nseries, const ir_fleet_rule *r)
{
    return ir_t_upper(r->alpha / ((double)f->n * (double)(nseries ? nseries : 1)), f->nu);
}

void ir_fleet_describe(const double *y, size_t n, double own, size_t nseries, const ir_fleet_rule *r,
                       ir_fleet_series *out)
{
    double *s = stats_room((2 * n + 1) * sizeof *s), *scratch = s ? s + n : NULL;
    size_t  m = 0;
    *out = (ir_fleet_series){
        .centre = NAN, .spread = NAN, .nu = NAN, .mode_lo = NAN, .mode_hi = NAN, .detectable = NAN};
    for (size_t i = 0; s && i < n; i++)
        if (isfinite(y[i])) s[m++] = y[i];
    if (m) {
        double count = (double)m;
        ir_sort(s, m);
        out->n = m;
        out->centre = ir_quantile_sorted(s, m, 0.5);
        double S = m < 2 ? 0 : mad_factor(m) * mad_sd(s, m, out->centre, scratch);
        out->nu = NU_PER_NODE * (count - 1);
        if (m < SMALL_FLEET) {
            S = sqrt((PRIOR_WEIGHT * r->tau0 * r->tau0 + count * S * S) / (PRIOR_WEIGHT + count));
            out->nu += PRIOR_WEIGHT;
        }
        out->spread = S;
        find_split(s, m, r->delta, scratch, out);
    }
    if (m >= 3) {
        double S = fmax(out->spread, own);
        out->detectable = -expm1(-(fmax(-log1p(-r->delta), surely(out, nseries, r) * S) + POWER_80 * S));
    }
    free(s);
}

double ir_fleet_own_noise(const double *y, size_t nseries, size_t nround)
{
    double *e = stats_room((nseries * nround + 1) * sizeof *e);
    size_t  m = 0;
    if (!e || nround < 2) return free(e), 0;
    for (size_t s = 0; s < nseries; s++) {
        double centre = ir_median(y + s * nround, nround);
        for (size_t k = 0; k < nround; k++)
            if (isfinite(y[s * nround + k])) e[m++] = fabs(y[s * nround + k] - centre);
    }
    double count = (double)nround, mad = m ? ir_median(e, m) : 0;
    free(e);
    /* 1.25: a median's standard error against a mean's. */
    return m ? MAD_SD * mad_factor(nround) * mad * 1.25 / sqrt(count) : 0;
}

bool ir_fleet_suspect(const ir_fleet_series *f, double y, double own, const ir_fleet_rule *r)
{
    double e = y - f->centre, S = fmax(f->spread, own);
    return e <= SUSPECT_SHARE * log1p(-r->delta) && e <= -SUSPECT_SPREADS * S; /* a NAN is none */
}

/* ---- look 2 ---------------------------------------------------------------------------------- */
ir_fleet_look ir_fleet_confirm(const ir_fleet_series *f, double y2, double own2, double drift, size_t nseries,
                               const ir_fleet_rule *r, double *e)
{
    double S = fmax(f->spread, own2);
    *e = y2 - f->centre - (isfinite(drift) ? drift : 0);
    if (!(*e <= log1p(-r->delta))) return IR_FLEET_CLEARED;
    return *e <= -surely(f, nseries, r) * S ? IR_FLEET_SLOW : IR_FLEET_OPEN;
}

/* ---- which term ------------------------------------------------------------------------------ */
static const double HUBER_K = 1.345;

const char *ir_term_name(int term)
{
    static const char *const name[IR_NTERM] = {"BW", "eta", "L_lat", "all terms"};
    return term >= 0 && term < IR_NTERM ? name[term] : "no one term";
}

static double huber_loss(double z)
{
    return fabs(z) <= HUBER_K ? 0.5 * z * z : HUBER_K * (fabs(z) - 0.5 * HUBER_K);
}

typedef struct {
    double u, se, loss;
    bool   seen;
} one_term;

/* d = u * share by iterated weights. */
static one_term fit_one(const double *d, double (*share)[3], size_t n, int term, double noise)
{
    one_term o = {0, NAN, INFINITY, false};
    for (int pass = 0; pass < 30; pass++) {
        double sxx = 0, sxy = 0;
        o.loss = 0;
        for (size_t i = 0; i < n; i++) {
            double x = term == IR_TERM_ALL ? share[i][0] + share[i][1] + share[i][2] : share[i][term];
            double z = (d[i] - o.u * x) / noise, w = fabs(z) <= HUBER_K ? 1 : HUBER_K / fabs(z);
            o.loss += huber_loss(z);
            sxx += w * x * x;
            sxy += w * x * d[i];
        }
        o.seen = sxx > 0.01;
        if (!o.seen) return o;
        double next = sxy / sxx;
        bool   done = fabs(next - o.u) < 1e-10;
        o.u = next;
        o.se = noise / sqrt(sxx);
        if (done) break;
    }
    return o;
}

void ir_fleet_which_term(const double *ratio, double (*share)[3], size_t n, double noise, ir_fleet_term *out)
{
    double *d = stats_room((n + 1) * sizeof *d);
    double(*sh)[3] = stats_room((n + 1) * sizeof *sh);
    size_t m = 0;
    *out = (ir_fleet_term){.term = -1, .u = NAN, .lo = NAN, .hi = NAN};
    for (size_t i = 0; d && sh && i < n; i++) {
        if (!isfinite(ratio[i]) || !isfinite(share[i][0] + share[i][1] + share[i][2])) continue;
        d[m] = ratio[i] - 1;
        memcpy(sh[m++], share[i], sizeof sh[0]);
    }
    double best = INFINITY;
    for (int k = 0; k < IR_NTERM; k++) {
        one_term o = m >= 3 ? fit_one(d, sh, m, k, noise) : (one_term){0, NAN, INFINITY, false};
        out->loss[k] = o.loss;
        if (!o.seen || !(o.loss < best) || !(o.u > 0)) continue;
        best = o.loss;
        double scale =
            fmax(1, sqrt(2 * o.loss / (double)m)); /* what the term leaves unexplained widens its interval */
        *out = (ir_fleet_term){.term = k,
                               .u = o.u,
                               .lo = o.u - 1.96 * scale * o.se,
                               .hi = o.u + 1.96 * scale * o.se,
                               .loss = {out->loss[0], out->loss[1], out->loss[2], out->loss[3]}};
    }
    free(d);
    free(sh);
}

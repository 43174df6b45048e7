/* order.c -- order statistics: sorting, quantiles, binomial tails, intervals of a median and a proportion.
 *
 * A NAN among samples means "not measured": it is left out, and never counts as a value. Nothing here
 * assumes a distribution; the interval of the median assumes at most short-range dependence in time. */
#define _GNU_SOURCE /* lgamma_r: lgamma writes a global */
#include "harness/stats/stats.h"
#include "harness/stats/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- sorting and quantiles ------------------------------------------------------------------- */
static size_t nan_last(double *v, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i])) {
            double x = v[m];
            v[m++] = v[i];
            v[i] = x;
        }
    return m;
}

void ir_sort(double *v, size_t n)
{
    size_t m = nan_last(v, n), gap = 1;
    while (gap < m)
        gap = gap * 9 / 4 + 1; /* Shell's sort with Tokuda's gaps: in place, no worst case to fear */
    do {
        gap = gap > 2 ? (gap - 1) * 4 / 9 : 1;
        if (gap == 0) gap = 1;
        for (size_t i = gap; i < m; i++) {
            double x = v[i];
            size_t j = i;
            for (; j >= gap && v[j - gap] > x; j -= gap) v[j] = v[j - gap];
            v[j] = x;
        }
    } while (gap > 1);
}

double ir_quantile_sorted(const double *v, size_t n, double q)
{
    while (n > 0 && isnan(v[n - 1])) n--;
    if (n == 0 || !(q >= 0 && q <= 1)) return NAN;
    double h = q * (double)(n - 1), lo = floor(h);
    size_t i = (size_t)lo;
    return i + 1 < n && h > lo ? v[i] + (h - lo) * (v[i + 1] - v[i]) : v[i];
}

static double *order_sorted_copy(const double *v, size_t n, size_t *known)
{
    double *s = n ? stats_room(n * sizeof *s) : NULL;
    *known = 0;
    if (!s) return NULL;
    memcpy(s, v, n * sizeof *s);
    ir_sort(s, n);
    while (n > 0 && isnan(s[n - 1])) n--;
    *known = n;
    return s;
}

double ir_median(const double *v, size_t n)
{
    size_t  m;
    double *s = order_sorted_copy(v, n, &m), x = ir_quantile_sorted(s, m, 0.5);
    free(s);
    return x;
}

/* ---- dependence in time ---------------------------------------------------------------------- */
double ir_autocorr1(const double *v, size_t n)
{
    double mean = 0, c0 = 0, c1 = 0;
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(v[i])) mean += (v[i] - mean) / (double)++m;
    if (m < 3) return 0;
    for (size_t i = 0; i < n; i++) {
        double d = isfinite(v[i]) ? v[i] - mean : 0;
        c0 += d * d;
        if (i + 1 < n && isfinite(v[i + 1])) c1 += d * (v[i + 1] - mean);
    }
    return c0 > 0 ? c1 / c0 : 0;
}

/* ---- binomial -------------------------------------------------------------------------------- */
static double log_choose(size_t n, size_t k)
{
    int sign;
    return lgamma_r((double)n + 1, &sign) - lgamma_r((double)k + 1, &sign) -
           lgamma_r((double)(n - k) + 1, &sign);
}

/* P(X <= k) for k below the mean, so that the terms fall towards 0. */
static double lower_tail(size_t k, size_t n, double p)
{
    double term = exp(log_choose(n, k) + (double)k * log(p) + (double)(n - k) * log1p(-p)), sum = 0,
           odds = (1 - p) / p;
    for (size_t i = k;; i--) {
        sum += term;
        if (i == 0 || term < 1e-17 * sum) return fmin(sum, 1);
        term *= odds * (double)i / (double)(n - i + 1);
    }
}

double ir_binom_cdf(size_t k, size_t n, double p)
{
    if (!(p >= 0 && p <= 1)) return NAN;
    if (k >= n || p == 0) return 1;
    if (p == 1) return 0;
    if ((double)k <= (double)n * p) return lower_tail(k, n, p);
    return 1 - lower_tail(n - k - 1, n, 1 - p);
}

/* p with P(X <= k | p) = target; the left side falls with p. */
static double solve_p(size_t k, size_t n, double target)
{
    double lo = 0, hi = 1;
    for (int i = 0; i < 60; i++) {
        double p = 0.5 * (lo + hi);
        if (ir_binom_cdf(k, n, p) > target)
            lo = p;
        else
            hi = p;
    }
    return 0.5 * (lo + hi);
}

void ir_binom_ci(size_t k, size_t n, double conf, double *lo, double *hi)
{
    *lo = *hi = NAN;
    if (n == 0 || k > n || !(conf > 0 && conf < 1)) return;
    double tail = 0.5 * (1 - conf);
    *lo = k == 0 ? 0 : solve_p(k - 1, n, 1 - tail);
    *hi = k == n ? 1 : solve_p(k, n, tail);
}

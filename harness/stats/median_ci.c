/* median_ci.c -- interval of the median of one run's samples, and the checkpoints of the stopping rule.
 *
 * Exact binomial order statistics assume independent samples and one look. Neither holds: samples follow
 * each other in time, and sampling stops when the interval is narrow. So the ranks are widened by
 * sqrt((1+r)/(1-r)), and where the median lies near the gap between two modes the level is raised: there
 * an interval is narrow only when it has missed the gap, and six looks make that likely (85 % covered
 * where 95 % was promised). It knows nothing of other processes, and cannot see a drift. */
#include "harness/stats/stats.h"
#include "harness/stats/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_N = 6 };
static const double R_MAX = 0.98;

bool ir_is_checkpoint(size_t n)
{
    while (n > 30 && n % 2 == 0) n /= 2;
    return n == 30;
}

/* Replaces every value by its mid-rank: outliers hide dependence from raw values. */
static double rank_autocorr(const double *v, const double *sorted, size_t n)
{
    double *rank = stats_room(n * sizeof *rank);
    if (!rank) return 0;
    for (size_t i = 0; i < n; i++) {
        size_t end[2];
        for (int side = 0; side < 2; side++) {
            size_t lo = 0, hi = n;
            while (lo < hi) {
                size_t m = (lo + hi) / 2;
                bool   left = side ? sorted[m] <= v[i] : sorted[m] < v[i];
                lo = left ? m + 1 : lo;
                hi = left ? hi : m;
            }
            end[side] = lo;
        }
        rank[i] = 0.5 * (double)(end[0] + end[1]);
    }
    double r = ir_autocorr1(rank, n);
    free(rank);
    return r;
}

/* The larger of raw and rank autocorrelation, its small-sample bias -(1+4r)/n added back. */
static double dependence(const double *v, const double *sorted, size_t n)
{
    if (n < 3) return 0;
    double r = fmax(ir_autocorr1(v, n), rank_autocorr(v, sorted, n));
    if (r != 0) r += (1 + 4 * r) / (double)n; /* exactly 0: constant, nothing to correct */
    return fmin(fmax(r, 0), R_MAX);
}

static double *median_ci_known(const double *v, size_t n, size_t *m)
{
    double *x = n ? stats_room(n * sizeof *x) : NULL;
    *m = 0;
    for (size_t i = 0; x && i < n; i++)
        if (!isnan(v[i])) x[(*m)++] = v[i];
    return x;
}

double ir_dependence(const double *v, size_t n)
{
    size_t  m;
    double *x = median_ci_known(v, n, &m), *s = x ? stats_room(n * sizeof *s) : NULL, r = NAN;
    if (s && m > 0) {
        memcpy(s, x, m * sizeof *s);
        ir_sort(s, m);
        r = dependence(x, s, m);
    }
    free(s);
    free(x);
    return r;
}

/* Largest l (from 1) with P(X < l) <= tail: [x_(l), x_(n+1-l)] covers; 0 when there is none. */
static size_t lower_rank(size_t n, double tail)
{
    size_t lo = 0, hi = n / 2 + 1;
    while (lo + 1 < hi) {
        size_t m = (lo + hi) / 2;
        if (ir_binom_cdf(m - 1, n, 0.5) <= tail)
            lo = m;
        else
            hi = m;
    }
    return lo;
}

static void ordered_ci(const double *sorted, size_t n, double conf, double widen, double *lo, double *hi)
{
    double mid = 0.5 * ((double)n + 1),
           l = floor(mid - widen * (mid - (double)lower_rank(n, 0.5 * (1 - conf))));
    size_t i = l >= 1 ? (size_t)l : 1;
    *lo = sorted[i - 1];
    *hi = sorted[n - i];
}

void ir_median_ci(const double *v, size_t n, double conf, double *lo, double *hi)
{
    size_t  m;
    double *x = median_ci_known(v, n, &m), *s = x ? stats_room(n * sizeof *s) : NULL, a, b, l, h;
    *lo = *hi = NAN;
    if (!s || m < MIN_N || !(conf > 0 && conf < 1)) goto out;
    memcpy(s, x, m * sizeof *s);
    ir_sort(s, m);
    double r = dependence(x, s, m), widen = sqrt((1 + r) / (1 - r));
    ordered_ci(s, m, conf, widen, lo, hi);
    if (!ir_bimodal(x, m, &a, &b)) goto out;
    ordered_ci(s, m, 1 - (1 - conf) / 4, widen, &l, &h);
    if (l <= a + 0.25 * (b - a) && h >= b - 0.25 * (b - a)) { /* spans the gap */
        *lo = l;
        *hi = h;
    }
out:
    free(s);
    free(x);
}

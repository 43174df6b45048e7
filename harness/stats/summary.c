/* summary.c -- one run's samples as an ir_stats. Samples are in order of time and never removed; a NAN
 * among them was not measured and is not counted. */
#include "harness/stats/stats.h"
#include "harness/stats/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool ir_percentile_allowed(size_t n, double q)
{
    return q > 0 && q < 1 && (double)n >= log(0.05) / log(q); /* 95 % sure that one sample lies above it */
}

static double percentile(const double *sorted, size_t n, double q)
{
    return ir_percentile_allowed(n, q) ? ir_quantile_sorted(sorted, n, q) : NAN;
}

static void moments(const double *v, size_t n, ir_stats *o)
{
    double mean = 0, m2 = 0;
    for (size_t i = 0; i < n; i++) {
        double d = v[i] - mean;
        mean += d / (double)(i + 1);
        m2 += d * (v[i] - mean);
    }
    o->mean = mean;
    o->sd = n > 1 ? sqrt(m2 / (double)(n - 1)) : NAN;
}

static size_t outliers(const double *v, size_t n, double q25, double q75)
{
    double fence = 1.5 * (q75 - q25);
    size_t out = 0;
    for (size_t i = 0; i < n; i++) out += v[i] < q25 - fence || v[i] > q75 + fence;
    return out;
}

void ir_stats_of(const double *v, size_t n, ir_stats *o)
{
    memset(o, 0, sizeof *o);
    o->median = o->ci_lo = o->ci_hi = o->q25 = o->q75 = o->min = o->max = o->mean = o->sd = NAN;
    o->p90 = o->p95 = o->p99 = o->autocorr = o->mode_lo = o->mode_hi = NAN;
    double *s = n ? stats_room(n * sizeof *s) : NULL;
    size_t  m = 0;
    for (size_t i = 0; s && i < n; i++)
        if (!isnan(v[i])) s[m++] = v[i];
    o->n = m;
    if (m == 0) goto out;
    ir_sort(s, m);
    moments(s, m, o);
    o->median = ir_quantile_sorted(s, m, 0.50);
    o->q25 = ir_quantile_sorted(s, m, 0.25);
    o->q75 = ir_quantile_sorted(s, m, 0.75);
    o->min = s[0];
    o->max = s[m - 1];
    o->p90 = percentile(s, m, 0.90);
    o->p95 = percentile(s, m, 0.95);
    o->p99 = percentile(s, m, 0.99);
    o->outliers = outliers(s, m, o->q25, o->q75);
    o->autocorr = ir_dependence(v, n);
    o->bimodal = ir_bimodal(v, n, &o->mode_lo, &o->mode_hi);
    ir_median_ci(v, n, 0.95, &o->ci_lo, &o->ci_hi);
out:
    free(s);
}

/* slope.c -- slopes: of a counter that ticks (least squares), and of a noisy series (Theil and Sen). */
#include "harness/stats/series.h"
#include "harness/stats/room.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>

/* Two-sided 95 %; Cornish-Fisher beyond the table. */
static double slope_t975(size_t df)
{
    static const double t[] = {NAN, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447};
    double              d = (double)df, z = 1.959963984540054, z3 = z * z * z;
    if (df < sizeof t / sizeof *t) return t[df];
    return z + (z3 + z) / (4 * d) + (5 * z3 * z * z + 16 * z3 + 3 * z) / (96 * d * d);
}

typedef struct {
    double n, t, J, tt, tJ, JJ;
} slope_sums;

static void sums_add(slope_sums *s, double t, double J)
{
    double n = s->n + 1, dt = t - s->t, dJ = J - s->J; /* running means: seconds since boot are large */
    s->t += dt / n;
    s->J += dJ / n;
    s->tt += dt * (t - s->t);
    s->tJ += dt * (J - s->J);
    s->JJ += dJ * (J - s->J);
    s->n = n;
}

/* How much wider an interval is because neighbouring residuals are alike: readings between batches meet ticks
 * at a beat. v: J of the changes at t, both in order. */
static double beat(const double *t, const double *v, size_t n, double slope)
{
    double *rest = stats_room(n * sizeof *rest), r = 0;
    for (size_t i = 0; rest && i < n; i++) rest[i] = (v[i] - v[0]) - slope * (t[i] - t[0]);
    if (rest) r = ir_dependence(rest, n);
    free(rest);
    return sqrt((1 + r) / (1 - r));
}

static void power_by_counter(const ir_reading *r, size_t n, double range, ir_power *out)
{
    slope_sums s = {0};
    double     wraps = 0, *t = stats_room(2 * n * sizeof *t), *J = t ? t + n : NULL;
    size_t     m = 0;
    for (size_t i = 1; t && i < n; i++) {
        bool round = r[i].J < r[i - 1].J;
        if (r[i].J == r[i - 1].J) continue;
        wraps += round ? (range > 0 ? range : NAN) : 0; /* how far round may not be known */
        t[m] = r[i].t_s;
        J[m++] = r[i].J + wraps;
        sums_add(&s, r[i].t_s, r[i].J + wraps);
    }
    out->ticks = m;
    if (m >= IR_LEAST_TICKS && s.tt > 0 && !isnan(wraps)) {
        double slope = s.tJ / s.tt, rest = fmax(0, s.JJ - slope * s.tJ);
        double half = slope_t975(m - 2) * sqrt(rest / (s.n - 2) / s.tt) * beat(t, J, m, slope);
        *out = (ir_power){slope, slope - half, slope + half, m};
    }
    free(t);
}

/* Each reading weighs as long as it lasted; the interval knows that neighbours are alike. */
static void power_by_meter(const ir_reading *r, size_t n, ir_power *out)
{
    double  sum = 0, span = r[n - 1].t_s - r[0].t_s, mean = 0, ss = 0;
    double *v = stats_room(n * sizeof *v);
    out->ticks = n;
    for (size_t i = 0; v && i < n; i++) v[i] = r[i].W;
    for (size_t i = 1; i < n; i++) sum += 0.5 * (r[i].W + r[i - 1].W) * (r[i].t_s - r[i - 1].t_s);
    if (v && n >= IR_LEAST_TICKS && span > 0) {
        for (size_t i = 0; i < n; i++) mean += v[i] / (double)n;
        for (size_t i = 0; i < n; i++) ss += (v[i] - mean) * (v[i] - mean);
        double r1 = ir_dependence(v, n), sd = sqrt(ss / (double)(n - 1));
        double half = slope_t975(n - 1) * sd * sqrt((1 + r1) / (1 - r1) / (double)n);
        *out = (ir_power){sum / span, sum / span - half, sum / span + half, n};
    }
    free(v);
}

void ir_power_of(const ir_reading *r, size_t n, double range, ir_power *out)
{
    bool J = n > 0, W = n > 0;
    *out = (ir_power){NAN, NAN, NAN, 0};
    for (size_t i = 0; i < n; i++) {
        J = J && isfinite(r[i].J);
        W = W && isfinite(r[i].W);
    }
    if (J) power_by_counter(r, n, range, out);
    if (!J && W) power_by_meter(r, n, out);
}

/* How alike neighbours are once the slope is taken out. */
static double rest_dependence(const double *x, const double *y, size_t n, double slope)
{
    double *rest = stats_room(n * sizeof *rest), r = 0;
    for (size_t i = 0; rest && i < n; i++) rest[i] = y[i] - slope * x[i];
    if (rest) r = ir_dependence(rest, n);
    free(rest);
    return r;
}

bool ir_theil_sen(const double *x, const double *y, size_t n, double *slope, double *lo, double *hi)
{
    *slope = *lo = *hi = NAN;
    if (n < 4) return false;
    double *s = stats_room(n * (n - 1) / 2 * sizeof *s), d = (double)n;
    size_t  m = 0;
    for (size_t i = 0; s && i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (x[j] != x[i] && isfinite(y[i]) && isfinite(y[j])) s[m++] = (y[j] - y[i]) / (x[j] - x[i]);
    if (m > 0) {
        ir_sort(s, m);
        *slope = ir_quantile_sorted(s, m, 0.5);
        /* Kendall's statistic, widened as medians are where neighbours are alike */
        double r = rest_dependence(x, y, n, *slope), wide = sqrt((1 + r) / (1 - r));
        double half = 1.959963984540054 * sqrt(d * (d - 1) * (2 * d + 5) / 18) * wide;
        double at = fmin(0.5 * half / (double)m, 0.5);
        *lo = ir_quantile_sorted(s, m, 0.5 - at);
        *hi = ir_quantile_sorted(s, m, 0.5 + at);
    }
    free(s);
    return m > 0;
}

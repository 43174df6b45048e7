/* modes.c -- one mode or two?
 *
 * The test statistic is the distance of the distribution function from the nearest unimodal one (the
 * idea of Hartigan's dip): convex up to some mode, concave after it. Skew, heavy tails and outliers are
 * unimodal and stay so; a mixture is not. Minor modes under about a fifth of the samples need more of
 * them (a tenth: 200). Refuses n < 20. */
#include "harness/stats/stats.h"
#include "harness/stats/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_N = 20 };
static const double CRITICAL = 0.62;   /* x 1/sqrt(n): 0.1 % of uniform samples, the worst unimodal case */
static const double SEPARATION = 0.01; /* modes nearer than this share of the median do not matter */

/* Clock ticks round time: equal samples are spread over the tick, or every lattice would look multimodal. */
static void spread_ties(double *s, size_t n)
{
    double tick = INFINITY;
    for (size_t i = 1; i < n; i++)
        if (s[i] > s[i - 1]) tick = fmin(tick, s[i] - s[i - 1]);
    if (!isfinite(tick)) return;
    for (size_t i = 0, j; i < n; i = j) {
        double x = s[i];
        for (j = i; j < n && s[j] == x; j++) {
        }
        for (size_t k = i; j - i > 1 && k < j; k++)
            s[k] = x + tick * (((double)(k - i) + 0.5) / (double)(j - i) - 0.5);
    }
}

typedef struct {
    double dist;
    size_t at;
} departure;

/* Largest distance of the points (x[i], i/n), i = first..last, above their lower convex hull (sign 1) or
 * below their upper concave one (sign -1). hull: room for n indices. */
static departure hull_distance(const double *x, size_t n, size_t first, size_t last, double sign,
                               size_t *hull)
{
    size_t    m = 0;
    departure d = {0, first};
    for (size_t i = first; i <= last; i++) {
        while (m > 1) {
            size_t a = hull[m - 2], b = hull[m - 1];
            double turn = ((double)b - (double)a) * (x[i] - x[a]) - ((double)i - (double)a) * (x[b] - x[a]);
            if (sign * turn < 0) break;
            m--;
        }
        hull[m++] = i;
    }
    for (size_t h = 0; h + 1 < m; h++) {
        size_t a = hull[h], b = hull[h + 1];
        double slope = x[b] > x[a] ? (double)(b - a) / (x[b] - x[a]) : 0;
        for (size_t i = a + 1; i < b; i++) {
            double y = (double)a + slope * (x[i] - x[a]), dist = sign * ((double)i - y) / (double)n;
            if (dist > d.dist) d = (departure){dist, i};
        }
    }
    return d;
}

/* Smallest over the position of the mode of the larger of both sides' distances. split: first index of the
 * upper cluster. */
static double dip(const double *x, size_t n, size_t *hull, size_t *split)
{
    size_t    lo = 0, hi = n - 1;
    departure left, right;
    while (lo + 1 < hi) { /* left grows with the mode's position, right falls */
        size_t m = (lo + hi) / 2;
        left = hull_distance(x, n, 0, m, 1, hull);
        right = hull_distance(x, n, m, n - 1, -1, hull);
        if (left.dist < right.dist)
            lo = m;
        else
            hi = m;
    }
    left = hull_distance(x, n, 0, hi, 1, hull);
    right = hull_distance(x, n, lo, n - 1, -1, hull);
    bool l = left.dist < right.dist; /* left at hi, right at lo: each the larger of its pair */
    *split = l ? left.at + 1 : right.at;
    return 0.5 * (l ? left.dist : right.dist);
}

bool ir_bimodal(const double *v, size_t n, double *lo, double *hi)
{
    *lo = *hi = NAN;
    if (n < MIN_N) return false;
    double *s = stats_room(n * sizeof *s), *spread = stats_room(n * sizeof *spread);
    size_t *hull = stats_room(n * sizeof *hull), split = 0, m = 0;
    bool    two = false;
    if (!s || !spread || !hull) goto out;
    for (size_t i = 0; i < n; i++)
        if (isfinite(v[i])) s[m++] = v[i];
    if (m < MIN_N) goto out;
    ir_sort(s, m);
    memcpy(spread, s, m * sizeof *s);
    spread_ties(spread, m);
    double d = dip(spread, m, hull, &split);
    if (d * sqrt((double)m) < CRITICAL || split < 2 || m - split < 2) goto out;
    double a = ir_quantile_sorted(s, split, 0.5), b = ir_quantile_sorted(s + split, m - split, 0.5);
    two = b - a >= SEPARATION * fabs(ir_quantile_sorted(s, m, 0.5));
    *lo = two ? a : NAN;
    *hi = two ? b : NAN;
out:
    free(hull);
    free(spread);
    free(s);
    return two;
}

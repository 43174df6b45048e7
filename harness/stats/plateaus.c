/* plateaus.c -- levels of a ladder: where a rate or a latency stays flat while the working set grows.
 *
 * Works on log y: a piecewise constant of least absolute deviation, each change paid for, found exactly.
 * Pieces that rise or fall inside, or hold a single point, are slopes and outliers. Neighbouring plateaus
 * of one level are one; points at an end that lean towards the next level are cut off, so that x_hi is the
 * largest working set that still runs at full speed. Levels closer than rel_step are one level. */
#include "harness/stats/stats.h"
#include "harness/stats/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t first, last;
    double z;
} piece;
typedef struct {
    double step, noise, penalty;
    size_t least;
} scales; /* least: points of a plateau */

static double plateaus_median_of(const double *z, size_t first, size_t last, double *tmp)
{
    size_t n = last - first + 1;
    memcpy(tmp, z + first, n * sizeof *tmp);
    ir_sort(tmp, n);
    return ir_quantile_sorted(tmp, n, 0.5);
}

/* Noise from the quieter second differences: a slope does not reach them, steps and outliers are the rest.
 * A fine ladder can ask for a third point; a doubling one has levels of two. */
static scales scales_of(const double *x, const double *z, size_t n, double rel_step, double *tmp)
{
    scales s = {.step = log1p(rel_step > 0 ? rel_step : 0.10)};
    for (size_t i = 2; i < n; i++) tmp[i - 2] = fabs(z[i] - 2 * z[i - 1] + z[i - 2]);
    if (n > 2) ir_sort(tmp, n - 2);
    s.noise = n > 2 ? ir_quantile_sorted(tmp, n - 2, 0.25) / (0.3186 * sqrt(6.0)) : 0;
    s.noise = fmin(s.noise, 0.35 * s.step); /* what is noisier than that is steps */
    s.penalty = fmax(1.5 * s.step, 4 * s.noise);
    s.least = x[n - 1] > 0 && x[0] > 0 && log(x[n - 1] / x[0]) / (double)(n - 1) > log(1.6) ? 2 : 3;
    return s;
}

/* Segments z; returns the number of pieces. best[j]: least cost of the first j points. */
static size_t segment(const double *z, size_t n, const scales *s, double *best, size_t *from, double *tmp,
                      piece *out)
{
    best[0] = 0;
    for (size_t j = 1; j <= n; j++) {
        best[j] = INFINITY;
        for (size_t i = 0; i < j; i++) {
            double m = plateaus_median_of(z, i, j - 1, tmp), cost = best[i] + s->penalty;
            for (size_t k = i; k < j; k++) cost += fabs(z[k] - m);
            if (cost < best[j]) {
                best[j] = cost;
                from[j] = i;
            }
        }
    }
    size_t m = 0;
    for (size_t j = n; j > 0; j = from[j]) m++;
    for (size_t j = n, k = m; j > 0; j = from[j]) {
        out[--k] = (piece){from[j], j - 1, 0};
        out[k].z = plateaus_median_of(z, out[k].first, out[k].last, tmp);
    }
    return m;
}

/* Change over a piece: between the medians of its two halves, doubled where both hold several points
 * because half-medians are half a piece apart. */
static double drift(const double *z, const piece *p, double *tmp)
{
    size_t n = p->last - p->first + 1, h = n / 2;
    if (n < 2) return INFINITY;
    double d = plateaus_median_of(z, p->last - h + 1, p->last, tmp) -
               plateaus_median_of(z, p->first, p->first + h - 1, tmp);
    return n > 3 ? 2 * fabs(d) : fabs(d);
}

/* Flat as it is, or without an outlier at one end. */
static bool flat(const double *z, piece *p, const scales *s, double *tmp)
{
    size_t n = p->last - p->first + 1;
    double limit = s->step + (n > 2 ? 2 * s->noise : 0);
    if (n < s->least) return false;
    if (drift(z, p, tmp) < limit) return true;
    piece cut[2] = {{p->first, p->last - 1, p->z}, {p->first + 1, p->last, p->z}};
    for (int i = 0; i < 2 && n > s->least; i++)
        if (drift(z, &cut[i], tmp) < s->step) {
            *p = cut[i];
            p->z = plateaus_median_of(z, p->first, p->last, tmp);
            return true;
        }
    return false;
}

/* Drops slopes, then joins what is left where levels agree. */
static size_t keep_flat(const double *z, piece *p, size_t m, const scales *s, double *tmp)
{
    size_t k = 0;
    for (size_t i = 0; i < m; i++)
        if (flat(z, &p[i], s, tmp)) p[k++] = p[i];
    m = k;
    k = 0;
    for (size_t i = 0; i < m; i++) {
        if (k > 0 && fabs(p[i].z - p[k - 1].z) < s->step) {
            p[k - 1].last = p[i].last;
            p[k - 1].z = plateaus_median_of(z, p[k - 1].first, p[k - 1].last, tmp);
        } else {
            p[k++] = p[i];
        }
    }
    return k;
}

/* An end leans when it lies off the level, towards the neighbour on that side. */
static bool leans(double z, double level, double neighbour, const scales *s)
{
    double off = (z - level) * (neighbour > level ? 1 : -1);
    return isfinite(neighbour) && off > fmax(0.7 * s->step, 2.5 * s->noise);
}

static void trim(const double *z, piece *p, double before, double after, const scales *s)
{
    while (p->last > p->first + 1 && leans(z[p->last], p->z, after, s)) p->last--;
    while (p->last > p->first + 1 && leans(z[p->first], p->z, before, s)) p->first++;
}

/* Takes in the points beyond an end that are on the level, over at most one outlier at a time. */
static void plateaus_grow(const double *z, size_t n, piece *p, const scales *s)
{
    double near = 0.7 * s->step;
    for (size_t k = 1; k <= 2; k++)
        while (p->last + k < n && fabs(z[p->last + k] - p->z) < near) p->last += k;
    for (size_t k = 1; k <= 2; k++)
        while (p->first >= k && fabs(z[p->first - k] - p->z) < near) p->first -= k;
}

size_t ir_plateaus(const double *x, const double *y, size_t n, double rel_step, ir_plateau *out, size_t max)
{
    size_t  m = 0, w = 0, *from = stats_room((n + 1) * sizeof *from), *at = stats_room((n + 1) * sizeof *at);
    double *z = stats_room((n + 1) * sizeof *z), *tmp = stats_room((n + 1) * sizeof *tmp),
           *best = stats_room((n + 1) * sizeof *best);
    double *xs = stats_room((n + 1) * sizeof *xs);
    piece  *p = stats_room((n + 1) * sizeof *p);
    if (!from || !at || !z || !tmp || !best || !xs || !p) goto out;
    for (size_t i = 0; i < n; i++)
        if (isfinite(y[i]) && y[i] > 0) {
            at[m] = i; /* a missing rung is skipped, not bridged by an invented value */
            xs[m] = x[i];
            z[m++] = log(y[i]);
        }
    if (m < 2) goto out;
    scales s = scales_of(xs, z, m, rel_step, tmp);
    size_t k = keep_flat(z, p, segment(z, m, &s, best, from, tmp, p), &s, tmp);
    for (size_t i = 0; i < k && w < max; i++) {
        trim(z, &p[i], i > 0 ? p[i - 1].z : NAN, i + 1 < k ? p[i + 1].z : NAN, &s);
        plateaus_grow(z, m, &p[i], &s);
        if (p[i].last - p[i].first + 1 < s.least) continue;
        size_t a = at[p[i].first], b = at[p[i].last];
        out[w++] = (ir_plateau){a, b, x[a], x[b], exp(plateaus_median_of(z, p[i].first, p[i].last, tmp))};
    }
out:
    free(p);
    free(xs);
    free(best);
    free(tmp);
    free(z);
    free(at);
    free(from);
    return w;
}

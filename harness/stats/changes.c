/* changes.c -- when did a series of runs shift? Ranks only, so one wild run weighs no more than the next one;
 * the null distribution of the largest statistic over all splits depends on the number of runs alone and is
 * drawn once per length from a fixed seed: the same answer on every machine. Refuses series shorter than two
 * segments. */
#include "harness/stats/compare.h"
#include "harness/stats/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 20000, MIN_BEFORE = 8 };

/* Mid-ranks of y[0..n). */
static void ranks(const double *y, size_t n, double *r)
{
    for (size_t i = 0; i < n; i++) {
        size_t below = 0, equal = 0;
        for (size_t j = 0; j < n; j++) {
            below += y[j] < y[i];
            equal += y[j] == y[i];
        }
        r[i] = (double)below + 0.5 * (double)(equal + 1);
    }
}

/* Largest |rank sum of the first k - its mean| / its standard deviation over the admissible k; the k in *at.
 */
static double changes_largest(const double *r, size_t n, size_t *at)
{
    double sum = 0, best = 0;
    *at = 0;
    for (size_t k = 1; k < n; k++) {
        sum += r[k - 1];
        if (k < IR_CHANGE_FIRM || n - k < IR_CHANGE_FIRM) continue;
        double a = (double)k, b = (double)(n - k),
               z = fabs(sum - 0.5 * a * (double)(n + 1)) / sqrt(a * b * (double)(n + 1) / 12);
        if (z > best) {
            best = z;
            *at = k;
        }
    }
    return best;
}

/* Share of random orders of n runs whose largest statistic reaches z. */
static double p_value(size_t n, double z)
{
    double *r = stats_room(n * sizeof *r);
    size_t  reach = 0, at;
    ir_rng  g;
    if (!r) return 1;
    ir_rng_seed(&g, 0x1C0DE + n);
    for (size_t i = 0; i < n; i++) r[i] = (double)(i + 1);
    for (int d = 0; d < DRAWS; d++) {
        for (size_t i = n - 1; i > 0; i--) {
            size_t j = ir_rng_below(&g, i + 1);
            double t = r[i];
            r[i] = r[j];
            r[j] = t;
        }
        reach += changes_largest(r, n, &at) >= z - 1e-9;
    }
    free(r);
    return (double)(reach + 1) / (DRAWS + 1);
}

double ir_hodges_lehmann(const double *a, size_t na, const double *b, size_t nb)
{
    double *d = na && nb ? stats_room(na * nb * sizeof *d) : NULL, m = NAN;
    for (size_t i = 0; d && i < na; i++)
        for (size_t j = 0; j < nb; j++) d[i * nb + j] = b[j] - a[i];
    if (d) m = ir_median(d, na * nb);
    free(d);
    return m;
}

typedef struct {
    const double *y;
    double        alpha, delta;
    double       *r;
    ir_change    *out;
    size_t        n, max;
} search;

/* Binary segmentation of [lo, hi). */
static void changes_split(search *s, size_t lo, size_t hi)
{
    size_t n = hi - lo, at;
    if (n < 2 * IR_CHANGE_FIRM || s->n >= s->max) return;
    ranks(s->y + lo, n, s->r);
    double z = changes_largest(s->r, n, &at), p = at ? p_value(n, z) : 1;
    if (p > s->alpha) return;
    double shift = ir_hodges_lehmann(s->y + lo, at, s->y + lo + at, n - at);
    if (!(fabs(shift) >= s->delta)) return;
    changes_split(s, lo, lo + at);
    if (s->n < s->max) s->out[s->n++] = (ir_change){lo + at, shift, p, true};
    changes_split(s, lo + at, hi);
}

/* The last 3 or 4 runs, each beyond all of the segment before them. */
static void provisional(search *s, size_t n)
{
    size_t from = s->n ? s->out[s->n - 1].at : 0;
    for (size_t k = IR_CHANGE_FIRM - 1; k >= IR_CHANGE_PROVISIONAL && s->n < s->max; k--) {
        if (n < from + k + MIN_BEFORE) continue;
        double lo = INFINITY, hi = -INFINITY, least = INFINITY, most = -INFINITY;
        for (size_t i = from; i < n - k; i++) {
            lo = fmin(lo, s->y[i]);
            hi = fmax(hi, s->y[i]);
        }
        for (size_t i = n - k; i < n; i++) {
            least = fmin(least, s->y[i]);
            most = fmax(most, s->y[i]);
        }
        double shift = ir_hodges_lehmann(s->y + from, n - k - from, s->y + n - k, k);
        if ((least <= hi && most >= lo) || !(fabs(shift) >= s->delta)) continue;
        s->out[s->n++] = (ir_change){n - k, shift, NAN, false};
        return;
    }
}

size_t ir_changes(const double *y, size_t n, double alpha, double delta, ir_change *out, size_t max)
{
    double *v = n ? stats_room(n * sizeof *v) : NULL, *r = n ? stats_room(n * sizeof *r) : NULL;
    size_t *index = n ? stats_room(n * sizeof *index) : NULL, m = 0;
    search  s = {.alpha = alpha, .delta = delta, .out = out, .max = max};
    for (size_t i = 0; v && r && index && i < n; i++)
        if (!isnan(y[i])) {
            index[m] = i;
            v[m++] = y[i];
        }
    if (m > 0) {
        s.y = v;
        s.r = r;
        changes_split(&s, 0, m);
        provisional(&s, m);
        for (size_t i = 0; i < s.n; i++) out[i].at = index[out[i].at];
    }
    free(v);
    free(r);
    free(index);
    return s.n;
}

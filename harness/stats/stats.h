/* stats.h -- pure statistics: no I/O, no clock. Methods and their reasons: docs/statistics.md.
 * Every function accepts n = 0 and answers NAN (or false) where the data do not suffice. A NAN among
 * samples was not measured: it is left out and not counted. */
#ifndef IR_STATS_H
#define IR_STATS_H
#include "harness/ironroof.h"
#include "harness/stats/series.h"
#ifdef __cplusplus
extern "C" {
#endif
/* Seedable generator for resampling and synthetic noise (splitmix64 / xoshiro256**). */
typedef struct {
    uint64_t s[4];
} ir_rng;
void     ir_rng_seed(ir_rng *, uint64_t seed);
uint64_t ir_rng_next(ir_rng *);
double   ir_rng_uniform(ir_rng *);         /* [0, 1) */
double   ir_rng_normal(ir_rng *);          /* mean 0, sd 1 */
size_t   ir_rng_below(ir_rng *, size_t n); /* 0..n-1, unbiased */

void   ir_sort(double *v, size_t n);                                 /* ascending, in place; NAN last */
double ir_quantile_sorted(const double *sorted, size_t n, double q); /* linear interpolation (type 7) */
double ir_median(const double *v, size_t n);       /* copies; even n: mean of the middle two */
double ir_autocorr1(const double *v, size_t n);    /* lag-1, in order of time; 0 if n < 3 or constant */
double ir_binom_cdf(size_t k, size_t n, double p); /* P(X <= k) */
/* Exact (Clopper-Pearson) two-sided interval of a proportion, k of n. */
void ir_binom_ci(size_t k, size_t n, double conf, double *lo, double *hi);
/* The r that widens an interval of the median: the larger of the lag-1 autocorrelations of values and of
 * ranks, corrected for small-sample bias, within [0, .98]. v in order of time; NAN if n = 0. */
double ir_dependence(const double *v, size_t n);
/* Interval of the median from exact binomial order statistics, widened by sqrt((1+r)/(1-r)) in rank,
 * r = ir_dependence(). v in order of time. NAN, NAN with n < 6. */
void ir_median_ci(const double *v, size_t n, double conf, double *lo, double *hi);
bool ir_percentile_allowed(size_t n, double q); /* n >= ln(.05)/ln(q) */
/* Two modes: true when a split into two clusters explains the data much better than one; the modes'
 * medians in lo, hi. Needs n >= 20. Unimodal skewed data must not trigger it. */
bool ir_bimodal(const double *v, size_t n, double *lo, double *hi);
/* Everything of ir_stats from samples in order of time. */
void ir_stats_of(const double *v, size_t n, ir_stats *out);
/* Checkpoints of the stopping rule: true for n = 30, 60, 120, 240, ... */
bool ir_is_checkpoint(size_t n);

/* Plateaus of a ladder: y (rate or latency) over increasing x (working set, bytes). Segments the
 * curve in log y by change points; segments on a slope between plateaus are dropped. Returns the
 * number of plateaus written (<= max); each: [first, last] indices and the level's median y. */
typedef struct {
    size_t first, last;
    double x_lo, x_hi, y;
} ir_plateau;
size_t ir_plateaus(const double *x, const double *y, size_t n, double rel_step, ir_plateau *out, size_t max);
#ifdef __cplusplus
}
#endif
#endif

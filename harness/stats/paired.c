/* paired.c -- the verdict on two builds. The unit is a block of interleaved processes, never an iteration.
 * The interval is exact whatever the distribution of d: it is order statistics and binomial tails. */
#include "harness/stats/compare.h"
#include "harness/stats/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t looks[] = {12, 16, 24, IR_AB_USUAL_BLOCKS, 48, 64, 96, IR_AB_MOST_BLOCKS};
enum { NLOOK = sizeof looks / sizeof *looks };
static const double Z80 = 0.8416, Z975 = 1.9600; /* normal quantiles at .80 and .975 */

const char *ir_ab_name(ir_ab v)
{
    static const char *const name[] = {"SAME",       "IMPROVED",     "REGRESSED",
                                       "NOT SLOWER", "INCONCLUSIVE", "TOO FEW BLOCKS"};
    return (unsigned)v < sizeof name / sizeof *name ? name[v] : "?";
}

ir_ab ir_ab_of_interval(double lo, double hi, double delta)
{
    if (lo > delta) return IR_AB_REGRESSED;
    if (hi < -delta) return IR_AB_IMPROVED;
    if (!(hi <= delta)) return IR_AB_INCONCLUSIVE;
    return lo >= -delta ? IR_AB_SAME : IR_AB_NOT_SLOWER;
}

/* Largest rank l, from 1, with 2 P(X < l) <= 1 - conf; 0: none. */
static size_t paired_rank_of(size_t n, double conf)
{
    size_t l = 0;
    while (l < n / 2 && 2 * ir_binom_cdf(l, n, 0.5) <= 1 - conf + 1e-12) l++;
    return l;
}

/* A sorted copy without the NANs; *m values. */
static double *paired_sorted_copy(const double *d, size_t n, size_t *m)
{
    double *s = n ? stats_room(n * sizeof *s) : NULL;
    *m = 0;
    for (size_t i = 0; s && i < n; i++)
        if (!isnan(d[i])) s[(*m)++] = d[i];
    if (s) ir_sort(s, *m);
    return s;
}

bool ir_sign_interval(const double *d, size_t n, double conf, double *lo, double *hi, double *real_conf)
{
    size_t  m;
    double *s = paired_sorted_copy(d, n, &m);
    size_t  l = s ? paired_rank_of(m, conf) : 0;
    *lo = *hi = *real_conf = NAN;
    if (l > 0) {
        *lo = s[l - 1];
        *hi = s[m - l];
        *real_conf = 1 - 2 * ir_binom_cdf(l - 1, m, 0.5);
    }
    free(s);
    return l > 0;
}

/* An effect is reported when lo > delta. lo lies half an interval below the estimate, and the estimate itself
 * scatters: half an interval is about 1.96 of its standard errors. */
static double detectable(double half, double delta) { return delta + half * (1 + Z80 / Z975); }

void ir_ab_judge(const double *d, size_t n, double conf, double delta, ir_ab_result *out)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) m += isnan(d[i]) ? 0 : 1;
    *out = (ir_ab_result){.verdict = IR_AB_TOO_FEW, .effect = ir_median(d, n), .n = m, .mde = NAN};
    bool known = ir_sign_interval(d, n, conf, &out->lo, &out->hi, &out->conf);
    if (!known || m < IR_AB_MIN_BLOCKS) return;
    out->mde = detectable(0.5 * (out->hi - out->lo), delta);
    out->verdict = ir_ab_of_interval(out->lo, out->hi, delta);
}

size_t ir_ab_next_blocks(size_t n)
{
    for (size_t i = 0; i < NLOOK; i++)
        if (looks[i] > n) return looks[i];
    return 0;
}

/* The interval of m blocks drawn like the pilot's: its half width shrinks as the root of the blocks. */
size_t ir_ab_plan(const double *d, size_t n, double conf, double delta, double effect)
{
    double lo, hi, real;
    if (n < IR_AB_MIN_BLOCKS || !ir_sign_interval(d, n, conf, &lo, &hi, &real)) return 0;
    for (size_t i = 0; i < NLOOK; i++)
        if (detectable(0.5 * (hi - lo) * sqrt((double)n / (double)looks[i]), delta) <= effect)
            return looks[i];
    return 0;
}

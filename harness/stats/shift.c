/* shift.c -- runs against runs that were not interleaved. Exact whatever the distribution, as long as all
 * runs are alike but for the shift: machine drift between the two sets is part of the shift, which is why
 * interleaving is better. */
#include "harness/stats/compare.h"
#include "harness/stats/room.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_PAIRS = 4000 };
static const double Z80 = 0.8416, Z975 = 1.9600; /* normal quantiles */

/* Number of arrangements with Mann-Whitney statistic u, for u = 0..m*n: coefficients of the Gaussian binomial
 * product over i = 1..m of (1 - q^(n+i))/(1 - q^i). */
static double *arrangements(size_t m, size_t n)
{
    size_t  top = m * n;
    double *c = stats_room((top + 1) * sizeof *c);
    if (!c) return NULL;
    memset(c, 0, (top + 1) * sizeof *c);
    c[0] = 1;
    for (size_t i = 1; i <= m; i++) {
        for (size_t u = top + 1; u-- > n + i;) c[u] -= c[u - n - i];
        for (size_t u = i; u <= top; u++) c[u] += c[u - i];
    }
    return c;
}

/* Largest rank k, from 1, with 2 P(U < k) <= 1 - conf, and that probability; 0: none. */
static size_t exact_rank(size_t m, size_t n, double conf, double *tail)
{
    double *c = arrangements(m, n), all = 0, below = 0;
    size_t  k = 0;
    *tail = 0;
    for (size_t u = 0; c && u <= m * n; u++) all += c[u];
    while (c && k < m * n / 2 && 2 * (below + c[k]) <= (1 - conf + 1e-12) * all) {
        below += c[k++];
        *tail = 2 * below / all;
    }
    free(c);
    return k;
}

static size_t normal_rank(size_t m, size_t n, double *tail)
{
    double a = (double)m, b = (double)n, k = 0.5 * a * b - Z975 * sqrt(a * b * (a + b + 1) / 12);
    *tail = 0.05;
    return k >= 1 ? (size_t)k : 0;
}

static size_t clean(const double *v, size_t n, double *out)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i])) out[m++] = v[i];
    return m;
}

bool ir_shift_interval(const double *a, size_t na, const double *b, size_t nb, double conf, double *lo,
                       double *hi, double *real_conf)
{
    double *x = stats_room((na + nb + 1) * sizeof *x), *d = NULL, tail = 1;
    size_t  m = 0, n = 0, k = 0;
    *lo = *hi = *real_conf = NAN;
    if (x) {
        m = clean(a, na, x);
        n = clean(b, nb, x + m);
    }
    if (m && n) k = m * n <= EXACT_PAIRS ? exact_rank(m, n, conf, &tail) : normal_rank(m, n, &tail);
    if (k) d = stats_room(m * n * sizeof *d);
    for (size_t i = 0; d && i < m; i++)
        for (size_t j = 0; j < n; j++) d[i * n + j] = x[m + j] - x[i];
    if (d) {
        ir_sort(d, m * n);
        *lo = d[k - 1];
        *hi = d[m * n - k];
        *real_conf = 1 - tail;
    }
    bool known = d != NULL;
    free(d);
    free(x);
    return known;
}

void ir_shift_judge(const double *a, size_t na, const double *b, size_t nb, double conf, double delta,
                    ir_ab_result *out)
{
    size_t m = 0, n = 0;
    for (size_t i = 0; i < na; i++) m += isnan(a[i]) ? 0 : 1;
    for (size_t i = 0; i < nb; i++) n += isnan(b[i]) ? 0 : 1;
    *out = (ir_ab_result){
        .verdict = IR_AB_TOO_FEW, .effect = ir_hodges_lehmann(a, na, b, nb), .n = m < n ? m : n, .mde = NAN};
    if (!ir_shift_interval(a, na, b, nb, conf, &out->lo, &out->hi, &out->conf)) return;
    out->mde = delta + 0.5 * (out->hi - out->lo) * (1 + Z80 / Z975);
    out->verdict = ir_ab_of_interval(out->lo, out->hi, delta);
}

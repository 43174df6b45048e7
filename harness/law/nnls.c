/* nnls.c -- least squares with three non-negative coefficients, exactly.
 *
 * With three columns the active set of the non-negative problem is one of eight subsets; trying them all is
 * exact, needs no iteration and no tolerance on a step. Works on the normal equations with columns scaled to
 * unit length; a subset whose columns are dependent to rounding is passed over. */
#include "harness/law/law_internal.h"

#include <math.h>
#include <string.h>

enum { N = LAW_NCOL, ALL = (1 << LAW_NCOL) - 1 };
#define DEPENDENT 1e-11 /* squared length that a unit column keeps after projection */

void law_gram_add(law_gram *q, const double a[N], double w)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) q->g[i][j] += w * a[i] * a[j];
        q->b[i] += w * a[i];
    }
    q->w += w;
}

/* Columns of `mask` that are not zero, in order; d[i]: their lengths. */
static int nnls_columns(const law_gram *q, unsigned mask, int col[N], double d[N])
{
    int m = 0;
    for (int j = 0; j < N; j++)
        if (mask & (1u << j) && q->g[j][j] > 0) {
            d[m] = sqrt(q->g[j][j]);
            col[m++] = j;
        }
    return m;
}

/* Cholesky factor of the scaled matrix over m columns; false if they are dependent. */
static bool factor(const law_gram *q, const int *col, const double *d, int m, double l[N][N])
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j <= i; j++) {
            double s = q->g[col[i]][col[j]] / (d[i] * d[j]);
            for (int k = 0; k < j; k++) s -= l[i][k] * l[j][k];
            if (i == j && s < DEPENDENT) return false;
            l[i][j] = i == j ? sqrt(s) : s / l[j][j];
        }
    return true;
}

static void substitute(double l[N][N], int m, double y[N])
{
    for (int i = 0; i < m; i++) {
        for (int k = 0; k < i; k++) y[i] -= l[i][k] * y[k];
        y[i] /= l[i][i];
    }
    for (int i = m - 1; i >= 0; i--) {
        for (int k = i + 1; k < m; k++) y[i] -= l[k][i] * y[k];
        y[i] /= l[i][i];
    }
}

/* Unconstrained solution on a subset; false when dependent. */
static bool solve_subset(const law_gram *q, unsigned mask, double c[N])
{
    int    col[N];
    double d[N], l[N][N], y[N] = {0};
    int    m = nnls_columns(q, mask, col, d);
    for (int j = 0; j < N; j++) c[j] = 0;
    if (!factor(q, col, d, m, l)) return false;
    for (int i = 0; i < m; i++) y[i] = q->b[col[i]] / d[i];
    substitute(l, m, y);
    for (int i = 0; i < m; i++) c[col[i]] = y[i] / d[i];
    return true;
}

static double objective(const law_gram *q, const double c[N])
{
    double f = q->w;
    for (int i = 0; i < N; i++) {
        f -= 2 * q->b[i] * c[i];
        for (int j = 0; j < N; j++) f += c[i] * q->g[i][j] * c[j];
    }
    return f;
}

static bool nnls_feasible(const double c[N])
{
    for (int j = 0; j < N; j++)
        if (!(c[j] >= 0)) return false;
    return true;
}

void law_nnls(const law_gram *q, unsigned mask, double c[N])
{
    double best = INFINITY, try[N];
    mask &= ALL;
    if (solve_subset(q, mask, c) && nnls_feasible(c)) return; /* the unconstrained optimum is allowed */
    for (int j = 0; j < N; j++) c[j] = 0;
    for (unsigned s = 0; s < mask; s++) {
        if ((s & mask) != s || !solve_subset(q, s, try) || !nnls_feasible(try)) continue;
        double f = objective(q, try);
        if (f < best) {
            best = f;
            memcpy(c, try, sizeof try);
        }
    }
}

bool law_gram_inverse(const law_gram *q, unsigned mask, double inv[N][N])
{
    int    col[N];
    double d[N], l[N][N];
    int    m = nnls_columns(q, mask, col, d);
    memset(inv, 0, N * sizeof inv[0]);
    if (!factor(q, col, d, m, l)) return false;
    for (int j = 0; j < m; j++) {
        double y[N] = {0};
        y[j] = 1 / d[j];
        substitute(l, m, y);
        for (int i = 0; i < m; i++) inv[col[i]][col[j]] = y[i] / d[i];
    }
    return true;
}

/* One Jacobi rotation that zeroes a[p][q] of a symmetric matrix. */
static void rotate(double a[N][N], int m, int p, int q)
{
    if (a[p][q] == 0) return;
    double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    double t = copysign(1 / (fabs(theta) + sqrt(theta * theta + 1)), theta), c = 1 / sqrt(t * t + 1),
           s = t * c;
    for (int k = 0; k < m; k++) {
        double kp = a[k][p], kq = a[k][q];
        a[k][p] = c * kp - s * kq;
        a[k][q] = s * kp + c * kq;
    }
    for (int k = 0; k < m; k++) {
        double pk = a[p][k], qk = a[q][k];
        a[p][k] = c * pk - s * qk;
        a[q][k] = s * pk + c * qk;
    }
}

double law_gram_cond(const law_gram *g, unsigned mask)
{
    int    col[N];
    double d[N], a[N][N] = {{0}}, lo = INFINITY, hi = 0;
    int    m = nnls_columns(g, mask, col, d);
    if (m == 0) return NAN;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < m; j++) a[i][j] = i == j ? 1 : g->g[col[i]][col[j]] / (d[i] * d[j]);
    for (int sweep = 0; sweep < 12; sweep++)
        for (int p = 0; p < m; p++)
            for (int q = p + 1; q < m; q++) rotate(a, m, p, q);
    for (int i = 0; i < m; i++) {
        lo = fmin(lo, a[i][i]);
        hi = fmax(hi, a[i][i]);
    }
    return lo > DEPENDENT ? sqrt(hi / lo) : INFINITY;
}

/* solve.c -- the law's coefficients from rows, under both forms, robust against single bad rows.
 *
 * Residuals are relative to the measured time, r = T_law/T - 1, so that a microsecond and a second weigh the
 * same. Overlapped: which of data and compute leads in a row depends only on c_data/c_comp, so over all rows
 * there are but n + 1 assignments: all are solved, and the one with the smallest true residual is the global
 * minimum up to ties. Robust: Huber's weights with the scale from the median residual; fewer than MIN_ROBUST
 * rows are weighted alike, because a median of so few residuals says nothing. */
#include "harness/law/law_internal.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_ROBUST = 8, MAX_STEPS = 20 };
#define HUBER_K    1.345  /* 95 % efficient where the noise is Gaussian */
#define MIN_SCALE  0.0025 /* of the residuals: no row is called wild within a percent of the law */
#define MIN_SD     1e-4   /* no time is known better than this, however well it repeats */
#define UNKNOWN_SD 0.005  /* where no row has an interval: what the stopping rule aims at */

/* ---- rows ------------------------------------------------------------------------------------ */
static bool solve_usable(const ir_row *r)
{
    double sum = r->x_data_s + r->x_comp_s + r->x_launch;
    return r->x_data_s >= 0 && r->x_comp_s >= 0 && r->x_launch >= 0 && sum > 0 && isfinite(sum) &&
           r->T_s > 0 && isfinite(r->T_s);
}

size_t law_usable(const ir_row *rows, size_t n, ir_row *out)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (solve_usable(&rows[i])) out[m++] = rows[i];
    return m;
}

/* Without an interval of its own a row is taken to be as uncertain as the others on average. */
static void own_sds(law_rows *q, const ir_row *rows)
{
    double sum = 0, known = 0;
    for (size_t i = 0; i < q->n; i++) {
        const ir_row *r = &rows[i];
        bool          ok = r->T_lo > 0 && r->T_hi >= r->T_lo && isfinite(r->T_hi);
        q->own_sd[i] = ok ? fmax(log(r->T_hi / r->T_lo) / (2 * LAW_Z975), MIN_SD) : NAN;
        sum += ok ? q->own_sd[i] * q->own_sd[i] : 0;
        known += ok;
    }
    for (size_t i = 0; i < q->n; i++)
        if (isnan(q->own_sd[i])) q->own_sd[i] = known > 0 ? sqrt(sum / known) : UNKNOWN_SD;
}

/* Data's part of the two; a row with neither may stand anywhere. */
static double data_part(const law_rows *q, size_t i)
{
    double sum = q->x[i][LAW_DATA] + q->x[i][LAW_COMP];
    return sum > 0 ? q->x[i][LAW_DATA] / sum : 0;
}

/* Insertion sort: rows are few. */
static void sort_by_ratio(law_rows *q)
{
    for (size_t i = 0; i < q->n; i++) {
        double part = data_part(q, i);
        size_t j = i;
        for (; j > 0 && data_part(q, q->order[j - 1]) < part; j--) q->order[j] = q->order[j - 1];
        q->order[j] = i;
    }
}

ir_status law_rows_init(law_rows *q, ir_form form, const ir_row *rows, size_t n)
{
    size_t m = n ? n : 1;
    memset(q, 0, sizeof *q);
    q->form = form;
    q->x = calloc(m, sizeof *q->x);
    q->T = calloc(5 * m, sizeof *q->T);
    q->family = calloc(m, sizeof *q->family);
    q->order = calloc(m, sizeof *q->order);
    if (!q->x || !q->T || !q->family || !q->order) {
        law_rows_free(q);
        return ir_fail(IR_ENOMEM, "fit: no memory for %zu rows", n);
    }
    q->own_sd = q->T + m;
    q->w = q->T + 2 * m;
    q->r = q->T + 3 * m;
    q->tmp = q->T + 4 * m;
    for (size_t i = 0; i < n; i++) {
        q->x[i][LAW_DATA] = rows[i].x_data_s;
        q->x[i][LAW_COMP] = rows[i].x_comp_s;
        q->x[i][LAW_LAT] = rows[i].x_launch;
        q->T[i] = rows[i].T_s;
        q->family[i] = rows[i].family;
    }
    q->n = n;
    own_sds(q, rows);
    sort_by_ratio(q);
    return IR_OK;
}

void law_rows_free(law_rows *q)
{
    free(q->x);
    free(q->T);
    free(q->family);
    free(q->order);
    memset(q, 0, sizeof *q);
}

void law_row_terms(const law_rows *q, size_t i, const double c[LAW_NCOL], double a[LAW_NCOL])
{
    memcpy(a, q->x[i], sizeof q->x[i]);
    if (q->form == IR_OVERLAPPED)
        a[c[LAW_DATA] * a[LAW_DATA] >= c[LAW_COMP] * a[LAW_COMP] ? LAW_COMP : LAW_DATA] = 0;
}

double law_row_time(const law_rows *q, size_t i, const double c[LAW_NCOL])
{
    double a[LAW_NCOL];
    law_row_terms(q, i, c, a);
    return c[LAW_DATA] * a[LAW_DATA] + c[LAW_COMP] * a[LAW_COMP] + c[LAW_LAT] * a[LAW_LAT];
}

/* ---- one weighted solve ---------------------------------------------------------------------- */
static void scaled(const law_rows *q, size_t i, int without, double a[LAW_NCOL])
{
    for (int j = 0; j < LAW_NCOL; j++) a[j] = j == without ? 0 : q->x[i][j] / q->T[i];
}

void law_gram_of(const law_rows *q, const double c[LAW_NCOL], law_gram *g)
{
    double a[LAW_NCOL];
    memset(g, 0, sizeof *g);
    for (size_t i = 0; i < q->n; i++) {
        law_row_terms(q, i, c, a);
        for (int j = 0; j < LAW_NCOL; j++) a[j] /= q->T[i];
        law_gram_add(g, a, q->w[i]);
    }
}

static double residual_sum(const law_rows *q, const double c[LAW_NCOL])
{
    double f = 0;
    for (size_t i = 0; i < q->n; i++) {
        double r = law_row_time(q, i, c) / q->T[i] - 1;
        f += q->w[i] * r * r;
    }
    return f;
}

static void gram_without(const law_rows *q, int column, law_gram *g)
{
    double a[LAW_NCOL];
    memset(g, 0, sizeof *g);
    for (size_t i = 0; i < q->n; i++) {
        scaled(q, i, column, a);
        law_gram_add(g, a, q->w[i]);
    }
}

static void move_to_data(const law_rows *q, size_t i, law_gram *g)
{
    double a[LAW_NCOL];
    scaled(q, i, LAW_DATA, a);
    law_gram_add(g, a, -q->w[i]);
    scaled(q, i, LAW_COMP, a);
    law_gram_add(g, a, q->w[i]);
}

/* Every assignment in turn: the first k rows of `order` are led by data, the others by compute. */
static void solve_scan(const law_rows *q, unsigned mask, double best[LAW_NCOL])
{
    law_gram g;
    double   c[LAW_NCOL], least = INFINITY;
    gram_without(q, LAW_DATA, &g);
    for (size_t k = 0; k <= q->n; k++) {
        if (k == q->n)
            gram_without(q, LAW_COMP, &g); /* afresh: differences would leave rounding in an empty column */
        law_nnls(&g, mask, c);
        double f = residual_sum(q, c);
        if (f < least) {
            least = f;
            memcpy(best, c, sizeof c);
        }
        if (k < q->n) move_to_data(q, q->order[k], &g);
    }
}

/* Solve, reassign, until the leaders no longer change. */
static void settle(const law_rows *q, unsigned mask, double c[LAW_NCOL])
{
    double next[LAW_NCOL], f = q->form == IR_OVERLAPPED ? residual_sum(q, c) : INFINITY;
    for (int step = 0; step < MAX_STEPS; step++) {
        law_gram g;
        law_gram_of(q, c, &g);
        law_nnls(&g, mask, next);
        double fn = q->form == IR_OVERLAPPED ? residual_sum(q, next) : 0;
        if (!(fn < f)) return;
        memcpy(c, next, sizeof next);
        if (q->form == IR_ADDITIVE || f - fn < 1e-12 * f) return;
        f = fn;
    }
}

/* ---- robust ---------------------------------------------------------------------------------- */
static void residuals(law_rows *q, const double c[LAW_NCOL])
{
    for (size_t i = 0; i < q->n; i++) q->r[i] = law_row_time(q, i, c) / q->T[i] - 1;
}

static double robust_scale(const law_rows *q, unsigned mask)
{
    int p = __builtin_popcount(mask);
    for (size_t i = 0; i < q->n; i++) q->tmp[i] = fabs(q->r[i]);
    double n = (double)q->n, correct = n > p ? sqrt(n / (n - p)) : 1;
    return fmax(1.4826 * ir_median(q->tmp, q->n) * correct, MIN_SCALE);
}

static double reweight(law_rows *q, double scale)
{
    double moved = 0;
    for (size_t i = 0; i < q->n; i++) {
        double r = fabs(q->r[i]), w = q->n < MIN_ROBUST || r <= HUBER_K * scale ? 1 : HUBER_K * scale / r;
        moved = fmax(moved, fabs(w - q->w[i]));
        q->w[i] = w;
    }
    return moved;
}

void law_solve(law_rows *q, unsigned mask, double c[LAW_NCOL], double *scale)
{
    for (int j = 0; j < LAW_NCOL; j++) c[j] = 1;
    c[LAW_LAT] = 0;
    for (size_t i = 0; i < q->n; i++) q->w[i] = 1;
    for (int step = 0; step < MAX_STEPS; step++) {
        if (q->form == IR_OVERLAPPED && step < 3) solve_scan(q, mask, c);
        settle(q, mask, c);
        residuals(q, c);
        *scale = robust_scale(q, mask);
        if (reweight(q, *scale) < 1e-6) break;
    }
}

void law_resolve(law_rows *q, unsigned mask, double scale, double c[LAW_NCOL])
{
    for (int step = 0; step < 3; step++) {
        settle(q, mask, c);
        residuals(q, c);
        if (reweight(q, scale) < 1e-3) break;
    }
}

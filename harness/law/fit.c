/* fit.c -- fits one form of the law to rows, says how sure each coefficient is, and refuses what the rows do
 * not tell.
 *
 * Refused (IR_UNIDENTIFIED): a coefficient whose term never reaches 2 % of any row's time; one whose 95 %
 * interval reaches 0; and every one of a set of columns that cannot be told apart (variance inflation). L_lat
 * is IR_PINNED at 0 where non-negativity holds it there against the rows: the unconstrained estimate is below
 * 0 by more than its interval. Assumes rows with independent errors; errors shared by a whole family show in
 * the leave-one-family-out error, not in the intervals. */
#include "harness/law/bootstrap.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_ROWS = 3 };
#define COLLINEAR 10 /* variance inflation above which a lost coefficient is blamed on the others */

typedef struct {
    law_rows  q;
    unsigned  present, mask;   /* columns the rows have; columns still solved for */
    unsigned  refused, pinned; /* of the present ones */
    double    c[LAW_NCOL], scale;
    law_noise noise;
} work;

static unsigned present_columns(const law_rows *q)
{
    unsigned mask = 0;
    for (size_t i = 0; i < q->n; i++)
        for (int j = 0; j < LAW_NCOL; j++)
            if (q->x[i][j] > 0) mask |= 1u << j;
    return mask;
}

/* Whether a row speaks of resource j at all: at its ceiling it would take a tenth of the time, or longer than
 * the other resource. Without that, a huge coefficient would only stand in for whatever else made the row
 * slow. */
static bool speaks(const law_rows *q, size_t i, int j)
{
    return j == LAW_LAT || q->x[i][j] >= 0.1 * q->T[i] || q->x[i][j] > q->x[i][LAW_DATA + LAW_COMP - j];
}

/* The largest share of the time that a term takes, over the rows that speak of it. */
static double influence(const law_rows *q, const double c[LAW_NCOL], int j)
{
    double most = 0, a[LAW_NCOL];
    for (size_t i = 0; i < q->n; i++) {
        law_row_terms(q, i, c, a);
        if (speaks(q, i, j)) most = fmax(most, c[j] * a[j] / q->T[i]);
    }
    return most;
}

/* Columns of `mask` that are dependent on others to rounding: those whose removal leaves the rest
 * independent. */
static unsigned dependent_columns(const law_gram *g, unsigned mask)
{
    double   inv[LAW_NCOL][LAW_NCOL];
    unsigned found = 0;
    if (law_gram_inverse(g, mask, inv)) return 0;
    for (int j = 0; j < LAW_NCOL; j++)
        if (mask & (1u << j) && law_gram_inverse(g, mask & ~(1u << j), inv)) found |= 1u << j;
    return found ? found : mask;
}

/* Columns that others can stand in for, so that their share of the time says nothing about them. */
static unsigned collinear_columns(const law_rows *q, unsigned mask, const double c[LAW_NCOL])
{
    law_gram g;
    double   inv[LAW_NCOL][LAW_NCOL];
    law_gram_of(q, c, &g);
    unsigned found = dependent_columns(&g, mask);
    if (found) return found;
    law_gram_inverse(&g, mask, inv);
    for (int j = 0; j < LAW_NCOL; j++)
        if (mask & (1u << j) && g.g[j][j] * inv[j][j] >= COLLINEAR) found |= 1u << j;
    return found;
}

/* The least influential column if it matters nowhere; -1: all matter. */
static int idle_column(const work *k)
{
    int      worst = -1;
    double   least = LAW_TOL;
    unsigned judged = k->mask & ~collinear_columns(&k->q, k->mask, k->c);
    for (int j = 0; j < LAW_NCOL; j++) {
        double most = judged & (1u << j) ? influence(&k->q, k->c, j) : INFINITY;
        if (most < least) {
            least = most;
            worst = j;
        }
    }
    return worst;
}

/* Whether only non-negativity keeps coefficient j at 0. */
static bool held_at_zero(const work *k, int j)
{
    law_gram g;
    double   inv[LAW_NCOL][LAW_NCOL], u = 0;
    law_gram_of(&k->q, k->c, &g);
    if (k->c[j] > 0 || !law_gram_inverse(&g, k->mask, inv)) return false;
    for (int i = 0; i < LAW_NCOL; i++) u += inv[j][i] * g.b[i];
    return u + k->noise.t * k->noise.s0 * sqrt(inv[j][j]) < 0;
}

static void fit_refuse(work *k, int j)
{
    k->refused |= 1u << j;
    k->mask &= ~(1u << j);
}

static void drop_idle(work *k)
{
    for (;;) {
        law_solve(&k->q, k->mask, k->c, &k->scale);
        law_noise_of(&k->q, k->mask, k->c, k->scale, &k->noise);
        int j = idle_column(k);
        if (j < 0) return;
        if (j == LAW_LAT && held_at_zero(k, j)) k->pinned |= 1u << j;
        fit_refuse(k, j);
    }
}

/* Refuses columns that the rows cannot tell from 0 or from each other; true when one was dropped and the rest
 * must be solved again. Collinear ones stay in the solution, without a claim: the others depend on their sum.
 */
static bool drop_uncertain(work *k)
{
    law_gram g;
    double   inv[LAW_NCOL][LAW_NCOL], least = 1;
    int      worst = -1;
    law_gram_of(&k->q, k->c, &g);
    k->refused |= dependent_columns(&g, k->mask);
    if (k->refused & k->mask) return false;
    law_gram_inverse(&g, k->mask, inv);
    for (int j = 0; j < LAW_NCOL; j++) {
        double half = k->noise.t * k->noise.s0 * sqrt(inv[j][j]);
        if (!(k->mask & (1u << j)) || k->c[j] > half) continue;
        if (g.g[j][j] * inv[j][j] >= COLLINEAR) {
            k->refused |= 1u << j;
        } else if (k->c[j] / half < least || worst < 0) {
            least = k->c[j] / half;
            worst = j;
        }
    }
    if (worst >= 0) fit_refuse(k, worst);
    return worst >= 0;
}

static void fit_identify(work *k)
{
    k->present = k->mask = present_columns(&k->q);
    do {
        k->refused &= ~k->mask; /* a verdict of collinearity holds for the set it was found in */
        drop_idle(k);
    } while (drop_uncertain(k));
}

/* ---- coefficients ---------------------------------------------------------------------------- */
static ir_coef fit_coefficient(const work *k, const double draw[][LAW_NCOL], int ndraw, int j)
{
    ir_coef c = {NAN, NAN, NAN, IR_UNIDENTIFIED};
    double  mean = 0, ss = 0;
    if (k->pinned & (1u << j)) return (ir_coef){0, 0, 0, IR_PINNED};
    if (k->refused & (1u << j) || !(k->mask & (1u << j))) return c;
    for (int d = 0; d < ndraw; d++) mean += draw[d][j] / ndraw;
    for (int d = 0; d < ndraw; d++) ss += (draw[d][j] - mean) * (draw[d][j] - mean);
    double half = k->noise.t * sqrt(ss / (ndraw - 1));
    return (ir_coef){k->c[j], fmax(k->c[j] - half, 0), k->c[j] + half, IR_FITTED};
}

/* 1/c of a coefficient and its interval. */
static ir_coef inverse(ir_coef c)
{
    if (c.how == IR_FITTED) c = (ir_coef){1 / c.v, 1 / c.hi, 1 / c.lo, c.how};
    return c;
}

/* Draws as the verdicts use them: as wide as the intervals, NAN where nothing is claimed. */
static void publish_draws(const work *k, ir_fit *out)
{
    for (int d = 0; d < out->ndraw; d++)
        for (int j = 0; j < LAW_NCOL; j++) {
            bool   known = k->mask & (1u << j) && !(k->refused & (1u << j));
            double wide = k->c[j] + k->noise.t / LAW_Z975 * (out->draw[d][j] - k->c[j]);
            out->draw[d][j] = known ? fmax(wide, 0) : k->pinned & (1u << j) ? 0 : NAN;
        }
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* The law from the rows of `rest` alone. What they do not show is taken at its ceiling (s = eta = 1),
 * launches as free. */
static ir_status fold_coefficients(ir_form form, const ir_row *rest, size_t n, double c[LAW_NCOL])
{
    work      k = {0};
    ir_status st = law_rows_init(&k.q, form, rest, n);
    if (st != IR_OK) return st;
    k.mask = present_columns(&k.q);
    for (;;) {
        law_solve(&k.q, k.mask, k.c, &k.scale);
        int j = idle_column(&k);
        if (j < 0) break;
        fit_refuse(&k, j);
    }
    for (int j = 0; j < LAW_NCOL; j++) c[j] = k.mask & (1u << j) ? k.c[j] : j == LAW_LAT ? 0 : 1;
    law_rows_free(&k.q);
    return IR_OK;
}

static double row_error(ir_form form, const ir_row *r, const double c[LAW_NCOL])
{
    return fabs(
        law_combine(form, c[LAW_DATA] * r->x_data_s, c[LAW_COMP] * r->x_comp_s, c[LAW_LAT] * r->x_launch) /
            r->T_s -
        1);
}

/* Each family predicted from the others; NAN with a single family. Counts the families. */
static ir_status fit_leave_out(ir_form form, const ir_row *rows, size_t n, ir_fit *out)
{
    ir_row   *rest = malloc(n * sizeof *rest);
    double   *e = malloc(n * sizeof *e), c[LAW_NCOL] = {1, 1, 0};
    ir_status st = rest && e ? IR_OK : ir_fail(IR_ENOMEM, "fit: no memory for %zu rows", n);
    size_t    m = 0;
    out->nfamily = 0;
    for (size_t i = 0; i < n && st == IR_OK; i++) {
        size_t kept = 0, first = 0;
        while (rows[first].family != rows[i].family) first++;
        if (first < i) continue; /* this family has had its turn */
        out->nfamily++;
        for (size_t j = 0; j < n; j++)
            if (rows[j].family != rows[i].family) rest[kept++] = rows[j];
        if (kept == 0) break;
        st = fold_coefficients(form, rest, kept, c);
        for (size_t j = 0; j < n; j++)
            if (rows[j].family == rows[i].family) e[m++] = row_error(form, &rows[j], c);
    }
    if (st == IR_OK) law_median_and_p90(e, m, &out->lofo_median, &out->lofo_p90);
    free(rest);
    free(e);
    return st;
}

static ir_status errors(const ir_row *rows, size_t n, ir_fit *out)
{
    double *e = malloc(n * sizeof *e);
    if (!e) return ir_fail(IR_ENOMEM, "fit: no memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) e[i] = fabs(ir_fit_predict(out, &rows[i]) / rows[i].T_s - 1);
    law_median_and_p90(e, n, &out->err_median, &out->err_p90);
    free(e);
    return fit_leave_out(out->form, rows, n, out);
}

/* ---- the fit --------------------------------------------------------------------------------- */
static ir_status fit_usable(ir_form form, const ir_row *rows, size_t n, uint64_t seed, ir_fit *out)
{
    work      k = {0};
    law_gram  g;
    ir_status st = law_rows_init(&k.q, form, rows, n);
    if (st == IR_OK) st = law_noise_init(&k.noise, n);
    if (st == IR_OK) {
        fit_identify(&k);
        law_gram_of(&k.q, k.c, &g);
        out->cond = law_gram_cond(&g, k.present);
        out->n = n;
        st = law_bootstrap(&k.q, rows, k.mask, k.c, k.scale, &k.noise, seed, out->draw);
    }
    if (st == IR_OK) {
        const double(*draw)[LAW_NCOL] = (const double(*)[LAW_NCOL])out->draw;
        out->ndraw = IR_FIT_DRAWS;
        out->BW = inverse(fit_coefficient(&k, draw, out->ndraw, LAW_DATA));
        out->eta = inverse(fit_coefficient(&k, draw, out->ndraw, LAW_COMP));
        out->L_lat = fit_coefficient(&k, draw, out->ndraw, LAW_LAT);
        out->eta_error = out->eta.how == IR_FITTED && out->eta.v > 1 + LAW_TOL;
        publish_draws(&k, out);
    }
    law_noise_free(&k.noise);
    law_rows_free(&k.q);
    return st == IR_OK ? errors(rows, n, out) : st;
}

static void fit_nothing(ir_form form, ir_fit *out)
{
    memset(out, 0, sizeof *out);
    out->form = form;
    out->BW_ref = 1;
    out->R_peak = out->cond = out->err_median = out->err_p90 = out->lofo_median = out->lofo_p90 = NAN;
    out->roof_median = out->roof_p90 = NAN;
    out->BW = out->eta = out->L_lat = (ir_coef){NAN, NAN, NAN, IR_UNIDENTIFIED};
}

ir_status ir_fit_rows(ir_form form, const ir_row *rows, size_t n, uint64_t seed, ir_fit *out)
{
    fit_nothing(form, out);
    ir_row *use = malloc((n ? n : 1) * sizeof *use);
    if (!use) return ir_fail(IR_ENOMEM, "fit: no memory for %zu rows", n);
    size_t    m = law_usable(rows, n, use);
    ir_status st =
        m >= MIN_ROWS
            ? fit_usable(form, use, m, seed, out)
            : ir_fail(IR_EINVAL, "fit: %zu usable point%s; the law has three coefficients and needs %d", m,
                      m == 1 ? "" : "s", MIN_ROWS);
    free(use);
    return st;
}

static void scale_BW(ir_fit *f, double BW_ref, double R_peak)
{
    f->BW_ref = BW_ref;
    f->R_peak = R_peak;
    f->BW.v *= BW_ref;
    f->BW.lo *= BW_ref;
    f->BW.hi *= BW_ref;
    if (!isfinite(BW_ref)) f->BW.how = IR_UNIDENTIFIED;
}

/* The form that predicts left-out families better, half of them and nearly all of them. */
static int fit_choose(const ir_fit f[2])
{
    double a = f[0].lofo_median + f[0].lofo_p90, b = f[1].lofo_median + f[1].lofo_p90;
    if (!(isfinite(a) && isfinite(b)) || a == b) return f[1].err_median < f[0].err_median;
    return b < a;
}

ir_status ir_iron_fit(const ir_point *pts, size_t n, const ir_ceilings *c, uint64_t seed, ir_fit out[2],
                      int *better)
{
    ir_row   *rows = malloc((n ? n : 1) * sizeof *rows);
    size_t   *index = malloc((n ? n : 1) * sizeof *index);
    ir_status st = rows && index ? IR_OK : ir_fail(IR_ENOMEM, "fit: no memory for %zu points", n);
    size_t    m = st == IR_OK ? ir_rows_select(pts, n, c, rows, index) : 0;
    *better = 0;
    for (int f = 0; f < 2; f++) {
        ir_status s = st == IR_OK ? ir_fit_rows((ir_form)f, rows, m, seed, &out[f])
                                  : (fit_nothing((ir_form)f, &out[f]), st);
        if (m) snprintf(out[f].device, sizeof out[f].device, "%s", pts[index[0]].id.device);
        if (s == IR_OK) s = law_believe(&out[f], pts, index, rows, m, ir_launch_ceiling(c, 0));
        st = s;
        scale_BW(&out[f], ir_bw_ceiling(c, "DRAM", 0, 1, 0), ir_peak_ceiling(c, IR_F32, 0));
    }
    if (st == IR_OK) st = law_roofline_errors(pts, index, m, c, &out[0].roof_median, &out[0].roof_p90);
    out[1].roof_median = out[0].roof_median;
    out[1].roof_p90 = out[0].roof_p90;
    if (st == IR_OK) *better = fit_choose(out);
    free(rows);
    free(index);
    return st;
}

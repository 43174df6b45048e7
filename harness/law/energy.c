/* energy.c -- see law.h. The same solver as the law's: non-negative, on relative residuals, with the same
 * bootstrap. Columns are scaled so that no row's term exceeds its energy at a coefficient of 1. */
#include "harness/law/law_internal.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROWS = 4 };
static const double ALIKE = 10; /* condition number above which rows without spin say nothing apart */

/* Chains of dependent operations, one a cycle: the threads wait. */
static bool only_waits(const ir_point *p) { return !strcmp(p->id.family, "clock"); }

bool ir_energy_row_of(const ir_point *p, ir_energy_row *r)
{
    double bytes = ir_cost_B(&p->m.cost), flops = only_waits(p) ? 0 : p->m.cost.flops;
    bool   dram = !strcmp(p->law.level, "DRAM"), spin = bytes == 0 && flops == 0;
    memset(r, 0, sizeof *r);
    if (p->status != IR_OK || !(p->m.energy.J > 0) || p->flags & (IR_FLAG_SUSPECT | IR_FLAG_PREEMPTED))
        return false;
    if (!(p->m.energy.lo > 0) || (bytes > 0 && !dram)) return false;
    *r = (ir_energy_row){.bytes = bytes,
                         .flops = flops,
                         .T_s = p->m.energy.span_s / p->m.energy.calls,
                         .J = p->m.energy.J,
                         .lo = p->m.energy.lo,
                         .hi = p->m.energy.hi,
                         .threads = p->id.p.threads,
                         .family = spin ? 0 : 1 + (int)(unsigned char)p->id.family[0] % 64};
    return r->T_s > 0;
}

static bool is_spin(const ir_energy_row *r) { return r->bytes == 0 && r->flops == 0; }

/* Energy of a unit at which the row that is made of it most is made of it alone. */
static double unit_energy(const ir_energy_row *r, size_t n, size_t off)
{
    double least = INFINITY;
    for (size_t i = 0; i < n; i++) {
        double amount = *(const double *)((const char *)&r[i] + off);
        if (amount > 0) least = fmin(least, r[i].J / amount);
    }
    return isfinite(least) ? least : 1;
}

/* c is a rate (units a joule) in terms of 1/unit: BW and eta of the law are. */
static ir_joule per_unit(const ir_coef *c, double unit)
{
    if (c->how != IR_FITTED || !(c->v > 0)) return (ir_joule){NAN, NAN, NAN, false};
    return (ir_joule){unit / c->v, c->hi > 0 ? unit / c->hi : NAN, c->lo > 0 ? unit / c->lo : NAN, true};
}

static void widen_one(ir_joule *j, double sd)
{
    if (!j->known || !isfinite(sd)) return;
    j->lo = fmin(j->lo, fmax(j->v - LAW_Z975 * sd, 0));
    j->hi = fmax(j->hi, j->v + LAW_Z975 * sd);
}

/* No interval is narrower than what the rows' own say: rows are known unequally well, and the bootstrap's
 * pool of residuals takes the surest of the others for its own. Errors go through the least squares on
 * relative residuals: var c = G^-1 (sum a a' s^2) G^-1. */
static void widen(const ir_energy_row *r, size_t n, double uD, double uO, ir_energy_fit *o)
{
    law_gram g = {.w = 0}, s = {.w = 0};
    double   inv[LAW_NCOL][LAW_NCOL], var[LAW_NCOL] = {0};
    unsigned mask = (o->move_JpB.known ? 1u << LAW_DATA : 0) | (o->comp_JpF.known ? 1u << LAW_COMP : 0) |
                    (o->base_W.known ? 1u << LAW_LAT : 0);
    for (size_t i = 0; i < n; i++) {
        double a[LAW_NCOL] = {r[i].bytes * uD / r[i].J, r[i].flops * uO / r[i].J, r[i].T_s / r[i].J};
        double sd = log(r[i].hi / r[i].lo) / (2 * LAW_Z975);
        law_gram_add(&g, a, 1);
        law_gram_add(&s, a, isfinite(sd) ? sd * sd : 0);
    }
    if (!mask || !law_gram_inverse(&g, mask, inv)) return;
    for (int j = 0; j < LAW_NCOL; j++)
        for (int k = 0; k < LAW_NCOL; k++)
            for (int l = 0; l < LAW_NCOL; l++) var[j] += inv[j][k] * s.g[k][l] * inv[l][j];
    widen_one(&o->move_JpB, sqrt(var[LAW_DATA]) * uD);
    widen_one(&o->comp_JpF, sqrt(var[LAW_COMP]) * uO);
    widen_one(&o->base_W, sqrt(var[LAW_LAT]));
}

static void say_unknown(ir_energy_fit *o)
{
    bool   all = o->move_JpB.known && o->comp_JpF.known && o->base_W.known;
    size_t n = 0;
    if (all) return;
    const struct {
        const char *what;
        bool        known;
    } c[] = {{"J/byte", o->move_JpB.known}, {"J/FLOP", o->comp_JpF.known}, {"base power", o->base_W.known}};
    n = (size_t)snprintf(o->why, sizeof o->why, "not identified:");
    for (int i = 0; i < 3; i++)
        if (!c[i].known) n += (size_t)snprintf(o->why + n, sizeof o->why - n, " %s,", c[i].what);
    snprintf(o->why + n - 1, sizeof o->why - n + 1, "%s",
             o->nspin ? "; the rows are too much alike" : "; no row in which the threads only wait");
}

ir_status ir_energy_fit_rows(const ir_energy_row *r, size_t n, uint64_t seed, ir_energy_fit *o)
{
    memset(o, 0, sizeof *o);
    o->idle_W = o->idle_after_W = o->err_median = o->cond = NAN;
    o->move_JpB = o->comp_JpF = o->base_W = (ir_joule){NAN, NAN, NAN, false};
    o->n = n;
    for (size_t i = 0; i < n; i++) {
        o->nspin += is_spin(&r[i]);
        if (r[i].threads != r[0].threads)
            return ir_fail(IR_EINVAL, "energy fit: rows of %d and of %d threads: base power differs",
                           r[0].threads, r[i].threads);
    }
    if (n < LEAST_ROWS) return ir_fail(IR_EINVAL, "energy fit: %zu rows, %d are needed", n, LEAST_ROWS);
    o->threads = r[0].threads;
    ir_row *rows = calloc(n, sizeof *rows);
    if (!rows) return ir_fail(IR_ENOMEM, "energy fit: no memory for %zu rows", n);
    double uD = unit_energy(r, n, offsetof(ir_energy_row, bytes)),
           uO = unit_energy(r, n, offsetof(ir_energy_row, flops));
    for (size_t i = 0; i < n; i++)
        rows[i] = (ir_row){r[i].bytes * uD, r[i].flops * uO, r[i].T_s, r[i].J, r[i].lo, r[i].hi, r[i].family};
    ir_fit   *f = malloc(sizeof *f);
    ir_status st =
        f ? ir_fit_rows(IR_ADDITIVE, rows, n, seed, f) : ir_fail(IR_ENOMEM, "energy fit: no memory");
    if (st == IR_OK) {
        o->move_JpB = per_unit(&f->BW, uD);
        o->comp_JpF = per_unit(&f->eta, uO);
        bool base = f->L_lat.how != IR_UNIDENTIFIED;
        if (base) o->base_W = (ir_joule){f->L_lat.v, f->L_lat.lo, f->L_lat.hi, true};
        o->err_median = f->err_median;
        o->cond = f->cond;
        if (o->nspin == 0 && !(f->cond < ALIKE))
            o->move_JpB = o->comp_JpF = o->base_W = (ir_joule){NAN, NAN, NAN, false};
        widen(r, n, uD, uO, o);
        say_unknown(o);
    }
    free(f);
    free(rows);
    return st;
}

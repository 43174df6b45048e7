/* rows.c -- from points to rows of the design, and from a fit back to a time. */
#include "harness/law/law_internal.h"

#include <math.h>
#include <string.h>

const char *ir_form_name(ir_form f)
{
    static const char *const name[] = {"additive", "overlapped"};
    return (unsigned)f < 2 ? name[f] : "?";
}

const char *ir_how_name(ir_how h)
{
    static const char *const name[] = {"fitted", "pinned", "unidentified"};
    return (unsigned)h < 3 ? name[h] : "?";
}

/* Of a family's name; ir_rows_select() numbers families densely instead. */
static int family_hash(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 16777619u;
    return (int)(h >> 8);
}

/* Seconds that `amount` takes at `rate`: 0 of nothing, whatever the rate. */
static double rows_seconds(double amount, double rate) { return amount > 0 ? amount / rate : 0; }

double ir_launch_by(const ir_ceilings *c, const char *kernel, int threads)
{
    double least = NAN;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].what == IR_C_LAUNCH && c->v[i].threads == threads && !strcmp(c->v[i].kernel, kernel))
            least = fmin(least, c->v[i].value); /* passes over NAN */
    return least;
}

/* Launches in units of one at the full thread count: waking two threads costs another time than waking sixty,
 * a node of a graph another than a launch by itself, and one that is waited for a third. At the price of the
 * moment, where that was asked. */
static double rows_launches(const ir_point *p, const ir_ceilings *c)
{
    double      here = ir_launch_ceiling(c, p->id.p.threads), full = ir_launch_ceiling(c, 0);
    double      now = p->m.launch_now > 0 ? p->m.launch_now : 1;
    const char *otherwise = p->id.kflags & IR_K_GRAPH ? "graph" : p->id.kflags & IR_K_WAITED ? "sync" : "";
    double      own = *otherwise ? ir_launch_by(c, otherwise, p->id.p.threads) : NAN;
    if (own > 0) here = own;
    return p->m.cost.launches * now * (here > 0 && full > 0 ? here / full : 1);
}

double law_peak(const ir_point *p, const ir_ceilings *c)
{
    bool              arithmetic = !strcmp(p->id.family, "peak") || !strcmp(p->id.family, "mma");
    const ir_ceiling *own =
        arithmetic ? ir_ceiling_find(c, IR_C_FLOPS, NULL, p->id.workload, p->id.p.dtype, p->id.p.threads)
                   : NULL;
    return own ? own->value : ir_product_ceiling(c, p->id.p.dtype, p->id.p.threads);
}

static bool rows_past_caches(const ir_point *p) { return p->id.kflags & IR_K_NT; }

/* What memory of the point's node gives, over what it gives where threads put it; 1: not placed. NAN: that
 * node was not measured. */
static double rows_node(const ir_point *p, const ir_ceilings *c)
{
    char level[8];
    if (p->id.p.node <= 0) return 1;
    const ir_ceiling *x = ir_ceiling_find(c, IR_C_BANDWIDTH, ir_node_level(p->id.p.node, level), "read",
                                          IR_NDTYPE, p->id.p.threads);
    return x ? x->value / ir_bw_ceiling(c, ir_level_names[IR_DRAM], p->id.p.threads, 1, 0) : NAN;
}

void law_terms(const ir_point *p, const ir_ceilings *c, ir_row *out)
{
    bool now = p->m.bw_now > 0;
    memset(out, 0, sizeof *out);
    out->x_data_s = rows_seconds(ir_cost_B(&p->m.cost),
                                 law_cost_bw(c, &p->m.cost, rows_past_caches(p), p->id.p.threads, p->id.cold,
                                             now, now ? p->m.bw_now : rows_node(p, c)));
    out->x_comp_s = rows_seconds(p->m.cost.flops - p->m.cost.spare_flops, law_peak(p, c));
    out->x_launch = rows_launches(p, c);
}

bool ir_row_of(const ir_point *p, const ir_ceilings *c, ir_row *out)
{
    const ir_stats *t = ir_point_stats(p);
    double          T = ir_point_time(p);
    law_terms(p, c, out);
    out->T_s = T;
    out->T_lo = t->ci_lo;
    out->T_hi = t->ci_hi;
    out->family = family_hash(p->id.family);
    double sum = out->x_data_s + out->x_comp_s + out->x_launch;
    return isfinite(T) && T > 0 && isfinite(sum) && sum > 0; /* a missing ceiling makes its term NAN */
}

/* ---- selection ------------------------------------------------------------------------------- */
bool ir_same_question(const ir_point *a, const ir_point *b)
{
    return !strcmp(a->id.workload, b->id.workload) && a->id.cold == b->id.cold &&
           ir_params_same(&a->id.p, &b->id.p);
}

static int family_number(const ir_point *pts, const size_t *index, size_t m, const ir_row *rows,
                         const char *family)
{
    int next = 0;
    for (size_t j = 0; j < m; j++) {
        if (!strcmp(pts[index[j]].id.family, family)) return rows[j].family;
        if (rows[j].family >= next) next = rows[j].family + 1;
    }
    return next;
}

/* Kernels that take twice what all terms at their ceilings say are slow by their code: no evidence about the
 * machine. The ceilings decide, not the law that is fitted. */
static bool slow_code(const ir_row *r, const ir_ceilings *c)
{
    double launch_s = ir_launch_ceiling(c, 0);
    return r->x_data_s + r->x_comp_s + (launch_s > 0 ? launch_s : 0) * r->x_launch < 0.5 * r->T_s;
}

bool law_tells(const ir_point *p, const ir_ceilings *c, ir_row *out)
{
    char unused[sizeof p->law.withheld];
    if (p->status != IR_OK || p->id.for_ceiling || p->id.kflags & (IR_K_NAIVE | IR_K_HALF) ||
        ir_cost_accesses(&p->m.cost, IR_DEPENDENT) > 0)
        return false;
    if (p->flags & (IR_FLAG_SUSPECT | IR_FLAG_CACHE_RESIDENT) || !ir_row_of(p, c, out)) return false;
    return !slow_code(out, c) && !ir_point_disturbed(p, unused, sizeof unused);
}

/* A question whose fastest answer is suspect is left out: its slower answers would pass for what the machine
 * can do. So is one that went faster than DRAM because a cache served a part of it: how much is known of
 * reads alone, and where threads have caches apart not even that. */
static size_t drop_suspects(const ir_point *pts, size_t m, const ir_ceilings *c, ir_row *rows, size_t *index)
{
    size_t kept = 0;
    for (size_t j = 0; j < m; j++) {
        if (pts[index[j]].flags & (IR_FLAG_SUSPECT | IR_FLAG_CACHE_RESIDENT) || slow_code(&rows[j], c))
            continue;
        rows[kept] = rows[j];
        index[kept++] = index[j];
    }
    return kept;
}

size_t ir_rows_select(const ir_point *pts, size_t n, const ir_ceilings *c, ir_row *rows, size_t *index)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        ir_row row;
        size_t j = 0;
        if (!ir_row_of(&pts[i], c, &row)) continue;
        while (j < m && !ir_same_question(&pts[index[j]], &pts[i])) j++;
        if (j < m && row.T_s >= rows[j].T_s) continue;
        row.family = family_number(pts, index, m, rows, pts[i].id.family);
        rows[j] = row;
        index[j] = i;
        m += j == m;
    }
    return drop_suspects(pts, m, c, rows, index);
}

/* ---- prediction ------------------------------------------------------------------------------ */
void law_coefficients(const ir_fit *f, double c[LAW_NCOL])
{
    c[LAW_DATA] = f->BW.how == IR_UNIDENTIFIED ? 0 : f->BW_ref / f->BW.v;
    c[LAW_COMP] = f->eta.how == IR_UNIDENTIFIED ? 0 : 1 / f->eta.v;
    c[LAW_LAT] = f->L_lat.how == IR_UNIDENTIFIED ? 0 : f->L_lat.v;
    for (int j = 0; j < LAW_NCOL; j++)
        if (!isfinite(c[j])) c[j] = 0;
}

double law_combine(ir_form form, double data, double comp, double lat)
{
    return (form == IR_OVERLAPPED ? fmax(data, comp) : data + comp) + lat;
}

double ir_fit_predict(const ir_fit *f, const ir_row *r)
{
    double c[LAW_NCOL];
    law_coefficients(f, c);
    return law_combine(f->form, c[LAW_DATA] * r->x_data_s, c[LAW_COMP] * r->x_comp_s,
                       c[LAW_LAT] * r->x_launch);
}

/* predict.c -- see predict.h. The row of the design comes from the law's own code, fed with a point that was
 * never measured, so that a prediction and a verdict can never disagree about a term. */
#include "bench/predict/predict.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <string.h>

enum { MAX_BATCH = 1 << 20, MIN_P_DRAWS = 20 };
#define CLEAR_SHARE 0.50
#define CLEAR_P     0.95

const char *predict_how_name(predict_how h)
{
    static const char *const name[] = {"assumed", "fitted", "set"};
    return name[h];
}

int predict_param(const ir_workload *w, const char *name)
{
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (!strcmp(w->param[i], name)) return i;
    return -1;
}

/* ---- the row: what each resource would take at its ceiling ----------------------------------- */
static void fake_point(const ir_workload *w, const ir_params *p, ir_point *o)
{
    ir_point_init(o);
    snprintf(o->id.workload, sizeof o->id.workload, "%s", w->name);
    snprintf(o->id.family, sizeof o->id.family, "%s", w->family);
    o->id.p = *p;
    o->status = IR_OK;
    o->m.cost = w->cost(w, p);
    o->m.wall.median = 1; /* only asked whether it is there */
    o->m.wall.n = 1;
}

static double what_if_scale(const predict_setting *s, double now)
{
    return !s->given ? 1 : s->times ? s->v : s->v / now;
}

static ir_status no_peak(const machine_view *v, ir_dtype t)
{
    char   has[96] = "";
    size_t n = 0;
    for (int i = 0; i < IR_NDTYPE; i++)
        if (isfinite(ir_peak_ceiling(&v->ceilings, (ir_dtype)i, v->threads)) && n < sizeof has)
            n += (size_t)snprintf(has + n, sizeof has - n, " %s", ir_dtype_name((ir_dtype)i));
    return ir_fail(IR_EINVAL, "%s has no %s peak (it has%s)", v->name, ir_dtype_name(t), n ? has : " none");
}

/* Fills the row and what it was made from; refuses a term without its ceiling. */
static ir_status row_of(const machine_view *v, const ir_workload *w, const ir_params *p,
                        const predict_what_if *set, ir_row *row, prediction *o)
{
    ir_point pt;
    fake_point(w, p, &pt);
    double bytes = ir_cost_B(&pt.m.cost), dram = ir_bw_ceiling(&v->ceilings, "DRAM", p->threads, 1, 0);
    o->cost = pt.m.cost;
    snprintf(o->level, sizeof o->level, "%s",
             ir_level_of(&v->ceilings, pt.m.cost.footprint_B, p->threads, false));
    if (bytes > 0 && !isfinite(dram) && !(set->BW.given && !set->BW.times))
        return ir_fail(IR_EINVAL, "%s has no bandwidth: %s (or give one: --set BW=...)", v->name,
                       v->sheet ? "none is published" : "none was measured");
    o->R_peak = ir_peak_ceiling(&v->ceilings, p->dtype, p->threads);
    o->BW_Bps = isfinite(dram) ? ir_cost_bw(&v->ceilings, &pt.m.cost, p->threads, false, false,
                                            what_if_scale(&set->BW, dram))
                               : set->BW.v;
    if (set->R_peak.given) o->R_peak = set->R_peak.times ? o->R_peak * set->R_peak.v : set->R_peak.v;
    if (pt.m.cost.flops > 0 && !isfinite(o->R_peak)) return no_peak(v, p->dtype);
    double launches = pt.m.cost.launches;
    if (ir_row_of(&pt, &v->ceilings, row))
        launches = row->x_launch; /* in launches at the full thread count */
    *row = (ir_row){.x_data_s = bytes > 0 ? bytes / o->BW_Bps : 0,
                    .x_launch = launches,
                    .x_comp_s = pt.m.cost.flops > 0 ? pt.m.cost.flops / o->R_peak : 0};
    return IR_OK;
}

/* ---- coefficients: 1/s, 1/eta, L ------------------------------------------------------------- */
static double predict_known(const ir_coef *k, double v, double otherwise)
{
    return k->how != IR_UNIDENTIFIED && isfinite(v) ? v : otherwise;
}

static const ir_fit *fit_of(const machine_view *v, int form)
{
    return v->has_fit[form] ? &v->fit[form] : v->better >= 0 ? &v->fit[v->better] : NULL;
}

static void override(const predict_what_if *set, double c[P_NTERM])
{
    if (set->eta.given) c[P_COMP] = set->eta.times ? c[P_COMP] / set->eta.v : 1 / set->eta.v;
    if (set->L_lat.given) c[P_LAT] = set->L_lat.times ? c[P_LAT] * set->L_lat.v : set->L_lat.v;
}

static void predict_coefficients(const machine_view *v, int form, double c[P_NTERM])
{
    const ir_fit *f = fit_of(v, form);
    double        launch = ir_launch_ceiling(&v->ceilings, v->threads);
    c[P_DATA] = c[P_COMP] = 1;
    c[P_LAT] = isfinite(launch) ? launch : 0;
    if (!f) return;
    c[P_DATA] = predict_known(&f->BW, f->BW_ref / f->BW.v, 1);
    c[P_COMP] = predict_known(&f->eta, 1 / f->eta.v, 1);
    c[P_LAT] = predict_known(&f->L_lat, f->L_lat.v, c[P_LAT]);
}

static void predict_terms_of(const ir_row *x, const double c[P_NTERM], double t[P_NTERM])
{
    t[P_DATA] = c[P_DATA] * x->x_data_s;
    t[P_COMP] = c[P_COMP] * x->x_comp_s;
    t[P_LAT] = c[P_LAT] * x->x_launch;
}

static double time_of(int form, const double t[P_NTERM])
{
    return (form == IR_OVERLAPPED ? fmax(t[P_DATA], t[P_COMP]) : t[P_DATA] + t[P_COMP]) + t[P_LAT];
}

static int predict_largest(const double t[P_NTERM])
{
    int j = P_DATA;
    for (int k = 1; k < P_NTERM; k++)
        if (t[k] > t[j]) j = k;
    return j;
}

int predict_law_draws(const machine_view *v)
{
    const ir_fit *f = v->better >= 0 ? &v->fit[v->better] : NULL;
    return !f || f->ndraw < MIN_P_DRAWS ? 0 : f->ndraw < IR_FIT_DRAWS ? f->ndraw : IR_FIT_DRAWS;
}

double predict_law_time(const machine_view *v, const ir_row *x, int draw)
{
    int    form = v->better >= 0 ? v->better : IR_ADDITIVE;
    double c[P_NTERM], t[P_NTERM];
    predict_coefficients(v, form, c);
    for (int j = 0; j < P_NTERM && draw >= 0; j++)
        if (isfinite(v->fit[form].draw[draw][j])) c[j] = v->fit[form].draw[draw][j];
    predict_terms_of(x, c, t);
    return time_of(form, t);
}

/* ---- intervals and label --------------------------------------------------------------------- */
/* 95 % interval of T over the draws; returns the share of them in which `first` is the largest term. */
static double draws_of(const ir_fit *f, int form, const ir_row *x, const double c[P_NTERM],
                       const predict_what_if *set, int first, double *lo, double *hi)
{
    double T[IR_FIT_DRAWS];
    int    same = 0, n = f && f->form == (ir_form)form ? f->ndraw : 0;
    *lo = *hi = NAN;
    if (n > IR_FIT_DRAWS) n = IR_FIT_DRAWS;
    for (int d = 0; d < n; d++) {
        double b[P_NTERM], t[P_NTERM];
        for (int j = 0; j < P_NTERM; j++) b[j] = isfinite(f->draw[d][j]) ? f->draw[d][j] : c[j];
        override(set, b);
        predict_terms_of(x, b, t);
        T[d] = time_of(form, t);
        same += predict_largest(t) == first;
    }
    if (n < MIN_P_DRAWS) return NAN;
    ir_sort(T, (size_t)n);
    *lo = ir_quantile_sorted(T, (size_t)n, 0.025);
    *hi = ir_quantile_sorted(T, (size_t)n, 0.975);
    return (double)same / n;
}

static void predict_label(prediction *o)
{
    int    first = predict_largest(o->term_s);
    double sum = o->term_s[P_DATA] + o->term_s[P_COMP] + o->term_s[P_LAT];
    if (!(sum > 0)) return;
    if (o->term_s[first] < CLEAR_SHARE * sum || o->bound_p < CLEAR_P)
        o->bound = IR_BOUND_MIXED;
    else if (first == P_COMP)
        o->bound = IR_BOUND_COMPUTE;
    else if (first == P_LAT)
        o->bound = IR_BOUND_LATENCY;
    else
        o->bound = strcmp(o->level, "DRAM") ? IR_BOUND_CACHE : IR_BOUND_MEMORY;
}

static void both_forms(const machine_view *v, const ir_row *x, const predict_what_if *set, prediction *o)
{
    for (int form = 0; form < 2; form++) {
        static const double band[2] = {0.5, 0.9};
        double              c[P_NTERM], t[P_NTERM], p;
        predict_coefficients(v, form, c);
        double before[P_NTERM] = {c[P_DATA], c[P_COMP], c[P_LAT]};
        override(set, c);
        predict_terms_of(x, c, t);
        o->T_s[form] = time_of(form, t);
        p = draws_of(fit_of(v, form), form, x, before, set, predict_largest(t), &o->T_lo[form],
                     &o->T_hi[form]);
        for (int b = 0; b < 2; b++) {
            double u[P_NTERM] = {t[P_DATA], x->x_comp_s / band[b], t[P_LAT]};
            o->T_band_s[form][b] = o->eta_how == PREDICT_ASSUMED && x->x_comp_s > 0 ? time_of(form, u) : NAN;
        }
        if (form != (int)o->form) continue;
        memcpy(o->term_s, t, sizeof t);
        o->s = 1 / c[P_DATA];
        o->eta = 1 / c[P_COMP];
        o->L_lat_s = c[P_LAT];
        o->bound_p = p;
    }
    predict_label(o);
}

/* ---- what becomes of a datasheet's floor ----------------------------------------------------- */
static const double sheet_bw[2] = {.9, .7}, sheet_eta[2] = {.9, .5}, sheet_launch_s[2] = {2e-6, 5e-6};

/* A processor of its own needs a launch; a host's cores do not. */
static bool launches_cost(const device_sheet *s)
{
    return strcmp(s->kind, "cpu") != 0 && strcmp(s->kind, "mcu") != 0;
}

static void floor_bands(const machine_view *v, const ir_row *x, const predict_what_if *set, prediction *o)
{
    bool as_is = v->sheet && !set->BW.given && !set->R_peak.given && !set->eta.given && !set->L_lat.given;
    for (int b = 0; b < 2; b++) {
        double busy = x->x_data_s / sheet_bw[b] + x->x_comp_s / sheet_eta[b],
               launch = as_is && launches_cost(v->sheet) ? sheet_launch_s[b] : 0;
        o->T_eager_s[b] = as_is ? busy + x->x_launch * launch : NAN;
        o->T_graph_s[b] = as_is ? busy + (x->x_launch > 1 ? 1 : x->x_launch) * launch : NAN;
    }
}

/* ---- crossover ------------------------------------------------------------------------------- */
/* Whether compute exceeds data at this batch; -1: the shape is not possible. */
static int compute_wins(const prediction *o, const predict_what_if *set, int at, int64_t batch)
{
    prediction q = *o;
    ir_row     x;
    q.p.v[at] = batch;
    if (o->workload->valid && o->workload->valid(o->workload, &q.p) != IR_OK) return -1;
    if (row_of(o->view, o->workload, &q.p, set, &x, &q) != IR_OK) return -1;
    return x.x_comp_s / o->eta > x.x_data_s / o->s;
}

static int64_t crossover(const prediction *o, const predict_what_if *set)
{
    int     at = predict_param(o->workload, "batch"), wins = 0;
    int64_t lo = 0, hi = 1;
    if (at < 0) return -1;
    while (hi <= MAX_BATCH && (wins = compute_wins(o, set, at, hi)) == 0) {
        lo = hi;
        hi *= 2;
    }
    if (hi > MAX_BATCH || wins < 0) return 0;
    while (hi - lo > 1) {
        int64_t mid = lo + (hi - lo) / 2;
        if (compute_wins(o, set, at, mid) == 1)
            hi = mid;
        else
            lo = mid;
    }
    return hi;
}

static void predict_rate_of(prediction *o)
{
    ir_point pt;
    fake_point(o->workload, &o->p, &pt);
    ir_point_params(&pt, o->workload, &o->p);
    o->rate = ir_point_items(&pt, &o->rate_item) / o->T_s[o->form];
}

static ir_status check_eta(const prediction *o)
{
    if (o->eta <= 1.02 || o->eta_how != PREDICT_SET) return IR_OK;
    return ir_fail(IR_EINVAL, "--set eta: %.3g on %s, an efficiency is at most 1", o->eta, o->view->name);
}

ir_status predict_point(const machine_view *v, const ir_workload *w, const ir_params *p,
                        const predict_what_if *set, prediction *o)
{
    ir_row x;
    memset(o, 0, sizeof *o);
    o->view = v;
    o->workload = w;
    o->p = *p;
    if (o->p.threads == 0) o->p.threads = v->threads;
    o->form = v->better >= 0 ? (ir_form)v->better : IR_ADDITIVE;
    o->bound_p = NAN;
    ir_status st = row_of(v, w, &o->p, set, &x, o);
    if (st != IR_OK) return st;
    const ir_fit *f = fit_of(v, (int)o->form);
    o->eta_how = set->eta.given                       ? PREDICT_SET
                 : f && f->eta.how != IR_UNIDENTIFIED ? PREDICT_FITTED
                                                      : PREDICT_ASSUMED;
    o->launch_known = (set->L_lat.given && !set->L_lat.times) || (f && f->L_lat.how != IR_UNIDENTIFIED) ||
                      isfinite(ir_launch_ceiling(&v->ceilings, v->threads));
    if (set->L_lat.given && set->L_lat.times && !o->launch_known)
        return ir_fail(IR_EINVAL, "--set L_lat: %s has no known launch cost to multiply; give seconds",
                       v->name);
    both_forms(v, &x, set, o);
    floor_bands(v, &x, set, o);
    double bytes = ir_cost_B(&o->cost);
    o->I = bytes > 0 ? o->cost.flops / bytes : NAN;
    o->ridge = o->R_peak / o->BW_Bps;
    o->crossover = crossover(o, set);
    predict_rate_of(o);
    o->fits = !(o->cost.footprint_B > v->capacity_B);
    return check_eta(o);
}

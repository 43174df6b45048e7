/* judge.c -- which resource holds a point, how clearly, and how efficiently each was used.
 *
 * A coefficient that the fit does not know is taken at its ceiling (s = eta = 1, L the launch ceiling), as
 * without a fit. Three efficiencies, never mixed: eta of the compute term, MFU and MBU of the whole time. */
#include "harness/law/law_internal.h"

#include <math.h>
#include <string.h>

enum { MIN_P_DRAWS = 20 }; /* fewer draws cannot tell .95 from .9 */
#define CLEAR_SHARE 0.50
#define CLEAR_P     0.95
#define FAR_SHARE   0.10 /* of bandwidth and peak */
#define WIDEST      0.50 /* half an interval over its median */
#define CODE_SHARE  0.50 /* less of T explained by all terms together: what holds the point is its code */

static void judge_clear(ir_point *p)
{
    p->law.level[0] = '\0';
    p->law.T_law_s = p->law.term_data_s = p->law.term_comp_s = p->law.term_lat_s = NAN;
    p->law.mfu = p->law.mbu = p->law.eta = p->law.eta_star = p->law.ridge = p->law.margin = p->law.bound_p =
        NAN;
    p->law.bound = IR_BOUND_UNKNOWN;
    p->law.withheld[0] = p->law.ablation[0] = '\0'; /* of the label before */
}

void ir_point_withhold(ir_point *p, const char *why)
{
    p->law.bound = IR_BOUND_UNKNOWN;
    p->law.bound_p = p->law.margin = NAN;
    p->law.ablation[0] = '\0';
    snprintf(p->law.withheld, sizeof p->law.withheld, "%s", why);
}

static double known_or(const ir_coef *k, double value, double otherwise)
{
    return k->how != IR_UNIDENTIFIED && isfinite(value) ? value : otherwise;
}

/* Coefficients for judging, and what stands in for an unknown one. */
static void judge_coefficients(const ir_fit *f, double launch_s, double c[LAW_NCOL])
{
    c[LAW_DATA] = c[LAW_COMP] = 1;
    c[LAW_LAT] = isfinite(launch_s) ? launch_s : 0;
    if (!f) return;
    c[LAW_DATA] = known_or(&f->BW, f->BW_ref / f->BW.v, c[LAW_DATA]);
    c[LAW_COMP] = known_or(&f->eta, 1 / f->eta.v, c[LAW_COMP]);
    c[LAW_LAT] = known_or(&f->L_lat, f->L_lat.v, c[LAW_LAT]);
}

static int judge_largest(const double t[LAW_NCOL])
{
    int j = LAW_DATA;
    for (int k = 1; k < LAW_NCOL; k++)
        if (t[k] > t[j]) j = k;
    return j;
}

static double second(const double t[LAW_NCOL], int first)
{
    double s = 0;
    for (int k = 0; k < LAW_NCOL; k++)
        if (k != first) s = fmax(s, t[k]);
    return s;
}

/* Dependent accesses wait for the latency of the level, one after the other. */
static double waiting(const ir_point *p, const ir_ceilings *c)
{
    if (!(ir_cost_accesses(&p->m.cost, IR_DEPENDENT) > 0)) return 0;
    const ir_ceiling *l = ir_ceiling_find(c, IR_C_LATENCY, p->law.level, "chase", IR_NDTYPE, 1);
    return l ? ir_cost_accesses(&p->m.cost, IR_DEPENDENT) * l->value : 0;
}

static void judge_terms_of(const double c[LAW_NCOL], const ir_row *x, double wait_s, double t[LAW_NCOL])
{
    t[LAW_DATA] = c[LAW_DATA] * x->x_data_s;
    t[LAW_COMP] = c[LAW_COMP] * x->x_comp_s;
    t[LAW_LAT] = c[LAW_LAT] * x->x_launch + wait_s;
    if (wait_s > 0) t[LAW_DATA] = 0; /* its bytes are what it waits for */
}

static void draw_coefficients(const ir_fit *f, int d, const double c[LAW_NCOL], double b[LAW_NCOL])
{
    for (int j = 0; j < LAW_NCOL; j++) b[j] = isfinite(f->draw[d][j]) ? f->draw[d][j] : c[j];
}

/* Without draws a share of data's time says which level it is of. */
static ir_bound judge_class_of(int term, double served)
{
    if (term == LAW_COMP) return IR_BOUND_COMPUTE;
    if (term == LAW_LAT) return IR_BOUND_LATENCY;
    return served > 0.5 ? IR_BOUND_CACHE : IR_BOUND_MEMORY;
}

/* Share of the fit's draws in which the law explains less than CODE_SHARE of T; NAN without draws. */
static double code_probability(const ir_fit *f, const double c[LAW_NCOL], const ir_row *x, double wait_s,
                               double T)
{
    int below = 0;
    if (!f || f->ndraw < MIN_P_DRAWS) return NAN;
    for (int d = 0; d < f->ndraw; d++) {
        double b[LAW_NCOL], t[LAW_NCOL];
        draw_coefficients(f, d, c, b);
        judge_terms_of(b, x, wait_s, t);
        below += law_combine(f->form, t[LAW_DATA], t[LAW_COMP], t[LAW_LAT]) < CODE_SHARE * T;
    }
    return (double)below / f->ndraw;
}

/* By the terms alone, where no fit says how they scatter. */
static void label_by_shares(ir_point *p, const double t[LAW_NCOL], double T, double served)
{
    int first = judge_largest(t);
    p->law.bound = t[first] < CLEAR_SHARE * T ? IR_BOUND_MIXED : judge_class_of(first, served);
}

/* Faster than memory at its ceiling, with a footprint of which the last cache may still serve a part: the
 * ladder tells a tenth from nothing, and a rung further it may be as little as that. */
static bool resident(const ir_point *p, const ir_ceilings *c, const ir_fit *f, const ir_row *x)
{
    int last = IR_DRAM - 1;
    while (last > 0 && !(c->level_B[last] > 0)) last--;
    double still_B = 2 * c->level_B[IR_DRAM] * ir_level_instances(c, last, p->id.p.threads);
    bool   outran = x->x_data_s > (1 + LAW_TOL) * law_left_s(f, x);
    return p->flags & IR_FLAG_CACHE_RESIDENT || (outran && !p->id.cold && p->m.cost.footprint_B <= still_B);
}

static void label_by_draws(ir_point *p, const ir_ceilings *c, const ir_fit *f, const ir_row *x,
                           const double t[LAW_NCOL], double served)
{
    static const ir_bound of[LAW_NCLASS] = {IR_BOUND_MEMORY, IR_BOUND_CACHE, IR_BOUND_COMPUTE,
                                            IR_BOUND_LATENCY};
    law_verdict           v;
    ir_row                own;
    law_label(f, p, x, t, served, law_nearer(c, p->id.p.threads), resident(p, c, f, x), law_tells(p, c, &own),
              &v);
    bool clear = v.clear >= CLEAR_P;
    p->law.bound_p = clear ? v.p : v.shown;
    p->law.bound = clear ? of[v.first] : IR_BOUND_MIXED;
}

static void judge_label(ir_point *p, const ir_ceilings *c, const ir_fit *f, const ir_row *x,
                        const double t[LAW_NCOL], double served, double code_p)
{
    double T = x->T_s;
    int    first = judge_largest(t);
    double next = second(t, first);
    if (!(t[first] > 0)) return;
    p->law.margin = next > 0 ? log(t[first] / next) : NAN;
    if (p->law.T_law_s < CODE_SHARE * T) {
        p->law.bound_p = code_p;
        p->law.bound = code_p < CLEAR_P ? IR_BOUND_MIXED : IR_BOUND_CODE;
    } else if (f && f->ndraw >= MIN_P_DRAWS) {
        label_by_draws(p, c, f, x, t, served);
    } else {
        label_by_shares(p, t, T, served);
    }
}

void ir_point_shares(const ir_point *p, double share[IR_NSHARE])
{
    double T = ir_point_time(p), t[LAW_NCOL] = {p->law.term_data_s, p->law.term_comp_s, p->law.term_lat_s},
           sum = 0;
    for (int k = 0; k < IR_NSHARE; k++) share[k] = NAN;
    if (!(T > 0) || !isfinite(t[LAW_DATA] + t[LAW_COMP] + t[LAW_LAT])) return;
    /* Overlapped: the law's time is less than the sum of its terms. */
    if (p->law.T_law_s < (1 - 1e-9) * (t[LAW_DATA] + t[LAW_COMP] + t[LAW_LAT]))
        t[t[LAW_DATA] < t[LAW_COMP] ? LAW_DATA : LAW_COMP] = 0;
    for (int k = 0; k < LAW_NCOL; k++) sum += t[k];
    for (int k = 0; k < LAW_NCOL; k++) share[k] = t[k] / fmax(T, sum);
    share[IR_SHARE_UNEXPLAINED] = fmax(0, 1 - sum / T);
}

/* Neither limit is near, launches do not explain it, and the kernel is meant to be fast: something else held
 * it. */
static bool far_from_all(const ir_point *p, const double t[LAW_NCOL], double T)
{
    bool contender = !(p->id.kflags & (IR_K_NAIVE | IR_K_HALF));
    if (isnan(p->law.mfu) && isnan(p->law.mbu)) return false;
    return contender && !(p->law.mfu >= FAR_SHARE) && !(p->law.mbu >= FAR_SHARE) &&
           t[LAW_LAT] < CLEAR_SHARE * T;
}

bool ir_point_disturbed(const ir_point *p, char *why, size_t n)
{
    const ir_stats *s = ir_point_stats(p);
    double          half = fmax(s->ci_hi - s->median, s->median - s->ci_lo) / s->median;
    if (p->flags & IR_FLAG_PREEMPTED)
        snprintf(why, n, "a thread got %.0f %% of the CPU time it wanted", 100 * p->m.cpu_share);
    else if (half > WIDEST)
        snprintf(why, n, "the interval is +-%.0f %%", fmin(100 * half, 9999));
    else
        return false;
    return true;
}

/* A label needs a time that is the machine's own. */
static void withhold_unsound(ir_point *p, const double t[LAW_NCOL], double T)
{
    char why[sizeof p->law.withheld];
    bool disturbed = ir_point_disturbed(p, why, sizeof why);
    if (!disturbed && !far_from_all(p, t, T)) return;
    if (!disturbed)
        snprintf(why, sizeof why, "neither limit is near (MBU %.0f %%, MFU %.0f %%)",
                 isnan(p->law.mbu) ? 0 : 100 * p->law.mbu, isnan(p->law.mfu) ? 0 : 100 * p->law.mfu);
    ir_point_withhold(p, why);
}

/* The time that only compute can have taken. Overlapped: where the data term explains what launches leave, to
 * the accuracy of a ceiling, compute is hidden behind it and nothing can be said. */
static double compute_time(ir_form form, const double t[LAW_NCOL], double T)
{
    double rest = T - t[LAW_LAT];
    if (form == IR_ADDITIVE) return rest - t[LAW_DATA];
    return t[LAW_COMP] >= t[LAW_DATA] || rest > (1 + LAW_TOL) * t[LAW_DATA] ? rest : NAN;
}

static void efficiencies(ir_point *p, ir_form form, const ir_row *x, const double t[LAW_NCOL], double T,
                         double bw, double R_peak)
{
    double D_vol = ir_cost_B(&p->m.cost), O = p->m.cost.flops, rest = compute_time(form, t, T);
    p->law.ridge = R_peak / bw;
    if (D_vol > 0) p->law.mbu = D_vol / (T * bw);
    if (!(O > 0)) return;
    p->law.mfu = O / (T * R_peak);
    if (rest > 0) p->law.eta = x->x_comp_s / rest;
    if (t[LAW_DATA] > 0) p->law.eta_star = x->x_comp_s / t[LAW_DATA];
}

void ir_point_judge(ir_point *p, const ir_ceilings *c, const ir_fit *fit)
{
    ir_row row;
    double k[LAW_NCOL], t[LAW_NCOL], T = ir_point_time(p);
    judge_clear(p);
    if (ir_cost_B(&p->m.cost) > 0) /* without bytes there is no place they come from */
        snprintf(p->law.level, sizeof p->law.level, "%s",
                 ir_level_of(c, p->m.cost.footprint_B, p->id.p.threads, p->id.cold));
    bool known = ir_row_of(p, c, &row);
    if (!(T > 0)) return;
    ir_form form = fit ? fit->form : IR_ADDITIVE;
    judge_coefficients(fit, ir_launch_ceiling(c, 0), k);
    double wait_s = waiting(p, c);
    judge_terms_of(k, &row, wait_s, t);
    ir_cost compulsory = p->m.cost;
    ir_cost_past_caches(&compulsory); /* MBU speaks of what must move */
    double bytes = ir_cost_B(&p->m.cost);
    bool   past = p->id.kflags & IR_K_NT; /* its stores are made in memory, wherever the rest lives */
    efficiencies(p, form, &row, t, T,
                 bytes > 0 ? law_cost_bw(c, &compulsory, past, p->id.p.threads, p->id.cold, false, 1)
                           : ir_bw_ceiling(c, "DRAM", p->id.p.threads, 1, 0),
                 law_peak(p, c));
    p->law.term_data_s = t[LAW_DATA];
    p->law.term_comp_s = t[LAW_COMP];
    p->law.term_lat_s = t[LAW_LAT];
    if (!known) return; /* a ceiling is missing: its term is NAN, and no verdict rests on the others alone */
    p->law.T_law_s = law_combine(form, t[LAW_DATA], t[LAW_COMP], t[LAW_LAT]);
    judge_label(p, c, fit, &row, t, law_cached(c, &p->m.cost, past, p->id.p.threads, p->id.cold),
                code_probability(fit, k, &row, wait_s, T));
    withhold_unsound(p, t, T);
}

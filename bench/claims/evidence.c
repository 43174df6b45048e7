/* evidence.c -- a claim's rule over what was measured.
 *
 * Every bound value has its interval; the rule is evaluated over draws from them (log-normal, independent
 * between rows, fixed seed), and an outcome stands when at least 95 % of the draws agree. A class keeps its
 * label in a share bound_p of the draws and is "mixed" in the others; a class without a probability decides
 * nothing. */
#include "bench/claims/claims.h"
#include "bench/cli/cli.h"
#include "harness/left_out.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 400 };
#define CLEAR    0.95
#define WITHHELD "the time is not the machine's own: "

const char *claim_outcome_name(claim_outcome o)
{
    static const char *const name[] = {"-",         "confirmed",    "refuted",
                                       "undecided", "not measured", "not testable here"};
    return name[o];
}

const claim_rule *claim_rule_find(const char *id)
{
    for (const claim_rule *r = claim_rules; r->id; r++)
        if (!strcmp(r->id, id)) return r;
    return NULL;
}

static int shown_count(const claim_rule *r)
{
    int n = 0;
    while (n < CLAIM_MAX_SHOWN && r->shown[n]) n++;
    return n;
}

const char *claim_shown(const claim_rule *r, int i)
{
    const int n = shown_count(r);
    if (i < n) return r->shown[i];
    return i - n < CLAIM_MAX_RATIO ? r->beside[i - n].name : NULL;
}

/* ---- points ---------------------------------------------------------------------------------- */
ir_status claim_spec(const claim_evidence *e, const char *spec, const ir_workload **w, ir_params *p)
{
    cli_options o;
    cli_points  pts;
    char        text[CLAIM_SPEC];
    ir_status   st = claim_spec_text(e, spec, text, sizeof text);
    if (st != IR_OK) return st;
    spec = text;
    cli_options_init(&o);
    st = cli_points_expand(e->workloads, &spec, 1, &o, &pts);
    cli_options_free(&o);
    if (st == IR_ENOMEM) {
        ir_left_out("a point that a claim asks for");
        return st;
    }
    if (st != IR_OK) {
        size_t n = strcspn(spec, ":");
        for (const ir_workload *const *k = e->workloads; *k; k++)
            if (strlen((*k)->name) == n && !strncmp((*k)->name, spec, n))
                return st; /* what is wrong with the rest */
        return ir_fail(IR_SKIP, "this build has no workload for '%.*s'", (int)n, spec);
    }
    *w = pts.v[0].workload;
    *p = pts.v[0].p;
    if (pts.n != 1) st = ir_fail(IR_EINVAL, "%s stands for %zu points", spec, pts.n);
    cli_points_free(&pts);
    return st;
}

static bool kernel_fits(const ir_point *p, const char *kernel)
{
    if (!kernel) return !(p->id.kflags & IR_K_NAIVE);
    return strstr(p->id.kernel, kernel) != NULL;
}

static bool row_fits(const claim_evidence *e, const ir_point *p, const ir_workload *w, const ir_params *want)
{
    if (p->status != IR_OK || p->id.cold || strcmp(p->id.workload, w->name)) return false;
    if (p->id.p.dtype != want->dtype || p->id.p.threads != (want->threads ? want->threads : e->threads))
        return false;
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (p->id.p.v[i] != want->v[i]) return false;
    return isfinite(ir_point_time(p));
}

static const ir_point *evidence_fastest(const claim_evidence *e, const char *spec, const char *kernel,
                                        bool believed)
{
    const ir_workload *w;
    const ir_point    *best = NULL;
    ir_params          want;
    if (claim_spec(e, spec, &w, &want) != IR_OK) return NULL;
    for (size_t i = 0; i < e->npoint; i++) {
        const ir_point *p = &e->point[i];
        if (!row_fits(e, p, w, &want) || !kernel_fits(p, kernel) || (believed && p->flags & IR_FLAG_SUSPECT))
            continue;
        if (!best || ir_point_time(p) < ir_point_time(best)) best = p;
    }
    char text[CLAIM_SPEC], key[IR_ID], why[IR_WHY];
    if (best && e->unusable) return ir_fail(IR_EINVAL, WITHHELD "%s", e->unusable), NULL;
    if (best && ir_point_disturbed(best, why,
                                   sizeof why)) /* a slower one in its place would answer another question */
        return ir_fail(IR_EINVAL, WITHHELD "%s: %s", ir_point_key(best, key), why), NULL;
    if (!best && claim_spec_text(e, spec, text, sizeof text) == IR_OK)
        ir_fail(IR_EINVAL, "needs %s%s%s", text, kernel ? " by " : "", kernel ? kernel : "");
    return best;
}

const ir_point *claim_point(const claim_evidence *e, const char *spec, const char *kernel)
{
    return evidence_fastest(e, spec, kernel, true);
}

bool claim_bind_timed(const claim_bind *b)
{
    switch (b->kind) {
    case BIND_FLOPS:
    case BIND_BYTES:
    case BIND_WEIGHTS_B:
    case BIND_UNFUSED_B:
    case BIND_INTENSITY: return b->kernel != NULL;
    case BIND_CEIL_BW:
    case BIND_CEIL_LATENCY:
    case BIND_CEIL_FLOPS:
    case BIND_CEIL_LAUNCH:
    case BIND_ETA:
    case BIND_L_LAT:
    case BIND_E_MOVE:
    case BIND_E_COMP:
    case BIND_END: return false;
    default: return true;
    }
}

/* ---- one binding ----------------------------------------------------------------------------- */
typedef struct {
    double      v, lo, hi, p;
    const char *word;
} bound_value; /* p: of the word */

static double count_of(claim_bind_kind k, const ir_cost *c)
{
    double bytes = ir_cost_B(c);
    switch (k) {
    case BIND_FLOPS: return c->flops;
    case BIND_BYTES: return bytes;
    case BIND_WEIGHTS_B: return c->weights_B;
    case BIND_UNFUSED_B: return c->unfused_B;
    default: return c->flops / bytes;
    }
}

static bool count_bound(const claim_evidence *e, const claim_bind *b, bound_value *o)
{
    const ir_workload *w;
    ir_params          p;
    if (claim_spec(e, b->spec, &w, &p) != IR_OK) return false;
    ir_cost c = w->cost(w, &p);
    o->v = o->lo = o->hi = count_of(b->kind, &c);
    return isfinite(o->v);
}

static bool from_ceiling(const ir_ceiling *c, const claim_bind *b, bound_value *o)
{
    if (!c) return ir_fail(IR_EINVAL, "no ceiling %s was measured", b->spec ? b->spec : "of a launch"), false;
    *o = (bound_value){c->value, c->lo, c->hi, NAN, NULL};
    return true;
}

static bool ceiling_bound(const claim_evidence *e, const claim_bind *b, bound_value *o)
{
    char        head[IR_NAME];
    const char *slash = b->spec ? strchr(b->spec, '/') : NULL;
    ir_dtype    t = IR_NDTYPE;
    if (!b->spec)
        return from_ceiling(ir_ceiling_find(e->ceilings, IR_C_LAUNCH, NULL, NULL, t, e->threads), b, o);
    snprintf(head, sizeof head, "%.*s", slash ? (int)(slash - b->spec) : (int)sizeof head - 1, b->spec);
    if (b->kind == BIND_CEIL_BW)
        return from_ceiling(
            ir_ceiling_find(e->ceilings, IR_C_BANDWIDTH, head, slash ? slash + 1 : "read", t, e->threads), b,
            o);
    if (b->kind == BIND_CEIL_LATENCY)
        return from_ceiling(ir_ceiling_find(e->ceilings, IR_C_LATENCY, head, "chase", t, 1), b, o);
    if (ir_dtype_parse(head, &t) != IR_OK) return false;
    return from_ceiling(
        ir_ceiling_find(e->ceilings, IR_C_FLOPS, NULL, NULL, t, slash ? atoi(slash + 1) : e->threads), b, o);
}

static bool fit_bound(const claim_evidence *e, const claim_bind *b, bound_value *o)
{
    const ir_coef *k = !e->fit ? NULL : b->kind == BIND_ETA ? &e->fit->eta : &e->fit->L_lat;
    if (!k || k->how == IR_UNIDENTIFIED) return ir_fail(IR_EINVAL, "needs a fitted law"), false;
    *o = (bound_value){k->v, k->lo, k->hi, NAN, NULL};
    return true;
}

/* A value of a row that goes with 1/T (rate) or with T. */
static bound_value evidence_timed(const ir_point *p, double value, bool rate)
{
    const ir_stats *t = ir_point_stats(p);
    double          T = ir_point_time(p);
    if (rate) return (bound_value){value, value * T / t->ci_hi, value * T / t->ci_lo, NAN, NULL};
    return (bound_value){value, value * t->ci_lo / T, value * t->ci_hi / T, NAN, NULL};
}

static double evidence_share(const ir_point *p, double term)
{
    return term / (p->law.term_data_s + p->law.term_comp_s + p->law.term_lat_s);
}

static bool row_bound(const ir_point *p, const claim_bind *b, bound_value *o)
{
    double T = ir_point_time(p);
    switch (b->kind) {
    case BIND_TIME: *o = evidence_timed(p, T, false); break;
    case BIND_FLOPS_S: *o = evidence_timed(p, p->m.cost.flops / T, true); break;
    case BIND_BYTES_S: *o = evidence_timed(p, ir_cost_B(&p->m.cost) / T, true); break;
    case BIND_MFU: *o = evidence_timed(p, p->law.mfu, true); break;
    case BIND_MBU: *o = evidence_timed(p, p->law.mbu, true); break;
    case BIND_RIDGE: *o = (bound_value){p->law.ridge, NAN, NAN, NAN, NULL}; break;
    case BIND_SHARE_DATA:
        *o = (bound_value){evidence_share(p, p->law.term_data_s), NAN, NAN, NAN, NULL};
        break;
    case BIND_SHARE_COMP:
        *o = (bound_value){evidence_share(p, p->law.term_comp_s), NAN, NAN, NAN, NULL};
        break;
    case BIND_SHARE_LAT: *o = (bound_value){evidence_share(p, p->law.term_lat_s), NAN, NAN, NAN, NULL}; break;
    case BIND_BOUND:
        *o = (bound_value){NAN, NAN, NAN, p->law.bound_p,
                           ir_bound_names_resource(p->law.bound) ? ir_bound_name(p->law.bound) : "mixed"};
        return p->law.bound != IR_BOUND_UNKNOWN;
    default: *o = (bound_value){count_of(b->kind, &p->m.cost), NAN, NAN, NAN, NULL}; break;
    }
    char key[IR_ID];
    if (!isfinite(o->v)) ir_fail(IR_EINVAL, "%s is unknown on the row %s", b->name, ir_point_key(p, key));
    return isfinite(o->v);
}

static void add_evidence(claim_measured *m, const ir_point *p)
{
    char   key[IR_ID];
    size_t n = strlen(m->evidence);
    ir_point_key(p, key);
    if (strstr(m->evidence, key) || n + strlen(key) + 2 > sizeof m->evidence) return;
    snprintf(m->evidence + n, sizeof m->evidence - n, "%s%s", n ? ";" : "", key);
}

static bool evidence_bind(const claim_evidence *e, const claim_bind *b, bound_value *o, claim_measured *m)
{
    *o = (bound_value){NAN, NAN, NAN, NAN, NULL};
    if (b->kind == BIND_ETA || b->kind == BIND_L_LAT) return fit_bound(e, b, o);
    if (b->kind == BIND_E_MOVE || b->kind == BIND_E_COMP)
        return claim_energy(e, b->kind, &o->v, &o->lo, &o->hi);
    if (b->kind >= BIND_CEIL_BW && b->kind <= BIND_CEIL_LAUNCH) return ceiling_bound(e, b, o);
    if (!claim_bind_timed(b)) return count_bound(e, b, o);
    const ir_point *p = claim_point(e, b->spec, b->kernel);
    if (!p || !row_bound(p, b, o)) return false;
    add_evidence(m, p);
    return true;
}

static bool ratio_bound(const claim_evidence *e, const claim_ratio *r, bound_value *o, claim_measured *m)
{
    const ir_point *p = evidence_fastest(e, r->over, NULL, false),
                   *q = p ? evidence_fastest(e, r->under, NULL, false) : NULL;
    *o = (bound_value){NAN, NAN, NAN, NAN, NULL};
    if (!q) return false;
    const bound_value a = evidence_timed(p, ir_point_time(p), false),
                      b = evidence_timed(q, ir_point_time(q), false);
    double half = hypot(log(a.hi / a.lo), log(b.hi / b.lo)) / 2;
    if (p->m.bw_now > 0 && q->m.bw_now > 0) half += fabs(log(p->m.bw_now / q->m.bw_now));
    o->v = a.v / b.v;
    o->lo = o->v * exp(-half);
    o->hi = o->v * exp(half);
    add_evidence(m, p);
    add_evidence(m, q);
    return true;
}

/* ---- conditions ------------------------------------------------------------------------------ */
typedef enum { NO, YES, UNKNOWN } answer;

static bool evidence_among(const char *word, const char *list)
{
    for (size_t n; *list; list += n + (list[n] == '|')) {
        n = strcspn(list, "|");
        if (strlen(word) == n && !strncmp(word, list, n)) return true;
    }
    return false;
}

static answer evidence_holds(const claim_condition *c, const formula_values *s)
{
    const formula_value *v = formula_get(s, c->name), *but = c->but ? formula_get(s, c->but) : NULL;
    if (!v) return UNKNOWN;
    if (but && but->word && evidence_among(but->word, c->is)) return YES;
    if (c->word) return v->word && evidence_among(v->word, c->word) ? YES : NO;
    if (v->word) return NO;
    return (isnan(c->lo) || v->v >= c->lo) && (isnan(c->hi) || v->v <= c->hi) ? YES : NO;
}

static bool confirmed(const claim_rule *r, const formula_values *s)
{
    for (int i = 0; i < CLAIM_MAX_SHOWN && r->confirm[i].name; i++)
        if (evidence_holds(&r->confirm[i], s) != YES) return false;
    return r->confirm[0].name != NULL;
}

static bool refuted(const claim_rule *r, const formula_values *s)
{
    int n = 0, yes = 0;
    for (; n < CLAIM_MAX_SHOWN && r->refute[n].name; n++) yes += evidence_holds(&r->refute[n], s) == YES;
    return r->refute_all ? n > 0 && yes == n : yes > 0;
}

/* ---- draws ----------------------------------------------------------------------------------- */
enum { MAX_BOUND = CLAIM_MAX_BIND + CLAIM_MAX_RATIO };
typedef struct {
    const claim_rule *r;
    const char       *name[MAX_BOUND];
    bound_value       v[MAX_BOUND];
    bool              has[MAX_BOUND];
    int               n;
} bound_rule;

static double draw_of(const bound_value *b, ir_rng *g)
{
    double z = ir_rng_normal(g);
    if (!(b->lo > 0) || !(b->hi > b->lo) || !(b->v > 0)) return b->v;
    return b->v * exp(z * (log(b->hi) - log(b->lo)) / (2 * 1.959964));
}

/* Bound names, drawn or (g NULL) at their medians, and the formula's. False: the formula needs a name that is
 * missing. */
static bool values_of(const bound_rule *b, ir_rng *g, formula_values *s)
{
    int column;
    s->n = 0;
    for (int i = 0; i < b->n; i++) {
        const bound_value *v = &b->v[i];
        if (!b->has[i]) continue;
        const char *word = v->word;
        if (word && g && !(ir_rng_uniform(g) < v->p)) word = "mixed"; /* also without a probability */
        if (formula_set(s, b->name[i], g && !v->word ? draw_of(v, g) : v->v, word) != IR_OK) return false;
    }
    return !b->r->formula || formula_eval(b->r->formula, s, &column) == IR_OK;
}

static void evidence_interval(double *v, size_t n, double *lo, double *hi)
{
    ir_sort(v, n);
    *lo = ir_quantile_sorted(v, n, 0.025);
    *hi = ir_quantile_sorted(v, n, 0.975);
}

static void draw_all(const bound_rule *b, claim_measured *m, double *without_premise)
{
    static double  shown[CLAIM_MAX_SHOWN][DRAWS];
    formula_values s;
    ir_rng         g;
    int            yes = 0, no = 0, beside = 0;
    ir_rng_seed(&g, 1);
    for (int d = 0; d < DRAWS; d++) {
        bool fine = values_of(b, &g, &s);
        if (fine && b->r->premise.name && evidence_holds(&b->r->premise, &s) != YES) beside++, fine = false;
        yes += fine && confirmed(b->r, &s);
        no += fine && refuted(b->r, &s);
        for (int i = 0; i < CLAIM_MAX_SHOWN && b->r->shown[i]; i++) {
            const formula_value *v = formula_get(&s, b->r->shown[i]);
            shown[i][d] = v && !v->word ? v->v : NAN;
        }
    }
    for (int i = 0; i < CLAIM_MAX_SHOWN && b->r->shown[i]; i++)
        evidence_interval(shown[i], DRAWS, &m->lo[i], &m->hi[i]);
    *without_premise = (double)beside / DRAWS;
    double confirm = (double)yes / DRAWS, refute = (double)no / DRAWS;
    m->outcome = confirm >= CLEAR  ? MEASURED_CONFIRMED
                 : refute >= CLEAR ? MEASURED_REFUTED
                                   : MEASURED_UNDECIDED;
    m->p = m->outcome == MEASURED_CONFIRMED ? confirm
           : m->outcome == MEASURED_REFUTED ? refute
                                            : fmax(confirm, refute);
}

static void cannot(claim_measured *m, claim_outcome o, const char *why)
{
    m->outcome = o;
    m->p = NAN;
    snprintf(m->why, sizeof m->why, "%.255s", why);
}

/* What could not be bound; the first reason stays. */
typedef struct {
    bool any, build, withheld;
    char why[256];
} missing;

static void evidence_take(bound_rule *b, const char *name, bool has, missing *none)
{
    b->name[b->n] = name;
    b->has[b->n++] = has;
    if (has) return;
    if (!none->any) snprintf(none->why, sizeof none->why, "%.255s", ir_why());
    none->any = true;
    none->withheld = none->withheld || strstr(ir_why(), WITHHELD) != NULL;
    none->build = none->build || strstr(ir_why(), "this build has no") || strstr(ir_why(), CLAIM_NO_ENERGY);
}

static void bind_all(const claim_evidence *e, bound_rule *b, claim_measured *m, missing *none)
{
    const claim_rule *r = b->r;
    for (int i = 0; i < CLAIM_MAX_BIND && r->bind[i].name; i++) {
        ir_fail(IR_OK, "%s", "");
        evidence_take(b, r->bind[i].name, evidence_bind(e, &r->bind[i], &b->v[b->n], m), none);
    }
    for (int i = 0; i < CLAIM_MAX_RATIO && r->ratio[i].name; i++)
        evidence_take(b, r->ratio[i].name, ratio_bound(e, &r->ratio[i], &b->v[b->n], m), none);
}

/* After what is shown, and no part of the formula. */
static void put_beside(const claim_evidence *e, const claim_rule *r, claim_measured *m)
{
    int at = shown_count(r);
    for (int i = 0; i < CLAIM_MAX_RATIO && r->beside[i].name; i++, at++) {
        bound_value v;
        if (!ratio_bound(e, &r->beside[i], &v, m) ||
            formula_set(&m->values, r->beside[i].name, v.v, NULL) != IR_OK)
            continue;
        m->lo[at] = v.lo;
        m->hi[at] = v.hi;
    }
}

static void evidence_decide(const claim_evidence *e, const claim_rule *r, claim_measured *m)
{
    bound_rule b = {.r = r};
    missing    none = {.any = false};
    double     without;
    bind_all(e, &b, m, &none);
    bool whole = values_of(&b, NULL, &m->values);
    if (!whole && !none.any) {
        cannot(m, MEASURED_UNDECIDED, ir_why());
        return;
    }
    draw_all(&b, m, &without);
    if (without >= CLEAR) cannot(m, MEASURED_UNTESTABLE, r->otherwise);
    if (none.withheld)
        cannot(m, MEASURED_UNDECIDED, none.why); /* whatever the rest says */
    else if (none.any && m->outcome == MEASURED_UNDECIDED)
        cannot(m, none.build ? MEASURED_UNTESTABLE : MEASURED_MISSING, none.why);
    put_beside(e, r, m);
}

/* A device without host threads is taken for a GPU. */
static bool speaks_of(const claim_rule *r, const claim_evidence *e)
{
    return strcmp(r->only_on, CLAIM_A_GPU) ? strstr(e->title, r->only_on) != NULL : e->threads == 0;
}

void claim_measure(const ir_claim *c, const claim_evidence *e, claim_measured *m)
{
    const claim_rule *r = claim_rule_find(c->id);
    memset(m, 0, sizeof *m);
    m->p = NAN;
    for (int i = 0; i < CLAIM_MAX_VALUES; i++) m->lo[i] = m->hi[i] = NAN;
    if (!c->has_measure) return;
    if (!r)
        cannot(m, MEASURED_UNTESTABLE, "this ledger's claim has no rule here");
    else if (r->untestable)
        cannot(m, MEASURED_UNTESTABLE, r->untestable);
    else
        evidence_decide(e, r, m);
    if (r && r->only_on && !speaks_of(r, e)) {
        char why[96];
        snprintf(why, sizeof why, "it speaks of another device (%s)%s", r->only_on,
                 m->outcome == MEASURED_MISSING || m->outcome == MEASURED_UNTESTABLE
                     ? ""
                     : "; the values are this machine's own");
        cannot(m, MEASURED_UNTESTABLE, why);
    }
}

/* judge.c -- two looks at every node among its peers; see fleet.h and docs/fleet.md. */
#define _GNU_SOURCE
#include "bench/fleet/fleet_internal.h"
#include "bench/fleet/outliers.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_GROUP = 3, MIN_CONTROLS = 5 };

const char *fleet_verdict_name(fleet_verdict v)
{
    static const char *const name[FLEET_NVERDICT] = {
        "OK", "SLOW", "UNSTABLE", "TAIL", "SPLIT", "LOST", "HUNG", "INCORRECT", "CLOCK", "UNLIKE", "TOO FEW"};
    return name[v];
}

/* A point without its parameters: enough to read. */
static const char *brief(const char *point, char buf[IR_NAME * 2])
{
    snprintf(buf, IR_NAME * 2, "%.*s", (int)strcspn(point, ":"), point);
    return buf;
}

/* ---- facts ----------------------------------------------------------------------------------- */
const char *fleet_fact(const ir_fleet_node *d, const char *key)
{
    for (size_t i = 0; i < d->nfact; i++)
        if (!strcmp(d->fact[i].key, key)) return d->fact[i].value;
    return NULL;
}

const char *fleet_fact_differs(const ir_fleet_node *a, const ir_fleet_node *b)
{
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < (side ? b : a)->nfact; i++) {
            const ir_fleet_fact *f = &(side ? b : a)->fact[i];
            const char          *other = fleet_fact(side ? a : b, f->key);
            if (!other || strcmp(f->value, other)) return f->key;
        }
    return NULL;
}

/* ---- nodes that say nothing that could be judged --------------------------------------------- */
__attribute__((format(printf, 3, 4))) static void judge_decide(fleet_finding *f, fleet_verdict v,
                                                               const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    f->verdict = v;
    vsnprintf(f->why, sizeof f->why, fmt, ap);
    va_end(ap);
}

static void absent(const fleet_data *d, const fleet_member *m, fleet_finding *f)
{
    const ir_fleet_node *last = m->have[1] && strcmp(m->look[1].status, "ok") ? &m->look[1] : &m->look[0];
    if (*m->bad)
        judge_decide(f, FLEET_LOST, "%s", m->bad);
    else if (!m->have[0])
        judge_decide(f, FLEET_LOST, "it left no file in look 1");
    else if (strcmp(last->version, d->plan.version)) {
        judge_decide(f, FLEET_UNLIKE, "version %s of the program, the plan's is %s",
                     *last->version ? last->version : "unknown", d->plan.version);
        snprintf(f->word, sizeof f->word, "version");
    } else if (!strcmp(last->status, "damaged"))
        judge_decide(f, FLEET_LOST, "%s", last->why);
    else if (!strcmp(last->status, "hung"))
        judge_decide(f, FLEET_HUNG, "%s: %s", *last->at ? last->at : "?", last->why);
    else if (strcmp(last->status, "ok"))
        judge_decide(f, FLEET_INCORRECT, "%s%s%s", last->at, *last->at ? ": " : "",
                     *last->why ? last->why : last->status);
    else if (m->silent)
        judge_decide(f, FLEET_LOST, "it did not answer in the network phase");
    else if (m->asked2 && !m->have[1])
        judge_decide(f, FLEET_LOST, "it left no file in look 2");
}

/* A key that hardly any other node has: named by the field in which it differs from the largest group. */
static void judge_unlike(fleet_result *r)
{
    const fleet_group *most = NULL;
    for (size_t g = 0; g < r->ngroup; g++)
        if (!most || r->group[g].n > most->n) most = &r->group[g];
    for (size_t g = 0; g < r->ngroup; g++) {
        if (&r->group[g] == most || r->group[g].n >= SMALL_GROUP || most->n < SMALL_GROUP) continue;
        const ir_fleet_node *peer = &r->data->v[r->member[most->first]].look[0];
        for (size_t i = 0; i < r->group[g].n; i++) {
            size_t               at = r->member[r->group[g].first + i];
            const ir_fleet_node *own = &r->data->v[at].look[0];
            const char *field = fleet_fact_differs(own, peer), *a = field ? fleet_fact(own, field) : NULL,
                       *b = field ? fleet_fact(peer, field) : NULL;
            if (r->node[at].verdict != FLEET_OK) continue;
            judge_decide(&r->node[at], FLEET_UNLIKE, "%s: '%.80s', most nodes have '%.80s'",
                         field ? field : "key", a ? a : "unknown", b ? b : "unknown");
            snprintf(r->node[at].word, sizeof r->node[at].word, "%.23s", field ? field : "key");
        }
    }
}

/* ---- one series of one group ----------------------------------------------------------------- */
typedef struct {
    fleet_result      *r;
    const fleet_group *g;
    size_t             gi;
    double            *v, *w;
} ground; /* v, w: room for a value a node */

/* The field of the environment that separates two modes: on each side it has values that the other side
 * hardly has. */
static void name_split(const ground *o, size_t s)
{
    fleet_result          *r = o->r;
    const ir_fleet_series *f = &r->series[s].group[o->gi];
    const ir_fleet_node   *first = &r->data->v[r->member[o->g->first]].look[0];
    double                 middle = 0.5 * (f->mode_lo + f->mode_hi), best = 0.95;
    for (size_t k = 0; k < first->nfact; k++) {
        enum { VALUES = 8 };
        const char *value[VALUES];
        size_t      side[VALUES][2] = {{0, 0}}, n = 0, all = 0, pure = 0;
        bool        few = true;
        for (size_t i = 0; i < o->g->n && few; i++) {
            size_t      at = r->member[o->g->first + i], j = 0;
            const char *has = fleet_fact(&r->data->v[at].look[0], first->fact[k].key);
            double      y = fleet_y(r, 0, at, s);
            if (!isfinite(y)) continue;
            while (j < n && strcmp(value[j], has ? has : "")) j++;
            few = j < VALUES;
            if (few && j == n) value[n++] = has ? has : "";
            if (few) side[j][y > middle]++, all++;
        }
        for (size_t j = 0; j < n; j++) pure += side[j][0] > side[j][1] ? side[j][0] : side[j][1];
        double share = few && n > 1 && all ? (double)pure / (double)all : 0;
        if (share > best)
            best = share,
            snprintf(r->series[s].split_by, sizeof r->series[s].split_by, "%s", first->fact[k].key);
    }
}

static void judge_describe(const ground *o, size_t s)
{
    fleet_result *r = o->r;
    for (size_t i = 0; i < o->g->n; i++) {
        size_t at = r->member[o->g->first + i];
        o->v[i] = fleet_y(r, 0, at, s);
        o->w[i] = fleet_own(r, 0, at, s);
    }
    r->series[s].own[o->gi] = ir_median(o->w, o->g->n);
    ir_fleet_describe(o->v, o->g->n, r->series[s].own[o->gi], r->nseries, &r->rule,
                      &r->series[s].group[o->gi]);
    if (r->series[s].group[o->gi].split) name_split(o, s);
}

/* Without peers only a baseline says what is usual. */
static void adopt(fleet_result *r, const ir_fleet_reference *base)
{
    for (size_t s = 0; base && s < r->nseries; s++)
        for (size_t k = 0; k < base->n; k++) {
            const ir_fleet_ref *b = &base->v[k];
            if (strcmp(b->point, r->series[s].point) || !(b->time_s > 0)) continue;
            for (size_t g = 0; g < r->ngroup; g++) {
                ir_fleet_series *f = &r->series[s].group[g];
                if (g == 0) r->series[s].base = f->centre + log(b->time_s);
                if (r->group[g].n >= SMALL_GROUP || strcmp(base->key, r->group[g].key)) continue;
                f->centre = -log(b->time_s);
                f->spread = b->spread;
                f->nu = b->nu;
            }
        }
}

static bool has_peers(const fleet_result *r, size_t g, const ir_fleet_reference *base)
{
    return r->group[g].n >= SMALL_GROUP || (base && !strcmp(base->key, r->group[g].key));
}

static void look_one(const ground *o)
{
    fleet_result *r = o->r;
    for (size_t i = 0; i < o->g->n; i++) {
        size_t         at = r->member[o->g->first + i];
        fleet_finding *f = &r->node[at];
        double         sum = 0, n = 0;
        for (size_t s = 0; s < r->nseries; s++) {
            const ir_fleet_series *d = &r->series[s].group[o->gi];
            double                 e = fleet_y(r, 0, at, s) - d->centre;
            if (!isfinite(e)) continue;
            if (fleet_is_point(&r->series[s])) sum += e, n++;
            if (d->split || !ir_fleet_suspect(d, e + d->centre, fleet_own(r, 0, at, s), &r->rule)) continue;
            if (!f->suspect || e < f->e) f->e = e, f->series = (int)s;
            f->suspect = true;
        }
        f->mean_e = n > 0 ? sum / n : 0;
    }
}

/* ---- look 2 ---------------------------------------------------------------------------------- */
static double drift_of(const ground *o, size_t s)
{
    fleet_result *r = o->r;
    size_t        n = 0;
    for (size_t i = 0; i < o->g->n; i++) {
        size_t at = r->member[o->g->first + i];
        double moved = fleet_y(r, 1, at, s) - fleet_y(r, 0, at, s);
        if (!r->node[at].suspect && isfinite(moved)) o->v[n++] = moved;
    }
    return ir_median(o->v, n);
}

static void name_term(const ground *o, size_t at, const double *drift)
{
    fleet_result *r = o->r;
    double        ratio[IR_FLEET_POINTS], share[IR_FLEET_POINTS][3], noise = 0;
    size_t        n = 0;
    for (size_t s = 0; s < r->nseries && n < IR_FLEET_POINTS; s++) {
        const ir_fleet_series *d = &r->series[s].group[o->gi];
        const double          *t = r->series[s].term_s[o->gi];
        double                 y2 = fleet_y(r, 1, at, s) - (isfinite(drift[s]) ? drift[s] : 0),
               y = isfinite(y2) ? y2 : fleet_y(r, 0, at, s);
        double law = t[0] + t[1] + t[2], T = exp(-d->centre);
        if (!fleet_is_point(&r->series[s]) || !isfinite(y) || d->split || !(law > 0.5 * T && law < 2 * T))
            continue; /* the law does not hold there */
        ratio[n] = exp(d->centre - y);
        for (int k = 0; k < 3; k++) share[n][k] = t[k] / law;
        n++;
        noise = fmax(noise, fmax(d->spread, fleet_own(r, isfinite(y2), at, s)));
    }
    fleet_finding *f = &r->node[at];
    ir_fleet_which_term(ratio, share, n, fmax(noise, 1e-4), &f->term);
    snprintf(f->word, sizeof f->word, "%s", ir_term_name(f->term.term));
    f->lo = 1 - 1 / (1 + f->term.lo);
    f->hi = 1 - 1 / (1 + f->term.hi);
}

/* As fast as its peers, but its slow samples are slower than theirs: something else runs there at times. */
static void name_tail(const ground *o, size_t at)
{
    fleet_result       *r = o->r;
    fleet_finding      *f = &r->node[at];
    const fleet_series *s = &r->series[f->series];
    double              usual = exp(-s->group[o->gi].centre), here = usual * exp(-f->e);
    snprintf(f->word, sizeof f->word, FLEET_TAIL_OF);
    judge_decide(f, FLEET_TAIL,
                 "one call in ten takes %.2f times its median and more, %.2f times on %zu peers", here, usual,
                 s->group[o->gi].n - 1);
}

/* A slow network has its own series; a fault of the processor shows in its points. */
static void name_slow(const ground *o, size_t at, const double *drift)
{
    fleet_result       *r = o->r;
    fleet_finding      *f = &r->node[at];
    const fleet_series *s = &r->series[f->series];
    if (!s->network) name_term(o, at, drift);
    if (s->network || f->term.term < 0) {
        double half = 1.96 * fmax(s->group[o->gi].spread, fleet_own(r, 1, at, (size_t)f->series));
        if (s->network)
            snprintf(f->word, sizeof f->word, "%s", strcmp(s->point, FLEET_NET_LAT) ? "BW_net" : "L_net");
        f->lo = -expm1(f->e + half);
        f->hi = -expm1(f->e - half);
    }
    char name[2 * IR_NAME];
    judge_decide(f, FLEET_SLOW, "%s is %.1f %% slower than %zu peers", brief(s->point, name),
                 -100 * expm1(f->e), s->group[o->gi].n - 1);
}

static void look_two(const ground *o)
{
    fleet_result *r = o->r;
    double        drift[IR_FLEET_POINTS + 3];
    for (size_t s = 0; s < r->nseries; s++) drift[s] = drift_of(o, s);
    for (size_t i = 0; i < o->g->n; i++) {
        size_t         at = r->member[o->g->first + i];
        fleet_finding *f = &r->node[at];
        double         worst = 0, e = NAN;
        char           name[2 * IR_NAME];
        int            slow = -1, tail = -1;
        double         tail_e = 0;
        bool           seen = false;
        if (!f->suspect || f->verdict != FLEET_OK) continue;
        for (size_t s = 0; s < r->nseries; s++) {
            const ir_fleet_series *d = &r->series[s].group[o->gi];
            double                 y1 = fleet_y(r, 0, at, s), y2 = fleet_y(r, 1, at, s);
            if (d->split || !isfinite(y2) || !ir_fleet_suspect(d, y1, fleet_own(r, 0, at, s), &r->rule))
                continue;
            ir_fleet_look look =
                ir_fleet_confirm(d, y2, fleet_own(r, 1, at, s), drift[s], r->nseries, &r->rule, &e);
            if (!seen || (int)s == f->series) f->e = e;
            seen = true;
            f->open = f->open || look == IR_FLEET_OPEN;
            if (look != IR_FLEET_SLOW) continue;
            if (r->series[s].tail)
                tail = (int)s, tail_e = e;
            else if (slow < 0 || e < worst)
                worst = e, slow = (int)s;
        }
        if (slow >= 0) {
            f->e = worst;
            f->series = slow;
            f->open = false;
            name_slow(o, at, drift);
        } else if (tail >= 0) {
            f->e = tail_e;
            f->series = tail;
            f->open = false;
            name_tail(o, at);
        } else if (!seen) {
            f->open = true;
            judge_decide(f, FLEET_UNSTABLE, "%.1f %% slower in %s, and not looked at again",
                         -100 * expm1(f->e), brief(r->series[f->series].point, name));
        } else {
            judge_decide(f, FLEET_UNSTABLE, "slower in %s at first, %s in look 2 (%+.1f %%)",
                         brief(r->series[f->series].point, name), f->open ? "not surely so" : "no longer",
                         100 * expm1(f->e));
        }
    }
}

/* Two nodes without a baseline: they may differ, and nobody can say which is at fault. */
static void too_few(const ground *o)
{
    fleet_result *r = o->r;
    char          text[200] = "it has no peer", name[2 * IR_NAME];
    size_t        a = r->member[o->g->first], b = r->member[o->g->first + o->g->n - 1];
    double        most = 0;
    for (size_t s = 0; o->g->n == 2 && s < r->nseries; s++) {
        double d = fabs(fleet_y(r, 0, a, s) - fleet_y(r, 0, b, s));
        if (d > most)
            most = d,
            snprintf(text, sizeof text, "the two differ by %.1f %% in %s; which is at fault cannot be said",
                     100 * expm1(d), brief(r->series[s].point, name));
    }
    if (o->g->n == 2 && most < -log1p(-r->rule.delta))
        snprintf(text, sizeof text, "the two differ by %.1f %% at most", 100 * expm1(most));
    for (size_t i = 0; i < o->g->n; i++) {
        fleet_finding *f = &r->node[r->member[o->g->first + i]];
        if (f->verdict == FLEET_OK) judge_decide(f, FLEET_TOO_FEW, "%s", text);
    }
}

/* Nodes of a series in two modes are not judged in it: neither mode is known to be the healthy one. */
static void judge_split(const ground *o, size_t s)
{
    fleet_result          *r = o->r;
    const ir_fleet_series *d = &r->series[s].group[o->gi];
    char                   name[2 * IR_NAME];
    for (size_t i = 0; d->split && i < o->g->n; i++) {
        size_t         at = r->member[o->g->first + i];
        fleet_finding *f = &r->node[at];
        if (f->verdict != FLEET_OK || fleet_y(r, 0, at, s) > 0.5 * (d->mode_lo + d->mode_hi)) continue;
        judge_decide(f, FLEET_SPLIT, "in the slower of two modes of %s, %.1f %% apart%s%.60s",
                     brief(r->series[s].point, name), -100 * expm1(d->mode_lo - d->mode_hi),
                     *r->series[s].split_by ? "; they differ in " : "", r->series[s].split_by);
        snprintf(f->word, sizeof f->word, "%.23s", r->series[s].split_by);
        f->series = (int)s;
        f->e = fleet_y(r, 0, at, s) - d->mode_hi;
    }
}

static ir_status judge_group(fleet_result *r, size_t gi, const ir_fleet_reference *base, int pass)
{
    ground o = {.r = r, .g = &r->group[gi], .gi = gi};
    o.v = malloc((2 * o.g->n + 1) * sizeof *o.v);
    if (!o.v) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", o.g->n);
    o.w = o.v + o.g->n;
    if (pass == 0)
        for (size_t s = 0; s < r->nseries; s++) judge_describe(&o, s);
    else if (!has_peers(r, gi, base))
        too_few(&o);
    else {
        look_one(&o);
        look_two(&o);
        for (size_t s = 0; s < r->nseries; s++) judge_split(&o, s);
    }
    free(o.v);
    return IR_OK;
}

ir_status fleet_judge(const fleet_data *d, const ir_fleet_reference *base, fleet_result *r)
{
    *r = (fleet_result){
        .rule = {d->plan.delta, d->plan.alpha, d->plan.tau0}, .BW_net = NAN, .L_net = NAN, .contention = NAN};
    unsigned  missing = ir_left_out_count();
    ir_status st = fleet_collect(d, r);
    for (size_t i = 0; st == IR_OK && i < d->n; i++) {
        r->node[i].series = -1;
        r->node[i].term.term = -1;
        absent(d, &d->v[i], &r->node[i]);
    }
    if (st == IR_OK) judge_unlike(r);
    if (st == IR_OK) fleet_judge_clocks(r);
    for (size_t g = 0; g < r->ngroup && st == IR_OK; g++) st = judge_group(r, g, base, 0);
    if (st == IR_OK) adopt(r, base);
    for (size_t g = 0; g < r->ngroup && st == IR_OK; g++) st = judge_group(r, g, base, 1);
    if (st == IR_OK) st = fleet_judge_links(r);
    if (st == IR_OK) fleet_conclude(r);
    if (st == IR_OK) st = fleet_outliers_find(r);
    if (st == IR_OK) st = fleet_cost(r);
    if (st == IR_OK && ir_left_out_count() != missing)
        st = ir_fail(IR_ENOMEM, "no memory to judge %zu nodes", d->n);
    if (st != IR_OK) fleet_result_free(r);
    return st;
}

/* ---- who is looked at again ------------------------------------------------------------------ */
static int judge_by_text(const void *a, const void *b) { return strcmp(a, b); }

ir_status fleet_choose(const fleet_result *r, char (**out)[IR_FLEET_NAME], size_t *n)
{
    size_t  nodes = r->data->n, nsuspect = 0, nfree = 0;
    size_t *left = malloc((nodes + 1) * sizeof *left);
    *n = 0;
    *out = calloc(nodes + 1, sizeof **out);
    if (!left || !*out) return free(left), ir_fail(IR_ENOMEM, "no memory for %zu nodes", nodes);
    ir_rng   rng;
    uint64_t seed = 0;
    for (const char *c = r->data->plan.run; *c; c++) seed = seed * 131 + (unsigned char)*c;
    ir_rng_seed(&rng, seed);
    for (size_t i = 0; i < nodes; i++) {
        const fleet_finding *f = &r->node[i];
        if (f->suspect)
            snprintf((*out)[(*n)++], IR_FLEET_NAME, "%s", r->data->v[i].name);
        else if (f->verdict == FLEET_OK && f->group >= 0)
            left[nfree++] = i;
    }
    nsuspect = *n;
    size_t want = nsuspect == 0 ? 0 : nsuspect > MIN_CONTROLS ? nsuspect : MIN_CONTROLS;
    for (; want > 0 && nfree > 0; want--) {
        size_t k = ir_rng_below(&rng, nfree);
        snprintf((*out)[(*n)++], IR_FLEET_NAME, "%s", r->data->v[left[k]].name);
        left[k] = left[--nfree];
    }
    free(left);
    qsort(*out, *n, sizeof **out, judge_by_text);
    return IR_OK;
}

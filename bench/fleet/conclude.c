/* conclude.c -- clocks and links from exchanges between nodes, then counts, the sentence and the exit code.
 */
#define _GNU_SOURCE
#include "bench/fleet/fleet_internal.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const double CLOCK_TOLERANCE = 0.002; /* both ends time one exchange of a second and more */

/* ---- clocks ---------------------------------------------------------------------------------- */
/* Of the middle two the one nearer to 0: with two partners a lie must show to both. */
static double careful_median(double *v, size_t n)
{
    if (n == 0) return NAN;
    ir_sort(v, n);
    double a = v[(n - 1) / 2], b = v[n / 2];
    return fabs(a) < fabs(b) ? a : b;
}

void fleet_judge_clocks(fleet_result *r)
{
    const fleet_data *d = r->data;
    double           *v = malloc((d->pairs.n + 1) * sizeof *v);
    if (!v) ir_left_out("the nodes' clocks");
    for (size_t i = 0; v && d->pairs.n && i < d->n; i++) {
        size_t n = 0;
        for (size_t k = 0; k < d->pairs.n; k++) {
            const ir_fleet_pair *p = &d->pairs.v[k];
            if (strcmp(p->what, "clock")) continue;
            if (!strcmp(p->a, d->v[i].name)) v[n++] = -log(p->value);
            if (!strcmp(p->b, d->v[i].name)) v[n++] = log(p->value);
        }
        double off = careful_median(v, n);
        if (n < 2 || !(fabs(off) > CLOCK_TOLERANCE) || r->node[i].verdict != FLEET_OK) continue;
        r->node[i].verdict = FLEET_CLOCK;
        snprintf(r->node[i].word, sizeof r->node[i].word, "clock");
        snprintf(
            r->node[i].why, sizeof r->node[i].why,
            "its clock runs %+.2f %% against %zu partners' in the same exchanges; its rates are withheld",
            100 * expm1(off), n);
        for (int look = 0; look < 2; look++)
            for (size_t s = 0; s < r->nseries; s++) r->y[look][i * r->nseries + s] = NAN;
    }
    free(v);
}

/* ---- links ----------------------------------------------------------------------------------- */
static double retest(const fleet_data *d, const ir_fleet_pair *p)
{
    for (size_t k = 0; k < d->pairs.n; k++) {
        const ir_fleet_pair *q = &d->pairs.v[k];
        if (q->look == 2 && !strcmp(q->what, "bw") && !strcmp(q->a, p->a) && !strcmp(q->b, p->b))
            return log(q->value);
    }
    return NAN;
}

/* What a pair gets over the lesser of what its two nodes usually get; NAN: none of that, or a node that is
 * not OK. */
static double pair_effect(const fleet_result *r, const ir_fleet_pair *p, size_t s)
{
    const fleet_data   *d = r->data;
    const fleet_member *end[2] = {fleet_find(d, p->a), fleet_find(d, p->b)};
    double              usual = INFINITY;
    for (int k = 0; k < 2; k++) {
        size_t at = end[k] ? (size_t)(end[k] - d->v) : 0;
        if (!end[k] || r->node[at].group < 0 || r->node[at].verdict != FLEET_OK) return NAN;
        usual = fmin(usual, fleet_y(r, 0, at, s));
    }
    return log(p->value) - usual;
}

static ir_status keep_link(fleet_result *r, const ir_fleet_pair *p, double e, bool confirmed)
{
    fleet_link *v = realloc(r->link, (r->nlink + 1) * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for links");
    r->link = v;
    v += r->nlink++;
    *v = (fleet_link){.e = e, .confirmed = confirmed};
    snprintf(v->a, sizeof v->a, "%s", p->a);
    snprintf(v->b, sizeof v->b, "%s", p->b);
    return IR_OK;
}

/* A pair far below what both of its nodes get from their other partners, held against how far pairs lie from
 * that. What a second measurement clears is forgotten. */
ir_status fleet_judge_links(fleet_result *r)
{
    const fleet_data *d = r->data;
    if (!d->pairs.n || r->nseries < 2) return IR_OK;
    ir_fleet_series all;
    double         *e = malloc((d->pairs.n + 1) * sizeof *e);
    size_t          s = r->nseries - 2;
    if (!e) return ir_fail(IR_ENOMEM, "no memory for %zu exchanges", d->pairs.n);
    for (size_t k = 0; k < d->pairs.n; k++) {
        const ir_fleet_pair *p = &d->pairs.v[k];
        e[k] = strcmp(p->what, "bw") || p->look != 1 ? NAN : pair_effect(r, p, s);
    }
    ir_fleet_describe(e, d->pairs.n, 0, 1, &r->rule, &all);
    ir_status st = IR_OK;
    for (size_t k = 0; k < d->pairs.n && st == IR_OK; k++) {
        const ir_fleet_pair *p = &d->pairs.v[k];
        if (!isfinite(e[k]) || !ir_fleet_suspect(&all, e[k], 0, &r->rule)) continue;
        double        again = retest(d, p) - log(p->value) + e[k], e2;
        ir_fleet_look look =
            isfinite(again) ? ir_fleet_confirm(&all, again, 0, 0, 1, &r->rule, &e2) : IR_FLEET_OPEN;
        if (look != IR_FLEET_CLEARED)
            st = keep_link(r, p, isfinite(again) ? again : e[k], look == IR_FLEET_SLOW);
    }
    free(e);
    return st;
}

/* ---- the sentence ---------------------------------------------------------------------------- */
static size_t worst_of(const fleet_result *r, fleet_verdict v)
{
    size_t at = r->data->n;
    for (size_t i = 0; i < r->data->n; i++)
        if (r->node[i].verdict == v && (at == r->data->n || r->node[i].e < r->node[at].e)) at = i;
    return at;
}

__attribute__((format(printf, 2, 3))) static void conclude_add(fleet_result *r, const char *fmt, ...)
{
    size_t  n = strlen(r->sentence), room = sizeof r->sentence - n;
    va_list ap;
    if (n && room > 3) n += (size_t)snprintf(r->sentence + n, room, "; "), room = sizeof r->sentence - n;
    va_start(ap, fmt);
    vsnprintf(r->sentence + n, room, fmt, ap);
    va_end(ap);
}

static void say_slow(fleet_result *r)
{
    size_t at = worst_of(r, FLEET_SLOW), rest = r->count[FLEET_SLOW] - 1;
    if (at == r->data->n) return;
    const fleet_finding *f = &r->node[at];
    size_t               peers = r->series[f->series].group[f->group].n - 1;
    conclude_add(r, "%s: %s %.0f %% [%.0f, %.0f] below %zu peers", r->data->v[at].name, f->word,
                 50 * (f->lo + f->hi), 100 * f->lo, 100 * f->hi, peers);
    if (rest) conclude_add(r, "%zu more slow", rest);
}

static void say_others(fleet_result *r)
{
    static const struct {
        fleet_verdict v;
        const char   *text;
    } part[] = {{FLEET_LOST, "lost"},
                {FLEET_HUNG, "hung"},
                {FLEET_INCORRECT, "incorrect"},
                {FLEET_CLOCK, "with a lying clock"},
                {FLEET_UNLIKE, "unlike the rest"},
                {FLEET_TAIL, "with slow samples slower than its peers'"},
                {FLEET_UNSTABLE, "unstable"},
                {FLEET_SPLIT, "in the slower of two modes"},
                {FLEET_TOO_FEW, "without enough peers"}};
    for (size_t k = 0; k < sizeof part / sizeof *part; k++) {
        size_t at = worst_of(r, part[k].v), n = r->count[part[k].v];
        if (n == 1)
            conclude_add(r, "%s %s", r->data->v[at].name, part[k].text);
        else if (n)
            conclude_add(r, "%zu %s (%s ...)", n, part[k].text, r->data->v[at].name);
    }
    for (size_t k = 0; k < r->nlink; k++)
        if (r->link[k].confirmed)
            conclude_add(r, "link %s-%s %.0f %% slow", r->link[k].a, r->link[k].b,
                         -100 * expm1(r->link[k].e));
}

static void say_baseline(fleet_result *r)
{
    for (size_t s = 0; s < r->nseries; s++)
        if (r->series[s].network && isfinite(r->series[s].base))
            conclude_add(r, "%s %.2f of baseline", r->series[s].point, exp(r->series[s].base));
}

static int exit_of(const fleet_result *r)
{
    const size_t *n = r->count;
    size_t        open = 0, links = 0;
    for (size_t i = 0; i < r->data->n; i++) open += r->node[i].open;
    for (size_t k = 0; k < r->nlink; k++) links += r->link[k].confirmed;
    if (n[FLEET_LOST] || n[FLEET_HUNG] || n[FLEET_INCORRECT] || n[FLEET_CLOCK]) return 2;
    if (n[FLEET_SLOW] || n[FLEET_TAIL] || links) return 1;
    if (n[FLEET_UNLIKE]) return 4;
    return open || n[FLEET_SPLIT] || n[FLEET_TOO_FEW] || r->nlink ? 3 : 0;
}

void fleet_conclude(fleet_result *r)
{
    for (size_t i = 0; i < r->data->n; i++) r->count[r->node[i].verdict]++;
    say_slow(r);
    say_others(r);
    if (!*r->sentence) conclude_add(r, "%zu nodes, none slow", r->data->n);
    say_baseline(r);
    r->exit = exit_of(r);
}

/* collect.c -- digests and exchanges as matrices: one row a node, one column a series, medians over rounds or
 * partners. */
#include "bench/fleet/fleet_internal.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- series: every point that any node measured, by name, then the tail and the network's ------ */
static int collect_by_text(const void *a, const void *b) { return strcmp(a, b); }

static bool has_tail(const fleet_data *d)
{
    for (size_t i = 0; i < d->n; i++)
        for (int k = 0; k < d->v[i].look[0].ntail; k++)
            if (d->v[i].look[0].tail[k] > 0) return true;
    return false;
}

static ir_status name_series(const fleet_data *d, fleet_result *r)
{
    char(*name)[IR_ID] = NULL;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < d->n; i++)
        for (size_t k = 0; k < d->v[i].look[0].npoint; k++) {
            const char *point = d->v[i].look[0].point[k].point;
            if (n && bsearch(point, name, n, sizeof *name, collect_by_text)) continue;
            if (n == IR_FLEET_POINTS)
                return free(name), ir_fail(IR_EINVAL, "node %s: more than %d different points", d->v[i].name,
                                           IR_FLEET_POINTS);
            if (n == cap) {
                void *v = realloc(name, (cap = cap ? 2 * cap : 16) * sizeof *name);
                if (!v) return free(name), ir_fail(IR_ENOMEM, "no memory for %zu points", cap);
                name = v;
            }
            snprintf(name[n++], IR_ID, "%s", point);
            qsort(name, n, sizeof *name, collect_by_text);
        }
    r->series = calloc(n + 3, sizeof *r->series);
    for (size_t i = 0; r->series && i < n; i++) snprintf(r->series[i].point, IR_ID, "%s", name[i]);
    free(name);
    if (!r->series) return ir_fail(IR_ENOMEM, "no memory for %zu series", n);
    r->nseries = n;
    if (has_tail(d)) {
        snprintf(r->series[n].point, IR_ID, "%s", FLEET_TAIL_OF);
        r->series[r->nseries++].tail = true;
    }
    for (size_t i = 0; d->pairs.n && i < 2; i++) {
        fleet_series *s = &r->series[r->nseries++];
        snprintf(s->point, sizeof s->point, "%s", i ? FLEET_NET_LAT : FLEET_NET_BW);
        s->network = true;
    }
    for (size_t i = 0; i < r->nseries; i++) r->series[i].base = NAN;
    return IR_OK;
}

static size_t series_of(const fleet_result *r, const char *point)
{
    for (size_t s = 0; s < r->nseries; s++)
        if (!strcmp(r->series[s].point, point)) return s;
    return r->nseries;
}

/* ---- groups: nodes of one comparability key -------------------------------------------------- */
typedef struct {
    const char *key;
    size_t      node;
} keyed;
static int collect_by_key(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    int          c = strcmp(x->key, y->key);
    return c ? c : x->node < y->node ? -1 : x->node > y->node;
}

static bool collect_usable(const fleet_member *m) { return m->have[0] && !strcmp(m->look[0].status, "ok"); }

static ir_status group_nodes(const fleet_data *d, fleet_result *r)
{
    keyed *v = malloc((d->n + 1) * sizeof *v);
    size_t n = 0;
    r->group = calloc(d->n + 1, sizeof *r->group);
    if (!v || !r->group) return free(v), ir_fail(IR_ENOMEM, "no memory for %zu nodes", d->n);
    for (size_t i = 0; i < d->n; i++) {
        r->node[i].group = -1;
        if (collect_usable(&d->v[i])) v[n++] = (keyed){d->v[i].look[0].key, i};
    }
    qsort(v, n, sizeof *v, collect_by_key);
    for (size_t i = 0; i < n; i++) {
        r->member[i] = v[i].node;
        if (i == 0 || strcmp(v[i].key, v[i - 1].key)) {
            fleet_group *g = &r->group[r->ngroup++];
            g->first = i;
            snprintf(g->key, sizeof g->key, "%s", v[i].key);
        }
        r->group[r->ngroup - 1].n++;
        r->node[v[i].node].group = (int)r->ngroup - 1;
    }
    free(v);
    return IR_OK;
}

/* ---- points into the matrix ------------------------------------------------------------------ */
/* Look 1: the median round. Look 2: the upper quartile, the same for suspects and controls: what is slow is
 * so in nearly all of its rounds, and three disturbed ones of five must not convict. */
static double middle_of(const double *row, size_t n, int look)
{
    double s[IR_FLEET_ROUNDS];
    if (look == 0) return ir_median(row, n);
    memcpy(s, row, n * sizeof *s);
    ir_sort(s, n);
    return ir_quantile_sorted(s, n, 0.75);
}

static void fill_tail(fleet_result *r, const ir_fleet_node *d, int look, size_t node)
{
    double y[IR_FLEET_ROUNDS];
    size_t s = series_of(r, FLEET_TAIL_OF), n = 0;
    if (s == r->nseries || !r->series[s].tail) return;
    for (int i = 0; i < d->ntail; i++)
        if (d->tail[i] > 0) y[n++] = -log(d->tail[i]);
    r->y[look][node * r->nseries + s] = middle_of(y, n, look);
    r->own[look][fleet_own_row(r, s) + node] = ir_fleet_own_noise(y, 1, n);
}

static void fill_node(fleet_result *r, const ir_fleet_node *d, int look, size_t node)
{
    enum { R = IR_FLEET_ROUNDS };
    double y[IR_FLEET_POINTS * R];
    size_t rows = 0;
    for (size_t k = 0; k < d->npoint && rows < IR_FLEET_POINTS; k++) {
        size_t s = series_of(r, d->point[k].point);
        if (s == r->nseries) continue;
        double *row = y + rows++ * R;
        for (int i = 0; i < R; i++) row[i] = i < d->point[k].n ? -log(d->point[k].time_s[i]) : NAN;
        r->y[look][node * r->nseries + s] = middle_of(row, (size_t)d->point[k].n, look);
    }
    size_t rounds = 0;
    for (size_t k = 0; k < d->npoint; k++)
        rounds = d->point[k].n > (int)rounds ? (size_t)d->point[k].n : rounds;
    for (size_t k = 0; k < rows && rounds < R; k++) memmove(y + k * rounds, y + k * R, rounds * sizeof *y);
    r->own[look][node] = ir_fleet_own_noise(y, rows, rounds);
    fill_tail(r, d, look, node);
}

/* Appends the distances of a node's rounds from their median to v[*n]. */
static void scatter(const double *time_s, size_t k, double *v, size_t *n, size_t *rounds)
{
    double centre = ir_median(time_s, k);
    for (size_t t = 0; t < k && centre > 0; t++)
        if (time_s[t] > 0) v[(*n)++] = fabs(log(time_s[t] / centre));
    if (centre > 0 && k > *rounds) *rounds = k;
}

/* Mean of the smaller nine tenths of the rounds' distances from their node's median: a few disturbed rounds
 * do not count, rounds that fall into two modes do. */
static ir_status fill_noise(fleet_result *r, size_t g, size_t s)
{
    size_t  n = 0, rounds = 0;
    double *v = malloc((r->group[g].n * IR_FLEET_ROUNDS + 1) * sizeof *v), sum = 0;
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", r->group[g].n);
    for (size_t i = 0; i < r->group[g].n; i++) {
        const ir_fleet_node *d = &r->data->v[r->member[r->group[g].first + i]].look[0];
        if (r->series[s].tail) scatter(d->tail, (size_t)d->ntail, v, &n, &rounds);
        for (size_t k = 0; k < d->npoint; k++)
            if (!strcmp(d->point[k].point, r->series[s].point))
                scatter(d->point[k].time_s, (size_t)d->point[k].n, v, &n, &rounds);
    }
    ir_sort(v, n);
    n = (size_t)(0.9 * (double)n);
    for (size_t i = 0; i < n; i++) sum += v[i];
    free(v);
    /* 1.2533: a normal distribution's sd over its mean distance; 1.213: that over the trimmed one; 1.25: a
     * median's standard error over a mean's. */
    double R = (double)rounds;
    if (rounds > 1 && n)
        r->series[s].noise[g] = 1.2533 * 1.213 * R / (R - 1) * (sum / (double)n) * 1.25 / sqrt(R);
    return IR_OK;
}

static ir_status fill_terms(fleet_result *r, size_t g, size_t s)
{
    const fleet_group *group = &r->group[g];
    double            *v = malloc((group->n + 1) * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", group->n);
    for (int t = 0; t < 3; t++) {
        size_t n = 0;
        for (size_t i = 0; i < group->n; i++) {
            const ir_fleet_node *d = &r->data->v[r->member[group->first + i]].look[0];
            for (size_t k = 0; k < d->npoint; k++)
                if (!strcmp(d->point[k].point, r->series[s].point)) v[n++] = d->point[k].term_s[t];
        }
        r->series[s].term_s[g][t] = ir_median(v, n);
    }
    free(v);
    return IR_OK;
}

/* ---- exchanges: a node is the median over its partners --------------------------------------- */
typedef struct {
    size_t node;
    double y;
} exchange;
static int by_node(const void *a, const void *b)
{
    const exchange *x = a, *y = b;
    return x->node != y->node ? (x->node < y->node ? -1 : 1) : (x->y > y->y) - (x->y < y->y);
}

static void fill_from(fleet_result *r, exchange *v, size_t n, int look, size_t s)
{
    qsort(v, n, sizeof *v, by_node);
    double *own = r->own[look] + fleet_own_row(r, s);
    for (size_t i = 0, j; i < n; i = j) {
        double *y = malloc((n + 1) * sizeof *y);
        size_t  m = 0;
        for (j = i; j < n && v[j].node == v[i].node; j++)
            if (y) y[m++] = v[j].y;
        if (!y) {
            ir_left_out("a node's network");
        } else {
            r->y[look][v[i].node * r->nseries + s] = ir_median(y, m);
            own[v[i].node] = ir_fleet_own_noise(y, 1, m);
        }
        free(y);
    }
}

static ir_status fill_network(fleet_result *r, const char *what, const char *series)
{
    const fleet_data *d = r->data;
    size_t            s = series_of(r, series);
    exchange         *v = malloc((2 * d->pairs.n + 1) * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu exchanges", d->pairs.n);
    for (int look = 0; look < 2; look++) {
        size_t n = 0;
        for (size_t i = 0; i < d->pairs.n; i++) {
            const ir_fleet_pair *p = &d->pairs.v[i];
            const fleet_member  *end[2] = {fleet_find(d, p->a), fleet_find(d, p->b)};
            if (strcmp(p->what, what) || p->look != look + 1 || !end[0] || !end[1]) continue;
            double y = strcmp(what, "bw") ? -log(p->value) : log(p->value);
            for (int k = 0; k < 2; k++) v[n++] = (exchange){(size_t)(end[k] - d->v), y};
        }
        fill_from(r, v, n, look, s);
    }
    free(v);
    return IR_OK;
}

static double over_pairs(const fleet_data *d, const char *what, double *v)
{
    size_t n = 0;
    for (size_t i = 0; i < d->pairs.n; i++)
        if (!strcmp(d->pairs.v[i].what, what) && d->pairs.v[i].look == 1) v[n++] = d->pairs.v[i].value;
    return ir_median(v, n);
}

/* The law's network term over all sums that were measured. */
static void fit_sums(const fleet_data *d, fleet_result *r)
{
    ir_network_row *row = malloc((d->pairs.n + 1) * sizeof *row);
    size_t          n = 0;
    if (!row) ir_left_out("the law of the network");
    for (size_t i = 0; row && i < d->pairs.n; i++) {
        const ir_fleet_pair *p = &d->pairs.v[i];
        if (!strcmp(p->what, "allreduce")) row[n++] = (ir_network_row){p->size_B, p->nodes, p->value};
    }
    r->law = (ir_network){NAN, NAN};
    r->law_err = NAN;
    if (n) ir_network_fit(row, n, &r->law, &r->law_err); /* too few: unknown */
    free(row);
}

static ir_status collect_network(const fleet_data *d, fleet_result *r)
{
    double *v = malloc((d->pairs.n + 1) * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu exchanges", d->pairs.n);
    r->BW_net = over_pairs(d, "bw", v);
    r->L_net = over_pairs(d, "latency", v);
    r->contention = over_pairs(d, "all", v) / r->BW_net;
    free(v);
    fit_sums(d, r);
    if (!d->pairs.n) return IR_OK;
    ir_status st = fill_network(r, "bw", FLEET_NET_BW);
    return st == IR_OK ? fill_network(r, "latency", FLEET_NET_LAT) : st;
}

static bool allocate(const fleet_data *d, fleet_result *r)
{
    size_t cells = d->n * r->nseries + 1;
    bool   ok = true;
    for (int k = 0; k < 2; k++) {
        r->y[k] = malloc(cells * sizeof(double));
        r->own[k] = calloc(4 * d->n + 1, sizeof(double));
        ok = ok && r->y[k] && r->own[k];
        for (size_t i = 0; r->y[k] && i < cells; i++) r->y[k][i] = NAN;
    }
    for (size_t s = 0; s < r->nseries; s++) {
        r->series[s].group = calloc(r->ngroup + 1, sizeof *r->series[s].group);
        r->series[s].own = calloc(r->ngroup + 1, sizeof(double));
        r->series[s].noise = calloc(r->ngroup + 1, sizeof(double));
        r->series[s].term_s = calloc(r->ngroup + 1, sizeof *r->series[s].term_s);
        ok = ok && r->series[s].group && r->series[s].own && r->series[s].noise && r->series[s].term_s;
    }
    return ok;
}

ir_status fleet_collect(const fleet_data *d, fleet_result *r)
{
    r->data = d;
    r->node = calloc(d->n + 1, sizeof *r->node);
    r->member = calloc(d->n + 1, sizeof *r->member);
    if (!r->node || !r->member) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", d->n);
    ir_status st = name_series(d, r);
    if (st == IR_OK) st = group_nodes(d, r);
    if (st == IR_OK && !allocate(d, r)) st = ir_fail(IR_ENOMEM, "no memory for %zu nodes", d->n);
    if (st != IR_OK) return st;
    for (size_t i = 0; i < d->n; i++)
        for (int k = 0; k < 2; k++)
            if (d->v[i].have[k] && r->node[i].group >= 0 && !strcmp(d->v[i].look[k].status, "ok"))
                fill_node(r, &d->v[i].look[k], k, i);
    for (size_t g = 0; g < r->ngroup; g++)
        for (size_t s = 0; s < r->nseries && st == IR_OK; s++)
            if (!r->series[s].network && (st = fill_noise(r, g, s)) == IR_OK) st = fill_terms(r, g, s);
    return st == IR_OK ? collect_network(d, r) : st;
}

void fleet_result_free(fleet_result *r)
{
    for (size_t s = 0; s < r->nseries; s++) {
        free(r->series[s].group);
        free(r->series[s].own);
        free(r->series[s].noise);
        free(r->series[s].term_s);
    }
    for (int k = 0; k < 2; k++) {
        free(r->y[k]);
        free(r->own[k]);
    }
    free(r->series);
    free(r->group);
    free(r->member);
    free(r->node);
    free(r->link);
    free(r->outlier);
    *r = (fleet_result){0};
}

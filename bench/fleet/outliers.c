/* outliers.c -- see outliers.h. */
#include "bench/fleet/outliers.h"
#include "bench/fleet/fleet_internal.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE = 200 }; /* peers that a fact is compared with */

typedef struct {
    size_t node;
    int    rank;
    double e;
} place;
static int worse_first(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->rank != y->rank) return x->rank - y->rank;
    if (x->e != y->e) return x->e < y->e ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

/* A fact that sets the node apart: its peers agree among themselves on another value. */
static void likely_fact(const fleet_result *r, size_t node, char *buf, size_t size)
{
    const ir_fleet_node *d = &r->data->v[node].look[0];
    int                  gi = r->node[node].group;
    *buf = 0;
    if (gi < 0) return;
    const fleet_group *g = &r->group[gi];
    size_t             step = g->n > SAMPLE ? g->n / SAMPLE : 1;
    for (size_t k = 0; k < d->nfact; k++) {
        size_t      differ = 0, agree = 0, n = 0;
        const char *usual = NULL;
        for (size_t i = 0; i < g->n; i += step) {
            size_t at = r->member[g->first + i];
            if (at == node) continue;
            const char *v = fleet_fact(&r->data->v[at].look[0], d->fact[k].key);
            if (!v) continue;
            if (!usual || strcmp(usual, v)) usual = agree ? usual : v;
            agree += !strcmp(usual, v);
            differ += strcmp(v, d->fact[k].value) != 0;
            n++;
        }
        if (n < 3 || 10 * differ < 9 * n || 10 * agree < 9 * n) continue;
        snprintf(buf, size, "%.40s is %.40s, elsewhere %.40s", d->fact[k].key, d->fact[k].value, usual);
        return;
    }
}

ir_status fleet_outliers_find(fleet_result *r)
{
    static const int rank[FLEET_NVERDICT] = {
        [FLEET_LOST] = 0,   [FLEET_HUNG] = 1, [FLEET_INCORRECT] = 2, [FLEET_CLOCK] = 3, [FLEET_SLOW] = 4,
        [FLEET_UNLIKE] = 5, [FLEET_TAIL] = 6, [FLEET_UNSTABLE] = 7,  [FLEET_SPLIT] = 8, [FLEET_TOO_FEW] = 9};
    size_t nodes = r->data->n, n = 0;
    place *p = malloc((nodes + 1) * sizeof *p);
    if (!p) return ir_fail(IR_ENOMEM, "no memory for the outliers of %zu nodes", nodes);
    for (size_t i = 0; i < nodes; i++)
        if (r->node[i].verdict != FLEET_OK) p[n++] = (place){i, rank[r->node[i].verdict], r->node[i].e};
    qsort(p, n, sizeof *p, worse_first);
    r->outlier = calloc(n + 1, sizeof *r->outlier);
    for (size_t k = 0; r->outlier && k < n; k++) {
        r->outlier[k].node = p[k].node;
        if (k < SAMPLE) likely_fact(r, p[k].node, r->outlier[k].fact, sizeof r->outlier[k].fact);
        r->noutlier++;
    }
    free(p);
    return r->outlier ? IR_OK : ir_fail(IR_ENOMEM, "no memory for %zu outliers", n);
}

ir_status fleet_cost(fleet_result *r)
{
    double *e = malloc((r->data->n + 1) * sizeof *e);
    size_t  n = 0;
    if (!e) return ir_fail(IR_ENOMEM, "no memory for the cost of %zu nodes", r->data->n);
    for (size_t i = 0; i < r->data->n; i++)
        if (r->node[i].group >= 0 && r->node[i].verdict != FLEET_CLOCK) e[n++] = r->node[i].mean_e;
    ir_sort(e, n);
    r->ncost = n < FLEET_CURVE ? n : FLEET_CURVE;
    for (size_t k = 0; k < r->ncost; k++) r->cost[k] = fmax(0, -expm1(e[k]));
    free(e);
    return IR_OK;
}

size_t fleet_rack(const char *name)
{
    size_t n = strlen(name);
    while (n > 0 && isdigit((unsigned char)name[n - 1])) n--;
    return n;
}

/* fleet_internal.h -- what the parts of the judge share. */
#ifndef BENCH_FLEET_INTERNAL_H
#define BENCH_FLEET_INTERNAL_H
#include "bench/fleet/fleet.h"

#define FLEET_TAIL_OF "tail"
#define FLEET_NET_BW  "network bandwidth"
#define FLEET_NET_LAT "network latency"
/* A measured point, and not the tail or a series of the network: the law has terms for it. */
static inline bool   fleet_is_point(const fleet_series *s) { return !s->network && !s->tail; }
static inline double fleet_y(const fleet_result *r, int look, size_t node, size_t series)
{
    return r->y[look][node * r->nseries + series];
}
/* Where a series' own noise begins: one row for all points, one for the tail, one for each series of the
 * network. */
static inline size_t fleet_own_row(const fleet_result *r, size_t series)
{
    const fleet_series *s = &r->series[series];
    return r->data->n * (s->tail ? 1 : !s->network ? 0 : series + 1 == r->nseries ? 3 : 2);
}
/* A node's own noise in a series: no less than what the rounds of all nodes scatter there. */
static inline double fleet_own(const fleet_result *r, int look, size_t node, size_t series)
{
    int    g = r->node[node].group;
    double own = r->own[look][fleet_own_row(r, series) + node], all = g < 0 ? 0 : r->series[series].noise[g];
    return own > all ? own : all;
}
/* Series, groups and the matrices of medians; nothing is judged. */
ir_status fleet_collect(const fleet_data *, fleet_result *);
void      fleet_judge_clocks(fleet_result *);
ir_status fleet_judge_links(fleet_result *);
void      fleet_conclude(fleet_result *); /* counts, sentence, exit code */
/* What the law says of a step: its computing, measured alone, and a sum over the network; NAN: no law. */
static inline double fleet_step_law_s(const fleet_result *r, const ir_fleet_step *s)
{
    return s->compute_s + s->sums * ir_network_sum_s(&r->law, s->size_B / s->sums, s->nodes);
}
/* One line: measured, by the law, what bounds it. buf is returned. */
const char *fleet_step_text(const fleet_result *, const ir_fleet_step *, char *buf, size_t n);
/* First fact in which two digests differ; NULL: none. */
const char *fleet_fact_differs(const ir_fleet_node *a, const ir_fleet_node *b);
const char *fleet_fact(const ir_fleet_node *, const char *key); /* NULL: it has none */
#endif

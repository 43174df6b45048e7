/* outliers.h -- what text, page and fleet.json show of a judged fleet. */
#ifndef BENCH_FLEET_OUTLIERS_H
#define BENCH_FLEET_OUTLIERS_H
#include "bench/fleet/fleet.h"

/* Nodes that are not OK, worst first, each with a fact in which it differs from nine of ten peers. */
typedef struct {
    size_t node;
    char   fact[160];
} fleet_outlier;
typedef struct {
    fleet_outlier *v;
    size_t         n;
} fleet_outliers;
void fleet_outliers_find(const fleet_result *, fleet_outliers *out); /* empty when there is no memory */
void fleet_outliers_free(fleet_outliers *);
/* cost[k]: share that a job waiting for its slowest node loses against the median node, once the k worst are
 * drained. Returns how many were written. */
size_t fleet_cost(const fleet_result *, double *cost, size_t max);
/* Where a node's name's rack ends: the name without its last run of digits. */
size_t fleet_rack(const char *name);
#endif

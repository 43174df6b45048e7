/* outliers.h -- what text, page and fleet.json show of a judged fleet. */
#ifndef BENCH_FLEET_OUTLIERS_H
#define BENCH_FLEET_OUTLIERS_H
#include "bench/fleet/fleet.h"

/* Both fill their part of a result that is judged. */
ir_status fleet_outliers_find(fleet_result *);
ir_status fleet_cost(fleet_result *);
/* Where a node's name's rack ends: the name without its last run of digits. */
size_t fleet_rack(const char *name);
#endif

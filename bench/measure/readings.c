/* readings.c -- see readings.h. */
#include "bench/measure/readings.h"
#include "harness/stats/stats.h"

#include <math.h>

void readings_add(readings *r, double v) { r->v[r->n++ % READINGS_KEEP] = v; }

double readings_last(const readings *r) { return r->n ? r->v[(r->n - 1) % READINGS_KEEP] : NAN; }

double readings_quantile(readings *r, double q)
{
    size_t n = r->n < READINGS_KEEP ? r->n : READINGS_KEEP;
    if (n == 0) return NAN;
    ir_sort(r->v, n);
    return ir_quantile_sorted(r->v, n, q);
}

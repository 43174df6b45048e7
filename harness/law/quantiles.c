/* quantiles.c -- what the law says of its errors. */
#include "harness/law/law_internal.h"
#include "harness/stats/stats.h"

void law_median_and_p90(double *e, size_t n, double *median, double *p90)
{
    ir_sort(e, n);
    *median = ir_quantile_sorted(e, n, 0.5);
    *p90 = ir_quantile_sorted(e, n, 0.9);
}

/* memory_util.h -- filling and summing shared by the memory workloads. */
#ifndef MEMORY_UTIL_H
#define MEMORY_UTIL_H
#include "harness/ironroof.h"
/* n random elements of dtype f32 or f64. */
void memory_fill(ir_dtype, void *host, size_t n, uint64_t seed);
/* Their sum, and the sum of the WL_PARTIALS slots, both in double. */
double memory_sum(ir_dtype, const void *x, size_t n);
/* Tolerance of a sum of n values of memory_fill in this dtype, whatever the order of additions: each of
 * at most n additions rounds a partial sum that stays near sqrt(n); far below one element for
 * f64 at every size that fits a machine. */
double memory_sum_tol(ir_dtype, size_t n);
#endif

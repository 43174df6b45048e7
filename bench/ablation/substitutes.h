/* substitutes.h -- variants that are not a shape but another workload or another kernel: one table row each.
 * Private to bench/ablation/. */
#ifndef BENCH_SUBSTITUTES_H
#define BENCH_SUBSTITUTES_H
#include "bench/ablation/terms.h"
/* The n-th such variant of the point that this kernel of this workload measured, whatever it changes; false:
 * there are no more. lat_scale NAN: the device has no ceiling of both kinds of launch. */
bool find_substitute(const measure_context *, const ir_workload *, const ir_kernel *, const ir_point *base,
                     size_t n, ablation_variant *out);
#endif

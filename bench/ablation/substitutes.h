/* substitutes.h -- variants that are not a shape but another workload or another kernel: one table row each.
 * Private to bench/ablation/. */
#ifndef BENCH_SUBSTITUTES_H
#define BENCH_SUBSTITUTES_H
#include "bench/ablation/terms.h"
/* Find the n-th substitute of a point, whatever it changes. The point was measured by this kernel of this
 * workload. Returns false when there are no more. lat_scale is NAN without a ceiling of both kinds of launch.
 */
bool find_substitute(const measure_context *, const ir_workload *, const ir_kernel *, const ir_point *base,
                     size_t n, ablation_variant *out);
#endif

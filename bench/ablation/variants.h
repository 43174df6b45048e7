/* variants.h -- the interventions a point allows: the same kernel on a shape, type, number of cores, cache
 * state or instruction set that changes one term of the law and leaves another. */
#ifndef BENCH_VARIANTS_H
#define BENCH_VARIANTS_H
#include "bench/ablation/terms.h"
/* Find variants that change a term by ABL_LEAST or more, by prediction; at most ABL_MAX_VARIANTS. Returns how
 * many. A variant on another instruction set has comp_scale NAN: the caller measures it. */
size_t find_variants(const measure_context *, const ir_workload *, const ir_kernel *, const ir_point *base,
                     ablation_variant *out);
#endif

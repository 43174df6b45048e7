/* variants.h -- the interventions a point allows: the same kernel on a shape, type, number of cores, cache
 * state or instruction set that changes one term of the law and leaves another. */
#ifndef BENCH_VARIANTS_H
#define BENCH_VARIANTS_H
#include "bench/ablation/terms.h"
/* Variants whose terms are predicted to change by ABL_LEAST or more; at most ABL_MAX_VARIANTS. Those of
 * another instruction set have comp_scale NAN: who measures finds it. */
size_t find_variants(const measure_context *, const ir_workload *, const ir_kernel *, const ir_point *base,
                     ablation_variant *out);
#endif

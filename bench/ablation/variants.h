/* variants.h -- the interventions a point allows: the same kernel on a shape, type, number of cores, cache state or instruction
 * set that changes one term of the law and leaves another. */
#ifndef BENCH_PROVE_TWINS_H
#define BENCH_PROVE_TWINS_H
#include "bench/ablation/terms.h"
/* Twins whose terms are predicted to change by PROVE_LEAST or more; at most PROVE_MAX_TWINS. Those of another instruction set have
 * comp_scale NAN: who measures finds it. */
size_t prove_twins(const session *, const ir_workload *, const ir_kernel *, const ir_point *base, prove_twin *out);
#endif

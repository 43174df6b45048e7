/* substitutes.h -- twins that are not a shape but another workload or another kernel: one table row each. Private to bench/prove*.c. */
#ifndef BENCH_PROVE_KIN_H
#define BENCH_PROVE_KIN_H
#include "bench/ablation/terms.h"
/* The n-th such twin of the point that this kernel of this workload measured, whatever it changes; false: there are no more.
 * lat_scale NAN: the device has no ceiling of both kinds of launch. */
bool prove_kin(const session *, const ir_workload *, const ir_kernel *, const ir_point *base, size_t n, prove_twin *out);
#endif

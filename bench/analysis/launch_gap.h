/* launch_gap.h -- what launching costs a network: the same kernels measured as separate launches and as one
 * graph differ by L_lat and nothing else, in all and for each kernel. */
#ifndef BENCH_LAUNCH_GAP_H
#define BENCH_LAUNCH_GAP_H
#include "bench/measure/context.h"
/* One line, and one verdict record, per pair of the context: points alike but for the kernel, one "launches",
 * one "graph" of the same. */
void      launch_gap_print(FILE *, const measure_context *);
ir_status launch_gap_journal(ir_journal *, const measure_context *);
#endif

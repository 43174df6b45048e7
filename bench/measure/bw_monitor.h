/* bw_monitor.h -- the best DRAM read, called between the samples of every point at DRAM: how much bandwidth there was just then. */
#ifndef BENCH_REFERENCE_H
#define BENCH_REFERENCE_H
#include "bench/measure/context.h"
/* Is it a point whose time is memory bandwidth? Then its policy gets the reference beside it, and reference_end() must follow
 * the measurement: bw_now, and IR_FLAG_NOISY where it moved. p: with its threads. */
bool reference_begin(session *, const ir_workload *, const ir_kernel *, const ir_params *p, bool cold, ir_policy *);
void reference_end(session *, ir_point *);
void reference_close(session *); /* idempotent; before the device is closed */
#endif

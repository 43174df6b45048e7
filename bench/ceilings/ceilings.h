/* ceilings.h -- the highest rates a device reaches, measured level by level and checked against theory. */
#ifndef BENCH_CEILINGS_H
#define BENCH_CEILINGS_H
#include "bench/measure/context.h"
/* Measure cache plateaus, bandwidth by level, peaks, latencies and launch cost, with saturation checks. */
ir_status ceilings_measure(measure_context *);
/* Write the ceilings and cache levels to the journal, if there is one. */
ir_status ceilings_journal(measure_context *);
/* Re-measure DRAM ceilings after a point that met a memory state which no ceiling saw. Limited to a few times
 * a run. */
ir_status ceilings_follow(measure_context *);
/* Estimate how many points ceilings_measure() takes, for the progress line. */
size_t ceilings_count(const measure_context *);
#endif

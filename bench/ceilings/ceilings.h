/* ceilings.h -- what a device can do at most: measured level by level, and held against what it must obey. */
#ifndef BENCH_CEILINGS_H
#define BENCH_CEILINGS_H
#include "bench/measure/context.h"
/* The device's ceilings: plateaus, bandwidth by level, peaks, latencies, launch cost, saturation checks. */
ir_status ceilings_measure(measure_context *);
ir_status ceilings_journal(measure_context *); /* the ceilings and cache levels, where there is a journal */
/* After a point: DRAM operations once more, if it met a state of the memory that no measurement of the
 * ceilings met; a few times a run. */
ir_status ceilings_follow(measure_context *);
size_t ceilings_count(const measure_context *); /* about how many points that takes, for the progress line */
#endif

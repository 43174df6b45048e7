/* ceilings.h -- what a device can do at most: measured level by level, and held against what it must obey. */
#ifndef BENCH_CEILINGS_H
#define BENCH_CEILINGS_H
#include "bench/measure/context.h"
/* The device's ceilings: plateaus, bandwidth by level, peaks, latencies, launch cost, certificates. */
ir_status ceilings_measure(session *);
ir_status ceilings_journal(session *);      /* the ceilings and cache levels, where there is a journal */
/* After a point: DRAM operations once more, if it met a state of the memory that no visit of the ceilings met; a few times a session. */
ir_status ceilings_follow(session *);
size_t    ceilings_count(const session *);  /* about how many points that takes, for the progress line */
#endif

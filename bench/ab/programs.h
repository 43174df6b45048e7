/* programs.h -- any two programs: their wall times (`ab --time`), or what they print in Google Benchmark's
 * form
 * (`ab --as-is-gbench`). */
#ifndef BENCH_AB_PROGRAMS_H
#define BENCH_AB_PROGRAMS_H
#include "bench/ab/processes.h"

/* Run both once, untimed: they must end with 0 and, unless own->silent, print something. IR_ECHECK names the
 * side and what it did. What they print is compared: job->programs.note. */
ir_status programs_try(ab_job *);
/* One process of a side: the program as often as fits into --budget (0.2 s), at least once. */
ir_status programs_time(ab_job *, char side);
/* What a process of a side printed as JSON: its benchmarks into the comparison. */
ir_status programs_take_gbench(ab_job *, char side, const child_result *);
/* Below the verdict: wall time, CPU time and memory of both sides, and the note. */
void programs_print(const ab_job *, const ir_text *);
#endif

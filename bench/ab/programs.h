/* programs.h -- any two programs: their wall times (`ab --time`), or what they print in Google Benchmark's
 * form
 * (`ab --as-is-gbench`). */
#ifndef BENCH_AB_PROGRAMS_H
#define BENCH_AB_PROGRAMS_H
#include "bench/ab/ab.h"
#include "bench/ab/child.h"

typedef struct {
    const child_words *side; /* two, borrowed */
    double             timeout_s, budget_s;
    bool               silent; /* may print nothing */
    /* seen, beside the wall time; index 1: B */
    double cpu_s[2][4 * TRIAL_MAX_BLOCKS], peak_B[2];
    size_t n[2];
    char   note[160];
} ab_programs;

/* Run both once, untimed: they must end with 0 and, unless silent, print something. IR_ECHECK names the side
 * and what it did. What they print is compared: note. */
ir_status programs_try(ab_programs *);
/* One process of a side: the program as often as fits into budget_s (NAN: 0.2 s), at least once. */
ir_status programs_time(ab_programs *, ab *, char side);
/* What a process of a side printed as JSON: its benchmarks into the comparison. */
ir_status programs_take_gbench(ab *, char side, const child_result *);
/* Below the verdict: CPU time and memory of both sides, and the note. */
void programs_print(const ab_programs *, const ir_text *);
#endif

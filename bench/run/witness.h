/* witness.h -- energy and counters of a run: opened before its first kernel, proven on known amounts, fitted
 * after its points. */
#ifndef BENCH_WITNESS_H
#define BENCH_WITNESS_H
#include "bench/cli/cli.h"
#include "bench/measure/context.h"
#include "bench/run/fit_points.h"
typedef struct {
    ir_witness   w;
    ir_meter    *meter;
    ir_counters *counters;
    ir_perf     *perf, *perf_core, *perf_energy;
    unsigned     kinds; /* bits of ir_count that are counted */
    bool         quiet;
    char      counted_by[48], lost_why[IR_WHY]; /* the counters' source; the first that they refused later */
    ir_counts rest;               /* a second of counting with nothing to do: read_B and write_B per second */
    double    perf_was[IR_NPERF]; /* when the round began */
    bool      energy, counts;     /* what is on */
    bool      drift;              /* idle power differed by more than 5 % before and after */
    char      energy_why[IR_WHY], counts_why[IR_WHY], certificate[180]; /* why not; empty: it is on, or
                                                                          was not asked for */
    ir_power      before, after;                                        /* idle */
    ir_energy_fit fit;
    bool          fitted;
    fitted_law    counted; /* the law again, by counted bytes */
    bool          has_counted;
} run_witness;
/* Open what is asked for. What is not there is one line and no error. */
ir_status witness_open(run_witness *, measure_context *, ir_env *, const cli_options *);
/* likwid, or the kernel's own names; what flows at rest is counted. IR_SKIP: none. Part of witness_open(). */
ir_status witness_count_open(run_witness *, measure_context *, const char *asked);
/* The points begin: from now on each is looked at. */
void witness_points(run_witness *, measure_context *);
/* After the points: rows with nothing moved and nothing computed, idle power again, the fit. */
ir_status witness_fit(run_witness *, measure_context *);
/* Hold the counters against what is known of a DRAM read and of arithmetic; rows of a source that is not
 * trusted lose their counts. Why some were not counted after all is said, once, and noted. */
void witness_certify(run_witness *, measure_context *, ir_env *);
/* The law over what was counted, beside the one over what is modelled. */
ir_status witness_law(run_witness *, const measure_context *);
ir_status witness_law_journal(ir_journal *, const run_witness *, const measure_context *,
                              const fitted_law *modelled);
void      witness_close(run_witness *); /* idempotent; the results stay */
/* The fit and the lines that say why not; with a table of points. */
void witness_print_short(const ir_text *, const run_witness *);
void witness_print(const ir_text *, const measure_context *, const run_witness *);
#endif

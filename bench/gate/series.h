/* series.h -- one point over many runs: values, change points, and what else changed where they lie. Pure. */
#ifndef BENCH_GATE_SERIES_H
#define BENCH_GATE_SERIES_H
#include "bench/gate/runs.h"
#include "harness/stats/compare.h"

typedef struct {
    char      key[IR_ID], reference[IR_ID]; /* reference: key it is divided by; empty: none */
    double   *y;
    size_t    n;      /* log of time over reference, NAN where either is missing; owned */
    double    last_s; /* newest time, seconds */
    ir_change change[IR_MAX_CHANGES];
    size_t    nchange;
} series;
/* reference: NULL: chosen (copy for points bound by memory or cache, fma by compute, forkjoin by latency,
 * where all runs have one); "none"; or the key's beginning. */
ir_status series_of(const run_files *, const char *key, const char *reference, double alpha, double delta,
                    series *out);
void      series_free(series *); /* idempotent */
/* What changed between run at-1 and run at: "kernel 6.1 -> 6.5; compiler ..."; "nothing recorded" when
 * nothing did. */
void series_cause(const run_files *, size_t at, char *buf, size_t n);
/* One character a run from lowest to highest; '.' or a blank where it is missing. At most `width` runs: the
 * newest. */
void series_spark(const series *, bool utf8, size_t width, char *buf, size_t n);
/* First field of the device class that differs between two runs (cpu, cores, threads, accelerator); NULL: one
 * machine. */
const char *runs_unlike(const run_files *, size_t *at);
#endif

/* baseline.h -- recorded runs judged against recorded baseline runs. Pure but for reading thresholds and
 * keeping a baseline. */
#ifndef BENCH_GATE_BASELINE_H
#define BENCH_GATE_BASELINE_H
#include "bench/gate/runs.h"
#include "harness/record/comparison.h"
#include "harness/stats/compare.h"

#include <regex.h>

enum { THRESHOLDS_MAX = 256 };
typedef struct {
    regex_t re;
    double  delta;
} threshold; /* delta: log scale */
typedef struct {
    threshold v[THRESHOLDS_MAX];
    size_t    n;
} thresholds;
/* Lines "REGEX SHARE" (5% or 0.05), '#' starts a comment; the last line that matches a point's key counts.
 * missing_ok: a file that is not there gives none. */
ir_status thresholds_read(const char *path, bool missing_ok, thresholds *out);
void      thresholds_free(thresholds *); /* idempotent */
double    threshold_of(const thresholds *, const char *key, double otherwise);

/* NULL: all runs are comparable; else the field that differs, `a` and `b` the two files. */
const char *runs_differ(const run_files *base, const run_files *now, const char **a, const char **b);
/* One comparison per point of either side. A point that a side lacks, or that is wrong or empty in any of its
 * runs, is MISSING or INCORRECT. delta, conf as for ir_shift_judge(). */
ir_status baseline_judge(const run_files *base, const run_files *now, const thresholds *, double conf,
                         double delta, ir_comparisons *out);
/* Which of the law's terms moved between the sides, from their recorded fits: "BW fell by 12 %"; empty where
 * it cannot be said. */
void baseline_cause(const run_files *base, const run_files *now, const char *key, char *buf, size_t n);
/* Exit code over the verdicts: 0, 1, 2 or 3. */
int comparisons_exit(const ir_comparison *, size_t n, bool strict);
/* Copy the runs into folder `base` under names of their start; what was there moves to base/history/ first.
 * Each file appears whole or not at all. */
ir_status baseline_update(const char *base, const run_files *now);
#endif

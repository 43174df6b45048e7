/* processes.h -- a comparison of two commands by real processes: command lines, child records, environments,
 * output. */
#ifndef BENCH_AB_PROCESSES_H
#define BENCH_AB_PROCESSES_H
#include "bench/ab/controls.h"
#include "bench/cli/progress.h"
#include "bench/ab/ab.h"
#include "bench/ab/programs.h"

typedef struct {        /* own options of `ab`; `selftest aa|inject` take them too */
    int64_t     blocks; /* of the first look */
    double      delta, confidence, timeout_s, max_minutes, plan; /* plan NAN: compare */
    const char *from;   /* a record of an earlier comparison to plan from */
    const char *proof;  /* a record of selftest aa */
    int64_t     seeds;  /* selftest machines: variants of each */
    int64_t     rounds; /* selftest: comparisons a step */
    bool        strict, as_is, no_more, no_reference;
    bool        time, silent, gbench; /* any two programs */
} ab_options;
extern const cli_option ab_own_options[];
extern const ab_options ab_own_defaults;

/* A and B are run exactly as written. */
static inline bool ab_as_written(const ab_options *o) { return o->as_is || o->time || o->gbench; }

typedef struct {
    ab                 a;
    const cli_options *opt;
    const ab_options  *own;
    cli_points         points;
    const char        *filter; /* text for the children; NULL: none */
    char (*arg)[AB_ARG];       /* points as text, points.n of them; owned */
    child_words  side[2];
    double       inject[2]; /* share by which a side is slowed down */
    ab_controls  ref;
    ir_env       env[2];
    bool         known[2]; /* env holds */
    bool         incomparable;
    cli_progress progress;
    ab_programs  programs;
} ab_job;
/* Commands as given on the command line; points: arguments 0..n; host: the backend whose kernels watch the
 * machine. On an error nothing needs freeing. */
ir_status ab_job_open(ab_job *, const ir_backend *host, const cli_args *, const ab_options *, const char *a,
                      const char *b, const char *const *points, size_t n);
/* IR_OK also when points are missing or wrong; incomparable is set with IR_EINVAL when the two sides'
 * machines differ. */
ir_status ab_job_run(ab_job *);
void      ab_job_close(ab_job *); /* idempotent */
/* What one process of a side printed: its points into the comparison. IR_ECHECK: no record, or one without a
 * point. */
ir_status ab_job_take(ab_job *, char side, const child_result *);
/* The points compared when none is named, and the kernels of them. */
extern const char *const ab_default_points[];
extern const char *const ab_default_filter;
enum { AB_DEFAULT_POINTS = 6 };
#endif

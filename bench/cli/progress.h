/* progress.h -- one line on the terminal: points done and total, time left, the current point. */
#ifndef BENCH_CLI_PROGRESS_H
#define BENCH_CLI_PROGRESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CLI_MAX_PHASES = 4 };
typedef struct {
    const char *name;
    size_t      total, done;
    double      weight; /* time that one takes, in a unit that all parts share */
} cli_phase;
/* Between init and use, tests may replace `on`, `width`, `now` and `arg`. */
typedef struct {
    FILE     *out;   /* borrowed */
    bool      on;    /* out is a terminal, and not --quiet */
    int       width; /* columns; 0: ask the terminal each time */
    size_t    total, done;
    cli_phase phase[CLI_MAX_PHASES]; /* parts of the total, in order; none: one part without a name */
    size_t    nphase, at;            /* at: the part being worked on */
    double (*now)(void *);           /* seconds, monotonic */
    void  *arg;
    double start_s; /* when the first point was shown; NAN before */
} cli_progress;
/* total 0: unknown; the line then has neither total nor time left. */
void cli_progress_init(cli_progress *, FILE *out, bool quiet, size_t total);
/* The run has a further part of about so many points, each of which takes `weight`, more or less; one
 * estimate of the time left covers all of them. */
void cli_progress_plan(cli_progress *, const char *name, size_t total, double weight);
void cli_progress_enter(cli_progress *,
                        size_t at); /* work on part `at` from now on; those before it are done */
void cli_progress_show(cli_progress *, const char *what); /* before a point */
void cli_progress_done(cli_progress *);                   /* after it; draws nothing */
void cli_progress_clear(cli_progress *); /* before anything else is printed, and at the end */
#endif

/* child.h -- one process of a comparison: started, read to its end, never waited for longer than it may take.
 */
#ifndef BENCH_GATE_CHILD_H
#define BENCH_GATE_CHILD_H
#include "harness/ironroof.h"

typedef struct {
    char **v;
    size_t n;
    char  *text;
} child_words; /* v[n] is NULL; owned */
/* A command line into words as a shell would without expanding anything: blanks separate; '...' keeps
 * everything, "..." everything but \" and \\; a backslash keeps the next character. IR_EINVAL: an unclosed
 * quote, no word. */
ir_status child_split(const char *line, child_words *out);
void      child_words_free(child_words *); /* idempotent */

typedef struct {
    int    code;                /* exit code; -1: it did not exit by itself */
    int    signal;              /* that ended it; 0: none */
    bool   timed_out, too_much; /* killed for it */
    char  *out;                 /* standard output, NUL-terminated; owned */
    size_t n;
    char   err[400]; /* the end of its standard error, one line */
    /* From before its start to its end; CPU time and most memory of it and of what it waited for. */
    double wall_s, cpu_s, peak_B;
} child_result;
/* Run argv (argv[0] is looked up in PATH) with no standard input, in a process group of its own; after
 * timeout_s, or when *stop becomes non-zero (IR_EINTR), or beyond 256 MiB of output, the whole group is
 * killed. IR_OK means it was run to an end, whatever end; else it could not be started, or the wait was
 * interrupted. *out must be freed after IR_OK. */
ir_status child_run(char *const *argv, double timeout_s, const volatile int *stop, child_result *out);
void      child_free(child_result *); /* idempotent */
/* "exit code 2: ...", "killed by signal 9", "still running after 30 s", NULL when it ended well. buf is
 * returned. */
const char *child_failure(const child_result *, double timeout_s, char *buf, size_t n);
#endif

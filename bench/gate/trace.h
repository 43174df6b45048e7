/* trace.h -- writes a trace in Chrome's JSON format. Times are whole nanoseconds, so that slices that touch
 * do not overlap after rounding. */
#ifndef BENCH_GATE_TRACE_H
#define BENCH_GATE_TRACE_H
#include "harness/ironroof.h"

#define TRACE_MARK "\"displayTimeUnit\": \"ns\", \"otherData\": {\"tool\": \"ironroof\"}"
typedef struct {
    FILE *f;
    bool  any, argument;
} trace;
void trace_begin(trace *, FILE *);
/* what: "process_name" or "thread_name". */
void    trace_name(trace *, const char *what, int pid, int tid, const char *name);
int64_t trace_ns(double seconds); /* at least 1 */
/* A slice, then its arguments (unknown and empty ones are left out), then its end. */
void trace_slice(trace *, const char *name, const char *category, int pid, int tid, int64_t at_ns,
                 int64_t long_ns);
void trace_number(trace *, const char *name, double);
void trace_text(trace *, const char *name, const char *);
void trace_slice_end(trace *);
void trace_end(trace *);
#endif

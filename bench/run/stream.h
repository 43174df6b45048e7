/* stream.h -- rows on the screen as they finish: a line per point and per ceiling that the last screen shows.
 */
#ifndef BENCH_RUN_STREAM_H
#define BENCH_RUN_STREAM_H
#include "bench/measure/context.h"
typedef struct {
    ir_text t;
    bool    on, recalled;   /* recalled: the ceilings are a file's, one line of the last screen */
    size_t  point, ceiling; /* looked at so far */
    size_t  printed;        /* lines */
} row_stream;
bool stream_due(const row_stream *, const measure_context *); /* is there anything new to look at? */
void stream_rows(row_stream *, const measure_context *);
#endif

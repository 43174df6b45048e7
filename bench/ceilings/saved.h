/* saved.h -- where a device's ceilings come from: measured now, or (--ceilings FILE) what an earlier run
 * measured of the same device. A device the file knows nothing of is measured. */
#ifndef BENCH_CEILINGS_SAVED_H
#define BENCH_CEILINGS_SAVED_H
#include "bench/measure/context.h"
/* Take the context's ceilings from the record, and with them the rows they rest on (they say how many streams
 * and teams the device wants). *found false: the record has no ceilings of this device, and nothing was
 * taken. IR_EINVAL: it has, but the device's driver or a field of the comparability key differs: "FILE: ...".
 * Journals what it took. */
ir_status ceilings_load(measure_context *, const ir_env *, const char *file, const ir_record *, bool *found);

typedef struct {
    const char *file;
    ir_record   r;
    bool        none;
} ceilings_source; /* file NULL: measure; none: do without */
/* asked: the option's text, borrowed; NULL: not given. Reads the file. */
ir_status ceilings_source_open(ceilings_source *, const char *asked);
void      ceilings_source_close(ceilings_source *); /* idempotent */
/* IR_EINVAL when a file was given that has no ceilings of this device; a run of several asks for each and
 * fails when none is there. */
ir_status ceilings_source_has(const ceilings_source *, const measure_context *);
/* The context's ceilings; quiet: no remark when a file has none of this device. Those of the ideal device are
 * known. */
ir_status ceilings_get(measure_context *, const ir_env *, const ceilings_source *, bool quiet);
#endif

/* resume.h -- a recorded run that is continued: what it holds stays, and is not measured again. */
#ifndef BENCH_RUN_RESUME_H
#define BENCH_RUN_RESUME_H
#include "bench/measure/context.h"
typedef struct {
    const char *path;  /* borrowed; NULL: no run is continued */
    bool        begun; /* its header is there */
    ir_record   r;
    ir_keys     keys; /* of its points */
} resumed_run;
/* path NULL: nothing. An empty file, and one that was left before its header was whole, is a run not begun.
 * IR_EINVAL: no regular file, or no record. */
ir_status resume_open(resumed_run *, const char *path);
void      resume_close(resumed_run *); /* idempotent */
/* IR_EINVAL: the record describes this device as another one than is here: the field that differs. */
ir_status resume_fits(const resumed_run *, const ir_device_info *, const ir_env *);
/* Let the context find its points. */
void resume_into(const resumed_run *, measure_context *);
/* Does the record have a machine line of this device? */
bool resume_knows(const resumed_run *, const ir_device_info *);
#endif

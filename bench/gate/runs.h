/* runs.h -- recorded runs as the gate, the history and the exports see them: files and folders in, one time
 * per point and run out. */
#ifndef BENCH_GATE_RUNS_H
#define BENCH_GATE_RUNS_H
#include "harness/record/record.h"
typedef struct {
    char      path[512];
    ir_record r;
} run_file;
typedef struct {
    run_file *v;
    size_t    n, cap;
} run_files; /* owned, in order of their start */
/* Each name is a record or a folder, whose *.jsonl files are taken (not those of folders in it). IR_EINVAL
 * for a name that holds none, and for a file that cannot be read, is empty or has no point. On an error *out
 * is empty. */
ir_status runs_read(const char *const *name, size_t n, run_files *out);
void      runs_free(run_files *); /* idempotent */
/* The point of this key that was measured for itself, else one measured for a ceiling; NULL: none. */
const ir_point *run_point(const run_file *, const char *key);
/* log of the lower quartile, seconds; NAN unless the point is there, ok, and has samples. */
double run_log_time(const run_file *, const char *key);
typedef struct {
    char (*v)[IR_ID];
    size_t n;
} run_keys; /* owned */
/* Keys of all points (not those for ceilings) of all runs that are no skips, each once, in order of
 * appearance. */
ir_status runs_keys(const run_files *, run_keys *out);
void      run_keys_free(run_keys *); /* idempotent */
#endif

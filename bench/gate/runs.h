/* runs.h -- recorded runs as the gate, the history and the exports see them: files and folders in, one time
 * per point and run out. */
#ifndef BENCH_GATE_RUNS_H
#define BENCH_GATE_RUNS_H
#include "harness/record/keys.h"
#include "harness/record/record.h"
typedef struct {
    char     *path;
    ir_record r;
    ir_keys   points; /* key of a point to where it lies: run_point() */
} run_file;
typedef struct {
    run_file *v;
    size_t    n, cap;
} run_files; /* owned, in order of their start */
/* Each name is a record or a folder, whose *.jsonl files are taken (not those of folders in it). What is
 * empty, ends before its header or has no point is named on `notes` (NULL: nowhere) and passed over, and so
 * is every file of a folder that cannot be read as a record. IR_EINVAL when nothing is left, IR_EIO or
 * IR_EINVAL for a file named by itself that cannot be read. On an error *out is empty. */
ir_status runs_read(const char *const *name, size_t n, FILE *notes, run_files *out);
/* Fill f->points from f->r, for a run that no file was read for; ir_keys_free() them. Of a key the point that
 * was measured for itself counts, else the first one measured for a ceiling. */
ir_status runs_index(run_file *f);
/* IR_EINVAL: the output would overwrite one of them. output NULL: IR_OK. */
ir_status runs_apart(const run_files *, const char *output);
void      runs_free(run_files *); /* idempotent */
/* The point of this key that was measured for itself, else one measured for a ceiling; NULL: none. */
const ir_point *run_point(const run_file *, const char *key);
/* log of the lower quartile, seconds; NAN unless the point is there, ok, and has samples. */
double run_log_time(const run_file *, const char *key);
typedef struct {
    char (*v)[IR_ID];
    size_t n;
} run_keys; /* owned */
/* Keys of all points (not those for ceilings) of all runs of all sides that are no skips, each once, in order
 * of appearance. */
ir_status runs_keys(const run_files *const *side, size_t nside, run_keys *out);
void      run_keys_free(run_keys *); /* idempotent */
#endif

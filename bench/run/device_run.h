/* device_run.h -- a run of one device from its ceilings to its verdicts, and what is printed and filed. */
#ifndef BENCH_DEVICE_RUN_H
#define BENCH_DEVICE_RUN_H
#include "bench/cli/cli.h"
#include "bench/run/fit_points.h"
#include "bench/run/sustain.h"
#include "bench/run/witness.h"
#include "bench/ablation/ablation.h"
#include "bench/measure/context.h"
#include "bench/predict/predict.h"
typedef struct {
    measure_context  s;
    ir_env           env;
    fitted_law       law;
    const ir_record *recalled; /* where the ceilings are from; borrowed; NULL: measured here */
    bool             judged;   /* law holds */
    ablation_set     proof;
    bool             proved;     /* proof holds */
    ir_neighbours   *neighbours; /* from device_run_begin() to device_run_end() */
    run_witness      witness;
    sustained_set    sustained;
    ir_quality       quality;
    bool             graded; /* quality holds */
} device_run;
/* Open device `index` of a backend under these options and describe its environment. */
ir_status device_run_open(device_run *, const ir_backend *, int index, const cli_options *);
bool      device_run_was_open(void);             /* of this process: something was to be measured */
void      device_run_close_device(device_run *); /* results stay */
void      device_run_free(device_run *);         /* idempotent */
/* In the quick profile: the most that one call of a naive rung may take, and what a point is sampled for in a
 * run that names nothing, which has three hundred of them. */
void device_run_haste(device_run *, const cli_points *, const cli_options *);
/* Is kernel k measured at point i of them? The filter decides; in a quick run that names nothing, a naive
 * rung is measured once a workload: it is the foot of a ladder, and one row shows how deep it lies. */
bool device_run_wants(const measure_context *, const cli_points *, size_t i, const ir_kernel *k);
/* How many rows the points will give (ceilings not counted). cache: CLI_HOT | CLI_COLD. */
size_t device_run_count(const device_run *, const cli_points *, unsigned cache);
/* Every kernel of the backend that serves a point and passes the filter becomes a row, in each cache state
 * that the options ask for; then energy is fitted, and what is to be kept up is. */
ir_status device_run_points(device_run *, const cli_points *, const cli_options *);
/* Around everything that is measured: what other processes took meanwhile, and the pair probe, two threads'
 * arithmetic throughput over one's. Below 1.6 two CPUs share a core, and every multi-threaded row says so.
 * The end grades the run, whole: it was not interrupted. */
bool device_run_pair(measure_context *, double *ratio); /* the probe alone; false: it cannot be told */
void device_run_begin(device_run *);
void device_run_end(device_run *, bool whole);
/* What the backend searched for while the points were measured, into the environment; before the device is
 * closed. */
void device_run_note_tuning(device_run *);
void device_run_judge(device_run *);
/* Measure what ablation_choose() left in `proof`, and have the fitted law foretell each change. */
ir_status device_run_prove(device_run *);
/* How well it did: proof_gains_verdict(); false: nothing was foretold. */
bool device_run_foretold(const device_run *, ir_verdict *out);
/* The device as a machine to predict for; everything in it is borrowed. */
void device_run_view(const device_run *, machine_view *);
/* Quality, machine card and ceilings; points, law, roofline and summary: to a terminal or a file. */
void device_run_print_ceilings(const ir_text *, const device_run *);
void device_run_print_law(const ir_text *, const device_run *);
/* Beside the last screen, without tables: energy, what was kept up, proofs. */
void device_run_print_short(const ir_text *, const device_run *);
/* What a stream that already holds header, machine, ceilings and points still lacks: fits and summary. */
ir_status device_run_journal_tail(ir_journal *, const device_run *);
/* Write all results anew; they take the place of what is at `path`: rows now carry their verdicts. old: the
 * record that this run continued, every line of which stays that was not measured anew; NULL: none. started:
 * when the run began (ir_utc_now). */
ir_status device_run_rewrite(const char *path, const char *old, const device_run *, size_t n, int argc,
                             char **argv, const char *started);
#endif

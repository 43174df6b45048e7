/* controls.h -- reference kernels of this program itself, measured between the processes of a comparison:
 * what the machine could do just then, whichever build runs beside. */
#ifndef BENCH_AB_REFERENCE_H
#define BENCH_AB_REFERENCE_H
#include "bench/run/device_run.h"
#include "bench/ab/trial.h"
typedef struct {
    device_run         c;
    bool               open;
    const ir_kernel   *kernel[TRIAL_REFS]; /* copy, fma, forkjoin; NULL: this device has none */
    const ir_workload *workload[TRIAL_REFS];
    ir_params          p[TRIAL_REFS];
} ab_controls;
/* Opens the CPU and finds a kernel for each. */
ir_status ab_controls_open(ab_controls *, const ir_backend *host, const cli_options *);
/* Lower quartile of a few samples each, seconds; NAN where there is no kernel. */
ir_status ab_controls_now(ab_controls *, double out[TRIAL_REFS]);
void      ab_controls_close(ab_controls *); /* idempotent */
#endif

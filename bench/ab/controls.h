/* controls.h -- reference kernels of this program itself, measured between the processes of a comparison: what the
 * machine could do just then, whichever build runs beside. */
#ifndef BENCH_AB_REFERENCE_H
#define BENCH_AB_REFERENCE_H
#include "bench/run/device_run.h"
#include "bench/ab/trial.h"
typedef struct {
    campaign         c;
    bool             open;
    const ir_kernel *kernel[TRIAL_REFS]; /* copy, fma, forkjoin; NULL: this device has none */
    const ir_workload *workload[TRIAL_REFS];
    ir_params        p[TRIAL_REFS];
} ab_reference;
/* Opens the CPU and finds a kernel for each. */
ir_status ab_reference_open(ab_reference *, const cli_options *);
/* Lower quartile of a few samples each, seconds; NAN where there is no kernel. */
ir_status ab_reference_now(ab_reference *, double out[TRIAL_REFS]);
void      ab_reference_close(ab_reference *); /* idempotent */
#endif

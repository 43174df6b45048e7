/* proof_gains.h -- what the fitted law foretold for each change that `--prove` made, beside what it did. */
#ifndef BENCH_RUN_PROOF_GAINS_H
#define BENCH_RUN_PROOF_GAINS_H
#include "bench/run/device_run.h"
#include "bench/predict/predict.h"

/* The device of a run as a machine to predict for; everything in it is borrowed. */
void device_run_view(const device_run *, machine_view *);
/* Fill law, law_lo, law_hi of every change that was measured; NAN where the law was not fitted. */
void proof_gains_foretell(device_run *);
/* "6 changes by --prove: T within 5 % of what the law foretold (median), at most 12 % (batch 8 to 16)". Fills
 * question, device, answer, verdict ("within 10 %", "beyond 10 %") and evidence; false: nothing was foretold.
 */
bool proof_gains_verdict(const device_run *, ir_verdict *out);
#endif

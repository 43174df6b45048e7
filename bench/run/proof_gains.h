/* proof_gains.h -- what the fitted law foretold for each change that `--prove` made, beside what it did. */
#ifndef BENCH_RUN_PROOF_GAINS_H
#define BENCH_RUN_PROOF_GAINS_H
#include "bench/ablation/ablation.h"
#include "bench/predict/predict.h"

/* Fill law, law_lo, law_hi of every change that was measured, by the law of the view, which has one. */
void proof_gains_foretell(const machine_view *, const measure_context *, ablation_set *);
/* "6 changes by --prove: T within 5 % of what the law foretold (median), at most 12 % (batch 8 to 16)". Fills
 * question, device, answer, verdict ("within 10 %", "beyond 10 %") and evidence; false: nothing was foretold.
 */
bool proof_gains_verdict(const measure_context *, const ablation_set *, ir_verdict *out);
#endif

/* crossover.h -- the batch at which a workload turns from memory to compute: predicted from cost and
 * ceilings, and measured from the knee of the time over a sweep of at least three batches. */
#ifndef BENCH_CROSSOVER_H
#define BENCH_CROSSOVER_H
#include "bench/measure/context.h"
/* T = a + c B (what the batch does not change, and what each item adds), or max(a, c B) where that fits
 * better. The knee a/c is where both are equal. */
typedef struct {
    double a, c, knee, lo, hi; /* s, s per item, items; 95 % interval of the knee */
    double scatter;            /* of the times about the fit, relative */
    bool   overlapped;         /* max form */
} crossover_fit;
/* n >= 3 batches, seconds and their standard deviations. IR_SKIP: fewer batches, or no time that grows with
 * the batch. */
ir_status crossover_knee(const double *batch, const double *T_s, const double *sd_s, size_t n, uint64_t seed,
                         crossover_fit *out);
/* The real batch where O/R_peak = D_vol/BW: 0 when compute takes longer from one item on, INFINITY when it
 * never does, NAN without ceilings. `at`: which parameter is the batch. */
double crossover_predict(const ir_workload *, const ir_params *, int at, bool cold, const ir_ceilings *);
/* The verdict of the next sweep from point *i on, which moves behind it; false: no more. */
bool crossover_next(const measure_context *, size_t *i, ir_verdict *);
/* One line, and one verdict record, per sweep of the context. */
void      crossover_print(FILE *, const measure_context *);
ir_status crossover_journal(ir_journal *, const measure_context *);
#endif

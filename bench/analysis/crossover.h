/* crossover.h -- the batch at which a workload turns from memory to compute: predicted from cost and
 * ceilings, and measured from the knee of the time over a sweep of at least three batches. */
#ifndef BENCH_CROSSOVER_H
#define BENCH_CROSSOVER_H
#include "bench/measure/context.h"
/* T = (a^p + (c B)^p)^(1/p): data's time and arithmetic's, of an item; p as it fits best, from the sum of
 * both (1) to the larger one. The knee is where both are equal. */
typedef struct {
    double a, c, knee, lo, hi; /* s at the first batch, s per item, items; 95 % interval of the knee */
    double scatter;            /* of the times about the fit, relative */
    bool   overlapped;         /* nearer to the larger of both than to their sum */
} crossover_fit;
/* n >= 3 batches, seconds and their standard deviations. IR_SKIP: fewer batches, or no time that grows with
 * the batch. */
ir_status crossover_knee(const double *batch, const double *T_s, const double *sd_s, size_t n, uint64_t seed,
                         crossover_fit *out);
/* The real batch where O/R_peak = D_vol/BW: 0 when compute takes longer from one item on, INFINITY when it
 * never does, NAN without ceilings. `at`: which parameter is the batch. */
double crossover_predict(const ir_workload *, const ir_params *, int at, bool cold, const ir_ceilings *);
/* The verdict of the next sweep from point *i on, which moves behind it; false: no more. */
bool crossover_verdict_next(const measure_context *, size_t *i, ir_verdict *);
/* A context's points that differ in nothing but the batch, by rising batch. */
enum { CROSSOVER_MAX = 64 };
typedef struct {
    const ir_workload *w;
    const ir_point    *p;  /* one of its points */
    int                at; /* which parameter is the batch */
    double             b[CROSSOVER_MAX], T[CROSSOVER_MAX], sd[CROSSOVER_MAX];
    size_t             n;
} crossover_sweep;
/* The next sweep of three batches or more from point *i on, which moves past its first; false: there is none.
 */
bool crossover_next(const measure_context *, size_t *i, crossover_sweep *);
/* The batch from which on compute takes longer, beside launches. How both times grow with the batch is the
 * ceilings' affair (levels, bytes that items bring); how much of them kernels take is the sweep's. */
ir_status crossover_of(const measure_context *, const crossover_sweep *, crossover_fit *out);
/* One line, and one verdict record, per sweep of the context. */
void      crossover_print(FILE *, const measure_context *);
ir_status crossover_journal(ir_journal *, const measure_context *);
#endif

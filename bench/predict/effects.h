/* effects.h -- what would make a measured point faster, from the fitted law: half the bytes, a core without
 * end, more threads, one launch for all, a larger batch. What the law leaves unexplained stays as it is. */
#ifndef BENCH_EFFECTS_H
#define BENCH_EFFECTS_H
#include "bench/predict/predict.h"
#include "harness/record/answer.h"

/* w: the point's workload, for batches; NULL: not known here. */
void effects_of(const machine_view *, const ir_workload *w, const ir_point *, ir_gain out[IR_NGAIN]);
/* A point of T seconds whose row becomes `is`. whole: what the law leaves unexplained changes with the rest;
 * else it stays as it is. */
void effects_between(const machine_view *, const ir_row *was, const ir_row *is, double T, bool whole,
                     ir_gain *);
#endif

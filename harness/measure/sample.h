/* sample.h -- warm-up, batching and the stopping rule for one bound run. Private to harness/measure/. */
#ifndef IR_MEASURE_SAMPLE_H
#define IR_MEASURE_SAMPLE_H
#include "harness/ironroof.h"
/* One tensor set as a kernel sees it. */
typedef struct {
    ir_mem mem[IR_MAX_TENSORS];
    void  *packed;
} bound_set;
/* sets: the tensor sets cold calls rotate through (1 when hot); `next` is the one to use. */
typedef struct {
    ir_run          *run;
    const ir_policy *policy;
    const bound_set *sets;
    size_t           nset, next;
    double           overhead_s;
} sampler;
/* Fills samples, reps, warmup, stop, wall and dev of the point. */
ir_status sample_point(sampler *, ir_point *);
/* One timed batch of so many calls. */
ir_status sample_batch(sampler *, uint32_t reps, ir_sample *out);
/* The harness's own cost per sample on this device: median of empty samples, seconds. */
double sample_overhead(ir_dev *);
#endif

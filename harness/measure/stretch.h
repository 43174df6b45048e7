/* stretch.h -- calls after the samples: one stretch that energy and counters look at, and minutes of windows.
 * Private to harness/measure/. */
#ifndef IR_MEASURE_STRETCH_H
#define IR_MEASURE_STRETCH_H
#include "harness/measure/measure.h"
#include "harness/measure/sample.h"
/* One timed batch, as the samples are. */
typedef ir_status (*stretch_batch)(sampler *, uint32_t reps, ir_sample *);
/* Fill energy, counts, joules and counted_B of a point that has its samples. A witness that fails is said in
 * the point and is no failure of it. */
ir_status stretch_point(sampler *, stretch_batch, uint32_t reps, ir_point *);
/* Fill the policy's vigil. */
ir_status stretch_vigil(sampler *, stretch_batch, uint32_t reps);
#endif

/* stretch.h -- calls after the samples: one stretch that energy and counters look at, and minutes of windows.
 * Private to harness/measure/. */
#ifndef IR_MEASURE_STRETCH_H
#define IR_MEASURE_STRETCH_H
#include "harness/measure/sample.h"
#include "harness/measure/witness.h"
/* Fill energy, counts, joules and counted_B of a point that has its samples, then the policy's vigil. A
 * witness that fails is said in the point and is no failure of it. */
ir_status stretch_run(sampler *, ir_point *);
#endif

/* per_layer.h -- --layers: rows for the single layers of a network that was measured. A layer's row has the
 * network's name and parameters, one more parameter `layer` (its number; its name as word), and the family
 * "layer", which the law is not fitted over: the network already is. Each has its own cost, roofline and
 * verdict. */
#ifndef BENCH_PER_LAYER_H
#define BENCH_PER_LAYER_H
#include "bench/cli/cli.h"
#include "bench/measure/context.h"
/* "all", or numbers and ranges: IR_EINVAL when no selected workload is a network or a number is beyond one's
 * layers. */
ir_status per_layer_valid(const char *which, const cli_points *);
/* The layers that s->layers asks for of `whole`, a row of this workload and kernel; nothing for other
 * workloads and for rows without a time. A kernel that cannot time its layers gets one skipped row. */
ir_status per_layer_measure(measure_context *, const ir_workload *, const ir_kernel *, const ir_point *whole);
#endif

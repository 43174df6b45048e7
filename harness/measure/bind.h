/* bind.h -- a kernel, a shape and a device: can it run there, and what does it cost. */
#ifndef IR_MEASURE_BIND_H
#define IR_MEASURE_BIND_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif
/* A kernel and one shape on one device: threads, cost and can_run, each asked once. */
typedef struct {
    ir_dev            *dev;
    const ir_workload *w;
    const ir_kernel   *k;
    ir_params          p;      /* threads resolved */
    ir_cost            cost;   /* as the kernel adjusts it; all 0 of an impossible shape */
    ir_status          status; /* IR_OK; IR_SKIP or IR_EINVAL: it cannot run, reason says why */
    char               reason[IR_WHY];
} ir_bound_kernel;
/* Resolve it. Returns out->status, which ir_why() explains too. */
ir_status ir_bind(ir_dev *, const ir_workload *, const ir_kernel *, const ir_params *asked,
                  ir_bound_kernel *out);
#ifdef __cplusplus
}
#endif
#endif

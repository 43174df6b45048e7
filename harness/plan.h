/* plan.h -- a kernel's plan from its making to its end: what a caller of ir_plan_ops does, where the kernel
 * has the operation, and nothing where it has not. */
#ifndef IR_PLAN_H
#define IR_PLAN_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif
/* The operations of the run's kernel; never NULL. */
const ir_plan_ops *ir_plan_of(const ir_kernel *);
ir_status          ir_plan_make(ir_run *);      /* run->self; after a failure, too, call ir_plan_destroy() */
void               ir_plan_destroy(ir_run *);   /* idempotent */
ir_status          ir_plan_prepare(ir_run *);   /* of the bound tensors, to run->packed */
void               ir_plan_unprepare(ir_run *); /* idempotent; run->packed is NULL afterwards */
uint32_t           ir_plan_consumes(const ir_run *);
void               ir_plan_drop_scratch(ir_run *);
void               ir_plan_cost(const ir_run *, ir_cost *); /* *cost is what the workload and kernel say */
#ifdef __cplusplus
}
#endif
#endif

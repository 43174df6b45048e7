/* measure.h -- verify, then time: one workload, one kernel, one shape, one device -> one point. */
#ifndef IR_MEASURE_H
#define IR_MEASURE_H
#include "harness/measure/bind.h"
#include "harness/measure/witness.h"
#ifdef __cplusplus
extern "C" {
#endif
void ir_policy_quick(ir_policy *); /* a point in about a quarter of a second */
void ir_policy_full(ir_policy *);  /* statistics.md 1-2 */

/* ir_measure() of what is bound already. */
ir_status ir_measure_bound(const ir_bound_kernel *, const ir_policy *, ir_point *out);

/* Verify a kernel on one shape without timing it. misalign: bytes added to every tensor's address
 * (0..63; host memory only). Guard bytes around every tensor, outputs poisoned with NaN patterns.
 * IR_OK, IR_SKIP, IR_ECHECK (wrong or wrote outside) or another failure; *check is filled if it ran. */
ir_status ir_verify(ir_dev *, const ir_workload *, const ir_kernel *, const ir_params *, uint64_t seed,
                    size_t misalign, ir_check *check);

/* Measure one point. Always fills `out`: a skip or a failure is a row too. Returns out->status. */
ir_status ir_measure(ir_dev *, const ir_workload *, const ir_kernel *, const ir_params *, const ir_policy *,
                     ir_point *out);
/* Call the kernel's profile() `calls` times on a point that was measured before; p has its threads. Seconds
 * of layer l in call c go to layer_s[c*n + l]. One call before them warms up and is not recorded. */
ir_status ir_profile(ir_dev *, const ir_workload *, const ir_kernel *, const ir_params *p, uint64_t seed,
                     int n, size_t calls, double *layer_s, const char **choice);
/* A probe is a kernel bound once and called now and then. ir_probe_open() verifies its output. *out is NULL
 * unless IR_OK. Close it before the device. */
typedef struct ir_probe ir_probe;
ir_status ir_probe_open(ir_dev *, const ir_workload *, const ir_kernel *, const ir_params *, uint64_t seed,
                        ir_probe **out);
double    ir_probe_s(ir_probe *);                       /* wall seconds of one call; NAN: it failed */
double    ir_probe_calls_s(ir_probe *, uint32_t calls); /* of one of so many back to back */
void      ir_probe_close(ir_probe *);                   /* NULL: nothing to do */
/* Free the tensors that are kept for the next point of the same sizes. */
void ir_measure_release(ir_dev *);
#ifdef __cplusplus
}
#endif
#endif

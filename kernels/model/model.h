/* model.h -- the model backend: times of kernels on a described machine, on a virtual clock; and its truth.
 */
#ifndef MODEL_H
#define MODEL_H
#include "kernels/model/machine.h"
#ifdef __cplusplus
extern "C" {
#endif

/* How many times its described rate each resource has: 1 as described. wait: of a dependent load. */
typedef struct {
    double memory, cache, compute, launch, wait;
} model_scale;
/* Why a call takes its time. memory_s and cache_s: of its bytes, compute_s: of its arithmetic, each at the
 * clock as described; wait_s: dependent loads, one after the other; launch_s: of one launch. */
typedef struct {
    double memory_s, cache_s, compute_s, wait_s, launch_s, launches, overlap;
    bool   once;    /* launches are paid once a batch */
    double threads; /* that are busy meanwhile */
    double move_J;  /* energy of a call beside the base power's */
} model_plan;
void model_plan_of(const model_machine *, const ir_workload *, uint32_t kflags, const ir_params *,
                   model_plan *);
/* As if one level served all of its bytes; l: its index, -1: whatever serves them. */
void model_plan_at(const model_machine *, const ir_workload *, uint32_t kflags, const ir_params *, int l,
                   model_plan *);
/* flop/s of a type by so many threads; products: by whatever unit has it, or its next wider type. 0: none. */
double model_flops(const model_machine *, int threads, ir_dtype, bool products);
/* Seconds of a batch of `reps` calls. */
double model_batch_s(const model_plan *, const model_scale *, double reps);
double model_clock_Hz(const model_machine *, double cores);                 /* with so many cores busy */
double model_launch_s(const model_machine *, int threads, uint32_t kflags); /* kflags: IR_K_GRAPH, _WAITED */
/* Reads of a level's bandwidth by so many threads, B/s; l: its index. */
double model_read_Bps(const model_machine *, int l, int threads);
/* How many times one instance's size such threads find in a level. */
double model_instances(const model_machine *, int l, int threads);

/* Opens the machine that ir_open_options.own points to, a model_machine; NULL: the smallest. It keeps a copy.
 */
extern const ir_backend model_backend;
const model_machine    *model_of(const ir_dev *); /* NULL: not a device of this backend */

/* ---- truth ----------------------------------------------------------------------------------- */
/* d ln T / d ln of each resource, by perturbing the model by 1 %. All are positive: more of it is faster. */
typedef struct {
    double memory, cache, compute, latency;
} model_elasticity;
model_elasticity model_elasticity_of(const model_plan *, double reps);
/* At another moment: when the resources have these rates. */
model_elasticity model_elasticity_at(const model_plan *, double reps, const model_scale *);
/* The class of the largest elasticity, and how large that is. */
ir_bound model_bound_of(const model_elasticity *, double *share);
#ifdef __cplusplus
}
#endif
#endif

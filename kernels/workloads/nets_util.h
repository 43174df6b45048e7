/* nets_util.h -- what the workloads over layer rows share: rows and tables from parameters, tensors, errors
 * and tolerances, the reference results of the last point. */
#ifndef NETS_UTIL_H
#define NETS_UTIL_H
#include "kernels/nets/oracle.h"
#include "kernels/nets/values.h"
#include "kernels/workloads/workloads_nets.h"

/* ir_workload.ext of these workloads: exactly one of the two is there. */
typedef struct {
    void (*row)(const ir_params *, ly_row *);
    ir_status (*net)(const ir_params *, ly_net *);
} nets_kind;

/* Are all of a workload's parameters but those in `zero` (bit set: may be 0) from 1 to 2^30? */
ir_status nets_positive(const ir_workload *, const ir_params *, uint32_t zero);
/* Does every tensor of the workload stay below 2^46 B? `elems`: of its largest one, in double. */
ir_status nets_fits(const ir_workload *, double elems);
void      nets_row_init(ly_row *, ly_op, const char *name); /* LY_INPUT to LY_OUTPUT, no add, no parameters */
/* The same of v[0] rows of v[1] elements; as a layer norm: gain, then offset in one tensor. */
void    nets_rows_init(ly_row *, const ir_params *, ly_op, const char *name);
void    nets_norm_row(const ir_params *, ly_row *);
ir_cost nets_row_cost(const ir_workload *, const ir_params *);

/* ---- comparing ------------------------------------------------------------------------------- */
/* The larger of *err and |diff|/bound; NaN sticks. */
void nets_worst(double *err, double diff, double bound);
/* NAN when a value is NaN or infinite, else 0. */
double nets_finite(const void *x, int64_t n);
/* The items of a batch that are checked: the first and one other; returns how many. */
int nets_items(int64_t batch, int64_t item[2]);
/* Unit of the rounding a backend may apply to activations inside a kernel with such weights; 0 for f32. */
double nets_rounding(ir_dtype);
/* Its like for weights in groups, whose kernels may round activations to int8 in blocks of 32, one scale
 * each: steps of 1/127 of the block's largest, which is some 2.5 deviations out; their
 * deviation, 2.5/127/sqrt(12) of the activations', is 0.4 of this unit. */
#define NETS_I8_ROUNDING 0x1p-6
/* Tolerance of y = sum of K products, relative to |w| sqrt(K) rms(x) (Cauchy-Schwarz for a typical row x).
 * For random signs f32 sums end within a rounding or two of it whatever their order: 16 eps; Winograd
 * transforms of 3x3 filters amplify that: 64 eps with `winograd`. Rounded activations add K independent
 * errors of at most nets_rounding() each: 6 deviations of their sum, and never more than twice the rounding
 * itself. */
double nets_tol_product(ir_dtype, int64_t K, bool winograd);
double nets_rms(const float *x, int64_t n);

/* ---- memory of the last reference ------------------------------------------------------------ */
/* n floats that still hold what was computed for the same workload, parameters (whatever the threads) and
 * content, and *known true; or room for them and *known false: fill it, or call nets_forget(). NULL: no
 * memory. */
float *nets_remember(const ir_workload *, const ir_params *, uint64_t content, size_t n, bool *known);
void   nets_forget(void);
/* A digest of at most 4096 places of a tensor: tensors are pure functions of a seed. */
uint64_t nets_digest(uint64_t before, const void *p, size_t bytes);
#endif

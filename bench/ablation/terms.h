/* terms.h -- a variant of a point, and the terms of the law that the ceilings give it. */
#ifndef BENCH_ABLATION_TERMS_H
#define BENCH_ABLATION_TERMS_H
#include "bench/ablation/elasticity.h"
#include "bench/measure/context.h"
typedef struct {
    char      what[64]; /* "batch 8 to 16", "one of 2 cores" */
    ir_params p;
    bool      cold;
    int       isa_plus1;  /* CPU: run under this instruction set, 1 + cpu_isa; 0: as it is */
    double    data_scale; /* of the data term the ceilings give (how much threads get differs from then) */
    double comp_scale; /* of the compute term the ceilings give (another instruction set has no ceiling of its
                          own) */
    const ir_workload *workload;
    const ir_kernel   *kernel;    /* in the base's place; NULL: as it is */
    double             lat_scale; /* of the latency term, against the base: launches of another kind */
    double reread_s; /* of the data term, added: what its cost model counts once and a cache delivers again */
    double work; /* times and terms are multiplied by this: work of the base / work of the variant, or 1 */
} ablation_variant;
/* The base itself as a variant. */
void variant_base(const ir_point *, ablation_variant *);
/* Data, compute and latency of a measured point at the ceilings, as seconds a call, times t->work. NAN: no
 * ceiling. */
void variant_terms(const measure_context *, const ablation_variant *, const ir_point *, double t[ABL_NTERM]);
#endif

/* terms.h -- a variant of a point, and the terms of the law that the ceilings give it. */
#ifndef BENCH_ABLATION_TERMS_H
#define BENCH_ABLATION_TERMS_H
#include "bench/ablation/elasticity.h"
#include "bench/measure/context.h"
/* One variant of a point.
 * data_scale: factor on the data term of the ceilings: threads may get a different share of bandwidth.
 * comp_scale: factor on the compute term: another instruction set has no ceiling of its own.
 * lat_scale:  factor on the latency term of the base: launches of another kind.
 * reread_s:   added to the data term: bytes its cost model counts once and a cache delivers again.
 * work:       factor on times and terms: work of the base / work of the variant, or 1. */
typedef struct {
    char               what[64]; /* "batch 8 to 16", "one of 2 cores" */
    ir_params          p;
    bool               cold;
    bool               narrow; /* run under the narrower form of the backend */
    double             data_scale, comp_scale, lat_scale;
    const ir_workload *workload;
    const ir_kernel   *kernel; /* in the base's place; NULL: as it is */
    double             reread_s, work;
} ablation_variant;
/* Describe the base itself as a variant. */
void variant_base(const ir_point *, ablation_variant *);
/* Evaluate data, compute and latency of a measured point at the ceilings: seconds a call, times t->work. NAN
 * where there is no ceiling. */
void variant_terms(const measure_context *, const ablation_variant *, const ir_point *, double t[ABL_NTERM]);
#endif

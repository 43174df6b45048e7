/* claims_evidence.h -- rows and ceilings made up for the rules of claims: one kernel, two threads, a memory
 * of 40 GB/s. */
#ifndef IR_TESTS_CLAIMS_EVIDENCE_H
#define IR_TESTS_CLAIMS_EVIDENCE_H
#include "bench/claims/claims.h"
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/workloads/workloads_nets.h"

#include <math.h>
#include <stdio.h>

/* What the rules are read against. */
static const ir_workload *const claim_table[] = {&wl_gemm,     &wl_gemv, &wl_batchmm,
                                                 &wl_resnet50, &wl_gpt2, NULL};

static inline void point(ir_point *o, const ir_workload *w, ir_params p, double T, ir_bound b, double prob)
{
    ir_point_init(o);
    snprintf(o->id.backend, sizeof o->id.backend, "cpu");
    snprintf(o->id.workload, sizeof o->id.workload, "%s", w->name);
    snprintf(o->id.family, sizeof o->id.family, "%s", w->family);
    snprintf(o->id.kernel, sizeof o->id.kernel, "fast");
    ir_point_params(o, w, &p);
    o->id.p.threads = 2;
    o->status = IR_OK;
    o->m.cost = w->cost(w, &p);
    o->m.wall = (ir_stats){.median = T, .ci_lo = 0.99 * T, .ci_hi = 1.01 * T, .n = 30};
    o->law.bound = b;
    o->law.bound_p = prob;
    o->law.term_data_s = b == IR_BOUND_MEMORY ? 0.9 * T : 0.1 * T;
    o->law.term_comp_s = T - o->law.term_data_s;
    o->law.term_lat_s = 0;
    o->law.ridge = 5;
    o->law.eta_star = 0.3;
    o->law.margin = 2;
}

static inline void ceilings(ir_ceilings *c)
{
    ir_ceilings_init(c);
    ir_ceilings_add(c, &(ir_ceiling){.what = IR_C_BANDWIDTH,
                                     .level = "DRAM",
                                     .op = "read",
                                     .dtype = IR_NDTYPE,
                                     .threads = 2,
                                     .value = 40e9,
                                     .lo = 39.9e9,
                                     .hi = 40.1e9,
                                     .read_frac = 1});
    ir_ceilings_add(c, &(ir_ceiling){.what = IR_C_FLOPS,
                                     .dtype = IR_F32,
                                     .threads = 2,
                                     .value = 200e9,
                                     .lo = 199e9,
                                     .hi = 201e9,
                                     .read_frac = NAN});
}
#endif

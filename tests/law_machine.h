/* law_machine.h -- a made-up machine of four cores and points on it, for the tests of the law. */
#ifndef TESTS_LAW_MACHINE_H
#define TESTS_LAW_MACHINE_H
#include "harness/law/law.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/asserts.h"

/* ---- a machine ------------------------------------------------------------------------------- */
static inline ir_ceiling *put(ir_ceilings *c, ir_what what, const char *level, const char *op, ir_dtype t,
                              int threads, double value)
{
    ir_ceiling x;
    memset(&x, 0, sizeof x);
    x.what = what;
    x.dtype = t;
    x.threads = threads;
    x.value = value;
    x.lo = x.hi = x.theory = x.read_frac = x.size_B = NAN;
    x.source = IR_SRC_MEASURED;
    snprintf(x.level, sizeof x.level, "%s", level);
    snprintf(x.op, sizeof x.op, "%s", op);
    snprintf(x.kernel, sizeof x.kernel, "huge");
    assert_int_equal(ir_ceilings_add(c, &x), IR_OK);
    return &c->v[c->n - 1];
}

static inline ir_ceiling *stream(ir_ceilings *c, const char *level, const char *op, double read_frac,
                                 int threads, double value)
{
    ir_ceiling *x = put(c, IR_C_BANDWIDTH, level, op, IR_F64, threads, value);
    x->read_frac = read_frac;
    return x;
}

/* Four cores: DRAM reads at 1, 2, 4 threads, the other kinds at 1 and 4; an L2 known at both ends; no L1 or
 * L3 rows. */
static inline void machine(ir_ceilings *c)
{
    ir_ceilings_init(c);
    c->level_B[0] = 32768;
    c->level_B[1] = 1e6;
    c->level_B[2] = 16e6;
    stream(c, "DRAM", "read", 1, 1, 20e9);
    stream(c, "DRAM", "read", 1, 2, 30e9);
    stream(c, "DRAM", "read", 1, 4, 40e9);
    stream(c, "DRAM", "write", 0, 1, 10e9);
    stream(c, "DRAM", "write", 0, 4, 20e9);
    stream(c, "DRAM", "copy", .5, 1, 15e9);
    stream(c, "DRAM", "copy", .5, 4, 44e9);
    stream(c, "L2", "read", 1, 1, 100e9);
    stream(c, "L2", "read", 1, 4, 400e9);
    put(c, IR_C_FLOPS, "", "fma", IR_F32, 1, 50e9);
    put(c, IR_C_FLOPS, "", "fma", IR_F32, 4, 200e9);
    put(c, IR_C_FLOPS, "", "fma", IR_F64, 4, 100e9);
    put(c, IR_C_LAUNCH, "", "forkjoin", IR_NDTYPE, 1, 1e-8);
    put(c, IR_C_LAUNCH, "", "forkjoin", IR_NDTYPE, 4, 2e-6);
    put(c, IR_C_BANDWIDTH, "DRAM", "gather", IR_F64, 4, 4e9);
}

static inline void retime(ir_point *p, double T)
{
    p->m.wall.median = T;
    p->m.wall.ci_lo = 0.99 * T;
    p->m.wall.ci_hi = 1.01 * T;
}

static inline ir_point point(double read_B, double write_B, double flops, double footprint_B, double T)
{
    ir_point p;
    ir_point_init(&p);
    snprintf(p.id.workload, sizeof p.id.workload, "gemm");
    snprintf(p.id.family, sizeof p.id.family, "gemm");
    snprintf(p.id.kernel, sizeof p.id.kernel, "blocked");
    p.id.p.dtype = IR_F32;
    p.id.p.threads = 4;
    p.m.cost = (ir_cost){.flops = flops, .launches = 1, .footprint_B = footprint_B};
    p.m.cost.part[IR_OF_REST] = (ir_traffic){.read_B = read_B, .write_B = write_B};
    p.status = IR_OK;
    p.m.wall.n = 30;
    retime(&p, T);
    return p;
}
/* Data at .8 of its ceiling, eta .5, the launch cost unidentified; no draws. */
static inline ir_fit known(ir_form form)
{
    ir_fit f;
    memset(&f, 0, sizeof f);
    f.form = form;
    f.BW_ref = 40e9;
    f.R_peak = 200e9;
    f.BW = (ir_coef){32e9, 30e9, 34e9, IR_FITTED};
    f.eta = (ir_coef){0.5, 0.4, 0.6, IR_FITTED};
    f.L_lat = (ir_coef){NAN, NAN, NAN, IR_UNIDENTIFIED};
    return f;
}
#endif

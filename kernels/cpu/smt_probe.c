/* smt_probe.c -- see smt_probe.h. Topology files cannot answer this in a virtual machine; a saturated FMA
 * pipe can. */
#include "kernels/cpu/smt_probe.h"
#include "kernels/cpu/peak.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHAINS = 12, ROUNDS = 11, BURST = 4096 };
typedef struct {
    const cpu_peak_data  *d;
    const cpu_peak_table *t;
    int                   bursts;
} job;

static void smt_probe_region(void *arg, int tid, int nthreads)
{
    const job                 *j = arg;
    cpu_peak_fn                fn = j->t->fn[IR_F32][wl_fma_chains_index(CHAINS)];
    _Alignas(64) unsigned char x[CHAINS][WL_FMA_VECTOR_B];
    (void)tid, (void)nthreads;
    for (int i = 0; i < j->bursts; i++) {
        memcpy(x, j->d->x, sizeof x);
        fn(x, j->d->coef, BURST);
    }
}

static double smt_probe_timed(ir_pool *pool, int threads, job *j)
{
    double t0 = ir_now();
    ir_pool_run(pool, threads, smt_probe_region, j);
    return ir_now() - t0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

ir_status cpu_smt_probe(ir_dev *dev, double *ratio)
{
    cpu_dev      *c = cpu_of(dev);
    cpu_peak_data d;
    double        one[ROUNDS], two[ROUNDS];
    job           j = {&d, cpu_peak_of(c->isa), 4};
    *ratio = NAN;
    if (c->nthreads < 2) return ir_fail(IR_SKIP, "pair probe: the device has one thread");
    cpu_peak_fill(IR_F32, CHAINS, &d);
    ir_pool_enter(c->pool);
    double t = fmin(smt_probe_timed(c->pool, 2, &j),
                    smt_probe_timed(c->pool, 2, &j)); /* wakes both; sizes a round to 0.4 ms */
    j.bursts = t > 0 && t < 0.4e-3 ? (int)ceil(4 * 0.4e-3 / t) : 4;
    for (int i = 0; i < ROUNDS; i++) {
        one[i] = smt_probe_timed(c->pool, 1, &j);
        two[i] = smt_probe_timed(c->pool, 2, &j);
    }
    ir_pool_leave(c->pool);
    qsort(one, ROUNDS, sizeof *one, by_value);
    qsort(two, ROUNDS, sizeof *two, by_value);
    *ratio = 2 * one[ROUNDS / 2] / two[ROUNDS / 2];
    return IR_OK;
}

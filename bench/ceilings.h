/* ceilings.h -- private to bench/ceilings*.c: what the stages of a ceilings run share. */
#ifndef BENCH_CEILINGS_H
#define BENCH_CEILINGS_H
#include "bench/session.h"
enum { NLEVEL = 4, MAX_THREADS = 24 };
typedef struct {
    session *s;
    double   size_B[NLEVEL]; /* representative working set of one thread per level (DRAM: of all); 0: no such level */
    int      threads[MAX_THREADS], nthread; /* 1, 2, 4 ... all; 0 alone: a device */
    bool     device;
    int      share;       /* how many cores' private caches one entry of size_B[0..1] adds up */
    double   clock_Hz;
} ceiling_plan;
/* Set a workload's parameter by name; nothing where it has none of that name. */
void ceiling_set(const ir_workload *, ir_params *, const char *key, double value);
/* A ceiling from a measured point; value is a rate (its interval follows the time's) or what the caller makes of it. */
ir_ceiling ceiling_from(const ceiling_plan *, ir_what, const char *level, const ir_point *, double value);
/* Best contender of a workload at one shape; best->status is not IR_OK when there is none, and it borrows its samples from the
 * session. nt: whether non-temporal variants are tried too. */
ir_status ceiling_best(ceiling_plan *, const ir_workload *, const ir_params *, bool nt, ir_point *best);
/* Launch cost of each kind, transfers between host and device, local memory. */
ir_status ceilings_costs(ceiling_plan *);
/* A second look at DRAM bandwidth, after everything else. */
ir_status ceilings_revisit(ceiling_plan *);
#endif

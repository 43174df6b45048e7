/* stages.h -- private to bench/ceilings/: what the stages of a ceilings run share. */
#ifndef BENCH_CEILINGS_STAGES_H
#define BENCH_CEILINGS_STAGES_H
#include "bench/measure/context.h"
enum { NLEVEL = 4, MAX_THREADS = 24 };
typedef struct {
    measure_context *s;
    double size_B[NLEVEL]; /* representative working set of one thread per level (DRAM: of all); 0: no such
                              level */
    int     threads[MAX_THREADS], nthread; /* 1, 2, 4 ... all; 0 alone: a device */
    bool    device;
    bool    for_points; /* re-measured after the points: what bw_now answers for, no saturation checks */
    bool    own;        /* a device with memory of its own: a GPU with a card */
    int     share;      /* how many cores' private caches one entry of size_B[0..1] adds up */
    double  clock_Hz;
    int64_t streams; /* that the last certified operation was fastest with on a device; 0: none yet */
} ceiling_plan;
extern const char *const ceiling_level[NLEVEL]; /* "L1" .. "DRAM" */
/* Set a workload's parameter by name; nothing where it has none of that name. */
void ceiling_set(const ir_workload *, ir_params *, const char *key, double value);
/* A ceiling from a measured point; value is a rate (its interval follows the time's) or what the caller makes
 * of it. */
ir_ceiling ceiling_from(const ceiling_plan *, ir_what, const char *level, const ir_point *, double value);
/* The point's rate, where it is higher. */
void      ceiling_raise(const ceiling_plan *, ir_ceiling *, const ir_point *);
ir_status ceiling_add(ceiling_plan *, const ir_ceiling *);
double    ceiling_rate(const ir_point *);  /* B/s; NAN unless ok */
double    ceiling_flops(const ir_point *); /* flop/s */
double    ceiling_bytes(const ceiling_plan *, int level,
                        int threads); /* the working set that stands for a level */
/* Working sets of the ladders: from CEILING_LADDER_B in steps of this factor. */
enum { CEILING_LADDER_B = 4096 };
double ceiling_ladder_step(const ceiling_plan *);
/* Best contender of a workload at one shape; best->status is not IR_OK when there is none. *best borrows its
 * samples from the context. nt: whether non-temporal variants are tried too. */
ir_status ceiling_best(ceiling_plan *, const ir_workload *, const ir_params *, bool nt, ir_point *best);
/* No point yet; and the fastest of it and the kernels that have all flags `with` and none of `without`. */
void      ceiling_none(ir_point *best);
ir_status ceiling_fastest(ceiling_plan *, const ir_workload *, const ir_params *, uint32_t with,
                          uint32_t without, ir_point *best);
/* Rates of the best contender along one axis; r[i] is NAN where nothing ran. best: the fastest of all. */
ir_status ceiling_axis(ceiling_plan *, const ir_workload *, ir_params, const char *key, const int64_t *v,
                       int n, double (*value)(const ir_point *), double *r, ir_point *best);
/* What going from `from` to `to` gained; NAN: not known. */
void ceiling_saturation(ir_ceiling *, const char *axis, double from, double to, double gain);
/* The last doubling that ran, against the one before it. */
void ceiling_saturation_axis(ir_ceiling *, const char *key, const int64_t *v, const double *r, int n);

/* Dependent loads, level by level, and how many a core keeps in flight; random access. */
ir_status ceilings_latency(ceiling_plan *);
ir_status ceilings_gather(ceiling_plan *);
/* The best product of the vendor's library per dtype, as a ceiling of arithmetic. */
ir_status ceilings_library(ceiling_plan *);
/* What more streams, all the threads a device holds instead of half of them and, at memory, twice the working
 * set gained the best kernel of a stream; streams that gain raise the ceiling. */
ir_status ceilings_saturate(ceiling_plan *, const ir_workload *, int level, ir_ceiling *);
/* Copying while computing: what of the shorter of both is hidden behind the longer. */
ir_status ceilings_overlap(ceiling_plan *);
/* Launch cost of each kind, transfers between host and device, local memory. */
ir_status ceilings_costs(ceiling_plan *);
/* A second look at DRAM bandwidth, after everything else. */
ir_status ceilings_remeasure(ceiling_plan *);
/* A re-measurement gave an operation and the reads beside it these rates (0 or NAN: reads unknown, nothing
 * changes). The ceiling keeps the operating point with the highest rate, and the latest other one. */
void ceiling_operating_point(ir_ceiling *, double op_Bps, double read_Bps);
#endif

/* stages.h -- state and helpers shared by the stages of a ceilings run. Private to bench/ceilings/. */
#ifndef BENCH_CEILINGS_STAGES_H
#define BENCH_CEILINGS_STAGES_H
#include "bench/measure/context.h"
enum { MAX_THREADS = 24 };
/* size_B: a working set that stands for each level; of one thread, at DRAM of all; 0: no such level.
 * for_points: a re-measurement after the points; it serves bw_now and makes no saturation checks.
 * share: the number of cores whose private caches one entry of size_B[0..1] adds up.
 * streams: the count the last checked operation was fastest with on a device; 0: none yet. */
typedef struct {
    measure_context *s;
    double           size_B[IR_NLEVEL];
    int              threads[MAX_THREADS], nthread; /* 1, 2, 4 ... all; 0 alone: a device */
    bool             device;
    bool             for_points;
    bool             own; /* the device has memory of its own: a GPU with a card */
    int              share;
    double           clock_Hz;
    double           llc_B;    /* one instance of the last-level cache, as the system has it; 0: not known */
    int              llc;      /* which level that is; L3 where it is not known */
    double           launch_s; /* the cheapest launch; 0: not measured yet */
    int64_t          streams;
} ceiling_plan;
/* Set a workload's parameter by name. Does nothing if it has none of that name. */
void ceiling_set(const ir_workload *, ir_params *, const char *key, double value);
/* Make a ceiling from a measured point. The interval of `value`, a rate, follows that of the time. */
ir_ceiling ceiling_from(const ceiling_plan *, ir_what, const char *level, const ir_point *, double value);
/* Raise the ceiling to the point's rate, if that is higher. */
void      ceiling_raise(const ceiling_plan *, ir_ceiling *, const ir_point *);
ir_status ceiling_add(ceiling_plan *, const ir_ceiling *);
double    ceiling_rate(const ceiling_plan *, const ir_point *);  /* B/s, beside its launches; NAN unless ok */
double    ceiling_flops(const ceiling_plan *, const ir_point *); /* flop/s */
/* The working set that stands for a level. Where the caches nearer to all threads hold nearly as much, both
 * serve it. */
double ceiling_bytes(const ceiling_plan *, int level, int threads);
/* Bytes that a working set may take: of the device, and of the host, which holds what the oracle needs. */
double ceiling_room_B(const ceiling_plan *);
/* Working sets of the ladders: from CEILING_LADDER_B in steps of this factor. */
enum { CEILING_LADDER_B = 4096 };
double ceiling_ladder_step(const ceiling_plan *);
/* Find the fastest contender of a workload at one shape. best->status is not IR_OK when there is none. *best
 * borrows its samples from the context. nt: try non-temporal variants too. */
ir_status ceiling_best(ceiling_plan *, const ir_workload *, const ir_params *, bool nt, ir_point *best);
/* ceiling_none() makes *best empty. ceiling_fastest() replaces it by a faster kernel that has all flags
 * `with` and none of `without`. */
void      ceiling_none(ir_point *best);
ir_status ceiling_fastest(ceiling_plan *, const ir_workload *, const ir_params *, uint32_t with,
                          uint32_t without, ir_point *best);
/* Measure the best contender along one axis. r[i] is its rate, NAN where nothing ran; best the fastest. */
ir_status ceiling_axis(ceiling_plan *, const ir_workload *, ir_params, const char *key, const int64_t *v,
                       int n, double (*value)(const ceiling_plan *, const ir_point *), double *r,
                       ir_point *best);
/* Record the gain of going from `from` to `to` along an axis. NAN: not known. */
void ceiling_saturation(ir_ceiling *, const char *axis, double from, double to, double gain);
/* Record the gain of the last doubling that ran over the one before it. */
void ceiling_saturation_axis(ir_ceiling *, const char *key, const int64_t *v, const double *r, int n);

/* Measure dependent loads by level, and how many a core keeps in flight; random access. */
ir_status ceilings_latency(ceiling_plan *);
/* Measure one of them as a ceiling: node as ir_params has it, `name` of the pages. *out: seconds a load; NAN:
 * nothing ran. */
ir_status ceiling_latency(ceiling_plan *, const char *level, int node, double bytes, int pages,
                          const char *name, double *out);
ir_status ceilings_gather(ceiling_plan *);
/* Measure memory on each node that the device can put it on; of one node nothing. */
ir_status ceilings_nodes(ceiling_plan *);
/* The rows of one peak of a host's vector units; best: the fastest, as of ceiling_axis(). */
ir_status ceilings_peak_rows(ceiling_plan *, ir_dtype, int threads, ir_point *best);
/* Measure the best product of the vendor's library per dtype, as a ceiling of arithmetic. */
ir_status ceilings_library(ceiling_plan *);
/* Check saturation of the best kernel of a stream: more streams, all threads of a device instead of half and,
 * at memory, twice the working set. More streams that gain raise the ceiling. */
ir_status ceilings_saturate(ceiling_plan *, const ir_workload *, int level, ir_ceiling *);
/* Measure copying while computing: the share of the shorter one that hides behind the longer. */
ir_status ceilings_overlap(ceiling_plan *);
/* Measure what a launch costs, of each kind; once. */
ir_status ceilings_launches(ceiling_plan *);
/* Measure the launch cost of each kind, transfers between host and device, local memory. */
ir_status ceilings_costs(ceiling_plan *);
/* Measure DRAM bandwidth again, after everything else. */
ir_status ceilings_remeasure(ceiling_plan *);
/* Add a re-measurement: the rate of an operation and of the reads beside it. Reads of 0 or NAN are unknown
 * and change nothing. The ceiling keeps the operating point with the highest rate, and the latest other one.
 */
void ceiling_operating_point(ir_ceiling *, double op_Bps, double read_Bps);
#endif

/* machine.h -- a described machine: what the model backend takes its times from. Finer than the law: threads
 * share levels, levels blend at their edges, stores have two paths, terms overlap by a p-norm, kernels have
 * efficiencies.
 *
 * Every figure has a path ("level[2].size_B"), the same in a JSON file and in --model; fields.c is their
 * table, with what each may be. Quantities are SI; shares are of 1. A field that is not given takes the
 * table's default. */
#ifndef MODEL_MACHINE_H
#define MODEL_MACHINE_H
#include "harness/ironroof.h"
#include "harness/machine/machine.h"
#ifdef __cplusplus
extern "C" {
#endif

enum {
    MODEL_LEVELS = 5,
    MODEL_FAR = 7,
    MODEL_NAME = 64,
    MODEL_ABOUT = 160,
    MODEL_SOURCES = 24,
    MODEL_PATH = 256
};
typedef enum { MODEL_HOST, MODEL_GPU } model_kind;
/* What kernels do alike: their efficiencies and how far their data and arithmetic overlap. */
typedef enum {
    MODEL_STREAM,
    MODEL_GEMM,
    MODEL_GEMV,
    MODEL_CONV,
    MODEL_NET,
    MODEL_OP,
    MODEL_NCLASS
} model_class;

/* One level; the last of a machine is its memory. cores: that share one instance (of memory: of a NUMA node).
 * core_Bps: reads of one core; all_Bps: reads of one instance, however many cores ask. write: rate of stores
 * over that of reads; mix: how much faster (negative: slower) half reads, half writes are than their parts
 * one after the other. */
typedef struct {
    double size_B, cores, latency_s, core_Bps, all_Bps, write, mix;
} model_level;
/* Memory beyond the node that threads begin on, one of `nodes` or none of them: another socket's,
 * high-bandwidth memory, memory on CXL. As of a level; cores ask for lines as of their own memory. */
typedef struct {
    double latency_s, core_Bps, all_Bps;
} model_far;
typedef struct {
    double data, comp, overlap;
} model_kernel; /* shares of the ceilings; the p of the p-norm */

/* Each 0: off. */
typedef struct {
    double noise;          /* sd of the logarithm of a batch's time */
    double state, state_s; /* memory's other state: its share of the bandwidth; mean seconds in each */
    double drift, drift_s; /* the clock's swing about its mean, a share; its period */
    double neighbour,
        neighbour_s;              /* share of memory bandwidth another guest takes; mean seconds on and off */
    double preempt_Hz, preempt_s; /* how often a core is taken away, and for how long */
    double steal;                 /* share of every core's time that the hypervisor takes */
    double quota, quota_s;        /* cores' time in a period that a group of processes may use; the period */
    double throttle, throttle_s;  /* the clock falls to this share after so many seconds of load */
    double clock_lag;             /* the clock reads this share lower than it runs */
    double pair;                  /* two threads share one core: throughput of both over that of one */
} model_disturb;

typedef struct {
    char name[MODEL_NAME], about[MODEL_ABOUT];
    char topology[MODEL_PATH]; /* an hwloc XML file of its host; "": as the figures have it */
    struct {
        char path[32], from[MODEL_ABOUT];
    } source[MODEL_SOURCES];
    int    nsource;
    double gpu, cores, smt, dies, nodes, slow_cores,
        slow_share; /* slow_cores: of `cores`, those at slow_share of the rest */
    model_level level[MODEL_LEVELS];
    int         nlevel; /* 2 to 5: caches, then memory */
    model_far   far[MODEL_FAR];
    int         nfar; /* 0: nothing is said of where memory lies */
    struct {
        double nt, evade, lines, prefetch, gather;
    } memory;
    /* nt: non-temporal stores over regular ones' own path, in units of level.write; 0: there are none. evade:
     * share of write-allocates that full lines spare. lines: demand misses a core keeps in flight; prefetch:
     * lines that streams do. gather: as lines. */
    struct {
        double one_Hz, all_Hz, wide;
    } clock;                                   /* one core busy; all; under the widest vectors, a share */
    double peak[IR_NDTYPE], matrix[IR_NDTYPE]; /* flop a cycle and core, vector and matrix units; 0: none */
    struct {
        double chains, streams;
    } need; /* independent chains, and streams, that fill a core */
    struct {
        double first_s, thread_s, sync_s, graph_s;
    } launch; /* a region; each doubling of threads; waited for; a node of a graph */
    double link_Bps, local_Bps,
        link_overlap;  /* a GPU's link, its local memory, copies hidden behind kernels */
    double       wave; /* outputs a core works on at once; 0: no waves */
    model_kernel kernel[MODEL_NCLASS];
    struct {
        double move_JpB, comp_JpF, base_W, tick_s, wrap_J;
    } energy; /* a byte from memory; a flop; power besides; how often its counter renews itself, and where it
                 starts again; base_W 0: no counter */
    model_disturb disturb;
    double        seed;
} model_machine;

void model_defaults(model_machine *); /* every field's default */
/* One core, one cache, one rate of everything: a machine that obeys the law. */
void model_smallest(model_machine *);
/* One figure by path. IR_EINVAL "PATH: what is wrong and what is allowed". text: of name, about and source;
 * else NULL. */
ir_status model_set(model_machine *, const char *path, double value, const char *text);
/* "key=value,key=value" over a machine: --model. Keys are paths, or the short words of the table ("noise").
 */
ir_status model_set_all(model_machine *, const char *pairs);
/* After the last figure: what is missing, contradicts something else, or would never end. */
ir_status model_check(const model_machine *);
/* What changes from one machine of a kind to the next, drawn from a seed: sizes, rates, efficiencies, noise.
 * 0: as described. */
void model_vary(model_machine *, uint64_t seed);
/* Its host's processors and caches, as an operating system would tell them: those of its hwloc file, if it
 * has one. IR_EINVAL names the file where it has another number of cores. */
ir_status model_topology(const model_machine *, ir_topology *out);
/* Paths and ranges of all figures, one a line, for a reader of the documentation. */
void model_fields_print(FILE *);
#ifdef __cplusplus
}
#endif
#endif

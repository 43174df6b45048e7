/* ironroof.h -- every noun of the suite. Read this file first, top to bottom.
 *
 * workload (what is computed) - backend (where) - kernel (how) - point (one measurement, or an
 * honest skip) - law (the Iron Law fitted over points, declared in harness/law/law.h).
 *
 * Memory holds SI base units only (s, B, flop, Hz, J); only the text report scales them.
 * Unknown is NAN in memory and null in files, never 0.
 * C11 that is also C++17, because .cu files include it. */
#ifndef IR_IRONROOF_H
#define IR_IRONROOF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/cost.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { IR_MAX_PARAMS = 16, IR_MAX_TENSORS = 8, IR_NAME = 32, IR_ID = 256, IR_WHY = 192 };

typedef struct ir_workload ir_workload;
typedef struct ir_kernel   ir_kernel;
typedef struct ir_backend  ir_backend;
typedef struct ir_run      ir_run;
typedef struct ir_policy   ir_policy;
typedef struct ir_witness  ir_witness; /* harness/measure/measure.h */
typedef struct ir_vigil    ir_vigil;   /* likewise */

/* ---- errors ------------------------------------------------------------------------------------
 * IR_SKIP is an answer ("cannot here, because ..."), not an error: it becomes a row in the report. */
typedef enum {
    IR_OK,
    IR_SKIP,    /* not possible here; ir_why() says why */
    IR_EINVAL,  /* the caller's or user's mistake */
    IR_ENOMEM,  /* would not fit */
    IR_EIO,     /* a file or stream */
    IR_EDEVICE, /* the device failed; it is dead from now on */
    IR_ECHECK,  /* the output is wrong */
    IR_EINTR    /* interrupted by the user */
} ir_status;
/* Store a printf-formatted reason for this thread and return `code`. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
ir_status
ir_fail(ir_status code, const char *fmt, ...);
#ifdef __clang_analyzer__ /* it reads one source at a time: that a failure is one would be news to it */
static inline ir_status ir_failed(ir_status code, ir_status said) { return (void)said, code; }
#define ir_fail(code, ...) ir_failed(code, (ir_fail)(code, __VA_ARGS__))
#endif
const char *ir_why(void); /* this thread's last ir_fail() text; never NULL */
/* Has any call of this process failed for want of memory (IR_ENOMEM)? */
bool        ir_memory_was_short(void);
const char *ir_status_name(ir_status code); /* "ok" "skip" "invalid" ...: static text */

/* ---- dtypes ---------------------------------------------------------------------------------- */
typedef enum { IR_F64, IR_F32, IR_TF32, IR_F16, IR_BF16, IR_F8, IR_I8, IR_I4, IR_NDTYPE } ir_dtype;
const char *ir_dtype_name(ir_dtype t);  /* "f32" */
double      ir_dtype_bytes(ir_dtype t); /* storage per element; i4 is 0.5, tf32 is 4 */
ir_status   ir_dtype_parse(const char *s, ir_dtype *out);

/* ---- levels of a host's memory, nearest first ------------------------------------------------ */
/* Memory's caches, in order, and memory. The fourth is what some machines have between the processor's own
 * caches and memory: eDRAM, high-bandwidth memory as a cache. */
typedef enum { IR_L1, IR_L2, IR_L3, IR_L4, IR_DRAM, IR_NLEVEL } ir_level;
extern const char *const ir_level_names[IR_NLEVEL]; /* "L1" .. "DRAM" */

/* bfloat16 <-> float, round to nearest even; NaN stays NaN. */
float    ir_bf16_to_f32(uint16_t h);
uint16_t ir_f32_to_bf16(float f);

/* Counter-based random numbers: a pure function of (seed, i), uniform in [-1, 1). Vectorises; never
 * zeros, never denormal. Every input tensor is filled from it. */
static inline uint32_t ir_hash32(uint64_t seed, uint64_t i)
{
    uint32_t x =
        (uint32_t)i * 0x9E3779B9u + (uint32_t)(i >> 32) * 0x85EBCA77u + (uint32_t)(seed ^ (seed >> 32));
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    x ^= x >> 16;
    return x;
}
static inline float ir_rand_f32(uint64_t seed, uint64_t i)
{
    return (float)(int32_t)(ir_hash32(seed, i) | 0x100u) * (1.0f / 2147483648.0f);
}

/* ---- what: a workload owns shape, cost, inputs and truth; knows no device -------------------- */
typedef enum { IR_IN, IR_OUT, IR_INOUT } ir_role;
/* `v[i]` is the value of the workload's i-th named parameter (workload->param[i]). */
typedef struct {
    int64_t  v[IR_MAX_PARAMS];
    ir_dtype dtype;
    int      threads; /* host threads that work on it; 0: the device's default (and on GPUs) */
    int      node;    /* 1 + the device's node that its memory lies on; 0: where its threads put it */
} ir_params;
bool ir_params_same(const ir_params *, const ir_params *);
/* What one call costs: harness/cost.h. */
typedef struct {
    const char *name;  /* "A", "x", "weights": static text */
    size_t      bytes; /* 0 < bytes */
    ir_role     role;
    ir_dtype    dtype; /* element type, for poisoning and filling */
} ir_tensor;
typedef struct {
    double      err, tol; /* err <= tol passes; NaN in an output must give err = NAN, which fails */
    const char *oracle;   /* static text: what it was checked against */
} ir_check;
/* First parameter of a workload's slots: the workload itself, so that one function serves several. */
#if defined(__GNUC__)
#define IR_SELF const ir_workload *self __attribute__((unused))
#else
#define IR_SELF const ir_workload *self
#endif
struct ir_workload {
    const char        *name, *family, *doc;  /* e.g. "triad", "stream": a kernel serves a family */
    const char        *param[IR_MAX_PARAMS]; /* names of v[]; NULL-padded */
    const char *const *word[IR_MAX_PARAMS];  /* v[i] is an index into these words ("small"); NULL: a number */
    ir_params          defaults;             /* what an omitted key means; v[i] = 0 is "must be given" */
    uint32_t           dtypes;               /* bit set: 1u << IR_F32 | ... */
    bool               by_name; /* a variant for proofs: measured when named, in no grid and no law */
    const void        *ext;     /* bench-private: an operator code, a network's layer rows */
    const ir_params   *quick;
    size_t             nquick; /* grid of `run` in the quick profile, in report order */
    const ir_params   *full;
    size_t             nfull; /* grid of the full profile */
    const ir_params   *odd;
    size_t             nodd; /* small awkward shapes: the kernel test grid */
    /* Optional. Fills in what an omitted key, 0, means where that follows from other keys. Before valid(). */
    void (*complete)(const ir_workload *self, ir_params *);
    /* Shape errors (zero, overflow): IR_EINVAL with a reason. NULL: all positive values are fine. */
    ir_status (*valid)(const ir_workload *self, const ir_params *);
    ir_cost (*cost)(const ir_workload *self, const ir_params *);
    int (*tensors)(const ir_workload *self, const ir_params *,
                   ir_tensor         *out); /* count; the harness allocates them */
    /* Fill tensor `t` (of role IN or INOUT) at `host`, a pure function of p and seed. */
    void (*fill)(const ir_workload *self, const ir_params *, int t, void *host, uint64_t seed);
    /* Compare `after` with an oracle. before[t] is the initial content of INOUT tensors and the
     * content of IN tensors; NULL for OUT ones. reps: how often the kernel ran on `after`. */
    void (*check)(const ir_workload *self, const ir_params *, const void *const *before,
                  const void *const *after, ir_check *out);
    /* Is what was filled into INOUT tensor t still there, where a kernel may only add to it? The harness then
     * keeps no copy of it: before[t] is after[t]. NULL: it keeps one. */
    bool (*intact)(const ir_workload *self, const ir_params *, int t, const void *after, uint64_t seed);
};

/* ---- where: a backend moves bytes and reads a clock; every slot but enter, leave, tuning, vitals and taken
 * is mandatory ---- */
typedef struct {
    const ir_backend *be;
    void             *self;  /* the backend's own state, owned from open() to close() */
    int               index; /* the n-th device of the backend */
    bool              dead;  /* a sticky error: skip what is left */
} ir_dev;
/* p: host pointer, device pointer or cl_mem. host: non-NULL where the host can touch it directly. */
typedef struct {
    void  *p;
    void  *host;
    size_t bytes;
} ir_mem;
typedef struct {
    char id[64], name[96], backend[16], driver[96];
    char isa[IR_NAME];               /* instruction set of its kernels; empty: a device has none to choose */
    int  cores, threads, numa_nodes; /* threads: what ir_params.threads = 0 means; 0: a device that has none.
                                      * numa_nodes: of host memory; 0: memory of its own (a GPU) */
    int    memory_nodes; /* that memory can be put on, the nearest to its first thread first; 0: not known */
    double clock_Hz, mem_B, llc_B;          /* llc_B: aggregate last-level cache as reported; NAN unknown */
    double spec_Bps, spec_flops[IR_NDTYPE]; /* datasheet or vendor API; NAN unknown */
    bool   modelled;    /* a described machine: mem_B is its memory, and none of this host's is needed */
    bool   unified;     /* a GPU whose memory is the host's: on one board or in one package with it */
    bool   host_again;  /* the host's processor through another driver: measured only when asked for */
    char   limits[160]; /* what it refuses, in words: largest buffer, missing types; empty: nothing to say */
} ir_device_info;
/* What a device says of itself at a moment; NAN unknown. energy_J: a counter, from anywhere. slowed: what
 * lowers its clock just now, in words; empty: nothing, or not known. */
typedef struct {
    double clock_Hz, mem_clock_Hz, power_W, energy_J, temp_C;
    double energy_range_J; /* where its counter starts again from 0; 0: never */
    double cap_W;          /* its power limit; 0 or NAN: none known */
    char   slowed[64];
} ir_vitals;
/* What a user may ask of a device when it is opened. Zeroed, or NULL in its place: the device's own choice.
 */
typedef enum { IR_PAGES_DEFAULT, IR_PAGES_HUGE, IR_PAGES_SMALL } ir_pages;
typedef struct {
    int         max_threads; /* of the host; 0: all it may use */
    bool        no_pin;      /* leave the threads where the system puts them */
    bool        crowd;       /* more threads than processors are fine: for tests, nothing is timed */
    uint32_t    forms;       /* bit set over the backend's forms to choose among; 0: its own choice */
    ir_pages    pages;       /* of host memory */
    bool        look_only;   /* to be described and closed: no threads, no library that may be left out */
    const void *own;         /* the backend's own options (its header); NULL: none */
} ir_open_options;
typedef struct ir_env      ir_env;      /* harness/machine/machine.h */
typedef struct ir_topology ir_topology; /* likewise */
typedef struct ir_ceilings ir_ceilings; /* harness/law/law.h */
struct ir_backend {
    const char             *name;
    const ir_kernel *const *kernels; /* NULL-terminated; built from the backend's table.h */
    ir_status (*open)(ir_dev *, const ir_open_options *); /* index is set; IR_SKIP: no such device */
    void (*close)(ir_dev *);                              /* idempotent */
    ir_status (*describe)(ir_dev *, ir_device_info *out);
    ir_status (*alloc)(ir_dev *, size_t bytes, ir_mem *out); /* first-touched where kernels stream it */
    void (*release)(ir_dev *, ir_mem *);                     /* idempotent */
    ir_status (*put)(ir_dev *, ir_mem *dst, const void *host);
    ir_status (*get)(ir_dev *, const ir_mem *src, void *host);
    ir_status (*sync)(ir_dev *);
    double (*now)(ir_dev *);                    /* seconds, monotonic: the clock wall_s is read from */
    ir_status (*start)(ir_dev *);               /* mark the device's own clock */
    ir_status (*stop)(ir_dev *, double *dev_s); /* mark, wait, subtract; NAN: no clock of its own */
    /* A stretch of timed calls of one kernel begins and ends: a CPU pins its caller for that long, unless the
     * kernel is a library's with threads of its own. NULL: nothing to do. */
    void (*enter)(ir_dev *, const ir_kernel *);
    void (*leave)(ir_dev *);
    /* What was searched for on this device so far (a kernel's tiles) and what was found, in words, for the
     * record; empty: nothing. NULL: nothing ever is. */
    const char *(*tuning)(ir_dev *);
    /* Optional. Read between samples, some tens of times a second; without it the host's counters are. */
    void (*vitals)(ir_dev *, ir_vitals *out);
    /* Optional. Moves memory that was just allocated to a node, 0 .. memory_nodes - 1. */
    ir_status (*bind)(ir_dev *, const ir_mem *, int node);
    /* Optional. Lets time pass in which the device does nothing; without it this thread sleeps. */
    void (*rest)(ir_dev *, double seconds);
    /* Optional. Cumulative seconds that others took of its threads, all seconds, and how often its clock was
     * lowered; without it the host's counters are. */
    void (*taken)(ir_dev *, double *steal_s, double *total_s, double *throttle_n);
    /* Optional. Processors and caches of the host that its threads run on; without it this host's. */
    void (*topology)(ir_dev *, ir_topology *);
    /* Optional. Names of the forms its kernels exist in, NULL-terminated: instruction sets of a processor. */
    const char *const *forms;
    /* Optional. Bit set of the forms among which a short measurement decides, for kernels that differ by form
     * (kernel->by_form); 0: nothing is to be decided. use_form() comes with it: use this one from now on;
     * returns the one before. The widest is in use when a device was opened. */
    uint32_t (*rivals)(const ir_dev *);
    int (*use_form)(const ir_dev *, int form);
    /* Optional. What of the device belongs into the record's environment. */
    void (*environment)(ir_dev *, ir_env *);
    /* Optional. What one thread can compute at this clock by width and ports, flop/s; NAN: not known. */
    double (*theory_flops)(ir_dev *, ir_dtype, double clock_Hz);
    /* Optional. Names the next narrower form than the one in use ("avx2 for avx512"); NULL: there is none. */
    const char *(*narrower)(const ir_dev *);
    void (*narrow)(const ir_dev *, bool on); /* use it from now on, or go back; comes with narrower */
    /* Optional. Arithmetic of two threads over that of one: about 2 on two cores, about 1 where they share
     * one. */
    ir_status (*pair_ratio)(ir_dev *, double *ratio);
    /* Optional. Ceilings of a device that knows them and need not be measured. */
    ir_status (*known_ceilings)(const ir_dev *, ir_ceilings *out);
};

/* ---- how: a kernel is one implementation of one workload family on one backend --------------- */
enum {
    IR_K_NAIVE = 1u << 0, /* a ladder's bottom rung: an oracle, not a contender */
    IR_K_NT = 1u << 1,    /* non-temporal stores: no write-allocate traffic */
    IR_K_FUSED = 1u << 2, /* repetitions share one launch: cost.launches is paid once per batch */
    IR_K_IDEAL = 1u << 3, /* computes nothing: its output is not checked */
    IR_K_LIB = 1u << 4,   /* a vendor library's kernel */
    IR_K_HALF =
        1u << 5, /* half of the threads a device holds: not a contender, but a saturation check for one */
    IR_K_GRAPH = 1u << 6, /* its launches are the nodes of a graph, which cost less than one by one */
    IR_K_WAITED = 1u << 7 /* each launch is waited for */
};
/* One call that also says how long each layer of a network took, and what was chosen for it. */
typedef struct {
    /* layer_s[n], seconds; n = the number of rows of the workload's layer table, else IR_EINVAL. */
    ir_status (*profile)(ir_run *, double *layer_s, int n);
    /* Optional. The name of the kernel that the plan chose for a layer, static text; valid between prepare()
     * and destroy(). */
    const char *(*choice)(const ir_run *, int layer);
} ir_net_ops;
/* What can be done with a plan, run->self, beside running it. All optional. */
typedef struct {
    void (*destroy)(ir_run *); /* gives back what plan() made; safe after a failed plan() and twice */
    /* Load-time work on constant inputs (weights reordered for this kernel): called once per tensor set after
     * it was filled, never timed. What it allocates goes to run->packed, which the harness swaps together
     * with mem and gives back to unprepare(), idempotent. */
    ir_status (*prepare)(ir_run *);
    void (*unprepare)(ir_run *);
    /* Optional. Bit set of IN tensors whose content prepare() may leave undefined to all but run(): so
     * weights and their packed form need not both be in memory. */
    uint32_t (*consumes)(const ir_run *);
    /* Gives up the memory of scratch whose content no later call needs, while the oracle needs memory of its
     * own; the plan stays valid. */
    void (*drop_scratch)(ir_run *);
    void (*cost)(const ir_run *, ir_cost *); /* adjusts the cost to the plan (Winograd in some layers) */
    ir_net_ops net;                          /* profile NULL: no layers */
} ir_plan_ops;
struct ir_kernel {                   /* id: backend/workload/name, e.g. "cpu/gemm/blocked" */
    const char *family, *name, *doc; /* workload family it serves; "*": all */
    uint32_t    flags;
    /* Optional. IR_OK, or IR_SKIP with a reason. */
    ir_status (*can_run)(const ir_dev *, const ir_workload *, const ir_params *);
    ir_status (*plan)(ir_run *); /* optional. Makes run->self, with workspace; must not keep mem pointers */
    /* Do the work `reps` times back to back (enqueue it, on a device); no allocation, no printing.
     * Outputs after reps > 1 are those of the last repetition; INOUT tensors see every one. */
    ir_status (*run)(ir_run *, uint32_t reps);
    const ir_plan_ops *ops; /* NULL: none */
    bool by_form; /* it exists in each of the backend's forms; which of them is fastest is measured */
    void (*cost)(const ir_params *, ir_cost *); /* optional. Adjusts the workload's cost (im2col: its own
                                                 * bytes) */
};
struct ir_run { /* a kernel bound to device and shape: a plan */
    const ir_workload *workload;
    const ir_kernel   *kernel;
    ir_dev            *dev;
    ir_params          p;                   /* threads resolved: never 0 on the CPU */
    ir_mem             mem[IR_MAX_TENSORS]; /* the harness swaps these between cold calls */
    int                nmem;
    void              *self;   /* the kernel's plan, owned from plan() to destroy() */
    void              *packed; /* what prepare() made of the bound tensor set */
};

/* ---- measuring ------------------------------------------------------------------------------- */
typedef struct {
    double   wall_s, dev_s; /* seconds per call: batch time / reps; dev_s NAN without a device clock */
    uint32_t reps;
    bool     throttled;
} ir_sample;
typedef struct {
    ir_sample *v;
    size_t     n, cap;
} ir_samples; /* raw, in order, never thrown away */

typedef struct {                 /* of one run's samples; seconds */
    double median, ci_lo, ci_hi; /* 95 % interval of the median; NAN with fewer than 6 samples */
    double q25, q75, min, max, mean, sd;
    double p90, p95, p99; /* NAN unless n allows (statistics: 29, 59, 299) */
    double autocorr;      /* lag-1, what widened the interval */
    size_t n, outliers;   /* outside the Tukey fences; counted, never removed */
    bool   bimodal;
    double mode_lo, mode_hi; /* the two modes' medians when bimodal, else NAN */
} ir_stats;

typedef enum {
    IR_BOUND_UNKNOWN,
    IR_BOUND_MEMORY,
    IR_BOUND_COMPUTE,
    IR_BOUND_LATENCY,
    IR_BOUND_CACHE,
    IR_BOUND_MIXED,
    IR_BOUND_CODE, /* all terms together explain under half of the time: far from any roof */
    IR_NBOUND
} ir_bound;
const char *ir_bound_name(ir_bound b);
/* Does the bound name a resource? Not "unknown", "mixed" or "code". */
bool ir_bound_names_resource(ir_bound b);

/* Run-health flags of a row; more than one may hold. Names: ir_flag_name(). */
enum {
    IR_FLAG_SMT_SHARED = 1u << 0,
    IR_FLAG_THROTTLED = 1u << 1,
    IR_FLAG_STEAL = 1u << 2,
    IR_FLAG_CLOCK_DRIFT = 1u << 3,
    IR_FLAG_CPUSET = 1u << 4,
    IR_FLAG_CACHE_RESIDENT = 1u << 5,
    IR_FLAG_BIMODAL = 1u << 6,
    IR_FLAG_NOISY = 1u << 7,
    IR_FLAG_SUSPECT = 1u << 8,
    IR_FLAG_WITHIN_RUN = 1u << 9, /* the interval knows one process only */
    IR_FLAG_PREEMPTED = 1u << 10  /* cpu_share is below IR_PREEMPTED: no bound is given */
};
enum { IR_NFLAG = 11 };
#define IR_PREEMPTED 0.90
const char *ir_flag_name(int bit); /* 0..IR_NFLAG-1: "smt-shared" ... */

/* What a point is of. */
typedef struct {
    char      backend[IR_NAME], workload[IR_NAME], family[IR_NAME], kernel[IR_NAME], isa[IR_NAME];
    char      device[64];
    ir_params p;
    char      pname[IR_MAX_PARAMS][16]; /* names of p.v[] */
    int       np;                       /* how many */
    char      pword[IR_MAX_PARAMS][16]; /* p.v[i] as a word ("small"); empty: a number */
    bool      cold;
    bool      for_ceiling; /* measured to find a ceiling; not one of the law's points */
    uint32_t  kflags;      /* the kernel's IR_K_ flags */
} ir_point_id;

/* Energy over a stretch of calls of its own, after the samples; NAN unknown. J, lo, hi: of one call, with its
 * 95 % interval, background included: power times the time of a call. idle_W: the same counters with nothing
 * to do. */
enum { IR_ENERGY_PARTS = 8 };
typedef struct {
    char   scope[16], source[24]; /* "packages" "board" "device"; "powercap" "vitals" ... */
    double span_s, calls, ticks;  /* of the stretch; changes of the counter, or readings of a meter */
    double W, J, lo, hi, idle_W;
    struct {
        char   name[32];
        double J;
    } part[IR_ENERGY_PARTS]; /* each domain's own, over the stretch; empty names end it */
    char why[IR_WHY];        /* there is none, or no more, because ...; empty: there is */
} ir_energy;
/* What a stretch of calls counted, per call; NAN unknown. cycles, instructions: of one thread.
 * background_Bps: DRAM bytes a second that the same counters saw with nothing to do, already taken off.
 * certificate: which known amounts the source was held against, and what came out. */
typedef struct {
    char   source[24], version[48], group[64];
    double span_s, calls, read_B, write_B, flops, l2_B, l3_B, cycles, instructions, background_Bps;
    char   certificate[180], why[IR_WHY];
} ir_counts;

/* What was measured. Counters, clocks and energy are NAN where unknown. */
typedef struct {
    ir_cost    cost;
    ir_check   check;
    ir_samples samples;              /* owned; ir_point_free() */
    ir_stats   wall, dev;            /* dev.n = 0 without a device clock */
    char       stop[16], warmup[16]; /* converged|budget|throttled|failed; stable|capped */
    double     warmup_s, overhead_s; /* overhead_s: the harness's own cost per sample */
    uint32_t   reps;                 /* calls batched into one sample */
    double     joules, counted_B;    /* of one call: energy.J; bytes read and written by counts */
    ir_energy  energy;
    ir_counts  counts;
    double     clock_Hz, steal;       /* running clock; share of stolen time */
    double     mem_clock_Hz, power_W; /* means over the timed stretch */
    double     temp_C;                /* the highest */
    char       slowed[64];            /* what lowered the clock meanwhile, in words; empty: nothing known */
    double     bw_now;                /* DRAM bandwidth between the samples, as a share of its ceiling */
    double     launch_now;            /* a launch's price between the samples, as a multiple of its ceiling */
    double     cpu_share;             /* of the CPU time a thread wanted, what the worst one got */
    double     preemptions;           /* involuntary switches of all threads meanwhile */
} ir_measurement;

/* Set by the law (harness/law) only; NAN or empty until then.
 * ablation: confirmed|undecided|corrected (the label before was contradicted); empty: not tried. */
typedef struct {
    char     level[8]; /* "L1".."L3", "DRAM": where its footprint lives */
    double   T_law_s, term_data_s, term_comp_s, term_lat_s;
    double   mfu, mbu, eta, eta_star, ridge, margin, bound_p;
    ir_bound bound;
    char withheld[112]; /* why there is no bound although the terms are known; empty: nothing is withheld */
    char ablation[16];
} ir_judgement;

/* One measurement, or an honest skip. Self-contained: it can be rebuilt from its record. */
typedef struct {
    ir_point_id    id;
    ir_measurement m;
    ir_judgement   law;
    ir_status      status;
    uint32_t       flags;           /* IR_FLAG_ bits */
    char           reason[IR_WHY];  /* of a skip, a failure or a suspect; else empty */
    char           chosen[IR_NAME]; /* of a layer: the kernel its network chose; else empty */
} ir_point;
void ir_energy_init(ir_energy *);
void ir_counts_init(ir_counts *);
/* J of a call without what the same counters tell with nothing to do; NAN unknown. */
double ir_energy_above_idle(const ir_energy *);
void   ir_point_init(ir_point *); /* zero, NAN, empty */
void   ir_point_free(ir_point *); /* idempotent */
/* Parameters, their names and words, from a workload. */
void ir_point_params(ir_point *, const ir_workload *, const ir_params *);
/* The word for parameter i's value v; NULL: it is a number, or v is no index. */
const char *ir_param_word(const ir_workload *, int i, int64_t v);
/* Identity as text: "cpu/gemm/blocked:m=64,n=64,k=64,dtype=f32,threads=2,cache=hot". */
const char *ir_point_key(const ir_point *, char buf[IR_ID]);
/* Of the device's clock where there is one, else of the wall. */
const ir_stats *ir_point_stats(const ir_point *);
/* The median of those, seconds; NAN unless the point is ok. */
double ir_point_time(const ir_point *);
/* What one call works through in the user's unit, told by the family and the names of its parameters: images,
 * tokens, sequences, or samples of a batch. *unit: "image", "token", "sequence", "sample"; NAN and "" where
 * there is no such unit. */
double ir_point_items(const ir_point *, const char **unit);
/* "img/s" of "image": how a screen writes that many a second; "" of any other text. */
const char *ir_item_rate(const char *unit);
/* Is it a whole network, what users run, and not an operator of one? Told by the family. */
bool ir_point_is_network(const ir_point *);

struct ir_policy {
    double   warmup_s, warmup_cap_s; /* at least / at most */
    double   min_s, budget_s;        /* sampling time per point: at least / at most */
    double   precision;              /* relative half-width of the median's interval to stop at */
    size_t   fixed_n;                /* > 0: exactly so many samples (A/B mode) */
    double   inject; /* > 0: every timed call takes this share longer (the gate tests itself) */
    bool     cold;
    uint64_t seed;
    double   naive_s;       /* skip a naive rung of which one call takes longer; 0: no limit */
    double   cold_pool_B;   /* total bytes to rotate through when cold */
    void (*beside)(void *); /* called before the first sample, between samples every beside_s seconds and
                             * after the last; its time is no part of the budget. NULL: nothing is */
    void  *beside_arg;
    double beside_s;
    bool   verified; /* this very point passed its oracle before in this process: not held against it again */
    double max_B;    /* refuse (skip) points that need more memory; 0: no limit */
    const volatile int *stop_flag; /* non-NULL and non-zero: end early (Ctrl-C) */
    const ir_witness   *witness; /* what looks at a stretch of calls after the samples; NULL: nothing does */
    ir_vigil           *vigil;   /* calls for minutes after that, in windows; NULL: no */
};

#ifdef __cplusplus
}
#endif
#endif

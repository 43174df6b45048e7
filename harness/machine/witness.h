/* witness.h -- what this machine tells of itself beside the time: energy, heat, counters. Part of machine.h.
 *
 * Energy: counters of joules and readings of watts, found below a root directory and kept open, so that a
 * reading is one pread() a domain. Counters: likwid, loaded by a process of its own that speaks lines over a
 * socket, so that a library that calls exit(), prints, keeps global state and is under GPL-3 stays outside
 * ours; or the names that the kernel publishes. */
#ifndef IR_MACHINE_WITNESS_H
#define IR_MACHINE_WITNESS_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif

/* ---- energy ---------------------------------------------------------------------------------- */
enum { IR_MAX_DOMAINS = 24 };
/* counter: joules since some time, without wraps; else watts of the moment. beside: not part of the sum (what
 * it measures is in none of the others' either: DRAM of a server). */
typedef struct {
    char name[32];
    bool counter, beside;
} ir_domain;
/* How files are reached, so that a test can refuse one. open: a descriptor, or -1 with errno; read: at offset
 * 0, bytes or -1. NULL in its place: the system's. */
typedef struct {
    int (*open)(const char *path);
    long (*read)(int fd, char *buf, size_t cap);
} ir_file_calls;

typedef struct ir_meter ir_meter;
/* The best source there is: powercap packages, then INA sensors of a Jetson, then power meters of a server.
 * scope(): "packages", "board"; source(): "powercap", "ina3221" ... IR_SKIP: none, and ir_why() says in one
 * line why and what to do. */
ir_status   ir_meter_open(const char *root, const ir_file_calls *, ir_meter **out);
void        ir_meter_close(ir_meter **); /* idempotent */
int         ir_meter_domains(const ir_meter *, const ir_domain **out);
const char *ir_meter_scope(const ir_meter *);
const char *ir_meter_source(const ir_meter *);
/* Sum over the domains that are not beside: J of counters, W of the others; NAN what there is none of, or
 * could not be read. each: every domain's own value [IR_MAX_DOMAINS]; NULL: not wanted. A counter that went
 * round without a known range is unknown from then on. */
void ir_meter_read(ir_meter *, double *J, double *W, double *each);
/* Every source on this machine, one a line: what it is, whether it can be read, and what to do. */
typedef struct {
    char name[32];
    bool yes;
    char text[200];
} ir_source_line;
int ir_meter_sources(const char *root, const ir_file_calls *, ir_source_line *out, int max);

/* ---- heat and vitals ------------------------------------------------------------------------- */
/* NAN unknown. temp_C: the hottest sensor of the processor, crit_C: what it must stay under; throttle_n,
 * quota_stops, quota_s: cumulative; cap_W: sum of the packages' long-term power limits. */
typedef struct {
    double temp_C, crit_C, throttle_n, quota_stops, quota_s, cap_W;
} ir_thermal;
void ir_thermal_read(const char *root, ir_thermal *);

/* What a backend without vitals of its own says: the host's clock, power limit apart, kept open. The clock is
 * the fastest of at most eight of the CPUs this process may use, where the system tells it without asking
 * them (cpufreq); NAN elsewhere. */
typedef struct ir_host_vitals ir_host_vitals;
ir_host_vitals               *ir_host_vitals_open(const char *root); /* NULL: nothing can be read */
void                          ir_host_vitals_read(ir_host_vitals *, ir_vitals *out);
void                          ir_host_vitals_close(ir_host_vitals **); /* idempotent */

/* ---- the rule: which of a library's groups and metrics tell what ------------------------------ */
typedef enum {
    IR_COUNT_DRAM,
    IR_COUNT_FLOPS,
    IR_COUNT_L2,
    IR_COUNT_L3,
    IR_COUNT_CLOCK,
    IR_COUNT_ENERGY,
    IR_NCOUNT
} ir_count;
extern const char *const ir_count_names[IR_NCOUNT]; /* "dram" "flops" "l2" "l3" "clock" "energy" */
/* What a metric adds to: reads, writes, or both together, which count only where parts are missing; the
 * library's own total of a cache, beside which its parts do not count; joules that are in none of the others
 * (DRAM of a server). */
typedef enum { IR_PART_READ, IR_PART_WRITE, IR_PART_BOTH, IR_PART_TOTAL, IR_PART_BESIDE } ir_part;
bool ir_count_group(ir_count, const char *group);
/* Does this metric of such a group tell it? unit: what 1 of it is, in B, flop, flop/s, Hz or J; rate: it is
 * per second. */
bool ir_count_metric(ir_count, const char *metric, ir_part *, double *unit, bool *rate);
/* Why what a processor's group of that name counts is not what it is called; NULL: it is. cpu: likwid's short
 * name. */
const char *ir_count_exception(ir_count, const char *cpu);

/* ---- the helper ------------------------------------------------------------------------------ */
/* The argument by which the program becomes its own helper: main() must hand over to ir_counters_child(). */
#define IR_COUNTERS_HELPER "--counters-helper"
int ir_counters_child(void);

typedef struct ir_counters ir_counters;
/* program: that takes IR_COUNTERS_HELPER; NULL: this one. library: NULL: likwid's known names. cpus: "0-3,8".
 * limit_s: of one reply; 0: 5 s. */
typedef struct {
    const char *program, *library, *cpus;
    double      limit_s;
} ir_counters_ask;
/* Call it before a device's enter(): the helper inherits the mask. IR_SKIP: one line that says why not and
 * what to do. */
ir_status   ir_counters_open(const ir_counters_ask *, ir_counters **out);
void        ir_counters_close(ir_counters **);        /* idempotent; leaves no process behind */
const char *ir_counters_version(const ir_counters *); /* "likwid 5.2.2 (GPL-3, separate process)" */
const char *ir_counters_cpu(const ir_counters *);     /* likwid's short name of it */
/* Ask for what the bits of `what` (1u << IR_COUNT_DRAM ...) say, or for one group by its own name; of what is
 * not there ir_counters_missing() has a line. IR_SKIP: nothing of it is there. */
ir_status   ir_counters_want(ir_counters *, unsigned what, const char *group);
const char *ir_counters_missing(const ir_counters *);
/* Groups do not fit into the counters at once: the same work is counted once for each. */
int       ir_counters_rounds(const ir_counters *);
unsigned  ir_counters_kinds(const ir_counters *); /* bits of what they count */
ir_status ir_counters_start(ir_counters *, int round);
/* Adds what one of so many calls did. A zero is no measurement: it stays NAN. */
ir_status ir_counters_stop(ir_counters *, int round, double calls, ir_counts *);
/* Joules of the packages and of DRAM beside them between the last start and stop of a round that counts
 * energy; NAN unknown. */
void ir_counters_joules(const ir_counters *, double *packages, double *dram);

/* ---- the kernel's own names ------------------------------------------------------------------- */
/* What perf_event_open() is asked through, so that a test can refuse. NULL in its place: the system's. */
typedef int (*ir_perf_call)(int type, const uint64_t config[3], int cpu);
typedef enum {
    IR_PERF_READ,
    IR_PERF_WRITE,
    IR_PERF_ENERGY,
    IR_PERF_CYCLES,
    IR_PERF_INSTRUCTIONS,
    IR_NPERF
} ir_perf_what;
/* Bits of what ir_perf_open() is asked for. */
enum {
    IR_PERF_DRAM = 1 << IR_PERF_READ | 1 << IR_PERF_WRITE,
    IR_PERF_JOULES = 1 << IR_PERF_ENERGY,
    IR_PERF_CORE = 1 << IR_PERF_CYCLES | 1 << IR_PERF_INSTRUCTIONS
};
/* One event that a PMU publishes below sys/bus/event_source/devices, on the first CPU it may be opened on.
 * scale: B or J of one count. */
typedef struct {
    char         pmu[48], event[48], why[120]; /* why: it cannot be used; empty: it can */
    ir_perf_what what;
    int          type, cpu[16], ncpu;
    uint64_t     config[3];
    double       scale;
} ir_perf_event;
/* DRAM reads and writes, and package energy, by the names that the kernel gives them. Returns how many. */
int ir_perf_find(const char *root, ir_perf_event *out, int max);
/* Are there counters of cycles here for this user? Else one line that says why not and what to do. */
bool                   ir_perf_usable(const char *root, char *why, size_t cap);
bool                   ir_perf_usable_with(const char *root, ir_perf_call, char *why, size_t cap);
typedef struct ir_perf ir_perf;
/* Opens what is there of the bits: DRAM and energy of the whole machine by the kernel's names; cycles and
 * instructions of the thread that calls this, outside the kernel, which need no name and no privilege.
 * IR_SKIP with one line: nothing is there, or a part is refused. */
ir_status   ir_perf_open(const char *root, ir_perf_call, unsigned what, ir_perf **out);
void        ir_perf_close(ir_perf **);                         /* idempotent */
void        ir_perf_read(const ir_perf *, double v[IR_NPERF]); /* cumulative; NAN: not known */
const char *ir_perf_names(const ir_perf *);                    /* "uncore_imc_0/cas_count_read, ..." */

/* ---- certificate ----------------------------------------------------------------------------- */
/* Hold what was counted against a known amount: "reads 1.01 of a known read" into text; false, and "not
 * trusted: ...", outside [lo, hi]. */
bool ir_counts_certify(const char *what, double counted, double known, double lo, double hi, char *text,
                       size_t cap);
#ifdef __cplusplus
}
#endif
#endif

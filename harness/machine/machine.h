/* machine.h -- the host: topology, pinning, threads, environment record, health probes.
 * hwloc and likwid appear only behind this header (harness/machine/). Without hwloc the topology
 * comes from sysfs and the affinity mask; without sysfs from the online CPU count. */
#ifndef IR_MACHINE_H
#define IR_MACHINE_H
#include "harness/ironroof.h"
#include "harness/machine/witness.h"
#ifdef __cplusplus
extern "C" {
#endif

/* ---- topology -------------------------------------------------------------------------------- */
enum { IR_MAX_PU = 1024, IR_MAX_CACHE = 8 };
/* One processor as the system counts them. os: its number there; core, socket, numa: indices into this
 * topology, from 0; smt: n-th thread of its core; kind: 0 the most efficient (E) cores ... highest the
 * fastest (P), all 0 when the CPU is uniform. */
typedef struct {
    int os, core, socket, numa, smt, kind;
} ir_pu;
typedef struct {
    int    level;
    double size_B;
    int    line_B;
    int    shared_by; /* PUs that one instance serves */
    int    count;     /* instances in the machine */
} ir_cache;
struct ir_topology {
    ir_pu    pu[IR_MAX_PU];
    int      npu; /* allowed ones (inside the cpuset), by logical index */
    int      ncore, nsocket, nnuma, nkind;
    int      npu_machine; /* before the cpuset: > npu means cpuset-limited */
    ir_cache cache[IR_MAX_CACHE];
    int      ncache; /* data or unified caches, L1 first */
    double   mem_B, numa_mem_B[64];
    char     cpu_model[96], source[16]; /* source: "hwloc" | "sysfs" | "minimal" | "xml" */
};
/* xml: an hwloc XML file to read instead of this machine (tests); NULL: this machine. */
ir_status ir_topology_load(const char *xml, ir_topology *out);
/* This machine without hwloc, which is then not loaded: for who describes it and measures nothing on it. */
void ir_topology_plain(ir_topology *out);
/* The order threads are placed in: one thread per core first, fastest core kind first, filling a NUMA
 * node before the next, then SMT siblings. Writes OS indices; returns how many (<= max). */
int    ir_topology_order(const ir_topology *, int *pu_os, int max);
double ir_topology_llc_B(const ir_topology *); /* aggregate last-level data cache; NAN unknown */

/* ---- nodes ----------------------------------------------------------------------------------- */
enum { IR_MAX_NODES = 128 };
/* NUMA nodes that have memory, that of a processor (OS index) first, the others by number. Writes their
 * numbers; returns how many, 0: not known. */
int ir_memory_nodes(int cpu, int node_of[IR_MAX_NODES]);
/* Move touched memory of ir_host_alloc() to a node. IR_SKIP: the system does not let us. */
ir_status ir_host_bind(void *p, size_t bytes, int node);

/* ---- thread pool ----------------------------------------------------------------------------- */
typedef struct ir_pool ir_pool;
typedef void (*ir_pool_fn)(void *arg, int tid, int nthreads);
/* n threads: the caller is thread 0, n-1 workers are started. pu_os[t]: pin thread t there, < 0 or
 * pu_os NULL: not pinned. The caller itself is pinned only while inside ir_pool_run(), and its mask is
 * restored after, so that threads a library starts later do not inherit it. Workers spin briefly
 * for the next region, then sleep, so that a library's own threads are not disturbed. */
ir_status ir_pool_new(const int *pu_os, int n, ir_pool **out);
void      ir_pool_free(ir_pool **); /* idempotent */
int       ir_pool_size(const ir_pool *);
/* Run fn(arg, tid, nthreads) on the first `nthreads` threads and wait for all. One caller at a time. */
void ir_pool_run(ir_pool *, int nthreads, ir_pool_fn fn, void *arg);
void ir_pool_barrier(ir_pool *, int nthreads); /* inside a region, by all its threads */
/* Pin the caller to thread 0's place for a longer stretch / give its old mask back. */
void ir_pool_enter(ir_pool *);
void ir_pool_leave(ir_pool *);
/* Pin the caller, a thread of some library and none of the pool's, where the pool's thread tid is; unpinned
 * pools: nothing. */
void ir_pool_place(const ir_pool *, int tid);

/* ---- memory ---------------------------------------------------------------------------------- */
/* 2 MiB-aligned anonymous memory, not touched yet; huge: madvise. bytes is rounded up inside. */
ir_status ir_host_alloc(size_t bytes, ir_pages, void **out);
void      ir_host_free(void *p, size_t bytes);
/* Gives the memory under [from, to), whose content is no longer needed, back to the system, in whole 2 MiB
 * pieces; the addresses stay valid, their content is undefined until it is written again. Returns where the
 * next piece begins: the `from` of a later call that goes on. Anonymous memory only. */
char *ir_host_discard(char *from, const char *to);
/* Gives the memory of the pieces that begin in [from, to) and end by `end` back and writes their content
 * again: where a machine has several memories, it is then in the one next to the caller. Pieces are huge
 * pages, or 64 KiB; consecutive ranges meet each piece once. */
void ir_host_rehome(char *from, const char *to, const char *end, ir_pages pages);
void ir_host_trim(void); /* freed heap back to the system, where the C library can */
/* What can be taken without swapping: min(MemAvailable, cgroup, ulimit -v). */
double ir_host_available_B(void);
double ir_address_space_left(void); /* bytes that the limit of the address space leaves; INFINITY: no limit */
double ir_host_peak_rss_B(void);
/* Share of an anonymous mapping backed by huge pages right now (smaps); NAN unknown. */
double ir_host_huge_share(const void *p);
/* What of a few megabytes asked for in huge pages comes in huge pages now; NAN unknown. */
double ir_host_huge_granted(void);

/* ---- clock ----------------------------------------------------------------------------------- */
double ir_now(void);              /* seconds, CLOCK_MONOTONIC_RAW where it exists */
double ir_clock_resolution(void); /* smallest step seen, seconds */
double ir_clock_cost(void);       /* of one ir_now() call, seconds */

/* Is a clock source of this name (hpet ...) one that takes a microsecond to read? */
bool ir_clocksource_slow(const char *name);

/* ---- environment record ---------------------------------------------------------------------- */
typedef struct {
    char   key[40];
    char   text[256];
    double num;
    bool   is_num;
    bool   compare;
} ir_kv;
/* compare: part of the comparability key (statistics.md 15). Unknown: is_num with NAN, or "". */
struct ir_env {
    ir_kv *v;
    size_t n, cap;
};
void         ir_env_init(ir_env *);
void         ir_env_free(ir_env *);
ir_status    ir_env_num(ir_env *, const char *key, double value, bool compare);
ir_status    ir_env_text(ir_env *, const char *key, const char *value, bool compare);
const ir_kv *ir_env_get(const ir_env *, const char *key);
/* CPU, caches, NUMA, clocks, governor, boost, SMT, virtualisation, cgroup limits, OS, kernel,
 * mitigations, transparent huge pages, compiler and flags, library versions, git revision. */
ir_status ir_env_collect(const ir_topology *, ir_env *out);
/* Of these, what the build knows: compiler, flags, revision, library versions. */
void ir_env_build(ir_env *out);
/* 16 hex digits over the compare fields. */
void ir_env_key(const ir_env *, char out[17]);
/* First comparability field that differs: its key, NULL when comparable. */
const char *ir_env_differs(const ir_env *a, const ir_env *b);

/* ---- health ---------------------------------------------------------------------------------- */
/* Cumulative counters; take one before and one after and subtract. NAN where unreadable. */
typedef struct {
    double steal_s, busy_s, total_s, throttle_n, ctx_involuntary;
} ir_health;
void ir_health_read(ir_health *);

/* ---- load: what others take from this process ------------------------------------------------ */
/* Over a stretch; NAN unknown. others: of the time of the CPUs this process may use, what other processes
 * took; pressure: of the wall time, that in which some task waited for a CPU; quota: of the periods, those
 * that the CPU quota cut short. */
typedef struct {
    double span_s, others, steal, pressure, quota, quota_s, quota_cpus, cpus;
} ir_load_shares;
typedef struct ir_neighbours ir_neighbours;
/* NULL: no memory, or nothing can be read; the end then knows nothing. */
ir_neighbours *ir_neighbours_begin(void);
/* who: the busiest other processes, "ffmpeg (pid 12) 98 % of a CPU, ..."; "" for none. Frees it. */
void ir_neighbours_end(ir_neighbours **, ir_load_shares *, char *who, size_t cap);

/* What the threads of this process got of a stretch of wall time. cpu_share: of the time in which a thread
 * wanted a CPU, the share in which it had one, of the worst thread that wanted one for a tenth of the stretch
 * at least; NAN unknown. preemptions: involuntary switches of all threads; NAN unknown. */
typedef struct {
    double cpu_share, preemptions;
} ir_got;
typedef struct ir_watch ir_watch;
ir_watch               *ir_watch_begin(void);                /* NULL: no memory; the end then knows nothing */
void                    ir_watch_end(ir_watch **, ir_got *); /* frees it */

/* Wait until others leave the CPUs: less than 5 % of them in all and no process half of one, for a second.
 * IR_OK; IR_SKIP: the load cannot be read; IR_EINVAL: limit_s is over, ir_why() names who is busy; IR_EINTR:
 * *stop was set (may be NULL). */
ir_status ir_wait_idle(double limit_s, const volatile int *stop);

/* ---- sources of counts and joules ------------------------------------------------------------ */
/* Each source there may be, one a line: is it readable here, and why not and what to do. root as of
 * ir_doctor(); likwid and the kernel are asked only on this machine. Returns how many. */
enum { IR_MAX_SOURCES = 24 };
int ir_sources(const char *root, ir_source_line out[IR_MAX_SOURCES]);

/* ---- libraries that are loaded when first needed ---------------------------------------------- */
/* A library that every start of the program shall not pay for: loading one starts threads, takes address
 * space, and may bind the caller. All but the last three describe it; they are its state. */
typedef struct {
    const char        *name;                   /* "OpenBLAS": in messages */
    const char *const *files;                  /* tried in this order; ended by NULL */
    double             room_B, room_per_cpu_B; /* not loaded where a limit of the address space leaves less */
    const char *const *function;
    size_t             nfunction, needed; /* the first `needed` must be there; the others may be NULL */
    void              *found;             /* their addresses, in this order */
    void              *handle;
    bool               tried;
    char               refused[IR_WHY];
} ir_library;
/* The functions of a library from one list of their names, LIST(X): a struct of pointers of their types, and
 * their names in the same order. The list's header includes the library's own. */
#define IR_LIBRARY_TYPE(f)   typedef __typeof__(f) f##_type;
#define IR_LIBRARY_MEMBER(f) f##_type *f;
#define IR_LIBRARY_NAME(f)   #f,
#define IR_LIBRARY_TABLE(LIST, name) \
    LIST(IR_LIBRARY_TYPE) typedef struct { \
        LIST(IR_LIBRARY_MEMBER) \
    } name
/* IR_SKIP: it cannot be loaded here; ir_why() says why. Later calls give the first answer. The caller's
 * affinity mask is what it was. Any thread. */
ir_status ir_library_load(ir_library *);
/* The function of that name in the library, or in what it is linked to, to *function; NULL: there is none. */
void ir_library_find(const ir_library *, const char *name, void *function);

/* ---- affinity and variables ------------------------------------------------------------------ */
/* Give the caller the CPUs that the process was started with, where start-up code of a library (OpenMP's, by
 * OMP_PROC_BIND and the like) took some away before main(). Call first in main(). Returns whether any were
 * missing. */
bool ir_affinity_restore(void);

/* ---- doctor: is this machine ready to be measured? ------------------------------------------- */
typedef enum { IR_FINDING_OK, IR_FINDING_FIX, IR_FINDING_UNKNOWN } ir_finding_state;
typedef struct {
    const char      *name; /* "governor": static text */
    ir_finding_state state;
    char             text[200], fix[200]; /* what is; a command, or what to do, with IR_FINDING_FIX */
} ir_finding;
enum { IR_MAX_FINDINGS = 32 };
/* Look at everything, over about a second. root: "" is this machine; else a directory that holds the same
 * tree (proc/, sys/), with stand-in commands in bin/ and what changes within that second in later/. Returns
 * how many. */
int ir_doctor(const char *root, ir_finding out[IR_MAX_FINDINGS]);
#ifdef __cplusplus
}
#endif
#endif

/* machine_internal.h -- shared by the files of harness/machine and its tests only: small files read below a
 * root directory, CPU masks, topology building, cgroup limits.
 * root: "" is this machine; a test gives a directory that holds the same tree (proc/, sys/, etc/). */
#ifndef IR_MACHINE_INTERNAL_H
#define IR_MACHINE_INTERNAL_H
#include "harness/machine/machine.h"

/* ---- text files (files.c) -------------------------------------------------------------------- */
/* Whole file, at most cap-1 bytes, trailing white space removed. false and "" where unreadable. */
__attribute__((format(printf, 4, 5))) bool ir_file_read(const char *root, char *buf, size_t cap,
                                                        const char *fmt, ...);
/* Whole file of any length, NUL-terminated, to be freed by the caller; NULL where unreadable. */
char *ir_file_slurp(const char *root, const char *path);
/* Leading number, with a binary suffix K, M or G; NAN where unreadable or not a number. */
__attribute__((format(printf, 2, 3))) double ir_file_num(const char *root, const char *fmt, ...);
/* Value of the first line "key : value" of text; false and "" where there is none. */
bool   ir_text_field(const char *text, const char *key, char *out, size_t cap);
double ir_text_kB(const char *text, const char *key); /* the same as "key: 12 kB", in bytes; NAN */
typedef struct {
    char name[64];
} ir_name;
/* Names in a directory except dot files, sorted; returns how many (<= max). */
int ir_dir_list(const char *root, const char *path, ir_name *out, int max);

/* ---- CPU masks (affinity.c) ------------------------------------------------------------------ */
enum { IR_CPU_BITS = 8192 };
typedef struct {
    unsigned long w[IR_CPU_BITS / (8 * sizeof(unsigned long))];
} ir_cpumask;
void ir_cpumask_add(ir_cpumask *, int cpu);
bool ir_cpumask_has(const ir_cpumask *, int cpu);
int  ir_cpumask_count(const ir_cpumask *);
void ir_cpumask_parse(ir_cpumask *, const char *list); /* "0-3,8": kernel list format */
/* The calling thread's; 0 or an errno value. */
int ir_cpumask_get(ir_cpumask *);
int ir_cpumask_set(const ir_cpumask *);
int ir_cpumask_pin(int cpu);

/* ---- topology -------------------------------------------------------------------------------- */
/* Readers fill pu[] in logical order with any distinct core, socket, numa and kind numbers, and call
 * number(), which makes them dense, numbers SMT siblings and counts. node_of[i], i < nnuma, i < 64:
 * the number the reader had given to node i. */
void ir_topology_init(ir_topology *, const char *source);
void ir_topology_number(ir_topology *, int node_of[64]);
/* Count one cache instance; equal ones are merged. To be called in order of falling core kind. */
void ir_topology_add_cache(ir_topology *, int level, double size_B, int line_B, int shared_by);
/* IR_SKIP: built without hwloc, it cannot be loaded, or it does not describe this machine. */
ir_status ir_topology_hwloc(const char *xml, const ir_cpumask *allowed, ir_topology *out);
/* IR_SKIP: no /sys/devices/system/cpu. allowed NULL: all. */
ir_status ir_topology_sysfs(const char *root, const ir_cpumask *allowed, ir_topology *out);
void      ir_topology_minimal(const ir_cpumask *allowed, ir_topology *out);
int       ir_memory_nodes_at(const char *root, int cpu, int node_of[IR_MAX_NODES]);
void      ir_topology_memory(const char *root, const int node_of[64], ir_topology *); /* mem_B, numa_mem_B */
void      ir_cpu_model(const char *root, char *out, size_t cap);
const char *ir_hwloc_version(char buf[24]); /* "": it is not loaded */

/* ---- memory, cgroups ------------------------------------------------------------------------- */
double ir_cgroup_mem_limit_B(const char *root); /* tightest limit above this process; NAN: none */
double ir_cgroup_mem_room_B(const char *root);  /* smallest limit minus usage; NAN: no limit */
double ir_cgroup_cpu_quota(const char *root);   /* in CPUs; NAN: none */
/* A command that lifts the tightest CPU quota or memory limit; "" where there is none. */
void ir_cgroup_limit_fix(const char *root, bool cpu, char *out, size_t cap);
/* Cumulative, of the level with the most: periods, those the quota cut short, seconds lost; NAN unknown. */
void   ir_cgroup_throttling(const char *root, double *periods, double *stops, double *stopped_s);
double ir_host_available_at(const char *root);

/* ---- load ------------------------------------------------------------------------------------ */
/* Cumulative, of the CPUs this process may use; NAN where unreadable. */
typedef struct {
    double t_s, busy_s, total_s, steal_s;       /* t_s: when; CPU seconds from /proc/stat */
    double own_s;                               /* CPU seconds of this process and its ended children */
    double pressure_s;                          /* seconds in which some task waited for a CPU */
    double quota_periods, quota_stops, quota_s; /* cgroup: periods, those the quota cut short, seconds lost */
    double cpus, quota_cpus;                    /* allowed CPUs; the quota in CPUs, NAN: none */
} ir_load;
/* allowed NULL: the CPUs this process may use; own_s is this process's, 0 below another root. */
void           ir_load_read_at(const char *root, const ir_cpumask *allowed, ir_load *);
ir_load_shares ir_load_between(const ir_load *before, const ir_load *after);
ir_watch      *ir_watch_begin_at(const char *root);
void           ir_watch_end_at(ir_watch **, const char *root, double span_s, ir_got *);
/* Processes by the CPU they take, this one left out. */
typedef struct {
    int    pid;
    char   name[32];
    double cpus;
} ir_user; /* cpus: 1 is a whole CPU */
enum { IR_MAX_USERS = 5 };
/* CPU time of every process but this one. */
typedef struct {
    int    pid;
    char   name[32];
    double cpu_s;
} ir_task;
typedef struct {
    ir_task *v;
    size_t   n, cap;
} ir_tasks; /* owned; {0}: empty */
ir_status ir_tasks_read(const char *root, ir_tasks *);
void      ir_tasks_free(ir_tasks *); /* idempotent */
/* The busiest between two readings, from 5 % of a CPU on, the most first; returns how many (<= IR_MAX_USERS).
 */
int ir_tasks_busiest(const ir_tasks *before, const ir_tasks *after, double span_s, ir_user out[IR_MAX_USERS]);
/* "ffmpeg (pid 12) 98 % of a CPU, ..."; returns buf, "" for none. */
char *ir_users_text(const ir_user *, int n, char *buf, size_t cap);
/* others: share of the CPUs. */
bool ir_load_idle(double others, const ir_user *, int n);

/* ---- commands, variables --------------------------------------------------------------------- */
/* First bytes of what a command prints, run without a shell for at most limit_s; root: its bin/ is looked in
 * instead of PATH. False: it is not there, failed, or took longer. */
bool ir_command_read(const char *root, const char *const *argv, double limit_s, char *out, size_t cap);
/* An environment variable; below a root it stands in proc/self/environ, one a line. False and "" where it is
 * not set. */
bool ir_variable(const char *root, const char *name, char *out, size_t cap);
/* Variables that change results: "OMP_NUM_THREADS=2 OPENBLAS_CORETYPE=Haswell"; "" none. harmful: only those
 * that should go. */
void ir_variables_text(const char *root, bool harmful, char *out, size_t cap);
/* The mask the process was started with; below a root Cpus_allowed_list of proc/self/status. */
void ir_affinity_given(const char *root, ir_cpumask *);
/* The variable that took CPUs away before main(), "NAME=value"; "": nothing did. */
const char *ir_affinity_taken_by(void);

/* ---- environment, health --------------------------------------------------------------------- */
ir_status ir_env_collect_at(const char *root, const ir_topology *, ir_env *out);
ir_status ir_env_reserve(ir_env *, size_t cap); /* after it, entries up to cap cannot fail */
void      ir_env_cpu(const char *root, const ir_topology *, ir_env *out);
void      ir_env_os(const char *root, ir_env *out);
uint64_t  ir_fnv1a(uint64_t h, const char *s); /* start with IR_FNV1A */
#define IR_FNV1A 0xCBF29CE484222325u
void   ir_health_read_at(const char *root, ir_health *);
double ir_cpu_clock_Hz(const char *root); /* mean running clock; NAN unknown */
#endif

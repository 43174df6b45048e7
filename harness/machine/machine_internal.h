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
/* IR_SKIP: built without hwloc, or hwloc does not describe this machine. */
ir_status ir_topology_hwloc(const char *xml, const ir_cpumask *allowed, ir_topology *out);
/* IR_SKIP: no /sys/devices/system/cpu. allowed NULL: all. */
ir_status ir_topology_sysfs(const char *root, const ir_cpumask *allowed, ir_topology *out);
void      ir_topology_minimal(const ir_cpumask *allowed, ir_topology *out);
void      ir_topology_memory(const char *root, const int node_of[64], ir_topology *); /* mem_B, numa_mem_B */
void      ir_cpu_model(const char *root, char *out, size_t cap);
const char *ir_hwloc_version(char buf[24]); /* of the loaded library; "" without */

/* ---- memory, cgroups ------------------------------------------------------------------------- */
double ir_cgroup_mem_limit_B(const char *root); /* tightest limit above this process; NAN: none */
double ir_cgroup_mem_room_B(const char *root);  /* smallest limit minus usage; NAN: no limit */
double ir_cgroup_cpu_quota(const char *root);   /* in CPUs; NAN: none */
double ir_host_available_at(const char *root);

/* ---- environment, health --------------------------------------------------------------------- */
ir_status ir_env_collect_at(const char *root, const ir_topology *, ir_env *out);
ir_status ir_env_reserve(ir_env *, size_t cap); /* after it, entries up to cap cannot fail */
void      ir_env_cpu(const char *root, const ir_topology *, ir_env *out);
void      ir_env_os(const char *root, ir_env *out);
void      ir_env_build(ir_env *out);
uint64_t  ir_fnv1a(uint64_t h, const char *s); /* start with IR_FNV1A */
#define IR_FNV1A 0xCBF29CE484222325u
/* Energy counters wrap; the state makes the sum monotonic between readings. Zero it first. */
enum { IR_MAX_RAPL = 16 };
typedef struct {
    double last[IR_MAX_RAPL], wrapped[IR_MAX_RAPL];
} ir_rapl;
void   ir_health_read_at(const char *root, ir_rapl *, ir_health *);
double ir_cpu_clock_Hz(const char *root); /* mean running clock; NAN unknown */
#endif

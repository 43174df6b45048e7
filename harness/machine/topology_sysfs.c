/* topology_sysfs.c -- the topology from /sys/devices/system, for builds without hwloc. It follows
 * hwloc's logical order: sets are ordered by their lowest OS index, from the socket inwards. Core
 * kinds come from the kernel's hybrid PMU lists, else from cpu_capacity. */
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CPU_LIST = 4096, NKEY = 6, MAX_INDEX = 10 };
typedef struct {
    int key[NKEY], os, node, kind;
} cpu_row; /* key: lowest OS index of each set, outermost first */

static int first_of(const char *list, int otherwise)
{
    char *end;
    long  v = strtol(list, &end, 10);
    return end == list ? otherwise : (int)v;
}

/* Lowest CPU of the list in either of two files (the kernel renamed them); cpu's own number if none. */
static int first_in(const char *root, int cpu, const char *file, const char *old_file, int otherwise)
{
    char list[CPU_LIST];
    if (!ir_file_read(root, list, sizeof list, "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, file) &&
        !ir_file_read(root, list, sizeof list, "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, old_file))
        return otherwise;
    return first_of(list, otherwise);
}

/* One cache of a CPU: its level and sharers. 0: not a data cache, -1: no such index. */
static int cache_at(const char *root, int cpu, int index, char list[CPU_LIST])
{
    char type[32];
    if (!ir_file_read(root, type, sizeof type, "/sys/devices/system/cpu/cpu%d/cache/index%d/type", cpu,
                      index))
        return -1;
    double level = ir_file_num(root, "/sys/devices/system/cpu/cpu%d/cache/index%d/level", cpu, index);
    if (!strcmp(type, "Instruction") || !(level >= 1 && level < 100)) return 0;
    ir_file_read(root, list, CPU_LIST, "/sys/devices/system/cpu/cpu%d/cache/index%d/shared_cpu_list", cpu,
                 index);
    return (int)level;
}

static void row_read(const char *root, int cpu, cpu_row *r)
{
    char list[CPU_LIST];
    int  level;
    r->os = cpu;
    for (int k = 0; k < NKEY; k++) r->key[k] = 0;
    r->key[0] = first_in(root, cpu, "package_cpus_list", "core_siblings_list", 0);
    r->key[4] = first_in(root, cpu, "core_cpus_list", "thread_siblings_list", cpu);
    r->key[5] = cpu;
    for (int i = 0; i < MAX_INDEX && (level = cache_at(root, cpu, i, list)) >= 0; i++)
        if (level == 2 || level == 3) r->key[5 - level] = first_of(list, cpu);
}

static void read_nodes(const char *root, cpu_row *rows, int n)
{
    ir_name   *names = malloc(1024 * sizeof *names);
    char       list[CPU_LIST];
    ir_cpumask cpus;
    int        count = names ? ir_dir_list(root, "/sys/devices/system/node", names, 1024) : 0;
    if (!names) ir_left_out("the nodes of memory");
    for (int i = 0; i < count; i++) {
        int node;
        if (sscanf(names[i].name, "node%d", &node) != 1) continue;
        if (!ir_file_read(root, list, sizeof list, "/sys/devices/system/node/node%d/cpulist", node)) continue;
        ir_cpumask_parse(&cpus, list);
        for (int r = 0; r < n; r++)
            if (ir_cpumask_has(&cpus, rows[r].os)) {
                rows[r].node = node;
                rows[r].key[1] = first_of(list, 0);
            }
    }
    free(names);
}

static bool read_hybrid_pmus(const char *root, cpu_row *rows, int n)
{
    static const char *const pmu[] = {"cpu_lowpower", "cpu_atom", "cpu_core"}; /* rising performance */
    char                     list[CPU_LIST];
    ir_cpumask               cpus;
    int                      found = 0;
    for (int k = 0; k < 3; k++) {
        if (!ir_file_read(root, list, sizeof list, "/sys/devices/%s/cpus", pmu[k])) continue;
        found++;
        ir_cpumask_parse(&cpus, list);
        for (int r = 0; r < n; r++)
            if (ir_cpumask_has(&cpus, rows[r].os)) rows[r].kind = k;
    }
    return found > 1;
}

/* cpu_capacity is 1024 for the fastest; values within 10 % are one kind (favoured cores of one design). */
static void topology_sysfs_read_capacity(const char *root, cpu_row *rows, int n)
{
    for (int r = 0; r < n; r++) {
        double c = ir_file_num(root, "/sys/devices/system/cpu/cpu%d/cpu_capacity", rows[r].os);
        rows[r].kind = c >= 1 && c < 1e6 ? (int)c : 0;
    }
    for (int floor = 0; floor >= 0;) {
        int low = -1;
        for (int r = 0; r < n; r++)
            if (rows[r].kind > floor && (low < 0 || rows[r].kind < low)) low = rows[r].kind;
        for (int r = 0; low > 0 && r < n; r++)
            if (rows[r].kind > low && rows[r].kind <= low + low / 10) rows[r].kind = low;
        floor = low;
    }
}

static int topology_sysfs_by_key(const void *a, const void *b)
{
    const cpu_row *x = a, *y = b;
    for (int k = 0; k < NKEY; k++)
        if (x->key[k] != y->key[k]) return x->key[k] < y->key[k] ? -1 : 1;
    return 0;
}

/* Counts the instance when `pu` is its first usable CPU, so that each is counted once. */
static void count_cache(const char *root, ir_topology *t, const ir_pu *pu, int index, int level,
                        const char *list, int kind)
{
    ir_cpumask cpus;
    int        users = 0, fastest = 0, first = -1;
    ir_cpumask_parse(&cpus, list);
    ir_cpumask_add(&cpus, pu->os);
    for (int i = 0; i < t->npu; i++) {
        const ir_pu *p = &t->pu[i];
        if (!ir_cpumask_has(&cpus, p->os)) continue;
        if (first < 0) first = p->os;
        if (p->kind > fastest) fastest = p->kind;
        users++;
    }
    if (first != pu->os || fastest != kind) return;
    double size = ir_file_num(root, "/sys/devices/system/cpu/cpu%d/cache/index%d/size", pu->os, index);
    double line =
        ir_file_num(root, "/sys/devices/system/cpu/cpu%d/cache/index%d/coherency_line_size", pu->os, index);
    ir_topology_add_cache(t, level, size, line > 0 ? (int)line : 0, users);
}

static void topology_sysfs_read_caches(const char *root, ir_topology *t)
{
    char list[CPU_LIST];
    int  level;
    for (int kind = t->nkind - 1; kind >= 0; kind--)
        for (int i = 0; i < t->npu; i++)
            for (int x = 0; x < MAX_INDEX && (level = cache_at(root, t->pu[i].os, x, list)) >= 0; x++)
                if (level > 0) count_cache(root, t, &t->pu[i], x, level, list, kind);
}

/* What stands between a node's memory and the processors' caches: the level after the last of these. */
static void read_memory_sides(const char *root, const int node_of[64], ir_topology *t)
{
    const int level = 1 + (t->ncache ? t->cache[t->ncache - 1].level : 0);
    for (int i = 0; i < t->nnuma && i < 64; i++) {
        static const char side[] = "/sys/devices/system/node/node%d/memory_side_cache/index1/%s";
        double            size = ir_file_num(root, side, node_of[i], "size"),
               line = ir_file_num(root, side, node_of[i], "line_size");
        int users = 0;
        for (int p = 0; p < t->npu; p++) users += t->pu[p].numa == i;
        if (size > 0 && users > 0) ir_topology_add_cache(t, level, size, line > 0 ? (int)line : 0, users);
    }
}

void ir_topology_memory(const char *root, const int node_of[64], ir_topology *t)
{
    char text[8192], key[48];
    t->mem_B = ir_file_read(root, text, sizeof text, "/proc/meminfo") ? ir_text_kB(text, "MemTotal") : NAN;
    for (int i = 0; i < t->nnuma && i < 64; i++) {
        if (!ir_file_read(root, text, sizeof text, "/sys/devices/system/node/node%d/meminfo", node_of[i]))
            continue;
        snprintf(key, sizeof key, "Node %d MemTotal", node_of[i]);
        t->numa_mem_B[i] = ir_text_kB(text, key);
    }
    if (t->nnuma == 1 && isnan(t->numa_mem_B[0])) t->numa_mem_B[0] = t->mem_B;
    read_memory_sides(root, node_of, t);
}

static int read_rows(const char *root, cpu_row *rows)
{
    char       list[CPU_LIST];
    ir_cpumask online;
    int        n = 0;
    if (!ir_file_read(root, list, sizeof list, "/sys/devices/system/cpu/online")) return 0;
    ir_cpumask_parse(&online, list);
    for (int c = 0; c < IR_CPU_BITS; c++)
        if (ir_cpumask_has(&online, c)) row_read(root, c, &rows[n++]);
    read_nodes(root, rows, n);
    if (!read_hybrid_pmus(root, rows, n)) topology_sysfs_read_capacity(root, rows, n);
    qsort(rows, (size_t)n, sizeof *rows, topology_sysfs_by_key);
    return n;
}

ir_status ir_topology_sysfs(const char *root, const ir_cpumask *allowed, ir_topology *out)
{
    int node_of[64];
    ir_topology_init(out, "sysfs");
    cpu_row *rows = calloc(IR_CPU_BITS, sizeof *rows);
    if (!rows) return ir_fail(IR_ENOMEM, "topology: no memory for the processor table");
    out->npu_machine = read_rows(root, rows);
    for (int i = 0; i < out->npu_machine && out->npu < IR_MAX_PU; i++) {
        if (allowed && !ir_cpumask_has(allowed, rows[i].os)) continue;
        out->pu[out->npu++] = (ir_pu){.os = rows[i].os,
                                      .core = rows[i].key[4],
                                      .socket = rows[i].key[0],
                                      .numa = rows[i].node,
                                      .kind = rows[i].kind};
    }
    free(rows);
    if (out->npu == 0)
        return ir_fail(IR_SKIP, "topology: %s/sys/devices/system/cpu lists no processor this process may use",
                       root);
    ir_topology_number(out, node_of);
    topology_sysfs_read_caches(root, out);
    ir_topology_memory(root, node_of, out);
    ir_cpu_model(root, out->cpu_model, sizeof out->cpu_model);
    return IR_OK;
}

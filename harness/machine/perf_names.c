/* perf_names.c -- counters by the names that the kernel publishes in sysfs: DRAM reads and writes of memory
 * controllers, package energy. No table of events is ours: what a name means, its scale and its unit stand
 * beside it. Cycles and instructions are the kernel's generic events, which need no name. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/perf_event.h>
#include <sys/syscall.h>
#endif

#define PMUS "/sys/bus/event_source/devices"
enum { MAX_PMUS = 256, MAX_EVENTS = 64 };

/* ---- asking ---------------------------------------------------------------------------------- */
static int perf_system(int type, const uint64_t config[3], int cpu)
{
#ifdef __linux__
    struct perf_event_attr a;
    memset(&a, 0, sizeof a);
    a.size = sizeof a;
    a.type = (uint32_t)type;
    a.config = config[0];
    a.config1 = config[1];
    a.config2 = config[2];
    a.exclude_kernel = cpu < 0; /* a thread's own: what every user may count */
    return (int)syscall(SYS_perf_event_open, &a, cpu < 0 ? 0 : -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
#else
    (void)type, (void)config, (void)cpu;
    return errno = ENOSYS, -1;
#endif
}

/* Why the system said no, and what to do. */
static void perf_refusal(const char *root, int error, char *why, size_t cap)
{
    double paranoid = ir_file_num(root, "/proc/sys/kernel/perf_event_paranoid");
    char   info[16384], flags[64];
    ir_file_read(root, info, sizeof info, "/proc/cpuinfo");
    bool vm = strstr(info, " hypervisor") || ir_file_read(root, flags, sizeof flags, "/sys/hypervisor/type");
    if (error == ENOENT || error == ENODEV || error == EOPNOTSUPP)
        snprintf(why, cap, "%s has no performance counters (no cpu PMU): %s",
                 vm ? "this virtual machine" : "this machine",
                 vm ? "let the hypervisor pass them on, or run on the host"
                    : "it takes a kernel or a device tree that has one");
    else if (error == EACCES || error == EPERM)
        snprintf(
            why, cap,
            "counters of the whole machine are not for this user (perf_event_paranoid %.0f): sudo sysctl "
            "kernel.perf_event_paranoid=0, or a container with CAP_PERFMON",
            paranoid);
    else if (error == EBUSY)
        snprintf(why, cap, "the counters are in use by another: end the other profiler");
    else if (error == EMFILE)
        snprintf(why, cap, "too many open files for one counter a CPU: ulimit -n 65536");
    else if (error == ENOSYS)
        snprintf(why, cap, "this kernel has no perf_event_open");
    else
        snprintf(why, cap, "perf_event_open: %s", strerror(error));
}

bool ir_perf_usable_with(const char *root, ir_perf_call call, char *why, size_t cap)
{
    static const uint64_t cycles[3] = {0, 0, 0};
    int                   fd = (call ? call : perf_system)(0, cycles, -1);
    why[0] = 0;
    if (fd >= 0) {
        close(fd);
        return true;
    }
    perf_refusal(root, errno, why, cap);
    return false;
}

bool ir_perf_usable(const char *root, char *why, size_t cap)
{
    return ir_perf_usable_with(root, NULL, why, cap);
}

/* ---- names ----------------------------------------------------------------------------------- */
static const struct {
    const char  *pmu, *event; /* beginnings */
    ir_perf_what what;
    double       scale; /* where the kernel publishes none */
} names[] = {
    {"uncore_imc", "cas_count_read", IR_PERF_READ, NAN},
    {"uncore_imc", "cas_count_write", IR_PERF_WRITE, NAN},
    {"uncore_imc", "cas_count_read_sch0", IR_PERF_READ, NAN}, /* a channel's halves: Granite Rapids */
    {"uncore_imc", "cas_count_read_sch1", IR_PERF_READ, NAN},
    {"uncore_imc", "cas_count_write_sch0", IR_PERF_WRITE, NAN},
    {"uncore_imc", "cas_count_write_sch1", IR_PERF_WRITE, NAN},
    {"uncore_imc", "data_reads", IR_PERF_READ, NAN},
    {"uncore_imc", "data_writes", IR_PERF_WRITE, NAN},
    {"uncore_imc", "data_read", IR_PERF_READ, NAN},
    {"uncore_imc", "data_write", IR_PERF_WRITE, NAN},
    {"nvidia_scf_pmu", "cmem_rd_data", IR_PERF_READ, 32},
    {"nvidia_scf_pmu", "cmem_wr_data", IR_PERF_WRITE, 32},
    {"power", "energy-pkg", IR_PERF_ENERGY, NAN}};

static double perf_unit(const char *text)
{
    static const struct {
        const char *name;
        double      v;
    } unit[] = {{"MiB", 1048576}, {"KiB", 1024}, {"Joules", 1}, {"Bytes", 1}, {"B", 1}};
    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++)
        if (!strcmp(text, unit[i].name)) return unit[i].v;
    return NAN;
}

/* "config1:0-7,32-35": bits of which word, lowest bits of the value first. */
static bool perf_place(const char *format, uint64_t value, uint64_t config[3])
{
    int word = 0, lo, hi, n;
    if (sscanf(format, "config%d:", &word) != 1) word = 0;
    const char *s = strchr(format, ':');
    for (s = s ? s + 1 : NULL; s && *s; s += *s == ',') {
        if (sscanf(s, "%d-%d%n", &lo, &hi, &n) != 2) {
            if (sscanf(s, "%d%n", &lo, &n) != 1) return false;
            hi = lo;
        }
        if (word < 0 || word > 2 || lo < 0 || hi > 63 || hi < lo) return false;
        int bits = hi - lo + 1;
        config[word] |= (bits < 64 ? value & ((1ull << bits) - 1) : value) << lo;
        value = bits < 64 ? value >> bits : 0;
        s += n;
    }
    return s != NULL;
}

/* "event=0x04,umask=0x03" by the formats of its PMU. */
static bool perf_config(const char *root, const char *pmu, const char *text, uint64_t config[3])
{
    char copy[160], format[64], *save = NULL;
    snprintf(copy, sizeof copy, "%.159s", text);
    for (char *term = strtok_r(copy, ",", &save); term; term = strtok_r(NULL, ",", &save)) {
        char    *is = strchr(term, '=');
        uint64_t value = is ? strtoull(is + 1, NULL, 0) : 1;
        if (is) *is = 0;
        if (!ir_file_read(root, format, sizeof format, PMUS "/%s/format/%.40s", pmu, term)) return false;
        if (!perf_place(format, value, config)) return false;
    }
    return true;
}

static void perf_cpus(const char *root, const char *pmu, ir_perf_event *e)
{
    char       list[512];
    ir_cpumask mask;
    memset(&mask, 0, sizeof mask);
    if (!ir_file_read(root, list, sizeof list, PMUS "/%s/cpumask", pmu)) snprintf(list, sizeof list, "0");
    ir_cpumask_parse(&mask, list);
    for (int i = 0; i < IR_CPU_BITS && e->ncpu < 16; i++)
        if (ir_cpumask_has(&mask, i)) e->cpu[e->ncpu++] = i;
}

static void perf_describe(const char *root, const char *pmu, const char *event, size_t rule, ir_perf_event *e)
{
    char   text[160], unit[32];
    double type = ir_file_num(root, PMUS "/%s/type", pmu);
    double scale = ir_file_num(root, PMUS "/%s/events/%s.scale", pmu, event);
    memset(e, 0, sizeof *e);
    snprintf(e->pmu, sizeof e->pmu, "%.47s", pmu);
    snprintf(e->event, sizeof e->event, "%.47s", event);
    e->what = names[rule].what;
    e->type = isnan(type) ? -1 : (int)type;
    perf_cpus(root, pmu, e);
    bool has_unit = ir_file_read(root, unit, sizeof unit, PMUS "/%s/events/%s.unit", pmu, event);
    e->scale = has_unit ? scale * perf_unit(unit) : names[rule].scale;
    ir_file_read(root, text, sizeof text, PMUS "/%s/events/%s", pmu, event);
    if (e->type < 0 || !perf_config(root, pmu, text, e->config))
        snprintf(e->why, sizeof e->why, "its description '%.60s' cannot be read", text);
    else if (!(e->scale > 0))
        snprintf(e->why, sizeof e->why, "it has no scale or unit that is known");
}

int ir_perf_find(const char *root, ir_perf_event *out, int max)
{
    ir_name *pmu = malloc(MAX_PMUS * sizeof *pmu), *event = malloc(MAX_EVENTS * sizeof *event);
    char     dir[160];
    int      n = 0, count = pmu && event ? ir_dir_list(root, PMUS, pmu, MAX_PMUS) : 0;
    if (!pmu || !event) ir_left_out("the list of counters");
    for (int i = 0; i < count; i++) {
        snprintf(dir, sizeof dir, PMUS "/%s/events", pmu[i].name);
        int m = ir_dir_list(root, dir, event, MAX_EVENTS);
        for (int k = 0; k < m; k++)
            for (size_t r = 0; r < sizeof names / sizeof *names && n < max; r++)
                if (!strncmp(pmu[i].name, names[r].pmu, strlen(names[r].pmu)) &&
                    !strcmp(event[k].name, names[r].event))
                    perf_describe(root, pmu[i].name, event[k].name, r, &out[n++]);
    }
    free(pmu);
    free(event);
    return n;
}

/* ---- counting -------------------------------------------------------------------------------- */
enum { MAX_FDS = 512, MAX_FOUND = 128 };
struct ir_perf {
    struct {
        int          fd;
        ir_perf_what what;
        double       scale;
    } at[MAX_FDS];
    int  n;
    char names[160];
};

static ir_status perf_add(ir_perf *p, const char *root, ir_perf_call call, const ir_perf_event *e)
{
    char why[IR_WHY];
    for (int i = 0; i < e->ncpu && p->n < MAX_FDS; i++) {
        int fd = call(e->type, e->config, e->cpu[i]);
        if (fd < 0) {
            perf_refusal(root, errno, why, sizeof why);
            return ir_fail(IR_SKIP, "%s: %s/%s: %.130s", e->what == IR_PERF_ENERGY ? "energy" : "counters",
                           e->pmu, e->event, why);
        }
        p->at[p->n].fd = fd;
        p->at[p->n].what = e->what;
        p->at[p->n++].scale = e->scale;
    }
    size_t len = strlen(p->names);
    snprintf(p->names + len, sizeof p->names - len, "%s%s/%s", len ? "," : "", e->pmu, e->event);
    return IR_OK;
}

/* The generic events of the thread that calls. */
static ir_status perf_add_core(ir_perf *p, const char *root, ir_perf_call call, unsigned asked)
{
    static const struct {
        const char  *name;
        ir_perf_what what;
        uint64_t     config[3];
    } generic[] = {{"cycles", IR_PERF_CYCLES, {0}}, {"instructions", IR_PERF_INSTRUCTIONS, {1}}};
    for (size_t i = 0; i < sizeof generic / sizeof *generic; i++) {
        ir_perf_event e = {.what = generic[i].what, .cpu = {-1}, .ncpu = 1, .scale = 1};
        if (!(asked & 1u << e.what)) continue;
        snprintf(e.pmu, sizeof e.pmu, "cpu");
        snprintf(e.event, sizeof e.event, "%s", generic[i].name);
        memcpy(e.config, generic[i].config, sizeof e.config);
        ir_status st = perf_add(p, root, call, &e);
        if (st != IR_OK) return st;
    }
    return IR_OK;
}

static const char *perf_subject(unsigned asked)
{
    return asked & IR_PERF_JOULES ? "packages" : asked & IR_PERF_DRAM ? "memory" : "the processor";
}

ir_status ir_perf_open(const char *root, ir_perf_call call, unsigned asked, ir_perf **out)
{
    ir_perf_event *e = calloc(MAX_FOUND, sizeof *e);
    char           why[IR_WHY];
    ir_perf       *p = *out = e ? calloc(1, sizeof *p) : NULL;
    ir_status      st = p ? IR_OK : ir_fail(IR_ENOMEM, "counters: no memory");
    int            n = p ? ir_perf_find(root, e, MAX_FOUND) : 0;
    for (int i = 0; i < n && st == IR_OK; i++) {
        if (!(asked & 1u << e[i].what)) continue;
        st = *e[i].why ? ir_fail(IR_SKIP, "counters: %s/%s: %.100s", e[i].pmu, e[i].event, e[i].why)
                       : perf_add(p, root, call ? call : perf_system, &e[i]);
    }
    free(e);
    if (st == IR_OK) st = perf_add_core(p, root, call ? call : perf_system, asked);
    if (st == IR_OK && p->n == 0)
        st = ir_fail(IR_SKIP, "%s: the kernel names no counters of %s here",
                     asked & IR_PERF_JOULES ? "energy" : "counters", perf_subject(asked));
    if (st == IR_OK) return st;
    snprintf(why, sizeof why, "%s", ir_why());
    ir_perf_close(out);
    return ir_fail(st, "%s", why);
}

void ir_perf_close(ir_perf **p)
{
    if (!*p) return;
    for (int i = 0; i < (*p)->n; i++) close((*p)->at[i].fd);
    free(*p);
    *p = NULL;
}

void ir_perf_read(const ir_perf *p, double v[IR_NPERF])
{
    bool known[IR_NPERF] = {false};
    for (int k = 0; k < IR_NPERF; k++) v[k] = NAN;
    for (int i = 0; i < p->n; i++) {
        uint64_t n;
        double  *sum = &v[p->at[i].what];
        bool     got = read(p->at[i].fd, &n, sizeof n) == (ssize_t)sizeof n;
        if (!known[p->at[i].what]) *sum = 0;
        known[p->at[i].what] = true;
        *sum += got ? (double)n * p->at[i].scale : NAN;
    }
}

const char *ir_perf_names(const ir_perf *p) { return p->names; }

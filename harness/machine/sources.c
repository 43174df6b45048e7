/* sources.c -- what could tell joules and counts on this machine, source by source. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <errno.h>
#include <string.h>

/* Below another root nothing can be opened: what is published there is all there is to say. */
static int sources_not_asked(int type, const uint64_t config[3], int cpu)
{
    (void)type, (void)config, (void)cpu;
    errno = ENODEV;
    return -1;
}

static bool sources_here(const char *root) { return !*root; }

/* A processor's own: cpu, cpu_core and cpu_atom of unlike cores, armv8_pmuv3_0, armv8_cortex_a78 ... */
static bool sources_cpu_pmu(const char *root)
{
    enum { MOST = 256 };
    static ir_name pmu[MOST];
    int            n = ir_dir_list(root, "/sys/bus/event_source/devices", pmu, MOST);
    for (int i = 0; i < n; i++)
        if (!strcmp(pmu[i].name, "cpu") || !strncmp(pmu[i].name, "cpu_", 4) ||
            !strncmp(pmu[i].name, "armv", 4))
            return true;
    return false;
}

static void source_cycles(const char *root, ir_source_line *o)
{
    char why[IR_WHY];
    snprintf(o->name, sizeof o->name, "perf cycles");
    o->yes = sources_here(root) ? ir_perf_usable(root, why, sizeof why) : sources_cpu_pmu(root);
    if (!o->yes && !sources_here(root)) ir_perf_usable_with(root, sources_not_asked, why, sizeof why);
    snprintf(o->text, sizeof o->text, "%.199s", o->yes ? "the kernel's own counters of the processor" : why);
}

static void source_memory(const char *root, ir_source_line *o)
{
    enum { MOST = 128 };
    static ir_perf_event e[MOST];
    ir_perf             *p = NULL;
    int                  n = ir_perf_find(root, e, MOST), memory = 0, broken = 0;
    snprintf(o->name, sizeof o->name, "perf memory");
    for (int i = 0; i < n; i++) {
        memory += e[i].what != IR_PERF_ENERGY;
        if (e[i].what != IR_PERF_ENERGY && *e[i].why && !broken++)
            snprintf(o->text, sizeof o->text, "%s/%s: %s", e[i].pmu, e[i].event, e[i].why);
    }
    if (broken) return;
    o->yes = memory > 0;
    if (memory)
        snprintf(o->text, sizeof o->text, "%d counters of DRAM bytes by the kernel's names", memory);
    else
        snprintf(o->text, sizeof o->text,
                 "the kernel names no counters of DRAM bytes: sudo modprobe intel_uncore, or the driver of "
                 "the vendor; in a virtual machine run on the host");
    if (!o->yes || !sources_here(root)) return;
    o->yes = ir_perf_open(root, NULL, IR_PERF_DRAM, &p) == IR_OK;
    if (!o->yes) snprintf(o->text, sizeof o->text, "%.199s", ir_why());
    ir_perf_close(&p);
}

static void source_perf_energy(const char *root, ir_source_line *o)
{
    ir_perf_event e[16];
    ir_perf      *p = NULL;
    int           n = ir_perf_find(root, e, 16), at = -1;
    snprintf(o->name, sizeof o->name, "perf energy");
    for (int i = 0; i < n; i++)
        if (e[i].what == IR_PERF_ENERGY) at = i;
    o->yes = at >= 0 && !*e[at].why;
    if (at < 0)
        snprintf(o->text, sizeof o->text,
                 "the kernel has no power PMU here: sudo modprobe rapl; in a virtual "
                 "machine run on the host");
    else if (o->yes && sources_here(root) && ir_perf_open(root, NULL, IR_PERF_JOULES, &p) != IR_OK)
        o->yes = false, snprintf(o->text, sizeof o->text, "%.199s", ir_why());
    else
        snprintf(o->text, sizeof o->text, "%s/%s%s%s", e[at].pmu, e[at].event, *e[at].why ? ": " : "",
                 e[at].why);
    ir_perf_close(&p);
}

static void source_likwid(const char *root, ir_source_line *o)
{
    ir_counters    *c = NULL;
    ir_counters_ask ask = {.cpus = "0"};
    snprintf(o->name, sizeof o->name, "likwid");
    if (!sources_here(root)) {
        snprintf(o->text, sizeof o->text,
                 "asked only on the machine itself: run 'ironroof list counters' there");
        return;
    }
    o->yes = ir_counters_open(&ask, &c) == IR_OK;
    snprintf(o->text, sizeof o->text, "%.199s", o->yes ? ir_counters_version(c) : ir_why());
    ir_counters_close(&c);
}

int ir_sources(const char *root, ir_source_line out[IR_MAX_SOURCES])
{
    static void (*const more[])(const char *, ir_source_line *) = {source_perf_energy, source_cycles,
                                                                   source_memory, source_likwid};
    int n = ir_meter_sources(root, NULL, out, IR_MAX_SOURCES);
    for (size_t i = 0; i < sizeof more / sizeof *more && n < IR_MAX_SOURCES; i++) {
        memset(&out[n], 0, sizeof out[n]);
        more[i](root, &out[n++]);
    }
    return n;
}

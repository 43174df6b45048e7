/* likwid.c -- the helper process: loads liblikwid, reads commands from its standard input, answers with lines
 * that end in "ok ..." or "no REASON". Own declarations, as of 5.2: none of likwid's text enters ours.
 *
 *   open LIB CPUS    ok VERSION|CPU      groups    group NAME ... ok
 *   add GROUP        metric I NAME ... ok ID       start ID    ok
 *   stop ID          time S, value I CPU V ... ok
 *
 * likwid overwrites the access mode inside topology_init(), so that it is chosen after; it may call exit() or
 * crash, which the parent sees as the end of the socket. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <unistd.h>

/* The head of likwid's CpuInfo: what is read of it. */
typedef struct {
    uint32_t family, model, stepping, vendor, part;
    uint64_t clock;
    int      turbo;
    char    *osname, *name, *short_name;
} likwid_cpu;
enum { DIRECT = 0, MAX_HELPER_CPUS = IR_MAX_PU };
static struct {
    int (*topology)(void);
    likwid_cpu *(*cpu)(void);
    void (*mode)(int);
    int (*init)(int, const int *), (*groups)(char ***, char ***, char ***), (*add)(const char *),
        (*setup)(int), (*start)(void), (*stop)(void), (*nmetric)(int);
    char *(*metric)(int, int);
    double (*value)(int, int, int), (*time)(int);
    void (*finish)(void);
} lib;
static const struct {
    const char *name;
    void      **at;
} symbols[] = {{"topology_init", (void **)(void *)&lib.topology},
               {"get_cpuInfo", (void **)(void *)&lib.cpu},
               {"HPMmode", (void **)(void *)&lib.mode},
               {"perfmon_init", (void **)(void *)&lib.init},
               {"perfmon_getGroups", (void **)(void *)&lib.groups},
               {"perfmon_addEventSet", (void **)(void *)&lib.add},
               {"perfmon_setupCounters", (void **)(void *)&lib.setup},
               {"perfmon_startCounters", (void **)(void *)&lib.start},
               {"perfmon_stopCounters", (void **)(void *)&lib.stop},
               {"perfmon_getNumberOfMetrics", (void **)(void *)&lib.nmetric},
               {"perfmon_getMetricName", (void **)(void *)&lib.metric},
               {"perfmon_getMetric", (void **)(void *)&lib.value},
               {"perfmon_getTimeOfGroup", (void **)(void *)&lib.time},
               {"perfmon_finalize", (void **)(void *)&lib.finish}};
static FILE *out; /* the socket; standard output is the library's own */
static int   ncpu;
static bool  ready;
static char  version[24];

static void *helper_load(const char *name)
{
    static const char *const known[] = {"liblikwid.so.5.5", "liblikwid.so.5.4", "liblikwid.so.5.3",
                                        "liblikwid.so.5.2", "liblikwid.so",     NULL};
    void                    *h = *name ? dlopen(name, RTLD_NOW) : NULL;
    for (const char *const *k = known; !h && !*name && *k; k++) h = dlopen(*k, RTLD_NOW);
    return h;
}

static int helper_cpus(const char *list, int *v)
{
    ir_cpumask mask;
    int        n = 0;
    memset(&mask, 0, sizeof mask);
    ir_cpumask_parse(&mask, list);
    for (int i = 0; i < IR_CPU_BITS && n < MAX_HELPER_CPUS; i++)
        if (ir_cpumask_has(&mask, i)) v[n++] = i;
    return n;
}

/* The library tells no version of its own: that of its file name, behind all links. */
static void helper_version(const void *symbol)
{
    char        path[4096];
    Dl_info     info;
    const char *so = NULL;
    if (dladdr(symbol, &info) && info.dli_fname && realpath(info.dli_fname, path)) so = strstr(path, ".so.");
    snprintf(version, sizeof version, "%.23s", so ? so + 4 : "unknown");
}

/* Processors that a later version knows: by family and model, of Arm by part. */
static const char *helper_known_since(const likwid_cpu *c)
{
    static const struct {
        uint32_t    family, model, part;
        const char *version;
    } since[] = {{6, 0x8f, 0, "5.3.0"},  {25, 0x11, 0, "5.3.0"}, {25, 0x61, 0, "5.3.0"},
                 {8, 0, 0xd40, "5.3.0"}, {6, 0xad, 0, "5.4.0"},  {6, 0xaf, 0, "5.4.0"},
                 {8, 0, 0xd4f, "5.4.0"}};
    for (size_t i = 0; i < sizeof since / sizeof *since; i++) {
        bool same = since[i].part ? c->part == since[i].part : c->model == since[i].model;
        if (same && c->family == since[i].family) return since[i].version;
    }
    return NULL;
}

static void helper_unknown(const likwid_cpu *c)
{
    const char *since = c ? helper_known_since(c) : NULL;
    fprintf(out, "no likwid %s does not know this processor (family %u model %u); %s%s\n", version,
            c ? c->family : 0, c ? c->model : 0, since ? since : "a later one may", since ? " or later" : "");
}

static void helper_open(char *args)
{
    static int cpu[MAX_HELPER_CPUS];
    char      *cpus = strchr(args, ' ');
    if (!cpus) {
        fputs("no library and no CPUs named\n", out);
        return;
    }
    *cpus++ = 0;
    void *h = helper_load(strcmp(args, "-") ? args : "");
    if (!h) {
        fputs("no likwid is not installed here: apt-get install likwid\n", out);
        return;
    }
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        *symbols[i].at = dlsym(h, symbols[i].name);
        if (!*symbols[i].at) {
            fprintf(out, "no this likwid has no %s: 5.2 or later is needed\n", symbols[i].name);
            return;
        }
    }
    helper_version(*symbols[0].at);
    int major = 0, minor = 0;
    if (sscanf(version, "%d.%d", &major, &minor) == 2 && (major < 5 || (major == 5 && minor < 2))) {
        fprintf(out, "no likwid %d.%d is too old: 5.2 or later is needed\n", major, minor);
        return;
    }
    ncpu = helper_cpus(cpus, cpu);
    if (lib.topology() != 0) {
        fputs("no likwid cannot tell this machine's topology\n", out);
        return;
    }
    if (geteuid() == 0) lib.mode(DIRECT);
    const likwid_cpu *c = lib.cpu();
    const char       *name = c && c->short_name ? c->short_name : "?";
    int               st = lib.init(ncpu, cpu);
    if (st < 0 && !strncmp(name, "unknown", 7)) {
        helper_unknown(c);
        return;
    }
    if (st < 0) {
        fprintf(out, "no likwid %s, processor %s (family %u model %u): perfmon_init %d\n", version, name,
                c ? c->family : 0, c ? c->model : 0, st);
        return;
    }
    ready = true;
    fprintf(out, "ok %s|%s\n", version, name);
}

static void helper_groups(char *args)
{
    char **names = NULL, **shorts = NULL, **longs = NULL;
    (void)args;
    int n = lib.groups(&names, &shorts, &longs);
    if (n < 0) {
        helper_unknown(lib.cpu());
        return;
    }
    for (int i = 0; i < n; i++) fprintf(out, "group %s\n", names[i]);
    fprintf(out, "ok %d\n", n);
}

static void helper_add(char *group)
{
    int id = lib.add(group);
    if (id < 0) {
        fprintf(out, "no likwid does not take the group %s (%d)\n", group, id);
        return;
    }
    int n = lib.nmetric(id);
    for (int i = 0; i < n; i++) fprintf(out, "metric %d %s\n", i, lib.metric(id, i));
    fprintf(out, "ok %d\n", id);
}

static void helper_start(char *args)
{
    int st = lib.setup(atoi(args));
    if (st >= 0) st = lib.start();
    fprintf(out,
            st < 0 ? "no likwid cannot start its counters (%d): are they in use by another?\n" : "ok %d\n",
            st);
}

static void helper_stop(char *args)
{
    int id = atoi(args), st = lib.stop(), n = lib.nmetric(id);
    if (st < 0) {
        fprintf(out, "no likwid cannot stop its counters (%d)\n", st);
        return;
    }
    fprintf(out, "time %.9g\n", lib.time(id));
    for (int i = 0; i < n; i++) {
        double sum = 0; /* uncore values stand on the first CPU of a socket, 0 on the others */
        int    some = 0;
        for (int k = 0; k < ncpu; k++) {
            double v = lib.value(id, i, k);
            if (v == v && v > 0) sum += v, some++;
        }
        fprintf(out, "value %d %d %.17g\n", i, some, sum);
    }
    fputs("ok\n", out);
}

static const struct {
    const char *word;
    void (*answer)(char *args);
    bool before; /* may come before open succeeded */
} commands[] = {{"open ", helper_open, true},
                {"groups", helper_groups, false},
                {"add ", helper_add, false},
                {"start ", helper_start, false},
                {"stop ", helper_stop, false}};

static void helper_answer(char *line)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        size_t n = strlen(commands[i].word);
        if (strncmp(line, commands[i].word, n) != 0) continue;
        if (commands[i].before || ready)
            commands[i].answer(line + n);
        else
            fputs("no library is open\n", out);
        return;
    }
    fprintf(out, "no such command: %.40s\n", line);
}

int ir_counters_child(void)
{
    char line[8192];
    int  to = dup(STDOUT_FILENO);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    dup2(STDERR_FILENO, STDOUT_FILENO);
    out = to < 0 ? NULL : fdopen(to, "w");
    while (out && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        helper_answer(line);
        if (fflush(out)) break;
    }
    if (ready) lib.finish();
    if (out) fclose(out);
    return 0;
}

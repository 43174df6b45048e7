/* likwid_stand_in.c -- a library with likwid's functions that misbehaves as STAND_IN says: ok exit deny zero
 * half crash hang two rw sockets everywhere nogroups unknown taken growing. Counted: 2 GB of reads and 1 GB
 * of writes, 20 J and 5 J of the memory; growing: from the second time on a thousand million times as much,
 * which no machine moves. Built a second time without one of the functions. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    uint32_t family, model, stepping, vendor, part;
    uint64_t clock;
    int      turbo;
    char    *osname, *name, *short_name;
} cpu_info;
static int  sets, stops;
static char added[16][32];

static int mode(const char *name)
{
    const char *m = getenv("STAND_IN");
    return m && !strcmp(m, name);
}

int       likwid_getMajorVersion(void);
int       likwid_getMinorVersion(void);
int       likwid_getBugfixVersion(void);
int       topology_init(void);
cpu_info *get_cpuInfo(void);
void      HPMmode(int);
int       perfmon_init(int, const int *);
int       perfmon_getGroups(char ***, char ***, char ***);
int       perfmon_addEventSet(const char *);
int       perfmon_setupCounters(int);
int       perfmon_startCounters(void);
int       perfmon_stopCounters(void);
int       perfmon_getNumberOfMetrics(int);
char     *perfmon_getMetricName(int, int);
double    perfmon_getMetric(int, int, int);
double    perfmon_getTimeOfGroup(int);
void      perfmon_finalize(void);

int topology_init(void)
{
    if (mode("exit")) {
        fprintf(stderr, "ERROR - \033[31mcannot read the topology\033[0m\n");
        exit(1);
    }
    return 0;
}

cpu_info *get_cpuInfo(void)
{
    static char     name[] = "stand-in", unknown[] = "unknown";
    static cpu_info c = {.family = 25, .model = 17};
    c.short_name = mode("unknown") ? unknown : name;
    return &c;
}

void HPMmode(int m) { (void)m; }

int perfmon_init(int n, const int *cpus)
{
    (void)n, (void)cpus;
    if (mode("unknown")) return -22;
    if (!mode("deny")) return 0;
    fprintf(stderr, "ERROR - [access_client] daemon refused\n");
    return -13;
}

#ifndef WITHOUT_GROUPS
int perfmon_getGroups(char ***g, char ***s, char ***l)
{
    static char mem[] = "MEM", one[] = "MEM1", two[] = "MEM2", read[] = "MEMREAD", write[] = "MEMWRITE",
                flops[] = "FLOPS_SP", other[] = "MEM_SP", l2[] = "L2", energy[] = "ENERGY";
    static char *plain[] = {mem, flops, other, l2, energy}, *halves[] = {one, two}, *apart[] = {read, write};
    (void)s, (void)l;
    if (mode("nogroups")) return -22;
    *g = mode("two") ? halves : mode("rw") ? apart : plain;
    return mode("two") || mode("rw") ? 2 : 5;
}
#endif

int perfmon_addEventSet(const char *g)
{
    snprintf(added[sets], sizeof added[0], "%s", g);
    return sets++;
}

int perfmon_setupCounters(int g)
{
    (void)g;
    return 0;
}

int perfmon_startCounters(void)
{
    if (mode("hang"))
        for (;;) pause();
    return mode("taken") ? -16 : 0;
}

int perfmon_stopCounters(void)
{
    if (mode("crash")) abort();
    stops++;
    return 0;
}

static int is(int g, const char *group) { return !strcmp(added[g], group); }

int perfmon_getNumberOfMetrics(int g) { return is(g, "MEM") || is(g, "L2") || is(g, "ENERGY") ? 4 : 2; }

char *perfmon_getMetricName(int g, int i)
{
    static char time[] = "Runtime (RDTSC) [s]", rd[] = "Memory read data volume [GBytes]",
                wr[] = "Memory write data volume [GBytes]", all[] = "Memory data volume [GBytes]",
                half[] = "Memory data volume (channels 0-3) [GBytes]", sp[] = "SP [MFLOP/s]",
                load[] = "L2D load data volume [GBytes]", evict[] = "L2D evict data volume [GBytes]",
                l2[] = "L2 data volume [GBytes]", pkg[] = "Energy [J]", core[] = "Energy PP0 [J]",
                dram[] = "Energy DRAM [J]";
    static char *const mem[] = {time, rd, wr, all}, *const cache[] = {time, load, evict, l2},
                       *const joules[] = {time, pkg, core, dram};
    if (i == 0) return time;
    if (is(g, "MEM")) return mem[i];
    if (is(g, "L2")) return cache[i];
    if (is(g, "ENERGY")) return joules[i];
    return !strncmp(added[g], "FLOPS", 5) ? sp : mode("two") ? half : !strcmp(added[g], "MEMREAD") ? rd : wr;
}

/* Of uncore values only the first CPU of a socket has any. */
double perfmon_getMetric(int g, int i, int thread)
{
    int    sockets = mode("sockets") ? 2 : 1;
    double share = mode("half") ? 0.5 : mode("zero") ? 0 : mode("growing") && stops > 1 ? 1e9 : 1;
    if (i == 0) return 0.5;
    if (thread >= sockets && !mode("everywhere")) return 0;
    share /= sockets;
    if (!strncmp(added[g], "FLOPS", 5)) return 4000 * share;
    if (is(g, "ENERGY")) return (i == 1 ? 20 : i == 2 ? 12 : 5) * share;
    if (mode("two")) return 1.5 * share;
    if (mode("rw")) return (!strcmp(added[g], "MEMREAD") ? 2 : 1) * share;
    return (i == 1 ? 2 : i == 2 ? 1 : 3) * share;
}

double perfmon_getTimeOfGroup(int g)
{
    (void)g;
    return 0.5;
}

void perfmon_finalize(void) {}

/* load.c -- what the CPUs this process may use were busy with, and how much of that was its own: /proc/stat
 * by CPU, the pressure file, the control group's quota. Ticks are 10 ms: a stretch of a second or more says
 * something. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static double load_seconds(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

static double own_cpu_s(void)
{
    struct rusage self, ended;
    if (getrusage(RUSAGE_SELF, &self) || getrusage(RUSAGE_CHILDREN, &ended)) return NAN;
    return load_seconds(self.ru_utime) + load_seconds(self.ru_stime) + load_seconds(ended.ru_utime) +
           load_seconds(ended.ru_stime);
}

/* Lines "cpuN user nice system idle iowait irq softirq steal"; guest time is inside user. */
static void read_cpus(const char *root, const ir_cpumask *allowed, ir_load *o)
{
    char  *text = ir_file_slurp(root, "/proc/stat");
    double tick = 1.0 / (double)sysconf(_SC_CLK_TCK), busy = 0, idle = 0, steal = 0;
    int    n = 0, cpu;
    for (const char *s = text; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
        double v[8] = {0};
        if (sscanf(s, "cpu%d %lf %lf %lf %lf %lf %lf %lf %lf", &cpu, v, v + 1, v + 2, v + 3, v + 4, v + 5,
                   v + 6, v + 7) < 5)
            continue;
        if (!ir_cpumask_has(allowed, cpu)) continue;
        busy += v[0] + v[1] + v[2] + v[5] + v[6];
        idle += v[3] + v[4];
        steal += v[7];
        n++;
    }
    free(text);
    if (n == 0) return;
    o->cpus = n;
    o->busy_s = busy * tick;
    o->steal_s = steal * tick;
    o->total_s = (busy + idle + steal) * tick;
}

/* "some avg10=... total=MICROSECONDS" */
static double pressure_s(const char *root)
{
    char        text[512];
    const char *total =
        ir_file_read(root, text, sizeof text, "/proc/pressure/cpu") ? strstr(text, "total=") : NULL;
    return total && !strncmp(text, "some", 4) ? strtod(total + strlen("total="), NULL) * 1e-6 : NAN;
}

void ir_load_read_at(const char *root, const ir_cpumask *allowed, ir_load *o)
{
    *o = (ir_load){.t_s = ir_now(), .busy_s = NAN, .total_s = NAN, .steal_s = NAN, .cpus = NAN};
    ir_cpumask mine;
    if (!allowed) ir_affinity_given(root, &mine);
    read_cpus(root, allowed ? allowed : &mine, o);
    o->own_s = *root ? 0 : own_cpu_s();
    o->pressure_s = pressure_s(root);
    o->quota_cpus = ir_cgroup_cpu_quota(root);
    ir_cgroup_throttling(root, &o->quota_periods, &o->quota_stops, &o->quota_s);
}

ir_load_shares ir_load_between(const ir_load *a, const ir_load *b)
{
    double span = b->t_s - a->t_s, total = b->total_s - a->total_s,
           periods = b->quota_periods - a->quota_periods;
    ir_load_shares o = {span, NAN, NAN, NAN, NAN, NAN, b->quota_cpus, b->cpus};
    if (total > 0) {
        double others = (b->busy_s - a->busy_s) - (b->own_s - a->own_s);
        o.others = others > 0 ? others / total : isnan(others) ? NAN : 0;
        o.steal = (b->steal_s - a->steal_s) / total;
    }
    if (span > 0) o.pressure = fmin((b->pressure_s - a->pressure_s) / span, 1);
    if (isnan(o.pressure) || isnan(b->pressure_s - a->pressure_s)) o.pressure = NAN;
    if (periods > 0) o.quota = (b->quota_stops - a->quota_stops) / periods;
    o.quota_s = b->quota_s - a->quota_s;
    return o;
}

/* health.c -- cumulative counters of what disturbs a measurement: stolen time, throttling, involuntary
 * context switches. A counter that cannot be read is NAN. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_CPUS = 4096 };

/* First line of /proc/stat: user nice system idle iowait irq softirq steal; guest time is inside user. */
static void read_stat(const char *root, ir_health *h)
{
    double v[8], tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    char   text[512];
    if (!ir_file_read(root, text, sizeof text, "/proc/stat")) return;
    int n = sscanf(text, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6,
                   v + 7);
    if (n < 4) return;
    for (int i = n; i < 8; i++) v[i] = 0;
    h->busy_s = (v[0] + v[1] + v[2] + v[5] + v[6]) * tick;
    h->total_s = h->busy_s + (v[3] + v[4] + v[7]) * tick;
    if (n == 8) h->steal_s = v[7] * tick;
}

static double read_throttle(const char *root)
{
    static const char *const counter[] = {"core_throttle_count", "package_throttle_count"};
    ir_name                 *names = malloc(MAX_CPUS * sizeof *names);
    double                   sum = NAN;
    int id, count = names ? ir_dir_list(root, "/sys/devices/system/cpu", names, MAX_CPUS) : 0;
    if (!names) ir_left_out("the count of throttling");
    for (int i = 0; i < count; i++) {
        if (sscanf(names[i].name, "cpu%d", &id) != 1) continue;
        double both = NAN;
        for (int k = 0; k < 2; k++) {
            double v = ir_file_num(root, "/sys/devices/system/cpu/cpu%d/thermal_throttle/%s", id, counter[k]);
            if (!isnan(v)) both = (isnan(both) ? 0 : both) + v;
        }
        if (isnan(both)) break; /* one has them, all have them */
        sum = (isnan(sum) ? 0 : sum) + both;
    }
    free(names);
    return sum;
}

void ir_health_read_at(const char *root, ir_health *h)
{
    struct rusage u;
    h->steal_s = h->busy_s = h->total_s = NAN;
    read_stat(root, h);
    h->throttle_n = read_throttle(root);
    h->ctx_involuntary = getrusage(RUSAGE_SELF, &u) ? NAN : (double)u.ru_nivcsw;
}

void ir_health_read(ir_health *h) { ir_health_read_at("", h); }

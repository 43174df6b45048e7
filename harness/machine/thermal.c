/* thermal.c -- temperatures, throttle counts, stops by the CPU quota and power caps below a root directory;
 * and the host's vitals, whose files stay open: a reading between samples must be cheap. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SENSORS = 64, MAX_CLOCKS = 8, PATH_CAP = 160 };

static bool begins_with(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (!strncmp(name, *list, strlen(*list))) return true;
    return false;
}

/* Paths of the processor's temperature and of what it must stay under; "" none. */
static void find_sensor(const char *root, char temp[PATH_CAP], char crit[PATH_CAP])
{
    static const char *const chips[] = {"coretemp", "k10temp", "zenpower", "cpu_thermal", NULL};
    static const char *const zones[] = {"x86_pkg_temp", "cpu", "CPU", "soc", "tj", NULL};
    ir_name                  entry[MAX_SENSORS];
    char                     name[64];
    temp[0] = crit[0] = 0;
    int n = ir_dir_list(root, "/sys/class/hwmon", entry, MAX_SENSORS);
    for (int i = 0; i < n && !*temp; i++) {
        if (!ir_file_read(root, name, sizeof name, "/sys/class/hwmon/%s/name", entry[i].name)) continue;
        if (!begins_with(name, chips)) continue;
        snprintf(temp, PATH_CAP, "/sys/class/hwmon/%.63s/temp1_input", entry[i].name);
        snprintf(crit, PATH_CAP, "/sys/class/hwmon/%.63s/temp1_crit", entry[i].name);
    }
    n = *temp ? 0 : ir_dir_list(root, "/sys/class/thermal", entry, MAX_SENSORS);
    for (int i = 0; i < n && !*temp; i++) {
        if (!ir_file_read(root, name, sizeof name, "/sys/class/thermal/%s/type", entry[i].name)) continue;
        if (!begins_with(name, zones)) continue;
        snprintf(temp, PATH_CAP, "/sys/class/thermal/%.63s/temp", entry[i].name);
        for (int k = 0; k < 8 && !*crit; k++) {
            ir_file_read(root, name, sizeof name, "/sys/class/thermal/%s/trip_point_%d_type", entry[i].name,
                         k);
            if (!strcmp(name, "critical"))
                snprintf(crit, PATH_CAP, "/sys/class/thermal/%.60s/trip_point_%d_temp", entry[i].name, k);
        }
    }
}

static double power_cap(const char *root)
{
    ir_name zone[MAX_SENSORS];
    char    name[64];
    double  sum = NAN;
    int     n = ir_dir_list(root, "/sys/class/powercap", zone, MAX_SENSORS);
    for (int i = 0; i < n; i++) {
        if (!ir_file_read(root, name, sizeof name, "/sys/class/powercap/%s/name", zone[i].name)) continue;
        if (strncmp(zone[i].name, "intel-rapl:", 11) != 0 || strncmp(name, "package", 7) != 0) continue;
        double cap =
            ir_file_num(root, "/sys/class/powercap/%s/constraint_0_power_limit_uw", zone[i].name) * 1e-6;
        if (cap > 0) sum = (isnan(sum) ? 0 : sum) + cap;
    }
    return sum;
}

void ir_thermal_read(const char *root, ir_thermal *o)
{
    char      temp[PATH_CAP], crit[PATH_CAP];
    double    periods;
    ir_health h;
    find_sensor(root, temp, crit);
    o->temp_C = *temp ? ir_file_num(root, "%s", temp) * 1e-3 : NAN;
    o->crit_C = *crit ? ir_file_num(root, "%s", crit) * 1e-3 : NAN;
    ir_health_read_at(root, &h);
    o->throttle_n = h.throttle_n;
    ir_cgroup_throttling(root, &periods, &o->quota_stops, &o->quota_s);
    o->cap_W = power_cap(root);
}

/* ---- host vitals ----------------------------------------------------------------------------- */
struct ir_host_vitals {
    int clock[MAX_CLOCKS], temp, nclock;
};

static int thermal_open(const char *root, const char *path)
{
    char full[1024];
    if ((size_t)snprintf(full, sizeof full, "%s%s", root, path) >= sizeof full) return -1;
    return open(full, O_RDONLY | O_CLOEXEC);
}

static double thermal_number(int fd)
{
    char    text[64], *end;
    ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
    if (n <= 0) return NAN;
    text[n] = 0;
    double v = strtod(text, &end);
    return end == text ? NAN : v;
}

ir_host_vitals *ir_host_vitals_open(const char *root)
{
    ir_host_vitals *v = calloc(1, sizeof *v);
    char            path[PATH_CAP], crit[PATH_CAP];
    ir_cpumask      allowed;
    if (!v) {
        ir_left_out("temperature and clock");
        return NULL;
    }
    find_sensor(root, path, crit);
    v->temp = *path ? thermal_open(root, path) : -1;
    memset(&allowed, 0, sizeof allowed);
    bool masked = !*root && ir_cpumask_get(&allowed) == 0;
    for (int cpu = 0; cpu < IR_CPU_BITS && v->nclock < MAX_CLOCKS; cpu++) {
        if (masked && !ir_cpumask_has(&allowed, cpu)) continue;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
        int fd = thermal_open(root, path);
        if (fd < 0) break;
        v->clock[v->nclock++] = fd;
    }
    if (v->temp < 0 && v->nclock == 0) ir_host_vitals_close(&v);
    return v;
}

void ir_host_vitals_read(ir_host_vitals *v, ir_vitals *out)
{
    double fastest = NAN; /* idle ones read low */
    *out = (ir_vitals){.mem_clock_Hz = NAN, .power_W = NAN, .energy_J = NAN};
    for (int i = 0; i < v->nclock; i++) fastest = fmax(fastest, thermal_number(v->clock[i]) * 1e3);
    out->clock_Hz = fastest;
    out->temp_C = thermal_number(v->temp) * 1e-3;
}

void ir_host_vitals_close(ir_host_vitals **v)
{
    if (!*v) return;
    for (int i = 0; i < (*v)->nclock; i++) close((*v)->clock[i]);
    if ((*v)->temp >= 0) close((*v)->temp);
    free(*v);
    *v = NULL;
}

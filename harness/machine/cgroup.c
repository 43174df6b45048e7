/* cgroup.c -- limits of the control groups above this process, versions 2 and 1. Inside a container
 * the path in /proc/self/cgroup may not exist below the mount: every ancestor of it is tried, down to
 * the mount itself. */
#include "harness/machine/machine_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CGROUP_DIR = 640 };
static const char *const mounts_v2[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL};
static const char *const mounts_mem[] = {"/sys/fs/cgroup/memory", NULL};
static const char *const mounts_cpu[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", NULL};

/* Path of this process below the hierarchy of a controller ("" is version 2). */
static bool own_path(const char *root, const char *controller, char *out, size_t cap)
{
    char text[8192], *save = NULL;
    ir_file_read(root, text, sizeof text, "/proc/self/cgroup");
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        if (!path) continue;
        *path++ = 0;
        names++;
        bool match = *controller == 0 && *names == 0;
        for (char *n = names; *controller && n; n = strchr(n, ',') ? strchr(n, ',') + 1 : NULL)
            match |= strcspn(n, ",") == strlen(controller) && !strncmp(n, controller, strlen(controller));
        if (!match) continue;
        snprintf(out, cap, "%s", strcmp(path, "/") ? path : "");
        return true;
    }
    out[0] = 0;
    return false;
}

typedef double (*level_fn)(const char *root, const char *dir); /* NAN: nothing at this level */

/* The extreme of a quantity over all levels; found: the directory of the level that has it, NULL: not wanted.
 */
static double over_levels(const char *root, const char *const *mounts, const char *controller, level_fn at,
                          double (*pick)(double, double), char found[CGROUP_DIR])
{
    char   path[512], dir[CGROUP_DIR];
    double best = NAN;
    own_path(root, controller, path, sizeof path);
    for (size_t len = strlen(path);; path[--len] = 0) {
        for (const char *const *m = mounts; *m; m++) {
            snprintf(dir, sizeof dir, "%s%s", *m, path);
            double v = at(root, dir), was = best;
            best = pick(best, v);
            if (found && best == v && (isnan(was) || was != v)) memcpy(found, dir, sizeof dir);
        }
        while (len > 0 && path[len - 1] != '/') len--;
        if (len == 0) return best;
    }
}

static double smallest(const char *root, const char *const *mounts, const char *controller, level_fn at)
{
    return over_levels(root, mounts, controller, at, fmin, NULL);
}

/* A line "key number" of a file. */
static double stat_value(const char *root, const char *dir, const char *file, const char *key)
{
    char text[8192];
    ir_file_read(root, text, sizeof text, "%s/%s", dir, file);
    const char *s = text;
    for (size_t len = strlen(key); s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
        if (!strncmp(s, key, len) && s[len] == ' ') return strtod(s + len, NULL);
    return NAN;
}

/* Memory not given back on demand: file pages that are inactive can be reclaimed. */
static double usage(const char *root, const char *dir, const char *file, const char *stat_key)
{
    double used = ir_file_num(root, "%s/%s", dir, file),
           given = stat_value(root, dir, "memory.stat", stat_key);
    return isnan(given) ? used : used - given;
}

static double limit_v2(const char *root, const char *dir)
{
    return fmin(ir_file_num(root, "%s/memory.max", dir), ir_file_num(root, "%s/memory.high", dir));
}

static double limit_v1(const char *root, const char *dir)
{
    double v = ir_file_num(root, "%s/memory.limit_in_bytes", dir);
    return v < 4e18 ? v : NAN; /* "unlimited" is LONG_MAX rounded down to a page */
}

static double room_v2(const char *root, const char *dir)
{
    double limit = limit_v2(root, dir);
    return isnan(limit) ? NAN : limit - usage(root, dir, "memory.current", "inactive_file");
}

static double room_v1(const char *root, const char *dir)
{
    double limit = limit_v1(root, dir);
    return isnan(limit) ? NAN : limit - usage(root, dir, "memory.usage_in_bytes", "total_inactive_file");
}

double ir_cgroup_mem_limit_B(const char *root)
{
    return fmin(smallest(root, mounts_v2, "", limit_v2), smallest(root, mounts_mem, "memory", limit_v1));
}

double ir_cgroup_mem_room_B(const char *root)
{
    double room = fmin(smallest(root, mounts_v2, "", room_v2), smallest(root, mounts_mem, "memory", room_v1));
    return room < 0 ? 0 : room;
}

static double quota_v2(const char *root, const char *dir)
{
    char   text[64], *end;
    double quota, period;
    if (!ir_file_read(root, text, sizeof text, "%s/cpu.max", dir)) return NAN;
    quota = strtod(text, &end);
    if (end == text) return NAN; /* "max 100000" */
    period = strtod(end, NULL);
    return period > 0 ? quota / period : NAN;
}

static double quota_v1(const char *root, const char *dir)
{
    double quota = ir_file_num(root, "%s/cpu.cfs_quota_us", dir);
    double period = ir_file_num(root, "%s/cpu.cfs_period_us", dir);
    return quota > 0 && period > 0 ? quota / period : NAN;
}

double ir_cgroup_cpu_quota(const char *root)
{
    return fmin(smallest(root, mounts_v2, "", quota_v2), smallest(root, mounts_cpu, "cpu", quota_v1));
}

void ir_cgroup_limit_fix(const char *root, bool cpu, char *out, size_t cap)
{
    char   dir[CGROUP_DIR] = "", dir1[CGROUP_DIR] = "";
    double v2 = over_levels(root, mounts_v2, "", cpu ? quota_v2 : limit_v2, fmin, dir);
    double v1 = over_levels(root, cpu ? mounts_cpu : mounts_mem, cpu ? "cpu" : "memory",
                            cpu ? quota_v1 : limit_v1, fmin, dir1);
    out[0] = 0;
    if (v1 < v2 || (isnan(v2) && !isnan(v1)))
        snprintf(out, cap, "echo -1 | sudo tee %.120s/%s", dir1,
                 cpu ? "cpu.cfs_quota_us" : "memory.limit_in_bytes");
    else if (!isnan(v2))
        snprintf(out, cap, "echo max | sudo tee %.120s/%s", dir, cpu ? "cpu.max" : "memory.max");
}

/* ---- how often the quota stopped this process ------------------------------------------------ */
static double periods_at(const char *root, const char *dir)
{
    return stat_value(root, dir, "cpu.stat", "nr_periods");
}
static double stops_at(const char *root, const char *dir)
{
    return stat_value(root, dir, "cpu.stat", "nr_throttled");
}

static double stopped_s_at(const char *root, const char *dir)
{
    return fmax(stat_value(root, dir, "cpu.stat", "throttled_usec") * 1e-6,
                stat_value(root, dir, "cpu.stat", "throttled_time") * 1e-9);
}

static double cgroup_largest(const char *root, level_fn at)
{
    return fmax(over_levels(root, mounts_v2, "", at, fmax, NULL),
                over_levels(root, mounts_cpu, "cpu", at, fmax, NULL));
}

void ir_cgroup_throttling(const char *root, double *periods, double *stops, double *stopped_s)
{
    *periods = cgroup_largest(root, periods_at);
    *stops = cgroup_largest(root, stops_at);
    *stopped_s = cgroup_largest(root, stopped_s_at);
}

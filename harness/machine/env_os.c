/* env_os.c -- what the operating system, the container, the power supply and the build say. The host's
 * name is recorded as a hash only. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#ifndef IR_BUILD_FLAGS
#define IR_BUILD_FLAGS ""
#endif
#ifndef IR_BUILD_TYPE
#define IR_BUILD_TYPE ""
#endif
#ifndef IR_GIT_REVISION
#define IR_GIT_REVISION ""
#endif

/* Value of KEY=value or KEY="value" in os-release. */
static void os_name(const char *root, char *out, size_t cap)
{
    char text[4096];
    out[0] = 0;
    if (!ir_file_read(root, text, sizeof text, "/etc/os-release") &&
        !ir_file_read(root, text, sizeof text, "/usr/lib/os-release"))
        return;
    const char *s = strstr(text, "PRETTY_NAME=");
    if (!s) return;
    s += strlen("PRETTY_NAME=");
    if (*s == '"') s++;
    snprintf(out, cap, "%.*s", (int)strcspn(s, "\"\n"), s);
}

static void libc_name(char *out, size_t cap)
{
#ifdef __GLIBC__
    snprintf(out, cap, "glibc %s", gnu_get_libc_version());
#else
    snprintf(out, cap, "%s", "");
#endif
}

/* "vulnerable: a b; mitigated: c d". */
static void mitigations(const char *root, char *out, size_t cap)
{
    enum { MAX = 128 };
    static const char *const state[] = {"Vulnerable", "Mitigation"}, *const title[] = {"vulnerable:",
                                                                                       "mitigated:"};
    static const char dir[] = "/sys/devices/system/cpu/vulnerabilities";
    ir_name           names[MAX];
    char              text[256];
    int               count = ir_dir_list(root, dir, names, MAX);
    size_t            n = 0;
    out[0] = 0;
    for (int k = 0; k < 2; k++) {
        bool first = true;
        for (int i = 0; i < count && n < cap; i++) {
            if (!ir_file_read(root, text, sizeof text, "%s/%s", dir, names[i].name) ||
                strncmp(text, state[k], strlen(state[k])) != 0)
                continue;
            n += (size_t)snprintf(out + n, cap - n, "%s%s %s", first && n ? "; " : "", first ? title[k] : "",
                                  names[i].name);
            first = false;
        }
    }
    if (count > 0 && n == 0) snprintf(out, cap, "not affected");
}

/* The choice in brackets: "always [madvise] never". */
static void env_os_chosen(const char *root, const char *path, char *out, size_t cap)
{
    char text[256];
    out[0] = 0;
    if (!ir_file_read(root, text, sizeof text, "%s", path)) return;
    const char *s = strchr(text, '[');
    if (s) snprintf(out, cap, "%.*s", (int)strcspn(s + 1, "]"), s + 1);
}

static const char *container(const char *root)
{
    static const char *const hint[][2] = {
        {"kubepods", "kubernetes"},   {"docker", "docker"}, {"libpod", "podman"},
        {"containerd", "containerd"}, {"/lxc", "lxc"},      {"garden", "garden"}};
    char text[4096];
    ir_file_read(root, text, sizeof text, "/proc/self/cgroup");
    for (size_t i = 0; i < sizeof hint / sizeof *hint; i++)
        if (strstr(text, hint[i][0])) return hint[i][1];
    char path[1024];
    snprintf(path, sizeof path, "%s/.dockerenv", root);
    if (access(path, F_OK) == 0) return "docker";
    snprintf(path, sizeof path, "%s/run/.containerenv", root);
    if (access(path, F_OK) == 0) return "podman";
    return "none";
}

/* AC or battery; "" on machines that know no supply. */
static const char *power_source(const char *root)
{
    enum { MAX = 32 };
    static const char dir[] = "/sys/class/power_supply";
    ir_name           names[MAX];
    char              type[32], status[32];
    bool              mains = false, discharging = false, any = false;
    int               count = ir_dir_list(root, dir, names, MAX);
    for (int i = 0; i < count; i++) {
        if (!ir_file_read(root, type, sizeof type, "%s/%s/type", dir, names[i].name)) continue;
        if (!strcmp(type, "Mains") || !strcmp(type, "USB")) {
            double online = ir_file_num(root, "%s/%s/online", dir, names[i].name);
            if (!strcmp(type, "Mains")) any |= !isnan(online);
            mains |= online > 0;
        } else if (!strcmp(type, "Battery")) {
            char scope[32];
            ir_file_read(root, scope, sizeof scope, "%s/%s/scope", dir, names[i].name);
            if (!strcmp(scope, "Device")) continue; /* a mouse's battery */
            any = true;
            ir_file_read(root, status, sizeof status, "%s/%s/status", dir, names[i].name);
            discharging |= !strcmp(status, "Discharging");
        }
    }
    if (!any) return "";
    return discharging || !mains ? "battery" : "AC";
}

/* Jetson: the mode's number in the status file, its name in the configuration. */
static void power_mode(const char *root, char *out, size_t cap)
{
    char status[256], key[64];
    out[0] = 0;
    if (!ir_file_read(root, status, sizeof status, "/var/lib/nvpmodel/status")) return;
    const char *s = strstr(status, "pmode:");
    if (!s) return;
    long  id = strtol(s + strlen("pmode:"), NULL, 10);
    char *conf = ir_file_slurp(root, "/etc/nvpmodel.conf");
    snprintf(key, sizeof key, "POWER_MODEL ID=%ld ", id);
    const char *line = conf ? strstr(conf, key) : NULL, *name = line ? strstr(line, "NAME=") : NULL;
    if (name && name < line + strcspn(line, "\n"))
        snprintf(out, cap, "%.*s", (int)strcspn(name + 5, " >\n"), name + 5);
    else
        snprintf(out, cap, "mode %ld", id);
    free(conf);
}

static void kernel_fields(const char *root, ir_env *e)
{
    char text[512];
    os_name(root, text, sizeof text);
    ir_env_text(e, "os", text, false);
    ir_file_read(root, text, sizeof text, "/proc/sys/kernel/osrelease");
    ir_env_text(e, "kernel", text, false);
    libc_name(text, sizeof text);
    ir_env_text(e, "libc", text, true);
    mitigations(root, text, sizeof text);
    ir_env_text(e, "mitigations", text, false);
    env_os_chosen(root, "/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text);
    ir_env_text(e, "thp", text, true);
    env_os_chosen(root, "/sys/kernel/mm/transparent_hugepage/defrag", text, sizeof text);
    ir_env_text(e, "thp_defrag", text, false);
    ir_env_num(e, "page_B", (double)sysconf(_SC_PAGESIZE), true);
    ir_env_num(e, "numa_balancing", ir_file_num(root, "/proc/sys/kernel/numa_balancing"), false);
    ir_file_read(root, text, sizeof text, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    ir_env_text(e, "clocksource", text, true);
}

void ir_env_os(const char *root, ir_env *e)
{
    char text[512];
    kernel_fields(root, e);
    ir_env_text(e, "container", container(root), false);
    ir_env_num(e, "cgroup_cpu_quota", ir_cgroup_cpu_quota(root), true);
    ir_env_num(e, "cgroup_mem_limit_B", ir_cgroup_mem_limit_B(root), false);
    ir_env_text(e, "power_source", power_source(root), true);
    power_mode(root, text, sizeof text);
    ir_env_text(e, "power_mode", text, true);
    ir_variables_text(root, false, text, sizeof text);
    ir_env_text(e, "variables", text, true);
    ir_env_text(e, "affinity_taken_by", *root ? "" : ir_affinity_taken_by(), false);
    ir_env_num(e, "load_1min", ir_file_num(root, "/proc/loadavg"), false);
    if (ir_file_read(root, text, sizeof text, "/proc/sys/kernel/hostname"))
        snprintf(text, sizeof text, "%016llx", (unsigned long long)ir_fnv1a(IR_FNV1A, text));
    ir_env_text(e, "hostname_hash", text, false);
}

void ir_env_build(ir_env *e)
{
    char text[128];
#if defined(__clang__)
    snprintf(text, sizeof text, "clang %d.%d.%d", __clang_major__, __clang_minor__, __clang_patchlevel__);
#elif defined(__GNUC__)
    snprintf(text, sizeof text, "gcc %d.%d.%d", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#else
    text[0] = 0;
#endif
    ir_env_text(e, "compiler", text, true);
    ir_env_text(e, "compiler_flags", IR_BUILD_FLAGS, true);
    ir_env_text(e, "build_type", IR_BUILD_TYPE, true);
    ir_env_text(e, "git_revision", IR_GIT_REVISION, false);
    ir_env_text(e, "hwloc_version", ir_hwloc_version(text), false);
}

ir_status ir_env_collect_at(const char *root, const ir_topology *t, ir_env *out)
{
    enum { ENTRIES = 96 }; /* more than all of these add */
    ir_status s = ir_env_reserve(out, out->n + ENTRIES);
    if (s != IR_OK) return s;
    ir_env_cpu(root, t, out);
    ir_env_os(root, out);
    ir_env_build(out);
    return IR_OK;
}

ir_status ir_env_collect(const ir_topology *t, ir_env *out) { return ir_env_collect_at("", t, out); }

/* doctor_os.c -- findings about the system: pages, limits, clock source, variables, and what others do. */
#include "harness/machine/doctor.h"

#include <math.h>
#include <string.h>

#define WAIT "ironroof run --wait-idle 60"
static const double STEAL = 0.01, PRESSURE = 0.10, SMALL_ROOM_B = 2e9;

void ir_doctor_huge_pages(const ir_checkup *c, ir_finding *f)
{
    const char *thp = ir_checkup_text(c, "thp");
    if (!*thp)
        ir_finding_unknown(f, "this kernel does not say");
    else if (!strcmp(thp, "never"))
        ir_finding_fix(f, "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
                       "never: --pages huge gets small ones");
    else
        ir_finding_ok(f, "%s", thp);
}

void ir_doctor_numa(const ir_checkup *c, ir_finding *f)
{
    double on = ir_checkup_num(c, "numa_balancing"), nodes = ir_checkup_num(c, "numa_nodes");
    if (nodes == 1)
        ir_finding_ok(f, "one node");
    else if (isnan(on))
        ir_finding_ok(f, "this kernel has none");
    else if (on == 0)
        ir_finding_ok(f, "off");
    else
        ir_finding_fix(f, "sudo sysctl kernel.numa_balancing=0",
                       "on: pages move between %.0f nodes while they are measured", nodes);
}

void ir_doctor_quota(const ir_checkup *c, ir_finding *f)
{
    char   fix[sizeof f->fix];
    double quota = ir_checkup_num(c, "cgroup_cpu_quota");
    if (isnan(quota)) {
        ir_finding_ok(f, "none");
        return;
    }
    ir_cgroup_limit_fix(c->root, true, fix, sizeof fix);
    if (c->load.quota > 0)
        ir_finding_fix(f, fix, "%.3g CPUs of %.0f; it cut short %.0f %% of the periods just now", quota,
                       ir_checkup_num(c, "threads"), 100 * c->load.quota);
    else
        ir_finding_fix(f, fix, "%.3g CPUs of %.0f: full use is stopped many times a second", quota,
                       ir_checkup_num(c, "threads"));
}

void ir_doctor_memory(const ir_checkup *c, ir_finding *f)
{
    char   fix[sizeof f->fix];
    double limit = ir_checkup_num(c, "cgroup_mem_limit_B"), room = ir_cgroup_mem_room_B(c->root);
    ir_cgroup_limit_fix(c->root, false, fix, sizeof fix);
    if (isnan(limit) || limit >= c->topo.mem_B)
        ir_finding_ok(f, "none");
    else if (room < SMALL_ROOM_B)
        ir_finding_fix(f, fix, "%.3g GB, %.3g GB left: large points are skipped", limit / 1e9, room / 1e9);
    else
        ir_finding_ok(f, "%.3g GB, %.3g GB left", limit / 1e9, room / 1e9);
}

void ir_doctor_cpuset(const ir_checkup *c, ir_finding *f)
{
    double mine = ir_checkup_num(c, "threads"), all = ir_checkup_num(c, "threads_machine");
    if (isnan(mine))
        ir_finding_unknown(f, "the topology cannot be read");
    else if (mine < all)
        ir_finding_ok(f, "%.0f of %.0f CPUs: others may use the rest of the memory and caches", mine, all);
    else
        ir_finding_ok(f, "all %.0f CPU%s", all, all == 1 ? "" : "s");
}

void ir_doctor_clock_source(const ir_checkup *c, ir_finding *f)
{
    char        offered[256];
    const char *name = ir_checkup_text(c, "clocksource");
    ir_file_read(c->root, offered, sizeof offered,
                 "/sys/devices/system/clocksource/clocksource0/available_clocksource");
    if (!*name)
        ir_finding_unknown(f, "this system does not say");
    else if (!ir_clocksource_slow(name))
        ir_finding_ok(f, "%s", name);
    else
        ir_finding_fix(
            f,
            strstr(offered, "tsc")
                ? "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource"
                : "boot with tsc=reliable on the kernel's command line",
            "%s: reading the clock takes about a microsecond", name);
}

void ir_doctor_variables(const ir_checkup *c, ir_finding *f)
{
    char   harmful[160], fix[sizeof f->fix] = "unset";
    size_t n = strlen(fix);
    ir_variables_text(c->root, true, harmful, sizeof harmful);
    const char *all = ir_checkup_text(c, "variables"), *taken = ir_checkup_text(c, "affinity_taken_by");
    for (const char *s = harmful; *s && n < sizeof fix;) { /* names, not values: a value may hold blanks */
        size_t len = strcspn(s, "= ");
        if (s[len] == '=') n += (size_t)snprintf(fix + n, sizeof fix - n, " %.*s", (int)len, s);
        s += len;
        s += strcspn(s, " ");
        s += strspn(s, " ");
    }
    if (*taken)
        ir_finding_fix(f, fix, "%s took CPUs away before the program began; it took them back", taken);
    else if (*harmful)
        ir_finding_fix(f, fix, "%s", harmful);
    else if (*all)
        ir_finding_ok(f, "%.150s", all);
    else
        ir_finding_ok(f, "none that matter are set");
}

void ir_doctor_steal(const ir_checkup *c, ir_finding *f)
{
    if (isnan(c->load.steal))
        ir_finding_unknown(f, "/proc/stat cannot be read");
    else if (c->load.steal > STEAL)
        ir_finding_fix(f, "use a host that is not shared, or repeat when it is quiet",
                       "the hypervisor took %.0f %% of the time", 100 * c->load.steal);
    else
        ir_finding_ok(f, "%s", ir_checkup_guest(c) ? "under 1 % just now" : "none");
}

void ir_doctor_load(const ir_checkup *c, ir_finding *f)
{
    double others = c->load.others, pressure = c->load.pressure;
    if (isnan(others))
        ir_finding_unknown(f, "/proc/stat cannot be read");
    else if (!ir_load_idle(others, c->user, c->nuser))
        ir_finding_fix(f, WAIT, "other processes take %.0f %% of the CPUs", 100 * others);
    else if (pressure > PRESSURE)
        ir_finding_fix(f, WAIT, "some task waits for a CPU %.0f %% of the time", 100 * pressure);
    else
        ir_finding_ok(f, "other processes take %.0f %% of the CPUs", 100 * others);
}

void ir_doctor_users(const ir_checkup *c, ir_finding *f)
{
    char who[sizeof f->text];
    ir_users_text(c->user, c->nuser, who, sizeof who);
    if (isnan(c->load.others))
        ir_finding_unknown(f, "/proc cannot be read");
    else if (c->nuser == 0 && !ir_load_idle(c->load.others, NULL, 0))
        ir_finding_unknown(f, "none that can be seen from here");
    else if (c->nuser == 0)
        ir_finding_ok(f, "none takes 5 %% of a CPU");
    else if (ir_load_idle(c->load.others, c->user, c->nuser))
        ir_finding_ok(f, "%s", who);
    else
        ir_finding_fix(f, "stop them, or " WAIT, "%s", who);
}

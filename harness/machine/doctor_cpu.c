/* doctor_cpu.c -- findings about the processor: its clock, its threads, its counters. */
#include "harness/machine/doctor.h"

#include <math.h>
#include <string.h>

/* Nothing in /sys about the clock: in a guest the host decides. */
static void hidden(const ir_checkup *c, ir_finding *f, const char *what)
{
    if (ir_checkup_guest(c))
        ir_finding_unknown(f, "a guest (%s) does not see it: ask the host",
                           ir_checkup_text(c, "virtualised"));
    else
        ir_finding_unknown(f, "this system says nothing of its %s", what);
}

void ir_doctor_governor(const ir_checkup *c, ir_finding *f)
{
    const char *g = ir_checkup_text(c, "governor");
    if (!*g)
        hidden(c, f, "clock policy");
    else if (!strcmp(g, "performance"))
        ir_finding_ok(f, "performance");
    else
        ir_finding_fix(f, "sudo cpupower frequency-set -g performance", "%s: the clock follows the load", g);
}

void ir_doctor_turbo(const ir_checkup *c, ir_finding *f)
{
    char        dummy[16];
    const char *boost = ir_checkup_text(c, "boost");
    bool intel = ir_file_read(c->root, dummy, sizeof dummy, "/sys/devices/system/cpu/intel_pstate/no_turbo");
    if (!*boost)
        hidden(c, f, "boost clock");
    else if (!strcmp(boost, "off"))
        ir_finding_ok(f, "off: the clock does not depend on heat");
    else
        ir_finding_fix(
            f,
            intel ? "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"
                  : "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost",
            "on: the clock depends on load and heat; leave it on to see the best speed, not to compare");
}

void ir_doctor_smt(const ir_checkup *c, ir_finding *f)
{
    const char *smt = ir_checkup_text(c, "smt");
    double      per_core = ir_checkup_num(c, "threads_per_core");
    if (per_core > 1)
        ir_finding_ok(f, "on, %.0f threads a core: one thread is placed on each core first", per_core);
    else if (ir_checkup_guest(c))
        ir_finding_unknown(f, "one thread a core, as far as a guest sees: the run's pair probe tells");
    else if (*smt)
        ir_finding_ok(f, "%s", smt);
    else if (per_core == 1)
        ir_finding_ok(f, "one thread a core");
    else
        ir_finding_unknown(f, "the topology cannot be read");
}

void ir_doctor_power(const ir_checkup *c, ir_finding *f)
{
    const char *source = ir_checkup_text(c, "power_source"), *mode = ir_checkup_text(c, "power_mode");
    if (!strcmp(source, "battery"))
        ir_finding_fix(f, "connect the power supply", "on battery%s%s", *mode ? ", mode " : "", mode);
    else if (*mode && !strstr(mode, "MAXN"))
        ir_finding_fix(f, "sudo nvpmodel -m 0 && sudo jetson_clocks", "mode %s", mode);
    else if (*mode)
        ir_finding_ok(f, "mode %s", mode);
    else if (*source)
        ir_finding_ok(f, "%s", source);
    else
        ir_finding_ok(f, "no battery, no power modes");
}

/* A performance unit of the processor: "cpu", on hybrid ones "cpu_core", on Arm "armv8_..." */
static bool has_cpu_pmu(const char *root)
{
    enum { MAX = 256 };
    ir_name names[MAX];
    int     n = ir_dir_list(root, "/sys/bus/event_source/devices", names, MAX);
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i].name, "cpu") || !strcmp(names[i].name, "cpu_core") ||
            !strncmp(names[i].name, "armv", 4))
            return true;
    return false;
}

void ir_doctor_counters(const ir_checkup *c, ir_finding *f)
{
    double paranoid = ir_file_num(c->root, "/proc/sys/kernel/perf_event_paranoid");
    if (isnan(paranoid))
        ir_finding_unknown(f, "this kernel has no perf events");
    else if (!has_cpu_pmu(c->root))
        ir_finding_unknown(f, "no performance counters%s",
                           ir_checkup_guest(c) ? " in this guest (no cpu PMU)" : " (no cpu PMU)");
    else if (paranoid > 2)
        ir_finding_fix(f, "sudo sysctl kernel.perf_event_paranoid=1",
                       "closed to users (perf_event_paranoid %.0f)", paranoid);
    else
        ir_finding_ok(f, "readable (perf_event_paranoid %.0f)", paranoid);
}

void ir_doctor_energy(const ir_checkup *c, ir_finding *f)
{
    char name[64];
    if (!ir_file_read(c->root, name, sizeof name, "/sys/class/powercap/intel-rapl:0/name"))
        ir_finding_unknown(f, "no energy counters (powercap)");
    else if (isnan(ir_file_num(c->root, "/sys/class/powercap/intel-rapl:0/energy_uj")))
        ir_finding_fix(f,
                       "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj "
                       "/sys/class/powercap/intel-rapl:*/max_energy_range_uj",
                       "counters are there, readable by root only");
    else
        ir_finding_ok(f, "readable (powercap)");
}

/* main.c -- the program's entry: a table of commands. */
#define _GNU_SOURCE
#include "bench/commands/commands.h"
#include "bench/ab_processes.h"
#include "bench/commands/gate_options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const cli_command bench_commands[] = {
    {.name = "run", .summary = "measure ceilings and workloads, fit the Iron Law, judge every point",
     .usage = "[WORKLOAD[:key=value[,value...]]...]",
     .about = "Measures the device's ceilings first, then every kernel of every workload named (without a name: all), fits\n"
              "the law and says what holds each point: memory, compute or latency.\n"
              "Results go to results/<machine>/<time>.jsonl, or where -o says, with the text report beside them.",
     .sets = CLI_SET_MEASURE, .max_args = -1, .main = cmd_run},
    {.name = "ceilings", .summary = "only the ceilings: bandwidth by level, peaks, latencies, launch cost", .usage = "",
     .about = "Every ceiling is measured, held against clock x width x ports, and carries what the last doubling gained.",
     .sets = CLI_SET_MEASURE & ~(uint32_t)CLI_SET_POINTS, .main = cmd_ceilings},
    {.name = "list", .summary = "what there is: workloads, kernels, backends, devices, points",
     .usage = "[workloads|kernels|backends|devices|points]", .sets = CLI_SET_POINTS, .max_args = 1, .main = cmd_list},
    {.name = "fit", .summary = "refit the Iron Law from recorded points", .usage = "FILE...",
     .sets = CLI_SET_TERMINAL, .min_args = 1, .max_args = -1, .main = cmd_fit},
    {.name = "validate", .summary = "check record files; names line and field", .usage = "FILE...", .min_args = 1,
     .max_args = -1, .main = cmd_validate},
    {.name = "selftest", .summary = "check the tool itself: ideal | kernels | aa | inject",
     .usage = "ideal|kernels|aa|inject [PERCENT,...] [POINT...]",
     .about = "ideal: a device that obeys the law exactly; the fit must give back what was put in.\n"
              "kernels: every kernel on odd shapes and misaligned addresses against its oracle; nothing is timed.\n"
              "aa: this program against a copy of itself; every confirmed change is a false alarm.\n"
              "inject 1,2,3,5,10: against a copy whose timed calls take that many per cent longer; how many are found.",
     .sets = CLI_SET_MEASURE & ~(uint32_t)CLI_SET_RUN, .own = ab_own_options, .own_init = &ab_own_defaults, .own_size = sizeof(ab_options),
     .min_args = 1, .max_args = -1, .main = cmd_selftest},
    {.name = "ab", .summary = "compare two builds by interleaved processes; verdict and exit code", .usage = "A B [POINT...]",
     .about = "A (old) and B (new) are programs or quoted command lines that take 'run POINT...'; each block runs A,B,B,A or B,A,A,B.\n"
              "A point is REGRESSED when the interval of its change lies above --delta, and again so in fresh blocks.\n"
              "Exit code: 0 same or improved, 1 confirmed regression, 2 missing or wrong, 3 environment (--strict: or undecided),\n"
              "4 not comparable.",
     .sets = CLI_SET_MEASURE & ~(uint32_t)CLI_SET_RUN, .own = ab_own_options, .own_init = &ab_own_defaults, .own_size = sizeof(ab_options),
     .max_args = -1, .main = cmd_ab},
    {.name = "gate", .summary = "recorded runs against recorded baseline runs; verdict and exit code", .usage = "FILE...",
     .about = "Each FILE or folder of records is one side's runs, one process each; the baseline needs runs of several days to know how\n"
              "much runs differ. Machines must agree in every field of the comparability key. Exit codes as for 'ab'.",
     .sets = CLI_SET_OUTPUT | CLI_SET_TERMINAL, .own = gate_own_options, .own_init = &gate_own_defaults, .own_size = sizeof(gate_options),
     .min_args = 1, .max_args = -1, .main = cmd_gate},
    {.name = "history", .summary = "change points over many runs, and what changed there", .usage = "FILE...",
     .sets = CLI_SET_OUTPUT | CLI_SET_TERMINAL, .own = history_own_options, .own_init = &history_own_defaults,
     .own_size = sizeof(history_options), .min_args = 1, .max_args = -1, .main = cmd_history},
    {.name = "export", .summary = "records in other tools' formats", .usage = "FILE... --format NAME",
     .about = "csv, gbench (Google Benchmark JSON), bmf (Bencher), gha (github-action-benchmark), junit, openmetrics, otava, markdown",
     .sets = CLI_SET_OUTPUT | CLI_SET_TERMINAL, .own = export_own_options, .own_init = &export_own_defaults,
     .own_size = sizeof(export_options), .min_args = 1, .max_args = -1, .main = cmd_export},
    {0}};

int complain(void)
{
    fprintf(stderr, "ironroof: %s\n", ir_why());
    return EXIT_BAD;
}

static bool utf8_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *v = getenv(names[i]);
        if (v && *v) return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
    }
    return false;
}

ir_text text_on(FILE *f, const cli_options *o)
{
    struct winsize w;
    ir_text        t = {.f = f, .width = 100, .color = f && cli_color(o, f), .utf8 = utf8_locale()};
    if (f && isatty(fileno(f)) && ioctl(fileno(f), TIOCGWINSZ, &w) == 0 && w.ws_col >= 60) t.width = w.ws_col;
    return t;
}

int main(int argc, char **argv) { return cli_main(bench_commands, argc, argv); }

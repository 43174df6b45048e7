/* main.c -- the program's entry: a table of commands. */
#include "bench/commands/apps.h"
#include "bench/commands/dump.h"
#include "bench/commands/commands.h"
#include "bench/commands/ends.h"
#include "bench/commands/fleet.h"
#include "bench/commands/fleet_options.h"
#include "bench/commands/rules.h"
#include "bench/ab/processes.h"
#include "bench/commands/gate_options.h"
#include "bench/commands/last.h"
#include "harness/machine/machine.h"
#include "harness/screen.h"

#include <string.h>

const cli_command bench_commands[] = {
    {.name = "run",
     .summary = "measure ceilings and workloads, fit the Iron Law, judge every point",
     .usage = "[WORKLOAD[:key=value[,value...]]...]",
     .about =
         "Measures the device's ceilings first, then every kernel of every workload named (without a name: "
         "all), fits\n"
         "the law and says what holds each point: memory, compute or latency.\n"
         "Results go to results/<machine>/<time>.jsonl, or where -o says, with the text report beside them. "
         "'@last' is the newest of them\n"
         "wherever a file is asked for.\n"
         "  ironroof run\n"
         "  ironroof run gpt2 --ceilings @last\n"
         "  ironroof run gemm:m=1..512*2,n=4096,k=4096 --dtype fp32,bf16",
     .sets = CLI_SET_MEASURE,
     .max_args = -1,
     .rules = run_rules,
     .main = cmd_run},
    {.name = "ceilings",
     .summary = "only the ceilings: bandwidth by level, peaks, latencies, launch cost",
     .usage = "",
     .about = "Every ceiling is measured, held against clock x width x ports, and carries what the last "
              "doubling gained.\n"
              "  ironroof ceilings --backend cpu -o ceilings.jsonl",
     .sets = CLI_SET_MEASURE & ~(uint32_t)(CLI_SET_POINTS | CLI_SET_CACHE | CLI_SET_RUN),
     .rules = run_rules,
     .main = cmd_ceilings},
    {.name = "list",
     .summary = "what there is: workloads, kernels, backends, devices, claims, counters, points",
     .usage = "[workloads|kernels|backends|devices|claims|model|counters|points]",
     .about =
         "counters: every source of joules and of counted bytes, whether it can be read, and what to do.\n"
         "  ironroof list workloads",
     .sets = CLI_SET_GRID,
     .max_args = 1,
     .own = list_own,
     .own_size = sizeof(list_options),
     .rules = list_rules,
     .main = cmd_list},
    {.name = "fit",
     .summary = "refit the Iron Law from recorded points",
     .usage = "FILE...",
     .about = "Prints the tables of the points, and the law as it is fitted now.\n"
              "  ironroof fit @last",
     .sets = CLI_SET_TERMINAL,
     .min_args = 1,
     .max_args = -1,
     .main = cmd_fit},
    {.name = "predict",
     .summary = "time of workloads on machines that need not be here: datasheets or records",
     .usage = "WORKLOAD[:key=value[,value...]]... --device NAME|FILE[,...]",
     .about = "Evaluates both forms of the Iron Law. A datasheet knows no eta: 1 is assumed and the band of "
              ".5 to .9 shown;\n"
              "a record brings its fitted law and an interval.\n"
              "  ironroof predict gpt2:size=xl,batch=1 --device a100,jetson-orin --dtype f16\n"
              "  ironroof predict resnet50 --device @last --batch 1-64*2 --set BW=2x",
     .sets = CLI_SET_POINTS | CLI_SET_PROFILE | CLI_SET_THREADS | CLI_SET_OUTPUT | CLI_SET_TERMINAL,
     .own = predict_own,
     .own_size = sizeof(predict_options),
     .min_args = 1,
     .max_args = -1,
     .rules = predict_rules,
     .main = cmd_predict},
    {.name = "compare",
     .summary = "machines side by side: ceilings, times, and the term that explains a gap",
     .usage = "FILE|DEVICE...",
     .about = "Records and datasheets alike; the first is what the others are held against. Times are "
              "measured where a record\n"
              "has the point, else predicted, and say which.\n"
              "  ironroof compare a100 laptop jetson-orin results/x.jsonl",
     .sets = CLI_SET_DTYPE | CLI_SET_OUTPUT | CLI_SET_TERMINAL,
     .own = compare_own,
     .own_size = sizeof(compare_options),
     .min_args = 1,
     .max_args = -1,
     .rules = compare_rules,
     .main = cmd_compare},
    {.name = "claims",
     .summary = "the book's claims: stated, recomputed, measured, verdict",
     .usage = "[RECORD] [ID...|batch1]",
     .about = "Recomputes every claim from the ledger's inputs; with a record, or with --measure, puts it to "
              "a machine too.\n"
              "batch1: is inference at batch 1 memory-bound here, by how much, and when would that flip?\n"
              "  ironroof claims --check\n"
              "  ironroof claims results/x.jsonl gemv-intensity-f32 --explain\n"
              "  ironroof claims batch1 --measure",
     .sets = CLI_SET_MEASURE & ~(uint32_t)(CLI_SET_RUN_ONLY | CLI_SET_POINTS | CLI_SET_CACHE),
     .own = claims_own,
     .own_size = sizeof(claims_options),
     .max_args = -1,
     .rules = claims_rules,
     .main = cmd_claims},
    {.name = "report",
     .summary = "one self-contained page over records: charts, law, verdicts, environment",
     .usage = "FILE... [-o X.html]",
     .about =
         "The page holds the records and loads nothing. Without -o it is written beside the first record.\n"
         "  ironroof report @last\n"
         "  ironroof report @last --screen --detail",
     .sets = CLI_SET_OUTPUT | CLI_SET_TERMINAL,
     .own = report_own,
     .own_size = sizeof(report_options),
     .min_args = 1,
     .max_args = -1,
     .rules = report_rules,
     .main = cmd_report},
    {.name = "validate",
     .summary = "check record files; names line and field",
     .usage = "FILE...",
     .about = "Every line is read as every other command reads it.\n"
              "  ironroof validate @last",
     .min_args = 1,
     .max_args = -1,
     .main = cmd_validate},
    {.name = "dump",
     .summary = "every tensor of one point as raw files, for an independent check",
     .usage = "WORKLOAD:key=value[,...] -o DIR",
     .about =
         "Fills the tensors from the seed, calls a kernel once (the first that passes --filter) and writes "
         "each tensor to DIR,\n"
         "little-endian as it lies in memory, with layout.json: shapes and offsets of a network's layers.\n"
         "tests/check_reference.py redoes networks from it with NumPy and ONNX Runtime.\n"
         "  ironroof dump gemv:m=64,k=64 -o tensors/",
     .sets = CLI_SET_HOST | CLI_SET_WHERE | CLI_SET_GRID | CLI_SET_OUTPUT,
     .own = dump_options,
     .own_init = &dump_defaults,
     .own_size = sizeof dump_defaults,
     .min_args = 1,
     .max_args = 1,
     .rules = dump_rules,
     .main = cmd_dump},
    {.name = "selftest",
     .summary = "check the tool itself: ideal | kernels | fleet | machines | aa | inject",
     .usage = "ideal|kernels|fleet|machines|aa|inject [FILE|PERCENT,...] [POINT...]",
     .about = "ideal: a device that obeys the law exactly; the fit must give back what was put in.\n"
              "kernels: every kernel on odd shapes and misaligned addresses against its oracle; nothing is "
              "timed,\n"
              "so --threads 33 may be more than there are processors.\n"
              "machines: the whole pipeline on described machines (FILEs, or the program's own), whose truth "
              "is known; --seeds variants\n"
              "of each from --seed on; prints what was asked and what was reached.\n"
              "aa: this program against a copy of itself; every confirmed change is a false alarm.\n"
              "inject 1,2,3,5,10: against a copy whose timed calls take that many per cent longer; how many "
              "are found.\n"
              "fleet: synthetic fleets of nodes; false alarms, detection, terms. with --nodes N -o DIR: "
              "writes one of N nodes.\n"
              "  ironroof selftest ideal\n"
              "  ironroof selftest kernels --filter gemv",
     .sets = CLI_SET_NODES | (CLI_SET_MEASURE & ~(uint32_t)CLI_SET_RUN_ONLY),
     .own = ab_own_options,
     .own_init = &ab_own_defaults,
     .own_size = sizeof(ab_options),
     .min_args = 1,
     .max_args = -1,
     .rules = selftest_rules,
     .main = cmd_selftest},
    {.name = "ab",
     .summary = "compare two builds by interleaved processes; verdict and exit code",
     .usage = "A B [POINT...]",
     .about =
         "A (old) and B (new) are programs or quoted command lines that take 'run POINT...'; each block "
         "runs A,B,B,A or B,A,A,B.\n"
         "A point is REGRESSED when the interval of its change lies above --delta, and again so in "
         "fresh blocks.\n"
         "With --time they are any two programs, run as they are written, and wall times are compared; no "
         "shell stands between: pipes and '>' go into sh -c '...'.\n"
         "Exit code: 0 same, not slower or improved, 1 confirmed regression, 2 missing or wrong, 3 "
         "environment "
         "(--strict: or undecided),\n"
         "4 not comparable.\n"
         "  ironroof ab ./old/ironroof ./new/ironroof gemm copy\n"
         "  ironroof ab --time './old input' './new input'\n"
         "  J=--benchmark_format=json; ironroof ab --as-is-gbench \"./old $J\" \"./new $J\"",
     .sets = CLI_SET_MEASURE & ~(uint32_t)CLI_SET_RUN_ONLY,
     .own = ab_own_options,
     .own_init = &ab_own_defaults,
     .own_size = sizeof(ab_options),
     .max_args = -1,
     .rules = ab_rules,
     .main = cmd_ab},
    {.name = "gate",
     .summary = "recorded runs against recorded baseline runs; verdict and exit code",
     .usage = "FILE...",
     .about = "Each FILE or folder of records is one side's runs, one process each; the baseline needs runs "
              "of several days to know how\n"
              "much runs differ. Machines must agree in every field of the comparability key. Exit codes as "
              "for 'ab'.\n"
              "  ironroof gate today/ --baseline baseline/",
     .sets = CLI_SET_OUTPUT | CLI_SET_TERMINAL,
     .own = gate_own_options,
     .own_init = &gate_own_defaults,
     .own_size = sizeof(gate_options),
     .min_args = 1,
     .max_args = -1,
     .rules = gate_rules,
     .main = cmd_gate},
    {.name = "history",
     .summary = "change points over many runs, and what changed there",
     .usage = "FILE...",
     .about = "A change needs five runs on either side to be firm.\n"
              "  ironroof history results/lab",
     .sets = CLI_SET_OUTPUT | CLI_SET_TERMINAL,
     .own = history_own_options,
     .own_init = &history_own_defaults,
     .own_size = sizeof(history_options),
     .min_args = 1,
     .max_args = -1,
     .rules = history_rules,
     .main = cmd_history},
    {.name = "export",
     .summary = "records in other tools' formats",
     .usage = "FILE... --format NAME",
     .about =
         "csv, tidy (a row a point, a column a variable: pandas, R), gbench (Google Benchmark JSON), bmf "
         "(Bencher), gha\n"
         "(github-action-benchmark), junit, openmetrics, otava, markdown, trace (Chrome, Perfetto: a "
         "network's layers, or the\n"
         "folder of a fleet).\n"
         "  ironroof export @last --format tidy -o points.csv\n"
         "  ironroof export @last --format trace -o layers.json",
     .sets = CLI_SET_OUTPUT | CLI_SET_QUIET,
     .own = export_own_options,
     .own_init = &export_own_defaults,
     .own_size = sizeof(export_options),
     .min_args = 1,
     .max_args = -1,
     .rules = output_rules,
     .main = cmd_export},
    {.name = "doctor",
     .summary = "is this machine ready to be measured? each finding: ok, fix: COMMAND, or cannot tell",
     .usage = "",
     .about = "Looks at clock policy, turbo, SMT, huge pages, limits of the container, clock source, "
              "variables of OpenMP and BLAS, what\n"
              "other processes and the hypervisor take within a second, counters and GPUs. Changes nothing.\n"
              "Exit code: 0 nothing to fix, 3 something is.",
     .sets = CLI_SET_TERMINAL,
     .own = doctor_own_options,
     .own_size = sizeof(doctor_options),
     .max_args = 0,
     .main = cmd_doctor},
    {.name = "fleet",
     .summary = "a cluster's nodes against each other: which is slow, in which term",
     .usage = "run [POINT...] -o DIR | judge DIR | check --against FILE",
     .about = "run: starts an agent on every node through Slurm, pdsh or MPI, looks again at suspects, "
              "measures the network, judges.\n"
              "  What follows -- goes to each node's `ironroof run` as it is: fleet run --nodes all -o DIR "
              "-- --backend cuda gemm\n"
              "check --against fleet.json: this node alone, in 45 s; exit code 0 as its peers, 1 slow or "
              "wrong, 3 leave it as it is.\n"
              "judge DIR: the verdict over a folder of digests, offline; text, fleet.json, fleet.txt and "
              "fleet.html.\n"
              "Exit code: 0 healthy, 1 a slow node or link, 2 lost, hung, incorrect or a lying clock, 3 "
              "undecided, 4 unlike nodes.",
     .sets = CLI_SET_OUTPUT | CLI_SET_TERMINAL,
     .own = fleet_own_options,
     .own_init = &fleet_own_defaults,
     .own_size = sizeof(fleet_options),
     .min_args = 1,
     .max_args = -1,
     .rules = fleet_rules,
     .main = cmd_fleet},
    {.name = "completion",
     .summary = "completions for a shell: commands, options, workloads, keys, devices",
     .usage = "bash|zsh|fish",
     .about = "Packages install them. By hand:\n"
              "  source <(ironroof completion bash)\n"
              "  ironroof completion zsh > ~/.zfunc/_ironroof\n"
              "  ironroof completion fish > ~/.config/fish/completions/ironroof.fish",
     .min_args = 1,
     .max_args = 1,
     .main = cmd_completion},
    {.name = "manual",
     .summary = "the manual page of the program or of a command, as roff",
     .usage = "[COMMAND]",
     .about = "Packages install them: man ironroof, man ironroof-run.\n"
              "  ironroof manual run | man -l -",
     .own = manual_own_options,
     .own_size = sizeof(manual_options),
     .max_args = 1,
     .main = cmd_manual},
    {.name = "version",
     .summary = "version, cost model, revision, compiler and backends of this build",
     .usage = "[--json]",
     .own = version_own_options,
     .own_size = sizeof(version_options),
     .hidden = true,
     .main = cmd_version},
    {.name = "worker",
     .summary = "one kernel kept ready: a call for each letter g from standard input (of fleet run --step)",
     .usage = "WORKLOAD[:key=value...]",
     .about =
         "ironroof-net starts it on every node. Answers a line: ready, bytes of weights, the point; then "
         "seconds a call.",
     .sets = CLI_SET_POINTS | CLI_SET_THREADS | CLI_SET_FILTER | CLI_SET_WHERE | CLI_SET_HOST,
     .min_args = 1,
     .max_args = -1,
     .hidden = true,
     .main = cmd_worker},
    {.name = "complete",
     .summary = "what may stand for the last word: one candidate a line, a tab, what it is",
     .usage = "-- [WORD...]",
     .about = "What the completions of the shells ask. A line ':files': the name of a file.",
     .max_args = -1,
     .hidden = true,
     .main = cmd_complete},
    {0}};

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], IR_COUNTERS_HELPER)) return ir_counters_child();
    ends_begin();
    ir_screen_begin();
    ir_affinity_restore();
    if (last_in_arguments(argc, argv) != IR_OK) return complain();
    return ends_finish(cli_main(bench_commands, argc, argv));
}

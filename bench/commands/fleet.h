/* fleet.h -- `ironroof fleet` and `ironroof selftest fleet`. */
#ifndef BENCH_COMMANDS_FLEET_H
#define BENCH_COMMANDS_FLEET_H
#include "bench/commands/commands.h"
#include "bench/fleet/fleet.h"
int cmd_fleet(const cli_args *);
int fleet_run(const cli_args *);
int fleet_check(const cli_args *);
/* Text to `f`, fleet.json, fleet.html and fleet.txt to DIR; the fleet's exit code. json: another place for
 * fleet.json; NULL: DIR. */
int fleet_judge_folder(FILE *f, const cli_options *, const char *dir, const char *baseline, const char *json);
/* Synthetic fleets: false alarms, detection, terms. nodes 0: the whole table, else one fleet of that many
 * written to -o DIR. */
int selftest_fleet(FILE *, const cli_options *, int64_t nodes);
#endif

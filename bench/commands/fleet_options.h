/* fleet_options.h -- own options of `fleet`. */
#ifndef BENCH_COMMANDS_FLEET_OPTIONS_H
#define BENCH_COMMANDS_FLEET_OPTIONS_H
#include "bench/cli/cli.h"
typedef struct {
    const char *baseline, *engine_args, *nodes, *against, *pairs, *step;
    int         engine;
    int64_t     rounds, at_once;
    double      delta, alpha, timeout_s;
    bool        no_net, no_shared;
} fleet_options;
extern const cli_option    fleet_own_options[];
extern const fleet_options fleet_own_defaults;
#endif

/* gate_options.h -- own options of `gate`, `history` and `export`. */
#ifndef BENCH_COMMANDS_GATE_OPTIONS_H
#define BENCH_COMMANDS_GATE_OPTIONS_H
#include "bench/cli/cli.h"
typedef struct {
    const char *baseline, *thresholds, *proof;
    double      delta, confidence;
    bool        strict, update, across;
} gate_options;
typedef struct {
    double      delta, alpha;
    int64_t     recent;
    const char *reference;
    cli_filter  filter;
    bool        strict, across;
} history_options;
typedef struct {
    int  format;
    bool annotations;
} export_options;
extern const cli_option      gate_own_options[], history_own_options[], export_own_options[];
extern const gate_options    gate_own_defaults;
extern const history_options history_own_defaults;
extern const export_options  export_own_defaults;
#endif

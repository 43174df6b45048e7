/* rules.h -- which options of which command would change nothing, and when: they are refused. */
#ifndef BENCH_COMMANDS_RULES_H
#define BENCH_COMMANDS_RULES_H
#include "bench/cli/cli.h"
extern const cli_rule run_rules[], list_rules[], claims_rules[], selftest_rules[], ab_rules[], gate_rules[],
    history_rules[], report_rules[], dump_rules[], fleet_rules[], predict_rules[], compare_rules[],
    output_rules[];
#endif

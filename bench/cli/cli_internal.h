/* cli_internal.h -- what the files of bench/cli share among themselves. */
#ifndef BENCH_CLI_INTERNAL_H
#define BENCH_CLI_INTERNAL_H
#include "bench/cli/cli.h"

/* Parse `s` into the field of `base` (a cli_options or a command's own struct) that `o` describes. */
ir_status cli_option_set(const cli_option *o, const char *s, void *base);
/* Release what cli_option_set() allocated there; idempotent. */
void               cli_option_clear(const cli_option *o, void *base);
static inline bool cli_takes_value(const cli_option *o) { return o->type != CLI_FLAG && o->type != CLI_BITS; }
/* IR_EINVAL: an option that was given would change nothing; the command's rules say why. */
ir_status cli_rules_check(const cli_args *);
/* What stands for its value in messages and help. */
static inline const char *cli_option_meta(const cli_option *o) { return o->meta ? o->meta : o->choices; }
#endif

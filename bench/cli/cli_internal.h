/* cli_internal.h -- what the files of bench/cli share among themselves. */
#ifndef BENCH_CLI_INTERNAL_H
#define BENCH_CLI_INTERNAL_H
#include "bench/cli/cli.h"

/* Parse `s` into the field of `base` (a cli_options or a command's own struct) that `o` describes. */
ir_status cli_option_set(const cli_option *o, const char *s, void *base);
/* Release what cli_option_set() allocated there; idempotent. */
void cli_option_clear(const cli_option *o, void *base);
/* IR_EINVAL: an option that was given would change nothing; the command's rules say why. */
ir_status cli_rules_check(const cli_args *);
/* How --help and manual pages group the shared options; ended by a NULL title. */
typedef struct {
    const char *title;
    uint32_t    sets;
} cli_group;
extern const cli_group cli_groups[];
/* "-o, --output FILE" as it is typed; returns buf. */
char *cli_option_form(const cli_option *, char *buf, size_t size);
#endif

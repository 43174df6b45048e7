/* spec.h -- one point argument, taken apart for one workload. */
#ifndef BENCH_CLI_SPEC_H
#define BENCH_CLI_SPEC_H
#include "bench/cli/cli.h"

typedef struct {
    bool       keyed;                /* some key was given: defaults, not the grid */
    bool       dtype_keyed;          /* dtype= among them; --dtype otherwise */
    cli_axis   param[IR_MAX_PARAMS]; /* empty: not given */
    cli_axis   threads;
    cli_dtypes dtypes;
} cli_spec;
/* Parse what follows NAME: in `text` (NULL: nothing does) for this workload. Errors name the workload and
 * the key; then *out needs no freeing. */
ir_status cli_spec_parse(const ir_workload *, const char *text, cli_spec *out);
void      cli_spec_free(cli_spec *); /* idempotent */
/* Index of a workload's parameter, -1: none of that name. */
int cli_param_index(const ir_workload *, const char *name);
/* The workloads that the word before ':' stands for, into sel (as many as the table has): *n of them. */
ir_status cli_workloads_find(const ir_workload *const *table, const char *name, const ir_workload **sel,
                             size_t *n);
#endif

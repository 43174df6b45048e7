/* apps.h -- commands that work without hardware: predict, compare, claims. */
#ifndef BENCH_APPS_H
#define BENCH_APPS_H
#include "bench/commands/commands.h"
int cmd_predict(const cli_args *);
int cmd_compare(const cli_args *);
int cmd_claims(const cli_args *);
typedef struct {
    const char *device, *net;
    cli_names   set;
    int64_t     nodes;
} predict_options;
typedef struct {
    bool strict, across, ceilings;
} compare_options;
typedef struct {
    bool screen, detail;
} report_options;
extern const cli_option report_own[];
int                     report_on_screen(const cli_args *); /* --screen, --detail; exit code */
typedef struct {
    bool        check, measure, explain, strict;
    const char *ledger, *ceilings;
} claims_options;
extern const cli_option predict_own[], compare_own[], claims_own[];
/* Where tables go: standard output; standard error when -o - gives the former to the lines. NULL with --quiet
 * and -o. */
FILE *apps_screen(const cli_args *);
/* -o FILE opened with its header line; *out stays NULL without -o. live: line by line, for what is measured;
 * else the file appears when the journal is closed. */
ir_status apps_journal(const cli_args *, bool live, ir_journal **out);
/* IR_ENOMEM: something was left out for want of memory. Before a file of what was computed is kept. */
ir_status apps_whole(void);
/* `list devices`: the datasheets. `list claims`: the built-in ledger. */
void list_sheets(const ir_text *);
void list_claims(void);
#endif

/* device_run.h -- a run of one device from its ceilings to its verdicts, and what is printed and filed. */
#ifndef BENCH_CAMPAIGN_H
#define BENCH_CAMPAIGN_H
#include "bench/cli/cli.h"
#include "bench/run/fit_points.h"
#include "bench/ablation/ablation.h"
#include "bench/measure/context.h"
typedef struct {
    session    s;
    ir_env     env;
    law_result law;
    bool       judged; /* law holds */
    prove_set  proof;
    bool       proved; /* proof holds */
} campaign;
/* Open device `index` of a backend under these options and describe its environment. */
ir_status campaign_open(campaign *, const ir_backend *, int index, const cli_options *);
void      campaign_close_device(campaign *); /* results stay */
void      campaign_free(campaign *);         /* idempotent */
/* How many rows the points will give (ceilings not counted). cache: CLI_HOT | CLI_COLD. */
size_t campaign_count(const campaign *, const cli_points *, unsigned cache);
/* Every kernel of the backend that serves a point and passes the filter becomes a row. */
ir_status campaign_points(campaign *, const cli_points *, unsigned cache);
/* The pair probe: two threads' arithmetic throughput over one's. Below 1.6 two CPUs share a core, and every
 * multi-threaded row says so. Call it at the start and at the end of a run. */
void      campaign_probe(campaign *, const char *when);
/* What the backend searched for while the points were measured, into the environment; before the device is closed. */
void      campaign_tuning(campaign *);
void      campaign_judge(campaign *);
/* Machine card and ceilings; points, law, roofline and summary: to a terminal or a file. */
void campaign_print_ceilings(const ir_text *, const campaign *);
void campaign_print_law(const ir_text *, const campaign *);
/* What a stream that already holds header, machine, ceilings and points still lacks: fits and summary. */
ir_status campaign_journal_tail(ir_journal *, const campaign *);
/* Write all results anew beside `path` and move them there: rows now carry their verdicts. */
ir_status campaign_rewrite(const char *path, const campaign *, size_t n, int argc, char **argv);
#endif

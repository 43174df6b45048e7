/* cmd_fleet.c -- `ironroof fleet judge|...`: a cluster's nodes held against each other. */
#include "bench/commands/fleet.h"
#include "bench/commands/fleet_options.h"
#include "bench/fleet/agent.h"
#include "bench/fleet/launch.h"
#include "harness/record/input.h"
#include "harness/record/writer.h"

#include <stdlib.h>
#include <string.h>

const fleet_options fleet_own_defaults = {.rounds = 3, .delta = 0.05, .alpha = 0.01, .timeout_s = 300};
#define OWN(field) .offset = offsetof(fleet_options, field)
const cli_option fleet_own_options[] = {
    {"nodes", 0, CLI_TEXT, "LIST", "a,b[1-8] | all | idle | sample:N (Slurm); with --engine local a number",
     OWN(nodes)},
    {"engine", 0, CLI_ENUM, NULL, "what starts the agents (auto: slurm, else pdsh, else mpi)", OWN(engine),
     .choices = FLEET_ENGINES},
    {"engine-args", 0, CLI_TEXT, "WORDS", "more words for srun, mpirun or pdsh: --engine-args='-p gpu'",
     OWN(engine_args)},
    {"rounds", 0, CLI_INT, "N", "processes per node in look 1 (3)", OWN(rounds), .lo = 1,
     .hi = IR_FLEET_ROUNDS},
    {"delta", 0, CLI_REAL, "SHARE", "what matters in practice, 0.05 or 5% (5%)", OWN(delta), .lo = 1e-3,
     .hi = 0.9, .unit = CLI_SHARE},
    {"alpha", 0, CLI_REAL, "SHARE", "probability of a false node in a healthy fleet (1%)", OWN(alpha),
     .lo = 1e-6, .hi = 0.5, .unit = CLI_SHARE},
    {"timeout", 0, CLI_REAL, "TIME", "of a node in each look; then it is HUNG or LOST (300)", OWN(timeout_s),
     .lo = 1, .hi = 86400, .unit = CLI_SECONDS},
    {"at-once", 0, CLI_INT, "N", "at most so many nodes at a time (all)", OWN(at_once), .lo = 1,
     .hi = 1000000},
    {"no-net", 0, CLI_FLAG, NULL, "do not measure the network", OWN(no_net)},
    {"no-shared", 0, CLI_FLAG, NULL,
     "nodes do not see DIR: what they measure comes through the engine's output", OWN(no_shared)},
    {"pairs", 0, CLI_TEXT, "WHO", "network: auto (all up to 64 nodes), all, or N random matchings",
     OWN(pairs)},
    {"step", 0, CLI_TEXT, "POINT[;POINT]",
     "network: time a data-parallel step too, each node's point and a sum of its weights", OWN(step)},
    {"baseline", 0, CLI_TEXT, "FILE",
     "fleet.json of an earlier sweep: what is usual for a fleet too small to know", OWN(baseline)},
    {"against", 0, CLI_TEXT, "FILE", "check: the fleet.json to hold this node against", OWN(against)},
    {0}};

static ir_status save_text(const fleet_result *r, const char *dir)
{
    char       path[4200];
    ir_writer *w = NULL;
    snprintf(path, sizeof path, "%s/fleet.txt", dir);
    ir_status st = ir_writer_open(path, &w);
    ir_text   t = {.f = st == IR_OK ? ir_writer_text(w) : NULL, .width = 120};
    if (t.f) {
        fleet_print(&t, r);
        return ir_writer_commit(&w);
    }
    ir_writer_discard(&w);
    return st == IR_OK ? IR_ENOMEM : st;
}

int fleet_judge_folder(FILE *f, const cli_options *o, const char *dir, const char *baseline, const char *json)
{
    char               path[4200];
    fleet_data         d;
    fleet_result       r;
    ir_fleet_reference base = {0};
    ir_status          st = json ? ir_input_not_output(&baseline, 1, json) : IR_OK;
    if (st == IR_OK && json) st = ir_may_replace(json, "{\"record\":\"fleet\",", false);
    if (st == IR_OK && baseline) st = ir_fleet_reference_read(baseline, &base);
    if (st == IR_OK) st = fleet_read(dir, &d);
    if (st != IR_OK) return ir_fleet_reference_free(&base), complain();
    st = fleet_judge(&d, baseline ? &base : NULL, &r);
    int code = EXIT_BAD;
    if (st == IR_OK) {
        ir_text t = text_on(f, o);
        if (!o->quiet)
            fleet_print(&t, &r);
        else
            fprintf(f, "%s\n", r.sentence);
        code = r.exit;
        snprintf(path, sizeof path, "%s/fleet.json", dir);
        st = fleet_write_json(&r, json ? json : path);
        snprintf(path, sizeof path, "%s/fleet.html", dir);
        if (st == IR_OK) st = fleet_write_page(&r, path);
        if (st == IR_OK) st = save_text(&r, dir);
        fleet_result_free(&r);
    }
    if (st != IR_OK) code = complain();
    fleet_free(&d);
    ir_fleet_reference_free(&base);
    return code;
}

static int commands_fleet_judge(const cli_args *a)
{
    const fleet_options *own = a->own;
    bool                 to_stdout = a->opt.output && !strcmp(a->opt.output, "-");
    if (a->narg != 2) return ir_fail(IR_EINVAL, "fleet judge takes one DIR"), complain();
    return fleet_judge_folder(to_stdout ? stderr : stdout, &a->opt, a->arg[1], own->baseline, a->opt.output);
}

/* Always exit code 0: what an engine does about another one differs, and the folder tells all. */
static int agent(const cli_args *a)
{
    const char *look = a->narg >= 3 ? a->arg[2] : "1", *round = a->narg == 4 ? a->arg[3] : "";
    bool        fine = a->narg >= 2 && a->narg <= 4 && strlen(look) == 1 && strchr("012", *look) &&
                strlen(round) < 3 && strspn(round, "0123456789") == strlen(round);
    if (!fine)
        return ir_fail(
                   IR_EINVAL,
                   "fleet agent takes DIR, a look (1, 2, or 0: only say that the node answers) and a round"),
               complain();
    if (fleet_agent(a->arg[1], *look - '0', *round ? atoi(round) : -1) != IR_OK) complain();
    return EXIT_FINE;
}

int cmd_fleet(const cli_args *a)
{
    static const struct {
        const char *name;
        int (*main)(const cli_args *);
    } part[] = {
        {"run", fleet_run}, {"judge", commands_fleet_judge}, {"check", fleet_check}, {"agent", agent}};
    enum { PARTS = sizeof part / sizeof *part };
    const char *name[PARTS];
    size_t      at;
    for (size_t i = 0; i < PARTS; i++) name[i] = part[i].name;
    if (cli_choose("fleet command", a->arg[0], name, PARTS, &at) != IR_OK) return complain();
    return part[at].main(a);
}

/* rules.c -- see rules.h. */
#include "bench/commands/rules.h"
#include "bench/backends.h"
#include "bench/commands/fleet_options.h"
#include "bench/fleet/launch.h"

#include <string.h>

static bool always(const cli_args *a)
{
    (void)a;
    return true;
}

static bool first_is(const cli_args *a, const char *word) { return a->narg && !strcmp(a->arg[0], word); }

/* ---- run and ceilings ------------------------------------------------------------------------ */
static bool has_samples(const cli_args *a) { return cli_given(a, "samples"); }
static bool has_no_ceilings(const cli_args *a) { return a->opt.ceilings && !strcmp(a->opt.ceilings, "none"); }

/* Backends are named, and none of them runs on the host's instruction sets. */
static bool has_no_host(const cli_args *a)
{
    for (size_t i = 0; i < a->opt.backends.n; i++) {
        const ir_backend *be = bench_backend(a->opt.backends.v[i]);
        if (!be || be->forms) return false;
    }
    return a->opt.backends.n > 0;
}

static bool has_no_model(const cli_args *a)
{
    for (size_t i = 0; i < a->opt.backends.n; i++)
        if (!strncmp(a->opt.backends.v[i], "model", 5)) return false;
    return true;
}

static bool       has_no_output(const cli_args *a) { return !a->opt.output; }
static bool       names_no_point(const cli_args *a) { return a->narg == 0; }
static bool       is_timed_out(const cli_args *a) { return a->opt.timeout_s <= a->opt.sustain_s; }
static const char force_why[] = "it goes with -o";
static const char host_why[] = "no backend that is asked for runs its kernels on the host's processors";
const cli_rule    output_rules[] = {{"force", 0, has_no_output, force_why}, {0}};

static const char model_why[] = "it goes with --backend model or model:FILE";
static const char exact_why[] = "--samples takes exactly so many, however long or precise";
const cli_rule    run_rules[] = {
       {"precision budget", 0, has_samples, exact_why},
       {"prove", 0, has_no_ceilings, "without ceilings there are no labels to prove"},
       {"model", 0, has_no_model, model_why},
       {"sustain", 0, names_no_point, "it keeps up the points that are named, each for that long"},
       {"sustain", 0, is_timed_out, "--timeout would end it"},
       {NULL, CLI_SET_HOST, has_no_host, host_why},
       {"force", 0, has_no_output, force_why},
       {0}};

const cli_rule dump_rules[] = {
    {"model", 0, has_no_model, model_why}, {NULL, CLI_SET_HOST, has_no_host, host_why}, {0}};

/* ---- list ------------------------------------------------------------------------------------ */
static bool    lists_no_points(const cli_args *a) { return !first_is(a, "points"); }
static bool    lists_no_kernels(const cli_args *a) { return !first_is(a, "kernels"); }
static bool    lists_no_counters(const cli_args *a) { return !first_is(a, "counters"); }
const cli_rule list_rules[] = {
    {"root", 0, lists_no_counters, "it is of 'list counters'"},
    {NULL, CLI_SET_PROFILE | CLI_SET_THREADS | CLI_SET_POINTS, lists_no_points, "it is of 'list points'"},
    {"filter", 0, lists_no_kernels, "it is of 'list kernels'"},
    {0}};

/* ---- claims ---------------------------------------------------------------------------------- */
static bool    measures_nothing(const cli_args *a) { return !cli_given(a, "measure"); }
static bool    has_no_record(const cli_args *a) { return !a->narg; }
static bool    measures_exactly(const cli_args *a) { return has_samples(a) && !measures_nothing(a); }
static bool    has_neither(const cli_args *a) { return measures_nothing(a) && has_no_record(a); }
const cli_rule claims_rules[] = {{"profile threads filter backend", CLI_SET_HOST | CLI_SET_TIMING,
                                  measures_nothing, "it goes with --measure"},
                                 {"device", 0, has_neither, "it goes with a record or --measure"},
                                 {"model", 0, has_no_model, model_why},
                                 {"precision budget", 0, measures_exactly, exact_why},
                                 {NULL, CLI_SET_HOST, has_no_host, host_why},
                                 {"force", 0, has_no_output, force_why},
                                 {0}};

/* ---- selftest, ab ---------------------------------------------------------------------------- */
static bool    is_ideal(const cli_args *a) { return first_is(a, "ideal"); }
static bool    is_untimed(const cli_args *a) { return first_is(a, "ideal") || first_is(a, "kernels"); }
static bool    is_machines(const cli_args *a) { return first_is(a, "machines"); }
static bool    is_fleet(const cli_args *a) { return first_is(a, "fleet"); }
static bool    is_fleet_alone(const cli_args *a) { return is_fleet(a) && !cli_given(a, "nodes"); }
static bool    is_one_fleet(const cli_args *a) { return is_fleet(a) && cli_given(a, "nodes"); }
static bool    is_no_fleet(const cli_args *a) { return !is_fleet(a); }
static bool    is_alone(const cli_args *a) { return is_untimed(a) || is_machines(a) || is_fleet(a); }
static bool    is_comparison(const cli_args *a) { return !is_alone(a); }
static bool    is_timed(const cli_args *a) { return cli_given(a, "time"); }
static bool    is_untimed_ab(const cli_args *a) { return !is_timed(a); }
static bool    is_as_is(const cli_args *a) { return cli_given(a, "as-is") || cli_given(a, "as-is-gbench"); }
static bool    is_gbench(const cli_args *a) { return cli_given(a, "as-is-gbench"); }
static bool    is_as_written(const cli_args *a) { return is_timed(a) || is_as_is(a); }
static bool    plans(const cli_args *a) { return cli_given(a, "plan"); }
static bool    plans_from(const cli_args *a) { return plans(a) && cli_given(a, "from"); }
static bool    is_no_machines(const cli_args *a) { return !is_machines(a); }
const cli_rule selftest_rules[] = {
    {"profile threads filter dtype batch backend device output precision budget warmup samples inject "
     "wait-idle",
     CLI_SET_HOST | CLI_SET_CACHE, is_machines, "'selftest machines' takes every described machine as it is"},
    {"nodes", 0, is_no_fleet, "it is of 'selftest fleet'"},
    {"profile threads filter dtype batch backend device precision budget warmup inject wait-idle",
     CLI_SET_HOST | CLI_SET_CACHE, is_fleet, "'selftest fleet' simulates its nodes"},
    {"model seeds", 0, is_no_machines, "it is of 'selftest machines'"},
    {NULL, CLI_SET_MEASURE, is_ideal, "'selftest ideal' calculates and measures nothing"},
    {"color force", 0, is_alone, "it prints plain text and replaces nothing"},
    {"output", 0, is_fleet_alone, "it goes with --nodes"},
    {"samples", 0, is_one_fleet, "--nodes makes one fleet"},
    {"quiet", 0, is_fleet, "'selftest fleet' prints results alone"},
    {"batch dtype profile device output", CLI_SET_TIMING | CLI_SET_CACHE, is_untimed,
     "'selftest kernels' times nothing and takes every shape"},
    {"blocks delta max-minutes timeout no-more no-reference rounds", 0, is_alone,
     "it is of 'selftest aa' and 'selftest inject'"},
    {"plan from proof strict as-is as-is-gbench time silent", 0, always, "it is of 'ironroof ab'"},
    {"inject", 0, is_comparison, "'selftest inject PERCENT,...' says what is injected"},
    {"precision budget", 0, has_samples, exact_why},
    {NULL, CLI_SET_HOST, has_no_host, host_why},
    {"force", 0, has_no_output, force_why},
    {0}};
const cli_rule ab_rules[] = {
    {"model", 0, has_no_model, model_why},
    {"rounds seeds", 0, always, "it is of 'ironroof selftest'"},
    {"profile threads filter dtype batch backend device precision warmup samples inject hot cold",
     CLI_SET_HOST, is_as_written, "A and B are run as they are written"},
    {"budget", 0, is_as_is, "A and B are run as they are written"},
    {"as-is as-is-gbench", 0, is_timed, "--time looks at the clock alone"},
    {"as-is", 0, is_gbench, "--as-is-gbench reads another kind of output"},
    {"silent", 0, is_untimed_ab, "it goes with --time"},
    {"no-more strict proof", 0, plans, "--plan gives no verdict"},
    {"profile threads filter dtype batch backend device precision budget warmup samples inject hot cold "
     "timeout "
     "max-minutes no-reference as-is as-is-gbench time silent seed output",
     CLI_SET_HOST, plans_from, "--plan --from runs nothing"},
    {"precision budget", 0, has_samples, exact_why},
    {"force", 0, has_no_output, force_why},
    {0}};

/* ---- gate, history --------------------------------------------------------------------------- */
static bool    updates(const cli_args *a) { return cli_given(a, "update"); }
static bool    is_lenient(const cli_args *a) { return !cli_given(a, "strict"); }
const cli_rule gate_rules[] = {
    {"delta thresholds across proof strict output", 0, updates, "--update compares nothing"},
    {"force", 0, has_no_output, force_why},
    {0}};
static bool    is_page(const cli_args *a) { return !cli_given(a, "screen") && !cli_given(a, "detail"); }
static bool    is_on_screen(const cli_args *a) { return !is_page(a); }
const cli_rule report_rules[] = {
    {"color", 0, is_page, "it goes with --screen"},
    {"output force quiet", 0, is_on_screen, "--screen and --detail print, and write no page"},
    {0}};
const cli_rule history_rules[] = {
    {"recent", 0, is_lenient, "it goes with --strict"}, {"force", 0, has_no_output, force_why}, {0}};

/* ---- predict, compare ------------------------------------------------------------------------ */
static bool    is_one_node(const cli_args *a) { return !cli_given(a, "nodes"); }
const cli_rule predict_rules[] = {
    {"net", 0, is_one_node, "it goes with --nodes"}, {"force", 0, has_no_output, force_why}, {0}};
const cli_rule compare_rules[] = {
    {"across", 0, is_lenient, "it goes with --strict"}, {"force", 0, has_no_output, force_why}, {0}};

/* ---- fleet ----------------------------------------------------------------------------------- */
static bool is_judge(const cli_args *a) { return first_is(a, "judge"); }
static bool is_check(const cli_args *a) { return first_is(a, "check"); }
static bool is_agent(const cli_args *a) { return first_is(a, "agent"); }
static bool is_no_check(const cli_args *a) { return !is_check(a); }
static bool runs_here(const cli_args *a)
{
    const fleet_options *own = a->own;
    return first_is(a, "run") && own->engine == FLEET_LOCAL;
}
static bool    has_no_net(const cli_args *a) { return cli_given(a, "no-net"); }
const cli_rule fleet_rules[] = {
    {"force", 0, always, "a sweep is never replaced, and what 'fleet judge' wrote always"},
    {"against", 0, is_no_check, "it is of 'fleet check'"},
    {"nodes engine engine-args rounds delta alpha timeout at-once no-net no-shared pairs step", 0, is_judge,
     "the folder's plan.json says it: it is of 'fleet run'"},
    {"nodes engine engine-args rounds delta alpha timeout at-once no-net no-shared pairs step baseline "
     "output color",
     0, is_check, "'fleet check' does as the fleet did that it is held against"},
    {"nodes engine engine-args rounds delta alpha timeout at-once no-net no-shared pairs step baseline "
     "output color quiet",
     0, is_agent, "'fleet agent' does what its folder's plan says"},
    {"engine-args at-once no-shared", 0, runs_here, "--engine local starts nothing elsewhere"},
    {"pairs step", 0, has_no_net, "--no-net measures no network"},
    {"no-net pairs step", 0, runs_here, "--engine local has no network"},
    {0}};

/* processes.c -- see ab_processes.h. A child is `COMMAND run POINT... --samples N -o -`, or with --as-is
 * COMMAND alone; what counts is the record it writes to standard output. Any two programs: programs.c. */
#define _GNU_SOURCE
#include "bench/ab/processes.h"
#include "bench/run/output.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ARGS = 48, SAMPLES = 30 };

const char *const ab_default_points[AB_DEFAULT_POINTS] = {
    "copy:bytes=64Ki", "copy:bytes=64Mi", "gemm:m=256,n=256,k=256", "gemv:m=2048,k=2048", "fma", "forkjoin"};
const char *const ab_default_filter = "/(regular|nt|blocked|stream|openblas|chains|pool)$";

const ab_options ab_own_defaults = {.blocks = TRIAL_BLOCKS,
                                    .delta = 0.02,
                                    .confidence = 0.95,
                                    .timeout_s = 120,
                                    .max_minutes = INFINITY,
                                    .plan = NAN,
                                    .rounds = 1,
                                    .seeds = 1};
#define OWN(field) .offset = offsetof(ab_options, field)
const cli_option ab_own_options[] = {
    {"blocks", 0, CLI_INT, "N",
     "blocks of four processes before the first look (12); fewer than 8 decide nothing", OWN(blocks), .lo = 1,
     .hi = TRIAL_MAX_BLOCKS},
    {"delta", 0, CLI_REAL, "SHARE", "what matters in practice, 0.02 or 2% (2%)", OWN(delta), .lo = 1e-4,
     .hi = 1, .unit = CLI_SHARE},
    {"max-minutes", 0, CLI_REAL, "N", "begin no block that would end later", OWN(max_minutes), .lo = 0.01,
     .hi = 1e5},
    {"timeout", 0, CLI_REAL, "TIME", "end a process that runs longer; its points are then missing (120)",
     OWN(timeout_s), .lo = 0.01, .hi = 86400, .unit = CLI_SECONDS},
    {"no-more", 0, CLI_FLAG, NULL,
     "no further looks at 16, 24 and 32 blocks (with --max-minutes up to 128) where a point is undecided",
     OWN(no_more)},
    {"plan", 0, CLI_REAL, "SHARE",
     "how many blocks and minutes it takes to find a change of this size; 8 blocks are run to learn the "
     "spread",
     OWN(plan), .lo = 1e-4, .hi = 1, .unit = CLI_SHARE},
    {"from", 0, CLI_TEXT, "FILE", "with --plan: take the spread from this record of a comparison", OWN(from)},
    {"proof", 0, CLI_TEXT, "FILE", "record of 'selftest aa' on this machine: its false-alarm bound is shown",
     OWN(proof)},
    {"strict", 0, CLI_FLAG, NULL, "a point that stays undecided gives exit code 3", OWN(strict)},
    {"as-is", 0, CLI_FLAG, NULL, "run A and B exactly as written; they print ironroof records", OWN(as_is)},
    {"as-is-gbench", 0, CLI_FLAG, NULL, "run them as written; they print Google Benchmark's JSON",
     OWN(gbench)},
    {"time", 0, CLI_FLAG, NULL,
     "A and B are any two programs: compare their wall times; both must end with 0 and print something",
     OWN(time)},
    {"silent", 0, CLI_FLAG, NULL, "with --time: programs that print nothing are fine", OWN(silent)},
    {"no-reference", 0, CLI_FLAG, NULL,
     "no reference kernels between the processes: a machine that drifts then goes unseen", OWN(no_reference)},
    {"seeds", 0, CLI_INT, "N", "selftest machines: variants of each machine (1)", OWN(seeds), .lo = 1,
     .hi = 100000},
    {"rounds", 0, CLI_INT, "N", "selftest: comparisons in a row (1)", OWN(rounds), .lo = 1, .hi = 1000},
    {0}};

/* ---- a child's command line ------------------------------------------------------------------ */
typedef struct {
    char **v;
    size_t n, cap;
    char   text[16][64];
    size_t ntext;
    char   backends[CLI_MAX_NAMES * (CLI_NAME + 1)];
} words;

static void processes_add(words *w, const char *s)
{
    if (w->n + 1 < w->cap) w->v[w->n++] = (char *)s;
    w->v[w->n] = NULL;
}

static void processes_add_pair(words *w, const char *key, const char *value)
{
    if (!value) return;
    processes_add(w, key);
    processes_add(w, value);
}

static void add_number(words *w, const char *key, double value)
{
    char *s = w->text[w->ntext++ % 16];
    snprintf(s, sizeof w->text[0], "%.17g", value);
    processes_add_pair(w, key, s);
}

static void host_options(words *w, const cli_options *o)
{
    static const char *const pages[] = {NULL, "huge", "small"};
    char                    *list = w->backends;
    list[0] = 0;
    for (size_t i = 0; i < o->backends.n; i++) {
        size_t n = strlen(list);
        snprintf(list + n, sizeof w->backends - n, "%s%s", n ? "," : "", o->backends.v[i]);
    }
    processes_add_pair(w, "--backend", *list ? list : "cpu");
    processes_add_pair(w, "--model", o->model);
    processes_add_pair(w, "--device", o->device);
    processes_add_pair(w, "--isa", o->isa);
    if (o->pin == CLI_PIN_NONE) processes_add_pair(w, "--pin", "none");
    processes_add_pair(w, "--pages", pages[o->pages]);
    if (o->cache & CLI_COLD) processes_add(w, "--cold");
    if (o->cache & CLI_HOT) processes_add(w, "--hot");
}

static ir_status command_line(const ab_job *j, int side, const size_t *order, size_t n, words *w)
{
    const cli_options *o = j->opt;
    const child_words *c = &j->side[side];
    *w = (words){.cap = c->n + n + MOST_ARGS};
    w->v = malloc((w->cap + 1) * sizeof *w->v);
    if (!w->v) return ir_fail(IR_ENOMEM, "no memory for a command line");
    for (size_t i = 0; i < c->n; i++) processes_add(w, c->v[i]);
    if (ab_as_written(j->own)) return IR_OK;
    processes_add(w, "run");
    for (size_t i = 0; i < n; i++) processes_add(w, j->arg[order[i]]);
    processes_add_pair(w, "--filter", j->filter);
    host_options(w, o);
    if (o->profile == CLI_FULL) processes_add_pair(w, "--profile", "full");
    if (isfinite(o->precision)) add_number(w, "--precision", o->precision);
    if (isfinite(o->budget_s)) add_number(w, "--budget", o->budget_s);
    if (o->samples || !(isfinite(o->precision) || isfinite(o->budget_s))) /* else they say when to stop */
        add_number(w, "--samples", o->samples ? (double)o->samples : SAMPLES);
    add_number(w, "--warmup", isfinite(o->warmup_s) ? o->warmup_s : 0.005);
    add_number(w, "--seed", o->seed >= 0 ? (double)o->seed : 1);
    if (j->inject[side] > 0) add_number(w, "--inject", j->inject[side]);
    processes_add_pair(w, "--ceilings", "none");
    processes_add(w, "--no-report");
    processes_add(w, "--quiet");
    processes_add_pair(w, "-o", "-");
    return IR_OK;
}

/* ---- its record ------------------------------------------------------------------------------ */
/* Two builds differ in how they were built; on everything else of the machine they must agree. */
static bool of_the_build(const char *key)
{
    static const char *const own[] = {"compiler", "compiler_flags", "build_type",       "openblas",
                                      "isa",      "libc",           "injected_slowdown"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcmp(key, own[i])) return true;
    return false;
}

static ir_status keep_environment(ab_job *j, int side, const ir_env *e)
{
    ir_status st = IR_OK;
    if (j->known[side]) return IR_OK;
    for (size_t i = 0; i < e->n && st == IR_OK; i++) {
        const ir_kv *kv = &e->v[i];
        bool         compare = kv->compare && !of_the_build(kv->key);
        st = kv->is_num ? ir_env_num(&j->env[side], kv->key, kv->num, compare)
                        : ir_env_text(&j->env[side], kv->key, kv->text, compare);
    }
    j->known[side] = st == IR_OK;
    if (st != IR_OK || !j->known[0] || !j->known[1]) return st;
    const char *field = ir_env_differs(&j->env[0], &j->env[1]);
    j->incomparable = field != NULL;
    return field ? ir_fail(IR_EINVAL, "A and B are not comparable: %s differs", field) : IR_OK;
}

static double lower_quartile(const ir_point *p) { return ir_point_stats(p)->q25; }

static ir_status processes_take_points(ab_job *j, char side, const ir_record *r)
{
    char      key[IR_ID];
    ir_status st = IR_OK;
    for (size_t i = 0; i < r->npoint && st == IR_OK; i++) {
        const ir_point *p = &r->point[i];
        char            why[IR_WHY + 40];
        if (p->status == IR_SKIP || p->id.for_ceiling) continue;
        snprintf(why, sizeof why, "build %c: %s: %s", side, ir_status_name(p->status), p->reason);
        st = ab_seen(&j->a, side, ir_point_key(p, key), lower_quartile(p), p->status == IR_OK ? NULL : why);
        if (st == IR_OK) trial_starts(&j->a.t, key, p->m.cost.launches);
    }
    return st;
}

ir_status ab_job_take(ab_job *j, char side, const child_result *r)
{
    ir_record rec;
    char      name[24];
    snprintf(name, sizeof name, "output of build %c", side);
    if (r->n == 0) return ir_fail(IR_ECHECK, "it wrote no record%s%.120s", *r->err ? ": " : "", r->err);
    ir_status st = ir_record_parse(name, r->out, r->n, false, &rec);
    if (st != IR_OK) return st == IR_SKIP || st == IR_ENOMEM ? st : ir_fail(IR_ECHECK, "%s", ir_why());
    if (rec.npoint == 0) st = ir_fail(IR_ECHECK, "its record has no point");
    if (st == IR_OK) st = keep_environment(j, side == 'B', &rec.env);
    if (st == IR_OK) st = processes_take_points(j, side, &rec);
    ir_record_free(&rec);
    return st;
}

static ir_status process(ab *a, char side, const size_t *order, size_t n)
{
    ab_job      *j = a->drive.ctx;
    child_result r = {0};
    char         text[480];
    words        w;
    if (j->own->time) return programs_time(&j->programs, a, side);
    ir_status st = command_line(j, side == 'B', order, n, &w);
    if (st == IR_OK) st = child_run(w.v, j->own->timeout_s, interrupt_install(), &r);
    free(w.v);
    if (st != IR_OK) return st;
    const char *failed = child_failure(&r, j->own->timeout_s, text, sizeof text);
    /* An ironroof that had a wrong point ends with 2 and its record says which: that is more than "it
     * failed". */
    if (failed && (j->own->gbench || !(r.code == 2 && r.n > 0)))
        st = ir_fail(IR_ECHECK, "%s", failed);
    else
        st = j->own->gbench ? programs_take_gbench(a, side, &r) : ab_job_take(j, side, &r);
    child_free(&r);
    return st;
}

/* ---- the rest of the driver ------------------------------------------------------------------ */
static ir_status processes_bracket(ab *a, double out[TRIAL_REFS])
{
    ab_job *j = a->drive.ctx;
    for (int i = 0; i < TRIAL_REFS; i++) out[i] = NAN;
    return j->own->no_reference ? IR_OK : ab_controls_now(&j->ref, out);
}

static double processes_now(ab *a)
{
    (void)a;
    return ir_now();
}

static void progress(ab *a, const char *what)
{
    ab_job *j = a->drive.ctx;
    j->progress.total = a->process;
    j->progress.done = a->done;
    cli_progress_show(&j->progress, what);
}

static bool gives(ab *a, size_t i, const char *key)
{
    const ab_job *j = a->drive.ctx;
    return ab_as_written(j->own) || ab_text_gives((const char(*)[AB_ARG])j->arg, j->points.n, i, key);
}

/* ---- open, run, close ------------------------------------------------------------------------ */
static ir_status arguments(ab_job *j, const char *const *points, size_t n)
{
    const char *const *v = n ? points : ab_default_points;
    ir_status          st = cli_points_expand(ir_workloads, v, n ? n : AB_DEFAULT_POINTS, j->opt, &j->points);
    if (st != IR_OK) return st;
    j->filter = j->opt->filter.text ? j->opt->filter.text : n ? NULL : ab_default_filter;
    j->arg = malloc((j->points.n + 1) * sizeof *j->arg);
    if (!j->arg) return ir_fail(IR_ENOMEM, "no memory for %zu points", j->points.n);
    for (size_t i = 0; i < j->points.n; i++)
        cli_point_text(j->points.v[i].workload, &j->points.v[i].p, j->arg[i], sizeof j->arg[i]);
    j->a.nargs = j->points.n;
    return IR_OK;
}

ir_status ab_job_open(ab_job *j, const ir_backend *host, const cli_args *args, const ab_options *own,
                      const char *a, const char *b, const char *const *points, size_t n)
{
    memset(j, 0, sizeof *j);
    j->opt = &args->opt;
    j->own = own;
    j->inject[1] = args->opt.inject; /* A stays as it is: a slowdown of both would not be seen */
    ir_env_init(&j->env[0]);
    ir_env_init(&j->env[1]);
    trial_init(&j->a.t, own->confidence, log1p(own->delta));
    ir_status st = child_split(a, &j->side[0]);
    if (st == IR_OK) st = child_split(b, &j->side[1]);
    if (st == IR_OK && ab_as_written(own) && n)
        st = ir_fail(IR_EINVAL, "'%s' is no part of A or B; quote a command of several words", points[0]);
    if (st == IR_OK && !ab_as_written(own)) st = arguments(j, points, n);
    if (ab_as_written(own)) j->a.nargs = 1;
    if (st == IR_OK) st = ab_controls_open(&j->ref, host, j->opt);
    j->programs = (ab_programs){
        .side = j->side, .timeout_s = own->timeout_s, .budget_s = j->opt->budget_s, .silent = own->silent};
    j->a.drive = (ab_driver){process, processes_bracket, processes_now, progress, gives, j};
    j->a.seed = j->opt->seed >= 0 ? (uint64_t)j->opt->seed : 1;
    j->a.blocks = (size_t)own->blocks;
    j->a.more = !own->no_more;
    j->a.confirm = true;
    j->a.max_s = 60 * own->max_minutes;
    j->a.most = isfinite(own->max_minutes) ? IR_AB_MOST_BLOCKS : IR_AB_USUAL_BLOCKS;
    cli_progress_init(&j->progress, stderr, j->opt->quiet, TRIAL_SLOTS * j->a.blocks);
    if (st != IR_OK) ab_job_close(j);
    return st;
}

ir_status ab_job_run(ab_job *j)
{
    ir_status st = j->own->time ? programs_try(&j->programs) : IR_OK;
    if (st == IR_OK) st = ab_run(&j->a);
    cli_progress_clear(&j->progress);
    return st;
}

void ab_job_close(ab_job *j)
{
    trial_free(&j->a.t);
    child_words_free(&j->side[0]);
    child_words_free(&j->side[1]);
    cli_points_free(&j->points);
    free(j->arg);
    j->arg = NULL;
    ab_controls_close(&j->ref);
    ir_env_free(&j->env[0]);
    ir_env_free(&j->env[1]);
}

/* cmd_run.c -- `ironroof run` and `ironroof ceilings`: devices in turn, each from its ceilings to its
 * verdicts. A lost device or a full disk ends what it must and no more; Ctrl-C keeps and prints what there
 * is. */
#define _GNU_SOURCE
#include "bench/ceilings/ceilings.h"
#include "bench/ceilings/saved.h"
#include "bench/cli/progress.h"
#include "bench/commands/commands.h"
#include "bench/measure/per_layer.h"
#include "bench/measure/watchdog.h"
#include "bench/run/again.h"
#include "bench/run/output.h"
#include "bench/run/screen.h"
#include "bench/run/stream.h"
#include "bench/run/resume.h"
#include "bench/backends.h"
#include "kernels/workloads/table.h"
#include "bench/cli/version.h"
#include "kernels/model/model.h"
#include "harness/record/html.h"
#include "harness/record/input.h"
#include "harness/record/writer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_DEVICES = 16 };
typedef struct {
    const cli_args *args;
    cli_points      points; /* empty for `ceilings` */
    device_run      dev[MAX_DEVICES];
    size_t          ndev;
    ir_journal     *journal;
    char            path[4096];
    bool            piped;  /* no file: what is written there stays as it is */
    FILE           *screen; /* NULL: quiet */
    cli_progress    progress;
    size_t          ticked; /* points begun in this phase */
    row_stream      stream; /* rows printed as they finish */
    char            started[IR_UTC];
    double          began_s;
    resumed_run     before; /* --resume */
    ceilings_source ceilings;
    bool            host_again; /* the device opened last was refused for being the host */
} job;

static void tick(measure_context *s, const char *what)
{
    job *j = s->tick_arg;
    if (j->ticked++) cli_progress_done(&j->progress);
    if (stream_due(&j->stream, s)) {
        cli_progress_clear(&j->progress);
        stream_rows(&j->stream, s);
    }
    cli_progress_show(&j->progress, what);
}

/* ---- which devices --------------------------------------------------------------------------- */
static ir_status open_one(job *j, const ir_backend *be, int index)
{
    device_run *c = &j->dev[j->ndev];
    j->host_again = false;
    ir_status st = device_run_open(c, be, index, &j->args->opt);
    if (st != IR_OK) return st;
    j->host_again = c->s.info.host_again && j->args->opt.backends.n == 0;
    if (j->host_again) {
        st = ir_fail(IR_SKIP, "%s (%s) is the host again: add --backend %s to measure it", c->s.info.id,
                     c->s.info.name, be->name);
        device_run_free(c);
        return st;
    }
    j->ndev++;
    return IR_OK;
}

/* Without --device: the backend's first one that can be measured. One that is broken, or is the host again,
 * is named in `why` and does not stand in the way of the next. */
static ir_status open_first(job *j, const ir_backend *be, char *why, size_t size)
{
    ir_status st = IR_OK;
    for (int index = 0; index < MAX_DEVICES; index++) {
        size_t n = strlen(why);
        st = open_one(j, be, index);
        if (st == IR_OK || st == IR_EINVAL) return st;
        bool more = st == IR_EDEVICE || j->host_again;
        if (more || index == 0) snprintf(why + n, size - n, "%s%s", n ? "; " : "", ir_why());
        if (!more) return st;
    }
    return st;
}

/* --device N or a name of the device; without it the first of every backend asked for. The ideal device and
 * described machines are not here: they must be asked for. */
static ir_status open_devices(job *j)
{
    const cli_options *o = &j->args->opt;
    ir_status          st = IR_OK;
    char               why[3 * IR_WHY] = "";
    for (const ir_backend *const *b = bench_backends; *b && st != IR_EINVAL; b++) {
        bool asked = o->backends.n == 0 && strcmp((*b)->name, "ideal") != 0 && (*b) != &model_backend;
        for (size_t i = 0; i < o->backends.n; i++) asked = asked || bench_backend(o->backends.v[i]) == *b;
        if (!asked) continue;
        if (!o->device) {
            st = open_first(j, *b, why, sizeof why);
            continue;
        }
        int  index;
        bool named;
        st = cli_device_index(o->device, &index, &named);
        if (st == IR_OK && named) st = backend_device_named(*b, o->device, &index);
        if (st == IR_OK) st = open_one(j, *b, index);
        size_t n = strlen(why);
        if (st != IR_OK && st != IR_EINVAL)
            snprintf(why + n, sizeof why - n, "%s%s", n ? "; " : "", ir_why());
    }
    if (st == IR_EINVAL) return st;
    if (j->ndev == 0) return ir_fail(IR_EINVAL, "no device to measure: %s", why);
    if (*why && !o->quiet) fprintf(stderr, "ironroof: not measured: %s\n", why);
    return IR_OK;
}

static ir_status known_backends(const cli_options *o)
{
    const char *names[16];
    size_t      n = 0, at;
    ir_status   st = IR_OK;
    for (const ir_backend *const *b = bench_backends; *b; b++) names[n++] = (*b)->name;
    for (size_t i = 0; i < o->backends.n && st == IR_OK; i++) {
        char        base[IR_NAME];
        const char *file = cli_backend_file(o->backends.v[i], base);
        st = cli_choose("backend", base, names, n, &at);
        if (st == IR_OK && file && strcmp(base, "model") != 0)
            st = ir_fail(IR_EINVAL, "option '--backend': %s takes no file, only model does", base);
    }
    return st;
}

/* ---- the file -------------------------------------------------------------------------------- */
#define TEXT_MARK "ironroof report\n" /* every text report begins with it */
/* What is written beside the record must be of this program's making, too. */
static ir_status check_siblings(const job *j)
{
    static const char *const suffix[] = {".txt", ".html"}, *const mark[] = {TEXT_MARK, IR_HTML_MARK};
    char      path[4200];
    ir_status st = IR_OK;
    bool      wanted = !j->args->opt.no_report && ir_journal_is_file(j->journal);
    for (int i = 0; i < 2 && st == IR_OK && wanted; i++) {
        st = output_sibling(j->path, suffix[i], path, sizeof path);
        bool printed = output_is(stdout, path) || output_is(stderr, path);
        if (st == IR_OK && !printed) st = ir_may_replace(path, mark[i], false);
        if (st == IR_EINVAL) st = ir_fail(st, "%s (--no-report writes none)", ir_why());
    }
    return st;
}

/* A new record, one that is continued where it is, or its continuation elsewhere, which starts with its
 * lines. */
static ir_status begin_journal(job *j)
{
    const cli_options *o = &j->args->opt;
    const char        *asked = o->output ? o->output : o->resume, *old = j->before.path;
    bool               here = old && (!o->output || ir_same_file(o->output, old));
    ir_status          st = output_apart(asked);
    if (st == IR_OK && here) {
        st = output_path(asked, "", 1, j->path, sizeof j->path);
        if (st == IR_OK) st = ir_journal_open(j->path, true, &j->journal);
    } else if (st == IR_OK) {
        if (o->ceilings) st = ir_input_not_output(&o->ceilings, 1, o->output);
        if (st == IR_OK)
            st = output_journal(asked, j->dev[0].s.info.name, o->force, j->path, sizeof j->path, &j->journal);
        if (st == IR_OK && j->before.begun) st = ir_journal_take(j->journal, old, IR_TAKE_ALL);
    }
    if (st == IR_OK && !here && !o->force) st = check_siblings(j);
    return st;
}

static ir_status open_journal(job *j)
{
    ir_status st = resume_open(&j->before, j->args->opt.resume);
    for (size_t i = 0; i < j->ndev && st == IR_OK; i++)
        st = resume_fits(&j->before, &j->dev[i].s.info, &j->dev[i].env);
    if (st == IR_OK) st = begin_journal(j);
    j->piped = st == IR_OK && !ir_journal_is_file(j->journal);
    if (st == IR_OK && *j->before.r.started)
        snprintf(j->started, sizeof j->started, "%s", j->before.r.started);
    if (st == IR_OK)
        st = ir_journal_header(j->journal, IR_VERSION, IR_COST_MODEL, j->args->argc, (char **)j->args->argv);
    return st;
}

enum { PHASE_CEILINGS, PHASE_POINTS, PHASE_PROOFS };
#define POINT_WEIGHT 3.0 /* it is verified first and sampled for longer than a row for a ceiling */

/* What is ahead on a device: one estimate covers all of it. */
static void plan(job *j, const device_run *c)
{
    cli_progress_init(&j->progress, stderr, j->args->opt.quiet, 0);
    bool given = j->ceilings.file || j->ceilings.none;
    cli_progress_plan(&j->progress, "ceilings", given ? 0 : ceilings_count(&c->s), 1);
    cli_progress_plan(&j->progress, "points", device_run_count(c, &j->points, j->args->opt.cache),
                      POINT_WEIGHT);
    cli_progress_plan(&j->progress, "proofs", 0, POINT_WEIGHT);
}

static void phase(job *j, size_t at)
{
    j->ticked = 0;
    cli_progress_enter(&j->progress, at);
}

static void phase_ends(job *j, const device_run *c)
{
    cli_progress_clear(&j->progress);
    stream_rows(&j->stream, &c->s);
}

/* ---- ceilings -------------------------------------------------------------------------------- */
/* A file must speak of one of the devices at least. */
static ir_status open_ceilings(job *j)
{
    ir_status st = ceilings_source_open(&j->ceilings, j->args->opt.ceilings), none = IR_OK;
    for (size_t i = 0; i < j->ndev && st == IR_OK; i++) {
        none = ceilings_source_has(&j->ceilings, &j->dev[j->ndev - 1 - i].s);
        if (none == IR_OK) break;
    }
    return st == IR_OK ? none : st;
}

/* ---- one device ------------------------------------------------------------------------------ */
/* --prove: the labels this run gave, by intervention. */
static ir_status run_ablation(job *j, device_run *c)
{
    const cli_filter *only = &j->args->opt.prove;
    if (!only->text || !c->judged) {
        if (only->text && j->points.n)
            fprintf(stderr, "ironroof: nothing to prove: without ceilings there are no labels\n");
        return IR_OK;
    }
    ir_status st = ablation_choose(&c->s, *only->text ? &only->re : NULL, &c->proof);
    if (st != IR_OK) return st;
    c->proved = true;
    j->progress.phase[PHASE_PROOFS].total = c->proof.n;
    j->progress.total += c->proof.n;
    phase(j, PHASE_PROOFS);
    st = device_run_prove(c);
    phase_ends(j, c);
    return st;
}

/* The row of the point is written. A call that hangs keeps its threads and the device: only a new beginning
 * gets rid of it. */
static void begin_again(measure_context *s, const ir_point *late)
{
    const job *j = s->tick_arg;
    char       key[IR_ID];
    fprintf(stderr, "ironroof: %s: %s\n", ir_point_key(late, key), late->reason);
    if (!strcmp(j->path, "-"))
        fprintf(stderr, "ironroof: what follows is not measured: only a run to a file can go on (-o FILE)\n");
    else if (run_again(j->args->argc, j->args->argv, j->path) != IR_OK)
        complain();
    fflush(NULL);
    _exit(EXIT_BAD);
}

/* `> run.txt` beside `-o run.jsonl`: standard output is where the text report goes. */
static bool screen_is_report(const job *j)
{
    char path[4200];
    output_sibling(j->path, ".txt", path, sizeof path);
    return !j->piped && output_is(j->screen, path);
}

/* --detail; layers that were asked for; a run of ceilings alone, which has no other screen. */
static bool wants_tables(const job *j)
{
    return j->args->opt.detail || j->args->opt.layers || j->points.n == 0 || screen_is_report(j);
}

static ir_status measure_device(job *j, device_run *c)
{
    measure_context *s = &c->s;
    s->timeout_s = j->args->opt.timeout_s;
    s->hung = begin_again;
    s->journal = j->journal;
    resume_into(&j->before, s);
    s->tick = tick;
    s->tick_arg = j;
    device_run_haste(c, &j->points, &j->args->opt);
    ir_text t = text_on(j->screen, &j->args->opt);
    bool    tables = j->screen && wants_tables(j);
    c->recalled = j->ceilings.file ? &j->ceilings.r : NULL;
    j->stream = (row_stream){.t = t, .on = j->screen && j->points.n, .recalled = c->recalled != NULL};
    plan(j, c);
    phase(j, PHASE_CEILINGS);
    device_run_begin(c);
    ir_status st = witness_open(&c->witness, s, &c->env, &j->args->opt);
    if (st == IR_OK && !resume_knows(&j->before, &s->info))
        st = ir_journal_machine(j->journal, &s->info, &c->env);
    if (st == IR_OK) st = ceilings_get(s, &c->env, &j->ceilings, j->args->opt.quiet);
    if (st == IR_OK) context_choose_monitor(s);
    phase_ends(j, c);
    if (tables && s->ceilings.n) device_run_print_ceilings(&t, c);
    if (st == IR_OK && j->points.n) {
        phase(j, PHASE_POINTS);
        st = device_run_points(c, &j->points, &j->args->opt);
        phase_ends(j, c);
    }
    char why[512]; /* the first cause: judging what there is may fail as well */
    snprintf(why, sizeof why, "%s", ir_why());
    const ir_status first = st;
    device_run_end(c, st != IR_EINTR);
    device_run_note_tuning(c);
    if (st == IR_OK && s->ceilings.n) st = context_take_resumed(s);
    witness_certify(&c->witness, s, &c->env);
    if (j->points.n && s->ceilings.n) device_run_judge(c);
    if (st == IR_OK) st = run_ablation(j, c);
    if (tables && c->graded) ir_text_quality(&t, &c->quality, IR_MAX_CAUSES);
    if (tables) device_run_print_law(&t, c);
    if (j->screen && !tables) device_run_print_short(&t, c);
    device_run_close_device(c);
    return first == IR_OK ? st : ir_fail(first, "%s", why);
}

/* Nothing measured is a failure, and so is a wrong or a failed point. A device that tells its ceilings and
 * has no kernel for them has them measured. */
static int run_grade(const device_run *c, size_t n, bool ceilings_only)
{
    size_t ok = 0, bad = 0;
    for (size_t d = 0; d < n; d++) ok += ceilings_only ? c[d].s.ceilings.n : 0;
    for (size_t d = 0; d < n; d++)
        for (size_t i = 0; i < c[d].s.npoint; i++) ok += c[d].s.point[i].status == IR_OK;
    for (size_t d = 0; d < n; d++) bad += context_failed(&c[d].s);
    if (!ok) fprintf(stderr, "ironroof: nothing was measured\n");
    if (bad)
        fprintf(stderr, "ironroof: %zu point%s failed: see the table or the record\n", bad,
                bad == 1 ? "" : "s");
    return ok && !bad ? EXIT_FINE : EXIT_BAD;
}

/* The page beside the record; a build that cannot make it says so once and is no failure. */
static ir_status write_page(const job *j)
{
    char        path[4200];
    const char *file = j->path;
    ir_status   st = output_sibling(j->path, ".html", path, sizeof path);
    if (st == IR_OK) st = ir_html_report(&file, 1, true, false, path);
    if (j->screen && st == IR_OK && !j->points.n) fprintf(j->screen, "Page:    %s\n", path);
    if (j->screen && st == IR_SKIP) fprintf(j->screen, "%s\n", ir_why());
    return st == IR_SKIP ? IR_OK : st;
}

static ir_status write_report(const job *j)
{
    char       path[4200];
    ir_writer *w = NULL;
    ir_status  st = output_sibling(j->path, ".txt", path, sizeof path);
    if (st == IR_OK && j->screen && screen_is_report(j)) return IR_OK; /* it is there already */
    if (st == IR_OK) st = ir_writer_open(path, &w);
    if (st != IR_OK) return st;
    ir_text t = {.f = ir_writer_text(w), .width = 110, .utf8 = true};
    for (size_t i = 0; i < j->ndev && t.f; i++) {
        if (i == 0) fputs(TEXT_MARK, t.f);
        device_run_print_ceilings(&t, &j->dev[i]);
        device_run_print_law(&t, &j->dev[i]);
    }
    if (!t.f) return ir_writer_discard(&w), IR_ENOMEM;
    st = ir_writer_commit(&w);
    if (st == IR_OK && j->screen && !j->points.n) fprintf(j->screen, "Report:  %s\n", path);
    return st;
}

/* The journal stays open until the new record has its place: no other run gets in between. */
static ir_status file_results(job *j)
{
    if (j->piped) {
        ir_status st = IR_OK;
        for (size_t i = 0; i < j->ndev && st == IR_OK; i++)
            st = device_run_journal_tail(j->journal, &j->dev[i]);
        return st;
    }
    ir_status st = ir_journal_sync(j->journal);
    if (st == IR_OK)
        st = device_run_rewrite(j->path, j->before.begun ? j->before.path : NULL, j->dev, j->ndev,
                                j->args->argc, (char **)j->args->argv, j->started);
    if (st == IR_OK) st = ir_journal_close(&j->journal);
    if (st == IR_OK && j->screen && !j->points.n) fprintf(j->screen, "\nResults: %s\n", j->path);
    if (st == IR_OK && !j->args->opt.no_report) st = write_report(j);
    if (st == IR_OK && !j->args->opt.no_report) st = write_page(j);
    return st;
}

static void last_screen(const job *j, ir_status filed)
{
    ir_text    t = text_on(j->screen, &j->args->opt);
    screen_run run = {.started = j->started,
                      .elapsed_s = ir_now() - j->began_s,
                      .file = j->piped ? NULL : j->path,
                      .report = filed == IR_OK && !j->args->opt.no_report,
                      .recalled = j->ceilings.file,
                      .compare = !j->piped};
    for (size_t i = 0; j->screen && j->points.n && i < j->ndev; i++) {
        if (j->dev[i].s.npoint == 0) continue;
        if (i || j->args->opt.detail || (j->stream.printed && !j->stream.recalled)) fputc('\n', j->screen);
        screen_of_device(&t, &j->dev[i], &run);
    }
}

static bool has_measured(const job *j)
{
    size_t n = 0;
    for (size_t i = 0; i < j->ndev; i++) n += j->dev[i].s.npoint + j->dev[i].s.ceilings.n;
    return n > 0;
}

static ir_status execute(job *j)
{
    ir_status st = open_ceilings(j);
    if (st == IR_OK) st = open_journal(j);
    if (st != IR_OK) return ir_journal_discard(&j->journal), st;
    j->screen = j->args->opt.quiet ? NULL : strcmp(j->path, "-") ? stdout : stderr;
    for (size_t i = 0; i < j->ndev && st == IR_OK; i++) st = measure_device(j, &j->dev[i]);
    interrupt_restore();
    if (st == IR_EINTR && j->before.begun)
        return st; /* the journal has what was recorded, and the new points */
    if (st != IR_OK && st != IR_EINTR && !has_measured(j))
        return ir_journal_discard(&j->journal), st; /* refused */
    char why[512];
    snprintf(why, sizeof why, "%s", ir_why());
    ir_status filed = file_results(j); /* also what an interrupted run has */
    if (st == IR_OK || st == IR_EINTR) last_screen(j, filed);
    if (st == IR_OK || (st == IR_EIO && filed == IR_EIO)) return filed; /* a full disk: its own words */
    return ir_fail(st, "%s", why);
}

static void run_print_plan(const job *j)
{
    char key[256];
    for (size_t d = 0; d < j->ndev; d++)
        for (size_t i = 0; i < j->points.n; i++) {
            const ir_kernel *k;
            const cli_point *p = &j->points.v[i];
            for (size_t n = 0; (k = backend_kernel(j->dev[d].s.dev.be, p->workload, n)); n++)
                if (device_run_wants(&j->dev[d].s, &j->points, i, k))
                    printf("%s/%s\t%s\n", j->dev[d].s.dev.be->name, k->name,
                           cli_point_text(p->workload, &p->p, key, sizeof key));
        }
}

/* A filter that leaves nothing is a mistake, not an empty run. */
static ir_status filter_leaves_some(const job *j)
{
    size_t n = 0;
    for (size_t i = 0; i < j->ndev; i++) n += device_run_count(&j->dev[i], &j->points, j->args->opt.cache);
    if (n || !j->args->opt.filter.text) return IR_OK;
    return ir_fail(IR_EINVAL, "--filter '%.60s' matches no kernel of these workloads (ironroof list kernels)",
                   j->args->opt.filter.text);
}

static int run_run(const cli_args *args, bool with_points)
{
    job *j = calloc(1, sizeof *j);
    if (!j) return ir_fail(IR_ENOMEM, "no memory"), complain();
    j->args = args;
    j->began_s = ir_now();
    ir_utc_now(j->started);
    ir_status st = known_backends(&args->opt);
    if (st == IR_OK && with_points)
        st = cli_points_expand(ir_workloads, args->arg, args->narg, &args->opt, &j->points);
    if (st == IR_OK && args->opt.layers && with_points) st = per_layer_valid(args->opt.layers, &j->points);
    if (st == IR_OK && args->opt.timeout_s > 0) st = watchdog_start(args->opt.timeout_s);
    if (st == IR_OK) st = open_devices(j);
    if (st == IR_OK && with_points) st = filter_leaves_some(j);
    int waited = st == IR_OK && !args->opt.dry_run ? wait_idle(&args->opt) : EXIT_FINE;
    if (st == IR_OK && args->opt.dry_run)
        run_print_plan(j);
    else if (st == IR_OK && waited == EXIT_FINE)
        st = execute(j);
    int code = st == IR_OK ? EXIT_FINE : st == IR_EINTR ? EXIT_INTERRUPTED : complain();
    if (st == IR_EINTR) fprintf(stderr, "ironroof: interrupted; every finished point is in %s\n", j->path);
    if (waited != EXIT_FINE)
        code = waited;
    else if (st == IR_OK && !args->opt.dry_run)
        code = run_grade(j->dev, j->ndev, !j->points.n);
    ir_status closed = ir_journal_close(&j->journal);
    if (code == EXIT_FINE && closed != IR_OK) code = complain();
    for (size_t i = 0; i < j->ndev; i++) device_run_free(&j->dev[i]);
    resume_close(&j->before);
    ceilings_source_close(&j->ceilings);
    cli_points_free(&j->points);
    free(j);
    return code;
}

int cmd_run(const cli_args *args) { return run_run(args, true); }
int cmd_ceilings(const cli_args *args) { return run_run(args, false); }

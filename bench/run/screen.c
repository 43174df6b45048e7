/* screen.c -- see screen.h. */
#define _GNU_SOURCE
#include "bench/run/screen.h"
#include "bench/analysis/crossover.h"
#include "bench/cli/version.h"
#include "bench/gate/earlier.h"
#include "bench/gate/newest.h"
#include "bench/predict/effects.h"
#include "harness/record/answer.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <string.h>
#include <time.h>

typedef struct {
    ir_answer_help help[IR_ANSWER_ROWS];
    char           history[1200], files[700], more[200], crossover[200];
} words;

static void say_help(ir_answer *a, const machine_view *v, words *w)
{
    ir_answer_row r[IR_ANSWER_ROWS];
    size_t        more, n = ir_answer_rows(a->point, a->npoint, r, &more);
    for (size_t i = 0; i < n && a->ceilings->n; i++) {
        ir_answer_help *h = &w->help[a->nhelp++];
        h->p = r[i].p;
        effects_of(v, ir_workload_named(h->p->id.workload), h->p, h->gain);
    }
    a->help = w->help;
}

/* ---- did it get slower ----------------------------------------------------------------------- */
static bool find_earlier(const screen_run *run, const char *key, const char *before, char *path, size_t n)
{
    char        folder[4096];
    const char *slash = run->file ? strrchr(run->file, '/') : NULL;
    if (newest_record("results", true, key, before, run->file, path, n) == IR_OK) return true;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - run->file) : 1, slash ? run->file : ".");
    return newest_record(folder, false, key, before, run->file, path, n) == IR_OK;
}

static ir_status hold_against(const char *path, const ir_record *now, char *buf, size_t n,
                              earlier_found *found)
{
    ir_status st = earlier_sentence(now, path, buf, n, found);
    if (st != IR_OK) snprintf(buf, n, "cannot be said: %.300s", ir_why());
    return st;
}

/* The newest run of the same key that measured some of the same points; without one, what is to be said of
 * the newest. false: there is none. */
static bool search_earlier(const screen_run *run, const char *key, const ir_record *now, char *buf, size_t n)
{
    enum { MOST = 16 };
    char          path[4096], text[1200];
    earlier_found found = {.compared = false};
    snprintf(found.started, sizeof found.started, "%s", run->started);
    for (int i = 0; i < MOST && find_earlier(run, key, found.started, path, sizeof path); i++) {
        ir_status st = hold_against(path, now, text, sizeof text, &found);
        if (i == 0 || found.compared) snprintf(buf, n, "%s", text);
        if (st != IR_OK || found.compared) return true;
    }
    return *buf != 0;
}

static void say_history(ir_answer *a, const screen_run *run, const ir_record *now, words *w)
{
    char          key[17];
    earlier_found unused;
    if (!run->compare) return;
    if (a->quality && a->quality->value == IR_QUALITY_UNUSABLE) {
        a->history = "not compared: the run is unusable";
        return;
    }
    ir_env_key(a->env, key);
    a->history = w->history;
    w->history[0] = 0;
    if (run->earlier)
        hold_against(run->earlier, now, w->history, sizeof w->history, &unused);
    else if (!search_earlier(run, key, now, w->history, sizeof w->history))
        snprintf(w->history, sizeof w->history, "no earlier run with key %s to compare with", key);
}

/* ---- files and what to type next ------------------------------------------------------------- */
static void say_files(ir_answer *a, const screen_run *run, words *w)
{
    ir_answer_row r[IR_ANSWER_ROWS];
    size_t        more, n = ir_answer_rows(a->point, a->npoint, r, &more);
    if (run->file) {
        size_t len = strlen(run->file), ext = strlen(".jsonl");
        bool   is = run->report && len > ext && !strcmp(run->file + len - ext, ".jsonl");
        snprintf(w->files, sizeof w->files, "Results: %.*s%s", (int)(is ? len - ext : len), run->file,
                 is ? ".{jsonl,txt,html}" : "");
        a->files = w->files;
    }
    snprintf(w->more, sizeof w->more, "ironroof report %.90s --detail%s%.31s%s",
             run->file && strncmp(run->file, "results/", 8) != 0 ? run->file : "@last", n ? ", run " : "",
             n ? r[0].p->id.workload : "", n ? " --prove" : "");
    a->more = w->more;
}

/* "batchmm f32 blocked: memory gives way to compute at batch 17 [13, 21]", of a sweep of a kernel that is not
 * the bottom rung. */
static void say_crossover(ir_answer *a, const ir_verdict *v, words *w)
{
    if (a->crossover || strcmp(v->question, "crossover") != 0 ||
        strcmp(v->verdict, "within the sweep") != 0 || strstr(v->answer, " naive:"))
        return;
    const char *end = strstr(v->answer, " (");
    snprintf(w->crossover, sizeof w->crossover, "%.*s", end ? (int)(end - v->answer) : 199, v->answer);
    a->crossover = w->crossover;
}

static void print(const ir_text *t, ir_answer *a, const machine_view *v, const screen_run *run,
                  const ir_record *now, words *w)
{
    a->elapsed_s = run->elapsed_s;
    a->recalled = run->recalled;
    say_help(a, v, w);
    say_history(a, run, now, w);
    say_files(a, run, w);
    ir_text_answer(t, a);
}

/* ---- from a run, from a record --------------------------------------------------------------- */
void screen_of_device(const ir_text *t, const device_run *c, const screen_run *run)
{
    machine_view v;
    device_run_view(c, &v);
    words      w = {.files = ""};
    ir_record  now = {.point = c->s.point,
                      .npoint = c->s.npoint,
                      .fit = (ir_fit *)c->law.fit,
                      .nfit = c->law.fitted ? 2 : 0};
    ir_answer  a = {.version = IR_VERSION,
                    .device = &c->s.info,
                    .env = &c->env,
                    .ceilings = &c->s.ceilings,
                    .point = c->s.point,
                    .npoint = c->s.npoint,
                    .fit = c->law.fitted ? &c->law.fit[c->law.better] : NULL,
                    .no_fit = c->judged ? c->law.why : NULL,
                    .their_fit = c->law.recalled,
                    .quality = c->graded ? &c->quality : NULL};
    ir_verdict said, tried;
    if (device_run_foretold(c, &tried)) a.tried = tried.answer;
    for (size_t i = 0; crossover_verdict_next(&c->s, &i, &said);) say_crossover(&a, &said, &w);
    print(t, &a, &v, run, &now, &w);
}

void screen_of_record(const ir_text *t, const ir_record *r, size_t at, const machine_view *v,
                      const screen_run *run)
{
    words     w = {.files = ""};
    ir_answer a = {.version = r->tool_version,
                   .device = &r->device[at],
                   .env = &r->device_env[at],
                   .ceilings = &v->ceilings,
                   .point = v->point,
                   .npoint = v->npoint,
                   .fit = v->better >= 0 ? &v->fit[v->better] : NULL};
    a.quality = ir_record_quality(r, r->device[at].id);
    for (size_t i = 0; i < r->nverdict; i++) {
        say_crossover(&a, &r->verdict[i], &w);
        if (!strcmp(r->verdict[i].question, "predicted changes")) a.tried = r->verdict[i].answer;
    }
    print(t, &a, v, run, r, &w);
}

static bool seconds_of(const char *text, time_t *out)
{
    struct tm   tm = {0};
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
    *out = end && !*end ? timegm(&tm) : 0;
    return end && !*end;
}

double screen_seconds(const char *started, const char *ended)
{
    time_t a, b;
    return seconds_of(started, &a) && seconds_of(ended, &b) && b >= a ? difftime(b, a) : NAN;
}

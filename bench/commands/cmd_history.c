/* cmd_history.c -- `ironroof history FILE...`: when did a point change, by how much, and what else changed
 * then. */
#include "bench/ab/print.h"
#include "bench/commands/commands.h"
#include "bench/commands/gate_options.h"
#include "bench/gate/series.h"
#include "bench/run/output.h"
#include "bench/cli/version.h"
#include "harness/pattern.h"
#include "harness/record/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const history_options history_own_defaults = {.delta = 0.02, .alpha = 0.01, .recent = 8};
#define OWN(field) .offset = offsetof(history_options, field)
const cli_option history_own_options[] = {
    {"delta", 0, CLI_REAL, "SHARE", "smaller shifts are no change, 0.02 or 2% (2%)", OWN(delta), .lo = 1e-4,
     .hi = 1, .unit = CLI_SHARE},
    {"alpha", 0, CLI_REAL, "SHARE", "false alarms allowed per series without a change (1%)", OWN(alpha),
     .lo = 1e-4, .hi = 0.5, .unit = CLI_SHARE},
    {"reference", 0, CLI_TEXT, "KEY|none",
     "divide by this point (its key's beginning); without it by copy, fma or forkjoin, as the point is bound",
     OWN(reference)},
    {"filter", 0, CLI_REGEX, "REGEX", "only points whose key matches", OWN(filter)},
    {"across", 0, CLI_FLAG, NULL, "runs of unlike machines in one series", OWN(across)},
    {"strict", 0, CLI_FLAG, NULL,
     "exit code 1 when a point became slower for good within the last --recent runs", OWN(strict)},
    {"recent", 0, CLI_INT, "N", "how many runs that are (8)", OWN(recent), .lo = 1, .hi = 100000},
    {0}};

typedef struct {
    const history_options *o;
    const run_files       *f;
    ir_text                t;
    ir_journal            *j;
    size_t                 shown, changed;
    bool                   alarm;
} review;

static ir_status file_change(review *r, const series *s, const ir_change *c, const char *cause)
{
    ir_verdict v = {.p = c->p};
    if (!r->j) return IR_OK;
    snprintf(v.question, sizeof v.question, "history");
    snprintf(v.verdict, sizeof v.verdict, "%s%s", c->shift > 0 ? "slower" : "faster",
             c->firm ? "" : " (provisional)");
    snprintf(v.answer, sizeof v.answer, "%+.2f %% from %s on (run %zu of %zu): %.160s", 100 * expm1(c->shift),
             r->f->v[c->at].r.started, c->at + 1, s->n, cause);
    snprintf(v.evidence, sizeof v.evidence, "%s", s->key);
    return ir_journal_verdict(r->j, &v);
}

enum { NUMBERS = 22, SPARK = 40, ENDS = 5 };

/* Newest runs over the first ones: medians of at most five each, log scale. */
static double drift_of(const series *s)
{
    size_t n = s->n / 2 < ENDS ? s->n / 2 : ENDS;
    return ir_median(s->y + s->n - n, n) - ir_median(s->y, n);
}

static size_t spark_width(const review *r) { return r->t.width >= 80 || r->t.width <= 0 ? SPARK : SPARK / 2; }

static int name_width(const review *r)
{
    int left = (r->t.width > 0 ? r->t.width : 100) - NUMBERS - 2 - (int)spark_width(r);
    return left > 5 ? left : 5;
}

static void head(const review *r)
{
    int first = (int)strcspn(r->f->v[0].r.started, "T"),
        last = (int)strcspn(r->f->v[r->f->n - 1].r.started, "T");
    char text[160];
    snprintf(text, sizeof text, "%zu run%s, %.*s to %.*s; change: the newest runs over the first", r->f->n,
             r->f->n == 1 ? "" : "s", first, r->f->v[0].r.started, last, r->f->v[r->f->n - 1].r.started);
    ab_wrapped(&r->t, 0, text);
    fprintf(r->t.f, "%-*s %11s %9s  one mark a run\n", name_width(r), "point", "newest", "change");
}

static void show_row(const review *r, const series *s)
{
    char spark[512], time[32], change[16] = "-";
    int  width = name_width(r);
    series_spark(s, r->t.utf8, spark_width(r), spark, sizeof spark);
    if (!isnan(drift_of(s))) snprintf(change, sizeof change, "%+.1f %%", 100 * expm1(drift_of(s)));
    bool apart = (int)strlen(s->key) > width;
    if (apart) ab_wrapped(&r->t, 0, s->key);
    fprintf(r->t.f, "%-*s %11s ", width, apart ? "" : s->key,
            ir_text_scaled(s->last_s, "s", time, sizeof time));
    ir_style style = s->nchange == 0 || isnan(drift_of(s)) ? TXT_PLAIN
                     : drift_of(s) > 0                     ? TXT_RED
                                                           : TXT_GREEN;
    ir_text_styled(&r->t, style, "%9s", change);
    fprintf(r->t.f, "  %s\n", spark);
}

static ir_status show(review *r, const series *s)
{
    char      cause[400], text[1100];
    ir_status st = IR_OK;
    if (r->shown == 0) head(r);
    show_row(r, s);
    for (size_t i = 0; i < s->nchange && st == IR_OK; i++) {
        const ir_change *c = &s->change[i];
        series_cause(r->f, c->at, cause, sizeof cause);
        snprintf(text, sizeof text, "%s %+.1f %% from run %zu (%s)%s; changed there: %s%s%s",
                 c->shift > 0 ? "slower" : "faster", 100 * expm1(c->shift), c->at + 1,
                 r->f->v[c->at].r.started, c->firm ? "" : ", provisional", cause,
                 *s->reference ? "; as a share of " : "", s->reference);
        ab_wrapped(&r->t, 4, text);
        r->alarm = r->alarm || (c->firm && c->shift > 0 && c->at + (size_t)r->o->recent >= s->n);
        st = file_change(r, s, c, cause);
    }
    r->changed += s->nchange > 0;
    r->shown++;
    return st;
}

static ir_status all_points(review *r, const run_keys *k)
{
    ir_status st = IR_OK;
    for (size_t i = 0; i < k->n && st == IR_OK; i++) {
        series s;
        if (r->o->filter.text && !ir_pattern_found(&r->o->filter.re, k->v[i])) continue;
        st = series_of(r->f, k->v[i], r->o->reference, r->o->alpha, log1p(r->o->delta), &s);
        if (st == IR_OK) st = show(r, &s);
        series_free(&s);
    }
    return st;
}

static int review_runs(const cli_args *args, const run_files *f)
{
    review   r = {.o = args->own, .f = f};
    run_keys k;
    bool     to_stdout = args->opt.output && !strcmp(args->opt.output, "-");
    r.t = text_on(to_stdout ? stderr : stdout, &args->opt);
    ir_status st = runs_keys(&f, 1, &k);
    if (st == IR_OK) st = runs_apart(f, args->opt.output);
    if (st == IR_OK) st = output_apart(args->opt.output);
    if (st == IR_OK && args->opt.output) st = ir_journal_whole(args->opt.output, args->opt.force, &r.j);
    if (st == IR_OK && r.j)
        st = ir_journal_header(r.j, IR_VERSION, IR_COST_MODEL, args->argc, (char **)args->argv);
    if (st == IR_OK) st = all_points(&r, &k);
    if (st == IR_OK) st = ir_journal_close(&r.j);
    ir_journal_discard(&r.j);
    run_keys_free(&k);
    if (st != IR_OK) return complain();
    fprintf(r.t.f, "%zu run%s, %zu point%s, %zu with a change%s\n", f->n, f->n == 1 ? "" : "s", r.shown,
            r.shown == 1 ? "" : "s", r.changed,
            f->n < 2 * IR_CHANGE_FIRM ? "; fewer than 10 runs show no firm change" : "");
    if (r.shown == 0) return ir_fail(IR_EINVAL, "no point matches"), complain();
    return r.alarm && r.o->strict ? EXIT_REGRESSED : EXIT_FINE;
}

int cmd_history(const cli_args *args)
{
    const history_options *o = args->own;
    run_files              f;
    size_t                 at;
    if (runs_read(args->arg, args->narg, args->opt.quiet ? NULL : stderr, &f) != IR_OK) return complain();
    const char *field = o->across ? NULL : runs_unlike(&f, &at);
    int         code = EXIT_INCOMPARABLE;
    if (field)
        ir_fail(IR_EINVAL,
                "%s and %s are of unlike machines: %s differs (--across: in one series all the same)",
                f.v[0].path, f.v[at].path, field),
            complain();
    else
        code = review_runs(args, &f);
    runs_free(&f);
    return code;
}

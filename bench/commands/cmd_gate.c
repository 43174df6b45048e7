/* cmd_gate.c -- `ironroof gate FILE... --baseline B`: recorded runs against recorded runs. */
#include "bench/ab/print.h"
#include "bench/commands/commands.h"
#include "bench/commands/gate_options.h"
#include "bench/gate/baseline.h"
#include "harness/record/input.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

const gate_options gate_own_defaults = {.delta = 0.02, .confidence = 0.95};
#define OWN(field) .offset = offsetof(gate_options, field)
const cli_option gate_own_options[] = {
    {"baseline", 0, CLI_TEXT, "FILE|DIR", "the runs to compare with", OWN(baseline)},
    {"delta", 0, CLI_REAL, "SHARE", "what matters in practice where thresholds say nothing, 0.02 or 2% (2%)",
     OWN(delta), .lo = 1e-4, .hi = 1, .unit = CLI_SHARE},
    {"thresholds", 0, CLI_TEXT, "FILE", "lines 'REGEX SHARE' per point (DIR/thresholds.txt)",
     OWN(thresholds)},
    {"update", 0, CLI_FLAG, NULL, "make FILE... the new baseline DIR; the old one is kept in DIR.history/",
     OWN(update)},
    {"across", 0, CLI_FLAG, NULL, "compare machines that are not comparable: labelled, never a verdict",
     OWN(across)},
    {"proof", 0, CLI_TEXT, "FILE", "record of 'selftest aa' on this machine: its false-alarm bound is shown",
     OWN(proof)},
    {"strict", 0, CLI_FLAG, NULL, "a point that stays undecided gives exit code 3", OWN(strict)},
    {0}};

static ir_status read_thresholds(const gate_options *o, thresholds *t)
{
    char path[4200];
    t->n = 0;
    if (snprintf(path, sizeof path, "%s/thresholds.txt", o->baseline) >= (int)sizeof path)
        return ir_fail(IR_EINVAL, "%.80s...: the path is too long", o->baseline);
    if (o->thresholds) return thresholds_read(o->thresholds, false, t);
    struct stat s;
    bool        there;
    ir_status   st = ir_path_look(o->baseline, &there, &s);
    return st == IR_OK && there && S_ISDIR(s.st_mode) ? thresholds_read(path, true, t) : st;
}

/* Without comparability there are changes to look at, and no verdict. */
static void unlabel(ir_comparisons *c)
{
    for (size_t i = 0; i < c->n; i++) snprintf(c->v[i].verdict, sizeof c->v[i].verdict, "ACROSS");
}

static int gate_judge(const cli_args *args, const run_files *base, const run_files *now, const thresholds *t,
                      const char *field)
{
    const gate_options *o = args->own;
    ir_comparisons      c = {0};
    char                text[256];
    bool                to_stdout = args->opt.output && !strcmp(args->opt.output, "-");
    if (baseline_judge(base, now, t, o->confidence, log1p(o->delta), &c) != IR_OK) return complain();
    int code = field ? EXIT_FINE : comparisons_exit(c.v, c.n, o->strict);
    if (field) unlabel(&c);
    ab_sort(c.v, c.n);
    ir_text out = text_on(to_stdout ? stderr : stdout, &args->opt);
    if (field) fprintf(out.f, "Unlike machines (%s differs): changes only, no verdict.\n", field);
    if (!args->opt.quiet) ab_print(&out, c.v, c.n, "runs");
    ab_sentence(c.v, c.n, text, sizeof text);
    fprintf(out.f, "%s; %zu runs against %zu\n", text, now->n, base->n);
    if (ab_file(args->opt.output, args->opt.force, args->argc, args->argv, "gate", c.v, c.n, NULL, 0) !=
        IR_OK)
        code = complain();
    ir_comparisons_free(&c);
    return code;
}

enum { LEAST_RUNS = 4 };

/* Fewer runs have no interval, whatever they say: one line. */
static bool too_few(const run_files *base, const run_files *now)
{
    if (base->n >= LEAST_RUNS && now->n >= LEAST_RUNS) return false;
    fprintf(stderr, "ironroof: %zu run%s against %zu: %d against %d are the least that decide anything\n",
            now->n, now->n == 1 ? "" : "s", base->n, LEAST_RUNS, LEAST_RUNS);
    return true;
}

static int gate_compare(const cli_args *args, const run_files *now)
{
    const gate_options *o = args->own;
    const char         *a, *b;
    run_files           base;
    if (runs_read(&o->baseline, 1, args->opt.quiet ? NULL : stderr, &base) != IR_OK) return complain();
    if (runs_apart(&base, args->opt.output) != IR_OK) return runs_free(&base), complain();
    const char *field = runs_differ(&base, now, &a, &b);
    thresholds  t;
    int         code;
    if (read_thresholds(o, &t) != IR_OK) {
        code = complain();
    } else if (field && !o->across) {
        ir_fail(IR_EINVAL, "%s and %s are not comparable: %s differs", a, b, field);
        complain();
        code = EXIT_INCOMPARABLE;
    } else if (!field && too_few(&base, now)) {
        code = EXIT_ENVIRONMENT;
    } else {
        code =
            ab_print_proof(stderr, o->proof) == IR_OK ? gate_judge(args, &base, now, &t, field) : complain();
    }
    thresholds_free(&t);
    runs_free(&base);
    return code;
}

static int update(const gate_options *o, const run_files *now)
{
    const char *a, *b, *field = runs_differ(now, now, &a, &b);
    if (field) {
        ir_fail(IR_EINVAL, "%s and %s make no baseline together: %s differs", a, b, field);
        return complain(), EXIT_INCOMPARABLE;
    }
    if (baseline_update(o->baseline, now) != IR_OK) return complain();
    printf("%s: %zu runs\n", o->baseline, now->n);
    return EXIT_FINE;
}

static ir_status not_output(const cli_args *args)
{
    const gate_options *o = args->own;
    return ir_input_not_output((const char *[]){o->baseline, o->thresholds, o->proof}, 3, args->opt.output);
}

int cmd_gate(const cli_args *args)
{
    const gate_options *o = args->own;
    run_files           now;
    if (!o->baseline) return ir_fail(IR_EINVAL, "gate needs --baseline FILE|DIR"), complain();
    if (!o->update && ab_file_check(args->opt.output, args->opt.force) != IR_OK) return complain();
    if (runs_read(args->arg, args->narg, args->opt.quiet ? NULL : stderr, &now) != IR_OK) return complain();
    int code = runs_apart(&now, args->opt.output) != IR_OK || not_output(args) != IR_OK ? complain()
               : o->update                                                              ? update(o, &now)
                           : gate_compare(args, &now);
    runs_free(&now);
    return code;
}

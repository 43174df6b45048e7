/* cmd_ab.c -- `ironroof ab A B [points]`: two builds, interleaved; a verdict per point and an exit code for a
 * pipeline. */
#include "bench/backends.h"
#include "bench/ab/print.h"
#include "bench/ab/processes.h"
#include "bench/commands/commands.h"
#include "harness/record/input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- how much would it take ------------------------------------------------------------------ */
static void ab_print_plan(const ir_text *t, const ir_comparison *v, size_t n, double conf, double delta,
                          double effect, double block_s)
{
    int width = (t->width > 0 ? t->width : 100) - 33;
    fprintf(t->f, "%-*s %8s %10s %10s\n", width, "point", "blocks", "minutes", "spread");
    for (size_t i = 0; i < n; i++) {
        double lo, hi, real;
        size_t need = ir_ab_plan(v[i].d, v[i].nd, conf, delta, log1p(effect));
        bool   known = ir_sign_interval(v[i].d, v[i].nd, conf, &lo, &hi, &real);
        bool   apart = (int)strlen(v[i].point) > width;
        if (apart) ab_wrapped(t, 0, v[i].point);
        fprintf(t->f, "%-*s ", width, apart ? "" : v[i].point);
        if (need && isfinite(block_s))
            fprintf(t->f, "%8zu %10.1f ", need, (double)need * block_s / 60);
        else if (need)
            fprintf(t->f, "%8zu %10s ", need, "-");
        else
            fprintf(t->f, "%8s %10s ", "-", "-");
        if (known)
            fprintf(t->f, "%9.1f%%\n", 100 * expm1(0.5 * (hi - lo)));
        else
            fprintf(t->f, "%10s\n", "-");
    }
    char text[240];
    snprintf(
        text, sizeof text,
        "blocks: to report a change of %.3g %% with 80 %% (threshold %.3g %%); more than %d are taken with "
        "--max-minutes; '-': not even %d blocks would",
        100 * effect, 100 * expm1(delta), IR_AB_USUAL_BLOCKS, TRIAL_MAX_BLOCKS);
    ab_wrapped(t, 0, text);
    ir_text_flush(t->f);
}

static int plan_from(const cli_args *args, const ab_options *own)
{
    ir_comparisons c;
    if (ir_comparisons_read(own->from, &c, NULL) != IR_OK) return complain();
    int code = EXIT_FINE;
    if (c.n == 0) code = (ir_fail(IR_EINVAL, "%s: no comparison in it", own->from), complain());
    ir_text t = text_on(stdout, &args->opt);
    if (c.n) ab_print_plan(&t, c.v, c.n, own->confidence, log1p(own->delta), own->plan, NAN);
    ir_comparisons_free(&c);
    return code;
}

/* ---- the comparison -------------------------------------------------------------------------- */
static int outcome(const cli_args *args, const ab_options *own, ab_job *j, ir_status st)
{
    ir_comparisons c;
    char           why[512], text[256];
    snprintf(why, sizeof why, "%s", ir_why());
    if (st != IR_OK && st != IR_EINTR) return j->incomparable ? (complain(), EXIT_INCOMPARABLE) : complain();
    if (ab_lines(&j->a.t, "ab", &c) != IR_OK) return complain();
    bool    plan = !isnan(own->plan), to_stdout = args->opt.output && !strcmp(args->opt.output, "-");
    ir_text t = text_on(to_stdout ? stderr : stdout, &args->opt);
    int     code = st == IR_EINTR ? EXIT_INTERRUPTED : trial_exit(&j->a.t, own->strict);
    if (st == IR_EINTR) fprintf(stderr, "ironroof: interrupted: nothing is decided\n");
    if (j->a.t.n == 0)
        fprintf(stderr, "ironroof: nothing was measured%s%s\n", *j->a.t.lost ? ": " : "", j->a.t.lost);
    if (plan && c.n) ab_print_plan(&t, c.v, c.n, own->confidence, log1p(own->delta), own->plan, j->a.block_s);
    if (!plan && c.n && !args->opt.quiet) ab_print(&t, c.v, c.n, "blocks"), programs_print(&j->programs, &t);
    ab_sentence(c.v, c.n, text, sizeof text);
    if (!plan && c.n) fprintf(t.f, "%s (seed %llu)\n", text, (unsigned long long)j->a.seed);
    if (j->a.out_of_time) fprintf(t.f, "ended early: --max-minutes\n");
    if (plan && code != EXIT_BAD && code != EXIT_INTERRUPTED) code = EXIT_FINE;
    if (ab_file(args->opt.output, args->opt.force, args->argc, args->argv, "ab", c.v, c.n, NULL, 0) != IR_OK)
        code = complain();
    ir_comparisons_free(&c);
    return code;
}

int cmd_ab(const cli_args *args)
{
    const ab_options *given = args->own;
    ab_options        own = *given;
    ab_job           *j = malloc(sizeof *j);
    if (!j) return ir_fail(IR_ENOMEM, "no memory"), complain();
    if (own.from) {
        free(j);
        return isnan(own.plan) ? (ir_fail(IR_EINVAL, "--from needs --plan"), complain())
                               : plan_from(args, &own);
    }
    if (!isnan(own.plan)) {
        if (!cli_given(args, "blocks")) own.blocks = IR_AB_MIN_BLOCKS;
        own.no_more = true;
    }
    if (args->narg < 2)
        return free(j), ir_fail(IR_EINVAL, "ab needs two commands: ironroof ab A B [POINT...]"), complain();
    if (ir_input_not_output((const char *[]){own.proof, args->arg[0], args->arg[1]}, 3, args->opt.output) !=
            IR_OK ||
        ab_file_check(args->opt.output, args->opt.force) != IR_OK)
        return free(j), complain();
    int waited = wait_idle(&args->opt);
    if (waited != EXIT_FINE) return free(j), waited;
    if (ab_job_open(j, bench_backends[0], args, &own, args->arg[0], args->arg[1], args->arg + 2,
                    args->narg - 2) != IR_OK)
        return free(j), complain();
    j->a.confirm = isnan(own.plan);
    /* What 'selftest aa' proves of kernels of ours says little of another program. */
    bool unasked = !isnan(own.plan) || (!own.proof && (own.time || own.gbench));
    int  code = unasked || ab_print_proof(stderr, own.proof) == IR_OK ? EXIT_FINE : complain();
    if (code == EXIT_FINE) code = outcome(args, &own, j, ab_job_run(j));
    ab_job_close(j);
    free(j);
    return code;
}

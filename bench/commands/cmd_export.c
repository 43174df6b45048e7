/* cmd_export.c -- `ironroof export FILE... --format NAME`. */
#include "bench/ab/print.h"
#include "bench/commands/commands.h"
#include "bench/commands/gate_options.h"
#include "bench/fleet/fleet.h"
#include "bench/gate/export.h"
#include "bench/gate/trace.h"
#include "bench/run/output.h"
#include "harness/record/input.h"
#include "harness/record/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const export_options export_own_defaults = {.format = -1};
const cli_option     export_own_options[] = {
        {"format", 'f', CLI_ENUM, NULL, "the format", .offset = offsetof(export_options, format),
         .choices = EXPORT_FORMATS},
        {"annotations", 0, CLI_FLAG, NULL,
         "also print GitHub annotations for what is red or wrong, at most 10 (with -o)",
         .offset = offsetof(export_options, annotations)},
        {0}};

/* Comparisons of all files, worst first; empty when none holds any. */
static ir_status comparisons(const char *const *file, size_t n, ir_comparisons *out)
{
    ir_status st = IR_OK;
    *out = (ir_comparisons){0};
    for (size_t i = 0; i < n && st == IR_OK; i++) {
        ir_comparisons one;
        struct stat    s;
        if (stat(file[i], &s) == 0 && (S_ISDIR(s.st_mode) || (S_ISREG(s.st_mode) && s.st_size == 0)))
            continue; /* of runs, or left empty by one: runs_read() speaks of it */
        st = ir_comparisons_read(file[i], &one, NULL);
        if (st != IR_OK) break;
        ir_comparison *v = realloc(out->v, (out->n + one.n + 1) * sizeof *v);
        if (!v) st = ir_fail(IR_ENOMEM, "no memory for %zu comparisons", out->n + one.n);
        if (v) {
            out->v = v;
            if (one.n) memcpy(v + out->n, one.v, one.n * sizeof *v);
            out->n += one.n;
            one.n = 0;
        }
        ir_comparisons_free(&one);
    }
    ab_sort(out->v, out->n);
    return st;
}

/* Is the one argument the folder of a fleet? It has a plan. */
static bool is_fleet(const cli_args *args)
{
    char        path[4200];
    struct stat s;
    if (args->narg != 1) return false;
    snprintf(path, sizeof path, "%s/plan.json", args->arg[0]);
    return stat(path, &s) == 0;
}

/* fleet NULL: what is in `in`. */
static ir_status export_all(FILE *f, export_format format, const export_input *in, const fleet_data *fleet)
{
    if (!fleet) return export_write(f, format, in);
    if (format != EXPORT_TRACE)
        return ir_fail(IR_EINVAL,
                       "the folder of a fleet is exported as trace; its verdicts are in fleet.json");
    fleet_trace(f, fleet);
    return ferror(f) ? ir_fail(IR_EIO, "the export could not be written") : IR_OK;
}

/* To a file it appears whole or not at all: a collector may read it at any time. */
static ir_status to_file(const cli_args *args, export_format format, const export_input *in,
                         const fleet_data *fleet)
{
    ir_writer *w = NULL;
    ir_status  st = runs_apart(in->runs, args->opt.output);
    if (st == IR_OK) st = ir_input_not_output(args->arg, args->narg, args->opt.output);
    if (st == IR_OK) st = output_apart(args->opt.output);
    if (st == IR_OK) st = ir_may_replace(args->opt.output, export_mark(format, in), args->opt.force);
    if (st == IR_OK) st = ir_writer_open(args->opt.output, &w);
    FILE *f = st == IR_OK ? ir_writer_stream(w) : NULL;
    if (st == IR_OK) st = f ? export_all(f, format, in, fleet) : IR_ENOMEM;
    if (st == IR_OK) return ir_writer_commit(&w);
    ir_writer_discard(&w);
    return st;
}

static ir_status to_stdout(export_format format, const export_input *in, const fleet_data *fleet)
{
    ir_status st = export_all(stdout, format, in, fleet);
    if (st == IR_OK && fflush(stdout) != 0) st = ir_fail(IR_EIO, "standard output: %s", strerror(errno));
    return st;
}

int cmd_export(const cli_args *args)
{
    const export_options *o = args->own;
    const char    *path = args->opt.output && strcmp(args->opt.output, "-") != 0 ? args->opt.output : NULL;
    ir_comparisons cmp = {0};
    run_files      runs = {0};
    if (o->format < 0) return ir_fail(IR_EINVAL, "export needs --format %s", EXPORT_FORMATS), complain();
    fleet_data fleet = {0};
    bool       of_fleet = is_fleet(args);
    ir_status  st = of_fleet ? fleet_read(args->arg[0], &fleet) : comparisons(args->arg, args->narg, &cmp);
    if (st == IR_OK && !of_fleet && cmp.n == 0)
        st = runs_read(args->arg, args->narg, args->opt.quiet ? NULL : stderr, &runs);
    export_input      in = {&runs, &cmp};
    export_format     format = (export_format)o->format;
    const fleet_data *of = of_fleet ? &fleet : NULL;
    if (st == IR_OK) st = path ? to_file(args, format, &in, of) : to_stdout(format, &in, of);
    if (st == IR_OK && o->annotations && !of_fleet) export_annotations(path ? stdout : stderr, &in);
    ir_comparisons_free(&cmp);
    runs_free(&runs);
    fleet_free(&fleet);
    return st == IR_OK ? EXIT_FINE : complain();
}

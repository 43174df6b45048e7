/* cmd_compare.c -- `ironroof compare`: two machines or more, from records or datasheets. */
#include "bench/commands/apps.h"
#include "bench/predict/side_by_side.h"
#include "harness/record/input.h"
#include "kernels/workloads/table.h"

#include <stdlib.h>

enum { MAX_POINTS = 64 };
const cli_option compare_own[] = {
    {"strict", 0, CLI_FLAG, NULL, "refuse unlike machines: exit 4, the field that differs is named",
     offsetof(compare_options, strict), .set = 0},
    {"across", 0, CLI_FLAG, NULL, "with --strict: compare unlike machines all the same, labelled",
     offsetof(compare_options, across), .set = 0},
    {"ceilings", 0, CLI_FLAG, NULL, "bandwidths, peaks, ridges and latencies side by side as well",
     offsetof(compare_options, ceilings), .set = 0},
    {0}};

static int unlike(const machine_views *s)
{
    for (size_t i = 1; i < s->n; i++) {
        const char *field = compare_differs(&s->v[0], &s->v[i]);
        if (!field) continue;
        fprintf(stderr,
                "ironroof: %s and %s are unlike machines: %s differs (--across compares them all the same)\n",
                s->v[0].name, s->v[i].name, field);
        return EXIT_INCOMPARABLE;
    }
    return EXIT_FINE;
}

int cmd_compare(const cli_args *args)
{
    const compare_options *own = args->own;
    machine_views         *s = calloc(1, sizeof *s);
    ir_journal            *j = NULL;
    ir_text                t = text_on(apps_screen(args), &args->opt);
    cli_point              point[MAX_POINTS];
    ir_status              st = s ? IR_OK : ir_fail(IR_ENOMEM, "no memory");
    int                    code = EXIT_FINE;
    for (size_t i = 0; i < args->narg && st == IR_OK; i++) st = machine_views_add_list(s, args->arg[i]);
    if (st == IR_OK && s->n < 2)
        st = ir_fail(IR_EINVAL, "compare needs two machines: records or names (ironroof list devices)");
    if (st == IR_OK && own->strict && !own->across) code = unlike(s);
    if (st == IR_OK && code == EXIT_FINE) {
        size_t n = compare_points(s, predict_workloads(ir_workloads), &args->opt.dtypes, point, MAX_POINTS);
        if (t.f) st = compare_print(&t, s, point, n, own->ceilings);
        if (st == IR_OK) st = ir_input_not_output(args->arg, args->narg, args->opt.output);
        if (st == IR_OK) st = apps_journal(args, false, &j);
        if (st == IR_OK && j) st = compare_lines(j, s, point, n);
    }
    if (st == IR_OK) st = apps_whole();
    if (st == IR_OK) st = ir_journal_close(&j);
    if (st != IR_OK) code = complain();
    ir_journal_discard(&j);
    if (s) machine_views_free(s);
    free(s);
    return code;
}

/* report_screen.c -- `ironroof report FILE... --screen|--detail`: on the terminal what the run itself ended
 * with.
 */
#include "bench/commands/apps.h"
#include "bench/run/screen.h"
#include "harness/record/text.h"

#include <stdlib.h>
#include <string.h>

const cli_option report_own[] = {
    {"screen", 0, CLI_FLAG, NULL, "print the last screen of the run instead of a page",
     offsetof(report_options, screen), .set = 0},
    {"detail", 0, CLI_FLAG, NULL, "print every table instead of a page: ceilings, points, law, verdicts",
     offsetof(report_options, detail), .set = 0},
    {0}};

static void print_tables(const ir_text *t, const ir_record *r, size_t at, const machine_view *v)
{
    ir_text_machine(t, &r->device[at], &r->device_env[at]);
    fputc('\n', t->f);
    ir_text_ceilings(t, &v->ceilings);
    size_t first = 0;
    while (first < v->npoint && v->point[first].id.for_ceiling) first++;
    fputc('\n', t->f);
    ir_text_points(t, v->point + first, v->npoint - first);
    fputc('\n', t->f);
    if (v->has_fit[0] && v->has_fit[1]) ir_text_fit(t, v->fit, v->better);
    fputc('\n', t->f);
    ir_text_roofline(t, &v->ceilings, v->point + first, v->npoint - first);
    for (size_t i = 0; i < r->nverdict; i++)
        if (!strcmp(r->verdict[i].device, r->device[at].id)) {
            fputc('\n', t->f);
            ir_text_para(t, "", "%s", r->verdict[i].answer);
        }
}

/* Views are made of the devices that have ceilings, in the order of the record. */
static size_t device_of(const ir_record *r, const machine_view *v)
{
    size_t at = 0;
    while (at + 1 < r->ndevice && strcmp(r->device[at].id, v->id) != 0) at++;
    return at;
}

static int print_record(const cli_args *args, const char *file)
{
    const report_options *own = args->own;
    machine_views        *s = calloc(1, sizeof *s);
    ir_text               t = text_on(stdout, &args->opt);
    ir_status             st = s ? machine_views_add_run(s, file) : ir_fail(IR_ENOMEM, "no memory");
    for (size_t i = 0; st == IR_OK && i < s->n; i++) {
        const ir_record *r = &s->record[0];
        size_t           at = device_of(r, &s->v[i]);
        screen_run       run = {.started = r->started,
                                .elapsed_s = screen_seconds(r->started, r->ended),
                                .file = file,
                                .compare = true};
        if (i) fputc('\n', t.f);
        if (own->detail) print_tables(&t, r, at, &s->v[i]);
        if (own->detail && own->screen) fputc('\n', t.f);
        if (own->screen) screen_of_record(&t, r, at, &s->v[i], &run);
    }
    if (s) machine_views_free(s);
    free(s);
    return st == IR_OK ? EXIT_FINE : complain();
}

int report_on_screen(const cli_args *args)
{
    int code = EXIT_FINE;
    for (size_t i = 0; i < args->narg && code == EXIT_FINE; i++) code = print_record(args, args->arg[i]);
    return code;
}

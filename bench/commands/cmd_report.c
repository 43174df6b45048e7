/* cmd_report.c -- `ironroof report FILE|DEVICE... -o X.html`. A datasheet goes onto the page as a record of
 * its own, which is written beside the page while that is made. */
#define _GNU_SOURCE
#include "bench/cli/version.h"
#include "bench/commands/apps.h"
#include "bench/devices/devices.h"
#include "bench/run/output.h"
#include "harness/record/html.h"
#include "harness/record/input.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    const char **file, **name; /* [n]; name NULL: a record's own */
    char       **made;         /* [n]; the file of a datasheet, owned; NULL: a record */
    size_t       n;
} page_sources;

static void info_of(const machine_view *v, ir_device_info *out)
{
    memset(out, 0, sizeof *out);
    snprintf(out->id, sizeof out->id, "%.63s", v->name);
    snprintf(out->name, sizeof out->name, "%.95s", v->title);
    snprintf(out->backend, sizeof out->backend, "datasheet");
    out->clock_Hz = out->llc_B = NAN;
    out->mem_B = v->capacity_B;
    out->spec_Bps = v->sheet->bandwidth_Bps;
    for (int t = 0; t < IR_NDTYPE; t++) out->spec_flops[t] = device_peak(v->sheet, (ir_dtype)t);
}

static ir_status write_sheet(const machine_view *v, const char *path)
{
    ir_device_info info;
    ir_env         env;
    ir_journal    *j = NULL;
    info_of(v, &info);
    ir_env_init(&env);
    ir_status st = ir_env_text(&env, "figures", v->sheet->provenance, false);
    if (st == IR_OK) st = ir_journal_open(path, false, &j);
    if (st == IR_OK) st = ir_journal_header(j, IR_VERSION, IR_COST_MODEL, 0, NULL);
    if (st == IR_OK) st = ir_journal_machine(j, &info, &env);
    for (size_t i = 0; i < v->ceilings.n && st == IR_OK; i++) st = ir_journal_ceiling(j, &v->ceilings.v[i]);
    ir_status closed = ir_journal_close(&j);
    ir_env_free(&env);
    return st != IR_OK ? st : closed;
}

static ir_status report_add_sheet(page_sources *s, const char *called)
{
    machine_views *views = calloc(1, sizeof *views);
    char          *path = strdup("/tmp/ironroof-sheet-XXXXXX");
    int            fd = path ? mkstemp(path) : -1;
    ir_status      st = views ? machine_views_add(views, called) : ir_fail(IR_ENOMEM, "no memory");
    if (st == IR_OK && fd < 0) st = ir_fail(IR_EIO, "%s: %s", path ? path : "/tmp", strerror(errno));
    if (fd >= 0) close(fd);
    if (st == IR_OK) st = write_sheet(&views->v[0], path);
    s->made[s->n] = path;
    s->file[s->n] = path;
    s->name[s->n++] = called;
    if (views) machine_views_free(views);
    free(views);
    return st;
}

/* A name is a datasheet first, then a file, as in compare. */
static ir_status add_source(page_sources *s, const char *arg)
{
    if (device_find(arg)) return report_add_sheet(s, arg);
    if (!ir_input_is_there(arg)) return IR_EINVAL; /* device_find() said what is near */
    s->file[s->n++] = arg;
    return IR_OK;
}

static const char *beside_what(const cli_args *args)
{
    struct stat st;
    for (size_t i = 0; i < args->narg; i++)
        if (stat(args->arg[i], &st) == 0 && !device_find(args->arg[i]))
            return S_ISREG(st.st_mode) ? args->arg[i] : "report"; /* <(...) is no place for a file */
    return strcmp(args->arg[0], "-") ? args->arg[0] : "report";
}

static void free_sources(page_sources *s)
{
    for (size_t i = 0; s->made && i < s->n; i++) {
        if (s->made[i]) remove(s->made[i]);
        free(s->made[i]);
    }
    free(s->made);
    free(s->name);
    free(s->file);
}

int cmd_report(const cli_args *args)
{
    const report_options *own = args->own;
    if (own->screen || own->detail) return report_on_screen(args);
    char         beside[4200];
    const char  *out = args->opt.output;
    page_sources s = {calloc(args->narg, sizeof *s.file), calloc(args->narg, sizeof *s.name),
                      calloc(args->narg, sizeof *s.made), 0};
    ir_status    st = s.file && s.name && s.made ? IR_OK : ir_fail(IR_ENOMEM, "no memory");
    if (!out) {
        if (output_sibling(beside_what(args), ".html", beside, sizeof beside) != IR_OK) st = IR_EINVAL;
        out = beside;
    }
    if (st == IR_OK) st = output_apart(out);
    for (size_t i = 0; i < args->narg && st == IR_OK; i++) st = add_source(&s, args->arg[i]);
    if (st == IR_OK) st = ir_html_named(s.file, s.name, s.n, false, args->opt.force, out);
    int code = st == IR_OK ? EXIT_FINE : complain();
    free_sources(&s);
    if (code == EXIT_FINE && !args->opt.quiet && strcmp(out, "-") != 0) printf("Report:  %s\n", out);
    return code;
}

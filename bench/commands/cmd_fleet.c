/* cmd_fleet.c -- `ironroof fleet judge|...`: a cluster's nodes held against each other. */
#define _GNU_SOURCE
#include "bench/commands/fleet.h"
#include "bench/commands/fleet_options.h"

#include <stdlib.h>
#include <string.h>

const fleet_options fleet_own_defaults = {.rounds = 3, .delta = 0.05, .alpha = 0.01, .timeout_s = 300};
#define OWN(field) .offset = offsetof(fleet_options, field)
const cli_option fleet_own_options[] = {
    {"baseline", 0, CLI_TEXT, "FILE",
     "fleet.json of an earlier sweep: what is usual for a fleet too small to know", OWN(baseline)},
    {0}};

static ir_status save_text(const fleet_result *r, const char *dir)
{
    char path[4200];
    char *text = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/fleet.txt", dir);
    FILE *f = open_memstream(&text, &n);
    if (!f) return ir_fail(IR_ENOMEM, "%s: no memory to write it", path);
    ir_text t = {.f = f, .width = 120};
    fleet_print(&t, r);
    ir_status st =
        fclose(f) == 0 ? ir_fleet_file(path, text, n) : ir_fail(IR_ENOMEM, "%s: no memory to write it", path);
    free(text);
    return st;
}

int fleet_judge_folder(FILE *f, const cli_options *o, const char *dir, const char *baseline, const char *json)
{
    char path[4200];
    fleet_data d;
    fleet_result r;
    ir_fleet_reference base = {0};
    ir_status st = baseline ? ir_fleet_reference_read(baseline, &base) : IR_OK;
    if (st == IR_OK) st = fleet_read(dir, &d);
    if (st != IR_OK) return ir_fleet_reference_free(&base), complain();
    st = fleet_judge(&d, baseline ? &base : NULL, &r);
    int code = EXIT_BAD;
    if (st == IR_OK) {
        ir_text t = text_on(f, o);
        if (!o->quiet)
            fleet_print(&t, &r);
        else
            fprintf(f, "%s\n", r.sentence);
        code = r.exit;
        snprintf(path, sizeof path, "%s/fleet.json", dir);
        st = fleet_write_json(&r, json ? json : path);
        snprintf(path, sizeof path, "%s/fleet.html", dir);
        if (st == IR_OK) st = fleet_write_page(&r, path);
        if (st == IR_OK) st = save_text(&r, dir);
        fleet_result_free(&r);
    }
    if (st != IR_OK) code = complain();
    fleet_free(&d);
    ir_fleet_reference_free(&base);
    return code;
}

static int judge(const cli_args *a)
{
    const fleet_options *own = a->own;
    if (a->narg != 2) return ir_fail(IR_EINVAL, "fleet judge takes one DIR"), complain();
    return fleet_judge_folder(stdout, &a->opt, a->arg[1], own->baseline, a->opt.output);
}

int cmd_fleet(const cli_args *a)
{
    static const char *const what[] = {"judge"};
    size_t at;
    if (cli_choose("fleet command", a->arg[0], what, 1, &at) != IR_OK) return complain();
    return judge(a);
}

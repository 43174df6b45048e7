/* apps.c -- what predict, compare and claims share: screen and file. */
#include "bench/commands/apps.h"
#include "bench/devices/devices.h"
#include "bench/run/output.h"
#include "bench/cli/version.h"
#include "harness/record/text.h"

#include <math.h>
#include <string.h>

FILE *apps_screen(const cli_args *a)
{
    if (a->opt.output && !strcmp(a->opt.output, "-")) return a->opt.quiet ? NULL : stderr;
    return a->opt.quiet && a->opt.output ? NULL : stdout;
}

ir_status apps_whole(void)
{
    return ir_memory_was_short() ? ir_fail(IR_ENOMEM, "out of memory: not every value could be computed")
                                 : IR_OK;
}

ir_status apps_journal(const cli_args *a, bool live, ir_journal **out)
{
    *out = NULL;
    if (!a->opt.output) return IR_OK;
    ir_status st = output_apart(a->opt.output);
    if (st == IR_OK) st = (live ? ir_journal_start : ir_journal_whole)(a->opt.output, a->opt.force, out);
    return st == IR_OK ? ir_journal_header(*out, IR_VERSION, IR_COST_MODEL, a->argc, (char **)a->argv) : st;
}

/* ---- list devices ---------------------------------------------------------------------------- */
static void aliases(const device_sheet *s, char *buf, size_t n)
{
    size_t m = 0;
    buf[0] = 0;
    for (int i = 0; i < DEVICE_MAX_ALIAS && s->alias[i] && m < n; i++)
        m += (size_t)snprintf(buf + m, n - m, "%s%s", i ? ", " : "", s->alias[i]);
}

static void apps_peaks(const device_sheet *s, char *buf, size_t n)
{
    size_t m = 0;
    char   v[IR_NUM];
    buf[0] = 0;
    for (int i = 0; i < DEVICE_MAX_PEAK && s->peak[i].name && m < n; i++)
        m += (size_t)snprintf(buf + m, n - m, "%s%s %s", i ? ", " : "", s->peak[i].name,
                              ir_text_scaled(s->peak[i].v, "", v, sizeof v));
}

void list_sheets(const ir_text *t)
{
    char text[256], bw[IR_NUM], cap[IR_NUM], tdp[IR_NUM];
    fprintf(t->f, "\nDatasheets (dense peaks in FLOP/s or OP/s; for predict and compare; a record's file is "
                  "a device too):\n");
    for (size_t i = 0; i < device_nsheet; i++) {
        const device_sheet *s = &device_sheets[i];
        fputc('\n', t->f);
        aliases(s, text, sizeof text);
        ir_text_para(t, "", "%s (%s): %s", s->name, s->kind, text);
        apps_peaks(s, text, sizeof text);
        ir_text_para(t, "  ", "%s, %s, %s; %s",
                     isfinite(s->bandwidth_Bps) ? ir_text_scaled(s->bandwidth_Bps, "B/s", bw, sizeof bw)
                                                : "bandwidth unknown",
                     isfinite(s->capacity_B) ? ir_text_scaled(s->capacity_B, "B", cap, sizeof cap)
                                             : "capacity unknown",
                     isfinite(s->tdp_W) ? ir_text_scaled(s->tdp_W, "W", tdp, sizeof tdp) : "power unknown",
                     text);
        ir_text_para(t, "  from: ", "%s", s->provenance);
        ir_text_para(t, "  note: ", "%s", s->notes);
    }
}

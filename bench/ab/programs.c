/* programs.c -- see programs.h. */
#include "bench/ab/programs.h"
#include "bench/ab/print.h"
#include "bench/run/output.h"
#include "harness/record/gbench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RUNS = 30 };
static const double      SLOT_S = 0.2;
static const char *const WALL = "wall time";

/* ---- one run --------------------------------------------------------------------------------- */
static ir_status programs_run(const ab_programs *j, char side, child_result *r)
{
    return child_run(j->side[side == 'B'].v, j->timeout_s, interrupt_install(), r);
}

static bool programs_silent(const ab_programs *j, const child_result *r)
{
    return !j->silent && r->n == 0 && !*r->err;
}

static const char silent_why[] = "it prints nothing: did it do anything? (--silent: that is fine)";

/* ---- the first, untimed ---------------------------------------------------------------------- */
/* Line of the first difference, from 1; 0: none. */
static size_t programs_differ(const child_result *a, const child_result *b)
{
    size_t line = 1, i = 0;
    for (; i < a->n && i < b->n && a->out[i] == b->out[i]; i++) line += a->out[i] == '\n';
    return i == a->n && i == b->n ? 0 : line;
}

static ir_status programs_fit(ab_programs *j, const child_result r[2])
{
    char text[480];
    for (int s = 0; s < 2; s++) {
        const char *failed = child_failure(&r[s], j->timeout_s, text, sizeof text);
        if (failed && r[s].code < 126 && r[0].code >= 0 && r[1].code >= 0 && r[0].code != r[1].code)
            return ir_fail(IR_ECHECK,
                           "A ends with exit code %d and B with %d: they do not do the same%s%.200s",
                           r[0].code, r[1].code, *r[s].err ? ": " : "", r[s].err);
        if (failed)
            return ir_fail(IR_ECHECK, "%c: %s%s", "AB"[s], failed,
                           r[s].code > 0 && r[s].code < 126 ? " (sh -c 'COMMAND || true' makes it end with 0)"
                                                            : "");
        if (programs_silent(j, &r[s])) return ir_fail(IR_ECHECK, "%c: %s", "AB"[s], silent_why);
    }
    size_t line = programs_differ(&r[0], &r[1]);
    if (line)
        snprintf(j->note, sizeof j->note,
                 "A and B print different things, first in line %zu: do they do the same?", line);
    return IR_OK;
}

ir_status programs_try(ab_programs *j)
{
    child_result r[2] = {{0}, {0}};
    ir_status    st = programs_run(j, 'A', &r[0]);
    if (st == IR_OK) st = programs_run(j, 'B', &r[1]);
    if (st == IR_OK) st = programs_fit(j, r);
    for (int s = 0; s < 2; s++) child_free(&r[s]);
    return st;
}

/* ---- timed ----------------------------------------------------------------------------------- */
static void programs_keep(ab_programs *p, char side, const double *cpu_s, size_t n, double peak_B)
{
    ir_stats  s;
    const int k = side == 'B';
    ir_stats_of(cpu_s, n, &s);
    if (p->n[k] < sizeof p->cpu_s[k] / sizeof *p->cpu_s[k]) p->cpu_s[k][p->n[k]++] = s.q25;
    if (peak_B > p->peak_B[k]) p->peak_B[k] = peak_B;
}

ir_status programs_time(ab_programs *j, ab *a, char side)
{
    double       wall[MOST_RUNS], cpu[MOST_RUNS], spent = 0, peak = 0;
    const double budget = isfinite(j->budget_s) ? j->budget_s : SLOT_S;
    size_t       n = 0;
    ir_stats     s;
    char         text[480];
    for (; n < MOST_RUNS && (n == 0 || spent + spent / (double)n <= budget); n++) {
        child_result r = {0};
        ir_status    st = programs_run(j, side, &r);
        if (st != IR_OK) return st;
        const char *failed = child_failure(&r, j->timeout_s, text, sizeof text);
        if (!failed && programs_silent(j, &r)) failed = silent_why;
        wall[n] = r.wall_s;
        cpu[n] = r.cpu_s;
        spent += r.wall_s;
        peak = fmax(peak, r.peak_B);
        child_free(&r);
        if (failed) return ir_fail(IR_ECHECK, "%s", failed);
    }
    programs_keep(j, side, cpu, n, peak);
    ir_stats_of(wall, n, &s);
    return ab_seen(a, side, WALL, s.q25, NULL);
}

void programs_print(const ab_programs *p, const ir_text *t)
{
    for (int s = 0; s < 2 && p->n[0] && p->n[1]; s++) {
        char cpu[32], peak[32];
        fprintf(t->f, "    %c: CPU time %s, at most %s of memory\n", "AB"[s],
                ir_text_scaled(ir_median(p->cpu_s[s], p->n[s]), "s", cpu, sizeof cpu),
                ir_text_scaled(p->peak_B[s], "B", peak, sizeof peak));
    }
    if (*p->note) ab_wrapped(t, 4, p->note);
}

/* ---- what others print ----------------------------------------------------------------------- */
ir_status programs_take_gbench(ab *a, char side, const child_result *r)
{
    char        why[IR_WHY + 40];
    ir_gbenches all;
    if (r->n == 0) return ir_fail(IR_ECHECK, "it printed nothing%s%.120s", *r->err ? ": " : "", r->err);
    ir_status st = ir_gbench_parse("its output", r->out, r->n, &all);
    if (st != IR_OK) return st == IR_SKIP || st == IR_ENOMEM ? st : ir_fail(IR_ECHECK, "%s", ir_why());
    for (size_t i = 0; i < all.n && st == IR_OK; i++) {
        const ir_gbench *b = &all.v[i];
        snprintf(why, sizeof why, "build %c: %s", side, b->why);
        st = ab_seen(a, side, b->name, b->time_s, *b->why ? why : NULL);
    }
    ir_gbenches_free(&all);
    return st;
}

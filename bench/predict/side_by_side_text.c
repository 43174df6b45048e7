/* side_by_side_text.c -- the comparison on a terminal. */
#include "bench/predict/side_by_side.h"
#include "harness/record/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CEILINGS = 48 };

static void machines(const ir_text *t, const machine_views *s)
{
    static const ir_col col[] = {{"machine", false, 0, 0},
                                 {"is", false, 20, 0},
                                 {"source", false, 0, 0},
                                 {"memory", true, 0, 1},
                                 {"against the first", false, 0, 0}};
    char                cap[IR_NUM], lead[80];
    ir_table            tb;
    ir_table_begin(&tb, t, col, 5);
    for (size_t i = 0; i < s->n; i++) {
        const machine_view *v = &s->v[i];
        const char         *field = i ? compare_differs(&s->v[0], v) : NULL;
        ir_table_cell(&tb, TXT_BOLD, "%s", v->name);
        ir_table_cell(&tb, TXT_PLAIN, "%s", v->title);
        ir_table_cell(&tb, TXT_PLAIN, "%s", ir_source_name(v->source));
        ir_table_cell(&tb, TXT_PLAIN, "%s", ir_text_scaled(v->capacity_B, "B", cap, sizeof cap));
        if (field)
            ir_table_cell(&tb, TXT_YELLOW, "unlike machines: %s",
                          strcmp(field, "datasheet") ? field : "not both measured");
        else
            ir_table_cell(&tb, TXT_PLAIN, "%s", i ? "comparable" : "");
    }
    ir_table_end(&tb);
    for (size_t i = 0; i < s->n; i++) {
        snprintf(lead, sizeof lead, "  %s: ", s->v[i].name);
        ir_text_past_quality(t, lead, s->v[i].quality);
    }
}

static const char *side_by_side_text_unit_of(const compare_ceiling *c)
{
    if (c->ridge) return "FLOP/B";
    return c->what == IR_C_BANDWIDTH ? "B/s" : c->what == IR_C_FLOPS ? ir_text_op_unit(c->dtype) : "s";
}

/* One column a machine behind the first; `head` are their names. */
static void columns_of(const machine_views *s, const char *first, ir_col col[1 + DEVICE_MAX_VIEWS])
{
    col[0] = (ir_col){first, false, 34, 0};
    for (size_t m = 0; m < s->n; m++) col[1 + m] = (ir_col){s->v[m].name, true, 0, 0};
}

/* "1.05 TFLOP/s 2.03x"; +-12 % where the interval is wide. */
static void ceiling_cell(ir_table *tb, const ir_text *t, const compare_ceiling *c, const compare_value *first,
                         const compare_value *x, bool is_first)
{
    char   v[IR_NUM], wide[IR_NUM], ratio[IR_NUM];
    double half = fmax(x->hi - x->v, x->v - x->lo) / x->v;
    if (!isfinite(x->v)) {
        ir_table_cell(tb, TXT_DIM, "-");
        return;
    }
    bool shown = half >= .1, compared = !is_first && isfinite(first->v);
    ir_table_cell(tb, TXT_PLAIN, "%s%s%s%s%s%s",
                  ir_text_scaled(x->v, side_by_side_text_unit_of(c), v, sizeof v), shown ? " " : "",
                  shown ? ir_text_spread(t, half, wide) : "", compared ? "  " : "",
                  compared ? ir_text_plain(x->v / first->v, ratio) : "", compared ? "x" : "");
}

static void ceilings(const ir_text *t, const machine_views *s)
{
    ir_col          col[1 + DEVICE_MAX_VIEWS];
    compare_ceiling c[MAX_CEILINGS];
    size_t          n = compare_ceilings(s, c, MAX_CEILINGS);
    char            name[64];
    ir_table        tb;
    columns_of(s, "ceiling", col);
    ir_table_begin(&tb, t, col, 1 + (int)s->n);
    for (size_t i = 0; i < n; i++) {
        compare_value first = compare_ceiling_of(&s->v[0], &c[i]);
        ir_table_cell(&tb, TXT_PLAIN, "%s", compare_ceiling_name(&c[i], name));
        for (size_t m = 0; m < s->n; m++) {
            compare_value x = compare_ceiling_of(&s->v[m], &c[i]);
            ceiling_cell(&tb, t, &c[i], &first, &x, m == 0);
        }
    }
    ir_table_end(&tb);
}

/* What explains the gap, in words: a share above 1 means that another term closes it again. */
static const char *gap_text(const compare_gap *g, char buf[IR_NUM])
{
    if (g->explains < 0) return "no gap";
    snprintf(buf, IR_NUM, g->share[g->explains] <= 1 ? "%s %.0f %%" : "%s", compare_term_name[g->explains],
             100 * g->share[g->explains]);
    return buf;
}

/* "~137 ms  271x compute 99 %": ~ stands for predicted. */
static void time_cell(ir_table *tb, const compare_time *first, const compare_time *x, bool is_first)
{
    char        T[IR_NUM], ratio[IR_NUM], why[IR_NUM];
    compare_gap g;
    if (!x->ok) {
        ir_table_cell(tb, TXT_DIM, "-");
        return;
    }
    ir_text_scaled(x->T_s, "s", T, sizeof T);
    if (is_first || !first->ok) {
        ir_table_cell(tb, TXT_BOLD, "%s%s", x->measured ? "" : "~", T);
        return;
    }
    compare_gap_of(first, x, &g);
    ir_table_cell(tb, TXT_BOLD, "%s%s  %sx %s", x->measured ? "" : "~", T, ir_text_plain(g.ratio, ratio),
                  gap_text(&g, why));
}

/* A machine that cannot do a point says why, once for the same reason. */
static void side_by_side_text_reasons(const ir_text *t, const machine_views *s, const cli_point *p, size_t n)
{
    char said[IR_WHY] = "", text[256];
    for (size_t m = 0; m < s->n; m++)
        for (size_t i = 0; i < n; i++) {
            compare_time x;
            compare_time_of(&s->v[m], p[i].workload, &p[i].p, &x);
            if (x.ok || !strcmp(said, x.why)) continue;
            snprintf(said, sizeof said, "%s", x.why);
            ir_text_para(t, "  ", "- %s on %s: %s", cli_point_text(p[i].workload, &p[i].p, text, sizeof text),
                         s->v[m].name, x.why);
        }
}

static ir_status side_by_side_text_times(const ir_text *t, const machine_views *s, const cli_point *p,
                                         size_t n)
{
    ir_col        col[1 + DEVICE_MAX_VIEWS];
    compare_time *x = calloc(s->n, sizeof *x);
    char          text[256];
    ir_table      tb;
    if (!x) return ir_fail(IR_ENOMEM, "no memory for %zu machines", s->n);
    columns_of(s, "time", col);
    ir_table_begin(&tb, t, col, 1 + (int)s->n);
    for (size_t i = 0; i < n; i++) {
        for (size_t m = 0; m < s->n; m++) compare_time_of(&s->v[m], p[i].workload, &p[i].p, &x[m]);
        ir_table_cell(&tb, TXT_PLAIN, "%s", cli_point_text(p[i].workload, &p[i].p, text, sizeof text));
        for (size_t m = 0; m < s->n; m++) time_cell(&tb, &x[0], &x[m], m == 0);
    }
    ir_table_end(&tb);
    free(x);
    side_by_side_text_reasons(t, s, p, n);
    return IR_OK;
}

ir_status compare_print(const ir_text *t, const machine_views *s, const cli_point *p, size_t n,
                        bool with_ceilings)
{
    machines(t, s);
    fputc('\n', t->f);
    ir_status st = side_by_side_text_times(t, s, p, n);
    ir_text_para(
        t, "  ",
        "~ predicted (a datasheet's is a floor), else measured; x: over the first machine; then the term "
        "that explains the gap and its share, without one where another term closes a part of the gap "
        "again.");
    compare_print_energy(t, s);
    if (with_ceilings) {
        fputc('\n', t->f);
        ceilings(t, s);
    } else {
        ir_text_para(t, "  ", "--ceilings: bandwidths, peaks, ridges and latencies side by side.");
    }
    return st;
}

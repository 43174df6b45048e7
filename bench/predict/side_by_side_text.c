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
    char                cap[IR_NUM];
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
}

static const char *side_by_side_text_unit_of(const compare_ceiling *c)
{
    if (c->ridge) return "FLOP/B";
    return c->what == IR_C_BANDWIDTH ? "B/s" : c->what == IR_C_FLOPS ? "FLOP/s" : "s";
}

static void ceilings(const ir_text *t, const machine_views *s)
{
    static const ir_col col[] = {{"ceiling", false, 0, 0}, {"machine", false, 0, 0},
                                 {"value", true, 0, 0},    {"95 % interval", false, 0, 2},
                                 {"ratio", true, 0, 0},    {"source", false, 0, 1}};
    compare_ceiling     c[MAX_CEILINGS];
    size_t              n = compare_ceilings(s, c, MAX_CEILINGS);
    char                name[64], v[IR_NUM], lo[IR_NUM], hi[IR_NUM];
    ir_table            tb;
    ir_table_begin(&tb, t, col, 6);
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < s->n; m++) {
            compare_value first = compare_ceiling_of(&s->v[0], &c[i]),
                          x = compare_ceiling_of(&s->v[m], &c[i]);
            if (!isfinite(x.v)) continue;
            ir_table_cell(&tb, TXT_PLAIN, "%s", compare_ceiling_name(&c[i], name));
            ir_table_cell(&tb, TXT_BOLD, "%s", s->v[m].name);
            ir_table_cell(&tb, TXT_PLAIN, "%s",
                          ir_text_scaled(x.v, side_by_side_text_unit_of(&c[i]), v, sizeof v));
            if (isfinite(x.lo) && isfinite(x.hi))
                ir_table_cell(&tb, TXT_PLAIN, "%s..%s",
                              ir_text_scaled(x.lo, side_by_side_text_unit_of(&c[i]), lo, sizeof lo),
                              ir_text_scaled(x.hi, side_by_side_text_unit_of(&c[i]), hi, sizeof hi));
            else
                ir_table_cell(&tb, TXT_PLAIN, "%s", "");
            ir_table_cell(&tb, TXT_PLAIN, "%s",
                          m && isfinite(first.v) ? ir_text_plain(x.v / first.v, v) : "");
            ir_table_cell(&tb, TXT_DIM, "%s", ir_source_name(x.source));
        }
    ir_table_end(&tb);
}

static void gap_cells(ir_table *tb, const compare_time *a, const compare_time *b)
{
    char        v[IR_NUM], lo[IR_NUM], hi[IR_NUM];
    compare_gap g;
    if (!a->ok) {
        for (int k = 0; k < 3 + P_NTERM; k++) ir_table_cell(tb, TXT_PLAIN, "%s", "");
        return;
    }
    compare_gap_of(a, b, &g);
    ir_table_cell(tb, TXT_BOLD, "%s", ir_text_plain(g.ratio, v));
    if (isfinite(g.lo) && isfinite(g.hi))
        ir_table_cell(tb, TXT_PLAIN, "%s..%s", ir_text_plain(g.lo, lo), ir_text_plain(g.hi, hi));
    else
        ir_table_cell(tb, TXT_PLAIN, "%s", "");
    for (int k = 0; k < P_NTERM; k++) ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_plain(g.term_ratio[k], v));
    if (g.explains < 0)
        ir_table_cell(tb, TXT_PLAIN, "no gap");
    else
        ir_table_cell(tb, TXT_PLAIN, "%s %s", compare_term_name[g.explains],
                      ir_text_percent(g.share[g.explains], v));
}

static void time_row(ir_table *tb, const machine_view *v, const compare_time *first, const compare_time *x,
                     bool is_first)
{
    char T[IR_NUM], lo[IR_NUM], hi[IR_NUM], law[IR_NUM], off[IR_NUM];
    ir_table_cell(tb, TXT_BOLD, "  %s", v->name);
    if (!x->ok) {
        ir_table_cell(tb, TXT_DIM, "no");
        ir_table_cell(tb, TXT_DIM, "%s", x->why);
        for (int k = 0; k < 8; k++) ir_table_cell(tb, TXT_PLAIN, "%s", "");
        return;
    }
    ir_table_cell(tb, TXT_PLAIN, "%s", x->measured ? "measured" : "predicted");
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_scaled(x->T_s, "s", T, sizeof T));
    if (isfinite(x->lo) && isfinite(x->hi))
        ir_table_cell(tb, TXT_PLAIN, "%s..%s", ir_text_scaled(x->lo, "s", lo, sizeof lo),
                      ir_text_scaled(x->hi, "s", hi, sizeof hi));
    else
        ir_table_cell(tb, TXT_PLAIN, "%s", "");
    double T_law = x->q.T_s[x->q.form];
    if (x->measured)
        ir_table_cell(tb, TXT_PLAIN, "%s (%+.0f %%)", ir_text_scaled(T_law, "s", law, sizeof law),
                      100 * (T_law / x->T_s - 1));
    else
        ir_table_cell(tb, TXT_PLAIN, "eta %s%s", ir_text_plain(x->q.eta, off),
                      x->q.eta_how == PREDICT_ASSUMED ? " assumed" : "");
    if (!is_first)
        gap_cells(tb, first, x);
    else
        for (int k = 0; k < 3 + P_NTERM; k++) ir_table_cell(tb, TXT_PLAIN, "%s", "");
}

static ir_status side_by_side_text_times(const ir_text *t, const machine_views *s, const cli_point *p,
                                         size_t n)
{
    static const ir_col col[] = {{"time", false, 0, 0},
                                 {"kind", false, 0, 0},
                                 {"T", true, 0, 0},
                                 {"95 % interval", false, 0, 3},
                                 {"law", false, 0, 2},
                                 {"ratio", true, 0, 0},
                                 {"interval", false, 0, 4},
                                 {"data", true, 0, 1},
                                 {"comp", true, 0, 1},
                                 {"lat", true, 0, 1},
                                 {"gap explained by", false, 0, 0}};
    compare_time       *x = calloc(s->n, sizeof *x);
    char                text[256];
    ir_table            tb;
    if (!x) return ir_fail(IR_ENOMEM, "no memory for %zu machines", s->n);
    ir_table_begin(&tb, t, col, 11);
    for (size_t i = 0; i < n; i++) {
        ir_table_span(&tb, TXT_BOLD, "%s", cli_point_text(p[i].workload, &p[i].p, text, sizeof text));
        for (size_t m = 0; m < s->n; m++) compare_time_of(&s->v[m], p[i].workload, &p[i].p, &x[m]);
        for (size_t m = 0; m < s->n; m++) time_row(&tb, &s->v[m], &x[0], &x[m], m == 0);
    }
    ir_table_end(&tb);
    free(x);
    return IR_OK;
}

ir_status compare_print(const ir_text *t, const machine_views *s, const cli_point *p, size_t n)
{
    machines(t, s);
    fputc('\n', t->f);
    ceilings(t, s);
    fputc('\n', t->f);
    ir_status st = side_by_side_text_times(t, s, p, n);
    ir_text_para(
        t, "",
        "Ratios are over the first machine. data, comp, lat: ratio of the law's terms. The gap is split by "
        "(t_b - t_a)/(T_b - T_a); 'unexplained' is what a measured time has beyond its terms.");
    return st;
}

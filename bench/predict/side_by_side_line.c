/* side_by_side_line.c -- the comparison as lines of a record: {"record":"comparison",...}. Readers of records
 * pass over them. */
#include "bench/predict/side_by_side.h"
#include "harness/record/journal.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_CEILINGS = 48 };

static ir_json *side_by_side_line_begin(ir_journal *j, const machine_views *s, size_t m, const char *quantity)
{
    ir_json *o = ir_line_begin(j, "comparison");
    if (!o) return NULL;
    ir_json_key_text(o, "quantity", quantity);
    ir_json_key_text(o, "machine", s->v[m].name);
    ir_json_key_text(o, "against", s->v[0].name);
    ir_json_key_text(o, "unlike", m ? compare_differs(&s->v[0], &s->v[m]) : NULL);
    return o;
}

static ir_status side_by_side_line_ceiling(ir_journal *j, const machine_views *s, const compare_ceiling *c,
                                           size_t m)
{
    char          name[64];
    compare_value a = compare_ceiling_of(&s->v[0], c), x = compare_ceiling_of(&s->v[m], c);
    if (!isfinite(x.v)) return IR_OK;
    ir_json *o = side_by_side_line_begin(j, s, m, compare_ceiling_name(c, name));
    if (!o) return ir_line_end(j);
    ir_json_key_num(o, "value", x.v);
    ir_json_key_num(o, "lo", x.lo);
    ir_json_key_num(o, "hi", x.hi);
    ir_json_key_text(o, "source", ir_source_name(x.source));
    ir_json_key_num(o, "ratio", x.v / a.v);
    return ir_line_end(j);
}

static void side_by_side_line_terms(ir_json *o, const char *key, const double v[COMPARE_NTERM], int n)
{
    ir_json_key(o, key);
    ir_json_open(o, '{');
    for (int k = 0; k < n; k++) ir_json_key_num(o, compare_term_name[k], v[k]);
    ir_json_close(o, '}');
}

static ir_status time_line(ir_journal *j, const machine_views *s, const cli_point *p, const compare_time *x,
                           size_t m)
{
    char        point[256];
    compare_gap g;
    ir_json    *o = side_by_side_line_begin(j, s, m, "time");
    if (!o) return ir_line_end(j);
    ir_json_key_text(o, "point", cli_point_text(p->workload, &p->p, point, sizeof point));
    ir_json_key_text(o, "source", !x[m].ok ? NULL : x[m].measured ? "measured" : "predicted");
    ir_json_key_text(o, "why", x[m].why);
    ir_json_key_num(o, "value", x[m].T_s);
    ir_json_key_num(o, "lo", x[m].lo);
    ir_json_key_num(o, "hi", x[m].hi);
    if (x[m].ok) {
        ir_json_key_num(o, "predicted_s", x[m].q.T_s[x[m].q.form]);
        ir_json_key_num(o, "predicted_lo", x[m].q.T_lo[x[m].q.form]);
        ir_json_key_num(o, "predicted_hi", x[m].q.T_hi[x[m].q.form]);
        side_by_side_line_terms(o, "terms_s", x[m].term_s, COMPARE_NTERM);
        ir_json_key_text(o, "bound", ir_bound_name(x[m].q.bound));
    }
    if (m && x[0].ok && x[m].ok) {
        compare_gap_of(&x[0], &x[m], &g);
        ir_json_key_num(o, "ratio", g.ratio);
        ir_json_key_num(o, "ratio_lo", g.lo);
        ir_json_key_num(o, "ratio_hi", g.hi);
        side_by_side_line_terms(o, "term_ratio", g.term_ratio, P_NTERM);
        side_by_side_line_terms(o, "gap_share", g.share, COMPARE_NTERM);
        ir_json_key_text(o, "explained_by", g.explains < 0 ? NULL : compare_term_name[g.explains]);
    }
    return ir_line_end(j);
}

ir_status compare_lines(ir_journal *j, const machine_views *s, const cli_point *p, size_t n)
{
    compare_ceiling c[MAX_CEILINGS];
    size_t          nc = compare_ceilings(s, c, MAX_CEILINGS);
    ir_status       st = IR_OK;
    compare_time   *x = calloc(s->n, sizeof *x);
    if (!x) return ir_fail(IR_ENOMEM, "no memory for %zu machines", s->n);
    for (size_t i = 0; i < nc; i++)
        for (size_t m = 0; m < s->n && st == IR_OK; m++) st = side_by_side_line_ceiling(j, s, &c[i], m);
    for (size_t i = 0; i < n; i++) {
        for (size_t m = 0; m < s->n; m++) compare_time_of(&s->v[m], p[i].workload, &p[i].p, &x[m]);
        for (size_t m = 0; m < s->n && st == IR_OK; m++) st = time_line(j, s, &p[i], x, m);
    }
    free(x);
    return st == IR_OK ? compare_energy_lines(j, s) : st;
}

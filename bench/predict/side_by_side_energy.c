/* side_by_side_energy.c -- joules of machines side by side. Whose joules they are and by which source belongs
 * to what makes them comparable: a package's and a card's are two quantities, and so have no ratio. */
#include "bench/predict/side_by_side.h"
#include "harness/record/journal.h"
#include "harness/record/text.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *unit;
    size_t      off;
} quantities[] = {{"energy of a byte", "J/B", offsetof(ir_energy_fit, move_JpB)},
                  {"energy of a FLOP", "J/FLOP", offsetof(ir_energy_fit, comp_JpF)},
                  {"power besides", "W", offsetof(ir_energy_fit, base_W)}};
enum { NQUANTITY = sizeof quantities / sizeof *quantities };

const char *compare_energy_differs(const machine_view *a, const machine_view *b)
{
    if (!a->energy || !b->energy) return "no joules";
    if (strcmp(a->energy->scope, b->energy->scope) != 0) return "energy scope";
    return strcmp(a->energy->source, b->energy->source) ? "energy source" : NULL;
}

static const ir_joule *energy_of(const machine_view *v, int k)
{
    const ir_joule *j =
        v->energy ? (const ir_joule *)(const void *)((const char *)v->energy + quantities[k].off) : NULL;
    return j && j->known ? j : NULL;
}

static void energy_cell(ir_table *tb, const machine_views *s, size_t m, int k)
{
    const ir_joule *first = energy_of(&s->v[0], k), *x = energy_of(&s->v[m], k);
    char            v[IR_NUM], ratio[IR_NUM];
    bool            compared = x && first && m > 0;
    if (!x) {
        ir_table_cell(tb, TXT_DIM, "-");
        return;
    }
    ir_text_scaled(x->v, quantities[k].unit, v, sizeof v);
    if (!compared)
        ir_table_cell(tb, TXT_PLAIN, "%s", v);
    else if (compare_energy_differs(&s->v[0], &s->v[m]))
        ir_table_cell(tb, TXT_YELLOW, "%s  unlike", v);
    else
        ir_table_cell(tb, TXT_PLAIN, "%s  %sx", v, ir_text_plain(x->v / first->v, ratio));
}

static bool any_energy(const machine_views *s)
{
    for (size_t m = 0; m < s->n; m++)
        if (s->v[m].energy) return true;
    return false;
}

void compare_print_energy(const ir_text *t, const machine_views *s)
{
    ir_col   col[1 + DEVICE_MAX_VIEWS] = {{"energy", false, 34, 0}};
    ir_table tb;
    if (!any_energy(s)) return;
    for (size_t m = 0; m < s->n; m++) col[1 + m] = (ir_col){s->v[m].name, true, 0, 0};
    fputc('\n', t->f);
    ir_table_begin(&tb, t, col, 1 + (int)s->n);
    ir_table_cell(&tb, TXT_PLAIN, "whose, by what");
    for (size_t m = 0; m < s->n; m++) {
        const ir_energy_fit *e = s->v[m].energy;
        ir_table_cell(&tb, TXT_PLAIN, "%s%s%s", e ? e->scope : "-", e ? ", " : "", e ? e->source : "");
    }
    for (int k = 0; k < NQUANTITY; k++) {
        ir_table_cell(&tb, TXT_PLAIN, "%s", quantities[k].name);
        for (size_t m = 0; m < s->n; m++) energy_cell(&tb, s, m, k);
    }
    ir_table_end(&tb);
}

static ir_status energy_line(ir_journal *j, const machine_views *s, size_t m, int k)
{
    const ir_joule *first = energy_of(&s->v[0], k), *x = energy_of(&s->v[m], k);
    const char     *unlike = m ? compare_energy_differs(&s->v[0], &s->v[m]) : NULL;
    if (!x) return IR_OK;
    ir_json *o = ir_line_begin(j, "comparison");
    if (!o) return ir_line_end(j);
    ir_json_key_text(o, "quantity", quantities[k].name);
    ir_json_key_text(o, "machine", s->v[m].name);
    ir_json_key_text(o, "against", s->v[0].name);
    ir_json_key_text(o, "unlike", unlike);
    ir_json_key_num(o, "value", x->v);
    ir_json_key_num(o, "lo", x->lo);
    ir_json_key_num(o, "hi", x->hi);
    ir_json_key_text(o, "source", s->v[m].energy->source);
    ir_json_key_num(o, "ratio", first && !unlike ? x->v / first->v : NAN);
    return ir_line_end(j);
}

ir_status compare_energy_lines(ir_journal *j, const machine_views *s)
{
    ir_status st = IR_OK;
    for (int k = 0; k < NQUANTITY; k++)
        for (size_t m = 0; m < s->n && st == IR_OK; m++) st = energy_line(j, s, m, k);
    return st;
}

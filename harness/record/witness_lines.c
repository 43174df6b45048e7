/* witness_lines.c -- what was witnessed: energy and counts of a point, the fit of joules, windows of minutes;
 * written and read. */
#include "harness/record/journal.h"
#include "harness/record/fields.h"

#include <string.h>

static void witness_parts(ir_json *o, const ir_energy *e)
{
    ir_json_key(o, "domains_J"); /* over the stretch, not of a call */
    ir_json_open(o, '{');
    for (int i = 0; i < IR_ENERGY_PARTS && e->part[i].name[0]; i++)
        ir_json_key_num(o, e->part[i].name, e->part[i].J);
    ir_json_close(o, '}');
}

void ir_journal_witness(ir_json *o, const ir_point *p)
{
    if (*p->m.energy.source || *p->m.energy.why) {
        ir_json_key(o, "energy");
        ir_json_open(o, '{');
        ir_rec_write(o, ir_rec_energy, p);
        ir_json_key_num(o, "above_idle_J", ir_energy_above_idle(&p->m.energy));
        witness_parts(o, &p->m.energy);
        ir_json_close(o, '}');
    }
    if (*p->m.counts.source || *p->m.counts.why) {
        ir_json_key(o, "counters");
        ir_json_open(o, '{');
        ir_rec_write(o, ir_rec_counts, p);
        ir_json_close(o, '}');
    }
}

ir_status ir_journal_energy_fit(ir_journal *j, const ir_energy_fit *f)
{
    ir_json *o = ir_line_begin(j, "energy-fit");
    if (o) ir_rec_write(o, ir_rec_energy_fit, f);
    return ir_line_end(j);
}

static void witness_windows(ir_json *o, const ir_series *s, const char *name, size_t off)
{
    ir_json_key(o, name);
    ir_json_open(o, '[');
    for (size_t i = 0; i < s->n; i++) {
        double v;
        memcpy(&v, (const char *)&s->w[i] + off, sizeof v);
        ir_json_num(o, v);
    }
    ir_json_close(o, ']');
}

ir_status ir_journal_series(ir_journal *j, const ir_series *s)
{
    static const struct {
        const char *name;
        size_t      off;
    } column[] = {{"t_s", offsetof(ir_window, t_s)},
                  {"call_s", offsetof(ir_window, call_s)},
                  {"clock_Hz", offsetof(ir_window, clock_Hz)},
                  {"temp_C", offsetof(ir_window, temp_C)},
                  {"power_W", offsetof(ir_window, power_W)},
                  {"read_share", offsetof(ir_window, read_share)},
                  {"quota_s", offsetof(ir_window, quota_s)},
                  {"steal_s", offsetof(ir_window, steal_s)},
                  {"throttles", offsetof(ir_window, throttle_n)}};
    ir_json *o = ir_line_begin(j, "series");
    if (!o) return ir_line_end(j);
    ir_rec_write(o, ir_rec_series, s);
    for (size_t i = 0; i < sizeof column / sizeof *column; i++)
        witness_windows(o, s, column[i].name, column[i].off);
    return ir_line_end(j);
}

#ifdef IR_HAVE_JANSSON
#include "harness/record/read.h"

static ir_status witness_domains(ir_reader *r, const json_t *energy, ir_energy *e)
{
    const json_t *all;
    const char   *name;
    json_t       *v;
    int           n = 0;
    ir_status     s = ir_read_object(r, energy, "domains_J", &all);
    if (s != IR_OK || !all) return s;
    json_object_foreach((json_t *)(uintptr_t)all, name, v)
    {
        if (n == IR_ENERGY_PARTS) break;
        snprintf(e->part[n].name, sizeof e->part[n].name, "%.31s", name);
        if (json_is_number(v)) e->part[n].J = json_number_value(v);
        n++;
    }
    return IR_OK;
}

ir_status ir_read_witness(ir_reader *r, const json_t *o, ir_point *p)
{
    const json_t *energy, *counts;
    ir_status     s = ir_read_object(r, o, "energy", &energy);
    if (s == IR_OK) s = ir_read_object(r, o, "counters", &counts);
    if (s == IR_OK && energy) {
        ir_read_enter(r, "energy");
        s = ir_rec_read(r, ir_rec_energy, energy, p);
        if (s == IR_OK) s = witness_domains(r, energy, &p->m.energy);
        ir_read_leave(r);
    }
    if (s == IR_OK && counts) {
        ir_read_enter(r, "counters");
        s = ir_rec_read(r, ir_rec_counts, counts, p);
        ir_read_leave(r);
    }
    return s;
}

ir_status ir_read_energy_fit(ir_reader *r, const json_t *o)
{
    ir_record *out = r->out;
    return ir_read_element(r, ir_rec_energy_fit, o, &out->energy_fit, &out->nenergy_fit,
                           sizeof *out->energy_fit);
}

ir_status ir_read_series(ir_reader *r, const json_t *o)
{
    ir_record *out = r->out;
    return ir_read_element(r, ir_rec_series, o, &out->series, &out->nseries, sizeof *out->series);
}
#endif

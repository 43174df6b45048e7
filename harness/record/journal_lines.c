/* journal_lines.c -- one function per kind of line: header, machine, ceiling, fit, verdict. */
#define _GNU_SOURCE
#include "harness/record/journal.h"

#include <math.h>
#include <string.h>
#include <time.h>

const char *ir_utc_now(char buf[IR_UTC])
{
    struct tm tm;
    time_t    now = time(NULL);
    buf[0] = 0;
    if (gmtime_r(&now, &tm)) strftime(buf, IR_UTC, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return buf;
}

ir_status ir_journal_header(ir_journal *j, const char *version, const char *cost_model, int argc, char **argv)
{
    char now[IR_UTC];
    return ir_journal_header_times(j, version, cost_model, argc, argv, ir_utc_now(now), NULL);
}

ir_status ir_journal_header_times(ir_journal *j, const char *version, const char *cost_model, int argc,
                                  char **argv, const char *started, const char *ended)
{
    ir_json *o = ir_line_begin(j, "header");
    if (!o) return ir_line_end(j);
    ir_json_key(o, "schema");
    ir_json_int(o, IR_SCHEMA);
    ir_json_key_text(o, "tool", "ironroof");
    ir_json_key_text(o, "version", version);
    ir_json_key_text(o, "cost_model", cost_model);
    ir_json_key(o, "argv");
    ir_json_open(o, '[');
    for (int i = 0; i < argc; i++) ir_json_str(o, argv[i]);
    ir_json_close(o, ']');
    ir_json_key_text(o, "started", started);
    if (ended) ir_json_key_text(o, "ended", ended);
    return ir_line_end(j);
}

/* ---- machine --------------------------------------------------------------------------------- */
static void write_env(ir_json *o, const ir_env *e)
{
    ir_json_key(o, "env");
    ir_json_open(o, '{');
    for (size_t i = 0; i < e->n; i++) {
        ir_json_key(o, e->v[i].key);
        if (e->v[i].is_num)
            ir_json_num(o, e->v[i].num);
        else
            ir_json_text(o, e->v[i].text);
    }
    ir_json_close(o, '}');
}

static bool is_compared(const ir_kv *v) { return v->compare; }
static bool is_unknown_number(const ir_kv *v) { return v->is_num && !isfinite(v->num); }

static void write_keys(ir_json *o, const char *name, const ir_env *e, bool (*wanted)(const ir_kv *))
{
    ir_json_key(o, name);
    ir_json_open(o, '[');
    for (size_t i = 0; i < e->n; i++)
        if (wanted(&e->v[i])) ir_json_str(o, e->v[i].key);
    ir_json_close(o, ']');
}

ir_status ir_journal_machine(ir_journal *j, const ir_device_info *d, const ir_env *e)
{
    char     key[17];
    ir_json *o = ir_line_begin(j, "machine");
    if (!o) return ir_line_end(j);
    ir_rec_write(o, ir_rec_device, d);
    write_env(o, e);
    write_keys(o, "compared", e, is_compared);
    write_keys(o, "unknown_numbers", e, is_unknown_number); /* a null does not say what it would have been */
    ir_env_key(e, key);
    ir_json_key_text(o, "comparability_key", key);
    return ir_line_end(j);
}

/* ---- ceilings -------------------------------------------------------------------------------- */
static const char *journal_lines_unit_of(const ir_ceiling *c)
{
    if (c->what == IR_C_LATENCY && !strcmp(c->op, "mlp")) return "lines"; /* in flight */
    switch (c->what) {
    case IR_C_BANDWIDTH: return "B/s";
    case IR_C_FLOPS: return "flop/s";
    case IR_C_LATENCY:
    case IR_C_LAUNCH: return "s";
    case IR_C_CLOCK: return "Hz";
    case IR_C_OVERLAP: return "1";
    default: return NULL;
    }
}

ir_status ir_journal_ceiling(ir_journal *j, const ir_ceiling *c)
{
    ir_json *o = ir_line_begin(j, "ceiling");
    if (!o) return ir_line_end(j);
    ir_rec_write(o, ir_rec_ceiling, c);
    ir_json_key_text(o, "unit", journal_lines_unit_of(c));
    ir_json_key(o, "certificates");
    ir_json_open(o, '[');
    for (int i = 0; i < c->nsat && i < IR_MAX_SATURATION; i++) {
        ir_json_open(o, '{');
        ir_rec_write(o, ir_rec_saturation, &c->sat[i]);
        ir_json_close(o, '}');
    }
    ir_json_close(o, ']');
    return ir_line_end(j);
}

ir_status ir_journal_levels(ir_journal *j, const char *device, const double level_B[IR_NLEVEL],
                            const double level_threads[IR_NLEVEL])
{
    ir_status s = IR_OK;
    for (int i = 0; i < IR_NLEVEL && s == IR_OK; i++) {
        if (!isfinite(level_B[i])) continue;
        ir_json *o = ir_line_begin(j, "ceiling");
        if (!o) return ir_line_end(j);
        ir_json_key_text(o, "device", device);
        ir_json_key_text(o, "what", "capacity");
        ir_json_key_text(o, "level", ir_level_names[i]);
        ir_json_key_num(o, "value", level_B[i]);
        if (i < IR_DRAM && level_threads[i] > 0) ir_json_key_num(o, "threads", level_threads[i]);
        ir_json_key_text(o, "unit", "B");
        ir_json_key_text(o, "source", "measured");
        s = ir_line_end(j);
    }
    return s;
}

/* ---- fit, verdict ---------------------------------------------------------------------------- */
ir_status ir_journal_fit(ir_journal *j, const ir_fit *f)
{
    ir_json *o = ir_line_begin(j, "fit");
    if (!o) return ir_line_end(j);
    ir_rec_write(o, ir_rec_fit, f);
    ir_json_key(o, "draws");
    ir_json_open(o, '[');
    for (int i = 0; i < f->ndraw && i < IR_FIT_DRAWS; i++) {
        ir_json_open(o, '[');
        for (int k = 0; k < 3; k++) ir_json_num(o, f->draw[i][k]);
        ir_json_close(o, ']');
    }
    ir_json_close(o, ']');
    return ir_line_end(j);
}

ir_status ir_journal_verdict(ir_journal *j, const ir_verdict *v)
{
    ir_json *o = ir_line_begin(j, "verdict");
    if (!o) return ir_line_end(j);
    ir_rec_write(o, ir_rec_verdict, v);
    ir_json_key(o, "evidence");
    ir_json_open(o, '[');
    for (const char *s = v->evidence; *s;) {
        size_t n = strcspn(s, ";");
        ir_json_strn(o, s, n);
        s += n;
        if (*s == ';' && !*++s) ir_json_str(o, "");
    }
    ir_json_close(o, ']');
    return ir_line_end(j);
}

ir_status ir_journal_quality(ir_journal *j, const ir_quality *q)
{
    ir_json *o = ir_line_begin(j, "quality");
    if (!o) return ir_line_end(j);
    ir_rec_write(o, ir_rec_quality, q);
    ir_json_key(o, "causes");
    ir_json_open(o, '[');
    for (int i = 0; i < q->ncause && i < IR_MAX_CAUSES; i++) {
        ir_json_open(o, '{');
        ir_rec_write(o, ir_rec_cause, &q->cause[i]);
        ir_json_close(o, '}');
    }
    ir_json_close(o, ']');
    return ir_line_end(j);
}

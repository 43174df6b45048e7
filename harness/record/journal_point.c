/* journal_point.c -- a point as one line: identity, measurement with every raw sample, judgement. Rates and
 * shares that follow from other fields are written for readers of the file; our reader ignores them. */
#include "harness/record/journal.h"

#include <math.h>

static void write_params(ir_json *o, const ir_point *p)
{
    ir_json_key(o, "params");
    ir_json_open(o, '{');
    for (int i = 0; i < p->id.np && i < IR_MAX_PARAMS; i++) {
        ir_json_key(o, p->id.pname[i]);
        ir_json_int(o, p->id.p.v[i]);
    }
    ir_json_close(o, '}');
    bool words = false;
    for (int i = 0; i < p->id.np && i < IR_MAX_PARAMS; i++) words |= p->id.pword[i][0] != 0;
    if (!words) return;
    ir_json_key(o, "param_words"); /* of the parameters that are an index into words */
    ir_json_open(o, '{');
    for (int i = 0; i < p->id.np && i < IR_MAX_PARAMS; i++) {
        if (!p->id.pword[i][0]) continue;
        ir_json_key(o, p->id.pname[i]);
        ir_json_str(o, p->id.pword[i]);
    }
    ir_json_close(o, '}');
}

static void write_identity(ir_json *o, const ir_point *p)
{
    char id[3 * IR_NAME + 4], key[IR_ID];
    snprintf(id, sizeof id, "%s/%s/%s", p->id.backend, p->id.workload, p->id.kernel);
    ir_json_key(o, "id");
    ir_json_str(o, id);
    ir_json_key(o, "key");
    ir_json_str(o, ir_point_key(p, key));
    ir_rec_write(o, ir_rec_point_id, p);
    write_params(o, p);
    if (p->id.p.node > 0) ir_json_key_num(o, "node", p->id.p.node - 1); /* else where its threads put it */
    ir_json_key(o, "status");
    ir_json_str(o, ir_rec_status(p->status));
    ir_json_key(o, "error");
    ir_json_str(o, ir_rec_error(p->status));
    ir_json_key(o, "why");
    ir_json_text(o, *p->chosen && !*p->reason ? p->chosen : p->reason); /* one field of the file for both */
}

static void write_stats(ir_json *o, const char *key, const ir_stats *s)
{
    ir_json_key(o, key);
    if (s->n == 0) {
        ir_json_null(o);
        return;
    }
    ir_json_open(o, '{');
    ir_rec_write(o, ir_rec_stats, s);
    ir_json_close(o, '}');
}

/* What differs from the rule (reps as the point's, no device clock, not throttled) gets arrays of its own. */
static void write_samples(ir_json *o, const ir_point *p)
{
    const ir_samples *s = &p->m.samples;
    bool              odd_reps = false, dev = false;
    ir_json_key(o, "samples_s");
    ir_json_open(o, '[');
    for (size_t i = 0; i < s->n; i++) {
        ir_json_num(o, s->v[i].wall_s);
        odd_reps |= s->v[i].reps != p->m.reps;
        dev |= isfinite(s->v[i].dev_s);
    }
    ir_json_close(o, ']');
    if (dev) {
        ir_json_key(o, "dev_samples_s");
        ir_json_open(o, '[');
        for (size_t i = 0; i < s->n; i++) ir_json_num(o, s->v[i].dev_s);
        ir_json_close(o, ']');
    }
    if (odd_reps) {
        ir_json_key(o, "samples_reps");
        ir_json_open(o, '[');
        for (size_t i = 0; i < s->n; i++) ir_json_int(o, s->v[i].reps);
        ir_json_close(o, ']');
    }
    ir_json_key(o, "throttled_samples");
    ir_json_open(o, '[');
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].throttled) ir_json_int(o, (int64_t)i);
    ir_json_close(o, ']');
}

static void write_rates(ir_json *o, const ir_point *p)
{
    double bytes = ir_cost_B(&p->m.cost), T = ir_point_time(p);
    ir_json_key_num(o, "bytes", bytes);
    ir_json_key(o, "bytes_model");
    ir_json_str(o, "compulsory");
    ir_json_key_num(o, "intensity", bytes > 0 ? p->m.cost.flops / bytes : NAN);
    ir_json_key_num(o, "flops_per_s", p->m.cost.flops / T);
    ir_json_key_num(o, "bytes_per_s", bytes / T);
    const char *unit;
    double      items = ir_point_items(p, &unit);
    ir_json_key_num(o, "items", items);
    ir_json_key_text(o, "item_unit", unit);
    ir_json_key_num(o, "items_per_s", items / T);
    ir_json_key_num(o, "residual", p->law.T_law_s / T - 1); /* of the law against the measured time */
}

static void journal_point_write_check(ir_json *o, const ir_check *c)
{
    ir_json_key(o, "check");
    ir_json_open(o, '{');
    ir_json_key_num(o, "err", c->err);
    ir_json_key_num(o, "tol", c->tol);
    ir_json_key(o, "oracle");
    ir_json_text(o, c->oracle);
    ir_json_close(o, '}');
}

ir_status ir_journal_point(ir_journal *j, const ir_point *p)
{
    ir_json    *o = ir_line_begin(j, "point");
    ir_rec_cost cost;
    if (!o) return ir_line_end(j);
    write_identity(o, p);
    write_stats(o, "time_s", &p->m.wall);
    write_stats(o, "dev_time_s", &p->m.dev);
    ir_json_key(o, "n");
    ir_json_int(o, (int64_t)p->m.wall.n);
    ir_rec_write(o, ir_rec_point_run, p);
    ir_rec_cost_of(&p->m.cost, &cost);
    ir_rec_write(o, ir_rec_point_cost, &cost);
    ir_rec_write(o, ir_rec_point_state, p);
    ir_journal_witness(o, p);
    write_rates(o, p);
    journal_point_write_check(o, &p->m.check);
    ir_rec_write(o, ir_rec_point_law, p);
    write_samples(o, p);
    return ir_line_end(j);
}

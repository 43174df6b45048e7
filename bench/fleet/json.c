/* json.c -- a judged fleet as fleet.json: what `fleet check` compares with, and what other programs read.
 * Nothing in it depends on when or in which order it was made. */
#include "bench/fleet/fleet_internal.h"
#include "bench/fleet/outliers.h"
#include "harness/record/json_out.h"
#include "harness/record/writer.h"

#include <math.h>
#include <string.h>

static void put_count(ir_json *o, const char *key, size_t v)
{
    ir_json_key(o, key);
    ir_json_int(o, (int64_t)v);
}

static void put_counts(ir_json *o, const fleet_result *r)
{
    ir_json_key(o, "counts");
    ir_json_open(o, '{');
    for (int v = 0; v < FLEET_NVERDICT; v++) put_count(o, fleet_verdict_name((fleet_verdict)v), r->count[v]);
    ir_json_close(o, '}');
}

static void json_put_series(ir_json *o, const fleet_result *r, size_t s, size_t g)
{
    const ir_fleet_series *f = &r->series[s].group[g];
    bool                   rate = !strcmp(r->series[s].point, FLEET_NET_BW);
    ir_json_open(o, '{');
    ir_json_key_text(o, "point", r->series[s].point);
    ir_json_key_text(o, "key", r->group[g].key);
    put_count(o, "n", f->n);
    ir_json_key_num(o, "time_s",
                    exp(-f->centre)); /* of the bandwidth: seconds per byte; of the tail: a ratio */
    if (rate) ir_json_key_num(o, "bytes_per_s", exp(f->centre));
    ir_json_key_num(o, "spread", f->spread);
    ir_json_key_num(o, "nu", f->nu);
    ir_json_key_num(o, "own", r->series[s].own[g]);
    ir_json_key_num(o, "detectable", f->detectable);
    ir_json_key_num(o, "of_baseline", exp(r->series[s].base));
    ir_json_key(o, "split");
    ir_json_bool(o, f->split);
    ir_json_key_text(o, "split_by", r->series[s].split_by);
    ir_json_key(o, "terms_s");
    ir_json_open(o, '[');
    for (int t = 0; t < 3; t++)
        ir_json_num(o, fleet_is_point(&r->series[s]) ? r->series[s].term_s[g][t] : NAN);
    ir_json_close(o, ']');
    ir_json_close(o, '}');
}

static void put_outlier(ir_json *o, const fleet_result *r, const fleet_outlier *x)
{
    const fleet_finding *f = &r->node[x->node];
    bool                 slow = f->verdict == FLEET_SLOW;
    ir_json_open(o, '{');
    ir_json_key_text(o, "node", r->data->v[x->node].name);
    ir_json_key_text(o, "verdict", fleet_verdict_name(f->verdict));
    ir_json_key_text(o, "term", f->word);
    ir_json_key_text(o, "point", f->series >= 0 ? r->series[f->series].point : NULL);
    ir_json_key_num(o, "effect", f->series >= 0 ? expm1(f->e) : NAN);
    ir_json_key_num(o, "lo", slow ? f->lo : NAN);
    ir_json_key_num(o, "hi", slow ? f->hi : NAN);
    ir_json_key_text(o, "why", f->why);
    ir_json_key_text(o, "likely", x->fact);
    ir_json_close(o, '}');
}

/* Ping-pong of the first pair, half a round trip by size. */
static void put_ladder(ir_json *o, const fleet_data *d)
{
    ir_json_key(o, "pingpong");
    ir_json_open(o, '[');
    for (size_t k = 0; k < d->pairs.n; k++) {
        const ir_fleet_pair *p = &d->pairs.v[k];
        if (strcmp(p->what, "pingpong")) continue;
        ir_json_open(o, '{');
        ir_json_key_num(o, "size_B", p->size_B);
        ir_json_key_num(o, "time_s", p->value);
        ir_json_close(o, '}');
    }
    ir_json_close(o, ']');
}

static void put_steps(ir_json *o, const fleet_result *r)
{
    ir_json_key(o, "steps");
    ir_json_open(o, '[');
    for (size_t k = 0; k < r->data->pairs.nstep; k++) {
        const ir_fleet_step *s = &r->data->pairs.step[k];
        ir_json_open(o, '{');
        ir_json_key_text(o, "point", s->point);
        ir_json_key_num(o, "nodes", s->nodes);
        ir_json_key_num(o, "size_B", s->size_B);
        ir_json_key_num(o, "sums", s->sums);
        ir_json_key_num(o, "compute_s", s->compute_s);
        ir_json_key_num(o, "step_s", s->step_s);
        ir_json_key_num(o, "law_s", fleet_step_law_s(r, s));
        ir_json_close(o, '}');
    }
    ir_json_close(o, ']');
}

static void put_network(ir_json *o, const fleet_result *r)
{
    ir_json_key(o, "network");
    ir_json_open(o, '{');
    ir_json_key_num(o, "BW_net", r->BW_net);
    ir_json_key_num(o, "L_net", r->L_net);
    ir_json_key_num(o, "contention", r->contention);
    ir_json_key(o, "allreduce");
    if (isfinite(r->law.BW_net)) {
        ir_json_open(o, '{');
        ir_json_key_num(o, "BW_net", r->law.BW_net);
        ir_json_key_num(o, "L_net", r->law.L_net);
        ir_json_key_num(o, "err_median", r->law_err);
        ir_json_close(o, '}');
    } else {
        ir_json_null(o);
    }
    put_ladder(o, r->data);
    put_steps(o, r);
    ir_json_key(o, "links");
    ir_json_open(o, '[');
    for (size_t k = 0; k < r->nlink; k++) {
        ir_json_open(o, '{');
        ir_json_key_text(o, "a", r->link[k].a);
        ir_json_key_text(o, "b", r->link[k].b);
        ir_json_key_num(o, "effect", expm1(r->link[k].e));
        ir_json_key(o, "confirmed");
        ir_json_bool(o, r->link[k].confirmed);
        ir_json_close(o, '}');
    }
    ir_json_close(o, ']');
    ir_json_close(o, '}');
}

ir_status fleet_write_json(const fleet_result *r, const char *path)
{
    ir_json o = {0};
    size_t  most = 0;
    for (size_t g = 1; g < r->ngroup; g++)
        if (r->group[g].n > r->group[most].n) most = g;
    ir_json_open(&o, '{');
    ir_json_key_text(&o, "record", "fleet");
    ir_json_key_num(&o, "schema", IR_SCHEMA);
    ir_json_key_text(&o, "run", r->data->plan.run);
    ir_json_key_text(&o, "version", r->data->plan.version);
    ir_json_key_text(&o, "sentence", r->sentence);
    put_count(&o, "exit", (size_t)r->exit);
    ir_json_key_num(&o, "delta", r->rule.delta);
    ir_json_key_num(&o, "alpha", r->rule.alpha);
    ir_json_key_text(&o, "key", r->ngroup ? r->group[most].key : NULL);
    put_count(&o, "nodes", r->data->n);
    put_counts(&o, r);
    ir_json_key(&o, "args");
    ir_json_open(&o, '[');
    for (size_t i = 0; i < r->data->plan.narg; i++) ir_json_str(&o, r->data->plan.arg[i]);
    ir_json_close(&o, ']');
    ir_json_key(&o, "series"); /* of the largest group first: `fleet check` takes the first of a point */
    ir_json_open(&o, '[');
    for (size_t k = 0; k < r->ngroup; k++)
        for (size_t s = 0; s < r->nseries; s++)
            json_put_series(&o, r, s, k == 0 ? most : k <= most ? k - 1 : k);
    ir_json_close(&o, ']');
    ir_json_key(&o, "outliers");
    ir_json_open(&o, '[');
    for (size_t k = 0; k < r->noutlier; k++) put_outlier(&o, r, &r->outlier[k]);
    ir_json_close(&o, ']');
    put_network(&o, r);
    ir_json_close(&o, '}');
    ir_json_newline(&o);
    ir_status st = o.failed ? ir_fail(IR_ENOMEM, "%s: no memory to write it", path) : IR_OK;
    if (st == IR_OK && !strcmp(path, "-"))
        fwrite(o.buf, 1, o.n, stdout); /* which is checked at the end */
    else if (st == IR_OK)
        st = ir_file_write(path, o.buf, o.n);
    ir_json_free(&o);
    return st;
}

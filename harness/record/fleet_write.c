/* fleet_write.c -- a fleet's files, written. */
#define _GNU_SOURCE
#include "harness/record/fleet_lines.h"
#include "harness/record/json_out.h"
#include "harness/record/writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool ir_fleet_is_name(const char *s)
{
    static const char may[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@+%-";
    return *s && *s != '-' && strcmp(s, ".") && strcmp(s, "..") && !s[strspn(s, may)];
}

/* The line, ended by NUL; the caller owns it. */
static ir_status fleet_write_finish(ir_json *o, char **out)
{
    ir_json_close(o, '}');
    ir_json_newline(o);
    bool ok = ir_json_raw(o, "", 1) && !o->failed;
    *out = ok ? o->buf : NULL;
    if (ok) return IR_OK;
    ir_json_free(o);
    return ir_fail(IR_ENOMEM, "no memory to write a fleet's file");
}

static ir_status fleet_write_file(const char *path, ir_status st, char *text)
{
    if (st != IR_OK) return ir_fail(st, "%s: %s", path, ir_why());
    st = ir_file_write_measured(path, text, strlen(text));
    free(text);
    return st;
}

static void fleet_write_begin(ir_json *o, const char *kind)
{
    *o = (ir_json){0};
    ir_json_open(o, '{');
    ir_json_key_text(o, "record", kind);
    ir_json_key_num(o, "schema", IR_SCHEMA);
}

ir_status ir_fleet_plan_write(const char *path, const ir_fleet_plan *p)
{
    char     *text = NULL;
    ir_status st = ir_fleet_plan_text(p, &text);
    return fleet_write_file(path, st, text);
}

ir_status ir_fleet_plan_text(const ir_fleet_plan *p, char **out)
{
    ir_json o;
    fleet_write_begin(&o, "fleet-plan");
    ir_json_key_text(&o, "run", p->run);
    ir_json_key_text(&o, "version", p->version);
    ir_json_key_num(&o, "delta", p->delta);
    ir_json_key_num(&o, "alpha", p->alpha);
    ir_json_key_num(&o, "tau0", p->tau0);
    ir_json_key_num(&o, "timeout_s", p->timeout_s);
    ir_json_key(&o, "rounds");
    ir_json_open(&o, '[');
    for (int i = 0; i < 2; i++) ir_json_int(&o, p->rounds[i]);
    ir_json_close(&o, ']');
    ir_json_key(&o, "args");
    ir_json_open(&o, '[');
    for (size_t i = 0; i < p->narg; i++) ir_json_str(&o, p->arg[i]);
    ir_json_close(&o, ']');
    ir_json_key(&o, "nodes");
    ir_json_open(&o, '[');
    for (size_t i = 0; i < p->nnode; i++) ir_json_str(&o, p->node[i]);
    ir_json_close(&o, ']');
    return fleet_write_finish(&o, out);
}

static void fleet_write_numbers(ir_json *o, const char *key, const double *v, size_t n)
{
    ir_json_key(o, key);
    ir_json_open(o, '[');
    for (size_t i = 0; i < n; i++) ir_json_num(o, v[i]);
    ir_json_close(o, ']');
}

ir_status ir_fleet_node_write(const char *path, const ir_fleet_node *d)
{
    char     *text = NULL;
    ir_status st = ir_fleet_node_text(d, &text);
    return fleet_write_file(path, st, text);
}

ir_status ir_fleet_node_text(const ir_fleet_node *d, char **out)
{
    ir_json o;
    fleet_write_begin(&o, "fleet-node");
    ir_json_key_text(&o, "run", d->run);
    ir_json_key_text(&o, "node", d->node);
    ir_json_key_text(&o, "host", d->host);
    ir_json_key_text(&o, "version", d->version);
    ir_json_key_num(&o, "look", d->look);
    ir_json_key_text(&o, "status", d->status);
    ir_json_key_text(&o, "at", d->at);
    ir_json_key_text(&o, "why", d->why);
    ir_json_key_num(&o, "wall_s", d->wall_s);
    ir_json_key_text(&o, "key", d->key);
    fleet_write_numbers(&o, "tail", d->tail, (size_t)d->ntail);
    ir_json_key(&o, "points");
    ir_json_open(&o, '[');
    for (size_t i = 0; i < d->npoint; i++) {
        ir_json_open(&o, '{');
        ir_json_key_text(&o, "point", d->point[i].point);
        fleet_write_numbers(&o, "time_s", d->point[i].time_s, (size_t)d->point[i].n);
        fleet_write_numbers(&o, "terms_s", d->point[i].term_s, 3);
        ir_json_close(&o, '}');
    }
    ir_json_close(&o, ']');
    ir_json_key(&o, "facts");
    ir_json_open(&o, '{');
    for (size_t i = 0; i < d->nfact; i++) ir_json_key_text(&o, d->fact[i].key, d->fact[i].value);
    ir_json_close(&o, '}');
    return fleet_write_finish(&o, out);
}

/* ---- building one ---------------------------------------------------------------------------- */
ir_status ir_fleet_node_point(ir_fleet_node *d, const char *key, ir_fleet_point **out)
{
    for (size_t i = 0; i < d->npoint; i++)
        if (!strcmp(d->point[i].point, key)) return *out = &d->point[i], IR_OK;
    if (d->npoint == IR_FLEET_POINTS)
        return ir_fail(IR_EINVAL, "%s: more than %d points", d->node, IR_FLEET_POINTS);
    ir_fleet_point *v = realloc(d->point, (d->npoint + 1) * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu points", d->npoint + 1);
    d->point = v;
    v += d->npoint++;
    *v = (ir_fleet_point){.term_s = {NAN, NAN, NAN}};
    snprintf(v->point, sizeof v->point, "%s", key);
    for (int r = 0; r < IR_FLEET_ROUNDS; r++) v->time_s[r] = NAN;
    *out = v;
    return IR_OK;
}

ir_status ir_fleet_node_fact(ir_fleet_node *d, const char *key, const char *value)
{
    ir_fleet_fact *v = realloc(d->fact, (d->nfact + 1) * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu facts", d->nfact + 1);
    d->fact = v;
    v[d->nfact] = (ir_fleet_fact){strdup(key), strdup(value)};
    d->nfact++;
    return v[d->nfact - 1].key && v[d->nfact - 1].value ? IR_OK : ir_fail(IR_ENOMEM, "no memory for a fact");
}

void ir_fleet_node_free(ir_fleet_node *d)
{
    for (size_t i = 0; i < d->nfact; i++) {
        free(d->fact[i].key);
        free(d->fact[i].value);
    }
    free(d->fact);
    free(d->point);
    d->fact = NULL;
    d->point = NULL;
    d->nfact = d->npoint = 0;
}

static void free_texts(char **v, size_t n)
{
    for (size_t i = 0; i < n; i++) free(v[i]);
    free(v);
}

void ir_fleet_plan_free(ir_fleet_plan *p)
{
    free_texts(p->arg, p->narg);
    free(p->node);
    *p = (ir_fleet_plan){0};
}

void ir_fleet_pairs_free(ir_fleet_pairs *p)
{
    free(p->v);
    free(p->silent);
    free(p->step);
    *p = (ir_fleet_pairs){0};
}

void ir_fleet_reference_free(ir_fleet_reference *r)
{
    free_texts(r->arg, r->narg);
    free(r->v);
    *r = (ir_fleet_reference){0};
}

/* fleet_read.c -- a fleet's files, read. Whatever lies in such a folder is read as data: a file that is
 * empty, cut off or garbage is refused with its name, the field and what is allowed. */
#define _GNU_SOURCE
#include "harness/record/fleet_lines.h"
#include "harness/record/input.h"
#include "harness/screen.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef IR_HAVE_JANSSON
#include "harness/record/json_in.h"

static double fleet_read_number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void fleet_read_text(const json_t *o, const char *key, char *to, size_t size)
{
    const char *s = json_string_value(json_object_get(o, key));
    snprintf(to, size, "%s", s ? s : "");
    ir_screen_line(to);
}

/* The whole stream, which it closes, as one object of this kind. IR_ENOMEM is not the file's fault. */
static ir_status fleet_read_stream(FILE *f, const char *path, const char *kind, json_t **out)
{
    json_error_t e;
    bool         nomem = false;
    json_t      *o = *out = NULL;
    ir_status    st = IR_OK;
    int          first = fgetc(f);
    if (first != EOF) {
        ungetc(first, f);
        o = ir_json_load_file(f, JSON_REJECT_DUPLICATES, &e, &nomem);
    }
    fclose(f);
    if (first == EOF) return ir_fail(IR_EINVAL, "%s: the file is empty", path);
    if (nomem) return ir_fail(IR_ENOMEM, "%s: no memory to read it", path);
    if (!o) return ir_fail(IR_EINVAL, "%s:%d: no JSON: %.80s", path, e.line, e.text);
    const char *have = json_string_value(json_object_get(o, "record"));
    if (!have || strcmp(have, kind))
        st = ir_fail(IR_EINVAL, "%s: record: '%s' expected, it is '%.40s'", path, kind,
                     have ? have : "missing");
    else if (fleet_read_number(o, "schema") != IR_SCHEMA)
        st = ir_fail(IR_EINVAL, "%s: schema: this program reads schema %d", path, IR_SCHEMA);
    if (st == IR_OK)
        *out = o;
    else
        json_decref(o);
    return st;
}

static ir_status fleet_read_load(const char *path, const char *kind, json_t **out)
{
    FILE     *f = NULL;
    ir_status st = ir_input_open(path, &f);
    return st == IR_OK ? fleet_read_stream(f, path, kind, out) : st;
}

static ir_status fleet_read_texts(const char *path, const json_t *o, const char *key, char ***out, size_t *n)
{
    const json_t *a = json_object_get(o, key);
    *n = 0;
    *out = calloc(json_array_size(a) + 1, sizeof **out);
    if (!*out) return ir_fail(IR_ENOMEM, "%s: no memory", path);
    for (size_t i = 0; i < json_array_size(a); i++) {
        const char *s = json_string_value(json_array_get(a, i));
        if (!s) return ir_fail(IR_EINVAL, "%s: %s: texts expected", path, key);
        (*out)[*n] = strdup(s);
        if (!(*out)[(*n)++]) return ir_fail(IR_ENOMEM, "%s: no memory", path);
    }
    return IR_OK;
}

/* ---- plan ------------------------------------------------------------------------------------ */
static ir_status plan_nodes(const char *path, const json_t *o, ir_fleet_plan *p)
{
    const json_t *a = json_object_get(o, "nodes");
    p->node = calloc(json_array_size(a) + 1, sizeof *p->node);
    if (!p->node) return ir_fail(IR_ENOMEM, "%s: no memory for its nodes", path);
    for (size_t i = 0; i < json_array_size(a); i++) {
        const char *s = json_string_value(json_array_get(a, i));
        if (!s || strlen(s) >= IR_FLEET_NAME || !ir_fleet_is_name(s))
            return ir_fail(IR_EINVAL, "%s: nodes[%zu]: a node's name expected", path, i);
        snprintf(p->node[p->nnode++], IR_FLEET_NAME, "%s", s);
    }
    return json_is_array(a) ? IR_OK : ir_fail(IR_EINVAL, "%s: nodes: a list of names expected", path);
}

/* Takes o. */
static ir_status plan_take(const char *path, json_t *o, ir_fleet_plan *p)
{
    ir_status st;
    fleet_read_text(o, "run", p->run, sizeof p->run);
    fleet_read_text(o, "version", p->version, sizeof p->version);
    p->delta = fleet_read_number(o, "delta");
    p->alpha = fleet_read_number(o, "alpha");
    p->tau0 = fleet_read_number(o, "tau0");
    p->timeout_s = fleet_read_number(o, "timeout_s");
    for (int i = 0; i < 2; i++) {
        const json_t *v = json_array_get(json_object_get(o, "rounds"), (size_t)i);
        const double  n = json_is_number(v) ? json_number_value(v) : 0;
        p->rounds[i] = n >= 1 && n <= IR_FLEET_ROUNDS ? (int)n : 0;
    }
    st = plan_nodes(path, o, p);
    if (st == IR_OK) st = fleet_read_texts(path, o, "args", &p->arg, &p->narg);
    bool fine =
        p->delta > 0 && p->delta < 1 && p->alpha > 0 && p->alpha < 1 && p->tau0 >= 0 && p->timeout_s > 0;
    if (st == IR_OK && !fine)
        st = ir_fail(IR_EINVAL, "%s: delta, alpha, tau0, timeout_s: shares and seconds above 0 expected",
                     path);
    for (int i = 0; i < 2 && st == IR_OK; i++)
        if (p->rounds[i] < 1 || p->rounds[i] > IR_FLEET_ROUNDS)
            st = ir_fail(IR_EINVAL, "%s: rounds: two numbers of 1 to %d expected", path, IR_FLEET_ROUNDS);
    json_decref(o);
    if (st != IR_OK) ir_fleet_plan_free(p);
    return st;
}

ir_status ir_fleet_plan_read(const char *path, ir_fleet_plan *p)
{
    json_t *o;
    *p = (ir_fleet_plan){0};
    ir_status st = fleet_read_load(path, "fleet-plan", &o);
    return st == IR_OK ? plan_take(path, o, p) : st;
}

ir_status ir_fleet_plan_parse(const char *name, char *text, size_t n, ir_fleet_plan *p)
{
    json_t *o;
    *p = (ir_fleet_plan){0};
    if (n == 0) return ir_fail(IR_EINVAL, "%s: the file is empty", name);
    FILE *f = fmemopen(text, n, "r");
    if (!f) return ir_fail(IR_ENOMEM, "%s: no memory to read it", name);
    ir_status st = fleet_read_stream(f, name, "fleet-plan", &o);
    return st == IR_OK ? plan_take(name, o, p) : st;
}

/* ---- digest ---------------------------------------------------------------------------------- */
static ir_status read_points(const char *path, const json_t *a, ir_fleet_node *d)
{
    for (size_t i = 0; i < json_array_size(a); i++) {
        const json_t *o = json_array_get(a, i), *t = json_object_get(o, "time_s"),
                     *terms = json_object_get(o, "terms_s");
        const char     *key = json_string_value(json_object_get(o, "point"));
        ir_fleet_point *p;
        if (!key || !*key || !json_is_array(t) || json_array_size(t) > IR_FLEET_ROUNDS)
            return ir_fail(IR_EINVAL, "%s: points[%zu]: point and time_s of at most %d rounds expected", path,
                           i, IR_FLEET_ROUNDS);
        size_t    before = d->npoint;
        ir_status st = ir_fleet_node_point(d, key, &p);
        if (st != IR_OK) return st;
        if (d->npoint == before)
            return ir_fail(IR_EINVAL, "%s: points[%zu]: %.80s is there twice", path, i, key);
        p->n = (int)json_array_size(t);
        for (int k = 0; k < p->n; k++) {
            double v = json_number_value(json_array_get(t, (size_t)k));
            p->time_s[k] = v > 0 ? v : NAN;
        }
        for (size_t k = 0; k < 3; k++) {
            const json_t *v = json_array_get(terms, k);
            p->term_s[k] = json_is_number(v) ? json_number_value(v) : NAN;
        }
    }
    return IR_OK;
}

static ir_status read_tail(const char *path, const json_t *a, ir_fleet_node *d)
{
    if (json_array_size(a) > IR_FLEET_ROUNDS)
        return ir_fail(IR_EINVAL, "%s: tail: at most %d rounds expected", path, IR_FLEET_ROUNDS);
    d->ntail = (int)json_array_size(a);
    for (int k = 0; k < d->ntail; k++) {
        double v = json_number_value(json_array_get(a, (size_t)k));
        d->tail[k] = v > 0 ? v : NAN;
    }
    return IR_OK;
}

ir_status ir_fleet_node_read(const char *path, ir_fleet_node *d)
{
    *d = (ir_fleet_node){0};
    json_t   *o;
    ir_status st = fleet_read_load(path, "fleet-node", &o);
    if (st != IR_OK) return st;
    static const struct {
        const char *key;
        size_t      at, size;
    } field[] = {
#define FIELD(f) {#f, offsetof(ir_fleet_node, f), sizeof d->f}
        FIELD(run),    FIELD(node), FIELD(host), FIELD(version),
        FIELD(status), FIELD(at),   FIELD(why),  FIELD(key)};
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        fleet_read_text(o, field[i].key, (char *)d + field[i].at, field[i].size);
    double look = fleet_read_number(o, "look");
    d->wall_s = fleet_read_number(o, "wall_s");
    d->look = look == 2 ? 2 : 1;
    st = *d->node && *d->status ? IR_OK : ir_fail(IR_EINVAL, "%s: node and status must be there", path);
    if (st == IR_OK && look != 1 && look != 2) st = ir_fail(IR_EINVAL, "%s: look: 1 or 2 expected", path);
    if (st == IR_OK) st = read_tail(path, json_object_get(o, "tail"), d);
    if (st == IR_OK) st = read_points(path, json_object_get(o, "points"), d);
    const char *key;
    json_t     *v;
    json_object_foreach(json_object_get(o, "facts"), key, v)
    {
        if (st == IR_OK && json_is_string(v)) st = ir_fleet_node_fact(d, key, json_string_value(v));
    }
    json_decref(o);
    if (st != IR_OK) ir_fleet_node_free(d);
    return st;
}

/* ---- exchanges ------------------------------------------------------------------------------- */
static ir_status read_pair(const json_t *o, ir_fleet_pairs *all)
{
    if (!(all->n & (all->n - 1))) {
        void *v = realloc(all->v, (all->n ? 2 * all->n : 1) * sizeof *all->v);
        if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu exchanges", all->n + 1);
        all->v = v;
    }
    ir_fleet_pair *p = &all->v[all->n];
    *p = (ir_fleet_pair){0};
    fleet_read_text(o, "what", p->what, sizeof p->what);
    fleet_read_text(o, "a", p->a, sizeof p->a);
    fleet_read_text(o, "b", p->b, sizeof p->b);
    p->look = fleet_read_number(o, "look") == 2 ? 2 : 1;
    double round = fleet_read_number(o, "round"), nodes = fleet_read_number(o, "nodes");
    p->round = round >= 0 && round < 1e6 ? (int)round : 0;
    p->nodes = nodes >= 0 && nodes < 1e7 ? (int)nodes : 0;
    p->size_B = fleet_read_number(o, "size_B");
    p->value = fleet_read_number(o, "value");
    if (*p->what && *p->a && p->value > 0) all->n++;
    return IR_OK;
}

static ir_status read_silent(const json_t *o, ir_fleet_pairs *all)
{
    void *v = realloc(all->silent, (all->nsilent + 1) * sizeof *all->silent);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu names", all->nsilent + 1);
    all->silent = v;
    fleet_read_text(o, "node", all->silent[all->nsilent++], IR_FLEET_NAME);
    return IR_OK;
}

static ir_status read_step(const json_t *o, ir_fleet_pairs *all)
{
    ir_fleet_step *v = realloc(all->step, (all->nstep + 1) * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu steps", all->nstep + 1);
    all->step = v;
    v += all->nstep;
    double nodes = fleet_read_number(o, "nodes");
    fleet_read_text(o, "point", v->point, sizeof v->point);
    v->nodes = nodes >= 1 && nodes < 1e7 ? (int)nodes : 0;
    v->size_B = fleet_read_number(o, "size_B");
    v->sums = fmax(1, fleet_read_number(o, "sums"));
    v->compute_s = fleet_read_number(o, "compute_s");
    v->step_s = fleet_read_number(o, "step_s");
    if (*v->point && v->nodes && v->size_B > 0 && v->compute_s > 0 && v->step_s > 0) all->nstep++;
    return IR_OK;
}

/* Blank, or the beginning of an object that was never finished. */
static bool is_cut_off(const char *line, size_t n)
{
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == ' ')) n--;
    return n == 0 || (line[0] == '{' && line[n - 1] != '}');
}

ir_status ir_fleet_pairs_read(const char *path, ir_fleet_pairs *out)
{
    FILE     *f = fopen(path, "r");
    char     *line = NULL;
    size_t    cap = 0, at = 0;
    ssize_t   n;
    ir_status st = IR_OK;
    if (!f) return ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
    while (st == IR_OK && (n = getline(&line, &cap, f)) > 0) {
        json_error_t e;
        bool         nomem;
        json_t      *o = ir_json_load(line, (size_t)n, 0, &e, &nomem);
        const char  *kind = json_string_value(json_object_get(o, "record"));
        at++;
        if (!nomem && !o && is_cut_off(line, (size_t)n)) continue; /* what a killed program was writing */
        if (nomem)
            st = ir_fail(IR_ENOMEM, "%s:%zu: no memory to read it", path, at);
        else if (!o)
            st = ir_fail(IR_EINVAL, "%s:%zu: no JSON: %.80s", path, at, e.text);
        else if (kind && !strcmp(kind, "fleet-pair"))
            st = read_pair(o, out);
        else if (kind && !strcmp(kind, "fleet-silent"))
            st = read_silent(o, out);
        else if (kind && !strcmp(kind, "fleet-step"))
            st = read_step(o, out);
        json_decref(o);
    }
    free(line);
    fclose(f);
    return st;
}

/* ---- reference ------------------------------------------------------------------------------- */
ir_status ir_fleet_reference_read(const char *path, ir_fleet_reference *r)
{
    *r = (ir_fleet_reference){0};
    json_t   *o;
    ir_status st = fleet_read_load(path, "fleet", &o);
    if (st != IR_OK) return st;
    const json_t *a = json_object_get(o, "series");
    fleet_read_text(o, "key", r->key, sizeof r->key);
    fleet_read_text(o, "version", r->version, sizeof r->version);
    r->delta = fleet_read_number(o, "delta");
    r->alpha = fleet_read_number(o, "alpha");
    const json_t *net = json_object_get(o, "network"), *sum = json_object_get(net, "allreduce");
    r->BW_net = fleet_read_number(json_is_object(sum) ? sum : net, "BW_net");
    r->L_net = fleet_read_number(json_is_object(sum) ? sum : net, "L_net");
    r->v = calloc(json_array_size(a) + 1, sizeof *r->v);
    st = r->v ? fleet_read_texts(path, o, "args", &r->arg, &r->narg)
              : ir_fail(IR_ENOMEM, "%s: no memory", path);
    for (size_t i = 0; i < json_array_size(a) && st == IR_OK; i++) {
        const json_t *s = json_array_get(a, i), *terms = json_object_get(s, "terms_s");
        ir_fleet_ref *v = &r->v[r->n++];
        fleet_read_text(s, "point", v->point, sizeof v->point);
        v->time_s = fleet_read_number(s, "time_s");
        v->spread = fleet_read_number(s, "spread");
        v->nu = fleet_read_number(s, "nu");
        v->own = fleet_read_number(s, "own");
        v->n = (int64_t)fmax(0, fleet_read_number(s, "n"));
        for (size_t k = 0; k < 3; k++) v->term_s[k] = json_number_value(json_array_get(terms, k));
        if (!*v->point) st = ir_fail(IR_EINVAL, "%s: series[%zu]: point must be there", path, i);
    }
    if (st == IR_OK && r->n == 0) st = ir_fail(IR_EINVAL, "%s: series: there are none", path);
    json_decref(o);
    if (st != IR_OK) ir_fleet_reference_free(r);
    return st;
}
#else
static ir_status no_reader(const char *path)
{
    return ir_fail(IR_SKIP, "%s: built without jansson: a fleet's files cannot be read", path);
}
ir_status ir_fleet_plan_read(const char *path, ir_fleet_plan *p)
{
    *p = (ir_fleet_plan){0};
    return no_reader(path);
}
ir_status ir_fleet_plan_parse(const char *name, char *text, size_t n, ir_fleet_plan *p)
{
    (void)text, (void)n;
    *p = (ir_fleet_plan){0};
    return no_reader(name);
}
ir_status ir_fleet_node_read(const char *path, ir_fleet_node *d)
{
    *d = (ir_fleet_node){0};
    return no_reader(path);
}
ir_status ir_fleet_pairs_read(const char *path, ir_fleet_pairs *out)
{
    (void)out;
    return no_reader(path);
}
ir_status ir_fleet_reference_read(const char *path, ir_fleet_reference *r)
{
    *r = (ir_fleet_reference){0};
    return no_reader(path);
}
#endif

/* read_lines.c -- one function per kind of line: header, machine, ceiling, fit, verdict. */
#include "harness/record/record.h"

#ifdef IR_HAVE_JANSSON
#include "harness/record/read.h"

#include <math.h>
#include <string.h>

enum { MAX_DEVICES = 1024, MAX_ENV = 4096 }; /* look-ups are linear: what no run writes is refused */

ir_status ir_read_header(ir_reader *r, const json_t *o)
{
    static const char *const field[] = {"version", "cost_model", "started", "ended"};
    char *const   to[] = {r->out->tool_version, r->out->cost_model, r->out->started, r->out->ended};
    const size_t  size[] = {sizeof r->out->tool_version, sizeof r->out->cost_model, sizeof r->out->started,
                            sizeof r->out->ended};
    const json_t *v = json_object_get(o, "schema");
    int64_t       schema = 0;
    if (!v) return ir_read_fail(r, "schema", "missing");
    ir_status s = ir_read_integer(r, "schema", v, INT64_MIN, INT64_MAX, &schema);
    if (s == IR_OK && schema != IR_SCHEMA)
        s = ir_read_fail(r, "schema", "%lld is unknown: this program reads schema %d", (long long)schema,
                         IR_SCHEMA);
    for (int i = 0; i < 4 && s == IR_OK; i++) {
        const char *text;
        s = ir_read_text(r, o, field[i], &text);
        if (s == IR_OK && text && r->out->nheader == 0) ir_read_cut(to[i], size[i], text);
    }
    if (s != IR_OK) return s;
    r->out->schema = (int)schema;
    r->out->nheader++;
    return IR_OK;
}

/* ---- machine --------------------------------------------------------------------------------- */
/* Names listed in an array of texts. */
static ir_status check_names(ir_reader *r, const json_t *o, const char *field, const json_t **out)
{
    size_t    i;
    json_t   *e;
    ir_status s = ir_read_array(r, o, field, out);
    if (s != IR_OK || !*out) return s;
    json_array_foreach(*out, i, e) if (!json_is_string(e)) return ir_read_fail(r, field,
                                                                               "entry %zu is no string", i);
    return IR_OK;
}

static bool read_lines_is_named(const json_t *names, const char *key)
{
    size_t  i;
    json_t *e;
    if (!names) return false;
    json_array_foreach(names, i, e) if (!strcmp(json_string_value(e), key)) return true;
    return false;
}

static ir_status env_entry(ir_reader *r, ir_env *e, const char *key, const json_t *v, const json_t *compared,
                           const json_t *numbers)
{
    bool      compare = read_lines_is_named(compared, key), number = json_is_number(v);
    ir_status s;
    if (!*key || strlen(key) >= sizeof e->v->key)
        return ir_read_fail(r, NULL, "'%.60s': a key has 1 to %zu bytes", key, sizeof e->v->key - 1);
    if (!number && !json_is_string(v) && !json_is_null(v))
        return ir_read_fail(r, key, "a number, a string or null expected");
    if (ir_env_get(e, key)) return IR_OK; /* the first to name it wins */
    if (e->n >= MAX_ENV) return ir_read_fail(r, key, "more than %d entries", MAX_ENV);
    if (number || (json_is_null(v) && read_lines_is_named(numbers, key)))
        s = ir_env_num(e, key, number ? json_number_value(v) : NAN, compare);
    else
        s = ir_env_text(e, key, json_is_string(v) ? json_string_value(v) : "", compare);
    return s == IR_OK ? s : ir_read_nomem(r);
}

static ir_status read_env(ir_reader *r, const json_t *o, ir_env *to)
{
    const json_t *env, *compared, *numbers;
    ir_status     s = ir_read_object(r, o, "env", &env);
    if (s == IR_OK) s = check_names(r, o, "compared", &compared);
    if (s == IR_OK) s = check_names(r, o, "unknown_numbers", &numbers);
    if (s != IR_OK || !env) return s;
    if (json_object_size(env) > MAX_ENV || (compared && json_array_size(compared) > MAX_ENV) ||
        (numbers && json_array_size(numbers) > MAX_ENV))
        return ir_read_fail(r, "env", "more than %d entries", MAX_ENV);
    json_t *all = (json_t *)env; /* iterated only */
    for (void *i = json_object_iter(all); i && s == IR_OK; i = json_object_iter_next(all, i)) {
        ir_read_enter(r, "env");
        s = env_entry(r, to, json_object_iter_key(i), json_object_iter_value(i), compared, numbers);
        ir_read_leave(r);
    }
    return s;
}

static size_t device_at(const ir_record *out, const char *id)
{
    size_t i = 0;
    while (i < out->ndevice && strcmp(out->device[i].id, id) != 0) i++;
    return i;
}

static ir_status read_lines_add_device(ir_reader *r, const ir_device_info *d)
{
    ir_record *out = r->out;
    size_t     n = out->ndevice;
    if (n >= MAX_DEVICES) return ir_read_fail(r, "device", "more than %d devices", MAX_DEVICES);
    ir_status s = ir_read_grow(r, &out->device, n, sizeof *out->device);
    if (s == IR_OK) s = ir_read_grow(r, &out->device_env, n, sizeof *out->device_env);
    if (s == IR_OK) s = ir_read_grow(r, &out->device_level_B, n, sizeof *out->device_level_B);
    if (s == IR_OK) s = ir_read_grow(r, &out->device_level_threads, n, sizeof *out->device_level_threads);
    if (s != IR_OK) return s;
    out->device[n] = *d;
    ir_env_init(&out->device_env[n]);
    for (int i = 0; i < IR_NLEVEL; i++) out->device_level_B[n][i] = out->device_level_threads[n][i] = NAN;
    out->ndevice++;
    return IR_OK;
}

static bool contradict(const ir_kv *x, const ir_kv *y)
{
    if (!x || !y || x->is_num != y->is_num) return false;
    if (x->is_num) return x->num != y->num && x->num == x->num && y->num == y->num;
    return *x->text && *y->text && strcmp(x->text, y->text) != 0;
}

/* A field that both know and that keeps them from being compared; NULL: none. */
static const char *other_state(const ir_env *a, const ir_env *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i].compare && contradict(&a->v[i], ir_env_get(b, a->v[i].key))) return a->v[i].key;
    return NULL;
}

/* What the host is, whichever of its devices a machine line is about; NULL: the same. */
static const char *other_host(const ir_env *a, const ir_env *b)
{
    static const char *const fields[] = {"cpu_model", "cpu_signature", "sockets"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (contradict(ir_env_get(a, fields[i]), ir_env_get(b, fields[i]))) return fields[i];
    return NULL;
}

/* A device that is described again (a run continued it) must be the one described before: two records put
 * together would be judged as one machine. */
static ir_status check_machine(ir_reader *r, const ir_device_info *d, size_t at, const ir_env *own)
{
    const ir_record *out = r->out;
    const char      *field = at < out->ndevice ? NULL : other_host(&out->env, own);
    if (at < out->ndevice) {
        const ir_device_info *then = &out->device[at];
        field = other_state(&out->device_env[at], own);
        if (!field && strcmp(then->name, d->name) != 0) field = "name";
        if (!field && strcmp(then->driver, d->driver) != 0) field = "driver";
    }
    if (!field) return IR_OK;
    return ir_read_fail(r, "device",
                        "%s is of another machine than the lines before: %s differs; split the file", d->id,
                        field);
}

/* Records before 0.2 name the instruction set of a processor as its driver. */
static void tell_isa(ir_device_info *d)
{
    if (strcmp(d->backend, "cpu") != 0 || *d->isa) return;
    snprintf(d->isa, sizeof d->isa, "%.*s", (int)sizeof d->isa - 1, d->driver);
    d->driver[0] = '\0';
}

ir_status ir_read_machine(ir_reader *r, const json_t *o)
{
    ir_device_info d;
    ir_env         own;
    memset(&d, 0, sizeof d);
    ir_env_init(&own);
    ir_status s = ir_rec_read(r, ir_rec_device, o, &d);
    if (s == IR_OK) tell_isa(&d);
    size_t at = device_at(r->out, d.id);
    if (s == IR_OK) s = read_env(r, o, &own);
    if (s == IR_OK) s = check_machine(r, &d, at, &own);
    if (s == IR_OK && at == r->out->ndevice) s = read_lines_add_device(r, &d);
    if (s == IR_OK) s = read_env(r, o, &r->out->device_env[at]);
    if (s == IR_OK) s = read_env(r, o, &r->out->env);
    ir_env_free(&own);
    return s;
}

/* ---- ceilings -------------------------------------------------------------------------------- */
/* A cache level's size: its device's, and the record's where no other device was the first to have any. */
static ir_status read_lines_read_capacity(ir_reader *r, const json_t *o)
{
    ir_record    *out = r->out;
    const char   *device, *level;
    const json_t *value = json_object_get(o, "value");
    ir_status     s = ir_read_text(r, o, "device", &device);
    if (s == IR_OK) s = ir_read_text(r, o, "level", &level);
    if (s != IR_OK) return s;
    if (!level) return ir_read_fail(r, "level", "missing");
    if (!value || json_is_null(value)) return IR_OK;
    if (!json_is_number(value) || json_number_value(value) < 0)
        return ir_read_fail(r, "value", "a number of bytes expected");
    const json_t *threads = json_object_get(o, "threads");
    if (threads && !json_is_null(threads) && !(json_number_value(threads) > 0))
        return ir_read_fail(r, "threads", "a number above 0 expected");
    double per = threads && json_is_number(threads) ? json_number_value(threads) : NAN;
    if (device && strlen(device) >= sizeof r->levels_of)
        return ir_read_fail(r, "device", "'%.40s...' is longer than %zu bytes", device,
                            sizeof r->levels_of - 1);
    for (int i = 0; i < IR_NLEVEL; i++) {
        if (strcmp(level, ir_level_names[i]) != 0) continue;
        size_t at = device_at(out, device ? device : "");
        if (at < out->ndevice) out->device_level_B[at][i] = json_number_value(value);
        if (at < out->ndevice) out->device_level_threads[at][i] = per;
        if (!r->has_levels) ir_read_cut(r->levels_of, sizeof r->levels_of, device ? device : "");
        r->has_levels = true;
        if (strcmp(r->levels_of, device ? device : "") != 0) return IR_OK;
        out->ceilings.level_B[i] = json_number_value(value);
        out->ceilings.level_threads[i] = per;
        return IR_OK;
    }
    return ir_read_fail(r, "level", "'%.40s' is none of L1 L2 L3 L4 DRAM", level);
}

static ir_status read_saturations(ir_reader *r, const json_t *o, ir_ceiling *c)
{
    const json_t *all;
    size_t        i;
    json_t       *e;
    ir_status     s = ir_read_array(r, o, "certificates", &all);
    if (s != IR_OK || !all) return s;
    if (json_array_size(all) > IR_MAX_SATURATION)
        return ir_read_fail(r, "certificates", "%zu of them, at most %d are possible", json_array_size(all),
                            IR_MAX_SATURATION);
    ir_read_enter(r, "certificates");
    json_array_foreach(all, i, e)
    {
        if (s == IR_OK && !json_is_object(e)) s = ir_read_fail(r, NULL, "entry %zu is no object", i);
        if (s == IR_OK) s = ir_rec_read(r, ir_rec_saturation, e, &c->sat[c->nsat]);
        if (s == IR_OK) c->nsat++;
    }
    ir_read_leave(r);
    return s;
}

ir_status ir_read_ceiling(ir_reader *r, const json_t *o)
{
    ir_ceiling  c;
    const char *what;
    memset(&c, 0, sizeof c);
    ir_status s = ir_read_text(r, o, "what", &what);
    if (s == IR_OK && what && !strcmp(what, "capacity")) return read_lines_read_capacity(r, o);
    if (s == IR_OK) s = ir_rec_read(r, ir_rec_ceiling, o, &c);
    if (s == IR_OK && c.value < 0) s = ir_read_fail(r, "value", "%.6g is negative", c.value);
    if (s == IR_OK) s = read_saturations(r, o, &c);
    if (s == IR_OK && ir_ceilings_add(&r->out->ceilings, &c) != IR_OK) s = ir_read_nomem(r);
    return s;
}

/* ---- fit, verdict ---------------------------------------------------------------------------- */
static ir_status read_draws(ir_reader *r, const json_t *o, ir_fit *f)
{
    const json_t *all;
    size_t        i;
    json_t       *e;
    ir_status     s = ir_read_array(r, o, "draws", &all);
    if (s != IR_OK || !all) return s;
    if (json_array_size(all) > IR_FIT_DRAWS)
        return ir_read_fail(r, "draws", "%zu of them, at most %d are possible", json_array_size(all),
                            IR_FIT_DRAWS);
    json_array_foreach(all, i, e)
    {
        if (!json_is_array(e) || json_array_size(e) != 3)
            return ir_read_fail(r, "draws", "entry %zu is no array of 3", i);
        for (size_t k = 0; k < 3; k++) {
            const json_t *v = json_array_get(e, k);
            if (!json_is_number(v) && !json_is_null(v))
                return ir_read_fail(r, "draws", "entry %zu holds no number", i);
            f->draw[i][k] = json_is_null(v) ? NAN : json_number_value(v);
        }
        f->ndraw = (int)i + 1;
    }
    return IR_OK;
}

ir_status ir_read_fit(ir_reader *r, const json_t *o)
{
    ir_record *out = r->out;
    ir_status  s = ir_read_grow(r, &out->fit, out->nfit, sizeof *out->fit);
    if (s != IR_OK) return s;
    ir_fit *f = &out->fit[out->nfit];
    memset(f, 0, sizeof *f);
    s = ir_rec_read(r, ir_rec_fit, o, f);
    if (!json_is_object(json_object_get(o, "BW"))) f->BW.how = IR_UNIDENTIFIED; /* absent is not "fitted" */
    if (!json_is_object(json_object_get(o, "eta"))) f->eta.how = IR_UNIDENTIFIED;
    if (!json_is_object(json_object_get(o, "L_lat"))) f->L_lat.how = IR_UNIDENTIFIED;
    if (s == IR_OK) s = read_draws(r, o, f);
    if (s == IR_OK) out->nfit++;
    return s;
}

static ir_status read_evidence(ir_reader *r, const json_t *o, ir_verdict *v)
{
    const json_t *all;
    size_t        i, n = 0;
    json_t       *e;
    ir_status     s = check_names(r, o, "evidence", &all);
    if (s != IR_OK || !all) return s;
    json_array_foreach(all, i, e)
    {
        const char *key = json_string_value(e);
        if (strchr(key, ';')) return ir_read_fail(r, "evidence", "entry %zu holds a ';'", i);
        if (n + strlen(key) + 2 > sizeof v->evidence)
            return ir_read_fail(r, "evidence", "longer than %zu bytes", sizeof v->evidence - 1);
        n += (size_t)snprintf(v->evidence + n, sizeof v->evidence - n, "%s%s", i ? ";" : "", key);
    }
    return IR_OK;
}

ir_status ir_read_verdict(ir_reader *r, const json_t *o)
{
    ir_record *out = r->out;
    ir_verdict v;
    memset(&v, 0, sizeof v);
    ir_status s = ir_rec_read(r, ir_rec_verdict, o, &v);
    if (s == IR_OK) s = read_evidence(r, o, &v);
    if (s == IR_OK) s = ir_read_grow(r, &out->verdict, out->nverdict, sizeof v);
    if (s == IR_OK) out->verdict[out->nverdict++] = v;
    return s;
}

/* Causes beyond those this program can hold are left out: a later version may know more of them. */
static ir_status read_causes(ir_reader *r, const json_t *o, ir_quality *q)
{
    const json_t *all;
    size_t        i;
    json_t       *e;
    ir_status     s = ir_read_array(r, o, "causes", &all);
    if (s != IR_OK || !all) return s;
    ir_read_enter(r, "causes");
    json_array_foreach(all, i, e)
    {
        if (s == IR_OK && !json_is_object(e)) s = ir_read_fail(r, NULL, "entry %zu is no object", i);
        if (s != IR_OK || q->ncause == IR_MAX_CAUSES) break;
        s = ir_rec_read(r, ir_rec_cause, e, &q->cause[q->ncause++]);
    }
    ir_read_leave(r);
    return s;
}

ir_status ir_read_quality(ir_reader *r, const json_t *o)
{
    ir_record *out = r->out;
    ir_quality q;
    memset(&q, 0, sizeof q);
    ir_status s = ir_rec_read(r, ir_rec_quality, o, &q);
    if (s == IR_OK) s = read_causes(r, o, &q);
    if (s == IR_OK) s = ir_read_grow(r, &out->quality, out->nquality, sizeof q);
    if (s == IR_OK) out->quality[out->nquality++] = q;
    return s;
}
#else
typedef int ir_no_lines;
#endif

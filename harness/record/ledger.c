/* ledger.c -- a ledger file into ledger.h's structs. Strings are borrowed from the parsed document, which the
 * ledger keeps; arrays come from one list of blocks. Refuses: no array, a claim without id, formula or values
 * of the wrong type, two claims of one id. Unknown fields are ignored. */
#include "harness/record/ledger.h"
#include "harness/record/input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if IR_HAVE_JANSSON
#include "harness/record/json_in.h"

typedef struct block {
    struct block *next;
} block;
typedef struct {
    json_t *root;
    block  *blocks;
} store;
typedef struct {
    const char *file, *id;
    store      *s;
} place; /* for messages, and where memory comes from */

static void *ledger_take(store *s, size_t n, size_t size)
{
    block *b = calloc(1, sizeof *b + sizeof(double) + (n ? n : 1) * size);
    if (!b) return NULL;
    b->next = s->blocks;
    s->blocks = b;
    return b + 1;
}

static ir_status bad(const place *p, const char *field, const char *what)
{
    return ir_fail(IR_EINVAL, "%s: claim '%s': %s: %s", p->file, p->id, field, what);
}

static ir_status range(const place *p, const char *field, json_t *j, ir_claim_value *v)
{
    double *const end[2] = {&v->lo, &v->hi};
    v->kind = IR_CV_RANGE;
    if (json_array_size(j) != 2)
        return bad(p, field, "a range has two ends: [lo, hi], null where it is open");
    for (size_t i = 0; i < 2; i++) {
        json_t *e = json_array_get(j, i);
        if (!json_is_number(e) && !json_is_null(e))
            return bad(p, field, "the end of a range is a number or null");
        *end[i] = json_is_null(e) ? NAN : json_number_value(e);
    }
    if (v->lo > v->hi) return bad(p, field, "the range is empty");
    return IR_OK;
}

static ir_status ledger_value(const place *p, const char *field, const char *name, json_t *j,
                              ir_claim_value *v)
{
    *v = (ir_claim_value){.name = name, .v = NAN, .lo = NAN, .hi = NAN, .unit = ""};
    if (json_is_number(j)) {
        v->v = json_number_value(j);
        return IR_OK;
    }
    if (json_is_array(j)) return range(p, field, j, v);
    if (!json_is_string(j)) return bad(p, field, "a value is a number, a class or [lo, hi]");
    v->kind = IR_CV_WORD;
    v->word = json_string_value(j);
    return IR_OK;
}

static ir_status ledger_values(const place *p, const char *field, json_t *j, json_t *units,
                               ir_claim_values *out)
{
    *out = (ir_claim_values){0};
    if (!j || json_is_null(j)) return IR_OK;
    if (!json_is_object(j)) return bad(p, field, "an object of named values expected");
    ir_claim_value *v = ledger_take(p->s, json_object_size(j), sizeof *v);
    const char     *name;
    json_t         *item;
    if (!v) return ir_fail(IR_ENOMEM, "%s: no memory", p->file);
    out->v = v;
    json_object_foreach(j, name, item)
    {
        char where[96];
        snprintf(where, sizeof where, "%s.%.60s", field, name);
        ir_status st = ledger_value(p, where, name, item, &v[out->n]);
        if (st != IR_OK) return st;
        json_t *unit = json_object_get(units, name);
        if (json_is_string(unit)) v[out->n].unit = json_string_value(unit);
        out->n++;
    }
    return IR_OK;
}

/* An optional string; `without` when absent or null. */
static ir_status ledger_text(const place *p, json_t *o, const char *field, const char *without,
                             const char **out)
{
    json_t *j = json_object_get(o, field);
    *out = without;
    if (!j || json_is_null(j)) return IR_OK;
    if (!json_is_string(j)) return bad(p, field, "text or null expected");
    *out = json_string_value(j);
    return IR_OK;
}

static ir_status ledger_texts(const place *p, json_t *o, ir_claim *c)
{
    json_t *m = json_object_get(o, "measure");
    const struct {
        json_t     *of;
        const char *field, *without, **to;
    } want[] = {{o, "topic", "", &c->topic},       {o, "statement", "", &c->statement},
                {o, "kind", "both", &c->kind},     {o, "traffic_model", "", &c->traffic_model},
                {o, "formula", NULL, &c->formula}, {o, "verdict_expected", NULL, &c->verdict_expected},
                {o, "why", "", &c->why},           {m, "workload", "", &c->workload},
                {m, "quantity", "", &c->quantity}, {m, "confirms", "", &c->confirms},
                {m, "refutes", "", &c->refutes}};
    c->has_measure = json_is_object(m);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        ir_status st = ledger_text(p, want[i].of, want[i].field, want[i].without, want[i].to);
        if (st != IR_OK) return st;
    }
    return IR_OK;
}

static ir_status conflicts(const place *p, json_t *o, ir_claim *c)
{
    json_t *j = json_object_get(o, "conflicts"), *item;
    size_t  i;
    if (!j || json_is_null(j)) return IR_OK;
    if (!json_is_array(j)) return bad(p, "conflicts", "an array expected");
    ir_claim_conflict *v = ledger_take(p->s, json_array_size(j), sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "%s: no memory", p->file);
    c->conflict = v;
    json_array_foreach(j, i, item)
    {
        ir_status st =
            ledger_values(p, "conflicts.values", json_object_get(item, "values"), NULL, &v[i].values);
        if (st == IR_OK) st = ledger_text(p, item, "note", "", &v[i].note);
        if (st != IR_OK) return st;
        v[i].book_line = (int)json_integer_value(json_object_get(item, "book_line"));
        c->nconflict++;
    }
    return IR_OK;
}

static ir_status ledger_numbers(const place *p, json_t *o, ir_claim *c)
{
    json_t *tol = json_object_get(o, "tolerance_rel"), *inputs = json_object_get(o, "inputs");
    json_t *stated = json_object_get(o, "stated"), *again = json_object_get(o, "recomputed");
    if (!json_is_number(tol) || !(json_number_value(tol) >= 0))
        return bad(p, "tolerance_rel", "a number of 0 or more expected");
    if (!json_is_object(stated)) return bad(p, "stated", "{\"values\": {...}} expected");
    c->tolerance_rel = json_number_value(tol);
    c->book_line = (int)json_integer_value(json_object_get(o, "book_line"));
    c->has_recomputed = json_is_object(again);
    ir_status st = ledger_values(p, "inputs", inputs, NULL, &c->inputs);
    for (size_t i = 0; st == IR_OK && i < c->inputs.n; i++)
        if (c->inputs.v[i].kind != IR_CV_NUMBER) st = bad(p, c->inputs.v[i].name, "an input is a number");
    if (st == IR_OK)
        st = ledger_values(p, "stated", json_object_get(stated, "values"), json_object_get(stated, "units"),
                           &c->stated);
    if (st == IR_OK)
        st = ledger_values(p, "recomputed", json_object_get(again, "values"), json_object_get(again, "units"),
                           &c->recomputed);
    return st == IR_OK ? conflicts(p, o, c) : st;
}

static ir_status known_kind(const place *p, const ir_claim *c)
{
    if (strcmp(c->kind, "analytic") != 0 && strcmp(c->kind, "measurable") != 0 &&
        strcmp(c->kind, "both") != 0)
        return bad(p, "kind", "analytic, measurable or both expected");
    if (!c->formula && strcmp(c->kind, "measurable") != 0)
        return bad(p, "formula", "missing in a claim with an analytic part");
    return IR_OK;
}

static ir_status claim(const char *file, store *s, json_t *o, size_t i, ir_claim *c)
{
    char        number[32];
    const char *id = json_string_value(json_object_get(o, "id"));
    snprintf(number, sizeof number, "#%zu", i + 1);
    place p = {file, id ? id : number, s};
    if (!json_is_object(o)) return bad(&p, "claim", "an object expected");
    if (!id || !*id) return bad(&p, "id", "missing");
    c->id = id;
    ir_status st = ledger_texts(&p, o, c);
    if (st == IR_OK) st = ledger_numbers(&p, o, c);
    return st == IR_OK ? known_kind(&p, c) : st;
}

static ir_status claims(const char *file, store *s, ir_ledger *out)
{
    json_t   *item;
    size_t    i;
    ir_claim *c = ledger_take(s, json_array_size(s->root), sizeof *c);
    if (!c) return ir_fail(IR_ENOMEM, "%s: no memory", file);
    out->claim = c;
    json_array_foreach(s->root, i, item)
    {
        ir_status st = claim(file, s, item, i, &c[i]);
        if (st != IR_OK) return st;
        for (size_t k = 0; k < i; k++)
            if (!strcmp(c[k].id, c[i].id))
                return ir_fail(IR_EINVAL, "%s: claim '%s': the id is there twice", file, c[i].id);
        out->n++;
    }
    return IR_OK;
}

ir_status ir_ledger_read(const char *path, ir_ledger *out)
{
    json_error_t e;
    *out = (ir_ledger){0};
    store *s = calloc(1, sizeof *s);
    if (!s) return ir_fail(IR_ENOMEM, "%s: no memory", path);
    out->owned = s;
    FILE     *f = NULL;
    ir_status st = ir_input_open(path, &f);
    if (st != IR_OK) return ir_ledger_free(out), st;
    bool nomem;
    s->root = ir_json_load_file(f, JSON_REJECT_DUPLICATES, &e, &nomem);
    fclose(f);
    if (nomem)
        st = ir_fail(IR_ENOMEM, "%s: no memory for it", path);
    else if (!s->root && e.line > 0)
        st = ir_fail(IR_EINVAL, "%s:%d: %s", path, e.line, e.text);
    else if (!s->root)
        st = ir_fail(IR_EIO, "%s: %s", path, e.text);
    else if (!json_is_array(s->root))
        st = ir_fail(IR_EINVAL, "%s: no array of claims", path);
    if (st == IR_OK) st = claims(path, s, out);
    if (st != IR_OK) ir_ledger_free(out);
    return st;
}

void ir_ledger_free(ir_ledger *l)
{
    store *s = l->owned;
    if (s) {
        for (block *b = s->blocks, *next; b; b = next) {
            next = b->next;
            free(b);
        }
        json_decref(s->root);
        free(s);
    }
    *l = (ir_ledger){0};
}

#else /* ---- without jansson ----------------------------------------------------------------------------- \
       */
ir_status ir_ledger_read(const char *path, ir_ledger *out)
{
    *out = (ir_ledger){0};
    return ir_fail(IR_SKIP, "%s: built without jansson, which reads ledgers (libjansson-dev)", path);
}

void ir_ledger_free(ir_ledger *l) { *l = (ir_ledger){0}; }
#endif

/* comparison.c -- the gate's lines, written and read. */
#define _GNU_SOURCE
#include "harness/record/comparison.h"
#include "harness/record/input.h"
#include "harness/record/journal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void ir_comparison_free(ir_comparison *c)
{
    free(c->d);
    free(c->quad_s);
    c->d = NULL;
    c->quad_s = NULL;
    c->nd = 0;
}

void ir_comparisons_free(ir_comparisons *all)
{
    for (size_t i = 0; i < all->n; i++) ir_comparison_free(&all->v[i]);
    free(all->v);
    *all = (ir_comparisons){0};
}

void ir_gate_proofs_free(ir_gate_proofs *p)
{
    free(p->v);
    *p = (ir_gate_proofs){0};
}

/* ---- written --------------------------------------------------------------------------------- */
static void key_count(ir_json *o, const char *key, size_t v)
{
    ir_json_key(o, key);
    ir_json_int(o, (int64_t)v);
}

static void comparison_blocks(ir_json *o, const ir_comparison *c)
{
    ir_json_key(o, "d");
    ir_json_open(o, '[');
    for (size_t i = 0; i < c->nd; i++) ir_json_num(o, expm1(c->d[i]));
    ir_json_close(o, ']');
    ir_json_key(o, "blocks_s");
    ir_json_open(o, '[');
    for (size_t i = 0; c->quad_s && i < c->nd; i++) {
        ir_json_open(o, '[');
        for (int s = 0; s < 4; s++) ir_json_num(o, c->quad_s[i][s]);
        ir_json_close(o, ']');
    }
    ir_json_close(o, ']');
}

ir_status ir_journal_comparison(ir_journal *j, const ir_comparison *c)
{
    ir_json *o = ir_line_begin(j, "comparison");
    if (!o) return ir_line_end(j);
    ir_json_key_text(o, "kind", c->kind);
    ir_json_key_text(o, "point", c->point);
    ir_json_key_text(o, "verdict", c->verdict);
    ir_json_key(o, "confirmed");
    ir_json_bool(o, c->confirmed);
    ir_json_key_text(o, "note", c->note);
    ir_json_key_num(o, "effect", expm1(c->effect));
    ir_json_key_num(o, "lo", expm1(c->lo));
    ir_json_key_num(o, "hi", expm1(c->hi));
    ir_json_key_num(o, "confidence", c->conf);
    ir_json_key_num(o, "detectable", expm1(c->mde));
    ir_json_key_num(o, "threshold", expm1(c->delta));
    ir_json_key_num(o, "old_s", c->time_s);
    ir_json_key_num(o, "new_s", c->new_s);
    key_count(o, "blocks", c->blocks);
    ir_json_key_num(o, "again_effect", expm1(c->again_effect));
    ir_json_key_num(o, "again_lo", expm1(c->again_lo));
    ir_json_key_num(o, "again_hi", expm1(c->again_hi));
    key_count(o, "again_blocks", c->again_blocks);
    comparison_blocks(o, c);
    return ir_line_end(j);
}

ir_status ir_journal_proof(ir_journal *j, const ir_gate_proof *p)
{
    ir_json *o = ir_line_begin(j, "gate-proof");
    if (!o) return ir_line_end(j);
    ir_json_key_text(o, "what", p->what);
    ir_json_key_num(o, "injected", p->injected);
    key_count(o, "flagged", p->flagged);
    key_count(o, "found", p->found);
    key_count(o, "n", p->n);
    key_count(o, "undecided", p->undecided);
    key_count(o, "infeasible", p->infeasible);
    ir_json_key_num(o, "lo", p->lo);
    ir_json_key_num(o, "hi", p->hi);
    ir_json_key_num(o, "upper", p->upper);
    return ir_line_end(j);
}

/* ---- read ------------------------------------------------------------------------------------ */
#ifdef IR_HAVE_JANSSON
#include "harness/record/json_in.h"

static double comparison_number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static size_t comparison_count(const json_t *o, const char *key)
{
    double v = comparison_number(o, key);
    return v >= 0 && v < 1e15 ? (size_t)v : 0;
}

static void comparison_text(const json_t *o, const char *key, char *to, size_t size)
{
    const char *s = json_string_value(json_object_get(o, key));
    snprintf(to, size, "%s", s ? s : "");
}

static void *grown(void *v, size_t n, size_t size)
{
    return n & (n - 1) ? v : realloc(v, (n ? 2 * n : 1) * size); /* doubles at powers of two */
}

static ir_status read_comparison(const json_t *o, ir_comparisons *all)
{
    void *v = grown(all->v, all->n, sizeof *all->v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu comparisons", all->n + 1);
    all->v = v;
    ir_comparison *c = &all->v[all->n];
    const json_t  *d = json_object_get(o, "d");
    memset(c, 0, sizeof *c);
    comparison_text(o, "kind", c->kind, sizeof c->kind);
    comparison_text(o, "point", c->point, sizeof c->point);
    comparison_text(o, "verdict", c->verdict, sizeof c->verdict);
    comparison_text(o, "note", c->note, sizeof c->note);
    c->confirmed = json_is_true(json_object_get(o, "confirmed"));
    c->effect = log1p(comparison_number(o, "effect"));
    c->lo = log1p(comparison_number(o, "lo"));
    c->hi = log1p(comparison_number(o, "hi"));
    c->conf = comparison_number(o, "confidence");
    c->mde = log1p(comparison_number(o, "detectable"));
    c->delta = log1p(comparison_number(o, "threshold"));
    c->time_s = comparison_number(o, "old_s");
    c->new_s = comparison_number(o, "new_s");
    c->again_effect = log1p(comparison_number(o, "again_effect"));
    c->again_lo = log1p(comparison_number(o, "again_lo"));
    c->again_hi = log1p(comparison_number(o, "again_hi"));
    c->again_blocks = comparison_count(o, "again_blocks");
    c->blocks = comparison_count(o, "blocks");
    c->nd = json_array_size(d);
    c->d = malloc((c->nd + 1) * sizeof *c->d);
    if (!c->d) return ir_fail(IR_ENOMEM, "no memory for %zu blocks", c->nd);
    for (size_t i = 0; i < c->nd; i++) {
        const json_t *e = json_array_get(d, i);
        c->d[i] = json_is_number(e) ? log1p(json_number_value(e)) : NAN;
    }
    all->n++;
    return *c->point && *c->verdict ? IR_OK
                                    : ir_fail(IR_EINVAL, "comparison: point and verdict must be there");
}

static ir_status read_proof(const json_t *o, ir_gate_proofs *all)
{
    void *v = grown(all->v, all->n, sizeof *all->v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu lines", all->n + 1);
    all->v = v;
    ir_gate_proof *p = &all->v[all->n++];
    memset(p, 0, sizeof *p);
    comparison_text(o, "what", p->what, sizeof p->what);
    p->injected = comparison_number(o, "injected");
    p->flagged = comparison_count(o, "flagged");
    p->found = comparison_count(o, "found");
    p->n = comparison_count(o, "n");
    p->undecided = comparison_count(o, "undecided");
    p->infeasible = comparison_count(o, "infeasible");
    p->lo = comparison_number(o, "lo");
    p->hi = comparison_number(o, "hi");
    p->upper = comparison_number(o, "upper");
    return *p->what ? IR_OK : ir_fail(IR_EINVAL, "gate-proof: what must be there");
}

static ir_status comparison_read_line(const char *line, size_t n, ir_comparisons *out, ir_gate_proofs *proofs)
{
    json_error_t e;
    bool         nomem;
    json_t      *o = ir_json_load(line, n, JSON_REJECT_DUPLICATES, &e, &nomem);
    if (nomem) return ir_fail(IR_ENOMEM, "no memory for it");
    if (!o) return ir_fail(IR_EINVAL, "%s", e.text);
    const char *kind = json_string_value(json_object_get(o, "record"));
    ir_status   st = kind ? IR_OK : ir_fail(IR_EINVAL, "no record line");
    if (kind && out && !strcmp(kind, "comparison")) st = read_comparison(o, out);
    if (kind && proofs && !strcmp(kind, "gate-proof")) st = read_proof(o, proofs);
    if (kind && !strcmp(kind, "header") && comparison_number(o, "schema") != IR_SCHEMA)
        st = ir_fail(IR_EINVAL, "schema: this program reads schema %d", IR_SCHEMA);
    json_decref(o);
    return st;
}

ir_status ir_comparisons_read(const char *path, ir_comparisons *out, ir_gate_proofs *proofs)
{
    FILE     *f = NULL;
    char     *line = NULL;
    size_t    cap = 0, at = 0;
    ssize_t   n;
    ir_status st = ir_input_open(path, &f);
    if (out) *out = (ir_comparisons){0};
    if (proofs) *proofs = (ir_gate_proofs){0};
    errno = 0;
    while (st == IR_OK && (n = getline(&line, &cap, f)) > 0) {
        at++;
        st = comparison_read_line(line, (size_t)n, out, proofs);
        if (st != IR_OK) st = ir_fail(st, "%s:%zu: %s", path, at, ir_why());
    }
    if (st == IR_OK && errno == ENOMEM) st = ir_fail(IR_ENOMEM, "%s: no memory for line %zu", path, at + 1);
    if (st == IR_OK && ferror(f)) st = ir_fail(IR_EIO, "%s: %s", path, strerror(errno));
    if (st == IR_OK && at == 0) st = ir_fail(IR_EINVAL, "%s: empty: no record in it", path);
    free(line);
    if (f) fclose(f);
    if (st != IR_OK && out) ir_comparisons_free(out);
    if (st != IR_OK && proofs) ir_gate_proofs_free(proofs);
    return st;
}
#else
ir_status ir_comparisons_read(const char *path, ir_comparisons *out, ir_gate_proofs *proofs)
{
    if (out) *out = (ir_comparisons){0};
    if (proofs) *proofs = (ir_gate_proofs){0};
    return ir_fail(IR_SKIP, "%s: built without jansson: records cannot be read", path);
}
#endif

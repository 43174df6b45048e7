/* line.c -- a claim's verdict as a line of a record: {"record":"verdict","question":ID,...} with stated,
 * recomputed and measured values beside the fields that every verdict has. */
#include "bench/claims/claims.h"
#include "harness/record/journal.h"

#include <math.h>
#include <string.h>

static void stated(ir_json *o, const ir_claim *c)
{
    ir_json_key(o, "stated");
    ir_json_open(o, '{');
    for (size_t i = 0; i < c->stated.n; i++) {
        const ir_claim_value *v = &c->stated.v[i];
        ir_json_key(o, v->name);
        if (v->kind == IR_CV_WORD)
            ir_json_str(o, v->word);
        else if (v->kind == IR_CV_NUMBER)
            ir_json_num(o, v->v);
        else {
            ir_json_open(o, '[');
            ir_json_num(o, v->lo);
            ir_json_num(o, v->hi);
            ir_json_close(o, ']');
        }
    }
    ir_json_close(o, '}');
}

static void got(ir_json *o, const char *key, const formula_value *v)
{
    ir_json_key(o, key);
    if (!v)
        ir_json_null(o);
    else if (v->word)
        ir_json_str(o, v->word);
    else
        ir_json_num(o, v->v);
}

static bool is_input(const ir_claim *c, const char *name)
{
    for (size_t i = 0; i < c->inputs.n; i++)
        if (!strcmp(c->inputs.v[i].name, name)) return true;
    return false;
}

/* Everything the formula assigned; null without an analytic part. */
static void recomputed(ir_json *o, const claim_row *r)
{
    ir_json_key(o, "recomputed");
    if (!r->claim->formula) {
        ir_json_null(o);
        return;
    }
    ir_json_open(o, '{');
    for (size_t i = 0; i < r->result.values.n; i++) {
        const formula_value *v = &r->result.values.v[i];
        if (!is_input(r->claim, v->name)) got(o, v->name, v);
    }
    ir_json_close(o, '}');
}

static void line_measured(ir_json *o, const claim_row *r)
{
    const claim_rule *rule = claim_rule_find(r->claim->id);
    ir_json_key(o, "measured");
    if (!r->has_measured || !rule || !rule->shown[0]) {
        ir_json_null(o);
        return;
    }
    ir_json_open(o, '{');
    for (int i = 0; claim_shown(rule, i); i++) {
        const formula_value *v = formula_get(&r->measured.values, claim_shown(rule, i));
        ir_json_key(o, claim_shown(rule, i));
        ir_json_open(o, '{');
        got(o, "value", v);
        ir_json_key_num(o, "lo", r->measured.lo[i]);
        ir_json_key_num(o, "hi", r->measured.hi[i]);
        ir_json_close(o, '}');
    }
    ir_json_close(o, '}');
}

static void line_evidence(ir_json *o, const char *list)
{
    ir_json_key(o, "evidence");
    ir_json_open(o, '[');
    for (size_t n; *list; list += n + (list[n] == ';')) {
        n = strcspn(list, ";");
        ir_json_strn(o, list, n);
    }
    ir_json_close(o, ']');
}

ir_status claims_line(ir_journal *j, const char *device, const claim_row *r)
{
    char     answer[1000];
    ir_json *o = ir_line_begin(j, "verdict");
    if (!o) return ir_line_end(j);
    ir_json_key_text(o, "question", r->claim->id);
    ir_json_key_text(o, "id", r->claim->id);
    ir_json_key_text(o, "device", device ? device : "");
    ir_json_key_text(o, "topic", r->claim->topic);
    ir_json_key_text(o, "answer", claims_answer(r, answer, sizeof answer));
    ir_json_key_text(o, "statement", r->claim->statement);
    ir_json_key_text(o, "verdict",
                     r->claim->formula ? claim_analytic_name(r->result.verdict)
                     : r->has_measured ? claim_outcome_name(r->measured.outcome)
                                       : "not measured");
    ir_json_key_text(o, "analytic", r->claim->formula ? claim_analytic_name(r->result.verdict) : NULL);
    ir_json_key_text(o, "outcome", r->has_measured ? claim_outcome_name(r->measured.outcome) : NULL);
    ir_json_key_text(o, "why", *r->result.why ? r->result.why : r->measured.why);
    ir_json_key_num(o, "p", r->has_measured ? r->measured.p : NAN);
    ir_json_key_num(o, "tolerance_rel", r->claim->tolerance_rel);
    stated(o, r->claim);
    recomputed(o, r);
    line_measured(o, r);
    line_evidence(o, r->measured.evidence);
    return ir_line_end(j);
}

ir_status batch1_line(ir_journal *j, const claim_evidence *e, const batch1_answer *a)
{
    ir_verdict v = {.question = "batch1", .p = a->p};
    ir_status  st = IR_OK;
    for (size_t i = 0; i < a->n && st == IR_OK; i++) {
        const ir_point *p = a->point[i];
        ir_verdict      row = {.question = "batch1 row", .p = p->law.bound_p};
        char            key[IR_ID];
        snprintf(row.device, sizeof row.device, "%s", e->device);
        batch1_sentence(p, row.answer, sizeof row.answer);
        snprintf(row.verdict, sizeof row.verdict, "%s", ir_bound_name(p->law.bound));
        snprintf(row.evidence, sizeof row.evidence, "%s", ir_point_key(p, key));
        st = ir_journal_verdict(j, &row);
    }
    snprintf(v.device, sizeof v.device, "%s", e->device);
    snprintf(v.answer, sizeof v.answer, "%.255s", a->answer);
    snprintf(v.verdict, sizeof v.verdict, "%s", a->verdict);
    for (size_t i = 0; i < a->n; i++) {
        char   key[IR_ID];
        size_t n = strlen(v.evidence);
        ir_point_key(a->point[i], key);
        if (n + strlen(key) + 2 <= sizeof v.evidence)
            snprintf(v.evidence + n, sizeof v.evidence - n, "%s%s", n ? ";" : "", key);
    }
    return st == IR_OK ? ir_journal_verdict(j, &v) : st;
}

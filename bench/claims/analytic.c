/* analytic.c -- a claim's formula evaluated and held against what is stated. The ledger's own results are
 * never used as results: they are only compared with. */
#include "bench/claims/claims.h"

#include <math.h>
#include <string.h>

const ir_claim *claims_find(const ir_ledger *l, const char *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->claim[i].id, id)) return &l->claim[i];
    return NULL;
}

const char *claim_analytic_name(claim_analytic v)
{
    static const char *const name[] = {"-", "reproduced", "contradicted", "inconsistent", "error"};
    return name[v];
}

bool claim_meets(const ir_claim_value *s, const formula_value *got, double tol)
{
    if (s->kind == IR_CV_WORD) return got->word && !strcmp(got->word, s->word);
    if (got->word) return false;
    if (s->kind == IR_CV_RANGE) {
        bool above = isnan(s->lo) || got->v >= s->lo - tol * fabs(s->lo);
        bool below = isnan(s->hi) || got->v <= s->hi + tol * fabs(s->hi);
        return above && below;
    }
    return s->v == 0 ? fabs(got->v) <= tol : fabs(got->v / s->v - 1) <= tol;
}

static ir_status fail(const ir_claim *c, claim_result *o)
{
    char why[256];
    snprintf(why, sizeof why, "%.255s", ir_why());
    snprintf(o->why, sizeof o->why, "claim %.60s: %s", c->id, why);
    return ir_fail(IR_EINVAL, "%s", o->why);
}

static ir_status evaluate(const ir_claim *c, claim_result *o)
{
    int       column = 0;
    ir_status st = IR_OK;
    for (size_t i = 0; i < c->inputs.n && st == IR_OK; i++)
        st = formula_set(&o->values, c->inputs.v[i].name, c->inputs.v[i].v, NULL);
    if (st != IR_OK) return fail(c, o);
    if (formula_eval(c->formula, &o->values, &column) == IR_OK) return IR_OK;
    char why[200];
    snprintf(why, sizeof why, "%.199s", ir_why());
    ir_fail(IR_EINVAL, "column %d of the formula: %s", column, why);
    return fail(c, o);
}

/* Every stated value computed, and met? */
static ir_status analytic_judge(const ir_claim *c, claim_result *o)
{
    bool met = true;
    for (size_t i = 0; i < c->stated.n; i++) {
        const formula_value *got = formula_get(&o->values, c->stated.v[i].name);
        if (!got) {
            ir_fail(IR_EINVAL, "the formula does not compute the stated '%.40s'", c->stated.v[i].name);
            return fail(c, o);
        }
        met = met && claim_meets(&c->stated.v[i], got, c->tolerance_rel);
    }
    o->verdict = c->nconflict ? CLAIM_INCONSISTENT : met ? CLAIM_REPRODUCED : CLAIM_CONTRADICTED;
    return IR_OK;
}

static ir_status against_ledger(const ir_claim *c, claim_result *o)
{
    for (size_t i = 0; c->has_recomputed && i < c->recomputed.n; i++) {
        const ir_claim_value *want = &c->recomputed.v[i];
        const formula_value  *got = formula_get(&o->values, want->name);
        if (got && claim_meets(want, got, CLAIMS_DIGITS)) continue;
        if (!got)
            ir_fail(IR_EINVAL, "the formula does not compute '%.40s', which the ledger has as recomputed",
                    want->name);
        else if (got->word || want->word)
            ir_fail(IR_EINVAL, "%.40s is %s, the ledger's recomputed value is %s", want->name,
                    got->word ? got->word : "a number", want->word ? want->word : "a number");
        else
            ir_fail(IR_EINVAL, "%.40s is %.6g, the ledger's recomputed value is %.6g", want->name, got->v,
                    want->v);
        return fail(c, o);
    }
    if (c->verdict_expected && strcmp(c->verdict_expected, claim_analytic_name(o->verdict)) != 0) {
        ir_fail(IR_EINVAL, "the verdict is %s, the ledger expects %.40s", claim_analytic_name(o->verdict),
                c->verdict_expected);
        return fail(c, o);
    }
    return IR_OK;
}

ir_status claim_evaluate(const ir_claim *c, claim_result *o)
{
    memset(o, 0, sizeof *o);
    if (!c->formula) return IR_OK;
    o->verdict = CLAIM_ERROR;
    ir_status st = evaluate(c, o);
    if (st == IR_OK) st = analytic_judge(c, o);
    return st == IR_OK ? against_ledger(c, o) : st;
}

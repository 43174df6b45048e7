/* print.c -- claims on a terminal: one table, what could not be tested and why, and one claim explained. */
#include "bench/claims/claims.h"
#include "harness/record/text.h"

#include <math.h>
#include <string.h>

static size_t print_put(char *buf, size_t n, size_t at, const char *name, const char *value)
{
    int m = at < n ? snprintf(buf + at, n - at, "%s%s %s", at ? ", " : "", name, value) : 0;
    return at + (size_t)m;
}

static const char *print_number(double v, char buf[40])
{
    snprintf(buf, 40, "%.4g", v);
    return buf;
}

static const char *stated_value(const ir_claim_value *v, char buf[96])
{
    char lo[40], hi[40];
    if (v->kind == IR_CV_WORD)
        snprintf(buf, 96, "%.90s", v->word);
    else if (v->kind == IR_CV_NUMBER)
        snprintf(buf, 96, "%s", print_number(v->v, lo));
    else if (isnan(v->lo))
        snprintf(buf, 96, "<= %s", print_number(v->hi, hi));
    else if (isnan(v->hi))
        snprintf(buf, 96, ">= %s", print_number(v->lo, lo));
    else
        snprintf(buf, 96, "%s..%s", print_number(v->lo, lo), print_number(v->hi, hi));
    return buf;
}

static const char *got_value(const formula_value *v, char buf[40])
{
    if (!v) return "-";
    return v->word ? v->word : print_number(v->v, buf);
}

const char *claims_stated_text(const ir_claim *c, char *buf, size_t n)
{
    char   v[96];
    size_t at = 0;
    buf[0] = 0;
    for (size_t i = 0; i < c->stated.n; i++)
        at = print_put(buf, n, at, c->stated.v[i].name, stated_value(&c->stated.v[i], v));
    return buf;
}

const char *claims_recomputed_text(const claim_row *r, char *buf, size_t n)
{
    char   v[40];
    size_t at = 0;
    buf[0] = 0;
    for (size_t i = 0; r->claim->formula && i < r->claim->stated.n; i++) {
        const char *name = r->claim->stated.v[i].name;
        at = print_put(buf, n, at, name, got_value(formula_get(&r->result.values, name), v));
    }
    return buf;
}

const char *claims_measured_text(const claim_row *r, char *buf, size_t n)
{
    char              v[40];
    size_t            at = 0;
    const claim_rule *rule = claim_rule_find(r->claim->id);
    buf[0] = 0;
    for (int i = 0; r->has_measured && rule && claim_shown(rule, i); i++) {
        const formula_value *got = formula_get(&r->measured.values, claim_shown(rule, i));
        if (got) at = print_put(buf, n, at, claim_shown(rule, i), got_value(got, v));
    }
    return buf;
}

/* What a machine said: the outcome, the values it rests on, and the test that they met. */
static void machine_part(const claim_row *r, char *buf, size_t n)
{
    const claim_measured *m = &r->measured;
    const char           *test = m->outcome == MEASURED_CONFIRMED ? r->claim->confirms
                                 : m->outcome == MEASURED_REFUTED ? r->claim->refutes
                                                                  : "";
    char                  values[200];
    if (!r->has_measured || m->outcome == MEASURED_NONE) {
        snprintf(buf, n, "%s", r->has_measured ? "nothing to measure" : "not measured");
        return;
    }
    claims_measured_text(r, values, sizeof values);
    snprintf(buf, n, "%s%s%s%s%s%s%s%s", claim_outcome_name(m->outcome), *m->why ? ", " : "", m->why,
             *values ? " (" : "", values, *values ? ")" : "", *test ? "; the test: " : "", test);
}

const char *claims_answer(const claim_row *r, char *buf, size_t n)
{
    char here[500];
    machine_part(r, here, sizeof here);
    snprintf(buf, n, "%s The book's own figures: %s. This machine: %s.", r->claim->statement,
             r->claim->formula ? claim_analytic_name(r->result.verdict) : "nothing to recompute", here);
    return buf;
}

/* ---- table ----------------------------------------------------------------------------------- */
static ir_style style_of(const claim_row *r)
{
    static const ir_style style[] = {TXT_DIM, TXT_GREEN, TXT_RED, TXT_YELLOW, TXT_RED};
    return style[r->result.verdict];
}

static ir_style outcome_style(claim_outcome o)
{
    static const ir_style style[] = {TXT_DIM, TXT_GREEN, TXT_RED, TXT_YELLOW, TXT_DIM, TXT_DIM};
    return style[o];
}

static void table_row(ir_table *tb, const claim_row *r)
{
    char text[200], p[IR_NUM];
    ir_table_cell(tb, TXT_BOLD, "%s", r->claim->id);
    ir_table_cell(tb, TXT_PLAIN, "%s", claims_stated_text(r->claim, text, sizeof text));
    ir_table_cell(tb, TXT_PLAIN, "%s", claims_recomputed_text(r, text, sizeof text));
    ir_table_cell(tb, style_of(r), "%s", claim_analytic_name(r->result.verdict));
    ir_table_cell(tb, TXT_PLAIN, "%s", claims_measured_text(r, text, sizeof text));
    ir_table_cell(tb, outcome_style(r->measured.outcome), "%s",
                  r->has_measured ? claim_outcome_name(r->measured.outcome) : "");
    ir_table_cell(tb, TXT_PLAIN, "%s",
                  r->has_measured && isfinite(r->measured.p) ? ir_text_plain(r->measured.p, p) : "");
}

static void print_reasons(const ir_text *t, const claim_row *r, size_t n, claim_outcome which,
                          const char *lead)
{
    for (size_t i = 0; i < n; i++) {
        char   ids[700];
        size_t at = 0;
        bool   told = false;
        if (!r[i].has_measured || r[i].measured.outcome != which) continue;
        for (size_t k = 0; k < i; k++)
            told |= r[k].has_measured && r[k].measured.outcome == which &&
                    !strcmp(r[k].measured.why, r[i].measured.why);
        for (size_t k = i; k < n && !told && at < sizeof ids; k++)
            if (r[k].has_measured && r[k].measured.outcome == which &&
                !strcmp(r[k].measured.why, r[i].measured.why))
                at += (size_t)snprintf(ids + at, sizeof ids - at, "%s%s", at ? ", " : "", r[k].claim->id);
        if (!told) ir_text_para(t, lead, "%s: %s", r[i].measured.why, ids);
    }
}

static void totals(const ir_text *t, const claim_row *r, size_t n)
{
    size_t a[5] = {0}, m[6] = {0};
    bool   measured = false;
    for (size_t i = 0; i < n; i++) {
        a[r[i].result.verdict]++;
        if (r[i].has_measured) m[r[i].measured.outcome]++;
        measured |= r[i].has_measured;
    }
    ir_text_para(t, "",
                 "%zu claims, recomputed from the book's figures: %zu reproduced, %zu contradicted, %zu "
                 "inconsistent in the book, "
                 "%zu without an analytic part, %zu errors.",
                 n, a[CLAIM_REPRODUCED], a[CLAIM_CONTRADICTED], a[CLAIM_INCONSISTENT], a[CLAIM_NONE],
                 a[CLAIM_ERROR]);
    if (measured)
        ir_text_para(t, "",
                     "Put to this machine: %zu confirmed, %zu refuted, %zu undecided, %zu not measured, %zu "
                     "not testable here, "
                     "%zu analytic only.",
                     m[MEASURED_CONFIRMED], m[MEASURED_REFUTED], m[MEASURED_UNDECIDED], m[MEASURED_MISSING],
                     m[MEASURED_UNTESTABLE], m[MEASURED_NONE]);
}

void claims_print(const ir_text *t, const claim_row *r, size_t n)
{
    static const ir_col col[] = {
        {"claim", false, 0, 0},   {"stated", false, 14, 0},        {"recomputed", false, 14, 0},
        {"verdict", false, 0, 0}, {"measured here", false, 14, 1}, {"outcome", false, 0, 0},
        {"P", true, 0, 2}};
    ir_table tb;
    ir_table_begin(&tb, t, col, 7);
    for (size_t i = 0; i < n; i++) table_row(&tb, &r[i]);
    ir_table_end(&tb);
    fputc('\n', t->f);
    totals(t, r, n);
    print_reasons(t, r, n, MEASURED_UNTESTABLE, "Not testable here, ");
    print_reasons(t, r, n, MEASURED_MISSING, "Not measured, ");
}

/* ---- one claim ------------------------------------------------------------------------------- */
static void explain_values(const ir_text *t, const claim_row *r)
{
    const ir_claim *c = r->claim;
    char            text[600] = "", v[96], g[40];
    size_t          at = 0;
    for (size_t i = 0; i < c->inputs.n; i++) {
        snprintf(v, sizeof v, "= %.10g", c->inputs.v[i].v);
        at = print_put(text, sizeof text, at, c->inputs.v[i].name, v);
    }
    if (*text) ir_text_para(t, "  inputs:     ", "%s", text);
    if (c->formula) ir_text_para(t, "  formula:    ", "%s", c->formula);
    for (size_t i = 0; i < c->stated.n; i++) {
        const ir_claim_value *s = &c->stated.v[i];
        const formula_value  *got = c->formula ? formula_get(&r->result.values, s->name) : NULL;
        ir_text_para(t, "  stated:     ", "%s = %s %s; recomputed %s%s", s->name, stated_value(s, v),
                     strcmp(s->unit, "1") ? s->unit : "", got_value(got, g),
                     !got                                    ? ""
                     : claim_meets(s, got, c->tolerance_rel) ? ", met"
                                                             : ", not met");
    }
    for (size_t i = 0; i < c->recomputed.n; i++) {
        const ir_claim_value *w = &c->recomputed.v[i];
        bool                  also = true;
        for (size_t k = 0; k < c->stated.n; k++) also = also && strcmp(c->stated.v[k].name, w->name) != 0;
        if (also)
            ir_text_para(t, "  also:       ", "%s = %s %s", w->name,
                         got_value(formula_get(&r->result.values, w->name), g), w->unit);
    }
}

static void explain_measured(const ir_text *t, const claim_row *r)
{
    const ir_claim   *c = r->claim;
    const claim_rule *rule = claim_rule_find(c->id);
    char              p[IR_NUM];
    if (!c->has_measure) return;
    ir_text_para(t, "  measure:    ", "%s: %s", c->workload, c->quantity);
    ir_text_para(t, "  confirms:   ", "%s", c->confirms);
    ir_text_para(t, "  refutes:    ", "%s", c->refutes);
    if (rule && rule->formula) ir_text_para(t, "  rule:       ", "%s", rule->formula);
    if (!r->has_measured) return;
    for (int i = 0; rule && claim_shown(rule, i); i++) {
        char                 v[40], lo[40], hi[40];
        const char          *name = claim_shown(rule, i);
        const formula_value *got = formula_get(&r->measured.values, name);
        if (!got) continue;
        if (got->word || !isfinite(r->measured.lo[i]))
            ir_text_para(t, "  here:       ", "%s = %s", name, got_value(got, v));
        else
            ir_text_para(t, "  here:       ", "%s = %s (%s..%s)", name, got_value(got, v),
                         print_number(r->measured.lo[i], lo), print_number(r->measured.hi[i], hi));
    }
    if (*r->measured.evidence) ir_text_para(t, "  evidence:   ", "%s", r->measured.evidence);
    ir_text_para(t, "  outcome:    ", "%s%s%s%s%s", claim_outcome_name(r->measured.outcome),
                 *r->measured.why ? ": " : "", r->measured.why, isfinite(r->measured.p) ? ", P " : "",
                 isfinite(r->measured.p) ? ir_text_plain(r->measured.p, p) : "");
}

void claims_explain(const ir_text *t, const claim_row *r)
{
    const ir_claim *c = r->claim;
    char            v[96];
    fputc('\n', t->f);
    ir_text_styled(t, TXT_BOLD, "%s\n", c->id);
    ir_text_para(t, "  claim:      ", "%s", c->statement);
    if (c->book_line)
        ir_text_para(t, "  where:      ", "book, line %d; topic %s%s%s", c->book_line, c->topic,
                     *c->traffic_model ? "; traffic model " : "", c->traffic_model);
    explain_values(t, r);
    for (size_t i = 0; i < c->nconflict; i++) {
        char   text[300] = "";
        size_t at = 0;
        for (size_t k = 0; k < c->conflict[i].values.n; k++)
            at = print_put(text, sizeof text, at, c->conflict[i].values.v[k].name,
                           stated_value(&c->conflict[i].values.v[k], v));
        ir_text_para(t, "  conflict:   ", "line %d: %s (%s)", c->conflict[i].book_line, c->conflict[i].note,
                     text);
    }
    if (c->formula)
        ir_text_para(t, "  verdict:    ", "%s (tolerance %g %%)", claim_analytic_name(r->result.verdict),
                     100 * c->tolerance_rel);
    if (*r->result.why) ir_text_para(t, "  error:      ", "%s", r->result.why);
    if (*c->why) ir_text_para(t, "  why:        ", "%s", c->why);
    explain_measured(t, r);
}

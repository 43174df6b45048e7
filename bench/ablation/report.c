/* report.c -- proofs on the screen and as verdict records. */
#include "bench/ablation/ablation.h"
#include "harness/record/journal.h"

#include <math.h>
#include <string.h>

static const char *const term_name[ABL_NTERM] = {"data", "compute", "latency"};

static void elasticity(const term_elasticity *e, char *out, size_t n)
{
    if (e->how == ABL_NIL)
        snprintf(out, n, "0 (too small to matter)");
    else if (e->how == ABL_TANGLED)
        snprintf(out, n, "not told apart");
    else if (!isfinite(e->v))
        snprintf(out, n, "not changed");
    else
        snprintf(out, n, "%.2f [%.2f, %.2f]", e->v, e->lo, e->hi);
}

static void sentence(const ablation_entry *e, char *out, size_t n)
{
    char   text[48];
    size_t used =
        (size_t)snprintf(out, n, "%s: %s", ir_bound_name(e->label), ablation_outcome_name(e->outcome));
    if (e->corrected != e->label)
        used += (size_t)snprintf(out + used, n - used, ", now %s", ir_bound_name(e->corrected));
    if (*e->why) {
        snprintf(out + used, n - used, ", %.150s", e->why);
        return;
    }
    for (int j = 0; j < ABL_NTERM && used < n; j++) {
        elasticity(&e->e[j], text, sizeof text);
        used += (size_t)snprintf(out + used, n - used, "%s%s %s",
                                 j ? ", " : "; elasticity of T: ", term_name[j], text);
    }
}

/* The term that the variant changes most, of those that matter; -1: it changes none of them by enough. What T
 * did of that change, lnT'/T over ln x'/x, is the variant's own elasticity. */
static int changed_most(const ablation_entry *e, const ablation_line *l)
{
    int at = -1;
    for (int j = 0; j < ABL_NTERM; j++)
        if (e->e[j].how != ABL_NIL && fabs(l->d[j]) >= ABL_LEAST &&
            (at < 0 || fabs(l->d[j]) > fabs(l->d[at])))
            at = j;
    return at;
}

static term_elasticity own_elasticity(const ablation_line *l, int term)
{
    double d = l->d[term], a = l->lo / d, b = l->hi / d;
    return (term_elasticity){l->y / d, fmin(a, b), fmax(a, b), ABL_KNOWN, NAN};
}

static void variant_sentence(const ablation_entry *e, const ablation_line *l, char *out, size_t n)
{
    if (isnan(l->y)) {
        snprintf(out, n, "%s: not measured: %.150s", l->what, l->why);
        return;
    }
    int    term = changed_most(e, l);
    size_t used = (size_t)snprintf(
        out, n, "%s: data x%.2f, compute x%.2f, latency x%.2f; T x%.2f [%.2f, %.2f]", l->what,
        exp(l->d[ABL_DATA]), exp(l->d[ABL_COMP]), exp(l->d[ABL_LAT]), exp(l->y), exp(l->lo), exp(l->hi));
    if (isfinite(l->law) && used < n)
        used += (size_t)snprintf(out + used, n - used, ", foretold x%.2f", exp(l->law));
    if (term < 0 || used >= n) return;
    term_elasticity own = own_elasticity(l, term);
    snprintf(out + used, n - used, "; dlnT/dln(%s) %.2f [%.2f, %.2f]", term_name[term], own.v, own.lo,
             own.hi);
}

void ablation_print(FILE *f, const measure_context *s, const ablation_set *set)
{
    char   key[IR_ID], line[400];
    size_t count[3] = {0};
    if (set->n)
        fprintf(f, "\nProof by intervention (x: a term's change by cost model and ceilings, T measured)\n");
    else
        fprintf(f, "\nProof by intervention: no point has a label with P >= .95.\n");
    for (size_t i = 0; i < set->n; i++) {
        const ablation_entry *e = &set->v[i];
        count[e->outcome]++;
        sentence(e, line, sizeof line);
        fprintf(f, "%s %s\n    %s\n",
                e->outcome == ABL_CONFIRMED      ? "+"
                : e->outcome == ABL_CONTRADICTED ? "!"
                                                 : "?",
                ir_point_key(&s->point[e->point], key), line);
        for (size_t k = 0; k < e->n; k++) {
            variant_sentence(e, &e->line[k], line, sizeof line);
            fprintf(f, "      %s %s\n", isnan(e->line[k].y) ? " " : e->line[k].agrees ? "+" : "-", line);
        }
    }
    if (set->n)
        fprintf(f, "%zu confirmed, %zu contradicted, %zu undecided\n", count[ABL_CONFIRMED],
                count[ABL_CONTRADICTED], count[ABL_UNDECIDED]);
    if (set->left_out)
        fprintf(f,
                "%zu more labels were not put to the test: --prove=REGEX picks points, --profile full proves "
                "more\n",
                set->left_out);
    if (set->unlabelled)
        fprintf(f, "%zu more that were asked for have no clear label to prove\n", set->unlabelled);
}

/* ---- records --------------------------------------------------------------------------------- */
static void report_interval(ir_json *o, double v, double lo, double hi)
{
    ir_json_key_num(o, "value", v);
    ir_json_key_num(o, "lo", lo);
    ir_json_key_num(o, "hi", hi);
}

static void elasticities(ir_json *o, const term_elasticity *e)
{
    static const char *const how[] = {"known", "nil", "held", "tangled"};
    ir_json_key(o, "elasticity");
    ir_json_open(o, '{');
    for (int j = 0; j < ABL_NTERM; j++) {
        ir_json_key(o, term_name[j]);
        ir_json_open(o, '{');
        report_interval(o, e[j].v, e[j].lo, e[j].hi);
        ir_json_key_text(o, "how", how[e[j].how]);
        ir_json_close(o, '}');
    }
    ir_json_close(o, '}');
}

static void variant_numbers(ir_json *o, const ablation_entry *e, const ablation_line *l)
{
    int term = changed_most(e, l);
    if (isnan(l->y)) return;
    ir_json_key(o, "terms_ratio");
    ir_json_open(o, '{');
    for (int j = 0; j < ABL_NTERM; j++) ir_json_key_num(o, term_name[j], exp(l->d[j]));
    ir_json_close(o, '}');
    ir_json_key(o, "T_ratio");
    ir_json_open(o, '{');
    report_interval(o, exp(l->y), exp(l->lo), exp(l->hi));
    ir_json_close(o, '}');
    if (isfinite(l->law)) {
        ir_json_key(o, "T_ratio_foretold");
        ir_json_open(o, '{');
        report_interval(o, exp(l->law), exp(l->law_lo), exp(l->law_hi));
        ir_json_close(o, '}');
    }
    if (term < 0) return;
    term_elasticity own = own_elasticity(l, term);
    ir_json_key(o, "elasticity");
    ir_json_open(o, '{');
    ir_json_key(o, term_name[term]);
    ir_json_open(o, '{');
    report_interval(o, own.v, own.lo, own.hi);
    ir_json_close(o, '}');
    ir_json_close(o, '}');
}

/* What every verdict has. */
static ir_json *report_begin(ir_journal *j, const char *question, const char *device, const char *answer,
                             const char *verdict)
{
    ir_json *o = ir_line_begin(j, "verdict");
    if (!o) return NULL;
    ir_json_key_text(o, "question", question);
    ir_json_key_text(o, "device", device);
    ir_json_key_text(o, "answer", answer);
    ir_json_key_text(o, "verdict", verdict);
    return o;
}

static void report_evidence(ir_json *o, const char *a, const char *b)
{
    ir_json_key(o, "evidence");
    ir_json_open(o, '[');
    ir_json_str(o, a);
    if (b) ir_json_str(o, b);
    ir_json_close(o, ']');
}

static ir_status journal_twin(ir_journal *j, const char *device, const char *key, const ablation_entry *e,
                              const ablation_line *l)
{
    char answer[400];
    variant_sentence(e, l, answer, sizeof answer);
    ir_json *o = report_begin(j, "prove twin", device, answer,
                              isnan(l->y) ? "not measured"
                              : l->agrees ? "agrees"
                                          : "disagrees");
    if (!o) return ir_line_end(j);
    ir_json_key_num(o, "p", NAN);
    report_evidence(o, key, l->key);
    ir_json_key_text(o, "twin", l->what);
    variant_numbers(o, e, l);
    return ir_line_end(j);
}

static ir_status journal_entry(ir_journal *j, const measure_context *s, const ablation_entry *e,
                               const char *key)
{
    char   answer[500];
    size_t used = (size_t)snprintf(answer, sizeof answer, "%.160s: ", key);
    sentence(e, answer + used, sizeof answer - used);
    ir_json *o = report_begin(j, "prove", s->info.id, answer, ablation_outcome_name(e->outcome));
    if (!o) return ir_line_end(j);
    ir_json_key_num(o, "p", e->p);
    report_evidence(o, key, NULL);
    ir_json_key_text(o, "label", ir_bound_name(e->label));
    ir_json_key_text(o, "corrected", e->corrected == e->label ? NULL : ir_bound_name(e->corrected));
    elasticities(o, e->e);
    return ir_line_end(j);
}

ir_status ablation_journal(ir_journal *j, const measure_context *s, const ablation_set *set)
{
    ir_status st = IR_OK;
    for (size_t i = 0; i < set->n && st == IR_OK; i++) {
        const ablation_entry *e = &set->v[i];
        char                  key[IR_ID];
        ir_point_key(&s->point[e->point], key);
        st = journal_entry(j, s, e, key);
        for (size_t k = 0; k < e->n && st == IR_OK; k++)
            st = journal_twin(j, s->info.id, key, e, &e->line[k]);
    }
    return st;
}

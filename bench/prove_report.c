/* prove_report.c -- proofs on the screen and as verdict records. */
#include "bench/prove.h"

#include <math.h>
#include <string.h>

static const char *const term_name[PROVE_NTERM] = {"data", "compute", "latency"};

static void elasticity(const prove_elasticity *e, char *out, size_t n)
{
    if (e->how == PROVE_NIL) snprintf(out, n, "0 (too small to matter)");
    else if (e->how == PROVE_TANGLED) snprintf(out, n, "not told apart");
    else if (!isfinite(e->v)) snprintf(out, n, "not changed");
    else snprintf(out, n, "%.2f [%.2f, %.2f]", e->v, e->lo, e->hi);
}

static void sentence(const prove_entry *e, char *out, size_t n)
{
    char   text[48];
    size_t used = (size_t)snprintf(out, n, "%s: %s", ir_bound_name(e->label), prove_outcome_name(e->outcome));
    if (*e->why) {
        snprintf(out + used, n - used, ", %.150s", e->why);
        return;
    }
    for (int j = 0; j < PROVE_NTERM && used < n; j++) {
        elasticity(&e->e[j], text, sizeof text);
        used += (size_t)snprintf(out + used, n - used, "%s%s %s", j ? ", " : "; elasticity of T: ", term_name[j], text);
    }
}

static void twin_sentence(const prove_line *l, char *out, size_t n)
{
    if (isnan(l->y)) snprintf(out, n, "%s: not measured: %.150s", l->what, l->why);
    else
        snprintf(out, n, "%s: data x%.2f, compute x%.2f, latency x%.2f; T x%.2f [%.2f, %.2f]", l->what, exp(l->d[PROVE_DATA]),
                 exp(l->d[PROVE_COMP]), exp(l->d[PROVE_LAT]), exp(l->y), exp(l->lo), exp(l->hi));
}

void prove_print(FILE *f, const session *s, const prove_set *set)
{
    char   key[IR_ID], line[256];
    size_t count[3] = {0};
    if (set->n) fprintf(f, "\nProof by intervention (x: a term's change by cost model and ceilings, T measured)\n");
    else fprintf(f, "\nProof by intervention: no point has a label with P >= .95.\n");
    for (size_t i = 0; i < set->n; i++) {
        const prove_entry *e = &set->v[i];
        count[e->outcome]++;
        sentence(e, line, sizeof line);
        fprintf(f, "%s %s\n    %s\n", e->outcome == PROVE_CONFIRMED ? "+" : e->outcome == PROVE_CONTRADICTED ? "!" : "?",
                ir_point_key(&s->point[e->point], key), line);
        for (size_t k = 0; k < e->n; k++) {
            twin_sentence(&e->line[k], line, sizeof line);
            fprintf(f, "      %s %s\n", isnan(e->line[k].y) ? " " : e->line[k].agrees ? "+" : "-", line);
        }
    }
    if (set->n)
        fprintf(f, "%zu confirmed, %zu contradicted, %zu undecided\n", count[PROVE_CONFIRMED], count[PROVE_CONTRADICTED],
                count[PROVE_UNDECIDED]);
    if (set->left_out)
        fprintf(f, "%zu more labels were not put to the test: --prove=REGEX picks points, --profile full proves more\n", set->left_out);
    if (set->unlabelled) fprintf(f, "%zu more that were asked for have no clear label to prove\n", set->unlabelled);
}

static ir_status journal_twin(ir_journal *j, const char *device, const char *key, const prove_line *l)
{
    ir_verdict v = {.question = "prove twin", .p = NAN};
    snprintf(v.device, sizeof v.device, "%s", device);
    snprintf(v.evidence, sizeof v.evidence, "%s;%s", key, l->key);
    snprintf(v.verdict, sizeof v.verdict, "%s", isnan(l->y) ? "not measured" : l->agrees ? "agrees" : "disagrees");
    twin_sentence(l, v.answer, sizeof v.answer);
    return ir_journal_verdict(j, &v);
}

ir_status prove_journal(ir_journal *j, const session *s, const prove_set *set)
{
    ir_status st = IR_OK;
    for (size_t i = 0; i < set->n && st == IR_OK; i++) {
        const prove_entry *e = &set->v[i];
        ir_verdict         v = {.question = "prove", .p = s->point[e->point].bound_p};
        char               key[IR_ID];
        ir_point_key(&s->point[e->point], key);
        snprintf(v.device, sizeof v.device, "%s", s->info.id);
        snprintf(v.evidence, sizeof v.evidence, "%s", key);
        snprintf(v.verdict, sizeof v.verdict, "%s", prove_outcome_name(e->outcome));
        size_t used = (size_t)snprintf(v.answer, sizeof v.answer, "%.90s: ", key);
        sentence(e, v.answer + used, sizeof v.answer - used);
        st = ir_journal_verdict(j, &v);
        for (size_t k = 0; k < e->n && st == IR_OK; k++) st = journal_twin(j, s->info.id, key, &e->line[k]);
    }
    return st;
}

/* print.c -- see ab_print.h. */
#include "bench/ab/print.h"
#include "bench/run/output.h"
#include "bench/cli/version.h"
#include "harness/record/text.h"
#include "harness/record/writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int print_weight(const ir_comparison *c)
{
    static const char *const order[] = {"INCORRECT",      "MISSING",      "REGRESSED", "ENVIRONMENT",
                                        "TOO FEW BLOCKS", "INCONCLUSIVE", "IMPROVED",  "NOT SLOWER"};
    for (int i = 0; i < 8; i++)
        if (!strcmp(c->verdict, order[i])) return i;
    return 8;
}

static int worst_first(const void *x, const void *y)
{
    const ir_comparison *a = x, *b = y;
    int                  wa = print_weight(a), wb = print_weight(b);
    if (wa != wb) return wa - wb;
    double ea = isnan(a->effect) ? 0 : a->effect, eb = isnan(b->effect) ? 0 : b->effect;
    if (ea != eb) return ea < eb ? 1 : -1;
    return strcmp(a->point, b->point);
}

void ab_sort(ir_comparison *v, size_t n)
{
    if (n) qsort(v, n, sizeof *v, worst_first);
}

static void percent(double log_ratio, bool sign, char *buf, size_t n)
{
    if (isnan(log_ratio))
        snprintf(buf, n, "-");
    else
        snprintf(buf, n, sign ? "%+.1f %%" : "%.1f %%", 100 * expm1(log_ratio));
}

enum { VERDICT_COLUMN = 23 };

void ab_wrapped(const ir_text *t, int indent, const char *s)
{
    int width = t->width > indent + 30 ? t->width : 100, at = indent;
    fprintf(t->f, "%*s", indent, "");
    for (s += strspn(s, " "); *s; s += strspn(s, " ")) {
        int n = (int)strcspn(s, " "), room = width - indent;
        if (n > room) n = room;
        if (at > indent && at + 1 + n > width) {
            fprintf(t->f, "\n%*s", indent, "");
            at = indent;
        }
        fprintf(t->f, "%s%.*s", at > indent ? " " : "", n, s);
        at += n + (at > indent);
        s += n;
    }
    fputc('\n', t->f);
}

/* A name that goes on below its own beginning where the line ends. */
static void print_name(const ir_text *t, const char *s)
{
    size_t room = (size_t)(t->width > VERDICT_COLUMN + 30 ? t->width : 100) - VERDICT_COLUMN;
    for (; strlen(s) > room; s += room) fprintf(t->f, "%.*s\n%*s", (int)room, s, VERDICT_COLUMN, "");
    fprintf(t->f, "%s\n", s);
}

/* "+9.8 % [+8.1 % to +11.2 %] in 12 blocks" */
static size_t interval(double effect, double lo, double hi, size_t blocks, const char *unit, char *buf,
                       size_t size)
{
    char e[16], l[16], h[16], both[48] = "";
    percent(effect, true, e, sizeof e);
    percent(lo, true, l, sizeof l);
    percent(hi, true, h, sizeof h);
    if (!isnan(lo)) snprintf(both, sizeof both, " [%s to %s]", l, h);
    return (size_t)snprintf(buf, size, "%s%s in %zu %s", e, both, blocks, unit);
}

static void print_numbers(const ir_text *t, const ir_comparison *c, const char *unit)
{
    char   was[32], is[32], mde[16], text[320];
    size_t n =
        (size_t)snprintf(text, sizeof text, "%s -> %s, ", ir_text_scaled(c->time_s, "s", was, sizeof was),
                         ir_text_scaled(c->new_s, "s", is, sizeof is));
    n += interval(c->effect, c->lo, c->hi, c->blocks, unit, text + n, sizeof text - n);
    percent(c->mde, false, mde, sizeof mde);
    if (!isnan(c->mde)) snprintf(text + n, sizeof text - n, "; could see %s", mde);
    ab_wrapped(t, 4, text);
    if (isnan(c->again_effect)) return;
    n = (size_t)snprintf(text, sizeof text, "fresh blocks alone: ");
    interval(c->again_effect, c->again_lo, c->again_hi, c->again_blocks, unit, text + n, sizeof text - n);
    ab_wrapped(t, 4, text);
}

static ir_style print_style(const ir_comparison *c)
{
    const int weight = print_weight(c); /* as in its table: 0..2 bad, 3..5 undecided, 6 better */
    return weight <= 2 ? TXT_RED : weight <= 5 ? TXT_YELLOW : weight == 6 ? TXT_GREEN : TXT_PLAIN;
}

void ab_print(const ir_text *t, const ir_comparison *v, size_t n, const char *unit)
{
    char text[160];
    fprintf(t->f, "%-*s%s\n", VERDICT_COLUMN, "verdict", "point");
    snprintf(text, sizeof text, "old -> new, change [95 %% interval] in %s; the smallest change it could see",
             unit);
    ab_wrapped(t, 4, text);
    for (size_t i = 0; i < n; i++) {
        const ir_comparison *c = &v[i];
        char                 verdict[48];
        snprintf(verdict, sizeof verdict, "%s%s", c->verdict, c->confirmed ? " (confirmed)" : "");
        ir_text_styled(t, print_style(c), "%-*s", VERDICT_COLUMN, verdict);
        print_name(t, c->point);
        if (c->blocks) print_numbers(t, c, unit);
        if (*c->note) ab_wrapped(t, 4, c->note);
    }
    ir_text_flush(t->f);
}

void ab_sentence(const ir_comparison *v, size_t n, char *buf, size_t size)
{
    static const char *const order[] = {"REGRESSED",   "INCORRECT",      "MISSING",
                                        "ENVIRONMENT", "TOO FEW BLOCKS", "INCONCLUSIVE",
                                        "IMPROVED",    "NOT SLOWER",     "SAME"};
    size_t                   used = (size_t)snprintf(buf, size, "%zu point%s", n, n == 1 ? "" : "s");
    for (int k = 0; k < 9; k++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++) count += !strcmp(v[i].verdict, order[k]);
        if (count && used < size)
            used += (size_t)snprintf(buf + used, size - used, ", %zu %s", count, order[k]);
    }
}

ir_status ab_lines(const trial *t, const char *kind, ir_comparisons *out)
{
    ir_status st = IR_OK;
    *out = (ir_comparisons){.v = calloc(t->n + 1, sizeof *out->v)};
    if (!out->v) return ir_fail(IR_ENOMEM, "no memory for %zu points", t->n);
    for (size_t i = 0; i < t->n && st == IR_OK; i++) {
        st = trial_line(t, &t->v[i], kind, &out->v[i]);
        if (st == IR_OK) out->n++;
    }
    ab_sort(out->v, out->n);
    if (st != IR_OK) ir_comparisons_free(out);
    return st;
}

ir_status ab_print_proof(FILE *f, const char *proof)
{
    ir_gate_proofs p = {0};
    ir_status      st = proof ? ir_comparisons_read(proof, NULL, &p) : IR_OK;
    bool           told = false;
    for (size_t i = 0; i < p.n; i++) {
        const ir_gate_proof *g = &p.v[i];
        if (strcmp(g->what, "aa") != 0) continue;
        told = true;
        fprintf(f,
                "%sfalse alarms of this gate: %zu of %zu point-verdicts on identical builds, at most %.2f %% "
                "(95 %%)%s\n",
                g->upper <= 0.01 ? "" : "WARNING: ", g->found, g->n, 100 * g->upper,
                g->upper <= 0.01 ? "" : ": above 1 %, do not trust a red alone");
    }
    if (st == IR_OK && proof && !told) st = ir_fail(IR_EINVAL, "%s: no result of 'selftest aa' in it", proof);
    if (!proof)
        fprintf(f, "WARNING: the false-alarm rate of this gate on this machine is not known: run 'ironroof "
                   "selftest aa -o FILE', "
                   "then give --proof FILE\n");
    ir_gate_proofs_free(&p);
    return st;
}

ir_status ab_file_check(const char *path, bool force)
{
    ir_writer  *w = NULL;
    struct stat s;
    if (!path || !strcmp(path, "-") || (stat(path, &s) == 0 && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode)))
        return IR_OK; /* a pipe is opened once */
    ir_status st = output_apart(path);
    if (st == IR_OK) st = ir_may_replace(path, NULL, force);
    if (st == IR_OK) st = ir_writer_open(path, &w);
    ir_writer_discard(&w);
    return st;
}

ir_status ab_file(const char *path, bool force, int argc, char *const *argv, const char *kind,
                  const ir_comparison *v, size_t n, const ir_gate_proof *p, size_t nproof)
{
    ir_journal *j = NULL;
    ir_verdict  sum = {.p = NAN};
    if (!path) return IR_OK;
    ir_status st = ir_journal_whole(path, force, &j);
    for (size_t i = 0; i < n && st == IR_OK; i++)
        if (v[i].quad_s) ir_journal_measured(j); /* not only runs that are on disk */
    if (st == IR_OK) st = ir_journal_header(j, IR_VERSION, IR_COST_MODEL, argc, (char **)argv);
    for (size_t i = 0; i < n && st == IR_OK; i++) st = ir_journal_comparison(j, &v[i]);
    for (size_t i = 0; i < nproof && st == IR_OK; i++) st = ir_journal_proof(j, &p[i]);
    snprintf(sum.question, sizeof sum.question, "%s", kind);
    ab_sentence(v, n, sum.answer, sizeof sum.answer);
    snprintf(sum.verdict, sizeof sum.verdict, "%s", n ? v[0].verdict : "");
    if (st == IR_OK) st = ir_journal_verdict(j, &sum);
    if (st == IR_OK) return ir_journal_close(&j);
    ir_journal_discard(&j);
    return st;
}

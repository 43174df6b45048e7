/* batch1.c -- the claim this suite was written for, put to one machine: is inference at batch 1 memory-bound?
 * ResNet-50 and GPT-2's decode step are judged row by row; the answer for the machine follows from the rows
 * and may be no. */
#include "bench/claims/claims.h"
#include "harness/record/text.h"

#include <math.h>
#include <string.h>

static int64_t batch1_param(const ir_point *p, const char *name, int64_t without)
{
    for (int i = 0; i < p->id.np; i++)
        if (!strcmp(p->id.pname[i], name)) return p->id.p.v[i];
    return without;
}

static bool asks(const claim_evidence *e, const ir_point *p)
{
    bool net = !strcmp(p->id.workload, "resnet50") ||
               (!strcmp(p->id.family, "gpt") && batch1_param(p, "tokens", 1) == 1);
    return net && p->status == IR_OK && !p->id.cold && !(p->id.kflags & IR_K_NAIVE) &&
           batch1_param(p, "batch", 0) == 1 && p->id.p.threads == e->threads && isfinite(ir_point_time(p)) &&
           (p->law.bound != IR_BOUND_UNKNOWN || *p->law.withheld);
}

static bool same_question(const ir_point *a, const ir_point *b)
{
    return !strcmp(a->id.workload, b->id.workload) && a->id.p.dtype == b->id.p.dtype &&
           !memcmp(a->id.p.v, b->id.p.v, sizeof a->id.p.v);
}

static void batch1_collect(const claim_evidence *e, batch1_answer *o)
{
    for (size_t i = 0; i < e->npoint; i++) {
        const ir_point *p = &e->point[i];
        size_t          k = 0;
        if (!asks(e, p)) continue;
        while (k < o->n && !same_question(o->point[k], p)) k++;
        if (k == o->n && o->n == BATCH1_MAX) continue;
        if (k == o->n || ir_point_time(p) < ir_point_time(o->point[k])) o->point[k] = p;
        o->n += k == o->n;
    }
}

/* The fastest row of a question tells nothing where its bound is withheld; a slower one would answer another
 * question. */
static void set_aside(batch1_answer *o)
{
    char   key[IR_ID];
    size_t n = 0;
    for (size_t i = 0; i < o->n; i++) {
        const ir_point *p = o->point[i];
        if (*p->law.withheld && o->withheld++ == 0)
            snprintf(o->why, sizeof o->why, "%.80s: %.70s", ir_point_key(p, key), p->law.withheld);
        if (!*p->law.withheld) o->point[n++] = p;
    }
    o->n = n;
}

/* ---- words ----------------------------------------------------------------------------------- */
static void name_of(const ir_point *p, char *buf, size_t n)
{
    const char *size = "";
    for (int i = 0; i < p->id.np; i++)
        if (!strcmp(p->id.pname[i], "size")) size = p->id.pword[i];
    if (!strcmp(p->id.workload, "resnet50"))
        snprintf(buf, n, "ResNet-50 %s", ir_dtype_name(p->id.p.dtype));
    else if (!strcmp(p->id.workload, "gpt"))
        snprintf(buf, n, "GPT of %lld x %lld decode %s", (long long)batch1_param(p, "layers", 0),
                 (long long)batch1_param(p, "width", 0), ir_dtype_name(p->id.p.dtype));
    else
        snprintf(buf, n, "GPT-2%s%.15s decode %s", *size ? " " : "", size, ir_dtype_name(p->id.p.dtype));
}

static double intensity(const ir_point *p) { return p->m.cost.flops / ir_cost_B(&p->m.cost); }

static double batch1_share_of(const ir_point *p)
{
    double s[IR_NSHARE];
    ir_point_shares(p, s);
    return fmax(fmax(s[IR_SHARE_DATA], s[IR_SHARE_COMP]), s[IR_SHARE_LAT]);
}

const char *batch1_sentence(const ir_point *p, char *buf, size_t n)
{
    char name[64], share[IR_NUM], I[IR_NUM], ridge[IR_NUM], star[IR_NUM], prob[IR_NUM];
    name_of(p, name, sizeof name);
    const char *side = intensity(p) > p->law.ridge ? "right" : "left",
               *far = p->law.eta_star > 1 ? ", beyond any kernel" : "";
    snprintf(buf, n,
             "%s is %s%s (largest share %s, P %s): %s FLOP/B lie %s of the ridge at %s FLOP/B; data and "
             "compute would "
             "be equal at eta = %s%s",
             name, ir_bound_name(p->law.bound), ir_bound_names_resource(p->law.bound) ? "-bound" : "",
             ir_text_percent(batch1_share_of(p), share), ir_text_plain(p->law.bound_p, prob),
             ir_text_plain(intensity(p), I), side, ir_text_plain(p->law.ridge, ridge),
             ir_text_plain(p->law.eta_star, star), far);
    return buf;
}

static void list(const batch1_answer *o, bool memory, char *buf, size_t n)
{
    size_t m = 0;
    buf[0] = 0;
    for (size_t i = 0; i < o->n; i++) {
        char name[64];
        if ((o->point[i]->law.bound == IR_BOUND_MEMORY) != memory) continue;
        name_of(o->point[i], name, sizeof name);
        if (m < n)
            m += (size_t)snprintf(buf + m, n - m, "%s%s%s%s", m ? ", " : "", name, memory ? "" : " is ",
                                  memory ? "" : ir_bound_name(o->point[i]->law.bound));
    }
}

/* The clearest row that speaks against the claim, else for it. */
static const ir_point *batch1_reason(const batch1_answer *o, bool against)
{
    const ir_point *best = NULL;
    for (size_t i = 0; i < o->n; i++) {
        const ir_point *p = o->point[i];
        if ((p->law.bound == IR_BOUND_MEMORY || !ir_bound_names_resource(p->law.bound)) == against) continue;
        if (!best || p->law.margin > best->law.margin) best = p;
    }
    return best ? best : o->point[0];
}

static void conclude(batch1_answer *o)
{
    size_t memory = 0, against = 0;
    char   names[300], why[300];
    o->p = NAN;
    for (size_t i = 0; i < o->n; i++) {
        bool clear = ir_bound_names_resource(o->point[i]->law.bound),
             yes = o->point[i]->law.bound == IR_BOUND_MEMORY;
        memory += yes;
        against += clear && !yes;
    }
    bool all = memory == o->n && o->withheld == 0;
    o->verdict = against ? "does not hold" : all ? "holds" : "undecided";
    for (size_t i = 0; i < o->n; i++) {
        const ir_point *p = o->point[i];
        bool            counts =
            against ? p->law.bound != IR_BOUND_MEMORY && ir_bound_names_resource(p->law.bound) : true;
        if (counts && (isnan(o->p) || (against ? p->law.bound_p > o->p : p->law.bound_p < o->p)))
            o->p = p->law.bound_p;
    }
    batch1_sentence(batch1_reason(o, against > 0), why, sizeof why);
    list(o, !against, names, sizeof names);
    if (against) {
        char held[300];
        list(o, true, held, sizeof held);
        snprintf(o->answer, sizeof o->answer,
                 "\"Batch-1 inference is memory-bound\" does not hold here: %s%s%s.", why,
                 *held ? "; it holds for " : "", held);
    } else {
        snprintf(o->answer, sizeof o->answer, "\"Batch-1 inference is memory-bound\" %s here%s: %s.",
                 all ? "holds" : "is undecided",
                 all           ? ""
                 : o->withheld ? " (rows are withheld)"
                               : " (a row is mixed, or P is unknown)",
                 why);
    }
}

ir_status batch1_ask(const claim_evidence *e, batch1_answer *o)
{
    memset(o, 0, sizeof *o);
    batch1_collect(e, o);
    set_aside(o);
    if (o->n > 0 && e->unusable)
        return ir_fail(IR_EINVAL, "batch1 is not decided: the times are not the machine's own: %s",
                       e->unusable);
    if (o->n == 0 && o->withheld)
        return ir_fail(IR_EINVAL,
                       "batch1 is not decided: no row's time is the machine's own (%s): ironroof doctor",
                       o->why);
    if (o->n == 0)
        return ir_fail(IR_EINVAL, "no judged row of resnet50 or gpt2 decode at batch 1: ironroof run "
                                  "resnet50:batch=1 gpt2:batch=1, "
                                  "or claims batch1 --measure");
    conclude(o);
    return IR_OK;
}

/* ---- screen ---------------------------------------------------------------------------------- */
static void batch1_row(ir_table *tb, const ir_point *p)
{
    char   name[64], b[IR_NUM];
    double share[IR_NSHARE];
    ir_point_shares(p, share);
    name_of(p, name, sizeof name);
    ir_table_cell(tb, TXT_BOLD, "%s", name);
    ir_table_cell(tb, TXT_PLAIN, "%s", p->id.kernel);
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_scaled(ir_point_time(p), "s", b, sizeof b));
    for (int k = 0; k < IR_NSHARE; k++) ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_percent(share[k], b));
    ir_table_cell(tb, TXT_BOLD, "%s", ir_bound_name(p->law.bound));
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_plain(p->law.bound_p, b));
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_plain(p->law.eta_star, b));
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_plain(p->law.eta, b));
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_percent(p->law.mfu, b));
    ir_table_cell(tb, TXT_PLAIN, "%s", ir_text_percent(p->law.mbu, b));
}

void batch1_print(const ir_text *t, const claim_evidence *e, const batch1_answer *o)
{
    static const ir_col col[] = {{"batch 1", false, 0, 0}, {"kernel", false, 6, 3}, {"T", true, 0, 0},
                                 {"data", true, 0, 0},     {"comp", true, 0, 0},    {"lat", true, 0, 0},
                                 {"unexpl.", true, 0, 0},  {"bound", false, 0, 0},  {"P", true, 0, 0},
                                 {"eta*", true, 0, 0},     {"eta", true, 0, 1},     {"MFU", true, 0, 2},
                                 {"MBU", true, 0, 2}};
    ir_table            tb;
    ir_text_para(t, "",
                 "Is inference at batch 1 memory-bound on %s (%s)? Shares of the measured time; eta*: the "
                 "efficiency of "
                 "the compute term at which the verdict would flip.",
                 e->device, e->title);
    fputc('\n', t->f);
    ir_table_begin(&tb, t, col, 13);
    for (size_t i = 0; i < o->n; i++) batch1_row(&tb, o->point[i]);
    ir_table_end(&tb);
    fputc('\n', t->f);
    ir_text_para(t, "", "%s", o->answer);
    if (o->withheld)
        ir_text_para(t, "", "Withheld: %zu row%s, for example %s.", o->withheld, o->withheld == 1 ? "" : "s",
                     o->why);
}

/* cmd_claims.c -- `ironroof claims`: the ledger recomputed, and put to a record or to this machine. */
#include "bench/commands/apps.h"
#include "bench/commands/claims_measure.h"
#include "harness/record/input.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH1 "batch1"
const cli_option claims_own[] = {
    {"check", 0, CLI_FLAG, NULL, "the analytic part only, offline: recompute and compare",
     offsetof(claims_options, check), .set = 0},
    {"measure", 0, CLI_FLAG, NULL, "measure here what the claims' rules need, then judge",
     offsetof(claims_options, measure), .set = 0},
    {"ceilings", 0, CLI_TEXT, "FILE", "--measure: take the ceilings from this record of the same machine",
     offsetof(claims_options, ceilings), .set = 0},
    {"explain", 0, CLI_FLAG, NULL, "formula, inputs, evidence of each claim named",
     offsetof(claims_options, explain), .set = 0},
    {"ledger", 0, CLI_TEXT, "FILE", "another ledger of the same form", offsetof(claims_options, ledger),
     .set = 0},
    {"strict", 0, CLI_FLAG, NULL,
     "exit 1 when a claim fails (contradicted, inconsistent or refuted), 3 when one is undecided",
     offsetof(claims_options, strict), .set = 0},
    {0}};

typedef struct {
    const cli_args       *args;
    const claims_options *own;
    ir_ledger             ledger;
    const char           *record; /* NULL: none */
    const char          **id;
    size_t                nid;
    bool                  batch1;
    claim_row            *row;
    size_t                n;
    machine_views        *views;
    claims_device_run     device; /* --measure */
    claim_evidence        evidence;
    bool                  has_evidence, errors;
    ir_journal           *journal;
} job;

/* ---- arguments ------------------------------------------------------------------------------- */
static ir_status claims_unknown(const job *j, const char *name)
{
    const char **names = calloc(j->ledger.n + 1, sizeof *names);
    if (!names) return ir_fail(IR_ENOMEM, "no memory");
    for (size_t i = 0; i < j->ledger.n; i++) names[i] = j->ledger.claim[i].id;
    names[j->ledger.n] = BATCH1;
    const char *near = cli_near(name, names, j->ledger.n + 1);
    ir_status   st = near ? ir_fail(IR_EINVAL, "no claim and no file '%.80s'; did you mean '%s'?", name, near)
                          : ir_fail(IR_EINVAL, "no claim and no file '%.80s' (ironroof list claims)", name);
    free(names);
    return st;
}

static ir_status sort_arguments(job *j)
{
    j->id = calloc(j->args->narg + 1, sizeof *j->id);
    if (!j->id) return ir_fail(IR_ENOMEM, "no memory");
    for (size_t i = 0; i < j->args->narg; i++) {
        const char *a = j->args->arg[i];
        if (!strcmp(a, BATCH1))
            j->batch1 = true;
        else if (claims_find(&j->ledger, a))
            j->id[j->nid++] = a;
        else if (!ir_input_is_there(a))
            return claims_unknown(j, a);
        else if (j->record)
            return ir_fail(IR_EINVAL, "two records: '%.60s' and '%.60s'; give one", j->record, a);
        else
            j->record = a;
    }
    if (j->record && j->own->measure) return ir_fail(IR_EINVAL, "give a record or --measure, not both");
    if (j->own->ceilings && !j->own->measure)
        return ir_fail(IR_EINVAL, "--ceilings goes with --measure: a record brings its own");
    if (j->own->ceilings && !strcmp(j->own->ceilings, "none"))
        return ir_fail(IR_EINVAL, "claims are judged against ceilings: give a record of them");
    if (j->own->check && j->own->measure)
        return ir_fail(IR_EINVAL, "--check is offline: it does not go with --measure");
    return IR_OK;
}

static bool selected(const job *j, const ir_claim *c)
{
    if (j->nid == 0) return !j->batch1;
    for (size_t i = 0; i < j->nid; i++)
        if (!strcmp(j->id[i], c->id)) return true;
    return false;
}

/* ---- the three parts ------------------------------------------------------------------------- */
static ir_status analytic(job *j)
{
    j->row = calloc(j->ledger.n ? j->ledger.n : 1, sizeof *j->row);
    if (!j->row) return ir_fail(IR_ENOMEM, "no memory for %zu claims", j->ledger.n);
    for (size_t i = 0; i < j->ledger.n; i++) {
        const ir_claim *c = &j->ledger.claim[i];
        if (!selected(j, c)) continue;
        claim_row *r = &j->row[j->n++];
        r->claim = c;
        ir_status st = claim_evaluate(c, &r->result);
        if (st == IR_ENOMEM) return st;
        if (st == IR_OK) continue;
        j->errors = true;
        fprintf(stderr, "ironroof: %s\n", r->result.why);
    }
    return IR_OK;
}

/* A record of several devices: --device picks one, else the first with points. */
static const machine_view *view_of(const machine_views *v, const char *asked)
{
    const machine_view *first = NULL;
    for (size_t i = 0; i < v->n; i++) {
        if (asked && (!strcmp(v->v[i].name, asked) || strstr(v->v[i].title, asked))) return &v->v[i];
        if (!first && v->v[i].npoint) first = &v->v[i];
    }
    return asked ? NULL : first ? first : &v->v[0];
}

static ir_status from_record(job *j)
{
    j->views = calloc(1, sizeof *j->views);
    if (!j->views) return ir_fail(IR_ENOMEM, "no memory");
    ir_status st = machine_views_add(j->views, j->record);
    if (st != IR_OK) return st;
    const machine_view *v = view_of(j->views, j->args->opt.device);
    if (!v) return ir_fail(IR_EINVAL, "%s: no device '%.60s' in it", j->record, j->args->opt.device);
    j->evidence = (claim_evidence){.energy = v->energy,
                                   .point = v->point,
                                   .npoint = v->npoint,
                                   .ceilings = &v->ceilings,
                                   .threads = v->threads,
                                   .llc_B = v->llc_B,
                                   .mem_B = v->capacity_B,
                                   .fit = v->better >= 0 ? &v->fit[v->better] : NULL,
                                   .device = v->name,
                                   .title = v->title,
                                   .workloads = ir_workloads,
                                   .unusable = claims_unusable(v->quality)};
    j->has_evidence = true;
    return IR_OK;
}

static ir_status claims_measured(job *j)
{
    ir_status st = IR_OK;
    if (j->own->check) return IR_OK;
    if (j->own->measure) {
        st =
            claims_device_run_run(&j->device, j->args, j->own->ceilings, j->row, j->n, j->batch1, j->journal);
        if (st == IR_OK) claims_device_run_evidence(&j->device, &j->evidence);
        j->has_evidence = st == IR_OK;
    } else if (j->record) {
        st = from_record(j);
    }
    for (size_t i = 0; i < j->n && j->has_evidence; i++) {
        claim_measure(j->row[i].claim, &j->evidence, &j->row[i].measured);
        j->row[i].has_measured = true;
    }
    return st;
}

static ir_status ask_batch1(job *j, const ir_text *t)
{
    batch1_answer a;
    if (!j->has_evidence)
        return ir_fail(IR_EINVAL, "batch1 needs a record (ironroof claims batch1 FILE) or --measure");
    ir_status st = batch1_ask(&j->evidence, &a);
    if (st != IR_OK) return st;
    if (t->f) batch1_print(t, &j->evidence, &a);
    return j->journal ? batch1_line(j->journal, &j->evidence, &a) : IR_OK;
}

static ir_status output(job *j)
{
    ir_text   t = text_on(apps_screen(j->args), &j->args->opt);
    ir_status st = IR_OK;
    for (size_t i = 0; t.f && i < j->n && j->own->explain; i++) claims_explain(&t, &j->row[i]);
    if (t.f && j->n && !j->own->explain) claims_print(&t, j->row, j->n);
    for (size_t i = 0; i < j->n && j->journal && st == IR_OK; i++)
        st = claims_line(j->journal, j->has_evidence ? j->evidence.device : NULL, &j->row[i]);
    if (st == IR_OK && j->batch1) st = ask_batch1(j, &t);
    return st;
}

/* ---- exit code ------------------------------------------------------------------------------- */
static int claims_grade(const job *j)
{
    bool   failed = false, open = false;
    size_t bad = context_failed(&j->device.c.s);
    if (bad) fprintf(stderr, "ironroof: %zu point%s failed: the record says why\n", bad, bad == 1 ? "" : "s");
    if (j->errors || bad) return EXIT_BAD;
    for (size_t i = 0; i < j->n && j->own->strict; i++) {
        const claim_row *r = &j->row[i];
        failed |= r->result.verdict == CLAIM_CONTRADICTED || r->result.verdict == CLAIM_INCONSISTENT ||
                  r->measured.outcome == MEASURED_REFUTED;
        open |= r->measured.outcome == MEASURED_UNDECIDED || r->measured.outcome == MEASURED_MISSING;
    }
    return failed ? EXIT_REGRESSED : open ? EXIT_ENVIRONMENT : EXIT_FINE;
}

int cmd_claims(const cli_args *args)
{
    job        *j = calloc(1, sizeof *j);
    const char *out = args->opt.output;
    ir_status   st = j ? IR_OK : ir_fail(IR_ENOMEM, "no memory");
    if (st != IR_OK) return complain();
    j->args = args;
    j->own = args->own;
    j->ledger = claims_builtin;
    if (j->own->ledger) st = ir_ledger_read(j->own->ledger, &j->ledger);
    if (st == IR_OK) st = sort_arguments(j);
    int  waited = st == IR_OK && j->own->measure ? wait_idle(&args->opt) : EXIT_FINE;
    bool go = st == IR_OK && waited == EXIT_FINE;
    if (go) st = analytic(j);
    if (go && st == IR_OK)
        st = ir_input_not_output((const char *[]){j->record, j->own->ledger, j->own->ceilings}, 3, out);
    if (go && st == IR_OK) st = apps_journal(args, j->own->measure, &j->journal);
    if (go && st == IR_OK) st = claims_measured(j);
    if (go && st == IR_OK) st = output(j);
    if (go && st == IR_OK && !j->own->measure) st = apps_whole();
    int code = waited != EXIT_FINE ? waited
               : st == IR_OK       ? claims_grade(j)
               : st == IR_EINTR    ? EXIT_INTERRUPTED
                                   : complain();
    if (st != IR_OK && (st != IR_EINTR || !j->own->measure))
        ir_journal_discard(&j->journal); /* not half of it; what was measured stays */
    ir_status closed = ir_journal_close(&j->journal);
    if (closed != IR_OK && code == EXIT_FINE) code = complain();
    claims_device_run_free(&j->device);
    if (j->views) machine_views_free(j->views);
    free(j->views);
    free(j->row);
    free(j->id);
    ir_ledger_free(&j->ledger);
    free(j);
    return code;
}

void list_claims(void)
{
    for (size_t i = 0; i < claims_builtin.n; i++) {
        const ir_claim *c = &claims_builtin.claim[i];
        printf("%-34s %-10s %-16s %s\n", c->id, c->kind, c->topic, c->statement);
    }
}

/* device_run.c -- see device_run.h. */
#include "bench/run/device_run.h"
#include "bench/run/proof_gains.h"
#include "bench/ceilings/ceilings.h"
#include "bench/analysis/crossover.h"
#include "bench/analysis/launch_gap.h"
#include "bench/measure/per_layer.h"
#include "bench/run/described.h"
#include "bench/run/output.h"
#include "bench/cli/version.h"
#include "harness/record/input.h"
#include "kernels/model/model.h"
#include "harness/record/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMT_SHARED 1.6       /* below it two threads share a core */
enum { LEAST_FAMILIES = 3 }; /* a law of fewer families gives way to one recalled with the ceilings */

static void apply_policy(measure_context *s, const cli_options *o)
{
    s->full = o->profile == CLI_FULL;
    (s->full ? ir_policy_full : ir_policy_quick)(&s->policy);
    if (isfinite(o->precision)) s->policy.precision = o->precision;
    if (isfinite(o->budget_s)) {
        s->policy.budget_s = o->budget_s;
        s->policy.min_s = fmin(s->policy.min_s, o->budget_s);
    }
    if (isfinite(o->warmup_s)) {
        s->policy.warmup_s = o->warmup_s;
        s->policy.warmup_cap_s = fmax(s->policy.warmup_cap_s, o->warmup_s);
    }
    if (o->seed >= 0) s->policy.seed = (uint64_t)o->seed;
    s->policy.fixed_n = (size_t)o->samples;
    s->policy.inject = o->inject;
    s->policy.cold_pool_B = fmax(4 * s->info.llc_B, 256e6); /* fmax passes over an unknown cache */
    s->policy.stop_flag = interrupt_install();
    s->filter = cli_filter_regex(o);
    s->layers = o->layers;
    s->memory_node = (int)o->memory_node + 1;
}

/* "avx2", or "avx512,avx2" to have the faster one chosen by measurement. */
static ir_status forms_of(const char *list, const char *const *forms, uint32_t *set)
{
    size_t n = 0, at;
    while (forms[n]) n++;
    for (const char *p = list;; p++) {
        char   name[IR_NAME];
        size_t len = strcspn(p, ",");
        snprintf(name, sizeof name, "%.*s", (int)len, p);
        ir_status st = cli_choose("instruction set", name, forms, n, &at);
        if (st != IR_OK) return st;
        *set |= 1u << at;
        p += len;
        if (!*p) return IR_OK;
    }
}

static ir_status open_options(const ir_backend *be, const cli_options *o, ir_open_options *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < o->threads.n; i++)
        if (o->threads.v[i] > out->max_threads) out->max_threads = (int)o->threads.v[i];
    out->no_pin = o->pin == CLI_PIN_NONE;
    out->crowd = o->crowd;
    out->pages = (ir_pages)o->pages;
    return o->isa && be->forms ? forms_of(o->isa, be->forms, &out->forms) : IR_OK;
}

/* What the machine module collects, and what the run itself adds. */
static ir_status device_run_environment(measure_context *s, ir_env *e)
{
    ir_status st = ir_env_collect(&s->topo, e);
    if (st != IR_OK) return st;
    ir_env_num(e, "clock_resolution_s", ir_clock_resolution(), false);
    ir_env_num(e, "clock_cost_s", ir_clock_cost(), false);
    ir_env_num(e, "seed", (double)s->policy.seed, true);
    ir_env_text(e, "cost_model", IR_COST_MODEL, true);
    ir_env_text(e, "profile", s->full ? "full" : "quick", false);
    if (s->policy.inject > 0) ir_env_num(e, "injected_slowdown", s->policy.inject, true);
    if (s->dev.be->environment) s->dev.be->environment(&s->dev, e);
    return IR_OK;
}

static bool device_was_open;

bool device_run_was_open(void) { return device_was_open; }

ir_status device_run_open(device_run *c, const ir_backend *be, int index, const cli_options *o)
{
    memset(c, 0, sizeof *c);
    ir_env_init(&c->env);
    device_was_open = true;
    ir_open_options asked;
    model_machine   machine; /* the backend keeps a copy */
    ir_status       st = open_options(be, o, &asked);
    if (st == IR_OK && be == &model_backend) st = described_options(o, &machine);
    if (be == &model_backend) asked.own = &machine;
    if (st == IR_OK) st = context_open(&c->s, be, index, &asked);
    if (st != IR_OK) return st;
    apply_policy(&c->s, o);
    st = device_run_environment(&c->s, &c->env);
    if (st != IR_OK) device_run_free(c);
    return st;
}

void device_run_close_device(device_run *c)
{
    witness_close(&c->witness);
    context_close_device(&c->s);
}

void device_run_free(device_run *c)
{
    ir_load_shares unused;
    char           nobody[8];
    ir_neighbours_end(&c->neighbours, &unused, nobody, sizeof nobody);
    ablation_free(&c->proof);
    sustained_free(&c->sustained);
    witness_close(&c->witness);
    context_close(&c->s);
    ir_env_free(&c->env);
}

/* A device has no host threads to choose: points that differ in nothing else are one point. */
static bool repeats(const measure_context *s, const cli_points *pts, size_t i)
{
    const cli_point *a = &pts->v[i];
    for (size_t j = 0; j < i && s->info.threads == 0; j++)
        if (pts->v[j].workload == a->workload && pts->v[j].p.dtype == a->p.dtype &&
            !memcmp(pts->v[j].p.v, a->p.v, sizeof a->p.v))
            return true;
    return false;
}

void device_run_haste(device_run *c, const cli_points *pts, const cli_options *o)
{
    static const double NAIVE_S = 1, BRIEF_NAIVE_S = 0.25, BRIEF_S = 0.2;
    const bool          brief = pts->unnamed && pts->n > 0;
    if (c->s.full) return;
    if (!c->s.filter) c->s.policy.naive_s = brief ? BRIEF_NAIVE_S : NAIVE_S;
    if (brief && !isfinite(o->budget_s)) c->s.policy.budget_s = BRIEF_S;
}

bool device_run_wants(const measure_context *s, const cli_points *pts, size_t i, const ir_kernel *k)
{
    const ir_workload *w = pts->v[i].workload;
    bool               once = pts->unnamed && !s->full && !s->filter && k->flags & IR_K_NAIVE;
    for (size_t j = 0; once && j < i; j++)
        if (pts->v[j].workload == w) return false;
    return context_wants(s, w, k);
}

size_t device_run_count(const device_run *c, const cli_points *pts, unsigned cache)
{
    size_t n = 0, modes = (cache & CLI_HOT ? 1 : 0) + (cache & CLI_COLD ? 1 : 0);
    for (size_t i = 0; i < pts->n; i++) {
        const ir_kernel *k;
        if (repeats(&c->s, pts, i)) continue;
        for (size_t j = 0; (k = backend_kernel(c->s.dev.be, pts->v[i].workload, j)); j++)
            if (device_run_wants(&c->s, pts, i, k)) n += modes;
    }
    return n;
}

static ir_status one_point(measure_context *s, const cli_points *pts, size_t i, unsigned cache)
{
    const cli_point *p = &pts->v[i];
    const ir_kernel *k;
    const ir_point  *done;
    ir_status        st = IR_OK;
    for (size_t j = 0; st == IR_OK && (k = backend_kernel(s->dev.be, p->workload, j)); j++) {
        if (!device_run_wants(s, pts, i, k)) continue;
        if (cache & CLI_HOT) st = context_measure(s, p->workload, k, &p->p, false, &done);
        if (cache & CLI_HOT && st == IR_OK) st = per_layer_measure(s, p->workload, k, done);
        if (cache & CLI_COLD && st == IR_OK) st = context_measure(s, p->workload, k, &p->p, true, NULL);
        if (st == IR_OK) st = ceilings_follow(s);
        if (st == IR_OK && context_stopped(s)) st = ir_fail(IR_EINTR, "interrupted");
    }
    return st;
}

ir_status device_run_points(device_run *c, const cli_points *pts, const cli_options *o)
{
    ir_status st = IR_OK;
    witness_points(&c->witness, &c->s);
    for (size_t i = 0; i < pts->n && st == IR_OK; i++)
        if (!repeats(&c->s, pts, i)) st = one_point(&c->s, pts, i, o->cache);
    if (st == IR_OK) st = witness_fit(&c->witness, &c->s);
    c->s.policy.witness = NULL;
    return st == IR_OK ? sustained_measure(&c->sustained, &c->s, o->sustain_s) : st;
}

void device_run_note_tuning(device_run *c)
{
    ir_dev     *d = &c->s.dev;
    const char *found = d->be->tuning ? d->be->tuning(d) : "";
    if (*found) ir_env_text(&c->env, "tuning", found, false);
}

/* ---- was the machine quiet? ------------------------------------------------------------------ */
enum { PAIR_TRIES = 3 };

/* It takes some milliseconds: a ratio that no machine has is asked for again, for a neighbour's moment would
 * make a whole run unusable. */
static ir_status pair_of(measure_context *s, double *ratio, ir_got *got)
{
    ir_status st = IR_OK;
    for (int i = 0; i == 0 || (i < PAIR_TRIES && st == IR_OK && ir_pair_impossible(*ratio)); i++) {
        ir_watch *watch = ir_watch_begin();
        st = s->dev.be->pair_ratio(&s->dev, ratio);
        ir_watch_end(&watch, got);
    }
    return st;
}

bool device_run_pair(measure_context *s, double *ratio)
{
    ir_got got;
    if (!s->dev.be->pair_ratio || pair_of(s, ratio, &got) != IR_OK) return false;
    /* Where others took the CPUs from the probe itself, it says nothing of cores. */
    bool taken = !s->info.modelled && got.cpu_share < IR_PREEMPTED;
    if (*ratio >= SMT_SHARED || ir_pair_impossible(*ratio) || taken) return true;
    s->run_flags |= IR_FLAG_SMT_SHARED;
    for (size_t i = 0; i < s->npoint; i++)
        if (s->point[i].id.p.threads > 1) s->point[i].flags |= IR_FLAG_SMT_SHARED;
    return true;
}

static void probe_pair(device_run *c, const char *when)
{
    double ratio;
    char   key[40];
    if (c->s.policy.fixed_n || !device_run_pair(&c->s, &ratio)) return;
    snprintf(key, sizeof key, "pair_ratio_%s", when);
    ir_env_num(&c->env, key, ratio, false);
}

/* A device on a virtual clock has no neighbours: what this host does meanwhile says nothing of it. */
static bool is_graded(const device_run *c)
{
    return !c->s.policy.fixed_n && !c->s.info.modelled && !c->s.dev.be->known_ceilings;
}

void device_run_begin(device_run *c)
{
    probe_pair(c, "start");
    if (is_graded(c)) c->neighbours = ir_neighbours_begin();
}

static double pair_ratio(const device_run *c, const char *key)
{
    const ir_kv *v = ir_env_get(&c->env, key);
    return v && v->is_num ? v->num : NAN;
}

static bool recalled_unusable(const device_run *c)
{
    const ir_quality *q = c->recalled ? ir_record_quality(c->recalled, c->s.info.id) : NULL;
    return q && q->value == IR_QUALITY_UNUSABLE;
}

static void device_run_grade(device_run *c)
{
    ir_situation      s;
    ir_load_shares    load;
    const ir_ceiling *read =
        ir_ceiling_find(&c->s.ceilings, IR_C_BANDWIDTH, "DRAM", "read", IR_NDTYPE, c->s.info.threads);
    ir_situation_init(&s);
    ir_neighbours_end(&c->neighbours, &load, s.who, sizeof s.who);
    s.others = load.others;
    s.steal = load.steal;
    s.pressure = load.pressure;
    s.quota = load.quota;
    s.quota_cpus = load.quota_cpus;
    s.pair_start = pair_ratio(c, "pair_ratio_start");
    s.pair_end = pair_ratio(c, "pair_ratio_end");
    s.recalled_unusable = recalled_unusable(c);
    const size_t own = c->s.npoint - c->s.nrecalled;
    ir_situation_points(&s, own ? c->s.point + c->s.nrecalled : NULL, own, read ? read->value : NAN);
    ir_quality_judge(&s, &c->quality);
    snprintf(c->quality.device, sizeof c->quality.device, "%s", c->s.info.id);
    c->graded = true;
}

void device_run_end(device_run *c, bool whole)
{
    if (whole) probe_pair(c, "end");
    if (is_graded(c)) device_run_grade(c);
}

static void withhold_all(device_run *c, const char *why)
{
    for (size_t i = 0; i < c->s.npoint; i++)
        if (c->s.point[i].law.bound != IR_BOUND_UNKNOWN) ir_point_withhold(&c->s.point[i], why);
}

/* An unusable run tells of no row what holds it, and neither does one that stands under ceilings of such a
 * run. */
static void withhold(device_run *c)
{
    const char *cause = c->quality.cause[0].text;
    char        why[112];
    snprintf(why, sizeof why, "unusable run: %.*s", (int)strcspn(cause, ":"), cause);
    if (c->graded && c->quality.value == IR_QUALITY_UNUSABLE)
        withhold_all(c, why);
    else if (recalled_unusable(c))
        withhold_all(c, "the ceilings are those of a run that was unusable");
}

/* Both forms that the record of the ceilings has of this device. */
static bool recalled_fits(const device_run *c, ir_fit fit[2])
{
    unsigned has = 0;
    for (size_t i = 0; c->recalled && i < c->recalled->nfit; i++) {
        const ir_fit *f = &c->recalled->fit[i];
        if (strcmp(f->device, c->s.info.id) != 0 || (unsigned)f->form > 1) continue;
        fit[f->form] = *f;
        has |= 1u << f->form;
    }
    return has == 3;
}

void device_run_judge(device_run *c)
{
    ir_fit fit[2];
    fit_points(c->s.point, c->s.npoint, &c->s.ceilings, c->s.policy.seed, &c->law);
    bool own = c->law.fitted && c->law.fit[c->law.better].nfamily >= LEAST_FAMILIES;
    if (!own && recalled_fits(c, fit)) fit_recall(c->s.point, c->s.npoint, &c->s.ceilings, fit, &c->law);
    withhold(c);
    if (witness_law(&c->witness, &c->s) != IR_OK) c->witness.has_counted = false;
    c->judged = true;
}

/* ---- paper and screen ------------------------------------------------------------------------ */
void device_run_print_ceilings(const ir_text *t, const device_run *c)
{
    if (c->graded) ir_text_quality(t, &c->quality, IR_MAX_CAUSES);
    if (c->graded) fputc('\n', t->f);
    ir_text_machine(t, &c->s.info, &c->env);
    fputc('\n', t->f);
    ir_text_ceilings(t, &c->s.ceilings);
    ir_text_flush(t->f);
}

void device_run_view(const device_run *c, machine_view *v)
{
    *v = (machine_view){.source = IR_SRC_MEASURED,
                        .ceilings = c->s.ceilings,
                        .threads = c->s.info.threads,
                        .capacity_B = c->s.info.mem_B,
                        .llc_B = c->s.info.llc_B,
                        .better = c->law.fitted ? c->law.better : -1,
                        .env = c->env,
                        .point = c->s.point,
                        .npoint = c->s.npoint};
    for (int f = 0; f < 2 && c->law.fitted; f++) {
        v->fit[f] = c->law.fit[f];
        v->has_fit[f] = true;
    }
}

ir_status device_run_prove(device_run *c)
{
    machine_view v;
    ir_status    st = ablation_measure(&c->s, &c->proof);
    device_run_view(c, &v);
    if (c->law.fitted) proof_gains_foretell(&v, &c->s, &c->proof);
    return st;
}

bool device_run_foretold(const device_run *c, ir_verdict *out)
{
    return c->proved && proof_gains_verdict(&c->s, &c->proof, out);
}

static void device_run_print_proof(FILE *f, const device_run *c)
{
    ir_verdict v;
    if (!c->proved) return;
    ablation_print(f, &c->s, &c->proof);
    if (device_run_foretold(c, &v)) fprintf(f, "%s\n", v.answer);
}

void device_run_print_short(const ir_text *t, const device_run *c)
{
    witness_print_short(t, &c->witness);
    sustained_print(t->f, &c->sustained);
    device_run_print_proof(t->f, c);
}

void device_run_print_law(const ir_text *t, const device_run *c)
{
    const fitted_law *law = &c->law;
    size_t            n;
    const ir_point   *p = context_asked(&c->s, &n);
    char              line[1024];
    if (n) {
        fputc('\n', t->f);
        ir_text_points(t, p, n);
    }
    witness_print(t, &c->s, &c->witness);
    sustained_print(t->f, &c->sustained);
    if (!c->judged) {
        crossover_print(t->f, &c->s);
        launch_gap_print(t->f, &c->s);
        return;
    }
    fputc('\n', t->f);
    if (law->fitted)
        ir_text_fit(t, law->fit, law->better);
    else
        fprintf(t->f, "The law was not fitted: %s.\n", law->why);
    fputc('\n', t->f);
    ir_text_roofline(t, &c->s.ceilings, p, n);
    ir_summary_sentence(&c->s.ceilings, law->fitted ? &law->fit[law->better] : NULL, line, sizeof line);
    fputc('\n', t->f);
    ir_text_para(t, "", "%s", line);
    crossover_print(t->f, &c->s);
    launch_gap_print(t->f, &c->s);
    device_run_print_proof(t->f, c);
    if (law->exceed)
        fprintf(t->f, "%zu point%s above a ceiling by more than 2 %%: see the rows flagged suspect.\n",
                law->exceed, law->exceed == 1 ? "" : "s");
    ir_text_flush(t->f);
}

ir_status device_run_journal_tail(ir_journal *j, const device_run *c)
{
    const fitted_law *law = &c->law;
    ir_status         st = c->graded ? ir_journal_quality(j, &c->quality) : IR_OK;
    if (st == IR_OK) st = launch_gap_journal(j, &c->s);
    if (st == IR_OK && c->witness.fitted) st = ir_journal_energy_fit(j, &c->witness.fit);
    if (st == IR_OK) st = sustained_journal(j, &c->sustained);
    if (!c->judged) return st == IR_OK ? crossover_journal(j, &c->s) : st;
    ir_verdict v = {.question = "summary", .p = NAN};
    for (int i = 0; law->fitted && i < 2 && st == IR_OK; i++) st = ir_journal_fit(j, &law->fit[i]);
    snprintf(v.device, sizeof v.device, "%s", c->s.info.id);
    ir_summary_sentence(&c->s.ceilings, law->fitted ? &law->fit[law->better] : NULL, v.answer,
                        sizeof v.answer);
    snprintf(v.verdict, sizeof v.verdict, "%s",
             law->fitted ? ir_form_name(law->fit[law->better].form) : "unfitted");
    if (st == IR_OK) st = ir_journal_verdict(j, &v);
    if (st == IR_OK) st = witness_law_journal(j, &c->witness, &c->s, law);
    if (st == IR_OK) st = crossover_journal(j, &c->s);
    if (st == IR_OK && c->proved) st = ablation_journal(j, &c->s, &c->proof);
    return st == IR_OK && device_run_foretold(c, &v) ? ir_journal_verdict(j, &v) : st;
}

static ir_status journal_all(ir_journal *j, const device_run *c)
{
    ir_status st = IR_OK;
    for (size_t i = 0; i < c->s.ceilings.n && st == IR_OK; i++)
        st = ir_journal_ceiling(j, &c->s.ceilings.v[i]);
    if (st == IR_OK && c->s.ceilings.n)
        st = ir_journal_levels(j, c->s.info.id, c->s.ceilings.level_B, c->s.ceilings.level_threads);
    for (size_t i = 0; i < c->s.npoint && st == IR_OK; i++) st = ir_journal_point(j, &c->s.point[i]);
    return st == IR_OK ? device_run_journal_tail(j, c) : st;
}

ir_status device_run_rewrite(const char *path, const char *old, const device_run *c, size_t n, int argc,
                             char **argv, const char *started)
{
    char        now[IR_UTC];
    ir_journal *j = NULL;
    ir_status   st = ir_journal_whole(path, true, &j);
    if (st == IR_OK) ir_journal_measured(j);
    if (st == IR_OK && old) st = ir_journal_take(j, old, IR_TAKE_HEADERS);
    if (st == IR_OK && (!old || !ir_same_file(old, path)))
        st = ir_journal_header_times(j, IR_VERSION, IR_COST_MODEL, argc, argv, started, ir_utc_now(now));
    for (size_t i = 0; i < n && st == IR_OK; i++) {
        st = ir_journal_machine(j, &c[i].s.info, &c[i].env);
        if (st == IR_OK) st = journal_all(j, &c[i]);
    }
    if (st == IR_OK && old) st = ir_journal_take(j, old, IR_TAKE_REST);
    if (st == IR_OK) return ir_journal_close(&j);
    ir_journal_discard(&j);
    return st;
}

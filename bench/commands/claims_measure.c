/* claims_measure.c -- see claims_measure.h. What a build or a device cannot do becomes a row that says so;
 * the claim then is "not testable here". */
#include "bench/commands/claims_measure.h"
#include "bench/ceilings/saved.h"
#include "bench/cli/progress.h"
#include "bench/backends.h"
#include "kernels/workloads/table.h"

#include <stdlib.h>
#include <string.h>

/* What the law is fitted over whatever the claims ask: each coefficient must be identified. */
static const char *const law_points[] = {"copy:bytes=256Mi,streams=1",
                                         "triad:bytes=256Mi,streams=1",
                                         "fma:chains=12,dtype=f32",
                                         "forkjoin",
                                         "gemm:m=512,n=512,k=512,dtype=f32",
                                         "gemm:m=1024,n=1024,k=1024,dtype=f32",
                                         "gemv:m=8192,k=8192,dtype=f32",
                                         "gemv:m=1024,k=1024,dtype=f32",
                                         "batchmm:batch=1,n=4096,k=4096,dtype=f32",
                                         "batchmm:batch=16,n=4096,k=4096,dtype=f32",
                                         "batchmm:batch=256,n=4096,k=4096,dtype=f32"};
static const char *const batch1_points[] = {"resnet50:batch=1,dtype=f32",
                                            "gpt2:size=small,batch=1,tokens=1,past=128,dtype=f32",
                                            "gpt2:size=medium,batch=1,tokens=1,past=128,dtype=f32",
                                            "gpt2:size=medium,batch=1,tokens=1,past=128,dtype=bf16"};
enum { MAX_WANTED = 256 };
static const double LONG_S = 0.25;
typedef struct {
    const char *spec, *kernel;
} wanted;

static size_t want(wanted *w, size_t n, const char *spec, const char *kernel)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(w[i].spec, spec) &&
            (w[i].kernel == kernel || (kernel && w[i].kernel && !strcmp(w[i].kernel, kernel))))
            return n;
    if (n < MAX_WANTED) w[n++] = (wanted){spec, kernel};
    return n;
}

static size_t want_ratios(wanted *w, size_t n, const claim_ratio *r)
{
    for (int i = 0; i < CLAIM_MAX_RATIO && r[i].name; i++) {
        n = want(w, n, r[i].under, NULL);
        n = want(w, n, r[i].over, NULL);
    }
    return n;
}

static size_t want_rule(wanted *w, size_t n, const claim_rule *r)
{
    if (!r || r->untestable) return n;
    for (int i = 0; i < CLAIM_MAX_BIND && r->bind[i].name; i++)
        if (claim_bind_timed(&r->bind[i])) n = want(w, n, r->bind[i].spec, r->bind[i].kernel);
    return want_ratios(w, want_ratios(w, n, r->ratio), r->beside);
}

static size_t want_all(wanted *w, const claim_row *row, size_t nrow, bool batch1)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof law_points / sizeof *law_points; i++) n = want(w, n, law_points[i], NULL);
    for (size_t i = 0; batch1 && i < sizeof batch1_points / sizeof *batch1_points; i++)
        n = want(w, n, batch1_points[i], NULL);
    for (size_t i = 0; i < nrow; i++)
        if (row[i].claim->has_measure) n = want_rule(w, n, claim_rule_find(row[i].claim->id));
    return n;
}

static bool already(const measure_context *s, const ir_workload *w, const ir_kernel *k, const ir_params *p)
{
    size_t          n;
    const ir_point *asked = context_asked(s, &n);
    for (size_t i = 0; i < n; i++) {
        const ir_point *q = &asked[i];
        if (!strcmp(q->id.workload, w->name) && !strcmp(q->id.kernel, k->name) && q->id.p.dtype == p->dtype &&
            q->id.p.threads == (p->threads ? p->threads : s->info.threads) &&
            !memcmp(q->id.p.v, p->v, sizeof p->v))
            return true;
    }
    return false;
}

/* The largest smaller point of the same question, by the kernel that was fastest there; NULL: there is none.
 */
static const ir_point *precedent(const measure_context *s, const ir_workload *w, const ir_params *p,
                                 double flops)
{
    size_t          n;
    const ir_point *asked = context_asked(s, &n), *best = NULL;
    for (size_t i = 0; i < n; i++) {
        const ir_point *q = &asked[i];
        if (q->status != IR_OK || q->id.kflags & IR_K_NAIVE || strcmp(q->id.workload, w->name) ||
            q->id.p.dtype != p->dtype || q->id.p.threads != (p->threads ? p->threads : s->info.threads) ||
            !(q->m.cost.flops < flops))
            continue;
        bool larger = !best || q->m.cost.flops > best->m.cost.flops,
             same = best && q->m.cost.flops == best->m.cost.flops;
        if (larger || (same && ir_point_time(q) < ir_point_time(best))) best = q;
    }
    return best;
}

/* A call that takes long at the peak already is made by one kernel: a rule asks for the fastest only. */
static bool worthwhile(const measure_context *s, const ir_workload *w, const ir_kernel *k, const ir_params *p)
{
    double flops = w->cost(w, p).flops,
           peak = ir_peak_ceiling(&s->ceilings, p->dtype, p->threads ? p->threads : s->info.threads);
    if (!(flops / peak > LONG_S)) return true;
    const ir_point *before = precedent(s, w, p, flops);
    return !before || !strcmp(before->id.kernel, k->name);
}

/* What a spec is read against before anything is measured. */
static claim_evidence machine_of(const measure_context *s)
{
    return (claim_evidence){.workloads = ir_workloads, .llc_B = s->info.llc_B, .mem_B = s->info.mem_B};
}

static ir_status measure_one(measure_context *s, const wanted *x)
{
    claim_evidence     e = machine_of(s);
    const ir_workload *w;
    const ir_kernel   *k;
    ir_params          p;
    ir_status          st = IR_OK;
    st = claim_spec(&e, x->spec, &w, &p);
    if (st != IR_OK) return st == IR_ENOMEM ? st : IR_OK; /* the claim will say what is missing */
    for (size_t i = 0; st == IR_OK && (k = backend_kernel(s->dev.be, w, i)); i++) {
        bool fits = x->kernel ? strstr(k->name, x->kernel) != NULL : !(k->flags & IR_K_NAIVE);
        if (!fits || !context_wants(s, w, k) || already(s, w, k, &p) ||
            (!x->kernel && !worthwhile(s, w, k, &p)))
            continue;
        st = context_measure(s, w, k, &p, false, NULL);
        if (st == IR_OK && context_stopped(s)) st = ir_fail(IR_EINTR, "interrupted");
    }
    return st;
}

static ir_status claims_measure_measure_all(measure_context *s, const wanted *w, size_t n, cli_progress *bar)
{
    claim_evidence e = machine_of(s);
    char           text[CLAIM_SPEC];
    ir_status      st = IR_OK;
    for (size_t i = 0; i < n && st == IR_OK; i++) {
        cli_progress_show(bar, claim_spec_text(&e, w[i].spec, text, sizeof text) == IR_OK ? text : w[i].spec);
        st = measure_one(s, &w[i]);
        cli_progress_done(bar);
    }
    cli_progress_clear(bar);
    return st;
}

static bool want_joules(const claim_row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const claim_rule *r = claim_rule_find(row[i].claim->id);
        for (int k = 0; r && k < CLAIM_MAX_BIND && r->bind[k].name; k++)
            if (r->bind[k].kind == BIND_E_MOVE) return true;
    }
    return false;
}

static ir_status open_device(claims_device_run *x, const cli_options *o)
{
    const char       *name = o->backends.n ? o->backends.v[0] : "cpu";
    const ir_backend *be = bench_backend(name);
    if (o->backends.n > 1) return ir_fail(IR_EINVAL, "claims --measure works on one backend at a time");
    if (!be) return ir_fail(IR_EINVAL, "unknown backend '%s' (ironroof list backends)", name);
    int       index;
    bool      named;
    ir_status st = cli_device_index(o->device, &index, &named);
    if (st == IR_OK && named)
        st = ir_fail(IR_EINVAL, "claims --measure takes a device by number: --device 0");
    if (st == IR_OK) st = device_run_open(&x->c, be, index, o);
    x->open = st == IR_OK;
    return st;
}

/* --ceilings FILE, or a minute of measuring. */
static ir_status get_ceilings(device_run *c, const char *asked, bool quiet)
{
    ceilings_source from;
    ir_status       st = ceilings_source_open(&from, asked);
    if (st == IR_OK) st = ceilings_source_has(&from, &c->s);
    if (st == IR_OK) st = ceilings_get(&c->s, &c->env, &from, quiet);
    ceilings_source_close(&from);
    if (st == IR_OK) context_choose_monitor(&c->s);
    return st;
}

ir_status claims_device_run_run(claims_device_run *x, const cli_args *args, const char *ceilings,
                                const claim_row *row, size_t nrow, bool batch1, ir_journal *j)
{
    static wanted w[MAX_WANTED];
    cli_progress  bar;
    size_t        n = want_all(w, row, nrow, batch1);
    ir_status     st = open_device(x, &args->opt);
    if (st != IR_OK) return st;
    measure_context *s = &x->c.s;
    s->journal = j;
    device_run_begin(&x->c);
    if (j) st = ir_journal_machine(j, &s->info, &x->c.env);
    if (st == IR_OK && want_joules(row, nrow)) st = witness_open(&x->c.witness, s, &x->c.env, &args->opt);
    if (st == IR_OK) st = get_ceilings(&x->c, ceilings, args->opt.quiet);
    witness_points(&x->c.witness, s);
    cli_progress_init(&bar, stderr, args->opt.quiet, n);
    if (st == IR_OK) st = claims_measure_measure_all(s, w, n, &bar);
    if (st == IR_OK) st = witness_fit(&x->c.witness, s);
    if (st != IR_OK) return st;
    device_run_end(&x->c, true);
    device_run_judge(&x->c);
    device_run_close_device(&x->c);
    return j ? device_run_journal_tail(j, &x->c) : IR_OK;
}

void claims_device_run_evidence(const claims_device_run *x, claim_evidence *e)
{
    const device_run *c = &x->c;
    *e = (claim_evidence){.energy = c->witness.fitted ? &c->witness.fit : NULL,
                          .point = c->s.point,
                          .npoint = c->s.npoint,
                          .ceilings = &c->s.ceilings,
                          .threads = c->s.info.threads,
                          .llc_B = c->s.info.llc_B,
                          .mem_B = c->s.info.mem_B,
                          .fit = c->law.fitted ? &c->law.fit[c->law.better] : NULL,
                          .device = c->s.info.id,
                          .title = c->s.info.name,
                          .workloads = ir_workloads,
                          .unusable = claims_unusable(c->graded ? &c->quality : NULL)};
}

const char *claims_unusable(const ir_quality *q)
{
    if (!q || q->value != IR_QUALITY_UNUSABLE) return NULL;
    return q->ncause ? q->cause[0].text : "the run is unusable";
}

void claims_device_run_free(claims_device_run *x)
{
    if (x->open) device_run_free(&x->c);
    x->open = false;
}

/* ablation.c -- see ablation.h: choosing, measuring, judging. A B1 B2 ... A ... B2 B1 A: every variant's
 * blocks lie as far before the middle as after it, so a drift that is even in time cancels in every ratio. */
#include "bench/ablation/ablation.h"
#include "harness/pattern.h"
#include "kernels/workloads/table.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { QUICK_POINTS = 10, FULL_POINTS = 40, MIN_SAMPLES = 3, SAMPLES = 30, ROUNDS = 3, LOOP_SAMPLES = 10 };
static const double BLOCK_S = 0.03;             /* of samples, if so many are enough */
static const double QUICK_S = 60, FULL_S = 900; /* all points together */
static const double AGAIN_S = 4;                /* another round only if those before took less than this */
static const double CLEAR_P = 0.95, NIL_SHARE = 0.02;

/* ---- choosing -------------------------------------------------------------------------------- */
static bool ablation_fastest(const measure_context *s, size_t i)
{
    for (size_t k = 0; k < s->npoint; k++)
        if (k != i && point_was_timed(&s->point[k]) && ir_same_question(&s->point[k], &s->point[i])) {
            double other = ir_point_time(&s->point[k]), own = ir_point_time(&s->point[i]);
            if (other < own || (other == own && k < i)) return false;
        }
    return true;
}

static bool labelled(const ir_point *p, bool named)
{
    if (label_term(p->law.bound) < 0 || p->flags & IR_FLAG_SUSPECT) return false;
    return p->law.bound_p >= CLEAR_P || (named && isnan(p->law.bound_p));
}

static bool chosen_already(const ablation_set *set, size_t i)
{
    for (size_t k = 0; k < set->n; k++)
        if (set->v[k].point == i) return true;
    return false;
}

/* How many of the workload are in the set. */
static size_t ablation_share_of(const measure_context *s, const ablation_set *set, const char *workload)
{
    size_t n = 0;
    for (size_t k = 0; k < set->n; k++) n += !strcmp(s->point[set->v[k].point].id.workload, workload);
    return n;
}

/* 1: prove it; 0: no; -1: asked for, but it has no label. */
static int candidate(const measure_context *s, size_t i, const regex_t *only)
{
    char            key[IR_ID];
    const ir_point *p = &s->point[i];
    if (!point_was_timed(p) || !ablation_fastest(s, i)) return 0;
    if (only && !ir_pattern_found(only, ir_point_key(p, key))) return 0;
    return labelled(p, only != NULL) ? 1 : -1;
}

ir_status ablation_choose(const measure_context *s, const regex_t *only, ablation_set *out)
{
    size_t most = only ? s->npoint + 1 : s->full ? FULL_POINTS : QUICK_POINTS, want = 0;
    memset(out, 0, sizeof *out);
    out->named = only != NULL;
    out->v = calloc(most, sizeof *out->v);
    if (!out->v) return ir_fail(IR_ENOMEM, "no memory to prove %zu points", most);
    for (size_t i = 0; i < s->npoint; i++) {
        int c = candidate(s, i, only);
        want += c > 0;
        out->unlabelled += only && c < 0;
    }
    for (size_t turn = 1; out->n < want && out->n < most; turn++) /* every workload has its turn */
        for (size_t i = 0; i < s->npoint && out->n < most; i++) {
            if (candidate(s, i, only) <= 0 || chosen_already(out, i) ||
                ablation_share_of(s, out, s->point[i].id.workload) >= turn)
                continue;
            ablation_entry *e = &out->v[out->n++];
            *e = (ablation_entry){.point = i,
                                  .label = s->point[i].law.bound,
                                  .corrected = s->point[i].law.bound,
                                  .p = s->point[i].law.bound_p,
                                  .why = "the run ended before it was tried"};
            for (int j = 0; j < ABL_NTERM; j++) e->e[j] = (term_elasticity){NAN, NAN, NAN, ABL_HELD, NAN};
        }
    out->left_out = want - out->n;
    return IR_OK;
}

void ablation_free(ablation_set *set)
{
    free(set->v);
    memset(set, 0, sizeof *set);
}

/* ---- measuring ------------------------------------------------------------------------------- */
typedef struct {
    measure_context   *s;
    const ir_workload *w;
    const ir_kernel   *k;
    size_t             n; /* variants; [0] of the arrays is the base */
    ablation_variant   variant[1 + ABL_MAX_VARIANTS];
    ir_point           seen[1 + ABL_MAX_VARIANTS]; /* the first measurement, without samples */
    bool               dropped[1 + ABL_MAX_VARIANTS];
    block_times        times[1 + ABL_MAX_VARIANTS];
    term_change        change[ABL_MAX_VARIANTS]; /* of those not dropped, in order */
    size_t             samples;
} bench;

static void set_narrow(const measure_context *s, bool narrow, bool on)
{
    if (narrow) s->dev.be->narrow(&s->dev, on);
}

static void ablation_timed(const measure_context *s, const ir_workload *w, const ir_kernel *k,
                           const ablation_variant *t, size_t samples, bool verified, ir_point *o)
{
    ir_policy pol = {.warmup_s = fmin(4e-3, s->policy.warmup_s),
                     .warmup_cap_s = 0.01,
                     .fixed_n = samples,
                     .precision = 0.01,
                     .cold = t->cold,
                     .seed = s->policy.seed,
                     .cold_pool_B = s->policy.cold_pool_B,
                     .max_B = s->policy.max_B,
                     .stop_flag = s->policy.stop_flag,
                     .verified = verified};
    ir_dev   *dev = (ir_dev *)&s->dev; /* measuring may find it dead */
    set_narrow(s, t->narrow, true);
    ir_measure(dev, w, k, &t->p, &pol, o);
    set_narrow(s, t->narrow, false);
}

/* Take the samples over as a block of seconds a call. */
static ir_status keep_block(block_times *t, const ir_point *o)
{
    double *v = malloc((o->m.samples.n ? o->m.samples.n : 1) * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu samples", o->m.samples.n);
    for (size_t i = 0; i < o->m.samples.n; i++)
        v[i] = o->m.dev.n ? o->m.samples.v[i].dev_s : o->m.samples.v[i].wall_s;
    t->block[t->n++] = (time_block){v, o->m.samples.n};
    return IR_OK;
}

/* One block of the base (i = 0) or of a variant. A variant that fails once is out. */
static ir_status ablation_block(bench *b, size_t i)
{
    ir_point  o;
    ir_status st = IR_OK;
    if (b->dropped[i] || b->times[i].n == ABL_MAX_BLOCKS) return IR_OK;
    bool                    first = b->times[i].n == 0;
    const ablation_variant *t = &b->variant[i];
    ablation_timed(b->s, t->workload ? t->workload : b->w, t->kernel ? t->kernel : b->k, t, b->samples,
                   !first || i == 0, &o);
    if (o.status == IR_OK)
        st = keep_block(&b->times[i], &o);
    else
        b->dropped[i] = true;
    if (o.status == IR_EINTR || context_stopped(b->s)) st = ir_fail(IR_EINTR, "interrupted");
    if (first || b->dropped[i]) {
        b->seen[i] = o;
        b->seen[i].m.samples = (ir_samples){0};
    }
    ir_point_free(&o);
    return st;
}

static ir_status palindrome(bench *b)
{
    ir_status st = ablation_block(b, 0);
    for (size_t i = 1; i <= b->n && st == IR_OK; i++) st = ablation_block(b, i);
    if (st == IR_OK) st = ablation_block(b, 0);
    for (size_t i = b->n; i >= 1 && st == IR_OK; i--) st = ablation_block(b, i);
    return st == IR_OK ? ablation_block(b, 0) : st;
}

/* The time of a loop as of[1] over its time as of[0], A B B A. NAN: it cannot run. */
static double loop_ratio(const measure_context *s, const ir_workload *w, const ir_kernel *k,
                         const ablation_variant of[2])
{
    double T[2] = {0, 0};
    for (int i = 0; i < 4; i++) {
        ir_point  o;
        const int as = i == 1 || i == 2;
        ablation_timed(s, w, k, &of[as], LOOP_SAMPLES, false, &o);
        T[as] += ir_point_time(&o); /* NAN unless ok */
        ir_point_free(&o);
    }
    return T[1] / T[0];
}

static ablation_variant ablation_loop_of(const ir_workload *w, int threads)
{
    ablation_variant t = {.p = w->defaults, .data_scale = 1, .comp_scale = 1, .lat_scale = 1, .work = 1};
    t.p.threads = threads;
    return t;
}

/* How much longer arithmetic takes under the variant's instruction set: the ceiling's loop. */
static double slower_arithmetic(const bench *b, const ablation_variant *t)
{
    const ir_workload *w = ir_workload_named("fma");
    const ir_ceiling  *c = ir_ceiling_find(&b->s->ceilings, IR_C_FLOPS, NULL, NULL, t->p.dtype, t->p.threads);
    const ir_kernel   *k = c ? backend_kernel_named(b->s->dev.be, w, c->kernel) : NULL;
    ablation_variant   of[2];
    if (!c || !k) return NAN;
    for (int i = 0; i < 2; i++) {
        of[i] = ablation_loop_of(w, t->p.threads);
        of[i].p.dtype = t->p.dtype;
        of[i].narrow = i && t->narrow;
    }
    return loop_ratio(b->s, w, k, of);
}

/* How much longer the variant's threads take to read memory than the base's, over what their ceilings say:
 * where a machine puts its threads may have changed since those were measured. 1: there is nothing to hold it
 * against. */
static double slower_reads(const bench *b, const ablation_variant *t)
{
    const ir_workload *w = ir_workload_named("read");
    const int          threads[2] = {b->variant[0].p.threads, t->p.threads};
    const ir_ceiling  *c[2];
    ablation_variant   of[2];
    for (int i = 0; i < 2; i++) {
        c[i] = ir_ceiling_find(&b->s->ceilings, IR_C_BANDWIDTH, "DRAM", "read", IR_NDTYPE, threads[i]);
        if (!c[i]) return 1;
        of[i] = ablation_loop_of(w, threads[i]);
        of[i].p.v[ir_workload_param(w, "bytes")] = (int64_t)c[0]->size_B;
    }
    const ir_kernel *k = backend_kernel_named(b->s->dev.be, w, c[0]->kernel);
    const double     ratio = k ? loop_ratio(b->s, w, k, of) * c[1]->value / c[0]->value : NAN;
    return ratio > 0 ? ratio : 1;
}

static void scale_memory(bench *b)
{
    for (size_t i = 1; i <= b->n; i++)
        if (!b->dropped[i] && b->variant[i].p.threads != b->variant[0].p.threads)
            b->variant[i].data_scale = slower_reads(b, &b->variant[i]);
}

static void scale_arithmetic(bench *b)
{
    for (size_t i = 1; i <= b->n; i++) {
        ablation_variant *t = &b->variant[i];
        if (!t->narrow) continue;
        t->comp_scale = slower_arithmetic(b, t);
        b->dropped[i] = isnan(t->comp_scale);
        ir_point_init(&b->seen[i]);
        if (b->dropped[i])
            snprintf(b->seen[i].reason, sizeof b->seen[i].reason,
                     "the arithmetic's own loop does not run that way");
    }
}

/* ---- judging --------------------------------------------------------------------------------- */
static double ablation_median_of(const block_times *t)
{
    double m[ABL_MAX_BLOCKS];
    for (size_t i = 0; i < t->n; i++) m[i] = ir_median(t->block[i].v, t->block[i].n);
    return ir_median(m, t->n);
}

/* Terms of base and variants; those without a ceiling are dropped. Returns the terms too small to matter
 * anywhere. */
static unsigned ablation_terms(bench *b, double t[1 + ABL_MAX_VARIANTS][ABL_NTERM])
{
    unsigned matters = 0;
    for (size_t i = 0; i <= b->n; i++) {
        if (b->dropped[i]) continue;
        variant_terms(b->s, &b->variant[i], &b->seen[i], t[i]);
        double T = b->variant[i].work * ablation_median_of(&b->times[i]);
        for (int j = 0; j < ABL_NTERM; j++) {
            if (isnan(t[i][j]))
                b->dropped[i] = true,
                snprintf(b->seen[i].reason, sizeof b->seen[i].reason, "no ceiling to predict it from");
            else if (t[i][j] > NIL_SHARE * T)
                matters |= 1u << j;
        }
    }
    return ~matters & ((1u << ABL_NTERM) - 1);
}

static double change_of(double now, double before) { return now > 0 && before > 0 ? log(now / before) : 0; }

/* The variants that were measured, packed: ratios first, then what the scale of work and the terms make of
 * them. */
static size_t ablation_pack(bench *b, double t[1 + ABL_MAX_VARIANTS][ABL_NTERM])
{
    block_times times[ABL_MAX_VARIANTS];
    size_t      n = 0;
    for (size_t i = 1; i <= b->n; i++)
        if (!b->dropped[i]) times[n++] = b->times[i];
    change_ratios(&b->times[0], times, n, b->s->policy.seed, b->change);
    for (size_t i = 1, m = 0; i <= b->n; i++) {
        if (b->dropped[i]) continue;
        term_change *c = &b->change[m++];
        double       per_work = log(b->variant[i].work);
        c->y += per_work, c->lo += per_work, c->hi += per_work;
        for (int d = 0; d < ABL_DRAWS; d++) c->draw[d] += per_work;
        for (int j = 0; j < ABL_NTERM; j++) c->d[j] = change_of(t[i][j], t[0][j]);
    }
    return n;
}

static void fill_lines(const bench *b, ablation_entry *e)
{
    e->n = b->n;
    for (size_t i = 1, m = 0; i <= b->n; i++) {
        ablation_line *l = &e->line[i - 1];
        ir_point       like = b->s->point[e->point];
        snprintf(l->what, sizeof l->what, "%s", b->variant[i].what);
        like.id.p = b->variant[i].p;
        like.id.cold = b->variant[i].cold;
        if (b->variant[i].workload)
            snprintf(like.id.workload, sizeof like.id.workload, "%s", b->variant[i].workload->name);
        if (b->variant[i].kernel)
            snprintf(like.id.kernel, sizeof like.id.kernel, "%s", b->variant[i].kernel->name);
        ir_point_key(&like, l->key);
        l->y = l->lo = l->hi = l->law = l->law_lo = l->law_hi = NAN;
        if (b->dropped[i]) {
            snprintf(l->why, sizeof l->why, "%s", b->seen[i].reason);
            continue;
        }
        const term_change *c = &b->change[m++];
        memcpy(l->d, c->d, sizeof l->d);
        l->y = c->y, l->lo = c->lo, l->hi = c->hi;
        l->agrees = change_agrees(e->label, c);
    }
}

/* The label of the term that T clearly follows; mixed when it follows none. */
static ir_bound followed(const ablation_entry *e, const ir_point *p)
{
    for (int j = 0; j < ABL_NTERM; j++) {
        if (j == label_term(e->label) || !(e->e[j].lo > 0.5)) continue;
        if (j == ABL_DATA) return strcmp(p->law.level, "DRAM") ? IR_BOUND_CACHE : IR_BOUND_MEMORY;
        return j == ABL_COMP ? IR_BOUND_COMPUTE : IR_BOUND_LATENCY;
    }
    return IR_BOUND_MIXED;
}

/* How sure the interventions are of the label: P(T follows its term); NAN: they do not tell. */
static double ablation_holds(const ablation_entry *e)
{
    int own = label_term(e->label);
    return own >= 0 ? e->e[own].p_half : NAN;
}

static void ablation_judge_entry(bench *b, ablation_entry *e)
{
    double t[1 + ABL_MAX_VARIANTS][ABL_NTERM];
    if (b->dropped[0]) {
        snprintf(e->why, sizeof e->why, "it could not be measured again: %.120s", b->seen[0].reason);
        return;
    }
    unsigned nil = ablation_terms(b, t);
    size_t   n = ablation_pack(b, t);
    fill_lines(b, e);
    if (n == 0) {
        snprintf(e->why, sizeof e->why, "no twin of it changes a term");
        return;
    }
    e->why[0] = '\0';
    elasticities_of(b->change, n, nil, b->s->policy.seed, e->e);
    e->outcome = ablation_judge(e->label, e->e);
    if (e->outcome == ABL_CONTRADICTED) e->corrected = followed(e, &b->s->point[e->point]);
    if (e->outcome == ABL_UNDECIDED && ablation_holds(e) < CLEAR_P) e->corrected = IR_BOUND_MIXED;
}

/* ---- one point ------------------------------------------------------------------------------- */
static void discard(bench *b)
{
    for (size_t i = 0; i <= ABL_MAX_VARIANTS; i++)
        for (size_t k = 0; k < b->times[i].n; k++) free((void *)b->times[i].block[k].v);
    free(b);
}

/* Variants run in the form in which their base was measured. Returns the one before; -1: there is no choice.
 */
static int use_form_of(const measure_context *s, const ir_point *p)
{
    const ir_backend *be = s->dev.be;
    if (!be->forms || !be->rivals || !be->rivals(&s->dev)) return -1;
    for (int f = 0; be->forms[f]; f++)
        if (!strcmp(be->forms[f], p->id.isa)) return be->use_form(&s->dev, f);
    return -1;
}

static ir_status ablation_one(measure_context *s, ablation_entry *e)
{
    const ir_point    *p = &s->point[e->point];
    const ir_workload *w = ir_workload_named(p->id.workload);
    const ir_kernel   *k = w ? backend_kernel_named(s->dev.be, w, p->id.kernel) : NULL;
    bench             *b = calloc(1, sizeof *b);
    ir_status          st = IR_OK;
    if (!b) return ir_fail(IR_ENOMEM, "no memory to prove a point");
    if (!k) {
        snprintf(e->why, sizeof e->why, "its kernel is not here");
        free(b);
        return IR_OK;
    }
    b->s = s, b->w = w, b->k = k;
    b->samples = (size_t)fmax(MIN_SAMPLES, fmin(SAMPLES, BLOCK_S / ir_point_time(p)));
    variant_base(p, &b->variant[0]);
    b->n = find_variants(s, w, k, p, b->variant + 1);
    if (b->n) scale_arithmetic(b);
    const int    form = use_form_of(s, p);
    const double began = s->dev.be->now(&s->dev); /* a described machine has a clock of its own */
    for (int r = 0; r < ROUNDS && st == IR_OK && b->n && !b->dropped[0] &&
                    (r == 0 || s->dev.be->now(&s->dev) - began < AGAIN_S);
         r++)
        st = palindrome(b);
    if (form >= 0) s->dev.be->use_form(&s->dev, form);
    if (st == IR_OK && !b->dropped[0] && !strcmp(p->law.level, "DRAM")) scale_memory(b);
    if (st == IR_OK) ablation_judge_entry(b, e);
    discard(b);
    return st;
}

static void correct(ir_point *p, ir_bound to)
{
    p->law.bound = to;
    p->law.bound_p = to == IR_BOUND_MIXED ? NAN : 0.975; /* the interval's one side */
    snprintf(p->law.ablation, sizeof p->law.ablation, "corrected");
}

/* On the point, and on any other measurement of the very same one. */
static void note(measure_context *s, ablation_entry *e)
{
    const ir_point *proved = &s->point[e->point];
    for (size_t i = 0; i < s->npoint; i++) {
        ir_point *p = &s->point[i];
        if (!point_was_timed(p) || !ir_same_question(p, proved) || strcmp(p->id.kernel, proved->id.kernel) ||
            p->law.bound != e->label)
            continue;
        snprintf(p->law.ablation, sizeof p->law.ablation, "%s", ablation_outcome_name(e->outcome));
        if (e->outcome == ABL_CONTRADICTED) correct(p, e->corrected);
        if (e->outcome != ABL_UNDECIDED || e->why[0] || isnan(ablation_holds(e))) continue;
        p->law.bound_p = ablation_holds(e);
        p->law.bound = e->corrected;
    }
}

ir_status ablation_measure(measure_context *s, ablation_set *set)
{
    char      key[IR_ID];
    ir_status st = IR_OK;
    double    began = s->dev.be->now(&s->dev), room = s->full || set->named ? FULL_S : QUICK_S;
    for (size_t i = 0; i < set->n && st == IR_OK; i++) {
        ablation_entry *e = &set->v[i];
        ir_point       *p = &s->point[e->point];
        if (s->dev.be->now(&s->dev) - began > room) {
            snprintf(e->why, sizeof e->why, "the %.0f s for proofs were used up", room);
        } else {
            if (s->tick) s->tick(s, ir_point_key(p, key));
            st = ablation_one(s, e);
        }
        if (st == IR_OK) note(s, e);
    }
    return st;
}

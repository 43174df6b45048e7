/* zoo_truth.c -- ceilings, levels, flags and labels against what the description says of them. */
#include "bench/claims/claims.h"
#include "bench/commands/zoo.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double NEAR = 0.03, FACTOR = 1.5, CLEAR = 0.6, OPEN = 0.5, QUIET = 0.02;

bool zoo_calm(const model_machine *m)
{
    const model_disturb *d = &m->disturb;
    return d->noise <= QUIET && !(d->state > 0) && !(d->neighbour > 0) && !(d->steal > 0) &&
           !(d->quota > 0) && !(d->throttle > 0) && !(d->drift > 0) && !(d->preempt_Hz > 0) && !(d->pair > 0);
}

/* ---- levels and ceilings --------------------------------------------------------------------- */
/* The level of a name as the law has it; -1: the machine has none. */
static int zoo_truth_level_index(const model_machine *m, const char *name)
{
    if (!strcmp(name, "DRAM")) return m->nlevel - 1;
    if (m->gpu > 0) return strcmp(name, "L2") != 0 ? -1 : m->nlevel > 2 ? 1 : 0;
    for (int l = 0; l < IR_DRAM; l++)
        if (!strcmp(name, ir_level_names[l])) return l < m->nlevel - 1 ? l : -1;
    return -1;
}

static void score_levels(const zoo_run *r, const model_machine *m, FILE *log, zoo_result *out)
{
    for (int l = 0; l < IR_DRAM; l++) {
        int    at = zoo_truth_level_index(m, ir_level_names[l]);
        double got = r->s.ceilings.level_B[l];
        double is = at < 0 ? NAN : m->level[at].size_B * model_instances(m, at, m->gpu > 0 ? 0 : 1);
        bool   right = isnan(is) ? isnan(got) : got <= FACTOR * is && is <= FACTOR * got;
        zoo_count(&out->levels, right);
        if (!right) zoo_say(log, "level %s: %.4g B, is %.4g", ir_level_names[l], got, is);
    }
}

static const model_scale as_is = {1, 1, 1, 1, 1};

/* B/s of a call without its launches. level: that serves it all; -1: as the footprint decides. */
static double traffic_Bps(const model_machine *m, const ir_workload *w, uint32_t kflags, const ir_params *p,
                          int level)
{
    const ir_cost c = w->cost(w, p);
    model_plan    o;
    model_plan_at(m, w, kflags, p, level, &o);
    o.launches = 0;
    return ir_cost_B(&c) / model_batch_s(&o, &as_is, 1);
}

/* The best rate of an operation where one level serves it all. */
static double stream_Bps(const model_machine *m, const char *op, int l, int threads)
{
    const ir_workload *w = ir_workload_named(op);
    const double       bytes = 1e9;
    double             best = 0;
    ir_params          p = w->defaults;
    p.threads = threads;
    p.v[ir_workload_param(w, "bytes")] = (int64_t)bytes;
    p.v[ir_workload_param(w, "streams")] = 8;
    for (int nt = 0; nt < 2; nt++) {
        const ir_cost c = w->cost(w, &p);
        if (nt && (!(m->memory.nt > 0) || m->gpu > 0 || !(ir_cost_write_B(&c) > 0))) continue;
        best = fmax(best, traffic_Bps(m, w, nt ? IR_K_NT : 0, &p, l));
    }
    return best;
}

/* A working set of all threads that their nearer caches hold for the most part is served by both: so is what
 * the ceiling says. */
static double set_Bps(const model_machine *m, const ir_ceiling *c)
{
    const ir_workload *w = ir_workload_named(c->op);
    ir_params          p = w->defaults;
    p.threads = c->threads;
    p.v[ir_workload_param(w, "bytes")] = (int64_t)c->size_B;
    return traffic_Bps(m, w, 0, &p, -1);
}

static bool both_serve(const model_machine *m, int l, const ir_ceiling *c)
{
    return l > 0 && m->gpu == 0 && c->threads > 1 &&
           c->size_B < 1.6 * m->level[l - 1].size_B * model_instances(m, l - 1, c->threads);
}

/* Of memory on a node, 0 the first's own. */
static double node_truth(const model_machine *m, const ir_ceiling *c)
{
    const int          node = atoi(c->level + 4), last = m->nlevel - 1;
    const ir_workload *w = ir_workload_named(c->op);
    ir_params          p = w->defaults;
    if (c->what == IR_C_LATENCY) return node > 0 ? m->far[node - 1].latency_s : m->level[last].latency_s;
    p.threads = c->threads;
    p.node = 1 + node;
    p.v[ir_workload_param(w, "bytes")] = (int64_t)1e9;
    p.v[ir_workload_param(w, "streams")] = 8;
    return traffic_Bps(m, w, 0, &p, last);
}

/* What a ceiling should say; NAN: the description does not. */
static double truth_of(const model_machine *m, const ir_ceiling *c)
{
    int l = zoo_truth_level_index(m, c->level);
    if (!strncmp(c->level, "node", 4)) return node_truth(m, c);
    if (c->what == IR_C_BANDWIDTH && l >= 0 && isfinite(c->read_frac) && both_serve(m, l, c))
        return set_Bps(m, c);
    if (c->what == IR_C_BANDWIDTH && l >= 0 && isfinite(c->read_frac))
        return stream_Bps(m, c->op, l, c->threads);
    if (c->what == IR_C_FLOPS && !strcmp(c->op, "fma")) return model_flops(m, c->threads, c->dtype, false);
    if (c->what == IR_C_FLOPS && !strcmp(c->op, "mma"))
        return m->matrix[c->dtype] * m->cores * m->clock.all_Hz;
    if (c->what == IR_C_LATENCY && l >= 0 && !strcmp(c->op, "chase") && strcmp(c->kernel, "small") != 0)
        return m->level[l].latency_s;
    if (c->what == IR_C_LAUNCH)
        return model_launch_s(m, c->threads,
                              !strcmp(c->kernel, "graph")  ? IR_K_GRAPH
                              : !strcmp(c->kernel, "sync") ? IR_K_WAITED
                                                           : 0);
    return NAN;
}

void zoo_score_ceilings(const zoo_run *r, const model_machine *m, FILE *log, zoo_result *out)
{
    score_levels(r, m, log, out);
    for (size_t i = 0; zoo_calm(m) && i < r->s.ceilings.n; i++) {
        const ir_ceiling *c = &r->s.ceilings.v[i];
        double            is = truth_of(m, c);
        if (!(is > 0)) continue;
        bool right = fabs(c->value / is - 1) <= NEAR;
        zoo_count(&out->ceilings, right);
        if (!right)
            zoo_say(log, "ceiling %s %s %s %s %d threads at %.4g B: %.4g, is %.4g (%+.1f %%)",
                    ir_what_name(c->what), c->level, c->op,
                    c->dtype < IR_NDTYPE ? ir_dtype_name(c->dtype) : "", c->threads, c->size_B, c->value, is,
                    100 * (c->value / is - 1));
    }
}

/* ---- flags ----------------------------------------------------------------------------------- */
static uint32_t caused(const model_machine *m)
{
    uint32_t f = 0;
    if (m->disturb.pair > 0) f |= IR_FLAG_SMT_SHARED;
    if (m->disturb.throttle > 0) f |= IR_FLAG_THROTTLED | IR_FLAG_CLOCK_DRIFT;
    return f;
}

static void score_named(const zoo_run *r, const model_machine *m, FILE *log, zoo_result *out)
{
    const model_disturb *d = &m->disturb;
    const uint32_t       uneven = IR_FLAG_NOISY | IR_FLAG_BIMODAL;
    const struct {
        const char *what;
        double      on;
        uint32_t    any;
    } want[] = {{"pair", d->pair, IR_FLAG_SMT_SHARED},
                {"throttle", d->throttle, IR_FLAG_THROTTLED},
                {"steal", d->steal > 0.01, IR_FLAG_STEAL},
                {"neighbour", d->neighbour, uneven},
                {"state", d->state, uneven},
                {"quota", d->quota, uneven},
                {"preempt", d->preempt_Hz, uneven}};
    uint32_t seen = 0;
    for (size_t i = 0; i < r->s.npoint; i++) seen |= r->s.point[i].flags;
    for (size_t i = 0; i < r->s.ceilings.n; i++) { /* two visits that differ, or two moments kept */
        seen |= r->s.ceilings.v[i].flags;
        if (r->s.ceilings.v[i].alt_Bps > 0) seen |= IR_FLAG_NOISY;
    }
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        if (!(want[i].on > 0)) continue;
        zoo_count(&out->named, seen & want[i].any);
        if (!(seen & want[i].any)) zoo_say(log, "disturbance %s is not named", want[i].what);
    }
}

void zoo_score_flags(const zoo_run *r, const model_machine *m, FILE *log, zoo_result *out)
{
    const uint32_t bad = (IR_FLAG_SUSPECT | IR_FLAG_SMT_SHARED | IR_FLAG_THROTTLED) & ~caused(m);
    char           key[IR_ID];
    for (size_t i = 0; i < r->s.npoint; i++) {
        const ir_point *p = &r->s.point[i];
        if (p->status != IR_OK) continue;
        zoo_count(&out->quiet, !(p->flags & bad));
        if (p->flags & bad) zoo_say(log, "flag on %s: %s", ir_point_key(p, key), p->reason);
    }
    for (size_t i = 0; i < r->s.ceilings.n; i++) {
        const ir_ceiling *c = &r->s.ceilings.v[i];
        zoo_count(&out->quiet, !(c->flags & bad));
        if (c->flags & bad)
            zoo_say(log, "flag on ceiling %s %s %s %d threads: %s", ir_what_name(c->what), c->level, c->op,
                    c->threads, c->why);
    }
    score_named(r, m, log, out);
}

/* ---- labels ---------------------------------------------------------------------------------- */
/* Rates at the moment of a row: the clock it ran at, and where memory has two states or a neighbour the share
 * of its bandwidth at which the model takes the row's time. */
static void moment_of(const model_machine *m, const model_plan *o, double reps, const ir_point *p,
                      model_scale *s)
{
    enum { STEPS = 40 };
    const model_disturb *d = &m->disturb;
    const double         T = ir_point_time(p) * reps, clock_Hz = m->clock.all_Hz * (1 - d->clock_lag);
    double               lo = (d->state > 0 ? d->state : 1) * (1 - d->neighbour), hi = 1;
    *s = as_is;
    if ((d->throttle > 0 || d->drift > 0) && p->m.clock_Hz > 0)
        s->cache = s->compute = s->launch = p->m.clock_Hz / clock_Hz;
    for (int i = 0; lo < hi && i < STEPS; i++) {
        s->memory = sqrt(lo * hi);
        if (model_batch_s(o, s, reps) > T)
            lo = s->memory;
        else
            hi = s->memory;
    }
}

static model_elasticity truth_at(const model_machine *m, const ir_point *p)
{
    model_plan  o;
    model_scale s;
    model_plan_of(m, ir_workload_named(p->id.workload), p->id.kflags, &p->id.p, &o);
    double reps = o.once && p->m.reps ? p->m.reps : 1;
    moment_of(m, &o, reps, p, &s);
    return model_elasticity_at(&o, reps, &s);
}

/* Did the row take what its machine is described to take? A group that waits for its quota is held by
 * something else, and so is one whose samples lie further apart than any interval that is judged. */
static bool as_described(const model_machine *m, const ir_point *p)
{
    const ir_stats *t = ir_point_stats(p);
    if (!zoo_calm(m) && fmax(t->ci_hi - t->median, t->median - t->ci_lo) > 0.5 * t->median) return false;
    model_plan o;
    model_plan_of(m, ir_workload_named(p->id.workload), p->id.kflags, &p->id.p, &o);
    double reps = o.once && p->m.reps ? p->m.reps : 1;
    return fabs(log(ir_point_time(p) / (model_batch_s(&o, &as_is, reps) / reps))) < 0.25;
}

static bool claims_nothing(const ir_point *p)
{
    return p->law.bound == IR_BOUND_MIXED || p->law.bound == IR_BOUND_UNKNOWN;
}

/* The class of a row's largest term, whether it is claimed or not. */
static ir_bound leading(const ir_point *p)
{
    double d = p->law.term_data_s, c = p->law.term_comp_s, l = p->law.term_lat_s;
    if (c > d && c > l) return IR_BOUND_COMPUTE;
    if (l > d) return IR_BOUND_LATENCY;
    return strcmp(p->law.level, "DRAM") ? IR_BOUND_CACHE : IR_BOUND_MEMORY;
}

static void score_label(const model_machine *m, const ir_point *p, FILE *log, zoo_result *out)
{
    double           share;
    char             key[IR_ID];
    model_elasticity e = truth_at(m, p);
    ir_bound         is = model_bound_of(&e, &share);
    bool             right = share >= CLEAR ? p->law.bound == is : claims_nothing(p);
    if (share >= CLEAR)
        zoo_count(&out->labels, right);
    else if (share < OPEN)
        zoo_count(&out->open, right);
    if (p->law.bound != IR_BOUND_UNKNOWN && isfinite(p->law.bound_p) && p->law.bound_p >= 0.5) {
        int  bin = p->law.bound_p < 0.7 ? 0 : p->law.bound_p < 0.9 ? 1 : 2;
        bool named = leading(p) == is || p->law.bound == is;
        zoo_count(&out->bin[bin], named);
        right = right && (named || bin == 2);
    }
    if (!right && (share >= CLEAR || share < OPEN))
        zoo_say(log, "label %s: %s P %.2f (%.3g s: %.3g %.3g %.3g), is %s %.2f (m %.2f c %.2f o %.2f l %.2f)",
                ir_point_key(p, key), ir_bound_name(p->law.bound), p->law.bound_p, ir_point_time(p),
                p->law.term_data_s, p->law.term_comp_s, p->law.term_lat_s, ir_bound_name(is), share, e.memory,
                e.cache, e.compute, e.latency);
}

/* The law has no term for a link, for local memory, or for one instruction waiting for another. */
static bool has_terms(const char *family)
{
    static const char *const none[] = {"transfer", "overlap", "local", "clock"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (!strcmp(none[i], family)) return false;
    return true;
}

void zoo_score_labels(const zoo_run *r, const model_machine *m, FILE *log, zoo_result *out)
{
    size_t          n;
    const ir_point *p = context_asked(&r->s, &n);
    for (size_t i = 0; i < n; i++)
        if (point_was_timed(&p[i]) && has_terms(p[i].id.family) && as_described(m, &p[i]))
            score_label(m, &p[i], log, out);
}

/* ---- the claim ------------------------------------------------------------------------------- */
static bool is_batch1(const ir_point *p)
{
    bool net = !strcmp(p->id.workload, "resnet50") || !strcmp(p->id.family, "gpt"), one = true;
    for (int i = 0; i < p->id.np; i++)
        if (!strcmp(p->id.pname[i], "batch") ||
            (!strcmp(p->id.family, "gpt") && !strcmp(p->id.pname[i], "tokens")))
            one = one && p->id.p.v[i] == 1;
    return net && one && point_was_timed(p);
}

/* The claim is about the fastest answer to a question; a slower one answers another. */
static bool is_fastest(const measure_context *s, const ir_point *p)
{
    for (size_t i = 0; i < s->npoint; i++)
        if (is_batch1(&s->point[i]) && ir_same_question(&s->point[i], p) &&
            ir_point_time(&s->point[i]) < ir_point_time(p))
            return false;
    return true;
}

void zoo_score_claim(const zoo_run *r, const model_machine *m, FILE *log, zoo_result *out)
{
    const measure_context *s = &r->s;
    claim_evidence         e = {.point = s->point,
                                .npoint = s->npoint,
                                .ceilings = &s->ceilings,
                                .threads = s->info.threads,
                                .llc_B = s->info.llc_B,
                                .mem_B = s->info.mem_B,
                                .fit = r->law.fitted ? &r->law.fit[r->law.better] : NULL,
                                .device = s->info.id,
                                .title = s->info.name,
                                .workloads = ir_workloads};
    batch1_answer          a;
    size_t                 rows = 0, memory = 0, against = 0;
    for (size_t i = 0; i < s->npoint; i++) {
        double share;
        if (!is_batch1(&s->point[i]) || !is_fastest(s, &s->point[i]) ||
            (s->info.threads > 0 && s->point[i].id.p.threads != s->info.threads))
            continue;
        model_elasticity x = truth_at(m, &s->point[i]);
        ir_bound         is = model_bound_of(&x, &share);
        rows++;
        memory += is == IR_BOUND_MEMORY && share >= CLEAR;
        against += is != IR_BOUND_MEMORY && share >= CLEAR;
    }
    if (rows == 0 || (memory < rows && against == 0)) return; /* either answer may be given */
    const char *is = against ? "does not hold" : "holds";
    bool decided = batch1_ask(&e, &a) == IR_OK, /* else it says that no row's time is the machine's own */
        right = decided ? !strcmp(a.verdict, is) || (!zoo_calm(m) && !strcmp(a.verdict, "undecided"))
                        : !zoo_calm(m) && a.withheld > 0;
    zoo_count(&out->claim, right);
    if (!right)
        zoo_say(log, "batch 1 %s, is: %s (%zu rows, %zu memory, %zu against)", decided ? a.verdict : ir_why(),
                is, rows, memory, against);
}

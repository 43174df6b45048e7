/* variants.c -- see variants.h. Every variant is a point of the same workload, so cost model and ceilings
 * predict it like any other; none of it knows a device but the last, which narrows the CPU's vectors. */
#include "bench/ablation/variants.h"
#include "bench/ablation/substitutes.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <string.h>

static const double MOST_B = 1.5e9,
                    MOST_GROWTH = 4.5; /* a variant's footprint: absolute, and over the base's */
static const double FEW = 0.15;        /* share of T */
enum { SKEW = 4, MOST_HALVINGS = 24 };

/* Parameters by their part in the work. batch: its items share the weights. width: outputs, each with weights
 * of its own. size: all of the work and of the footprint. */
typedef struct {
    const char *family, *batch, *width, *size;
} axes;
static const axes known[] = {{"stream", NULL, NULL, "bytes"},  {"chase", "chains", NULL, "steps"},
                             {"gather", NULL, NULL, "bytes"},  {"peak", NULL, NULL, "iters"},
                             {"gemm", "m", "n", "n"},          {"gemv", NULL, NULL, "m"},
                             {"linear", "rows", "k", "k"},     {"conv", "n", NULL, "n"},
                             {"norm", NULL, NULL, "rows"},     {"softmax", NULL, NULL, "rows"},
                             {"act", NULL, NULL, "rows"},      {"add", NULL, NULL, "rows"},
                             {"embed", NULL, NULL, "rows"},    {"attention", "batch", NULL, NULL},
                             {"cnn", "batch", NULL, NULL},     {"gpt", "batch", NULL, NULL},
                             {"dlrm", "batch", NULL, NULL},    {"bag", NULL, NULL, "bags"},
                             {"encoder", "batch", NULL, NULL}, {"moe", NULL, NULL, NULL},
                             {"mixtral", "batch", NULL, NULL}};

typedef struct {
    const measure_context *s;
    const ir_workload     *w;
    const ir_kernel       *k;
    const ir_point        *base;
    int                    batch, width, size; /* -1: none */
    ablation_variant      *out;
    size_t                 n;
} maker;

static int variants_param(const ir_workload *w, const char *name)
{
    return name ? ir_workload_param(w, name) : -1;
}

static void find_axes(maker *m)
{
    m->batch = m->width = m->size = -1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].family, m->w->family) != 0) continue;
        m->batch = variants_param(m->w, known[i].batch);
        m->width = variants_param(m->w, known[i].width);
        m->size = variants_param(m->w, known[i].size);
        if (m->batch < 0 && known[i].batch)
            m->batch = variants_param(m->w, "batch"); /* "batchmm" is a gemm whose m is its batch */
    }
}

/* ---- what a variant would cost, before it is measured ---------------------------------------- */
static const ir_workload *variants_workload_of(const maker *m, const ablation_variant *t)
{
    return t->workload ? t->workload : m->w;
}
static const ir_kernel *kernel_of(const maker *m, const ablation_variant *t)
{
    return t->kernel ? t->kernel : m->k;
}

static bool variants_valid(const maker *m, const ablation_variant *t)
{
    const ir_workload *w = variants_workload_of(m, t);
    const ir_kernel   *k = kernel_of(m, t);
    if (!(w->dtypes >> t->p.dtype & 1u)) return false;
    if (w->valid && w->valid(w, &t->p) != IR_OK) return false;
    return !k->can_run || k->can_run(&m->s->dev, w, &t->p) == IR_OK;
}

/* A point as the variant's, with the cost model's figures and a time of 1 s. */
static void sketch(const maker *m, const ablation_variant *t, ir_point *o)
{
    *o = *m->base;
    o->id.p = t->p;
    o->id.cold = t->cold;
    o->m.cost = variants_workload_of(m, t)->cost(variants_workload_of(m, t), &t->p);
    if (kernel_of(m, t)->cost) kernel_of(m, t)->cost(&t->p, &o->m.cost);
    if (kernel_of(m, t)->flags & IR_K_FUSED && m->base->m.reps > 1) o->m.cost.launches /= m->base->m.reps;
    o->m.wall.median = o->m.dev.median = 1;
}

static double work_of(const ir_cost *c) { return c->flops > 0 ? c->flops : ir_cost_B(c); }

/* A level's capacity is known to a step of the ladder: whoever leaves the base's level must go well beyond
 * the edge. */
static bool clear_of_edges(const maker *m, const ablation_variant *t, double B)
{
    const ir_ceilings *c = &m->s->ceilings;
    if (t->cold || m->base->id.cold) return true;
    const char *level = ir_level_of(c, B, t->p.threads, false);
    double      beyond = B < m->base->m.cost.footprint_B ? 2 * B : B / 4;
    return !strcmp(level, m->base->law.level) || !strcmp(level, ir_level_of(c, beyond, t->p.threads, false));
}

/* Keep the variant when it can run, fits, and changes a term by enough to be seen. */
static bool variants_keep(maker *m, const ablation_variant *t)
{
    double           a[ABL_NTERM], b[ABL_NTERM], most = 0;
    ir_point         o;
    ablation_variant base;
    if (m->n == ABL_MAX_VARIANTS || !variants_valid(m, t) || isnan(t->lat_scale)) return false;
    sketch(m, t, &o);
    if (o.m.cost.footprint_B > MOST_B && o.m.cost.footprint_B > m->base->m.cost.footprint_B) return false;
    if (o.m.cost.footprint_B > MOST_GROWTH * m->base->m.cost.footprint_B ||
        !clear_of_edges(m, t, o.m.cost.footprint_B))
        return false;
    variant_base(m->base, &base);
    variant_terms(m->s, &base, m->base, a);
    variant_terms(m->s, t, &o, b);
    for (int j = 0; j < ABL_NTERM; j++)
        if (a[j] > 0 && b[j] > 0) most = fmax(most, fabs(log(b[j] / a[j])));
    if (!t->narrow && most < ABL_LEAST) return false;
    m->out[m->n++] = *t;
    return true;
}

/* ---- the variants ---------------------------------------------------------------------------- */
static bool is_data(const ir_point *p)
{
    return p->law.bound == IR_BOUND_MEMORY || p->law.bound == IR_BOUND_CACHE;
}

/* Weights stay, FLOPs double. */
static void larger_batch(maker *m)
{
    ablation_variant t;
    if (m->batch < 0) return;
    variant_base(m->base, &t);
    t.p.v[m->batch] *= 2;
    snprintf(t.what, sizeof t.what, "%s %lld to %lld", m->w->param[m->batch],
             (long long)m->base->id.p.v[m->batch], (long long)t.p.v[m->batch]);
    variants_keep(m, &t);
}

/* More bytes at equal FLOPs: a smaller batch on a wider layer. */
static void more_weights(maker *m)
{
    ablation_variant t;
    if (m->batch < 0 || m->width < 0) return;
    int64_t by = m->base->id.p.v[m->batch] % SKEW == 0 ? SKEW : 2;
    if (m->base->id.p.v[m->batch] % by != 0) return;
    variant_base(m->base, &t);
    t.p.v[m->batch] /= by;
    t.p.v[m->width] *= by;
    snprintf(t.what, sizeof t.what, "%s/%lld, %s*%lld", m->w->param[m->batch], (long long)by,
             m->w->param[m->width], (long long)by);
    variants_keep(m, &t);
}

/* Bytes halve. From f32 on the sums stay f32, and the compute term is held; whether the rate of the
 * arithmetic does depends on the kernel, so this is no variant where arithmetic takes long. */
static void narrower_weights(maker *m)
{
    static const ir_dtype next[IR_NDTYPE][2] = {[IR_F64] = {IR_F32, IR_F32},
                                                [IR_F32] = {IR_BF16, IR_F16},
                                                [IR_BF16] = {IR_I8, IR_I8},
                                                [IR_F16] = {IR_I8, IR_I8}};
    ablation_variant      t;
    ir_dtype              from = m->base->id.p.dtype;
    if (!is_data(m->base) || !strcmp(m->w->family, "stream") ||
        m->base->law.term_comp_s > FEW * ir_point_time(m->base))
        return; /* streams count bytes, not elements */
    for (int i = 0; i < 2 && next[from][i] != IR_F64; i++) {
        variant_base(m->base, &t);
        t.p.dtype = next[from][i];
        double a = ir_peak_ceiling(&m->s->ceilings, from, t.p.threads),
               b = ir_peak_ceiling(&m->s->ceilings, t.p.dtype, t.p.threads);
        if (from != IR_F64 && b > 0 && a > 0) t.comp_scale = b / a;
        snprintf(t.what, sizeof t.what, "%s for %s", ir_dtype_name(t.p.dtype), ir_dtype_name(from));
        if (variants_keep(m, &t)) return;
    }
}

/* The same kind of work on a working set small enough for the next cache, per unit of work. Non-temporal
 * stores go to memory from there too. */
static void in_cache(maker *m)
{
    ablation_variant t;
    ir_point         o;
    if (m->size < 0 || !is_data(m->base) || m->base->id.cold || m->k->flags & IR_K_NT ||
        !strcmp(m->w->family, "peak"))
        return;
    variant_base(m->base, &t);
    for (int i = 0; i < MOST_HALVINGS && t.p.v[m->size] > 1; i++) {
        t.p.v[m->size] /= 2;
        if (!variants_valid(m, &t)) return;
        sketch(m, &t, &o);
        /* half of what the level holds: its edge is not sharp */
        const char *level = ir_level_of(&m->s->ceilings, 2 * o.m.cost.footprint_B, t.p.threads, false);
        if (!strcmp(level, m->base->law.level)) continue;
        t.work = work_of(&m->base->m.cost) / work_of(&o.m.cost);
        snprintf(t.what, sizeof t.what, "in %s: %s=%lld, per unit of work", level, m->w->param[m->size],
                 (long long)t.p.v[m->size]);
        if (variants_keep(m, &t)) return;
    }
}

static void fewer_cores(maker *m)
{
    ablation_variant t;
    if (m->base->id.p.threads < 2) return;
    variant_base(m->base, &t);
    t.p.threads /= 2;
    snprintf(t.what, sizeof t.what, "%d of %d threads", t.p.threads, m->base->id.p.threads);
    variants_keep(m, &t);
}

/* All of the work doubles, or halves where there is no room; launches stay. */
static void other_size(maker *m)
{
    ablation_variant t;
    if (m->size < 0) return;
    for (int up = 1; up >= 0; up--) {
        variant_base(m->base, &t);
        t.p.v[m->size] = up ? 2 * t.p.v[m->size] : t.p.v[m->size] / 2;
        snprintf(t.what, sizeof t.what, "%s %s", m->w->param[m->size], up ? "doubled" : "halved");
        if (t.p.v[m->size] > 0 && variants_keep(m, &t)) return;
    }
}

/* Buffers that pass by one after the other: the same FLOPs, bytes from memory instead of a cache. */
static void from_memory(maker *m)
{
    ablation_variant t;
    if (m->base->id.cold || !strcmp(m->base->law.level, "DRAM") || !*m->base->law.level) return;
    if (ir_cost_accesses(&m->base->m.cost, IR_DEPENDENT) > 0)
        return; /* a chase goes round its lines many times a call: cold is only the first time */
    variant_base(m->base, &t);
    t.cold = true;
    snprintf(t.what, sizeof t.what, "cold: from memory, not %s", m->base->law.level);
    variants_keep(m, &t);
}

/* Half as wide vectors. Loads from a cache get narrower with them, so a cache-bound point learns nothing from
 * it; nor does a library, which chooses for itself, nor arithmetic alone, which is the ceiling. */
static void narrower_vectors(maker *m)
{
    ablation_variant t;
    const char      *words = m->s->dev.be->narrower ? m->s->dev.be->narrower(&m->s->dev) : NULL;
    if (!words || strcmp(m->base->id.isa, m->s->info.isa) != 0) return; /* narrow already */
    if (m->k->flags & IR_K_LIB || m->base->law.bound == IR_BOUND_CACHE) return;
    if (!strcmp(m->w->family, "peak") || !(m->base->m.cost.flops > 0)) return;
    variant_base(m->base, &t);
    t.narrow = true;
    t.comp_scale = NAN;
    snprintf(t.what, sizeof t.what, "%s", words);
    variants_keep(m, &t);
}

size_t find_variants(const measure_context *s, const ir_workload *w, const ir_kernel *k, const ir_point *base,
                     ablation_variant *out)
{
    ablation_variant substitute;
    maker            m = {.s = s, .w = w, .k = k, .base = base, .out = out};
    find_axes(&m);
    for (size_t i = 0; find_substitute(s, w, k, base, i, &substitute); i++) variants_keep(&m, &substitute);
    larger_batch(&m);
    more_weights(&m);
    narrower_weights(&m);
    in_cache(&m);
    fewer_cores(&m);
    other_size(&m);
    from_memory(&m);
    narrower_vectors(&m);
    return m.n;
}

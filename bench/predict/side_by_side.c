/* side_by_side.c -- see compare.h: what is compared, and how a gap is split. */
#include "bench/predict/side_by_side.h"

#include <math.h>
#include <string.h>

const char *const compare_term_name[COMPARE_NTERM] = {"data", "compute", "latency", "unexplained"};

const char *compare_differs(const machine_view *a, const machine_view *b)
{
    if (a->source != IR_SRC_MEASURED || b->source != IR_SRC_MEASURED) return "datasheet";
    return ir_env_differs(&a->env, &b->env);
}

/* ---- ceilings -------------------------------------------------------------------------------- */
const char *compare_ceiling_name(const compare_ceiling *c, char buf[64])
{
    if (c->ridge)
        snprintf(buf, 64, "ridge %s", ir_dtype_name(c->dtype));
    else if (c->what == IR_C_FLOPS)
        snprintf(buf, 64, "peak %s", ir_dtype_name(c->dtype));
    else if (c->what == IR_C_BANDWIDTH)
        snprintf(buf, 64, "%s %s", c->level, c->op);
    else if (c->what == IR_C_LATENCY)
        snprintf(buf, 64, "%s latency", c->level);
    else
        snprintf(buf, 64, "launch");
    return buf;
}

static const ir_ceiling *side_by_side_find(const machine_view *v, const compare_ceiling *c)
{
    return ir_ceiling_find(&v->ceilings, c->what, c->level, c->op, c->dtype,
                           c->what == IR_C_LATENCY ? 1 : v->threads);
}

compare_value compare_ceiling_of(const machine_view *v, const compare_ceiling *c)
{
    compare_value none = {NAN, NAN, NAN, v->source};
    if (c->ridge) {
        double peak = ir_peak_ceiling(&v->ceilings, c->dtype, v->threads),
               bw = ir_bw_ceiling(&v->ceilings, "DRAM", v->threads, 1, 0);
        return (compare_value){peak / bw, NAN, NAN, v->source};
    }
    const ir_ceiling *x = side_by_side_find(v, c);
    return x ? (compare_value){x->value, x->lo, x->hi, x->source} : none;
}

static size_t side_by_side_keep(const machine_views *s, const compare_ceiling *c, compare_ceiling *out,
                                size_t n, size_t max)
{
    for (size_t i = 0; i < s->n && n < max; i++)
        if (isfinite(compare_ceiling_of(&s->v[i], c).v)) {
            out[n] = *c;
            return n + 1;
        }
    return n;
}

size_t compare_ceilings(const machine_views *s, compare_ceiling *out, size_t max)
{
    static const char *const ops[] = {"read", "write", "copy", "triad"};
    size_t                   n = 0;
    for (int l = IR_DRAM; l >= 0; l--)
        for (int o = 0; o < 4; o++)
            n = side_by_side_keep(
                s, &(compare_ceiling){IR_C_BANDWIDTH, ir_level_names[l], ops[o], IR_NDTYPE, false}, out, n,
                max);
    for (int t = 0; t < IR_NDTYPE; t++)
        n = side_by_side_keep(s, &(compare_ceiling){IR_C_FLOPS, NULL, NULL, (ir_dtype)t, false}, out, n, max);
    for (int t = 0; t < IR_NDTYPE; t++)
        n = side_by_side_keep(s, &(compare_ceiling){IR_C_FLOPS, NULL, NULL, (ir_dtype)t, true}, out, n, max);
    for (int l = 0; l < IR_NLEVEL; l++)
        n = side_by_side_keep(
            s, &(compare_ceiling){IR_C_LATENCY, ir_level_names[l], "chase", IR_NDTYPE, false}, out, n, max);
    return side_by_side_keep(s, &(compare_ceiling){IR_C_LAUNCH, NULL, NULL, IR_NDTYPE, false}, out, n, max);
}

/* ---- times ----------------------------------------------------------------------------------- */
static bool same_point(const ir_point *m, const ir_workload *w, const ir_params *p)
{
    if (strcmp(m->id.workload, w->name) || m->id.p.dtype != p->dtype || m->id.cold) return false;
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (m->id.p.v[i] != p->v[i]) return false;
    return true;
}

static const ir_point *side_by_side_measured(const machine_view *v, const ir_workload *w, const ir_params *p)
{
    const ir_point *best = NULL;
    for (size_t i = 0; i < v->npoint; i++) {
        const ir_point *m = &v->point[i];
        if (m->status != IR_OK || m->id.kflags & IR_K_NAIVE || m->flags & IR_FLAG_SUSPECT ||
            !same_point(m, w, p))
            continue;
        if (m->id.p.threads != (p->threads ? p->threads : v->threads) || !isfinite(ir_point_time(m)))
            continue;
        if (!best || ir_point_time(m) < ir_point_time(best)) best = m;
    }
    return best;
}

void compare_time_of(const machine_view *v, const ir_workload *w, const ir_params *p, compare_time *o)
{
    static const predict_what_if as_is = {0};
    memset(o, 0, sizeof *o);
    o->T_s = o->lo = o->hi = NAN;
    if (predict_point(v, w, p, &as_is, &o->q) != IR_OK) {
        snprintf(o->why, sizeof o->why, "%.190s", ir_why());
        return;
    }
    o->ok = true;
    o->measured = side_by_side_measured(v, w, p);
    memcpy(o->term_s, o->q.term_s, sizeof o->q.term_s);
    if (o->q.form == IR_OVERLAPPED) o->term_s[o->term_s[P_DATA] < o->term_s[P_COMP] ? P_DATA : P_COMP] = 0;
    o->T_s = o->q.T_s[o->q.form];
    o->lo = o->q.T_lo[o->q.form];
    o->hi = o->q.T_hi[o->q.form];
    if (!o->measured) return;
    const ir_stats *t = ir_point_stats(o->measured);
    o->term_s[COMPARE_UNEXPLAINED] = ir_point_time(o->measured) - o->T_s;
    o->T_s = ir_point_time(o->measured);
    o->lo = t->ci_lo;
    o->hi = t->ci_hi;
}

void compare_gap_of(const compare_time *a, const compare_time *b, compare_gap *g)
{
    double gap = b->T_s - a->T_s;
    g->ratio = b->T_s / a->T_s;
    g->lo = b->lo / a->hi;
    g->hi = b->hi / a->lo;
    g->explains = -1;
    bool none = !(fabs(gap) > 0.01 * fmin(a->T_s, b->T_s));
    for (int k = 0; k < COMPARE_NTERM; k++) {
        g->term_ratio[k] = k < P_NTERM && a->term_s[k] > 0 ? b->term_s[k] / a->term_s[k] : NAN;
        g->share[k] = none ? NAN : (b->term_s[k] - a->term_s[k]) / gap;
        if (!none && (g->explains < 0 || g->share[k] > g->share[g->explains])) g->explains = k;
    }
}

/* ---- which points ---------------------------------------------------------------------------- */
static bool all_have(const machine_views *s, ir_dtype t)
{
    for (size_t i = 0; i < s->n; i++)
        if (!isfinite(ir_peak_ceiling(&s->v[i].ceilings, t, s->v[i].threads))) return false;
    return true;
}

/* f32, and the 16-bit type that every machine has; what was asked for comes first. */
static void dtypes_for(const machine_views *s, const cli_dtypes *asked, cli_dtypes *out)
{
    static const ir_dtype half[] = {IR_F16, IR_BF16};
    *out = *asked;
    if (out->n) return;
    out->v[out->n++] = IR_F32;
    for (int i = 0; i < 2 && out->n < 2; i++)
        if (all_have(s, half[i])) out->v[out->n++] = half[i];
}

static bool side_by_side_listed(const cli_point *v, size_t n, const ir_workload *w, const ir_params *p)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(v[i].workload->name, w->name) && v[i].p.dtype == p->dtype &&
            !memcmp(v[i].p.v, p->v, sizeof p->v))
            return true;
    return false;
}

static size_t standard(const ir_workload *const *table, const char *text, const cli_dtypes *d, cli_point *out,
                       size_t n, size_t max)
{
    cli_options o;
    cli_points  p;
    cli_options_init(&o);
    if (d) o.dtypes = *d;
    if (cli_points_expand(table, &text, 1, &o, &p) == IR_OK) {
        for (size_t i = 0; i < p.n && n < max; i++)
            if (!side_by_side_listed(out, n, p.v[i].workload, &p.v[i].p)) out[n++] = p.v[i];
        cli_points_free(&p);
    }
    cli_options_free(&o);
    return n;
}

static const ir_workload *side_by_side_workload_of(const ir_workload *const *table, const char *name)
{
    for (; *table; table++)
        if (!strcmp((*table)->name, name)) return *table;
    return NULL;
}

/* The points of view a that another measured view has too. */
static size_t shared(const machine_views *s, const ir_workload *const *table, size_t a, cli_point *out,
                     size_t n, size_t max)
{
    for (size_t i = 0; i < s->v[a].npoint && n < max; i++) {
        const ir_point    *m = &s->v[a].point[i];
        const ir_workload *w = side_by_side_workload_of(table, m->id.workload);
        if (!w || m->status != IR_OK || m->id.cold || m->id.kflags & IR_K_NAIVE ||
            m->id.p.threads != s->v[a].threads)
            continue;
        ir_params p = m->id.p;
        p.threads = 0;
        for (size_t b = a + 1; b < s->n; b++)
            if (n < max && !side_by_side_listed(out, n, w, &p) && side_by_side_measured(&s->v[b], w, &p))
                out[n++] = (cli_point){w, p};
    }
    return n;
}

size_t compare_points(const machine_views *s, const ir_workload *const *table, const cli_dtypes *asked,
                      cli_point *out, size_t max)
{
    static const char *const typed[] = {"gemm:m=4096,n=4096,k=4096", "resnet50:batch=1", "resnet50:batch=32",
                                        "gpt2:size=medium,batch=1,tokens=1"};
    cli_dtypes               d;
    size_t                   n = standard(table, "copy:bytes=256Mi,streams=1", NULL, out, 0, max);
    dtypes_for(s, asked, &d);
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) n = standard(table, typed[i], &d, out, n, max);
    for (size_t a = 0; a < s->n; a++) n = shared(s, table, a, out, n, max);
    return n;
}

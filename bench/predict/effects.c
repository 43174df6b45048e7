/* effects.c -- see effects.h. */
#include "bench/predict/effects.h"
#include "harness/stats/stats.h"

#include <math.h>

/* The changed row, and how many times the items of a call it works through. */
typedef struct {
    ir_row x;
    double items;
    bool   whole; /* the unexplained part grows with the work: a batch, other threads */
} change;

/* ---- the changes ----------------------------------------------------------------------------- */
static bool half_bytes(const machine_view *v, const ir_workload *w, const ir_point *p, change *c)
{
    (void)v, (void)w, (void)p;
    c->x.x_data_s /= 2;
    return true;
}

static bool no_arithmetic(const machine_view *v, const ir_workload *w, const ir_point *p, change *c)
{
    (void)v, (void)w, (void)p;
    c->x.x_comp_s = 0;
    return true;
}

static bool all_threads(const machine_view *v, const ir_workload *w, const ir_point *p, change *c)
{
    ir_point more = *p;
    (void)w;
    more.id.p.threads = v->threads;
    c->whole = true;
    return p->id.p.threads > 0 && p->id.p.threads < v->threads && ir_row_of(&more, &v->ceilings, &c->x);
}

static bool one_launch(const machine_view *v, const ir_workload *w, const ir_point *p, change *c)
{
    (void)v, (void)w;
    if (!(p->m.cost.launches > 1)) return false;
    c->x.x_launch /= p->m.cost.launches;
    return true;
}

static bool batch_of(const machine_view *v, const ir_workload *w, const ir_point *p, int times, change *c)
{
    int      at = w ? predict_param(w, "batch") : -1;
    ir_point big = *p;
    if (at < 0 || big.id.p.v[at] > INT64_MAX / times) return false;
    big.id.p.v[at] *= times;
    if (w->valid && w->valid(w, &big.id.p) != IR_OK) return false;
    ir_cost was = w->cost(w, &p->id.p);
    big.m.cost = w->cost(w, &big.id.p);
    if (was.flops > 0) big.m.cost.spare_flops = p->m.cost.spare_flops * big.m.cost.flops / was.flops;
    big.m.cost.launches = p->m.cost.launches;
    c->items = times;
    c->whole = true;
    return !(big.m.cost.footprint_B > v->capacity_B) && ir_row_of(&big, &v->ceilings, &c->x);
}

static bool batch2(const machine_view *v, const ir_workload *w, const ir_point *p, change *c)
{
    return batch_of(v, w, p, 2, c);
}
static bool batch4(const machine_view *v, const ir_workload *w, const ir_point *p, change *c)
{
    return batch_of(v, w, p, 4, c);
}
static bool batch8(const machine_view *v, const ir_workload *w, const ir_point *p, change *c)
{
    return batch_of(v, w, p, 8, c);
}

/* ---- their effect ---------------------------------------------------------------------------- */
static double effects_factor(const machine_view *v, const ir_row *x, const change *c, double T, int draw)
{
    double was = predict_law_time(v, x, draw), is = predict_law_time(v, &c->x, draw);
    double T_new = c->whole || was > T ? T * is / was : T - was + is;
    return c->items * T / T_new;
}

static void effects_one(const machine_view *v, const ir_row *x, const change *c, double T, ir_gain *e)
{
    double draw[IR_FIT_DRAWS];
    int    n = predict_law_draws(v);
    e->factor = effects_factor(v, x, c, T, -1);
    if (n == 0) return;
    for (int d = 0; d < n; d++) draw[d] = effects_factor(v, x, c, T, d);
    ir_sort(draw, (size_t)n);
    e->lo = ir_quantile_sorted(draw, (size_t)n, .025);
    e->hi = ir_quantile_sorted(draw, (size_t)n, .975);
}

void effects_between(const machine_view *v, const ir_row *was, const ir_row *is, double T, bool whole,
                     ir_gain *out)
{
    const change c = {.x = *is, .items = 1, .whole = whole};
    *out = (ir_gain){NAN, NAN, NAN};
    effects_one(v, was, &c, T, out);
}

void effects_of(const machine_view *v, const ir_workload *w, const ir_point *p, ir_gain out[IR_NGAIN])
{
    static bool (*const make[IR_NGAIN])(const machine_view *, const ir_workload *, const ir_point *,
                                        change *) = {
        [IR_GAIN_BYTES] = half_bytes, [IR_GAIN_CORE] = no_arithmetic, [IR_GAIN_THREADS] = all_threads,
        [IR_GAIN_GRAPH] = one_launch, [IR_GAIN_BATCH2] = batch2,      [IR_GAIN_BATCH4] = batch4,
        [IR_GAIN_BATCH8] = batch8};
    ir_row x;
    bool   known = ir_row_of(p, &v->ceilings, &x);
    for (int i = 0; i < IR_NGAIN; i++) {
        change c = {.x = x, .items = 1};
        out[i] = (ir_gain){NAN, NAN, NAN};
        if (known && make[i](v, w, p, &c)) effects_one(v, &x, &c, ir_point_time(p), &out[i]);
    }
}

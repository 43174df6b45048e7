/* effects.c -- see effects.h. */
#include "bench/predict/effects.h"
#include "harness/record/answer.h"
#include "harness/record/text.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <string.h>

#define MATTERS 1.02 /* a gain below is not worth a word */

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
    more.p.threads = v->threads;
    c->whole = true;
    return p->p.threads > 0 && p->p.threads < v->threads && ir_row_of(&more, &v->ceilings, &c->x);
}

static bool one_launch(const machine_view *v, const ir_workload *w, const ir_point *p, change *c)
{
    (void)v, (void)w;
    if (!(p->cost.launches > 1)) return false;
    c->x.x_launch /= p->cost.launches;
    return true;
}

static bool batch_of(const machine_view *v, const ir_workload *w, const ir_point *p, int times, change *c)
{
    int      at = w ? predict_param(w, "batch") : -1;
    ir_point big = *p;
    if (at < 0 || big.p.v[at] > INT64_MAX / times) return false;
    big.p.v[at] *= times;
    if (w->valid && w->valid(&big.p) != IR_OK) return false;
    ir_cost was = w->cost(&p->p);
    big.cost = w->cost(&big.p);
    if (was.flops > 0) big.cost.spare_flops = p->cost.spare_flops * big.cost.flops / was.flops;
    big.cost.launches = p->cost.launches;
    c->items = times;
    c->whole = true;
    return !(big.cost.footprint_B > v->capacity_B) && ir_row_of(&big, &v->ceilings, &c->x);
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

static void effects_one(const machine_view *v, const ir_row *x, const change *c, double T, effect *e)
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

void effects_of(const machine_view *v, const ir_workload *w, const ir_point *p, effect out[EFFECT_N])
{
    static bool (*const make[EFFECT_N])(const machine_view *, const ir_workload *, const ir_point *, change *) = {
        [EFFECT_BYTES] = half_bytes, [EFFECT_CORE] = no_arithmetic, [EFFECT_THREADS] = all_threads,
        [EFFECT_GRAPH] = one_launch, [EFFECT_BATCH2] = batch2,      [EFFECT_BATCH4] = batch4,
        [EFFECT_BATCH8] = batch8};
    ir_row x;
    bool   known = ir_row_of(p, &v->ceilings, &x);
    for (int i = 0; i < EFFECT_N; i++) {
        change c = {.x = x, .items = 1};
        out[i] = (effect){NAN, NAN, NAN};
        if (known && make[i](v, w, p, &c)) effects_one(v, &x, &c, ir_point_time(p), &out[i]);
    }
}

/* ---- words ----------------------------------------------------------------------------------- */
/* "183 tok/s [178, 188]". */
static size_t effects_speed(const ir_point *p, const effect *e, char *buf, size_t size, size_t n)
{
    char speed[64], lo[64], hi[64];
    n = ir_text_append(buf, size, n, "%s", ir_answer_speed(p, e->factor, speed, sizeof speed));
    if (!isfinite(e->lo)) return n;
    ir_answer_speed(p, e->lo, lo, sizeof lo);
    ir_answer_speed(p, e->hi, hi, sizeof hi);
    const char *unit = strchr(speed, ' ');
    bool        same = unit && strchr(lo, ' ') && strchr(hi, ' ') && !strcmp(unit, strchr(lo, ' ')) &&
                !strcmp(unit, strchr(hi, ' '));
    if (!same) return ir_text_append(buf, size, n, " [%s, %s]", lo, hi);
    return ir_text_append(buf, size, n, " [%.*s, %.*s]", (int)strcspn(lo, " "), lo, (int)strcspn(hi, " "), hi);
}

static size_t effects_batches(const ir_point *p, const effect *e, char *buf, size_t size, size_t n)
{
    int at = 0, last = -1;
    for (int i = EFFECT_BATCH2; i <= EFFECT_BATCH8; i++)
        if (e[i].factor >= MATTERS) last = i;
    if (last < 0) return n;
    for (int i = 0; i < p->np; i++)
        if (!strcmp(p->pname[i], "batch")) at = i;
    n = ir_text_append(buf, size, n, "%sbatch %lld -> ", n ? "; " : "",
                       (long long)p->p.v[at] << (last - EFFECT_BATCH2 + 1));
    return effects_speed(p, &e[last], buf, size, n);
}

void effects_sentence(const ir_point *p, const effect e[EFFECT_N], char *buf, size_t size)
{
    static const struct {
        effect_what what;
        const char *words;
        bool        most; /* an upper bound: told as a factor */
    } told[] = {{EFFECT_BYTES, "half the bytes", false},
                {EFFECT_CORE, "a faster core alone", true},
                {EFFECT_THREADS, "all threads", false},
                {EFFECT_GRAPH, "one graph for all launches", true}};
    char   name[IR_ANSWER_NAME], num[IR_NUM], body[400] = "";
    size_t n = 0;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        const effect *x = &e[told[i].what];
        if (!(x->factor >= MATTERS)) continue;
        n = ir_text_append(body, sizeof body, n, "%s%s", n ? "; " : "", told[i].words);
        if (told[i].most)
            n = ir_text_append(body, sizeof body, n, ": at most %s x", ir_text_plain(x->factor, num));
        else
            n = effects_speed(p, x, body, sizeof body, ir_text_append(body, sizeof body, n, " -> "));
    }
    n = effects_batches(p, e, body, sizeof body, n);
    if (p->bound == IR_BOUND_CODE)
        n = ir_text_append(body, sizeof body, n, "%sthe rest lies in the code: see --layers", n ? "; " : "");
    if (*p->proof) n = ir_text_append(body, sizeof body, n, " (bound %s by intervention)", p->proof);
    buf[0] = 0;
    if (n) snprintf(buf, size, "%s: %s", ir_answer_name(p, name), body);
}

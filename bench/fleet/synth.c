/* synth.c -- fleets that never were: healthy nodes of some spread, rounds of some noise and now and then
 * disturbed, and nodes of which one coefficient of the law is lower. What the judge says of them can be held
 * against what was put in. */
#include "bench/fleet/fleet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TAIL = 1.08; /* of a quiet node */
enum { POINTS = 8, TAIL_AT = POINTS, SERIES, ROUNDS_1 = 3, ROUNDS_2 = 5, RACK = 32 };
/* Shares of the healthy time by data, compute and latency. */
static const struct {
    const char *key;
    double      time_s, share[3];
} point[POINTS] = {
    {"cpu/copy/nt:bytes=268435456,dtype=f32,threads=2,cache=hot", 12e-3, {1, 0, 0}},
    {"cpu/triad/plain:bytes=268435456,dtype=f32,threads=2,cache=hot", 14e-3, {.97, 0, .03}},
    {"cpu/gemv/blocked:m=4096,n=4096,dtype=f32,threads=2,cache=hot", 4e-3, {.8, .1, .1}},
    {"cpu/fma/simd:iters=65536,dtype=f32,threads=2,cache=hot", 2e-3, {0, .98, .02}},
    {"cpu/gemm/blocked:m=1024,n=1024,k=1024,dtype=f32,threads=2,cache=hot", 11e-3, {.1, .85, .05}},
    {"cpu/forkjoin/pool:dtype=f32,threads=2,cache=hot", 3e-6, {0, 0, 1}},
    {"cpu/gpt2/fused:batch=1,dtype=f32,threads=2,cache=hot", 21e-3, {.6, .1, .3}},
    {"cpu/resnet50/fused:batch=4,dtype=f32,threads=2,cache=hot", 95e-3, {.3, .6, .1}}};

typedef struct {
    const fleet_synth *o;
    ir_rng             rng;
    double             node[SERIES]; /* points, then the tail */
} factory;

static ir_status one_look(factory *f, const ir_fleet_plan *plan, const fleet_member *m, int look,
                          ir_fleet_node *d)
{
    int rounds = look == 1 ? ROUNDS_1 : ROUNDS_2;
    *d = (ir_fleet_node){.look = look, .wall_s = 60, .npoint = POINTS};
    snprintf(d->run, sizeof d->run, "%s", plan->run);
    snprintf(d->version, sizeof d->version, "%s", plan->version);
    snprintf(d->node, sizeof d->node, "%s", m->name);
    snprintf(d->host, sizeof d->host, "%s", m->name);
    snprintf(d->key, sizeof d->key, "0123456789abcdef");
    snprintf(d->status, sizeof d->status, "ok");
    d->point = calloc(POINTS, sizeof *d->point);
    if (!d->point) return ir_fail(IR_ENOMEM, "no memory for a synthetic node");
    for (int k = 0; k < POINTS; k++) {
        snprintf(d->point[k].point, IR_ID, "%s", point[k].key);
        d->point[k].n = rounds;
        for (int t = 0; t < 3; t++) d->point[k].term_s[t] = point[k].time_s * point[k].share[t];
    }
    for (int r = 0; r < rounds; r++) {
        bool disturbed = ir_rng_uniform(&f->rng) < f->o->disturbed;
        for (int k = 0; k < POINTS; k++) {
            double T = point[k].time_s * f->node[k] * exp(f->o->noise * ir_rng_normal(&f->rng));
            d->point[k].time_s[r] = disturbed ? T * (1.05 + 0.25 * ir_rng_uniform(&f->rng)) : T;
        }
    }
    d->ntail = rounds;
    for (int r = 0; r < rounds; r++)
        d->tail[r] = TAIL * f->node[TAIL_AT] * exp(f->o->noise * ir_rng_normal(&f->rng));
    ir_status st = ir_fleet_node_fact(d, "cpu_model", "Synthetic 9000");
    return st == IR_OK ? ir_fleet_node_fact(d, "kernel", "6.1.0") : st;
}

/* What this node's times are multiplied by: its own luck, and its fault. */
static void make_node(factory *f, bool slow)
{
    for (int k = 0; k < POINTS; k++) {
        double T = 1;
        if (slow && f->o->term == FLEET_TAIL_TERM)
            T = 1;
        else if (slow && f->o->term < 3)
            T += point[k].share[f->o->term] * (1 / (1 - f->o->slower) - 1);
        else if (slow)
            T = 1 / (1 - f->o->slower);
        f->node[k] = T * exp(f->o->spread * ir_rng_normal(&f->rng));
    }
    double longer = slow && f->o->term == FLEET_TAIL_TERM ? 1 / (1 - f->o->slower) : 1;
    f->node[TAIL_AT] = longer * exp(f->o->spread * ir_rng_normal(&f->rng));
}

static ir_status open_fleet(const fleet_synth *o, fleet_data *d)
{
    *d = (fleet_data){.plan = {.delta = o->delta > 0 ? o->delta : 0.05,
                               .alpha = 0.01,
                               .tau0 = 0.02,
                               .timeout_s = 300,
                               .rounds = {ROUNDS_1, ROUNDS_2},
                               .nnode = o->n}};
    snprintf(d->plan.run, sizeof d->plan.run, "synthetic-%u", (unsigned)o->seed);
    snprintf(d->plan.version, sizeof d->plan.version, "synthetic");
    d->plan.node = calloc(o->n + 1, sizeof *d->plan.node);
    d->v = calloc(o->n + 1, sizeof *d->v);
    if (!d->plan.node || !d->v) return ir_fail(IR_ENOMEM, "no memory for %zu nodes", o->n);
    d->n = o->n;
    for (size_t i = 0; i < o->n; i++) {
        snprintf(d->v[i].name, IR_FLEET_NAME, "r%03zu-n%05zu", i / RACK, i);
        snprintf(d->plan.node[i], IR_FLEET_NAME, "%s", d->v[i].name);
    }
    return IR_OK;
}

static ir_status synth_second_look(factory *f, fleet_data *d, double (*factor)[SERIES])
{
    fleet_result r;
    char(*again)[IR_FLEET_NAME] = NULL;
    size_t    n = 0;
    ir_status st = fleet_judge(d, NULL, &r);
    if (st != IR_OK) return st;
    st = fleet_choose(&r, &again, &n);
    for (size_t i = 0; i < n && st == IR_OK; i++) {
        fleet_member *m = fleet_find(d, again[i]);
        memcpy(f->node, factor[m - d->v], sizeof f->node);
        m->asked2 = m->have[1] = true;
        st = one_look(f, &d->plan, m, 2, &m->look[1]);
    }
    free(again);
    fleet_result_free(&r);
    return st;
}

ir_status fleet_synthesize(const fleet_synth *o, fleet_data *d, bool **truth)
{
    factory f = {.o = o};
    double(*factor)[SERIES] = calloc(o->n + 1, sizeof *factor);
    bool     *slow = calloc(o->n + 1, sizeof *slow);
    ir_status st = factor && slow ? open_fleet(o, d) : ir_fail(IR_ENOMEM, "no memory for %zu nodes", o->n);
    ir_rng_seed(&f.rng, o->seed);
    for (size_t left = o->faulty < o->n ? o->faulty : o->n; st == IR_OK && left > 0;) {
        size_t i = ir_rng_below(&f.rng, o->n);
        left -= !slow[i];
        slow[i] = true;
    }
    for (size_t i = 0; i < o->n && st == IR_OK; i++) {
        make_node(&f, slow[i]);
        memcpy(factor[i], f.node, sizeof f.node);
        d->v[i].have[0] = true;
        st = one_look(&f, &d->plan, &d->v[i], 1, &d->v[i].look[0]);
    }
    if (st == IR_OK) st = synth_second_look(&f, d, factor);
    free(factor);
    if (truth && st == IR_OK)
        *truth = slow;
    else
        free(slow);
    if (st != IR_OK) fleet_free(d);
    return st;
}

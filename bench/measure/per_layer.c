/* per_layer.c -- see layers.h. */
#include "bench/measure/per_layer.h"
#include "kernels/workloads/workloads_nets.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS = 30, MIN_CALLS = 6 };
static const double LONG_S = 10; /* a profile of a slow network takes about so many budgets of a point */

static ir_status per_layer_chosen(const char *which, int n, const char *name, cli_axis *out)
{
    if (!strcmp(which, "all")) {
        char all[32];
        snprintf(all, sizeof all, "0-%d", n - 1);
        return cli_axis_parse(all, 0, n - 1, out);
    }
    ir_status st = cli_axis_parse(which, 0, INT32_MAX, out);
    for (size_t i = 0; st == IR_OK && i < out->n; i++)
        if (out->v[i] >= n) {
            st = ir_fail(IR_EINVAL, "--layers: %s has no layer %lld; its layers are 0 to %d", name,
                         (long long)out->v[i], n - 1);
            cli_axis_free(out);
        }
    return st;
}

ir_status per_layer_valid(const char *which, const cli_points *pts)
{
    bool      any = false;
    ir_status st = IR_OK;
    for (size_t i = 0; i < pts->n && st == IR_OK; i++) {
        const cli_point *p = &pts->v[i];
        cli_axis         axis = {0};
        ly_net           net;
        if (!wl_is_net(p->workload)) continue;
        any = true;
        st = wl_net_of(p->workload, &p->p, &net);
        if (st != IR_OK) return st;
        st = per_layer_chosen(which, net.n, p->workload->name, &axis);
        cli_axis_free(&axis);
        ly_free(&net);
    }
    if (st == IR_OK && !any) return ir_fail(IR_EINVAL, "--layers: no selected workload is a network");
    return st;
}

/* Identity and circumstances of the whole, as the row of layer l; name NULL: of all layers together. */
static void like(const ir_point *whole, const char *name, int64_t l, ir_point *o)
{
    ir_point_init(o);
    o->id.p = whole->id.p;
    o->id.np = whole->id.np;
    memcpy(o->id.pname, whole->id.pname, sizeof o->id.pname);
    memcpy(o->id.pword, whole->id.pword, sizeof o->id.pword);
    memcpy(o->id.backend, whole->id.backend, sizeof o->id.backend);
    memcpy(o->id.workload, whole->id.workload, sizeof o->id.workload);
    memcpy(o->id.kernel, whole->id.kernel, sizeof o->id.kernel);
    memcpy(o->id.device, whole->id.device, sizeof o->id.device);
    memcpy(o->id.isa, whole->id.isa, sizeof o->id.isa);
    memcpy(o->m.warmup, whole->m.warmup, sizeof o->m.warmup);
    snprintf(o->id.family, sizeof o->id.family, "layer");
    snprintf(o->m.stop, sizeof o->m.stop, "fixed");
    o->id.kflags = whole->id.kflags;
    o->m.check = whole->m.check;
    o->m.overhead_s = whole->m.overhead_s;
    o->m.bw_now = whole->m.bw_now;
    o->id.p.v[o->id.np] = l;
    snprintf(o->id.pname[o->id.np], sizeof o->id.pname[0], "layer");
    snprintf(o->id.pword[o->id.np], sizeof o->id.pword[0], "%.15s", name);
    o->id.np++;
}

/* Weights and cache come from wherever the whole network lives: between two uses everything else passes by.
 * Activations were written a moment ago: a row that mostly moves those is judged by its own footprint. */
static void cost_of(const ly_row *r, const ir_point *whole, const char *choice, ir_point *o)
{
    ly_cost(r, whole->id.p.dtype, true, &o->m.cost);
    if (!strcmp(choice, "winograd")) o->m.cost.spare_flops = o->m.cost.flops - ly_winograd_flops(r);
    double passing = ir_cost_weights_B(&o->m.cost) + ir_cost_of(&o->m.cost, IR_OF_KV);
    if (2 * passing > ir_cost_B(&o->m.cost))
        o->m.cost.footprint_B = fmax(o->m.cost.footprint_B, whole->m.cost.footprint_B);
}

static ir_status fill_times(ir_point *o, const double *layer_s, size_t l, size_t n, size_t calls)
{
    double *v = malloc(calls * sizeof *v);
    o->m.samples.v = calloc(calls, sizeof *o->m.samples.v);
    if (!v || !o->m.samples.v) {
        free(v);
        return ir_fail(IR_ENOMEM, "no memory for %zu samples", calls);
    }
    o->m.samples.n = o->m.samples.cap = calls;
    for (size_t c = 0; c < calls; c++) {
        v[c] = layer_s[c * n + l];
        o->m.samples.v[c] = (ir_sample){v[c], NAN, 1, false};
    }
    ir_stats_of(v, calls, &o->m.wall);
    o->m.reps = 1;
    o->status = IR_OK;
    o->flags |= IR_FLAG_WITHIN_RUN | (o->m.wall.bimodal ? IR_FLAG_BIMODAL : 0) |
                (o->m.wall.sd > 0.05 * o->m.wall.mean ? IR_FLAG_NOISY : 0);
    free(v);
    return IR_OK;
}

static ir_status skipped(measure_context *s, const ir_point *whole)
{
    ir_point o;
    like(whole, "all", -1, &o);
    o.status = IR_SKIP;
    o.m.cost = whole->m.cost;
    snprintf(o.reason, sizeof o.reason, "%s", ir_why());
    return context_append(s, &o);
}

static ir_status per_layer_keep(measure_context *s, const ir_point *whole, const ly_net *net,
                                const cli_axis *axis, const double *layer_s, const char *const *choice,
                                size_t calls)
{
    ir_status st = IR_OK;
    for (size_t i = 0; i < axis->n && st == IR_OK; i++) {
        const ly_row *r = &net->row[axis->v[i]];
        ir_point      o;
        like(whole, r->name, axis->v[i], &o);
        snprintf(o.chosen, sizeof o.chosen, "%s", choice[axis->v[i]]);
        cost_of(r, whole, o.chosen, &o);
        st = fill_times(&o, layer_s, (size_t)axis->v[i], (size_t)net->n, calls);
        if (st == IR_OK)
            st = context_append(s, &o);
        else
            ir_point_free(&o);
    }
    return st;
}

/* Are all of them in the run that is being resumed? Then they are kept already. */
static ir_status recall(measure_context *s, const ir_point *whole, const ly_net *net, const cli_axis *axis,
                        bool *done)
{
    size_t    first = s->npoint;
    ir_status st = IR_OK;
    *done = s->resume != NULL;
    for (size_t i = 0; i < axis->n && st == IR_OK && *done; i++) {
        ir_point o;
        like(whole, net->row[axis->v[i]].name, axis->v[i], &o);
        st = context_find_resumed(s, &o, done);
    }
    while (!*done && s->npoint > first) ir_point_free(&s->point[--s->npoint]);
    return st;
}

static ir_status measure_per_layer_measure(measure_context *s, const ir_workload *w, const ir_kernel *k,
                                           const ir_point *whole, const ly_net *net, const cli_axis *axis)
{
    double       T = ir_point_time(whole), room = LONG_S * s->policy.budget_s / (T > 0 ? T : 1);
    size_t       calls = room < MIN_CALLS ? MIN_CALLS : room > CALLS ? CALLS : (size_t)room;
    double      *layer_s = malloc(calls * (size_t)net->n * sizeof *layer_s);
    const char **choice = calloc((size_t)net->n, sizeof *choice);
    ir_status    st =
        layer_s && choice ? IR_OK : ir_fail(IR_ENOMEM, "no memory for the times of %d layers", net->n);
    if (st == IR_OK)
        st = ir_profile(&s->dev, w, k, &whole->id.p, s->policy.seed, net->n, calls, layer_s, choice);
    if (st == IR_OK)
        st = per_layer_keep(s, whole, net, axis, layer_s, choice, calls);
    else if (st != IR_ENOMEM)
        st = skipped(s, whole);
    free(choice);
    free(layer_s);
    return st;
}

ir_status per_layer_measure(measure_context *s, const ir_workload *w, const ir_kernel *k,
                            const ir_point *whole)
{
    ly_net   net;
    cli_axis axis = {0};
    bool     done;
    if (!s->layers || !wl_is_net(w) || whole->status != IR_OK || k->flags & IR_K_IDEAL) return IR_OK;
    ir_point  self = *whole; /* keeping rows may move it */
    ir_status st = wl_net_of(w, &self.id.p, &net);
    if (st != IR_OK) return st;
    st = per_layer_chosen(s->layers, net.n, w->name, &axis);
    if (st == IR_OK) st = recall(s, &self, &net, &axis, &done);
    if (st == IR_OK && !done) st = measure_per_layer_measure(s, w, k, &self, &net, &axis);
    cli_axis_free(&axis);
    ly_free(&net);
    return st;
}

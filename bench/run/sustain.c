/* sustain.c -- see sustain.h. Windows of a second, of a quarter of one in less than a minute. */
#include "bench/run/sustain.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    measure_context *s;
    ir_host_look    *host; /* NULL: a described machine tells of itself */
} sustain_watch;

/* What the machine tells at a window's end: this host's, or a described machine's own. */
static void sustain_host(void *arg, ir_window *w)
{
    sustain_watch   *o = arg;
    measure_context *s = o->s;
    double           total;
    if (s->dev.be->taken) s->dev.be->taken(&s->dev, &w->steal_s, &total, &w->throttle_n);
    if (!o->host) return;
    ir_host_look_read(o->host, ir_now(), w);
    if (s->info.numa_nodes > 0) return;
    w->throttle_n = w->temp_C = w->clock_Hz = w->power_W = NAN; /* a GPU has its own heat */
}

static double sustain_beside(void *arg) { return bw_monitor_share(&((sustain_watch *)arg)->s->monitor); }

/* The fastest of a question, once. */
static bool sustain_chosen(const ir_point *p, size_t n, size_t i)
{
    if (!point_was_timed(&p[i]) || p[i].flags & IR_FLAG_SUSPECT) return false;
    for (size_t j = 0; j < n; j++) {
        if (j == i || !point_was_timed(&p[j]) || p[j].flags & IR_FLAG_SUSPECT) continue;
        if (!ir_same_question(&p[i], &p[j])) continue;
        double a = ir_point_time(&p[i]), b = ir_point_time(&p[j]);
        if (b < a || (b == a && j < i)) return false;
    }
    return true;
}

static ir_limits sustain_limits(const measure_context *s)
{
    ir_thermal heat;
    ir_vitals  v = {.cap_W = NAN};
    if (s->dev.be->vitals) {
        s->dev.be->vitals((ir_dev *)(uintptr_t)&s->dev, &v);
        return (ir_limits){v.cap_W > 0 ? v.cap_W : NAN, NAN};
    }
    ir_thermal_read("", &heat);
    return (ir_limits){heat.cap_W, heat.crit_C};
}

static ir_status sustain_one(sustained_set *o, measure_context *s, const ir_point *p, double seconds)
{
    const ir_workload *w = ir_workload_named(p->id.workload);
    const ir_kernel   *k = w ? backend_kernel_named(s->dev.be, w, p->id.kernel) : NULL;
    ir_vigil           g = {.span_s = seconds, .window_s = seconds < 60 ? 0.25 : 1, .host = sustain_host};
    ir_policy          pol = s->policy;
    ir_bound_kernel    b;
    ir_point           got;
    char               key[IR_ID];
    if (!k || ir_bind(&s->dev, w, k, &p->id.p, &b) != IR_OK) return IR_OK;
    pol.cold = p->id.cold;
    pol.verified = true;
    pol.fixed_n = 5;
    pol.witness = NULL;
    pol.vigil = &g;
    bool          here = !s->info.modelled && !s->dev.be->known_ceilings && !s->dev.be->taken;
    sustain_watch watch = {s, here ? ir_host_look_open("") : NULL};
    g.arg = &watch;
    bool drift = bw_monitor_begin(&s->monitor, &s->ceilings, &b, pol.cold, &pol);
    if (drift) g.beside = sustain_beside;
    ir_status st = ir_measure_bound(&b, &pol, &got);
    ir_point_free(&got);
    ir_host_look_close(&watch.host);
    if (st != IR_OK) {
        free(g.v);
        return st == IR_EINTR || st == IR_ENOMEM ? st : IR_OK;
    }
    ir_series *x = &o->v[o->n];
    memset(x, 0, sizeof *x);
    snprintf(x->device, sizeof x->device, "%s", s->info.id);
    snprintf(x->key, sizeof x->key, "%s", ir_point_key(p, key));
    x->window_s = g.window_s;
    x->w = o->w[o->n++] = g.v;
    x->n = g.n;
    ir_limits limits = sustain_limits(s);
    ir_sustain_judge(g.v, g.n, &limits, &x->s);
    return IR_OK;
}

ir_status sustained_measure(sustained_set *o, measure_context *s, double seconds)
{
    size_t          n;
    const ir_point *p = context_asked(s, &n);
    ir_status       st = IR_OK;
    if (!(seconds > 0) || n == 0) return IR_OK;
    o->v = calloc(n, sizeof *o->v);
    o->w = calloc(n, sizeof *o->w);
    if (!o->v || !o->w) return ir_fail(IR_ENOMEM, "no memory for %zu series", n);
    for (size_t i = 0; i < n && st == IR_OK; i++)
        if (sustain_chosen(p, n, i)) st = sustain_one(o, s, &p[i], seconds);
    return st;
}

ir_status sustained_journal(ir_journal *j, const sustained_set *o)
{
    ir_status st = IR_OK;
    for (size_t i = 0; i < o->n && st == IR_OK; i++) st = ir_journal_series(j, &o->v[i]);
    return st;
}

void sustained_print(FILE *f, const sustained_set *o)
{
    for (size_t i = 0; i < o->n; i++) {
        const ir_series    *x = &o->v[i];
        const ir_sustained *s = &x->s;
        if (i == 0) fputs("\nKept up:\n", f);
        if (!s->known) {
            fprintf(f, "  %s: %zu windows are too few to tell\n", x->key, x->n);
            continue;
        }
        fprintf(f, "  %s: %.1f %% of its peak is left after %.3g s", x->key, 100 * s->sustained / s->peak,
                x->n ? x->w[x->n - 1].t_s + x->window_s : 0);
        if (!s->settled) fprintf(f, ", not settled: %+.2g %%/min", 100 * s->slope);
        if (isnan(s->drop_s))
            fputs("; no drop\n", f);
        else
            fprintf(f, "\n    slower from %.3g s on: %s (%s)\n", s->drop_s, s->cause, s->evidence);
    }
}

void sustained_free(sustained_set *o)
{
    for (size_t i = 0; i < o->n; i++) free(o->w[i]);
    free(o->w);
    free(o->v);
    memset(o, 0, sizeof *o);
}

/* stretch.c -- see stretch.h. A counter of energy renews itself a thousand or ten times a second, so that its
 * difference over a short stretch says little; its readings at the moments it changes lie on a line whose
 * slope is the power. Readings are about POLL_S apart and made between batches; so long as a batch is
 * shorter, they are at most a batch more. */
#define _GNU_SOURCE
#include "harness/measure/stretch.h"
#include "harness/machine/machine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ENOUGH_TICKS = 12, MAX_READINGS = 1 << 16, MAX_CALLS = 1 << 20 };
static const double POLL_S = 1e-3, REST_POLL_S = 5e-3; /* who looks often is not at rest */

typedef struct {
    const ir_witness *w;
    ir_reading       *v;
    size_t            n, cap, ticks;
    double            first[IR_ENERGY_PARTS], last[IR_ENERGY_PARTS], due;
    bool              lost;
} stretch_log;

static bool log_due(const stretch_log *l, double now) { return l->w->energy && !l->lost && now >= l->due; }

/* Readings at even distances would beat with even ticks, and their errors would be one error. */
static double dithered(double now, size_t n)
{
    uint64_t bits;
    memcpy(&bits, &now, sizeof bits);
    return POLL_S * (0.5 + ir_hash32(bits, n) * 0x1p-32);
}

static ir_status log_read(stretch_log *l, double now)
{
    ir_reading r = {now, NAN, NAN};
    double     part[IR_ENERGY_PARTS];
    for (int i = 0; i < IR_ENERGY_PARTS; i++) part[i] = NAN;
    l->due = now + dithered(now, l->n);
    if (!l->w->energy(l->w->energy_arg, &r, part)) return l->lost = true, IR_OK;
    r.t_s = now;
    if (l->n == l->cap) {
        size_t      cap = l->cap ? 2 * l->cap : 256;
        ir_reading *v = realloc(l->v, cap * sizeof *v);
        if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu readings of energy", cap);
        l->v = v;
        l->cap = cap;
    }
    memcpy(l->n ? l->last : l->first, part, sizeof part);
    l->ticks += l->n > 0 && (isnan(r.J) || r.J != l->v[l->n - 1].J);
    l->v[l->n++] = r;
    return IR_OK;
}

/* Long enough: the least time, and so many ticks, or as long as it may take. */
static bool log_enough(const stretch_log *l, double span)
{
    bool ticked = !l->w->energy || l->lost || l->ticks > ENOUGH_TICKS || l->n >= MAX_READINGS;
    return span >= l->w->most_s || (span >= l->w->least_s && ticked);
}

static void put_energy(const stretch_log *l, double span, double calls, ir_energy *e)
{
    ir_power p;
    ir_power_of(l->v, l->n, l->w->range_J, &p);
    snprintf(e->scope, sizeof e->scope, "%s", l->w->scope ? l->w->scope : "");
    snprintf(e->source, sizeof e->source, "%s", l->w->source ? l->w->source : "");
    e->span_s = span;
    e->calls = calls;
    e->ticks = (double)p.ticks;
    e->idle_W = l->w->idle_W;
    e->W = p.W;
    e->J = p.W * span / calls;
    e->lo = p.lo * span / calls;
    e->hi = p.hi * span / calls;
    for (int i = 0; i < IR_ENERGY_PARTS && l->w->part_name[i]; i++) {
        snprintf(e->part[i].name, sizeof e->part[i].name, "%s", l->w->part_name[i]);
        e->part[i].J = l->last[i] - l->first[i];
    }
    if (l->lost)
        snprintf(e->why, sizeof e->why, "the energy counter could no longer be read");
    else if (isnan(p.W))
        snprintf(e->why, sizeof e->why, "the energy counter changed %zu times in %.2g s: too seldom", p.ticks,
                 span);
}

static ir_status stretch_loop(sampler *s, uint32_t reps, stretch_log *l, double *span, double *calls)
{
    ir_dev   *dev = s->run->dev;
    double    t0 = dev->be->now(dev), now = t0;
    ir_status st = IR_OK;
    *calls = 0;
    for (size_t i = 0; st == IR_OK && i < MAX_CALLS; i++) {
        ir_sample b;
        if (log_due(l, now)) st = log_read(l, now);
        if (st == IR_OK && log_enough(l, now - t0) && *calls > 0) break;
        if (st == IR_OK) st = sample_batch(s, reps, &b);
        if (st == IR_OK) *calls += reps;
        if (s->policy->stop_flag && *s->policy->stop_flag) break;
        now = dev->be->now(dev);
    }
    *span = now - t0;
    return st;
}

/* One round: what it counts goes to the point, and why not, once. */
static ir_status stretch_round(sampler *s, uint32_t reps, int round, stretch_log *l, ir_point *o)
{
    const ir_witness *w = s->policy->witness;
    ir_counts        *c = &o->m.counts;
    double            span, calls;
    bool              counts = w->count_start && !*c->why;
    if (counts && w->count_start(w->count_arg, round) != IR_OK) {
        snprintf(c->why, sizeof c->why, "%s", ir_why());
        counts = false;
    }
    ir_status st = stretch_loop(s, reps, l, &span, &calls);
    bool      counted = counts && w->count_stop(w->count_arg, round, calls, span, c) == IR_OK;
    if (counts && !counted) snprintf(c->why, sizeof c->why, "%s", ir_why());
    if (counts) c->span_s = span, c->calls = calls;
    if (counted && w->count_energy && !w->energy) w->count_energy(w->count_arg, calls, span, &o->m.energy);
    if (round == 0 && w->energy && calls > 0) put_energy(l, span, calls, &o->m.energy);
    return st;
}

static ir_status stretch_point(sampler *s, uint32_t reps, ir_point *o)
{
    const ir_witness *w = s->policy->witness,
                     quiet = {.least_s = w ? w->least_s : 0, .most_s = w ? w->most_s : 0};
    ir_status st = IR_OK;
    if (!w || (!w->energy && !w->count_start)) return IR_OK;
    for (int round = 0; st == IR_OK && round < (w->count_start ? w->rounds : 1); round++) {
        stretch_log l = {.w = round ? &quiet : w, .due = -INFINITY};
        st = stretch_round(s, reps, round, &l, o);
        free(l.v);
    }
    o->m.joules = o->m.energy.J;
    o->m.counted_B =
        isnan(o->m.counts.write_B) ? o->m.counts.read_B : o->m.counts.read_B + o->m.counts.write_B;
    return st;
}

/* ---- nothing to do --------------------------------------------------------------------------- */
static void stretch_rest(ir_dev *dev, double seconds)
{
    struct timespec t = {(time_t)seconds, (long)(1e9 * (seconds - floor(seconds)))};
    if (dev->be->rest)
        dev->be->rest(dev, seconds);
    else
        nanosleep(&t, NULL);
}

ir_status ir_power_at_rest(ir_dev *dev, const ir_witness *w, double seconds, ir_power *out)
{
    stretch_log l = {.w = w, .due = -INFINITY};
    double      t0 = dev->be->now(dev), now = t0;
    ir_status   st = IR_OK;
    *out = (ir_power){NAN, NAN, NAN, 0};
    for (size_t i = 0; st == IR_OK && !l.lost && now - t0 < seconds && i < MAX_CALLS; i++) {
        if (log_due(&l, now)) st = log_read(&l, now); /* counters alone have no energy to read */
        stretch_rest(dev, REST_POLL_S);
        now = dev->be->now(dev);
    }
    if (st == IR_OK) ir_power_of(l.v, l.n, w->range_J, out);
    free(l.v);
    return st;
}

/* ---- minutes --------------------------------------------------------------------------------- */
/* One window: calls until its time is over, at least one. Time over calls, not their median: a process that
 * is stopped for most of a period runs as fast as ever in between. */
static ir_status vigil_window(sampler *s, uint32_t reps, double from, double until, ir_window *o)
{
    ir_dev   *dev = s->run->dev;
    double    now = from;
    ir_status st = IR_OK;
    o->calls = 0;
    do {
        ir_sample b;
        st = sample_batch(s, reps, &b);
        if (st != IR_OK) return st;
        o->calls += reps;
        now = dev->be->now(dev);
    } while (now < until && !(s->policy->stop_flag && *s->policy->stop_flag));
    o->call_s = (now - from) / o->calls;
    return IR_OK;
}

static void vigil_look(ir_dev *dev, const ir_vigil *g, ir_window *o)
{
    ir_vitals now;
    o->clock_Hz = o->temp_C = o->power_W = o->read_share = o->quota_s = o->steal_s = o->throttle_n = NAN;
    if (g->host) g->host(g->arg, o);
    if (g->beside) o->read_share = g->beside(g->arg);
    if (!dev->be->vitals) return;
    dev->be->vitals(dev, &now);
    o->clock_Hz = now.clock_Hz;
    o->temp_C = now.temp_C;
    o->power_W = now.power_W;
    memcpy(o->slowed, now.slowed, sizeof o->slowed);
}

static ir_status stretch_vigil(sampler *s, uint32_t reps)
{
    ir_vigil *g = s->policy->vigil;
    ir_dev   *dev = s->run->dev;
    if (!g) return IR_OK;
    size_t most = (size_t)ceil(g->span_s / g->window_s);
    g->n = 0;
    g->v = calloc(most ? most : 1, sizeof *g->v);
    if (!g->v) return ir_fail(IR_ENOMEM, "no memory for %zu windows", most);
    double    t0 = dev->be->now(dev), now = t0;
    ir_status st = IR_OK;
    while (st == IR_OK && g->n < most && now - t0 < g->span_s) {
        ir_window *o = &g->v[g->n];
        o->t_s = now - t0;
        st = vigil_window(s, reps, now, now + g->window_s, o);
        if (st != IR_OK) break;
        vigil_look(dev, g, o);
        g->n++;
        if (s->policy->stop_flag && *s->policy->stop_flag) return ir_fail(IR_EINTR, "interrupted");
        now = dev->be->now(dev);
    }
    return st;
}

ir_status stretch_run(sampler *s, ir_point *o)
{
    ir_dev           *dev = s->run->dev;
    const ir_backend *be = dev->be;
    ir_status         st = IR_OK;
    if (!s->policy->witness && !s->policy->vigil) return IR_OK;
    if (be->enter) be->enter(dev, s->run->kernel);
    if (s->policy->witness) st = stretch_point(s, o->m.reps, o);
    if (st == IR_OK && s->policy->vigil) st = stretch_vigil(s, o->m.reps);
    if (be->leave) be->leave(dev);
    return st;
}

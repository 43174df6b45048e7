/* vitals.c -- clocks, power and throttling, asked for once a window while samples are taken: often enough to
 * see a clock fall, seldom enough not to be part of what is measured. Assumes a reading costs much less than
 * a window. */
#include "harness/measure/vitals.h"

#include <math.h>
#include <string.h>

/* DRIFT: a running clock that moves by more is no clock to divide by. */
static const double WINDOW_S = 0.05, DRIFT = 0.05;

static void vitals_take(vitals_mean *m, double v)
{
    if (!isfinite(v)) return;
    m->lo = m->n ? fmin(m->lo, v) : v;
    m->hi = m->n ? fmax(m->hi, v) : v;
    m->sum += v;
    m->n++;
}

static double measure_vitals_mean(const vitals_mean *m) { return m->n ? m->sum / m->n : NAN; }

static void vitals_ask(vitals_watch *w, double now_s)
{
    if (w->dev->be->vitals)
        w->dev->be->vitals(w->dev, &w->now);
    else
        ir_host_vitals_read(w->host, &w->now);
    w->read_s = now_s;
    vitals_take(&w->clock, w->now.clock_Hz);
    vitals_take(&w->mem_clock, w->now.mem_clock_Hz);
    vitals_take(&w->power, w->now.power_W);
    vitals_take(&w->temp, w->now.temp_C);
    if (*w->now.slowed) memcpy(w->slowed, w->now.slowed, sizeof w->slowed);
}

/* Does the device compute on this host's processors and clock? */
static bool vitals_are_the_hosts(ir_dev *dev)
{
    ir_device_info d;
    if (dev->be->known_ceilings || dev->be->describe(dev, &d) != IR_OK) return false;
    return d.numa_nodes > 0 && !d.modelled;
}

static bool vitals_known(const vitals_watch *w) { return w->dev->be->vitals || w->host; }

void vitals_begin(vitals_watch *w, ir_dev *dev, double now_s)
{
    memset(w, 0, sizeof *w);
    w->dev = dev;
    if (!dev->be->vitals && vitals_are_the_hosts(dev)) w->host = ir_host_vitals_open("");
    if (vitals_known(w)) vitals_ask(w, now_s);
}

static void vitals_window(vitals_watch *w, double now_s, ir_samples *s)
{
    bool slow = *w->now.slowed;
    vitals_ask(w, now_s);
    slow = slow || *w->now.slowed;
    for (size_t i = w->first; i < s->n; i++) s->v[i].throttled = slow;
    w->first = s->n;
}

void vitals_look(vitals_watch *w, double now_s, ir_samples *s)
{
    if (vitals_known(w) && now_s - w->read_s >= WINDOW_S) vitals_window(w, now_s, s);
}

void vitals_end(vitals_watch *w, double now_s, ir_point *o)
{
    if (!vitals_known(w)) return;
    vitals_window(w, now_s, &o->m.samples);
    ir_host_vitals_close(&w->host);
    o->m.clock_Hz = measure_vitals_mean(&w->clock);
    o->m.mem_clock_Hz = measure_vitals_mean(&w->mem_clock);
    o->m.power_W = measure_vitals_mean(&w->power);
    o->m.temp_C = w->temp.n ? w->temp.hi : NAN;
    snprintf(o->m.slowed, sizeof o->m.slowed, "%s", w->slowed);
    if (*w->slowed) o->flags |= IR_FLAG_THROTTLED;
    bool own = w->dev->be->vitals != NULL; /* what a governor says of a CPU is no proof of a drift */
    if (own && w->clock.n && w->clock.hi - w->clock.lo > DRIFT * w->clock.hi) o->flags |= IR_FLAG_CLOCK_DRIFT;
}

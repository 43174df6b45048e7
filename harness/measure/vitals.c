/* vitals.c -- clocks, power and throttling, asked for once a window while samples are taken: often enough to
 * see a clock fall, seldom enough not to be part of what is measured. Assumes a reading costs much less than
 * a window. */
#include "harness/measure/vitals.h"

#include <math.h>
#include <string.h>

/* DRIFT: a running clock that moves by more is no clock to divide by. ENERGY_S: counters are renewed some
 * tens of times a second, so that a shorter stretch says little. */
static const double WINDOW_S = 0.05, DRIFT = 0.05, ENERGY_S = 0.2;

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
    w->dev->be->vitals(w->dev, &w->now);
    w->read_s = now_s;
    w->last_J = w->now.energy_J;
    vitals_take(&w->clock, w->now.clock_Hz);
    vitals_take(&w->mem_clock, w->now.mem_clock_Hz);
    vitals_take(&w->power, w->now.power_W);
    vitals_take(&w->temp, w->now.temp_C);
    if (*w->now.slowed) memcpy(w->slowed, w->now.slowed, sizeof w->slowed);
}

void vitals_begin(vitals_watch *w, ir_dev *dev, double now_s)
{
    memset(w, 0, sizeof *w);
    w->dev = dev;
    if (!dev->be->vitals) return;
    vitals_ask(w, now_s);
    w->began_s = now_s;
    w->began_J = w->last_J;
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
    if (w->dev->be->vitals && now_s - w->read_s >= WINDOW_S) vitals_window(w, now_s, s);
}

void vitals_end(vitals_watch *w, double now_s, double calls, ir_point *o)
{
    if (!w->dev->be->vitals) return;
    vitals_window(w, now_s, &o->m.samples);
    double span = now_s - w->began_s;
    o->m.clock_Hz = measure_vitals_mean(&w->clock);
    o->m.mem_clock_Hz = measure_vitals_mean(&w->mem_clock);
    o->m.power_W = measure_vitals_mean(&w->power);
    o->m.temp_C = w->temp.n ? w->temp.hi : NAN;
    if (span >= ENERGY_S && calls > 0) o->m.joules = (w->last_J - w->began_J) / calls;
    snprintf(o->m.slowed, sizeof o->m.slowed, "%s", w->slowed);
    if (*w->slowed) o->flags |= IR_FLAG_THROTTLED;
    if (w->clock.n && w->clock.hi - w->clock.lo > DRIFT * w->clock.hi) o->flags |= IR_FLAG_CLOCK_DRIFT;
}

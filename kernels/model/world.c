/* world.c -- a batch passes: its time as described, by what memory and clock give at the moment, then what
 * takes a core away. Every disturbance is off at 0 and draws from the machine's own seed. Assumes that a
 * batch is short beside the times in which a state lasts. */
#include "kernels/model/world.h"

#include <math.h>
#include <string.h>

static const double TAU = 6.283185307179586;

void model_world_begin(model_world *w, const model_machine *m)
{
    memset(w, 0, sizeof *w);
    w->m = m;
    w->dice.seed = (uint64_t)m->seed;
}

/* A state that lasts an exponential time; two such alternate. */
static void alternate(model_world *w, double mean_s, bool *on, double *until_s)
{
    for (int i = 0; i < 1000 && w->now_s >= *until_s; i++) {
        *on = *until_s > 0 ? !*on : model_uniform(&w->dice) < 0.5;
        *until_s = fmax(*until_s, 0) - fmax(mean_s, 1e-3) * log(model_uniform(&w->dice));
    }
}

static double memory_share(model_world *w)
{
    const model_disturb *d = &w->m->disturb;
    double               share = 1;
    if (d->state > 0) {
        alternate(w, d->state_s, &w->other, &w->state_until_s);
        if (w->other) share *= d->state;
    }
    if (d->neighbour > 0) {
        alternate(w, d->neighbour_s, &w->crowded, &w->crowd_until_s);
        if (w->crowded) share *= 1 - d->neighbour;
    }
    return share;
}

static bool hot(const model_world *w)
{
    return w->m->disturb.throttle > 0 && w->load_s >= w->m->disturb.throttle_s;
}

double model_world_clock(const model_world *w)
{
    const model_disturb *d = &w->m->disturb;
    double               share = hot(w) ? d->throttle : 1;
    if (d->drift > 0) share *= 1 + 0.5 * d->drift * sin(TAU * w->now_s / fmax(d->drift_s, 1e-3));
    return share;
}

/* A group that has used its time of this period waits for the next. Returns the seconds that takes beside T.
 */
static double quota_wait(model_world *w, double T, double threads)
{
    const model_disturb *d = &w->m->disturb;
    double               room = d->quota * d->quota_s, need = T * threads, wait = 0;
    if (!(d->quota > 0) || !(d->quota < threads) || !(d->quota_s > 0)) return 0;
    double period = floor(w->now_s / d->quota_s);
    if (period > w->period) {
        w->period = period;
        w->used_s = 0;
    }
    double over = fmax(w->used_s + need - room, 0), periods = ceil(over / room);
    if (periods > 0) wait = periods * (d->quota_s - room / threads);
    w->used_s = periods > 0 ? over - (periods - 1) * room : w->used_s + need;
    w->period += periods;
    return wait;
}

void model_world_spend(model_world *w, double seconds, double joules)
{
    double now = w->now_s + seconds, used = joules + w->m->energy.base_W * seconds,
           tick = w->m->energy.tick_s;
    double ticked = tick > 0 ? floor(now / tick) * tick : now;
    if (seconds > 0 && ticked > w->now_s) w->shown_J = w->energy_J + used * (ticked - w->now_s) / seconds;
    w->energy_J += used;
    w->now_s = now;
}

double model_world_joules(const model_world *w)
{
    double wrap = w->m->energy.wrap_J;
    if (!(w->m->energy.base_W > 0)) return NAN;
    return wrap > 0 ? fmod(w->shown_J, wrap) : w->shown_J;
}

void model_world_pass(model_world *w, const model_plan *o, double reps)
{
    const model_disturb *d = &w->m->disturb;
    double               clock = model_world_clock(w);
    model_scale          s = {memory_share(w), clock, clock, clock, 1};
    double               T = model_batch_s(o, &s, reps);
    bool                 was = hot(w);
    if (d->noise > 0) T *= exp(d->noise * model_normal(&w->dice));
    double taken = d->steal > 0 ? T * d->steal / (1 - d->steal) : 0;
    if (d->preempt_Hz > 0 && model_uniform(&w->dice) < 1 - exp(-d->preempt_Hz * o->threads * T))
        T += d->preempt_s;
    T += quota_wait(w, T, o->threads);
    model_world_spend(w, T + taken, o->move_J * reps);
    w->load_s += T;
    w->busy_s += T;
    w->steal_s += taken;
    w->throttles += !was && hot(w);
}

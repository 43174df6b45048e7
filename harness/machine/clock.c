/* clock.c -- the host's clock. CLOCK_MONOTONIC_RAW is preferred: NTP cannot slew it during a
 * measurement. Before Linux 5.3 it was a system call where CLOCK_MONOTONIC was not; where it costs
 * several times as much, CLOCK_MONOTONIC is used (slewed by at most 0.05 %). Decided once, before the
 * first reading is returned; readings count from then, so that a double keeps sub-nanosecond steps. */
#define _GNU_SOURCE
#include "harness/machine/machine.h"

#include <math.h>
#include <pthread.h>
#include <time.h>

static pthread_once_t once = PTHREAD_ONCE_INIT, cost_once = PTHREAD_ONCE_INIT;
static clockid_t      clock_id = CLOCK_MONOTONIC;
static time_t         base_s;
static double         cost_s, step_s;

static double read_clock(clockid_t id, time_t base)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)(t.tv_sec - base) + 1e-9 * (double)t.tv_nsec;
}

/* Seconds per reading: the fastest of several batches, as a batch is only ever delayed. */
static double reading_cost(clockid_t id)
{
    enum { BATCHES = 16, CALLS = 64 };
    struct timespec t;
    double          best = INFINITY;
    if (clock_gettime(id, &t)) return INFINITY;
    time_t base = t.tv_sec;
    for (int b = 0; b < BATCHES; b++) {
        double t0 = read_clock(id, base);
        for (int i = 0; i < CALLS; i++) clock_gettime(id, &t);
        best = fmin(best, (read_clock(id, base) - t0) / (CALLS + 1));
    }
    return best;
}

static double smallest_step(clockid_t id, time_t base)
{
    enum { STEPS = 1000, TRIES = 1000000 };
    double least = INFINITY, last = read_clock(id, base);
    for (int n = 0, i = 0; n < STEPS && i < TRIES; i++) {
        double now = read_clock(id, base);
        if (now > last) {
            least = fmin(least, now - last);
            n++;
        }
        last = now;
    }
    return isinf(least) ? NAN : least;
}

static void clock_choose(void)
{
#ifdef CLOCK_MONOTONIC_RAW
    if (reading_cost(CLOCK_MONOTONIC_RAW) < 3 * reading_cost(CLOCK_MONOTONIC)) clock_id = CLOCK_MONOTONIC_RAW;
#endif
    struct timespec t;
    clock_gettime(clock_id, &t);
    base_s = t.tv_sec;
    step_s = smallest_step(clock_id, base_s);
}

double ir_now(void)
{
    pthread_once(&once, clock_choose);
    return read_clock(clock_id, base_s);
}

double ir_clock_resolution(void)
{
    pthread_once(&once, clock_choose);
    return step_s;
}

static void measure_cost(void)
{
    enum { BATCHES = 16, CALLS = 64 };
    cost_s = INFINITY;
    for (int b = 0; b < BATCHES; b++) {
        double t0 = ir_now(), t1 = t0;
        for (int i = 0; i < CALLS; i++) t1 = ir_now();
        cost_s = fmin(cost_s, (t1 - t0) / CALLS);
    }
}

double ir_clock_cost(void)
{
    pthread_once(&cost_once, measure_cost);
    return cost_s;
}

/* sustain.c -- peak, sustained speed, the moment of a drop and its cause, from windows in order of time.
 *
 * A cause is named by direct evidence only, the first that holds: the device says so; the quota stopped the
 * process; the hypervisor took time; throttle counters rose; power stands at its cap; the temperature at its
 * limit; the clock fell, nobody knows why; the clock is steady but memory gives others more. */
#include "harness/stats/series.h"
#include "harness/stats/room.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUN = 5, LEAST = 15, LEAST_LOW = 5 };
static const double FIRST_S = 10, DROP = 0.98, NEAR_CAP = 0.98, NEAR_CRIT_C = 3, CLOCK_FELL = 0.98,
                    READS_FELL = 0.95, TAKEN = 0.01;

/* Median speed of the five windows around i. */
static double speed_around(const double *speed, size_t n, size_t i)
{
    size_t from = i < RUN / 2 ? 0 : i - RUN / 2;
    if (from + RUN > n) from = n - RUN;
    return ir_median(speed + from, RUN);
}

static double first_peak(const ir_window *w, const double *speed, size_t n)
{
    double best = 0, limit = fmin(FIRST_S, (w[n - 1].t_s - w[0].t_s) / 3);
    for (size_t i = 0; i + RUN <= n; i++) {
        if (i > 0 && w[i + RUN - 1].t_s - w[0].t_s > limit) break;
        best = fmax(best, ir_median(speed + i, RUN));
    }
    return best;
}

/* The first window after which all medians are low; n: there is none, or too few to tell. */
static size_t drop_at(const double *speed, size_t n, double peak)
{
    size_t at = n;
    for (size_t i = n; i-- > 0 && speed_around(speed, n, i) < DROP * peak;) at = i;
    return n - at >= LEAST_LOW ? at : n;
}

/* ---- causes ---------------------------------------------------------------------------------- */
typedef struct {
    const ir_window *w;
    size_t           n, at;
    const ir_limits *limits;
} sustain_case;
typedef double (*window_value)(const ir_window *);
static double window_clock(const ir_window *w) { return w->clock_Hz; }
static double window_temp(const ir_window *w) { return w->temp_C; }
static double window_power(const ir_window *w) { return w->power_W; }
static double window_reads(const ir_window *w) { return w->read_share; }

static double median_of(const sustain_case *c, size_t from, size_t to, window_value value)
{
    double *v = stats_room((to - from + 1) * sizeof *v), m = NAN;
    size_t  n = 0;
    for (size_t i = from; v && i < to; i++)
        if (isfinite(value(&c->w[i]))) v[n++] = value(&c->w[i]);
    if (n) m = ir_median(v, n);
    free(v);
    return m;
}

static double after(const sustain_case *c, window_value value) { return median_of(c, c->at, c->n, value); }
static double before(const sustain_case *c, window_value value)
{
    return median_of(c, 0, c->at ? c->at : 1, value);
}

static bool by_device(const sustain_case *c, char *text, size_t cap)
{
    size_t n = 0, last = c->n;
    for (size_t i = c->at; i < c->n; i++)
        if (*c->w[i].slowed) n++, last = i;
    if (2 * n < c->n - c->at || last == c->n) return false;
    snprintf(text, cap, "the device says '%.60s' in %zu of %zu windows since", c->w[last].slowed, n,
             c->n - c->at);
    return true;
}

/* How much a cumulative quantity grew since the drop, or since it could first be read, a second. */
static double grew(const sustain_case *c, window_value value)
{
    size_t from = c->at;
    while (from + 1 < c->n && isnan(value(&c->w[from]))) from++;
    double span = c->w[c->n - 1].t_s - c->w[from].t_s;
    return span > 0 ? (value(&c->w[c->n - 1]) - value(&c->w[from])) / span : NAN;
}

static double window_quota(const ir_window *w) { return w->quota_s; }
static double window_steal(const ir_window *w) { return w->steal_s; }

static bool by_quota(const sustain_case *c, char *text, size_t cap)
{
    double share = grew(c, window_quota);
    if (!(share > TAKEN)) return false;
    snprintf(text, cap, "the CPU quota stopped the process for %.2g s in every second since", share);
    return true;
}

static bool by_steal(const sustain_case *c, char *text, size_t cap)
{
    double share = grew(c, window_steal);
    if (!(share > TAKEN)) return false;
    snprintf(text, cap, "the hypervisor took %.2g s of CPU in every second since", share);
    return true;
}

static bool by_throttle(const sustain_case *c, char *text, size_t cap)
{
    double n = c->w[c->n - 1].throttle_n - c->w[c->at ? c->at - 1 : 0].throttle_n;
    if (!(n > 0)) return false;
    snprintf(text, cap, "the throttle counters rose by %.0f", n);
    return true;
}

static bool by_cap(const sustain_case *c, char *text, size_t cap)
{
    double W = after(c, window_power);
    if (!(W >= NEAR_CAP * c->limits->cap_W)) return false;
    snprintf(text, cap, "%.4g W of at most %.4g W since", W, c->limits->cap_W);
    return true;
}

static bool by_heat(const sustain_case *c, char *text, size_t cap)
{
    double C = after(c, window_temp);
    if (!(C >= c->limits->crit_C - NEAR_CRIT_C)) return false;
    snprintf(text, cap, "%.3g degrees C since, critical is %.3g", C, c->limits->crit_C);
    return true;
}

static bool by_clock(const sustain_case *c, char *text, size_t cap)
{
    double was = before(c, window_clock), is = after(c, window_clock);
    if (!(is < CLOCK_FELL * was)) return false;
    snprintf(text, cap, "the clock fell from %.3g to %.3g GHz, cause unknown", was * 1e-9, is * 1e-9);
    return true;
}

static bool by_memory(const sustain_case *c, char *text, size_t cap)
{
    double was = before(c, window_reads), is = after(c, window_reads);
    bool   steady = isfinite(after(c, window_clock)); /* by_clock() saw it */
    if (!(is < READS_FELL * was)) return false;
    snprintf(text, cap, "reads beside it fell from %.0f to %.0f %% of their ceiling, %s: memory is shared",
             100 * was, 100 * is, steady ? "the clock is steady" : "the clock is not told here");
    return true;
}

static bool by_nothing(const sustain_case *c, char *text, size_t cap)
{
    (void)c;
    snprintf(text, cap, "nothing this machine tells explains it");
    return true;
}

static const struct {
    const char *name;
    bool (*holds)(const sustain_case *, char *, size_t);
} causes[] = {
    {"device", by_device},  {"cpu quota", by_quota},  {"steal", by_steal}, {"heat (counted)", by_throttle},
    {"power cap", by_cap},  {"temperature", by_heat}, {"clock", by_clock}, {"memory shared", by_memory},
    {"unknown", by_nothing}};

static void sustain_cause(const sustain_case *c, ir_sustained *o)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        if (!causes[i].holds(c, o->evidence, sizeof o->evidence)) continue;
        snprintf(o->cause, sizeof o->cause, "%s", causes[i].name);
        return;
    }
}

void ir_sustain_judge(const ir_window *w, size_t n, const ir_limits *limits, ir_sustained *o)
{
    memset(o, 0, sizeof *o);
    o->peak = o->sustained = o->slope = o->slope_lo = o->slope_hi = o->drop_s = NAN;
    double *speed = n >= LEAST ? stats_room(2 * n * sizeof *speed) : NULL;
    if (!speed) return;
    double *t = speed + n;
    size_t  third = n - n / 3;
    for (size_t i = 0; i < n; i++) {
        speed[i] = 1 / w[i].call_s;
        t[i] = w[i].t_s / 60;
    }
    o->peak = first_peak(w, speed, n);
    o->sustained = ir_median(speed + third, n - third);
    if (ir_theil_sen(t + third, speed + third, n - third, &o->slope, &o->slope_lo, &o->slope_hi)) {
        o->slope /= o->sustained;
        o->slope_lo /= o->sustained;
        o->slope_hi /= o->sustained;
        o->settled = o->slope_lo <= 0 && o->slope_hi >= 0;
    }
    o->known = true;
    sustain_case c = {w, n, drop_at(speed, n, o->peak), limits};
    free(speed);
    if (c.at == n) return;
    o->drop_s = w[c.at].t_s;
    sustain_cause(&c, o);
}

/* sample.c -- the measuring loop (statistics.md 1, 2, 8). A sample is one timed batch of `reps` calls; it
 * stops only at checkpoints, on the interval of the median, never on a standard deviation. */
#include "harness/measure/sample.h"
#include "harness/machine/machine.h"
#include "harness/measure/vitals.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* MAX_BATCHES ends a loop whose clock stands still. */
enum { WINDOWS = 5, MIN_CALLS = 3, MIN_SAMPLES = 3, MAX_REPS = 1 << 24, MAX_BATCHES = 1 << 20 };
/* FUSED_BATCH_S: repetitions that share one launch go on until it no longer counts. LONG_S: in so long
 * a call cold code and sleeping threads no longer count. */
static const double MIN_BATCH_S = 10e-6, FUSED_BATCH_S = 500e-6, OVERHEAD_RATIO = 100.0, LONG_S = 0.1;

static bool asked_to_stop(const ir_policy *p) { return p->stop_flag && *p->stop_flag; }

static ir_status sample_call(sampler *s, uint32_t reps)
{
    ir_run *r = s->run;
    if (s->nset <= 1) return r->kernel->run(r, reps);
    ir_status st = IR_OK;
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) {
        memcpy(r->mem, s->sets[s->next].mem, sizeof r->mem);
        r->packed = s->sets[s->next].packed;
        s->next = (s->next + 1) % s->nset;
        st = r->kernel->run(r, 1);
    }
    return st;
}

/* A calibrated slowdown: the share `inject` of the calls is made again; of what is left of a call nothing can
 * be repeated alone, so its time is waited for, within the timed stretch. Returns the seconds waited. */
static double wait_rest(ir_dev *dev, double t0, uint32_t made, double rest)
{
    double t = dev->be->now(dev), end = t + rest * (t - t0) / made, now = t;
    if (dev->be->rest) { /* its clock is its own: nothing is gained by reading it over and over */
        dev->be->rest(dev, end - t);
        return dev->be->now(dev) - t;
    }
    for (int i = 0; i < MAX_BATCHES && now < end; i++)
        now = dev->be->now(dev); /* a clock that stands still ends it */
    return now - t;
}

ir_status sample_batch(sampler *s, uint32_t reps, ir_sample *out)
{
    ir_dev           *dev = s->run->dev;
    const ir_backend *be = dev->be;
    double            more = s->policy->inject > 0 ? s->policy->inject * reps : 0;
    uint32_t          made = reps + (uint32_t)more;
    double            dev_s = NAN, t0 = be->now(dev);
    ir_status         st = be->start(dev);
    if (st == IR_OK) st = sample_call(s, made);
    if (st == IR_OK) st = be->stop(dev, &dev_s);
    if (st == IR_OK) st = be->sync(dev);
    if (st == IR_OK && more > 0) dev_s += wait_rest(dev, t0, made, more - (double)(uint32_t)more);
    double t1 = be->now(dev);
    if (st == IR_OK && t1 < t0) return ir_fail(IR_EDEVICE, "the clock went backwards by %g s", t0 - t1);
    *out = (ir_sample){(t1 - t0) / reps, dev_s / reps, reps, false};
    return st;
}

double sample_overhead(ir_dev *dev)
{
    double v[64];
    for (int i = 0; i < 64; i++) {
        double dev_s, t0 = dev->be->now(dev);
        if (dev->be->start(dev) != IR_OK || dev->be->stop(dev, &dev_s) != IR_OK ||
            dev->be->sync(dev) != IR_OK)
            return NAN;
        v[i] = dev->be->now(dev) - t0;
    }
    return ir_median(v, 64);
}

/* A ladder's bottom rung may take minutes a point where the others take milliseconds: then one call is all it
 * gets. */
static ir_status bearable(const sampler *s, double call_s)
{
    double most = s->policy->naive_s;
    if (!(s->run->kernel->flags & IR_K_NAIVE) || !(most > 0) || call_s <= most) return IR_OK;
    return ir_fail(
        IR_SKIP,
        "one call takes %.2g s, a naive rung gets %.2g s here: the full profile or --filter measures it",
        call_s, most);
}

static ir_status choose_reps(sampler *s, uint32_t *reps)
{
    double least = s->run->kernel->flags & IR_K_FUSED ? FUSED_BATCH_S : MIN_BATCH_S;
    double need = fmax(least, OVERHEAD_RATIO * s->overhead_s);
    *reps = 1;
    for (;;) {
        ir_sample b;
        ir_status st = sample_batch(s, *reps, &b);
        if (st == IR_OK) st = bearable(s, b.wall_s);
        if (st == IR_OK && b.wall_s < LONG_S)
            st = sample_batch(s, *reps, &b); /* the first may pay for cold code or a sleeping thread */
        if (st != IR_OK) return st;
        double t = b.wall_s * *reps;
        if (*reps >= MAX_REPS && !(t > 0))
            return ir_fail(IR_EDEVICE, "the clock stands still: %u calls took no time", *reps);
        if (t >= need || *reps >= MAX_REPS) return IR_OK;
        double grow = t > 0 ? ceil(1.2 * need / t) : 16;
        *reps = (uint32_t)fmin(MAX_REPS, *reps * fmax(2, fmin(grow, 1024)));
    }
}

/* Five window medians that keep falling or rising by more than 1 % in all are a trend. */
static bool settled(const double *w, int n)
{
    if (n < WINDOWS) return false;
    const double *v = w + n - WINDOWS;
    bool          up = true, down = true;
    double        lo = v[0], hi = v[0];
    for (int i = 1; i < WINDOWS; i++) {
        up = up && v[i] > v[i - 1];
        down = down && v[i] < v[i - 1];
        lo = fmin(lo, v[i]);
        hi = fmax(hi, v[i]);
    }
    return !(up || down) || hi <= 1.01 * lo;
}

static ir_status warm_up(sampler *s, uint32_t reps, ir_point *pt)
{
    enum { MAXW = 512, MAXV = 4096 };
    const ir_policy *p = s->policy;
    ir_dev          *dev = s->run->dev;
    double           window[MAXW], v[MAXV], t0 = dev->be->now(dev), tw = t0, span = p->warmup_s / WINDOWS;
    int              nw = 0, nv = 0;
    size_t           calls = 0, batches = 0;
    snprintf(pt->m.warmup, sizeof pt->m.warmup, "capped");
    for (;;) {
        ir_sample b;
        ir_status st = sample_batch(s, reps, &b);
        if (st != IR_OK) return st;
        calls += reps;
        if (nv < MAXV) v[nv++] = b.wall_s;
        double t = dev->be->now(dev);
        if (t - tw >= span && nw < MAXW) {
            window[nw++] = ir_median(v, (size_t)nv);
            nv = 0;
            tw = t;
        }
        pt->m.warmup_s = t - t0;
        bool enough = calls >= MIN_CALLS && t - t0 >= p->warmup_s;
        if (enough && settled(window, nw)) snprintf(pt->m.warmup, sizeof pt->m.warmup, "stable");
        if ((enough && settled(window, nw)) || t - t0 >= p->warmup_cap_s || asked_to_stop(p) ||
            ++batches >= MAX_BATCHES)
            return IR_OK;
    }
}

static ir_status sample_push(ir_samples *s, ir_sample x)
{
    if (s->n == s->cap) {
        size_t     cap = s->cap ? 2 * s->cap : 64;
        ir_sample *v = realloc(s->v, cap * sizeof *v);
        if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu samples", cap);
        s->v = v;
        s->cap = cap;
    }
    s->v[s->n++] = x;
    return IR_OK;
}

static ir_status summarise(ir_point *pt)
{
    size_t  n = pt->m.samples.n;
    double *v = calloc(n ? n : 1, sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory to summarise %zu samples", n);
    for (size_t i = 0; i < n; i++) v[i] = pt->m.samples.v[i].wall_s;
    ir_stats_of(v, n, &pt->m.wall);
    bool dev = n > 0;
    for (size_t i = 0; i < n; i++) {
        v[i] = pt->m.samples.v[i].dev_s;
        dev = dev && isfinite(v[i]);
    }
    if (dev) ir_stats_of(v, n, &pt->m.dev);
    free(v);
    return IR_OK;
}

static bool precise(const ir_point *pt, double precision)
{
    const ir_stats *s = ir_point_stats(pt);
    return 0.5 * (s->ci_hi - s->ci_lo) <= precision * s->median; /* false for NaN */
}

/* What the caller wants to know beside the samples, if it is due: returns the seconds that took. */
static double look_beside(const sampler *s, double *due)
{
    ir_dev *dev = s->run->dev;
    double  t = s->policy->beside ? dev->be->now(dev) : 0;
    if (!s->policy->beside || t < *due) return 0;
    s->policy->beside(s->policy->beside_arg);
    double now = dev->be->now(dev);
    *due = now + s->policy->beside_s;
    return now - t;
}

static ir_status sample_collect(sampler *s, uint32_t reps, vitals_watch *vitals, ir_point *pt)
{
    const ir_policy *p = s->policy;
    ir_dev          *dev = s->run->dev;
    double           due = -INFINITY, t0 = dev->be->now(dev);
    for (;;) {
        t0 += look_beside(s, &due);
        ir_sample b;
        ir_status st = sample_batch(s, reps, &b);
        if (st == IR_OK) st = sample_push(&pt->m.samples, b);
        if (st != IR_OK) return st;
        size_t n = pt->m.samples.n;
        double now = dev->be->now(dev), t = now - t0;
        vitals_look(vitals, now, &pt->m.samples);
        if (asked_to_stop(p)) return ir_fail(IR_EINTR, "interrupted after %zu samples", n);
        if (p->fixed_n) {
            if (n >= p->fixed_n) return snprintf(pt->m.stop, sizeof pt->m.stop, "fixed"), IR_OK;
            continue;
        }
        if (ir_is_checkpoint(n) && t >= p->min_s) {
            st = summarise(pt);
            if (st != IR_OK) return st;
            if (precise(pt, p->precision)) return snprintf(pt->m.stop, sizeof pt->m.stop, "converged"), IR_OK;
        }
        if ((t >= p->budget_s && n >= MIN_SAMPLES) || n >= MAX_BATCHES)
            return snprintf(pt->m.stop, sizeof pt->m.stop, "budget"), IR_OK;
    }
}

/* What the threads got is asked before the first and after the last sample; an ideal device has a clock of
 * its own. */
static ir_status watched(sampler *s, uint32_t reps, ir_point *pt)
{
    vitals_watch vitals;
    ir_got       got;
    ir_dev      *dev = s->run->dev;
    ir_watch    *watch = s->run->kernel->flags & IR_K_IDEAL ? NULL : ir_watch_begin();
    vitals_begin(&vitals, dev, dev->be->now(dev));
    ir_status st = sample_collect(s, reps, &vitals, pt);
    ir_watch_end(&watch, &got);
    pt->m.cpu_share = got.cpu_share;
    pt->m.preemptions = got.preemptions;
    if (s->policy->beside) s->policy->beside(s->policy->beside_arg);
    vitals_end(&vitals, dev->be->now(dev), pt);
    return st;
}

ir_status sample_point(sampler *s, ir_point *pt)
{
    uint32_t          reps = 1;
    ir_dev           *dev = s->run->dev;
    const ir_backend *be = dev->be;
    snprintf(pt->m.stop, sizeof pt->m.stop, "failed");
    if (be->enter) be->enter(dev, s->run->kernel);
    ir_status st = choose_reps(s, &reps);
    if (st == IR_SKIP) pt->m.stop[0] = 0;
    if (st == IR_OK) st = warm_up(s, reps, pt);
    if (st == IR_OK) st = choose_reps(s, &reps); /* now warm */
    if (st == IR_OK) st = watched(s, reps, pt);
    if (be->leave) be->leave(dev);
    pt->m.reps = reps;
    ir_status sum = summarise(pt);
    return st != IR_OK ? st : sum;
}

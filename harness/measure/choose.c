/* choose.c -- see choose.h. The widest vectors are not the fastest of every kernel: a processor may halve
 * them, lower its clock for them or widen bytes to them slowly. So each form that may be used is set up, run
 * and timed for some milliseconds, in the order A B B A so that a slow moment does not meet one of them
 * alone, and the widest gives way only to one that is clearly faster. A comparison of two builds (a fixed
 * number of samples) decides nothing: both sides shall do the same. */
#include "harness/measure/choose.h"
#include "harness/plan.h"

#include <math.h>
#include <string.h>

enum { MOST_FORMS = 8, KEPT = 256, MOST_CALLS = 1 << 16, NOTHING = -1 };
/* VISIT_S: timed at a visit. BATCH_S: timed at once, far above the clock's step. LONG_S: after a first turn
 * that took so long there is no second. LEAD: of the widest form's time, what another has to stay below. */
static const double VISIT_S = 0.01, BATCH_S = 2e-4, LONG_S = 0.5, LEAD = 0.97;

/* What was decided, of the device that is open. */
typedef struct {
    const void        *dev;
    const ir_kernel   *k;
    const ir_workload *w;
    ir_params          p;
    int                form;
} decision;
static decision kept[KEPT]; /* one measuring thread */
static size_t   nkept;

static bool is_for(const decision *d, const ir_bound_kernel *b)
{
    return d->dev == b->dev->self && d->k == b->k && d->w == b->w && d->p.dtype == b->p.dtype &&
           d->p.threads == b->p.threads && !memcmp(d->p.v, b->p.v, sizeof b->p.v);
}

static int choose_known(const ir_bound_kernel *b)
{
    for (size_t i = 0; i < nkept && i < KEPT; i++)
        if (is_for(&kept[i], b)) return kept[i].form;
    return NOTHING;
}

void choose_forget(const ir_dev *dev)
{
    for (size_t i = 0; i < KEPT; i++)
        if (kept[i].dev == dev->self) kept[i].dev = NULL;
}

static double seconds_of(ir_run *r, uint32_t reps)
{
    const ir_backend *be = r->dev->be;
    const double      t = be->now(r->dev);
    bool              ran = r->kernel->run(r, reps) == IR_OK && be->sync(r->dev) == IR_OK;
    return ran ? be->now(r->dev) - t : NAN;
}

/* The shortest time of a call, in batches; the first call, which is cold, does not count. */
static double shortest(ir_run *r)
{
    double once = seconds_of(r, 1), best = INFINITY, spent = 0;
    if (!(once >= 0)) return NAN;
    uint32_t reps = once > 0 && once < BATCH_S ? (uint32_t)fmin(BATCH_S / once, MOST_CALLS) + 1 : 1;
    for (int i = 0; i < MOST_CALLS && spent < VISIT_S; i++) {
        double t = seconds_of(r, reps);
        if (!(t > 0)) return NAN;
        best = fmin(best, t / reps);
        spent += t;
    }
    return best;
}

/* Seconds of a call in the form that the device uses; NAN: it cannot run so. */
static double visit(const ir_bound_kernel *b, uint64_t seed, tensor_set *set)
{
    const ir_kernel *k = b->k;
    ir_dev          *dev = b->dev;
    double           t = NAN;
    ir_run           r = {.workload = b->w, .kernel = k, .dev = dev, .p = b->p, .nmem = set->n};
    if (k->can_run && k->can_run(dev, b->w, &b->p) != IR_OK) return NAN;
    memcpy(r.mem, set->mem, sizeof r.mem);
    ir_status s = set->gone ? tensors_restore(dev, b->w, &b->p, seed, set) : IR_OK;
    if (s == IR_OK) s = ir_plan_make(&r);
    if (s == IR_OK) s = tensors_prepare(&r, set);
    if (dev->be->enter) dev->be->enter(dev, k);
    if (s == IR_OK) t = shortest(&r);
    if (dev->be->leave) dev->be->leave(dev);
    ir_plan_unprepare(&r);
    ir_plan_destroy(&r);
    return t;
}

static int widest_first(uint32_t rivals, int widest, int form[MOST_FORMS])
{
    int n = 0;
    form[n++] = widest;
    for (int f = MOST_FORMS - 1; f >= 0; f--)
        if (rivals >> f & 1u && f != widest) form[n++] = f;
    return n;
}

static int trial(const ir_bound_kernel *b, uint32_t rivals, int widest, const ir_policy *pol, tensor_set *set)
{
    int          form[MOST_FORMS], n = widest_first(rivals, widest, form), best = 0;
    double       t[MOST_FORMS];
    const double began = b->dev->be->now(b->dev);
    if (tensors_fill(b->dev, b->w, &b->p, pol->seed, set) != IR_OK) return widest;
    for (int i = 0; i < n; i++) t[i] = INFINITY;
    for (int i = 0; i < 2 * n; i++) {
        const int at = i < n ? i : 2 * n - 1 - i;
        if (pol->stop_flag && *pol->stop_flag) return widest;
        if (i == n && b->dev->be->now(b->dev) - began > LONG_S) break;
        b->dev->be->use_form(b->dev, form[at]);
        t[at] = fmin(t[at], visit(b, pol->seed, set)); /* a NaN is passed over */
    }
    for (int i = 1; i < n; i++)
        if (t[i] < (best ? t[best] : LEAD * t[0])) best = i;
    return form[best];
}

int choose_form(const ir_bound_kernel *b, const ir_policy *pol, tensor_set *set)
{
    const ir_backend *be = b->dev->be;
    const uint32_t    rivals = b->k->by_form && be->rivals ? be->rivals(b->dev) : 0;
    if (!rivals) return NOTHING;
    const int known = choose_known(b);
    if (known == NOTHING && pol->fixed_n > 0) return NOTHING;
    int before = be->use_form(b->dev, 0), form = known;
    be->use_form(b->dev, before);
    if (known == NOTHING) {
        form = trial(b, rivals, before, pol, set);
        kept[nkept++ % KEPT] = (decision){b->dev->self, b->k, b->w, b->p, form};
    }
    be->use_form(b->dev, form);
    return before;
}

void choose_back(const ir_dev *dev, int before)
{
    if (before != NOTHING) dev->be->use_form(dev, before);
}

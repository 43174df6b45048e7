/* measure.c -- prove, then time. Nothing is timed before its output has passed the oracle; every outcome,
 * a skip and a failure too, is a row with a reason. */
#include "harness/measure/measure.h"
#include "harness/machine/machine.h"
#include "harness/measure/choose.h"
#include "harness/measure/sample.h"
#include "harness/measure/stretch.h"
#include "harness/measure/tensors.h"
#include "harness/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SETS = 64 };

void ir_policy_quick(ir_policy *p)
{
    *p = (ir_policy){
        .warmup_s = 0.04, .warmup_cap_s = 0.2, .min_s = 0.06, .budget_s = 0.3, .precision = 0.01, .seed = 1};
}

void ir_policy_full(ir_policy *p)
{
    *p = (ir_policy){
        .warmup_s = 0.2, .warmup_cap_s = 5, .min_s = 0.5, .budget_s = 10, .precision = 0.01, .seed = 1};
}

static void measure_bind(ir_run *r, ir_dev *dev, const ir_workload *w, const ir_kernel *k, const ir_params *p,
                         const tensor_set *set)
{
    *r = (ir_run){.workload = w, .kernel = k, .dev = dev, .p = *p, .nmem = set->n};
    memcpy(r->mem, set->mem, sizeof r->mem);
}

static void measure_unprepare(ir_run *r, void *packed)
{
    r->packed = packed;
    ir_plan_unprepare(r);
}

/* What prepare() consumed is filled again for the oracle, after what prepare() made of it was given back:
 * prepare_again(). */
static ir_status measure_compare(ir_run *r, tensor_set *set, uint64_t seed, ir_check *check)
{
    ir_status s = IR_OK;
    ir_plan_drop_scratch(r);
    if (set->gone) {
        measure_unprepare(r, r->packed);
        s = tensors_restore(r->dev, r->workload, &r->p, seed, set);
    }
    if (s == IR_OK) s = tensors_check(r->dev, r->workload, &r->p, seed, set, check);
    ir_host_trim(); /* what the oracle needed */
    return s;
}

static ir_status prepare_again(ir_run *r, tensor_set *set)
{
    return ir_plan_consumes(r) && !set->gone ? tensors_prepare(r, set) : IR_OK;
}

/* Fill, run once, fetch, compare. */
static ir_status prove(ir_run *r, tensor_set *set, uint64_t seed, bool verified, ir_check *check)
{
    if (r->kernel->flags & IR_K_IDEAL) {
        *check = (ir_check){0, 0, "none: a model, not a computation"};
        return IR_OK;
    }
    ir_status s = tensors_fill(r->dev, r->workload, &r->p, seed, set);
    if (s == IR_OK) s = tensors_prepare(r, set);
    if (s == IR_OK) s = r->kernel->run(r, 1);
    if (s == IR_OK) s = r->dev->be->sync(r->dev);
    if (s == IR_OK && verified)
        *check = (ir_check){NAN, NAN, "none: it passed before"};
    else if (s == IR_OK)
        s = measure_compare(r, set, seed, check);
    return s;
}

ir_status ir_verify(ir_dev *dev, const ir_workload *w, const ir_kernel *k, const ir_params *p, uint64_t seed,
                    size_t misalign, ir_check *check)
{
    *check = (ir_check){NAN, NAN, ""};
    tensor_set      set;
    ir_run          r = {0};
    ir_bound_kernel b;
    ir_status       s = ir_bind(dev, w, k, p, &b);
    p = &b.p;
    if (s != IR_OK) return s;
    s = tensors_alloc(dev, w, p, true, misalign, false, &set);
    if (s != IR_OK) return s;
    measure_bind(&r, dev, w, k, p, &set);
    s = ir_plan_make(&r);
    if (s == IR_OK) s = prove(&r, &set, seed, false, check);
    if (s == IR_OK) s = tensors_guards(dev, &set);
    measure_unprepare(&r, r.packed);
    ir_plan_destroy(&r);
    tensors_free(dev, &set, false);
    return s;
}

static void measure_identify_device(ir_dev *dev, ir_point *o)
{
    ir_device_info d;
    if (dev->be->describe(dev, &d) != IR_OK) return;
    snprintf(o->id.device, sizeof o->id.device, "%s", d.id);
    snprintf(o->id.isa, sizeof o->id.isa, "%.31s", d.isa);
}

static void measure_identify(const ir_bound_kernel *b, bool cold, ir_point *o)
{
    ir_dev            *dev = b->dev;
    const ir_workload *w = b->w;
    ir_point_init(o);
    measure_identify_device(dev, o);
    snprintf(o->id.backend, sizeof o->id.backend, "%s", dev->be->name);
    snprintf(o->id.workload, sizeof o->id.workload, "%s", w->name);
    snprintf(o->id.family, sizeof o->id.family, "%s", w->family);
    snprintf(o->id.kernel, sizeof o->id.kernel, "%s", b->k->name);
    ir_point_params(o, w, b->status == IR_EINVAL ? &w->defaults : &b->p);
    o->id.p = b->p;
    o->id.cold = cold;
    o->id.kflags = b->k->flags;
    o->m.cost = b->cost;
}

/* On the device, where it has memory of its own, and on the host, which holds what the oracle needs. */
static ir_status check_room(ir_dev *dev, const ir_policy *pol, double bytes)
{
    ir_device_info d;
    double         room = ir_host_available_B();
    if (dev->be->describe(dev, &d) == IR_OK && d.numa_nodes == 0 && d.mem_B > 0 && bytes > d.mem_B)
        return ir_fail(IR_SKIP, "needs %.3g GB, %s has %.3g GB", bytes / 1e9, d.id, d.mem_B / 1e9);
    if (pol->max_B > 0) room = fmin(room, pol->max_B);
    if (!(bytes > 0.9 * room)) return IR_OK; /* unknown room: try */
    return ir_fail(IR_SKIP, "needs %.3g GB, %.3g GB are free", bytes / 1e9, room / 1e9);
}

static size_t cold_sets(const ir_policy *pol, double set_B)
{
    if (!pol->cold || !(set_B > 0)) return 1;
    double n = ceil(pol->cold_pool_B / set_B);
    return n < 2 ? 2 : n > MAX_SETS ? MAX_SETS : (size_t)n;
}

/* Of the device's threads: a described machine has its own, and this host's say nothing of it. */
static void health_of(ir_dev *dev, ir_health *h)
{
    if (dev->be->taken)
        dev->be->taken(dev, &h->steal_s, &h->total_s, &h->throttle_n);
    else
        ir_health_read(h);
}

static void health_flags(ir_point *o, const ir_health *a, const ir_health *b)
{
    double span = b->total_s - a->total_s;
    o->m.steal = span > 0 ? (b->steal_s - a->steal_s) / span : NAN;
    if (o->m.steal > 0.01) o->flags |= IR_FLAG_STEAL;
    if (b->throttle_n > a->throttle_n) o->flags |= IR_FLAG_THROTTLED;
    if (o->m.cpu_share < IR_PREEMPTED) o->flags |= IR_FLAG_PREEMPTED;
    const ir_stats *s = ir_point_stats(o);
    if (s->sd > 0.05 * s->mean) o->flags |= IR_FLAG_NOISY;
    if (s->bimodal) o->flags |= IR_FLAG_BIMODAL;
    if (s->n > 0) o->flags |= IR_FLAG_WITHIN_RUN;
}

/* The other cold sets hold the same content as the first: only their addresses matter. */
static ir_status cold_fill(ir_run *r, uint64_t seed, size_t n, tensor_set *sets, bound_set *bound)
{
    ir_status s = IR_OK;
    for (size_t i = 1; i < n && s == IR_OK; i++) {
        s = tensors_alloc(r->dev, r->workload, &r->p, false, 0, false, &sets[i]);
        if (s == IR_OK) s = tensors_fill(r->dev, r->workload, &r->p, seed, &sets[i]);
        if (s != IR_OK) return s;
        memcpy(r->mem, sets[i].mem, sizeof r->mem);
        r->packed = NULL;
        s = tensors_prepare(r, &sets[i]);
        bound[i].packed = r->packed;
        memcpy(bound[i].mem, sets[i].mem, sizeof bound[i].mem);
    }
    memcpy(r->mem, bound[0].mem, sizeof r->mem);
    r->packed = bound[0].packed;
    return s;
}

static ir_status measure_timed(ir_run *r, const ir_policy *pol, tensor_set *sets, size_t nset, ir_point *o)
{
    ir_health  h0, h1;
    bound_set *bound = calloc(nset, sizeof *bound);
    if (!bound) return ir_fail(IR_ENOMEM, "no memory for %zu tensor sets", nset);
    memcpy(bound[0].mem, sets[0].mem, sizeof bound[0].mem);
    bound[0].packed = r->packed;
    sampler s = {.run = r, .policy = pol, .sets = bound, .nset = nset, .overhead_s = sample_overhead(r->dev)};
    ir_status st = cold_fill(r, pol->seed, nset, sets, bound);
    o->m.overhead_s = s.overhead_s;
    if (st == IR_OK) {
        health_of(r->dev, &h0);
        st = sample_point(&s, o);
        health_of(r->dev, &h1);
        health_flags(o, &h0, &h1);
        if (st == IR_OK) st = stretch_run(&s, o);
    }
    if (r->kernel->flags & IR_K_FUSED && o->m.reps > 1) o->m.cost.launches /= o->m.reps;
    for (size_t i = 0; i < nset; i++) measure_unprepare(r, bound[i].packed);
    free(bound);
    return st;
}

struct ir_probe {
    tensor_set set;
    ir_run     run;
};

ir_status ir_probe_open(ir_dev *dev, const ir_workload *w, const ir_kernel *k, const ir_params *asked,
                        uint64_t seed, ir_probe **out)
{
    ir_bound_kernel b;
    ir_check        check;
    *out = NULL;
    ir_status s = ir_bind(dev, w, k, asked, &b);
    if (s != IR_OK) return s;
    ir_probe *o = calloc(1, sizeof *o);
    if (!o) return ir_fail(IR_ENOMEM, "no memory for a probe");
    s = tensors_alloc(dev, w, &b.p, false, 0, false, &o->set);
    if (s != IR_OK) {
        free(o);
        return s;
    }
    measure_bind(&o->run, dev, w, k, &b.p, &o->set);
    s = ir_plan_make(&o->run);
    if (s == IR_OK) s = prove(&o->run, &o->set, seed, false, &check);
    if (s == IR_OK) s = prepare_again(&o->run, &o->set);
    if (s == IR_OK)
        *out = o;
    else
        ir_probe_close(o);
    return s;
}

double ir_probe_calls_s(ir_probe *o, uint32_t calls)
{
    ir_dev *dev = o->run.dev;
    double  t = dev->be->now(dev);
    bool    ran = o->run.kernel->run(&o->run, calls) == IR_OK && dev->be->sync(dev) == IR_OK;
    return ran ? (dev->be->now(dev) - t) / calls : NAN;
}

double ir_probe_s(ir_probe *o) { return ir_probe_calls_s(o, 1); }

void ir_probe_close(ir_probe *o)
{
    if (!o) return;
    measure_unprepare(&o->run, o->run.packed);
    ir_plan_destroy(&o->run);
    tensors_free(o->run.dev, &o->set, false);
    free(o);
}

ir_status ir_measure_bound(const ir_bound_kernel *b, const ir_policy *pol, ir_point *o)
{
    ir_dev            *dev = b->dev;
    const ir_workload *w = b->w;
    const ir_kernel   *k = b->k;
    const ir_params   *p = &b->p;
    tensor_set        *sets = NULL;
    size_t             nset = 0;
    ir_run             r = {0};
    bool               set_up = false;
    int                form_before = -1;
    ir_status          s = b->status;
    measure_identify(b, pol->cold, o);
    if (s != IR_OK) {
        snprintf(o->reason, sizeof o->reason, "%s", b->reason);
        return o->status = s;
    }
    bool ideal = k->flags & IR_K_IDEAL;
    nset = ideal ? 1 : cold_sets(pol, tensors_bytes(w, p));
    if (!ideal) s = check_room(dev, pol, (double)nset * tensors_bytes(w, p));
    if (s != IR_OK) goto out;
    sets = calloc(nset, sizeof *sets);
    if (!sets) s = ir_fail(IR_ENOMEM, "no memory for %zu tensor sets", nset);
    if (s == IR_OK && !ideal) s = tensors_alloc(dev, w, p, false, 0, true, &sets[0]);
    if (s != IR_OK) goto out;
    form_before = choose_form(b, pol, &sets[0]);
    if (form_before >= 0) measure_identify_device(dev, o);
    measure_bind(&r, dev, w, k, p, &sets[0]);
    set_up = true;
    s = ir_plan_make(&r);
    if (s == IR_OK) s = prove(&r, &sets[0], pol->seed, pol->verified, &o->m.check);
    if (s == IR_OK) s = prepare_again(&r, &sets[0]);
    if (s == IR_OK) ir_plan_cost(&r, &o->m.cost);
    if (s == IR_OK) s = measure_timed(&r, pol, sets, nset, o);
out:
    if (s != IR_OK) snprintf(o->reason, sizeof o->reason, "%s", ir_why());
    if (s == IR_EDEVICE) dev->dead = true;
    if (set_up) measure_unprepare(&r, r.packed); /* what a failed proof left */
    if (set_up) ir_plan_destroy(&r);
    choose_back(dev, form_before);
    for (size_t i = 0; sets && i < nset; i++) tensors_free(dev, &sets[i], i == 0);
    free(sets);
    o->status = s;
    return s;
}

void ir_measure_release(ir_dev *dev)
{
    tensors_release(dev);
    choose_forget(dev);
}

ir_status ir_measure(ir_dev *dev, const ir_workload *w, const ir_kernel *k, const ir_params *asked,
                     const ir_policy *pol, ir_point *o)
{
    ir_bound_kernel b;
    ir_bind(dev, w, k, asked, &b);
    return ir_measure_bound(&b, pol, o);
}

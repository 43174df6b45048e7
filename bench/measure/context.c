/* context.c -- see context.h. */
#define _GNU_SOURCE
#include "bench/measure/context.h"
#include "bench/measure/watchdog.h"
#include "harness/pattern.h"
#include "kernels/workloads/workloads_compute.h"
#include "kernels/workloads/workloads_nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool computes_nothing(const ir_backend *be)
{
    return be->kernels[0] && be->kernels[0]->flags & IR_K_IDEAL;
}

ir_status context_open(measure_context *s, const ir_backend *be, int index, const ir_open_options *asked)
{
    memset(s, 0, sizeof *s);
    ir_ceilings_init(&s->ceilings);
    ir_policy_quick(&s->policy);
    s->dev = (ir_dev){.be = be, .index = index};
    ir_status st = be->open(&s->dev, asked);
    if (st == IR_OK) st = be->describe(&s->dev, &s->info);
    if (st == IR_OK && be->topology)
        be->topology(&s->dev, &s->topo);
    else if (st == IR_OK && computes_nothing(be))
        ir_topology_plain(&s->topo);
    else if (st == IR_OK)
        st = ir_topology_load(NULL, &s->topo);
    if (st != IR_OK)
        context_close(s);
    else if (s->topo.npu < s->topo.npu_machine)
        s->run_flags |= IR_FLAG_CPUSET;
    return st;
}

void context_close_device(measure_context *s)
{
    if (!s->dev.be || !s->dev.self) return;
    bw_monitor_close(&s->monitor);
    launch_monitor_close(&s->launch);
    ir_measure_release(&s->dev);
    s->dev.be->close(&s->dev);
}

void context_close(measure_context *s)
{
    context_close_device(s);
    for (size_t i = 0; i < s->npoint; i++) ir_point_free(&s->point[i]);
    free(s->point);
    s->point = NULL;
    s->npoint = s->cap = 0;
    ir_ceilings_free(&s->ceilings);
}

bool context_stopped(const measure_context *s) { return s->policy.stop_flag && *s->policy.stop_flag; }

/* The naive rung of a network takes minutes: the full profile and a filter run it. */
static bool too_slow(const measure_context *s, const ir_workload *w, const ir_kernel *k)
{
    return !s->full && k->flags & IR_K_NAIVE && wl_is_net(w);
}

bool context_wants(const measure_context *s, const ir_workload *w, const ir_kernel *k)
{
    if (!s->filter) return !too_slow(s, w, k);
    char id[3 * IR_NAME + 4];
    snprintf(id, sizeof id, "%s/%s/%s", s->dev.be->name, w->name, k->name);
    return ir_pattern_found(s->filter, id);
}

static ir_status context_grow(measure_context *s)
{
    if (s->npoint < s->cap) return IR_OK;
    size_t    cap = s->cap ? 2 * s->cap : 64;
    ir_point *v = realloc(s->point, cap * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu points", cap);
    s->point = v;
    s->cap = cap;
    return IR_OK;
}

static ir_status context_copy(const ir_point *p, ir_point *out)
{
    *out = *p;
    out->m.samples.v = calloc(p->m.samples.n ? p->m.samples.n : 1, sizeof *out->m.samples.v);
    out->m.samples.cap = p->m.samples.n;
    if (!out->m.samples.v) return ir_fail(IR_ENOMEM, "no memory for %zu samples", p->m.samples.n);
    if (p->m.samples.n) memcpy(out->m.samples.v, p->m.samples.v, p->m.samples.n * sizeof *out->m.samples.v);
    return IR_OK;
}

/* A point of the journal being resumed, with its samples copied; false when it is not there. One measured for
 * a ceiling stands for itself only. */
static ir_status find_resumed(const measure_context *s, const ir_point *like, ir_point *out, bool *found)
{
    char          key[IR_POINT_KEY];
    const ir_key *e = NULL;
    if (s->resume) e = ir_keys_find(s->resume_keys, ir_keys_point(like, s->info.id, s->in_ceilings, key));
    *found = e != NULL;
    return e ? context_copy(&s->resume->point[e->value], out) : IR_OK;
}

static void point_identity(const measure_context *s, const ir_workload *w, const ir_kernel *k,
                           const ir_params *p, bool cold, ir_point *o)
{
    ir_point_init(o);
    snprintf(o->id.backend, sizeof o->id.backend, "%s", s->dev.be->name);
    snprintf(o->id.workload, sizeof o->id.workload, "%s", w->name);
    snprintf(o->id.kernel, sizeof o->id.kernel, "%s", k->name);
    ir_point_params(o, w, p);
    if (o->id.p.threads == 0) o->id.p.threads = s->info.threads;
    o->id.cold = cold;
}

/* As many as the ceilings found to fill the device; without them, plenty for each of its cores. */
static int64_t teams_of(const measure_context *s, const ir_workload *w, ir_dtype t)
{
    enum { PLENTY = 64 };
    if (s->teams[t] > 0 || s->info.threads > 0 || strcmp(w->name, "fma") != 0) return s->teams[t];
    int64_t n = (int64_t)PLENTY * (s->info.cores > 0 ? s->info.cores : 1);
    return n < WL_FMA_MAX_TEAMS ? n : WL_FMA_MAX_TEAMS;
}

/* A device has no host threads to choose, and "fma" without a number of teams means as many as fill it. */
static ir_params adapted(const measure_context *s, const ir_workload *w, const ir_params *asked)
{
    ir_params p = *asked;
    if (s->info.threads == 0) p.threads = 0;
    if (!s->in_ceilings) p.node = s->memory_node;
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (!strcmp(w->param[i], "teams") && p.v[i] == 0 && p.dtype < IR_NDTYPE)
            p.v[i] = teams_of(s, w, p.dtype);
    return p;
}

typedef struct {
    measure_context       *s;
    const ir_point        *like;
    const ir_bound_kernel *b;
} watched;

/* On the watchdog's thread, while the call hangs on the other: nobody else writes to the journal. */
static void point_is_late(void *arg)
{
    const watched *w = arg;
    ir_point       o = *w->like;
    o.status = IR_EDEVICE;
    o.id.for_ceiling = w->s->in_ceilings;
    o.id.kflags = w->b->k->flags;
    o.m.cost = w->b->cost;
    snprintf(o.id.device, sizeof o.id.device, "%s", w->s->info.id);
    snprintf(o.id.isa, sizeof o.id.isa, "%.31s", w->s->info.isa);
    snprintf(o.id.family, sizeof o.id.family, "%s", w->b->w->family);
    o.flags |= w->s->run_flags;
    snprintf(o.reason, sizeof o.reason, "timed out after %g s", w->s->timeout_s);
    if (w->s->journal && ir_journal_point(w->s->journal, &o) != IR_OK)
        fprintf(stderr, "ironroof: %s\n", ir_why());
    w->s->hung(w->s, &o);
}

ir_status context_measure(measure_context *s, const ir_workload *w, const ir_kernel *k,
                          const ir_params *asked, bool cold, const ir_point **out)
{
    ir_params        own = adapted(s, w, asked);
    const ir_params *p = &own;
    char             key[IR_ID];
    ir_point         like;
    bool             found;
    ir_bound_kernel  b;
    ir_status        st = context_grow(s);
    if (st != IR_OK) return st;
    ir_point *o = &s->point[s->npoint];
    point_identity(s, w, k, p, cold, &like);
    if (s->tick) s->tick(s, ir_point_key(&like, key));
    st = find_resumed(s, &like, o, &found);
    if (st != IR_OK) return st;
    if (!found) {
        ir_policy pol = s->policy;
        pol.cold = cold;
        ir_bind(&s->dev, w, k, p, &b);
        bool    drift = bw_monitor_begin(&s->monitor, &s->ceilings, &b, cold, &pol);
        bool    price = !s->in_ceilings && launch_monitor_begin(&s->launch, &s->info, &s->ceilings, &b, &pol);
        watched watched_point = {s, &like, &b};
        if (s->timeout_s > 0 && s->hung) watchdog_arm(point_is_late, &watched_point);
        ir_measure_bound(&b, &pol, o);
        watchdog_disarm();
        if (drift) bw_monitor_end(&s->monitor, o);
        if (price) launch_monitor_end(&s->launch, o);
        o->id.for_ceiling = s->in_ceilings;
        o->flags |= s->run_flags;
        ir_point_judge(o, &s->ceilings, NULL);
        if (s->ceilings.n) ir_guard_point(o, &s->ceilings);
        if (o->status == IR_EINTR) {
            ir_point_free(o);
            return ir_fail(IR_EINTR, "interrupted");
        }
        if (s->journal) st = ir_journal_point(s->journal, o);
    }
    s->npoint++;
    if (out) *out = o;
    return st;
}

ir_status context_append(measure_context *s, ir_point *o)
{
    ir_status st = context_grow(s);
    if (st != IR_OK) {
        ir_point_free(o);
        return st;
    }
    o->flags |= s->run_flags;
    ir_point_judge(o, &s->ceilings, NULL);
    if (s->ceilings.n) ir_guard_point(o, &s->ceilings);
    if (s->journal) st = ir_journal_point(s->journal, o);
    s->point[s->npoint++] = *o;
    return st;
}

ir_status context_append_copy(measure_context *s, const ir_point *p)
{
    ir_status st = context_grow(s);
    if (st == IR_OK) st = context_copy(p, &s->point[s->npoint]);
    if (st != IR_OK) return st;
    const ir_point *o = &s->point[s->npoint++];
    return s->journal ? ir_journal_point(s->journal, o) : IR_OK;
}

const ir_point *context_asked(const measure_context *s, size_t *n)
{
    size_t first = 0;
    while (first < s->npoint && s->point[first].id.for_ceiling) first++;
    *n = s->npoint - first;
    return s->point ? s->point + first : NULL;
}

size_t context_failed(const measure_context *s)
{
    size_t bad = 0;
    for (size_t i = 0; i < s->npoint; i++)
        bad += s->point[i].status != IR_OK && s->point[i].status != IR_SKIP;
    return bad;
}

ir_status context_find_resumed(measure_context *s, const ir_point *like, bool *done)
{
    ir_status st = context_grow(s);
    *done = false;
    if (st == IR_OK) st = find_resumed(s, like, &s->point[s->npoint], done);
    *done = *done && st == IR_OK;
    if (*done) s->npoint++;
    return st;
}

ir_status context_take_resumed(measure_context *s)
{
    ir_keys     have = {0};
    ir_journal *journal = s->journal;
    ir_status   st = s->resume ? ir_keys_points(&have, s->point, s->npoint) : IR_OK;
    s->journal = NULL;
    for (size_t i = 0; s->resume && i < s->resume->npoint && st == IR_OK; i++) {
        const ir_point *p = &s->resume->point[i];
        char            key[IR_POINT_KEY];
        if (strcmp(p->id.device, s->info.id) != 0 || p->id.for_ceiling || p->status == IR_EINTR) continue;
        if (!ir_keys_find(&have, ir_keys_point(p, p->id.device, false, key))) st = context_append_copy(s, p);
    }
    s->journal = journal;
    ir_keys_free(&have);
    return st;
}

void context_choose_monitor(measure_context *s)
{
    bw_monitor_choose(&s->monitor, &s->dev, &s->info, &s->ceilings, s->point, s->npoint, s->policy.seed);
}

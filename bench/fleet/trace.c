/* trace.c -- a fleet's folder as a trace: a process a node, a track a look, in it the rounds and in each the
 * points it measured, end to end. Nodes stand below each other, so that the slow one sticks out. */
#include "bench/fleet/fleet.h"
#include "bench/gate/trace.h"

#include <math.h>

static void trace_round(trace *t, const ir_fleet_node *n, int pid, int round, int64_t *at)
{
    int64_t from = *at, to = from;
    for (size_t i = 0; i < n->npoint; i++)
        if (round < n->point[i].n && n->point[i].time_s[round] > 0) to += trace_ns(n->point[i].time_s[round]);
    if (to == from) return;
    char name[32];
    snprintf(name, sizeof name, "round %d", round + 1);
    trace_slice(t, name, "round", pid, n->look, from, to - from);
    trace_text(t, "node", n->node);
    trace_slice_end(t);
    for (size_t i = 0; i < n->npoint; i++) {
        const ir_fleet_point *p = &n->point[i];
        if (round >= p->n || !(p->time_s[round] > 0)) continue;
        int64_t ns = trace_ns(p->time_s[round]);
        trace_slice(t, p->point, "point", pid, n->look, *at, ns);
        trace_number(t, "time_s", p->time_s[round]);
        trace_number(t, "data_s", p->term_s[0]);
        trace_number(t, "compute_s", p->term_s[1]);
        trace_number(t, "latency_s", p->term_s[2]);
        trace_slice_end(t);
        *at += ns;
    }
}

static void trace_look(trace *t, const ir_fleet_node *n, int pid)
{
    int64_t at = 0;
    char    name[96];
    snprintf(name, sizeof name, "look %d: %s", n->look, n->status);
    trace_name(t, "thread_name", pid, n->look, name);
    for (int r = 0; r < IR_FLEET_ROUNDS; r++) trace_round(t, n, pid, r, &at);
}

void fleet_trace(FILE *f, const fleet_data *d)
{
    trace t;
    trace_begin(&t, f);
    for (size_t i = 0; i < d->n; i++) {
        const fleet_member *m = &d->v[i];
        char                name[IR_FLEET_NAME + 16];
        snprintf(name, sizeof name, "%s%s", m->name, *m->bad ? " (unreadable)" : m->have[0] ? "" : " (lost)");
        if (*m->bad) fprintf(stderr, "ironroof: passed over: %s: %s\n", m->name, m->bad);
        trace_name(&t, "process_name", (int)i + 1, 0, name);
        for (int look = 0; look < 2; look++)
            if (m->have[look]) trace_look(&t, &m->look[look], (int)i + 1);
    }
    trace_end(&t);
}

/* export_trace.c -- the newest run as a trace in Chrome's JSON format, which Perfetto reads too: a process a
 * device, a track a network whose layers were measured, its layers end to end with what the law says of each;
 * one more track holds every other point. Times are medians: a trace of the typical call, not of one. */
#include "bench/gate/export.h"
#include "bench/gate/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- events ---------------------------------------------------------------------------------- */
void trace_begin(trace *t, FILE *f)
{
    *t = (trace){.f = f};
    fputs("{" TRACE_MARK ",\n\"traceEvents\": [", f);
}

static void trace_next(trace *t)
{
    fputs(t->any ? ",\n" : "\n", t->f);
    t->any = true;
}

void trace_name(trace *t, const char *what, int pid, int tid, const char *name)
{
    trace_next(t);
    fprintf(t->f, "{\"ph\": \"M\", \"name\": \"%s\", \"pid\": %d, \"tid\": %d, \"args\": {\"name\": ", what,
            pid, tid);
    export_json_text(t->f, name);
    fputs("}}", t->f);
}

int64_t trace_ns(double seconds)
{
    double ns = 1e9 * seconds;
    return ns >= 1 && ns < 1e18 ? llround(ns) : 1;
}

void trace_slice(trace *t, const char *name, const char *category, int pid, int tid, int64_t at_ns,
                 int64_t long_ns)
{
    trace_next(t);
    fputs("{\"ph\": \"X\", \"name\": ", t->f);
    export_json_text(t->f, name);
    fprintf(t->f,
            ", \"cat\": \"%s\", \"pid\": %d, \"tid\": %d, \"ts\": %lld.%03d, \"dur\": %lld.%03d, \"args\": {",
            category, pid, tid, (long long)(at_ns / 1000), (int)(at_ns % 1000), (long long)(long_ns / 1000),
            (int)(long_ns % 1000));
    t->argument = false;
}

static void trace_argument(trace *t, const char *name)
{
    fprintf(t->f, "%s\"%s\": ", t->argument ? ", " : "", name);
    t->argument = true;
}

void trace_number(trace *t, const char *name, double v)
{
    if (!isfinite(v)) return;
    trace_argument(t, name);
    export_json_number(t->f, v);
}

void trace_text(trace *t, const char *name, const char *s)
{
    if (!*s) return;
    trace_argument(t, name);
    export_json_text(t->f, s);
}

void trace_slice_end(trace *t) { fputs("}}", t->f); }

void trace_end(trace *t) { fputs("\n]}\n", t->f); }

/* ---- a record -------------------------------------------------------------------------------- */
static bool is_layer(const ir_point *p) { return !strcmp(p->id.family, "layer"); }

static bool shown(const ir_point *p) { return !p->id.for_ceiling && ir_point_time(p) > 0; }

/* Is `l` a layer of the network measured as `whole`? Its parameters are the network's, and its number. */
static bool layer_of(const ir_point *l, const ir_point *whole)
{
    const ir_point_id *a = &l->id, *b = &whole->id;
    if (!is_layer(l) || is_layer(whole) || a->np != b->np + 1) return false;
    return !strcmp(a->workload, b->workload) && !strcmp(a->kernel, b->kernel) &&
           !strcmp(a->device, b->device) && a->p.dtype == b->p.dtype && a->p.threads == b->p.threads &&
           a->cold == b->cold && !memcmp(a->p.v, b->p.v, (size_t)b->np * sizeof *b->p.v);
}

static void trace_point(trace *t, const ir_point *p, const char *name, const char *category, int pid, int tid,
                        int64_t at_ns, int64_t long_ns)
{
    double bytes = ir_cost_B(&p->m.cost), time = ir_point_time(p);
    char   key[IR_ID];
    trace_slice(t, name, category, pid, tid, at_ns, long_ns);
    trace_text(t, "point", ir_point_key(p, key));
    trace_number(t, "time_s", time);
    trace_text(t, "held_by", p->law.bound == IR_BOUND_UNKNOWN ? "" : ir_bound_name(p->law.bound));
    trace_number(t, "data_s", p->law.term_data_s);
    trace_number(t, "compute_s", p->law.term_comp_s);
    trace_number(t, "latency_s", p->law.term_lat_s);
    trace_number(t, "flops", p->m.cost.flops);
    trace_number(t, "bytes", bytes);
    trace_number(t, "flops_per_s", p->m.cost.flops / time);
    trace_number(t, "bytes_per_s", bytes / time);
    trace_text(t, "kernel", *p->chosen ? p->chosen : p->id.kernel);
    trace_slice_end(t);
}

/* The network's layers end to end, and around them a slice as long as all of them. */
static bool trace_network(trace *t, const ir_record *r, const ir_point *whole, int pid, int tid)
{
    int64_t at = 0;
    char    key[IR_ID];
    for (size_t i = 0; i < r->npoint; i++)
        if (shown(&r->point[i]) && layer_of(&r->point[i], whole)) at += trace_ns(ir_point_time(&r->point[i]));
    if (at == 0) return false;
    trace_name(t, "thread_name", pid, tid, ir_point_key(whole, key));
    trace_point(t, whole, whole->id.workload, "network", pid, tid, 0, at);
    at = 0;
    for (size_t i = 0; i < r->npoint; i++) {
        const ir_point *l = &r->point[i];
        if (!shown(l) || !layer_of(l, whole)) continue;
        int64_t ns = trace_ns(ir_point_time(l));
        trace_point(t, l, l->id.pword[l->id.np - 1], "layer", pid, tid, at, ns);
        at += ns;
    }
    return true;
}

static void trace_device(trace *t, const ir_record *r, const char *device, int pid)
{
    enum { POINTS = 1 };
    int     tid = POINTS;
    int64_t at = 0;
    char    key[IR_ID];
    trace_name(t, "process_name", pid, 0, device);
    trace_name(t, "thread_name", pid, POINTS, "points");
    for (size_t i = 0; i < r->npoint; i++) {
        const ir_point *p = &r->point[i];
        if (!shown(p) || is_layer(p) || strcmp(p->id.device, device) != 0) continue;
        if (trace_network(t, r, p, pid, tid + 1)) {
            tid++;
            continue;
        }
        int64_t ns = trace_ns(ir_point_time(p));
        trace_point(t, p, ir_point_key(p, key), "point", pid, POINTS, at, ns);
        at += ns;
    }
}

ir_status export_trace(FILE *f, const export_input *in)
{
    const ir_record *r = &in->runs->v[in->runs->n - 1].r;
    int              pid = 0;
    trace            t;
    trace_begin(&t, f);
    for (size_t i = 0; i < r->npoint; i++) {
        size_t first = 0;
        while (strcmp(r->point[first].id.device, r->point[i].id.device) != 0) first++;
        if (first == i) trace_device(&t, r, r->point[i].id.device, ++pid);
    }
    trace_end(&t);
    return IR_OK;
}

/* substitutes.c -- see substitutes.h. A network on shared matrices reads each again from a cache: that
 * traffic is no part of its cost, and is predicted here from what passes between two uses and the ceiling of
 * the level that holds so much. */
#include "bench/ablation/substitutes.h"
#include "kernels/workloads/table.h"
#include "kernels/workloads/workloads_nets.h"

#include <math.h>
#include <string.h>

/* workload, kernel: whose variant it is. by_workload, by_kernel: what stands in for them. launch, by_launch:
 * kernels of the launch workload whose ceilings tell what a launch costs either way; NULL: both launch alike.
 */
typedef struct {
    const char *workload, *kernel, *by_workload, *by_kernel, *what, *launch, *by_launch;
} substitute;
#define GRAPHED(w) \
    {w, "launches", w, "graph", "replayed as one graph, not separate launches", "queue", "graph"}, \
    { \
        w, "graph", w, "launches", "separate launches, not a graph's replay", "graph", "queue" \
    }
static const substitute all[] = {
    {"gemv", "stream", "gemv_twice", "stream", "every multiply-add twice on one loaded value", NULL, NULL},
    {"gpt2", "stream", "gpt2_shared", "stream", "all layers' matrices at one place", NULL, NULL},
    {"resnet50", "direct", "resnet50_shared", "direct", "layers of one shape share weights", NULL, NULL},
    {"resnet50", "tuned", "resnet50_shared", "tuned", "layers of one shape share weights", NULL, NULL},
    GRAPHED("gpt2"),
    GRAPHED("resnet50"),
    GRAPHED("mobilenetv2")};
enum { NSUBSTITUTE = sizeof all / sizeof *all };

/* ---- shared matrices ------------------------------------------------------------------------- */
/* Bytes of weights that a cache must hold for row i's matrix to be there still since its last use. */
static double since_last_use(const ly_net *n, int i, double width)
{
    double B = (double)n->row[i].nW * width;
    for (int k = i - 1; k >= 0 && n->row[k].W_at != n->row[i].W_at; k--) B += (double)n->row[k].nW * width;
    return B;
}

/* Bytes a second of the ladder's first step of at least so many bytes; NAN: no such row. */
static double ladder_Bps(const measure_context *s, double B)
{
    double size = INFINITY, rate = NAN;
    int    at = ir_workload_param(ir_workload_named("read"), "bytes");
    for (size_t i = 0; i < s->npoint; i++) {
        const ir_point *p = &s->point[i];
        if (!p->id.for_ceiling || p->status != IR_OK || p->id.p.threads > 1 ||
            strcmp(p->id.workload, "read") || (double)p->id.p.v[at] < B)
            continue;
        double v = ir_cost_read_B(&p->m.cost) / ir_point_time(p);
        if ((double)p->id.p.v[at] < size)
            rate = v;
        else if ((double)p->id.p.v[at] == size)
            rate = fmax(rate, v);
        size = fmin(size, (double)p->id.p.v[at]);
    }
    return rate;
}

/* How fast B bytes are read that were read before. Up to twice a level's capacity, known to a step of the
 * ladder only, it is the level's ceiling and what the ladder keeps of it there. */
static double again_Bps(const measure_context *s, double B, int threads)
{
    const char *level = ir_level_of(&s->ceilings, B, threads, false),
               *inner = ir_level_of(&s->ceilings, B / 2, threads, false);
    double bw = ir_bw_ceiling(&s->ceilings, level, threads, B, 0);
    double kept = ladder_Bps(s, B) / ladder_Bps(s, B / 2);
    if (!strcmp(level, inner) || isnan(kept)) return bw;
    return fmax(bw, ir_bw_ceiling(&s->ceilings, inner, threads, B, 0) * fmin(1, kept));
}

/* Seconds that reading matrices again takes from where they lie by then. */
static double reread_s(const measure_context *s, const ir_workload *w, const ir_params *p)
{
    ly_net n;
    double T = 0, width = ir_dtype_bytes(p->dtype);
    if (!wl_is_net(w) || wl_net_of(w, p, &n) != IR_OK) return 0;
    for (int i = 0; i < n.n; i++) {
        double B = (double)ly_reread(&n, i) * width;
        if (!(B > 0)) continue;
        T += B / again_Bps(s, since_last_use(&n, i, width), p->threads);
    }
    ly_free(&n);
    return T;
}

bool find_substitute(const measure_context *s, const ir_workload *w, const ir_kernel *k, const ir_point *base,
                     size_t n, ablation_variant *out)
{
    for (size_t i = 0; i < NSUBSTITUTE; i++) {
        const substitute  *x = &all[i];
        const ir_workload *by = ir_workload_named(x->by_workload);
        if (strcmp(x->workload, w->name) || strcmp(x->kernel, k->name) || !by ||
            !backend_kernel_named(s->dev.be, by, x->by_kernel) || n-- > 0)
            continue;
        variant_base(base, out);
        snprintf(out->what, sizeof out->what, "%s", x->what);
        out->workload = by;
        out->kernel = backend_kernel_named(s->dev.be, by, x->by_kernel);
        if (x->launch)
            out->lat_scale = ir_launch_by(&s->ceilings, x->by_launch, base->id.p.threads) /
                             ir_launch_by(&s->ceilings, x->launch, base->id.p.threads);
        if (by != w) out->reread_s = reread_s(s, by, &base->id.p);
        return true;
    }
    return false;
}

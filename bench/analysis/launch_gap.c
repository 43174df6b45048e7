/* launch_gap.c -- see launch_gap.h. Times are the device's where it has a clock: between events around a
 * batch that was enqueued behind a latch, so what lies between kernels is in them and the wait for the host
 * is not, as far as the queue reaches; the host's clock, which has both, stands beside it. */
#include "bench/analysis/launch_gap.h"
#include "bench/cli/cli.h"
#include "kernels/workloads/table.h"
#include "bench/analysis/verdicts.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* Kernels that enqueue the same work: one by one, and as a graph. */
static const struct {
    const char *launches, *graph;
} pairs[] = {{"launches", "graph"}, {"few", "few_graph"}};

/* The graph of the launches that p is; NULL: p is none, or there is none. */
static const ir_point *graph_of(const measure_context *s, const ir_point *p)
{
    if (!point_was_timed(p)) return NULL;
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
        for (size_t i = 0; !strcmp(p->id.kernel, pairs[k].launches) && i < s->npoint; i++) {
            const ir_point *g = &s->point[i];
            if (!strcmp(g->id.kernel, pairs[k].graph) && point_was_timed(g) && ir_same_question(g, p))
                return g;
        }
    return NULL;
}

/* Half the interval of the difference of two medians; NAN where one has none. */
static double launch_gap_half_width(const ir_stats *a, const ir_stats *b)
{
    double x = 0.5 * (a->ci_hi - a->ci_lo), y = 0.5 * (b->ci_hi - b->ci_lo);
    return sqrt(x * x + y * y);
}

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static void
launch_gap_add(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    size_t  n = strlen(buf);
    va_start(ap, fmt);
    vsnprintf(buf + n, size - n, fmt, ap);
    va_end(ap);
}

static void launch_gap_describe(const measure_context *s, const ir_point *p, const ir_point *g, ir_verdict *v)
{
    const ir_workload *w = ir_workload_named(p->id.workload);
    char               what[96], t[2][32], d[32], each[32], pm[32], host[48] = "", key[IR_ID];
    double             gap = ir_point_time(p) - ir_point_time(g), n = p->m.cost.launches,
           half = launch_gap_half_width(ir_point_stats(p), ir_point_stats(g));
    memset(v, 0, sizeof *v);
    v->p = NAN;
    if (w)
        cli_point_text(w, &p->id.p, what, sizeof what);
    else
        snprintf(what, sizeof what, "%s %s", p->id.workload, ir_dtype_name(p->id.p.dtype));
    ir_text_scaled(ir_point_time(p), "s", t[0], sizeof t[0]);
    ir_text_scaled(ir_point_time(g), "s", t[1], sizeof t[1]);
    ir_text_scaled(gap, "s", d, sizeof d);
    ir_text_scaled(gap / n, "s", each, sizeof each);
    ir_text_scaled(half / n, "s", pm, sizeof pm);
    if (p->m.dev.n && g->m.dev.n) {
        char h[32];
        snprintf(host, sizeof host, "; %s by the host's clock",
                 ir_text_scaled((p->m.wall.median - g->m.wall.median) / n, "s", h, sizeof h));
    }
    bool seen = gap > (isfinite(half) ? half : 0);
    snprintf(v->question, sizeof v->question, "launch latency");
    snprintf(v->device, sizeof v->device, "%s", s->info.id);
    snprintf(v->verdict, sizeof v->verdict, "%s", seen ? each : "not resolved");
    launch_gap_add(v->answer, sizeof v->answer,
                   "%s: launch latency = T(%.12s) - T(%.12s) = %s - %s = %s, %s per kernel of %.0f", what,
                   p->id.kernel, g->id.kernel, t[0], t[1], d, each, n);
    if (isfinite(half)) launch_gap_add(v->answer, sizeof v->answer, " (+-%s)", pm);
    launch_gap_add(v->answer, sizeof v->answer, "%s", host);
    launch_gap_add(v->evidence, sizeof v->evidence, "%s", ir_point_key(p, key));
    launch_gap_add(v->evidence, sizeof v->evidence, ";%s", ir_point_key(g, key));
}

/* The next pair from point *i on. */
static bool next_pair(const measure_context *s, size_t *i, ir_verdict *v)
{
    while (*i < s->npoint) {
        const ir_point *p = &s->point[(*i)++], *g = graph_of(s, p);
        if (!g) continue;
        launch_gap_describe(s, p, g, v);
        return true;
    }
    return false;
}

void launch_gap_print(FILE *f, const measure_context *s) { verdicts_print(f, s, next_pair); }

ir_status launch_gap_journal(ir_journal *j, const measure_context *s)
{
    return verdicts_journal(j, s, next_pair);
}

/* latency.c -- how long a dependent load takes, level by level; how many a core keeps in flight; what random
 * access delivers. A device with memory of its own shows its first level by a chase that fits there, since
 * its streams pass it by. */
#include "bench/ceilings/stages.h"
#include "kernels/workloads/table.h"
#include "harness/machine/machine.h"

#include <math.h>
#include <string.h>

static double hop_s(const ir_point *p)
{
    int i = ir_workload_param(ir_workload_named("chase"), "steps");
    return ir_point_time(p) / (double)p->id.p.v[i];
}

ir_status ceiling_latency(ceiling_plan *pl, const char *level, int node, double bytes, int pages,
                          const char *name, double *out)
{
    const ir_workload *w = ir_workload_named("chase");
    ir_point           best;
    ir_params          p = w->defaults;
    p.threads = pl->threads[0];
    p.node = node;
    ceiling_set(w, &p, "bytes", bytes);
    ceiling_set(w, &p, "pages", pages);
    ir_status s = ceiling_best(pl, w, &p, false, &best);
    *out = NAN;
    if (s != IR_OK || best.status != IR_OK) return s;
    double          T = ir_point_time(&best);
    ir_ceiling      c = ceiling_from(pl, IR_C_LATENCY, level, &best, hop_s(&best));
    const ir_stats *t = ir_point_stats(&best);
    c.lo = c.value * t->ci_lo / T;
    c.hi = c.value * t->ci_hi / T;
    c.size_B = bytes;
    snprintf(c.kernel, sizeof c.kernel, "%s", name);
    *out = c.value;
    return ceiling_add(pl, &c);
}

/* Lines in flight = chains x latency of one chain / time of a hop with that many chains. */
static ir_status concurrency(ceiling_plan *pl, double latency_s)
{
    static const int64_t chains[] = {1, 2, 4, 8, 16, 32};
    enum { N = sizeof chains / sizeof *chains };
    const ir_workload *w = ir_workload_named("chase");
    ir_params          p = w->defaults;
    double             lines[N];
    ir_point           best;
    p.threads = pl->threads[0];
    ceiling_set(w, &p, "bytes", ceiling_bytes(pl, IR_DRAM, 1));
    ceiling_set(w, &p, "pages", pl->device ? IR_PAGES_DEFAULT : IR_PAGES_HUGE);
    for (int i = 0; i < N; i++) {
        ceiling_set(w, &p, "chains", (double)chains[i]);
        ir_status s = ceiling_best(pl, w, &p, false, &best);
        if (s != IR_OK) return s;
        lines[i] = best.status == IR_OK ? (double)chains[i] * latency_s / hop_s(&best) : NAN;
    }
    if (best.status != IR_OK) return IR_OK;
    ir_ceiling c = ceiling_from(pl, IR_C_LATENCY, "DRAM", &best, lines[N - 1]);
    c.lo = c.hi = NAN;
    for (int i = 0; i < N; i++) c.value = fmax(c.value, lines[i]);
    snprintf(c.op, sizeof c.op, "mlp");
    ceiling_saturation_axis(&c, "chains", chains, lines, N);
    return ceiling_add(pl, &c);
}

/* FIRST_B fits the first-level cache of every device with memory of its own. */
static const double FIRST_B = 8192;

/* Every size from `first` to memory, so that the record shows where the steps are. */
static ir_status chase_ladder(ceiling_plan *pl, double first, double step, int pages)
{
    const ir_workload *w = ir_workload_named("chase");
    ir_params          p = w->defaults;
    ir_status          s = IR_OK;
    p.threads = pl->threads[0];
    ceiling_set(w, &p, "pages", pages);
    for (double b = first; b <= ceiling_bytes(pl, IR_DRAM, 1) * 1.001 && s == IR_OK; b *= step) {
        ir_point best;
        ceiling_set(w, &p, "bytes", floor(b / 64) * 64);
        s = ceiling_best(pl, w, &p, false, &best);
    }
    return s;
}

/* A host's over the working sets of the bandwidth ladder, with huge pages and without; only in the full
 * profile: it takes minutes. */
static ir_status ladders(ceiling_plan *pl)
{
    if (pl->own) return chase_ladder(pl, FIRST_B, pl->s->full ? 2 : 4, IR_PAGES_DEFAULT);
    if (pl->device || !pl->s->full) return IR_OK;
    ir_status s = chase_ladder(pl, CEILING_LADDER_B, ceiling_ladder_step(pl), IR_PAGES_HUGE);
    return s == IR_OK ? chase_ladder(pl, CEILING_LADDER_B, ceiling_ladder_step(pl), IR_PAGES_SMALL) : s;
}

ir_status ceilings_latency(ceiling_plan *pl)
{
    double    last = NAN, unused;
    ir_status s = ladders(pl);
    if (s == IR_OK && pl->own)
        s = ceiling_latency(pl, ir_level_names[IR_L1], 0, FIRST_B, IR_PAGES_DEFAULT, "default", &unused);
    for (int l = 0; l < IR_NLEVEL && s == IR_OK; l++) {
        double bytes = ceiling_bytes(pl, l, 1) / (l < IR_L3 ? pl->share : 1);
        if (!(pl->size_B[l] > 0) || (l == 0 && pl->own)) continue;
        if (pl->device)
            s = ceiling_latency(pl, ir_level_names[l], 0, bytes, IR_PAGES_DEFAULT, "default", &last);
        else
            s = ceiling_latency(pl, ir_level_names[l], 0, bytes, IR_PAGES_HUGE, "huge", &last);
        if (s == IR_OK && !pl->device)
            s = ceiling_latency(pl, ir_level_names[l], 0, bytes, IR_PAGES_SMALL, "small", &unused);
    }
    return s == IR_OK && isfinite(last) ? concurrency(pl, last) : s;
}

/* At one level, by one thread and by all. */
static ir_status gather_at(ceiling_plan *pl, int level)
{
    const ir_workload *w = ir_workload_named("gather");
    ir_status          s = IR_OK;
    for (int i = 0; i < pl->nthread && s == IR_OK; i++) {
        ir_point  best;
        ir_params p = w->defaults;
        if (i > 0 && i < pl->nthread - 1) continue;
        p.threads = pl->threads[i];
        ceiling_set(w, &p, "bytes", ceiling_bytes(pl, level, p.threads));
        s = ceiling_best(pl, w, &p, false, &best);
        if (s != IR_OK || best.status != IR_OK) continue;
        ir_ceiling c =
            ceiling_from(pl, IR_C_BANDWIDTH, ir_level_names[level], &best, ceiling_rate(pl, &best));
        c.size_B = ceiling_bytes(pl, level, p.threads);
        s = ceiling_add(pl, &c);
    }
    return s;
}

ir_status ceilings_gather(ceiling_plan *pl)
{
    ir_status s = gather_at(pl, IR_DRAM);
    for (int l = IR_DRAM - 1; l > 0 && s == IR_OK;
         l--) /* many threads find much of what they ask for in their caches */
        if (pl->size_B[l] > 0) s = gather_at(pl, l);
    return s;
}

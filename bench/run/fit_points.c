/* fit_points.c -- see fit_points.h. */
#include "bench/run/fit_points.h"
#include "kernels/workloads/table.h"
#include "harness/left_out.h"

#include <stdlib.h>
#include <string.h>

/* The law speaks of streams, arithmetic and launches; random access has its own ceilings. */
static bool in_law(const char *family)
{
    static const char *const families[] = {"stream", "peak", "launch", "gemm",    "gemv", "conv",
                                           "linear", "cnn",  "gpt",    "encoder", "moe",  "mixtral"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (!strcmp(families[i], family)) return true;
    return false;
}

static bool is_variant(const char *workload)
{
    const ir_workload *w = ir_workload_named(workload);
    return w && w->by_name;
}

static size_t select_like(const ir_point *pts, size_t n, uint32_t without, ir_point *out)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!pts[i].id.for_ceiling && pts[i].id.p.node == 0 && in_law(pts[i].id.family) &&
            !is_variant(pts[i].id.workload) && !(pts[i].flags & without))
            out[m++] = pts[i]; /* borrows the samples */
    return m;
}

/* Rows in which others took the CPUs do not enter, where at least half remain: else the run is unusable, and
 * says so. */
static size_t select_points(const ir_point *pts, size_t n, ir_point *out)
{
    size_t quiet = select_like(pts, n, IR_FLAG_PREEMPTED, out), all = select_like(pts, n, 0, out);
    return 2 * quiet >= all ? select_like(pts, n, IR_FLAG_PREEMPTED, out) : all;
}

/* Kernels of these families are no evidence of how kernels use memory and arithmetic: the law has no term for
 * a link, for local memory, or for one load or instruction that waits for another. */
static bool has_terms(const char *family)
{
    static const char *const none[] = {"transfer", "overlap", "local", "clock", "chase", "gather", "layer"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (!strcmp(none[i], family)) return false;
    return true;
}

/* Labels know all kernels, not only those of the fit. */
static ir_status believe(const ir_point *pts, size_t n, const ir_ceilings *c, ir_point *use, fitted_law *out)
{
    size_t    m = 0;
    ir_status st = IR_OK;
    for (size_t i = 0; i < n; i++)
        if (has_terms(pts[i].id.family)) use[m++] = pts[i]; /* borrows the samples */
    for (int f = 0; f < 2 && st == IR_OK; f++) st = ir_fit_believe(&out->fit[f], use, m, c);
    return st;
}

/* A point of the ceilings phase is what a ceiling is made of, or a rung between two levels: the ceilings are
 * guarded themselves (ir_guard_ceilings()), and what was said of it when few of them were known does not
 * hold. */
static bool guard(ir_point *p, const ir_ceilings *c)
{
    if (!p->id.for_ceiling) return ir_guard_point(p, c);
    if (p->flags & IR_FLAG_SUSPECT) p->reason[0] = '\0';
    p->flags &= ~(uint32_t)(IR_FLAG_SUSPECT | IR_FLAG_CACHE_RESIDENT);
    return false;
}

static void judge_all(ir_point *pts, size_t n, const ir_ceilings *c, const fitted_law *law)
{
    for (size_t i = 0; i < n; i++) ir_point_judge(&pts[i], c, law->fitted ? &law->fit[law->better] : NULL);
}

void fit_points(ir_point *pts, size_t n, const ir_ceilings *c, uint64_t seed, fitted_law *out)
{
    memset(out, 0, sizeof *out);
    ir_point *sel = malloc((n ? n : 1) * sizeof *sel);
    if (!sel) {
        ir_left_out("the law");
        snprintf(out->why, sizeof out->why, "no memory for %zu points", n);
    } else {
        for (size_t i = 0; i < n; i++) out->exceed += guard(&pts[i], c);
        size_t    m = select_points(pts, n, sel);
        ir_status st = ir_iron_fit(sel, m, c, seed, out->fit, &out->better);
        if (st == IR_OK) st = believe(pts, n, c, sel, out);
        out->fitted = st == IR_OK;
        if (st == IR_ENOMEM) ir_left_out("the law"); /* a recalled one would be no substitute */
        if (!out->fitted) snprintf(out->why, sizeof out->why, "%s", ir_why());
        free(sel);
    }
    judge_all(pts, n, c, out);
}

void fit_recall(ir_point *pts, size_t n, const ir_ceilings *c, const ir_fit fit[2], fitted_law *out)
{
    out->exceed = 0;
    for (size_t i = 0; i < n; i++) out->exceed += guard(&pts[i], c);
    memcpy(out->fit, fit, sizeof out->fit);
    out->better = fit[IR_OVERLAPPED].lofo_median < fit[IR_ADDITIVE].lofo_median ? IR_OVERLAPPED : IR_ADDITIVE;
    out->fitted = out->recalled = true;
    judge_all(pts, n, c, out);
}

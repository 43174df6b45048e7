/* earlier.c -- see earlier.h. */
#include "bench/gate/earlier.h"
#include "harness/record/text.h"
#include "harness/stats/stats.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MATTERS 0.05 /* a point that moved by less is not named */
enum { NAMED = 3 };

/* Points whose two intervals within their runs do not meet; slower ones first. */
static bool apart(const ir_point *a, const ir_point *b)
{
    const ir_stats *x = ir_point_stats(a), *y = ir_point_stats(b);
    return x->ci_hi < y->ci_lo || y->ci_hi < x->ci_lo;
}

static int by_effect(const void *x, const void *y)
{
    double a = ((const ir_comparison *)x)->effect, b = ((const ir_comparison *)y)->effect;
    return a < b ? 1 : a > b ? -1 : 0;
}

/* What is worth a name among comparisons sorted by falling effect. */
static size_t name_slower(const run_file *base, const run_file *now, const ir_comparison *v, size_t n,
                          char *buf, size_t size, size_t at, size_t *slower)
{
    size_t named = 0;
    for (size_t i = 0; i < n && v[i].effect > MATTERS; i++) {
        const ir_point *a = run_point(base, v[i].point), *b = run_point(now, v[i].point);
        if (!a || !b || !apart(a, b)) continue;
        ++*slower;
        if (named++ >= NAMED) continue;
        at = ir_text_append(buf, size, at, "%s%s/%s %+.0f %%",
                            named == 1 ? "; slower beyond both intervals: " : ", ", b->id.workload,
                            b->id.kernel, 100 * expm1(v[i].effect));
    }
    if (*slower > NAMED) at = ir_text_append(buf, size, at, " and %zu more", *slower - NAMED);
    return at;
}

/* Whether some point is in both. */
static bool sentence(const run_file *base, const run_file *now, ir_comparisons *c, char *buf, size_t size)
{
    double *e = malloc((c->n + 1) * sizeof *e);
    size_t  n = 0, slower = 0, at;
    for (size_t i = 0; i < c->n; i++)
        if (isfinite(c->v[i].effect)) {
            ir_comparison x = c->v[i];
            c->v[i] = c->v[n];
            c->v[n++] = x;
        }
    for (size_t i = 0; e && i < n; i++) e[i] = c->v[i].effect;
    at = ir_text_append(buf, size, 0, "against %.16s: ", base->r.started);
    if (!e) {
        ir_left_out("what changed since an earlier run");
        ir_text_append(buf, size, at, "no memory to compare them");
    } else if (n == 0) {
        ir_text_append(buf, size, at, "no point in common");
    } else {
        qsort(c->v, n, sizeof *c->v, by_effect);
        ir_sort(e, n);
        at = ir_text_append(buf, size, at, "%zu point%s, median %+.1f %% time", n, n == 1 ? "" : "s",
                            100 * expm1(ir_quantile_sorted(e, n, .5)));
        at = name_slower(base, now, c->v, n, buf, size, at, &slower);
        ir_text_append(buf, size, at, "%s. One run against one is a hint: 'gate' judges.",
                       slower ? "" : "; none slower beyond both intervals");
    }
    free(e);
    return n > 0;
}

static bool was_unusable(const ir_record *r)
{
    for (size_t i = 0; i < r->nquality; i++)
        if (r->quality[i].value == IR_QUALITY_UNUSABLE) return true;
    return false;
}

/* Borrowed copies of what was asked for: rows of ceilings may be the earlier run's own. */
static ir_status asked_only(const ir_record *now, ir_record *out)
{
    *out = *now;
    out->npoint = 0;
    out->point = malloc((now->npoint + 1) * sizeof *out->point);
    if (!out->point) return ir_fail(IR_ENOMEM, "no memory for %zu points", now->npoint);
    for (size_t i = 0; i < now->npoint; i++)
        if (!now->point[i].id.for_ceiling) out->point[out->npoint++] = now->point[i];
    return IR_OK;
}

ir_status earlier_sentence(const ir_record *now, const char *earlier, char *buf, size_t n,
                           earlier_found *found)
{
    run_files      base = {0};
    char           name[] = "this run";
    run_file       f = {.path = name};
    run_files      one = {.v = &f, .n = 1};
    ir_comparisons c = {0};
    thresholds     none = {.n = 0};
    ir_status      st = asked_only(now, &f.r);
    if (st == IR_OK) st = runs_read(&earlier, 1, NULL, &base);
    if (st == IR_OK) st = runs_index(&f);
    if (st == IR_OK) st = baseline_judge(&base, &one, &none, .95, log1p(.02), &c);
    *found = (earlier_found){.compared = false};
    if (st == IR_OK) snprintf(found->started, sizeof found->started, "%s", base.v[0].r.started);
    if (st == IR_OK && was_unusable(&base.v[0].r))
        snprintf(buf, n, "against %.16s: not compared, that run was unusable", base.v[0].r.started);
    else if (st == IR_OK)
        found->compared = sentence(&base.v[0], &f, &c, buf, n);
    ir_comparisons_free(&c);
    ir_keys_free(&f.points);
    free(f.r.point);
    runs_free(&base);
    return st;
}

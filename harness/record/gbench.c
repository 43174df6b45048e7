/* gbench.c -- see gbench.h. */
#include "harness/record/gbench.h"
#include "harness/record/keys.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ir_gbenches_free(ir_gbenches *all)
{
    free(all->v);
    *all = (ir_gbenches){0};
}

#ifdef IR_HAVE_JANSSON
#include "harness/record/json_in.h"

/* What entries of one benchmark are worth: the best kind that is there counts, and nothing else. */
enum { KIND_MEAN, KIND_MEDIAN, KIND_RUN, KIND_NONE = -1 };

typedef struct {
    ir_gbench *o;
    double    *t; /* owned: times of the best kind so far */
    size_t     n, cap;
    int        kind;
} gathered;

static const char *gbench_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static int kind_of(const json_t *o)
{
    const char *what = gbench_text(o, "aggregate_name");
    if (strcmp(gbench_text(o, "run_type"), "aggregate") != 0 && !*what) return KIND_RUN;
    if (!strcmp(what, "median")) return KIND_MEDIAN;
    return !strcmp(what, "mean") ? KIND_MEAN : KIND_NONE;
}

/* Seconds; NAN: no such number, or a unit that is not known. */
static double time_of(const json_t *o)
{
    static const struct {
        const char *name;
        double      s;
    } unit[] = {{"", 1e-9}, {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};
    const json_t *v = json_object_get(o, "real_time");
    const char   *u = gbench_text(o, "time_unit");
    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++)
        if (!strcmp(u, unit[i].name) && json_is_number(v)) return json_number_value(v) * unit[i].s;
    return NAN;
}

static ir_status gathered_put(gathered *g, int kind, double t)
{
    if (kind < g->kind) return IR_OK;
    if (kind > g->kind) g->n = 0;
    g->kind = kind;
    if (g->n == g->cap) {
        size_t  cap = g->cap ? 2 * g->cap : 8;
        double *v = realloc(g->t, cap * sizeof *v);
        if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu times", cap);
        g->t = v;
        g->cap = cap;
    }
    g->t[g->n++] = t;
    return IR_OK;
}

/* Aggregates are called NAME_median, and run_name is the name without it. */
static ir_status gbench_entry(const json_t *o, ir_keys *keys, ir_gbenches *all, gathered *g)
{
    bool failed =
        json_is_true(json_object_get(o, "error_occurred")) || json_is_true(json_object_get(o, "skipped"));
    int         kind = kind_of(o);
    const char *name = gbench_text(o, kind == KIND_RUN ? "name" : "run_name");
    ir_key     *key;
    if (!*name) name = gbench_text(o, "name");
    if (!*name) return ir_fail(IR_EINVAL, "a benchmark has no name");
    if (strlen(name) >= IR_ID) return ir_fail(IR_EINVAL, "'%.60s...': the name is too long", name);
    if (kind == KIND_NONE) return IR_OK;
    double t = time_of(o);
    if (!failed && !(t > 0 && isfinite(t)))
        return ir_fail(IR_EINVAL, "'%.60s': real_time with a time_unit of ns, us, ms or s must be there",
                       name);
    ir_status st = ir_keys_add(keys, name, all->n, &key);
    if (st != IR_OK) return st;
    if (key->value == all->n) {
        g[all->n] = (gathered){.o = &all->v[all->n], .kind = KIND_NONE};
        snprintf(all->v[all->n].name, IR_ID, "%s", name);
        all->n++;
    }
    if (!failed) return gathered_put(&g[key->value], kind, t);
    const char *why = gbench_text(o, "error_message");
    if (!*why) why = gbench_text(o, "skip_message");
    snprintf(all->v[key->value].why, IR_WHY, "%s", *why ? why : "it says that it failed");
    return IR_OK;
}

static ir_status gbench_entries(const json_t *list, ir_gbenches *all)
{
    size_t    n = json_array_size(list);
    ir_keys   keys = {0};
    gathered *g = calloc(n + 1, sizeof *g);
    all->v = calloc(n + 1, sizeof *all->v);
    ir_status st = g && all->v ? IR_OK : ir_fail(IR_ENOMEM, "no memory for %zu benchmarks", n);
    for (size_t i = 0; i < n && st == IR_OK; i++) st = gbench_entry(json_array_get(list, i), &keys, all, g);
    for (size_t i = 0; g && all->v && i < all->n; i++) {
        ir_stats s;
        ir_stats_of(g[i].t, g[i].n, &s);
        all->v[i].n = g[i].n;
        all->v[i].time_s = *all->v[i].why || g[i].n == 0 ? NAN : s.q25;
        free(g[i].t);
    }
    free(g);
    ir_keys_free(&keys);
    return st;
}

ir_status ir_gbench_parse(const char *from, const char *text, size_t n, ir_gbenches *out)
{
    json_error_t e;
    bool         nomem;
    *out = (ir_gbenches){0};
    json_t *o = ir_json_load(text, n, 0, &e, &nomem);
    if (nomem) return ir_fail(IR_ENOMEM, "%s: no memory for it", from);
    if (!o)
        return ir_fail(IR_EINVAL,
                       "%s is no Google Benchmark JSON (line %d: %.100s): --benchmark_format=json?", from,
                       e.line, e.text);
    const json_t *list = json_object_get(o, "benchmarks");
    ir_status     st =
        json_is_array(list) ? gbench_entries(list, out) : ir_fail(IR_EINVAL, "it has no list 'benchmarks'");
    if (st == IR_OK && out->n == 0)
        st = ir_fail(IR_EINVAL, "no benchmark was run: does its filter match any?");
    if (st == IR_EINVAL) st = ir_fail(st, "%s: %s", from, ir_why());
    if (st != IR_OK) ir_gbenches_free(out);
    json_decref(o);
    return st;
}
#else
ir_status ir_gbench_parse(const char *from, const char *text, size_t n, ir_gbenches *out)
{
    (void)text;
    (void)n;
    *out = (ir_gbenches){0};
    return ir_fail(IR_SKIP, "%s: built without jansson: JSON cannot be read", from);
}
#endif

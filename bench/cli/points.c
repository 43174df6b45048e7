/* points.c -- arguments and options to the list of points to measure: a grid or the defaults, with axes
 * multiplied in, each point once, in a fixed order. Refuses more than CLI_MAX_POINTS. */
#include "bench/cli/spec.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const cli_options *opt;
    cli_points        *out;
    size_t             cap;
    bool               has_batch;   /* some selected workload has one */
    char               why[IR_WHY]; /* the latest reason to leave something out */
} builder;

/* What replaces the values of one base point; empty axes leave them. */
typedef struct {
    const cli_axis   *param[IR_MAX_PARAMS], *threads;
    const cli_dtypes *dtypes;
} axes;

/* ---- text ------------------------------------------------------------------------------------ */
char *cli_params_text(const ir_workload *w, const ir_params *p, char *buf, size_t size)
{
    size_t used = 0;
    if (size > 0) buf[0] = 0;
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i] && used < size; i++) {
        char        number[24];
        const char *word = ir_param_word(w, i, p->v[i]);
        snprintf(number, sizeof number, "%lld", (long long)p->v[i]);
        used += (size_t)snprintf(buf + used, size - used, "%s%s=%s", i ? "," : "", w->param[i],
                                 word ? word : number);
    }
    return buf;
}

char *cli_point_text(const ir_workload *w, const ir_params *p, char *buf, size_t size)
{
    char params[256], threads[32] = "";
    cli_params_text(w, p, params, sizeof params);
    if (p->threads) snprintf(threads, sizeof threads, ",threads=%d", p->threads);
    snprintf(buf, size, "%s:%s%sdtype=%s%s", w->name, params, *params ? "," : "", ir_dtype_name(p->dtype),
             threads);
    return buf;
}

/* ---- one point ------------------------------------------------------------------------------- */
static ir_status points_push(builder *b, const ir_workload *w, const ir_params *p)
{
    cli_points *out = b->out;
    if (out->n == CLI_MAX_POINTS) return ir_fail(IR_EINVAL, "more than %d points", CLI_MAX_POINTS);
    if (out->n == b->cap) {
        size_t     cap = b->cap ? 2 * b->cap : 64;
        cli_point *v = realloc(out->v, cap * sizeof *v);
        if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu points", cap);
        out->v = v;
        b->cap = cap;
    }
    out->v[out->n++] = (cli_point){w, *p};
    return IR_OK;
}

/* Can the workload do it? The reason names the parameter. */
static ir_status possible(const ir_workload *w, const ir_params *p)
{
    if (!(w->dtypes >> p->dtype & 1))
        return ir_fail(IR_EINVAL, "it has no dtype '%s'", ir_dtype_name(p->dtype));
    if (w->valid) return w->valid(w, p);
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (p->v[i] <= 0)
            return ir_fail(IR_EINVAL, "%s=%lld: give 1 or more", w->param[i], (long long)p->v[i]);
    return IR_OK;
}

/* An omitted key whose default is 0 must be given, unless the workload takes the 0. */
static ir_status refused(const ir_workload *w, const cli_spec *s, const ir_params *p)
{
    char text[320], why[256];
    snprintf(why, sizeof why, "%s", ir_why());
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (p->v[i] == 0 && s->param[i].n == 0 && !w->word[i])
            return ir_fail(IR_EINVAL, "%s: the key '%s' has no default; give %s:%s=...", w->name, w->param[i],
                           w->name, w->param[i]);
    return ir_fail(IR_EINVAL, "%s: %s", cli_point_text(w, p, text, sizeof text), why);
}

static ir_status points_add(builder *b, const ir_workload *w, const cli_spec *s, ir_params *p)
{
    if (w->complete) w->complete(w, p);
    ir_status st = possible(w, p);
    if (st == IR_OK) return points_push(b, w, p);
    if (st == IR_ENOMEM) return st;
    bool asked_for = s->keyed && w->dtypes >> p->dtype & 1; /* its shape, that is, by keys */
    if (asked_for) return refused(w, s, p);
    snprintf(b->why, sizeof b->why, "%s: %s", w->name, ir_why());
    if (b->out->left_out++ == 0) memcpy(b->out->why, b->why, sizeof b->why);
    return IR_OK;
}

/* ---- one base point times the axes ----------------------------------------------------------- */
static size_t points_times(size_t total, size_t n)
{
    if (n == 0) return total;
    return total > CLI_MAX_POINTS ? total : total * n; /* both small: CLI_MAX_POINTS * CLI_MAX_AXIS */
}

static ir_status expand_base(builder *b, const ir_workload *w, const cli_spec *s, const axes *x,
                             const ir_params *base)
{
    size_t total = points_times(points_times(1, x->threads->n), x->dtypes->n);
    for (int k = 0; k < IR_MAX_PARAMS; k++) total = points_times(total, x->param[k]->n);
    if (total > CLI_MAX_POINTS) return ir_fail(IR_EINVAL, "%s: more than %d points", w->name, CLI_MAX_POINTS);
    for (size_t i = 0; i < total; i++) {
        ir_params p = *base;
        size_t    left = i; /* a number in mixed radix: the threads are its last digit */
        if (x->threads->n) {
            p.threads = (int)x->threads->v[left % x->threads->n];
            left /= x->threads->n;
        }
        if (x->dtypes->n) {
            p.dtype = x->dtypes->v[left % x->dtypes->n];
            left /= x->dtypes->n;
        }
        for (int k = IR_MAX_PARAMS - 1; k >= 0; k--) {
            if (!x->param[k]->n) continue;
            p.v[k] = x->param[k]->v[left % x->param[k]->n];
            left /= x->param[k]->n;
        }
        ir_status st = points_add(b, w, s, &p);
        if (st != IR_OK) return st;
    }
    return IR_OK;
}

static ir_status expand_workload(builder *b, const ir_workload *w, const cli_spec *s, bool named)
{
    const ir_params *grid = b->opt->profile == CLI_FULL ? w->full : w->quick;
    size_t           n = b->opt->profile == CLI_FULL ? w->nfull : w->nquick, before = b->out->n;
    int              batch = cli_param_index(w, "batch");
    axes             x = {.threads = s->threads.n ? &s->threads : &b->opt->threads,
                          .dtypes = s->dtype_keyed ? &s->dtypes : &b->opt->dtypes};
    cli_spec         keyed = *s; /* shallow: its lists are not freed */
    for (int k = 0; k < IR_MAX_PARAMS; k++) x.param[k] = &s->param[k];
    if (batch >= 0 && s->param[batch].n == 0) x.param[batch] = &b->opt->batch;
    b->has_batch |= batch >= 0;
    if (s->keyed || (n == 0 && named)) {
        grid = &w->defaults;
        n = 1;
        keyed.keyed = true;
    }
    for (size_t i = 0; i < n; i++) {
        ir_status st = expand_base(b, w, &keyed, &x, &grid[i]);
        if (st != IR_OK) return st;
    }
    if (named && b->out->n == before) return ir_fail(IR_EINVAL, "nothing to measure: %s", b->why);
    return IR_OK;
}

static ir_status expand_argument(builder *b, const ir_workload *const *table, const ir_workload **sel,
                                 const char *arg)
{
    size_t      length = strcspn(arg, ":"), n = 0;
    const char *keys = arg[length] ? arg + length + 1 : NULL;
    char        name[64];
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), arg);
    if (length == 0) return ir_fail(IR_EINVAL, "'%.60s' names no workload", arg);
    ir_status st = cli_workloads_find(table, name, sel, &n);
    for (size_t i = 0; i < n && st == IR_OK; i++) {
        cli_spec s;
        st = cli_spec_parse(sel[i], keys, &s);
        if (st != IR_OK) break;
        st = expand_workload(b, sel[i], &s, !strcmp(sel[i]->name, name));
        cli_spec_free(&s);
    }
    return st;
}

/* ---- each once ------------------------------------------------------------------------------- */
/* By content, variants in the order given; which workload sorts first does not matter. */
static int by_content(const void *a, const void *b)
{
    const cli_point *p = *(const cli_point *const *)a, *q = *(const cli_point *const *)b;
    if (p->workload != q->workload) return (uintptr_t)p->workload < (uintptr_t)q->workload ? -1 : 1;
    for (int k = 0; k < IR_MAX_PARAMS; k++)
        if (p->p.v[k] != q->p.v[k]) return p->p.v[k] < q->p.v[k] ? -1 : 1;
    if (p->p.dtype != q->p.dtype) return p->p.dtype < q->p.dtype ? -1 : 1;
    if (p->p.threads != q->p.threads) return p->p.threads < q->p.threads ? -1 : 1;
    return 0;
}

static int by_content_then_place(const void *a, const void *b)
{
    const cli_point *p = *(const cli_point *const *)a, *q = *(const cli_point *const *)b;
    int              order = by_content(a, b);
    return order ? order : p < q ? -1 : p > q;
}

/* Keep the first of equal points, and the order. */
static ir_status drop_twins(cli_points *out)
{
    size_t            n = out->n, kept = 0;
    const cli_point **sorted = calloc(n + 1, sizeof *sorted);
    bool             *variant = calloc(n + 1, sizeof *variant);
    ir_status         st = sorted && variant ? IR_OK : ir_fail(IR_ENOMEM, "no memory for %zu points", n);
    if (st != IR_OK) goto out;
    for (size_t i = 0; i < n; i++) sorted[i] = &out->v[i];
    qsort(sorted, n, sizeof *sorted, by_content_then_place);
    for (size_t i = 1; i < n; i++)
        if (by_content(&sorted[i - 1], &sorted[i]) == 0) variant[sorted[i] - out->v] = true;
    for (size_t i = 0; i < n; i++)
        if (!variant[i]) out->v[kept++] = out->v[i];
    out->n = kept;
out:
    free(sorted);
    free(variant);
    return st;
}

/* What no single argument can say. */
static ir_status points_check_all(const builder *b)
{
    if (b->opt->batch.n && !b->has_batch)
        return ir_fail(IR_EINVAL, "--batch: no selected workload has a batch");
    if (b->out->n == 0)
        return ir_fail(IR_EINVAL, "nothing to measure: %s",
                       b->out->left_out ? b->out->why : "the workloads have no points in this profile");
    return IR_OK;
}

ir_status cli_points_expand(const ir_workload *const *table, const char *const *arg, size_t narg,
                            const cli_options *opt, cli_points *out)
{
    size_t    count = 0;
    builder   b = {.opt = opt, .out = out};
    cli_spec  nothing = {0};
    ir_status st = IR_OK;
    *out = (cli_points){.unnamed = narg == 0};
    while (table[count]) count++;
    const ir_workload **sel = calloc(count + 1, sizeof *sel);
    if (!sel) return ir_fail(IR_ENOMEM, "no memory for %zu workloads", count);
    for (size_t i = 0; i < narg && st == IR_OK; i++) st = expand_argument(&b, table, sel, arg[i]);
    for (size_t i = 0; i < count && narg == 0 && st == IR_OK; i++)
        if (!table[i]->by_name) st = expand_workload(&b, table[i], &nothing, false);
    if (st == IR_OK) st = points_check_all(&b);
    if (st == IR_OK) st = drop_twins(out);
    if (st != IR_OK) cli_points_free(out);
    free(sel);
    return st;
}

void cli_points_free(cli_points *p)
{
    free(p->v);
    *p = (cli_points){0};
}

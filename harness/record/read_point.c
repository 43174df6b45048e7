/* read_point.c -- a point rebuilt from its line: everything but what follows from other fields (id, key,
 * rates, residual). Samples are rebuilt in full. Counts of the cost model and times must not be negative. */
#include "harness/record/record.h"

#ifdef IR_HAVE_JANSSON
#include "harness/record/read.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- the oracle's name: static text, as a workload's is -------------------------------------- */
enum { MAX_ORACLES = 512, ORACLE_B = 192 };
typedef struct oracle {
    struct oracle *next;
    int            count;
    char           text[];
} oracle;
static _Atomic(oracle *) oracles; /* only ever grows, at the front; never freed */

static const char *keep_oracle(const char *text)
{
    oracle *head = atomic_load(&oracles), *mine = NULL;
    char    cut[ORACLE_B];
    ir_read_cut(cut, sizeof cut, text);
    for (;;) {
        for (oracle *o = head; o; o = o->next)
            if (!strcmp(o->text, cut)) return free(mine), o->text;
        if (head && head->count >= MAX_ORACLES) return free(mine), "an oracle whose name was not kept";
        if (!mine) mine = malloc(sizeof *mine + sizeof cut);
        if (!mine) return NULL;
        mine->next = head;
        mine->count = head ? head->count + 1 : 1;
        memcpy(mine->text, cut, sizeof cut);
        if (atomic_compare_exchange_weak(&oracles, &head, mine)) return mine->text;
    }
}

static ir_status read_point_read_check(ir_reader *r, const json_t *o, ir_check *c)
{
    static const ir_rec_field numbers[] = {
        {"err", REC_NUM, offsetof(ir_check, err), sizeof(double), NULL, NULL, false},
        {"tol", REC_NUM, offsetof(ir_check, tol), sizeof(double), NULL, NULL, false},
        {NULL, REC_NUM, 0, 0, NULL, NULL, false}};
    const json_t *check;
    const char   *text = NULL;
    ir_status     s = ir_read_object(r, o, "check", &check);
    if (s != IR_OK || !check) return s;
    ir_read_enter(r, "check");
    s = ir_rec_read(r, numbers, check, c);
    if (s == IR_OK) s = ir_read_text(r, check, "oracle", &text);
    ir_read_leave(r);
    if (s != IR_OK || !text) return s;
    c->oracle = keep_oracle(text);
    return c->oracle ? IR_OK : ir_read_nomem(r);
}

/* ---- identity -------------------------------------------------------------------------------- */
static ir_status read_params(ir_reader *r, const json_t *o, ir_point *p)
{
    const json_t *params;
    ir_status     s = ir_read_object(r, o, "params", &params);
    if (s != IR_OK || !params) return s;
    if (json_object_size(params) > IR_MAX_PARAMS)
        return ir_read_fail(r, "params", "%zu of them, at most %d are possible", json_object_size(params),
                            IR_MAX_PARAMS);
    json_t *all = (json_t *)params; /* iterated only; in the order of the file */
    for (void *i = json_object_iter(all); i && s == IR_OK; i = json_object_iter_next(all, i)) {
        const char *name = json_object_iter_key(i);
        if (!*name || strlen(name) >= sizeof p->id.pname[0])
            return ir_read_fail(r, "params", "'%.40s': a name has 1 to %zu bytes", name,
                                sizeof p->id.pname[0] - 1);
        ir_read_cut(p->id.pname[p->id.np], sizeof p->id.pname[0], name);
        ir_read_enter(r, "params");
        s = ir_read_integer(r, name, json_object_iter_value(i), INT64_MIN, INT64_MAX, &p->id.p.v[p->id.np++]);
        ir_read_leave(r);
    }
    return s;
}

static ir_status read_point_read_words(ir_reader *r, const json_t *o, ir_point *p)
{
    const json_t *words;
    ir_status     s = ir_read_object(r, o, "param_words", &words);
    if (s != IR_OK || !words) return s;
    ir_read_enter(r, "param_words");
    for (int i = 0; i < p->id.np && s == IR_OK; i++) {
        const char *word;
        s = ir_read_text(r, words, p->id.pname[i], &word);
        if (s == IR_OK && word && strlen(word) >= sizeof p->id.pword[i])
            s = ir_read_fail(r, p->id.pname[i], "'%.40s' is longer than %zu bytes", word,
                             sizeof p->id.pword[i] - 1);
        if (s == IR_OK && word) ir_read_cut(p->id.pword[i], sizeof p->id.pword[i], word);
    }
    ir_read_leave(r);
    return s;
}

static ir_status read_node(ir_reader *r, const json_t *o, ir_point *p)
{
    const json_t *v = json_object_get(o, "node");
    int64_t       node = -1;
    ir_status     s = v && !json_is_null(v) ? ir_read_integer(r, "node", v, 0, 1023, &node) : IR_OK;
    p->id.p.node = (int)node + 1;
    return s;
}

static ir_status read_point_read_status(ir_reader *r, const json_t *o, ir_point *p)
{
    const char *status, *error, *why;
    ir_status   s = ir_read_text(r, o, "status", &status);
    if (s == IR_OK) s = ir_read_text(r, o, "error", &error);
    if (s == IR_OK) s = ir_read_text(r, o, "why", &why);
    if (s != IR_OK) return s;
    if (!status) return ir_read_fail(r, "status", "missing");
    if (!ir_rec_status_of(status, error, &p->status))
        return ir_read_fail(r, "status", "'%.40s' is none of ok skip incorrect invalid error", status);
    ir_read_cut(p->reason, sizeof p->reason, why ? why : "");
    return IR_OK;
}

/* ---- measurement ----------------------------------------------------------------------------- */
static ir_status read_stats(ir_reader *r, const json_t *o, const char *field, ir_stats *out)
{
    const json_t *stats;
    ir_status     s = ir_read_object(r, o, field, &stats);
    if (s != IR_OK || !stats) return s; /* as ir_point_init() left it */
    ir_read_enter(r, field);
    s = ir_rec_read(r, ir_rec_stats, stats, out);
    if (s == IR_OK && out->median < 0) s = ir_read_fail(r, "median", "%.6g is negative", out->median);
    if (s == IR_OK && out->min < 0) s = ir_read_fail(r, "min", "%.6g is negative", out->min);
    ir_read_leave(r);
    return s;
}

static ir_status check_cost(ir_reader *r, const ir_rec_cost *c)
{
    const struct {
        const char *field;
        double      v;
    } count[] = {{"flops", c->all.flops},
                 {"read_B", c->read_B},
                 {"write_B", c->write_B},
                 {"wa_B", c->wa_B},
                 {"launches", c->all.launches},
                 {"footprint_B", c->all.footprint_B},
                 {"near_footprint_B", c->near_footprint_B}};
    for (size_t i = 0; i < sizeof count / sizeof *count; i++)
        if (count[i].v < 0) return ir_read_fail(r, count[i].field, "%.6g is negative", count[i].v);
    return IR_OK;
}

static ir_status read_cost(ir_reader *r, const json_t *o, ir_cost *out)
{
    ir_rec_cost c;
    ir_rec_cost_of(out, &c);
    ir_status s = ir_rec_read(r, ir_rec_point_cost, o, &c);
    if (s == IR_OK) s = check_cost(r, &c);
    if (s == IR_OK) ir_rec_cost_parts(&c, out);
    return s;
}

/* A second array over the same samples: absent, or of the same length. */
static ir_status parallel(ir_reader *r, const json_t *o, const char *field, size_t n, const json_t **out)
{
    ir_status s = ir_read_array(r, o, field, out);
    if (s == IR_OK && *out && json_array_size(*out) != n)
        s = ir_read_fail(r, field, "%zu entries for %zu samples", json_array_size(*out), n);
    return s;
}

static ir_status read_point_seconds(ir_reader *r, const char *field, const json_t *v, size_t i, double *out)
{
    *out = json_is_number(v) ? json_number_value(v) : NAN;
    if (!json_is_number(v) && !json_is_null(v)) return ir_read_fail(r, field, "entry %zu is no number", i);
    if (*out < 0) return ir_read_fail(r, field, "entry %zu: %.6g is negative", i, *out);
    return IR_OK;
}

static ir_status fill_samples(ir_reader *r, const json_t *wall, const json_t *dev, const json_t *reps,
                              ir_point *p)
{
    ir_status s = IR_OK;
    for (size_t i = 0; i < p->m.samples.n && s == IR_OK; i++) {
        ir_sample *x = &p->m.samples.v[i];
        int64_t    n = p->m.reps;
        x->dev_s = NAN;
        s = read_point_seconds(r, "samples_s", json_array_get(wall, i), i, &x->wall_s);
        if (s == IR_OK && dev)
            s = read_point_seconds(r, "dev_samples_s", json_array_get(dev, i), i, &x->dev_s);
        if (s == IR_OK && reps)
            s = ir_read_integer(r, "samples_reps", json_array_get(reps, i), 0, UINT32_MAX, &n);
        x->reps = (uint32_t)n;
    }
    return s;
}

static ir_status read_throttled(ir_reader *r, const json_t *o, ir_samples *x)
{
    const json_t *list;
    size_t        i;
    json_t       *e;
    ir_status     s = ir_read_array(r, o, "throttled_samples", &list);
    if (s != IR_OK || !list) return s;
    json_array_foreach(list, i, e)
    {
        int64_t at;
        s = ir_read_integer(r, "throttled_samples", e, 0, INT64_MAX, &at);
        if (s != IR_OK) return s;
        if ((size_t)at >= x->n)
            return ir_read_fail(r, "throttled_samples", "%lld: there are %zu samples", (long long)at, x->n);
        x->v[at].throttled = true;
    }
    return IR_OK;
}

static ir_status read_samples(ir_reader *r, const json_t *o, ir_point *p)
{
    const json_t *wall, *dev = NULL, *reps = NULL;
    ir_status     s = ir_read_array(r, o, "samples_s", &wall);
    size_t        n = wall ? json_array_size(wall) : 0;
    if (s == IR_OK) s = parallel(r, o, "dev_samples_s", n, &dev);
    if (s == IR_OK) s = parallel(r, o, "samples_reps", n, &reps);
    if (s == IR_OK && n > 0) {
        p->m.samples.v = calloc(n, sizeof *p->m.samples.v);
        if (!p->m.samples.v) return ir_read_nomem(r);
        p->m.samples.n = p->m.samples.cap = n;
        s = fill_samples(r, wall, dev, reps, p);
    }
    return s == IR_OK ? read_throttled(r, o, &p->m.samples) : s;
}

/* The file has one field for both: of a layer that ran and is no suspect it names the kernel chosen. */
static void tell_chosen(ir_point *p)
{
    if (p->status != IR_OK || p->flags & IR_FLAG_SUSPECT || strcmp(p->id.family, "layer") != 0) return;
    snprintf(p->chosen, sizeof p->chosen, "%.*s", (int)sizeof p->chosen - 1, p->reason);
    p->reason[0] = '\0';
}

ir_status ir_read_point(ir_reader *r, const json_t *o)
{
    ir_record *out = r->out;
    ir_status  s = ir_read_grow(r, &out->point, out->npoint, sizeof *out->point);
    if (s != IR_OK) return s;
    ir_point *p = &out->point[out->npoint];
    ir_point_init(p);
    s = ir_rec_read(r, ir_rec_point_id, o, p);
    if (s == IR_OK) s = read_params(r, o, p);
    if (s == IR_OK) s = read_node(r, o, p);
    if (s == IR_OK) s = read_point_read_words(r, o, p);
    if (s == IR_OK) s = read_point_read_status(r, o, p);
    if (s == IR_OK) s = read_stats(r, o, "time_s", &p->m.wall);
    if (s == IR_OK) s = read_stats(r, o, "dev_time_s", &p->m.dev);
    if (s == IR_OK) s = ir_rec_read(r, ir_rec_point_run, o, p);
    if (s == IR_OK) s = read_cost(r, o, &p->m.cost);
    if (s == IR_OK) s = ir_rec_read(r, ir_rec_point_state, o, p);
    if (s == IR_OK) s = ir_read_witness(r, o, p);
    if (s == IR_OK) s = read_point_read_check(r, o, &p->m.check);
    if (s == IR_OK) s = ir_rec_read(r, ir_rec_point_law, o, p);
    if (s == IR_OK) s = read_samples(r, o, p);
    if (s != IR_OK) {
        ir_point_free(p);
        return s;
    }
    tell_chosen(p);
    out->npoint++;
    return IR_OK;
}
#else
typedef int ir_no_points;
#endif

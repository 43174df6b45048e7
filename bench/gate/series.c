/* series.c -- see series.h. */
#include "bench/gate/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a point is divided by -------------------------------------------------------------- */
/* Lowest key of a workload present in every run, in the order of the first run's points; ceilings' points
 * count. */
static bool everywhere(const run_files *f, const char *key)
{
    for (size_t i = 0; i < f->n; i++)
        if (isnan(run_log_time(&f->v[i], key))) return false;
    return true;
}

static bool find_reference(const run_files *f, const char *workload, const char *prefix, const char *self,
                           char out[IR_ID])
{
    const ir_record *r = &f->v[0].r;
    for (size_t i = 0; i < r->npoint; i++) {
        char key[IR_ID];
        if (!prefix && strcmp(r->point[i].id.workload, workload) != 0) continue;
        ir_point_key(&r->point[i], key);
        if (prefix && strncmp(key, prefix, strlen(prefix)) != 0) continue;
        if (!strcmp(key, self) || !everywhere(f, key)) continue;
        memcpy(out, key, IR_ID);
        return true;
    }
    return false;
}

static const char *yardstick(const run_files *f, const char *key)
{
    const ir_point *p = NULL;
    for (size_t i = f->n; i-- > 0 && !p;) p = run_point(&f->v[i], key);
    if (!p) return NULL;
    switch (p->law.bound) {
    case IR_BOUND_MEMORY:
    case IR_BOUND_CACHE: return "copy";
    case IR_BOUND_COMPUTE: return "fma";
    case IR_BOUND_LATENCY: return "forkjoin";
    default: return NULL;
    }
}

ir_status series_of(const run_files *f, const char *key, const char *reference, double alpha, double delta,
                    series *out)
{
    memset(out, 0, sizeof *out);
    snprintf(out->key, sizeof out->key, "%s", key);
    const char *unit = reference ? NULL : yardstick(f, key);
    bool        named = reference && strcmp(reference, "none") != 0;
    if (named && !find_reference(f, NULL, reference, key, out->reference) &&
        strncmp(key, reference, strlen(reference)) != 0)
        return ir_fail(IR_EINVAL, "no point '%.80s' in every run to divide by", reference);
    if (unit) find_reference(f, unit, NULL, key, out->reference);
    out->y = malloc((f->n + 1) * sizeof *out->y);
    if (!out->y) return ir_fail(IR_ENOMEM, "no memory for %zu runs", f->n);
    out->last_s = NAN;
    for (out->n = 0; out->n < f->n; out->n++) {
        const run_file *r = &f->v[out->n];
        double          t = run_log_time(r, key);
        if (!isnan(t)) out->last_s = exp(t);
        out->y[out->n] = *out->reference ? t - run_log_time(r, out->reference) : t;
    }
    out->nchange = ir_changes(out->y, out->n, alpha, delta, out->change, IR_MAX_CHANGES);
    return IR_OK;
}

void series_free(series *s)
{
    free(s->y);
    s->y = NULL;
    s->n = 0;
}

/* ---- why ------------------------------------------------------------------------------------- */
/* Fields that differ from run to run by themselves. */
static bool restless(const char *key)
{
    static const char *const names[] = {"load_1min", "cpu_cur_Hz", "clock_cost_s", "clock_resolution_s",
                                        "cgroup_mem_limit_B"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(key, names[i])) return true;
    return !strncmp(key, "pair_ratio", 10);
}

static void series_value(const ir_kv *kv, char *buf, size_t n)
{
    if (!kv || (kv->is_num ? isnan(kv->num) : !*kv->text))
        snprintf(buf, n, "unknown");
    else if (kv->is_num)
        snprintf(buf, n, "%.6g", kv->num);
    else
        snprintf(buf, n, "%.48s", kv->text);
}

static void series_append(char *buf, size_t n, const char *key, const char *was, const char *is)
{
    size_t used = strlen(buf);
    if (used < n) snprintf(buf + used, n - used, "%s%s %s -> %s", used ? "; " : "", key, was, is);
}

static void one_field(const ir_env *a, const ir_env *b, const char *key, char *buf, size_t n)
{
    char was[64], is[64];
    series_value(ir_env_get(a, key), was, sizeof was);
    series_value(ir_env_get(b, key), is, sizeof is);
    if (strcmp(was, is) != 0) series_append(buf, n, key, was, is);
}

void series_cause(const run_files *f, size_t at, char *buf, size_t n)
{
    buf[0] = 0;
    if (at == 0 || at >= f->n) return;
    const ir_record *a = &f->v[at - 1].r, *b = &f->v[at].r;
    for (size_t i = 0; i < b->env.n; i++)
        if (!restless(b->env.v[i].key)) one_field(&a->env, &b->env, b->env.v[i].key, buf, n);
    for (size_t i = 0; i < a->env.n; i++)
        if (!restless(a->env.v[i].key) && !ir_env_get(&b->env, a->env.v[i].key))
            one_field(&a->env, &b->env, a->env.v[i].key, buf, n);
    for (size_t i = 0; i < a->ndevice && i < b->ndevice; i++)
        if (strcmp(a->device[i].driver, b->device[i].driver) != 0)
            series_append(buf, n, "driver", a->device[i].driver, b->device[i].driver);
    if (strcmp(a->tool_version, b->tool_version) != 0)
        series_append(buf, n, "version", a->tool_version, b->tool_version);
    if (strcmp(a->cost_model, b->cost_model) != 0)
        series_append(buf, n, "cost_model", a->cost_model, b->cost_model);
    if (!*buf) snprintf(buf, n, "nothing recorded");
}

const char *runs_unlike(const run_files *f, size_t *at)
{
    static const char *const fields[] = {"cpu_model", "cpu_signature", "cores", "threads", "sockets"};
    for (*at = 1; *at < f->n; ++*at) {
        const ir_record *a = &f->v[0].r, *b = &f->v[*at].r;
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
            char was[64], is[64];
            series_value(ir_env_get(&a->env, fields[i]), was, sizeof was);
            series_value(ir_env_get(&b->env, fields[i]), is, sizeof is);
            if (strcmp(was, is) != 0) return fields[i];
        }
        for (size_t i = 0; i < a->ndevice; i++)
            for (size_t k = 0; k < b->ndevice; k++)
                if (!strcmp(a->device[i].id, b->device[k].id) &&
                    strcmp(a->device[i].name, b->device[k].name) != 0)
                    return "device name";
    }
    return NULL;
}

/* ---- to look at ------------------------------------------------------------------------------ */
void series_spark(const series *s, bool utf8, size_t width, char *buf, size_t n)
{
    static const char *const block[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                        "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const plain[] = {"_", "_", ".", "-", "-", "=", "*", "#"};
    double                   lo = INFINITY, hi = -INFINITY;
    size_t                   from = s->n > width ? s->n - width : 0, used = 0;
    for (size_t i = from; i < s->n; i++) {
        if (isnan(s->y[i])) continue;
        lo = fmin(lo, s->y[i]);
        hi = fmax(hi, s->y[i]);
    }
    buf[0] = 0;
    for (size_t i = from; i < s->n && used + 4 < n; i++) {
        int         level = hi > lo && !isnan(s->y[i]) ? (int)(7.99 * (s->y[i] - lo) / (hi - lo)) : 3;
        const char *c = isnan(s->y[i]) ? " " : utf8 ? block[level] : plain[level];
        used += (size_t)snprintf(buf + used, n - used, "%s", c);
    }
}

/* export_metrics.c -- the newest run as OpenMetrics text, which is also what node_exporter's textfile
 * collector reads. A series a point: its labels say which one in Prometheus' way (workload, kernel, dtype,
 * batch), and `point` is the key as everywhere else. */
#include "bench/gate/export.h"

#include <math.h>
#include <string.h>

typedef struct {
    const ir_record *r;
    char             machine[17]; /* the comparability key */
} metrics_of;

static void metrics_label(FILE *f, const char *name, const char *s, bool first)
{
    fprintf(f, "%s%s=\"", first ? "{" : ",", name);
    export_label_text(f, s);
    fputc('"', f);
}

/* The value of the point's parameter as text; "" where it has none of that name. */
static void metrics_parameter(const ir_point *p, const char *name, char *buf, size_t n)
{
    *buf = 0;
    for (int k = 0; k < p->id.np; k++) {
        if (strcmp(p->id.pname[k], name) != 0) continue;
        if (*p->id.pword[k])
            snprintf(buf, n, "%s", p->id.pword[k]);
        else
            snprintf(buf, n, "%lld", (long long)p->id.p.v[k]);
    }
}

/* energy: its labels say whose joules and by what, so that a series holds no two that cannot be compared. */
static void metrics_sample(FILE *f, const metrics_of *m, const char *metric, const ir_point *p, bool energy,
                           double v)
{
    char key[IR_ID], batch[32], layer[32];
    if (!isfinite(v)) return;
    metrics_parameter(p, "batch", batch, sizeof batch);
    metrics_parameter(p, "layer", layer, sizeof layer);
    fputs(metric, f);
    metrics_label(f, "point", ir_point_key(p, key), true);
    const char *const label[][2] = {{"workload", p->id.workload},
                                    {"kernel", p->id.kernel},
                                    {"backend", p->id.backend},
                                    {"dtype", ir_dtype_name(p->id.p.dtype)},
                                    {"batch", batch},
                                    {"layer", layer},
                                    {"device", p->id.device},
                                    {"machine", m->machine},
                                    {"scope", energy ? p->m.energy.scope : ""},
                                    {"source", energy ? p->m.energy.source : ""}};
    for (size_t i = 0; i < sizeof label / sizeof *label; i++)
        if (*label[i][1]) metrics_label(f, label[i][0], label[i][1], false);
    fprintf(f, "} %.9g\n", v);
}

/* What ran, as labels of a metric that is always 1: to be joined on `machine`. */
static void metrics_info(FILE *f, const metrics_of *m)
{
    static const char *const key[] = {"cpu_model", "compiler", "git_revision", "kernel"};
    fputs(
        "# HELP ironroof_info The run that these figures are of.\n# TYPE ironroof_info gauge\nironroof_info",
        f);
    metrics_label(f, "machine", m->machine, true);
    metrics_label(f, "version", m->r->tool_version, false);
    metrics_label(f, "cost_model", m->r->cost_model, false);
    metrics_label(f, "started", m->r->started, false);
    for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
        const ir_kv *kv = ir_env_get(&m->r->env, key[i]);
        if (kv && *kv->text) metrics_label(f, key[i], kv->text, false);
    }
    for (size_t i = 0; i < m->r->nquality && i < 1; i++)
        metrics_label(f, "quality", ir_quality_name(m->r->quality[i].value), false);
    fputs("} 1\n", f);
}

ir_status export_openmetrics(FILE *f, const export_input *in)
{
    static const struct {
        const char *name, *unit, *help;
    } metric[] = {{"ironroof_time_seconds", "seconds", "Median time of one call."},
                  {"ironroof_time_q25_seconds", "seconds", "Lower quartile of the time of one call."},
                  {"ironroof_flops_per_second", "", "Floating-point operations per second."},
                  {"ironroof_bytes_per_second", "", "Compulsory bytes per second."},
                  {"ironroof_items_per_second", "", "Images, tokens or samples per second."},
                  {"ironroof_mfu_ratio", "", "Share of the peak of arithmetic."},
                  {"ironroof_mbu_ratio", "", "Share of the ceiling of bandwidth."},
                  {"ironroof_energy_joules", "joules", "Energy of one call by a counter."},
                  {"ironroof_point_ok", "", "1: measured and right; 0: wrong or failed."}};
    metrics_of m = {.r = &in->runs->v[in->runs->n - 1].r};
    ir_env_key(&m.r->env, m.machine);
    metrics_info(f, &m);
    for (size_t k = 0; k < sizeof metric / sizeof *metric; k++) {
        fprintf(f, "# HELP %s %s\n# TYPE %s gauge\n", metric[k].name, metric[k].help, metric[k].name);
        if (*metric[k].unit) fprintf(f, "# UNIT %s %s\n", metric[k].name, metric[k].unit);
        for (size_t i = 0; i < m.r->npoint; i++) {
            const ir_point *p = &m.r->point[i];
            const char     *unit;
            double          t = ir_point_time(p), bytes = ir_cost_B(&p->m.cost);
            const double    v[] = {t,
                                p->status == IR_OK ? ir_point_stats(p)->q25 : NAN,
                                p->m.cost.flops > 0 ? p->m.cost.flops / t : NAN,
                                bytes > 0 ? bytes / t : NAN,
                                   ir_point_items(p, &unit) / t,
                                   p->law.mfu,
                                   p->law.mbu,
                                   p->m.joules,
                                   export_class_of_point(p) == EXPORT_OK};
            if (!p->id.for_ceiling && p->status != IR_SKIP)
                metrics_sample(f, &m, metric[k].name, p, !strcmp(metric[k].unit, "joules"), v[k]);
        }
    }
    fputs("# EOF\n", f);
    return IR_OK;
}

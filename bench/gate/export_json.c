/* export_json.c -- Google Benchmark JSON, Bencher Metric Format, github-action-benchmark's custom JSON. */
#include "bench/gate/export.h"

#include <math.h>
#include <string.h>

static const ir_record *export_json_newest(const export_input *in) { return &in->runs->v[in->runs->n - 1].r; }

/* ---- Google Benchmark: runs are repetitions -------------------------------------------------- */
static double env_number(const ir_record *r, const char *key)
{
    const ir_kv *kv = ir_env_get(&r->env, key);
    return kv && kv->is_num ? kv->num : NAN;
}

static void context(FILE *f, const ir_record *r)
{
    double cpus = env_number(r, "threads"), hz = env_number(r, "cpu_max_Hz");
    fputs("  \"context\": {\n    \"date\": ", f);
    export_json_text(f, r->started);
    fputs(",\n    \"host_name\": ", f);
    export_json_text(f, r->ndevice ? r->device[0].name : "");
    fprintf(f, ",\n    \"executable\": \"ironroof\",\n    \"num_cpus\": %d,\n    \"mhz_per_cpu\": %.0f,\n",
            isfinite(cpus) ? (int)cpus : 0, isfinite(hz) ? hz / 1e6 : 0);
    fputs("    \"cpu_scaling_enabled\": false,\n    \"caches\": [],\n    \"library_build_type\": "
          "\"release\"\n  }",
          f);
}

static void gbench_row(FILE *f, const export_input *in, const char *key, size_t family, size_t run)
{
    const ir_point *p = run_point(&in->runs->v[run], key);
    const ir_stats *s = ir_point_stats(p);
    fputs("    {\n      \"name\": ", f);
    export_json_text(f, key);
    fprintf(f,
            ",\n      \"family_index\": %zu,\n      \"per_family_instance_index\": 0,\n      \"run_name\": ",
            family);
    export_json_text(f, key);
    fprintf(f,
            ",\n      \"run_type\": \"iteration\",\n      \"repetitions\": %zu,\n      \"repetition_index\": "
            "%zu,\n      \"threads\": %d,\n",
            in->runs->n, run, p->id.p.threads > 0 ? p->id.p.threads : 1);
    fprintf(f, "      \"iterations\": %zu,\n", s->n * (p->m.reps ? p->m.reps : 1));
    if (export_class_of_point(p) == EXPORT_BROKEN) {
        fputs("      \"error_occurred\": true,\n      \"error_message\": ", f);
        export_json_text(f, *p->reason ? p->reason : ir_status_name(p->status));
        fputs(",\n", f);
    }
    double ns = p->status == IR_OK && isfinite(s->median) ? 1e9 * s->median : 0;
    fprintf(f, "      \"real_time\": %.9g,\n      \"cpu_time\": %.9g,\n      \"time_unit\": \"ns\"", ns, ns);
    double bytes = ir_cost_B(&p->m.cost);
    if (ns > 0 && bytes > 0) fprintf(f, ",\n      \"bytes_per_second\": %.9g", bytes / (1e-9 * ns));
    const char *unit;
    double      items = ir_point_items(p, &unit);
    if (ns > 0 && items > 0)
        fprintf(f, ",\n      \"items_per_second\": %.9g,\n      \"label\": \"%ss\"", items / (1e-9 * ns),
                unit);
    if (ns > 0 && p->m.cost.flops > 0)
        fprintf(f, ",\n      \"flops_per_second\": %.9g", p->m.cost.flops / (1e-9 * ns));
    fputs("\n    }", f);
}

ir_status export_gbench(FILE *f, const export_input *in)
{
    run_keys k;
    bool     first = true;
    if (runs_keys(&in->runs, 1, &k) != IR_OK) return IR_ENOMEM;
    fputs("{\n", f);
    context(f, export_json_newest(in));
    fputs(",\n  \"benchmarks\": [\n", f);
    for (size_t i = 0; i < k.n; i++)
        for (size_t r = 0; r < in->runs->n; r++) {
            const ir_point *p = run_point(&in->runs->v[r], k.v[i]);
            if (!p || p->status == IR_SKIP) continue;
            if (!first) fputs(",\n", f);
            first = false;
            gbench_row(f, in, k.v[i], i, r);
        }
    fputs("\n  ]\n}\n", f);
    run_keys_free(&k);
    return IR_OK;
}

/* Is this point one of the list? Then the comma between it and the one before is written. */
static bool export_json_begin(FILE *f, const ir_point *p, bool *first)
{
    if (p->id.for_ceiling || export_class_of_point(p) != EXPORT_OK) return false;
    if (!*first) fputs(",\n", f);
    *first = false;
    return true;
}

/* ---- Bencher --------------------------------------------------------------------------------- */
static void export_json_measure(FILE *f, const char *name, double v, double lo, double hi)
{
    fprintf(f, "    \"%s\": {\"value\": ", name);
    export_json_number(f, v);
    if (isfinite(lo)) fprintf(f, ", \"lower_value\": %.9g", lo);
    if (isfinite(hi)) fprintf(f, ", \"upper_value\": %.9g", hi);
    fputc('}', f);
}

ir_status export_bmf(FILE *f, const export_input *in)
{
    const ir_record *r = export_json_newest(in);
    bool             first = true;
    fputs("{\n", f);
    for (size_t i = 0; i < r->npoint; i++) {
        const ir_point *p = &r->point[i];
        const ir_stats *s = ir_point_stats(p);
        char            key[IR_ID];
        if (!export_json_begin(f, p, &first)) continue;
        fputs("  ", f);
        export_json_text(f, ir_point_key(p, key));
        fputs(": {\n", f);
        export_json_measure(f, "latency", 1e9 * s->median, 1e9 * s->ci_lo, 1e9 * s->ci_hi);
        double work = p->m.cost.flops > 0 ? p->m.cost.flops : ir_cost_B(&p->m.cost);
        if (work > 0) {
            fputs(",\n", f);
            export_json_measure(f, "throughput", work / s->median, work / s->ci_hi, work / s->ci_lo);
        }
        const char *unit;
        double      items = ir_point_items(p, &unit);
        if (items > 0) {
            fputs(",\n", f);
            export_json_measure(f, "items_per_second", items / s->median, items / s->ci_hi, items / s->ci_lo);
        }
        fputs("\n  }", f);
    }
    fputs("\n}\n", f);
    return IR_OK;
}

/* ---- github-action-benchmark, tool customSmallerIsBetter ------------------------------------- */
ir_status export_gha(FILE *f, const export_input *in)
{
    const ir_record *r = export_json_newest(in);
    bool             first = true;
    fputs("[\n", f);
    for (size_t i = 0; i < r->npoint; i++) {
        const ir_point *p = &r->point[i];
        const ir_stats *s = ir_point_stats(p);
        char            key[IR_ID];
        if (!export_json_begin(f, p, &first)) continue;
        fputs("  {\"name\": ", f);
        export_json_text(f, ir_point_key(p, key));
        fprintf(f, ", \"unit\": \"ns\", \"value\": %.9g", 1e9 * s->median);
        if (isfinite(s->ci_lo)) fprintf(f, ", \"range\": \"%.3g to %.3g\"", 1e9 * s->ci_lo, 1e9 * s->ci_hi);
        const char *unit;
        double      items = ir_point_items(p, &unit);
        fprintf(f, ", \"extra\": \"%zu samples, one process", s->n);
        if (items > 0) fprintf(f, "; %.6g %ss/s", items / s->median, unit);
        fputs("\"}", f);
    }
    fputs("\n]\n", f);
    return IR_OK;
}

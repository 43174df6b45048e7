/* export.c -- see export.h: dispatch, escaping, and the formats with rows: csv, otava. */
#include "bench/gate/export.h"
#include "bench/gate/trace.h"
#include "harness/screen.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* ---- texts ----------------------------------------------------------------------------------- */
/* A character that has a text of its own in some format. */
typedef struct {
    char        c;
    const char *text;
} escape;

/* Writes s, filtered as for a screen; the table ends with {0}. */
static void export_escaped(FILE *f, const char *s, const escape *table)
{
    char c[5];
    while (*s) {
        const escape *e = table;
        s += ir_screen_next(s, c);
        while (e->c && e->c != *c) e++;
        fputs(e->c ? e->text : c, f);
    }
}

void export_json_text(FILE *f, const char *s)
{
    static const escape json[] = {{'"', "\\\""}, {'\\', "\\\\"}, {0}};
    fputc('"', f);
    export_escaped(f, s, json);
    fputc('"', f);
}

void export_json_number(FILE *f, double v)
{
    if (isfinite(v))
        fprintf(f, "%.9g", v);
    else
        fputs("null", f);
}

#define CSV_VERDICTS "point,verdict,confirmed"
#define CSV_RUNS     "started,file,point"

/* A cell that begins like a formula gets an apostrophe before it: a spreadsheet shows it and computes
 * nothing. */
void export_csv_text(FILE *f, const char *s)
{
    static const escape csv[] = {{'"', "\"\""}, {0}};
    bool                formula = *s && strchr("=+-@\t\r", *s), quote = formula || strpbrk(s, ",\"\r\n");
    if (quote) fputc('"', f);
    if (formula) fputc('\'', f);
    export_escaped(f, s, csv);
    if (quote) fputc('"', f);
}

void export_label_text(FILE *f, const char *s)
{
    static const escape label[] = {{'"', "\\\""}, {'\\', "\\\\"}, {0}};
    export_escaped(f, s, label);
}

void export_xml_text(FILE *f, const char *s)
{
    static const escape xml[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {0}};
    export_escaped(f, s, xml);
}

void export_line(FILE *f, const char *s)
{
    static const escape none[] = {{0}};
    export_escaped(f, s, none);
}

void export_markdown_text(FILE *f, const char *s)
{
    static const escape markdown[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'|', "\\|"},
                                      {'`', "\\`"},  {'*', "\\*"},  {'_', "\\_"},   {'[', "\\["},
                                      {']', "\\]"},  {'~', "\\~"},  {'\\', "\\\\"}, {0}};
    export_escaped(f, s, markdown);
}

/* ---- classes --------------------------------------------------------------------------------- */
export_class export_class_of_point(const ir_point *p)
{
    if (p->status == IR_SKIP) return EXPORT_SKIPPED;
    return p->status == IR_OK && ir_point_stats(p)->median > 0 ? EXPORT_OK : EXPORT_BROKEN;
}

export_class export_class_of_verdict(const char *v)
{
    if (!strcmp(v, "REGRESSED")) return EXPORT_RED;
    if (!strcmp(v, "SAME") || !strcmp(v, "IMPROVED") || !strcmp(v, "NOT SLOWER")) return EXPORT_OK;
    return !strcmp(v, "MISSING") || !strcmp(v, "INCORRECT") ? EXPORT_BROKEN : EXPORT_SKIPPED;
}

/* ---- csv ------------------------------------------------------------------------------------- */
static void export_number(FILE *f, double v)
{
    if (isfinite(v))
        fprintf(f, ",%.9g", v);
    else
        fputc(',', f);
}

static void csv_point(FILE *f, const run_file *r, const ir_point *p)
{
    char            key[IR_ID];
    const ir_stats *s = ir_point_stats(p);
    const char     *text[] = {
            r->path,      ir_point_key(p, key),        p->id.backend, p->id.workload, p->id.kernel,
            p->id.device, ir_dtype_name(p->id.p.dtype)};
    double bytes = ir_cost_B(&p->m.cost), t = ir_point_time(p);
    export_csv_text(f, r->r.started);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        fputc(',', f);
        export_csv_text(f, text[i]);
    }
    fprintf(f, ",%d,%s,%s", p->id.p.threads, p->id.cold ? "cold" : "hot", ir_status_name(p->status));
    const double v[] = {
        s->median,           s->ci_lo, s->ci_hi, s->q25, s->min, (double)s->n, p->m.cost.flops, bytes,
        p->m.cost.flops / t, bytes / t};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) export_number(f, v[i]);
    fprintf(f, ",%s", p->law.bound == IR_BOUND_UNKNOWN ? "" : ir_bound_name(p->law.bound));
    const char *unit;
    double      items = ir_point_items(p, &unit);
    export_number(f, items);
    fprintf(f, ",%s", unit);
    export_number(f, items / t);
    fputc('\n', f);
}

ir_status export_csv(FILE *f, const export_input *in)
{
    if (in->cmp->n) {
        fputs(CSV_VERDICTS ",effect,lo,hi,detectable,threshold,old_s,blocks,note\n", f);
        for (size_t i = 0; i < in->cmp->n; i++) {
            const ir_comparison *c = &in->cmp->v[i];
            export_csv_text(f, c->point);
            fputc(',', f);
            export_csv_text(f, c->verdict);
            fprintf(f, ",%d", c->confirmed);
            const double v[] = {expm1(c->effect), expm1(c->lo), expm1(c->hi),     expm1(c->mde),
                                expm1(c->delta),  c->time_s,    (double)c->blocks};
            for (size_t k = 0; k < sizeof v / sizeof *v; k++) export_number(f, v[k]);
            fputc(',', f);
            export_csv_text(f, c->note);
            fputc('\n', f);
        }
        return IR_OK;
    }
    fputs(CSV_RUNS ",backend,workload,kernel,device,dtype,threads,cache,status,median_s,ci_lo_s,ci_"
                   "hi_s,q25_s,min_s,n,flops,"
                   "bytes,flops_per_s,bytes_per_s,bound,items,item_unit,items_per_s\n",
          f);
    for (size_t r = 0; r < in->runs->n; r++)
        for (size_t i = 0; i < in->runs->v[r].r.npoint; i++)
            if (!in->runs->v[r].r.point[i].id.for_ceiling)
                csv_point(f, &in->runs->v[r], &in->runs->v[r].r.point[i]);
    return IR_OK;
}

/* ---- otava: a row per run, a column per point ------------------------------------------------ */
static void column(FILE *f, const char *key)
{
    for (; *key; key++) fputc(isalnum((unsigned char)*key) ? *key : '_', f);
}

ir_status export_otava(FILE *f, const export_input *in)
{
    run_keys k;
    if (runs_keys(&in->runs, 1, &k) != IR_OK) return IR_ENOMEM;
    fputs("time,commit", f);
    for (size_t i = 0; i < k.n; i++) {
        fputc(',', f);
        column(f, k.v[i]);
    }
    fputc('\n', f);
    for (size_t r = 0; r < in->runs->n; r++) {
        const run_file *run = &in->runs->v[r];
        const ir_kv    *rev = ir_env_get(&run->r.env, "git_revision");
        export_csv_text(f, run->r.started);
        fputc(',', f);
        export_csv_text(f, rev && *rev->text ? rev->text : "unknown");
        for (size_t i = 0; i < k.n; i++) { /* Otava takes no empty cell */
            double t = exp(run_log_time(run, k.v[i]));
            if (isfinite(t))
                export_number(f, t);
            else
                fputs(",nan", f);
        }
        fputc('\n', f);
    }
    run_keys_free(&k);
    return IR_OK;
}

/* ---- all ------------------------------------------------------------------------------------- */
/* `mark`: in the beginning of every file of the format. */
static const struct {
    ir_status (*write)(FILE *, const export_input *);
    const char *mark;
} formats[EXPORT_NFORMAT] = {[EXPORT_CSV] = {export_csv, NULL},
                             [EXPORT_GBENCH] = {export_gbench, "\"executable\": \"ironroof\""},
                             [EXPORT_BMF] = {export_bmf, "\"latency\": {\"value\": "},
                             [EXPORT_GHA] = {export_gha, "\"unit\": \"ns\", \"value\": "},
                             [EXPORT_JUNIT] = {export_junit, "<testsuites name=\"ironroof\""},
                             [EXPORT_OPENMETRICS] = {export_openmetrics, "# HELP ironroof_"},
                             [EXPORT_OTAVA] = {export_otava, "time,commit"},
                             [EXPORT_MARKDOWN] = {export_markdown, "### ironroof: "},
                             [EXPORT_TIDY_FORMAT] = {export_tidy, EXPORT_TIDY},
                             [EXPORT_TRACE] = {export_trace, TRACE_MARK}};

const char *export_mark(export_format format, const export_input *in)
{
    if (format == EXPORT_CSV) return in->cmp->n ? CSV_VERDICTS : CSV_RUNS;
    return formats[format].mark;
}

ir_status export_write(FILE *f, export_format format, const export_input *in)
{
    bool verdicts = format == EXPORT_CSV || format == EXPORT_JUNIT || format == EXPORT_MARKDOWN;
    if (in->cmp->n && !verdicts)
        return ir_fail(IR_EINVAL,
                       "this format has no place for verdicts: export them as csv, junit or markdown");
    if (!in->cmp->n && !in->runs->n) return ir_fail(IR_EINVAL, "nothing to export");
    ir_status st = formats[format].write(f, in);
    return st != IR_OK ? st : ferror(f) ? ir_fail(IR_EIO, "the export could not be written") : IR_OK;
}

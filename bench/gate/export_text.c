/* export_text.c -- JUnit XML, Markdown for a job summary, GitHub annotations. */
#include "bench/gate/export.h"

#include <math.h>
#include <string.h>

static const ir_record *export_text_newest(const export_input *in) { return &in->runs->v[in->runs->n - 1].r; }

/* ---- one row of either kind ------------------------------------------------------------------ */
typedef struct {
    char         key[IR_ID], why[IR_WHY + 120];
    double       time_s;
    export_class c;
    const char  *state;
} row;

static void comparison_row(const ir_comparison *c, row *r)
{
    snprintf(r->key, sizeof r->key, "%s", c->point);
    r->time_s = c->time_s;
    r->c = export_class_of_verdict(c->verdict);
    r->state = c->verdict;
    snprintf(r->why, sizeof r->why, "%+.1f %% (%+.1f to %+.1f %%) over %zu blocks%s%s",
             100 * expm1(c->effect), 100 * expm1(c->lo), 100 * expm1(c->hi), c->blocks, *c->note ? ": " : "",
             c->note);
    if (isnan(c->lo)) snprintf(r->why, sizeof r->why, "%s", *c->note ? c->note : "no interval");
}

static void point_row(const ir_point *p, row *r)
{
    ir_point_key(p, r->key);
    r->time_s = ir_point_time(p);
    r->c = export_class_of_point(p);
    r->state = ir_status_name(p->status);
    const char *unit;
    double      rate = ir_point_items(p, &unit) / r->time_s;
    snprintf(r->why, sizeof r->why, "%s", p->reason);
    if (!*p->reason && rate > 0) snprintf(r->why, sizeof r->why, "%.4g %ss/s", rate, unit);
}

/* The i-th row; false: no more. */
static bool row_at(const export_input *in, size_t i, row *r)
{
    if (in->cmp->n) {
        if (i < in->cmp->n) comparison_row(&in->cmp->v[i], r);
        return i < in->cmp->n;
    }
    const ir_record *rec = export_text_newest(in);
    for (size_t k = 0; k < rec->npoint; k++)
        if (!rec->point[k].id.for_ceiling && i-- == 0) return point_row(&rec->point[k], r), true;
    return false;
}

/* ---- JUnit ----------------------------------------------------------------------------------- */
static void testcase(FILE *f, const row *r)
{
    size_t group = strcspn(r->key, ":");
    char   name[IR_ID];
    fputs("    <testcase classname=\"ironroof.", f);
    snprintf(name, sizeof name, "%.*s", (int)group, r->key);
    for (char *c = name; *c; c++)
        if (*c == '/') *c = '.';
    export_xml_text(f, name);
    fputs("\" name=\"", f);
    export_xml_text(f, r->key);
    fprintf(f, "\" time=\"%.9f\"", isfinite(r->time_s) ? r->time_s : 0);
    if (r->c == EXPORT_OK) {
        fputs("/>\n", f);
        return;
    }
    const char *tag = r->c == EXPORT_RED ? "failure" : r->c == EXPORT_BROKEN ? "error" : "skipped";
    fprintf(f, ">\n      <%s message=\"", tag);
    export_xml_text(f, r->state);
    fputs(": ", f);
    export_xml_text(f, r->why);
    fputs("\"/>\n    </testcase>\n", f);
}

ir_status export_junit(FILE *f, const export_input *in)
{
    size_t n = 0, by[4] = {0};
    row    r;
    while (row_at(in, n, &r)) {
        n++;
        by[r.c]++;
    }
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", f);
    fprintf(f, "<testsuites name=\"ironroof\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n", n,
            by[EXPORT_RED], by[EXPORT_BROKEN]);
    fprintf(f, "  <testsuite name=\"%s\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n",
            in->cmp->n ? "comparison" : "points", n, by[EXPORT_RED], by[EXPORT_BROKEN], by[EXPORT_SKIPPED]);
    for (size_t i = 0; row_at(in, i, &r); i++) testcase(f, &r);
    fputs("  </testsuite>\n</testsuites>\n", f);
    return IR_OK;
}

/* ---- Markdown -------------------------------------------------------------------------------- */
/* A key as code where its characters allow that: nothing can be escaped inside. */
static void key_cell(FILE *f, const char *key)
{
    bool code = !strpbrk(key, "`|<>&\\");
    if (code) fputc('`', f);
    if (code)
        export_line(f, key);
    else
        export_markdown_text(f, key);
    if (code) fputc('`', f);
}

/* An upper bound of what one row takes: every character might be escaped. */
static size_t room(const row *r) { return 5 * (strlen(r->key) + strlen(r->why)) + 80; }

ir_status export_markdown(FILE *f, const export_input *in)
{
    size_t used = 400, n = 0, shown = 0;
    row    r;
    char   time[32];
    while (row_at(in, n, &r)) n++;
    fprintf(f, "### ironroof: %zu %s%s\n\n| point | time | %s | |\n|---|---:|---|---|\n", n,
            in->cmp->n ? "comparison" : "point", n == 1 ? "" : "s", in->cmp->n ? "verdict" : "status");
    for (size_t i = 0; row_at(in, i, &r); i++) {
        used += room(&r);
        if (used > EXPORT_MAX_MARKDOWN) break;
        bool bad = r.c == EXPORT_RED || r.c == EXPORT_BROKEN;
        fputs("| ", f);
        key_cell(f, r.key);
        fprintf(f, " | %s | %s", ir_text_scaled(r.time_s, "s", time, sizeof time), bad ? "**" : "");
        export_markdown_text(f, r.state);
        fputs(bad ? "** | " : " | ", f);
        export_markdown_text(f, r.why);
        fputs(" |\n", f);
        shown++;
    }
    if (shown < n) fprintf(f, "\n%zu more rows are in the record.\n", n - shown);
    return IR_OK;
}

/* ---- annotations ----------------------------------------------------------------------------- */
/* GitHub reads %, CR and LF of a message as %25, %0D, %0A; in a property also ':' and ','. */
static void command_text(FILE *f, const char *s, bool property)
{
    for (; *s; s++)
        if (*s == '%' || *s == '\r' || *s == '\n' || (property && (*s == ':' || *s == ',')))
            fprintf(f, "%%%02X", (unsigned char)*s);
        else
            fputc(*s, f);
}

void export_annotations(FILE *f, const export_input *in)
{
    size_t told = 0, more = 0;
    row    r;
    for (size_t i = 0; row_at(in, i, &r); i++) {
        if (r.c != EXPORT_RED && r.c != EXPORT_BROKEN) continue;
        if (told == EXPORT_MAX_ANNOTATIONS) {
            more++;
            continue;
        }
        told++;
        fputs("::error title=ironroof ", f);
        command_text(f, r.state, true);
        fputs("::", f);
        command_text(f, r.key, false);
        fputs(": ", f);
        command_text(f, r.why, false);
        fputc('\n', f);
    }
    if (more) fprintf(stderr, "ironroof: %zu more without an annotation\n", more);
}

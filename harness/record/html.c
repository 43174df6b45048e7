/* html.c -- see html.h. The template is harness/record/page/, embedded at build time; "@@name@@" on a line of
 * its own stands for the part of that name, "@@data@@" for the records. Every '<' inside them is escaped, so
 * that no text of a record can end its script element. */
#include "harness/record/html.h"

#include "harness/record/input.h"
#include "harness/record/record.h"
#include "harness/record/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef IR_HAVE_JANSSON
#include "harness/record/json_in.h"

const char *ir_page_part(const char *name); /* made by cmake/embed.cmake */

/* What the page shows of a point; a run's raw samples would make it twenty times as large. */
static const char *const point_keys[] = {
    "record", "id",          "workload", "family",      "kernel",      "device",      "dtype",  "threads",
    "cache",  "kflags",      "params",   "param_words", "status",      "why",         "time_s", "dev_time_s",
    "flops",  "hops",        "bytes",    "intensity",   "flops_per_s", "bytes_per_s", "level",  "mfu",
    "mbu",    "eta",         "terms_s",  "T_law_s",     "bound",       "bound_p",     "proof",  "withheld",
    "flags",  "for_ceiling", "items",    "item_unit",   "items_per_s"};
static const char *const stats_keys[] = {"median", "ci_lo", "ci_hi"};
enum { PRECISION = 5 };

/* NULL: no memory. */
static json_t *only(const json_t *o, const char *const *keys, size_t n)
{
    json_t *out = json_object();
    for (size_t i = 0; i < n && out; i++) {
        json_t *v = json_object_get(o, keys[i]);
        if (!v || json_is_null(v) || json_object_set(out, keys[i], v) == 0) continue;
        json_decref(out);
        out = NULL;
    }
    return out;
}

static json_t *point(const json_t *o)
{
    json_t *out = only(o, point_keys, sizeof point_keys / sizeof *point_keys);
    for (int i = 0; i < 2 && out; i++) {
        const char   *key = i ? "dev_time_s" : "time_s";
        const json_t *t = json_object_get(out, key);
        if (!json_is_object(t) ||
            json_object_set_new(out, key, only(t, stats_keys, sizeof stats_keys / sizeof *stats_keys)) == 0)
            continue;
        json_decref(out);
        out = NULL;
    }
    return out;
}

static void put_escaped(FILE *f, const char *s)
{
    for (; *s; s++)
        if (*s == '<')
            fputs("\\u003c", f);
        else
            fputc(*s, f);
}

static void put_attribute(FILE *f, const char *s)
{
    for (; *s; s++)
        if (strchr("<>&\"'", *s))
            fprintf(f, "&#%d;", *s);
        else
            fputc(*s, f);
}

/* A ladder's and a latency's points are drawn; the other rows behind the ceilings are not. */
static bool shown(const json_t *o)
{
    const char *w = json_string_value(json_object_get(o, "workload"));
    if (!json_is_true(json_object_get(o, "for_ceiling"))) return true;
    return w && (!strcmp(w, "read") || !strcmp(w, "chase"));
}

/* Long lists that the page does not draw. */
static const struct {
    const char *kind, *key;
} raw[] = {{"fit", "draws"}, {"comparison", "d"}, {"comparison", "blocks_s"}};

/* The unfinished last line that a killed run left is no JSON, and the page goes without it. */
static ir_status put_line(FILE *f, const char *line, size_t n)
{
    json_error_t e;
    bool         nomem;
    json_t      *o = ir_json_load(line, n, 0, &e, &nomem);
    const char  *kind = json_string_value(json_object_get(o, "record"));
    if (nomem) return ir_fail(IR_ENOMEM, "no memory for a line");
    for (size_t i = 0; kind && i < sizeof raw / sizeof *raw; i++)
        if (!strcmp(kind, raw[i].kind)) json_object_del(o, raw[i].key);
    bool    is_point = kind && !strcmp(kind, "point"), wanted = kind && (!is_point || shown(o));
    json_t *slim = !wanted ? NULL : is_point ? point(o) : json_incref(o);
    char   *text = slim ? ir_json_dump(slim, JSON_COMPACT | JSON_REAL_PRECISION(PRECISION)) : NULL;
    if (text) {
        put_escaped(f, text);
        fputc('\n', f);
    }
    ir_status st = wanted && !text ? ir_fail(IR_ENOMEM, "no memory for a line of the page") : IR_OK;
    free(text);
    json_decref(slim);
    json_decref(o);
    return st;
}

/* A page shows only what is valid. */
static ir_status check_record(const char *path)
{
    ir_record r;
    ir_status s = ir_record_read(path, false, &r);
    if (s == IR_OK) ir_record_free(&r);
    return s;
}

static ir_status put_record(FILE *f, const char *path, const char *called, bool own)
{
    ir_status s = own ? IR_OK : check_record(path);
    if (s != IR_OK) return s;
    FILE *in = NULL;
    s = ir_input_open(path, &in);
    if (s != IR_OK) return s;
    const char *name = strrchr(path, '/');
    fputs("<script type=\"application/x-ndjson\" class=\"record\" data-name=\"", f);
    put_attribute(f, called ? called : name ? name + 1 : path);
    fputs("\">\n", f);
    char   *line = NULL;
    size_t  cap = 0;
    ssize_t n;
    errno = 0;
    while (s == IR_OK && (n = getline(&line, &cap, in)) > 0) s = put_line(f, line, (size_t)n);
    if (s == IR_OK && errno == ENOMEM) s = ir_fail(IR_ENOMEM, "no memory for a line");
    if (s != IR_OK) s = ir_fail(s, "%s: %s", path, ir_why());
    free(line);
    bool bad = ferror(in);
    fclose(in);
    fputs("</script>\n", f);
    return s == IR_OK && bad ? ir_fail(IR_EIO, "%s: reading failed", path) : s;
}

static ir_status put_page(FILE *f, const char *const *files, const char *const *names, size_t n, bool own)
{
    ir_status s = IR_OK;
    for (const char *p = ir_page_part("page"); *p && s == IR_OK;) {
        size_t len = strcspn(p, "\n");
        char   name[32] = "";
        if (len > 4 && len < sizeof name && !strncmp(p, "@@", 2))
            snprintf(name, sizeof name, "%.*s", (int)len - 4, p + 2);
        if (!strcmp(name, "data"))
            for (size_t i = 0; i < n && s == IR_OK; i++)
                s = put_record(f, files[i], names ? names[i] : NULL, own);
        else if (*name)
            fputs(ir_page_part(name), f);
        else
            fprintf(f, "%.*s\n", (int)len, p);
        p += len + (p[len] == '\n');
    }
    return s;
}

ir_status ir_html_named(const char *const *files, const char *const *names, size_t n, bool own, bool force,
                        const char *out)
{
    ir_writer *w = NULL;
    if (!strcmp(out, "-")) return put_page(stdout, files, names, n, own); /* which is checked at the end */
    ir_status s = ir_input_not_output(files, n, out);
    if (s == IR_OK) s = ir_may_replace(out, IR_HTML_MARK, force);
    if (s == IR_OK) s = ir_writer_open(out, &w);
    if (s != IR_OK) return s;
    FILE *f = ir_writer_stream(w);
    s = f ? put_page(f, files, names, n, own) : IR_ENOMEM;
    if (s == IR_OK) return ir_writer_commit(&w);
    ir_writer_discard(&w);
    return s;
}
#else
ir_status ir_html_named(const char *const *files, const char *const *names, size_t n, bool own, bool force,
                        const char *out)
{
    (void)files, (void)names, (void)n, (void)own, (void)force;
    return ir_fail(IR_SKIP, "%s: a report needs jansson, and this build has none", out);
}
#endif

ir_status ir_html_report(const char *const *files, size_t n, bool own, bool force, const char *out)
{
    return ir_html_named(files, NULL, n, own, force, out);
}

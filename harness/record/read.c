/* read.c -- a record file line by line. The first line must be a header of a known schema; after it, kinds of
 * line that are not known are passed over. A line that is no JSON is refused, except, when not strict, a last
 * one without its newline: that is what a killed run leaves. Lines are bounded, so that a file that is no
 * record (a device, a core dump) cannot take the memory. */
#include "harness/record/record.h"

#ifdef IR_HAVE_JANSSON
#include "harness/record/input.h"
#include "harness/record/json_in.h"
#include "harness/record/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_B = 256 << 20, CHUNK_B = 1 << 16 };

/* ---- one line -------------------------------------------------------------------------------- */
static const struct {
    const char *kind;
    ir_status (*read)(ir_reader *, const json_t *);
} kinds[] = {{"header", ir_read_header},   {"machine", ir_read_machine},
             {"ceiling", ir_read_ceiling}, {"point", ir_read_point},
             {"fit", ir_read_fit},         {"verdict", ir_read_verdict},
             {"quality", ir_read_quality}, {"energy-fit", ir_read_energy_fit},
             {"series", ir_read_series}};

static ir_status read_object(ir_reader *r, const json_t *o)
{
    const char *kind;
    ir_status   s = ir_read_text(r, o, "record", &kind);
    if (s != IR_OK) return s;
    if (!kind) return ir_read_fail(r, "record", "missing: every line names its kind");
    if (r->out->nheader == 0 && strcmp(kind, "header") != 0)
        return ir_read_fail(r, "record", "'%.40s' before the header: not a record of this program", kind);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kind, kinds[i].kind)) return kinds[i].read(r, o);
    return IR_OK; /* a kind of a later version */
}

static bool is_blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r') return false;
    return true;
}

static ir_status read_line(ir_reader *r, const char *s, size_t n, bool complete)
{
    json_error_t e;
    r->line++;
    if (is_blank(s, n)) return IR_OK;
    bool    nomem;
    json_t *o = ir_json_load(s, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e, &nomem);
    if (nomem) return ir_read_nomem(r);
    if (!o && !complete && !r->strict) {
        r->out->truncated = true;
        return IR_OK;
    }
    if (!o)
        return ir_read_fail(r, NULL, "column %d: %s: %s", e.column,
                            complete ? "not JSON" : "the line is cut off", e.text);
    ir_status st = json_is_object(o) ? read_object(r, o) : ir_read_fail(r, NULL, "a line must be an object");
    json_decref(o);
    r->out->nline++;
    return st;
}

/* ---- all lines ------------------------------------------------------------------------------- */
static void read_begin(ir_reader *r, const char *name, bool strict, ir_record *out)
{
    memset(out, 0, sizeof *out);
    ir_ceilings_init(&out->ceilings);
    ir_env_init(&out->env);
    *r = (ir_reader){.name = name, .strict = strict, .out = out};
}

static ir_status read_finish(ir_reader *r, ir_status s)
{
    bool unbegun = s == IR_OK && r->out->nheader == 0;
    if (unbegun)
        s = r->line == 0 ? ir_fail(IR_EINVAL, "%s: empty: not a record", r->name)
                         : ir_fail(IR_EINVAL, "%s:%zu: no header line: not a record", r->name, r->line);
    if (s != IR_OK) ir_record_free(r->out);
    r->out->unbegun = unbegun;
    return s;
}

ir_status ir_record_parse(const char *name, const char *text, size_t n, bool strict, ir_record *out)
{
    ir_reader r;
    ir_status s = IR_OK;
    read_begin(&r, name, strict, out);
    for (const char *end = text + n; text < end && s == IR_OK;) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        s = read_line(&r, text, (size_t)((nl ? nl : end) - text), nl != NULL);
        text = nl ? nl + 1 : end;
    }
    return read_finish(&r, s);
}

typedef struct {
    char  *v;
    size_t n, cap, scanned;
} buffer; /* scanned: bytes known to hold no newline */

/* Lines that are complete; the rest moves to the front. */
static ir_status read_complete(ir_reader *r, buffer *b)
{
    ir_status s = IR_OK;
    size_t    from = 0;
    for (char *nl; s == IR_OK && (nl = memchr(b->v + b->scanned, '\n', b->n - b->scanned));) {
        size_t end = (size_t)(nl - b->v);
        s = read_line(r, b->v + from, end - from, true);
        from = b->scanned = end + 1;
    }
    memmove(b->v, b->v + from, b->n - from);
    b->n -= from;
    b->scanned = b->n;
    return s;
}

static ir_status read_make_room(ir_reader *r, buffer *b)
{
    if (b->cap - b->n >= CHUNK_B) return IR_OK;
    if (b->n > LINE_MAX_B)
        return ir_fail(IR_EINVAL, "%s:%zu: longer than %d MiB: not a record", r->name, r->line + 1,
                       LINE_MAX_B >> 20);
    size_t cap = 2 * b->cap + CHUNK_B;
    char  *v = realloc(b->v, cap);
    if (!v) return ir_fail(IR_ENOMEM, "%s:%zu: no memory for it", r->name, r->line + 1);
    b->v = v;
    b->cap = cap;
    return IR_OK;
}

static ir_status read_stream(ir_reader *r, FILE *f)
{
    buffer    b = {NULL, 0, 0, 0};
    ir_status s;
    for (;;) {
        s = read_make_room(r, &b);
        if (s != IR_OK) break;
        size_t got = fread(b.v + b.n, 1, CHUNK_B, f);
        if (got == 0) break;
        b.n += got;
        s = read_complete(r, &b);
        if (s != IR_OK) break;
    }
    if (s == IR_OK && ferror(f)) s = ir_fail(IR_EIO, "%s: %s", r->name, strerror(errno));
    if (s == IR_OK && b.n > 0) s = read_line(r, b.v, b.n, false);
    free(b.v);
    return s;
}

ir_status ir_record_read(const char *path, bool strict, ir_record *out)
{
    ir_reader r;
    read_begin(&r, ir_input_name(path), strict, out);
    FILE     *f = NULL;
    ir_status s = ir_input_open(path, &f);
    if (s == IR_OK) s = read_stream(&r, f);
    if (f) fclose(f);
    return read_finish(&r, s);
}
#else
typedef int ir_no_reader; /* record.c answers */
#endif

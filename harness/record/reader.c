/* reader.c -- where the reader stands in a record file, and how it complains. */
#include "harness/record/record.h"

#ifdef IR_HAVE_JANSSON
#include "harness/record/read.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void printable(char *s)
{
    for (size_t n = strlen(s); n > 0;) {
        size_t len = ir_utf8_length(s, n);
        if (len == 0 || (unsigned char)*s < 0x20 || *s == 0x7F) *s = '?';
        s += len ? len : 1;
        n -= len ? len : 1;
    }
}

ir_status ir_read_fail(ir_reader *r, const char *field, const char *fmt, ...)
{
    char    what[256], path[160] = "";
    size_t  n = 0;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    for (int i = 0; i <= r->depth && n < sizeof path; i++) {
        const char *part = i < r->depth ? r->path[i] : field;
        if (part) n += (size_t)snprintf(path + n, sizeof path - n, "%s%s", n ? "." : "", part);
    }
    printable(what);
    printable(path);
    return ir_fail(IR_EINVAL, "%s:%zu: %s%s%s", r->name, r->line, path, *path ? ": " : "", what);
}

void ir_read_enter(ir_reader *r, const char *field)
{
    if (r->depth < IR_READ_DEPTH) r->path[r->depth++] = field;
}

void ir_read_leave(ir_reader *r)
{
    if (r->depth > 0) r->depth--;
}

ir_status ir_read_grow(ir_reader *r, void *parray, size_t n, size_t size)
{
    void *v;
    if (n & (n - 1)) return IR_OK; /* full only at 0 and at powers of two */
    memcpy(&v, parray, sizeof v);
    v = realloc(v, (n ? 2 * n : 1) * size);
    if (!v) return ir_read_nomem(r);
    memcpy(parray, &v, sizeof v);
    return IR_OK;
}

ir_status ir_read_nomem(ir_reader *r)
{
    return ir_fail(IR_ENOMEM, "%s:%zu: no memory for it", r->name, r->line);
}
#endif

/* flat.c -- see flat.h. Refuses files that are not small. */
#include "harness/record/flat.h"

#ifdef IR_HAVE_JANSSON
#include "harness/record/json_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 160, DEPTH = 8, MOST_B = 1 << 20 };
typedef struct {
    ir_flat_visit *visit;
    void          *arg;
    char           path[PATH];
} walker;

static ir_status leaf(walker *w, const json_t *v)
{
    if (json_is_number(v)) return w->visit(w->arg, w->path, json_number_value(v), NULL);
    if (json_is_string(v)) return w->visit(w->arg, w->path, 0, json_string_value(v));
    return ir_fail(IR_EINVAL, "%s: a number or a text expected", w->path);
}

static ir_status walk(walker *w, json_t *v, int depth);

/* One member or element: its name goes onto the path and off again. */
static ir_status flat_step(walker *w, json_t *v, int depth, const char *form, const char *key, size_t at)
{
    size_t n = strlen(w->path);
    int    used =
        key ? snprintf(w->path + n, PATH - n, form, key) : snprintf(w->path + n, PATH - n, "[%zu]", at);
    ir_status st = (size_t)used < PATH - n ? walk(w, v, depth)
                                           : ir_fail(IR_EINVAL, "%.60s...: the path is too long", w->path);
    w->path[n] = '\0';
    return st;
}

static ir_status walk(walker *w, json_t *v, int depth)
{
    const char *key;
    json_t     *e;
    size_t      i;
    ir_status   st = IR_OK;
    if (depth > DEPTH) return ir_fail(IR_EINVAL, "%s: nested too deep", w->path);
    if (!json_is_object(v) && !json_is_array(v)) return leaf(w, v);
    if (depth > 0 && json_object_size(v) + json_array_size(v) == 0)
        return ir_fail(IR_EINVAL, "%s: empty", w->path);
    json_object_foreach(v, key, e)
    {
        if (st == IR_OK) st = flat_step(w, e, depth + 1, *w->path ? ".%s" : "%s", key, 0);
    }
    json_array_foreach(v, i, e)
    {
        if (st == IR_OK) st = flat_step(w, e, depth + 1, NULL, NULL, i);
    }
    return st;
}

static ir_status flat_load(const char *file, char **text, size_t *n)
{
    FILE *f = fopen(file, "rb");
    if (!f) return ir_fail(IR_EIO, "%s: %s", file, strerror(errno));
    *text = malloc(MOST_B);
    *n = *text ? fread(*text, 1, MOST_B, f) : 0;
    bool bad = ferror(f);
    fclose(f);
    if (!*text) return ir_fail(IR_ENOMEM, "%s: no memory for it", file);
    if (bad) return ir_fail(IR_EIO, "%s: reading failed", file);
    return *n < MOST_B ? IR_OK : ir_fail(IR_EINVAL, "%s: more than 1 MB", file);
}

ir_status ir_flat_text(const char *file, const char *text, size_t n, ir_flat_visit *visit, void *arg)
{
    walker       w = {.visit = visit, .arg = arg};
    json_error_t e;
    bool         nomem;
    json_t      *v = ir_json_load(text, n, JSON_REJECT_DUPLICATES, &e, &nomem);
    ir_status    st = v       ? IR_OK
                      : nomem ? ir_fail(IR_ENOMEM, "%s: no memory for it", file)
                              : ir_fail(IR_EINVAL, "%s:%d: %s", file, e.line, e.text);
    if (st == IR_OK && !json_is_object(v)) st = ir_fail(IR_EINVAL, "%s: a JSON object expected", file);
    if (st == IR_OK) {
        st = walk(&w, v, 0);
        if (st != IR_OK) {
            char why[IR_WHY];
            snprintf(why, sizeof why, "%s", ir_why());
            st = ir_fail(st, "%s: %s", file, why);
        }
    }
    json_decref(v);
    return st;
}

ir_status ir_flat_read(const char *file, ir_flat_visit *visit, void *arg)
{
    char     *text = NULL;
    size_t    n = 0;
    ir_status st = flat_load(file, &text, &n);
    if (st == IR_OK) st = ir_flat_text(file, text, n, visit, arg);
    free(text);
    return st;
}
#else
ir_status ir_flat_text(const char *file, const char *text, size_t n, ir_flat_visit *visit, void *arg)
{
    (void)text, (void)n;
    return ir_flat_read(file, visit, arg);
}

ir_status ir_flat_read(const char *file, ir_flat_visit *visit, void *arg)
{
    (void)visit, (void)arg;
    return ir_fail(IR_SKIP, "%s: cannot be read: built without jansson", file);
}
#endif

/* json_in.c -- see json_in.h. */
#ifdef IR_HAVE_JANSSON
#include "harness/record/json_in.h"

#include <stdlib.h>

static _Thread_local bool json_in_short;

static void *json_in_malloc(size_t n)
{
    void *p = malloc(n);
    json_in_short = json_in_short || !p;
    return p;
}

static void json_in_watch(void)
{
    json_set_alloc_funcs(json_in_malloc, free);
    json_in_short = false;
}

/* The reader drops a byte of a text that has no room, and goes on: what was read then is not what is there.
 */
static json_t *json_in_checked(json_t *o, bool *nomem)
{
    *nomem = json_in_short;
    if (!json_in_short) return o;
    json_decref(o);
    return NULL;
}

json_t *ir_json_load(const char *s, size_t n, size_t flags, json_error_t *e, bool *nomem)
{
    json_in_watch();
    return json_in_checked(json_loadb(s, n, flags, e), nomem);
}

json_t *ir_json_load_file(FILE *f, size_t flags, json_error_t *e, bool *nomem)
{
    json_in_watch();
    return json_in_checked(json_loadf(f, flags, e), nomem);
}

char *ir_json_dump(const json_t *o, size_t flags)
{
    json_in_watch();
    char *text = json_dumps(o, flags);
    if (!json_in_short) return text;
    free(text);
    return NULL;
}
#else
typedef int ir_no_json_in;
#endif

/* json_in.c -- see json_in.h. */
#ifdef IR_HAVE_JANSSON
#include "harness/record/json_in.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local bool json_in_short;

/* Where a word's last letter finds no room the library asserts that it does. So it always finds some, from a
 * reserve, and the text ends for it soon after: STEP bytes of text take a small part of the reserve. */
enum { RESERVE = 1 << 16, STEP = 64, ALIGNED = 16 };
static _Alignas(ALIGNED) char reserve[RESERVE];
static atomic_size_t reserve_used; /* by texts that were not read: it is never given back */

static void *json_in_reserve(size_t n)
{
    if (n > RESERVE) return NULL;
    n = (n + ALIGNED - 1) / ALIGNED * ALIGNED;
    size_t at = atomic_load(&reserve_used);
    while (n <= RESERVE - at)
        if (atomic_compare_exchange_weak(&reserve_used, &at, at + n)) return reserve + at;
    return NULL;
}

static void *json_in_malloc(size_t n)
{
    void *p = malloc(n);
    if (p) return p;
    json_in_short = true;
    return json_in_reserve(n);
}

static void json_in_free(void *p)
{
    if ((uintptr_t)p - (uintptr_t)reserve >= RESERVE) free(p);
}

static void json_in_watch(void)
{
    json_set_alloc_funcs(json_in_malloc, json_in_free);
    json_in_short = false;
}

typedef struct {
    const char *s; /* or NULL */
    size_t      n;
    FILE       *f;
} json_in_text;

static size_t json_in_more(void *to, size_t room, void *arg)
{
    json_in_text *t = arg;
    size_t        n = room < STEP ? room : STEP;
    if (json_in_short) return 0;
    if (t->f) return (n = fread(to, 1, n, t->f)) == 0 && ferror(t->f) ? (size_t)-1 : n;
    if (n > t->n) n = t->n;
    if (n == 0) return 0;
    memcpy(to, t->s, n);
    t->s += n;
    t->n -= n;
    return n;
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
    json_in_text t = {.s = s, .n = n};
    json_in_watch();
    return json_in_checked(json_load_callback(json_in_more, &t, flags, e), nomem);
}

json_t *ir_json_load_file(FILE *f, size_t flags, json_error_t *e, bool *nomem)
{
    json_in_text t = {.f = f};
    json_in_watch();
    return json_in_checked(json_load_callback(json_in_more, &t, flags, e), nomem);
}

char *ir_json_dump(const json_t *o, size_t flags)
{
    json_in_watch();
    char *text = json_dumps(o, flags);
    if (!json_in_short) return text;
    json_in_free(text);
    return NULL;
}
#else
typedef int ir_no_json_in;
#endif

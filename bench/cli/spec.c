/* spec.c -- WORKLOAD[:key=list...] taken apart. A comma-separated item without '=' belongs to the list of the
 * key before it. */
#include "bench/cli/spec.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CANDIDATES = 256 };

int cli_param_index(const ir_workload *w, const char *name)
{
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (!strcmp(w->param[i], name)) return i;
    return -1;
}

static ir_status unknown_key(const ir_workload *w, const char *key)
{
    const char *names[IR_MAX_PARAMS + 2];
    char        kind[64];
    size_t      n = 0, which;
    if (!strcmp(key, "cache"))
        return ir_fail(IR_EINVAL, "%s: 'cache' is no key; use --hot and --cold", w->name);
    while (n < IR_MAX_PARAMS && w->param[n]) {
        names[n] = w->param[n];
        n++;
    }
    names[n++] = "dtype";
    names[n++] = "threads";
    snprintf(kind, sizeof kind, "key of '%s':", w->name);
    return cli_choose(kind, key, names, n, &which);
}

static ir_status spec_set_dtypes(const ir_workload *w, const char *list, cli_spec *out)
{
    char      has[64];
    size_t    used = 0;
    ir_status st = cli_dtypes_parse(list, &out->dtypes);
    if (st != IR_OK) return st;
    has[0] = 0;
    for (int t = 0; t < IR_NDTYPE; t++)
        if (w->dtypes >> t & 1)
            used += (size_t)snprintf(has + used, sizeof has - used, " %s", ir_dtype_name((ir_dtype)t));
    for (size_t i = 0; i < out->dtypes.n; i++)
        if (!(w->dtypes >> out->dtypes.v[i] & 1))
            return ir_fail(IR_EINVAL, "it has no dtype '%s' (it has%s)", ir_dtype_name(out->dtypes.v[i]),
                           has);
    return IR_OK;
}

/* A list of words: their indices. */
static ir_status set_words(const ir_workload *w, int k, const char *list, cli_axis *axis)
{
    cli_names   given = {.n = 0};
    const char *names[MAX_CANDIDATES], *kind = w->param[k];
    size_t      n = 0, at;
    ir_status   st = cli_names_parse(list, &given);
    while (n < MAX_CANDIDATES && w->word[k][n]) {
        names[n] = w->word[k][n];
        n++;
    }
    for (size_t i = 0; i < given.n && st == IR_OK; i++) {
        char number[24];
        st = cli_choose(kind, given.v[i], names, n, &at);
        if (st != IR_OK) break;
        snprintf(number, sizeof number, "%zu", at);
        st = cli_axis_parse(number, 0, (int64_t)n - 1, axis);
    }
    return st;
}

static ir_status set_key(const ir_workload *w, const char *key, const char *list, cli_spec *out)
{
    int       k = cli_param_index(w, key);
    bool      dtype = !strcmp(key, "dtype"), threads = !strcmp(key, "threads");
    cli_axis *axis = threads ? &out->threads : k >= 0 ? &out->param[k] : NULL;
    ir_status st;
    if (!axis && !dtype) return unknown_key(w, key);
    if (dtype ? out->dtype_keyed : axis->n > 0)
        return ir_fail(IR_EINVAL, "%s: the key '%s' is given twice", w->name, key);
    if (!*list) return ir_fail(IR_EINVAL, "%s: '%s=' has no value", w->name, key);
    if (dtype)
        st = spec_set_dtypes(w, list, out);
    else if (k >= 0 && !threads && w->word[k])
        st = set_words(w, k, list, axis);
    else
        st = threads ? cli_axis_parse(list, 1, CLI_MAX_THREADS, axis)
                     : cli_axis_parse(list, INT64_MIN, INT64_MAX, axis);
    out->dtype_keyed |= dtype;
    out->keyed = true;
    return st == IR_OK ? st : ir_fail(st, "%s: %s: %s", w->name, key, ir_why());
}

/* Cut the list at `s` off before the key that follows it; that key, or NULL at the end. */
static char *cut_list(char *s)
{
    char *equals = strchr(s, '='), *p = equals;
    while (p && p > s && *p != ',') p--;
    if (!p || *p != ',') return NULL; /* the last list, or m=1=2, whose value then says what is wrong */
    *p = 0;
    return p + 1;
}

ir_status cli_spec_parse(const ir_workload *w, const char *text, cli_spec *out)
{
    *out = (cli_spec){0};
    if (!text) return IR_OK;
    if (!*text) return ir_fail(IR_EINVAL, "%s: a key=value is missing after ':'", w->name);
    size_t    size = strlen(text) + 1;
    char     *copy = malloc(size);
    ir_status st = copy ? IR_OK : ir_fail(IR_ENOMEM, "no memory for '%.60s'", text);
    if (copy) memcpy(copy, text, size);
    for (char *key = copy, *next; key && st == IR_OK; key = next) {
        char *equals = strchr(key, '=');
        next = NULL;
        if (!equals || equals == key || memchr(key, ',', (size_t)(equals - key))) {
            st = ir_fail(IR_EINVAL, "%s: '%.60s' is not key=value", w->name, key);
            break;
        }
        *equals = 0;
        next = cut_list(equals + 1);
        st = set_key(w, key, equals + 1, out);
    }
    free(copy);
    if (st != IR_OK) cli_spec_free(out);
    return st;
}

void cli_spec_free(cli_spec *s)
{
    for (int i = 0; i < IR_MAX_PARAMS; i++) cli_axis_free(&s->param[i]);
    cli_axis_free(&s->threads);
}

/* ---- names ----------------------------------------------------------------------------------- */
static void spec_add_name(const char **names, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (!strcmp(names[i], name)) return;
    if (*n < MAX_CANDIDATES) names[(*n)++] = name;
}

static ir_status unknown_workload(const ir_workload *const *table, const char *name)
{
    const char *names[MAX_CANDIDATES], *slash = strchr(name, '/');
    size_t      n = 0, which;
    if (slash)
        return ir_fail(IR_EINVAL,
                       "'%.60s' is not a workload; name the part '%.*s' and add --filter '^%.60s$'", name,
                       (int)strcspn(slash + 1, "/"), slash + 1, name);
    for (const ir_workload *const *w = table; *w; w++) spec_add_name(names, &n, (*w)->name);
    for (const ir_workload *const *w = table; *w; w++) spec_add_name(names, &n, (*w)->family);
    return cli_choose("workload", name, names, n, &which);
}

ir_status cli_workloads_find(const ir_workload *const *table, const char *name, const ir_workload **sel,
                             size_t *n)
{
    *n = 0;
    for (size_t i = 0; table[i] && *n == 0; i++)
        if (!strcmp(table[i]->name, name)) sel[(*n)++] = table[i];
    if (*n) return IR_OK;
    for (size_t i = 0; table[i]; i++)
        if (!table[i]->by_name && !strcmp(table[i]->family, name)) sel[(*n)++] = table[i];
    return *n ? IR_OK : unknown_workload(table, name);
}

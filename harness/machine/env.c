/* env.c -- the environment record: a list of key and value, and what makes two of them comparable.
 * Unknown equals unknown; a known value differs from an unknown or missing one. */
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ir_env_init(ir_env *e) { memset(e, 0, sizeof *e); }

void ir_env_free(ir_env *e)
{
    free(e->v);
    ir_env_init(e);
}

uint64_t ir_fnv1a(uint64_t h, const char *s)
{
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001B3u;
    return h;
}

const ir_kv *ir_env_get(const ir_env *e, const char *key)
{
    for (size_t i = 0; i < e->n; i++)
        if (!strcmp(e->v[i].key, key)) return &e->v[i];
    return NULL;
}

ir_status ir_env_reserve(ir_env *e, size_t cap)
{
    if (cap <= e->cap) return IR_OK;
    ir_kv *more = realloc(e->v, cap * sizeof *more);
    if (!more) return ir_fail(IR_ENOMEM, "no memory for the environment record");
    e->v = more;
    e->cap = cap;
    return IR_OK;
}

/* The entry of `key`, emptied; appended if new. */
static ir_status entry(ir_env *e, const char *key, bool compare, ir_kv **out)
{
    ir_kv *kv = NULL;
    if (!*key || strlen(key) >= sizeof kv->key)
        return ir_fail(IR_EINVAL, "environment key '%s': 1 to %zu characters are possible", key,
                       sizeof kv->key - 1);
    for (size_t i = 0; i < e->n && !kv; i++)
        if (!strcmp(e->v[i].key, key)) kv = &e->v[i];
    if (!kv) {
        ir_status s = e->n == e->cap ? ir_env_reserve(e, e->cap ? 2 * e->cap : 64) : IR_OK;
        if (s != IR_OK) return s;
        kv = &e->v[e->n++];
    }
    memset(kv, 0, sizeof *kv);
    memcpy(kv->key, key, strlen(key));
    kv->compare = compare;
    kv->num = NAN;
    *out = kv;
    return IR_OK;
}

ir_status ir_env_num(ir_env *e, const char *key, double value, bool compare)
{
    ir_kv    *kv;
    ir_status s = entry(e, key, compare, &kv);
    if (s != IR_OK) return s;
    kv->is_num = true;
    kv->num = value;
    return IR_OK;
}

ir_status ir_env_text(ir_env *e, const char *key, const char *value, bool compare)
{
    ir_kv    *kv;
    ir_status s = entry(e, key, compare, &kv);
    if (s != IR_OK) return s;
    size_t n = strlen(value), max = sizeof kv->text - 1;
    if (n <= max) {
        memcpy(kv->text, value, n);
        return IR_OK;
    }
    /* Cut, but two long values that differ in the tail must still differ. */
    size_t keep = max - 20;
    while (keep > 0 && ((unsigned char)value[keep] & 0xC0) == 0x80) keep--; /* not inside a UTF-8 character */
    memcpy(kv->text, value, keep);
    snprintf(kv->text + keep, sizeof kv->text - keep, "...%016llx",
             (unsigned long long)ir_fnv1a(IR_FNV1A, value));
    return IR_OK;
}

static bool env_known(const ir_kv *kv) { return kv && (kv->is_num ? !isnan(kv->num) : kv->text[0] != 0); }

static bool same(const ir_kv *a, const ir_kv *b)
{
    if (!env_known(a) || !env_known(b)) return env_known(a) == env_known(b);
    if (a->is_num != b->is_num) return false;
    return a->is_num ? a->num == b->num : !strcmp(a->text, b->text);
}

const char *ir_env_differs(const ir_env *a, const ir_env *b)
{
    const ir_env *side[] = {a, b};
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < side[s]->n; i++) {
            const ir_kv *kv = &side[s]->v[i];
            if (kv->compare && !same(kv, ir_env_get(side[1 - s], kv->key))) return kv->key;
        }
    return NULL;
}

static int env_by_key(const void *a, const void *b)
{
    return strcmp((*(const ir_kv *const *)a)->key, (*(const ir_kv *const *)b)->key);
}

void ir_env_key(const ir_env *e, char out[17])
{
    uint64_t      h = IR_FNV1A;
    size_t        n = 0;
    const ir_kv **v = malloc((e->n + 1) * sizeof *v);
    if (!v) ir_left_out("the comparability key");
    for (size_t i = 0; v && i < e->n; i++)
        if (e->v[i].compare && env_known(&e->v[i])) v[n++] = &e->v[i];
    if (n) qsort(v, n, sizeof *v, env_by_key);
    for (size_t i = 0; i < n; i++) {
        char num[40];
        snprintf(num, sizeof num, "%.17g", v[i]->num);
        h = ir_fnv1a(ir_fnv1a(h, v[i]->key), "=");
        h = ir_fnv1a(ir_fnv1a(h, v[i]->is_num ? num : v[i]->text), "\n");
    }
    snprintf(out, 17, "%016llx", (unsigned long long)(v ? h : 0));
    free(v);
}

/* keys.c -- see keys.h. Open addressing over a table at most half full. */
#include "harness/record/keys.h"

#include <stdlib.h>
#include <string.h>

static size_t keys_place(const ir_keys *k, const char *key)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (const char *s = key; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    size_t at = (size_t)(h ^ h >> 32) & (k->nslot - 1);
    while (k->slot[at] && strcmp(k->v[k->slot[at] - 1].text, key) != 0) at = (at + 1) & (k->nslot - 1);
    return at;
}

ir_key *ir_keys_find(const ir_keys *k, const char *key)
{
    size_t at = k->nslot ? k->slot[keys_place(k, key)] : 0;
    return at ? &k->v[at - 1] : NULL;
}

static ir_status keys_grow(ir_keys *k)
{
    if (k->v && k->n < k->cap) return IR_OK;
    size_t  cap = k->cap ? 2 * k->cap : 64;
    ir_key *v = realloc(k->v, cap * sizeof *v);
    if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu keys", cap);
    k->v = v;
    size_t *slot = calloc(2 * cap, sizeof *slot);
    if (!slot) return ir_fail(IR_ENOMEM, "no memory for %zu keys", cap);
    free(k->slot);
    k->slot = slot;
    k->nslot = 2 * cap;
    k->cap = cap;
    for (size_t i = 0; i < k->n; i++) slot[keys_place(k, v[i].text)] = i + 1;
    return IR_OK;
}

ir_status ir_keys_add(ir_keys *k, const char *key, size_t value, ir_key **out)
{
    ir_key   *e = ir_keys_find(k, key);
    ir_status st = e ? IR_OK : keys_grow(k);
    if (!e && st == IR_OK) {
        char *text = strdup(key);
        if (!text) return ir_fail(IR_ENOMEM, "no memory for a key");
        e = &k->v[k->n++];
        *e = (ir_key){text, value};
        k->slot[keys_place(k, key)] = k->n;
    }
    if (out) *out = e;
    return st;
}

void ir_keys_free(ir_keys *k)
{
    for (size_t i = 0; i < k->n; i++) free(k->v[i].text);
    free(k->v);
    free(k->slot);
    *k = (ir_keys){0};
}

const char *ir_keys_point(const ir_point *p, const char *device, bool for_ceiling, char buf[IR_POINT_KEY])
{
    char key[IR_ID];
    snprintf(buf, IR_POINT_KEY, "%c%.64s %s", for_ceiling ? '=' : '-', device, ir_point_key(p, key));
    return buf;
}

ir_status ir_keys_points(ir_keys *k, const ir_point *p, size_t n)
{
    ir_status st = IR_OK;
    char      key[IR_POINT_KEY];
    for (size_t i = 0; i < n && st == IR_OK; i++)
        if (p[i].status != IR_EINTR)
            st = ir_keys_add(k, ir_keys_point(&p[i], p[i].id.device, p[i].id.for_ceiling, key), i, NULL);
    return st;
}

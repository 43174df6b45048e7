/* text_find.c -- which ceilings a report shows: of one device, measured ones before any other. */
#include "harness/record/text.h"

#include <string.h>

const ir_ceiling *ir_text_find(const ir_ceilings *cs, const char *device, ir_what what, const char *level,
                               const char *op, ir_dtype dtype, int threads)
{
    const ir_ceiling *best = NULL;
    for (size_t i = 0; i < cs->n; i++) {
        const ir_ceiling *c = &cs->v[i];
        if (c->what != what || c->threads != threads || strcmp(c->device, device) != 0) continue;
        if ((level && strcmp(c->level, level) != 0) || (op && strcmp(c->op, op) != 0)) continue;
        if (dtype != IR_NDTYPE && c->dtype != dtype) continue;
        if (!best || c->source < best->source || (c->source == best->source && c->value > best->value))
            best = c;
    }
    return best;
}

int ir_text_most_threads(const ir_ceilings *cs, const char *device, ir_what what)
{
    int most = -1;
    for (size_t i = 0; i < cs->n; i++)
        if (cs->v[i].what == what && cs->v[i].threads > most && !strcmp(cs->v[i].device, device))
            most = cs->v[i].threads;
    return most;
}

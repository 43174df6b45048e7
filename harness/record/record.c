/* record.c -- a record in memory, and what stands in for the reader in a build without jansson. */
#include "harness/record/record.h"

#include <stdlib.h>
#include <string.h>

void ir_record_free(ir_record *r)
{
    for (size_t i = 0; i < r->npoint; i++) ir_point_free(&r->point[i]);
    free(r->point);
    for (size_t i = 0; i < r->ndevice; i++) ir_env_free(&r->device_env[i]);
    free(r->device_env);
    free(r->device_level_B);
    free(r->device_level_threads);
    free(r->device);
    free(r->fit);
    free(r->verdict);
    free(r->quality);
    free(r->energy_fit);
    free(r->series);
    ir_ceilings_free(&r->ceilings);
    ir_env_free(&r->env);
    memset(r, 0, sizeof *r);
    ir_ceilings_init(&r->ceilings);
    ir_env_init(&r->env);
}

const ir_quality *ir_record_quality(const ir_record *r, const char *device)
{
    const ir_quality *q = NULL; /* the last word counts */
    for (size_t i = 0; i < r->nquality; i++)
        if (!strcmp(r->quality[i].device, device)) q = &r->quality[i];
    return q;
}

#ifndef IR_HAVE_JANSSON
static ir_status cannot(const char *name, ir_record *out)
{
    memset(out, 0, sizeof *out);
    ir_ceilings_init(&out->ceilings);
    ir_env_init(&out->env);
    return ir_fail(IR_SKIP, "%s: records cannot be read: built without jansson (libjansson-dev)", name);
}

ir_status ir_record_parse(const char *name, const char *text, size_t n, bool strict, ir_record *out)
{
    (void)text, (void)n, (void)strict;
    return cannot(name, out);
}

ir_status ir_record_read(const char *path, bool strict, ir_record *out)
{
    (void)strict;
    return cannot(strcmp(path, "-") ? path : "standard input", out);
}
#endif

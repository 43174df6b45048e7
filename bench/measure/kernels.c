/* kernels.c -- see kernels.h. */
#define _GNU_SOURCE
#include "bench/measure/kernels.h"

#include <string.h>

const ir_kernel *backend_kernel(const ir_backend *be, const ir_workload *w, size_t n)
{
    for (const ir_kernel *const *k = be->kernels; *k; k++)
        if ((!strcmp((*k)->family, "*") || !strcmp((*k)->family, w->family)) && n-- == 0) return *k;
    return NULL;
}

const ir_kernel *backend_kernel_named(const ir_backend *be, const ir_workload *w, const char *name)
{
    const ir_kernel *k;
    for (size_t i = 0; (k = backend_kernel(be, w, i)) && strcmp(k->name, name) != 0;) i++;
    return k;
}

static bool device_is_named(const ir_device_info *i, const char *name)
{
    return strcasestr(i->name, name) || !strcmp(i->id, name);
}

ir_status backend_device_named(const ir_backend *be, const char *name, int *index)
{
    enum { MOST = 64 };
    char offered[IR_WHY] = "";
    for (*index = 0; *index < MOST; ++*index) {
        ir_dev         d = {.be = be, .index = *index};
        ir_device_info i;
        ir_status      st = be->open(&d, NULL);
        if (st == IR_OK) st = be->describe(&d, &i);
        be->close(&d);
        if (st == IR_SKIP) break;
        if (st != IR_OK) continue;
        if (device_is_named(&i, name)) return IR_OK;
        size_t n = strlen(offered);
        snprintf(offered + n, sizeof offered - n, "%s%s (%.60s)", n ? ", " : "", i.id, i.name);
    }
    return ir_fail(IR_SKIP, "no device '%.60s': %s offers %s", name, be->name, *offered ? offered : "none");
}

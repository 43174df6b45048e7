/* kernels.c -- see kernels.h. */
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

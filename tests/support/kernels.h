/* kernels.h -- looks up kernels of a backend by name. Include after <cmocka.h>. */
#ifndef TESTS_KERNELS_H
#define TESTS_KERNELS_H
#include "harness/ironroof.h"

#include <string.h>

/* The kernel, or a failed test. */
static inline const ir_kernel *kernel_named(const ir_backend *be, const char *family, const char *name)
{
    for (const ir_kernel *const *k = be->kernels; *k; k++)
        if (!strcmp((*k)->family, family) && !strcmp((*k)->name, name)) return *k;
    fail_msg("no kernel %s/%s/%s", be->name, family, name);
    return NULL;
}
#endif

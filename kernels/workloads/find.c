/* find.c -- see table.h. Apart from table.c, so that a test may bring a table of its own. */
#include "kernels/workloads/table.h"

#include <string.h>

const ir_workload *ir_workload_named(const char *name)
{
    for (const ir_workload *const *w = ir_workloads; *w; w++)
        if (!strcmp((*w)->name, name)) return *w;
    return NULL;
}

int ir_workload_param(const ir_workload *w, const char *name)
{
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (!strcmp(w->param[i], name)) return i;
    return -1;
}

/* find.c -- workloads and their parameters by name, over whichever table bench_workloads is: the program's (tables.c) or a test's. */
#include "bench/tables.h"

#include <string.h>

const ir_workload *bench_workload(const char *name)
{
    for (const ir_workload *const *w = bench_workloads; *w; w++)
        if (!strcmp((*w)->name, name)) return *w;
    return NULL;
}

int bench_param(const ir_workload *w, const char *name)
{
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (!strcmp(w->param[i], name)) return i;
    return -1;
}

/* workload_table.h -- what bench/tables.c offers to the program, over the test's own `table` of workloads, NULL at its end. Include it after
 * that table. */
#ifndef TESTS_WORKLOAD_TABLE_H
#define TESTS_WORKLOAD_TABLE_H
#include "bench/tables.h"

#include <string.h>

const ir_workload *bench_workload(const char *name)
{
    for (const ir_workload *const *w = table; *w; w++)
        if (!strcmp((*w)->name, name)) return *w;
    return NULL;
}
int bench_param(const ir_workload *w, const char *name)
{
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (!strcmp(w->param[i], name)) return i;
    return -1;
}
#endif

/* table.h -- every workload of the program, and workloads and their parameters by name. */
#ifndef WORKLOADS_TABLE_H
#define WORKLOADS_TABLE_H
#include "harness/ironroof.h"
/* NULL-terminated, in report order. The program's is table.c; a test may define its own. */
extern const ir_workload *const ir_workloads[];
const ir_workload              *ir_workload_named(const char *name); /* NULL: none of that name */
/* Index of a workload's parameter; -1: it has none of that name. */
int ir_workload_param(const ir_workload *, const char *name);
#endif

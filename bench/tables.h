/* tables.h -- what the program is composed of: backends, workloads, commands. One line each in tables.c. */
#ifndef BENCH_TABLES_H
#define BENCH_TABLES_H
#include "harness/ironroof.h"
extern const ir_backend *const  bench_backends[];  /* NULL-terminated */
extern const ir_workload *const bench_workloads[]; /* NULL-terminated, in report order */
const ir_backend  *bench_backend(const char *name);  /* NULL: none of that name */
const ir_workload *bench_workload(const char *name); /* NULL: none of that name */
/* Index of a workload's parameter; -1: it has none of that name. */
int  bench_param(const ir_workload *, const char *name);
/* Families whose points the Iron Law is fitted over. */
bool bench_in_law(const char *family);
#endif

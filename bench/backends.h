/* backends.h -- the backends that this build holds. A backend is one directory and one line in backends.c. */
#ifndef BENCH_BACKENDS_H
#define BENCH_BACKENDS_H
#include "harness/ironroof.h"
extern const ir_backend *const bench_backends[];                /* NULL-terminated; the first is the host's */
const ir_backend              *bench_backend(const char *name); /* NULL: none of that name */
#endif

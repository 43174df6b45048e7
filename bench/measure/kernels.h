/* kernels.h -- the kernels of a backend that serve a workload. */
#ifndef BENCH_MEASURE_KERNELS_H
#define BENCH_MEASURE_KERNELS_H
#include "harness/ironroof.h"
/* Return the n-th kernel of a workload in ladder order. NULL: there are no more. */
const ir_kernel *backend_kernel(const ir_backend *, const ir_workload *, size_t n);
/* Find a kernel by name. NULL: there is none. */
const ir_kernel *backend_kernel_named(const ir_backend *, const ir_workload *, const char *name);
#endif

/* kernels.h -- the kernels of a backend that serve a workload, and its devices by name. */
#ifndef BENCH_MEASURE_KERNELS_H
#define BENCH_MEASURE_KERNELS_H
#include "harness/ironroof.h"
/* Return the n-th kernel of a workload in ladder order. NULL: there are no more. */
const ir_kernel *backend_kernel(const ir_backend *, const ir_workload *, size_t n);
/* Find a kernel by name. NULL: there is none. */
const ir_kernel *backend_kernel_named(const ir_backend *, const ir_workload *, const char *name);
/* The first device of the backend whose name holds `name`, or whose id it is. IR_SKIP: there is none;
 * ir_why() lists what is offered. */
ir_status backend_device_named(const ir_backend *, const char *name, int *index);
#endif

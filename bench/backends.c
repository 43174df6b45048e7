/* backends.c -- see backends.h. */
#include "bench/backends.h"
#include "harness/ideal.h"
#include "kernels/cpu/cpu.h"

#include <string.h>

#if IR_HAVE_CUDA
extern const ir_backend cuda_backend; /* its header needs the vendor's */
#endif
#if IR_HAVE_OPENCL
extern const ir_backend ocl_backend;
#endif

const ir_backend *const bench_backends[] = {&cpu_backend,
#if IR_HAVE_CUDA
                                            &cuda_backend,
#endif
#if IR_HAVE_OPENCL
                                            &ocl_backend,
#endif
                                            &ir_ideal_backend, NULL};

const ir_backend *bench_backend(const char *name)
{
    for (const ir_backend *const *b = bench_backends; *b; b++)
        if (!strcmp((*b)->name, name)) return *b;
    return NULL;
}

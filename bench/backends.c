/* backends.c -- see backends.h. */
#include "bench/backends.h"
#include "bench/cli/cli.h"
#include "harness/ideal.h"
#include "kernels/cpu/cpu.h"
#include "kernels/model/model.h"

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
                                            &model_backend, &ir_ideal_backend, NULL};

const ir_backend *bench_backend(const char *name)
{
    char base[IR_NAME];
    cli_backend_file(name, base);
    for (const ir_backend *const *b = bench_backends; *b; b++)
        if (!strcmp((*b)->name, base)) return *b;
    return NULL;
}

/* backends.c -- see backends.h. A backend is a folder of kernels/ and one line of BACKENDS. */
#include "bench/backends.h"
#include "bench/cli/cli.h"

#include <string.h>

#if IR_HAVE_CUDA
#define CUDA(X) X(cuda_backend)
#else
#define CUDA(X)
#endif
#if IR_HAVE_OPENCL
#define OPENCL(X) X(ocl_backend)
#else
#define OPENCL(X)
#endif
#define BACKENDS(X) \
    X(cpu_backend) \
    CUDA(X) \
    OPENCL(X) \
    X(model_backend) \
    X(ir_ideal_backend)

#define DECLARE(name) extern const ir_backend name;
#define LIST(name)    &name,
BACKENDS(DECLARE)
const ir_backend *const bench_backends[] = {BACKENDS(LIST) NULL};

const ir_backend *bench_backend(const char *name)
{
    char base[IR_NAME];
    cli_backend_file(name, base);
    for (const ir_backend *const *b = bench_backends; *b; b++)
        if (!strcmp((*b)->name, base)) return *b;
    return NULL;
}

/* openblas.h -- OpenBLAS, loaded when a kernel first asks for it: loading it starts threads, takes a good
 * part of the address space, and may not come back where a limit leaves too little of that. */
#ifndef CPU_OPENBLAS_H
#define CPU_OPENBLAS_H
#include "harness/machine/machine.h"

/* Version, build options and the kernel set it chose here; "" when built without it, or when it cannot be
 * loaded. Static text. */
const char *cpu_openblas_config(void);

#if IR_HAVE_OPENBLAS
#include <cblas.h>

/* Functions of the library, by their own names below; those that not every build has may be NULL. All are
 * NULL until cpu_openblas_load() has returned IR_OK. */
/* clang-format off */
#define OPENBLAS_NEEDED(X) \
    X(cblas_sgemm) \
    X(cblas_dgemm) \
    X(cblas_sgemv) \
    X(cblas_dgemv) \
    X(openblas_set_num_threads) \
    X(openblas_get_num_threads) \
    X(openblas_get_parallel) \
    X(openblas_get_config)
#define OPENBLAS_OPTIONAL(X) \
    X(cblas_sbgemm) \
    X(cblas_sbgemv)
#define OPENBLAS_FUNCTIONS(X) \
    OPENBLAS_NEEDED(X) \
    OPENBLAS_OPTIONAL(X)
/* clang-format on */
IR_LIBRARY_TABLE(OPENBLAS_FUNCTIONS, cpu_openblas_functions);
extern cpu_openblas_functions cpu_openblas;
/* IR_SKIP: it cannot be loaded here; ir_why() says why. Later calls give the first answer. Any thread. */
ir_status cpu_openblas_load(void);

#define cblas_sgemm              cpu_openblas.cblas_sgemm
#define cblas_dgemm              cpu_openblas.cblas_dgemm
#define cblas_sbgemm             cpu_openblas.cblas_sbgemm
#define cblas_sgemv              cpu_openblas.cblas_sgemv
#define cblas_dgemv              cpu_openblas.cblas_dgemv
#define cblas_sbgemv             cpu_openblas.cblas_sbgemv
#define openblas_set_num_threads cpu_openblas.openblas_set_num_threads
#define openblas_get_num_threads cpu_openblas.openblas_get_num_threads
#define openblas_get_parallel    cpu_openblas.openblas_get_parallel
#define openblas_get_config      cpu_openblas.openblas_get_config
#endif
#endif

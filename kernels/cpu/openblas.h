/* openblas.h -- OpenBLAS, loaded when a kernel first asks for it: loading it starts threads, takes a good
 * part of the address space, and may not come back where a limit leaves too little of that. */
#ifndef CPU_OPENBLAS_H
#define CPU_OPENBLAS_H
#include "harness/ironroof.h"

/* Version, build options and the kernel set it chose here; "" when built without it, or when it cannot be
 * loaded. Static text. */
const char *cpu_openblas_config(void);

#if IR_HAVE_OPENBLAS
#include <cblas.h>

/* Functions of the library, by their own names below; those that not every build has may be NULL. All are
 * NULL until cpu_openblas_load() has returned IR_OK. */
typedef struct {
    __typeof__(cblas_sgemm)              *sgemm;
    __typeof__(cblas_dgemm)              *dgemm;
    __typeof__(cblas_sgemv)              *sgemv;
    __typeof__(cblas_dgemv)              *dgemv;
    __typeof__(openblas_set_num_threads) *set_num_threads;
    __typeof__(openblas_get_num_threads) *get_num_threads;
    __typeof__(openblas_get_parallel)    *get_parallel;
    __typeof__(openblas_get_config)      *get_config;
    __typeof__(cblas_sbgemm)             *sbgemm; /* from here on: may be NULL */
    __typeof__(cblas_sbgemv)             *sbgemv;
} cpu_openblas_functions;
extern cpu_openblas_functions cpu_openblas;
/* IR_SKIP: it cannot be loaded here; ir_why() says why. Later calls give the first answer. Any thread. */
ir_status cpu_openblas_load(void);

#define cblas_sgemm              cpu_openblas.sgemm
#define cblas_dgemm              cpu_openblas.dgemm
#define cblas_sbgemm             cpu_openblas.sbgemm
#define cblas_sgemv              cpu_openblas.sgemv
#define cblas_dgemv              cpu_openblas.dgemv
#define cblas_sbgemv             cpu_openblas.sbgemv
#define openblas_set_num_threads cpu_openblas.set_num_threads
#define openblas_get_num_threads cpu_openblas.get_num_threads
#define openblas_get_parallel    cpu_openblas.get_parallel
#define openblas_get_config      cpu_openblas.get_config
#endif
#endif

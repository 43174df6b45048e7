/* openblas.h -- what the record says of the library. */
#ifndef CPU_OPENBLAS_H
#define CPU_OPENBLAS_H
/* Version, build options and the kernel set it chose here; "" when built without it. Static text. */
const char *cpu_openblas_config(void);
#endif

/* gemv.h -- the per-ISA loops behind the gemv kernel. */
#ifndef CPU_GEMV_H
#define CPU_GEMV_H
#include <stddef.h>
/* y[rows] = W[rows,k] x[k]; anything may start at any byte. */
typedef void (*cpu_gemv_fn)(size_t rows, size_t k, const void *w, const void *x, void *y);
typedef struct {
    cpu_gemv_fn f32, f64, bf16, twice_f32, twice_f64, twice_bf16;
} cpu_gemv_table; /* twice: see wl_gemv_twice */
#endif

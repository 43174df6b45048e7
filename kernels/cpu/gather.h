/* gather.h -- the per-ISA table behind the gather kernels. */
#ifndef CPU_GATHER_H
#define CPU_GATHER_H
#include <stddef.h>
#include <stdint.h>
/* Sum of x[index[i]], i < n. x and index at any byte address. */
typedef double (*cpu_gather_fn)(const void *x, const uint32_t *index, size_t n);
typedef struct {
    cpu_gather_fn fn[2 /* f64, f32 */];
} cpu_gather_table; /* NULL: no gather instruction */
#endif

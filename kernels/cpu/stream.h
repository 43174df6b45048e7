/* stream.h -- the per-ISA table behind the stream kernels. */
#ifndef CPU_STREAM_H
#define CPU_STREAM_H
#include "kernels/workloads/workloads_memory.h"
#include <stddef.h>
#include <stdint.h>

enum { CPU_STORE_REGULAR, CPU_STORE_NT, CPU_NSTORE };
enum { CPU_STREAM_NWAYS = 4 }; /* 1, 2, 4, 8 address streams: index is log2 */
/* One thread's part, `reps` times: n elements of a, b, c at any byte address (unused ones NULL). Returns the
 * sum of b for WL_READ, else 0. With non-temporal stores, a must be a multiple of the element size. */
typedef double (*cpu_stream_fn)(void *a, const void *b, const void *c, size_t n, uint32_t reps);
typedef struct {
    cpu_stream_fn fn[WL_NSTREAM][CPU_NSTORE][2 /* f64, f32 */][CPU_STREAM_NWAYS];
    int           has_nt; /* 0: stores "non-temporal" are regular ones on this ISA and compiler */
} cpu_stream_table;
#endif

/* recsys.h -- rows of recommendation networks, thread by thread: the per-ISA parts and what executors call.
 */
#ifndef CPU_RECSYS_H
#define CPU_RECSYS_H
#include "kernels/nets/layer.h"
#include "kernels/cpu/cpu.h"

/* Look-ups of a bag that are asked for ahead, in bytes of rows. */
enum { CPU_BAG_AHEAD_B = 8192 };
typedef struct {
    /* Bags [lo, hi): y[bag][c] = sums of rows of `table`, f32 or bf16; begin, index: int32, at any address.
     */
    void (*bags)(ir_dtype, size_t c, const char *table, const char *begin, const char *index, size_t lo,
                 size_t hi, char *y);
    /* Dot products of v[a] with v[b], b < a, of n vectors of c elements: v[0] = first, the others rest. */
    void (*pairs)(size_t n, size_t c, const char *first, const char *rest, char *y);
} cpu_recsys_ops;
const cpu_recsys_ops *cpu_recsys_ops_of(const ir_dev *);
/* Is it a row this file computes? */
bool cpu_recsys_has(const ly_row *);
/* Thread tid's share. x: the row's input (a bag's look-ups), W: the whole tensor. */
void cpu_recsys_part(const cpu_recsys_ops *, ir_dtype, const ly_row *, const char *x, const char *add,
                     const char *W, char *y, int tid, int nthreads);
#endif

/* moe_naive.h -- a mixture of experts, naive: also a row of networks. */
#ifndef CPU_MOE_NAIVE_H
#define CPU_MOE_NAIVE_H
#include "kernels/nets/layer.h"
#include "kernels/cpu/cpu.h"
/* One region of `threads` threads. add: NULL for none. W, V: the whole tensors. work: cpu_moe_naive_work_n()
 * floats. */
size_t cpu_moe_naive_work_n(const ly_row *);
void   cpu_moe_naive_run(ir_dev *, int threads, ir_dtype, const ly_row *, const void *x, const void *add,
                         const void *W, const void *V, float *work, void *y);
#endif

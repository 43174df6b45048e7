/* reverse.h -- a workload and a kernel outside the tree: y[i] = x[n-1-i], f32, v[0] = n.
 * Tensors: [0] y, [1] x. The two files compile and link against the static libraries; nothing else changes.
 */
#ifndef EXAMPLES_REVERSE_H
#define EXAMPLES_REVERSE_H
#include "harness/ironroof.h"
extern const ir_workload wl_reverse;
extern const ir_kernel   cpu_reverse_threads;
#endif

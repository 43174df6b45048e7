/* net_naive.h -- the operators of a layer row as a reader would write them, over the pool's threads. */
#ifndef CPU_NET_NAIVE_H
#define CPU_NET_NAIVE_H
#include "kernels/workloads/workloads_nets.h"
#include "kernels/nets/cache.h"
#include "kernels/nets/format.h"
#include "kernels/cpu/cpu.h"
typedef float    any_f32 __attribute__((aligned(1), may_alias)); /* tensors may start at any byte */
typedef uint16_t any_u16 __attribute__((aligned(1), may_alias));
typedef int32_t  any_i32 __attribute__((aligned(1), may_alias));
/* A row and what it is applied to. W, V: the whole tensors; kv: the whole cache; x of LY_EMBED: its tokens.
 */
typedef struct {
    const ly_row  *r;
    ir_dtype       dtype;
    const void    *W, *x;
    const any_f32 *V, *add;
    any_f32       *y;
    void          *kv;
    int64_t        nW; /* elements of W, where it is stored in groups */
} naive_op;
/* Elements of a head that the naive attention holds. IR_SKIP of more. */
enum { NAIVE_MOST_DH = 4096 };
ir_status naive_can(const ly_row *);
/* One region of `threads` threads; LY_ATTENTION, too, since each thread owns whole heads. */
void naive_run(ir_dev *, int threads, naive_op *);
#endif

/* moe.h -- a mixture of experts, seen by all threads that share one call: tokens are routed, sorted by
 * expert, and each expert's matrices pass once, by all threads, past the tokens that chose it. */
#ifndef CPU_MOE_H
#define CPU_MOE_H
#include "kernels/cpu/linear.h"
typedef struct {
    const ly_row    *r;
    cpu_linear       up, down, router; /* what they have in common; rows and pointers are set by the call */
    ir_pool         *pool;
    bool             blocked;
    cpu_linear_block block;
    char            *work;
    size_t           work_B;
    int64_t          touched; /* different experts that the last call chose */
    /* Of `slots` = tokens times top, in work: experts chosen [token][top] and their weights, packed inputs,
     * both products, packed gates, results; then per thread: a packed row, logits, where each expert's slots
     * begin, the slot of each choice, scratch. */
    size_t slots, pick_at, share_at, x_at, h_at, g_at, y_at, thread_at, thread_B, logit_at, first_at, slot_at,
        scratch_at;
} cpu_moe;
/* Everything but work. IR_SKIP for types it does not know. */
ir_status cpu_moe_plan(const ir_dev *, const ly_row *, ir_dtype, int threads, cpu_moe *out);
/* All threads of the region call it. add: NULL for none. W, V: the whole tensors. */
void cpu_moe_part(cpu_moe *, const char *x, const char *add, const char *W, const char *V, char *y, int tid,
                  int nthreads);
/* What those experts cost beyond the ones that a LY_MOE is expected to touch. */
void cpu_moe_cost(const cpu_moe *, ir_cost *);
#endif

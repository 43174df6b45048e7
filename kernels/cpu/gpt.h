/* gpt.h -- the plan of a decoder's step, GPT-2's or Llama's, shared by its executors: the network's table as
 * a list of operations with their workspace. Activations are f32; a layer norm that only one linear row reads
 * is fused into that row's packing. */
#ifndef CPU_GPT_H
#define CPU_GPT_H
#include "kernels/cpu/attention.h"
#include "kernels/cpu/encoder.h"
#include "kernels/cpu/moe.h"
#include "kernels/cpu/recsys.h"
#include "kernels/cpu/linear_packed.h"
#include "kernels/cpu/linear_q.h"

typedef struct {
    const ly_row *row;
    const ly_row *norm;              /* LY_FC: applied to the input rows while they are packed; NULL: none */
    int           index, norm_index; /* of row and of norm in the table */
    bool          blocked;
    bool          own;   /* few rows: every thread packs for itself */
    bool          again; /* of the same input as the operation before, and past it only through `add`: neither
                          * a barrier nor packing comes first */
    bool              is_q; /* W in groups or in e4m3 */
    cpu_q_matrix      q;
    cpu_q_way         way;
    bool              packed; /* blocked, by way of panels */
    cpu_linear_panels panels;
    cpu_linear        l;   /* LY_FC; pointers are set by cpu_gpt_bind() */
    cpu_attention     a;   /* LY_ATTENTION */
    cpu_moe           moe; /* LY_MOE */
    ly_place          at;  /* of its activations, in floats of the workspace */
    const char       *in, *add;
    char             *out;
} cpu_gpt_op;

typedef struct {
    ly_net                net;
    cpu_gpt_op           *op;
    int                   nop, threads;
    ir_dtype              dtype;
    const cpu_ops        *ops;
    const cpu_recsys_ops *recsys;
    ir_pool              *pool;
    cpu_linear_block      block;
    size_t                pack_rows; /* most rows that are normalised before they are packed together */
    size_t                scratch_B; /* of a thread, for blocks of W */
    char                 *work; /* activations, packed rows, then per thread: a row, scratch, attention */
    /* Where in work, in bytes; kv_at: keys and values of a row without a cache. */
    size_t           work_B, x_at, x_B, thread_at, thread_B, row_B, attention_at, kv_at, moe_at;
    float           *turn; /* rotary positions: cosines and sines of the new ones; NULL: none */
    const cpu_q_ops *q;
    const char      *input, *W, *V;
    double          *layer_s; /* profile(): seconds per row of the table; NULL: not asked for */
    double           since;
} cpu_gpt;

/* Fuse norms; linear rows are packed for our own tiles; weights in groups meet f32, not int8 activations. */
enum { CPU_GPT_FUSE = 1, CPU_GPT_PACK = 2, CPU_GPT_EXACT = 4 };
ir_status cpu_gpt_setup(ir_run *, unsigned how);
void      cpu_gpt_teardown(ir_run *);
void      cpu_gpt_drop_scratch(ir_run *);
void      cpu_gpt_bind(ir_run *); /* the tensors of this call */
/* The rows of an operation's matrix that are one thread's: it alone reads them. */
void cpu_gpt_share(const cpu_gpt_op *, int tid, int nthreads, size_t *lo, size_t *hi);
/* May a linear row's matrix be laid out in panels where it lies: does nothing else read it? */
bool      cpu_gpt_lays(const ly_net *, const ly_row *, ir_dtype);
ir_status cpu_gpt_prepare(ir_run *);        /* ir_plan_ops.prepare */
uint32_t  cpu_gpt_consumes(const ir_run *); /* ir_plan_ops.consumes */
/* One operation by all threads of a region; no barrier at its end. */
void cpu_gpt_op_part(cpu_gpt *, cpu_gpt_op *, int tid, int nthreads);
void cpu_gpt_stamp(cpu_gpt *, int row); /* thread 0: what ends now was this row */
/* ir_net_ops.profile of an executor: `step` computes one call and stamps every row of it. */
ir_status cpu_gpt_profile(ir_run *, double *layer_s, int n, void (*step)(cpu_gpt *));
ir_status cpu_gpt_can_run(const ir_dev *, const ir_workload *, const ir_params *);
#endif

/* onednn.h -- rows of a layer table as oneDNN primitives: the reference beside our own kernels. The C
 * interface of versions 2 and 3 (onednn_api.h). Nothing here is called inside a region of the pool: the
 * library brings its own threads. */
#ifndef CPU_ONEDNN_H
#define CPU_ONEDNN_H
#include "kernels/nets/layer.h"
#include "kernels/cpu/cpu.h"

/* Loads the library. IR_SKIP where it is not built in, cannot be loaded, or its threads cannot be set to
 * `threads`. */
ir_status cpu_dnn_can(int threads);
/* Applies to the calls that follow, which are to stand between ir_pool_enter() and ir_pool_leave(): the
 * library's other threads are pinned where the pool's are, so that both have the same cores. */
ir_status cpu_dnn_threads(const ir_dev *, int threads);

#if IR_HAVE_ONEDNN
#include "kernels/cpu/onednn_api.h"

/* IR_SKIP: it cannot be loaded here; ir_why() says why. Any thread. */
ir_status cpu_dnn_load(void);
/* A function of the OpenMP runtime that the loaded library brought, to *function; NULL: it brought none. */
void cpu_dnn_find(const char *name, void *function);

/* One row: a primitive and its memories. */
typedef struct {
    dnnl_primitive_t prim, reorder;               /* reorder: of src to the layout prim wants; NULL: none */
    dnnl_memory_t    src, in, weights, bias, dst; /* in: where reorder puts it; NULL: src is taken as it is */
    dnn_layout       src_md, in_md, dst_md, w_md, bias_md; /* of each; owned, NULL where there is none */
    float           *bias_p;                               /* owned */
} cpu_dnn_op;
typedef struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
} cpu_dnn;
ir_status cpu_dnn_open(cpu_dnn *);
void      cpu_dnn_close(cpu_dnn *); /* idempotent */
/* Layouts: src NULL is NHWC; `any` lets the library choose its own for src (behind a reorder) and dst. With
 * l->add the residual is the previous content of dst, whose layout is `residual`. LY_CONV, LY_FC, LY_MAXPOOL,
 * LY_AVGPOOL. */
ir_status cpu_dnn_op_make(cpu_dnn *, const ly_row *l, bool with_bias, bool any, dnn_layout_of src,
                          dnn_layout_of residual, cpu_dnn_op *out);
/* Weights W (layer.h layout) and bias into the layout of the primitive. */
ir_status cpu_dnn_op_pack(cpu_dnn *, const ly_row *l, cpu_dnn_op *, const void *W, const void *bias);
void      cpu_dnn_op_free(cpu_dnn_op *); /* idempotent */
/* Enqueue on src and dst. */
ir_status cpu_dnn_op_run(cpu_dnn *, const cpu_dnn_op *, void *src, void *dst);
ir_status cpu_dnn_wait(cpu_dnn *);
#endif
#endif

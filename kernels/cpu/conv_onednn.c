/* conv_onednn.c -- family "conv" through oneDNN: it takes and gives NHWC as our kernels do, and chooses the
 * layout of the weights, which are reordered before the timing. */
#include "kernels/cpu/onednn.h"
#include "kernels/workloads/workloads_nets.h"

#include <stdlib.h>

#if IR_HAVE_ONEDNN
enum { T_X, T_W, T_V, T_Y, FUSE = 10 };
typedef struct {
    cpu_dnn dnn;
    ly_row  row;
} self_t;

static ir_status conv_can(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    if (p->dtype != IR_F32) return ir_fail(IR_SKIP, "onednn runs with f32 weights here");
    if (p->v[FUSE] == WL_UNFUSED) return ir_fail(IR_SKIP, "onednn runs bias and ReLU in the same pass");
    return cpu_dnn_can(p->threads);
}

static ir_status conv_setup(ir_run *r)
{
    self_t *s = calloc(1, sizeof *s);
    r->self = s;
    if (!s) return ir_fail(IR_ENOMEM, "onednn: no memory for the plan");
    wl_row_of(r->workload, &r->p, &s->row);
    if (r->p.v[FUSE] != WL_FUSED) s->row.act = LY_ID;
    ir_status st = cpu_dnn_threads(r->dev, r->p.threads);
    return st == IR_OK ? cpu_dnn_open(&s->dnn) : st;
}

static void conv_teardown(ir_run *r)
{
    self_t *s = r->self;
    if (s) cpu_dnn_close(&s->dnn);
    free(s);
    r->self = NULL;
}

static void conv_unprepare(ir_run *r)
{
    cpu_dnn_op *o = r->packed;
    if (o) cpu_dnn_op_free(o);
    free(o);
    r->packed = NULL;
}

static ir_status conv_prepare(ir_run *r)
{
    self_t    *s = r->self;
    const bool bias = r->p.v[FUSE] == WL_FUSED;
    ir_status  st = IR_OK;
    if (!r->packed) {
        cpu_dnn_op *o = r->packed = calloc(1, sizeof *o);
        if (!o) return ir_fail(IR_ENOMEM, "onednn: no memory for a primitive");
        st = cpu_dnn_op_make(&s->dnn, &s->row, bias, false, NULL, NULL, o);
    }
    if (st == IR_OK)
        st = cpu_dnn_op_pack(&s->dnn, &s->row, r->packed, r->mem[T_W].p, bias ? r->mem[T_V].p : NULL);
    return st;
}

static ir_status conv_run(ir_run *r, uint32_t reps)
{
    self_t   *s = r->self;
    ir_status st = cpu_dnn_threads(r->dev, r->p.threads);
    ir_pool_enter(cpu_of(r->dev)->pool);
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) {
        st = cpu_dnn_op_run(&s->dnn, r->packed, r->mem[T_X].p, r->mem[T_Y].p);
        if (st == IR_OK) st = cpu_dnn_wait(&s->dnn);
    }
    ir_pool_leave(cpu_of(r->dev)->pool);
    return st;
}

#else
static ir_status conv_can(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return cpu_dnn_can(p->threads);
}

static ir_status conv_run(ir_run *r, uint32_t reps)
{
    (void)reps;
    return cpu_dnn_can(r->p.threads);
}
#define conv_setup     NULL
#define conv_teardown  NULL
#define conv_prepare   NULL
#define conv_unprepare NULL
#endif
static const ir_plan_ops conv_onednn_plan_ops = {
    .destroy = conv_teardown, .prepare = conv_prepare, .unprepare = conv_unprepare};

const ir_kernel cpu_conv_onednn = {.family = "conv",
                                   .name = "onednn",
                                   .doc = "oneDNN, activations NHWC, weights in the layout it asks for",
                                   .flags = IR_K_LIB,
                                   .can_run = conv_can,
                                   .plan = conv_setup,
                                   .run = conv_run,
                                   .ops = &conv_onednn_plan_ops};

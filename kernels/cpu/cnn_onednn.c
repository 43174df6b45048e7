/* cnn_onednn.c -- image networks through oneDNN, one primitive a row, activations in the layouts the library
 * asks for (a reorder where two rows disagree is part of the row). A residual is summed into its own buffer:
 * the buffers of a row's output and residual change places, which needs the residual to be dead afterwards.
 * The reference beside our own. */
#include "kernels/cpu/cnn.h"
#include "kernels/cpu/onednn.h"
#include "kernels/workloads/workloads_nets.h"

#include <stdlib.h>
#include <string.h>

enum { T_IN, T_W, T_V, T_OUT };
#if IR_HAVE_ONEDNN
typedef struct {
    cpu_dnn dnn;
    ly_net  net;
} self_t;
/* Of one tensor set. in, out: which memory a row reads and writes: a buffer, or LY_INPUT, LY_OUTPUT. */
typedef struct {
    cpu_dnn_op *op;
    int        *in, *out;
    void       *buf[LY_MAX_BUF];
    size_t      buf_B[LY_MAX_BUF];
    int         n;
} chain;

static ir_status cnn_can(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev;
    if (p->dtype != IR_F32) return ir_fail(IR_SKIP, "onednn runs with f32 weights here");
    if (w == &wl_resnet50_shared) return ir_fail(IR_SKIP, "onednn reorders every layer's weights for itself");
    return cpu_dnn_can(p->threads);
}

static bool dead_after(const ly_net *net, int i, int buf)
{
    for (int k = i + 1; k < net->n; k++) {
        if (net->row[k].in == buf || net->row[k].add == buf) return false;
        if (net->row[k].out == buf) return true;
    }
    return true;
}

static ir_status cnn_setup(ir_run *r)
{
    self_t *s = calloc(1, sizeof *s);
    r->self = s;
    if (!s) return ir_fail(IR_ENOMEM, "onednn: no memory for the plan");
    ir_status st = wl_net_of(r->workload, &r->p, &s->net);
    for (int i = 0; i < s->net.n && st == IR_OK; i++) {
        const ly_row *l = &s->net.row[i];
        st = l->op == LY_ADD ? ir_fail(IR_SKIP, "%s: an add of its own", l->name) : cpu_cnn_served(l);
        if (st == IR_OK && l->add >= 0 && !dead_after(&s->net, i, l->add))
            st = ir_fail(IR_SKIP, "%s: its residual is used again", l->name);
    }
    if (st == IR_OK) st = cpu_dnn_threads(r->dev, r->p.threads);
    return st == IR_OK ? cpu_dnn_open(&s->dnn) : st;
}

static void cnn_teardown(ir_run *r)
{
    self_t *s = r->self;
    if (!s) return;
    cpu_dnn_close(&s->dnn);
    ly_free(&s->net);
    free(s);
    r->self = NULL;
}

static void cnn_unprepare(ir_run *r)
{
    chain *c = r->packed;
    if (!c) return;
    for (int i = 0; c->op && i < c->n; i++) cpu_dnn_op_free(&c->op[i]);
    for (int b = 0; b < LY_MAX_BUF; b++)
        if (c->buf[b]) ir_host_free(c->buf[b], c->buf_B[b]);
    free(c->op);
    free(c->in);
    free(c->out);
    free(c);
    r->packed = NULL;
}

/* Primitives of all rows, from the first on: a row's input layout is what the row before it chose. */
static ir_status make_rows(self_t *s, chain *c)
{
    dnn_layout_of md[LY_MAX_BUF]; /* borrowed of the row that wrote the buffer last */
    int           at[LY_MAX_BUF];
    ir_status     st = IR_OK;
    for (int b = 0; b < LY_MAX_BUF; b++) at[b] = b;
    for (int i = 0; i < c->n && st == IR_OK; i++) {
        const ly_row *l = &s->net.row[i];
        if (l->add >= 0) {
            const int t = at[l->out];
            at[l->out] = at[l->add];
            at[l->add] = t;
        }
        c->in[i] = l->in >= 0 ? at[l->in] : l->in;
        c->out[i] = l->out >= 0 ? at[l->out] : l->out;
        st = cpu_dnn_op_make(&s->dnn, l, l->b_at >= 0, true, c->in[i] >= 0 ? md[c->in[i]] : NULL,
                             l->add >= 0 ? md[c->out[i]] : NULL, &c->op[i]);
        if (st != IR_OK || c->out[i] < 0) continue;
        md[c->out[i]] = c->op[i].dst_md;
        const size_t bytes = dnnl_memory_desc_get_size(c->op[i].dst_md);
        if (bytes > c->buf_B[c->out[i]]) c->buf_B[c->out[i]] = bytes;
    }
    return st;
}

static ir_status make_chain(ir_run *r, self_t *s)
{
    chain *c = r->packed = calloc(1, sizeof *c);
    if (c) {
        c->n = s->net.n;
        c->op = calloc((size_t)c->n, sizeof *c->op);
        c->in = calloc((size_t)c->n, sizeof *c->in);
        c->out = calloc((size_t)c->n, sizeof *c->out);
    }
    if (!c || !c->op || !c->in || !c->out)
        return ir_fail(IR_ENOMEM, "onednn: no memory for %d layers", s->net.n);
    ir_status st = make_rows(s, c);
    for (int b = 0; b < LY_MAX_BUF && st == IR_OK; b++)
        if (c->buf_B[b]) st = ir_host_alloc(c->buf_B[b], cpu_of(r->dev)->pages, &c->buf[b]);
    return st;
}

static ir_status cnn_prepare(ir_run *r)
{
    self_t   *s = r->self;
    char     *W = r->mem[T_W].p, *V = r->mem[T_V].p, *left = W;
    ir_status st = r->packed ? IR_OK : make_chain(r, s);
    chain    *c = r->packed;
    for (int i = 0; i < s->net.n && st == IR_OK; i++) {
        const ly_row *l = &s->net.row[i];
        st = cpu_dnn_op_pack(&s->dnn, l, &c->op[i], W + l->W_at * 4, l->b_at < 0 ? NULL : V + l->b_at * 4);
        if (l->W_at >= 0) left = ir_host_discard(left, W + (l->W_at + l->nW) * 4);
    }
    return st;
}

static void *memory_of(const ir_run *r, const chain *c, int b)
{
    return b >= 0 ? c->buf[b] : r->mem[b == LY_INPUT ? T_IN : T_OUT].p;
}

/* layer_s: seconds of each row, or NULL. */
static ir_status step(ir_run *r, double *layer_s)
{
    self_t   *s = r->self;
    chain    *c = r->packed;
    ir_status st = IR_OK;
    double    t = ir_now();
    for (int i = 0; i < c->n && st == IR_OK; i++) {
        st = cpu_dnn_op_run(&s->dnn, &c->op[i], memory_of(r, c, c->in[i]), memory_of(r, c, c->out[i]));
        if (!layer_s || st != IR_OK) continue;
        st = cpu_dnn_wait(&s->dnn);
        const double now = ir_now();
        layer_s[i] = now - t;
        t = now;
    }
    return st == IR_OK ? cpu_dnn_wait(&s->dnn) : st;
}

static ir_status cnn_run(ir_run *r, uint32_t reps)
{
    ir_status st = cpu_dnn_threads(r->dev, r->p.threads);
    ir_pool_enter(cpu_of(r->dev)->pool);
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = step(r, NULL);
    ir_pool_leave(cpu_of(r->dev)->pool);
    return st;
}

static ir_status cnn_profile(ir_run *r, double *layer_s, int n)
{
    const self_t *s = r->self;
    if (n != s->net.n) return ir_fail(IR_EINVAL, "%s has %d layers, not %d", r->workload->name, s->net.n, n);
    ir_status st = cpu_dnn_threads(r->dev, r->p.threads);
    if (st != IR_OK) return st;
    ir_pool_enter(cpu_of(r->dev)->pool);
    st = step(r, layer_s);
    ir_pool_leave(cpu_of(r->dev)->pool);
    return st;
}

#else
static ir_status cnn_can(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return cpu_dnn_can(p->threads);
}

static ir_status cnn_run(ir_run *r, uint32_t reps)
{
    (void)reps;
    return cpu_dnn_can(r->p.threads);
}
#define cnn_setup     NULL
#define cnn_teardown  NULL
#define cnn_prepare   NULL
#define cnn_unprepare NULL
#define cnn_profile   NULL
#endif
static uint32_t cnn_consumes(const ir_run *r) { return (void)r, 1u << T_W; }

static const ir_plan_ops cnn_onednn_plan_ops = {.destroy = cnn_teardown,
                                                .prepare = cnn_prepare,
                                                .unprepare = cnn_unprepare,
                                                .consumes = cnn_consumes,
                                                .net = {.profile = cnn_profile}};

const ir_kernel cpu_cnn_onednn = {.family = "cnn",
                                  .name = "onednn",
                                  .doc = "oneDNN layer by layer, in the layouts it asks for",
                                  .flags = IR_K_LIB,
                                  .can_run = cnn_can,
                                  .plan = cnn_setup,
                                  .run = cnn_run,
                                  .ops = &cnn_onednn_plan_ops};

/* cnn_openblas.c -- image networks with every convolution as im2col and OpenBLAS's product: what a library of
 * products alone gives. Refuses grouped convolutions, which would be a product per channel. */
#include "kernels/cpu/cnn.h"
#include "kernels/cpu/im2col.h"
#include "kernels/workloads/workloads_nets.h"

#include <stdlib.h>
#include <string.h>

#if IR_HAVE_OPENBLAS
enum { T_IN, T_W, T_V, T_OUT, ALIGN_N = 16 };
typedef struct {
    ly_net              net;
    cpu_im2col         *conv;  /* per row; those that unroll share one matrix, which the first owns */
    ly_place           *place; /* per row, in act */
    float              *act;
    size_t              act_B; /* all activations */
    void               *matrix;
    size_t              matrix_B;
    const cpu_conv_ops *ops;
    ir_pool            *pool;
} self_t;
typedef struct {
    const self_t *s;
    const ly_row *l;
    const char   *x, *add;
    char         *y;
} job;

static ir_status cnn_openblas_cnn_can(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ly_net net;
    (void)dev;
    if (p->dtype != IR_F32) return ir_fail(IR_SKIP, "openblas runs networks with f32 weights");
    ir_status st = wl_net_of(w, p, &net);
    if (st != IR_OK) return st;
    for (int i = 0; i < net.n && st == IR_OK; i++) {
        const ly_row l = cpu_cnn_as_conv(&net.row[i]);
        if (l.op == LY_CONV && l.groups > 1)
            st = ir_fail(IR_SKIP, "%s: depthwise, which is no matrix product", net.row[i].name);
        else if (l.op == LY_CONV)
            st = cpu_im2col_can(&l, p->threads);
    }
    ly_free(&net);
    return st;
}

static void cnn_openblas_cnn_teardown(ir_run *r)
{
    self_t *s = r->self;
    if (!s) return;
    if (s->act) ir_host_free(s->act, s->act_B);
    if (s->matrix) ir_host_free(s->matrix, s->matrix_B);
    free(s->place);
    free(s->conv);
    ly_free(&s->net);
    free(s);
    r->self = NULL;
}

static void cnn_openblas_cnn_drop_scratch(ir_run *r)
{
    const self_t *s = r->self;
    ir_host_discard((char *)s->act, (char *)s->act + s->act_B);
    if (s->matrix) ir_host_discard(s->matrix, (char *)s->matrix + s->matrix_B);
}

static ir_status cnn_openblas_make_arena(ir_run *r, self_t *s)
{
    void     *p = NULL;
    int64_t   floats = 0;
    ir_status st = ly_arena(&s->net, ALIGN_N, &s->place, &floats);
    s->act_B = (size_t)floats * 4;
    if (st == IR_OK) st = ir_host_alloc(s->act_B, cpu_of(r->dev)->pages, &p);
    s->act = p;
    return st;
}

static ir_status make_rows(ir_run *r, self_t *s)
{
    ir_status st = IR_OK;
    for (int i = 0; i < s->net.n && st == IR_OK; i++) {
        const ly_row l = cpu_cnn_as_conv(&s->net.row[i]);
        cpu_im2col  *c = &s->conv[i];
        st = cpu_cnn_served(&s->net.row[i]);
        if (st != IR_OK || l.op != LY_CONV) continue;
        st = cpu_im2col_make(r->dev, &l, r->p.threads, c);
        if (c->matrix_B > s->matrix_B) s->matrix_B = c->matrix_B;
        cpu_im2col_free(c); /* one matrix serves all rows */
    }
    if (st == IR_OK && s->matrix_B) st = ir_host_alloc(s->matrix_B, cpu_of(r->dev)->pages, &s->matrix);
    for (int i = 0; i < s->net.n; i++)
        if (s->conv[i].unroll) s->conv[i].matrix = s->matrix;
    return st;
}

static ir_status cnn_openblas_cnn_setup(ir_run *r)
{
    self_t *s = calloc(1, sizeof *s);
    r->self = s;
    if (!s) return ir_fail(IR_ENOMEM, "cnn: no memory for the plan");
    s->ops = cpu_conv_ops_of(cpu_of(r->dev)->isa);
    s->pool = cpu_of(r->dev)->pool;
    ir_status st = wl_net_of(r->workload, &r->p, &s->net);
    if (st != IR_OK) return st;
    s->conv = calloc((size_t)s->net.n, sizeof *s->conv);
    if (!s->conv) return ir_fail(IR_ENOMEM, "cnn: no memory for %d layers", s->net.n);
    st = cnn_openblas_make_arena(r, s);
    return st == IR_OK ? make_rows(r, s) : st;
}

static void cnn_openblas_row_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    cpu_cnn_row_part(j->s->ops, j->l, j->x, j->add, j->y, tid, nthreads);
}

/* at: of buffer b in the arena. */
static void *cnn_openblas_buffer(const ir_run *r, const self_t *s, int b, int64_t at)
{
    return b >= 0 ? s->act + at : b == LY_INPUT ? r->mem[T_IN].p : b == LY_OUTPUT ? r->mem[T_OUT].p : NULL;
}

/* layer_s: seconds of each row, or NULL. */
static void cnn_openblas_step(const ir_run *r, double *layer_s)
{
    const self_t *s = r->self;
    const char   *W = r->mem[T_W].p, *V = r->mem[T_V].p;
    double        t = ir_now();
    for (int i = 0; i < s->net.n; i++) {
        const ly_row   *l = &s->net.row[i];
        const ly_place *at = &s->place[i];
        job j = {s, l, cnn_openblas_buffer(r, s, l->in, at->in), cnn_openblas_buffer(r, s, l->add, at->add),
                 cnn_openblas_buffer(r, s, l->out, at->out)};
        if (l->op == LY_CONV || l->op == LY_FC)
            cpu_im2col_run(&s->conv[i], j.x, W + l->W_at * 4, NULL, l->b_at < 0 ? NULL : V + l->b_at * 4,
                           j.add, j.y);
        else
            ir_pool_run(s->pool, r->p.threads, cnn_openblas_row_part, &j);
        if (!layer_s) continue;
        const double now = ir_now();
        layer_s[i] = now - t;
        t = now;
    }
}

static ir_status cnn_openblas_cnn_run(ir_run *r, uint32_t reps)
{
    for (uint32_t i = 0; i < reps; i++) cnn_openblas_step(r, NULL);
    return IR_OK;
}

static ir_status cnn_openblas_cnn_profile(ir_run *r, double *layer_s, int n)
{
    const self_t *s = r->self;
    if (n != s->net.n) return ir_fail(IR_EINVAL, "%s has %d layers, not %d", r->workload->name, s->net.n, n);
    cnn_openblas_step(r, layer_s);
    return IR_OK;
}

#else
static ir_status cnn_openblas_cnn_can(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w, (void)p;
    return ir_fail(IR_SKIP, "built without OpenBLAS");
}

static ir_status cnn_openblas_cnn_run(ir_run *r, uint32_t reps)
{
    (void)reps;
    return cnn_openblas_cnn_can(r->dev, r->workload, &r->p);
}
#define cnn_openblas_cnn_setup        NULL
#define cnn_openblas_cnn_teardown     NULL
#define cnn_openblas_cnn_drop_scratch NULL
#define cnn_openblas_cnn_profile      NULL
#endif
static const ir_plan_ops cnn_openblas_plan_ops = {.destroy = cnn_openblas_cnn_teardown,
                                                  .drop_scratch = cnn_openblas_cnn_drop_scratch,
                                                  .net = {.profile = cnn_openblas_cnn_profile}};

const ir_kernel cpu_cnn_openblas = {.family = "cnn",
                                    .name = "openblas",
                                    .doc = "every convolution as im2col and OpenBLAS's product",
                                    .flags = IR_K_LIB,
                                    .can_run = cnn_openblas_cnn_can,
                                    .plan = cnn_openblas_cnn_setup,
                                    .run = cnn_openblas_cnn_run,
                                    .ops = &cnn_openblas_plan_ops};

/* conv.c -- family "conv" by our own plans: direct, pointwise, winograd, depthwise. Bias and ReLU belong to
 * the same pass (fused), are left out (bare), or follow as passes of their own (unfused). f32 weights only.
 */
#include "kernels/cpu/conv.h"
#include "kernels/workloads/workloads_nets.h"

#include <stdlib.h>
#include <string.h>

enum { T_X, T_W, T_V, T_Y, FUSE = 10 };
typedef struct {
    cpu_conv_plan plan;
    int64_t       fuse;
    char         *work;
    size_t        work_B;
} self_t;
typedef struct {
    const self_t *s;
    ir_pool      *pool;
    const void   *x, *W, *V;
    float        *packed;
    void         *y;
} job;

static ir_status conv_can(cpu_conv_kind kind, const ir_workload *w, const ir_params *p)
{
    ly_row row;
    if (p->dtype != IR_F32) return ir_fail(IR_SKIP, "%s takes f32 weights", cpu_conv_kind_name(kind));
    wl_row_of(w, p, &row);
    return cpu_conv_can(kind, &row);
}

static void conv_teardown(ir_run *r)
{
    self_t *s = r->self;
    if (s && s->work) ir_host_free(s->work, s->work_B);
    free(s);
    r->self = NULL;
}

static ir_status conv_setup(ir_run *r, cpu_conv_kind kind)
{
    ly_row  row;
    void   *work = NULL;
    self_t *s = calloc(1, sizeof *s);
    r->self = s;
    if (!s) return ir_fail(IR_ENOMEM, "conv: no memory for the plan");
    wl_row_of(r->workload, &r->p, &row);
    s->fuse = r->p.v[FUSE];
    if (s->fuse != WL_FUSED) row.act = LY_ID;
    ir_status st = cpu_conv_plan_make(r->dev, kind, &row, r->p.threads, &s->plan);
    if (st != IR_OK) return st;
    s->work_B = cpu_apart(s->plan.thread_B) * (size_t)r->p.threads;
    st = ir_host_alloc(s->work_B, cpu_of(r->dev)->pages, &work);
    s->work = work;
    return st;
}

static void conv_pack_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    (void)nthreads;
    cpu_conv_pack(&j->s->plan, j->W, j->s->fuse == WL_FUSED ? j->V : NULL, j->packed, tid);
}

/* Behind the packed weights: the bias of the unfused passes, padded as the plan pads it. */
static size_t packed_B(const self_t *s)
{
    return (s->plan.packed_n + (size_t)s->plan.row.k + 64) * sizeof(float);
}

static ir_status conv_prepare(ir_run *r)
{
    self_t *s = r->self;
    if (!r->packed) {
        ir_status st = ir_host_alloc(packed_B(s), cpu_of(r->dev)->pages, &r->packed);
        if (st != IR_OK) return st;
    }
    job j = {.s = s, .W = r->mem[T_W].p, .V = r->mem[T_V].p, .packed = r->packed};
    ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, conv_pack_part, &j);
    memcpy(j.packed + s->plan.packed_n, j.V, (size_t)s->plan.row.k * sizeof(float));
    return IR_OK;
}

static void conv_unprepare(ir_run *r)
{
    if (r->packed) ir_host_free(r->packed, packed_B(r->self));
    r->packed = NULL;
}

static void passes(const job *j, int tid, int nthreads)
{
    const cpu_conv_plan *p = &j->s->plan;
    const size_t         k = (size_t)p->row.k, pixels = (size_t)(p->row.batch * p->row.oh * p->row.ow);
    size_t               lo, hi;
    ir_pool_barrier(j->pool, nthreads);
    cpu_part(pixels, 1, tid, nthreads, &lo, &hi);
    p->ops->bias(hi - lo, k, j->packed + p->packed_n, (char *)j->y + lo * k * 4);
    ir_pool_barrier(j->pool, nthreads);
    p->ops->act((hi - lo) * k, LY_RELU, (char *)j->y + lo * k * 4);
}

static void run_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    cpu_conv_part(&j->s->plan, j->x, j->packed, NULL, j->y,
                  j->s->work + (size_t)tid * cpu_apart(j->s->plan.thread_B), tid);
    if (j->s->fuse == WL_UNFUSED) passes(j, tid, nthreads);
}

static ir_status conv_run(ir_run *r, uint32_t reps)
{
    job j = {.s = r->self,
             .pool = cpu_of(r->dev)->pool,
             .x = r->mem[T_X].p,
             .packed = r->packed,
             .y = r->mem[T_Y].p};
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(j.pool, r->p.threads, run_part, &j);
    return IR_OK;
}

/* The work it really does; the transforms' results, written and read back, included. */
static void wino_cost(const ir_params *p, ir_cost *c)
{
    ly_row l;
    wl_row_of(&wl_conv, p, &l);
    const double tiles = (double)l.batch * (double)((l.oh + 3) / 4 * ((l.ow + 3) / 4)), in = (double)l.c,
                 out = (double)l.k;
    const double in_B = tiles * CPU_WINO_N * in * 4, out_B = tiles * CPU_WINO_N * out * 4;
    c->flops = ly_winograd_flops(&l);
    c->spare_flops = 0;
    c->part[IR_OF_IN].read_B += in_B;
    c->part[IR_OF_IN].write_B += in_B;
    c->part[IR_OF_OUT].read_B += out_B;
    c->part[IR_OF_OUT].write_B += out_B;
}

#define SLOTS(kind, word) \
    static ir_status word##_can(const ir_dev *dev, const ir_workload *w, const ir_params *p) \
    { \
        (void)dev; \
        return conv_can(kind, w, p); \
    } \
    static ir_status word##_setup(ir_run *r) { return conv_setup(r, kind); }
SLOTS(CPU_CONV_DIRECT, direct)
SLOTS(CPU_CONV_POINTWISE, pointwise)
SLOTS(CPU_CONV_WINOGRAD, winograd)
SLOTS(CPU_CONV_DEPTHWISE, depthwise)

static const ir_plan_ops conv_ops = {
    .destroy = conv_teardown, .prepare = conv_prepare, .unprepare = conv_unprepare};
#define USE(word) \
    .family = "conv", .name = #word, .by_form = true, .can_run = word##_can, .plan = word##_setup, \
    .run = conv_run, .ops = &conv_ops

const ir_kernel cpu_conv_direct = {
    USE(direct),
    .doc = "register tiles of pixels x channels over the whole filter, nothing unrolled to memory"};

const ir_kernel cpu_conv_pointwise = {USE(pointwise), .doc = "1x1 as a matrix product over all pixels"};
const ir_kernel cpu_conv_winograd = {
    USE(winograd), .doc = "Winograd F(4x4,3x3); its FLOP are those it does, about a third of direct ones",
    .cost = wino_cost};
const ir_kernel cpu_conv_depthwise = {USE(depthwise),
                                      .doc = "one filter per channel: vectors of channels along rows"};

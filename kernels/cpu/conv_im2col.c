/* conv_im2col.c -- family "conv" as a matrix product over unrolled windows: the classic way, and what it
 * costs. */
#include "kernels/cpu/im2col.h"
#include "kernels/workloads/workloads_nets.h"

#include <stdlib.h>

enum { T_X, T_W, T_V, T_Y, FUSE = 10 };

static ir_status im2col_can(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ly_row l;
    (void)dev;
    if (p->dtype != IR_F32) return ir_fail(IR_SKIP, "im2col takes f32 weights");
    wl_row_of(w, p, &l);
    return cpu_im2col_can(&l, p->threads);
}

static void im2col_teardown(ir_run *r)
{
    cpu_im2col *s = r->self;
    if (s) cpu_im2col_free(s);
    free(s);
    r->self = NULL;
}

static ir_status im2col_setup(ir_run *r)
{
    ly_row      l;
    cpu_im2col *s = calloc(1, sizeof *s);
    r->self = s;
    if (!s) return ir_fail(IR_ENOMEM, "im2col: no memory for the plan");
    wl_row_of(r->workload, &r->p, &l);
    if (r->p.v[FUSE] != WL_FUSED) l.act = LY_ID;
    return cpu_im2col_make(r->dev, &l, r->p.threads, s);
}

static void im2col_unprepare(ir_run *r)
{
    if (r->packed) ir_host_free(r->packed, cpu_im2col_packed_n(r->self) * sizeof(float));
    r->packed = NULL;
}

static ir_status im2col_prepare(ir_run *r)
{
    const size_t n = cpu_im2col_packed_n(r->self);
    ir_status    st =
        n && !r->packed ? ir_host_alloc(n * sizeof(float), cpu_of(r->dev)->pages, &r->packed) : IR_OK;
    if (st == IR_OK)
        cpu_im2col_pack(r->self, r->mem[T_W].p, r->p.v[FUSE] == WL_FUSED ? r->mem[T_V].p : NULL, r->packed);
    return st;
}

typedef struct {
    const cpu_im2col *s;
    const float      *bias;
    char             *y;
    int               act;
} pass;

/* A bias of zero length: the activation alone. */
static void pass_part(void *arg, int tid, int nthreads)
{
    const pass   *a = arg;
    const ly_row *l = &a->s->row;
    const size_t  k = (size_t)l->k;
    size_t        lo, hi;
    cpu_part((size_t)(l->batch * l->oh * l->ow), 1, tid, nthreads, &lo, &hi);
    for (size_t q = lo; q < hi; q++) {
        char *y = a->y + q * k * 4;
        if (a->bias)
            a->s->own.ops->add(k, y, (const char *)a->bias, LY_ID, y);
        else
            a->s->own.ops->act(k, a->act, y);
    }
}

static ir_status im2col_run(ir_run *r, uint32_t reps)
{
    const cpu_im2col *s = r->self;
    const void       *V = r->mem[T_V].p;
    pass              bias = {s, V, r->mem[T_Y].p, LY_ID}, act = {s, NULL, r->mem[T_Y].p, LY_RELU};
    for (uint32_t i = 0; i < reps; i++) {
        cpu_im2col_run(s, r->mem[T_X].p, r->mem[T_W].p, r->packed, r->p.v[FUSE] == WL_FUSED ? V : NULL, NULL,
                       r->mem[T_Y].p);
        if (r->p.v[FUSE] != WL_UNFUSED) continue;
        ir_pool_run(s->pool, s->threads, pass_part, &bias);
        ir_pool_run(s->pool, s->threads, pass_part, &act);
    }
    return IR_OK;
}

/* The matrix is written and read back, the same few megabytes band after band; each is a launch of its own to
 * unroll, multiply and finish. */
static void im2col_cost(const ir_params *p, ir_cost *c)
{
    ly_row l;
    wl_row_of(&wl_conv, p, &l);
    const bool    unroll = cpu_im2col_unrolls(&l);
    const int64_t pixels = l.oh * l.ow * (unroll ? 1 : l.batch), band = cpu_im2col_band(&l),
                  bands = (pixels + band - 1) / band;
    if (!unroll) c->launches += (double)(bands - 1);
    if (!unroll) return;
    const double pixel_B = (double)(l.r * l.s * l.c) * 4, image_B = (double)pixels * pixel_B;
    c->spare_flops = 0; /* the product meets the padding as zeros */
    c->part[IR_OF_IN].read_B += (double)l.batch * image_B;
    c->part[IR_OF_IN].write_B += (double)l.batch * image_B;
    c->footprint_B += (double)band * pixel_B;
    c->launches += 2 * (double)(l.batch * bands);
}

#if IR_HAVE_OPENBLAS
#define DOC   "windows unrolled image by image, OpenBLAS's product"
#define FLAGS IR_K_LIB
#else
#define DOC   "windows unrolled image by image, our own product"
#define FLAGS 0
#endif
static const ir_plan_ops conv_im2col_plan_ops = {
    .destroy = im2col_teardown, .prepare = im2col_prepare, .unprepare = im2col_unprepare};

const ir_kernel cpu_conv_im2col = {.family = "conv",
                                   .name = "im2col",
                                   .doc = DOC,
                                   .flags = FLAGS,
                                   .can_run = im2col_can,
                                   .plan = im2col_setup,
                                   .by_form = true,
                                   .run = im2col_run,
                                   .cost = im2col_cost,
                                   .ops = &conv_im2col_plan_ops};

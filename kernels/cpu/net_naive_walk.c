/* net_naive_walk.c -- a whole network, row by row, with the naive operators. */
#include "kernels/cpu/moe_naive.h"
#include "kernels/cpu/net_naive.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    ly_net   net;
    any_f32 *buf[LY_MAX_BUF];
    float   *experts; /* workspace of LY_MOE */
} plan;

static ir_status net_naive_walk_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev;
    return p->dtype == IR_TF32 ? ir_fail(IR_SKIP, "%s: CPUs have no tf32", w->name) : IR_OK;
}

static void net_naive_walk_teardown(ir_run *r)
{
    plan *p = r->self;
    if (!p) return;
    for (int b = 0; b < p->net.nbuf; b++) ir_host_free(p->buf[b], (size_t)p->net.buf[b] * sizeof(float));
    ly_free(&p->net);
    free(p->experts);
    free(p);
    r->self = NULL;
}

static ir_status net_naive_walk_setup(ir_run *r)
{
    plan *p = r->self = calloc(1, sizeof *p);
    if (!p) return ir_fail(IR_ENOMEM, "no memory for the plan of %s", r->workload->name);
    ir_status st = wl_net_of(r->workload, &r->p, &p->net);
    for (int i = 0; i < p->net.n && st == IR_OK; i++) st = naive_can(&p->net.row[i]);
    size_t experts = 0;
    for (int i = 0; i < p->net.n && st == IR_OK; i++)
        if (p->net.row[i].op == LY_MOE && cpu_moe_naive_work_n(&p->net.row[i]) > experts)
            experts = cpu_moe_naive_work_n(&p->net.row[i]);
    if (st == IR_OK && experts && !(p->experts = malloc(experts * sizeof *p->experts)))
        st = ir_fail(IR_ENOMEM, "no memory for the plan of %s", r->workload->name);
    for (int b = 0; b < p->net.nbuf && st == IR_OK; b++) {
        void *mem = NULL;
        st = ir_host_alloc((size_t)p->net.buf[b] * sizeof(float), IR_PAGES_DEFAULT, &mem);
        p->buf[b] = mem;
    }
    return st;
}

static any_f32 *net_naive_walk_at(const ir_run *r, int buf)
{
    const plan *p = r->self;
    return buf == LY_INPUT    ? r->mem[0].p
           : buf == LY_OUTPUT ? r->mem[3].p
           : buf == LY_NONE   ? NULL
                              : p->buf[buf];
}

static const void *net_naive_walk_input(const ir_run *r, const ly_row *row)
{
    const plan *p = r->self;
    return net_naive_walk_at(r, row->in) + (row->op == LY_BAG ? p->net.index_at : 0);
}

static ir_status net_naive_walk_step(ir_run *r, const ly_row *row)
{
    const plan *p = r->self;
    naive_op    o = {.r = row,
                     .dtype = r->p.dtype,
                     .W = r->mem[1].p,
                     .V = r->mem[2].p,
                     .x = net_naive_walk_input(r, row),
                     .add = net_naive_walk_at(r, row->add),
                     .y = net_naive_walk_at(r, row->out),
                     .kv = r->nmem > 4 ? r->mem[4].p : NULL,
                     .nW = p->net.nW};
    if (row->op == LY_MOE)
        cpu_moe_naive_run(r->dev, r->p.threads, o.dtype, row, o.x, o.add, o.W, o.V, p->experts, o.y);
    else
        naive_run(r->dev, r->p.threads, &o);
    return IR_OK;
}

static ir_status net_naive_walk_run(ir_run *r, uint32_t reps)
{
    const plan *p = r->self;
    for (uint32_t i = 0; i < reps; i++)
        for (int l = 0; l < p->net.n; l++) net_naive_walk_step(r, &p->net.row[l]);
    return IR_OK;
}

static ir_status net_naive_walk_profile(ir_run *r, double *layer_s, int n)
{
    const plan *p = r->self;
    if (n != p->net.n) return ir_fail(IR_EINVAL, "%s has %d layers, not %d", r->workload->name, p->net.n, n);
    for (int l = 0; l < n; l++) {
        double t0 = ir_now();
        net_naive_walk_step(r, &p->net.row[l]);
        layer_s[l] = ir_now() - t0;
    }
    return IR_OK;
}

static const ir_plan_ops walk_ops = {.destroy = net_naive_walk_teardown,
                                     .net = {.profile = net_naive_walk_profile}};
#define WALK(f, text) \
    .family = f, .name = "naive", .doc = text, .flags = IR_K_NAIVE, .can_run = net_naive_walk_can_run, \
    .plan = net_naive_walk_setup, .run = net_naive_walk_run, .ops = &walk_ops
const ir_kernel cpu_cnn_naive = {WALK("cnn", "layer by layer with the naive operators")};

const ir_kernel cpu_encoder_naive = {WALK("encoder", "row by row with the naive operators")};
const ir_kernel cpu_mixtral_naive = {WALK("mixtral", "row by row with the naive operators")};
const ir_kernel cpu_dlrm_naive = {WALK("dlrm", "row by row with the naive operators")};
const ir_kernel cpu_gpt_naive = {WALK("gpt", "row by row with the naive operators")};

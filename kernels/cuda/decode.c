/* decode.c -- steps of few token rows with few kernels: a GPT's table turned into the phases of decode.h, run
 * as 5 kernels a layer and 2 more a step ("few"), as one graph of them ("few_graph"), as one whose kernels
 * start before the last has ended ("early_graph"), or as a single resident kernel whose blocks meet between
 * phases ("resident"). For small models, where what lies between kernels is a large part of a step. Refuses:
 * more than DC_ROWS token rows, widths that are no multiple of 16, heads wider than DC_MAX_DH. */
#include "kernels/cuda/decode.h"
#include "kernels/workloads/workloads_nets.h"

#include <stdlib.h>
#include <string.h>

enum { T_IN, T_W, T_V, T_OUT, T_KV };
enum { KEYS_A_WARP = 4 };
typedef enum { FEW, FEW_GRAPH, EARLY_GRAPH, RESIDENT } style;
typedef struct {
    cuda_dev         *c;
    ly_net            net;
    style             how;
    pr_type           wt;
    const dc_kernels *kernels;
    int               rows;      /* that the kernels are made for: 1, 2 or 4 */
    dc_phase         *phase;     /* [n], host */
    int               n, blocks; /* blocks: what the device holds at once */
    size_t            smem;
    dc_args           args;
    void             *on_device, *parts, *arrived, *buf[LY_MAX_BUF];
    cuda_recordings   graphs;
    cudaGraphExec_t   exec; /* of the tensors at hand */
} plan;

/* ---- the table as phases --------------------------------------------------------------------- */
static ir_status suits(const ly_net *n, ir_dtype t)
{
    ir_status st = ly_only_gpt(n, t);
    if (st != IR_OK) return st;
    for (int i = 0; i < n->n; i++) {
        const ly_row *r = &n->row[i];
        if (r->op == LY_ATTENTION && (r->dh % 2 || r->dh > DC_MAX_DH))
            return ir_fail(IR_SKIP, "heads of %lld columns: this executor takes even widths to %d",
                           (long long)r->dh, DC_MAX_DH);
        if (r->op == LY_FC && r->c % 16)
            return ir_fail(IR_SKIP, "rows of %lld columns: this executor takes multiples of 16",
                           (long long)r->c);
        if (r->op != LY_NORM && r->rows > DC_ROWS)
            return ir_fail(IR_SKIP, "%lld token rows: this executor takes at most %d", (long long)r->rows,
                           DC_ROWS);
        if (r->op != LY_EMBED && r->op != LY_NORM && r->op != LY_FC && r->op != LY_ATTENTION)
            return ir_fail(IR_SKIP, "row %s: this executor knows embeddings, norms, products and attention",
                           r->name);
    }
    return IR_OK;
}

static dc_phase *next_phase(plan *p, dc_op op, const ly_row *r)
{
    dc_phase *f = &p->phase[p->n++];
    bool      scaled = pr_width(p->wt) == 1;
    *f = (dc_phase){.op = (int)op,
                    .in = r->in,
                    .add = r->add,
                    .out = r->out,
                    .M = (int)r->rows,
                    .N = (int)r->k,
                    .K = (int)r->c,
                    .every = 1,
                    .act = (int)r->act,
                    .warps = 1,
                    .ahead = -1,
                    .W_at = r->W_at,
                    .P_at = r->P_at,
                    .b_at = r->b_at,
                    .s_at = scaled ? r->s_at : -1,
                    .g_at = -1,
                    .o_at = -1,
                    .tokens = (int)r->tokens,
                    .past = (int)r->past,
                    .vocab = r->vocab};
    return f;
}

/* Keys of a query are shared until every block has some, and every warp a few. */
static int split_of(const plan *p, const ly_row *r)
{
    int queries = (int)(r->rows * r->heads), keys = (int)(r->past + r->tokens),
        want = (p->blocks + queries - 1) / queries;
    int most = (keys + DC_WARPS * KEYS_A_WARP - 1) / (DC_WARPS * KEYS_A_WARP);
    if (most > DC_SPLIT) most = DC_SPLIT;
    return want < 1 ? 1 : want < most ? want : most;
}

/* Warps share a row until all warps have work, as long as each has a whole sweep of its lanes. */
static int warps_of(const plan *p, const ly_row *r)
{
    int64_t all = (int64_t)p->blocks * DC_WARPS, chunks = r->c * (int64_t)pr_width(p->wt) / 16;
    int     w = 1;
    while (w < DC_WARPS && 2 * w * r->k <= all && chunks >= 64 * w) w *= 2;
    return w;
}

static void add_attention(plan *p, const ly_row *r)
{
    dc_phase *f = next_phase(p, DC_ATTENTION, r);
    f->split = split_of(p, r);
    f->heads = (int)r->heads;
    f->dh = (int)r->dh;
    f->plane = r->block * 2 * r->batch * r->heads * p->net.kv_cap * r->dh;
}

/* norm: the row that wrote this one's input, or NULL. */
static void add_product(plan *p, const ly_row *r, const ly_row *norm)
{
    const dc_phase *before = &p->phase[p->n - 1];
    dc_phase       *f = next_phase(p, DC_PRODUCT, r);
    f->warps = warps_of(p, r);
    if (norm) {
        f->in = norm->in;
        f->g_at = norm->g_at;
        f->o_at = norm->b_at;
        f->every = norm->tokens > 1 ? (int)norm->tokens : 1;
        f->skip = f->every - 1;
    }
    if (before->op != DC_ATTENTION || before->out != r->in) return;
    f->split = before->split;
    f->heads = before->heads;
    f->dh = before->dh;
}

static void make_phases(plan *p)
{
    const ly_row *norm = NULL;
    p->n = 0;
    for (int i = 0; i < p->net.n; i++) {
        const ly_row *r = &p->net.row[i];
        if (r->op == LY_NORM) {
            norm = r;
            continue;
        }
        if (r->op == LY_EMBED)
            next_phase(p, DC_EMBED, r);
        else if (r->op == LY_ATTENTION)
            add_attention(p, r);
        else
            add_product(p, r, norm && norm->out == r->in ? norm : NULL);
        norm = NULL;
    }
    for (int i = 0; i + 1 < p->n; i++) {
        int to = p->phase[i + 1].op == DC_ATTENTION ? i + 2 : i + 1;
        p->phase[i].ahead = p->phase[i].op == DC_ATTENTION || to >= p->n
                                ? -1
                                : to; /* before an attention its projection was asked for */
    }
}

/* ---- plans ----------------------------------------------------------------------------------- */
static void teardown(ir_run *r)
{
    plan *p = r->self;
    if (!p) return;
    cuda_forget(p->c, &p->graphs);
    for (int b = 0; b < LY_MAX_BUF; b++) cuda_free(p->c, &p->buf[b]);
    cuda_free(p->c, &p->on_device);
    cuda_free(p->c, &p->parts);
    cuda_free(p->c, &p->arrived);
    ly_free(&p->net);
    free(p->phase);
    free(p);
    r->self = NULL;
}

static ir_status memory(plan *p)
{
    size_t    parts = 0, phases = (size_t)p->n * sizeof *p->phase;
    ir_status st = cuda_new(p->c, phases, &p->on_device);
    for (int i = 0; i < p->n; i++) {
        const dc_phase *f = &p->phase[i];
        size_t          rows = f->op == DC_ATTENTION ? (size_t)(f->M * f->heads * f->split) : 0;
        size_t          need = rows * (size_t)(f->dh + 2) * sizeof(float);
        if (need > parts) parts = need;
    }
    for (int b = 0; b < p->net.nbuf && st == IR_OK; b++)
        st = cuda_new(p->c, (size_t)p->net.buf[b] * sizeof(float), &p->buf[b]);
    if (st == IR_OK) st = cuda_new(p->c, parts, &p->parts);
    if (st == IR_OK) st = cuda_new(p->c, sizeof(unsigned), &p->arrived);
    return st == IR_OK ? cuda_upload(p->c, p->on_device, p->phase, phases) : st;
}

static ir_status prepare_phases(plan *p)
{
    int floats = 0;
    p->blocks = 2 * p->c->sms;
    if (!(p->phase = calloc((size_t)p->net.n, sizeof *p->phase)))
        return ir_fail(IR_ENOMEM, "cuda: no memory for a plan");
    make_phases(p); /* what a block needs does not depend on how many there are */
    for (int i = 0; i < p->n; i++)
        if (dc_shared(&p->phase[i], p->rows) > floats) floats = dc_shared(&p->phase[i], p->rows);
    p->smem = (size_t)floats * sizeof(float);
    ir_status st = p->kernels->at_once(p->c, p->rows, p->how == RESIDENT, p->smem, &p->blocks);
    if (st == IR_OK) make_phases(p);
    return st;
}

static ir_status setup_as(ir_run *r, style how)
{
    static const pr_type stored[IR_NDTYPE] = {
        [IR_F32] = PR_F32, [IR_F16] = PR_F16, [IR_BF16] = PR_BF16, [IR_I8] = PR_I8, [IR_F8] = PR_F8};
    static const dc_kernels *const kernels_of[] = {
        [PR_F32] = &dc_f32, [PR_F16] = &dc_f16, [PR_BF16] = &dc_bf16, [PR_I8] = &dc_i8, [PR_F8] = &dc_f8};
    plan *p = calloc(1, sizeof *p);
    r->self = p;
    if (!p) return ir_fail(IR_ENOMEM, "cuda: no memory for a plan");
    p->c = cuda_of(r->dev);
    p->how = how;
    p->wt = stored[r->p.dtype];
    p->kernels = kernels_of[p->wt];
    ir_status st = wl_net_of(r->workload, &r->p, &p->net);
    if (st != IR_OK) return st;
    p->rows = p->net.row[0].rows == 1 ? 1 : p->net.row[0].rows == 2 ? 2 : DC_ROWS;
    st = prepare_phases(p);
    return st == IR_OK ? memory(p) : st;
}
static ir_status few_setup(ir_run *r) { return setup_as(r, FEW); }
static ir_status graph_setup(ir_run *r) { return setup_as(r, FEW_GRAPH); }
static ir_status early_setup(ir_run *r) { return setup_as(r, EARLY_GRAPH); }
static ir_status resident_setup(ir_run *r) { return setup_as(r, RESIDENT); }

/* ---- a step ---------------------------------------------------------------------------------- */
static void bind(plan *p, const ir_run *r)
{
    p->args = (dc_args){.phase = p->on_device,
                        .n = p->n,
                        .batch = (int)p->net.row[0].batch,
                        .cap = (int)p->net.kv_cap,
                        .W = r->mem[T_W].p,
                        .V = r->mem[T_V].p,
                        .kv = r->mem[T_KV].p,
                        .token = r->mem[T_IN].p,
                        .out = r->mem[T_OUT].p,
                        .parts = p->parts,
                        .arrived = p->arrived};
    for (int b = 0; b < LY_MAX_BUF; b++) p->args.buf[b] = p->buf[b];
}

static int blocks_of(const plan *p, const dc_phase *f)
{
    int64_t rows = DC_WARPS / f->warps;
    if (f->op == DC_ATTENTION) return f->M * f->heads * f->split;
    int64_t want =
        f->op == DC_EMBED ? ((int64_t)f->M * f->K + DC_THREADS - 1) / DC_THREADS : (f->N + rows - 1) / rows;
    return (int)(want < p->blocks ? want
                                  : p->blocks); /* a block that waits for another's end brings x once more */
}

static ir_status all_phases(void *arg)
{
    plan     *p = arg;
    ir_status st = IR_OK;
    for (int i = 0; i < p->n && st == IR_OK; i++) {
        dc_phase f = p->phase[i];
        f.early = p->how == EARLY_GRAPH && f.op == DC_PRODUCT;
        st = p->kernels->phase(p->c, &p->args, &f, p->rows, blocks_of(p, &f),
                               (size_t)dc_shared(&f, p->rows) * sizeof(float));
    }
    return st;
}

/* Every tensor set has its recording, made before anything is timed. */
static ir_status record(ir_run *r)
{
    plan *p = r->self;
    bind(p, r);
    return p->how == FEW_GRAPH || p->how == EARLY_GRAPH
               ? cuda_record(p->c, &p->graphs, r, all_phases, p, &p->exec)
               : IR_OK;
}

static ir_status step(plan *p)
{
    if (p->how == FEW) return all_phases(p);
    if (p->how != RESIDENT) {
        cuda_queued(p->c, (unsigned)p->n);
        return CU_TRY(p->c, GraphLaunch(p->exec, p->c->stream));
    }
    cuda_queued(p->c, 1);
    ir_status st = CU_TRY(p->c, MemsetAsync(p->arrived, 0, sizeof(unsigned), p->c->stream));
    return st == IR_OK ? p->kernels->resident(p->c, &p->args, p->rows, p->blocks, p->smem) : st;
}

static ir_status run(ir_run *r, uint32_t reps)
{
    ir_status st = record(r);
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = step(r->self);
    return st;
}

/* ---- what runs where ------------------------------------------------------------------------- */
static ir_status can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ly_net net;
    (void)dev;
    if (p->dtype == IR_TF32) return ir_fail(IR_SKIP, "no tf32 on the vector units");
    ir_status st = wl_net_of(w, p, &net);
    if (st != IR_OK) return st;
    st = suits(&net, p->dtype);
    ly_free(&net);
    return st;
}
static ir_status can_be_early(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    if (cuda_of(dev)->cc < 90)
        return ir_fail(IR_SKIP,
                       "cuda: kernels that start before the last has ended need sm_90, this is sm_%d",
                       cuda_of(dev)->cc);
    return can_run(dev, w, p);
}
static ir_status can_stay(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    if (!cuda_of(dev)->prop.cooperativeLaunch)
        return ir_fail(IR_SKIP, "cuda: %s cannot keep a grid resident", cuda_of(dev)->prop.name);
    return can_run(dev, w, p);
}

/* The table counts 7 rows a layer and 3 more. */
static void few_cost(const ir_params *p, ir_cost *c)
{
    (void)p;
    c->launches = (c->launches - 3) / 7 * 5 + 2;
}
static void resident_cost(const ir_params *p, ir_cost *c)
{
    (void)p;
    c->launches = 1;
}

static const ir_plan_ops decode_ops = {.destroy = teardown, .prepare = record};
#define GPT(id, word, text, can, set, price) \
    const ir_kernel id = {.family = "gpt", \
                          .name = word, \
                          .doc = text, \
                          .can_run = can, \
                          .plan = set, \
                          .run = run, \
                          .ops = &decode_ops, \
                          .cost = price}
GPT(cuda_gpt_few, "few", "5 kernels a layer and 2 a step, norms inside products; to 4 token rows", can_run,
    few_setup, few_cost);
GPT(cuda_gpt_few_graph, "few_graph", "the same 5 kernels a layer replayed as one CUDA graph", can_run,
    graph_setup, few_cost);
GPT(cuda_gpt_early_graph, "early_graph",
    "few_graph whose products fetch weights while the kernel before still runs; sm_90 and later",
    can_be_early, early_setup, few_cost);
GPT(cuda_gpt_resident, "resident", "one cooperative kernel a step, its blocks meet 5 times a layer", can_stay,
    resident_setup, resident_cost);

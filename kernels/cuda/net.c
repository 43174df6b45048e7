/* net.c -- executes layer tables: whole networks ("cnn", "gpt") and single operators, which are tables of one
 * row. A plan chooses for each row its kernel and for each value that passes between rows its type, once, in
 * plan(); a step only enqueues. Kernels "launches" enqueue row by row; kernels "graph" replay the same
 * launches recorded as one CUDA graph: the difference is what launching costs.
 *
 * Types: with f32, tf32 and f64-free tables everything is f32. With 16-bit weights (and int8, whose products
 * run in bf16) a value is 16-bit where a matrix unit reads it; convolution networks keep all values so, GPT
 * its residual stream in f32. Rows of at most PR_FEW inputs stream their weights on the vector units and read
 * f32. */
#include "kernels/workloads/workloads_nets.h"
#include "kernels/cuda/groups.h"
#include "kernels/cuda/models.h"
#include "kernels/cuda/product.h"
#include "kernels/cuda/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { T_IN, T_W, T_V, T_OUT, T_KV };
enum {
    FLASH_FROM = 16
}; /* new tokens a sequence of a network from which attention runs in tiles: rows one warp's instruction has
    */
typedef enum {
    DIRECT,
    MATRIX,
    FLASH
} style; /* DIRECT: the naive rung, a thread an element. FLASH: MATRIX, and attention in tiles whatever its
            size */
typedef struct {
    pr_plan product;
    bool    few;         /* products: weights streamed */
    pr_type in_t, out_t; /* type of the value read and written; LY_INPUT of a row that needs another type is
                            converted */
    int  split;          /* attention: blocks that share a query's keys */
    bool flash;          /* attention: tiles on matrix units */
} step;
typedef struct {
    cuda_dev       *c;
    const ir_run   *run;
    ly_net          net;
    step           *step;
    style           how;
    pr_type         w_t, act_t; /* stored weights; what matrix units read */
    pr_unit         unit;
    pr_type         kv_t;
    void           *buf[LY_MAX_BUF], *input, *partial, *tickets, *attention, *attention_tickets, *turn;
    bool            convert_input;
    int             bits;      /* weights in groups: of a value; 0: whole weights */
    size_t          opened_at; /* where their bf16 copy begins in what prepare() made */
    bool            graphed;
    cuda_recordings graphs;
} plan;

static bool is_network(const ir_workload *w) { return wl_is_net(w); }
static bool is_product(const ly_row *r) { return r->op == LY_FC || r->op == LY_CONV; }
static bool grouped(const ly_row *r) { return r->op == LY_CONV && r->groups > 1; }

static int product_M(const ly_row *r) { return (int)(r->op == LY_CONV ? r->batch * r->oh * r->ow : r->rows); }
static int product_K(const ly_row *r) { return (int)(r->op == LY_CONV ? r->r * r->s * r->c : r->c); }
static bool pointwise(const ly_row *r)
{
    return r->op == LY_FC || (r->r == 1 && r->s == 1 && r->stride == 1 && r->pad == 0 && r->pad_w == 0);
}

/* ---- types of values ------------------------------------------------------------------------- */
/* What row i wants its input to be; PR_I8: it takes anything. */
static pr_type wanted(const plan *p, int i)
{
    const ly_row *r = &p->net.row[i];
    if (p->step[i].flash && is_network(p->run->workload))
        return p->act_t; /* an operator's input stays as it comes */
    if (!is_product(r) || grouped(r) || p->how == DIRECT) return PR_I8;
    return p->step[i].few ? PR_F32 : p->act_t;
}

/* The type of what row i (-1: the input) writes, from the rows that read it before it is overwritten. */
static pr_type value_type(const plan *p, int i)
{
    int     out = i < 0 ? LY_INPUT : p->net.row[i].out;
    pr_type t = PR_I8;
    if (out == LY_OUTPUT || i < 0) return PR_F32;
    for (int j = i + 1; j < p->net.n; j++) {
        const ly_row *r = &p->net.row[j];
        pr_type       w = r->in == out ? wanted(p, j) : PR_I8;
        if (w == PR_F32) return PR_F32;
        if (w != PR_I8) t = w;
        if (r->out == out) break;
    }
    if (t != PR_I8) return t;
    const bool images =
        is_network(p->run->workload) ? !strcmp(p->run->workload->family, "cnn") : !p->net.tokens_in;
    return images ? p->act_t : PR_F32;
}

/* A value read by a streamed row and by a matrix row alike does not occur in these tables; it is refused, not
 * converted. */
static ir_status type_values(plan *p)
{
    pr_type now[LY_MAX_BUF];
    for (int i = 0; i < LY_MAX_BUF; i++) now[i] = PR_F32;
    for (int i = 0; i < p->net.n; i++) {
        const ly_row *r = &p->net.row[i];
        step         *s = &p->step[i];
        pr_type       want = wanted(p, i);
        s->in_t = r->in >= 0 ? now[r->in] : PR_F32;
        if (r->in == LY_INPUT && want != PR_I8 && want != PR_F32) {
            p->convert_input = true;
            s->in_t = want;
        }
        if (want != PR_I8 && want != s->in_t)
            return ir_fail(IR_SKIP, "cuda: row %s reads a value of another type than its kernel takes",
                           r->name);
        s->out_t = value_type(p, i);
        if (r->out >= 0) now[r->out] = s->out_t;
    }
    return IR_OK;
}

/* ---- planning -------------------------------------------------------------------------------- */
static void plan_types(plan *p, ir_dtype t)
{
    static const pr_type stored[IR_NDTYPE] = {[IR_F32] = PR_F32,   [IR_TF32] = PR_F32, [IR_F16] = PR_F16,
                                              [IR_BF16] = PR_BF16, [IR_I8] = PR_I8,    [IR_F8] = PR_F8};
    p->w_t = stored[t];
    p->act_t = t == IR_F32 || t == IR_TF32 ? PR_F32 : t == IR_F16 ? PR_F16 : PR_BF16;
    p->unit = t == IR_F32 ? PR_VECTOR : t == IR_TF32 ? PR_MMA_TF32 : t == IR_F16 ? PR_MMA_F16 : PR_MMA_BF16;
    p->kv_t = ly_kv_dtype(t) == IR_F32 ? PR_F32 : ly_kv_dtype(t) == IR_F16 ? PR_F16 : PR_BF16;
}
static void plan_groups(plan *p, ir_dtype t)
{
    if (!p->net.format.group) return;
    p->w_t = PR_I8;
    p->bits = t == IR_I4 ? 4 : 8;
    p->opened_at = gr_bytes(p->bits, p->net.format, (size_t)p->net.nW);
}
static gr_planes groups(const plan *p)
{
    return gr_at(p->run->packed, p->bits, p->net.format, (size_t)p->net.nW);
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static ir_status plan_rows(plan *p)
{
    size_t    partial = 0, tickets = 0, work = 0, queries = 0;
    ir_status st = IR_OK;
    for (int i = 0; i < p->net.n; i++) {
        const ly_row *r = &p->net.row[i];
        step         *s = &p->step[i];
        if (is_product(r) && !grouped(r) && p->how != DIRECT) {
            s->few = pointwise(r) && product_M(r) <= PR_FEW && p->unit != PR_MMA_TF32;
            pr_choose(p->c, p->unit, product_M(r), (int)r->k, product_K(r), &s->product);
            partial = larger(partial, s->few ? 0 : s->product.partial_B);
            tickets = larger(tickets, s->few ? 0 : s->product.ticket_B);
        } else if (r->op == LY_ATTENTION) {
            s->flash = p->how == FLASH || (p->how == MATRIX && !r->all && is_network(p->run->workload) &&
                                           r->tokens >= FLASH_FROM && p->kv_t == p->act_t &&
                                           rw_flash_can(p->c, r, p->kv_t) == IR_OK);
            s->split = p->how == DIRECT || s->flash ? 1 : rw_attention_split(p->c, r);
            work = larger(work, rw_attention_work(r, s->split));
            queries = larger(queries, (size_t)(r->rows * r->heads) * sizeof(unsigned));
        }
    }
    st = cuda_new(p->c, partial, &p->partial);
    if (st == IR_OK) st = cuda_new(p->c, tickets, &p->tickets);
    if (st == IR_OK) st = cuda_new(p->c, work, &p->attention);
    if (st == IR_OK) st = cuda_new(p->c, queries, &p->attention_tickets);
    if (st == IR_OK && tickets) st = CU_TRY(p->c, MemsetAsync(p->tickets, 0, tickets, p->c->stream));
    if (st == IR_OK && queries)
        st = CU_TRY(p->c, MemsetAsync(p->attention_tickets, 0, queries, p->c->stream));
    return st;
}

/* Cosines, then sines, of the new positions, one table for all attentions; the cache's type. */
static ir_status plan_positions(plan *p, ir_dtype t)
{
    const ly_row *r = NULL;
    for (int i = 0; i < p->net.n && !r; i++)
        if (p->net.row[i].op == LY_ATTENTION) r = &p->net.row[i];
    if (!r) return IR_OK;
    const ir_dtype kv = ly_row_kv(r, t);
    p->kv_t = kv == IR_F32 ? PR_F32 : kv == IR_F16 ? PR_F16 : kv == IR_I8 ? PR_I8 : PR_BF16;
    if (r->rope.pairs == LY_ROPE_NONE) return IR_OK;
    const int64_t half = r->dh / 2;
    const size_t  bytes = (size_t)(r->tokens * r->dh) * sizeof(float);
    float        *angle = malloc(bytes);
    if (!angle)
        return ir_fail(IR_ENOMEM, "cuda: no memory for the angles of %lld positions", (long long)r->tokens);
    for (int64_t i = 0; i < r->tokens * half; i++) {
        const double a = (double)(r->past + i / half) * ly_rope_frequency(&r->rope, r->dh, i % half);
        angle[i / half * r->dh + i % half] = (float)cos(a);
        angle[i / half * r->dh + half + i % half] = (float)sin(a);
    }
    ir_status st = cuda_new(p->c, bytes, &p->turn);
    if (st == IR_OK) st = cuda_upload(p->c, p->turn, angle, bytes);
    free(angle);
    return st;
}

static ir_status plan_buffers(plan *p)
{
    ir_status st = IR_OK;
    for (int b = 0; b < p->net.nbuf && st == IR_OK; b++)
        st = cuda_new(p->c, (size_t)p->net.buf[b] * 4, &p->buf[b]);
    if (st == IR_OK && p->convert_input) st = cuda_new(p->c, (size_t)p->net.in_elems * 2, &p->input);
    return st;
}

/* A single operator as a table; freed as one. */
static ir_status table_of_row(const ir_run *r, ly_net *net)
{
    memset(net, 0, sizeof *net);
    net->row = calloc(1, sizeof *net->row);
    if (!net->row) return ir_fail(IR_ENOMEM, "cuda: no memory for a table");
    wl_row_of(r->workload, &r->p, net->row);
    net->n = 1;
    net->in_elems = ly_in_elems(net->row);
    net->out_elems = ly_out_elems(net->row);
    net->kv_cap = net->row->past + net->row->tokens;
    net->tokens_in = net->row->op == LY_EMBED || net->row->op == LY_BAG ||
                     net->row->op == LY_ATTENTION; /* values that no matrix unit reads stay f32 */
    return IR_OK;
}

static void net_teardown(ir_run *r)
{
    plan *p = r->self;
    if (!p) return;
    cuda_forget(p->c, &p->graphs);
    for (int b = 0; b < LY_MAX_BUF; b++) cuda_free(p->c, &p->buf[b]);
    cuda_free(p->c, &p->input);
    cuda_free(p->c, &p->partial);
    cuda_free(p->c, &p->tickets);
    cuda_free(p->c, &p->attention);
    cuda_free(p->c, &p->attention_tickets);
    cuda_free(p->c, &p->turn);
    ly_free(&p->net);
    free(p->step);
    free(p);
    r->self = NULL;
}

static ir_status setup_as(ir_run *r, style how, bool graphed)
{
    plan *p = calloc(1, sizeof *p);
    r->self = p;
    if (!p) return ir_fail(IR_ENOMEM, "cuda: no memory for a plan");
    p->c = cuda_of(r->dev);
    p->run = r;
    p->how = how;
    p->graphed = graphed;
    plan_types(p, r->p.dtype);
    ir_status st =
        is_network(r->workload) ? wl_net_of(r->workload, &r->p, &p->net) : table_of_row(r, &p->net);
    if (st == IR_OK && !(p->step = calloc((size_t)p->net.n, sizeof *p->step)))
        st = ir_fail(IR_ENOMEM, "cuda: no memory for a plan");
    plan_groups(p, r->p.dtype);
    if (st == IR_OK) st = plan_positions(p, r->p.dtype);
    if (st == IR_OK) st = plan_rows(p);
    if (st == IR_OK) st = type_values(p);
    if (st == IR_OK) st = plan_buffers(p);
    return st;
}
static ir_status matrix_setup(ir_run *r) { return setup_as(r, MATRIX, false); }
static ir_status graph_setup(ir_run *r) { return setup_as(r, MATRIX, true); }
static ir_status flash_setup(ir_run *r) { return setup_as(r, FLASH, false); }
static ir_status direct_setup(ir_run *r) { return setup_as(r, DIRECT, false); }

/* ---- tensors of a run ------------------------------------------------------------------------ */
/* The order of an operator's tensors differs from a network's where it lacks some. */
static void *tensor(const ir_run *r, int which)
{
    const ir_workload *w = r->workload;
    int                last = r->nmem - 1;
    if (is_network(w) || !strcmp(w->family, "conv") || !strcmp(w->family, "linear"))
        return which < r->nmem ? r->mem[which].p : NULL;
    if (which == T_IN) return r->mem[0].p;
    if (which == T_OUT) return r->mem[last].p;
    if (!strcmp(w->family, "norm")) return which == T_V ? r->mem[1].p : NULL;
    if (!strcmp(w->family, "attention")) return which == T_KV ? r->mem[1].p : NULL;
    if (!strcmp(w->family, "embed") || !strcmp(w->family, "bag")) return which == T_W ? r->mem[1].p : NULL;
    return NULL; /* softmax, act; add's second input is taken where it is used */
}

static const float *vector_at(const ir_run *r, int64_t at)
{
    const float *v = tensor(r, T_V);
    return v && at >= 0 ? v + at : NULL;
}

static rw_buf value(const plan *p, int buf, pr_type t)
{
    rw_buf b = {NULL, t};
    if (buf == LY_INPUT)
        b.p = p->convert_input && t != PR_F32 ? p->input : tensor(p->run, T_IN);
    else if (buf == LY_OUTPUT)
        b.p = tensor(p->run, T_OUT);
    else if (buf >= 0)
        b.p = p->buf[buf];
    return b;
}

/* ---- running one row ------------------------------------------------------------------------- */
static const void *weights(const plan *p, const ly_row *r, pr_type *t)
{
    *t = p->w_t;
    return (const char *)tensor(p->run, T_W) + (size_t)r->W_at * pr_width(p->w_t);
}

static void product_shape(const ly_row *r, pr_args *a)
{
    a->M = product_M(r);
    a->N = (int)r->k;
    a->K = product_K(r);
    a->conv = !pointwise(r);
    a->H = (int)r->h;
    a->W = (int)r->w;
    a->C = (int)r->c;
    a->S = (int)r->s;
    a->stride = (int)r->stride;
    a->pad = (int)r->pad;
    a->pad_w = (int)r->pad_w;
    a->OH = (int)r->oh;
    a->OW = (int)r->ow;
}

static ir_status run_product(plan *p, int i, rw_buf in, rw_buf add, rw_buf out, bool bare)
{
    const ly_row *r = &p->net.row[i];
    const step   *s = &p->step[i];
    pr_type       wt;
    const void   *W = weights(p, r, &wt);
    if (p->how == DIRECT && r->op == LY_CONV)
        return rw_conv_direct(p->c, r, in, W, wt, bare ? NULL : vector_at(p->run, r->b_at), add, out);
    if (grouped(r))
        return rw_conv_direct(p->c, r, in, W, wt, bare ? NULL : vector_at(p->run, r->b_at), add, out);
    pr_args a = {0};
    product_shape(r, &a);
    a.a = in.p;
    a.b = W;
    a.bias = bare ? NULL : vector_at(p->run, r->b_at);
    a.scale = pr_width(p->w_t) == 1 ? vector_at(p->run, r->s_at) : NULL;
    a.gate = r->gate;
    a.add = add.p;
    a.add_t = add.t;
    a.out = out.p;
    a.out_t = out.t;
    a.act = bare ? LY_ID : (int)r->act;
    a.partial = p->partial;
    a.tickets = p->tickets;
    if (s->few && p->bits) {
        gr_planes g = groups(p);
        return gr_few(p->c, &a, &g, (size_t)r->W_at);
    }
    if (s->few) return pr_few(p->c, &a, wt);
    if (pr_width(wt) == 1)
        a.b = (const char *)p->run->packed + p->opened_at + (size_t)r->W_at * 2; /* unpacked by prepare() */
    return pr_run(p->c, &s->product, &a);
}

/* conv with fuse = WL_UNFUSED: the product bare, bias and activation each a pass over the output. */
static ir_status run_unfused(plan *p, int i, rw_buf in, rw_buf out)
{
    const ly_row *r = &p->net.row[i];
    rw_buf        none = {NULL, PR_F32};
    ly_row        bare = *r;
    size_t        n = (size_t)ly_out_elems(r);
    bare.act = LY_ID;
    p->net.row[i] = bare;
    ir_status st = run_product(p, i, in, none, out, true);
    p->net.row[i].act = r->act;
    if (st == IR_OK) st = rw_map(p->c, n, (int)r->k, LY_ID, out, none, vector_at(p->run, r->b_at), out);
    return st == IR_OK ? rw_map(p->c, n, (int)r->k, LY_RELU, out, none, NULL, out) : st;
}

static const float *row_scales(const plan *p, const ly_row *r)
{
    return pr_width(p->w_t) == 1 ? vector_at(p->run, r->s_at) : NULL;
}

static ir_status run_embed(plan *p, const ly_row *r, rw_buf out)
{
    pr_type      wt;
    const void  *W = tensor(p->run, T_W);
    const float *scale = row_scales(p, r);
    if (p->bits) {
        gr_planes g = groups(p);
        return gr_embed(p->c, r, tensor(p->run, T_IN), &g, out);
    }
    weights(p, r, &wt);
    ir_status st = rw_embed(p->c, r, tensor(p->run, T_IN), W, wt, scale, out);
    return st == IR_OK && r->types ? rw_types(p->c, r, W, wt, scale, out) : st;
}

static ir_status run_row(plan *p, int i)
{
    const ly_row *r = &p->net.row[i];
    const step   *s = &p->step[i];
    cuda_dev     *c = p->c;
    rw_buf none = {NULL, PR_F32}, in = value(p, r->in, s->in_t), out = value(p, r->out, s->out_t), add = none;
    size_t n = (size_t)ly_out_elems(r);
    pr_type wt;
    for (int j = i - 1; j >= 0 && r->add >= 0 && !add.p; j--)
        if (p->net.row[j].out == r->add) add = value(p, r->add, p->step[j].out_t);
    if (r->op == LY_ADD && !is_network(p->run->workload)) add = (rw_buf){p->run->mem[1].p, PR_F32};
    switch (r->op) {
    case LY_CONV:
        if (!is_network(p->run->workload) && wl_fuse_of(&p->run->p) == WL_UNFUSED)
            return run_unfused(p, i, in, out);
        return run_product(p, i, in, add, out, false);
    case LY_FC: return run_product(p, i, in, add, out, false);
    case LY_NORM: return rw_norm(c, r, in, out, vector_at(p->run, r->g_at), vector_at(p->run, r->b_at));
    case LY_SOFTMAX: return rw_softmax(c, r->rows, r->c, in, out);
    case LY_ACT: return rw_map(c, n, (int)r->c, (int)r->act, in, none, NULL, out);
    case LY_ADD: return rw_map(c, n, (int)r->c, (int)r->act, in, add, NULL, out);
    case LY_MAXPOOL:
    case LY_AVGPOOL: return rw_pool(c, r, in, out);
    case LY_EMBED: return run_embed(p, r, out);
    case LY_BAG:
        weights(p, r, &wt);
        return rw_bag(c, r, (const int32_t *)tensor(p->run, T_IN) + p->net.index_at, tensor(p->run, T_W), wt,
                      out);
    case LY_INTERACT:
    case LY_CONCAT: return rw_interact(c, r, in, add, out);
    case LY_PATCHES: return rw_patches(c, r, in, out);
    case LY_TOKENS:
        weights(p, r, &wt);
        return rw_tokens(c, r, in, tensor(p->run, T_W), wt, row_scales(p, r), out);
    case LY_ATTENTION:
        if (p->turn) {
            ir_status st = rw_turn(c, r, in, p->turn);
            if (st != IR_OK) return st;
        }
        if (s->flash) return rw_flash(c, r, p->net.kv_cap, in, tensor(p->run, T_KV), p->kv_t, out);
        return rw_attention(c, r, p->net.kv_cap, in, tensor(p->run, T_KV), p->kv_t, out, s->split,
                            p->attention, p->attention_tickets);
    default: return ir_fail(IR_SKIP, "cuda: no kernel for row %s", r->name);
    }
}

static ir_status start_step(plan *p)
{
    return p->convert_input
               ? pr_convert(p->c, p->input, p->act_t, tensor(p->run, T_IN), PR_F32, (size_t)p->net.in_elems)
               : IR_OK;
}

static ir_status all_rows(void *arg)
{
    plan     *p = arg;
    ir_status st = start_step(p);
    for (int i = 0; i < p->net.n && st == IR_OK; i++) st = run_row(p, i);
    return st;
}

/* The graph of this tensor set; NULL where rows are launched one by one. */
static ir_status record(plan *p, cudaGraphExec_t *exec)
{
    *exec = NULL;
    return p->graphed ? cuda_record(p->c, &p->graphs, p->run, all_rows, p, exec) : IR_OK;
}

static ir_status net_run(ir_run *r, uint32_t reps)
{
    plan           *p = r->self;
    cudaGraphExec_t exec;
    p->run = r;
    ir_status st = record(p, &exec);
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) {
        if (!p->graphed) {
            st = all_rows(p);
            continue;
        }
        cuda_queued(p->c, (unsigned)p->net.n);
        st = CU_TRY(p->c, GraphLaunch(exec, p->c->stream));
    }
    return st;
}

/* ---- weights of one byte for rows whose product runs on matrix units: a bf16 copy, scales stay in the
 * epilogue. Weights in groups: planes for all rows, and the copy has the scales. ---- */
static ir_status prepare_groups(plan *p, ir_run *r, bool copy)
{
    const size_t n = (size_t)p->net.nW;
    ir_status    st = cuda_new(p->c, p->opened_at + (copy ? 2 * n : 0), &r->packed);
    if (st != IR_OK) return st;
    gr_planes g = groups(p);
    st = gr_split(p->c, &g, tensor(r, T_W));
    return st == IR_OK && copy ? gr_open(p->c, &g, (char *)r->packed + p->opened_at) : st;
}
static ir_status net_prepare(ir_run *r)
{
    plan *p = r->self;
    bool  needed = false;
    p->run = r;
    for (int i = 0; i < p->net.n; i++)
        needed = needed ||
                 (p->net.row[i].op == LY_FC && !p->step[i].few && pr_width(p->w_t) == 1 && p->how != DIRECT);
    size_t          n = r->mem[T_W].bytes;
    cudaGraphExec_t exec;
    ir_status       st = p->bits  ? prepare_groups(p, r, needed)
                         : needed ? cuda_new(p->c, 2 * n, &r->packed)
                                  : IR_OK;
    if (st == IR_OK && needed && !p->bits)
        st = pr_convert(p->c, r->packed, PR_BF16, tensor(r, T_W), p->w_t, n);
    return st == IR_OK ? record(p, &exec) : st; /* outside of what is timed */
}
static void net_unprepare(ir_run *r)
{
    cuda_dev *c = cuda_of(r->dev);
    cuda_free(c, &r->packed);
}

/* ---- how long each row takes: events between rows, enqueued behind the latch where they fit ---- */
static ir_status net_profile(ir_run *r, double *layer_s, int n)
{
    plan        *p = r->self;
    cuda_dev    *c = p->c;
    cudaEvent_t *e = calloc((size_t)n + 1, sizeof *e);
    ir_status    st = e ? IR_OK : ir_fail(IR_ENOMEM, "cuda: no memory for %d events", n + 1);
    p->run = r;
    for (int i = 0; i < n; i++) layer_s[i] = NAN;
    for (int i = 0; e && i <= n && st == IR_OK; i++) st = CU_TRY(c, EventCreate(&e[i]));
    if (st == IR_OK) st = all_rows(p); /* warm */
    if (st == IR_OK) st = start_step(p);
    if (st == IR_OK) st = CU_TRY(c, EventRecord(e[0], c->stream));
    for (int i = 0; i < n && i < p->net.n && st == IR_OK; i++) {
        st = run_row(p, i);
        if (st == IR_OK) st = CU_TRY(c, EventRecord(e[i + 1], c->stream));
    }
    cuda_release(c);
    if (st == IR_OK) st = CU_TRY(c, StreamSynchronize(c->stream));
    for (int i = 0; i < n && i < p->net.n && st == IR_OK; i++) {
        float ms = NAN;
        st = CU_TRY(c, EventElapsedTime(&ms, e[i], e[i + 1]));
        layer_s[i] = 1e-3 * (double)ms;
    }
    for (int i = 0; e && i <= n; i++)
        if (e[i]) c->api->EventDestroy(e[i]);
    free(e);
    return st;
}

/* ---- what runs where ------------------------------------------------------------------------- */
static ir_status matrix_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)w;
    int need = p->dtype == IR_F32 || p->dtype == IR_F16 ? 75 : 80, cc = cuda_of(dev)->cc;
    return cc >= need ? IR_OK
                      : ir_fail(IR_SKIP, "cuda: %s on the matrix units needs sm_%d, this is sm_%d",
                                ir_dtype_name(p->dtype), need, cc);
}
static ir_status flash_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ly_row   r;
    ir_dtype t = ly_kv_dtype(p->dtype);
    wl_row_of(w, p, &r);
    return rw_flash_can(cuda_of(dev), &r, t == IR_F32 ? PR_F32 : t == IR_F16 ? PR_F16 : PR_BF16);
}
/* The operator's qkv is f32: new rows are appended by a launch of their own. */
static void flash_cost(const ir_params *p, ir_cost *c)
{
    (void)p;
    c->launches = 2;
}
static ir_status direct_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return p->dtype == IR_TF32 ? ir_fail(IR_SKIP, "direct: no tf32 on the vector units") : IR_OK;
}
static ir_status grouped_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ly_row r;
    wl_row_of(w, p, &r);
    if (r.groups > 1) return ir_fail(IR_SKIP, "implicit: one group only; direct takes any");
    if (r.batch * r.oh * r.ow > INT32_MAX || r.r * r.s * r.c > INT32_MAX)
        return ir_fail(IR_SKIP, "implicit: product dimensions beyond 2^31");
    return matrix_can_run(dev, w, p);
}

static const ir_plan_ops operator_ops = {
    .destroy = net_teardown, .prepare = net_prepare, .unprepare = net_unprepare};

static const ir_plan_ops network_ops = {.destroy = net_teardown,
                                        .prepare = net_prepare,
                                        .unprepare = net_unprepare,
                                        .net = {.profile = net_profile}};
#define EXECUTOR(table, id, fam, nm, text, can, set, more) \
    const ir_kernel id = {.family = fam, \
                          .name = nm, \
                          .doc = text, \
                          .can_run = can, \
                          .plan = set, \
                          .run = net_run, \
                          .ops = &table, \
                          more}
#define NET(...)     EXECUTOR(operator_ops, __VA_ARGS__)
#define NETWORK(...) EXECUTOR(network_ops, __VA_ARGS__)
NET(cuda_conv_direct, "conv", "direct", "a thread an output element", direct_can_run, direct_setup,
    .flags = IR_K_NAIVE);
NET(cuda_conv_implicit, "conv", "implicit", "implicit matrix product, matrix units but for f32",
    grouped_can_run, matrix_setup, .flags = 0);
NET(cuda_linear_product, "linear", "product", "few rows stream the weights, many run on the matrix units",
    matrix_can_run, matrix_setup, .flags = 0);
NET(cuda_norm_rows, "norm", "rows", "a block a row, read once", NULL, matrix_setup, .flags = 0);
NET(cuda_softmax_rows, "softmax", "rows", "a block a row, read once", NULL, matrix_setup, .flags = 0);
NET(cuda_act_map, "act", "map", "element by element, 16 bytes an access", NULL, matrix_setup, .flags = 0);
NET(cuda_add_map, "add", "map", "element by element, 16 bytes an access", NULL, matrix_setup, .flags = 0);
NET(cuda_embed_rows, "embed", "rows", "a block a token", NULL, matrix_setup, .flags = 0);
NET(cuda_attention_naive, "attention", "naive", "a block a query and head", NULL, direct_setup,
    .flags = IR_K_NAIVE);
NET(cuda_attention_split, "attention", "split",
    "online softmax, the keys of a query shared by several blocks", NULL, matrix_setup, .flags = 0);
NET(cuda_attention_flash, "attention", "flash", "tiles of 64 queries on matrix units, online softmax",
    flash_can_run, flash_setup, .cost = flash_cost);
NETWORK(cuda_cnn_launches, "cnn", "launches", "a launch a row, fused epilogues", matrix_can_run, matrix_setup,
        .flags = 0);
NETWORK(cuda_cnn_graph, "cnn", "graph", "the same launches replayed as one CUDA graph", matrix_can_run,
        graph_setup, .flags = IR_K_GRAPH);
NETWORK(cuda_gpt_launches, "gpt", "launches", "7 kernels a layer and 3 a step, fused epilogues",
        matrix_can_run, matrix_setup, .flags = 0);
NETWORK(cuda_gpt_graph, "gpt", "graph", "the same launches replayed as one CUDA graph", matrix_can_run,
        graph_setup, .flags = IR_K_GRAPH);
NET(cuda_bag_items, "bag", "items", "a thread an element of a bag's sum", NULL, matrix_setup, .flags = 0);
NETWORK(cuda_dlrm_launches, "dlrm", "launches", "a launch a row, fused epilogues", matrix_can_run,
        matrix_setup, .flags = 0);
NETWORK(cuda_dlrm_graph, "dlrm", "graph", "the same launches replayed as one CUDA graph", matrix_can_run,
        graph_setup, .flags = IR_K_GRAPH);
NETWORK(cuda_encoder_launches, "encoder", "launches", "7 kernels a layer, fused epilogues", matrix_can_run,
        matrix_setup, .flags = 0);
NETWORK(cuda_encoder_graph, "encoder", "graph", "the same launches replayed as one CUDA graph",
        matrix_can_run, graph_setup, .flags = IR_K_GRAPH);

/* gpt.c -- "stream": a decoder's step, GPT-2's or Llama's, decode or prefill, in one parallel region: threads
 * meet at a barrier between operations that depend on each other, and nowhere else. Weights are read once,
 * each thread its own contiguous rows of every matrix; those in groups meet activations rounded to int8 in
 * blocks of 32 (linear_q.h), or f32 ones ("exact"; and beyond 32 rows, where blocks of W are widened, unless
 * the processor multiplies whole numbers fast enough for any number of rows).
 * Refuses weights in f16, and a workspace that memory does not hold. */
#include "kernels/cpu/gpt.h"
#include "kernels/workloads/workloads_nets.h"

#include <stdlib.h>
#include <string.h>

enum {
    OWN_ROWS = 8,     /* up to here every thread normalises and packs the rows for itself: one barrier less */
    STREAM_ROWS = 32, /* up to here weights pass as a stream */
    ALIGN = 64
};

static size_t max_of(size_t x, size_t y) { return x > y ? x : y; }

/* ---- the plan -------------------------------------------------------------------------------- */
/* The linear rows right after row i that read what it wrote, one or two of them, if nothing else does: the
 * MLP's first, or its gate and the product that it gates. 0 otherwise. */
static int fused_readers(const ly_net *n, int i)
{
    const int b = n->row[i].out;
    int       readers = 0;
    while (readers < 2 && i + 1 + readers < n->n) {
        const ly_row *r = &n->row[i + 1 + readers];
        if (r->op != LY_FC || r->in != b || r->add == b) break;
        readers++;
        if (r->out == b) return readers;
    }
    for (int k = i + 1 + readers; readers && k < n->n; k++) {
        if (n->row[k].in == b || n->row[k].add == b) return 0;
        if (n->row[k].out == b) return readers;
    }
    return readers;
}

/* Weights in groups or in e4m3: how few rows meet them; many meet blocks of them, widened. */
static void plan_stored(const ir_dev *dev, cpu_gpt *g, cpu_gpt_op *op, unsigned how)
{
    op->q = cpu_q_matrix_of(g->dtype, op->row);
    op->way = cpu_q_way_of(dev, op->q.kind, how & CPU_GPT_EXACT);
    op->l.w_row_B = op->q.row_B;
    op->l.dot = CPU_DOT_F32;
    op->l.stored = &op->q;
    op->l.load = g->q->load;
}

/* Does operation i read what the one before read, whose result it needs of its own columns only? */
static bool plan_again(const cpu_gpt *g, int i)
{
    const cpu_gpt_op *op = &g->op[i], *before = op - 1;
    const ly_row     *r = op->row, *p = i > 0 ? before->row : NULL;
    return p && r->op == LY_FC && p->op == LY_FC && r->in == p->in && r->c == p->c && r->k == p->k &&
           r->rows == p->rows && op->norm == before->norm && r->add == p->out && r->in != p->out &&
           r->out != r->in && !op->blocked && op->own && op->way == before->way;
}

static void plan_linear(const ir_dev *dev, cpu_gpt *g, cpu_gpt_op *op, unsigned how)
{
    const ly_row *r = op->row;
    cpu_linear   *l = &op->l;
    op->blocked = r->rows > STREAM_ROWS;
    op->own = r->rows <= OWN_ROWS;
    l->ops = cpu_linear_ops_of(dev);
    l->fin = g->ops;
    l->dtype = g->dtype;
    l->dot = cpu_linear_dot(dev, l->ops, g->dtype, (size_t)r->rows, op->blocked);
    l->rows = (size_t)r->rows;
    l->c = (size_t)r->c;
    l->k = (size_t)r->k;
    l->w_row_B = l->c * (size_t)ir_dtype_bytes(g->dtype);
    l->act = r->act;
    l->gate = r->gate;
    op->is_q = cpu_q_is(g->dtype, r->format);
    if (op->is_q) plan_stored(dev, g, op, how);
    if (op->is_q && cpu_q_has_panels(g->q, op->way)) op->blocked = false;
    l->xs = op->is_q && !op->blocked ? cpu_q_stride(g->q, op->way, l->c)
                                     : cpu_linear_stride(l->ops, l->dot, l->c);
    if (!(how & CPU_GPT_PACK)) { /* a library's input in the weights' dtype */
        if (g->dtype != IR_F32) g->x_B = max_of(g->x_B, l->rows * l->w_row_B);
        return;
    }
    op->packed = op->blocked && cpu_linear_packs(l->dot, l->rows);
    if (op->packed) {
        op->panels = cpu_linear_panels_of(dev, l, g->threads, cpu_gpt_lays(&g->net, r, g->dtype));
        g->x_B = max_of(g->x_B, op->panels.x_B);
        g->scratch_B = max_of(g->scratch_B, op->panels.scratch_B);
        if (op->norm) g->pack_rows = max_of(g->pack_rows, op->panels.ops->mr);
        return;
    }
    g->x_B = max_of(g->x_B, op->own ? (size_t)g->threads * cpu_apart(l->rows * l->xs) : l->rows * l->xs);
    if (op->is_q && !op->blocked)
        g->scratch_B = max_of(g->scratch_B, cpu_q_scratch_B(g->q, op->way, l->rows, l->c));
    if (!op->blocked) return;
    g->block = cpu_linear_block_of(dev, l->ops, g->dtype, l->dot);
    g->scratch_B = max_of(g->scratch_B, cpu_linear_scratch_B(g->block));
}

static ir_status plan_ops(const ir_dev *dev, cpu_gpt *g, unsigned how)
{
    ir_status st = IR_OK;
    for (int i = 0, norm = 0, readers = 0; i < g->net.n && st == IR_OK; i++) {
        const ly_row *r = &g->net.row[i];
        cpu_gpt_op   *op = &g->op[g->nop];
        if (how & CPU_GPT_FUSE && r->op == LY_NORM && (readers = fused_readers(&g->net, norm = i)) > 0)
            continue;
        if (readers > 0) {
            op->norm = &g->net.row[norm];
            op->norm_index = norm;
            readers--;
        }
        op->row = r;
        op->index = i;
        g->nop++;
        if (r->op == LY_FC)
            plan_linear(dev, g, op, how);
        else if (r->op == LY_ATTENTION)
            cpu_attention_plan(dev, r, (size_t)(r->all ? r->tokens : g->net.kv_cap), ly_row_kv(r, g->dtype),
                               g->threads, &op->a);
        else if (r->op == LY_MOE)
            st = cpu_moe_plan(dev, r, g->dtype, g->threads, &op->moe);
        else if (!cpu_recsys_has(r) && !cpu_encoder_has(r) && r->op != LY_NORM && r->op != LY_EMBED &&
                 r->op != LY_ADD && r->op != LY_ACT && r->op != LY_SOFTMAX)
            return ir_fail(IR_EINVAL, "row %d, \"%s\": not an operator of a token network", i, r->name);
        op->again = how & CPU_GPT_PACK && plan_again(g, g->nop - 1);
    }
    return st;
}

/* Of the first attention; all turn alike. */
static ir_status plan_turn(cpu_gpt *g)
{
    for (int i = 0; i < g->net.n; i++) {
        const ly_row *r = &g->net.row[i];
        if (r->op != LY_ATTENTION || r->rope.pairs == LY_ROPE_NONE) continue;
        g->turn = malloc(cpu_turn_floats(r) * sizeof *g->turn);
        if (!g->turn)
            return ir_fail(IR_ENOMEM, "gpt: no memory for the angles of %lld positions",
                           (long long)r->tokens);
        cpu_turn_fill(r, g->turn);
        return IR_OK;
    }
    return IR_OK;
}

/* Activations lie where those that live at the same time allow: of the table as it is run, where a fused norm
 * hands nothing on. */
static ir_status gpt_place(cpu_gpt *g, int64_t *floats)
{
    ly_net    run = g->net;
    ly_place *at = NULL;
    run.n = g->nop;
    run.row = calloc((size_t)g->nop, sizeof *run.row);
    ir_status s =
        run.row ? IR_OK : ir_fail(IR_ENOMEM, "gpt: no memory for the places of %d operations", g->nop);
    for (int i = 0; i < g->nop && s == IR_OK; i++) {
        run.row[i] = g->net.row[g->op[i].index];
        if (g->op[i].norm) run.row[i].in = g->op[i].norm->in;
    }
    if (s == IR_OK) s = ly_arena(&run, ALIGN / (int64_t)sizeof(float), &at, floats);
    for (int i = 0; i < g->nop && s == IR_OK; i++) g->op[i].at = at[i];
    free(run.row);
    free(at);
    return s;
}

/* Where everything lies in the workspace. */
static void gpt_lay_out(cpu_gpt *g, int64_t floats)
{
    size_t at = cpu_up((size_t)floats * sizeof(float), ALIGN), widest = (size_t)g->net.row[0].c,
           attention = 0, kv = 0, moe = 0;
    for (int i = 0; i < g->nop; i++) {
        const ly_op op = g->net.row[g->op[i].index].op;
        if (op == LY_FC) widest = max_of(widest, g->op[i].l.c);
        const cpu_attention *a = &g->op[i].a;
        if (op == LY_MOE) moe = max_of(moe, g->op[i].moe.work_B);
        if (op != LY_ATTENTION) continue;
        attention = max_of(attention, a->work_B);
        if (a->all) kv = max_of(kv, 2 * a->batch * a->heads * a->cap * a->dh * (a->kv == IR_F32 ? 4 : 2));
    }
    g->x_at = at;
    at += cpu_up(g->x_B, ALIGN);
    g->row_B = cpu_up(widest * max_of(g->pack_rows, 1) * sizeof(float), ALIGN);
    g->thread_at = at;
    g->thread_B = cpu_apart(g->row_B + g->scratch_B);
    at += (size_t)g->threads * g->thread_B;
    g->attention_at = at;
    g->kv_at = at + cpu_up(attention, ALIGN);
    g->moe_at = g->kv_at + cpu_up(kv, ALIGN);
    g->work_B = g->moe_at + cpu_up(moe, ALIGN);
}

static ir_status take_work(const ir_dev *dev, cpu_gpt *g)
{
    const double have = ir_host_available_B();
    if ((double)g->work_B > have) /* false where the amount is unknown */
        return ir_fail(IR_SKIP, "activations and workspace need %.0f B, %.0f B are available",
                       (double)g->work_B, have);
    void     *work = NULL;
    ir_status s = ir_host_alloc(g->work_B, cpu_of(dev)->pages, &work);
    g->work = s == IR_OK ? work : NULL;
    return s;
}

ir_status cpu_gpt_setup(ir_run *r, unsigned how)
{
    cpu_gpt *g = calloc(1, sizeof *g);
    r->self = g;
    if (!g) return ir_fail(IR_ENOMEM, "gpt: no memory for the plan");
    g->threads = r->p.threads;
    g->dtype = r->p.dtype;
    g->ops = cpu_ops_of(r->dev);
    g->recsys = cpu_recsys_ops_of(r->dev);
    g->pool = cpu_of(r->dev)->pool;
    g->q = cpu_q_ops_of(r->dev);
    ir_status s = wl_net_of(r->workload, &r->p, &g->net);
    if (s != IR_OK) return s;
    g->op = calloc((size_t)g->net.n, sizeof *g->op);
    if (!g->op) return ir_fail(IR_ENOMEM, "gpt: no memory for %d operations", g->net.n);
    int64_t floats = 0;
    s = plan_ops(r->dev, g, how);
    if (s == IR_OK) s = plan_turn(g);
    if (s == IR_OK) s = gpt_place(g, &floats);
    if (s != IR_OK) return s;
    gpt_lay_out(g, floats);
    return take_work(r->dev, g);
}

void cpu_gpt_teardown(ir_run *r)
{
    cpu_gpt *g = r->self;
    if (!g) return;
    if (g->work) ir_host_free(g->work, g->work_B);
    ly_free(&g->net);
    free(g->turn);
    free(g->op);
    free(g);
    r->self = NULL;
}

void cpu_gpt_drop_scratch(ir_run *r)
{
    cpu_gpt *g = r->self;
    ir_host_discard(g->work, g->work + g->work_B);
}

ir_status cpu_gpt_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    if (p->dtype != IR_F16 && p->dtype != IR_TF32 && p->dtype != IR_F64) return IR_OK;
    return ir_fail(IR_SKIP, "weights in %s: this executor knows f32, bf16, f8, i8 and i4",
                   ir_dtype_name(p->dtype));
}

/* ---- one call -------------------------------------------------------------------------------- */
static char *activation(const cpu_gpt *g, int64_t at)
{
    return at < 0 ? NULL : g->work + (size_t)at * sizeof(float);
}
static const char *gpt_f32_at(const char *p, int64_t i)
{
    return i >= 0 ? p + (size_t)i * sizeof(float) : NULL;
}

void cpu_gpt_bind(ir_run *r)
{
    cpu_gpt *g = r->self;
    char    *out = r->mem[3].p, *kv = r->nmem > 4 ? r->mem[4].p : NULL;
    g->input = r->mem[0].p;
    g->W = r->mem[1].p;
    g->V = r->mem[2].p;
    for (int i = 0; i < g->nop; i++) {
        cpu_gpt_op   *op = &g->op[i];
        const ly_row *q = op->row;
        const int     in = op->norm ? op->norm->in : q->in;
        op->in = in == LY_INPUT ? g->input : activation(g, op->at.in);
        op->add = activation(g, op->at.add);
        op->out = q->out == LY_OUTPUT ? out : activation(g, op->at.out);
        op->moe.work = g->work + g->moe_at;
        if (q->op == LY_BAG) op->in = g->input + g->net.index_at * (int64_t)sizeof(float);
        if (q->op == LY_FC) {
            cpu_linear *l = &op->l;
            l->w = g->W + ly_W_offset(g->dtype, q->format, q->W_at);
            if (op->is_q) cpu_q_bind(&op->q, g->dtype, q, g->net.nW, g->W);
            l->bias = gpt_f32_at(g->V, q->b_at);
            l->scale = ly_row_scaled(q, g->dtype) ? gpt_f32_at(g->V, q->s_at) : NULL;
            l->add = op->add;
            l->y = op->out;
        } else if (q->op == LY_ATTENTION) {
            cpu_attention *a = &op->a;
            size_t         plane = a->batch * a->kv_heads * a->cap * a->row_B;
            a->turn = g->turn;
            a->qkv = op->in;
            a->k = q->all ? g->work + g->kv_at : kv + 2 * (size_t)q->block * plane;
            a->v = a->k + plane;
            a->y = op->out;
            a->work = g->work + g->attention_at;
        }
    }
}

void cpu_gpt_stamp(cpu_gpt *g, int row)
{
    double now = ir_now();
    g->layer_s[row] += now - g->since;
    g->since = now;
}

static void norm_row(const cpu_gpt *g, const ly_row *n, const char *in, size_t i, void *y)
{
    const size_t c = (size_t)n->c;
    const char  *x = in + (size_t)ly_in_row(n, (int64_t)i) * c * sizeof(float);
    const char  *gain = gpt_f32_at(g->V, n->g_at);
    if (n->rms)
        g->ops->rms(c, x, gain, (float)ly_eps(n), y);
    else
        g->ops->norm(c, x, gain, gpt_f32_at(g->V, n->b_at), (float)ly_eps(n), y);
}

void cpu_gpt_share(const cpu_gpt_op *op, int tid, int nthreads, size_t *lo, size_t *hi)
{
    cpu_part(op->l.k, CPU_TILE_R, tid, nthreads, lo, hi);
}

/* The input's rows, normalised where that is fused, as panels. */
static void gpt_pack_panels(const cpu_gpt *g, const cpu_gpt_op *op, int tid, int nthreads, char *mine)
{
    const cpu_linear_panels *p = &op->panels;
    const size_t             row_B = p->c * sizeof(float), mr = p->ops->mr;
    size_t                   lo, hi;
    cpu_part(p->panels, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) {
        const size_t rows = i + 1 < p->panels ? mr : p->rows - i * mr;
        for (size_t k = 0; op->norm && k < rows; k++)
            norm_row(g, op->norm, op->in, i * mr + k, mine + k * row_B);
        cpu_linear_pack_panel(p, i, op->norm ? mine : op->in + i * mr * row_B, g->work + g->x_at);
    }
}

static void gpt_packed_part(cpu_gpt *g, cpu_gpt_op *op, int tid, int nthreads)
{
    cpu_linear l = op->l;
    char      *mine = g->work + g->thread_at + (size_t)tid * g->thread_B;
    gpt_pack_panels(g, op, tid, nthreads, mine);
    ir_pool_barrier(g->pool, nthreads);
    if (g->layer_s && tid == 0 && op->norm) cpu_gpt_stamp(g, op->norm_index);
    l.x = g->work + g->x_at;
    cpu_linear_packed(&l, &op->panels, tid, mine + g->row_B);
}

static void gpt_linear_part(cpu_gpt *g, cpu_gpt_op *op, int tid, int nthreads)
{
    cpu_linear l = op->l;
    char      *mine = g->work + g->thread_at + (size_t)tid * g->thread_B;
    char      *x = g->work + g->x_at + (op->own ? (size_t)tid * cpu_apart(l.rows * l.xs) : 0);
    size_t     lo = 0, hi = op->again ? 0 : l.rows;
    if (!op->own) cpu_part(l.rows, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) {
        const char *row = op->in + i * l.c * sizeof(float);
        if (op->norm) norm_row(g, op->norm, op->in, i, mine), row = mine;
        if (op->is_q && !op->blocked)
            g->q->pack(op->way, l.c, row, x + i * l.xs);
        else
            l.ops->pack(l.dot, l.c, row, x + i * l.xs);
    }
    if (!op->own) ir_pool_barrier(g->pool, nthreads);
    if (g->layer_s && tid == 0 && op->norm && !op->again) cpu_gpt_stamp(g, op->norm_index);
    l.x = x;
    cpu_gpt_share(op, tid, nthreads, &lo, &hi);
    if (op->blocked)
        cpu_linear_blocked(&l, g->block, lo, hi, mine + g->row_B);
    else if (op->is_q)
        cpu_q_pass(&l, g->q, op->way, &op->q, lo, hi, mine + g->row_B);
    else
        cpu_linear_pass(&l, lo, hi);
}

/* A table in groups or in e4m3: rows widened; positions, where there are any, by way of `mine`. */
static void stored_rows(const cpu_gpt *g, const cpu_gpt_op *op, float *mine, size_t lo, size_t hi)
{
    const ly_row *r = op->row;
    const size_t  c = (size_t)r->c, vocab = (size_t)r->vocab;
    const bool    scaled = ly_row_scaled(r, g->dtype), places = r->P_at >= 0;
    ly_row        place = *r;
    place.W_at = r->P_at;
    cpu_q_matrix table = cpu_q_matrix_of(g->dtype, r), position = table;
    cpu_q_bind(&table, g->dtype, r, g->net.nW, g->W);
    if (places) cpu_q_bind(&position, g->dtype, &place, g->net.nW, g->W);
    for (size_t i = lo; i < hi; i++) {
        char  *y = op->out + i * c * sizeof(float);
        size_t at = (size_t)r->past + i % (size_t)r->tokens, token;
        float  by = 1;
        token = cpu_token_of(r, op->in, i);
        g->q->load(&table, token, 0, c, mine);
        if (scaled) memcpy(&by, gpt_f32_at(g->V, r->s_at + (int64_t)token), sizeof by);
        g->ops->scale(c, by, mine, y);
        if (!places) continue;
        g->q->load(&position, at, 0, c, mine);
        if (scaled) memcpy(&by, gpt_f32_at(g->V, r->s_at + (int64_t)(vocab + at)), sizeof by);
        g->ops->scale(c, by, mine, mine);
        g->ops->add(c, y, mine, y);
    }
}

static void rows_part(cpu_gpt *g, cpu_gpt_op *op, int tid, int nthreads)
{
    const ly_row *r = op->row;
    const size_t  c = (size_t)r->c, row_B = c * sizeof(float);
    size_t        lo, hi;
    cpu_part((size_t)r->rows, 1, tid, nthreads, &lo, &hi);
    if (r->op == LY_EMBED && cpu_q_is(g->dtype, r->format))
        stored_rows(g, op, (float *)(void *)(g->work + g->thread_at + (size_t)tid * g->thread_B), lo, hi);
    else if (r->op == LY_EMBED)
        cpu_embed_rows(g->ops, g->dtype, r, op->in, g->W, g->V, op->out, lo, hi);
    if (r->op == LY_EMBED) cpu_encoder_types(g->ops, g->dtype, r, g->W, g->V, op->out, lo, hi);
    for (size_t i = lo; i < hi; i++) {
        const char *x = op->in + i * row_B;
        char       *y = op->out + i * row_B;
        if (r->op == LY_NORM) norm_row(g, r, op->in, i, y);
        if (r->op == LY_ADD) g->ops->add(c, x, op->add + i * row_B, y);
        if (r->op == LY_ACT) g->ops->act(c, x, y, r->act);
        if (r->op == LY_SOFTMAX) g->ops->softmax(c, x, y);
    }
}

void cpu_gpt_op_part(cpu_gpt *g, cpu_gpt_op *op, int tid, int nthreads)
{
    if (op->packed)
        gpt_packed_part(g, op, tid, nthreads);
    else if (op->row->op == LY_FC)
        gpt_linear_part(g, op, tid, nthreads);
    else if (op->row->op == LY_ATTENTION)
        cpu_attention_part(&op->a, tid, nthreads);
    else if (op->row->op == LY_MOE)
        cpu_moe_part(&op->moe, op->in, op->add, g->W, g->V, op->out, tid, nthreads);
    else if (cpu_recsys_has(op->row))
        cpu_recsys_part(g->recsys, g->dtype, op->row, op->in, op->add, g->W, op->out, tid, nthreads);
    else if (cpu_encoder_has(op->row))
        cpu_encoder_part(g->ops, g->dtype, op->row, op->in, g->W, g->V, op->out, tid, nthreads);
    else
        rows_part(g, op, tid, nthreads);
}

/* ---- the kernel ------------------------------------------------------------------------------ */
/* Weights do not depend on the operation before: their stream starts while others are waited for. */
static void warm(const cpu_gpt_op *op, int tid, int nthreads)
{
    size_t lo, hi;
    if (op->row->op != LY_FC || op->blocked) return;
    cpu_gpt_share(op, tid, nthreads, &lo, &hi);
    cpu_linear_warm(&op->l, lo, hi);
}

/* Does operation i need nothing of the one before? Bags and the dense features' rows both read the input. */
static bool independent(const cpu_gpt *g, int i)
{
    return g->op[i - 1].row->op == LY_BAG && g->op[i].row->in == LY_INPUT;
}

static void gpt_step_part(void *arg, int tid, int nthreads)
{
    cpu_gpt *g = arg;
    for (int i = 0; i < g->nop; i++) {
        if (i > 0 && !independent(g, i)) {
            warm(&g->op[i], tid, nthreads);
            if (!g->op[i].again) ir_pool_barrier(g->pool, nthreads);
        }
        if (g->layer_s && tid == 0 && i > 0) cpu_gpt_stamp(g, g->op[i - 1].index);
        cpu_gpt_op_part(g, &g->op[i], tid, nthreads);
    }
}

static ir_status gpt_setup(ir_run *r) { return cpu_gpt_setup(r, CPU_GPT_FUSE | CPU_GPT_PACK); }

static ir_status gpt_run(ir_run *r, uint32_t reps)
{
    cpu_gpt *g = r->self;
    cpu_gpt_bind(r);
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(g->pool, g->threads, gpt_step_part, g);
    return IR_OK;
}

ir_status cpu_gpt_profile(ir_run *r, double *layer_s, int n, void (*step)(cpu_gpt *))
{
    cpu_gpt *g = r->self;
    if (n != g->net.n)
        return ir_fail(IR_EINVAL, "profile: %d layers asked for, the table has %d", n, g->net.n);
    memset(layer_s, 0, (size_t)n * sizeof *layer_s);
    cpu_gpt_bind(r);
    g->layer_s = layer_s;
    g->since = ir_now();
    step(g);
    g->layer_s = NULL;
    return IR_OK;
}

/* Within the region the end of a row is seen when the next one begins. */
static void gpt_stamped_step(cpu_gpt *g)
{
    ir_pool_run(g->pool, g->threads, gpt_step_part, g);
    cpu_gpt_stamp(g, g->op[g->nop - 1].index);
}

static ir_status gpt_profile(ir_run *r, double *layer_s, int n)
{
    return cpu_gpt_profile(r, layer_s, n, gpt_stamped_step);
}

static void gpt_cost(const ir_params *p, ir_cost *c)
{
    (void)p;
    c->launches = 1; /* one region, whatever the number of rows */
}

static ir_status gpt_exact_setup(ir_run *r)
{
    return cpu_gpt_setup(r, CPU_GPT_FUSE | CPU_GPT_PACK | CPU_GPT_EXACT);
}
static ir_status gpt_exact_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ly_net    n;
    ir_status s = wl_net_of(w, p, &n);
    if (s != IR_OK) return s;
    const bool grouped = n.format.group > 0;
    ly_free(&n);
    return grouped ? cpu_gpt_can_run(dev, w, p)
                   : ir_fail(IR_SKIP, "weights are not in groups: \"stream\" rounds no activation to int8");
}

/* What every kernel that runs a step as one region shares. */
#define GPT_OPS \
    .destroy = cpu_gpt_teardown, .drop_scratch = cpu_gpt_drop_scratch, .prepare = cpu_gpt_prepare, \
    .consumes = cpu_gpt_consumes, .net = {.profile = gpt_profile}

static const ir_plan_ops gpt_ops = {GPT_OPS};
#define GPT_STEP .run = gpt_run, .cost = gpt_cost

const ir_kernel cpu_gpt_exact = {.family = "gpt",
                                 .name = "exact",
                                 .doc = "weights in groups meet f32 activations, not int8 ones",
                                 .can_run = gpt_exact_can_run,
                                 .plan = gpt_exact_setup,
                                 .ops = &gpt_ops,
                                 GPT_STEP};

const ir_kernel cpu_gpt_stream = {.family = "gpt",
                                  .name = "stream",
                                  .doc = "one region a step: weights stream once, norms and residuals fused",
                                  .by_form = true,
                                  .can_run = cpu_gpt_can_run,
                                  .plan = gpt_setup,
                                  .ops = &gpt_ops,
                                  GPT_STEP};

static ir_status gpt_knows(uint32_t dtypes, const char *in_words, const ir_params *p)
{
    if (dtypes & 1u << p->dtype) return IR_OK;
    return ir_fail(IR_SKIP, "weights in %s: this executor knows %s", ir_dtype_name(p->dtype), in_words);
}

static ir_status dlrm_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return gpt_knows(1u << IR_F32 | 1u << IR_BF16, "f32 and bf16", p);
}

const ir_kernel cpu_dlrm_stream = {.family = "dlrm",
                                   .name = "stream",
                                   .doc = "one region a step: look-ups asked for ahead, weights stream once",
                                   .can_run = dlrm_can_run,
                                   .plan = gpt_setup,
                                   .ops = &gpt_ops,
                                   GPT_STEP};

const ir_kernel cpu_encoder_stream = {.family = "encoder",
                                      .name = "stream",
                                      .doc = "one region a step: norms fused, keys and values in a workspace",
                                      .can_run = cpu_gpt_can_run,
                                      .plan = gpt_setup,
                                      .ops = &gpt_ops,
                                      GPT_STEP};

static ir_status mixtral_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return gpt_knows(1u << IR_F32 | 1u << IR_BF16 | 1u << IR_I8, "f32, bf16 and i8", p);
}

static void mixtral_cost(const ir_run *r, ir_cost *c)
{
    const cpu_gpt *g = r->self;
    for (int i = 0; i < g->nop; i++)
        if (g->op[i].row->op == LY_MOE) cpu_moe_cost(&g->op[i].moe, c);
}

static const ir_plan_ops mixtral_ops = {GPT_OPS, .cost = mixtral_cost};

const ir_kernel cpu_mixtral_stream = {.family = "mixtral",
                                      .name = "stream",
                                      .doc = "one region a step: weights of the chosen experts stream once",
                                      .can_run = mixtral_can_run,
                                      .plan = gpt_setup,
                                      .ops = &mixtral_ops,
                                      GPT_STEP};

/* gpt_weights.c -- where a step's weights lie, before it is timed: beside the threads that read them, and for
 * products of many rows in the panels that these meet. */
#include "kernels/cpu/gpt.h"

enum { T_W = 1, ALIGN = 64 };

/* ---- beside their threads -------------------------------------------------------------------- */
typedef struct {
    const cpu_gpt *g;
    char          *end;
    ir_pages       pages;
} homes;
static void home_part(void *arg, int tid, int nthreads)
{
    const homes *h = arg;
    size_t       lo, hi;
    for (int i = 0; i < h->g->nop; i++) {
        const cpu_gpt_op *op = &h->g->op[i];
        if (op->row->op != LY_FC) continue;
        cpu_gpt_share(op, tid, nthreads, &lo, &hi);
        char *w = (char *)(uintptr_t)op->l.w;
        ir_host_rehome(w + lo * op->l.w_row_B, w + hi * op->l.w_row_B, h->end, h->pages);
    }
}

/* ---- in panels ------------------------------------------------------------------------------- */
/* Is one of n elements of W from `at` on the row's matrix? */
static bool meets(const ly_row *r, int64_t at, int64_t n)
{
    return n > 0 && at < r->W_at + r->nW && r->W_at < at + n;
}

bool cpu_gpt_lays(const ly_net *n, const ly_row *r, ir_dtype t)
{
    if (t != IR_F32) return false;
    for (int i = 0; i < n->n; i++) {
        const ly_row *q = &n->row[i];
        const bool    places = (q->op == LY_EMBED || q->op == LY_TOKENS) && q->P_at >= 0;
        if (q != r && meets(r, q->W_at, q->nW)) return false;
        if (places && meets(r, q->P_at, (q->context + q->types) * q->c)) return false;
    }
    return true;
}

typedef struct {
    const cpu_gpt *g;
    char          *scratch;
    size_t         each_B; /* of a thread */
} laying;

static void lay_part(void *arg, int tid, int nthreads)
{
    const laying *y = arg;
    for (int i = 0; i < y->g->nop; i++) {
        const cpu_gpt_op *op = &y->g->op[i];
        if (op->packed && op->panels.laid)
            cpu_linear_lay(&op->l, &op->panels, tid, nthreads, y->scratch + (size_t)tid * y->each_B);
    }
}

static size_t lay_B(const cpu_gpt *g)
{
    size_t most = 0;
    for (int i = 0; i < g->nop; i++) {
        const cpu_gpt_op *op = &g->op[i];
        const size_t      B = op->packed && op->panels.laid ? cpu_linear_lay_B(&op->panels) : 0;
        if (B > most) most = B;
    }
    return most;
}

static ir_status lay(ir_run *r)
{
    cpu_gpt *g = r->self;
    void    *scratch = NULL;
    for (int i = 0; (uintptr_t)g->W % ALIGN && i < g->nop; i++) g->op[i].panels.laid = false;
    const size_t panel_B = lay_B(g);
    if (panel_B == 0) return IR_OK;
    laying       y = {.g = g, .each_B = cpu_apart(panel_B)};
    const size_t B = (size_t)g->threads * y.each_B;
    ir_status    s = ir_host_alloc(B, cpu_of(r->dev)->pages, &scratch);
    if (s != IR_OK) return s;
    y.scratch = scratch;
    ir_pool_run(g->pool, g->threads, lay_part, &y);
    ir_host_free(scratch, B);
    return IR_OK;
}

uint32_t cpu_gpt_consumes(const ir_run *r) { return lay_B(r->self) ? 1u << T_W : 0; }

/* W was first touched as one array; on a machine with several memories every thread's rows of every matrix go
 * next to it. */
ir_status cpu_gpt_prepare(ir_run *r)
{
    const cpu_dev *c = cpu_of(r->dev);
    cpu_gpt_bind(r);
    homes h = {r->self, (char *)r->mem[T_W].p + r->mem[T_W].bytes, c->pages};
    if (c->topo.nnuma > 1) ir_pool_run(c->pool, r->p.threads, home_part, &h);
    return lay(r);
}

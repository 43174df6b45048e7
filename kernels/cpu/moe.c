/* moe.c -- see moe.h; "stream": the layer as a kernel of its own. The router's products have exact f32
 * operands, as a choice is not to depend on rounding more than it must. */
#include "kernels/cpu/moe.h"
#include "kernels/workloads/workloads_nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_ROWS = 32, ALIGN = 64, PIECE = 256 };

static size_t moe_width(const cpu_moe *m) { return (size_t)ir_dtype_bytes(m->up.dtype); }

/* ---- the plan -------------------------------------------------------------------------------- */
static void moe_linear(const ir_dev *dev, const ly_row *r, ir_dtype t, cpu_dot dot, int64_t c, int64_t k,
                       cpu_linear *l)
{
    (void)r;
    l->ops = cpu_linear_ops_of(dev);
    l->fin = cpu_ops_of(dev);
    l->dtype = t;
    l->dot = dot;
    l->c = (size_t)c;
    l->k = (size_t)k;
    l->w_row_B = l->c * (size_t)ir_dtype_bytes(t);
    l->act = LY_ID;
    l->xs = cpu_linear_stride(l->ops, dot, l->c);
}

static size_t moe_take(size_t *end, size_t bytes)
{
    const size_t at = *end;
    *end = at + cpu_up(bytes, ALIGN);
    return at;
}

ir_status cpu_moe_plan(const ir_dev *dev, const ly_row *r, ir_dtype t, int threads, cpu_moe *m)
{
    if (t != IR_F32 && t != IR_BF16 && t != IR_I8)
        return ir_fail(IR_SKIP, "weights in %s: this kernel knows f32, bf16 and i8", ir_dtype_name(t));
    memset(m, 0, sizeof *m);
    m->r = r;
    m->pool = cpu_of(dev)->pool;
    m->slots = (size_t)(r->rows * r->top);
    const size_t each = (m->slots + (size_t)r->experts - 1) / (size_t)r->experts;
    m->blocked = each > STREAM_ROWS;
    const cpu_linear_ops *ops = cpu_linear_ops_of(dev);
    const cpu_dot         dot = cpu_linear_dot(dev, ops, t, each, m->blocked),
                  exact = cpu_linear_dot(dev, ops, t, 1, false);
    moe_linear(dev, r, t, dot, r->c, r->ff, &m->up);
    moe_linear(dev, r, t, dot, r->ff, r->c, &m->down);
    moe_linear(dev, r, t, exact, r->c, r->experts, &m->router);
    if (m->blocked) m->block = cpu_linear_block_of(dev, ops, t, dot);
    size_t at = 0, mine = 0;
    m->pick_at = moe_take(&at, m->slots * 4);
    m->share_at = moe_take(&at, m->slots * 4);
    m->x_at = moe_take(&at, m->slots * m->up.xs);
    m->h_at = moe_take(&at, 2 * m->slots * m->up.k * 4);
    m->g_at = moe_take(&at, m->slots * m->down.xs);
    m->y_at = moe_take(&at, m->slots * m->down.k * 4);
    moe_take(&mine, m->router.xs);
    m->logit_at = moe_take(&mine, (size_t)r->experts * 4);
    m->first_at = moe_take(&mine, (size_t)(r->experts + 1) * sizeof(size_t));
    m->slot_at = moe_take(&mine, m->slots * 4);
    m->scratch_at = moe_take(&mine, m->blocked ? cpu_linear_scratch_B(m->block) : 0);
    m->thread_B = cpu_apart(mine);
    m->thread_at = at;
    m->work_B = at + (size_t)threads * m->thread_B;
    return IR_OK;
}

/* ---- routing --------------------------------------------------------------------------------- */
typedef struct {
    const cpu_moe *m;
    const char    *W, *V;
    char          *mine;
    size_t        *first; /* slots of each expert begin here */
    int32_t       *slot;  /* of each choice */
    int            tid, nthreads;
} moe_job;

static const char *moe_scale(const moe_job *j, size_t at)
{
    const cpu_moe *m = j->m;
    return m->up.dtype == IR_I8 ? j->V + ((size_t)m->r->s_at + at) * 4 : NULL;
}

/* The largest logits, the first of equals; a NaN is never chosen before a number. */
static void moe_choose(const cpu_moe *m, const float *logit, int32_t *pick, float *share)
{
    const int64_t E = m->r->experts, top = m->r->top;
    float         all = 0;
    for (int64_t i = 0; i < top; i++) {
        int32_t best = -1;
        for (int32_t e = 0; e < E; e++) {
            bool taken = false;
            for (int64_t k = 0; k < i; k++) taken = taken || pick[k] == e;
            if (!taken && (best < 0 || !(logit[e] <= logit[best]))) best = e;
        }
        pick[i] = best;
        share[i] = expf(logit[best] - logit[pick[0]]);
        all += share[i];
    }
    for (int64_t i = 0; i < top; i++) share[i] /= all;
}

static void moe_route(const moe_job *j, const char *x)
{
    const cpu_moe *m = j->m;
    cpu_linear     l = m->router;
    size_t         lo, hi, top = (size_t)m->r->top;
    float         *logit = (float *)(void *)(j->mine + m->logit_at);
    l.rows = 1;
    l.w = j->W;
    l.scale = moe_scale(j, 0);
    l.x = j->mine;
    l.y = (char *)logit;
    cpu_part((size_t)m->r->rows, 1, j->tid, j->nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) {
        l.ops->pack(l.dot, l.c, x + i * l.c * 4, j->mine);
        cpu_linear_pass(&l, 0, l.k);
        moe_choose(m, logit, (int32_t *)(void *)(m->work + m->pick_at) + i * top,
                   (float *)(void *)(m->work + m->share_at) + i * top);
    }
}

/* Every thread finds the order for itself: choices by expert. */
static void moe_sort(const moe_job *j)
{
    const cpu_moe *m = j->m;
    const int32_t *pick = (const int32_t *)(const void *)(m->work + m->pick_at);
    const size_t   E = (size_t)m->r->experts;
    size_t         at = 0;
    memset(j->first, 0, (E + 1) * sizeof *j->first);
    for (size_t i = 0; i < m->slots; i++) j->first[pick[i]]++;
    for (size_t e = 0; e <= E; e++) {
        const size_t n = j->first[e];
        j->first[e] = at;
        at += n;
    }
    for (size_t i = 0; i < m->slots; i++) j->slot[i] = (int32_t)j->first[pick[i]]++;
    for (size_t e = E; e > 0; e--) j->first[e] = j->first[e - 1];
    j->first[0] = 0;
}

static int64_t moe_count(const moe_job *j)
{
    int64_t n = 0;
    for (int64_t e = 0; e < j->m->r->experts; e++) n += j->first[e + 1] > j->first[e];
    return n;
}

static void moe_gather(const moe_job *j, const char *x)
{
    const cpu_moe *m = j->m;
    size_t         lo, hi;
    cpu_part(m->slots, 1, j->tid, j->nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++)
        m->up.ops->pack(m->up.dot, m->up.c, x + i / (size_t)m->r->top * m->up.c * 4,
                        m->work + m->x_at + (size_t)j->slot[i] * m->up.xs);
}

/* ---- experts --------------------------------------------------------------------------------- */
/* Matrix `which` of expert e: its place among the elements of W, and its scales'. */
static cpu_linear moe_matrix(const moe_job *j, size_t e, int which)
{
    const cpu_moe *m = j->m;
    const size_t   c = (size_t)m->r->c, ff = (size_t)m->r->ff, E = (size_t)m->r->experts;
    cpu_linear     l = which < 2 ? m->up : m->down;
    l.rows = j->first[e + 1] - j->first[e];
    l.w = j->W + (E * c + (3 * e + (size_t)which) * c * ff) * moe_width(m);
    l.scale = moe_scale(j, E + e * (2 * ff + c) + (size_t)which * ff);
    return l;
}

static void moe_product(const moe_job *j, const cpu_linear *l, size_t lo, size_t hi)
{
    if (j->m->blocked)
        cpu_linear_blocked(l, j->m->block, lo, hi, j->mine + j->m->scratch_at);
    else
        cpu_linear_pass(l, lo, hi);
}

/* h <- silu(h) * g, n values. */
static void moe_gate(const cpu_ops *o, size_t n, char *h, const char *g)
{
    float a[PIECE], s[PIECE], b[PIECE];
    for (size_t i = 0; i < n; i += PIECE) {
        const size_t k = n - i < PIECE ? n - i : PIECE;
        memcpy(a, h + i * 4, k * 4);
        memcpy(b, g + i * 4, k * 4);
        o->act(k, a, s, LY_SILU);
        for (size_t v = 0; v < k; v++) a[v] = s[v] * b[v];
        memcpy(h + i * 4, a, k * 4);
    }
}

static void moe_up(const moe_job *j)
{
    const cpu_moe *m = j->m;
    const size_t   ff = m->up.k;
    size_t         lo, hi;
    cpu_part(ff, CPU_TILE_R, j->tid, j->nthreads, &lo, &hi);
    for (size_t e = 0; e < (size_t)m->r->experts; e++) {
        char *h = m->work + m->h_at + j->first[e] * ff * 4, *g = h + m->slots * ff * 4;
        for (int which = 0; which < 2; which++) {
            cpu_linear l = moe_matrix(j, e, which);
            l.x = m->work + m->x_at + j->first[e] * m->up.xs;
            l.y = which ? g : h;
            if (l.rows) moe_product(j, &l, lo, hi);
        }
        for (size_t i = 0; i < j->first[e + 1] - j->first[e]; i++)
            moe_gate(m->up.fin, hi - lo, h + (i * ff + lo) * 4, g + (i * ff + lo) * 4);
    }
}

static void moe_pack(const moe_job *j)
{
    const cpu_moe *m = j->m;
    size_t         lo, hi;
    cpu_part(m->slots, 1, j->tid, j->nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++)
        m->down.ops->pack(m->down.dot, m->down.c, m->work + m->h_at + i * m->down.c * 4,
                          m->work + m->g_at + i * m->down.xs);
}

/* Columns [lo, hi) of the tokens' results: what their experts gave, weighted, plus what is added. */
static void moe_join(const moe_job *j, const char *add, char *y, size_t lo, size_t hi)
{
    const cpu_moe *m = j->m;
    const size_t   c = m->down.k, top = (size_t)m->r->top, n = hi - lo;
    const float   *share = (const float *)(const void *)(m->work + m->share_at);
    for (size_t t = 0; t < (size_t)m->r->rows; t++) {
        char *out = y + (t * c + lo) * 4;
        if (add)
            memcpy(out, add + (t * c + lo) * 4, n * 4);
        else
            memset(out, 0, n * 4);
        for (size_t i = t * top; i < (t + 1) * top; i++) {
            char *part = m->work + m->y_at + ((size_t)j->slot[i] * c + lo) * 4;
            m->down.fin->scale(n, share[i], part, part);
            m->down.fin->add(n, out, part, out);
        }
    }
}

static void moe_down(const moe_job *j, const char *add, char *y)
{
    const cpu_moe *m = j->m;
    size_t         lo, hi;
    cpu_part(m->down.k, CPU_TILE_R, j->tid, j->nthreads, &lo, &hi);
    for (size_t e = 0; e < (size_t)m->r->experts; e++) {
        cpu_linear l = moe_matrix(j, e, 2);
        l.x = m->work + m->g_at + j->first[e] * m->down.xs;
        l.y = m->work + m->y_at + j->first[e] * m->down.k * 4;
        if (l.rows) moe_product(j, &l, lo, hi);
    }
    moe_join(j, add, y, lo, hi);
}

void cpu_moe_part(cpu_moe *m, const char *x, const char *add, const char *W, const char *V, char *y, int tid,
                  int nthreads)
{
    char         *mine = m->work + m->thread_at + (size_t)tid * m->thread_B;
    const moe_job j = {m,
                       W + (size_t)m->r->W_at * moe_width(m),
                       V,
                       mine,
                       (size_t *)(void *)(mine + m->first_at),
                       (int32_t *)(void *)(mine + m->slot_at),
                       tid,
                       nthreads};
    moe_route(&j, x);
    ir_pool_barrier(m->pool, nthreads);
    moe_sort(&j);
    if (tid == 0) m->touched = moe_count(&j);
    moe_gather(&j, x);
    ir_pool_barrier(m->pool, nthreads);
    moe_up(&j);
    ir_pool_barrier(m->pool, nthreads);
    moe_pack(&j);
    ir_pool_barrier(m->pool, nthreads);
    moe_down(&j, add, y);
}

void cpu_moe_cost(const cpu_moe *m, ir_cost *c)
{
    const double t = (double)m->touched, expected = ly_moe_distinct(m->r);
    const double scales =
        m->up.dtype == IR_I8 ? 4 * (ly_moe_scales(m->r, t) - ly_moe_scales(m->r, expected)) : 0;
    const double more = (ly_moe_W(m->r, t) - ly_moe_W(m->r, expected)) * ir_dtype_bytes(m->up.dtype) + scales;
    c->part[IR_OF_WEIGHTS].read_B += more;
    c->footprint_B += more;
    c->weights_B += more;
    c->unfused_B += more;
}

/* ---- the kernel ------------------------------------------------------------------------------ */
typedef struct {
    cpu_moe       m;
    ly_row        row;
    const ir_run *run;
} plan;

static void moe_teardown(ir_run *r)
{
    plan *p = r->self;
    if (p && p->m.work) ir_host_free(p->m.work, p->m.work_B);
    free(p);
    r->self = NULL;
}

static ir_status moe_setup(ir_run *r)
{
    plan *p = calloc(1, sizeof *p);
    void *work = NULL;
    r->self = p;
    if (!p) return ir_fail(IR_ENOMEM, "moe: no memory for the plan");
    wl_row_of(r->workload, &r->p, &p->row);
    ir_status s = cpu_moe_plan(r->dev, &p->row, r->p.dtype, r->p.threads, &p->m);
    if (s == IR_OK) s = ir_host_alloc(p->m.work_B, cpu_of(r->dev)->pages, &work);
    p->m.work = s == IR_OK ? work : NULL;
    return s;
}

static void moe_part(void *arg, int tid, int nthreads)
{
    plan         *p = arg;
    const ir_mem *mem = p->run->mem;
    cpu_moe_part(&p->m, mem[0].p, NULL, mem[1].p, mem[2].p, mem[3].p, tid, nthreads);
}

static ir_status moe_run(ir_run *r, uint32_t reps)
{
    plan *p = r->self;
    p->run = r;
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(p->m.pool, r->p.threads, moe_part, p);
    return IR_OK;
}

static ir_status moe_can(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    if (p->dtype == IR_F32 || p->dtype == IR_BF16 || p->dtype == IR_I8) return IR_OK;
    return ir_fail(IR_SKIP, "weights in %s: this kernel knows f32, bf16 and i8", ir_dtype_name(p->dtype));
}

/* The experts that these tokens chose, in place of those expected. */
static void moe_plan_cost(const ir_run *r, ir_cost *c)
{
    const plan *p = r->self;
    cpu_moe_cost(&p->m, c);
}

static const ir_plan_ops moe_plan_ops = {.destroy = moe_teardown, .cost = moe_plan_cost};

const ir_kernel cpu_moe_stream = {.family = "moe",
                                  .name = "stream",
                                  .doc = "tokens sorted by expert; each chosen expert's matrices pass once",
                                  .can_run = moe_can,
                                  .plan = moe_setup,
                                  .run = moe_run,
                                  .ops = &moe_plan_ops};

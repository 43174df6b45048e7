/* chain.c -- "simd" and "nt": steps on a tensor one after the other, k scalings and shifts of every element,
 * or layer norm, dropout and ReLU of every row. Fused: every vector passes all of them in registers, a norm's
 * row stays in the nearest cache. Unfused: one parallel region a step, from tensor to tensor, the last into
 * y; two tensors take turns, so that none is read and written by the same pass. A pass is the same loop in
 * both, and stores likewise: what differs is the fusion. */
#include "kernels/workloads/workloads_nets.h"
#include "kernels/cpu/ops.h"

#include <stdlib.h>

enum { T_X, T_AB, T_Y, K = 1, GRAIN = 16 };
static const float NORM_EPS = 1e-5f;
typedef struct {
    char  *between;
    size_t bytes;
} self_t;
/* Steps [first, first + many) of them all. */
typedef struct {
    const cpu_ops   *o;
    const ir_params *p;
    ly_row           row;
    bool             nt;
    size_t           first, many;
    const char      *x, *ab;
    char            *y;
} job;

static bool   is_norm(const ir_run *r) { return r->workload == &wl_normchain; }
static size_t chain_steps_of(const ir_run *r) { return is_norm(r) ? WL_NORMCHAIN_STEPS : (size_t)r->p.v[K]; }

static ir_status chain_setup(ir_run *r)
{
    self_t *s = calloc(1, sizeof *s);
    void   *p = NULL;
    ly_row  row;
    r->self = s;
    if (!s) return ir_fail(IR_ENOMEM, "chain: no memory for the plan");
    if (wl_chain_fused(&r->p) || chain_steps_of(r) < 2) return IR_OK;
    wl_row_of(r->workload, &r->p, &row);
    s->bytes = (size_t)ly_out_elems(&row) * sizeof(float);
    ir_status st = ir_host_alloc(s->bytes, cpu_of(r->dev)->pages, &p);
    s->between = p;
    return st;
}

static void chain_teardown(ir_run *r)
{
    self_t *s = r->self;
    if (s && s->between) ir_host_free(s->between, s->bytes);
    free(s);
    r->self = NULL;
}

static void scale_part(void *arg, int tid, int nthreads)
{
    const job   *j = arg;
    const size_t k = (size_t)j->p->v[K];
    size_t       lo, hi;
    cpu_part((size_t)j->row.c, GRAIN, tid, nthreads, &lo, &hi);
    j->o->chain(j->nt, hi - lo, j->x + lo * sizeof(float), j->many, j->ab + j->first * sizeof(float),
                j->ab + (k + j->first) * sizeof(float), j->y + lo * sizeof(float));
}

static void chain_norm_part(void *arg, int tid, int nthreads)
{
    const job          *j = arg;
    const cpu_row_steps s = {.steps = ((1u << j->many) - 1) << j->first,
                             .nt = j->nt,
                             .c = (size_t)j->row.c,
                             .gain = j->ab + (size_t)j->row.g_at * sizeof(float),
                             .offset = j->ab + (size_t)j->row.b_at * sizeof(float),
                             .eps = NORM_EPS,
                             .scale = wl_drop_scale(j->p),
                             .limit = wl_drop_limit(j->p)};
    size_t              lo, hi;
    cpu_part((size_t)j->row.rows, 1, tid, nthreads, &lo, &hi);
    j->o->row_steps(&s, lo, hi, j->x, j->y);
}

static ir_status chain_run(ir_run *r, uint32_t reps, bool nt)
{
    const self_t *s = r->self;
    const size_t  all = chain_steps_of(r);
    char         *y = r->mem[T_Y].p;
    job           j = {.o = cpu_ops_of(r->dev), .p = &r->p, .nt = nt};
    j.many = s->between ? 1 : all;
    j.ab = r->mem[T_AB].p;
    wl_row_of(r->workload, &r->p, &j.row);
    for (uint32_t i = 0; i < reps; i++) {
        j.x = r->mem[T_X].p;
        for (j.first = 0; j.first < all; j.first += j.many) {
            j.y = (all - j.first - j.many) % 2 ? s->between : y; /* the last pass ends in y */
            ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, is_norm(r) ? chain_norm_part : scale_part, &j);
            j.x = j.y;
        }
    }
    return IR_OK;
}
static ir_status simd_run(ir_run *r, uint32_t reps) { return chain_run(r, reps, false); }
static ir_status chain_nt_run(ir_run *r, uint32_t reps) { return chain_run(r, reps, true); }

static ir_status chain_nt_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)w, (void)p;
    if (cpu_ops_of(dev)->has_nt) return IR_OK;
    return ir_fail(IR_SKIP, "no non-temporal stores for ISA %s in this build",
                   cpu_isa_name(cpu_of(dev)->isa));
}

static const ir_plan_ops chain_plan_ops = {.destroy = chain_teardown};

const ir_kernel cpu_chain_simd = {.family = "chain",
                                  .name = "simd",
                                  .doc = "fused: in registers; unfused: a region and a tensor an operation",
                                  .plan = chain_setup,
                                  .run = simd_run,
                                  .ops = &chain_plan_ops};
const ir_kernel cpu_chain_nt = {
    .family = "chain",
    .name = "nt",
    .doc = "as simd, for tensors in memory: non-temporal stores, input fetched ahead",
    .flags = IR_K_NT,
    .can_run = chain_nt_can_run,
    .plan = chain_setup,
    .run = chain_nt_run,
    .ops = &chain_plan_ops};

/* ops.c -- "simd" and "nt": layer norm, softmax, activations, residual add and embedding as passes of their
 * own, for tensors in a cache and for those in memory. Threads take contiguous rows, or contiguous runs of
 * elements where rows do not matter. */
#include "kernels/cpu/ops.h"
#include "kernels/workloads/workloads_nets.h"

#include <stdlib.h>
#include <string.h>

CPU_DECLARE_PER_ISA(cpu_ops, cpu_ops);
static const cpu_ops *const tables[CPU_NISA] = CPU_PER_ISA(cpu_ops);

enum { GRAIN = 16 }; /* a line of f32 */
static const float NORM_EPS = 1e-5f;

const cpu_ops *cpu_ops_of(const ir_dev *dev)
{
    int isa = (int)cpu_of(dev)->isa;
    while (isa > CPU_PORTABLE && !tables[isa]) isa--;
    return tables[isa];
}

static float ops_f32_at(const char *p, size_t i)
{
    float f;
    memcpy(&f, p + i * sizeof f, sizeof f);
    return f;
}

size_t cpu_token_of(const ly_row *r, const char *tokens, size_t i)
{
    int32_t token;
    memcpy(&token, tokens + i * sizeof token, sizeof token);
    return token >= 0 && token < r->vocab ? (size_t)token : 0;
}

void cpu_embed_rows(const cpu_ops *o, ir_dtype t, const ly_row *r, const char *tokens, const char *W,
                    const char *V, char *y, size_t lo, size_t hi)
{
    const size_t c = (size_t)r->c, row_B = c * (size_t)ir_dtype_bytes(t), vocab = (size_t)r->vocab;
    for (size_t i = lo; i < hi; i++) {
        size_t word = cpu_token_of(r, tokens, i);
        size_t place = (size_t)r->past + i % (size_t)r->tokens;
        float  ts = 1, ps = 1;
        if (ly_row_scaled(r, t)) ts = ops_f32_at(V, (size_t)r->s_at + word);
        if (ly_row_scaled(r, t) && r->P_at >= 0) ps = ops_f32_at(V, (size_t)r->s_at + vocab + place);
        const char *row = W + (size_t)r->W_at * (size_t)ir_dtype_bytes(t) + word * row_B, *at = row;
        if (r->P_at >= 0)
            at = W + (size_t)r->P_at * (size_t)ir_dtype_bytes(t) + place * row_B;
        else
            ps = 0; /* no positions: the row again, times nothing */
        o->embed(t, c, row, ts, at, ps, y + i * c * sizeof(float));
    }
}

/* ---- the kernels: mem[0] x, mem[last] y ------------------------------------------------------ */
typedef struct {
    cpu_ops        own; /* those of the ISA; with nt their other stores */
    const cpu_ops *o;
    bool           nt;
    ly_row         row;
    ir_dtype       dtype;
    const char    *x, *a, *b;
    char          *y;
} job;

static void ops_rows_of(const job *j, int tid, int nthreads, size_t *lo, size_t *hi)
{
    cpu_part((size_t)j->row.rows, 1, tid, nthreads, lo, hi);
}
static size_t elements_of(const job *j, int tid, int nthreads, size_t *at)
{
    size_t lo, hi;
    cpu_part((size_t)j->row.rows * (size_t)j->row.c, GRAIN, tid, nthreads, &lo, &hi);
    *at = lo * sizeof(float);
    return hi - lo;
}

static void ops_norm_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     lo, hi, c = (size_t)j->row.c;
    ops_rows_of(j, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++)
        j->o->norm(c, j->x + (size_t)ly_in_row(&j->row, (int64_t)i) * c * sizeof(float),
                   j->a + (size_t)j->row.g_at * sizeof(float), j->a + (size_t)j->row.b_at * sizeof(float),
                   NORM_EPS, j->y + i * c * sizeof(float));
}

static void softmax_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     lo, hi, c = (size_t)j->row.c;
    ops_rows_of(j, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++)
        j->o->softmax(c, j->x + i * c * sizeof(float), j->y + i * c * sizeof(float));
    if (j->nt) j->o->fence();
}

static void act_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     at, n = elements_of(j, tid, nthreads, &at);
    j->o->act(n, j->x + at, j->y + at, j->row.act);
    if (j->nt) j->o->fence();
}

static void add_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     at, n = elements_of(j, tid, nthreads, &at);
    j->o->add(n, j->x + at, j->a + at, j->y + at);
    if (j->nt) j->o->fence();
}

static void embed_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     lo, hi;
    ops_rows_of(j, tid, nthreads, &lo, &hi);
    cpu_embed_rows(j->o, j->dtype, &j->row, j->x, j->a, j->b, j->y, lo, hi);
    if (j->nt) j->o->fence();
}

/* Of a layer norm in memory the next row's sum is taken beside the output. */
static void norm_nt_part(void *arg, int tid, int nthreads)
{
    const job          *j = arg;
    const cpu_row_steps s = {.steps = CPU_NORM,
                             .nt = true,
                             .c = (size_t)j->row.c,
                             .gain = j->a + (size_t)j->row.g_at * sizeof(float),
                             .offset = j->a + (size_t)j->row.b_at * sizeof(float),
                             .eps = NORM_EPS};
    size_t              lo, hi;
    ops_rows_of(j, tid, nthreads, &lo, &hi);
    j->o->row_steps(&s, lo, hi, j->x, j->y);
}

static ir_status ops_run(ir_run *r, uint32_t reps, ir_pool_fn part, bool nt)
{
    job j = {.own = *cpu_ops_of(r->dev),
             .nt = nt,
             .dtype = r->p.dtype,
             .x = r->mem[0].p,
             .y = r->mem[r->nmem - 1].p};
    if (nt) {
        j.own.act = j.own.act_nt;
        j.own.add = j.own.add_nt;
        j.own.softmax = j.own.softmax_nt;
        j.own.embed = j.own.embed_nt;
    }
    j.o = &j.own;
    wl_row_of(r->workload, &r->p, &j.row);
    if (r->nmem > 2) j.a = r->mem[1].p;
    if (r->nmem > 3) j.b = r->mem[2].p;
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, part, &j);
    return IR_OK;
}
#define RUNS(word, part, nt_part) \
    static ir_status word##_run(ir_run *r, uint32_t reps) { return ops_run(r, reps, part, false); } \
    static ir_status word##_nt_run(ir_run *r, uint32_t reps) { return ops_run(r, reps, nt_part, true); }
RUNS(norm, ops_norm_part, norm_nt_part)
RUNS(softmax, softmax_part, softmax_part)
RUNS(act, act_part, act_part)
RUNS(add, add_part, add_part)
RUNS(embed, embed_part, embed_part)
#undef RUNS

static ir_status ops_nt_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)w, (void)p;
    if (cpu_ops_of(dev)->has_nt) return IR_OK;
    return ir_fail(IR_SKIP, "no non-temporal stores for ISA %s in this build",
                   cpu_isa_name(cpu_of(dev)->isa));
}

static ir_status can_embed(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    if (p->dtype == IR_F32 || p->dtype == IR_BF16 || p->dtype == IR_I8) return IR_OK;
    return ir_fail(IR_SKIP, "a table in %s: this kernel knows f32, bf16 and i8", ir_dtype_name(p->dtype));
}

static ir_status can_embed_nt(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ir_status s = can_embed(dev, w, p);
    return s == IR_OK ? ops_nt_can_run(dev, w, p) : s;
}

const ir_kernel cpu_norm_simd = {.family = "norm",
                                 .name = "simd",
                                 .doc = "mean, then variance, then gain and offset, vectors throughout",
                                 .by_form = true,
                                 .run = norm_run};
const ir_kernel cpu_softmax_simd = {.family = "softmax",
                                    .name = "simd",
                                    .doc = "maximum, exponential series in vectors, scaling",
                                    .by_form = true,
                                    .run = softmax_run};
const ir_kernel cpu_act_simd = {
    .family = "act", .name = "simd", .doc = "ReLU, GELU in vectors", .by_form = true, .run = act_run};
const ir_kernel cpu_add_simd = {
    .family = "add", .name = "simd", .doc = "residual add in vectors", .by_form = true, .run = add_run};
const ir_kernel cpu_embed_simd = {.family = "embed",
                                  .name = "simd",
                                  .doc = "gathered rows plus positions, widened in vectors",
                                  .can_run = can_embed,
                                  .by_form = true,
                                  .run = embed_run};
const ir_kernel cpu_norm_nt = {
    .family = "norm",
    .name = "nt",
    .doc =
        "for tensors in memory, non-temporal stores: each row is summed up while the one before is written",
    .flags = IR_K_NT,
    .by_form = true,
    .can_run = ops_nt_can_run,
    .run = norm_nt_run};
const ir_kernel cpu_softmax_nt = {
    .family = "softmax",
    .name = "nt",
    .doc = "for tensors in memory, non-temporal stores: exponentials wait in L1, the next row is fetched",
    .flags = IR_K_NT,
    .by_form = true,
    .can_run = ops_nt_can_run,
    .run = softmax_nt_run};
const ir_kernel cpu_act_nt = {.family = "act",
                              .name = "nt",
                              .doc = "for tensors in memory, non-temporal stores: input fetched ahead",
                              .flags = IR_K_NT,
                              .by_form = true,
                              .can_run = ops_nt_can_run,
                              .run = act_nt_run};
const ir_kernel cpu_add_nt = {.family = "add",
                              .name = "nt",
                              .doc = "for tensors in memory, non-temporal stores: inputs fetched ahead",
                              .flags = IR_K_NT,
                              .by_form = true,
                              .can_run = ops_nt_can_run,
                              .run = add_nt_run};
const ir_kernel cpu_embed_nt = {.family = "embed",
                                .name = "nt",
                                .doc = "for tensors in memory, non-temporal stores: rows go past the caches",
                                .flags = IR_K_NT,
                                .by_form = true,
                                .can_run = can_embed_nt,
                                .run = embed_nt_run};

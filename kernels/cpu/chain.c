/* chain.c -- "simd": k element-wise operations. Fused: every vector passes all of them in registers. Unfused: one parallel region an operation,
 * from tensor to tensor, the last into y; two tensors take turns, so that none is read and written by the same pass. */
#include "bench/workloads/workloads_nets.h"
#include "kernels/cpu/ops.h"

#include <stdlib.h>

enum { T_X, T_AB, T_Y, N = 0, K, FUSE, GRAIN = 16 };
typedef struct { char *between; size_t bytes; } self_t;
typedef struct { const cpu_ops *o; size_t n, k; const char *x, *a, *b; char *y; } job;

static ir_status chain_setup(ir_run *r)
{
    self_t *s = calloc(1, sizeof *s);
    void   *p = NULL;
    r->self = s;
    if (!s) return ir_fail(IR_ENOMEM, "chain: no memory for the plan");
    if (r->p.v[FUSE] == WL_CHAIN_FUSED || r->p.v[K] < 2) return IR_OK;
    s->bytes = (size_t)r->p.v[N] * sizeof(float);
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

static void part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     lo, hi;
    cpu_part(j->n, GRAIN, tid, nthreads, &lo, &hi);
    j->o->chain(hi - lo, j->x + lo * sizeof(float), j->k, j->a, j->b, j->y + lo * sizeof(float));
}

static ir_status chain_run(ir_run *r, uint32_t reps)
{
    const self_t *s = r->self;
    const size_t  k = (size_t)r->p.v[K];
    const char   *x = r->mem[T_X].p, *a = r->mem[T_AB].p, *b = a + k * sizeof(float);
    char         *y = r->mem[T_Y].p;
    job           j = {.o = cpu_ops_of(r->dev), .n = (size_t)r->p.v[N], .k = s->between ? 1 : k};
    for (uint32_t i = 0; i < reps; i++) {
        j.x = x;
        for (size_t op = 0; op < k; op += j.k) {
            j.y = (k - op - j.k) % 2 ? s->between : y; /* the last pass ends in y */
            j.a = a + op * sizeof(float);
            j.b = b + op * sizeof(float);
            ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, part, &j);
            j.x = j.y;
        }
    }
    return IR_OK;
}

const ir_kernel cpu_chain_simd = {
    .family = "chain", .name = "simd", .doc = "fused: in registers; unfused: a region and a tensor an operation", .setup = chain_setup,
    .run = chain_run, .teardown = chain_teardown};

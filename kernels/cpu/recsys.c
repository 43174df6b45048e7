/* recsys.c -- see recsys.h; "stream": embedding bags as a kernel of their own. Threads share bags, or
 * samples. */
#include "kernels/cpu/recsys.h"
#include "kernels/workloads/workloads_nets.h"

#include <stdlib.h>
#include <string.h>

CPU_DECLARE_PER_ISA(cpu_recsys_ops, cpu_recsys);
static const cpu_recsys_ops *const tables[CPU_NISA] = CPU_PER_ISA(cpu_recsys);

const cpu_recsys_ops *cpu_recsys_ops_of(const ir_dev *dev)
{
    int isa = (int)cpu_of(dev)->isa;
    while (isa > CPU_PORTABLE && !tables[isa]) isa--;
    return tables[isa];
}

bool cpu_recsys_has(const ly_row *r) { return r->op == LY_BAG || r->op == LY_INTERACT || r->op == LY_CONCAT; }

static void bags_part(const cpu_recsys_ops *o, ir_dtype t, const ly_row *r, const char *x, const char *W,
                      char *y, int tid, int nthreads)
{
    size_t lo, hi;
    cpu_part((size_t)r->rows, 1, tid, nthreads, &lo, &hi);
    o->bags(t, (size_t)r->c, W + (size_t)r->W_at * (size_t)ir_dtype_bytes(t), x,
            x + ((size_t)r->rows + 1) * 4, lo, hi, y);
}

void cpu_recsys_part(const cpu_recsys_ops *o, ir_dtype t, const ly_row *r, const char *x, const char *add,
                     const char *W, char *y, int tid, int nthreads)
{
    const size_t c = (size_t)r->c, row_B = c * 4, others_B = ((size_t)r->heads - 1) * row_B;
    size_t       lo, hi;
    if (r->op == LY_BAG) {
        bags_part(o, t, r, x, W, y, tid, nthreads);
        return;
    }
    cpu_part((size_t)r->rows, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) {
        char *to = y + i * (size_t)r->k * 4;
        memcpy(to, x + i * row_B, row_B);
        if (r->op == LY_CONCAT)
            memcpy(to + row_B, add + i * others_B, others_B);
        else
            o->pairs((size_t)r->heads, c, x + i * row_B, add + i * others_B, to + row_B);
    }
}

/* ---- the kernel ------------------------------------------------------------------------------ */
typedef struct {
    const ir_run         *run;
    const cpu_recsys_ops *ops;
    ly_row                row;
} job;

static void bag_part(void *arg, int tid, int nthreads)
{
    const job    *j = arg;
    const ir_run *r = j->run;
    bags_part(j->ops, r->p.dtype, &j->row, r->mem[0].p, r->mem[1].p, r->mem[2].p, tid, nthreads);
}

static ir_status bag_run(ir_run *r, uint32_t reps)
{
    job j = {.run = r, .ops = cpu_recsys_ops_of(r->dev)};
    wl_row_of(r->workload, &r->p, &j.row);
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, bag_part, &j);
    return IR_OK;
}

static ir_status bag_can(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    if (p->dtype == IR_F32 || p->dtype == IR_BF16) return IR_OK;
    return ir_fail(IR_SKIP, "a table in %s: this kernel knows f32 and bf16", ir_dtype_name(p->dtype));
}

const ir_kernel cpu_bag_stream = {.family = "bag",
                                  .name = "stream",
                                  .doc = "sums in registers, the rows of later look-ups asked for ahead",
                                  .can_run = bag_can,
                                  .run = bag_run};

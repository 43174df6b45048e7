/* gather.c -- the sum of x[index[i]] on host threads: naive (one chain of additions), regular (scalar loads
 * into eight independent sums) and vector (the gather instruction, which on many processors is the slower of
 * the two: that is what the two rows show). Threads share x and split the index. */
#include "kernels/cpu/gather.h"
#include "kernels/workloads/workloads_memory.h"
#include "kernels/cpu/cpu.h"

#include <string.h>

enum { BYTES, COUNT, LINE_INDEX = 16 };
CPU_DECLARE_PER_ISA(cpu_gather_table, cpu_gather);
static const cpu_gather_table *const tables[CPU_NISA] = CPU_PER_ISA(cpu_gather);

typedef double   any_f64 __attribute__((aligned(1), may_alias)); /* tensors may start at any byte */
typedef float    any_f32 __attribute__((aligned(1), may_alias));
typedef uint32_t any_u32 __attribute__((aligned(1), may_alias));

typedef struct {
    cpu_gather_fn   fn;
    const void     *x;
    const uint32_t *index;
    char           *sums;
    size_t          n;
    bool            f32;
    uint32_t        reps;
} job;

static void set_sums(const job *j, int first, int last, double sum)
{
    float f = (float)sum;
    for (int slot = first; slot < last; slot++) {
        if (j->f32)
            memcpy(j->sums + (size_t)slot * sizeof f, &f, sizeof f);
        else
            memcpy(j->sums + (size_t)slot * sizeof sum, &sum, sizeof sum);
    }
}

static void gather_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     lo, hi;
    cpu_part(j->n, LINE_INDEX, tid, nthreads, &lo, &hi);
    const uint32_t *index = (const void *)((const char *)j->index + lo * sizeof *index);
    double          sum = 0;
    for (uint32_t i = 0; i < j->reps; i++) {
        sum = j->fn(j->x, index, hi - lo);
        __asm__ volatile("" : "+r"(index) : "m"(sum) : "memory"); /* repetitions are not merged */
    }
    set_sums(j, tid, tid + 1, sum);
    if (tid == nthreads - 1) set_sums(j, nthreads, WL_PARTIALS, 0);
}

static job gather_prepare(const ir_run *r, cpu_gather_fn fn, uint32_t reps)
{
    return (job){fn,  r->mem[1].p, r->mem[2].p, r->mem[0].p, (size_t)r->p.v[COUNT], r->p.dtype == IR_F32,
                 reps};
}

#define NAIVE(name, T) \
    static double name(const void *vx, const uint32_t *vindex, size_t n) \
    { \
        const T       *x = vx; \
        const any_u32 *index = (const void *)vindex; \
        double         sum = 0; \
        for (size_t i = 0; i < n; i++) sum += (double)x[index[i]]; \
        return sum; \
    }
NAIVE(naive_f64, any_f64)
NAIVE(naive_f32, any_f32)

#define REGULAR(name, T, S) \
    static double name(const void *vx, const uint32_t *vindex, size_t n) \
    { \
        const T       *x = vx; \
        const any_u32 *index = (const void *)vindex; \
        S              s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0; \
        size_t         i = 0; \
        for (; i + 8 <= n; i += 8) { \
            s0 += x[index[i]], s1 += x[index[i + 1]], s2 += x[index[i + 2]], s3 += x[index[i + 3]]; \
            s4 += x[index[i + 4]], s5 += x[index[i + 5]]; \
            s6 += x[index[i + 6]], s7 += x[index[i + 7]]; \
        } \
        for (; i < n; i++) s0 += x[index[i]]; \
        return (double)(((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))); \
    }
REGULAR(regular_f64, any_f64, double)
REGULAR(regular_f32, any_f32, float)

static ir_status gather_naive_run(ir_run *r, uint32_t reps)
{
    job j = gather_prepare(r, r->p.dtype == IR_F32 ? naive_f32 : naive_f64, 1);
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, gather_part, &j);
    return IR_OK;
}

static ir_status gather_regular_run(ir_run *r, uint32_t reps)
{
    job j = gather_prepare(r, r->p.dtype == IR_F32 ? regular_f32 : regular_f64, reps);
    ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, gather_part, &j);
    return IR_OK;
}

static cpu_gather_fn vector_fn(const ir_dev *dev, ir_dtype t)
{
    int isa = (int)cpu_of(dev)->isa;
    while (isa > CPU_PORTABLE && !tables[isa]) isa--;
    return tables[isa]->fn[t == IR_F32];
}

static ir_status gather_vector_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)w;
    if (vector_fn(dev, p->dtype)) return IR_OK;
    return ir_fail(IR_SKIP, "ISA %s has no gather instruction", cpu_isa_name(cpu_of(dev)->isa));
}

static ir_status vector_run(ir_run *r, uint32_t reps)
{
    job j = gather_prepare(r, vector_fn(r->dev, r->p.dtype), reps);
    ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, gather_part, &j);
    return IR_OK;
}

const ir_kernel cpu_gather_naive = {.family = "gather",
                                    .name = "naive",
                                    .doc = "one chain of additions",
                                    .flags = IR_K_NAIVE,
                                    .run = gather_naive_run};
const ir_kernel cpu_gather_regular = {.family = "gather",
                                      .name = "regular",
                                      .doc = "scalar loads into eight independent sums",
                                      .flags = IR_K_FUSED,
                                      .run = gather_regular_run};
const ir_kernel cpu_gather_vector = {.family = "gather",
                                     .name = "vector",
                                     .doc = "the ISA's gather instruction",
                                     .flags = IR_K_FUSED,
                                     .can_run = gather_vector_can_run,
                                     .run = vector_run};

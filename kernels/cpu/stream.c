/* stream.c -- read, write, copy, scale, add, triad on host threads. Rungs: naive (a plain loop, one region
 * per call), regular (vector loads and stores), nt (non-temporal stores), and narrow and narrow_nt (32-byte
 * vectors where the widest have 64: processors that split those stream faster with them). All but naive
 * repeat inside one parallel region, so that cache-sized arrays measure the accesses and not the fork. Each
 * thread streams the part of the arrays that it first touched. Refuses nt for read, for destinations that are
 * not element-aligned, and where the ISA has no such stores. */
#include "kernels/cpu/stream.h"
#include "kernels/cpu/cpu.h"

#include <string.h>

CPU_DECLARE_PER_ISA(cpu_stream_table, cpu_stream);
static const cpu_stream_table *const tables[CPU_NISA] = CPU_PER_ISA(cpu_stream);

enum { LINE = 64, PAGE = 4096, MANY_PAGES = 16 };

/* What every thread needs; one call. */
typedef struct {
    cpu_stream_fn fn;
    char         *a;
    const char   *b, *c;
    void         *sums; /* NULL: not a read */
    size_t        n, width;
    uint32_t      reps;
} job;

/* The table of `isa`, or of the nearest one below it that was compiled. */
static const cpu_stream_table *table_of(cpu_isa isa)
{
    int i = (int)isa;
    while (i > CPU_PORTABLE && !tables[i]) i--;
    return tables[i];
}

static void set_sum(const job *j, int slot, double sum)
{
    if (j->width == sizeof(float)) {
        float f = (float)sum;
        memcpy((char *)j->sums + (size_t)slot * sizeof f, &f, sizeof f);
    } else {
        memcpy((char *)j->sums + (size_t)slot * sizeof sum, &sum, sizeof sum);
    }
}

/* Whole pages per thread, as they were first touched; whole lines when there are few pages. */
static void stream_part(void *arg, int tid, int nthreads)
{
    const job *j = arg;
    size_t     lo, hi, pages = j->n * j->width / PAGE / (size_t)nthreads;
    cpu_part(j->n, (pages >= MANY_PAGES ? PAGE : LINE) / j->width, tid, nthreads, &lo, &hi);
    double sum = j->fn(j->a + lo * j->width, j->b + lo * j->width, j->c + lo * j->width, hi - lo, j->reps);
    if (!j->sums) return;
    set_sum(j, tid, sum);
    if (tid == nthreads - 1) /* the unused slots are adjacent to the last thread's */
        memset((char *)j->sums + (size_t)nthreads * j->width, 0, (size_t)(WL_PARTIALS - nthreads) * j->width);
}

static void stream_prepare(const ir_run *r, cpu_stream_fn fn, uint32_t reps, job *j)
{
    const wl_stream_op *op = wl_stream_of(r->workload);
    const void         *a =
        op->writes ? r->mem[0].p : r->mem[1].p; /* unused arrays alias a used one: no NULL arithmetic */
    *j = (job){.fn = fn,
               .a = (char *)a,
               .b = op->reads > 0 ? r->mem[1].p : a,
               .c = op->reads > 1 ? r->mem[2].p : a,
               .sums = op->writes ? NULL : r->mem[0].p,
               .n = wl_stream_n(r->workload, &r->p),
               .width = r->p.dtype == IR_F32 ? sizeof(float) : sizeof(double),
               .reps = reps};
}

static int log2_of(int64_t streams) { return streams >= 8 ? 3 : streams >= 4 ? 2 : streams >= 2 ? 1 : 0; }

static ir_status stream_run(ir_run *r, const cpu_stream_table *table, int store, uint32_t reps)
{
    const wl_stream_op *op = wl_stream_of(r->workload);
    bool                f32 = r->p.dtype == IR_F32;
    if (store == CPU_STORE_NT && (uintptr_t)r->mem[0].p % (f32 ? sizeof(float) : sizeof(double)))
        return ir_fail(IR_SKIP, "non-temporal stores need a destination aligned to its %s elements",
                       ir_dtype_name(r->p.dtype));
    job j;
    stream_prepare(r, table->fn[op->code][store][f32][log2_of(r->p.v[1])], reps, &j);
    ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, stream_part, &j);
    return IR_OK;
}

static ir_status stream_regular_run(ir_run *r, uint32_t reps)
{
    return stream_run(r, table_of(cpu_of(r->dev)->isa), CPU_STORE_REGULAR, reps);
}

static ir_status stream_nt_run(ir_run *r, uint32_t reps)
{
    return stream_run(r, table_of(cpu_of(r->dev)->isa), CPU_STORE_NT, reps);
}

static ir_status narrow_run(ir_run *r, uint32_t reps)
{
    return stream_run(r, table_of(CPU_AVX2), CPU_STORE_REGULAR, reps);
}

static ir_status narrow_nt_run(ir_run *r, uint32_t reps)
{
    return stream_run(r, table_of(CPU_AVX2), CPU_STORE_NT, reps);
}

static ir_status stream_nt_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)p;
    if (!wl_stream_of(w)->writes)
        return ir_fail(IR_SKIP, "%s stores nothing: no non-temporal variant", w->name);
    if (!table_of(cpu_of(dev)->isa)->has_nt)
        return ir_fail(IR_SKIP, "no non-temporal stores for ISA %s in this build",
                       cpu_isa_name(cpu_of(dev)->isa));
    return IR_OK;
}

static ir_status narrow_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)w;
    (void)p;
    if (cpu_of(dev)->isa == CPU_AVX512) return IR_OK;
    return ir_fail(IR_SKIP, "ISA %s has no vectors wider than 32 bytes: see regular and nt",
                   cpu_isa_name(cpu_of(dev)->isa));
}

static ir_status narrow_nt_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    ir_status s = narrow_can_run(dev, w, p);
    return s == IR_OK ? stream_nt_can_run(dev, w, p) : s;
}

static void nt_cost(const ir_params *p, ir_cost *c)
{
    (void)p;
    ir_cost_past_caches(c);
}

const ir_kernel cpu_stream_regular = {.family = "stream",
                                      .name = "regular",
                                      .doc = "vector loads and stores of the widest kind, unrolled",
                                      .flags = IR_K_FUSED,
                                      .run = stream_regular_run};
const ir_kernel cpu_stream_nt = {
    .family = "stream",
    .name = "nt",
    .doc = "as regular, with non-temporal stores: no line is read to be overwritten",
    .flags = IR_K_NT | IR_K_FUSED,
    .can_run = stream_nt_can_run,
    .run = stream_nt_run,
    .cost = nt_cost};
const ir_kernel cpu_stream_narrow = {.family = "stream",
                                     .name = "narrow",
                                     .doc = "as regular, with half of the widest vectors",
                                     .flags = IR_K_FUSED,
                                     .can_run = narrow_can_run,
                                     .run = narrow_run};
const ir_kernel cpu_stream_narrow_nt = {.family = "stream",
                                        .name = "narrow_nt",
                                        .doc = "as nt, with half of the widest vectors",
                                        .flags = IR_K_NT | IR_K_FUSED,
                                        .can_run = narrow_nt_can_run,
                                        .run = narrow_nt_run,
                                        .cost = nt_cost};

/* ---- naive: what a reader would write; memcpy and memset, which choose their own stores, are kept out ----
 */
#if defined(__clang__)
#define PLAIN static __attribute__((noinline, no_builtin("memcpy", "memmove", "memset")))
#else
#define PLAIN static __attribute__((noinline, optimize("no-tree-loop-distribute-patterns")))
#endif
typedef double any_f64 __attribute__((aligned(1), may_alias)); /* tensors may start at any byte */
typedef float  any_f32 __attribute__((aligned(1), may_alias));

#define NAIVE_LOOP(name, T, EXPR) \
    PLAIN double name(void *va, const void *vb, const void *vc, size_t n, uint32_t reps) \
    { \
        T       *a = va; \
        const T *b = vb, *c = vc; \
        (void)b, (void)c, (void)reps; \
        for (size_t i = 0; i < n; i++) a[i] = (EXPR); \
        return 0; \
    }
#define NAIVE(op, EXPR) NAIVE_LOOP(op##_f64, any_f64, EXPR) NAIVE_LOOP(op##_f32, any_f32, (float)(EXPR))
#define NAIVE_READ(name, T) \
    PLAIN double name(void *va, const void *vb, const void *vc, size_t n, uint32_t reps) \
    { \
        const T *b = vb; \
        double   sum = 0; \
        (void)va, (void)vc, (void)reps; \
        for (size_t i = 0; i < n; i++) sum += (double)b[i]; \
        return sum; \
    }
NAIVE_READ(read_f64, any_f64)
NAIVE_READ(read_f32, any_f32)
NAIVE(write, WL_STREAM_VALUE)
NAIVE(copy, b[i])
NAIVE_LOOP(scale_f64, any_f64, WL_STREAM_SCALAR *b[i])
NAIVE_LOOP(scale_f32, any_f32, (float)WL_STREAM_SCALAR *b[i])
NAIVE(add, b[i] + c[i])
NAIVE_LOOP(triad_f64, any_f64, b[i] + WL_STREAM_SCALAR * c[i])
NAIVE_LOOP(triad_f32, any_f32, b[i] + (float)WL_STREAM_SCALAR * c[i])

static ir_status stream_naive_run(ir_run *r, uint32_t reps)
{
    static const cpu_stream_fn fn[WL_NSTREAM][2] = {
        [WL_READ] = {read_f64, read_f32}, [WL_WRITE] = {write_f64, write_f32},
        [WL_COPY] = {copy_f64, copy_f32}, [WL_SCALE] = {scale_f64, scale_f32},
        [WL_ADD] = {add_f64, add_f32},    [WL_TRIAD] = {triad_f64, triad_f32}};
    job j;
    stream_prepare(r, fn[wl_stream_of(r->workload)->code][r->p.dtype == IR_F32], 1, &j);
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(cpu_of(r->dev)->pool, r->p.threads, stream_part, &j);
    return IR_OK;
}

const ir_kernel cpu_stream_naive = {.family = "stream",
                                    .name = "naive",
                                    .doc = "a plain C loop per thread",
                                    .flags = IR_K_NAIVE,
                                    .run = stream_naive_run};

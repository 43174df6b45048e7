/* gemm.c -- "blocked": C = A B on host threads, three ways.
 *   packed    A and B are copied block by block into panels in the order the register tile reads them. A
 * block of A stays in a core's L2, a block of B in the last-level cache; threads form a grid of tm x tn over
 * rows and columns, pack together and meet at barriers. Where that costs little they pack each for itself: a
 *             line that a core of another die has read is written at 8 GB/s.
 *   narrow    rows enough for the registers, too few to pay for sharing: each thread packs small blocks of
 * its own columns of B into its own L2, past all of A, and never waits for another. unpacked  few rows: B is
 * as large as the work, so it is read in place, once. Threads split its columns, and its rows too when the
 * columns are few; then the parts are added up. bf16 inputs are widened to f32 on the way. Block sizes follow
 * the caches the topology reports. */
#include "kernels/cpu/gemm.h"
#include "kernels/workloads/workloads_gemm.h"
#include "kernels/cpu/cpu.h"

#include <stdlib.h>

CPU_DECLARE_PER_ISA(cpu_gemm_table, cpu_gemm);
static const cpu_gemm_table *const tables[CPU_NISA] = CPU_PER_ISA(cpu_gemm);

const cpu_gemm_ops *cpu_gemm_ops_of(const ir_dev *dev, int type)
{
    int isa = (int)cpu_of(dev)->isa;
    while (isa > CPU_PORTABLE && !tables[isa]) isa--;
    return &tables[isa]->type[type];
}

enum {
    UNPACKED_ROWS = 24, /* up to here reading B in place wins over packing it, B in the last-level cache; */
    MEMORY_ROWS = 6, /* and from memory, where a packer's long runs win: measured at n = k = 4096 (f32) and n
                        = 2048 (f64). A B of more than 3/4 of that cache does not stay there */
    NARROW_ROWS = 384,     /* up to here a thread packs for itself */
    ALONE_FLOPS = 700,     /* of a thread, from which an element packed on top costs at most 5 % */
    NARROW_RUN_B = 1024,   /* bytes of a row of B that a block takes at once: memory likes long runs */
    NARROW_AHEAD_B = 8192, /* of such runs are on their way from memory */
    BAND = 32,             /* rows of B that one pass over the columns reads */
    DEEP = 32,      /* rows of B for every row of C that a thread adds up: few enough to split B by rows */
    STRIP_B = 1024, /* narrowest run of bytes of a row of B worth a thread's while */
    ALIGN = 64
};

typedef struct {
    const cpu_gemm_ops *ops;
    wl_gemm_shape       s;
    size_t              in_B, out_B;                /* bytes of an element */
    int                 wide;                       /* inputs are bf16 */
    void (*part)(void *job, int tid, int nthreads); /* which way */
    int    tm, tn, tk; /* threads over rows, columns, depth: packed has tk = 1, unpacked tm = 1 */
    bool   alone;      /* packed: every thread has an A and a B of its own: no barriers */
    size_t mc, nc, kc; /* packed, narrow: block sizes; mc per thread row; narrow: rows of a panel */
    char  *work; /* packed: B, then tm blocks of A; alone: per thread A, then B; else per thread; unpacked:
                    then the parts of C */
    size_t work_B, thread_B, part_B, block_B;
} plan;

typedef struct {
    const plan *p;
    ir_pool    *pool;
    const char *a, *b;
    char       *c;
} job;

/* ---- packed ---------------------------------------------------------------------------------- */
static void packed_part(void *arg, int tid, int nthreads)
{
    const job          *j = arg;
    const plan         *p = j->p;
    const cpu_gemm_ops *o = p->ops;
    const size_t        n = p->s.n, k = p->s.k;
    const int           row = tid / p->tn, col = tid % p->tn;
    const int b_size = p->alone ? 1 : nthreads, b_rank = p->alone ? 0 : tid; /* who pack B together, */
    const int a_size = p->alone ? 1 : p->tn,
              a_rank = p->alone ? 0 : col; /* and A, and share out its columns */
    char  *ap = p->work + (p->alone ? (size_t)tid * p->thread_B : p->part_B + (size_t)row * p->thread_B);
    char  *bp = p->alone ? ap + p->block_B : p->work;
    size_t m_lo, m_hi, n_lo = 0, n_hi = n,
                       turns = (cpu_up(cpu_each(p->s.m, p->tm), o->mr) + p->mc - 1) / p->mc;
    cpu_part(p->s.m, o->mr, row, p->tm, &m_lo, &m_hi);
    if (p->alone) cpu_part(n, o->nr, col, p->tn, &n_lo, &n_hi);
    for (size_t jc = n_lo; jc < n_hi; jc += p->nc)
        for (size_t pc = 0; pc < k; pc += p->kc) {
            size_t nb = cpu_min(p->nc, n_hi - jc), kb = cpu_min(p->kc, k - pc), lo, hi, c_lo, c_hi;
            cpu_part(nb, o->nr, b_rank, b_size, &lo, &hi);
            if (lo < hi)
                o->pack_b(p->wide, hi - lo, kb, j->b + (pc * n + jc + lo) * p->in_B, n,
                          bp + lo * kb * p->out_B);
            cpu_part(nb, o->nr, a_rank, a_size, &c_lo, &c_hi);
            for (size_t t = 0; t < turns; t++) {
                size_t ic = cpu_min(m_lo + t * p->mc, m_hi), mb = cpu_min(p->mc, m_hi - ic);
                cpu_part(mb, o->mr, a_rank, a_size, &lo, &hi);
                for (size_t i = lo; i < hi; i += o->mr)
                    o->pack_a(p->wide, cpu_min(o->mr, hi - i), kb, j->a + ((ic + i) * k + pc) * p->in_B, k,
                              ap + i * kb * p->out_B);
                if (b_size > 1 && (a_size > 1 || t == 0))
                    ir_pool_barrier(j->pool, nthreads); /* what others packed is complete */
                if (c_lo < c_hi)
                    o->block(mb, o->mr, c_hi - c_lo, kb, ap, bp + c_lo * kb * p->out_B,
                             j->c + (ic * n + jc + c_lo) * p->out_B, n, pc > 0, NULL);
                if (b_size > 1 && (a_size > 1 || t + 1 == turns))
                    ir_pool_barrier(j->pool, nthreads); /* and may be overwritten */
            }
        }
}

/* Whether every thread should pack all it reads: what it packs on top must be little beside its FLOPs, and
 * come from cache. */
static bool alone(const plan *p, size_t l3)
{
    const double m = (double)p->s.m, n = (double)p->s.n, tm = p->tm, tn = p->tn;
    const double extra = m / tm * (1 - 1 / tn) + n / tn * (1 - 1 / tm), flops = 2 * m * n / (tm * tn);
    return (m + n) * (double)(p->s.k * p->in_B) <= (double)l3 / 2 && flops >= ALONE_FLOPS * extra;
}

void cpu_gemm_grid(const cpu_gemm_ops *o, size_t m, size_t n, double pack, int threads, int *tm, int *tn)
{
    double best = 0;
    *tm = *tn = 1;
    for (int over_n = 1; over_n <= threads; over_n++) {
        if (threads % over_n) continue;
        const int    over_m = threads / over_n;
        const double rows = (double)cpu_up(cpu_each(m, over_m), o->mr) + pack,
                     cols = (double)cpu_up(cpu_each(n, over_n), o->nr);
        if (best > 0 && rows * cols > 0.99 * best) continue;
        best = rows * cols;
        *tm = over_m;
        *tn = over_n;
    }
}

static void plan_packed(const ir_run *r, plan *p)
{
    const cpu_gemm_ops *o = p->ops;
    size_t w = p->out_B, l1 = cpu_cache_B(r->dev, 1, 32 << 10), l2 = cpu_cache_B(r->dev, 2, 512 << 10);
    size_t l3 = cpu_cache_B(r->dev, 3, 4 << 20);
    cpu_gemm_grid(o, p->s.m, p->s.n, 0, r->p.threads, &p->tm, &p->tn);
    /* A panel of B may exceed L1 by half: it is read in order, and prefetched. */
    p->kc = cpu_even(p->s.k, cpu_min(l1 * 3 / 2 / (o->nr * w), 512), 8);
    p->mc = cpu_even(cpu_each(p->s.m, p->tm), l2 / 2 / (p->kc * w), o->mr);
    p->alone = alone(p, l3);
    p->nc = cpu_even(p->alone ? cpu_each(p->s.n, p->tn) : p->s.n,
                     l3 / 4 / (p->kc * w) / (p->alone ? (size_t)r->p.threads : 1),
                     o->nr * (p->alone ? 1 : (size_t)p->tn));
    p->block_B = cpu_up(p->mc * p->kc * w, ALIGN);
    p->part_B = cpu_up(p->nc * p->kc * w, ALIGN);
    p->thread_B = cpu_apart(p->block_B + (p->alone ? p->part_B : 0));
    p->work_B = p->alone ? (size_t)r->p.threads * p->thread_B : p->part_B + (size_t)p->tm * p->thread_B;
}

/* ---- narrow ---------------------------------------------------------------------------------- */
/* Blocks of B are packed one in advance, in the order of its rows, while the tiles are at the present one: B
 * comes from memory as long runs, spread over all the time. */
typedef struct {
    size_t j, p, nb, kb;
    char  *at;
} piece; /* of B: first column and row, extent, where it is packed */

static piece piece_of(const plan *p, size_t lo, size_t hi, size_t number, char *both)
{
    const size_t across = (hi - lo + p->nc - 1) / p->nc, j = lo + number % across * p->nc,
                 pc = number / across * p->kc;
    return (piece){j, pc, cpu_min(p->nc, hi - j), cpu_min(p->kc, p->s.k - pc),
                   both + number % 2 * p->block_B};
}

/* Packing x while `steps` steps of tiles pass; a panel that B does not fill is packed at once. */
static cpu_gemm_side side_of(const job *t, const piece *x, size_t steps)
{
    const plan  *p = t->p;
    const size_t n = p->s.n, panels = x->nb / p->ops->nr, whole = panels * p->ops->nr, bits = panels * x->kb;
    const char  *b = t->b + (x->p * n + x->j) * p->in_B;
    if (whole < x->nb)
        p->ops->pack_b(p->wide, x->nb - whole, x->kb, b + whole * p->in_B, n,
                       x->at + whole * x->kb * p->out_B);
    cpu_gemm_side s = {.wide = p->wide,
                       .b = b,
                       .out = x->at,
                       .panels = panels,
                       .rows = panels ? x->kb : 0,
                       .kc = x->kb,
                       .ldb = n,
                       .ahead_B = (NARROW_AHEAD_B + p->nc * p->in_B - 1) / (p->nc * p->in_B) * n * p->in_B,
                       .left = panels};
    s.every = bits > 0 && steps > bits ? steps / bits : 1;
    s.due = bits > 0 ? s.every : 0;
    return s;
}

static void gemm_narrow_part(void *arg, int tid, int nthreads)
{
    const job          *j = arg;
    const plan         *p = j->p;
    const cpu_gemm_ops *o = p->ops;
    const size_t        m = p->s.m, n = p->s.n, k = p->s.k, groups = (m + p->mc - 1) / p->mc;
    char               *ap = p->work + (size_t)tid * p->thread_B,
         *both = ap + cpu_up(groups * o->mr * p->kc * p->out_B, ALIGN);
    size_t lo, hi;
    cpu_part(n, o->nr, tid, nthreads, &lo, &hi);
    if (lo == hi) return;
    const size_t  count = (hi - lo + p->nc - 1) / p->nc * ((k + p->kc - 1) / p->kc);
    piece         x = piece_of(p, lo, hi, 0, both);
    cpu_gemm_side a_size = side_of(j, &x, 0);
    for (size_t i = 0; i < count; i++) {
        o->finish_side(&a_size);
        if (x.j == lo)
            for (size_t g = 0; g < groups; g++)
                o->pack_a(p->wide, cpu_min(p->mc, m - g * p->mc), x.kb,
                          j->a + (g * p->mc * k + x.p) * p->in_B, k, ap + g * o->mr * x.kb * p->out_B);
        const piece next = piece_of(p, lo, hi, i + 1, both);
        if (i + 1 < count) a_size = side_of(j, &next, groups * ((x.nb + o->nr - 1) / o->nr) * x.kb);
        o->block(m, p->mc, x.nb, x.kb, ap, x.at, j->c + x.j * p->out_B, n, x.p > 0, &a_size);
        x = next;
    }
}

/* A slab of A and two blocks of B share L2. Panels of A have equally many rows: a last one of few would be
 * short of independent sums. */
static void plan_narrow(const ir_run *r, plan *p)
{
    const cpu_gemm_ops *o = p->ops;
    const size_t threads = (size_t)r->p.threads, groups = (p->s.m + o->mr - 1) / o->mr, rows = groups * o->mr;
    size_t       w = p->out_B, l1 = cpu_cache_B(r->dev, 1, 32 << 10), l2 = cpu_cache_B(r->dev, 2, 512 << 10);
    p->tm = p->tk = 1;
    p->tn = r->p.threads;
    p->mc = (p->s.m + groups - 1) / groups;
    p->nc = cpu_even(cpu_up((p->s.n + threads - 1) / threads, o->nr), NARROW_RUN_B / p->in_B, o->nr);
    p->kc = cpu_even(p->s.k, cpu_min(l2 * 3 / 4 / ((rows + 2 * p->nc) * w), l1 * 3 / 2 / (o->nr * w)), 8);
    p->block_B = cpu_up(p->nc * p->kc * w, ALIGN);
    p->thread_B = cpu_apart(cpu_up(rows * p->kc * w, ALIGN) + 2 * p->block_B);
    p->work_B = threads * p->thread_B;
}

/* ---- unpacked -------------------------------------------------------------------------------- */
/* Thread `tid` of tn x tk: its columns and its rows of B. Depth part 0 writes C, the others a copy each. */
static void unpacked_part(void *arg, int tid, int nthreads)
{
    const job          *j = arg;
    const plan         *p = j->p;
    const cpu_gemm_ops *o = p->ops;
    const size_t        m = p->s.m, n = p->s.n, k = p->s.k;
    const int           depth = tid / p->tn;
    char  *x = p->work + (size_t)tid * p->thread_B, *tail = x + cpu_up(m * BAND * p->out_B, ALIGN);
    char  *parts = p->work + (size_t)nthreads * p->thread_B;
    char  *c = depth ? parts + (size_t)(depth - 1) * p->part_B : j->c;
    size_t lo, hi, k_lo, k_hi;
    cpu_part(n, ALIGN / p->in_B, tid % p->tn, p->tn, &lo, &hi);
    cpu_part(k, BAND, depth, p->tk, &k_lo, &k_hi);
    const size_t run = m <= o->rows ? (k_hi - k_lo) / CPU_GEMM_RUN_ROWS * CPU_GEMM_RUN_ROWS : 0;
    if (run)
        o->runs(p->wide, m, hi - lo, run, j->a + k_lo * p->in_B, k, j->b + (k_lo * n + lo) * p->in_B, n,
                c + lo * p->out_B, n);
    for (size_t pc = k_lo + run; pc < k_hi; pc += BAND) {
        size_t kb = cpu_min(BAND, k_hi - pc);
        o->pack_x(p->wide, m, kb, j->a + pc * p->in_B, k, x);
        o->band(p->wide, m, hi - lo, kb, x, j->b + (pc * n + lo) * p->in_B, n, c + lo * p->out_B, n,
                pc > k_lo, tail);
    }
    if (p->tk == 1) return;
    ir_pool_barrier(j->pool, nthreads);
    cpu_part(m * n, ALIGN / p->out_B, tid, nthreads, &lo, &hi);
    for (int d = 1; d < p->tk; d++)
        o->sum(hi - lo, j->c + lo * p->out_B, parts + (size_t)(d - 1) * p->part_B + lo * p->out_B);
}

/* The largest divisor of n up to `most`; at least 1. */
static int largest_part(int n, size_t most)
{
    for (int part = n; part > 1; part--)
        if (n % part == 0 && (size_t)part <= most) return part;
    return 1;
}

static void plan_unpacked(const ir_run *r, plan *p)
{
    int    threads = r->p.threads > 1 ? r->p.threads : 1;
    size_t strips = p->s.n * p->in_B / STRIP_B, bands = (p->s.k + BAND - 1) / BAND;
    p->tm = p->tk = 1;
    const bool deep = p->s.m <= p->ops->rows &&
                      p->s.k >= DEEP * p->s.m * (size_t)threads; /* whole rows of B are the longest runs */
    p->tn = deep ? 1 : largest_part(threads, strips);
    if (bands >= (size_t)(threads / p->tn))
        p->tk = threads / p->tn; /* else every depth part would not have a band */
    if (p->tn * p->tk < threads) p->tn = threads / p->tk;
    p->thread_B = cpu_apart(cpu_up(p->s.m * BAND * p->out_B, ALIGN) + BAND * p->ops->cols * p->out_B);
    p->part_B = cpu_up(p->s.m * p->s.n * p->out_B, ALIGN);
    p->work_B = (size_t)threads * p->thread_B + (size_t)(p->tk - 1) * p->part_B;
}

/* ---- the kernel ------------------------------------------------------------------------------ */
static void gemm_teardown(ir_run *r)
{
    plan *p = r->self;
    if (p && p->work) ir_host_free(p->work, p->work_B);
    free(p);
    r->self = NULL;
}

static void choose_way(const ir_run *r, plan *p)
{
    /* bf16 in place is half the bytes, and widening it twice costs more than the order of its rows. */
    const bool far = !p->wide && p->s.n * p->s.k * p->in_B > cpu_cache_B(r->dev, 3, 4 << 20) / 4 * 3;
    const struct {
        size_t rows;
        void (*part)(void *, int, int);
        void (*plan)(const ir_run *, plan *);
    } way[] = {{far ? MEMORY_ROWS : UNPACKED_ROWS, unpacked_part, plan_unpacked},
               {NARROW_ROWS, gemm_narrow_part, plan_narrow},
               {SIZE_MAX, packed_part, plan_packed}};
    size_t i = 0;
    while (p->s.m > way[i].rows) i++;
    p->part = way[i].part;
    way[i].plan(r, p);
}

static ir_status gemm_setup(ir_run *r)
{
    plan *p = calloc(1, sizeof *p);
    r->self = p;
    if (!p) return ir_fail(IR_ENOMEM, "gemm: no memory for the plan");
    p->ops = cpu_gemm_ops_of(r->dev, r->p.dtype == IR_F64 ? CPU_GEMM_F64 : CPU_GEMM_F32);
    p->s = wl_gemm_of(&r->p);
    p->in_B = wl_gemm_in_B(r->p.dtype);
    p->out_B = wl_gemm_out_B(r->p.dtype);
    p->wide = r->p.dtype == IR_BF16;
    choose_way(r, p);
    void     *work = NULL;
    ir_status s = ir_host_alloc(p->work_B, cpu_of(r->dev)->pages, &work);
    p->work = s == IR_OK ? work : NULL;
    return s;
}

static ir_status gemm_run(ir_run *r, uint32_t reps)
{
    const plan *p = r->self;
    job         j = {p, cpu_of(r->dev)->pool, r->mem[0].p, r->mem[1].p, r->mem[2].p};
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(j.pool, r->p.threads, p->part, &j);
    return IR_OK;
}

static ir_status gemm_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    return wl_gemm_plain(p->dtype)
               ? IR_OK
               : ir_fail(IR_SKIP, "cpu gemm: f64, f32 and bf16, not %s", ir_dtype_name(p->dtype));
}

static const ir_plan_ops gemm_plan_ops = {.destroy = gemm_teardown};

const ir_kernel cpu_gemm_blocked = {.family = "gemm",
                                    .name = "blocked",
                                    .doc =
                                        "register tiles over packed panels; few rows: B read once, in place",
                                    .by_form = true,
                                    .can_run = gemm_can_run,
                                    .plan = gemm_setup,
                                    .run = gemm_run,
                                    .ops = &gemm_plan_ops};

/* attention.c -- "tiled": see attention.h. Threads share batch x heads x blocks of queries; a single query
 * per sequence with fewer heads than threads is split along the cache, and the parts are joined by their
 * maxima. */
#include "kernels/cpu/attention.h"
#include "kernels/workloads/workloads_nets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

CPU_DECLARE_PER_ISA(cpu_attention_ops, cpu_attention);
static const cpu_attention_ops *const tables[CPU_NISA] = CPU_PER_ISA(cpu_attention);

enum {
    QUERIES = 24,  /* of one block */
    KEYS = 64,     /* whose scores stay in L1 beside keys and values */
    SEGMENT = 128, /* fewest keys worth a thread's while */
    ALIGN = 64
};

static size_t attention_min_of(size_t x, size_t y) { return x < y ? x : y; }

/* What one thread works in. */
typedef struct {
    char  *q;
    float *s, *acc, *max, *sum;
    size_t qs, as;
} bench;
static cpu_dot dot_of(const cpu_attention *a) { return a->kv == IR_F32 ? CPU_DOT_F32 : CPU_DOT_BF16; }

static size_t thread_B(const cpu_attention *a)
{
    size_t q = QUERIES * cpu_linear_stride(a->dots, dot_of(a), a->dh);
    return q + cpu_up((QUERIES * KEYS + QUERIES * cpu_up(a->dh, 16) + 2 * QUERIES + a->dh) * sizeof(float),
                      ALIGN);
}

static bench bench_of(const cpu_attention *a, int tid)
{
    bench b;
    b.q = a->work + (size_t)tid * a->thread_B;
    b.qs = cpu_linear_stride(a->dots, dot_of(a), a->dh);
    b.as = cpu_up(a->dh, 16);
    b.s = (float *)(void *)(b.q + QUERIES * b.qs);
    b.acc = b.s + QUERIES * KEYS;
    b.max = b.acc + QUERIES * b.as;
    b.sum = b.max + QUERIES;
    return b;
}

/* ---- one head -------------------------------------------------------------------------------- */
typedef cpu_attention_head head;
head                       cpu_attention_head_of(const cpu_attention *a, size_t b, size_t h)
{
    const size_t width = a->heads * a->dh, row_B = a->dh * (a->kv == IR_F32 ? 4 : 2);
    const size_t plane = (b * a->heads + h) * a->cap * row_B, first = b * a->tokens;
    return (head){a->qkv + (first * 3 * width + h * a->dh) * sizeof(float), a->k + plane, a->v + plane,
                  a->y + (first * width + h * a->dh) * sizeof(float), row_B};
}

void cpu_attention_append(const cpu_attention *a, const head *h, size_t lo, size_t hi)
{
    const size_t width = a->heads * a->dh * sizeof(float);
    for (size_t t = lo; t < hi; t++) {
        a->ops->narrow(a->kv, a->dh, h->qkv + (3 * t + 1) * width, h->k + (a->past + t) * h->row_B);
        a->ops->narrow(a->kv, a->dh, h->qkv + (3 * t + 2) * width, h->v + (a->past + t) * h->row_B);
    }
}

/* Queries [q0, q0+n) scaled and packed; nothing seen yet. */
static void attention_begin(const cpu_attention *a, const head *h, bench *b, size_t q0, size_t n)
{
    const float by = 1 / sqrtf((float)a->dh);
    float      *t = b->sum + QUERIES;
    for (size_t m = 0; m < n; m++) {
        a->ops->scale(a->dh, by, h->qkv + (q0 + m) * 3 * a->heads * a->dh * sizeof(float), t);
        a->dots->pack(dot_of(a), a->dh, t, b->q + m * b->qs);
        b->max[m] = -INFINITY;
        b->sum[m] = 0;
    }
    memset(b->acc, 0, n * b->as * sizeof(float));
}

static const cpu_ahead AHEAD = {2048, 0, 1};

static void scores(const cpu_attention *a, const head *h, bench *b, size_t n, size_t key, size_t keys)
{
    const cpu_linear_ops *o = a->dots;
    for (size_t m = 0; m < n; m += o->most) {
        size_t rows = attention_min_of(o->most, n - m), j = 0;
        for (; j < keys;) {
            size_t r = j + CPU_TILE_R <= keys ? CPU_TILE_R : 1;
            o->tile[dot_of(a)][r > 1][rows](h->row_B, h->k + (key + j) * h->row_B, h->row_B, b->q + m * b->qs,
                                            b->qs, (char *)(b->s + m * KEYS + j), KEYS * sizeof(float), 0,
                                            m ? NULL : &AHEAD);
            j += r;
        }
    }
}

/* Scores of one query into probabilities relative to its running maximum; what it had before is scaled down
 * to it. */
static void absorb(const cpu_attention *a, bench *b, size_t m, size_t seen, size_t keys)
{
    float *s = b->s + m * KEYS, *acc = b->acc + m * b->as;
    memset(s + seen, 0, (keys - seen) * sizeof(float)); /* later keys than the query */
    if (seen == 0) return;
    float most = a->ops->max(seen, s);
    if (most < b->max[m]) most = b->max[m];
    if (b->sum[m] != 0) { /* also when it is NaN */
        float down = expf(b->max[m] - most);
        if (down != 1) a->ops->scale(a->dh, down, acc, acc);
        b->sum[m] *= down;
    }
    b->max[m] = most;
    b->sum[m] += a->ops->exp_sum(seen, s, most, s);
}

/* n queries from q0 against keys [lo, hi). */
static void attend(const cpu_attention *a, const head *h, bench *b, size_t q0, size_t n, size_t lo, size_t hi)
{
    for (size_t key = lo; key < hi; key += KEYS) {
        size_t keys = attention_min_of(KEYS, hi - key);
        if (n == 1) /* otherwise the cache is read more than once, and mostly found in L2 */
            for (size_t i = 0; i < keys * h->row_B; i += 64) __builtin_prefetch(h->v + key * h->row_B + i);
        scores(a, h, b, n, key, keys);
        for (size_t m = 0; m < n; m++) {
            size_t last = a->past + q0 + m + 1; /* keys this query may see */
            absorb(a, b, m, last <= key ? 0 : attention_min_of(keys, last - key), keys);
        }
        a->isa->weigh(a->kv, n, keys, a->dh, b->s, KEYS, h->v + key * h->row_B, b->acc, b->as);
    }
}

/* ---- shares ---------------------------------------------------------------------------------- */
static void few_queries(const cpu_attention *a, int tid, int nthreads)
{
    const size_t blocks = (a->tokens + QUERIES - 1) / QUERIES;
    size_t       lo, hi;
    bench        b = bench_of(a, tid);
    cpu_part(a->batch * a->heads, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) {
        head h = cpu_attention_head_of(a, i / a->heads, i % a->heads);
        cpu_attention_append(a, &h, 0, a->tokens);
    }
    ir_pool_barrier(a->pool, nthreads);
    cpu_part(a->batch * a->heads * blocks, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) {
        size_t which = i / blocks, q0 = i % blocks * QUERIES, n = attention_min_of(QUERIES, a->tokens - q0);
        head   h = cpu_attention_head_of(a, which / a->heads, which % a->heads);
        attention_begin(a, &h, &b, q0, n);
        attend(a, &h, &b, q0, n, 0, a->past + q0 + n);
        for (size_t m = 0; m < n; m++)
            a->ops->scale(a->dh, 1 / b.sum[m], b.acc + m * b.as,
                          h.y + (q0 + m) * a->heads * a->dh * sizeof(float));
    }
}

/* A segment's part: maximum, sum, then acc[dh]. */
static float *part_of(const cpu_attention *a, size_t item, int nthreads)
{
    return (float *)(void *)(a->work + (size_t)nthreads * a->thread_B) + item * (a->dh + 2);
}

static void attention_join(const cpu_attention *a, size_t i, int nthreads)
{
    head   h = cpu_attention_head_of(a, i / a->heads, i % a->heads);
    float *p = part_of(a, i * a->segments, nthreads), *acc = p + 2;
    float  most = p[0], sum = p[1];
    for (size_t s = 1; s < a->segments; s++) {
        float *q = p + s * (a->dh + 2), old = most;
        if (q[0] > most) most = q[0];
        float mine = expf(old - most), its = expf(q[0] - most);
        sum = sum * mine + q[1] * its;
        a->ops->scale(a->dh, mine, acc, acc);
        a->ops->scale(a->dh, its, q + 2, q + 2);
        a->ops->add(a->dh, acc, q + 2, acc);
    }
    a->ops->scale(a->dh, 1 / sum, acc, h.y);
}

static void decode(const cpu_attention *a, int tid, int nthreads)
{
    const size_t items = a->batch * a->heads;
    size_t       lo, hi, from, to;
    bench        b = bench_of(a, tid);
    cpu_part(items * a->segments, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) {
        size_t which = i / a->segments;
        head   h = cpu_attention_head_of(a, which / a->heads, which % a->heads);
        cpu_part(a->past + 1, 1, (int)(i % a->segments), (int)a->segments, &from, &to);
        if (to == a->past + 1) cpu_attention_append(a, &h, 0, 1);
        attention_begin(a, &h, &b, 0, 1);
        attend(a, &h, &b, 0, 1, from, to);
        if (a->segments == 1) {
            a->ops->scale(a->dh, 1 / b.sum[0], b.acc, h.y);
            continue;
        }
        float *p = part_of(a, i, nthreads);
        p[0] = b.max[0];
        p[1] = b.sum[0];
        memcpy(p + 2, b.acc, a->dh * sizeof(float));
    }
    if (a->segments == 1) return;
    ir_pool_barrier(a->pool, nthreads);
    cpu_part(items, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) attention_join(a, i, nthreads);
}

void cpu_attention_part(const cpu_attention *a, int tid, int nthreads)
{
    if (a->tile)
        cpu_attention_prefill(a, tid, nthreads);
    else if (a->tokens > 1)
        few_queries(a, tid, nthreads);
    else
        decode(a, tid, nthreads);
}

/* Along the cache only where heads alone would leave threads idle. */
static size_t segments_of(const cpu_attention *a, size_t threads)
{
    size_t items = a->batch * a->heads, most = (a->past + 1) / SEGMENT;
    if (a->tokens > 1 || items >= 4 * threads || items % threads == 0 || most < 2) return 1;
    return attention_min_of(most, (4 * threads + items - 1) / items);
}

void cpu_attention_plan(const ir_dev *dev, const ly_row *r, size_t cap, ir_dtype kv, int threads,
                        cpu_attention *a)
{
    int isa = (int)cpu_of(dev)->isa;
    while (isa > CPU_PORTABLE && !tables[isa]) isa--;
    memset(a, 0, sizeof *a);
    a->dots = cpu_linear_ops_of(dev);
    a->ops = cpu_ops_of(dev);
    a->isa = tables[isa];
    a->pool = cpu_of(dev)->pool;
    a->kv = kv;
    a->batch = (size_t)r->batch;
    a->heads = (size_t)r->heads;
    a->dh = (size_t)r->dh;
    a->tokens = (size_t)r->tokens;
    a->past = (size_t)r->past;
    a->cap = cap;
    a->segments = segments_of(a, (size_t)threads);
    a->thread_B = cpu_apart(thread_B(a));
    cpu_attention_plan_prefill(dev, a, (size_t)threads);
    a->work_B = (size_t)threads * a->thread_B +
                (a->segments > 1 ? a->batch * a->heads * a->segments * (a->dh + 2) * sizeof(float) : 0);
}

/* ---- the kernel ------------------------------------------------------------------------------ */
static void attention_part(void *arg, int tid, int nthreads) { cpu_attention_part(arg, tid, nthreads); }

static void attention_teardown(ir_run *r)
{
    cpu_attention *a = r->self;
    if (a && a->work) ir_host_free(a->work, a->work_B);
    free(a);
    r->self = NULL;
}

static ir_status attention_setup(ir_run *r)
{
    cpu_attention *a = calloc(1, sizeof *a);
    r->self = a;
    if (!a) return ir_fail(IR_ENOMEM, "attention: no memory for the plan");
    ly_row row;
    wl_row_of(r->workload, &r->p, &row);
    cpu_attention_plan(r->dev, &row, (size_t)(row.past + row.tokens), ly_kv_dtype(r->p.dtype), r->p.threads,
                       a);
    void     *work = NULL;
    ir_status s = ir_host_alloc(a->work_B, cpu_of(r->dev)->pages, &work);
    a->work = s == IR_OK ? work : NULL;
    return s;
}

static ir_status attention_run(ir_run *r, uint32_t reps)
{
    cpu_attention *a = r->self;
    a->qkv = r->mem[0].p;
    a->k = r->mem[1].p;
    a->v = a->k + a->batch * a->heads * a->cap * a->dh * (a->kv == IR_F32 ? 4 : 2);
    a->y = r->mem[2].p;
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(a->pool, r->p.threads, attention_part, a);
    return IR_OK;
}

static ir_status attention_can_run(const ir_dev *dev, const ir_workload *w, const ir_params *p)
{
    (void)dev, (void)w;
    ir_dtype kv = ly_kv_dtype(p->dtype);
    if (kv == IR_F32 || kv == IR_BF16) return IR_OK;
    return ir_fail(IR_SKIP, "a cache in %s: this kernel knows f32 and bf16", ir_dtype_name(kv));
}

const ir_kernel cpu_attention_tiled = {
    .family = "attention",
    .name = "tiled",
    .doc = "running maximum and sum: scores stay in L1, the cache is read once",
    .by_form = true,
    .can_run = attention_can_run,
    .setup = attention_setup,
    .run = attention_run,
    .teardown = attention_teardown};

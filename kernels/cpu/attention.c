/* attention.c -- "tiled": see attention.h. Threads share batch x heads x blocks of queries; a single query
 * per sequence with fewer heads than threads is split along the cache, and the parts are joined by their
 * maxima. */
#include "kernels/cpu/attention.h"
#include "kernels/nets/cache.h"
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

/* What one thread works in. */
typedef struct {
    char  *q;
    float *s, *acc, *max, *sum, *row,
        *wide; /* row: one of dh; wide: KEYS of them, where the cache is widened */
    size_t qs, as;
} bench;
static bool    is_wide(const cpu_attention *a) { return a->kv == IR_F16 || a->kv == IR_I8; }
static cpu_dot dot_of(const cpu_attention *a) { return a->kv == IR_BF16 ? CPU_DOT_BF16 : CPU_DOT_F32; }

static size_t thread_B(const cpu_attention *a)
{
    const size_t q = QUERIES * cpu_linear_stride(a->dots, dot_of(a), a->dh), row = cpu_up(a->dh, 16);
    return q + cpu_up((QUERIES * KEYS + QUERIES * row + 2 * cpu_up(QUERIES, 16) + row +
                       (is_wide(a) ? KEYS * a->dh : 0)) *
                          sizeof(float),
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
    b.sum = b.max + cpu_up(QUERIES, 16);
    b.row = b.sum + cpu_up(QUERIES, 16);
    b.wide = b.row + b.as;
    return b;
}

/* ---- rotary positions ------------------------------------------------------------------------ */
size_t cpu_turn_floats(const ly_row *r) { return (size_t)(r->tokens * r->dh); }

void cpu_turn_fill(const ly_row *r, float *out)
{
    const int64_t half = r->dh / 2;
    for (int64_t i = 0; i < half; i++) {
        const double by = ly_rope_frequency(&r->rope, r->dh, i);
        for (int64_t t = 0; t < r->tokens; t++) {
            out[t * r->dh + i] = (float)cos(by * (double)(r->past + t));
            out[t * r->dh + half + i] = (float)sin(by * (double)(r->past + t));
        }
    }
}

/* A query or key of new token t into `out`, turned. */
static void attention_turn(const cpu_attention *a, size_t t, const char *x, float *out)
{
    const size_t half = a->dh / 2;
    const float *c = a->turn + t * a->dh, *s = c + half;
    const bool   even = a->pairs == LY_ROPE_EVEN;
    const size_t apart = even ? 1 : half, step = even ? 2 : 1;
    float        u[2];
    for (size_t i = 0; i < half; i++) {
        memcpy(&u[0], x + i * step * sizeof(float), sizeof(float));
        memcpy(&u[1], x + (i * step + apart) * sizeof(float), sizeof(float));
        out[i * step] = u[0] * c[i] - u[1] * s[i];
        out[i * step + apart] = u[0] * s[i] + u[1] * c[i];
    }
}

/* ---- one head -------------------------------------------------------------------------------- */
/* A head of keys and values, and the queries that share it: number m is that of token m / each. */
typedef cpu_attention_head head;
head                       cpu_attention_head_of(const cpu_attention *a, size_t b, size_t h)
{
    const size_t plane = (b * a->kv_heads + h) * a->cap * a->row_B, first = b * a->tokens;
    const char  *in = a->qkv + first * a->width * sizeof(float);
    return (head){in + h * a->each * a->dh * sizeof(float),
                  in + (a->heads + h) * a->dh * sizeof(float),
                  a->k + plane,
                  a->v + plane,
                  a->y + (first * a->heads + h * a->each) * a->dh * sizeof(float),
                  a->row_B};
}

/* One row as the cache holds it. */
static void attention_put(const cpu_attention *a, const void *row, char *to)
{
    const ly_cache c = {.dh = (int64_t)a->dh, .dtype = a->kv};
    if (is_wide(a))
        ly_cache_pack(&c, row, 1, to);
    else
        a->ops->narrow(a->kv, a->dh, row, to);
}

static void attention_append(const cpu_attention *a, head *h, bench *b, size_t lo, size_t hi)
{
    const size_t row_B = a->dh * sizeof(float);
    for (size_t t = lo; t < hi; t++) {
        const char *key = h->kv + t * a->width * sizeof(float);
        if (a->pairs == LY_ROPE_NONE)
            memcpy(b->row, key, row_B);
        else
            attention_turn(a, t, key, b->row);
        attention_put(a, b->row, h->k + (a->past + t) * h->row_B);
        memcpy(b->row, key + a->kv_heads * row_B, row_B);
        attention_put(a, b->row, h->v + (a->past + t) * h->row_B);
    }
}

/* Queries [q0, q0+n) scaled and packed; nothing seen yet. */
static void attention_begin(const cpu_attention *a, const head *h, bench *b, size_t q0, size_t n)
{
    const float by = 1 / sqrtf((float)a->dh);
    for (size_t m = 0; m < n; m++) {
        const size_t t = (q0 + m) / a->each, g = (q0 + m) % a->each;
        const char  *q = h->q + (t * a->width + g * a->dh) * sizeof(float);
        if (a->pairs != LY_ROPE_NONE) attention_turn(a, t, q, b->row), q = (const char *)b->row;
        a->ops->scale(a->dh, by, q, b->row);
        a->dots->pack(dot_of(a), a->dh, b->row, b->q + m * b->qs);
        b->max[m] = -INFINITY;
        b->sum[m] = 0;
    }
    memset(b->acc, 0, n * b->as * sizeof(float));
}

/* Where query m's output goes. */
static char *attention_out(const cpu_attention *a, const head *h, size_t m)
{
    return h->y + (m / a->each * a->heads + m % a->each) * a->dh * sizeof(float);
}

static const cpu_ahead AHEAD = {2048, 0, 1};

/* k: the block's keys, row_B apart. */
static void scores(const cpu_attention *a, const char *k, size_t row_B, bench *b, size_t n, size_t keys)
{
    const cpu_linear_ops *o = a->dots;
    for (size_t m = 0; m < n; m += o->most) {
        size_t rows = cpu_min(o->most, n - m), j = 0;
        for (; j < keys;) {
            size_t r = j + CPU_TILE_R <= keys ? CPU_TILE_R : 1;
            o->tile[dot_of(a)][r > 1][rows](row_B, k + j * row_B, row_B, b->q + m * b->qs, b->qs,
                                            (char *)(b->s + m * KEYS + j), KEYS * sizeof(float), 0,
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

/* Rows [key, key + n) of a plane as the tiles take them: in place, or widened. */
static const char *attention_rows(const cpu_attention *a, const char *plane, bench *b, size_t key, size_t n)
{
    const char *rows = plane + key * a->row_B;
    if (!is_wide(a)) return rows;
    a->isa->widen(a->kv, n, a->dh, rows, b->wide);
    return (const char *)b->wide;
}

/* n queries from q0 against keys [lo, hi). */
static void attend(const cpu_attention *a, const head *h, bench *b, size_t q0, size_t n, size_t lo, size_t hi)
{
    const size_t   row_B = is_wide(a) ? a->dh * sizeof(float) : a->row_B;
    const ir_dtype kv = is_wide(a) ? IR_F32 : a->kv;
    for (size_t key = lo; key < hi; key += KEYS) {
        size_t keys = cpu_min(KEYS, hi - key);
        if (a->tokens == 1) /* otherwise the cache is read more than once, and mostly found in L2 */
            for (size_t i = 0; i < keys * h->row_B; i += 64) __builtin_prefetch(h->v + key * h->row_B + i);
        scores(a, attention_rows(a, h->k, b, key, keys), row_B, b, n, keys);
        for (size_t m = 0; m < n; m++) {
            /* keys this query may see */
            size_t last = a->all ? hi : a->past + (q0 + m) / a->each + 1;
            absorb(a, b, m, last <= key ? 0 : cpu_min(keys, last - key), keys);
        }
        a->isa->weigh(kv, n, keys, a->dh, b->s, KEYS, attention_rows(a, h->v, b, key, keys), b->acc, b->as);
    }
}

/* ---- shares ---------------------------------------------------------------------------------- */
static void prefill(const cpu_attention *a, int tid, int nthreads)
{
    const size_t queries = a->tokens * a->each, blocks = (queries + QUERIES - 1) / QUERIES;
    size_t       lo, hi;
    bench        b = bench_of(a, tid);
    cpu_part(a->batch * a->kv_heads, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) {
        head h = cpu_attention_head_of(a, i / a->kv_heads, i % a->kv_heads);
        attention_append(a, &h, &b, 0, a->tokens);
    }
    ir_pool_barrier(a->pool, nthreads);
    if (a->tile) {
        cpu_attention_prefill(a, tid, nthreads);
        return;
    }
    cpu_part(a->batch * a->kv_heads * blocks, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) {
        size_t which = i / blocks, q0 = i % blocks * QUERIES, n = cpu_min(QUERIES, queries - q0);
        head   h = cpu_attention_head_of(a, which / a->kv_heads, which % a->kv_heads);
        attention_begin(a, &h, &b, q0, n);
        attend(a, &h, &b, q0, n, 0, a->all ? a->tokens : a->past + (q0 + n - 1) / a->each + 1);
        for (size_t m = 0; m < n; m++)
            a->ops->scale(a->dh, 1 / b.sum[m], b.acc + m * b.as, attention_out(a, &h, q0 + m));
    }
}

/* A segment's part for query m of an item: maximum, sum, then acc[dh]. */
static float *part_of(const cpu_attention *a, size_t item, size_t segment, size_t m, int nthreads)
{
    return (float *)(void *)(a->work + (size_t)nthreads * a->thread_B) +
           ((item * a->segments + segment) * a->each + m) * (a->dh + 2);
}

static void attention_join(const cpu_attention *a, size_t i, size_t m, int nthreads)
{
    head   h = cpu_attention_head_of(a, i / a->kv_heads, i % a->kv_heads);
    float *p = part_of(a, i, 0, m, nthreads), *acc = p + 2;
    float  most = p[0], sum = p[1];
    for (size_t s = 1; s < a->segments; s++) {
        float *q = part_of(a, i, s, m, nthreads), old = most;
        if (q[0] > most) most = q[0];
        float mine = expf(old - most), its = expf(q[0] - most);
        sum = sum * mine + q[1] * its;
        a->ops->scale(a->dh, mine, acc, acc);
        a->ops->scale(a->dh, its, q + 2, q + 2);
        a->ops->add(a->dh, acc, q + 2, acc);
    }
    a->ops->scale(a->dh, 1 / sum, acc, attention_out(a, &h, m));
}

/* What a segment's queries got: the result, or its part of it. */
static void attention_give(const cpu_attention *a, const head *h, bench *b, size_t item, size_t segment,
                           int nthreads)
{
    for (size_t m = 0; m < a->each; m++) {
        if (a->segments == 1) {
            a->ops->scale(a->dh, 1 / b->sum[m], b->acc + m * b->as, attention_out(a, h, m));
            continue;
        }
        float *p = part_of(a, item, segment, m, nthreads);
        p[0] = b->max[m];
        p[1] = b->sum[m];
        memcpy(p + 2, b->acc + m * b->as, a->dh * sizeof(float));
    }
}

static void decode(const cpu_attention *a, int tid, int nthreads)
{
    const size_t items = a->batch * a->kv_heads;
    size_t       lo, hi, from, to;
    bench        b = bench_of(a, tid);
    cpu_part(items * a->segments, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) {
        size_t which = i / a->segments, segment = i % a->segments;
        head   h = cpu_attention_head_of(a, which / a->kv_heads, which % a->kv_heads);
        cpu_part(a->past + 1, 1, (int)segment, (int)a->segments, &from, &to);
        if (to == a->past + 1) attention_append(a, &h, &b, 0, 1);
        attention_begin(a, &h, &b, 0, a->each);
        attend(a, &h, &b, 0, a->each, from, to);
        attention_give(a, &h, &b, which, segment, nthreads);
    }
    if (a->segments == 1) return;
    ir_pool_barrier(a->pool, nthreads);
    cpu_part(items * a->each, 1, tid, nthreads, &lo, &hi);
    for (size_t i = lo; i < hi; i++) attention_join(a, i / a->each, i % a->each, nthreads);
}

/* One token per sequence whose queries of a head fit one block. */
static bool is_decode(const cpu_attention *a) { return a->tokens == 1 && a->each <= QUERIES; }

void cpu_attention_part(const cpu_attention *a, int tid, int nthreads)
{
    if (is_decode(a))
        decode(a, tid, nthreads);
    else
        prefill(a, tid, nthreads);
}

/* Along the cache only where heads alone would leave threads idle. */
static size_t segments_of(const cpu_attention *a, size_t threads)
{
    size_t items = a->batch * a->kv_heads, most = (a->past + 1) / SEGMENT;
    if (!is_decode(a) || items >= 4 * threads || items % threads == 0 || most < 2) return 1;
    return cpu_min(most, (4 * threads + items - 1) / items);
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
    a->kv_heads = (size_t)ly_kv_heads(r);
    a->each = a->heads / a->kv_heads;
    a->width = (size_t)ly_qkv_width(r);
    a->pairs = r->rope.pairs;
    a->dh = (size_t)r->dh;
    a->row_B = (size_t)ly_cache_row_B(&(ly_cache){.dh = r->dh, .dtype = kv});
    a->tokens = (size_t)r->tokens;
    a->all = r->all;
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
    a->v = a->k + a->batch * a->kv_heads * a->cap * a->row_B;
    a->y = r->mem[2].p;
    for (uint32_t i = 0; i < reps; i++) ir_pool_run(a->pool, r->p.threads, attention_part, a);
    return IR_OK;
}

static const ir_plan_ops attention_plan_ops = {.destroy = attention_teardown};

const ir_kernel cpu_attention_tiled = {
    .family = "attention",
    .name = "tiled",
    .doc = "running maximum and sum: scores stay in L1, the cache is read once",
    .by_form = true,
    .plan = attention_setup,
    .run = attention_run,
    .ops = &attention_plan_ops};

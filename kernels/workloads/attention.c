/* attention.c -- causal attention with a key-value cache: `tokens` new rows per sequence after `past` cached
 * ones. One new token streams the cache (decode); many are a chain of products (prefill). */
#include "kernels/nets/cache.h"
#include "kernels/workloads/nets_util.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH, HEADS, DH, TOKENS, PAST };
enum { T_QKV, T_KV, T_Y };
static const float AMP = 2; /* deviation 1.15: scores of deviation 1.3, neither uniform nor one-hot */

static void attention_row(const ir_params *p, ly_row *r)
{
    nets_row_init(r, LY_ATTENTION, "attention");
    r->batch = p->v[BATCH];
    r->heads = p->v[HEADS];
    r->dh = p->v[DH];
    r->tokens = p->v[TOKENS];
    r->past = p->v[PAST];
    r->rows = r->batch * r->tokens;
    r->kv_heads = r->heads;
    r->c = 3 * r->heads * r->dh;
    r->k = r->heads * r->dh;
}

static ly_cache cache_of(const ly_row *r, ir_dtype t)
{
    return (ly_cache){1, r->batch, r->heads, r->past, r->tokens, r->dh, ly_kv_dtype(t)};
}

static ir_status attention_valid(IR_SELF, const ir_params *p)
{
    ir_status st = nets_positive(&wl_attention, p, 1u << PAST);
    if (st != IR_OK) return st;
    return nets_fits(&wl_attention, 3 * (double)p->v[BATCH] * (double)p->v[HEADS] * (double)p->v[DH] *
                                        ((double)p->v[TOKENS] + (double)p->v[PAST]));
}

static ir_cost attention_cost(IR_SELF, const ir_params *p) { return nets_row_cost(&wl_attention, p); }

static int attention_tensors(IR_SELF, const ir_params *p, ir_tensor *out)
{
    ly_row r;
    attention_row(p, &r);
    ly_cache c = cache_of(&r, p->dtype);
    out[T_QKV] = (ir_tensor){"qkv", (size_t)ly_in_elems(&r) * 4, IR_IN, IR_F32};
    out[T_KV] = (ir_tensor){"KV", (size_t)ly_cache_elems(&c) * ly_width(c.dtype), IR_INOUT, c.dtype};
    out[T_Y] = (ir_tensor){"y", (size_t)ly_out_elems(&r) * 4, IR_OUT, IR_F32};
    return 3;
}

static void attention_fill(IR_SELF, const ir_params *p, int t, void *host, uint64_t seed)
{
    ly_row r;
    attention_row(p, &r);
    ly_cache c = cache_of(&r, p->dtype);
    if (t == T_QKV)
        ly_fill_f32(host, 0, ly_in_elems(&r), 0, AMP, seed);
    else
        ly_cache_fill(&c, host, AMP, seed + 1);
}

/* fresh: where the reference's new rows go, plane by plane; got: room for a plane of the kernel's. */
typedef struct {
    ly_row   r;
    ly_cache c;
    float   *qkv, *fresh, *got;
    int64_t  n_in, n_out, n_new, n_plane;
} job;

static bool attention_job_init(job *j, const ir_params *p)
{
    attention_row(p, &j->r);
    j->c = cache_of(&j->r, p->dtype);
    j->r.batch = 1;
    j->r.rows = j->r.tokens;
    j->n_in = ly_in_elems(&j->r);
    j->n_out = ly_out_elems(&j->r);
    j->n_new = 2 * j->n_out;
    j->n_plane = j->r.tokens * j->r.dh;
    j->qkv = malloc(sizeof(float) * (size_t)j->n_in);
    j->got = malloc(sizeof(float) * (size_t)j->n_plane);
    return j->qkv && j->got;
}

static void attention_job_free(job *j)
{
    free(j->qkv);
    free(j->got);
}

static void attention_take(void *to, int64_t block, int64_t plane, const float *rows)
{
    const job *j = to;
    (void)block;
    memcpy(j->fresh + plane * j->n_plane, rows, sizeof *rows * (size_t)j->n_plane);
}

/* One sequence: its output rows, then its new cache rows. */
static bool sequence(job *j, int64_t item, const void *const *before, const void *const *after, float *want,
                     bool known, double *err)
{
    const any_f32  *y = (const any_f32 *)after[T_Y] + item * j->n_out;
    const ref_cache cache = {&j->c, before[T_KV], item, attention_take, j};
    j->fresh = want + j->n_out;
    if (!known) {
        ly_load(IR_F32, before[T_QKV], item * j->n_in, j->n_in, j->qkv);
        if (ref_attention(&j->r, &cache, j->qkv, want) != IR_OK) return false;
    }
    double typical = nets_rms(want, j->n_out);
    for (int64_t i = 0; i < j->n_out; i++) nets_worst(err, (double)y[i] - (double)want[i], typical);
    for (int64_t p = 0; p < 2 * j->r.heads; p++) {
        ly_cache_load(&j->c, after[T_KV], 0, item, p, j->r.past, j->r.tokens, j->got);
        for (int64_t i = 0; i < j->n_plane; i++)
            nets_worst(err, (double)j->got[i] - (double)j->fresh[p * j->n_plane + i], (double)AMP);
    }
    return true;
}

/* Relative to the outputs' root mean square. f32: a score, |s| <= AMP^2 sqrt(dh), is off by a few roundings
 * of it, and each weight by as much relatively. Queries rounded to feed matrix units move a score by half a
 * rounding (deviation), probabilities are rounded once more; the extreme of many outputs is five deviations
 * out. */
static double attention_tolerance(const ly_row *r, ir_dtype t)
{
    double scores = (double)(AMP * AMP) * sqrt((double)r->dh);
    return (8 + 4 * scores) * (double)FLT_EPSILON + 6 * nets_rounding(t);
}

static void attention_check(IR_SELF, const ir_params *p, const void *const *before, const void *const *after,
                            ir_check *out)
{
    job      j = {0};
    int64_t  item[2];
    bool     known = false, ok = attention_job_init(&j, p);
    int      n = nets_items(j.c.batch, item);
    uint64_t key = nets_digest(nets_digest(0, before[T_QKV], (size_t)(j.c.batch * j.n_in) * 4), before[T_KV],
                               (size_t)ly_cache_elems(&j.c) * ly_width(j.c.dtype));
    size_t   each = (size_t)(j.n_out + j.n_new);
    float   *want = ok ? nets_remember(&wl_attention, p, key, (size_t)n * each, &known) : NULL;
    ok = ok && want;
    out->err = nets_finite(after[T_Y], j.c.batch * j.n_out);
    out->tol = attention_tolerance(&j.r, p->dtype);
    out->oracle = "two sequences in double, and their new cache rows; the old ones bit by bit";
    for (int i = 0; ok && i < n; i++)
        ok = sequence(&j, item[i], before, after, want + (size_t)i * each, known, &out->err);
    if (!ok) *out = (ir_check){NAN, out->tol, "no memory for the check"};
    if (ok && !ly_cache_kept(&j.c, before[T_KV], after[T_KV]))
        *out = (ir_check){NAN, out->tol, "cached rows were changed"};
    if (!ok) nets_forget();
    attention_job_free(&j);
}

/* batch, heads, dh, tokens, past */
static const ir_params quick[] = {{{1, 16, 64, 1, 1023}, IR_F32, 0}, {{1, 16, 64, 512, 0}, IR_F32, 0}};
static const ir_params full[] = {{{1, 16, 64, 1, 128}, IR_F32, 0},    {{1, 16, 64, 1, 1023}, IR_F32, 0},
                                 {{8, 16, 64, 1, 1023}, IR_F32, 0},   {{32, 16, 64, 1, 1023}, IR_F32, 0},
                                 {{32, 16, 64, 1, 1023}, IR_BF16, 0}, {{1, 16, 64, 128, 0}, IR_F32, 0},
                                 {{1, 16, 64, 512, 0}, IR_F32, 0},    {{1, 16, 64, 1024, 0}, IR_F32, 0},
                                 {{1, 16, 64, 512, 0}, IR_BF16, 0},   {{4, 25, 64, 512, 512}, IR_F32, 0},
                                 {{1, 32, 128, 2048, 0}, IR_F32, 0}};
static const ir_params odd[] = {{{1, 1, 1, 1, 0}, IR_F32, 0},    {{1, 1, 8, 1, 5}, IR_F32, 0},
                                {{2, 3, 16, 4, 0}, IR_F32, 0},   {{1, 2, 24, 7, 9}, IR_F32, 0},
                                {{3, 5, 64, 1, 33}, IR_F32, 0},  {{1, 2, 64, 65, 0}, IR_F32, 0},
                                {{2, 1, 80, 17, 31}, IR_F32, 0}, {{1, 4, 32, 130, 3}, IR_F32, 0}};

static const nets_kind kind = {.row = attention_row};
const ir_workload      wl_attention = {
         .name = "attention",
         .family = "attention",
         .doc = "causal attention of new tokens over a key-value cache, which it appends to",
         .param = {"batch", "heads", "dh", "tokens", "past"},
         .defaults = {{1, 16, 64, 1, 1023}, IR_F32, 0},
         .dtypes = 1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16,
         .ext = &kind,
         .quick = quick,
         .nquick = sizeof quick / sizeof *quick,
         .full = full,
         .nfull = sizeof full / sizeof *full,
         .odd = odd,
         .nodd = sizeof odd / sizeof *odd,
         .valid = attention_valid,
         .cost = attention_cost,
         .tensors = attention_tensors,
         .fill = attention_fill,
         .check = attention_check};

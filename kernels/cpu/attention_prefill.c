/* attention_prefill.c -- attention of many queries: both products by the register tiles of the matrix
 * product. A block of keys is packed as rows of its left side, queries transposed as its right side, so
 * scores come out with a column for each query: maximum, exponential and sum run down the columns, a vector
 * of queries at a time, and the probabilities lie as the second product wants them, whose left side are the
 * packed columns of the values. Packing is shared by a group of queries; what a group's panel needs at once
 * fits in L2, most of it in L1. The result of a query depends neither on the group nor on the threads. */
#include "kernels/cpu/attention.h"

#include <math.h>
#include <string.h>

enum { KEYS = 64, GROUP = 128, LINE_F = 16 };

/* One thread's workspace, floats. */
typedef struct {
    float *k, *v, *s, *q, *o, *max, *sum;
} prefill_room;

/* Lays it out from `at` on; returns its size. */
static size_t prefill_place(const cpu_attention *a, float *at, prefill_room *out)
{
    const size_t mr = a->tile->mr, queries = a->group;
    const size_t size[] = {cpu_up(KEYS, mr) * a->dh,
                           cpu_up(a->dh, mr) * KEYS,
                           KEYS * a->tile->nr,
                           queries * a->dh,
                           queries * a->dh,
                           queries,
                           queries};
    float      **part[] = {&out->k, &out->v, &out->s, &out->q, &out->o, &out->max, &out->sum};
    size_t       sum = 0;
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        *part[i] = at ? at + sum : NULL;
        sum += cpu_up(size[i], LINE_F);
    }
    return sum;
}

/* A group takes so many queries that packing costs little, and fewer where threads would be idle. */
void cpu_attention_plan_prefill(const ir_dev *dev, cpu_attention *a, size_t threads)
{
    const cpu_gemm_ops *t = cpu_gemm_ops_of(dev, CPU_GEMM_F32);
    prefill_room        unused;
    if (2 * a->tokens < t->nr || a->all || a->each != 1 || a->pairs != LY_ROPE_NONE) return;
    if (a->kv != IR_F32 && a->kv != IR_BF16) return;
    a->tile = t;
    a->group = GROUP / t->nr * t->nr;
    while (a->group > t->nr && a->batch * a->heads * ((a->tokens + a->group - 1) / a->group) < 4 * threads)
        a->group -= t->nr;
    const size_t room = cpu_apart(prefill_place(a, NULL, &unused) * sizeof(float));
    if (a->thread_B < room) a->thread_B = room;
}

/* ---- one group of one head ------------------------------------------------------------------- */
static void prefill_begin(const cpu_attention *a, const cpu_attention_head *h, const prefill_room *w,
                          size_t q0, size_t n)
{
    const size_t nr = a->tile->nr, width = a->width * sizeof(float);
    const float  by = 1 / sqrtf((float)a->dh);
    memset(w->q, 0, a->group * a->dh * sizeof(float));
    memset(w->o, 0, a->group * a->dh * sizeof(float));
    for (size_t m = 0; m < n; m++) {
        float *out = w->q + m / nr * nr * a->dh + m % nr;
        for (size_t d = 0; d < a->dh; d++) {
            float x;
            memcpy(&x, h->q + (q0 + m) * width + d * sizeof x, sizeof x);
            out[d * nr] = x * by;
        }
    }
    for (size_t m = 0; m < a->group; m++) {
        w->max[m] = -INFINITY;
        w->sum[m] = 0;
    }
}

static void prefill_pack(const cpu_attention *a, const cpu_attention_head *h, const prefill_room *w,
                         size_t key, size_t keys)
{
    const size_t mr = a->tile->mr;
    const char  *k = h->k + key * h->row_B;
    for (size_t i = 0; i < keys; i += mr)
        a->tile->pack_a(a->kv == IR_BF16, cpu_min(mr, keys - i), a->dh, k + i * h->row_B, a->dh,
                        w->k + i * a->dh);
    a->isa->panels(a->kv, keys, a->dh, mr, h->v + key * h->row_B, w->v);
}

/* Panel p of queries, the first of which sees keys up to `sees`, past the packed block. */
static void prefill_panel(const cpu_attention *a, const prefill_room *w, size_t p, size_t sees, size_t key,
                          size_t keys)
{
    const cpu_gemm_ops *t = a->tile;
    const size_t        nr = t->nr;
    if (key >= sees + nr) return; /* later than its last query */
    const size_t n = cpu_min(keys, sees + nr - key), at = p * nr;
    t->block(n, t->mr, nr, a->dh, w->k, w->q + at * a->dh, w->s, nr, 0, NULL);
    a->isa->fold(n, nr, (ptrdiff_t)key - (ptrdiff_t)sees, w->s, w->max + at, w->sum + at, a->dh,
                 w->o + at * a->dh);
    for (size_t d = 0; d < a->dh; d += t->mr) /* of each panel of values the first n keys */
        t->block(cpu_min(t->mr, a->dh - d), t->mr, nr, n, w->v + d * keys, w->s, w->o + at * a->dh + d * nr,
                 nr, 1, NULL);
}

static void prefill_end(const cpu_attention *a, const cpu_attention_head *h, const prefill_room *w, size_t q0,
                        size_t n)
{
    const size_t nr = a->tile->nr, row_B = a->heads * a->dh * sizeof(float);
    for (size_t m = 0; m < n; m++) {
        const float *o = w->o + m / nr * nr * a->dh + m % nr, by = 1 / w->sum[m];
        for (size_t d = 0; d < a->dh; d++) {
            const float y = o[d * nr] * by;
            memcpy(h->y + (q0 + m) * row_B + d * sizeof y, &y, sizeof y);
        }
    }
}

static void prefill_group(const cpu_attention *a, const prefill_room *w, size_t which, size_t q0)
{
    const cpu_attention_head h = cpu_attention_head_of(a, which / a->heads, which % a->heads);
    const size_t             n = cpu_min(a->group, a->tokens - q0), hi = a->past + q0 + n, nr = a->tile->nr;
    prefill_begin(a, &h, w, q0, n);
    for (size_t key = 0; key < hi; key += KEYS) {
        const size_t keys = cpu_min(KEYS, hi - key);
        prefill_pack(a, &h, w, key, keys);
        for (size_t p = 0; p * nr < n; p++) prefill_panel(a, w, p, a->past + q0 + p * nr, key, keys);
    }
    prefill_end(a, &h, w, q0, n);
}

/* ---- shares ---------------------------------------------------------------------------------- */
/* Later groups see more keys: they are dealt out first, forth and back, so that every thread gets as much. */
void cpu_attention_prefill(const cpu_attention *a, int tid, int nthreads)
{
    const size_t heads = a->batch * a->heads, groups = (a->tokens + a->group - 1) / a->group;
    const size_t me = (size_t)tid, all = (size_t)nthreads;
    prefill_room w;
    prefill_place(a, (float *)(void *)(a->work + me * a->thread_B), &w);
    for (size_t turn = 0; turn * all < heads * groups; turn++) {
        const size_t i = turn * all + (turn % 2 ? all - 1 - me : me);
        if (i < heads * groups) prefill_group(a, &w, i % heads, (groups - 1 - i / heads) * a->group);
    }
}

/* net_check.c -- see networks.h. */
#include "bench/workloads/networks.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* One item's share of everything, and where its reference is: logits, then new cache rows, block by block. */
typedef struct {
    ly_net      one; /* the table for one item */
    ly_cache    cache;
    ref_weights w;
    float      *got;  /* new cache rows of one block */
    int64_t     n_out, n_block, n_new;
} job;

static ir_status one_item(const ir_workload *w, const ir_params *p, ly_net *out)
{
    ir_params one = *p;
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (w->param[i][0] == 'b') one.v[i] = 1; /* "batch" */
    return wl_net_of(w, &one, out);
}

static bool job_init(job *j, const ir_workload *w, const ir_params *p, const ly_net *all)
{
    if (one_item(w, p, &j->one) != IR_OK) return false;
    j->cache = net_cache(all, p->dtype);
    j->n_out = j->one.out_elems;
    j->n_block = 2 * j->cache.heads * j->cache.dh * j->cache.tokens;
    j->n_new = j->cache.blocks * j->n_block;
    j->got = malloc(sizeof(float) * (size_t)(j->n_block + 1));
    return j->got;
}

static void job_free(job *j)
{
    free(j->got);
    ly_free(&j->one);
}

/* Differences of a tensor's values from the reference, whose root mean square is rms. */
typedef struct { double rms, sum, most; } gap;

static void add_gap(gap *g, const any_f32 *got, const float *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double d = (double)got[i] - (double)want[i];
        g->sum += d * d;
        nets_worst(&g->most, d, g->rms);
    }
}

/* Root mean square of n differences, relative to the reference's; a single value may be off by eight times as much. */
static void judge(const gap *g, int64_t n, double *err)
{
    nets_worst(err, sqrt(g->sum / (double)n), g->rms);
    nets_worst(err, g->most, 8);
}

static bool item(const job *j, int64_t i, const void *const *before, const void *const *after, float *want, bool known, double *err)
{
    const void    *input = (const char *)before[NET_IN] + (size_t)(i * j->one.in_elems) * 4;
    const any_f32 *out = after[NET_OUT];
    const float   *fresh = want + j->n_out;
    ref_past       past = {&j->cache, j->n_new ? before[NET_KV] : NULL, i};
    if (!known && ref_network(&j->one, &j->w, input, j->n_new ? &past : NULL, want + j->n_out, want) != IR_OK) return false;
    gap logits = {.rms = nets_rms(want, j->n_out)}, rows = {.rms = nets_rms(fresh, j->n_new)};
    add_gap(&logits, out + i * j->n_out, want, j->n_out);
    judge(&logits, j->n_out, err);
    for (int64_t b = 0; b < j->cache.blocks; b++) {
        ly_cache_load(&j->cache, after[NET_KV], b, i, j->cache.past, j->cache.tokens, j->got);
        add_gap(&rows, j->got, fresh + b * j->n_block, j->n_block);
    }
    if (j->n_new) judge(&rows, j->n_new, err);
    return true;
}

/* Every matrix adds an independent error: of f32 sums, 32 roundings of its result (Winograd transforms and long serial
 * sums included); of activations rounded to feed matrix units, a deviation of 0.4 roundings, of which 3 are
 * allowed. Independent errors add in squares, hence the root of the depth. Attention is two products, of rounded queries and of
 * rounded weights. */
static double tolerance(const ly_net *n, ir_dtype t)
{
    int depth = 0;
    for (int i = 0; i < n->n; i++) depth += n->row[i].op == LY_ATTENTION ? 2 : n->row[i].op == LY_CONV || n->row[i].op == LY_FC;
    return (32 * (double)FLT_EPSILON + 1.25 * nets_rounding(t)) * sqrt((double)depth);
}

/* Without the cache: it follows from the same seed. */
static uint64_t content(const ly_net *n, ir_dtype t, const void *const *before)
{
    uint64_t h = nets_digest(nets_digest(0, before[NET_IN], (size_t)n->in_elems * 4), before[NET_W], (size_t)n->nW * ly_width(t));
    return nets_digest(h, before[NET_V], (size_t)n->nV * 4);
}

void net_check(const ir_workload *w, const ir_params *p, const void *const *before, const void *const *after, ir_check *out)
{
    ly_net net;
    job    j = {.w = {p->dtype, before[NET_W], before[NET_V]}};
    *out = (ir_check){NAN, 0, "no memory for the check"};
    if (wl_net_of(w, p, &net) != IR_OK) return;
    int64_t at[2];
    bool    known = false, ok = job_init(&j, w, p, &net);
    int     n = nets_items(net.row[0].batch, at);
    size_t  each = (size_t)(j.n_out + j.n_new);
    float  *want = ok ? nets_remember(w, p, content(&net, p->dtype, before), (size_t)n * each, &known) : NULL;
    double  err = nets_finite(after[NET_OUT], net.out_elems);
    ok = ok && want;
    for (int i = 0; ok && i < n; i++) ok = item(&j, at[i], before, after, want + (size_t)i * each, known, &err);
    if (ok) *out = (ir_check){err, tolerance(&net, p->dtype), "two items complete in plain C, sums folded into double"};
    if (!ok) nets_forget();
    job_free(&j);
    ly_free(&net);
}

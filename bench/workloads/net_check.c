/* net_check.c -- see networks.h. */
#include "bench/workloads/networks.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* One item's share of everything, and where its reference is: logits, then new cache rows. */
typedef struct {
    ly_net      one; /* the table for one item */
    ly_cache    cache;
    ref_weights w;
    float      *past, *got;
    int64_t     n_out, n_new, n_past;
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
    int64_t cached;
    if (one_item(w, p, &j->one) != IR_OK) return false;
    j->cache = net_cache(all, p->dtype);
    cached = j->cache.blocks * 2 * j->cache.heads * j->cache.dh;
    j->n_out = j->one.out_elems;
    j->n_new = cached * j->cache.tokens;
    j->n_past = cached * j->cache.past;
    j->past = malloc(sizeof(float) * (size_t)(j->n_past + 1));
    j->got = malloc(sizeof(float) * (size_t)(j->n_new + 1));
    return j->past && j->got;
}

static void job_free(job *j)
{
    free(j->past);
    free(j->got);
    ly_free(&j->one);
}

/* Root mean square of the difference, relative to the reference's; a single value may be off by eight times as much. */
static void compare(const any_f32 *got, const float *want, int64_t n, double *err)
{
    double sum = 0, most = 0, rms = nets_rms(want, n);
    if (n == 0) return;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)got[i] - (double)want[i];
        sum += d * d;
        nets_worst(&most, d, rms);
    }
    nets_worst(err, sqrt(sum / (double)n), rms);
    nets_worst(err, most, 8);
}

static bool item(const job *j, int64_t i, const void *const *before, const void *const *after, float *want, bool known, double *err)
{
    const void    *input = (const char *)before[NET_IN] + (size_t)(i * j->one.in_elems) * 4;
    const any_f32 *out = after[NET_OUT];
    if (!known) {
        if (j->n_new) ly_cache_load(&j->cache, before[NET_KV], i, 0, j->cache.past, j->past);
        if (ref_network(&j->one, &j->w, input, j->past, want + j->n_out, want) != IR_OK) return false;
    }
    compare(out + i * j->n_out, want, j->n_out, err);
    if (j->n_new) ly_cache_load(&j->cache, after[NET_KV], i, j->cache.past, j->cache.tokens, j->got);
    compare(j->got, want + j->n_out, j->n_new, err);
    return true;
}

/* Every matrix adds an independent error: of f32 sums, 32 roundings of its result (Winograd transforms and long serial
 * sums included); of activations rounded to feed matrix units, a deviation of 0.4 roundings, of which 3 are
 * allowed. Independent errors add in squares, hence the root of the depth. */
static double tolerance(const ly_net *n, ir_dtype t)
{
    int depth = 0;
    for (int i = 0; i < n->n; i++) depth += n->row[i].op == LY_CONV || n->row[i].op == LY_FC;
    return (32 * (double)FLT_EPSILON + 1.25 * nets_rounding(t)) * sqrt((double)depth);
}

static uint64_t content(const ly_net *n, ir_dtype t, const void *const *before)
{
    uint64_t h = nets_digest(nets_digest(0, before[NET_IN], (size_t)n->in_elems * 4), before[NET_W], (size_t)n->nW * ly_width(t));
    h = nets_digest(h, before[NET_V], (size_t)n->nV * 4);
    return n->kv_elems ? nets_digest(h, before[NET_KV], (size_t)n->kv_elems * ly_width(ly_kv_dtype(t))) : h;
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
    if (ok && j.n_new && !ly_cache_kept(&j.cache, before[NET_KV], after[NET_KV])) {
        out->err = NAN;
        out->oracle = "cached rows were changed";
    }
    if (!ok) nets_forget();
    job_free(&j);
    ly_free(&net);
}

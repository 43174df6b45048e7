/* net_check.c -- see networks.h. */
#include "kernels/workloads/networks.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Reference rows are kept for the next kernel up to this share of what the network itself takes; beyond, each
 * kernel's proof computes them anew. */
static const double KEPT_SHARE = 1.0 / 10;

/* Differences of a tensor's values from the reference: sums of squares of both, and the largest difference.
 */
typedef struct {
    double values, sum, most;
} gap;

/* One item's share of everything. got, want: room for the new rows of one plane of the cache. */
typedef struct {
    const ly_net *all;
    ly_net        one; /* the table for one item */
    ly_cache      cache;
    ref_weights   w;
    float        *got, *want;
    int64_t       n_out, n_plane, n_new;
    bool          keeps; /* the new rows, in the cache's own dtype, which holds them as they are */
} job;
/* Of one item: the kernel's cache, the new rows that are kept (NULL: none are), and what they differ by. */
typedef struct {
    const job  *j;
    const void *cache;
    int64_t     item;
    char       *kept;
    gap         rows;
} rows_of;

static ir_status one_item(const ir_workload *w, const ir_params *p, ly_net *out)
{
    ir_params one = *p;
    for (int i = 0; i < IR_MAX_PARAMS && w->param[i]; i++)
        if (w->param[i][0] == 'b') one.v[i] = 1; /* "batch" */
    return wl_net_of(w, &one, out);
}

static size_t new_B(const job *j)
{
    return j->n_new ? (size_t)(j->n_new / j->cache.dh * ly_cache_row_B(&j->cache)) : 0;
}

static bool net_check_job_init(job *j, const ir_workload *w, const ir_params *p, const ly_net *all, int items)
{
    ir_cost c;
    if (one_item(w, p, &j->one) != IR_OK) return false;
    ly_net_cost(all, p->dtype, &c);
    j->all = all;
    j->cache = net_cache(all, p->dtype);
    j->n_out = j->one.out_elems;
    j->n_plane = j->cache.dh * j->cache.tokens;
    j->n_new = j->cache.blocks * 2 * j->cache.heads * j->n_plane;
    j->keeps = (double)items * (double)new_B(j) <= KEPT_SHARE * c.footprint_B;
    j->got = malloc(sizeof(float) * (size_t)(j->n_plane + 1));
    j->want = malloc(sizeof(float) * (size_t)(j->n_plane + 1));
    return j->got && j->want;
}

static void net_check_job_free(job *j)
{
    free(j->got);
    free(j->want);
    ly_free(&j->one);
}

static void add_gap(gap *g, const any_f32 *got, const float *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double d = (double)got[i] - (double)want[i];
        g->values += (double)want[i] * (double)want[i];
        g->sum += d * d;
        nets_worst(&g->most, d, 1);
    }
}

/* Root mean square of n differences, relative to the reference's; a single value may be off by eight times as
 * much. */
static void net_check_judge(const gap *g, int64_t n, double *err)
{
    const double rms = sqrt(g->values / (double)n);
    nets_worst(err, sqrt(g->sum / (double)n), rms);
    nets_worst(err, g->most, 8 * rms);
}

static void compare_plane(rows_of *r, int64_t block, int64_t plane, const float *want)
{
    const ly_cache *c = &r->j->cache;
    ly_cache_load(c, r->cache, block, r->item, plane, c->past, c->tokens, r->j->got);
    add_gap(&r->rows, r->j->got, want, r->j->n_plane);
}

static int64_t kept_at(const job *j, int64_t block, int64_t plane)
{
    return (block * 2 * j->cache.heads + plane) * j->cache.tokens * ly_cache_row_B(&j->cache);
}

/* From the reference as it walks: nothing of what it computes need be in memory at once. */
static void net_check_take(void *to, int64_t block, int64_t plane, const float *want)
{
    rows_of *r = to;
    compare_plane(r, block, plane, want);
    const ly_cache *c = &r->j->cache;
    if (r->kept) ly_cache_pack(c, want, c->tokens, r->kept + kept_at(r->j, block, plane));
}

static void compare_kept(rows_of *r)
{
    const job *j = r->j;
    for (int64_t b = 0; b < j->cache.blocks; b++)
        for (int64_t p = 0; p < 2 * j->cache.heads; p++) {
            ly_cache_unpack(&j->cache, r->kept + kept_at(j, b, p), j->cache.tokens, j->want);
            compare_plane(r, b, p, j->want);
        }
}

/* want: logits, then what is kept of the new rows. */
static bool item(const job *j, int64_t i, const void *const *before, const void *const *after, float *want,
                 bool known, double *err)
{
    void       *copy = NULL;
    const void *input = networks_item_input(j->all, &j->one, i, before[NET_IN], &copy);
    rows_of     rows = {
            j, j->n_new ? after[NET_KV] : NULL, i, j->keeps ? (char *)(want + j->n_out) : NULL, {0, 0, 0}};
    ref_cache cache = {&j->cache, j->n_new ? before[NET_KV] : NULL, i, net_check_take, &rows};
    gap       logits = {0, 0, 0};
    ir_status st = input ? IR_OK : IR_ENOMEM;
    if (known)
        compare_kept(&rows);
    else if (input)
        st = ref_network(&j->one, &j->w, input, &cache, want);
    free(copy);
    if (st != IR_OK) return false;
    add_gap(&logits, (const any_f32 *)after[NET_OUT] + i * j->n_out, want, j->n_out);
    net_check_judge(&logits, j->n_out, err);
    if (j->n_new) net_check_judge(&rows.rows, j->n_new, err);
    return true;
}

/* Every matrix adds an independent error: of f32 sums, 32 roundings of its result (Winograd transforms and
 * long serial sums included); of activations rounded to feed matrix units, a deviation of 0.4 roundings, of
 * which 3 are allowed. Independent errors add in squares, hence the root of the depth. Attention is two
 * products, of rounded queries and of rounded weights. A value that rounds the other way in a cache is off
 * by one of the cache's roundings. */
static double net_check_tolerance(const ly_net *n, ir_dtype t)
{
    double unit = nets_rounding(t);
    int    depth = 0;
    if (n->format.group) unit = NETS_I8_ROUNDING;
    for (int i = 0; i < n->n; i++)
        if (n->row[i].op == LY_ATTENTION) unit = fmax(unit, nets_rounding(ly_row_kv(&n->row[i], t)));
    for (int i = 0; i < n->n; i++)
        depth += n->row[i].op == LY_ATTENTION ? 2 : n->row[i].op == LY_CONV || n->row[i].op == LY_FC;
    return (32 * (double)FLT_EPSILON + 1.25 * unit) * sqrt((double)depth);
}

/* Without the cache: it follows from the same seed. */
static uint64_t content(const ly_net *n, ir_dtype t, const void *const *before)
{
    uint64_t h =
        nets_digest(nets_digest(0, before[NET_IN], (size_t)n->in_elems * 4), before[NET_W], ly_W_B(n, t));
    return nets_digest(h, before[NET_V], (size_t)n->nV * 4);
}

bool wl_is_net(const ir_workload *w) { return w->check == net_check; }

void net_check(const ir_workload *w, const ir_params *p, const void *const *before, const void *const *after,
               ir_check *out)
{
    ly_net net;
    job    j = {0};
    *out = (ir_check){NAN, 0, "no memory for the check"};
    if (wl_net_of(w, p, &net) != IR_OK) return;
    j.w = (ref_weights){p->dtype, before[NET_W], before[NET_V], net.format, net.nW};
    int64_t at[2];
    int     n = nets_items(net.row[0].batch, at);
    bool    known = false, ok = net_check_job_init(&j, w, p, &net, n);
    size_t  each = (size_t)j.n_out + (j.keeps ? (new_B(&j) + sizeof(float) - 1) / sizeof(float) : 0);
    float  *want = ok ? nets_remember(w, p, content(&net, p->dtype, before), (size_t)n * each, &known) : NULL;
    double  err = nets_finite(after[NET_OUT], net.out_elems);
    ok = ok && want;
    known = known && j.keeps;
    for (int i = 0; ok && i < n; i++)
        ok = item(&j, at[i], before, after, want + (size_t)i * each, known, &err);
    if (ok)
        *out = (ir_check){err, net_check_tolerance(&net, p->dtype),
                          "two items complete in plain C, sums folded into double"};
    if (!ok) nets_forget();
    net_check_job_free(&j);
    ly_free(&net);
}

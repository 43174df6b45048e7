/* net_fill.c -- see networks.h. */
#include "kernels/workloads/networks.h"

#include <math.h>

static const float EMBEDDING = 0.1f, POSITION = 0.05f, CACHED = 2;

ly_cache net_cache(const ly_net *n, ir_dtype t)
{
    ly_cache c = {.dtype = ly_kv_dtype(t)};
    for (int i = 0; i < n->n; i++) {
        const ly_row *r = &n->row[i];
        if (r->op != LY_ATTENTION || r->all) continue;
        c.blocks++;
        c.batch = r->batch;
        c.heads = ly_kv_heads(r);
        c.dtype = ly_row_kv(r, t);
        c.past = r->past;
        c.tokens = r->tokens;
        c.dh = r->dh;
    }
    return c;
}

/* Half-width of the uniform weights of row i: deviation * sqrt 3. */
static float amplitude(const ly_net *n, int i)
{
    const ly_row *r = &n->row[i];
    bool          qkv = i + 1 < n->n && n->row[i + 1].op == LY_ATTENTION;
    float         keep = sqrtf(3 / (float)(r->op == LY_CONV ? r->r * r->s * (r->c / r->groups) : r->c));
    int           joins = 0;
    for (int j = 0; j < n->n; j++)
        joins +=
            (n->row[j].op == LY_FC || n->row[j].op == LY_MOE) && n->row[j].add != LY_NONE && !n->row[j].gate;
    if (r->op == LY_EMBED || r->op == LY_TOKENS) return EMBEDDING;
    if (r->gate) return 1.6f * keep; /* what the other half of the gate takes away */
    if (r->op == LY_MOE) return keep / sqrtf(2 * (float)joins);
    if (r->op == LY_BAG) return 0.5f / sqrtf((float)r->lookups / (float)r->rows); /* of the sums: 0.3 */
    if (r->op == LY_FC && r->add != LY_NONE) return keep / sqrtf((float)joins);
    if (r->add != LY_NONE) return 0.5f * keep;
    if (r->act == LY_RELU || r->act == LY_RELU6) return sqrtf(2) * keep;
    return qkv ? 1.2f * keep : keep; /* scores of deviation 1.4: neither uniform nor one-hot */
}

/* Images large enough for ReLU6 to clip now and then. */
static float image_amp(const ly_net *n)
{
    for (int i = 0; i < n->n; i++)
        if (n->row[i].act == LY_RELU6) return 4;
    return 1;
}

/* The head shares the embedding's table. */
static bool tied(const ly_net *n, int i) { return i > 0 && n->row[i].W_at == n->row[0].W_at; }

static void net_fill_part(const ly_net *n, ir_dtype t, void *host, int64_t at, int64_t count, float amp,
                          uint64_t seed)
{
    if (n->format.group)
        ly_fill_groups(t, n->format, host, at, count, amp, seed);
    else
        ly_fill(t, host, at, count, amp, seed);
}

static void fill_W(const ly_net *n, ir_dtype t, void *host, uint64_t seed)
{
    int64_t end = 0;
    for (int i = 0; i < n->n; i++) {
        const ly_row *r = &n->row[i];
        if (r->W_at < 0 || tied(n, i)) continue;
        if (r->W_at > end) net_fill_part(n, t, host, end, r->W_at - end, 0, seed); /* padding */
        net_fill_part(n, t, host, r->W_at, r->nW, amplitude(n, i), seed); /* shared: the last row's remains */
        if (r->W_at + r->nW > end) end = r->W_at + r->nW;
        if (r->P_at < 0) continue;
        const int64_t places = (r->context + r->types) * r->c;
        net_fill_part(n, t, host, end, r->P_at - end, 0, seed);
        net_fill_part(n, t, host, r->P_at, places, POSITION, seed);
        end = r->P_at + places;
    }
    ly_fill_zeros(t, n->format, host, n->nW, seed);
}

static void scales(ir_dtype t, void *host, int64_t at, int64_t n, float amp, uint64_t seed)
{
    ly_fill_f32(host, at, n, ly_scale_of(t, amp), ly_scale_of(t, amp / 4),
                seed); /* they differ from row to row */
}

static void fill_V(const ly_net *n, ir_dtype t, void *host, uint64_t seed)
{
    float bias = 0.1f * image_amp(n);
    ly_fill_f32(host, 0, n->nV, 0, 0, seed);
    for (int i = 0; i < n->n; i++) {
        const ly_row *r = &n->row[i];
        if (r->op == LY_NORM) ly_fill_f32(host, r->g_at, r->c, 1, 0.1f, seed);
        if (r->b_at >= 0) ly_fill_f32(host, r->b_at, r->k, 0, bias, seed);
        if (r->s_at < 0 || tied(n, i)) continue;
        const int64_t own = r->op == LY_EMBED    ? r->vocab
                            : r->op == LY_TOKENS ? 1
                            : r->op == LY_MOE    ? (int64_t)ly_moe_scales(r, (double)r->experts)
                                                 : r->k;
        scales(t, host, r->s_at, own, amplitude(n, i), seed);
        if (r->P_at >= 0) scales(t, host, r->s_at + own, r->context + r->types, POSITION, seed);
    }
}

void net_fill(const ly_net *n, ir_dtype t, int tensor, void *host, uint64_t seed)
{
    ly_cache c = net_cache(n, t);
    if (tensor == NET_IN && n->tokens_in)
        ly_fill_tokens(host, n->in_elems, n->vocab, seed);
    else if (tensor == NET_IN)
        ly_fill_f32(host, 0, n->in_elems, 0, image_amp(n), seed);
    else if (tensor == NET_W)
        fill_W(n, t, host, seed + 1);
    else if (tensor == NET_V)
        fill_V(n, t, host, seed + 2);
    else
        ly_cache_fill(&c, host, CACHED, seed + 3);
}

bool net_intact(const ly_net *n, ir_dtype t, const void *cache, uint64_t seed)
{
    ly_cache c = net_cache(n, t);
    return ly_cache_intact(&c, cache, CACHED, seed + 3);
}

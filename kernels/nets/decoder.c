/* decoder.c -- a transformer decoder from a description of its parts: norms, positions, heads of keys and
 * values, biases, the MLP's gate, a tied or separate head. GPT-2 (gpt2.c) and Llama (llama.c) are such
 * descriptions. Prefill and decode are one table: `tokens` new ones after `past`. */
#include "kernels/nets/build.h"

enum {
    X,
    T,
    WIDE,
    Y,
    GATE
}; /* residual stream; normed or attended rows; qkv and MLP; the stream after attention; the MLP's gate */

typedef struct {
    ly_net                 *net;
    const ly_decoder_shape *g;
    const ly_step          *s;
    int64_t                 rows, dh;
} build;

/* ---- what is possible ------------------------------------------------------------------------ */
static ir_status decoder_widths(const ly_decoder_shape *g)
{
    if (g->layers < 1 || g->layers > 1 << 10)
        return ir_fail(IR_EINVAL, "layers=%lld: give 1 to 1024", (long long)g->layers);
    if (g->d < 1 || g->d > 1 << 16) return ir_fail(IR_EINVAL, "width=%lld: give 1 to 65536", (long long)g->d);
    if (g->ff < 1 || g->ff > 1 << 20) return ir_fail(IR_EINVAL, "ff=%lld: give 1 to 2^20", (long long)g->ff);
    if (g->heads < 1 || g->d % g->heads)
        return ir_fail(IR_EINVAL, "heads=%lld: a divisor of the width %lld", (long long)g->heads,
                       (long long)g->d);
    if (g->kv_heads < 1 || g->heads % g->kv_heads)
        return ir_fail(IR_EINVAL, "kv_heads=%lld: a divisor of the %lld heads", (long long)g->kv_heads,
                       (long long)g->heads);
    if (g->vocab < 1 || g->vocab > 1 << 24)
        return ir_fail(IR_EINVAL, "vocab=%lld: give 1 to 2^24", (long long)g->vocab);
    if (g->context < 1 || g->context > 1 << 24)
        return ir_fail(IR_EINVAL, "context=%lld: give 1 to 2^24", (long long)g->context);
    if (!g->learned && g->d / g->heads % 2)
        return ir_fail(IR_EINVAL, "a head of %lld elements: rotary positions turn pairs, give an even width",
                       (long long)(g->d / g->heads));
    if (!g->learned && !(g->rope.theta >= 1))
        return ir_fail(IR_EINVAL, "theta=%g: give 1 or more", g->rope.theta);
    return IR_OK;
}

static ir_status decoder_step(const ly_decoder_shape *g, const ly_step *s)
{
    if (s->batch < 1 || s->batch > 1 << 16)
        return ir_fail(IR_EINVAL, "batch=%lld: give 1 to 65536 sequences", (long long)s->batch);
    if (s->tokens < 1) return ir_fail(IR_EINVAL, "tokens=%lld: at least one new token", (long long)s->tokens);
    if (s->past < 0) return ir_fail(IR_EINVAL, "past=%lld: 0 or more cached tokens", (long long)s->past);
    if (s->tokens > g->context || s->past > g->context - s->tokens)
        return ir_fail(IR_EINVAL, "past=%lld and tokens=%lld: the context holds %lld", (long long)s->past,
                       (long long)s->tokens, (long long)g->context);
    return IR_OK;
}

static ir_status decoder_stored(const ly_decoder_shape *g, const ly_step *s)
{
    const int64_t group = s->format.group, dh = g->d / g->heads;
    if (group && (g->d % group || g->ff % group))
        return ir_fail(IR_EINVAL, "groups of %lld weights: they must divide the width %lld and ff %lld",
                       (long long)group, (long long)g->d, (long long)g->ff);
    if (group && g->experts) return ir_fail(IR_EINVAL, "experts have no weights in groups");
    if (s->kv_plus1 == 1 + IR_I8 && dh % LY_KV_GROUP)
        return ir_fail(IR_EINVAL, "a cache in i8 has blocks of %d: they must divide a head's %lld elements",
                       LY_KV_GROUP, (long long)dh);
    return IR_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */
static void decoder_norm(build *b, const char *name, int in, int out, int64_t rows, int64_t tokens)
{
    ly_row *r = nets_row(b->net, LY_NORM, in, out, "%.23s", name);
    r->batch = b->s->batch;
    r->rows = rows;
    r->tokens = tokens;
    r->c = r->k = b->g->d;
    r->rms = b->g->rms;
    r->eps = b->g->eps;
    r->g_at = nets_take_V(b->net, r->c);
    if (!r->rms) r->b_at = nets_take_V(b->net, r->c);
    b->net->params += (r->rms ? 1 : 2) * r->c;
}

/* Row scales of one-byte weights are one per matrix row; groups bring their own. */
static void decoder_store(const build *b, ly_row *r)
{
    r->format = b->s->format;
    if (r->format.group) r->s_at = -1;
}

static ly_row *decoder_fc(build *b, const char *name, int in, int add, int out, int64_t c, int64_t k,
                          bool biased)
{
    ly_row *r = nets_row(b->net, LY_FC, in, out, "%.23s", name);
    r->batch = b->s->batch;
    r->tokens = b->s->tokens;
    r->add = add;
    if (biased)
        nets_fc(b->net, r, b->rows, c, k);
    else
        nets_product(b->net, r, b->rows, c, k);
    decoder_store(b, r);
    return r;
}

static void decoder_attention(build *b, const char *name, int block)
{
    ly_row *r = nets_row(b->net, LY_ATTENTION, WIDE, T, "%.23s", name);
    r->batch = b->s->batch;
    r->tokens = b->s->tokens;
    r->past = b->s->past;
    r->rows = b->rows;
    r->heads = b->g->heads;
    r->kv_heads = b->g->kv_heads;
    r->dh = b->dh;
    r->c = ly_qkv_width(r);
    r->k = b->g->d;
    r->block = block;
    r->kv_plus1 = b->s->kv_plus1;
    if (!b->g->learned) r->rope = b->g->rope;
}

static void decoder_experts(build *b, const char *name)
{
    const ly_decoder_shape *g = b->g;
    ly_row                 *r = nets_row(b->net, LY_MOE, T, X, "%.23s", name);
    r->batch = b->s->batch;
    r->tokens = b->s->tokens;
    r->rows = b->rows;
    r->c = r->k = g->d;
    r->ff = g->ff;
    r->experts = g->experts;
    r->top = g->top;
    r->add = Y;
    r->nW = (int64_t)ly_moe_W(r, (double)g->experts);
    r->W_at = nets_take_W(b->net, r->nW);
    r->s_at = nets_take_V(b->net, (int64_t)ly_moe_scales(r, (double)g->experts));
    b->net->params += r->nW;
}

static void decoder_mlp(build *b, const char *up, const char *down, const char *gate)
{
    const ly_decoder_shape *g = b->g;
    const bool              all = g->biases == LY_ALL_BIAS;
    ly_row                 *r;
    if (g->gated) {
        decoder_fc(b, gate, T, LY_NONE, GATE, g->d, g->ff, all)->act = g->act;
        r = decoder_fc(b, up, T, GATE, WIDE, g->d, g->ff, all);
        r->gate = true;
    } else {
        decoder_fc(b, up, T, LY_NONE, WIDE, g->d, g->ff, all)->act = g->act;
    }
    decoder_fc(b, down, WIDE, Y, X, g->ff, g->d, all);
}

static void decoder_layer(build *b, int l)
{
    const ly_decoder_shape *g = b->g;
    const int64_t           d = g->d;
    char                    name[48], gate[48], down[48];
#define NAME(to, what) (snprintf(to, sizeof(to), "h%d." what, l), (to))
    decoder_norm(b, NAME(name, "ln1"), X, T, b->rows, 1);
    decoder_fc(b, NAME(name, "qkv"), T, LY_NONE, WIDE, d, d + 2 * g->kv_heads * b->dh,
               g->biases != LY_NO_BIAS);
    decoder_attention(b, NAME(name, "attention"), l);
    decoder_fc(b, NAME(name, "proj"), T, X, Y, d, d, g->biases == LY_ALL_BIAS);
    decoder_norm(b, NAME(name, "ln2"), Y, T, b->rows, 1);
    if (g->experts)
        decoder_experts(b, NAME(name, "experts"));
    else if (g->gated)
        decoder_mlp(b, NAME(name, "up"), NAME(down, "down"), NAME(gate, "gate"));
    else
        decoder_mlp(b, NAME(name, "fc"), NAME(down, "fcproj"), NULL);
#undef NAME
}

/* A tied head's matrix is the embedding's table: counted once. No bias. */
static void decoder_head(build *b, const ly_row *embed)
{
    ly_row *r = nets_row(b->net, LY_FC, T, LY_OUTPUT, "head");
    r->batch = r->rows = b->s->batch;
    r->tokens = 1;
    if (!b->g->tied) {
        nets_product(b->net, r, r->rows, b->g->d, b->g->vocab);
    } else {
        r->c = b->g->d;
        r->k = b->g->vocab;
        r->W_at = embed->W_at;
        r->s_at = embed->s_at;
        r->nW = r->c * r->k;
    }
    decoder_store(b, r);
}

static ly_row *decoder_embedding(build *b)
{
    const ly_decoder_shape *g = b->g;
    const int64_t           places = g->learned ? g->context : 0;
    ly_row                 *r = nets_row(b->net, LY_EMBED, LY_INPUT, X, "embed");
    r->batch = b->s->batch;
    r->tokens = b->s->tokens;
    r->past = b->s->past;
    r->rows = b->rows;
    r->c = r->k = g->d;
    r->vocab = g->vocab;
    r->context = places;
    r->nW = g->vocab * g->d;
    r->W_at = nets_take_W(b->net, r->nW);
    if (g->learned) r->P_at = nets_take_W(b->net, places * g->d);
    r->s_at = nets_take_V(b->net, g->vocab + places);
    b->net->params += (g->vocab + places) * g->d;
    decoder_store(b, r);
    return r;
}

ir_status ly_decoder(const ly_decoder_shape *g, const ly_step *s, ly_net *net)
{
    ir_status st = decoder_widths(g);
    if (st == IR_OK) st = decoder_step(g, s);
    if (st == IR_OK) st = decoder_stored(g, s);
    if (st == IR_OK) st = nets_begin(net, 3 + (g->gated ? 8 : 7) * (int)g->layers);
    if (st != IR_OK) return st;
    build         b = {net, g, s, s->batch * s->tokens, g->d / g->heads};
    const ly_row *embed = decoder_embedding(&b);
    for (int l = 0; l < g->layers; l++) decoder_layer(&b, l);
    decoder_norm(&b, "lnf", X, T, s->batch, s->tokens);
    decoder_head(&b, embed);
    net->in_elems = b.rows;
    net->tokens_in = true;
    net->vocab = g->vocab;
    net->out_elems = s->batch * g->vocab;
    net->kv_cap = s->past + s->tokens;
    net->kv_elems = g->layers * 2 * s->batch * g->kv_heads * b.dh * net->kv_cap;
    net->format = s->format;
    nets_end(net);
    return IR_OK;
}

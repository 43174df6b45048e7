/* gpt2.c -- GPT-2 and what has its architecture (GPT-3): learned positions, layer norm before attention and
 * MLP and a last one, biases everywhere, GELU, the token embedding tied to the output head. Prefill and
 * decode are one table: `tokens` new ones after `past`. */
#include "kernels/nets/build.h"

enum {
    X,
    T,
    WIDE,
    Y
}; /* residual stream; normed or attended rows; qkv and MLP; the stream after attention */

const ly_gpt_shape ly_gpt2[LY_NSIZE + 1] = {{"small", 12, 768, 12, 3072, 50257, 1024},
                                            {"medium", 24, 1024, 16, 4096, 50257, 1024},
                                            {"large", 36, 1280, 20, 5120, 50257, 1024},
                                            {"xl", 48, 1600, 25, 6400, 50257, 1024},
                                            {"tiny", 2, 80, 5, 320, 211, 48}};

static ir_status gpt2_valid(const ly_gpt_shape *g, int64_t batch, int64_t tokens, int64_t past)
{
    if (g->layers < 1 || g->layers > 1 << 10)
        return ir_fail(IR_EINVAL, "layers=%lld: give 1 to 1024", (long long)g->layers);
    if (g->d < 1 || g->d > 1 << 16) return ir_fail(IR_EINVAL, "width=%lld: give 1 to 65536", (long long)g->d);
    if (g->heads < 1 || g->d % g->heads)
        return ir_fail(IR_EINVAL, "heads=%lld: a divisor of the width %lld", (long long)g->heads,
                       (long long)g->d);
    if (g->vocab < 1 || g->vocab > 1 << 24)
        return ir_fail(IR_EINVAL, "vocab=%lld: give 1 to 2^24", (long long)g->vocab);
    if (g->context < 1 || g->context > 1 << 24)
        return ir_fail(IR_EINVAL, "context=%lld: give 1 to 2^24", (long long)g->context);
    if (batch < 1 || batch > 1 << 16)
        return ir_fail(IR_EINVAL, "batch=%lld: give 1 to 65536 sequences", (long long)batch);
    if (tokens < 1) return ir_fail(IR_EINVAL, "tokens=%lld: at least one new token", (long long)tokens);
    if (past < 0) return ir_fail(IR_EINVAL, "past=%lld: 0 or more cached tokens", (long long)past);
    if (tokens > g->context || past > g->context - tokens)
        return ir_fail(IR_EINVAL, "past=%lld and tokens=%lld: the context holds %lld", (long long)past,
                       (long long)tokens, (long long)g->context);
    return IR_OK;
}

typedef struct {
    ly_net             *net;
    const ly_gpt_shape *g;
    int64_t             batch, tokens, past, rows;
} build;

static void gpt2_norm(build *b, const char *name, int in, int out, int64_t rows, int64_t tokens)
{
    ly_row *r = nets_row(b->net, LY_NORM, in, out, "%.23s", name);
    r->batch = b->batch;
    r->rows = rows;
    r->tokens = tokens;
    r->c = r->k = b->g->d;
    r->g_at = nets_take_V(b->net, r->c);
    r->b_at = nets_take_V(b->net, r->c);
    b->net->params += 2 * r->c;
}

static void gpt2_fc(build *b, const char *name, int in, int add, int out, int64_t c, int64_t k, ly_act act)
{
    ly_row *r = nets_row(b->net, LY_FC, in, out, "%.23s", name);
    r->batch = b->batch;
    r->tokens = b->tokens;
    r->add = add;
    r->act = act;
    nets_fc(b->net, r, b->rows, c, k);
}

static void gpt2_attention(build *b, const char *name, int block)
{
    ly_row *r = nets_row(b->net, LY_ATTENTION, WIDE, T, "%.23s", name);
    r->batch = b->batch;
    r->tokens = b->tokens;
    r->past = b->past;
    r->rows = b->rows;
    r->heads = b->g->heads;
    r->dh = b->g->d / b->g->heads;
    r->c = 3 * b->g->d;
    r->k = b->g->d;
    r->block = block;
}

static void layer(build *b, int l)
{
    int64_t d = b->g->d;
    char    name[48];
#define NAME(what) (snprintf(name, sizeof name, "h%d." what, l), name)
    gpt2_norm(b, NAME("ln1"), X, T, b->rows, 1);
    gpt2_fc(b, NAME("qkv"), T, LY_NONE, WIDE, d, 3 * d, LY_ID);
    gpt2_attention(b, NAME("attention"), l);
    gpt2_fc(b, NAME("proj"), T, X, Y, d, d, LY_ID);
    gpt2_norm(b, NAME("ln2"), Y, T, b->rows, 1);
    gpt2_fc(b, NAME("fc"), T, LY_NONE, WIDE, d, b->g->ff, LY_GELU);
    gpt2_fc(b, NAME("fcproj"), WIDE, Y, X, b->g->ff, d, LY_ID);
#undef NAME
}

/* The head's matrix is the embedding's table: counted once, no bias. */
static void head(build *b, const ly_row *embed)
{
    ly_row *r = nets_row(b->net, LY_FC, T, LY_OUTPUT, "head");
    r->batch = r->rows = b->batch;
    r->tokens = 1;
    r->c = b->g->d;
    r->k = b->g->vocab;
    r->W_at = embed->W_at;
    r->s_at = embed->s_at;
    r->nW = r->c * r->k;
}

static ly_row *embedding(build *b)
{
    const ly_gpt_shape *g = b->g;
    ly_row             *r = nets_row(b->net, LY_EMBED, LY_INPUT, X, "embed");
    r->batch = b->batch;
    r->tokens = b->tokens;
    r->past = b->past;
    r->rows = b->rows;
    r->c = r->k = g->d;
    r->vocab = g->vocab;
    r->context = g->context;
    r->nW = g->vocab * g->d;
    r->W_at = nets_take_W(b->net, r->nW);
    r->P_at = nets_take_W(b->net, g->context * g->d);
    r->s_at = nets_take_V(b->net, g->vocab + g->context);
    b->net->params += (g->vocab + g->context) * g->d;
    return r;
}

ir_status ly_gpt(const ly_gpt_shape *g, int64_t batch, int64_t tokens, int64_t past, ly_net *net)
{
    ir_status st = gpt2_valid(g, batch, tokens, past);
    if (st == IR_OK) st = nets_begin(net, 3 + 7 * (int)g->layers);
    if (st != IR_OK) return st;
    build         b = {net, g, batch, tokens, past, batch * tokens};
    const ly_row *embed = embedding(&b);
    for (int l = 0; l < g->layers; l++) layer(&b, l);
    gpt2_norm(&b, "lnf", X, T, batch, tokens);
    head(&b, embed);
    net->in_elems = b.rows;
    net->tokens_in = true;
    net->vocab = g->vocab;
    net->out_elems = batch * g->vocab;
    net->kv_cap = past + tokens;
    net->kv_elems = g->layers * 2 * batch * g->d * net->kv_cap;
    nets_end(net);
    return IR_OK;
}

/* encoder.c -- see encoder.h. */
#include "kernels/nets/encoder.h"
#include "kernels/nets/build.h"

enum { X, T, WIDE, Y }; /* the stream; normed or attended rows; qkv and MLP; the stream after attention */

const ly_encoder_shape ly_bert_shapes[LY_NBERT + 1] = {{"base", 12, 768, 12, 3072, 30522, 512, 2, 0, 0},
                                                       {"large", 24, 1024, 16, 4096, 30522, 512, 2, 0, 0},
                                                       {"tiny", 2, 60, 3, 132, 97, 40, 2, 0, 0}};
const ly_encoder_shape ly_vit_shapes[LY_NVIT + 1] = {{"base", 12, 768, 12, 3072, 0, 0, 0, 16, 1000},
                                                     {"large", 24, 1024, 16, 4096, 0, 0, 0, 16, 1000},
                                                     {"tiny", 2, 48, 4, 100, 0, 0, 0, 8, 11}};

typedef struct {
    ly_net                 *net;
    const ly_encoder_shape *e;
    int64_t                 batch, tokens, rows;
    double                  eps;
} build;

static ir_status encoder_batch(int64_t batch)
{
    if (batch >= 1 && batch <= 1 << 16) return IR_OK;
    return ir_fail(IR_EINVAL, "batch=%lld: give 1 to 65536", (long long)batch);
}

/* of: the first token of each sequence alone, or all rows */
static void encoder_norm(build *b, const char *name, int in, int out, bool first)
{
    ly_row *r = nets_row(b->net, LY_NORM, in, out, "%.23s", name);
    r->batch = b->batch;
    r->rows = first ? b->batch : b->rows;
    r->tokens = first ? b->tokens : 1;
    r->first = first;
    r->eps = b->eps;
    r->c = r->k = b->e->d;
    r->g_at = nets_take_V(b->net, r->c);
    r->b_at = nets_take_V(b->net, r->c);
    b->net->params += 2 * r->c;
}

static ly_row *encoder_fc(build *b, const char *name, int in, int add, int out, int64_t rows, int64_t c,
                          int64_t k, ly_act act)
{
    ly_row *r = nets_row(b->net, LY_FC, in, out, "%.23s", name);
    r->batch = b->batch;
    r->tokens = b->tokens;
    r->add = add;
    r->act = act;
    nets_fc(b->net, r, rows, c, k);
    return r;
}

static void encoder_attention(build *b, const char *name)
{
    ly_row *r = nets_row(b->net, LY_ATTENTION, WIDE, T, "%.23s", name);
    r->batch = b->batch;
    r->tokens = b->tokens;
    r->rows = b->rows;
    r->heads = b->e->heads;
    r->dh = b->e->d / b->e->heads;
    r->c = 3 * b->e->d;
    r->k = b->e->d;
    r->all = true;
}

/* BERT: x -> norm(x + attention(x)) -> norm(y + mlp(y)); the last norm of the first tokens only. */
static void after_norms(build *b, int l)
{
    const int64_t d = b->e->d;
    const bool    last = l + 1 == b->e->layers;
    char          name[48];
#define NAME(what) (snprintf(name, sizeof name, "h%d." what, l), name)
    encoder_fc(b, NAME("qkv"), X, LY_NONE, WIDE, b->rows, d, 3 * d, LY_ID);
    encoder_attention(b, NAME("attention"));
    encoder_fc(b, NAME("proj"), T, X, Y, b->rows, d, d, LY_ID);
    encoder_norm(b, NAME("ln1"), Y, X, false);
    encoder_fc(b, NAME("fc"), X, LY_NONE, WIDE, b->rows, d, b->e->ff, LY_GELU_ERF);
    encoder_fc(b, NAME("fcproj"), WIDE, X, Y, b->rows, b->e->ff, d, LY_ID);
    encoder_norm(b, NAME("ln2"), Y, last ? T : X, last);
}

/* ViT: x -> x + attention(norm(x)) -> y + mlp(norm(y)). */
static void before_norms(build *b, int l)
{
    const int64_t d = b->e->d;
    char          name[48];
    encoder_norm(b, NAME("ln1"), X, T, false);
    encoder_fc(b, NAME("qkv"), T, LY_NONE, WIDE, b->rows, d, 3 * d, LY_ID);
    encoder_attention(b, NAME("attention"));
    encoder_fc(b, NAME("proj"), T, X, Y, b->rows, d, d, LY_ID);
    encoder_norm(b, NAME("ln2"), Y, T, false);
    encoder_fc(b, NAME("fc"), T, LY_NONE, WIDE, b->rows, d, b->e->ff, LY_GELU_ERF);
    encoder_fc(b, NAME("fcproj"), WIDE, Y, X, b->rows, b->e->ff, d, LY_ID);
#undef NAME
}

static void bert_embedding(build *b)
{
    const ly_encoder_shape *e = b->e;
    ly_row                 *r = nets_row(b->net, LY_EMBED, LY_INPUT, Y, "embed");
    r->batch = b->batch;
    r->tokens = b->tokens;
    r->rows = b->rows;
    r->c = r->k = e->d;
    r->vocab = e->vocab;
    r->context = e->context;
    r->types = e->types;
    r->nW = e->vocab * e->d;
    r->W_at = nets_take_W(b->net, r->nW);
    r->P_at = nets_take_W(b->net, (e->context + e->types) * e->d);
    r->s_at = nets_take_V(b->net, e->vocab + e->context + e->types);
    b->net->params += (e->vocab + e->context + e->types) * e->d;
}

ir_status ly_bert(const ly_encoder_shape *e, int64_t batch, int64_t tokens, ly_net *net)
{
    ir_status st = encoder_batch(batch);
    if (st == IR_OK && (tokens < 1 || tokens > e->context))
        st = ir_fail(IR_EINVAL, "tokens=%lld: the context holds %lld", (long long)tokens,
                     (long long)e->context);
    if (st == IR_OK) st = nets_begin(net, 3 + 7 * (int)e->layers);
    if (st != IR_OK) return st;
    build b = {net, e, batch, tokens, batch * tokens, 1e-12};
    bert_embedding(&b);
    encoder_norm(&b, "ln", Y, X, false);
    for (int l = 0; l < e->layers; l++) after_norms(&b, l);
    encoder_fc(&b, "pooler", T, LY_NONE, LY_OUTPUT, batch, e->d, e->d, LY_TANH)->tokens = 1;
    net->in_elems = b.rows;
    net->tokens_in = true;
    net->vocab = e->vocab;
    net->out_elems = batch * e->d;
    nets_end(net);
    return IR_OK;
}

/* Pixels to the stream: patches as rows, a matrix, then the class token before them and positions. */
static void vit_embedding(build *b, int64_t res)
{
    const ly_encoder_shape *e = b->e;
    const int64_t           side = res / e->patch, patches = side * side;
    ly_row                 *r = nets_row(b->net, LY_PATCHES, LY_INPUT, WIDE, "patches");
    r->batch = b->batch;
    r->h = r->w = res;
    r->c = 3;
    r->r = r->s = r->stride = e->patch;
    r->oh = r->ow = side;
    r->k = 3 * e->patch * e->patch;
    encoder_fc(b, "patch", WIDE, LY_NONE, Y, b->batch * patches, r->k, e->d, LY_ID)->tokens = patches;
    r = nets_row(b->net, LY_TOKENS, Y, X, "tokens");
    r->batch = b->batch;
    r->tokens = b->tokens;
    r->rows = b->rows;
    r->c = r->k = e->d;
    r->context = b->tokens;
    r->nW = e->d;
    r->W_at = nets_take_W(b->net, r->nW);
    r->P_at = nets_take_W(b->net, r->context * r->c);
    r->s_at = nets_take_V(b->net, 1 + r->context);
    b->net->params += r->nW + r->context * r->c;
}

ir_status ly_vit(const ly_encoder_shape *e, int64_t batch, int64_t res, ly_net *net)
{
    ir_status st = encoder_batch(batch);
    if (st == IR_OK && (res < e->patch || res > 2048 || res % e->patch))
        st = ir_fail(IR_EINVAL, "res=%lld: give a multiple of %lld up to 2048", (long long)res,
                     (long long)e->patch);
    if (st == IR_OK) st = nets_begin(net, 5 + 7 * (int)e->layers);
    if (st != IR_OK) return st;
    const int64_t side = res / e->patch, tokens = side * side + 1;
    build         b = {net, e, batch, tokens, batch * tokens, 1e-6};
    vit_embedding(&b, res);
    for (int l = 0; l < e->layers; l++) before_norms(&b, l);
    encoder_norm(&b, "lnf", X, T, true);
    encoder_fc(&b, "head", T, LY_NONE, LY_OUTPUT, batch, e->d, e->classes, LY_ID)->tokens = 1;
    net->in_elems = batch * res * res * 3;
    net->out_elems = batch * e->classes;
    nets_end(net);
    return IR_OK;
}

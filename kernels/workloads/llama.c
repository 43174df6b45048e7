/* llama.c -- a step of Llama, or of what has its architecture, as a workload: named sizes or any shape,
 * weights whole, by rows or in groups, a cache in any of four types. */
#include "kernels/workloads/networks.h"

#include <string.h>

enum { OTHER = LY_NLLAMA, CONTEXT = 131072, PAIRS_EVEN = 1, PAIRS_NEOX, HEAD_TIED = 1, HEAD_OWN };

/* ---- how weights and cache are stored -------------------------------------------------------- */
enum { FORMAT_NONE = WL_FORMAT_AUTO + 1, FORMAT_ROW, FORMAT_G32 };
const char *const      wl_format_word[] = {"auto", "none", "row",  "g32",   "g64",
                                           "g128", "g32z", "g64z", "g128z", NULL};
static const ly_format formats[] = {
    [FORMAT_G32] = {32, false}, {64, false}, {128, false}, {32, true}, {64, true}, {128, true}};

int64_t wl_format_of(ir_dtype t, int64_t word)
{
    if (word != WL_FORMAT_AUTO) return word;
    return t == IR_I4 ? FORMAT_G32 : ly_scaled(t) ? FORMAT_ROW : FORMAT_NONE;
}

ir_status wl_format(ir_dtype t, int64_t word, ly_format *out)
{
    const int64_t   n = (int64_t)(sizeof formats / sizeof *formats);
    const ir_status bad = IR_EINVAL;
    word = wl_format_of(t, word);
    *out = (ly_format){0, false};
    if (word < 0 || word >= n) return ir_fail(bad, "format=%lld: no such format", (long long)word);
    const char *name = wl_format_word[word];
    if (word == FORMAT_NONE && (t == IR_I4 || ly_scaled(t)))
        return ir_fail(bad, "format=none: weights in %s need scales: give %s", ir_dtype_name(t),
                       t == IR_I4 ? "g32, g64, g128, or one of them with z" : "row");
    if (word == FORMAT_ROW && !ly_scaled(t))
        return ir_fail(bad, "format=row: a scale a row is for i8 and f8, not for %s", ir_dtype_name(t));
    if (word >= FORMAT_G32 && t != IR_I4 && t != IR_I8)
        return ir_fail(bad, "format=%s: groups are of i4 or i8, not of %s", name, ir_dtype_name(t));
    *out = formats[word];
    if (out->zeros && t != IR_I4)
        return ir_fail(bad, "format=%s: zero points are for i4, not for %s", name, ir_dtype_name(t));
    return IR_OK;
}

static const char *const kv_word[] = {"auto", "f32", "f16", "bf16", "i8", NULL};
static const ir_dtype    kv_types[] = {IR_NDTYPE, IR_F32, IR_F16, IR_BF16, IR_I8};

static int64_t llama_kv_of(ir_dtype t, int64_t word)
{
    for (int64_t i = 1; word == 0 && kv_word[i]; i++)
        if (kv_types[i] == ly_kv_dtype(t)) return i;
    return word;
}

/* ---- shape ----------------------------------------------------------------------------------- */
static const ly_decoder_shape  other = {.name = "other",
                                        .context = CONTEXT,
                                        .rms = true,
                                        .act = LY_SILU,
                                        .gated = true,
                                        .rope = {.pairs = LY_ROPE_HALVES, .theta = 10000}};
static const ly_decoder_shape *named(const ir_params *p)
{
    return p->v[WL_SIZE] >= 0 && p->v[WL_SIZE] < LY_NLLAMA ? &ly_llama[p->v[WL_SIZE]] : &other;
}

static void put(int64_t *to, int64_t v)
{
    if (v) *to = v;
}

static ly_decoder_shape llama_shape(const ir_params *p)
{
    const int64_t   *v = p->v;
    ly_decoder_shape g = *named(p);
    put(&g.layers, v[WL_LAYERS]);
    put(&g.d, v[WL_WIDTH]);
    put(&g.heads, v[WL_HEADS]);
    put(&g.kv_heads, v[WL_KV_HEADS]);
    put(&g.ff, v[WL_FF]);
    put(&g.vocab, v[WL_VOCAB]);
    if (v[WL_THETA] && (double)v[WL_THETA] != g.rope.theta) /* another base: no longer the size's scaling */
        g.rope = (ly_rope){.pairs = g.rope.pairs, .theta = (double)v[WL_THETA]};
    if (v[WL_PAIRS]) g.rope.pairs = v[WL_PAIRS] == PAIRS_EVEN ? LY_ROPE_EVEN : LY_ROPE_HALVES;
    if (v[WL_HEAD]) g.tied = v[WL_HEAD] == HEAD_TIED;
    return g;
}

/* Is it still the named size, but for depth and what no matrix shows? */
static bool same_widths(const ly_decoder_shape *a, const ly_decoder_shape *b)
{
    return a->d == b->d && a->heads == b->heads && a->kv_heads == b->kv_heads && a->ff == b->ff &&
           a->vocab == b->vocab;
}

static void llama_complete(IR_SELF, ir_params *p)
{
    const ly_decoder_shape g = llama_shape(p);
    int64_t               *v = p->v;
    v[WL_LAYERS] = g.layers;
    v[WL_WIDTH] = g.d;
    v[WL_HEADS] = g.heads;
    v[WL_KV_HEADS] = g.kv_heads;
    v[WL_FF] = g.ff;
    v[WL_VOCAB] = g.vocab;
    v[WL_THETA] = (int64_t)g.rope.theta;
    v[WL_PAIRS] = g.rope.pairs == LY_ROPE_EVEN ? PAIRS_EVEN : PAIRS_NEOX;
    v[WL_HEAD] = g.tied ? HEAD_TIED : HEAD_OWN;
    v[WL_FORMAT] = wl_format_of(p->dtype, v[WL_FORMAT]);
    v[WL_KV] = llama_kv_of(p->dtype, v[WL_KV]);
    if (!same_widths(&g, named(p))) v[WL_SIZE] = OTHER;
}

static ir_status llama_net(const ir_params *p, ly_net *out)
{
    const int64_t         *v = p->v;
    const ly_decoder_shape g = llama_shape(p);
    const int64_t          kv = llama_kv_of(p->dtype, v[WL_KV]);
    ly_step                s = {.batch = v[WL_BATCH], .tokens = v[WL_TOKENS], .past = v[WL_PAST]};
    if (v[WL_SIZE] < 0 || v[WL_SIZE] > OTHER)
        return ir_fail(IR_EINVAL, "size=%lld: no such size", (long long)v[WL_SIZE]);
    if (kv < 1 || kv > 4) return ir_fail(IR_EINVAL, "kv=%lld: give f32, f16, bf16 or i8", (long long)kv);
    if (v[WL_PAIRS] < 0 || v[WL_PAIRS] > PAIRS_NEOX || v[WL_HEAD] < 0 || v[WL_HEAD] > HEAD_OWN)
        return ir_fail(IR_EINVAL, "pairs: give even or neox; head: tied or own");
    ir_status st = wl_format(p->dtype, v[WL_FORMAT], &s.format);
    s.kv_plus1 = 1 + (int)kv_types[kv];
    return st == IR_OK ? ly_decoder(&g, &s, out) : st;
}

/* ---- tables ---------------------------------------------------------------------------------- */
static const char *const size_word[] = {"1b",        "3b",         "8b",        "7b",        "13b",
                                        "tinyllama", "mistral-7b", "qwen-0.5b", "qwen-1.5b", "70b",
                                        "tiny",      "other",      NULL};
static const char *const pairs_word[] = {"auto", "even", "neox", NULL};
static const char *const head_word[] = {"auto", "tied", "own", NULL};
enum { S_1B = 0, S_3B, S_8B, S_QWEN = 7 };

#define STEP(size, b, n, before, t, f) \
    { \
        {[WL_SIZE] = size, [WL_BATCH] = b, [WL_TOKENS] = n, [WL_PAST] = before, [WL_FORMAT] = f}, t, 0 \
    }
#define DECODE(size, t, f) STEP(size, 1, 1, 128, t, f)
static const ir_params quick[] = {DECODE(S_QWEN, IR_BF16, 0)};
static const ir_params full[] = {DECODE(S_QWEN, IR_F32, 0),
                                 DECODE(S_QWEN, IR_BF16, 0),
                                 DECODE(S_QWEN, IR_I8, FORMAT_G32),
                                 DECODE(S_QWEN, IR_I4, FORMAT_G32),
                                 STEP(S_QWEN, 1, 512, 0, IR_BF16, 0),
                                 DECODE(S_1B, IR_F32, 0),
                                 DECODE(S_1B, IR_BF16, 0),
                                 DECODE(S_1B, IR_F8, 0),
                                 DECODE(S_1B, IR_I8, FORMAT_G32),
                                 DECODE(S_1B, IR_I4, FORMAT_G32),
                                 STEP(S_1B, 8, 1, 128, IR_I4, FORMAT_G32),
                                 DECODE(S_1B, IR_I4, FORMAT_G32 + 2),
                                 DECODE(S_1B, IR_I4, FORMAT_G32 + 5),
                                 DECODE(S_8B, IR_BF16, 0),
                                 DECODE(S_8B, IR_I8, FORMAT_G32),
                                 DECODE(S_8B, IR_I4, FORMAT_G32)};
/* Small shapes, whose widths groups of 32 divide. layers, width, heads, kv_heads, ff, vocab, theta, pairs,
 * head; batch, tokens, past. */
#define FIVE  OTHER, 2, 160, 5, 1, 224, 211, 10000, PAIRS_NEOX, HEAD_OWN
#define PAIRS OTHER, 2, 96, 6, 3, 32, 99, 500, PAIRS_EVEN, HEAD_TIED
#define EACH  OTHER, 1, 96, 3, 3, 160, 67, 10000, PAIRS_NEOX, HEAD_OWN
#define ODD(...) \
    { \
        {__VA_ARGS__}, IR_F32, 0 \
    }
static const ir_params odd[] = {ODD(FIVE, 1, 1, 0),  ODD(FIVE, 1, 1, 47), ODD(FIVE, 3, 1, 17),
                                ODD(FIVE, 1, 33, 0), ODD(FIVE, 2, 7, 9),  ODD(PAIRS, 2, 3, 5),
                                ODD(EACH, 1, 5, 130)};

static const nets_kind kind = {.net = llama_net};
#define GRID(a) .a = a, .n##a = sizeof a / sizeof *a
const ir_workload wl_llama = {
    .name = "llama",
    .family = "gpt",
    .doc =
        "a step of Llama or Qwen2.5, named sizes or any shape; weights to 4 bits: tokens=1 decodes, past=0 "
        "prefills",
    .param = {"size", "layers", "width", "heads", "kv_heads", "ff", "vocab", "theta", "pairs", "head",
              "batch", "tokens", "past", "format", "kv"},
    .word = {[WL_SIZE] = size_word,
             [WL_PAIRS] = pairs_word,
             [WL_HEAD] = head_word,
             [WL_FORMAT] = wl_format_word,
             [WL_KV] = kv_word},
    .defaults = DECODE(S_1B, IR_BF16, 0),
    .dtypes = 1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16 | 1u << IR_F8 | 1u << IR_I8 | 1u << IR_I4,
    .ext = &kind,
    GRID(quick),
    GRID(full),
    GRID(odd),
    .complete = llama_complete,
    .valid = net_valid,
    .cost = net_cost,
    .tensors = net_tensors,
    .fill = net_fill_tensor,
    .check = net_check,
    .intact = net_is_intact};

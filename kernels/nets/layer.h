/* layer.h -- a network, or one operator, as rows of a table. The only place where O and D_vol of these
 * operators are written down (layer.c): an operator workload is a table of one row, a network's cost is the
 * sum of its rows, and every executor walks the same rows. N networks on M backends need M executors.
 *
 * Activations are row-major and dense: images NHWC, token streams [rows][width]. Matrices of weights are
 * [out][in] (convolutions [k][r][s][c/groups]); y = W x + b. Both elements and counts are exact integers in
 * int64_t. FLOP: 2 per multiply-accumulate of convolutions, fully connected rows and attention; biases,
 * norms, activations, softmax, pooling and residual adds count no FLOP inside a network (models.json
 * "conventions"); as workloads of their own they count the FLOP stated beside them below. */
#ifndef NETS_LAYER_H
#define NETS_LAYER_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    LY_CONV,      /* groups = 1: dense; groups = c = k: depthwise */
    LY_FC,        /* Y[rows,k] = X[rows,c] W[k,c]' + b */
    LY_ATTENTION, /* causal, scale 1/sqrt(dh); appends its k and v to the cache; see below */
    LY_NORM,      /* layer norm over c with gain and offset, or RMS norm with gain; ly_eps(); rows x c */
    LY_ACT,       /* an activation as a pass of its own; rows x c */
    LY_SOFTMAX,   /* over c; rows x c */
    LY_MAXPOOL,   /* padding is minus infinity */
    LY_AVGPOOL,   /* one window of r x s at the top left of each map, not padded: oh = ow = 1 */
    LY_ADD,       /* y = x + add; rows x c */
    LY_EMBED,     /* y[t] = table[token[t]] + position[past + t]; P_at < 0: no positions; rows x c */
    LY_PATCHES,   /* squares of r x r pixels of an image as rows of r*r*c: batch*oh*ow x k */
    LY_TOKENS, /* the class token, W[c] at W_at, before each sequence's tokens - 1 rows; plus positions; rows
                  x c */
    /* Mixture of experts: a router's `top` largest of `experts` logits, softmax over those, and their
     * weighted sum of w2 (silu(w1 x) * w3 x); rows x c. W: the router [experts][c], then w1 [ff][c], w3
     * [ff][c] and w2 [c][ff] of each expert; row scales in the same order. Of equal logits the first counts.
     */
    LY_MOE,
    /* Embedding bags: y[bag] = the sum of rows of a table. rows: bags; the input is int32: where each bag's
     * look-ups begin and where the last one's end (rows + 1), then `lookups` row numbers below vocab. */
    LY_BAG,
    /* v[0] is the input's row, v[1..heads-1] the residual's, c elements each: y = v[0], then the dot products
     * of v[i] with v[j], j < i; rows x k. */
    LY_INTERACT,
    LY_CONCAT,  /* y = the input's row, then the residual's of (heads - 1) c; rows x k */
    LY_DROPOUT, /* elements left out by a seeded counter, the others scaled up; rows x c; in no network */
    LY_NOP      /* number of operators */
} ly_op;
/* GELU: tanh form; SiLU: x/(1 + e^-x) */
typedef enum { LY_ID, LY_RELU, LY_RELU6, LY_GELU, LY_SILU, LY_SIGMOID, LY_TANH, LY_GELU_ERF } ly_act;

/* Rotary positions: elements a and b of a query or key row, a pair, turn by position * frequency. EVEN pairs
 * neighbours (2i, 2i+1), HALVES the halves (i, i + dh/2), as GPT-NeoX does; pair i has frequency
 * theta^(-2i/dh). factor > 1: frequencies of wavelengths beyond original/low are divided by it, those below
 * original/high are kept, and those between are blended (Llama 3.1 and later); see ly_rope_frequency(). */
typedef enum { LY_ROPE_NONE, LY_ROPE_EVEN, LY_ROPE_HALVES } ly_rope_pairs;
typedef struct {
    ly_rope_pairs pairs;
    double        theta, factor, low, high, original;
} ly_rope;

/* Weights in groups: `group` neighbours of a row share an f16 scale d, and with `zeros` a 4-bit zero point z.
 * W then holds blocks of 2 + group/2 bytes (i4) or 2 + group (i8): d, then the values. i8: w = d q. i4:
 * w = d (q - z), z = 8 without zero points; of each 32 values byte j holds value j in its low half and j + 16
 * in its high one. A group of 32 is Q4_0 and Q8_0. The zero points follow the last block, two a byte, group
 * by group, low half first. group = 0: no groups. */
typedef struct {
    int  group;
    bool zeros;
} ly_format;

enum { LY_NONE = -1, LY_INPUT = -2, LY_OUTPUT = -3, LY_MAX_BUF = 8 };
typedef struct {
    char   name[24]; /* "conv2_1_3x3", "h3.qkv" */
    ly_op  op;
    ly_act act; /* applied to the output in the same pass */
    /* Activation buffers 0.., or LY_INPUT, LY_OUTPUT. add: residual added to the output before act; LY_NONE:
     * none. out may equal in or add for LY_ADD, LY_ACT, LY_NORM only. */
    int     in, add, out;
    int64_t batch;                           /* images, or sequences */
    int64_t h, w, c;                         /* input image; c: input width of token rows */
    int64_t k, r, s, stride, groups, oh, ow; /* k: output channels or width */
    /* Rows of padding above, columns on the left. Below and on the right are as many as oh and ow take, which
     * may be others. */
    int64_t pad, pad_w;
    int64_t rows; /* token rows over the whole batch: batch * tokens. A LY_NORM with tokens > 1 has only
                   * `batch` rows: output row i reads input row i*tokens + tokens-1, the last of its
                   * sequence (GPT's final norm). Elsewhere a norm's tokens is 1: ly_in_row(). */
    int64_t heads, dh, tokens, past; /* attention: per sequence, `tokens` new ones after `past` cached ones.
                                      * Input row of a token: q[heads*dh], k[heads*dh], v[heads*dh]. */
    int     block;                   /* attention: which pair of cache planes */
    int64_t kv_heads;   /* attention: heads of keys and values, each for heads/kv_heads of queries; 0: heads.
                         * Input row of a token: q[heads*dh], k[kv_heads*dh], v[kv_heads*dh] */
    ly_rope   rope;     /* attention: queries and keys turn by it before they meet or are cached */
    int       kv_plus1; /* attention: 1 + dtype of the cache; 0: ly_kv_dtype() of the weights' */
    bool      rms;      /* norm: x / sqrt(mean of squares + eps) * gain; no mean, no offset */
    double    eps;      /* norm; 0: 1e-5 */
    bool      gate;     /* FC: `add` multiplies what act gives, instead of being added before it */
    ly_format format;   /* FC, embedding: how W is stored */
    int64_t   experts, top, ff; /* LY_MOE */
    bool      all;   /* attention: every token sees all of its sequence; past = 0, and there is no cache */
    bool      first; /* norm with tokens > 1: of the first token of each sequence, not the last */
    /* Where its parameters are. W_at: elements into tensor W (matrices, in the weight dtype). b_at, g_at,
     * s_at: elements into tensor V (always f32): bias or norm offset, norm gain, and per output row the scale
     * of one-byte weights (ly_scaled(); reserved in every network so that offsets do not depend on dtype).
     * -1: none. W_at is a multiple of 128 and the V offsets of 16 in a network: padding counts in the
     * tensors, not in nW. The table of LY_EMBED is the output head's matrix: the same W_at, the same s_at. */
    int64_t W_at, nW, b_at, g_at, s_at;
    int64_t types;    /* LY_EMBED: rows that follow the positions; row i is of type (i % tokens) * types /
                       * tokens, and that row is added too */
    int64_t P_at;     /* LY_EMBED: the position table [context][c], elements into W; its row scales
                       * follow the table's in V: s_at + vocab */
    int64_t vocab;    /* LY_EMBED: rows of the table. LY_BAG: of all tables */
    int64_t context;  /* LY_EMBED: rows of the position table */
    int64_t lookups;  /* LY_BAG: of all bags */
    double  distinct; /* LY_BAG: rows that they are expected to touch */
} ly_row;

/* Key-value cache: [block][2: k, v][batch][heads][context rows cap][dh], in the cache's dtype. */
typedef struct {
    ly_row *row;
    int     n;
    int64_t buf[LY_MAX_BUF]; /* elements of each activation buffer, f32 */
    int     nbuf;
    int64_t nW, nV;              /* elements of tensors W and V */
    int64_t in_elems, out_elems; /* of the step's input (images; or tokens, int32) and output (logits, f32) */
    int64_t kv_elems, kv_cap;    /* elements of the cache; token rows per sequence it holds (past + tokens) */
    int64_t params; /* trainable parameters as published (batch norm unfolded; position table; tied once) */
    bool    tokens_in; /* the input is int32 token numbers below vocab */
    int64_t vocab;
    int64_t index_at; /* LY_BAG's part of the input begins at this element; dense values before it. 0: none */
    ly_format format; /* of all matrices; the rows have it too */
} ly_net;
void ly_free(ly_net *); /* idempotent */
/* Are two rows the same operation on the same shape, wherever their tensors lie? */
bool ly_same_shape(const ly_row *, const ly_row *);
/* Let rows of a finished table share their matrices: the same work on fewer distinct bytes. any_shape: all
 * matrices lie at one place as long as the largest; the output head keeps the embedding's. Else rows of the
 * same shape share one matrix, bias and scales. Changes offsets and nW, not params. */
void ly_share(ly_net *, bool any_shape);
/* Count the elements of row i's matrix that an earlier row has read already. 0 unless matrices are shared. */
int64_t ly_reread(const ly_net *, int i);
/* Place the activations of a table in one arena. A place is free again once its last reader has run.
 * (*place)[net->n] holds the element at which each row reads its input and residual and writes its output; -1
 * is no buffer. The caller frees it. Places are multiples of `align` elements and at least as many apart.
 * *elems is the arena's length. */
typedef struct {
    int64_t in, add, out;
} ly_place;
ir_status ly_arena(const ly_net *, int64_t align, ly_place **place, int64_t *elems);
/* Experts that a LY_MOE is expected to touch, if each token chooses for itself and all are equally likely:
 * E (1 - (1 - top/E)^rows). */
double ly_moe_distinct(const ly_row *);
/* What a LY_MOE reads of W with so many of its experts, and its row scales. */
double ly_moe_W(const ly_row *, double experts);
double ly_moe_scales(const ly_row *, double experts);
/* Elements of a row's input (tokens for LY_EMBED; qkv for attention) and output. */
int64_t               ly_in_elems(const ly_row *);
int64_t               ly_out_elems(const ly_row *);
static inline int64_t ly_in_row(const ly_row *r, int64_t i)
{
    return r->op == LY_NORM && r->tokens > 1 ? i * r->tokens + (r->first ? 0 : r->tokens - 1) : i;
}
static inline int64_t ly_kv_heads(const ly_row *r) { return r->kv_heads ? r->kv_heads : r->heads; }
/* Width of an attention's input row. */
static inline int64_t ly_qkv_width(const ly_row *r) { return (r->heads + 2 * ly_kv_heads(r)) * r->dh; }
static inline double  ly_eps(const ly_row *r) { return r->eps > 0 ? r->eps : 1e-5; }
/* Radians per position of pair i < dh/2. */
double                ly_rope_frequency(const ly_rope *, int64_t dh, int64_t i);
static inline int64_t ly_type_of(const ly_row *r, int64_t i) { return i % r->tokens * r->types / r->tokens; }
/* Query-key pairs of LY_ATTENTION, one head of one sequence: token t sees past + t + 1 keys. */
static inline int64_t ly_pairs(const ly_row *r)
{
    return r->tokens * r->past + r->tokens * (r->all ? 2 * r->tokens : r->tokens + 1) / 2;
}

/* dtype of weights and of the key-value cache for a point's dtype. Activations are f32 between rows whatever
 * the dtype (a backend may round them inside its kernels to feed matrix units: tolerances allow for it). The
 * cache is f32 with f32, tf32 and f64 weights, else bf16 (f16 when the point's dtype is f16). */
ir_dtype ly_kv_dtype(ir_dtype weights);
/* Weights of one byte have an f32 scale per output row: weight = scale * value, int8 or e4m3. */
static inline bool ly_scaled(ir_dtype weights) { return weights == IR_I8 || weights == IR_F8; }
static inline bool ly_row_scaled(const ly_row *r, ir_dtype weights)
{
    return ly_scaled(weights) && r->s_at >= 0 && !r->format.group;
}
/* dtype of the cache that a row appends to. A cache in i8 has blocks of 32 values: f16 scale, then values. */
static inline ir_dtype ly_row_kv(const ly_row *r, ir_dtype weights)
{
    return r->kv_plus1 ? (ir_dtype)(r->kv_plus1 - 1) : ly_kv_dtype(weights);
}
enum { LY_KV_GROUP = 32, LY_KV_BLOCK_B = LY_KV_GROUP + 2 };
static inline double ly_kv_B(ir_dtype kv) /* bytes per element */
{
    return kv == IR_I8 ? (double)LY_KV_BLOCK_B / (double)LY_KV_GROUP : ir_dtype_bytes(kv);
}
/* Bytes of a group, of n elements of W in whole groups, zero points included: exact, to half a byte. */
static inline int64_t ly_block_B(ir_dtype t, ly_format f) { return 2 + (t == IR_I4 ? f.group / 2 : f.group); }
double                ly_weights_B(ir_dtype, ly_format, double n);
/* Bytes of tensor W; and of the values before element `at`, a multiple of the group. */
static inline size_t ly_W_B(const ly_net *n, ir_dtype t)
{
    return (size_t)(ly_weights_B(t, n->format, (double)n->nW) + 0.5);
}
static inline size_t ly_W_offset(ir_dtype t, ly_format f, int64_t at)
{
    return f.group ? (size_t)(at / f.group * ly_block_B(t, f)) : (size_t)at * (size_t)ir_dtype_bytes(t);
}

/* Cost of one row. Fills the parts, flops, weights_B, unfused_B, footprint_B; launches = 1.
 * in_network: see the FLOP convention above. Traffic models: compulsory (the parts): each tensor of
 * the row once; a fused residual is one more input, fused bias and activation cost nothing; row scales of
 * one-byte weights are read; embedding: the rows gathered (a position row once for all sequences); attention:
 * q, k, v in, new k and v written, `past` cache rows read once, output; scores never leave the chip.
 * weights_B: every parameter the row reads: matrix, bias, gain, offset, row scales; of LY_EMBED in a network
 * the position rows only, because its table is the output head's and counted there. unfused_B: bias, residual
 * and activation each a pass that reads and writes the output; attention writes and reads the score matrix
 * (tokens x (past + tokens), f32) twice (scores, softmax). FLOP: causal pairs for attention, 4 dh each
 * (ly_pairs). Outside a network, per element: norm 8, softmax 5, ReLU 1, GELU 9 (tanh as one), add 1,
 * embedding 1, dropout 1 (the scaling; its mask is integers); a max pool r*s - 1 per output, an average pool
 * 1 per input. */
void ly_cost(const ly_row *, ir_dtype weights, bool in_network, ir_cost *out);
/* Cost of rows outside a network, run one after the other and `times` times over. Each row reads the output
 * of the one before; all outputs have one size. fused: one pass, intermediate values never leave the chip.
 * Else every row is a pass and a launch, and values alternate between one extra tensor and the output.
 * unfused_B is the traffic of the separate passes in both cases. */
void ly_chain_cost(const ly_row *, int n, int64_t times, bool fused, ir_cost *out);
/* FLOP that Winograd's F(4x4,3x3) takes of a 3x3 convolution of stride 1: it multiplies 36 times where 16
 * outputs would take 144, and transforms tiles of the input (in 12 directions of 19 FLOP) and of the output
 * (10 of 13). */
double ly_winograd_flops(const ly_row *);
/* Cost of a network: the sum over its rows. Weights that ly_reread() counts are left out; launches is the
 * number of rows. footprint_B: weights, cache and the largest live activations; the last alone
 * are the footprint_B of the parts of IN and OUT. */
void ly_net_cost(const ly_net *, ir_dtype weights, ir_cost *out);

/* IR_SKIP with a reason where a table has more than GPT-2's: RMS norms, rotary positions, shared heads of
 * keys, gates, weights in groups, a cache of another type than the weights ask for. */
ir_status ly_only_gpt(const ly_net *, ir_dtype weights);

/* ---- networks: fill a table; IR_EINVAL with a reason for impossible parameters --------------- */
/* v1.5, 53 convolutions with folded batch norm (W and bias), ReLU and residuals fused, 224x224 by default. */
ir_status ly_resnet50(int64_t batch, int64_t res, ly_net *out);
/* width: an index into ly_mobilenetv2_width, "1.0" first. */
enum { LY_MOBILENETV2_WIDTHS = 6 };
extern const char *const ly_mobilenetv2_width[LY_MOBILENETV2_WIDTHS + 1];
ir_status                ly_mobilenetv2(int64_t batch, int64_t res, int64_t width, ly_net *out);
/* Keyword spotting: the small DS-CNN of MLPerf Tiny; 49 x 10 values a second of sound. */
ir_status ly_dscnn(int64_t batch, ly_net *out);
typedef enum {
    LY_SMALL,
    LY_MEDIUM,
    LY_LARGE,
    LY_XL,
    LY_NSIZE,
    LY_TINY = LY_NSIZE
} ly_size; /* tiny: tests' shapes only */
typedef struct {
    const char *name;
    int64_t     layers, d, heads, ff, vocab, context;
} ly_gpt_shape;
extern const ly_gpt_shape ly_gpt2[LY_NSIZE + 1];

/* What a decoder is made of; a step's table follows (kernels/nets/decoder.c). */
typedef enum { LY_NO_BIAS, LY_QKV_BIAS, LY_ALL_BIAS } ly_biases;
typedef struct {
    const char *name;
    int64_t     layers, d, heads, kv_heads, ff, vocab, context;
    double      eps;     /* 0: 1e-5 */
    ly_act      act;     /* of the MLP */
    bool        gated;   /* MLP: down(act(gate(x)) * up(x)); else down(act(up(x))) */
    bool        rms;     /* RMS norms; else layer norms with offsets */
    bool        tied;    /* the head is the embedding's table */
    bool        learned; /* positions: a table; else `rope` */
    ly_rope     rope;
    ly_biases   biases;
    int64_t     experts, top; /* MLPs of each layer, and those of them that a token goes through; 0: one */
} ly_decoder_shape;
typedef struct {
    int64_t   batch, tokens, past;
    ly_format format;
    int       kv_plus1; /* 1 + dtype of the cache; 0: by the weights' */
} ly_step;
/* Llama-like shapes: RMS norms, rotary positions, grouped queries, SiLU gates. In words: ly_llama_word. */
enum { LY_LLAMA_TINY = 10, LY_NLLAMA };
extern const ly_decoder_shape ly_llama[LY_NLLAMA];
/* Fill the table of a step: `tokens` new tokens per sequence after `past` cached ones. tokens = 1 is a decode
 * step, past = 0 a prefill. The output head runs for the last token only. IR_EINVAL: heads that do not divide
 * d, kv_heads that do not divide heads, an odd rotary width, groups that do not divide d and ff, a cache of
 * blocks that do not divide d/heads, a context exceeded. Parameters of a Llama-like one:
 * layers (2 d^2 + 2 d kv_heads d/heads + 3 d ff + 2 d [+ biases]) + vocab d (2 if not tied) + d. */
ir_status ly_decoder(const ly_decoder_shape *, const ly_step *, ly_net *out);
/* Mixtral: a Llama-like decoder whose MLPs are mixtures of experts, and two smaller ones of its make. */
enum { LY_MIXTRAL_MINI, LY_MIXTRAL_8X7B, LY_NMIXTRAL, LY_MIXTRAL_TINY = LY_NMIXTRAL };
extern const ly_decoder_shape ly_mixtral[LY_NMIXTRAL + 1];
/* The same of GPT-2 and what has its architecture. Parameters:
 * layers (4 d^2 + 2 d ff + 9 d + ff) + (vocab + context) d + 2 d. */
ir_status ly_gpt(const ly_gpt_shape *, int64_t batch, int64_t tokens, int64_t past, ly_net *out);

#ifdef __cplusplus
}
#endif
#endif

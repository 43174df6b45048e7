/* networks.c -- whole networks as workloads: ResNet-50, MobileNetV2, a step of GPT-2, and one of a GPT of any
 * shape. */
#include "kernels/workloads/networks.h"

enum { BATCH, RES, CNN_WIDTH };
enum { SIZE, G_BATCH, TOKENS, PAST };
enum { LAYERS, WIDTH, HEADS, VOCAB, CONTEXT, S_BATCH, S_TOKENS, S_PAST };

static ir_status resnet50_net(const ir_params *p, ly_net *out)
{
    return ly_resnet50(p->v[BATCH], p->v[RES], out);
}
static ir_status mobilenetv2_net(const ir_params *p, ly_net *out)
{
    return ly_mobilenetv2(p->v[BATCH], p->v[RES], p->v[CNN_WIDTH], out);
}
static ir_status dscnn_net(const ir_params *p, ly_net *out) { return ly_dscnn(p->v[BATCH], out); }
static ir_status gpt2_net(const ir_params *p, ly_net *out)
{
    if (p->v[SIZE] < 0 || p->v[SIZE] > LY_TINY)
        return ir_fail(IR_EINVAL, "size=%lld: give small, medium, large or xl", (long long)p->v[SIZE]);
    return ly_gpt(&ly_gpt2[p->v[SIZE]], p->v[G_BATCH], p->v[TOKENS], p->v[PAST], out);
}

static ir_status resnet50_shared_net(const ir_params *p, ly_net *out)
{
    ir_status st = resnet50_net(p, out);
    if (st == IR_OK) ly_share(out, false);
    return st;
}
static ir_status gpt2_shared_net(const ir_params *p, ly_net *out)
{
    ir_status st = gpt2_net(p, out);
    if (st == IR_OK) ly_share(out, true);
    return st;
}

static ir_status gpt_net(const ir_params *p, ly_net *out)
{
    const int64_t     *v = p->v;
    const ly_gpt_shape g = {"gpt", v[LAYERS], v[WIDTH], v[HEADS], 4 * v[WIDTH], v[VOCAB], v[CONTEXT]};
    return ly_gpt(&g, v[S_BATCH], v[S_TOKENS], v[S_PAST], out);
}

ir_status net_valid(const ir_workload *self, const ir_params *p)
{
    ly_net    n;
    ir_status st = wl_net_of(self, p, &n);
    if (st != IR_OK) return st;
    st = nets_fits(self, (double)n.nW);
    if (st == IR_OK) st = nets_fits(self, (double)n.kv_elems);
    for (int b = 0; b < n.nbuf && st == IR_OK; b++) st = nets_fits(self, (double)n.buf[b]);
    ly_free(&n);
    return st;
}

/* Of parameters that net_valid() accepted. Without memory for a table of some hundred rows: nothing
 * known. */
ir_cost net_cost(const ir_workload *self, const ir_params *p)
{
    ly_net  n;
    ir_cost c = {0};
    if (wl_net_of(self, p, &n) != IR_OK) return c;
    ly_net_cost(&n, p->dtype, &c);
    ly_free(&n);
    return c;
}

int net_tensors(const ir_workload *self, const ir_params *p, ir_tensor *out)
{
    ly_net n;
    if (wl_net_of(self, p, &n) != IR_OK) return 0;
    ly_cache kv = net_cache(&n, p->dtype);
    int      count = n.kv_elems ? 5 : 4;
    out[NET_IN] = (ir_tensor){n.tokens_in  ? "tokens"
                              : n.index_at ? "features"
                                           : "images",
                              (size_t)n.in_elems * 4, IR_IN, IR_F32};
    out[NET_W] = (ir_tensor){"W", ly_W_B(&n, p->dtype), IR_IN, p->dtype};
    out[NET_V] = (ir_tensor){"V", (size_t)n.nV * 4, IR_IN, IR_F32};
    out[NET_OUT] = (ir_tensor){"logits", (size_t)n.out_elems * 4, IR_OUT, IR_F32};
    if (n.kv_elems) out[NET_KV] = (ir_tensor){"KV", ly_cache_B(&kv), IR_INOUT, kv.dtype};
    ly_free(&n);
    return count;
}

void net_fill_tensor(const ir_workload *self, const ir_params *p, int t, void *host, uint64_t seed)
{
    ly_net n;
    if (wl_net_of(self, p, &n) != IR_OK) return;
    net_fill(&n, p->dtype, t, host, seed);
    ly_free(&n);
}

bool net_is_intact(const ir_workload *self, const ir_params *p, int t, const void *after, uint64_t seed)
{
    ly_net n;
    if (t != NET_KV || wl_net_of(self, p, &n) != IR_OK) return false;
    bool same = net_intact(&n, p->dtype, after, seed);
    ly_free(&n);
    return same;
}

static const nets_kind resnet50_kind = {.net = resnet50_net};
static const nets_kind mobilenetv2_kind = {.net = mobilenetv2_net};
static const nets_kind dscnn_kind = {.net = dscnn_net};
static const nets_kind gpt2_kind = {.net = gpt2_net};
static const nets_kind gpt_kind = {.net = gpt_net};
static const nets_kind resnet50_shared_kind = {.net = resnet50_shared_net};
static const nets_kind gpt2_shared_kind = {.net = gpt2_shared_net};
#define CNN_TYPES (1u << IR_F32 | 1u << IR_TF32 | 1u << IR_F16 | 1u << IR_BF16)

/* batch, res */
#define SWEEP(t) \
    {{1, 224}, t, 0}, {{2, 224}, t, 0}, {{4, 224}, t, 0}, {{8, 224}, t, 0}, {{16, 224}, t, 0}, \
    { \
        {32, 224}, t, 0 \
    }
static const ir_params resnet50_quick[] = {{{1, 224}, IR_F32, 0}};
static const ir_params resnet50_full[] = {SWEEP(IR_F32), SWEEP(IR_BF16)};
static const ir_params resnet50_odd[] = {{{1, 32}, IR_F32, 0}, {{2, 39}, IR_F32, 0}};
static const ir_params mobilenetv2_quick[] = {{{1, 224}, IR_F32, 0}};
static const ir_params mobilenetv2_full[] = {
    SWEEP(IR_F32), {{1, 224, 1}, IR_F32, 0}, {{1, 224, 5}, IR_F32, 0}};
static const ir_params mobilenetv2_odd[] = {
    {{1, 32}, IR_F32, 0}, {{3, 45}, IR_F32, 0}, {{1, 40, 1}, IR_F32, 0}};
const ir_workload wl_resnet50 = {.name = "resnet50",
                                 .family = "cnn",
                                 .doc = "ResNet-50 v1.5 inference, batch norm folded: images to logits",
                                 .param = {"batch", "res"},
                                 .defaults = {{1, 224}, IR_F32, 0},
                                 .dtypes = CNN_TYPES,
                                 NETWORK(resnet50)};
const ir_workload wl_mobilenetv2 = {.name = "mobilenetv2",
                                    .family = "cnn",
                                    .doc = "MobileNetV2 inference, batch norm folded: images to logits",
                                    .param = {"batch", "res", "width"},
                                    .word = {[CNN_WIDTH] = ly_mobilenetv2_width},
                                    .defaults = {{1, 224}, IR_F32, 0},
                                    .dtypes = CNN_TYPES,
                                    NETWORK(mobilenetv2)};

static const ir_params dscnn_quick[] = {{{1}, IR_F32, 0}, {{32}, IR_F32, 0}};
static const ir_params dscnn_full[] = {{{1}, IR_F32, 0},  {{2}, IR_F32, 0},   {{4}, IR_F32, 0},
                                       {{8}, IR_F32, 0},  {{16}, IR_F32, 0},  {{32}, IR_F32, 0},
                                       {{64}, IR_F32, 0}, {{256}, IR_F32, 0}, {{1}, IR_F32, 1}};
static const ir_params dscnn_odd[] = {{{1}, IR_F32, 0}, {{3}, IR_F32, 0}};
const ir_workload      wl_dscnn = {.name = "dscnn",
                                   .family = "cnn",
                                   .doc = "DS-CNN, the keyword spotting of MLPerf Tiny, batch norm folded",
                                   .param = {"batch"},
                                   .defaults = {{1}, IR_F32, 0},
                                   .dtypes = CNN_TYPES,
                                   NETWORK(dscnn)};

/* size, batch, tokens, past */
#define DECODE(size, batch, past, t) \
    { \
        {size, batch, 1, past}, t, 0 \
    }
#define BATCHES(size, past, t) \
    DECODE(size, 1, past, t), DECODE(size, 2, past, t), DECODE(size, 4, past, t), DECODE(size, 8, past, t), \
        DECODE(size, 16, past, t), DECODE(size, 32, past, t)
static const char *const size_word[] = {"small", "medium", "large", "xl", NULL};
static const ir_params gpt2_quick[] = {DECODE(LY_SMALL, 1, 128, IR_F32), {{LY_SMALL, 1, 128, 0}, IR_F32, 0}};
static const ir_params gpt2_full[] = {
    BATCHES(LY_SMALL, 128, IR_F32),      BATCHES(LY_SMALL, 128, IR_BF16),
    BATCHES(LY_MEDIUM, 128, IR_F32),     BATCHES(LY_MEDIUM, 128, IR_BF16),
    DECODE(LY_SMALL, 1, 128, IR_I8),     DECODE(LY_MEDIUM, 1, 128, IR_I8),
    DECODE(LY_MEDIUM, 1, 0, IR_F32),     DECODE(LY_MEDIUM, 1, 1023, IR_F32),
    DECODE(LY_MEDIUM, 1, 1023, IR_BF16), DECODE(LY_MEDIUM, 8, 1023, IR_F32),
    DECODE(LY_LARGE, 1, 128, IR_F32),    DECODE(LY_LARGE, 1, 128, IR_BF16),
    DECODE(LY_LARGE, 1, 128, IR_I8),     DECODE(LY_XL, 1, 128, IR_F32),
    DECODE(LY_XL, 1, 128, IR_BF16),      DECODE(LY_XL, 1, 128, IR_I8),
    DECODE(LY_SMALL, 1, 128, IR_F8),     DECODE(LY_XL, 1, 128, IR_F8),
    {{LY_SMALL, 1, 512, 0}, IR_F32, 0},  {{LY_SMALL, 1, 512, 0}, IR_BF16, 0},
    {{LY_MEDIUM, 1, 512, 0}, IR_F32, 0}, {{LY_MEDIUM, 1, 512, 0}, IR_BF16, 0}};
static const ir_params gpt2_odd[] = {{{LY_TINY, 1, 1, 0}, IR_F32, 0},  {{LY_TINY, 1, 1, 47}, IR_F32, 0},
                                     {{LY_TINY, 3, 1, 17}, IR_F32, 0}, {{LY_TINY, 1, 48, 0}, IR_F32, 0},
                                     {{LY_TINY, 2, 13, 0}, IR_F32, 0}, {{LY_TINY, 2, 7, 9}, IR_F32, 0},
                                     {{LY_TINY, 17, 1, 5}, IR_F32, 0}};
const ir_workload      wl_gpt2 = {
         .name = "gpt2",
         .family = "gpt",
         .doc = "a step of GPT-2 with a key-value cache: tokens=1 decodes, past=0 prefills",
         .param = {"size", "batch", "tokens", "past"},
         .word = {[SIZE] = size_word},
         .defaults = DECODE(LY_SMALL, 1, 128, IR_F32),
         .dtypes = 1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16 | 1u << IR_F8 | 1u << IR_I8,
         NETWORK(gpt2)};

/* layers, width, heads, vocab, context, batch, tokens, past. GPT-3's shape of 6.7 G parameters; 39 such
 * layers are 8.07 G. */
#define GPT3(past, t) \
    { \
        {32, 4096, 32, 50257, 2048, 1, 1, past}, t, 0 \
    }
static const ir_params gpt_quick[] = {{{24, 1024, 16, 50257, 1024, 1, 1, 128}, IR_BF16, 0}};
static const ir_params gpt_full[] = {{{24, 2048, 16, 50257, 2048, 1, 1, 128}, IR_BF16, 0},
                                     GPT3(128, IR_BF16),
                                     GPT3(128, IR_F8),
                                     GPT3(128, IR_I8)};
static const ir_params gpt_odd[] = {{{1, 48, 3, 211, 20, 1, 1, 19}, IR_F32, 0},
                                    {{3, 96, 2, 99, 48, 2, 2, 9}, IR_F32, 0}};
const ir_workload      wl_gpt = {
         .name = "gpt",
         .family = "gpt",
         .doc = "a step of a GPT of any shape; by default GPT-3's with 6.7 G parameters; layers=39: 8 G",
         .param = {"layers", "width", "heads", "vocab", "context", "batch", "tokens", "past"},
         .defaults = GPT3(128, IR_BF16),
         .dtypes = 1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16 | 1u << IR_F8 | 1u << IR_I8,
         NETWORK(gpt)};

/* ---- variants -------------------------------------------------------------------------------- */
#define resnet50_shared_quick resnet50_quick
#define resnet50_shared_full  resnet50_full
static const ir_params resnet50_shared_odd[] = {{{2, 39}, IR_F32, 0}};
#define gpt2_shared_quick gpt2_quick
#define gpt2_shared_full  gpt2_full
static const ir_params gpt2_shared_odd[] = {{{LY_TINY, 3, 1, 17}, IR_F32, 0},
                                            {{LY_TINY, 2, 13, 0}, IR_F32, 0}};
const ir_workload      wl_resnet50_shared = {
         .name = "resnet50_shared",
         .family = "cnn",
         .doc = "a twin: ResNet-50 whose layers of one shape share one layer's weights",
         .param = {"batch", "res"},
         .defaults = {{1, 224}, IR_F32, 0},
         .dtypes = CNN_TYPES,
         .by_name = true,
         NETWORK(resnet50_shared)};
const ir_workload wl_gpt2_shared = {.name = "gpt2_shared",
                                    .family = "gpt",
                                    .doc = "a twin: GPT-2's step with all layers' matrices at one place",
                                    .param = {"size", "batch", "tokens", "past"},
                                    .word = {[SIZE] = size_word},
                                    .defaults = DECODE(LY_SMALL, 1, 128, IR_F32),
                                    .dtypes = 1u << IR_F32 | 1u << IR_F16 | 1u << IR_BF16 | 1u << IR_I8,
                                    .by_name = true,
                                    NETWORK(gpt2_shared)};

/* test_llama.c -- the Llama-like step: published counts and bytes of every named size and format; every
 * kernel, weight format and cache against the oracle on odd shapes, for every ISA; decoding against
 * prefilling, a batch against its sequences; broken kernels and impossible shapes are refused. */
#include "kernels/nets/format.h"
#include "kernels/nets/values.h"
#include "kernels/workloads/nets_util.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/cpu_device.h"
#include "tests/support/thin.h"

enum { MOST_THREADS = 3 };

/* ---- counts ---------------------------------------------------------------------------------- */
/* As published, or recounted from the published configurations: elements; multiply-accumulates of a decode
 * step after 128 and 0 tokens and of a prefill of 512; bytes of all matrices, the head's once. */
static const struct {
    const char *size;
    int64_t     params, streamed, kv_token, past128, past0, prefill, q4_0, q8_0, g128z, f32;
} sizes[] = {{"1b", 1235814400, 1235814400, 16384, 1244200960, 1235812352, 507085586432, 695107584,
              1312980992, 642009088, 67584},
             {"3b", 3212749824, 3212749824, 57344, 3234766848, 3212746752, 1466095632384, 1807073280,
              3413360640, 1669032960, 175104},
             {"8b", 8030261248, 7504928768, 65536, 7538475008, 7504920576, 3608364974080, 4221370368,
              7973699584, 3898904576, 266240},
             {"7b", 6738415616, 6607347712, 262144, 6640893952, 6607339520, 3350272671744, 3716481024,
              7020019712, 3432583168, 266240},
             {"13b", 13015864320, 12852029440, 409600, 12904448000, 12852019200, 6550093824000, 7229030400,
              13654835200, 6676812800, 414720},
             {"tinyllama", 1100048384, 1034514432, 11264, 1046044672, 1034510336, 507968487424, 581861376,
              1099071488, 537413632, 92160},
             {"mistral-7b", 7241732096, 7110664192, 65536, 7144210432, 7110656000, 3607970709504, 3999596544,
              7554793472, 3694071808, 266240},
             {"qwen-0.5b", 494032768, 494032768, 6144, 499509248, 494004224, 188991488000, 277853184,
              524833792, 256628288, 71552},
             {"qwen-1.5b", 1543714304, 1543714304, 14336, 1554665472, 1543655424, 682349887488, 868257792,
              1640042496, 801932544, 144896},
             {"70b", 70553706496, 69503041536, 163840, 69670797312, 69503025152, 35220118044672, 39094714368,
              73845571584, 36108312576, 1318912}};

static int64_t word_of(const ir_workload *w, int param, const char *word)
{
    for (int64_t i = 0; w->word[param][i]; i++)
        if (!strcmp(w->word[param][i], word)) return i;
    fail_msg("%s has no %s=%s", w->name, w->param[param], word);
    return -1;
}

static ir_params step(int64_t size, int64_t batch, int64_t tokens, int64_t past, ir_dtype t)
{
    return (ir_params){{[WL_SIZE] = size, [WL_BATCH] = batch, [WL_TOKENS] = tokens, [WL_PAST] = past}, t, 0};
}

static ir_params stored(ir_params p, const char *format, const char *kv)
{
    if (format) p.v[WL_FORMAT] = word_of(&wl_llama, WL_FORMAT, format);
    if (kv) p.v[WL_KV] = word_of(&wl_llama, WL_KV, kv);
    return p;
}

static ir_cost cost_of(ir_params p, ly_net *n)
{
    assert_int_equal(wl_llama.valid(&wl_llama, &p), IR_OK);
    assert_int_equal(wl_net_of(&wl_llama, &p, n), IR_OK);
    return wl_llama.cost(&wl_llama, &p);
}

static void same(double a, double b)
{
    if (a != b) fail_msg("%.17g, not %.17g", a, b);
}

static void counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t size = word_of(&wl_llama, WL_SIZE, sizes[i].size);
        ly_net        n;
        ir_cost       c = cost_of(step(size, 1, 1, 128, IR_F32), &n);
        assert_int_equal(n.params, sizes[i].params);
        assert_int_equal(n.kv_elems, sizes[i].kv_token * 129);
        same(c.flops / 2, (double)sizes[i].past128);
        same(c.weights_B / 4, (double)sizes[i].streamed);
        same(c.by_B[IR_BY_KV] / 4, (double)sizes[i].kv_token * 129);
        ly_free(&n);
        c = cost_of(step(size, 1, 1, 0, IR_F16), &n);
        same(c.flops / 2, (double)sizes[i].past0);
        same(c.by_B[IR_BY_KV] / 2, (double)sizes[i].kv_token);
        ly_free(&n);
        c = cost_of(step(size, 1, 512, 0, IR_BF16), &n);
        same(c.flops / 2, (double)sizes[i].prefill);
        ly_free(&n);
    }
    ly_net  n;
    ir_cost c = cost_of(step(LY_LLAMA_TINY, 1, 1, 0, IR_F32), &n);
    assert_int_equal(n.params, 172400);
    same(c.flops / 2, 155440);
    same(c.weights_B / 4, 155600);
    ly_free(&n);
}

/* Bytes of weights that a decode step reads: matrices; norms and biases in f32; of a table that is not the
 * head's the row of the token. */
static void bytes_of_formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t           size = word_of(&wl_llama, WL_SIZE, sizes[i].size);
        const ly_decoder_shape *g = &ly_llama[size];
        const struct {
            const char *format;
            ir_dtype    t;
            int64_t     matrices;
            double      bits;
        } f[] = {{"g32", IR_I4, sizes[i].q4_0, 4.5},
                 {"g32", IR_I8, sizes[i].q8_0, 8.5},
                 {"g128z", IR_I4, sizes[i].g128z, 4.15625}};
        for (size_t k = 0; k < 3; k++) {
            ir_tensor t[IR_MAX_TENSORS];
            ir_params p = stored(step(size, 1, 1, 0, f[k].t), f[k].format, NULL);
            ly_net    n;
            ir_cost   c = cost_of(p, &n);
            same(c.weights_B, (double)f[k].matrices + 4 * (double)sizes[i].f32 +
                                  (g->tied ? 0 : (double)g->d * f[k].bits / 8));
            wl_llama.tensors(&wl_llama, &p, t);
            double table = g->tied ? 0 : (double)(g->d * g->vocab) * f[k].bits / 8;
            assert_num((double)t[1].bytes, >=, (double)f[k].matrices + table);
            assert_num((double)t[1].bytes, <=, (double)f[k].matrices + table + 128 * n.n);
            ly_free(&n);
        }
    }
}

/* Bytes per weight, by hand. */
static void bytes_of_blocks(void **state)
{
    (void)state;
    static const struct {
        ir_dtype  t;
        ly_format f;
        double    bits;
    } block[] = {{IR_I4, {32, false}, 4.5},   {IR_I4, {32, true}, 4.625},   {IR_I4, {64, false}, 4.25},
                 {IR_I4, {64, true}, 4.3125}, {IR_I4, {128, false}, 4.125}, {IR_I4, {128, true}, 4.15625},
                 {IR_I8, {32, false}, 8.5},   {IR_I8, {64, false}, 8.25},   {IR_I8, {128, false}, 8.125},
                 {IR_BF16, {0, false}, 16},   {IR_F8, {0, false}, 8}};
    for (size_t i = 0; i < sizeof block / sizeof *block; i++)
        same(ly_weights_B(block[i].t, block[i].f, 1024) * 8, 1024 * block[i].bits);
    same(ly_kv_B(IR_I8) * 262144, 278528); /* a token of Llama-2-7B in blocks of int8 */
}

/* A block of each format written by hand. */
static void formats_read_back(void **state)
{
    (void)state;
    unsigned char b[2 * 18 + 1] = {0};
    float         x[64];
    b[1] = b[19] = 0x38;   /* f16 0.5 */
    b[2] = 0xF1;           /* elements 0: 1, 16: 15 */
    b[18 + 2 + 15] = 0x0A; /* elements 47: 10, 63: 0 */
    b[36] = 0x72;          /* zero points 2 and 7 */
    ly_stored s = {IR_I4, {32, false}, 64, b};
    ly_load_stored(&s, 0, 64, x);
    assert_true(x[0] == -3.5f && x[16] == 3.5f && x[1] == -4 && x[47] == 1 && x[63] == -4);
    s.f.zeros = true;
    ly_load_stored(&s, 0, 64, x);
    assert_true(x[0] == -0.5f && x[16] == 6.5f && x[1] == -1 && x[47] == 1.5f && x[63] == -3.5f);
    b[2] = 0x80;
    s = (ly_stored){IR_I8, {32, false}, 32, b};
    ly_load_stored(&s, 0, 32, x);
    assert_true(x[0] == -64 && x[1] == 0);
}

/* Llama 3.2's frequencies: high ones kept, low ones divided, the middle blended. */
static void frequencies(void **state)
{
    (void)state;
    const ly_rope *p = &ly_llama[0].rope;
    const ly_rope  plain = {LY_ROPE_HALVES, p->theta, 0, 0, 0, 0};
    int            kept = 0, divided = 0, between = 0;
    for (int64_t i = 0; i < 32; i++) {
        double f = ly_rope_frequency(p, 64, i), g = ly_rope_frequency(&plain, 64, i);
        assert_true(fabs(g * pow(500000, (double)i / 32) - 1) < 1e-12);
        kept += f == g;
        divided += f == g / 32;
        between += f < g && f > g / 32;
    }
    assert_int_equal(kept + divided + between, 32);
    assert_true(kept >= 14 && divided >= 10 && between >= 2);
}

/* ---- against the oracle ---------------------------------------------------------------------- */
/* Every kernel of the family that is not a library's. err: the largest of "exact", to its tolerance. */
static int verify(device *d, ir_params p, size_t misalign, double *err)
{
    int ran = 0;
    for (size_t k = 0; cpu_backend.kernels[k]; k++) {
        const ir_kernel *it = cpu_backend.kernels[k];
        ir_check         c;
        if (strcmp(it->family, "gpt") || it->flags & IR_K_LIB) continue;
        ir_status s = verify_kernel(d, &wl_llama, k, &p, misalign);
        if (s == IR_SKIP) continue;
        ran++;
        if (strcmp(it->name, "exact")) continue;
        assert_int_equal(ir_verify(&d->dev, &wl_llama, it, &p, 7, misalign, &c), IR_OK);
        *err = fmax(*err, c.err / c.tol);
    }
    return ran;
}

static void odd_shapes(void **state)
{
    (void)state;
    static const ir_dtype types[] = {IR_I4, IR_BF16, IR_I8, IR_F8};
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        for (size_t i = 0; i < wl_llama.nodd; i++) {
            device    d;
            double    err = 0;
            ir_params p = wl_llama.odd[i];
            if (thin_skips("llama odd", i)) continue;
            open_device(&d, (cpu_isa)isa, 1 + (int)i % MOST_THREADS);
            assert_num(verify(&d, p, i % 2, &err), >=, 2);
            p.dtype = types[(i + (size_t)isa) % 4];
            assert_num(verify(&d, p, 0, &err), >=, 2);
            close_device(&d);
        }
    }
}

/* layers, width, heads, kv_heads, ff, vocab, theta, pairs, head */
#define WIDE OTHER_SIZE, 2, 128, 4, 2, 384, 67, 1000, 1 + 1, 2
#define DEEP OTHER_SIZE, 1, 256, 4, 1, 128, 131, 50, 1, 1
enum { OTHER_SIZE = LY_NLLAMA };

static void formats_and_caches(void **state)
{
    (void)state;
    static const struct {
        ir_dtype    t;
        const char *format, *kv;
        ir_params   p;
    } c[] = {
        {IR_I4, "g32", NULL, {{WIDE, 1, 1, 9}, 0, 0}},     {IR_I4, "g32z", "i8", {{WIDE, 2, 1, 40}, 0, 0}},
        {IR_I4, "g64", "f32", {{WIDE, 1, 5, 3}, 0, 0}},    {IR_I4, "g64z", "f16", {{WIDE, 3, 3, 0}, 0, 0}},
        {IR_I4, "g128", "bf16", {{DEEP, 1, 1, 70}, 0, 0}}, {IR_I4, "g128z", "i8", {{DEEP, 1, 7, 66}, 0, 0}},
        {IR_I8, "g32", "i8", {{WIDE, 1, 1, 129}, 0, 0}},   {IR_I8, "g64", NULL, {{WIDE, 5, 1, 9}, 0, 0}},
        {IR_I8, "g128", NULL, {{DEEP, 1, 9, 0}, 0, 0}},    {IR_I4, "g32", NULL, {{WIDE, 1, 34, 0}, 0, 0}},
        {IR_I4, "g128z", NULL, {{DEEP, 3, 12, 2}, 0, 0}},  {IR_I8, "g32", NULL, {{DEEP, 1, 35, 0}, 0, 0}},
        {IR_F32, NULL, "i8", {{WIDE, 2, 3, 65}, 0, 0}},    {IR_F32, NULL, "f16", {{WIDE, 1, 1, 300}, 0, 0}},
        {IR_BF16, NULL, "f32", {{DEEP, 1, 2, 5}, 0, 0}},   {IR_F8, "row", "i8", {{WIDE, 1, 1, 9}, 0, 0}},
        {IR_F8, NULL, NULL, {{DEEP, 1, 40, 0}, 0, 0}},     {IR_I8, "row", "bf16", {{WIDE, 4, 1, 9}, 0, 0}}};
    double worst = 0;
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
            device    d;
            ir_params p = c[i].p;
            double    err = 0;
            if (thin_skips("llama formats", i)) continue;
            p.dtype = c[i].t;
            open_device(&d, (cpu_isa)isa, 1 + (int)i % MOST_THREADS);
            assert_num(verify(&d, stored(p, c[i].format, c[i].kv), i % 2 ? 3 : 0, &err), >=, 2);
            if (c[i].t == IR_I4 || (c[i].t == IR_I8 && c[i].format[0] == 'g')) worst = fmax(worst, err);
            close_device(&d);
        }
    }
    /* f32 activations are far inside what int8 ones are allowed: only the cache rounds. */
    if (!(worst < 0.25)) fail_msg("exact kernels use %g of the tolerance", worst);
}

/* ---- one network, other batches and steps ---------------------------------------------------- */
typedef struct {
    ir_run r;
    ly_net net;
    size_t bytes[5];
} bound;

static void bind(bound *b, device *d, const char *kernel, ir_params p)
{
    ir_tensor t[IR_MAX_TENSORS];
    p.threads = d->cpu.nthreads;
    memset(b, 0, sizeof *b);
    b->r = (ir_run){.workload = &wl_llama,
                    .kernel = kernel_named(&cpu_backend, "gpt", kernel),
                    .dev = &d->dev,
                    .p = p,
                    .nmem = 5};
    assert_int_equal(wl_llama.valid(&wl_llama, &p), IR_OK);
    assert_int_equal(wl_llama.tensors(&wl_llama, &p, t), 5);
    assert_int_equal(wl_net_of(&wl_llama, &p, &b->net), IR_OK);
    for (int i = 0; i < 5; i++) {
        b->bytes[i] = t[i].bytes;
        b->r.mem[i] = (ir_mem){.p = calloc(1, t[i].bytes), .bytes = t[i].bytes};
        assert_non_null(b->r.mem[i].p);
        if (t[i].role != IR_OUT) wl_llama.fill(&wl_llama, &p, i, b->r.mem[i].p, 3);
    }
}

static void go(bound *b)
{
    assert_int_equal(b->r.kernel->setup(&b->r), IR_OK);
    assert_int_equal(b->r.kernel->run(&b->r, 1), IR_OK);
    b->r.kernel->teardown(&b->r);
    b->r.kernel->teardown(&b->r); /* idempotent */
}

static void unbind(bound *b)
{
    for (int i = 0; i < 5; i++) free(b->r.mem[i].p);
    ly_free(&b->net);
}

/* The first `rows` cached rows of sequence sa of a become those of sequence sb of b. */
static void move_cache(const bound *a, int64_t sa, bound *b, int64_t sb, int64_t rows)
{
    const ly_row *r = NULL;
    int64_t       blocks = 0;
    for (int i = 0; i < a->net.n; i++)
        if (a->net.row[i].op == LY_ATTENTION) r = &a->net.row[i], blocks++;
    assert_non_null(r);
    const ly_cache c = {.dh = r->dh, .dtype = ly_row_kv(r, a->r.p.dtype)};
    const int64_t  row_B = ly_cache_row_B(&c), heads = ly_kv_heads(r);
    const char    *from = a->r.mem[4].p;
    char          *to = b->r.mem[4].p;
    for (int64_t plane = 0; plane < 2 * blocks; plane++)
        for (int64_t h = 0; h < heads; h++)
            memcpy(to + ((plane * b->r.p.v[WL_BATCH] + sb) * heads + h) * b->net.kv_cap * row_B,
                   from + ((plane * a->r.p.v[WL_BATCH] + sa) * heads + h) * a->net.kv_cap * row_B,
                   (size_t)(rows * row_B));
}

static double apart(const float *a, const float *b, int64_t n)
{
    double diff = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        diff += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        sum += (double)b[i] * (double)b[i];
    }
    assert_true(sum > 0);
    return sqrt(diff / sum);
}

/* Tokens one by one give what tokens at once give. */
static void decode_is_prefill(void **state)
{
    (void)state;
    enum { N = 9 };
    static const struct {
        const char *kernel;
        ir_params   p;
        double      most;
    } c[] = {{"naive", {{WIDE}, IR_F32, 0}, 1e-5},
             {"stream", {{WIDE}, IR_F32, 0}, 1e-5},
             {"stream", {{DEEP}, IR_BF16, 0}, 1e-2},
             {"stream", {{WIDE}, IR_I4, 0}, 1e-2},
             {"exact", {{DEEP}, IR_I4, 0}, 1e-2}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        device    d;
        bound     all, one = {0}, next;
        ir_params p = c[i].p;
        open_device(&d, cpu_isa_best(), 2);
        p.v[WL_BATCH] = 1;
        p.v[WL_TOKENS] = N;
        bind(&all, &d, c[i].kernel, p);
        go(&all);
        for (int64_t k = 0; k < N; k++) {
            p.v[WL_TOKENS] = 1;
            p.v[WL_PAST] = k;
            bind(&next, &d, c[i].kernel, p);
            if (k) move_cache(&one, 0, &next, 0, k);
            if (k) unbind(&one);
            one = next;
            ((int32_t *)one.r.mem[0].p)[0] = ((int32_t *)all.r.mem[0].p)[k];
            go(&one);
        }
        double off = apart(one.r.mem[3].p, all.r.mem[3].p, all.net.out_elems);
        if (!(off <= c[i].most)) fail_msg("%s, case %zu: decoding is off by %g", c[i].kernel, i, off);
        unbind(&one);
        unbind(&all);
        close_device(&d);
    }
}

static void batch_is_its_sequences(void **state)
{
    (void)state;
    enum { B = 3, TOKENS = 2, PAST = 5 };
    static const char *const kernels[] = {"naive", "stream"};
    static const ir_dtype    types[] = {IR_F32, IR_I4};
    for (int k = 0; k < 2; k++) {
        device    d;
        bound     all, one, fresh;
        ir_params p = {{WIDE, B, TOKENS, PAST}, types[k], 0}, single = p;
        single.v[WL_BATCH] = 1;
        open_device(&d, cpu_isa_best(), 2);
        bind(&all, &d, kernels[k], p);
        bind(&fresh, &d, kernels[k], p);
        go(&all);
        for (int64_t i = 0; i < B; i++) {
            bind(&one, &d, kernels[k], single);
            memcpy(one.r.mem[0].p, (int32_t *)all.r.mem[0].p + i * TOKENS, 4 * TOKENS);
            move_cache(&fresh, i, &one, 0, PAST);
            go(&one);
            double off =
                apart((float *)all.r.mem[3].p + i * one.net.out_elems, one.r.mem[3].p, one.net.out_elems);
            if (!(off < 1e-5)) fail_msg("%s: sequence %d of the batch is off by %g", kernels[k], (int)i, off);
            unbind(&one);
        }
        unbind(&fresh);
        unbind(&all);
        close_device(&d);
    }
}

/* ---- broken kernels -------------------------------------------------------------------------- */
typedef enum {
    FINE,
    LAYER_NORM_EPS,
    OTHER_PAIRS,
    NO_ROPE,
    OTHER_THETA,
    NO_GATE,
    NO_SILU,
    ONE_HEAD_LESS,
    WRONG_GROUP,
    NO_ZEROS,
    LATE,
    NFAULT
} fault;
static fault broken;

static void bend(ly_net *n)
{
    for (int i = 0; i < n->n; i++) {
        ly_row *r = &n->row[i];
        if (broken == LAYER_NORM_EPS && r->op == LY_NORM) r->eps = 1;
        if (broken == OTHER_PAIRS && r->rope.pairs)
            r->rope.pairs = r->rope.pairs == LY_ROPE_EVEN ? LY_ROPE_HALVES : LY_ROPE_EVEN;
        if (broken == NO_ROPE) r->rope.pairs = LY_ROPE_NONE;
        if (broken == OTHER_THETA) r->rope.theta *= 3;
        if (broken == NO_GATE && r->gate) r->gate = false;
        if (broken == NO_SILU && r->act == LY_SILU) r->act = LY_ID;
        if (broken == WRONG_GROUP && r->op == LY_FC && r->k == r->c) r->W_at += 64;
        if (broken == NO_ZEROS) r->format.zeros = false;
        if (broken == LATE && r->op == LY_ATTENTION) r->block = 0;
        if (broken == ONE_HEAD_LESS && r->op == LY_ATTENTION) r->kv_heads = 0, r->heads /= 2, r->dh *= 2;
    }
}

static ir_status bent_net(const ir_params *p, ly_net *out)
{
    ir_status st = wl_net_of(&wl_llama, p, out);
    if (st == IR_OK) bend(out);
    return st;
}

static ir_status bent_setup(ir_run *r)
{
    static nets_kind   kind = {.net = bent_net};
    static ir_workload bent;
    bent = wl_llama;
    bent.ext = &kind;
    const ir_workload *own = r->workload;
    r->workload = &bent;
    ir_status st = kernel_named(&cpu_backend, "gpt", "naive")->setup(r);
    r->workload = own;
    return st;
}

static void wrong_kernels_are_caught(void **state)
{
    (void)state;
    ir_kernel k = *kernel_named(&cpu_backend, "gpt", "naive");
    device    d;
    open_device(&d, CPU_PORTABLE, 1);
    k.setup = bent_setup;
    for (int t = 0; t < 2; t++)
        for (broken = FINE; broken < NFAULT; broken++) {
            ir_params p = {{WIDE, 2, 3, 8}, t ? IR_I4 : IR_F32, 0};
            ir_check  c;
            if (!t && (broken == NO_ZEROS || broken == WRONG_GROUP)) continue;
            if (broken == ONE_HEAD_LESS) p.v[WL_KV_HEADS] = 4;
            if (t) p = stored(p, "g32z", NULL);
            ir_status st = ir_verify(&d.dev, &wl_llama, &k, &p, 3, 0, &c);
            if (broken == FINE ? st != IR_OK : st != IR_ECHECK)
                fail_msg("fault %d, %s: %s, error %g of %g", (int)broken, ir_dtype_name(p.dtype),
                         ir_status_name(st), c.err, c.tol);
        }
    close_device(&d);
}

/* ---- impossible ------------------------------------------------------------------------------ */
static void refuse(ir_params p, const char *words)
{
    assert_int_equal(wl_llama.valid(&wl_llama, &p), IR_EINVAL);
    if (!strstr(ir_why(), words)) fail_msg("\"%s\" does not say \"%s\"", ir_why(), words);
}

static void refusals(void **state)
{
    (void)state;
    const ir_params ok = {{WIDE, 1, 1, 9}, IR_F32, 0};
    assert_int_equal(wl_llama.valid(&wl_llama, &ok), IR_OK);
    static const struct {
        int         param;
        int64_t     v;
        ir_dtype    t;
        const char *words;
    } bad[] = {{WL_HEADS, 3, IR_F32, "heads=3: a divisor of the width 128"},
               {WL_KV_HEADS, 3, IR_F32, "kv_heads=3: a divisor of the 4 heads"},
               {WL_HEADS, 128, IR_F32, "rotary positions turn pairs"},
               {WL_VOCAB, 1 << 25, IR_F32, "vocab=33554432"},
               {WL_PAST, 131072, IR_F32, "the context holds 131072"},
               {WL_LAYERS, -1, IR_F32, "layers=-1"},
               {WL_FF, 48, IR_I4, "groups of 32 weights"},
               {WL_FORMAT, 3, IR_F32, "format=g32: groups are of i4 or i8, not of f32"},
               {WL_FORMAT, 6, IR_I8, "format=g32z: zero points are for i4"},
               {WL_FORMAT, 1, IR_I4, "format=none: weights in i4 need scales"},
               {WL_FORMAT, 2, IR_BF16, "format=row"},
               {WL_THETA, -3, IR_F32, "theta=-3"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ir_params p = ok;
        p.v[bad[i].param] = bad[i].v;
        p.dtype = bad[i].t;
        refuse(p, bad[i].words);
    }
    ir_params p = stored(ok, NULL, "i8");
    p.v[WL_WIDTH] = 64;
    refuse(p, "a cache in i8 has blocks of 32");
    refuse(step(LY_LLAMA_TINY, 1, 40, 9, IR_F32), "the context holds 48");
}

/* What follows from other keys is filled in; a shape of no named size is "other". */
static void keys_are_completed(void **state)
{
    (void)state;
    ir_params p = step(0, 1, 1, 5, IR_I4);
    wl_llama.complete(&wl_llama, &p);
    assert_int_equal(p.v[WL_LAYERS], 16);
    assert_int_equal(p.v[WL_THETA], 500000);
    assert_string_equal(ir_param_word(&wl_llama, WL_SIZE, p.v[WL_SIZE]), "1b");
    assert_string_equal(ir_param_word(&wl_llama, WL_FORMAT, p.v[WL_FORMAT]), "g32");
    assert_string_equal(ir_param_word(&wl_llama, WL_HEAD, p.v[WL_HEAD]), "tied");
    assert_string_equal(ir_param_word(&wl_llama, WL_KV, p.v[WL_KV]), "bf16");
    p = step(0, 1, 1, 5, IR_F32);
    p.v[WL_WIDTH] = 64;
    wl_llama.complete(&wl_llama, &p);
    assert_string_equal(ir_param_word(&wl_llama, WL_SIZE, p.v[WL_SIZE]), "other");
    for (int64_t i = 0; i < LY_NLLAMA; i++)
        assert_string_equal(ly_llama[i].name, ir_param_word(&wl_llama, WL_SIZE, i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts),
                                       cmocka_unit_test(bytes_of_formats),
                                       cmocka_unit_test(bytes_of_blocks),
                                       cmocka_unit_test(formats_read_back),
                                       cmocka_unit_test(frequencies),
                                       cmocka_unit_test(odd_shapes),
                                       cmocka_unit_test(formats_and_caches),
                                       cmocka_unit_test(decode_is_prefill),
                                       cmocka_unit_test(batch_is_its_sequences),
                                       cmocka_unit_test(wrong_kernels_are_caught),
                                       cmocka_unit_test(refusals),
                                       cmocka_unit_test(keys_are_completed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

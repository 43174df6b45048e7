/* test_llama.c -- the Llama-like step's table: published counts and bytes of every named size and format;
 * blocks read back; frequencies of rotary positions; keys completed; impossible shapes refused. */
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

#include "tests/llama_points.h"

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
        same(ir_cost_of(&c, IR_OF_KV) / 4, (double)sizes[i].kv_token * 129);
        ly_free(&n);
        c = cost_of(step(size, 1, 1, 0, IR_F16), &n);
        same(c.flops / 2, (double)sizes[i].past0);
        same(ir_cost_of(&c, IR_OF_KV) / 2, (double)sizes[i].kv_token);
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
                                       cmocka_unit_test(refusals),
                                       cmocka_unit_test(keys_are_completed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

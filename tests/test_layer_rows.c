/* test_layer_rows.c -- the cost of single rows: formulas by hand on small shapes, key-value caches by dtype,
 * e4m3 from its fields; every new cache row is held against the reference; activations in an arena do not
 * meet. */
#include "kernels/nets/oracle.h"
#include "kernels/nets/values.h"
#include "kernels/workloads/workloads_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/asserts.h"

static void same(double got, double want)
{
    if (got != want) fail_msg("%.17g, not %.17g", got, want);
}

/* ---- rows ------------------------------------------------------------------------------------ */
static ir_cost row_cost(const ir_workload *w, ir_params p)
{
    assert_int_equal(w->valid(w, &p), IR_OK);
    return w->cost(w, &p);
}

static void conv_by_hand(void **state)
{
    (void)state;
    /* 2 images 5x7x6, 8 filters 3x2x3 in 2 groups, stride 2, pad 1: 3x4 outputs */
    ir_params p = {{2, 5, 7, 6, 8, 3, 2, 2, 1, 2, WL_FUSED}, IR_F32, 0};
    ir_cost   c = row_cost(&wl_conv, p);
    double    out = 2 * 3 * 4 * 8, in = 2 * 5 * 7 * 6, W = 8 * 3 * 2 * 3;
    same(c.flops, 2 * out * 3 * 2 * 3);
    same(ir_cost_weights_B(&c), 4 * W);
    same(ir_cost_of(&c, IR_OF_IN), 4 * in);
    same(ir_cost_of(&c, IR_OF_OUT), 4 * out);
    same(c.weights_B, 4 * (W + 8));
    same(c.unfused_B, 4 * (W + in + out) + 2 * 2 * 4 * out);
    same(ir_cost_read_B(&c), 4 * (W + in));
    same(ir_cost_write_B(&c), 4 * out);
    p.dtype = IR_BF16;
    same(row_cost(&wl_conv, p).part[IR_OF_WEIGHTS].read_B, 2 * W);
    p.dtype = IR_F32;
    p.v[10] = WL_UNFUSED; /* what fused counts as unfused_B is its own traffic */
    ir_cost u = row_cost(&wl_conv, p);
    same(ir_cost_B(&u), c.unfused_B);
    same(u.launches, 3);
}

static void attention_by_hand(void **state)
{
    (void)state;
    /* 2 sequences, 3 heads of 4, 5 new tokens after 7: token t sees 8 + t keys */
    ir_params p = {{2, 3, 4, 5, 7}, IR_F32, 0};
    ir_cost   c = row_cost(&wl_attention, p);
    double    pairs = 8 + 9 + 10 + 11 + 12, row = 2 * 3 * 4;
    same(c.flops, 2 * 2 * 4 * pairs * 2 * 3);
    same(ir_cost_of(&c, IR_OF_IN), 4 * 3 * 5 * row);
    same(ir_cost_of(&c, IR_OF_OUT), 4 * 5 * row);
    same(ir_cost_of(&c, IR_OF_KV), 4 * 2 * row * 12);
    same(ir_cost_read_B(&c), 4 * (3 * 5 * row + 2 * row * 7));
    same(ir_cost_write_B(&c), 4 * (5 * row + 2 * row * 5));
    same(c.unfused_B, ir_cost_B(&c) + 4 * 4 * (2 * 3 * 5 * 12.0));
    same(c.weights_B, 0);
    p.dtype = IR_BF16;
    c = row_cost(&wl_attention, p);
    same(ir_cost_of(&c, IR_OF_KV), 2 * 2 * row * 12);
}

static void rows_by_hand(void **state)
{
    (void)state;
    ir_cost c = {0};
    for (int f8 = 0; f8 < 2; f8++) {
        c = row_cost(&wl_linear, (ir_params){{3, 10, 7}, f8 ? IR_F8 : IR_I8, 0});
        same(c.flops, 2 * 3 * 10 * 7);
        same(ir_cost_weights_B(&c), 70 + 4 * 7);
        same(c.weights_B, 70 + 4 * 7 + 4 * 7);
        same(ir_cost_B(&c), 70 + 28 + 4 * 30 + 4 * 21);
        same(c.unfused_B, ir_cost_B(&c) + 8 * 21);
    }
    c = row_cost(&wl_norm, (ir_params){{3, 10}, IR_F32, 0});
    same(c.flops, 8 * 30);
    same(ir_cost_read_B(&c), 4 * (30 + 20));
    same(ir_cost_write_B(&c), 4 * 30);
    c = row_cost(&wl_softmax, (ir_params){{3, 10}, IR_F32, 0});
    same(c.flops, 5 * 30);
    same(ir_cost_B(&c), 240);
    same(row_cost(&wl_act, (ir_params){{3, 10, 0}, IR_F32, 0}).flops, 30);
    same(row_cost(&wl_act, (ir_params){{3, 10, 1}, IR_F32, 0}).flops, 270);
    c = row_cost(&wl_chain, (ir_params){{30, 3, WL_CHAIN_FUSED}, IR_F32, 0});
    same(c.flops, 2 * 3 * 30);
    same(ir_cost_B(&c), 240);
    same(c.unfused_B, 3 * 240);
    same(c.launches, 1);
    c = row_cost(&wl_chain, (ir_params){{30, 3, WL_CHAIN_UNFUSED}, IR_F32, 0});
    same(c.flops, 2 * 3 * 30);
    same(ir_cost_B(&c), 3 * 240);
    same(c.launches, 3);
    same(c.footprint_B, 360); /* x, y and one between */
    c = row_cost(&wl_normchain, (ir_params){{3, 10, WL_CHAIN_FUSED, 10}, IR_F32, 0});
    same(c.flops, (8 + 1 + 1) * 30);    /* norm, dropout, ReLU */
    same(ir_cost_read_B(&c), 120 + 80); /* gain and offset */
    same(ir_cost_write_B(&c), 120);
    same(ir_cost_weights_B(&c), 80);
    same(c.unfused_B, 3 * 240 + 80);
    same(c.footprint_B, 320);
    same(c.launches, 1);
    c = row_cost(&wl_normchain, (ir_params){{3, 10, WL_CHAIN_UNFUSED, 10}, IR_F32, 0});
    same(c.flops, 10 * 30);
    same(ir_cost_read_B(&c), 360 + 80);
    same(ir_cost_write_B(&c), 360);
    same(ir_cost_wa_B(&c), 360);
    same(c.footprint_B, 360 + 80);
    same(c.launches, 3);
    c = row_cost(&wl_add2, (ir_params){{3, 10}, IR_F32, 0});
    same(c.flops, 30);
    same(ir_cost_read_B(&c), 240);
    c = row_cost(&wl_embed, (ir_params){{3, 10, 99}, IR_F32, 0});
    same(c.flops, 30);
    same(ir_cost_weights_B(&c), 4 * (30 + 30)); /* table rows and position rows */
    same(ir_cost_of(&c, IR_OF_IN), 12);
    same(ir_cost_write_B(&c), 120);
}

static void pools_by_hand(void **state)
{
    (void)state;
    ir_cost c;
    ly_row  r = {.op = LY_MAXPOOL,
                 .batch = 2,
                 .h = 6,
                 .w = 4,
                 .c = 3,
                 .k = 3,
                 .r = 3,
                 .s = 2,
                 .oh = 2,
                 .ow = 2,
                 .add = LY_NONE};
    ly_cost(&r, IR_F32, false, &c);
    same(c.flops, 5 * 2 * 4 * 3);
    same(ir_cost_read_B(&c), 4 * 2 * 24 * 3);
    same(ir_cost_write_B(&c), 4 * 2 * 4 * 3);
    r.op = LY_AVGPOOL;
    ly_cost(&r, IR_F32, false, &c);
    same(c.flops, 2 * 24 * 3);
    ly_cost(&r, IR_F32, true, &c);
    same(c.flops, 0);
}

/* 3x3 over 7x7 with padding 1: of 21 taps an axis, 19 meet the image. */
static void padding_by_hand(void **state)
{
    (void)state;
    ir_cost c;
    ly_row  r = {.op = LY_CONV,
                 .batch = 2,
                 .h = 7,
                 .w = 7,
                 .c = 5,
                 .k = 4,
                 .r = 3,
                 .s = 3,
                 .stride = 1,
                 .pad = 1,
                 .pad_w = 1,
                 .groups = 1,
                 .oh = 7,
                 .ow = 7,
                 .add = LY_NONE,
                 .b_at = -1};
    ly_cost(&r, IR_F32, true, &c);
    same(c.flops, 2 * 2 * 4 * 5 * 21 * 21);
    same(c.spare_flops, 2 * 2 * 4 * 5 * (21 * 21 - 19 * 19));
    r.pad = r.pad_w = 0;
    r.oh = r.ow = 5;
    ly_cost(&r, IR_F32, true, &c);
    same(c.spare_flops, 0);
}

static void kv_dtypes(void **state)
{
    (void)state;
    assert_int_equal(ly_kv_dtype(IR_F32), IR_F32);
    assert_int_equal(ly_kv_dtype(IR_F64), IR_F32);
    assert_int_equal(ly_kv_dtype(IR_TF32), IR_F32);
    assert_int_equal(ly_kv_dtype(IR_F16), IR_F16);
    assert_int_equal(ly_kv_dtype(IR_BF16), IR_BF16);
    assert_int_equal(ly_kv_dtype(IR_I8), IR_BF16);
    assert_int_equal(ly_kv_dtype(IR_F8), IR_BF16);
}

/* Every e4m3 number from its fields, and back; ties to even; beyond 448 the largest. */
static void f8_from_its_fields(void **state)
{
    (void)state;
    for (int q = 0; q < 256; q++) {
        int    e = q >> 3 & 15, m = q & 7;
        float  f = ly_f8_to_f32((uint8_t)q);
        double want = e ? ldexp(8 + m, e - 10) : ldexp(m, -9);
        if ((q & 0x7F) == 0x7F) {
            assert_true(isnan(f));
            continue;
        }
        assert_num((double)f, ==, (q & 0x80 ? -want : want));
        assert_num(!signbit(f), ==, !(q & 0x80));
        assert_int_equal(ly_f32_to_f8(f), q);
    }
    for (int q = 0; q < 0x7E; q++) {
        float a = ly_f8_to_f32((uint8_t)q), b = ly_f8_to_f32((uint8_t)(q + 1)), mid = a + (b - a) / 2;
        assert_int_equal(ly_f32_to_f8(mid), q + (q & 1));
        assert_int_equal(ly_f32_to_f8(nextafterf(mid, 0)), q);
        assert_int_equal(ly_f32_to_f8(nextafterf(mid, INFINITY)), q + 1);
    }
    assert_int_equal(ly_f32_to_f8(1e9f), 0x7E);
    assert_int_equal(ly_f32_to_f8(-480), 0xFE);
    assert_int_equal(ly_f32_to_f8(INFINITY), 0x7E);
    assert_int_equal(ly_f32_to_f8(NAN) & 0x7F, 0x7F);
}

/* ---- new cache rows -------------------------------------------------------------------------- */
enum { LAYERS = 4, WIDTH = 16, HEADS = 2, VOCAB = 32, BATCH = 3, NT = 5 };
typedef struct {
    ir_params p;
    ly_net    one;
    ly_cache  cache;
    void     *t[NT];
} step;

static int64_t new_element(const ly_cache *c, int64_t item, int64_t block, int64_t plane, int64_t i)
{
    int64_t head = ((2 * block + plane / c->heads) * c->batch + item) * c->heads + plane % c->heads;
    return (head * (c->past + c->tokens) + c->past) * c->dh + i;
}

typedef struct {
    const step *s;
    int64_t     item;
} target;
static void append(void *to, int64_t block, int64_t plane, const float *rows)
{
    const target   *k = to;
    const ly_cache *c = &k->s->cache;
    ly_store(c->dtype, k->s->t[4], new_element(c, k->item, block, plane, 0), c->tokens * c->dh, rows);
}

/* What a kernel would have left that computes as the reference does. */
static void step_right(step *s, int64_t tokens, int64_t past, ir_dtype t)
{
    const ir_params one = {{LAYERS, WIDTH, HEADS, VOCAB, 64, 1, tokens, past}, t, 1};
    ir_tensor       spec[IR_MAX_TENSORS];
    s->p = one;
    s->p.v[5] = BATCH;
    s->cache = (ly_cache){LAYERS, BATCH, HEADS, past, tokens, WIDTH / HEADS, ly_kv_dtype(t)};
    assert_int_equal(wl_net_of(&wl_gpt, &one, &s->one), IR_OK);
    assert_int_equal(wl_gpt.tensors(&wl_gpt, &s->p, spec), NT);
    for (int i = 0; i < NT; i++) {
        assert_non_null(s->t[i] = calloc(1, spec[i].bytes));
        if (spec[i].role != IR_OUT) wl_gpt.fill(&wl_gpt, &s->p, i, s->t[i], 3);
    }
    const ref_weights w = {.dtype = t, .W = s->t[1], .V = s->t[2]};
    for (int64_t i = 0; i < BATCH; i++) {
        target    to = {s, i};
        ref_cache cache = {&s->cache, s->t[4], i, append, &to};
        assert_int_equal(ref_network(&s->one, &w, (int32_t *)s->t[0] + i * tokens, &cache,
                                     (float *)s->t[3] + i * s->one.out_elems),
                         IR_OK);
    }
}

static void step_free(step *s)
{
    for (int i = 0; i < NT; i++) free(s->t[i]);
    ly_free(&s->one);
}

static bool passes(const step *s)
{
    ir_check c;
    wl_gpt.check(&wl_gpt, &s->p, (const void *const *)s->t, (const void *const *)s->t, &c);
    return c.err <= c.tol;
}

/* Each by itself, in the sequences that are checked: the first and one other. Returns in how many sequences a
 * wrong one shows. */
static int wrong_rows_show(const step *s, int64_t every)
{
    const ly_cache *c = &s->cache;
    int             shown = 0;
    for (int64_t item = 0; item < BATCH; item++) {
        int64_t seen = 0, tried = 0;
        for (int64_t k = 0; k < c->blocks * 2 * c->heads * c->tokens * c->dh; k += every, tried++) {
            int64_t each = c->tokens * c->dh,
                    at = new_element(c, item, k / each / (2 * c->heads), k / each % (2 * c->heads), k % each);
            float was, wrong;
            ly_load(c->dtype, s->t[4], at, 1, &was);
            wrong = k % 2 ? NAN : was + 1;
            ly_store(c->dtype, s->t[4], at, 1, &wrong);
            seen += !passes(s);
            ly_store(c->dtype, s->t[4], at, 1, &was);
        }
        if (item == 0) assert_int_equal(seen, tried);
        if (seen != 0) assert_int_equal(seen, tried);
        shown += seen > 0;
    }
    return shown;
}

/* Few rows beside the weights are kept for the next kernel's proof, many are not: both ways. */
static void every_new_row_is_compared(void **state)
{
    (void)state;
    static const struct {
        int64_t tokens, past, every;
    } shape[] = {{1, 40, 1}, {41, 2, 61}};
    static const ir_dtype types[] = {IR_F32, IR_F16, IR_BF16, IR_I8};
    for (size_t i = 0; i < 2; i++)
        for (size_t t = 0; t < 4; t++) {
            step s;
            step_right(&s, shape[i].tokens, shape[i].past, types[t]);
            const ly_cache *c = &s.cache;
            double          rows_B =
                2.0 * (double)(c->blocks * 2 * c->heads * c->tokens * c->dh) * (double)ly_width(c->dtype);
            double share = rows_B / wl_gpt.cost(&wl_gpt, &s.p).footprint_B;
            assert_true(i == 0 ? share < 1.0 / 10 : share > 1.0 / 10);
            assert_true(passes(&s));
            assert_true(passes(&s));
            assert_int_equal(wrong_rows_show(&s, shape[i].every), 2);
            assert_true(passes(&s));
            step_free(&s);
        }
}

static void rounded_values_come_back(void **state)
{
    (void)state;
    static const ir_dtype types[] = {IR_F32, IR_F16, IR_BF16};
    enum { N = 1000 };
    float         x[N], y[N];
    unsigned char m[4 * N + 8];
    for (size_t t = 0; t < 3; t++) {
        for (int i = 0; i < N; i++)
            x[i] = ly_round(types[t], ldexpf(ir_rand_f32(4, (uint64_t)i), i % 30 - 20));
        for (int64_t i = 0; i < N; i += 37) ly_store(types[t], m + 3, i, i + 37 < N ? 37 : N - i, x + i);
        ly_load(types[t], m + 3, 0, N, y);
        assert_memory_equal(x, y, sizeof x);
    }
}

/* ---- the arena ------------------------------------------------------------------------------- */
/* Rows are walked with places for values: what a row reads must be what was written for it, untouched since.
 */
static void arena_of(const ly_net *net, double live_B)
{
    typedef struct {
        int64_t at, end;
    } span;
    ly_place *p = NULL;
    span     *held = calloc((size_t)net->n, sizeof *held); /* by the row that wrote it; empty: overwritten */
    int       writer[LY_MAX_BUF] = {0};
    int64_t   floats;
    assert_non_null(held);
    assert_int_equal(ly_arena(net, 16, &p, &floats), IR_OK);
    for (int i = 0; i < net->n; i++) {
        const ly_row *r = &net->row[i];
        if (r->in >= 0) {
            assert_num(held[writer[r->in]].end, >, 0);
            assert_num(held[writer[r->in]].at, ==, p[i].in);
        }
        if (r->add >= 0) {
            assert_num(held[writer[r->add]].end, >, 0);
            assert_num(held[writer[r->add]].at, ==, p[i].add);
        }
        if (r->out < 0) continue;
        const span out = {p[i].out, p[i].out + ly_out_elems(r)};
        assert_num(out.at, >=, 0);
        assert_num(out.at % 16, ==, 0);
        assert_num(out.end, <=, floats);
        const int b[2] = {r->in, r->add};
        for (int k = 0; k < 2; k++) /* they are read while this is written */
            if (b[k] >= 0) assert_true(held[writer[b[k]]].end <= out.at || held[writer[b[k]]].at >= out.end);
        for (int k = 0; k < i; k++)
            if (held[k].at < out.end && held[k].end > out.at) held[k].end = 0;
        held[i] = out;
        writer[r->out] = i;
    }
    assert_true(4 * (double)floats < 1.2 * live_B + 4096); /* what does not fit together is little */
    free(p);
    free(held);
}

static void activations_do_not_meet(void **state)
{
    (void)state;
    static const struct {
        const ir_workload *w;
        ir_params          p;
    } net[] = {{&wl_resnet50, {{1, 224}, IR_F32, 0}},
               {&wl_resnet50, {{3, 39}, IR_F32, 0}},
               {&wl_mobilenetv2, {{2, 45}, IR_F32, 0}},
               {&wl_gpt2, {{LY_SMALL, 1, 256, 0}, IR_F32, 0}},
               {&wl_gpt2, {{LY_TINY, 3, 1, 17}, IR_F32, 0}}};
    for (size_t i = 0; i < sizeof net / sizeof *net; i++) {
        ly_net n;
        assert_int_equal(wl_net_of(net[i].w, &net[i].p, &n), IR_OK);
        arena_of(&n, net[i].w->cost(net[i].w, &net[i].p).part[IR_OF_OUT].footprint_B);
        ly_free(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(conv_by_hand),
                                       cmocka_unit_test(attention_by_hand),
                                       cmocka_unit_test(rows_by_hand),
                                       cmocka_unit_test(pools_by_hand),
                                       cmocka_unit_test(padding_by_hand),
                                       cmocka_unit_test(kv_dtypes),
                                       cmocka_unit_test(f8_from_its_fields),
                                       cmocka_unit_test(every_new_row_is_compared),
                                       cmocka_unit_test(rounded_values_come_back),
                                       cmocka_unit_test(activations_do_not_meet)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

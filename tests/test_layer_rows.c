/* test_layer_rows.c -- the cost of single rows: formulas by hand on small shapes, key-value caches by dtype, e4m3 from its fields. */
#include "bench/nets/values.h"
#include "bench/workloads/workloads_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void same(double got, double want)
{
    if (got != want) fail_msg("%.17g, not %.17g", got, want);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------- */
static ir_cost row_cost(const ir_workload *w, ir_params p)
{
    assert_int_equal(w->valid(&p), IR_OK);
    return w->cost(&p);
}

static void conv_by_hand(void **state)
{
    (void)state;
    /* 2 images 5x7x6, 8 filters 3x2x3 in 2 groups, stride 2, pad 1: 3x4 outputs */
    ir_params p = {{2, 5, 7, 6, 8, 3, 2, 2, 1, 2, WL_FUSED}, IR_F32, 0};
    ir_cost   c = row_cost(&wl_conv, p);
    double    out = 2 * 3 * 4 * 8, in = 2 * 5 * 7 * 6, W = 8 * 3 * 2 * 3;
    same(c.flops, 2 * out * 3 * 2 * 3);
    same(c.by_B[IR_BY_WEIGHTS], 4 * W);
    same(c.by_B[IR_BY_IN], 4 * in);
    same(c.by_B[IR_BY_OUT], 4 * out);
    same(c.weights_B, 4 * (W + 8));
    same(c.unfused_B, 4 * (W + in + out) + 2 * 2 * 4 * out);
    same(c.read_B, 4 * (W + in));
    same(c.write_B, 4 * out);
    p.dtype = IR_BF16;
    same(row_cost(&wl_conv, p).by_B[IR_BY_WEIGHTS], 2 * W);
    p.dtype = IR_F32;
    p.v[10] = WL_UNFUSED; /* what fused counts as unfused_B is its own traffic */
    ir_cost u = row_cost(&wl_conv, p);
    same(u.read_B + u.write_B, c.unfused_B);
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
    same(c.by_B[IR_BY_IN], 4 * 3 * 5 * row);
    same(c.by_B[IR_BY_OUT], 4 * 5 * row);
    same(c.by_B[IR_BY_KV], 4 * 2 * row * 12);
    same(c.read_B, 4 * (3 * 5 * row + 2 * row * 7));
    same(c.write_B, 4 * (5 * row + 2 * row * 5));
    same(c.unfused_B, c.read_B + c.write_B + 4 * 4 * (2 * 3 * 5 * 12.0));
    same(c.weights_B, 0);
    p.dtype = IR_BF16;
    same(row_cost(&wl_attention, p).by_B[IR_BY_KV], 2 * 2 * row * 12);
}

static void rows_by_hand(void **state)
{
    (void)state;
    ir_cost c = {0};
    for (int f8 = 0; f8 < 2; f8++) {
        c = row_cost(&wl_linear, (ir_params){{3, 10, 7}, f8 ? IR_F8 : IR_I8, 0});
        same(c.flops, 2 * 3 * 10 * 7);
        same(c.by_B[IR_BY_WEIGHTS], 70 + 4 * 7);
        same(c.weights_B, 70 + 4 * 7 + 4 * 7);
        same(c.read_B + c.write_B, 70 + 28 + 4 * 30 + 4 * 21);
        same(c.unfused_B, c.read_B + c.write_B + 8 * 21);
    }
    c = row_cost(&wl_norm, (ir_params){{3, 10}, IR_F32, 0});
    same(c.flops, 8 * 30);
    same(c.read_B, 4 * (30 + 20));
    same(c.write_B, 4 * 30);
    c = row_cost(&wl_softmax, (ir_params){{3, 10}, IR_F32, 0});
    same(c.flops, 5 * 30);
    same(c.read_B + c.write_B, 240);
    same(row_cost(&wl_act, (ir_params){{3, 10, 0}, IR_F32, 0}).flops, 30);
    same(row_cost(&wl_act, (ir_params){{3, 10, 1}, IR_F32, 0}).flops, 270);
    c = row_cost(&wl_chain, (ir_params){{30, 3, WL_CHAIN_FUSED}, IR_F32, 0});
    same(c.flops, 2 * 3 * 30);
    same(c.read_B + c.write_B, 240);
    same(c.unfused_B, 3 * 240);
    same(c.launches, 1);
    c = row_cost(&wl_chain, (ir_params){{30, 3, WL_CHAIN_UNFUSED}, IR_F32, 0});
    same(c.flops, 2 * 3 * 30);
    same(c.read_B + c.write_B, 3 * 240);
    same(c.launches, 3);
    same(c.footprint_B, 360); /* x, y and one between */
    c = row_cost(&wl_add2, (ir_params){{3, 10}, IR_F32, 0});
    same(c.flops, 30);
    same(c.read_B, 240);
    c = row_cost(&wl_embed, (ir_params){{3, 10, 99}, IR_F32, 0});
    same(c.flops, 30);
    same(c.by_B[IR_BY_WEIGHTS], 4 * (30 + 30)); /* table rows and position rows */
    same(c.by_B[IR_BY_IN], 12);
    same(c.write_B, 120);
}

static void pools_by_hand(void **state)
{
    (void)state;
    ir_cost c;
    ly_row  r = {.op = LY_MAXPOOL, .batch = 2, .h = 6, .w = 4, .c = 3, .k = 3, .r = 3, .s = 2, .oh = 2, .ow = 2, .add = LY_NONE};
    ly_cost(&r, IR_F32, false, &c);
    same(c.flops, 5 * 2 * 4 * 3);
    same(c.read_B, 4 * 2 * 24 * 3);
    same(c.write_B, 4 * 2 * 4 * 3);
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
    ly_row  r = {.op = LY_CONV, .batch = 2, .h = 7, .w = 7, .c = 5, .k = 4, .r = 3, .s = 3, .stride = 1, .pad = 1, .groups = 1,
                 .oh = 7, .ow = 7, .add = LY_NONE, .b_at = -1};
    ly_cost(&r, IR_F32, true, &c);
    same(c.flops, 2 * 2 * 4 * 5 * 21 * 21);
    same(c.spare_flops, 2 * 2 * 4 * 5 * (21 * 21 - 19 * 19));
    r.pad = 0;
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
        assert_true((double)f == (q & 0x80 ? -want : want) && !signbit(f) == !(q & 0x80));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_by_hand), cmocka_unit_test(attention_by_hand), cmocka_unit_test(rows_by_hand), cmocka_unit_test(pools_by_hand),
        cmocka_unit_test(padding_by_hand), cmocka_unit_test(kv_dtypes), cmocka_unit_test(f8_from_its_fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

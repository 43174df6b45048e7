/* test_layer.c -- layer tables and their cost: published counts of the networks to the last digit, the
 * formulas by hand on small shapes, the three traffic models, impossible parameters. */
#include "kernels/nets/values.h"
#include "kernels/workloads/workloads_nets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/asserts.h"

/* To 6 significant digits, as published intensities are given. */
static void same6(double got, double want)
{
    char a[32], b[32];
    snprintf(a, sizeof a, "%.6g", got);
    snprintf(b, sizeof b, "%.6g", want);
    assert_string_equal(a, b);
}

static void same(double got, double want)
{
    if (got != want) fail_msg("%.17g, not %.17g", got, want);
}

/* ---- networks -------------------------------------------------------------------------------- */
typedef struct {
    int64_t convs, depthwise, matrices, in, out, adds, n_adds, relus;
} counts;

static counts count(const ly_net *n)
{
    counts c = {0};
    for (int i = 0; i < n->n; i++) {
        const ly_row *r = &n->row[i];
        if (r->op != LY_CONV && r->op != LY_FC) continue;
        c.convs += r->op == LY_CONV;
        c.depthwise += r->op == LY_CONV && r->groups > 1;
        c.matrices += r->nW;
        c.in += ly_in_elems(r);
        c.out += ly_out_elems(r);
        c.adds += r->add >= 0 ? ly_out_elems(r) : 0;
        c.n_adds += r->add >= 0;
        c.relus += r->act == LY_RELU || r->act == LY_RELU6;
    }
    return c;
}

static double macs(const ly_net *n, ir_dtype t)
{
    ir_cost c;
    ly_net_cost(n, t, &c);
    return c.flops / 2;
}

static void resnet50(void **state)
{
    (void)state;
    static const struct {
        int64_t batch;
        double  f32, f16;
    } I[] = {{1, 43.2422, 86.4844},
             {8, 81.8908, 163.782},
             {32, 90.5633, 181.127},
             {64, 92.1905, 184.381},
             {256, 93.4498, 186.9}};
    for (size_t i = 0; i < sizeof I / sizeof *I; i++) {
        ly_net n;
        double b = (double)I[i].batch;
        assert_int_equal(ly_resnet50(I[i].batch, 224, &n), IR_OK);
        counts c = count(&n);
        assert_int_equal(n.params, 25557032);
        assert_int_equal(c.matrices, 25502912);
        assert_int_equal(c.convs, 53);
        assert_int_equal(c.n_adds, 16);
        assert_int_equal(c.relus, 49);
        assert_int_equal(c.in, 10664448 * I[i].batch);
        assert_int_equal(c.out, 11114984 * I[i].batch);
        assert_int_equal(c.adds, 5519360 * I[i].batch);
        same(macs(&n, IR_F32), 4089184256.0 * b);
        same6(2 * macs(&n, IR_F32) / (4 * (double)(c.matrices + c.in + c.out)), I[i].f32);
        same6(2 * macs(&n, IR_F32) / (2 * (double)(c.matrices + c.in + c.out)), I[i].f16);
        if (i == 0) same6(2 * macs(&n, IR_F32) / (4 * (double)c.matrices), 80.1709);
        ly_free(&n);
        ly_free(&n);
    }
}

/* Compulsory traffic: matrices, convolutions' and FC's inputs and outputs, pooling, residuals read once more.
 */
static void resnet50_traffic(void **state)
{
    (void)state;
    ly_net  n;
    ir_cost c;
    assert_int_equal(ly_resnet50(1, 224, &n), IR_OK);
    ly_net_cost(&n, IR_F32, &c);
    same(ir_cost_weights_B(&c), 4 * 25502912.0);
    same(ir_cost_of(&c, IR_OF_IN), 4 * (10664448.0 + 802816 + 100352 + 5519360));
    same(ir_cost_of(&c, IR_OF_OUT), 4 * (11114984.0 + 200704 + 2048));
    same(ir_cost_of(&c, IR_OF_KV), 0);
    same(ir_cost_B(&c), ir_cost_weights_B(&c) + ir_cost_of(&c, IR_OF_IN) + ir_cost_of(&c, IR_OF_OUT));
    same(c.weights_B, 4 * 25530472.0); /* batch norm folded: with biases */
    /* a bias per output, 49 activations, 16 residuals as passes of their own */
    double acts = 0, biased = 11114984.0;
    for (int i = 0; i < n.n; i++) acts += n.row[i].act == LY_RELU ? (double)ly_out_elems(&n.row[i]) : 0;
    same(c.unfused_B, ir_cost_B(&c) + 8 * (biased + acts + 5519360.0));
    same(c.launches, 56);
    same(
        c.part[IR_OF_IN].footprint_B,
        4 * (56.0 * 56 * 256 * 2 + 56 * 56 * 64)); /* input, residual and result of the last row of a block */
    ly_net_cost(&n, IR_BF16, &c);
    same(ir_cost_weights_B(&c), 2 * 25502912.0);
    ly_free(&n);
}

static void mobilenetv2(void **state)
{
    (void)state;
    static const struct {
        int64_t batch;
        double  f32, f16;
    } I[] = {{1, 8.89019, 17.7804}, {32, 11.0948, 22.1896}};
    for (size_t i = 0; i < 2; i++) {
        ly_net n;
        assert_int_equal(ly_mobilenetv2(I[i].batch, 224, 0, &n), IR_OK);
        counts c = count(&n);
        assert_int_equal(n.params, 3504872);
        assert_int_equal(c.matrices, 3469760);
        assert_int_equal(c.convs, 52);
        assert_int_equal(c.depthwise, 17);
        assert_int_equal(c.n_adds, 10);
        assert_int_equal(c.in, 6767200 * I[i].batch);
        assert_int_equal(c.out, 6679112 * I[i].batch);
        assert_int_equal(c.adds, 216384 * I[i].batch);
        same(macs(&n, IR_F32), 300774272.0 * (double)I[i].batch);
        same6(2 * macs(&n, IR_F32) / (4 * (double)(c.matrices + c.in + c.out)), I[i].f32);
        same6(2 * macs(&n, IR_F32) / (2 * (double)(c.matrices + c.in + c.out)), I[i].f16);
        ly_free(&n);
    }
}

static const struct {
    int64_t params, streamed, kv_token, past[4], prefill[3];
    double  f32_0, f32_1023, f16_0, f16_1023;
} gpt[LY_NSIZE] = {{124439808,
                    123654144,
                    18432,
                    {123550464, 125909760, 132969216, 142406400},
                    {11062407936, 45945778944, 96684798720},
                    0.499506,
                    0.499572,
                    0.999013,
                    0.999143},
                   {354823168,
                    353775616,
                    49152,
                    {353502208, 359793664, 378618880, 403784704},
                    {39111967744, 161125319680, 335084078080},
                    0.499544,
                    0.499601,
                    0.999088,
                    0.999202},
                   {774030080,
                    772720640,
                    92160,
                    {772209920, 784006400, 819303680, 866489600},
                    {91422168320, 374555383040, 773205628160},
                    0.49961,
                    0.499652,
                    0.99922,
                    0.999305},
                   {1557611200,
                    1555974400,
                    153600,
                    {1555124800, 1574785600, 1633614400, 1712257600},
                    {190092212800, 775227112000, 1590639131200},
                    0.499678,
                    0.499707,
                    0.999355,
                    0.999414}};

static void gpt2_decode(void **state)
{
    (void)state;
    static const int64_t past[4] = {0, 128, 511, 1023};
    for (int s = 0; s < LY_NSIZE; s++)
        for (int i = 0; i < 4; i++) {
            ly_net  n;
            ir_cost c;
            assert_int_equal(ly_gpt(&ly_gpt2[s], 1, 1, past[i], &n), IR_OK);
            ly_net_cost(&n, IR_F32, &c);
            assert_int_equal(n.params, gpt[s].params);
            assert_int_equal(n.kv_elems, gpt[s].kv_token * (past[i] + 1));
            same(c.flops / 2, (double)gpt[s].past[i]);
            same(c.weights_B / 4, (double)gpt[s].streamed);
            same(ir_cost_of(&c, IR_OF_KV) / 4, (double)(gpt[s].kv_token * (past[i] + 1)));
            double elements = (c.weights_B + ir_cost_of(&c, IR_OF_KV)) / 4;
            if (past[i] == 0) same6(c.flops / (4 * elements), gpt[s].f32_0);
            if (past[i] == 1023) same6(c.flops / (4 * elements), gpt[s].f32_1023);
            if (past[i] == 0) same6(c.flops / (2 * elements), gpt[s].f16_0);
            if (past[i] == 1023) same6(c.flops / (2 * elements), gpt[s].f16_1023);
            ly_free(&n);
        }
}

/* Beyond GPT-2: parameters by hand, of GPT-3's published shapes and one of 8 G; in bytes with row scales. */
static void gpt_of_any_shape(void **state)
{
    (void)state;
    static const struct {
        int64_t layers, d, heads, params;
    } shape[] = {{24, 2048, 16, 1315723264},
                 {32, 4096, 32, 6658404352},
                 {39, 4096, 32, 8068063232},
                 {40, 5120, 40, 12853386240}};
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        int64_t   L = shape[i].layers, d = shape[i].d, V = 50257, C = 2048;
        ir_params p = {{L, d, shape[i].heads, V, C, 1, 1, 128}, IR_F8, 0};
        ir_tensor t[IR_MAX_TENSORS];
        ly_net    n;
        assert_int_equal(wl_net_of(&wl_gpt, &p, &n), IR_OK);
        assert_int_equal(n.params, L * (12 * d * d + 13 * d) + (V + C) * d + 2 * d);
        assert_int_equal(n.params, shape[i].params);
        assert_int_equal(n.kv_elems, L * 2 * d * 129);
        assert_int_equal(wl_gpt.valid(&wl_gpt, &p), IR_OK);
        assert_int_equal(wl_gpt.tensors(&wl_gpt, &p, t), 5);
        assert_num(t[1].bytes, >=, (size_t)(12 * L * d * d + (V + C) * d));
        assert_num(t[1].bytes, <, (size_t)(12 * L * d * d + (V + C) * d) + 64 * (size_t)n.n);
        /* every matrix once, a position row, its scale and a scale a row; biases, norms: f32 */
        same(wl_gpt.cost(&wl_gpt, &p).weights_B, (double)(L * 12 * d * d + V * d + d) +
                                                     4 * (double)(9 * d * L + V + 1) +
                                                     4 * (double)(L * 13 * d + 2 * d));
        ly_free(&n);
    }
}

/* What is counted is what a causal kernel does. */
static void gpt2_prefill(void **state)
{
    (void)state;
    static const int64_t tokens[3] = {128, 512, 1024};
    for (int s = 0; s < LY_NSIZE; s++)
        for (int i = 0; i < 3; i++) {
            ly_net n;
            assert_int_equal(ly_gpt(&ly_gpt2[s], 1, tokens[i], 0, &n), IR_OK);
            same(macs(&n, IR_F32), (double)gpt[s].prefill[i]);
            ly_free(&n);
        }
}

/* Tensors hold what the rows point at; nothing overlaps; buffers are large enough and no row reads what it
 * writes. */
static void layout(const ly_net *n)
{
    int64_t W_end = 0, V_end = 0;
    for (int i = 0; i < n->n; i++) {
        const ly_row *r = &n->row[i];
        bool          tied = i > 0 && r->W_at == n->row[0].W_at && r->W_at >= 0;
        if (r->W_at >= 0 && !tied) {
            assert_num(r->W_at, >=, W_end);
            assert_num(r->W_at % 64, ==, 0);
            W_end = r->op == LY_EMBED ? r->P_at + r->context * r->c : r->W_at + r->nW;
        }
        if (r->s_at >= 0 && !tied) {
            assert_num(r->s_at, >=, V_end);
            assert_num(r->s_at % 16, ==, 0);
            if (r->b_at >= 0) {
                assert_num(r->b_at, >=, V_end);
                assert_num(r->s_at, >=, r->b_at + r->k);
            }
            V_end = r->s_at + (r->op == LY_EMBED ? r->vocab + r->context : r->k);
        }
        if (r->op == LY_NORM) V_end = r->b_at + r->c;
        if (r->out >= 0) assert_true(n->buf[r->out] >= ly_out_elems(r));
        if (r->in >= 0) assert_true(n->buf[r->in] >= ly_in_elems(r));
        assert_num(r->out, !=, r->in);
        assert_num(r->out, !=, r->add);
    }
    assert_int_equal(W_end, n->nW);
    assert_int_equal(V_end, n->nV);
}

static void layouts(void **state)
{
    (void)state;
    ly_net n;
    assert_int_equal(ly_resnet50(2, 224, &n), IR_OK);
    layout(&n);
    ly_free(&n);
    assert_int_equal(ly_mobilenetv2(1, 224, 0, &n), IR_OK);
    layout(&n);
    ly_free(&n);
    for (int s = 0; s <= LY_TINY; s++) {
        assert_int_equal(ly_gpt(&ly_gpt2[s], 2, 3, 4, &n), IR_OK);
        layout(&n);
        ly_free(&n);
    }
}

static void impossible(void **state)
{
    (void)state;
    ly_net n;
    assert_int_equal(ly_resnet50(0, 224, &n), IR_EINVAL);
    assert_non_null(strstr(ir_why(), "batch=0"));
    assert_int_equal(ly_resnet50(1, 31, &n), IR_EINVAL);
    assert_non_null(strstr(ir_why(), "res=31"));
    assert_int_equal(ly_mobilenetv2(1, 1 << 20, 0, &n), IR_EINVAL);
    assert_int_equal(ly_gpt(&ly_gpt2[0], 0, 1, 0, &n), IR_EINVAL);
    assert_int_equal(ly_gpt(&ly_gpt2[0], 1, 0, 0, &n), IR_EINVAL);
    assert_int_equal(ly_gpt(&ly_gpt2[0], 1, 1, -1, &n), IR_EINVAL);
    assert_int_equal(ly_gpt(&ly_gpt2[0], 1, 1, 1024, &n), IR_EINVAL);
    assert_non_null(strstr(ir_why(), "the context holds 1024"));
    assert_int_equal(ly_gpt(&ly_gpt2[0], 1, 1, INT64_MAX, &n), IR_EINVAL);
    assert_int_equal(ly_gpt(&ly_gpt2[0], 1, 1025, 0, &n), IR_EINVAL);
}

static ir_cost row_cost(const ir_workload *w, ir_params p)
{
    assert_int_equal(w->valid(w, &p), IR_OK);
    return w->cost(w, &p);
}

static void refused(const ir_workload *w, ir_params p, const char *why)
{
    if (w->valid(w, &p) != IR_EINVAL) fail_msg("%s takes what it should refuse: %s", w->name, why);
    if (!strstr(ir_why(), why)) fail_msg("%s says '%s', not '%s'", w->name, ir_why(), why);
}

static void refusals(void **state)
{
    (void)state;
    const int64_t big = (int64_t)1 << 30;
    refused(&wl_conv, (ir_params){{0, 8, 8, 4, 4, 3, 3, 1, 1, 1, 1}, IR_F32, 0}, "n=0");
    refused(&wl_conv, (ir_params){{1, 8, 8, 4, 6, 3, 3, 1, 1, 4, 1}, IR_F32, 0}, "groups=4");
    refused(&wl_conv, (ir_params){{1, 2, 2, 4, 4, 5, 5, 1, 1, 1, 1}, IR_F32, 0}, "window 5x5");
    refused(&wl_conv, (ir_params){{1, 8, 8, 4, 4, 3, 3, 1, 3, 1, 1}, IR_F32, 0}, "pad=3");
    refused(&wl_conv, (ir_params){{1, 8, 8, 4, 4, 3, 3, 1, 1, 1, 3}, IR_F32, 0}, "fuse=3");
    refused(&wl_conv, (ir_params){{big, big, big, 4, 4, 3, 3, 1, 1, 1, 1}, IR_F32, 0}, "2^44");
    refused(&wl_linear, (ir_params){{1, big, big}, IR_F32, 0}, "2^44");
    refused(&wl_act, (ir_params){{1, 1, 2}, IR_F32, 0}, "kind=2");
    refused(&wl_attention, (ir_params){{1, 1, 1, 0, 0}, IR_F32, 0}, "tokens=0");
    refused(&wl_attention, (ir_params){{big, big, 1, 1, 0}, IR_F32, 0}, "2^44");
    refused(&wl_embed, (ir_params){{1, 1, 0}, IR_F32, 0}, "vocab=0");
    refused(&wl_gpt2, (ir_params){{9, 1, 1, 0}, IR_F32, 0}, "size=9");
    refused(&wl_gpt2, (ir_params){{0, 1, 1, 1024}, IR_F32, 0}, "context");
    refused(&wl_gpt, (ir_params){{0, 64, 4, 99, 9, 1, 1, 0}, IR_F32, 0}, "layers=0");
    refused(&wl_gpt, (ir_params){{1, 64, 5, 99, 9, 1, 1, 0}, IR_F32, 0}, "heads=5");
    refused(&wl_gpt, (ir_params){{1, big, 1, 99, 9, 1, 1, 0}, IR_F32, 0}, "width=1073741824");
    refused(&wl_gpt, (ir_params){{1, 64, 4, 0, 9, 1, 1, 0}, IR_F32, 0}, "vocab=0");
    refused(&wl_gpt, (ir_params){{1, 64, 4, 99, big, 1, 1, 0}, IR_F32, 0}, "context=1073741824");
    refused(&wl_gpt, (ir_params){{1, 64, 4, 99, 9, 1, 1, 9}, IR_F32, 0}, "the context holds 9");
    refused(&wl_gpt, (ir_params){{1024, 65536, 4, 99, 9, 1, 1, 0}, IR_F32, 0}, "2^44");
    refused(&wl_resnet50, (ir_params){{0, 224}, IR_F32, 0}, "batch=0");
}

/* The same rows and FLOP on fewer distinct weights: GPT-2's layer matrices all within the largest one,
 * ResNet-50's one of each shape. */
static void shared_matrices(void **state)
{
    (void)state;
    const ir_params g = {{LY_SMALL, 1, 1, 128}, IR_F32, 0}, r = {{1, 224}, IR_F32, 0};
    ir_cost         own = row_cost(&wl_gpt2, g), one = row_cost(&wl_gpt2_shared, g);
    const double    d = 768;
    same(one.flops, own.flops);
    same(ir_cost_read_B(&own) - ir_cost_read_B(&one),
         4 * (12 * 12 * d * d - 4 * d * d)); /* qkv 3 d^2, proj 1, fc 4 and fcproj 4, 12 layers; 4 remain */
    same(ir_cost_weights_B(&own) - ir_cost_weights_B(&one), ir_cost_read_B(&own) - ir_cost_read_B(&one));
    same(own.footprint_B - one.footprint_B, ir_cost_read_B(&own) - ir_cost_read_B(&one));
    own = row_cost(&wl_resnet50, r), one = row_cost(&wl_resnet50_shared, r);
    same(one.flops, own.flops);
    ly_net net;
    double again = 0;
    assert_int_equal(wl_net_of(&wl_resnet50_shared, &r, &net), IR_OK);
    for (int i = 0; i < net.n; i++) {
        again += 4 * (double)ly_reread(&net, i);
        for (int k = 0; k < i; k++) {
            const ly_row *a = &net.row[k], *b = &net.row[i];
            if (b->nW == 0 || a->nW == 0 || a->W_at != b->W_at) continue;
            assert_num(a->nW, ==, b->nW);
            assert_num(a->h, ==, b->h);
            assert_num(a->stride, ==, b->stride);
            assert_num(a->b_at, ==, b->b_at);
            assert_num(a->s_at, ==, b->s_at);
        }
    }
    same(ir_cost_read_B(&own) - ir_cost_read_B(&one), again);
    same(again, 4 * 10985472.0);
    ly_free(&net);
    assert_int_equal(wl_net_of(&wl_resnet50, &r, &net), IR_OK);
    for (int i = 0; i < net.n; i++) assert_int_equal(ly_reread(&net, i), 0);
    ly_free(&net);
}

/* Every shape of every grid is possible and its bytes add up. */
static void grids(void **state)
{
    (void)state;
    static const ir_workload *const all[] = {
        &wl_conv,        &wl_linear,      &wl_norm,      &wl_softmax, &wl_act,
        &wl_add2,        &wl_embed,       &wl_attention, &wl_chain,   &wl_normchain,
        &wl_resnet50,    &wl_mobilenetv2, &wl_gpt2,      &wl_gpt,     &wl_resnet50_shared,
        &wl_gpt2_shared, &wl_dscnn,       &wl_bag,       &wl_dlrm,    &wl_bert,
        &wl_vit,         &wl_moe,         &wl_mixtral};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const ir_params *grid[4] = {all[i]->quick, all[i]->full, all[i]->odd, &all[i]->defaults};
        size_t           n[4] = {all[i]->nquick, all[i]->nfull, all[i]->nodd, 1};
        for (int g = 0; g < 4; g++)
            for (size_t k = 0; k < n[g]; k++) {
                ir_cost   c = row_cost(all[i], grid[g][k]);
                ir_tensor t[IR_MAX_TENSORS];
                double    by = 0;
                for (int b = 0; b < IR_NPART; b++) by += ir_cost_of(&c, (ir_of)b);
                same(by, ir_cost_B(&c));
                assert_true(c.unfused_B >= ir_cost_B(&c));
                assert_num(c.footprint_B, >, 0);
                assert_num(c.launches, >=, 1);
                assert_true(all[i]->tensors(all[i], &grid[g][k], t) >= 2);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(resnet50),     cmocka_unit_test(resnet50_traffic),
                                       cmocka_unit_test(mobilenetv2),  cmocka_unit_test(gpt2_decode),
                                       cmocka_unit_test(gpt2_prefill), cmocka_unit_test(gpt_of_any_shape),
                                       cmocka_unit_test(layouts),      cmocka_unit_test(impossible),
                                       cmocka_unit_test(refusals),     cmocka_unit_test(shared_matrices),
                                       cmocka_unit_test(grids)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

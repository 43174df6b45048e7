/* test_models.c -- the other lighthouse models: published counts to the last digit, popular rows by Zipf's
 * law, every CPU kernel on odd shapes against the oracle, a batch against its items, broken kernels refused.
 */
#include "kernels/nets/dlrm.h"
#include "harness/plan.h"
#include "kernels/nets/encoder.h"
#include "harness/measure/measure.h"
#include "kernels/cpu/cpu.h"
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
#include "tests/support/cpu_device.h"
#include "tests/support/kernels.h"

static void same(double got, double want)
{
    if (got != want) fail_msg("%.17g, not %.17g", got, want);
}

static void same6(double got, double want)
{
    char a[32], b[32];
    snprintf(a, sizeof a, "%.6g", got);
    snprintf(b, sizeof b, "%.6g", want);
    assert_string_equal(a, b);
}

static double macs_of(const ly_net *n)
{
    ir_cost c;
    ly_net_cost(n, IR_F32, &c);
    return c.flops / 2;
}

static const ly_row *row_named(const ly_net *n, const char *name)
{
    for (int i = 0; i < n->n; i++)
        if (!strcmp(n->row[i].name, name)) return &n->row[i];
    fail_msg("no row %s", name);
    return NULL;
}

/* ---- DS-CNN ---------------------------------------------------------------------------------- */
static void dscnn_counts(void **state)
{
    (void)state;
    for (int64_t batch = 1; batch <= 3; batch += 2) {
        ly_net  n;
        int64_t weights = 0, biases = 0, in = 0, out = 0, depthwise = 0, pointwise = 0;
        assert_int_equal(ly_dscnn(batch, &n), IR_OK);
        for (int i = 0; i < n.n; i++) {
            const ly_row *r = &n.row[i];
            ir_cost       c;
            if (r->op != LY_CONV && r->op != LY_FC) continue;
            ly_cost(r, IR_F32, true, &c);
            weights += r->nW;
            biases += r->k;
            in += ly_in_elems(r);
            out += ly_out_elems(r);
            if (r->groups > 1) depthwise += (int64_t)c.flops / 2;
            if (r->op == LY_CONV && r->r == 1) pointwise += (int64_t)c.flops / 2;
        }
        assert_int_equal(n.n, 11);
        assert_int_equal(weights, 22016);
        assert_int_equal(biases, 588);
        assert_int_equal(n.params, 23756);
        assert_int_equal(in, 64554 * batch);
        assert_int_equal(out, 72012 * batch);
        same(macs_of(&n), 2656768.0 * (double)batch);
        assert_int_equal(depthwise, 288000 * batch);
        assert_int_equal(pointwise, 2048000 * batch);
        if (batch == 1) same6(2 * macs_of(&n) / (4.0 * (double)(weights + in + out)), 8.37664);
        ly_free(&n);
    }
}

static void dscnn_table(void **state)
{
    (void)state;
    ly_net n;
    assert_int_equal(ly_dscnn(1, &n), IR_OK);
    const ly_row *first = row_named(&n, "conv1"), *pool = row_named(&n, "avgpool");
    assert_int_equal(first->pad, 4);
    assert_int_equal(first->pad_w, 1);
    assert_int_equal(first->oh, 25);
    assert_int_equal(first->ow, 5);
    assert_int_equal((first->oh - 1) * 2 + 10 - 49 - first->pad, 5); /* below */
    assert_int_equal(pool->r * pool->s * pool->c, 7680);
    assert_int_equal(pool->h * pool->w * pool->c, 8000);
    ly_free(&n);
    assert_int_equal(ly_dscnn(0, &n), IR_EINVAL);
}

/* ---- MobileNetV2 ----------------------------------------------------------------------------- */
/* As the models of these widths are published: millions of multiply-adds and of parameters. */
static void mobilenetv2_widths(void **state)
{
    (void)state;
    static const struct {
        const char *width;
        double      macs_M, params_M;
    } want[] = {{"0.35", 59, 1.66}, {"0.5", 97, 1.95},  {"0.75", 209, 2.61},
                {"1.0", 300, 3.47}, {"1.3", 509, 5.35}, {"1.4", 582, 6.06}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        ly_net  n;
        int64_t width = 0;
        while (strcmp(ly_mobilenetv2_width[width], want[i].width) != 0) width++;
        assert_int_equal(ly_mobilenetv2(1, 224, width, &n), IR_OK);
        if (!(fabs(macs_of(&n) / 1e6 - want[i].macs_M) < 1.5))
            fail_msg("width %s: %g multiply-adds", want[i].width, macs_of(&n));
        if (!(fabs((double)n.params / 1e6 - want[i].params_M) < 0.05))
            fail_msg("width %s: %lld parameters", want[i].width, (long long)n.params);
        ly_free(&n);
    }
    ly_net n;
    assert_int_equal(ly_mobilenetv2(1, 224, 6, &n), IR_EINVAL);
}

/* ---- DLRM ------------------------------------------------------------------------------------ */
typedef struct {
    ly_dlrm_size size;
    int64_t      cap;
    double       params, tables, macs, gathered, pairs, crossing;
} dlrm_count;
static const dlrm_count dlrm_counts_of[] = {
    {LY_DLRM_SMALL, 0, 166899521, 166400000, 520384, 1664, 351, 299.231},
    {LY_DLRM_V1, 0, 24036595969, 24034227072, 2410112, 3328, 351, 710.692},
    {LY_DLRM_RM1, 0, 1024100833, 1024000000, 100416, 20480, 0, 4.90313},
    {LY_DLRM_RM2, 0, 1024319937, 1024000000, 319552, 245760, 0, 1.30026},
    {LY_DLRM_RM3, 0, 643205409, 640000000, 3203328, 6400, 0, 500.52}};

static void dlrm_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dlrm_counts_of / sizeof *dlrm_counts_of; i++) {
        const dlrm_count *w = &dlrm_counts_of[i];
        for (int64_t batch = 1; batch <= 64; batch *= 8) {
            ly_net  n;
            ir_cost c;
            double  dense = 0;
            assert_int_equal(ly_dlrm(&ly_dlrm_shapes[w->size], batch, w->cap, 0, &n), IR_OK);
            ly_net_cost(&n, IR_F32, &c);
            same((double)n.params, w->params);
            same((double)row_named(&n, "bags")->nW, w->tables);
            same(c.flops / 2, w->macs * (double)batch);
            same(ir_cost_random_B(&c), 4 * w->gathered * (double)batch);
            same(ir_cost_accesses(&c, IR_RANDOM) * (double)row_named(&n, "bags")->c,
                 w->gathered * (double)batch);
            const ly_row *joined = row_named(&n, "interaction");
            same(joined->op == LY_INTERACT ? (double)(joined->k - joined->c) : 0, w->pairs);
            for (int r = 0; r < n.n; r++) dense += n.row[r].op == LY_FC ? (double)n.row[r].nW : 0;
            same6(dense / w->gathered, w->crossing);
            ly_free(&n);
        }
    }
}

static void dlrm_capped(void **state)
{
    (void)state;
    ly_net n;
    assert_int_equal(ly_dlrm(&ly_dlrm_shapes[LY_DLRM_V1], 1, 1000000, 0, &n), IR_OK);
    int64_t rows = 0;
    for (int t = 0; t < 26; t++) {
        const int64_t all = ly_dlrm_shapes[LY_DLRM_V1].rows[t];
        rows += all < 1000000 ? all : 1000000;
    }
    assert_int_equal(row_named(&n, "bags")->vocab, rows);
    assert_true(row_named(&n, "bags")->distinct <= 26);
    ly_free(&n);
}

static void dlrm_impossible(void **state)
{
    (void)state;
    ly_net n;
    assert_int_equal(ly_dlrm(&ly_dlrm_shapes[0], 0, 0, 0, &n), IR_EINVAL);
    assert_int_equal(ly_dlrm(&ly_dlrm_shapes[0], 1, -1, 0, &n), IR_EINVAL);
    assert_int_equal(ly_dlrm(&ly_dlrm_shapes[0], 1, 0, 9, &n), IR_EINVAL);
    assert_int_equal(ly_dlrm(&ly_dlrm_shapes[0], 1, 0, NAN, &n), IR_EINVAL);
    assert_int_equal(ly_dlrm(&ly_dlrm_shapes[LY_DLRM_RM2], 1 << 20, 0, 0, &n), IR_EINVAL);
    ir_params p = {{99, 1, 0, 0}, IR_F32, 0};
    assert_int_equal(wl_dlrm.valid(&wl_dlrm, &p), IR_EINVAL);
}

/* ---- encoders -------------------------------------------------------------------------------- */
static void bert_counts(void **state)
{
    (void)state;
    static const struct {
        int     size;
        int64_t tokens, params;
        double  macs;
    } want[] = {{LY_BERT_BASE, 128, 109482240, 11174215680},
                {LY_BERT_BASE, 384, 109482240, 35333406720},
                {LY_BERT_BASE, 512, 109482240, 48318971904},
                {LY_BERT_LARGE, 128, 335141888, 39461060608},
                {LY_BERT_LARGE, 512, 335141888, 167504773120}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        ly_net n;
        assert_int_equal(ly_bert(&ly_bert_shapes[want[i].size], 1, want[i].tokens, &n), IR_OK);
        assert_int_equal(n.params, want[i].params);
        same(macs_of(&n), want[i].macs);
        if (i == 0) same6(2 * macs_of(&n) / (4 * (double)n.params), 51.0321);
        assert_int_equal(n.kv_elems, 0);
        ly_free(&n);
    }
    ly_net n;
    assert_int_equal(ly_bert(&ly_bert_shapes[0], 1, 513, &n), IR_EINVAL);
    assert_int_equal(ly_bert(&ly_bert_shapes[0], 0, 5, &n), IR_EINVAL);
}

static void vit_counts(void **state)
{
    (void)state;
    static const struct {
        int     size;
        int64_t params;
        double  macs;
    } want[] = {{LY_VIT_BASE, 86567656, 17563828224}, {LY_VIT_LARGE, 304326632, 61554712576}};
    for (size_t i = 0; i < 2; i++) {
        ly_net n;
        assert_int_equal(ly_vit(&ly_vit_shapes[want[i].size], 2, 224, &n), IR_OK);
        assert_int_equal(n.params, want[i].params);
        same(macs_of(&n), 2 * want[i].macs);
        if (i == 0) same6(macs_of(&n) / (4 * (double)n.params), 101.446);
        ly_free(&n);
    }
    ly_net n;
    assert_int_equal(ly_vit(&ly_vit_shapes[0], 1, 225, &n), IR_EINVAL);
}

/* ---- mixtures of experts --------------------------------------------------------------------- */
static void mixtral_counts(void **state)
{
    (void)state;
    static const struct {
        int    size;
        double params, past128, prefill128, kv_token;
    } want[] = {{LY_MIXTRAL_MINI, 1582385152, 461979648, 50675056640, 4096},
                {LY_MIXTRAL_8X7B, 46702792704, 12782403584, 1617337253888, 65536}};
    for (size_t i = 0; i < 2; i++) {
        ly_net n;
        assert_int_equal(
            ly_decoder(&ly_mixtral[want[i].size], &(ly_step){.batch = 1, .tokens = 1, .past = 128}, &n),
            IR_OK);
        same((double)n.params, want[i].params);
        same(macs_of(&n), want[i].past128);
        same((double)n.kv_elems, want[i].kv_token * 129);
        ly_free(&n);
        assert_int_equal(ly_decoder(&ly_mixtral[want[i].size], &(ly_step){.batch = 1, .tokens = 128}, &n),
                         IR_OK);
        same(macs_of(&n), want[i].prefill128);
        ly_free(&n);
    }
}

/* Weights that a decode step of so many sequences is expected to read: less the embedding's table, one row a
 * token more. */
static void mixtral_touched(void **state)
{
    (void)state;
    static const double batch[] = {1, 2, 4, 8, 16, 32},
                        experts[] = {2, 3.5, 5.46875, 7.1991, 7.91982, 7.9992},
                        streamed[] = {459887000, 724128000, 1070940000, 1375760000, 1502730000, 1516710000};
    for (size_t i = 0; i < 6; i++) {
        ly_net net;
        double read = 0;
        assert_int_equal(ly_decoder(&ly_mixtral[LY_MIXTRAL_MINI],
                                    &(ly_step){.batch = (int64_t)batch[i], .tokens = 1, .past = 0}, &net),
                         IR_OK);
        for (int r = 0; r < net.n; r++) {
            ir_cost c;
            if (net.row[r].op == LY_MOE) same6(ly_moe_distinct(&net.row[r]), experts[i]);
            if (net.row[r].op == LY_EMBED) continue;
            ly_cost(&net.row[r], IR_F32, true, &c);
            read += ir_cost_weights_B(&c) / 4;
        }
        if (!(fabs(read / streamed[i] - 1) < 2e-5)) fail_msg("batch %g: %g weights", batch[i], read);
        ly_free(&net);
    }
}

/* ---- look-ups -------------------------------------------------------------------------------- */
/* As many different rows as expected, within five deviations; the most popular one as often as p says. */
static void zipf_draws(void **state)
{
    (void)state;
    static const double  s[] = {0, 0.5, 1, 1.05, 2};
    static const int64_t rows[] = {1, 2, 1000, 300007};
    enum { N = 40000 };
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 4; k++) {
            ly_zipf z;
            ly_zipf_init(&z, rows[k], s[i]);
            int32_t *seen = calloc((size_t)rows[k], sizeof *seen);
            double   different = 0, most = 0, total = 0;
            for (uint64_t n = 0; n < N; n++) {
                const int64_t row = ly_zipf_draw(&z, 3, n);
                assert_true(row >= 0 && row < rows[k]);
                different += seen[row]++ == 0;
            }
            for (int64_t r = 0; r < rows[k]; r++) {
                most = fmax(most, seen[r]);
                total += pow((double)(r + 1), -s[i]);
            }
            const double want = ly_zipf_distinct(rows[k], s[i], N);
            if (!(fabs(different - want) <= 5 * sqrt(want) + 0.01 * want))
                fail_msg("s=%g, %lld rows: %g different, expected %g", s[i], (long long)rows[k], different,
                         want);
            if (s[i] >= 1) assert_true(fabs(most - N / total) <= 5 * sqrt(N / total) + 1);
            free(seen);
        }
}

/* ---- kernels --------------------------------------------------------------------------------- */
static const ir_workload *const models[] = {&wl_dscnn, &wl_bag, &wl_dlrm,   &wl_bert,
                                            &wl_vit,   &wl_moe, &wl_mixtral};

static void verify_all(ir_dev *dev, const ir_workload *w, int threads, size_t i)
{
    for (const ir_kernel *const *k = cpu_backend.kernels; *k; k++) {
        if (strcmp((*k)->family, w->family) != 0) continue;
        for (int t = 0; t < IR_NDTYPE; t++) {
            ir_check  c;
            ir_params p = w->odd[i];
            p.dtype = (ir_dtype)t;
            p.threads = threads;
            if (!(w->dtypes & 1u << t)) continue;
            const ir_status st = ir_verify(dev, w, *k, &p, 7 + i, i % 2 ? 12 : 0, &c);
            if (st != IR_OK && st != IR_SKIP)
                fail_msg("%s/%s, shape %zu, %s: %s", w->name, (*k)->name, i, ir_dtype_name(p.dtype),
                         ir_why());
            if (t == IR_F32 && (*k)->flags & IR_K_NAIVE) assert_int_equal(st, IR_OK);
        }
    }
}

static void kernels(void **state)
{
    (void)state;
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        for (int threads = 1; threads <= 3; threads += 2) {
            device d;
            open_device(&d, (cpu_isa)isa, threads);
            for (size_t m = 0; m < sizeof models / sizeof *models; m++)
                for (size_t i = 0; i < models[m]->nodd; i++) verify_all(&d.dev, models[m], threads, i);
            ir_measure_release(&d.dev);
            close_device(&d);
        }
    }
}

/* ---- faults ---------------------------------------------------------------------------------- */
static int broken;
/* The naive kernel of the family, with one thing wrong with its input or output. */
static ir_status run_broken(ir_run *r, uint32_t reps)
{
    const ir_kernel *naive = kernel_named(&cpu_backend, r->workload->family, "naive");
    ir_run           own = *r;
    own.kernel = naive;
    own.self = NULL;
    ir_status st = ir_plan_make(&own);
    ly_net    net = {0};
    if (wl_is_net(r->workload)) wl_net_of(r->workload, &r->p, &net);
    int32_t      *lookups = (int32_t *)r->mem[0].p + net.index_at;
    int32_t      *index = lookups + (net.row ? net.row[0].rows : r->p.v[2]) + 1;
    const int32_t old = *index, end = lookups[1];
    if (broken == 1) *index ^= 1;  /* a neighbouring row */
    if (broken == 2) lookups[1]--; /* a look-up goes to the next bag */
    if (st == IR_OK) st = naive->run(&own, reps);
    *index = old;
    lookups[1] = end;
    float *y = r->mem[r->nmem - 1].p;
    if (broken == 3) y[0] = NAN;
    ir_plan_destroy(&own);
    ly_free(&net);
    return st;
}

static void faults(void **state)
{
    (void)state;
    const ir_kernel k = {.family = "*", .name = "broken", .doc = "naive with one fault", .run = run_broken};
    const ir_params bag = {{63, 16, 33, 7, 0}, IR_F32, 2}, net = {{LY_DLRM_TINY, 1, 0, 0}, IR_F32, 2};
    device          d;
    open_device(&d, cpu_isa_best(), 2);
    for (broken = 0; broken <= 3; broken++) {
        ir_check        c;
        const ir_status want = broken ? IR_ECHECK : IR_OK;
        assert_int_equal(ir_verify(&d.dev, &wl_bag, &k, &bag, 5, 0, &c), want);
        assert_int_equal(ir_verify(&d.dev, &wl_dlrm, &k, &net, 5, 0, &c), want);
    }
    ir_measure_release(&d.dev);
    close_device(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(dscnn_counts),
                                       cmocka_unit_test(dscnn_table),
                                       cmocka_unit_test(mobilenetv2_widths),
                                       cmocka_unit_test(dlrm_counts),
                                       cmocka_unit_test(dlrm_capped),
                                       cmocka_unit_test(dlrm_impossible),
                                       cmocka_unit_test(bert_counts),
                                       cmocka_unit_test(vit_counts),
                                       cmocka_unit_test(mixtral_counts),
                                       cmocka_unit_test(mixtral_touched),
                                       cmocka_unit_test(zipf_draws),
                                       cmocka_unit_test(kernels),
                                       cmocka_unit_test(faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_cpu_conv.c -- every convolution kernel and every executor of image networks against the oracle:
 * awkward shapes, every ISA, thread count and alignment, guard bytes around every tensor; plans that cut a
 * shape into many blocks; and what is refused. Needs no particular machine: what it cannot run is skipped
 * with a reason. */
#include "kernels/workloads/workloads_nets.h"
#include "harness/plan.h"
#include "kernels/cpu/cnn.h"
#include "kernels/cpu/im2col.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/cpu_device.h"

enum { MOST_THREADS = 3 };

enum { FEW = IR_K_LIB | IR_K_NAIVE }; /* one of ours is neither */

static ir_status verify(device *d, const char *kernel, const ir_params *p)
{
    size_t k = 0;
    while (cpu_backend.kernels[k] &&
           (strcmp(cpu_backend.kernels[k]->family, "conv") || strcmp(cpu_backend.kernels[k]->name, kernel)))
        k++;
    if (!cpu_backend.kernels[k]) fail_msg("no kernel conv/%s", kernel);
    return verify_kernel(d, &wl_conv, k, p, 0);
}

/* n, h, w, c, k, r, s, stride, pad, groups, fuse */
#define CONV(...) \
    { \
        {__VA_ARGS__}, IR_F32, 0 \
    }
static const ir_params shape[] = {
    CONV(1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1),      CONV(2, 5, 7, 3, 5, 3, 3, 1, 1, 1, 1),
    CONV(1, 9, 8, 17, 64, 3, 3, 2, 1, 1, 1),    CONV(3, 7, 7, 64, 65, 3, 3, 1, 1, 1, 2),
    CONV(1, 14, 14, 64, 32, 3, 3, 1, 1, 1, 0),  CONV(2, 7, 7, 33, 48, 3, 3, 1, 1, 1, 1),
    CONV(1, 15, 29, 5, 17, 5, 5, 1, 2, 1, 1),   CONV(1, 23, 31, 3, 64, 7, 7, 2, 3, 1, 1),
    CONV(2, 11, 13, 65, 17, 1, 1, 1, 0, 1, 1),  CONV(2, 11, 13, 64, 33, 1, 1, 2, 0, 1, 0),
    CONV(3, 5, 5, 128, 16, 1, 1, 3, 0, 1, 2),   CONV(1, 10, 11, 17, 5, 3, 3, 3, 1, 1, 1),
    CONV(1, 6, 40, 20, 12, 3, 1, 1, 0, 1, 1),   CONV(1, 40, 6, 20, 12, 1, 3, 1, 0, 1, 1),
    CONV(2, 9, 9, 5, 5, 3, 3, 1, 1, 5, 1),      CONV(1, 12, 17, 64, 64, 3, 3, 2, 1, 64, 0),
    CONV(2, 8, 8, 65, 65, 5, 5, 1, 2, 65, 2),   CONV(1, 7, 7, 17, 17, 3, 3, 3, 1, 17, 1),
    CONV(1, 6, 7, 12, 18, 3, 3, 1, 1, 3, 1),    CONV(1, 7, 14, 1024, 40, 1, 1, 1, 0, 1, 1),
    CONV(1, 14, 14, 512, 24, 3, 3, 2, 1, 1, 1), CONV(1, 3, 3, 64, 64, 3, 3, 1, 0, 1, 1),
    CONV(2, 2, 1, 16, 16, 2, 2, 1, 1, 1, 1),    CONV(1, 4, 57, 32, 96, 3, 3, 1, 1, 1, 1)};
enum { NSHAPE = sizeof shape / sizeof *shape };

static void test_shapes(void **state)
{
    (void)state;
    static const size_t misalign[] = {0, 1, 12};
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        for (int threads = 1; threads <= MOST_THREADS; threads++) {
            device d;
            open_device(&d, (cpu_isa)isa, threads);
            for (size_t i = 0; i < NSHAPE; i++)
                for (size_t a = 0; a < sizeof misalign / sizeof *misalign; a++) {
                    const int ran = verify_kernels(&d, &wl_conv, &shape[i], misalign[a], FEW);
                    if (shape[i].v[9] == 1 || shape[i].v[9] == shape[i].v[3])
                        assert_true(ran > 0); /* one of ours */
                }
            each_kernel_ran(&d, &wl_conv, FEW);
            close_device(&d);
        }
    }
}

/* The workload's own grid, and every width and channel count around the tiles. */
static void test_edges(void **state)
{
    (void)state;
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        device d;
        open_device(&d, (cpu_isa)isa, 2);
        for (size_t i = 0; i < wl_conv.nodd; i++) verify_kernels(&d, &wl_conv, &wl_conv.odd[i], 4, FEW);
        for (int64_t x = 1; x <= 30; x++) {
            verify_kernels(&d, &wl_conv, &(ir_params)CONV(1, 4, x, 8, 33, 3, 3, 1, 1, 1, 1), 0, FEW);
            verify_kernels(&d, &wl_conv, &(ir_params)CONV(1, 5, x + 1, 20, 16, 3, 3, 2, 1, 1, 1), 0, FEW);
            verify_kernels(&d, &wl_conv, &(ir_params)CONV(2, 3, x, 40, x, 1, 1, 1, 0, 1, 0), 0, FEW);
            verify_kernels(&d, &wl_conv, &(ir_params)CONV(1, 6, 9, x, x, 3, 3, 1, 1, x, 1), 0, FEW);
        }
        each_kernel_ran(&d, &wl_conv, FEW);
        close_device(&d);
    }
}

/* Many groups of channel blocks: the caches of this imaginary machine are tiny; more threads than rows or
 * blocks. */
static void test_many_blocks(void **state)
{
    (void)state;
    static const ir_params big[] = {
        CONV(2, 9, 9, 48, 200, 3, 3, 1, 1, 1, 1), CONV(1, 13, 7, 64, 130, 1, 1, 1, 0, 1, 1),
        CONV(1, 20, 20, 20, 150, 5, 5, 1, 2, 1, 1), CONV(3, 7, 7, 24, 70, 3, 3, 2, 1, 1, 1)};
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        for (int threads = 1; threads <= 7; threads += 2) {
            device d;
            open_device(&d, (cpu_isa)isa, threads);
            pretend_caches(&d, 3, 2048, 16);
            for (size_t i = 0; i < sizeof big / sizeof *big; i++)
                verify_kernels(&d, &wl_conv, &big[i], 0, FEW);
            close_device(&d);
        }
    }
}

/* Images of several bands, the last one shorter: unrolled, in groups, and 1x1 over all images at once. */
static void test_im2col_bands(void **state)
{
    (void)state;
    static const ir_params p[] = {CONV(2, 40, 40, 160, 3, 3, 3, 1, 1, 1, 1),
                                  CONV(1, 81, 41, 96, 6, 5, 5, 2, 2, 2, 1),
                                  CONV(3, 67, 71, 5, 7, 1, 1, 1, 0, 1, 1)};
    const ir_kernel       *k = kernel_named(&cpu_backend, "conv", "im2col");
    for (int threads = 1; threads <= 2; threads++) {
        device d;
        open_device(&d, cpu_isa_best(), threads);
        for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
            ly_row r;
            wl_row_of(&wl_conv, &p[i], &r);
            const int64_t pixels = r.oh * r.ow * (r.r > 1 ? 1 : r.batch), band = cpu_im2col_band(&r);
            if (k->flags & IR_K_LIB) {
                assert_num(band, <, pixels);
                assert_num(pixels % band, >, 0);
            } else
                assert_true(band == pixels);
            /* It runs where the library does: on one thread always, on several unless this build of it has
             * only one. */
            const ir_status can = cpu_im2col_can(&r, threads);
            if (k->flags & IR_K_LIB && threads == 1) assert_int_equal(can, IR_OK);
            if (k->flags & IR_K_LIB && can != IR_OK) assert_non_null(strstr(ir_why(), "single-threaded"));
            if (!(k->flags & IR_K_LIB)) assert_int_equal(can, r.groups > 1 ? IR_SKIP : IR_OK);
            assert_int_equal(verify(&d, "im2col", &p[i]), can);
        }
        close_device(&d);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *kernel;
        ir_params   p;
    } no[] = {{"winograd", CONV(1, 8, 8, 4, 4, 3, 3, 2, 1, 1, 1)},
              {"winograd", CONV(1, 8, 8, 4, 4, 5, 5, 1, 2, 1, 1)},
              {"pointwise", CONV(1, 8, 8, 4, 4, 3, 3, 1, 1, 1, 1)},
              {"depthwise", CONV(1, 8, 8, 4, 4, 3, 3, 1, 1, 2, 1)},
              {"direct", CONV(1, 8, 8, 4, 4, 3, 3, 1, 1, 4, 1)},
              {"depthwise", CONV(1, 9, 9, 4, 4, 9, 9, 1, 0, 4, 1)}};
    device d;
    open_device(&d, cpu_isa_best(), 1);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        assert_int_equal(verify(&d, no[i].kernel, &no[i].p), IR_SKIP);
        assert_true(strlen(ir_why()) > 0);
    }
    ir_params half = CONV(1, 8, 8, 4, 4, 3, 3, 1, 1, 1, 1);
    half.dtype = IR_BF16;
    assert_int_equal(verify(&d, "direct", &half), IR_SKIP);
    close_device(&d);
}

/* Winograd's FLOP are those it does: 36 products for 16 outputs, 228 a tile of an input channel, 130 of an
 * output's; both transforms' results are written and read. */
static void test_costs(void **state)
{
    (void)state;
    const ir_params p = CONV(2, 8, 8, 3, 5, 3, 3, 1, 1, 1, 1);
    ir_cost         c = wl_conv.cost(&wl_conv, &p);
    assert_num(c.flops, ==, 2.0 * 2 * 64 * 3 * 5 * 9);
    assert_num(c.spare_flops, >, 0);
    const double plain = ir_cost_B(&c);
    kernel_named(&cpu_backend, "conv", "winograd")->cost(&p, &c);
    assert_true(c.flops == 2.0 * 4 * (2 * 36 * 3 * 5 + 3 * 228 + 5 * 130));
    assert_num(ir_cost_B(&c), ==, plain + 2.0 * 2 * 4 * 36 * 4 * (3 + 5));
    assert_num(c.spare_flops, ==, 0);
    ir_cost      u = wl_conv.cost(&wl_conv, &p);
    const double before = ir_cost_B(&u);
    kernel_named(&cpu_backend, "conv", "im2col")->cost(&p, &u);
    assert_num(ir_cost_B(&u), ==, before + 2.0 * 2 * 64 * 27 * 4);
    assert_num(u.spare_flops, ==, 0);
}

static void test_networks(void **state)
{
    (void)state;
    static const ir_workload *const nets[] = {&wl_resnet50, &wl_mobilenetv2};
    /* One thread, then two. Two images of ResNet-50 are left out where sweeps are thinned, and all of it
     * where each step is emulated: its kernels are MobileNet's and the shapes above. */
    for (size_t i = 0; i < 2; i++) {
        device d;
        open_device(&d, cpu_isa_best(), (int)i + 1);
        for (size_t w = 0; w < sizeof nets / sizeof *nets; w++)
            if (i < nets[w]->nodd && !(nets[w] == &wl_resnet50 && thin_by() > (i ? 1 : 16)))
                assert_true(verify_kernels(&d, nets[w], &nets[w]->odd[i], 0, FEW) > 0);
        close_device(&d);
    }
}

/* What a step need not do is the sum over its layers: by Winograd where that was chosen, else products with
 * padding. */
static void expect_plan_cost(const ir_run *r, const ly_net *net)
{
    ir_cost c = r->workload->cost(r->workload, &r->p), row;
    double  spared = 0;
    ir_plan_cost(r, &c);
    for (int i = 0; i < net->n; i++) {
        ly_cost(&net->row[i], IR_F32, true, &row);
        spared += strcmp(cpu_cnn_choice(r, i), "winograd") ? row.spare_flops
                                                           : row.flops - ly_winograd_flops(&net->row[i]);
    }
    assert_num(fabs(c.spare_flops - spared), <=, 1e-9 * c.flops);
    assert_num(c.flops, ==, r->workload->cost(r->workload, &r->p).flops);
}

/* profile() fills every layer, and every layer of ours says what it runs on. */
static void profile_of(const ir_workload *w, int64_t res)
{
    device    d;
    ir_tensor spec[IR_MAX_TENSORS];
    ly_net    net;
    open_device(&d, cpu_isa_best(), 2);
    ir_run r = {.workload = w,
                .kernel = kernel_named(&cpu_backend, "cnn", "tuned"),
                .dev = &d.dev,
                .p = {{1, res}, IR_F32, 2}};
    assert_int_equal(wl_net_of(r.workload, &r.p, &net), IR_OK);
    r.nmem = r.workload->tensors(r.workload, &r.p, spec);
    for (int t = 0; t < r.nmem; t++) {
        r.mem[t] = (ir_mem){.p = calloc(1, spec[t].bytes), .bytes = spec[t].bytes};
        if (spec[t].role != IR_OUT) r.workload->fill(r.workload, &r.p, t, r.mem[t].p, 1);
    }
    double *s = malloc(sizeof *s * (size_t)net.n);
    for (int i = 0; i < net.n; i++) s[i] = NAN;
    assert_int_equal(ir_plan_make(&r), IR_OK);
    assert_int_equal(ir_plan_prepare(&r), IR_OK);
    assert_int_equal(r.kernel->ops->net.profile(&r, s, net.n + 1), IR_EINVAL);
    assert_int_equal(r.kernel->ops->net.profile(&r, s, net.n), IR_OK);
    for (int i = 0; i < net.n; i++) {
        assert_true(s[i] >= 0);
        assert_true(strlen(cpu_cnn_choice(&r, i)) > 0);
    }
    assert_string_equal(cpu_cnn_choice(&r, net.n), "");
    expect_plan_cost(&r, &net);
    ir_plan_unprepare(&r);
    ir_plan_destroy(&r);
    for (int t = 0; t < r.nmem; t++) free(r.mem[t].p);
    free(s);
    ly_free(&net);
    close_device(&d);
}

static void test_profile(void **state)
{
    (void)state;
    profile_of(&wl_mobilenetv2, 32);
    if (thin_by() > 16) return;   /* where each step is emulated it takes most of a minute */
    profile_of(&wl_resnet50, 96); /* large enough for Winograd to be chosen on most machines */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_costs),
        cmocka_unit_test(test_shapes),      cmocka_unit_test(test_edges),
        cmocka_unit_test(test_many_blocks), cmocka_unit_test(test_im2col_bands),
        cmocka_unit_test(test_networks),    cmocka_unit_test(test_profile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

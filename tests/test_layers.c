/* test_layers.c -- --layers: the rows of single layers add up to the network, say which kernel they ran on,
 * and each is judged against its own roof; lists of layers, and kernels that cannot time them. */
#include "bench/measure/per_layer.h"
#include "kernels/workloads/workloads_nets.h"
#include "law_machine.h"
#include "support/cpu_device.h"

/* What bench/tables.c offers to the program; the context asks for its probes, which nothing here runs. */
const ir_workload *ir_workload_named(const char *name) { return (void)name, NULL; }
int ir_workload_param(const ir_workload *w, const char *name) { return (void)w, (void)name, -1; }

static const ir_params mobilenet = {{1, 32}, IR_F32, 1}, gpt = {{LY_TINY, 2, 5, 8}, IR_BF16, 1};

typedef struct {
    measure_context s;
    device          d;
    ir_point        whole;
    ly_net          net;
} fixture;

/* A context with made-up ceilings, too high to reach, and the network measured as a whole. On one thread: on
 * a busy machine two would wait for each other at every row. */
static void open_fixture(fixture *f, const ir_workload *w, const ir_kernel *k, const ir_params *p,
                         const char *layers)
{
    memset(f, 0, sizeof *f);
    open_device(&f->d, cpu_isa_best(), 1);
    f->s.dev = f->d.dev;
    f->s.layers = layers;
    ir_policy_quick(&f->s.policy);
    f->s.policy.warmup_s = 0;
    f->s.policy.fixed_n = 6;
    machine(&f->s.ceilings);
    for (size_t i = 0; i < f->s.ceilings.n; i++)
        f->s.ceilings.v[i].value *= 1e4; /* nothing here may exceed them: no suspects */
    if (ir_measure(&f->s.dev, w, k, p, &f->s.policy, &f->whole) != IR_OK)
        fail_msg("%s: %s", w->name, f->whole.reason);
    assert_int_equal(wl_net_of(w, p, &f->net), IR_OK);
}

static void close_fixture(fixture *f)
{
    for (size_t i = 0; i < f->s.npoint; i++) ir_point_free(&f->s.point[i]);
    free(f->s.point);
    ir_ceilings_free(&f->s.ceilings);
    ir_point_free(&f->whole);
    ly_free(&f->net);
    close_device(&f->d);
}

/* Row by row the table's; together exactly the network: bytes and FLOP are integers below 2^53. */
static void costs_add_up(const fixture *f)
{
    const ir_cost *all = &f->whole.m.cost;
    ir_cost        sum = {0};
    assert_int_equal(f->s.npoint, f->net.n);
    for (int i = 0; i < f->net.n; i++) {
        const ir_point *o = &f->s.point[i];
        ir_cost         c;
        ly_cost(&f->net.row[i], o->id.p.dtype, true, &c);
        assert_num(o->m.cost.flops, ==, c.flops);
        assert_num(ir_cost_read_B(&o->m.cost), ==, ir_cost_read_B(&c));
        assert_num(ir_cost_write_B(&o->m.cost), ==, ir_cost_write_B(&c));
        assert_num(o->m.cost.footprint_B, >=, c.footprint_B);
        assert_num(o->m.cost.footprint_B, <=, all->footprint_B + c.footprint_B);
        sum.flops += o->m.cost.flops;
        for (int b = 0; b < IR_NPART; b++) {
            sum.part[b].read_B += o->m.cost.part[b].read_B;
            sum.part[b].write_B += o->m.cost.part[b].write_B;
        }
    }
    assert_num(sum.flops, ==, all->flops);
    for (int b = 0; b < IR_NPART; b++) {
        assert_num(sum.part[b].read_B, ==, all->part[b].read_B);
        assert_num(sum.part[b].write_B, ==, all->part[b].write_B);
    }
}

/* Each row is itself: name, number, times, and a place under the roof of its own intensity. */
static void rows_are_judged(const fixture *f)
{
    for (int i = 0; i < f->net.n; i++) {
        const ir_point *o = &f->s.point[i];
        char            name[16];
        snprintf(name, sizeof name, "%.15s", f->net.row[i].name);
        assert_string_equal(o->id.family, "layer");
        assert_string_equal(o->id.pname[o->id.np - 1], "layer");
        assert_string_equal(o->id.pword[o->id.np - 1], name);
        assert_int_equal(o->id.p.v[o->id.np - 1], i);
        assert_int_equal(o->id.np, f->whole.id.np + 1);
        assert_int_equal(o->status, IR_OK);
        assert_num(o->m.wall.n, >=, 6);
        assert_num(o->m.wall.median, >=, 0);
        assert_num(o->m.samples.n, ==, o->m.wall.n);
        if (!(o->m.wall.median > 0)) continue; /* a fused norm may end before the clock ticks */
        const double peak = ir_peak_ceiling(&f->s.ceilings, o->id.p.dtype, o->id.p.threads);
        const double bw = ir_bw_ceiling(&f->s.ceilings, o->law.level, o->id.p.threads,
                                        ir_cost_read_B(&o->m.cost), ir_cost_write_B(&o->m.cost));
        assert_num(strlen(o->law.level), >, 0);
        assert_num(bw, >, 0);
        assert_close(o->law.mbu, ir_cost_B(&o->m.cost) / o->m.wall.median / bw, 1e-9);
        if (o->m.cost.flops > 0 && peak > 0) {
            assert_close(o->law.mfu, o->m.cost.flops / o->m.wall.median / peak, 1e-9);
            assert_close(o->law.ridge, peak / bw, 1e-9);
        }
    }
}

static void rows_of_an_image_network(void **state)
{
    (void)state;
    static const char *const ours[] = {"direct", "tuned"};
    for (size_t k = 0; k < 2; k++) {
        fixture          f;
        const ir_kernel *kernel = kernel_named(&cpu_backend, "cnn", ours[k]);
        open_fixture(&f, &wl_mobilenetv2, kernel, &mobilenet, "all");
        assert_int_equal(per_layer_measure(&f.s, &wl_mobilenetv2, kernel, &f.whole), IR_OK);
        costs_add_up(&f);
        rows_are_judged(&f);
        for (int i = 0; i < f.net.n; i++) {
            const bool  conv = f.net.row[i].op == LY_CONV, dw = conv && f.net.row[i].groups > 1;
            const char *why = f.s.point[i].chosen;
            assert_true(strlen(why) > 0);
            assert_true(dw == !strcmp(why, "depthwise"));
            assert_true(!conv || dw || !strcmp(why, "direct") || !strcmp(why, "pointwise") ||
                        (k && !strcmp(why, "winograd")));
        }
        close_fixture(&f);
    }
}

static void rows_of_a_token_network(void **state)
{
    (void)state;
    fixture          f;
    const ir_kernel *k = kernel_named(&cpu_backend, "gpt", "stream");
    open_fixture(&f, &wl_gpt2, k, &gpt, "all");
    assert_int_equal(per_layer_measure(&f.s, &wl_gpt2, k, &f.whole), IR_OK);
    costs_add_up(&f);
    rows_are_judged(&f);
    close_fixture(&f);
}

/* The same choice again: a profile speaks of the kernels that were measured. */
static void choices_stay(void **state)
{
    (void)state;
    fixture          f;
    const ir_kernel *k = kernel_named(&cpu_backend, "cnn", "tuned");
    open_fixture(&f, &wl_resnet50, k, &(ir_params){{1, 64}, IR_F32, 1}, "all");
    for (int again = 0; again < 2; again++)
        assert_int_equal(per_layer_measure(&f.s, &wl_resnet50, k, &f.whole), IR_OK);
    assert_int_equal(f.s.npoint, 2 * f.net.n);
    for (int i = 0; i < f.net.n; i++) assert_string_equal(f.s.point[i].chosen, f.s.point[f.net.n + i].chosen);
    close_fixture(&f);
}

static void some_layers(void **state)
{
    (void)state;
    fixture          f;
    const ir_kernel *k = kernel_named(&cpu_backend, "gpt", "stream");
    open_fixture(&f, &wl_gpt2, k, &gpt, "1,3-4");
    assert_int_equal(per_layer_measure(&f.s, &wl_gpt2, k, &f.whole), IR_OK);
    assert_int_equal(f.s.npoint, 3);
    static const int64_t want[] = {1, 3, 4};
    for (int i = 0; i < 3; i++) assert_int_equal(f.s.point[i].id.p.v[f.s.point[i].id.np - 1], want[i]);
    close_fixture(&f);
}

static void kernels_that_cannot(void **state)
{
    (void)state;
    fixture     f;
    ir_kernel   mute = *kernel_named(&cpu_backend, "gpt", "stream");
    ir_plan_ops silent = *mute.ops;
    silent.net.profile = NULL;
    mute.ops = &silent;
    open_fixture(&f, &wl_gpt2, &mute, &gpt, "all");
    assert_int_equal(per_layer_measure(&f.s, &wl_gpt2, &mute, &f.whole), IR_OK);
    assert_int_equal(f.s.npoint, 1);
    assert_int_equal(f.s.point[0].status, IR_SKIP);
    assert_non_null(strstr(f.s.point[0].reason, "does not time its layers"));
    close_fixture(&f);
}

static void impossible_lists(void **state)
{
    (void)state;
    cli_point  one[2] = {{.workload = &wl_mobilenetv2, .p = mobilenet}, {.workload = &wl_gpt2, .p = gpt}};
    cli_points pts = {.v = one, .n = 2};
    assert_int_equal(per_layer_valid("all", &pts), IR_OK);
    assert_int_equal(per_layer_valid("0,2", &pts), IR_OK);
    assert_int_equal(per_layer_valid("10000", &pts), IR_EINVAL);
    assert_non_null(strstr(ir_why(), "no layer 10000"));
    assert_int_equal(per_layer_valid("x", &pts), IR_EINVAL);
    one[0].workload = one[1].workload = &wl_conv;
    assert_int_equal(per_layer_valid("all", &pts), IR_EINVAL);
    assert_non_null(strstr(ir_why(), "no selected workload is a network"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_of_an_image_network),
                                       cmocka_unit_test(rows_of_a_token_network),
                                       cmocka_unit_test(choices_stay),
                                       cmocka_unit_test(some_layers),
                                       cmocka_unit_test(kernels_that_cannot),
                                       cmocka_unit_test(impossible_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

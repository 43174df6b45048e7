/* test_nets.c -- operators and networks: the naive kernels against the reference over odd shapes; tokens one
 * by one equal tokens at once, a batch equals its items; broken kernels of many kinds and NaN are refused;
 * f16 conversion; filling. */
#include "kernels/nets/values.h"
#include "harness/plan.h"
#include "harness/measure/measure.h"
#include "kernels/cpu/net_naive.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include "tests/support/asserts.h"
#include "tests/support/kernels.h"

static ir_dev dev;

static int open_cpu(void **state)
{
    (void)state;
    const ir_open_options asked = {.no_pin = true};
    return cpu_backend.open(&dev, &asked) == IR_OK ? 0 : -1;
}

static int close_cpu(void **state)
{
    (void)state;
    ir_measure_release(&dev);
    cpu_backend.close(&dev);
    return 0;
}

static const ir_kernel *naive(const ir_workload *w) { return kernel_named(&cpu_backend, w->family, "naive"); }

/* ---- against the reference ------------------------------------------------------------------- */
static void verify_odd(const ir_workload *w, size_t first, size_t n, uint32_t dtypes)
{
    static const size_t off[] = {0, 4, 8, 16, 60};
    for (size_t i = first; i < first + n && i < w->nodd; i++)
        for (int t = 0; t < IR_NDTYPE; t++) {
            ir_params p = w->odd[i];
            ir_check  c;
            if (!(w->dtypes & dtypes & 1u << t) || t == IR_TF32) continue;
            p.dtype = (ir_dtype)t;
            p.threads = 1 + (int)(i % (size_t)cpu_of(&dev)->nthreads);
            if (ir_verify(&dev, w, naive(w), &p, 7 + i, off[i % 5], &c) != IR_OK)
                fail_msg("%s, shape %zu, %s: %s", w->name, i, ir_dtype_name(p.dtype), ir_why());
            if (!(c.err <= 0.6 * c.tol))
                fail_msg("%s, shape %zu: error %g leaves no room below %g", w->name, i, c.err, c.tol);
        }
}

static void operators(void **state)
{
    (void)state;
    static const ir_workload *const all[] = {&wl_conv, &wl_linear, &wl_norm,      &wl_softmax, &wl_act,
                                             &wl_add2, &wl_embed,  &wl_attention, &wl_gpt2};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) verify_odd(all[i], 0, 99, UINT32_MAX);
}

static void image_networks(void **state)
{
    (void)state;
    verify_odd(&wl_mobilenetv2, 0, 2, 1u << IR_F32 | 1u << IR_BF16);
    verify_odd(&wl_resnet50, 0, 1, 1u << IR_F32);
}

static void tf32_is_skipped(void **state)
{
    (void)state;
    ir_check  c;
    ir_params p = wl_conv.odd[0];
    p.dtype = IR_TF32;
    assert_int_equal(ir_verify(&dev, &wl_conv, naive(&wl_conv), &p, 1, 0, &c), IR_SKIP);
}

static void reference_follows_the_seed(void **state)
{
    (void)state;
    ir_params p = {{LY_TINY, 2, 3, 4}, IR_F32, 0};
    for (uint64_t seed = 1; seed < 4; seed++)
        for (int again = 0; again < 2; again++) {
            ir_check c;
            assert_int_equal(ir_verify(&dev, &wl_gpt2, naive(&wl_gpt2), &p, seed, 0, &c), IR_OK);
        }
}

/* ---- one network, other batches and steps ---------------------------------------------------- */
typedef struct {
    const ir_workload *w;
    ir_params          p;
    ly_net             net;
    ir_run             run;
} bound;

static void bind(bound *b, const ir_workload *w, ir_params p)
{
    ir_tensor t[IR_MAX_TENSORS];
    memset(b, 0, sizeof *b);
    b->w = w;
    p.threads = cpu_of(&dev)->nthreads;
    b->p = p;
    assert_int_equal(wl_net_of(w, &p, &b->net), IR_OK);
    b->run = (ir_run){.workload = w, .kernel = naive(w), .dev = &dev, .p = p, .nmem = w->tensors(w, &p, t)};
    for (int i = 0; i < b->run.nmem; i++) {
        b->run.mem[i] = (ir_mem){.p = calloc(1, t[i].bytes), .bytes = t[i].bytes};
        assert_non_null(b->run.mem[i].p);
        if (t[i].role != IR_OUT) w->fill(w, &p, i, b->run.mem[i].p, 3);
    }
}

static void go(bound *b)
{
    assert_int_equal(ir_plan_make(&b->run), IR_OK);
    assert_int_equal(b->run.kernel->run(&b->run, 1), IR_OK);
    ir_plan_destroy(&b->run);
}

static void unbind(bound *b)
{
    for (int i = 0; i < b->run.nmem; i++) free(b->run.mem[i].p);
    ly_free(&b->net);
}

static void same_weights(const bound *a, const bound *b)
{
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(a->run.mem[i].bytes, b->run.mem[i].bytes);
        assert_memory_equal(a->run.mem[i].p, b->run.mem[i].p, a->run.mem[i].bytes);
    }
}

/* Copy `rows` cached rows of every head of every block: sequence sa of a to sequence sb of b. */
static void copy_cache(const bound *a, int64_t sa, bound *b, int64_t sb, int64_t rows)
{
    const ly_gpt_shape *g = &ly_gpt2[a->p.v[0]];
    int64_t             dh = g->d / g->heads, Ba = a->p.v[1], Bb = b->p.v[1];
    const float        *from = a->run.mem[4].p;
    float              *to = b->run.mem[4].p;
    for (int64_t plane = 0; plane < 2 * g->layers; plane++)
        for (int64_t h = 0; h < g->heads; h++)
            memcpy(to + ((plane * Bb + sb) * g->heads + h) * b->net.kv_cap * dh,
                   from + ((plane * Ba + sa) * g->heads + h) * a->net.kv_cap * dh,
                   sizeof(float) * (size_t)(rows * dh));
}

static void close_to(const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-5f))
            fail_msg("value %lld: %g, not %g", (long long)i, (double)a[i], (double)b[i]);
}

static void decode_equals_prefill(void **state)
{
    (void)state;
    enum { N = 9 };
    bound all, step, next;
    bind(&all, &wl_gpt2, (ir_params){{LY_TINY, 1, N, 0}, IR_F32, 0});
    go(&all);
    for (int64_t i = 0; i < N; i++) {
        bind(&next, &wl_gpt2, (ir_params){{LY_TINY, 1, 1, i}, IR_F32, 0});
        same_weights(&all, &next);
        if (i) copy_cache(&step, 0, &next, 0, i);
        if (i) unbind(&step);
        step = next;
        ((int32_t *)step.run.mem[0].p)[0] = ((int32_t *)all.run.mem[0].p)[i];
        go(&step);
    }
    close_to(step.run.mem[3].p, all.run.mem[3].p, all.net.out_elems);
    close_to(step.run.mem[4].p, all.run.mem[4].p, all.net.kv_elems);
    unbind(&step);
    unbind(&all);
}

static void batch_equals_items_gpt(void **state)
{
    (void)state;
    enum { B = 3, TOKENS = 4, PAST = 6 };
    bound all, one;
    bind(&all, &wl_gpt2, (ir_params){{LY_TINY, B, TOKENS, PAST}, IR_F32, 0});
    go(&all);
    for (int64_t i = 0; i < B; i++) {
        bound fresh;
        bind(&one, &wl_gpt2, (ir_params){{LY_TINY, 1, TOKENS, PAST}, IR_F32, 0});
        bind(&fresh, &wl_gpt2, all.p); /* the cache as it was */
        same_weights(&all, &one);
        copy_cache(&fresh, i, &one, 0, PAST);
        memcpy(one.run.mem[0].p, (int32_t *)all.run.mem[0].p + i * TOKENS, 4 * TOKENS);
        go(&one);
        assert_memory_equal(one.run.mem[3].p, (float *)all.run.mem[3].p + i * one.net.out_elems,
                            one.run.mem[3].bytes);
        memcpy(fresh.run.mem[4].p, all.run.mem[4].p, all.run.mem[4].bytes);
        copy_cache(&one, 0, &fresh, i, PAST + TOKENS);
        assert_memory_equal(fresh.run.mem[4].p, all.run.mem[4].p, all.run.mem[4].bytes);
        unbind(&fresh);
        unbind(&one);
    }
    unbind(&all);
}

static void batch_equals_items_cnn(void **state)
{
    (void)state;
    enum { B = 2 };
    bound all, one;
    bind(&all, &wl_mobilenetv2, (ir_params){{B, 40}, IR_F32, 0});
    bind(&one, &wl_mobilenetv2, (ir_params){{1, 40}, IR_F32, 0});
    same_weights(&all, &one);
    go(&all);
    for (int64_t i = 0; i < B; i++) {
        memcpy(one.run.mem[0].p, (float *)all.run.mem[0].p + i * one.net.in_elems, one.run.mem[0].bytes);
        go(&one);
        assert_memory_equal(one.run.mem[3].p, (float *)all.run.mem[3].p + i * one.net.out_elems,
                            one.run.mem[3].bytes);
    }
    unbind(&one);
    unbind(&all);
}

/* The outputs say something: of the order of one, and different from item to item. */
static void activations_stay_alive(void **state)
{
    (void)state;
    static const struct {
        const ir_workload *w;
        ir_params          p;
    } net[] = {{&wl_mobilenetv2, {{2, 40}, IR_F32, 0}},
               {&wl_resnet50, {{2, 32}, IR_F32, 0}},
               {&wl_gpt2, {{LY_TINY, 2, 5, 6}, IR_F32, 0}}};
    for (size_t i = 0; i < sizeof net / sizeof *net; i++) {
        bound b;
        bind(&b, net[i].w, net[i].p);
        go(&b);
        int64_t      n = b.net.out_elems / 2;
        const float *y = b.run.mem[3].p;
        double       sq = 0, diff = 0;
        for (int64_t k = 0; k < n; k++) {
            sq += (double)y[k] * (double)y[k];
            diff += ((double)y[k] - (double)y[n + k]) * ((double)y[k] - (double)y[n + k]);
        }
        double rms = sqrt(sq / (double)n), apart = sqrt(diff / (double)n) / rms;
        if (!(rms > 0.01 && rms < 100 && apart > 0.02))
            fail_msg("%s: logits %g, items apart by %g", net[i].w->name, rms, apart);
        unbind(&b);
    }
}

static void profiles(void **state)
{
    (void)state;
    bound   b;
    double *s;
    bind(&b, &wl_gpt2, (ir_params){{LY_TINY, 1, 5, 0}, IR_F32, 0});
    s = malloc((size_t)b.net.n * sizeof *s);
    assert_non_null(s);
    assert_true(b.net.n > 0);
    for (int i = 0; i < b.net.n; i++) s[i] = NAN; /* a layer that is left out stays so */
    assert_int_equal(ir_plan_make(&b.run), IR_OK);
    assert_int_equal(b.run.kernel->ops->net.profile(&b.run, s, b.net.n), IR_OK);
    double sum = 0;
    for (int i = 0; i < b.net.n; i++) {
        assert_true(s[i] >= 0);
        sum += s[i];
    }
    assert_true(sum > 0);
    assert_int_equal(b.run.kernel->ops->net.profile(&b.run, s, b.net.n + 1), IR_EINVAL);
    ir_plan_destroy(&b.run);
    ir_plan_destroy(&b.run);
    free(s);
    unbind(&b);
}

/* ---- broken kernels -------------------------------------------------------------------------- */
typedef enum {
    FINE,
    NO_BIAS,
    NO_ACT,
    NO_ADD,
    SHIFTED,
    LAST_ROW,
    ONE_SCALE,
    POSITION,
    PAST,
    NAN_OUT,
    INF_OUT,
    NO_APPEND,
    TOUCH_PAST,
    NO_LAST_NORM,
    NFAULT
} fault;
static fault broken;

static bool breaks(ly_row *r)
{
    ly_row old = *r;
    switch (broken) {
    case NO_BIAS:
        if (r->op == LY_FC || r->op == LY_CONV) r->b_at = -1;
        break;
    case NO_ACT:
        if (r->op == LY_FC || r->op == LY_CONV) r->act = LY_ID;
        break;
    case SHIFTED:
        if (r->op == LY_CONV && r->pad) r->pad--;
        break;
    case POSITION:
        if (r->op == LY_EMBED) r->past ^= 1;
        break;
    case ONE_SCALE:
        if (r->op == LY_FC && r->s_at >= 0) r->s_at++;
        break;
    case NO_LAST_NORM:
        if (r->op == LY_NORM) r->tokens = 1;
        break;
    default: break;
    }
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
    return memcmp(&old, r, sizeof old) != 0;
}

/* The naive kernels with one thing wrong. */
static ir_status walk_broken(ir_run *run, const ly_net *net, any_f32 *const *buf)
{
    bool once = false;
    for (int l = 0; l < net->n; l++) {
        ly_row   r = net->row[l];
        int64_t  bufs[3] = {r.in, r.add, r.out};
        any_f32 *p[3];
        for (int i = 0; i < 3; i++)
            p[i] = bufs[i] == LY_INPUT    ? run->mem[0].p
                   : bufs[i] == LY_OUTPUT ? run->mem[3].p
                   : bufs[i] < 0          ? NULL
                                          : buf[bufs[i]];
        if (!once) once = breaks(&r);
        if (broken == NO_ADD && !once && p[1]) once = true, p[1] = NULL;
        naive_op o = {.r = &r,
                      .dtype = run->p.dtype,
                      .W = run->mem[1].p,
                      .V = run->mem[2].p,
                      .x = p[0],
                      .add = p[1],
                      .y = p[2],
                      .kv = run->nmem > 4 ? run->mem[4].p : NULL};
        naive_run(run->dev, run->p.threads, &o);
    }
    return IR_OK;
}

static ir_status net_broken(ir_run *run, uint32_t reps)
{
    ly_net    net;
    any_f32  *buf[LY_MAX_BUF] = {0};
    ir_status st = wl_net_of(run->workload, &run->p, &net);
    for (int b = 0; st == IR_OK && b < net.nbuf; b++)
        assert_non_null(buf[b] = calloc((size_t)net.buf[b], sizeof(float)));
    for (uint32_t i = 0; i < reps && st == IR_OK; i++) st = walk_broken(run, &net, buf);
    int64_t  n = net.out_elems;
    any_f32 *y = run->mem[3].p, *kv = run->nmem > 4 ? run->mem[4].p : NULL;
    if (broken == NAN_OUT) y[n / 2] = NAN;
    if (broken == INF_OUT) y[n - 1] = -INFINITY;
    if (broken == LAST_ROW) memset(y + n - 7, 0, 7 * sizeof *y);
    if (broken == NO_APPEND && kv) kv[net.kv_elems - 1] = 1000;
    if (broken == TOUCH_PAST && kv) kv[0] += 1e-3f;
    for (int b = 0; b < net.nbuf; b++) free(buf[b]);
    ly_free(&net);
    return st;
}

static const ir_kernel net_kernel = {
    .family = "*", .name = "broken", .doc = "naive with one fault", .run = net_broken};

static void expect(const ir_workload *w, const ir_kernel *k, ir_params p, fault f, ir_status want)
{
    ir_check c;
    broken = f;
    ir_status got = ir_verify(&dev, w, k, &p, 11, 0, &c);
    if (got != want)
        fail_msg("%s %s with fault %d: %s (error %g, tolerance %g)", w->name, ir_dtype_name(p.dtype), f,
                 ir_status_name(got), c.err, c.tol);
    if (f == NAN_OUT || f == INF_OUT) assert_true(isnan(c.err));
}

static void faults_of_networks(void **state)
{
    (void)state;
    static const fault    cnn[] = {NO_BIAS, NO_ACT, NO_ADD, SHIFTED, LAST_ROW, NAN_OUT, INF_OUT};
    static const fault    gpt[] = {NO_BIAS,  NO_ACT,  NO_ADD,  POSITION,  NO_LAST_NORM,
                                   LAST_ROW, NAN_OUT, INF_OUT, NO_APPEND, TOUCH_PAST};
    static const ir_dtype types[] = {IR_F32, IR_BF16};
    for (size_t t = 0; t < 2; t++) {
        ir_params c = {{1, 40}, types[t], 0}, g = {{LY_TINY, 2, 5, 8}, types[t], 0};
        expect(&wl_mobilenetv2, &net_kernel, c, FINE, IR_OK);
        for (size_t i = 0; i < sizeof cnn / sizeof *cnn; i++)
            expect(&wl_mobilenetv2, &net_kernel, c, cnn[i], IR_ECHECK);
        expect(&wl_gpt2, &net_kernel, g, FINE, IR_OK);
        for (size_t i = 0; i < sizeof gpt / sizeof *gpt; i++)
            if (t == 0 || gpt[i] < NO_APPEND) expect(&wl_gpt2, &net_kernel, g, gpt[i], IR_ECHECK);
    }
    expect(&wl_gpt2, &net_kernel, (ir_params){{LY_TINY, 1, 5, 8}, IR_I8, 0}, ONE_SCALE, IR_ECHECK);
    expect(&wl_gpt, &net_kernel, wl_gpt.odd[1], FINE, IR_OK);
    expect(&wl_gpt2, &net_kernel, (ir_params){{LY_TINY, 1, 5, 8}, IR_F8, 0}, FINE, IR_OK);
    expect(&wl_gpt2, &net_kernel, (ir_params){{LY_TINY, 1, 5, 8}, IR_F8, 0}, ONE_SCALE, IR_ECHECK);
}

static ir_status op_broken(ir_run *run, uint32_t reps)
{
    ly_row r;
    wl_row_of(run->workload, &run->p, &r);
    if (broken == PAST)
        r.past--;
    else if (!breaks(&r) && broken != NAN_OUT && broken != LAST_ROW && broken != FINE)
        return ir_fail(IR_EINVAL, "no such fault here");
    bool     matrix = r.op == LY_CONV || r.op == LY_FC;
    any_f32 *y = run->mem[run->nmem - 1].p;
    naive_op o = {.r = &r,
                  .dtype = run->p.dtype,
                  .x = run->mem[0].p,
                  .W = run->mem[1].p,
                  .V = run->mem[matrix ? 2 : 1].p,
                  .y = y,
                  .kv = run->mem[1].p};
    for (uint32_t i = 0; i < reps; i++) naive_run(run->dev, run->p.threads, &o);
    wl_row_of(run->workload, &run->p, &r);
    if (broken == NAN_OUT) y[ly_out_elems(&r) - 1] = NAN;
    if (broken == LAST_ROW) y[ly_out_elems(&r) - 1] += 0.05f * (fabsf(y[ly_out_elems(&r) - 1]) + 0.5f);
    return IR_OK;
}

static const ir_kernel op_kernel = {
    .family = "*", .name = "broken", .doc = "naive with one fault", .run = op_broken};

static void faults_of_operators(void **state)
{
    (void)state;
    const ir_params conv = {{1, 9, 9, 8, 8, 3, 3, 1, 1, 1, WL_FUSED}, IR_F32, 0},
                    attention = {{1, 2, 8, 3, 5}, IR_F32, 0};
    static const fault conv_faults[] = {NO_BIAS, NO_ACT, SHIFTED, NAN_OUT, LAST_ROW};
    expect(&wl_conv, &op_kernel, conv, FINE, IR_OK);
    for (size_t i = 0; i < 5; i++) {
        if (conv_faults[i] == SHIFTED) continue; /* another output size: covered by the networks */
        expect(&wl_conv, &op_kernel, conv, conv_faults[i], IR_ECHECK);
    }
    expect(&wl_attention, &op_kernel, attention, PAST, IR_ECHECK);
    expect(&wl_attention, &op_kernel, attention, NAN_OUT, IR_ECHECK);
    expect(&wl_attention, &op_kernel, attention, LAST_ROW, IR_ECHECK);
    expect(&wl_linear, &op_kernel, (ir_params){{3, 64, 5}, IR_I8, 0}, FINE, IR_OK);
    expect(&wl_linear, &op_kernel, (ir_params){{3, 64, 5}, IR_F32, 0}, NO_BIAS, IR_ECHECK);
    expect(&wl_linear, &op_kernel, (ir_params){{3, 64, 5}, IR_BF16, 0}, LAST_ROW, IR_ECHECK);
    expect(&wl_norm, &op_kernel, (ir_params){{3, 64}, IR_F32, 0}, LAST_ROW, IR_ECHECK);
    expect(&wl_softmax, &op_kernel, (ir_params){{3, 64}, IR_F32, 0}, LAST_ROW, IR_ECHECK);
    expect(&wl_act, &op_kernel, (ir_params){{3, 64, 1}, IR_F32, 0}, NAN_OUT, IR_ECHECK);
    expect(&wl_embed, &op_kernel, (ir_params){{3, 64, 9}, IR_F32, 0}, LAST_ROW, IR_ECHECK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(operators),
                                       cmocka_unit_test(image_networks),
                                       cmocka_unit_test(tf32_is_skipped),
                                       cmocka_unit_test(reference_follows_the_seed),
                                       cmocka_unit_test(decode_equals_prefill),
                                       cmocka_unit_test(batch_equals_items_gpt),
                                       cmocka_unit_test(batch_equals_items_cnn),
                                       cmocka_unit_test(activations_stay_alive),
                                       cmocka_unit_test(profiles),
                                       cmocka_unit_test(faults_of_networks),
                                       cmocka_unit_test(faults_of_operators)};
    return cmocka_run_group_tests(tests, open_cpu, close_cpu);
}

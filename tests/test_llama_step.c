/* test_llama_step.c -- the Llama-like step on the CPU: every kernel, weight format and cache against the
 * oracle on odd shapes, for every ISA; decoding against prefilling, a batch against its sequences; broken
 * kernels are refused. */
#include "kernels/nets/format.h"
#include "harness/plan.h"
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

#include "tests/llama_points.h"

enum { MOST_THREADS = 3 };

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
        {IR_F8, NULL, NULL, {{DEEP, 1, 40, 0}, 0, 0}},     {IR_I8, "row", "bf16", {{WIDE, 4, 1, 9}, 0, 0}},
        {IR_I4, "g32", NULL, {{ODD, 1, 1, 9}, 0, 0}},      {IR_I4, "g32z", NULL, {{ODD, 3, 1, 9}, 0, 0}},
        {IR_I8, "g32", NULL, {{ODD, 2, 1, 9}, 0, 0}}};
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
    assert_int_equal(ir_plan_make(&b->r), IR_OK);
    assert_int_equal(b->r.kernel->run(&b->r, 1), IR_OK);
    ir_plan_destroy(&b->r);
    ir_plan_destroy(&b->r); /* idempotent */
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

/* Rows enough for panels, on a machine whose caches are so small that a row of W is in several parts. */
static void many_rows(void **state)
{
    (void)state;
    static const struct {
        ir_dtype    t;
        const char *format;
        ir_params   p;
    } c[] = {{IR_I4, "g32", {{ODD, 1, 130, 0}, 0, 0}},   {IR_I4, "g128z", {{DEEP, 1, 128, 0}, 0, 0}},
             {IR_I8, "g32", {{ODD, 1, 131, 0}, 0, 0}},   {IR_I8, "row", {{WIDE, 1, 129, 0}, 0, 0}},
             {IR_I4, "g64z", {{WIDE, 1, 140, 0}, 0, 0}}, {IR_F8, NULL, {{WIDE, 2, 70, 0}, 0, 0}},
             {IR_BF16, NULL, {{ODD, 1, 133, 0}, 0, 0}},  {IR_F32, NULL, {{ODD, 1, 129, 0}, 0, 0}}};
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
            device    d;
            double    err = 0;
            ir_params p = stored(c[i].p, c[i].format, NULL);
            p.dtype = c[i].t;
            if (thin_skips("llama rows", i)) continue;
            open_device(&d, (cpu_isa)isa, 1 + (int)i % MOST_THREADS);
            pretend_caches(&d, 2, 1024, 16);
            assert_num(verify(&d, p, i % 2, &err), >=, 2);
            close_device(&d);
        }
    }
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
    ir_status st = kernel_named(&cpu_backend, "gpt", "naive")->plan(r);
    r->workload = own;
    return st;
}

static void wrong_kernels_are_caught(void **state)
{
    (void)state;
    ir_kernel k = *kernel_named(&cpu_backend, "gpt", "naive");
    device    d;
    open_device(&d, CPU_PORTABLE, 1);
    k.plan = bent_setup;
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(odd_shapes),
                                       cmocka_unit_test(formats_and_caches),
                                       cmocka_unit_test(many_rows),
                                       cmocka_unit_test(decode_is_prefill),
                                       cmocka_unit_test(batch_is_its_sequences),
                                       cmocka_unit_test(wrong_kernels_are_caught)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

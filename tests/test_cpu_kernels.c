/* test_cpu_kernels.c -- what the oracle of a workload does not see: integer products of int8 weights
 * against double, to the bound that linear_i8_body.h states; values that are no numbers; results of
 * attention that do not depend on the threads; non-temporal passes against plain ones, bit by bit. On
 * every ISA. */
#include "kernels/workloads/workloads_nets.h"
#include "harness/plan.h"
#include "kernels/cpu/linear.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/cpu_device.h"

static void each_isa(void (*test)(device *), int threads)
{
    for (int isa = 0; isa < CPU_NISA; isa++) {
        if (!isa_runs((cpu_isa)isa)) continue;
        device d;
        open_device(&d, (cpu_isa)isa, threads);
        test(&d);
        close_device(&d);
    }
}

/* ---- int8 ------------------------------------------------------------------------------------ */
enum { ROWS_X = 6, ROWS_W = 4, MOST_C = 5003, BLOCK = 1024 };
static float  x[ROWS_X][MOST_C];
static int8_t w[ROWS_W * MOST_C + 1];

/* Largest allowed error of a product of row m of x and row r of w: half a step of a block's integers times
 * the block's weights, and f32's rounding of the blocks' sums. */
static double i8_bound(size_t m, size_t r, size_t c, double *want)
{
    double bound = 0, size = 0;
    *want = 0;
    for (size_t at = 0; at < c; at += BLOCK) {
        double most = 0, weights = 0;
        for (size_t i = at; i < c && i < at + BLOCK; i++) {
            most = fmax(most, fabs((double)x[m][i]));
            weights += abs(w[1 + r * c + i]);
            *want += (double)x[m][i] * w[1 + r * c + i];
            size += fabs((double)x[m][i] * w[1 + r * c + i]);
        }
        bound += fmax(most / 32767, FLT_MIN) / 2 * weights;
    }
    return bound * 1.001 + 8 * FLT_EPSILON * size;
}

static void fill_x(size_t c, float scale)
{
    for (size_t m = 0; m < ROWS_X; m++)
        for (size_t i = 0; i < c; i++) x[m][i] = scale * ir_rand_f32(m, i) * (i % 61 ? 1 : 40);
}

static void i8_products(device *d, size_t c, size_t rows, bool four, float scale)
{
    const cpu_linear_ops *o = cpu_linear_ops_of(&d->dev);
    const size_t          xs = o->row_B(CPU_DOT_I8, c) + 64;
    char                 *packed = aligned_alloc(64, cpu_up(ROWS_X * xs, 64));
    float                 y[ROWS_X][ROWS_W];
    const cpu_ahead       ahead = {256, 0, 1};
    assert_non_null(packed);
    fill_x(c, scale);
    for (size_t i = 0; i < ROWS_W * c; i++) w[1 + i] = (int8_t)(ir_hash32(77, i) >> 24);
    memset(y, 0xFF, sizeof y);
    for (size_t m = 0; m < rows; m++) o->pack(CPU_DOT_I8, c, x[m], packed + m * xs);
    if (rows == 1 && four)
        o->lines[CPU_DOT_I8](c, (const char *)w + 1, c, packed, (char *)y);
    else
        o->tile[CPU_DOT_I8][four][rows](c, (const char *)w + 1, c, packed, xs, (char *)y, sizeof *y, 0,
                                        &ahead);
    for (size_t m = 0; m < rows; m++)
        for (size_t r = 0; r < (four ? ROWS_W : 1u); r++) {
            double       want;
            const double bound = i8_bound(m, r, c, &want);
            if (!(fabs((double)y[m][r] - want) <= bound))
                fail_msg("c=%zu rows=%zu: row %zu, weight row %zu: %g, not %g within %g", c, rows, m, r,
                         (double)y[m][r], want, bound);
        }
    free(packed);
}

static void i8_bounds(device *d)
{
    static const size_t width[] = {1, 7, 31, 32, 63, 64, 65, 127, 200, 1023, 1024, 1025, 2048, 3100, MOST_C};
    const size_t        most = cpu_linear_ops_of(&d->dev)->most;
    for (size_t i = 0; i < sizeof width / sizeof *width; i++)
        for (size_t rows = 1; rows <= most && rows <= ROWS_X; rows++)
            for (int four = 0; four < 2; four++) i8_products(d, width[i], rows, four, 1);
    for (int e = -40; e <= 32; e += 4) i8_products(d, 1500, 1, true, powf(10, (float)e)); /* denormals too */
}
static void test_i8_bounds(void **state) { (void)state, each_isa(i8_bounds, 1); }

/* All weights and activations at their ends: nothing may overflow. */
static void i8_ends(device *d)
{
    const cpu_linear_ops *o = cpu_linear_ops_of(&d->dev);
    enum { C = 4096 };
    char *packed = aligned_alloc(64, cpu_up(o->row_B(CPU_DOT_I8, C), 64));
    float y[ROWS_W];
    assert_non_null(packed);
    for (int sign = -1; sign <= 1; sign += 2) {
        for (size_t i = 0; i < C; i++) x[0][i] = (float)sign;
        memset(w, -128, ROWS_W * C);
        o->pack(CPU_DOT_I8, C, x[0], packed);
        o->lines[CPU_DOT_I8](C, (const char *)w, C, packed, (char *)y);
        for (int r = 0; r < ROWS_W; r++) assert_true(fabs((double)y[r] + sign * 128.0 * C) < 1);
    }
    free(packed);
}
static void test_i8_ends(void **state) { (void)state, each_isa(i8_ends, 1); }

/* A NaN or an infinity anywhere makes every product of its row NaN; zeros give exactly 0. */
static void i8_odd_values(device *d)
{
    const cpu_linear_ops *o = cpu_linear_ops_of(&d->dev);
    static const float    odd[] = {NAN, INFINITY, -INFINITY};
    enum { C = 1100 };
    char *packed = aligned_alloc(64, cpu_up(o->row_B(CPU_DOT_I8, C), 64));
    float y[ROWS_W];
    assert_non_null(packed);
    memset(w, 3, sizeof w);
    for (size_t i = 0; i < 3; i++)
        for (size_t at = 0; at < C; at += C - 1) {
            fill_x(C, 1);
            x[0][at] = odd[i];
            o->pack(CPU_DOT_I8, C, x[0], packed);
            o->lines[CPU_DOT_I8](C, (const char *)w, C, packed, (char *)y);
            for (int r = 0; r < ROWS_W; r++) assert_nan(y[r]);
        }
    memset(x, 0, sizeof x);
    o->pack(CPU_DOT_I8, C, x[0], packed);
    o->lines[CPU_DOT_I8](C, (const char *)w, C, packed, (char *)y);
    for (int r = 0; r < ROWS_W; r++) assert_num(y[r], ==, 0);
    free(packed);
}
static void test_i8_odd_values(void **state) { (void)state, each_isa(i8_odd_values, 1); }

/* ---- one call of a kernel with content of our own -------------------------------------------- */
typedef struct {
    ir_run    r;
    ir_tensor spec[IR_MAX_TENSORS];
} call;

static void call_begin(call *c, device *d, const ir_workload *wl, const char *kernel, ir_params p)
{
    memset(c, 0, sizeof *c);
    p.threads = d->cpu.nthreads;
    c->r = (ir_run){
        .workload = wl, .kernel = kernel_named(&cpu_backend, wl->family, kernel), .dev = &d->dev, .p = p};
    c->r.nmem = wl->tensors(wl, &p, c->spec);
    for (int t = 0; t < c->r.nmem; t++) {
        void *m = aligned_alloc(64, cpu_up(c->spec[t].bytes, 64));
        assert_non_null(m);
        memset(m, 0xFF, c->spec[t].bytes);
        if (c->spec[t].role != IR_OUT) wl->fill(wl, &p, t, m, 5);
        c->r.mem[t] = (ir_mem){m, m, c->spec[t].bytes};
    }
    assert_int_equal(ir_plan_make(&c->r), IR_OK);
}
static float *call_run(call *c)
{
    assert_int_equal(c->r.kernel->run(&c->r, 1), IR_OK);
    return c->r.mem[c->r.nmem - 1].p;
}
static void call_end(call *c)
{
    ir_plan_destroy(&c->r);
    for (int t = 0; t < c->r.nmem; t++) free(c->r.mem[t].p);
}

/* ---- attention ------------------------------------------------------------------------------- */
static void attention_threads(device *d)
{
    static const int64_t shape[][5] = {{1, 3, 40, 150, 0}, {2, 2, 64, 33, 70}};
    for (size_t i = 0; i < 2; i++)
        for (int t = 0; t < 2; t++) {
            ir_params p = {.dtype = t ? IR_BF16 : IR_F32};
            device    many;
            call      a, b;
            memcpy(p.v, shape[i], sizeof shape[i]);
            open_device(&many, d->cpu.isa, 5);
            call_begin(&a, d, &wl_attention, "tiled", p);
            call_begin(&b, &many, &wl_attention, "tiled", p);
            const float *one = call_run(&a), *other = call_run(&b);
            assert_memory_equal(one, other, a.spec[a.r.nmem - 1].bytes);
            call_end(&a);
            call_end(&b);
            close_device(&many);
        }
}
static void test_attention_threads(void **state) { (void)state, each_isa(attention_threads, 1); }

/* A NaN in one token's query spoils that token, in its key every later one of that head, and nothing else. */
static void attention_nan(device *d)
{
    enum { HEADS = 2, DH = 16, TOKENS = 100, AT = 70 };
    for (int what = 0; what < 2; what++) {
        call a;
        call_begin(&a, d, &wl_attention, "tiled", (ir_params){{1, HEADS, DH, TOKENS, 0}, IR_F32, 0});
        ((float *)a.r.mem[0].p)[(size_t)AT * 3 * HEADS * DH + (size_t)what * HEADS * DH + 3] = NAN;
        const float *y = call_run(&a);
        for (int i = 0; i < TOKENS; i++)
            for (int c = 0; c < HEADS * DH; c++) {
                const bool hit = c < DH && (what ? i >= AT : i == AT);
                if (hit != (isnan(y[i * HEADS * DH + c]) != 0))
                    fail_msg("%s: token %d, column %d: %g", what ? "key" : "query", i, c,
                             (double)y[i * HEADS * DH + c]);
            }
        call_end(&a);
    }
}
static void test_attention_nan(void **state) { (void)state, each_isa(attention_nan, 2); }

/* ---- passes with and without non-temporal stores --------------------------------------------- */
static void passes(device *d)
{
    static const ir_workload *const wl[] = {&wl_softmax, &wl_act, &wl_add2, &wl_embed};
    static const ir_params          p[] = {{{37, 333, 1}, IR_F32, 0}, {{3, 5003, 1}, IR_F32, 0}};
    if (!cpu_ops_of(&d->dev)->has_nt) return;
    for (size_t i = 0; i < sizeof wl / sizeof *wl; i++)
        for (size_t s = 0; s < 2; s++) {
            call a, b;
            call_begin(&a, d, wl[i], "simd", p[s]);
            call_begin(&b, d, wl[i], "nt", p[s]);
            for (size_t n = 0; n < 3 && wl[i] != &wl_embed; n++) {
                const float odd[] = {NAN, -INFINITY, 1e-41f};
                ((float *)a.r.mem[0].p)[40 + n] = ((float *)b.r.mem[0].p)[40 + n] = odd[n];
            }
            const float *plain = call_run(&a), *past = call_run(&b);
            const size_t each = a.spec[a.r.nmem - 1].bytes / sizeof(float);
            for (size_t k = 0; k < each; k++)
                if (plain[k] != past[k] && !(isnan(plain[k]) && isnan(past[k])))
                    fail_msg("%s: element %zu: %g and %g", wl[i]->name, k, (double)plain[k], (double)past[k]);
            call_end(&a);
            call_end(&b);
        }
}
static void test_passes(void **state) { (void)state, each_isa(passes, 3); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_i8_bounds),     cmocka_unit_test(test_i8_ends),
        cmocka_unit_test(test_i8_odd_values), cmocka_unit_test(test_attention_threads),
        cmocka_unit_test(test_attention_nan), cmocka_unit_test(test_passes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

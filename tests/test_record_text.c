/* test_record_text.c -- the text report of a fixed machine against golden text, in UTF-8 and ASCII, wide and
 * narrow; and what holds at any width: lines fit, colour changes nothing but colour, no point is lost.
 * IR_UPDATE_GOLDEN=1 rewrites the golden files. */
#define _GNU_SOURCE
#include "harness/record/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- a machine ------------------------------------------------------------------------------- */
typedef struct {
    ir_device_info info;
    ir_env         env;
    ir_ceilings    ceilings;
    ir_point       point[24];
    size_t         npoint;
    ir_fit         fit[2];
} machine;

static void add_ceiling(machine *m, ir_what what, const char *level, const char *op, const char *kernel,
                        ir_dtype dtype, int threads, double value, double size_B, int nsat,
                        const double gain[])
{
    static const char *const axis[] = {"threads", "streams", "bytes"};
    ir_ceiling               c = {.what = what,
                                  .dtype = dtype,
                                  .threads = threads,
                                  .value = value,
                                  .lo = value * .996,
                                  .hi = value * 1.004,
                                  .theory = what == IR_C_FLOPS ? value / .97 : NAN,
                                  .read_frac = NAN,
                                  .size_B = size_B};
    snprintf(c.device, sizeof c.device, "cpu0");
    snprintf(c.level, sizeof c.level, "%s", level);
    snprintf(c.op, sizeof c.op, "%s", op);
    snprintf(c.kernel, sizeof c.kernel, "%s", kernel);
    snprintf(c.isa, sizeof c.isa, "avx2");
    for (; gain && c.nsat < nsat; c.nsat++) {
        ir_saturation *x = &c.sat[c.nsat];
        *x = (ir_saturation){.from = 1, .to = 2, .gain = gain[c.nsat], .known = isfinite(gain[c.nsat])};
        x->saturated = x->known && x->gain < .01;
        snprintf(x->axis, sizeof x->axis, "%s", axis[c.nsat]);
    }
    assert_int_equal(ir_ceilings_add(&m->ceilings, &c), IR_OK);
}

static void fill_ceilings(machine *m)
{
    static const char *const op[] = {"read", "write", "copy", "scale", "add", "triad"};
    static const char *const level[] = {"L1", "L2", "L3", "DRAM"};
    static const double      rate[4] = {200e9, 90e9, 40e9, 12e9}, size[4] = {16e3, 256e3, 8e6, 256e6};
    const double             cache[] = {.98}, dram[] = {.05, .002, NAN};
    for (int l = 0; l < 4; l++)
        for (int o = 0; o < 6; o++) {
            const char *kernel = l == 3 && o > 0 ? "nt" : "regular";
            double      v = rate[l] * (1 - .03 * o);
            add_ceiling(m, IR_C_BANDWIDTH, level[l], op[o], kernel, IR_F64, 1, v, size[l], 0, NULL);
            add_ceiling(m, IR_C_BANDWIDTH, level[l], op[o], kernel, IR_F64, 8, v * (l == 3 ? 2.1 : 7.9),
                        size[l] * (l == 3 ? 1 : 8), l == 3 ? 3 : 1, l == 3 ? dram : cache);
        }
    add_ceiling(m, IR_C_BANDWIDTH, "DRAM", "read", "regular", IR_F64, 2, 20e9, 256e6, 1, cache);
    add_ceiling(m, IR_C_BANDWIDTH, "DRAM", "read", "regular", IR_F64, 4, 24e9, 256e6, 1, cache);
    add_ceiling(m, IR_C_BANDWIDTH, "DRAM", "gather", "vector", IR_NDTYPE, 8, 3.2e9, 256e6, 0, NULL);
    for (int t = 0; t < 2; t++) {
        add_ceiling(m, IR_C_FLOPS, "", "fma", "fma", IR_F64, t ? 8 : 1, t ? 380e9 : 48e9, NAN, t, cache);
        add_ceiling(m, IR_C_FLOPS, "", "fma", "fma", IR_F32, t ? 8 : 1, t ? 760e9 : 96e9, NAN, t, cache);
        add_ceiling(m, IR_C_FLOPS, "", "fma", "fma", IR_I8, t ? 8 : 1, t ? 1.52e12 : 192e9, NAN, t, cache);
        add_ceiling(m, IR_C_LAUNCH, "", "forkjoin", "pool", IR_NDTYPE, t ? 8 : 1, t ? 1.24e-6 : 9e-9, NAN, 0,
                    NULL);
    }
    for (int l = 0; l < 4; l++) {
        static const double ns[] = {1.33, 4.7, 21, 93};
        add_ceiling(m, IR_C_LATENCY, level[l], "chase", "huge", IR_NDTYPE, 1, ns[l] * 1e-9, size[l], 0, NULL);
        add_ceiling(m, IR_C_LATENCY, level[l], "chase", "small", IR_NDTYPE, 1, ns[l] * 1.2e-9, size[l], 0,
                    NULL);
    }
    add_ceiling(m, IR_C_LATENCY, "DRAM", "mlp", "chase", IR_NDTYPE, 1, 10.4, NAN, 0, NULL);
    add_ceiling(m, IR_C_CLOCK, "", "clock", "adds", IR_NDTYPE, 1, 3e9, NAN, 0, NULL);
    m->ceilings.v[5].flags = IR_FLAG_SUSPECT;
    snprintf(m->ceilings.v[5].why, sizeof m->ceilings.v[5].why, "above 2 loads a cycle: the clock rose");
    m->ceilings.level_B[0] = 32768;
    m->ceilings.level_B[1] = 1048576;
}

static ir_point *add_point(machine *m, const char *family, const char *workload, const char *kernel,
                           double bytes, double flops, double T)
{
    ir_point *p = &m->point[m->npoint++];
    ir_point_init(p);
    snprintf(p->id.backend, sizeof p->id.backend, "cpu");
    snprintf(p->id.device, sizeof p->id.device, "cpu0");
    snprintf(p->id.family, sizeof p->id.family, "%s", family);
    snprintf(p->id.workload, sizeof p->id.workload, "%s", workload);
    snprintf(p->id.kernel, sizeof p->id.kernel, "%s", kernel);
    p->id.p.dtype = IR_F32;
    p->id.p.threads = 8;
    p->m.cost.part[IR_OF_IN].read_B = bytes;
    p->m.cost.flops = flops;
    p->m.wall.n = 30;
    p->m.wall.median = T;
    p->m.wall.ci_lo = T * .993;
    p->m.wall.ci_hi = T * 1.002;
    p->law.term_data_s = bytes / 25.2e9;
    p->law.term_comp_s = flops / 760e9;
    p->law.term_lat_s = 1.2e-6;
    p->law.mbu = p->law.term_data_s / T;
    p->law.mfu = p->law.term_comp_s / T;
    p->law.eta = flops > 0 ? .93 : NAN;
    p->law.ridge = 30.2;
    p->law.bound = p->law.term_data_s > p->law.term_comp_s ? IR_BOUND_MEMORY : IR_BOUND_COMPUTE;
    p->law.bound_p = .998;
    p->flags = IR_FLAG_WITHIN_RUN;
    return p;
}

static void set_param(ir_point *p, const char *name, int64_t v)
{
    snprintf(p->id.pname[p->id.np], sizeof p->id.pname[0], "%s", name);
    p->id.p.v[p->id.np++] = v;
}

static void fill_points(machine *m)
{
    static const char *const stream[] = {"read", "copy", "triad"};
    ir_point                *p;
    for (int i = 0; i < 3; i++) {
        p = add_point(m, "stream", stream[i], i ? "nt" : "regular", 268435456,
                      i == 1 ? 0 : 268435456 / (i ? 6. : 4.), 0.0109 + i * .0003);
        set_param(p, "bytes", 268435456);
    }
    p = add_point(m, "stream", "copy", "nt", 268435456, 0, NAN);
    set_param(p, "bytes", 268435456);
    p->id.cold = true;
    p->status = IR_ECHECK;
    snprintf(p->reason, sizeof p->reason, "y[17] is 3 instead of 4 (largest error 0.25, tolerance 1e-6)");
    for (int i = 0; i < 4; i++) {
        int n = 256 << i;
        p = add_point(m, "gemm", "gemm", i == 3 ? "openblas" : "blocked", 12. * n * n, 2. * n * n * n,
                      2. * n * n * n / (500e9 + 5e10 * i));
        set_param(p, "m", n);
        set_param(p, "n", n);
        set_param(p, "k", n);
        p->id.p.dtype = i == 1 ? IR_F64 : IR_F32;
    }
    p->flags |= IR_FLAG_NOISY | IR_FLAG_BIMODAL | IR_FLAG_STEAL;
    p->m.wall.bimodal = true;
    p->m.wall.mode_lo = .0260;
    p->m.wall.mode_hi = .0291;
    p = add_point(m, "gemv", "gemv", "rows", 4. * 8192 * 8192, 2. * 8192 * 8192, .0099);
    set_param(p, "m", 8192);
    set_param(p, "k", 8192);
    p->flags |= IR_FLAG_SUSPECT;
    p->law.mbu = 1.08;
    snprintf(p->reason, sizeof p->reason,
             "27.1 GB/s is 1.08 x the DRAM ceiling: part of it stayed in the cache");
    p = add_point(m, "launch", "forkjoin", "pool", 0, 0, 1.24e-6);
    p->law.bound = IR_BOUND_LATENCY;
    set_param(p, "pages", 1);
    snprintf(p->id.pword[0], sizeof p->id.pword[0], "huge");
    for (int i = 0; i < 2; i++) { /* names too long for their column */
        static const char *const name[] = {"batch",    "channels", "height", "width",  "filters",
                                           "kernel_h", "kernel_w", "stride", "padding"};
        p = add_point(m, "conv", "conv", "im2col", 1e8, 1e10, .02);
        for (int k = 0; k < 9; k++) set_param(p, name[k], k < 6 ? 1000 * k + i : 3);
    }
    for (int i = 0; i < 3; i++) {
        p = add_point(m, "gemm", "gemm", i ? "amx" : "avx512", 1, 1, NAN);
        set_param(p, "m", 64 << i);
        p->status = i == 2 ? IR_ENOMEM : IR_SKIP;
        snprintf(p->reason, sizeof p->reason,
                 i == 2 ? "needs 34.4 GB, 8.1 GB are free" : "this CPU has no %s", i ? "AMX" : "AVX-512");
    }
}

static void fill(machine *m)
{
    memset(m, 0, sizeof *m);
    ir_env_init(&m->env);
    ir_ceilings_init(&m->ceilings);
    m->info = (ir_device_info){.id = "cpu0",
                               .name = "A CPU with eight cores",
                               .backend = "cpu",
                               .isa = "avx2",
                               .cores = 8,
                               .threads = 8,
                               .numa_nodes = 1,
                               .clock_Hz = 3e9,
                               .mem_B = 16e9,
                               .llc_B = 16777216,
                               .spec_Bps = 51.2e9};
    for (int t = 0; t < IR_NDTYPE; t++) m->info.spec_flops[t] = t == IR_F32 ? 768e9 : NAN;
    ir_env_text(&m->env, "os", "Debian GNU/Linux 12 (bookworm)", true);
    ir_env_text(&m->env, "kernel", "6.1.0-26-amd64", true);
    ir_env_text(&m->env, "virtualised", "", true);
    ir_env_text(&m->env, "governor", "performance", true);
    ir_env_text(&m->env, "compiler", "gcc 12.2.0", true);
    ir_env_text(&m->env, "git_revision", "0123456789ab", false);
    ir_env_num(&m->env, "load_1min", .25, false);
    fill_ceilings(m);
    fill_points(m);
    for (int i = 0; i < 2; i++) {
        ir_fit *f = &m->fit[i];
        *f = (ir_fit){.device = "cpu0",
                      .form = (ir_form)i,
                      .BW_ref = 25.2e9,
                      .R_peak = 760e9,
                      .BW = {24.4e9, 23.9e9, 25.0e9, IR_FITTED},
                      .eta = {.91, .88, .94, IR_FITTED},
                      .L_lat = {1.3e-6, 1.1e-6, 1.6e-6, IR_PINNED},
                      .err_median = .031,
                      .err_p90 = .084,
                      .lofo_median = .052,
                      .lofo_p90 = .17,
                      .roof_median = .21,
                      .roof_p90 = .66,
                      .cond = 3.21,
                      .n = 9,
                      .nfamily = 4};
    }
    m->fit[1].L_lat = (ir_coef){NAN, NAN, NAN, IR_UNIDENTIFIED};
    m->fit[1].eta.v = 1.31;
    m->fit[1].eta_error = true;
}

static void empty(machine *m)
{
    ir_env_free(&m->env);
    ir_ceilings_free(&m->ceilings);
}

static char *report(const machine *m, int width, bool utf8, bool color)
{
    char   *text = NULL;
    size_t  n = 0;
    ir_text t = {.f = open_memstream(&text, &n), .width = width, .color = color, .utf8 = utf8};
    assert_non_null(t.f);
    ir_text_machine(&t, &m->info, &m->env);
    fputc('\n', t.f);
    ir_text_ceilings(&t, &m->ceilings);
    fputc('\n', t.f);
    ir_text_points(&t, m->point, m->npoint);
    fputc('\n', t.f);
    ir_text_fit(&t, m->fit, 0);
    fputc('\n', t.f);
    ir_text_roofline(&t, &m->ceilings, m->point, m->npoint);
    fclose(t.f);
    return text;
}

/* ---- golden text ----------------------------------------------------------------------------- */
static void check_golden(const char *name, const char *actual)
{
    char path[512], *expected = calloc(1, 1 << 17);
    assert_non_null(expected);
    snprintf(path, sizeof path, "%s/golden/record_%s.txt", IR_TESTS_DIR, name);
    if (getenv("IR_UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(actual, f);
        fclose(f);
    }
    FILE *f = fopen(path, "r");
    if (!f) fail_msg("missing %s", path);
    assert_true(fread(expected, 1, (1 << 17) - 1, f) > 0);
    fclose(f);
    assert_string_equal(actual, expected);
    free(expected);
}

static void golden(void **state)
{
    static const struct {
        const char *name;
        int         width;
        bool        utf8;
    } form[] = {
        {"utf8_80", 80, true}, {"utf8_100", 100, true}, {"ascii_80", 80, false}, {"ascii_100", 100, false}};
    machine m;
    (void)state;
    fill(&m);
    for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
        char *text = report(&m, form[i].width, form[i].utf8, false);
        check_golden(form[i].name, text);
        free(text);
    }
    empty(&m);
}

/* ---- at any width ---------------------------------------------------------------------------- */
static void check_lines(const char *text, int width, bool utf8)
{
    for (const char *line = text, *end; *line; line = end + 1) {
        char one[2048];
        end = strchr(line, '\n');
        assert_non_null(end);
        snprintf(one, sizeof one, "%.*s", (int)(end - line), line);
        if (ir_text_columns(one) > width) fail_msg("%d columns of %d: %s", ir_text_columns(one), width, one);
        if (end > line && end[-1] == ' ') fail_msg("ends in a blank: '%s'", one);
        for (const char *c = one; *c; c++)
            if ((unsigned char)*c < 0x20 || (!utf8 && (unsigned char)*c > 0x7E))
                fail_msg("byte 0x%02x: %s", (unsigned char)*c, one);
    }
}

static void fits_the_width(void **state)
{
    static const int width[] = {72, 80, 100, 110, 132, 200};
    machine          m;
    (void)state;
    fill(&m);
    for (size_t i = 0; i < sizeof width / sizeof *width; i++)
        for (int utf8 = 0; utf8 < 2; utf8++) {
            char *text = report(&m, width[i], utf8, false);
            check_lines(text, width[i], utf8);
            free(text);
        }
    char *text = report(&m, 0, true, false), *hundred = report(&m, 100, true, false);
    assert_string_equal(text, hundred);
    free(text);
    free(hundred);
    for (int w = 1; w < 72; w += 5)
        free(report(&m, w, true, true)); /* too narrow to keep to: only to survive */
    empty(&m);
}

static void colour_only_adds_colour(void **state)
{
    machine m;
    (void)state;
    fill(&m);
    char *plain = report(&m, 100, true, false), *color = report(&m, 100, true, true), *to = color;
    assert_null(strchr(plain, '\033'));
    assert_non_null(strchr(color, '\033'));
    for (const char *from = color; *from;) {
        if (*from == '\033')
            from = strchr(from, 'm') + 1;
        else
            *to++ = *from++;
    }
    *to = 0;
    assert_string_equal(plain, color);
    free(plain);
    free(color);
    empty(&m);
}

static void no_point_is_lost(void **state)
{
    static const char *const must[] = {"y[17] is 3 instead of 4",
                                       "this CPU has no AVX-512",
                                       "this CPU has no AMX",
                                       "needs 34.4 GB, 8.1 GB are free",
                                       "part of it stayed in the cache",
                                       "two modes, 26 ms and 29.1 ms",
                                       "above 2 loads a cycle",
                                       "unidentified",
                                       "eta is above 1.02"};
    machine                  m;
    (void)state;
    fill(&m);
    for (int width = 80; width <= 200; width += 40) {
        char *text = report(&m, width, false, false), *joined = text;
        for (char *c = text; *c; c++) /* undo the wrapping */
            if (*c != '\n' && (*c != ' ' || (joined > text && joined[-1] != ' ')))
                *joined++ = *c;
            else if (*c == '\n' && joined > text && joined[-1] != ' ')
                *joined++ = ' ';
        *joined = 0;
        for (size_t i = 0; i < sizeof must / sizeof *must; i++)
            if (!strstr(text, must[i])) fail_msg("width %d: '%s' is missing", width, must[i]);
        free(text);
    }
    empty(&m);
}

/* ---- nothing and nonsense -------------------------------------------------------------------- */
static void nothing_known(void **state)
{
    static machine m;
    (void)state;
    memset(&m, 0, sizeof m);
    ir_env_init(&m.env);
    ir_ceilings_init(&m.ceilings);
    char *text = report(&m, 100, true, false);
    assert_non_null(strstr(text, "No ceilings were measured."));
    assert_non_null(strstr(text, "No points."));
    assert_non_null(strstr(text, "No roofline: it needs a bandwidth and a peak."));
    check_lines(text, 100, true);
    free(text);
    empty(&m);
}

static void absurd_numbers(void **state)
{
    static const double v[] = {0, -1, 1e-300, 1e300, INFINITY, NAN, 5e-324};
    machine             m;
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        fill(&m);
        for (size_t k = 0; k < m.ceilings.n; k++) m.ceilings.v[k].value = v[i];
        for (size_t k = 0; k < m.npoint; k++) {
            ir_point *p = &m.point[k];
            p->m.wall.median = p->m.cost.flops = p->law.mfu = p->law.mbu = p->law.eta = p->law.bound_p =
                p->law.ridge = p->law.term_data_s = v[i];
            p->m.cost.part[IR_OF_IN].read_B = v[(i + 1) % (sizeof v / sizeof *v)];
            memset(p->id.family, 'z', sizeof p->id.family - 1);
            memset(p->id.kernel, '\xc3', sizeof p->id.kernel - 1);
        }
        m.fit[0].BW = m.fit[0].eta = (ir_coef){v[i], -v[i], v[i], IR_FITTED};
        m.fit[0].err_median = m.fit[0].cond = v[i];
        free(report(&m, 80, true, true));
        free(report(&m, 80, false, false));
        empty(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden),
                                       cmocka_unit_test(fits_the_width),
                                       cmocka_unit_test(colour_only_adds_colour),
                                       cmocka_unit_test(no_point_is_lost),
                                       cmocka_unit_test(nothing_known),
                                       cmocka_unit_test(absurd_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

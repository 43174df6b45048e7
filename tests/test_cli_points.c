/* test_cli_points.c -- the point syntax over a made-up table of workloads. */
#include "bench/cli/cli.h"
#include "tests/support/cli_workloads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const *split(char *text, const char *arg[], size_t *n)
{
    *n = 0;
    for (char *p = strtok(text, " "); p; p = strtok(NULL, " ")) arg[(*n)++] = p;
    return arg;
}

/* Expand space-separated arguments with options already set. */
static ir_status expand(const char *text, const cli_options *o, cli_points *out)
{
    char        copy[512];
    const char *arg[32];
    size_t      n;
    snprintf(copy, sizeof copy, "%s", text);
    split(copy, arg, &n);
    return cli_points_expand(cli_workloads, arg, n, o, out);
}

static void points_are(const char *text, const cli_options *o, const char *want)
{
    static char have[8192];
    char        one[256];
    cli_points  p;
    size_t      used = 0;
    have[0] = 0;
    if (expand(text, o, &p) != IR_OK) fail_msg("%s: %s", text, ir_why());
    for (size_t i = 0; i < p.n; i++)
        used += (size_t)snprintf(have + used, sizeof have - used, "%s%s", i ? "\n" : "",
                                 cli_point_text(p.v[i].workload, &p.v[i].p, one, sizeof one));
    if (strcmp(have, want) != 0) fail_msg("%s gave\n%s\nnot\n%s", text, have, want);
    cli_points_free(&p);
    cli_points_free(&p);
}

static void refused_with(const char *text, const cli_options *o, const char *why)
{
    cli_points p;
    if (expand(text, o, &p) != IR_EINVAL) fail_msg("%s: not refused", text);
    if (strcmp(ir_why(), why) != 0) fail_msg("%s: %s", text, ir_why());
    assert_null(p.v);
}

static void grids(void **state)
{
    cli_options o;
    (void)state;
    cli_options_init(&o);
    points_are("copy", &o, "copy:bytes=1048576,streams=1,dtype=f64");
    points_are("stream", &o,
               "copy:bytes=1048576,streams=1,dtype=f64\ntriad:bytes=1048576,streams=1,dtype=f64");
    points_are("", &o,
               "copy:bytes=1048576,streams=1,dtype=f64\ntriad:bytes=1048576,streams=1,dtype=f64\n"
               "chase:bytes=1048576,pages=0,dtype=f64,threads=1\n"
               "gemm:m=64,n=64,k=64,dtype=f32\ngemm:m=512,n=512,k=512,dtype=f32\n"
               "net:batch=1,seq=128,dtype=f32\nnet:batch=8,seq=128,dtype=f32");
    o.profile = CLI_FULL;
    points_are("copy", &o,
               "copy:bytes=1048576,streams=1,dtype=f64\ncopy:bytes=1048576,streams=1,dtype=f64,threads=1\n"
               "copy:bytes=16777216,streams=2,dtype=f32");
    points_are("net", &o, "net:batch=1,seq=128,dtype=f32"); /* named, but with an empty grid: its defaults */
    points_are("triad copy triad", &o,
               "triad:bytes=1048576,streams=1,dtype=f64\ntriad:bytes=1048576,streams=1,dtype=f64,threads=1\n"
               "triad:bytes=16777216,streams=2,dtype=f32\ncopy:bytes=1048576,streams=1,dtype=f64\n"
               "copy:bytes=1048576,streams=1,dtype=f64,threads=1\ncopy:bytes=16777216,streams=2,dtype=f32");
}

static void keys(void **state)
{
    cli_options o;
    (void)state;
    cli_options_init(&o);
    points_are("copy:bytes=4Ki", &o, "copy:bytes=4096,streams=1,dtype=f64");
    points_are("gemm:n=8,m=1,2", &o, "gemm:m=1,n=8,k=64,dtype=f32\ngemm:m=2,n=8,k=64,dtype=f32");
    points_are("gemm:m=1-4*2,n=1,2,threads=2,dtype=bf16,f32", &o,
               "gemm:m=1,n=1,k=64,dtype=bf16,threads=2\ngemm:m=1,n=1,k=64,dtype=f32,threads=2\n"
               "gemm:m=1,n=2,k=64,dtype=bf16,threads=2\ngemm:m=1,n=2,k=64,dtype=f32,threads=2\n"
               "gemm:m=2,n=1,k=64,dtype=bf16,threads=2\ngemm:m=2,n=1,k=64,dtype=f32,threads=2\n"
               "gemm:m=2,n=2,k=64,dtype=bf16,threads=2\ngemm:m=2,n=2,k=64,dtype=f32,threads=2\n"
               "gemm:m=4,n=1,k=64,dtype=bf16,threads=2\ngemm:m=4,n=1,k=64,dtype=f32,threads=2\n"
               "gemm:m=4,n=2,k=64,dtype=bf16,threads=2\ngemm:m=4,n=2,k=64,dtype=f32,threads=2");
    points_are("stream:bytes=1K", &o,
               "copy:bytes=1000,streams=1,dtype=f64\ntriad:bytes=1000,streams=1,dtype=f64");
    points_are("copy:threads=1-2", &o,
               "copy:bytes=268435456,streams=1,dtype=f64,threads=1\n"
               "copy:bytes=268435456,streams=1,dtype=f64,threads=2");
    points_are("chase:bytes=64", &o,
               "chase:bytes=64,pages=0,dtype=f64,threads=1"); /* a default 0 it accepts */
    points_are("copy:bytes=64 copy:bytes=8,64", &o,
               "copy:bytes=64,streams=1,dtype=f64\ncopy:bytes=8,streams=1,dtype=f64");
}

static void options_multiply(void **state)
{
    cli_options o;
    cli_points  p;
    (void)state;
    cli_options_init(&o);
    assert_int_equal(cli_axis_parse("2,1", 1, 99, &o.threads), IR_OK);
    points_are(
        "copy", &o,
        "copy:bytes=1048576,streams=1,dtype=f64,threads=2\ncopy:bytes=1048576,streams=1,dtype=f64,threads=1");
    points_are("copy:threads=3", &o, "copy:bytes=268435456,streams=1,dtype=f64,threads=3"); /* the key wins */
    assert_int_equal(expand("", &o, &p), IR_OK); /* chase cannot do threads=2 */
    assert_int_equal(p.left_out, 1);
    assert_string_equal(p.why, "chase: threads=2: it has one chain of loads");
    assert_int_equal(p.n, 2 * 7 - 1);
    cli_points_free(&p);
    o.profile = CLI_FULL; /* the grid's own thread counts become variants */
    assert_int_equal(expand("copy", &o, &p), IR_OK);
    assert_int_equal(p.n, 4);
    cli_points_free(&p);
    o.profile = CLI_QUICK;
    cli_axis_free(&o.threads);
    assert_int_equal(cli_axis_parse("1-4*2", 1, 99, &o.batch), IR_OK);
    points_are("copy net", &o,
               "copy:bytes=1048576,streams=1,dtype=f64\nnet:batch=1,seq=128,dtype=f32\n"
               "net:batch=2,seq=128,dtype=f32\nnet:batch=4,seq=128,dtype=f32");
    points_are("net:batch=7", &o, "net:batch=7,seq=128,dtype=f32");
    points_are("net:seq=5", &o,
               "net:batch=1,seq=5,dtype=f32\nnet:batch=2,seq=5,dtype=f32\nnet:batch=4,seq=5,dtype=f32");
    refused_with("copy gemm", &o, "--batch: no selected workload has a batch");
    cli_options_free(&o);
}

static void dtype_option(void **state)
{
    cli_options o;
    cli_points  p;
    (void)state;
    cli_options_init(&o);
    assert_int_equal(cli_dtypes_parse("bf16,f32", &o.dtypes), IR_OK);
    points_are("net:seq=5", &o, "net:batch=1,seq=5,dtype=bf16\nnet:batch=1,seq=5,dtype=f32");
    points_are("net:seq=5,dtype=f32", &o, "net:batch=1,seq=5,dtype=f32");
    assert_int_equal(expand("", &o, &p), IR_OK);
    assert_int_equal(p.n, 2 + 2 * 2 + 2 * 2 - 0); /* copy, triad: f32 only; chase: none */
    assert_int_equal(p.left_out, 2 + 2);
    assert_string_equal(p.why, "copy: it has no dtype 'bf16'");
    cli_points_free(&p);
    refused_with("copy chase", &o, "nothing to measure: chase: it has no dtype 'f32'");
    refused_with("latency", &o, "nothing to measure: chase: it has no dtype 'bf16'");
}

static void words_refused(void **state)
{
    cli_options o;
    (void)state;
    cli_options_init(&o);
    refused_with(
        "coppy", &o,
        "unknown workload 'coppy'; did you mean 'copy'? Known: copy triad chase gemm net stream latency");
    refused_with(
        "sream", &o,
        "unknown workload 'sream'; did you mean 'stream'? Known: copy triad chase gemm net stream latency");
    refused_with("zzzzzz", &o, "unknown workload 'zzzzzz'. Known: copy triad chase gemm net stream latency");
    refused_with(":m=1", &o, "':m=1' names no workload");
    refused_with("cpu/copy/nt", &o,
                 "'cpu/copy/nt' is not a workload; name the part 'copy' and add --filter '^cpu/copy/nt$'");
    refused_with("copy:", &o, "copy: a key=value is missing after ':'");
    refused_with("copy:64", &o, "copy: '64' is not key=value");
    refused_with("copy:=64", &o, "copy: '=64' is not key=value");
    refused_with("copy:64,bytes=1", &o, "copy: '64,bytes=1' is not key=value");
    refused_with("copy:byte=64", &o,
                 "unknown key of 'copy': 'byte'; did you mean 'bytes'? Known: bytes streams dtype threads");
    refused_with("copy:cache=hot", &o, "copy: 'cache' is no key; use --hot and --cold");
    refused_with("copy:bytes=", &o, "copy: 'bytes=' has no value");
    refused_with("copy:bytes=,streams=1", &o, "copy: 'bytes=' has no value");
    refused_with("copy:bytes=64,", &o, "copy: bytes: a value is missing in the list");
    refused_with("copy:bytes=64=5", &o,
                 "copy: bytes: '64=5' is not a number (write 64, 1e6, 64K = 64000, 64Ki or 64KiB = 65536)");
    refused_with("copy:bytes=64,streams=1,bytes=8", &o, "copy: the key 'bytes' is given twice");
    refused_with("copy:dtype=f32,dtype=f32", &o, "copy: the key 'dtype' is given twice");
    refused_with("copy:dtype=bf16", &o, "copy: dtype: it has no dtype 'bf16' (it has f64 f32)");
    refused_with(
        "copy:dtype=f33", &o,
        "copy: dtype: unknown dtype 'f33'; did you mean 'f32'? Known: f64 f32 tf32 f16 bf16 f8 i8 i4");
    refused_with("copy:threads=0", &o, "copy: threads: 0 is out of range (1 to 65536)");
    refused_with("stream:batch=4", &o, "unknown key of 'copy': 'batch'. Known: bytes streams dtype threads");
}

static void values_refused(void **state)
{
    cli_options o;
    cli_points  p;
    (void)state;
    cli_options_init(&o);
    refused_with("copy:bytes=0", &o, "copy:bytes=0,streams=1,dtype=f64: bytes=0: give 8 or more");
    refused_with("copy:bytes=64,streams=9,threads=2", &o,
                 "copy:bytes=64,streams=9,dtype=f64,threads=2: streams=9: give 1 to 8");
    refused_with("gemm:m=-1,n=1", &o, "gemm:m=-1,n=1,k=64,dtype=f32: m=-1: give 1 or more");
    refused_with("gemm:m=0,n=1", &o, "gemm:m=0,n=1,k=64,dtype=f32: m=0: give 1 or more");
    refused_with("gemm:m=5", &o, "gemm: the key 'n' has no default; give gemm:n=...");
    refused_with("gemm:dtype=f32", &o, "gemm: the key 'm' has no default; give gemm:m=...");
    refused_with("gemm:m=1-1000,n=1-1000", &o, "gemm: more than 100000 points");
    refused_with("gemm:m=1-4096,n=1-4096,k=1-4096,threads=1-4096", &o, "gemm: more than 100000 points");
    refused_with("gemm:m=1-300,n=1-300 gemm:m=1-300,n=301-600", &o, "more than 100000 points");
    assert_int_equal(expand("gemm:m=1-300,n=1-300", &o, &p), IR_OK);
    assert_int_equal(p.n, 90000);
    assert_int_equal(p.v[89999].p.v[1], 300);
    cli_points_free(&p);
    o.profile = CLI_FULL; /* chase's only point is f64 on one thread */
    assert_int_equal(cli_axis_parse("2", 1, 99, &o.threads), IR_OK);
    refused_with("copy chase", &o, "nothing to measure: chase: threads=2: it has one chain of loads");
    cli_options_free(&o);
}

static void no_workloads(void **state)
{
    static const ir_workload *const none[] = {NULL};
    const char                     *arg = "copy";
    cli_options                     o;
    cli_points                      p;
    (void)state;
    cli_options_init(&o);
    assert_int_equal(cli_points_expand(none, NULL, 0, &o, &p), IR_EINVAL);
    assert_string_equal(ir_why(), "nothing to measure: the workloads have no points in this profile");
    assert_int_equal(cli_points_expand(none, &arg, 1, &o, &p), IR_EINVAL);
    assert_string_equal(ir_why(), "unknown workload 'copy': there is none");
}

static void point_text(void **state)
{
    static const ir_workload bare = {.name = "bare", .family = "bare", .dtypes = 1u << IR_F32};
    ir_params                p = {{64, 64, 8}, IR_F32, 2};
    char                     buf[256];
    (void)state;
    assert_string_equal(cli_params_text(&gemm_workload, &p, buf, sizeof buf), "m=64,n=64,k=8");
    assert_string_equal(cli_point_text(&gemm_workload, &p, buf, sizeof buf),
                        "gemm:m=64,n=64,k=8,dtype=f32,threads=2");
    assert_string_equal(cli_params_text(&gemm_workload, &p, buf, 6), "m=64,");
    assert_string_equal(cli_params_text(&bare, &p, buf, sizeof buf), "");
    assert_string_equal(cli_point_text(&bare, &p, buf, sizeof buf), "bare:dtype=f32,threads=2");
}

/* Whatever is printed parses back to itself. */
static void text_round_trip(void **state)
{
    cli_options o;
    cli_points  all, one;
    char        text[256];
    (void)state;
    cli_options_init(&o);
    assert_int_equal(expand("gemm:m=1-9,n=1-99*3,dtype=f32,bf16,threads=1-2 copy net chase", &o, &all),
                     IR_OK);
    for (size_t i = 0; i < all.n; i++) {
        cli_point_text(all.v[i].workload, &all.v[i].p, text, sizeof text);
        if (expand(text, &o, &one) != IR_OK) fail_msg("%s: %s", text, ir_why());
        assert_int_equal(one.n, 1);
        assert_ptr_equal(one.v[0].workload, all.v[i].workload);
        assert_memory_equal(one.v[0].p.v, all.v[i].p.v, sizeof one.v[0].p.v);
        assert_int_equal(one.v[0].p.dtype, all.v[i].p.dtype);
        assert_int_equal(one.v[0].p.threads, all.v[i].p.threads);
        cli_points_free(&one);
    }
    cli_points_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grids),        cmocka_unit_test(keys),          cmocka_unit_test(options_multiply),
        cmocka_unit_test(dtype_option), cmocka_unit_test(words_refused), cmocka_unit_test(values_refused),
        cmocka_unit_test(no_workloads), cmocka_unit_test(point_text),    cmocka_unit_test(text_round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

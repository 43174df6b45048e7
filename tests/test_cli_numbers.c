/* test_cli_numbers.c -- integers, reals, lists, ranges and dtypes as the command line reads them. */
#include "bench/cli/cli.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- numbers --------------------------------------------------------------------------------- */
static void integers(void **state)
{
    static const struct {
        const char *text;
        int64_t     value;
    } good[] = {{"0", 0},
                {"64", 64},
                {"-5", -5},
                {"+7", 7},
                {"1K", 1000},
                {"1k", 1000},
                {"2M", 2000000},
                {"3G", 3000000000},
                {"1T", 1000000000000},
                {"1Ki", 1024},
                {"4KiB", 4096},
                {"4KB", 4000},
                {"8B", 8},
                {"1Mi", 1 << 20},
                {"256MiB", 1 << 28},
                {"2Gi", (int64_t)2 << 30},
                {"1Ti", (int64_t)1 << 40},
                {"1e6", 1000000},
                {"1E+3", 1000},
                {"1.5G", 1500000000},
                {"0.5Ki", 512},
                {".25K", 250},
                {"1.5e1", 15},
                {"2e3K", 2000000},
                {"1.000", 1},
                {"0e99", 0},
                {"007", 7},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775807", -INT64_MAX}};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t v = -1;
        if (cli_int_parse(good[i].text, &v) != IR_OK) fail_msg("%s: %s", good[i].text, ir_why());
        if (v != good[i].value) fail_msg("%s: %lld", good[i].text, (long long)v);
    }
}

static void integers_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {{"", "the number is missing"},
               {"x", "'x' is not a number"},
               {"-", "'-' is not a number"},
               {".", "'.' is not a number"},
               {"K", "'K' is not a number"},
               {"1m", "'1m' is not a number (write 64, 1e6"},
               {"1KX", "'1KX' is not a number"},
               {"1 ", "'1 ' is not a number"},
               {"1e", "'1e' is not a number"},
               {"1e-3", "'1e-3' is not a number"},
               {"0x10", "'0x10' is not a number"},
               {"1,2", "'1,2' is not a number"},
               {"1.5", "'1.5' is not a whole number"},
               {"0.3Ki", "'0.3Ki' is not a whole number"},
               {"9223372036854775808", "is too large"},
               {"1e19", "is too large"},
               {"1e999999999999", "is too large"},
               {"1e99999999999999999999", "is too large"},
               {"9300000T", "is too large"},
               {"8388608Ti", "is too large"},
               {"0.99999999999999999999", "has too many digits"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t v = 42;
        assert_int_equal(cli_int_parse(bad[i].text, &v), IR_EINVAL);
        if (!strstr(ir_why(), bad[i].why)) fail_msg("'%s': %s", bad[i].text, ir_why());
        assert_int_equal(v, 42);
    }
}

static void reals(void **state)
{
    static const struct {
        const char *text;
        cli_unit    unit;
        double      value;
    } good[] = {{"0.01", CLI_SHARE, 0.01},    {"1%", CLI_SHARE, 0.01},    {"2.5%", CLI_SHARE, 0.025},
                {"10", CLI_SECONDS, 10},      {"10s", CLI_SECONDS, 10},   {"500ms", CLI_SECONDS, 0.5},
                {"20us", CLI_SECONDS, 2e-5},  {"2min", CLI_SECONDS, 120}, {"1h", CLI_SECONDS, 3600},
                {"-1.5e3", CLI_NUMBER, -1500}};
    static const struct {
        const char *text;
        cli_unit    unit;
        const char *why;
    } bad[] = {{"", CLI_NUMBER, "'' is not a number"},
               {"nan", CLI_NUMBER, "'nan' is not a number"},
               {"inf", CLI_SECONDS, "'inf' is not a time (write 2, 500ms or 1min)"},
               {"1%", CLI_NUMBER, "'1%' is not"},
               {"1e999", CLI_NUMBER, "is not a number"},
               {"5s", CLI_SHARE, "'5s' is not a share (write 0.01 or 1%)"},
               {"1 s", CLI_SECONDS, "'1 s' is not a time"}};
    double v;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(cli_real_parse(good[i].text, good[i].unit, &v), IR_OK);
        if (fabs(v - good[i].value) > 1e-15 * fabs(v)) fail_msg("%s: %g", good[i].text, v);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(cli_real_parse(bad[i].text, bad[i].unit, &v), IR_EINVAL);
        if (!strstr(ir_why(), bad[i].why)) fail_msg("'%s': %s", bad[i].text, ir_why());
    }
}

/* ---- lists ----------------------------------------------------------------------------------- */
static void axis_is(const char *text, const char *want)
{
    cli_axis a = {0};
    char     have[512] = "";
    size_t   used = 0;
    if (cli_axis_parse(text, INT64_MIN, INT64_MAX, &a) != IR_OK) fail_msg("%s: %s", text, ir_why());
    for (size_t i = 0; i < a.n && used < sizeof have - 24; i++)
        used += (size_t)snprintf(have + used, sizeof have - used, "%s%lld", i ? " " : "", (long long)a.v[i]);
    if (strcmp(have, want) != 0) fail_msg("%s: %s", text, have);
    cli_axis_free(&a);
    cli_axis_free(&a);
    assert_null(a.v);
}

static void lists(void **state)
{
    (void)state;
    axis_is("1", "1");
    axis_is("4,2,1", "4 2 1");
    axis_is("1-8", "1 2 3 4 5 6 7 8");
    axis_is("5-5", "5");
    axis_is("1-9+2", "1 3 5 7 9");
    axis_is("1-10+4", "1 5 9");
    axis_is("1-64*2", "1 2 4 8 16 32 64");
    axis_is("1..4", "1 2 3 4");
    axis_is("1..9+4,1.5K..2K+500", "1 5 9 1500 2000");
    axis_is("1..64*8", "1 8 64");
    axis_is("1-100*2", "1 2 4 8 16 32 64");
    axis_is("3-1000*10", "3 30 300");
    axis_is("1-20*1.5", "1 2 3 5 8 11 17");
    axis_is("1Ki-8Ki*2", "1024 2048 4096 8192");
    axis_is("0-2K+1K", "0 1000 2000");
    axis_is("1-4,16,2,3-5", "1 2 3 4 16 5");
    axis_is("-3-3+3", "-3 0 3");
    axis_is("-3--1", "-3 -2 -1");
    axis_is("9223372036854775806-9223372036854775807", "9223372036854775806 9223372036854775807");
    axis_is("1-9223372036854775807*1e17", "1 100000000000000000");
    axis_is("4611686018427387904-9223372036854775807*2", "4611686018427387904");
    axis_is("9e18-9223372036854775807*1.01", "9000000000000000000 9090000000000000000 9180900000000000000");
}

static void lists_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {{"", "a value is missing"},
               {",", "a value is missing"},
               {"1,", "a value is missing"},
               {"1,,2", "a value is missing"},
               {"1,x", "'x' is not a number"},
               {"8-1", "'8-1' runs backwards"},
               {"1-", "'1-' is not a number"},
               {"1-x", "'1-x' is not a number"},
               {"1-8*", "'1-8*' has no factor after '*'"},
               {"1-8*x", "has no factor"},
               {"1-8*2x", "has no factor"},
               {"1-8*1", "'1-8*1' needs a factor above 1"},
               {"1-8*0.5", "needs a factor above 1"},
               {"1-8*-2", "needs a factor above 1"},
               {"1-8*inf", "needs a factor"},
               {"1-8*nan", "needs a factor"},
               {"0-8*2", "'0-8*2' must start at 1 or more"},
               {"1-9+0", "needs a step of 1"},
               {"1-9+", "'1-9+' is not a number"},
               {"1-9+-1", "needs a step of 1"},
               {"1-9/2", "'1-9/2' is not a range"},
               {"1-5000", "more than 4096 values"},
               {"1-9000000000*1.0001", "grows too slowly"},
               {"1-9000000*1.001", "values in one list"},
               {"100", "100 is out of range (-10 to 99)"},
               {"1 2", "'1 2' is not a number"},
               {"1-9+1e30", "is too large"}};
    cli_axis a = {0};
    (void)state;
    assert_int_equal(cli_axis_parse("7", -10, 99, &a), IR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(cli_axis_parse(bad[i].text, -10, i == 21 || i == 22 || i == 23 ? INT64_MAX : 99, &a),
                         IR_EINVAL);
        if (!strstr(ir_why(), bad[i].why)) fail_msg("'%s': %s", bad[i].text, ir_why());
        assert_int_equal(a.n, 1); /* as before */
    }
    assert_int_equal(cli_axis_parse("-1", 0, INT64_MAX, &a), IR_EINVAL);
    assert_string_equal(ir_why(), "-1 is out of range (0 or more)");
    cli_axis_free(&a);
}

static void dtype_lists(void **state)
{
    cli_dtypes d = {0};
    (void)state;
    assert_int_equal(cli_dtypes_parse("bf16,f32,bf16", &d), IR_OK);
    assert_int_equal(cli_dtypes_parse("fp64,double", &d), IR_OK);
    assert_int_equal(d.n, 3);
    assert_int_equal(d.v[0], IR_BF16);
    assert_int_equal(d.v[1], IR_F32);
    assert_int_equal(d.v[2], IR_F64);
    assert_int_equal(d.set, 1u << IR_BF16 | 1u << IR_F32 | 1u << IR_F64);
    assert_int_equal(cli_dtypes_parse("f32,f61", &d), IR_EINVAL);
    assert_string_equal(
        ir_why(), "unknown dtype 'f61'; did you mean 'f64' or 'f16'? Known: f64 f32 tf32 f16 bf16 f8 i8 i4");
    assert_int_equal(cli_dtypes_parse("f32,,f16", &d), IR_EINVAL);
    assert_non_null(strstr(ir_why(), "a dtype is missing"));
    assert_int_equal(d.n, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(integers),      cmocka_unit_test(integers_refused),
                                       cmocka_unit_test(reals),         cmocka_unit_test(lists),
                                       cmocka_unit_test(lists_refused), cmocka_unit_test(dtype_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_cli.c -- the command line: options of every type, refusals that say what was meant, help from the same
 * tables, the filter. */
#define _GNU_SOURCE
#include "bench/cli/cli.h"
#include "bench/cli/progress.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/asserts.h"

typedef struct {
    int64_t level;
    bool    loud;
    double  share;
} own_options;
static const own_options own_init = {.level = 3};
static const cli_option  own[] = {
     {.name = "level",
      .letter = 'l',
      .type = CLI_INT,
      .meta = "N",
      .help = "how much",
      .offset = offsetof(own_options, level),
      .lo = 1,
      .hi = 9},
     {.name = "loud", .type = CLI_FLAG, .help = "say more", .offset = offsetof(own_options, loud)},
     {.name = "share",
      .type = CLI_REAL,
      .meta = "P",
      .help = "a share",
      .offset = offsetof(own_options, share),
      .unit = CLI_SHARE,
      .lo = 0,
      .hi = 1},
     {0}};

static int called;
static int act(const cli_args *a)
{
    called++;
    return (int)a->narg + 40;
}
static const cli_command commands[] = {{.name = "run",
                                        .summary = "runs",
                                        .usage = "[WHAT...]",
                                        .sets = CLI_SET_MEASURE,
                                        .max_args = -1,
                                        .main = act},
                                       {.name = "one",
                                        .summary = "takes one",
                                        .usage = "FILE",
                                        .sets = CLI_SET_OUTPUT,
                                        .own = own,
                                        .own_init = &own_init,
                                        .own_size = sizeof(own_options),
                                        .min_args = 1,
                                        .max_args = 1,
                                        .main = act},
                                       {0}};

enum { MOST = 40 };
static ir_status parse(cli_args *out, const char *line)
{
    static char  text[512];
    static char *argv[MOST];
    int          argc = 0;
    snprintf(text, sizeof text, "ironroof %s", line);
    for (char *w = strtok(text, " "); w && argc < MOST; w = strtok(NULL, " ")) argv[argc++] = w;
    return cli_parse(commands, argc, argv, out);
}

static void refused(const char *line, const char *why)
{
    cli_args a;
    if (parse(&a, line) != IR_EINVAL) fail_msg("'%s' was taken", line);
    if (!strstr(ir_why(), why)) fail_msg("'%s': %s", line, ir_why());
}

static void test_values(void **state)
{
    (void)state;
    cli_args a;
    assert_int_equal(
        parse(
            &a,
            "run copy --profile full --dtype f32,bf16 --batch 1-64*2 --threads=1,2 --filter ^cpu/ --device 0 "
            "--precision 2% --budget 500ms --cold --seed 7 -o out.jsonl --quiet"),
        IR_OK);
    assert_string_equal(a.command->name, "run");
    assert_num(a.narg, ==, 1);
    assert_true(!strcmp(a.arg[0], "copy"));
    assert_num(a.opt.profile, ==, CLI_FULL);
    assert_num(a.opt.dtypes.n, ==, 2);
    assert_num(a.opt.dtypes.v[1], ==, IR_BF16);
    assert_num(a.opt.batch.n, ==, 7);
    assert_num(a.opt.batch.v[6], ==, 64);
    assert_num(a.opt.threads.n, ==, 2);
    assert_num(fabs(a.opt.precision - 0.02), <, 1e-15);
    assert_num(fabs(a.opt.budget_s - 0.5), <, 1e-15);
    assert_num(a.opt.seed, ==, 7);
    assert_num(a.opt.cache, ==, CLI_COLD);
    assert_true(a.opt.quiet);
    assert_true(!strcmp(a.opt.output, "out.jsonl"));
    assert_true(cli_filter_match(&a.opt.filter, "cpu", "copy", "nt"));
    assert_true(!cli_filter_match(&a.opt.filter, "cuda", "copy", "nt"));
    cli_args_free(&a);
    cli_args_free(&a); /* idempotent */
}

static void test_defaults(void **state)
{
    (void)state;
    cli_args a;
    char    *bare[] = {(char *)"ironroof"};
    assert_int_equal(cli_parse(commands, 1, bare, &a), IR_OK);
    assert_string_equal(a.command->name, "run");
    assert_num(a.opt.profile, ==, CLI_QUICK);
    assert_num(a.opt.dtypes.n, ==, 0);
    assert_num(a.opt.seed, ==, -1);
    assert_nan(a.opt.precision);
    assert_null(cli_filter_regex(&a.opt));
    cli_args_free(&a);
    assert_int_equal(parse(&a, "one x"), IR_OK);
    assert_int_equal(((own_options *)a.own)->level, 3);
    cli_args_free(&a);
    assert_int_equal(parse(&a, "one -l7 --loud --share=5% -- -x"), IR_OK);
    own_options *o = a.own;
    assert_num(o->level, ==, 7);
    assert_true(o->loud);
    assert_num(fabs(o->share - 0.05), <, 1e-15);
    assert_true(!strcmp(a.arg[0], "-x"));
    cli_args_free(&a);
}

static void test_refusals(void **state)
{
    (void)state;
    refused("rum", "did you mean 'run'");
    refused("run --profil quick", "did you mean '--profile'");
    refused("one x --batch 1", "'run' does");
    refused("run --profile fast", "quick");
    refused("run --dtype f31", "did you mean");
    refused("run --threads 0", "0");
    refused("run --batch", "needs a value");
    refused("run --quiet=1", "takes no value");
    refused("run --filter (", "filter");
    refused("run --budget -1s", "budget");
    refused("one", "needs an argument");
    refused("one a b", "takes no argument 'b'");
    refused("one a --level 12", "level");
    refused("one a --share 150%", "share");
}

static char *printed(void (*print)(FILE *))
{
    char  *text = NULL;
    size_t n = 0;
    FILE  *f = open_memstream(&text, &n);
    assert_non_null(f);
    print(f);
    fclose(f);
    return text;
}
static void print_all(FILE *f) { cli_help_all(f, commands); }
static void print_one(FILE *f) { cli_help(f, &commands[1]); }
static void print_run(FILE *f) { cli_help(f, &commands[0]); }

/* Help is made of the tables: every option is in it, and no line is wider than a terminal. */
static void test_help(void **state)
{
    (void)state;
    void (*const page[])(FILE *) = {print_all, print_one, print_run};
    for (size_t i = 0; i < 3; i++) {
        char *text = printed(page[i]);
        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == 10)
            assert_true(strcspn(line, "\n") <= 80);
        if (i == 0) {
            assert_true(strstr(text, "takes one"));
            assert_true(strstr(text, "runs"));
        }
        if (i == 1) {
            assert_true(strstr(text, "--level"));
            assert_true(strstr(text, "-o"));
            assert_true(!strstr(text, "--batch"));
        }
        for (const cli_option *o = cli_shared_options(); i == 2 && o->name; o++) {
            char name[64];
            snprintf(name, sizeof name, "--%s", o->name);
            if (o->set & CLI_SET_MEASURE && !strstr(text, name))
                fail_msg("%s is not in the help of run", name);
        }
        free(text);
    }
}

static void test_main(void **state)
{
    (void)state;
    char *good[] = {(char *)"ironroof", (char *)"run", (char *)"a", (char *)"b"};
    char *bad[] = {(char *)"ironroof", (char *)"walk"};
    called = 0;
    assert_int_equal(cli_main(commands, 4, good), 42);
    assert_int_equal(called, 1);
    assert_int_equal(cli_main(commands, 2, bad), 2);
    assert_int_equal(called, 1);
}

static void test_near(void **state)
{
    (void)state;
    static const char *const names[] = {"gemm", "gemv", "copy", "resnet50"};
    assert_string_equal(cli_near("gem", names, 4), "gemm");
    assert_string_equal(cli_near("resnet", names, 4), "resnet50");
    assert_string_equal(cli_near("cpoy", names, 4), "copy");
    assert_null(cli_near("zzzzzz", names, 4));
    assert_null(cli_near("", names, 0));
}

static double clock_of(void *arg) { return *(double *)arg; }

/* One estimate over all parts, by what each takes; none while only rows that do not apply are done. */
static void test_time_left(void **state)
{
    char        *text = NULL;
    size_t       size = 0;
    double       now = 0;
    FILE        *out = open_memstream(&text, &size);
    cli_progress p;
    (void)state;
    assert_non_null(out);
    cli_progress_init(&p, out, false, 0);
    p.on = true;
    p.width = 200;
    p.now = clock_of;
    p.arg = &now;
    cli_progress_plan(&p, "ceilings", 10, 1);
    cli_progress_plan(&p, "points", 10, 3);
    cli_progress_enter(&p, 0);
    cli_progress_show(&p, "first");
    cli_progress_done(&p);
    now = 0.01;
    cli_progress_show(&p, "second");
    assert_null(strstr(text, "left"));
    for (int i = 0; i < 4; i++) cli_progress_done(&p);
    now = 5;
    cli_progress_show(&p, "sixth");
    assert_non_null(strstr(text, "[ceilings 5/10] about 35 s left  sixth"));
    cli_progress_enter(&p, 1);
    cli_progress_done(&p);
    now = 26;
    cli_progress_show(&p, "more");
    assert_non_null(strstr(text, "[ceilings 10/10, points 1/10] about 54 s left  more"));
    fclose(out);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values),   cmocka_unit_test(test_defaults),
                                       cmocka_unit_test(test_refusals), cmocka_unit_test(test_help),
                                       cmocka_unit_test(test_main),     cmocka_unit_test(test_near),
                                       cmocka_unit_test(test_time_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

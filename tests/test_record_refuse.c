/* test_record_refuse.c -- what the reader refuses, and in which words: file, line, field, what is wrong. */
#define _GNU_SOURCE
#include "tests/record_files.h"

#define POINT \
    "{\"record\":\"point\",\"workload\":\"w\",\"kernel\":\"k\",\"backend\":\"b\"," \
    "\"status\":\"ok\","
#define CEILING "{\"record\":\"ceiling\",\"what\":\"flops\","
#define MACHINE "{\"record\":\"machine\",\"device\":\"d\","
#define FIT     "{\"record\":\"fit\",\"form\":\"additive\","
#define VERDICT "{\"record\":\"verdict\",\"question\":\"q\","
#define TEN     "0123456789"
#define L40     TEN TEN TEN TEN
#define L280    "\"" L40 L40 L40 L40 L40 L40 L40 "\""
static const struct {
    const char *line, *why;
} refusals[] = {
    {"{\"x\":1}", "record: missing: every line names its kind"},
    {"{\"record\":7}", "record: a string expected, not a number"},
    {"[1]", "a line must be an object"},
    {"7", "a line must be an object"},
    {"{\"record\":\"header\"}", "schema: missing"},
    {"{\"record\":\"header\",\"schema\":2}", "schema: 2 is unknown: this program reads schema 1"},
    {"{\"record\":\"header\",\"schema\":-1}", "schema: -1 is unknown: this program reads schema 1"},
    {"{\"record\":\"header\",\"schema\":\"1\"}", "schema: an integer expected, not a string"},
    {"{\"record\":\"header\",\"schema\":null}", "schema: an integer expected, not null"},
    {"{\"record\":\"header\",\"schema\":1.5}", "schema: 1.5 is no integer"},
    {"{\"record\":\"header\",\"schema\":1e300}", "schema: 1e+300 is out of range"},
    {"{\"record\":\"header\",\"schema\":1,\"version\":1}", "version: a string expected, not a number"},
    {"{\"record\":\"machine\"}", "device: missing"},
    {"{\"record\":\"machine\",\"device\":\"\"}", "device: empty"},
    {"{\"record\":\"machine\",\"device\":null}", "device: missing"},
    {"{\"record\":\"machine\",\"device\":\"" L40 L40 "\"}", "device: '" L40 "...' is longer than 63 bytes"},
    {MACHINE "\"cores\":-1}", "cores: -1 is negative"},
    {MACHINE "\"cores\":2147483648}", "cores: 2147483648 is out of range"},
    {MACHINE "\"cores\":true}", "cores: an integer expected, not true or false"},
    {MACHINE "\"mem_B\":\"8 GB\"}", "mem_B: a number expected, not a string"},
    {MACHINE "\"spec_flops\":[]}", "spec_flops: an object expected, not an array"},
    {MACHINE "\"spec_flops\":{\"f32\":{}}}", "spec_flops.f32: a number expected, not an object"},
    {MACHINE "\"env\":[]}", "env: an object expected, not an array"},
    {MACHINE "\"env\":{\"x\":true}}", "env.x: a number, a string or null expected"},
    {MACHINE "\"env\":{\"\":1}}", "env: '': a key has 1 to 39 bytes"},
    {MACHINE "\"env\":{\"" L40 "\":1}}", "env: '" L40 "': a key has 1 to 39 bytes"},
    {MACHINE "\"env\":{\"x\":1},\"compared\":[1]}", "compared: entry 0 is no string"},
    {MACHINE "\"env\":{\"x\":1},\"unknown_numbers\":{}}",
     "unknown_numbers: an array expected, not an object"},
    {"{\"record\":\"ceiling\"}", "what: missing"},
    {"{\"record\":\"ceiling\",\"what\":\"speed\"}",
     "what: 'speed' is none of bandwidth flops latency launch clock overlap"},
    {"{\"record\":\"ceiling\",\"what\":7}", "what: a string expected, not a number"},
    {CEILING "\"value\":-3.5}", "value: -3.5 is negative"},
    {CEILING "\"dtype\":\"f31\"}", "dtype: 'f31' is none of f64 f32 tf32 f16 bf16 f8 i8 i4"},
    {CEILING "\"dtype\":[]}", "dtype: a word expected, not an array"},
    {CEILING "\"level\":\"" TEN "\"}", "level: '" TEN "...' is longer than 7 bytes"},
    {CEILING "\"flags\":[\"noisy\",\"tired\"]}",
     "flags: 'tired' is none of smt-shared throttled steal clock-drift cpuset-limited "
     "cache-resident bimodal noisy suspect within-run preempted"},
    {CEILING "\"flags\":7}", "flags: an array of words expected, not a number"},
    {CEILING "\"certificates\":[{},{},{},{},{}]}", "certificates: 5 of them, at most 4 are possible"},
    {CEILING "\"certificates\":[{},7]}", "certificates: entry 1 is no object"},
    {CEILING "\"certificates\":[{\"known\":1}]}", "certificates.known: true or false expected, not a number"},
    {"{\"record\":\"ceiling\",\"what\":\"capacity\"}", "level: missing"},
    {"{\"record\":\"ceiling\",\"what\":\"capacity\",\"level\":\"L9\",\"value\":1}",
     "level: 'L9' is none of L1 L2 L3 L4 DRAM"},
    {"{\"record\":\"ceiling\",\"what\":\"capacity\",\"level\":\"L1\",\"value\":-1}",
     "value: a number of bytes expected"},
    {"{\"record\":\"quality\"}", "value: missing"},
    {"{\"record\":\"quality\",\"value\":\"fine\"}", "value: 'fine' is none of good noisy unusable"},
    {"{\"record\":\"quality\",\"value\":\"good\",\"causes\":{}}", "causes: an array expected, not an object"},
    {"{\"record\":\"quality\",\"value\":\"noisy\",\"causes\":[{},7]}", "causes: entry 1 is no object"},
    {"{\"record\":\"quality\",\"value\":\"noisy\",\"causes\":[{\"what\":7}]}",
     "causes.what: a string expected, not a number"},
    {"{\"record\":\"point\",\"workload\":\"w\",\"kernel\":\"k\",\"backend\":\"b\"}", "status: missing"},
    {"{\"record\":\"point\",\"kernel\":\"k\",\"backend\":\"b\"}", "workload: missing"},
    {"{\"record\":\"point\",\"workload\":\"w\",\"kernel\":\"k\",\"backend\":\"b\",\"status\":\"fine\"}",
     "status: 'fine' is none of ok skip incorrect invalid error"},
    {POINT "\"cache\":\"warm\"}", "cache: 'warm' is none of hot cold"},
    {POINT "\"reps\":4294967296}", "reps: 4294967296 is out of range"},
    {POINT "\"reps\":-1}", "reps: -1 is negative"},
    {POINT "\"params\":{\"m\":1.5}}", "params.m: 1.5 is no integer"},
    {POINT "\"params\":{\"m\":\"1\"}}", "params.m: an integer expected, not a string"},
    {POINT "\"params\":{\"" TEN TEN "\":1}}", "params: '" TEN TEN "': a name has 1 to 15 bytes"},
    {POINT "\"params\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,"
           "\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1}}",
     "params: 17 of them, at most 16 are possible"},
    {POINT "\"params\":{\"m\":1},\"param_words\":7}", "param_words: an object expected, not a number"},
    {POINT "\"params\":{\"m\":1},\"param_words\":{\"m\":1}}",
     "param_words.m: a string expected, not a number"},
    {POINT "\"params\":{\"m\":1},\"param_words\":{\"m\":\"" TEN TEN "\"}}",
     "param_words.m: '" TEN                                     TEN "' is longer than 15 bytes"},
    {POINT "\"time_s\":1}", "time_s: an object expected, not a number"},
    {POINT "\"time_s\":{\"median\":-1}}", "time_s.median: -1 is negative"},
    {POINT "\"dev_time_s\":{\"n\":-1}}", "dev_time_s.n: -1 is negative"},
    {POINT "\"flops\":-2}", "flops: -2 is negative"},
    {POINT "\"check\":{\"err\":\"no\"}}", "check.err: a number expected, not a string"},
    {POINT "\"check\":{\"oracle\":1}}", "check.oracle: a string expected, not a number"},
    {POINT "\"samples_s\":{}}", "samples_s: an array expected, not an object"},
    {POINT "\"samples_s\":[1,\"2\"]}", "samples_s: entry 1 is no number"},
    {POINT "\"samples_s\":[1,-2]}", "samples_s: entry 1: -2 is negative"},
    {POINT "\"samples_s\":[1,2],\"dev_samples_s\":[1]}", "dev_samples_s: 1 entries for 2 samples"},
    {POINT "\"samples_s\":[1,2],\"samples_reps\":[1,-1]}", "samples_reps: -1 is negative"},
    {POINT "\"samples_s\":[1,2],\"throttled_samples\":[2]}", "throttled_samples: 2: there are 2 samples"},
    {POINT "\"samples_s\":[1,2],\"throttled_samples\":[-1]}", "throttled_samples: -1 is negative"},
    {POINT "\"bound\":\"disk\"}", "bound: 'disk' is none of memory compute latency cache mixed code"},
    {"{\"record\":\"fit\"}", "form: missing"},
    {FIT "\"BW\":{\"value\":1}}", "BW.how: missing"},
    {FIT "\"eta\":{\"how\":\"guessed\"}}", "eta.how: 'guessed' is none of fitted pinned unidentified"},
    {FIT "\"draws\":[[1,2]]}", "draws: entry 0 is no array of 3"},
    {FIT "\"draws\":[[1,2,\"3\"]]}", "draws: entry 0 holds no number"},
    {FIT "\"n\":-5}", "n: -5 is negative"},
    {"{\"record\":\"verdict\"}", "question: missing"},
    {VERDICT "\"evidence\":[\"a;b\"]}", "evidence: entry 0 holds a ';'"},
    {VERDICT "\"evidence\":[" L280 "," L280 "," L280 "," L280 "," L280 "," L280 "," L280 "," L280 "]}",
     "evidence: longer than 2047 bytes"},
    {VERDICT "\"evidence\":[1]}", "evidence: entry 0 is no string"},
    {CEILING "\"\\u0007\xc3\xa9\":1,\"source\":\"\\u0007\"}",
     "source: '?' is none of measured datasheet theory"},
};

static void refuses(void **state)
{
    (void)state;
    need_reader();
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        char      text[4096], want[512];
        ir_record r;
        snprintf(text, sizeof text, HEADER "\n%s\n", refusals[i].line);
        snprintf(want, sizeof want, "f.jsonl:3: %s", refusals[i].why);
        if (ir_record_parse("f.jsonl", text, strlen(text), false, &r) == IR_OK)
            fail_msg("accepted: %s", refusals[i].line);
        assert_string_equal(ir_why(), want);
        assert_num(r.npoint, ==, 0);
        assert_true(!r.point);
        assert_true(!r.device);
        assert_num(r.ceilings.n, ==, 0);
        assert_num(r.env.n, ==, 0);
    }
}

/* What the JSON library refuses is reported in its words, behind file, line and column. */
static void not_json(void **state)
{
    static const struct {
        const char *line;
        size_t      n;
    } bad[] = {{"{", 1},
               {"{\"record\":\"point\"", 17},
               {"nonsense", 8},
               {"{\"a\":1,\"a\":2}", 13},
               {"{\"a\":\"\xff\"}", 9},
               {"{\"a\":\"\xc0\x80\"}", 10},
               {"{\"a\":\"\xed\xa0\x80\"}", 11},
               {"{\"a\":1e999}", 11},
               {"{\"a\":99999999999999999999}", 26},
               {"{\"a\":NaN}", 9},
               {"{\"a\":01}", 8},
               {"{\"a\":\"x\0y\"}", 11},
               {"\0\0\0", 3},
               {"{\"a\":\"\\u0000\"}", 14},
               {"{} {}", 5},
               {"{'a':1}", 7}};
    (void)state;
    need_reader();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int newline = 0; newline < 2; newline++)
            for (int strict = 0; strict < 2; strict++) {
                char      text[256];
                size_t    n = strlen(HEADER);
                ir_record r;
                memcpy(text, HEADER, n); /* NOLINT(bugprone-not-null-terminated-result): more follows */
                memcpy(text + n, bad[i].line, bad[i].n);
                n += bad[i].n;
                if (newline) text[n++] = '\n';
                ir_status s = ir_record_parse("f", text, n, strict, &r);
                if (!newline && !strict) {
                    assert_int_equal(s, IR_OK);
                    assert_true(r.truncated);
                    ir_record_free(&r);
                    continue;
                }
                assert_int_equal(s, IR_EINVAL);
                if (strncmp(ir_why(), "f:2: column ", 12) != 0 ||
                    !strstr(ir_why(), newline ? ": not JSON: " : ": the line is cut off: "))
                    fail_msg("%s", ir_why());
                for (const char *c = ir_why(); *c; c++) assert_true((unsigned char)*c >= 0x20);
            }
}

static void deep_nesting(void **state)
{
    enum { DEEP = 200000 };
    char     *text = malloc(DEEP + 64);
    ir_record r;
    (void)state;
    assert_non_null(text);
    size_t n = (size_t)sprintf(text, HEADER "{\"a\":");
    memset(text + n, '[', DEEP);
    text[n + DEEP] = '\n';
    ir_status s = ir_record_parse("deep", text, n + DEEP + 1, true, &r);
    free(text);
    if (s == IR_SKIP) skip();
    assert_int_equal(s, IR_EINVAL);
}

static void bad_files(void **state)
{
    files    *f = *state;
    char      want[256];
    ir_record r;
    need_reader();
    assert_int_equal(ir_record_read("/nonexistent/x.jsonl", true, &r), IR_EIO);
    assert_string_equal(ir_why(), "/nonexistent/x.jsonl: No such file or directory");
    assert_int_equal(ir_record_read(f->dir.root, true, &r), IR_EIO);
    snprintf(want, sizeof want, "%s: Is a directory", f->dir.root);
    assert_string_equal(ir_why(), want);
    assert_int_equal(ir_record_read("/dev/null", false, &r), IR_EINVAL);
    assert_string_equal(ir_why(), "/dev/null: empty: not a record");
    assert_int_equal(ir_record_read("/dev/zero", false, &r), IR_EINVAL);
    assert_string_equal(ir_why(), "/dev/zero:1: longer than 256 MiB: not a record");
    assert_int_equal(ir_record_parse("f", "hello", 5, false, &r), IR_EINVAL);
    assert_string_equal(ir_why(), "f:1: no header line: not a record");
    assert_int_equal(ir_record_parse("f", POINT "\"n\":1}\n", strlen(POINT) + 7, false, &r), IR_EINVAL);
    assert_string_equal(ir_why(), "f:1: record: 'point' before the header: not a record of this program");
}

static void too_many(void **state)
{
    char     *text = malloc(1 << 20);
    ir_record r;
    (void)state;
    need_reader();
    assert_non_null(text);
    size_t n = (size_t)sprintf(text, HEADER MACHINE "\"env\":{");
    for (int i = 0; i < 5000; i++) n += (size_t)sprintf(text + n, "%s\"k%d\":%d", i ? "," : "", i, i);
    n += (size_t)sprintf(text + n, "}}\n");
    assert_int_equal(ir_record_parse("f", text, n, true, &r), IR_EINVAL);
    assert_string_equal(ir_why(), "f:2: env: more than 4096 entries");
    n = (size_t)sprintf(text, HEADER);
    for (int i = 0; i < 1100; i++)
        n += (size_t)sprintf(text + n, "{\"record\":\"machine\",\"device\":\"d%d\"}\n", i);
    assert_int_equal(ir_record_parse("f", text, n, true, &r), IR_EINVAL);
    assert_string_equal(ir_why(), "f:1026: device: more than 1024 devices");
    n = (size_t)sprintf(text, HEADER); /* more oracles than are kept: the names are lost, not the points */
    for (int i = 0; i < 1000; i++)
        n += (size_t)sprintf(text + n, POINT "\"check\":{\"oracle\":\"o%d\"}}\n", i);
    assert_int_equal(ir_record_parse("f", text, n, true, &r), IR_OK);
    assert_int_equal(r.npoint, 1000);
    assert_string_equal(r.point[999].m.check.oracle, "an oracle whose name was not kept");
    ir_record_free(&r);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses), cmocka_unit_test(not_json), cmocka_unit_test(deep_nesting),
        cmocka_unit_test_setup_teardown(bad_files, setup, teardown), cmocka_unit_test(too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

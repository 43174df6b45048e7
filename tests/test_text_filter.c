/* test_text_filter.c -- the filter of texts: what passes, what becomes '?', wherever a write ends; and which
 * regular expressions are refused before they explode. */
#include "harness/pattern.h"
#include "harness/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *in, *out;
} texts[] = {
    {"plain\ttext\n", "plain\ttext\n"},
    {"\xc2\xb5s \xe2\x9c\x93 \xf0\x9f\x98\x80", "\xc2\xb5s \xe2\x9c\x93 \xf0\x9f\x98\x80"},
    {"\033[31m", "?[31m"},   /* ESC */
    {"a\rb\bc\a", "a?b?c?"}, /* carriage return, backspace, bell */
    {"\x7f", "?"},           /* DEL */
    {"\xc2\x9b"
     "31m",
     "?31m"},       /* C1 */
    {"\xe2\x80\xae" /* NOLINT(misc-misleading-bidirectional): what is tested */
     "abc\xe2\x81\xa6",
     "?abc?"},                 /* direction */
    {"\xe2\x80\xa8", "?"},     /* line separator */
    {"\xef\xbb\xbf", "?"},     /* byte order mark */
    {"\xf3\xa0\x81\x81", "?"}, /* tag */
    {"\xff\xfe", "??"},        /* no UTF-8 */
    {"\xc0\xaf", "??"},        /* overlong */
    {"\xed\xa0\x80", "???"},   /* surrogate */
    {"\xe2\x9c", "?"},         /* cut off */
    {"\xe2\x9c"
     "abc",
     "??abc"}, /* cut off within */
    {"\xf0\x9f\x98", "?"},
};
enum { NTEXT = sizeof texts / sizeof *texts };

/* What a filtered stream makes of s when it is written in pieces of so many bytes; owned. */
static char *through(const char *s, size_t piece)
{
    char  *buf = NULL;
    size_t n = 0, left = strlen(s);
    FILE  *under = open_memstream(&buf, &n), *f = ir_screen_over(under);
    assert_non_null(f);
    for (; left; left -= piece < left ? piece : left) {
        size_t now = piece < left ? piece : left;
        assert_int_equal(fwrite(s + strlen(s) - left, 1, now, f), now);
        fflush(f);
    }
    assert_int_equal(fclose(f), 0);
    return buf;
}

/* '?' at the end stands for any number of them: pieces of a character that has no end. */
static void same_text(const char *got, const char *want)
{
    size_t g = strlen(got), w = strlen(want);
    while (w && want[w - 1] == '?') w--;
    while (g && got[g - 1] == '?') g--;
    assert_int_equal(g, w);
    assert_memory_equal(got, want, w);
    assert_int_equal(got[g] == '?', want[w] == '?');
}

static void test_streams(void **state)
{
    (void)state;
    for (int i = 0; i < NTEXT; i++)
        for (size_t piece = 1; piece <= 5; piece++) {
            char *got = through(texts[i].in, piece);
            same_text(got, texts[i].out);
            free(got);
        }
}

static void test_lines(void **state)
{
    (void)state;
    for (int i = 0; i < NTEXT; i++) {
        char line[64], want[64];
        snprintf(line, sizeof line, "%s", texts[i].in);
        snprintf(want, sizeof want, "%s", texts[i].out);
        ir_screen_line(line);
        for (char *c = want; *c; c++)
            if (*c == '\n' || *c == '\t') *c = ' ';
        same_text(line, want);
    }
}

static void test_standard_streams_keep_their_descriptors(void **state)
{
    (void)state;
    ir_screen_begin();
    ir_screen_begin();
    assert_int_equal(ir_screen_fd(stdout), 1);
    assert_int_equal(ir_screen_fd(stderr), 2);
}

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool        good;
    } v[] = {{"", true},
             {"^cpu/(gemm|gemv)/.*$", true},
             {"a{2,40}b{3}", true},
             {"[]()\\1{9999}]", true},
             {"\\{9999\\}", true},
             {"(a{50}){30}", true},
             {"(a{50}){50}", false},
             {"((((a{9}){9}){9}){9})", false},
             {"a{2,30000}", false},
             {"a+b+c+", true},
             {"(a+)+", true},
             {"a++++++++++++++++++++++++++", false}, /* each doubles what stands before it */
             {"\\++++++++++++++++++++++++++", false},
             {"((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+", false},
             {"(a)\\1", false},
             {"(^|/)gemm(=[0-9]*,?)*$", true},
             {"^a$|^b$|^c$|^d$|^e$|^f$", true},
             {"^^^^^^^^^a", false}, /* an anchor doubles what follows it */
             {"(\\b|\\B|^|$|\\<|\\>)*", false},
             {"\\b(a*|b*)*(a*|b*)*(a*|b*)*(a*|b*)*(a*|b*)*", false},
             {"(a?)?", false},
             {"(|a)+", false},
             {"(a*)(b*){0}c", true},
             {"(", false},
             {"[a", false}};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        regex_t re;
        bool    good = ir_pattern_compile(v[i].text, &re) == IR_OK;
        if (good) regfree(&re);
        if (good != v[i].good) fail_msg("'%s' is %s", v[i].text, good ? "accepted" : ir_why());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_streams), cmocka_unit_test(test_lines),
                                       cmocka_unit_test(test_patterns),
                                       cmocka_unit_test(test_standard_streams_keep_their_descriptors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

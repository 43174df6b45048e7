/* cmocka.h -- stand-in for the cmocka test framework where it is not installed: a cross build (its
 * library for the other architecture would need foreign packages) or a machine without a package
 * registry. It covers groups, fixtures, assertions and skip() as the tests use them; mocking and
 * allocation checks are refused by not being declared. One test executable, one thread asserting. */
#ifndef IR_TEST_CMOCKA_H
#define IR_TEST_CMOCKA_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state);
struct CMUnitTest {
    const char        *name;
    CMUnitTestFunction test_func;
    CMFixtureFunction  setup_func, teardown_func;
    void              *initial_state;
};
#define cmocka_unit_test_prestate_setup_teardown(f, setup, teardown, state) \
    { \
#f, f, setup, teardown, state \
    }
#define cmocka_unit_test_setup_teardown(f, setup, teardown) \
    { \
#f, f, setup, teardown, NULL \
    }
#define cmocka_unit_test_setup(f, setup) \
    { \
#f, f, setup, NULL, NULL \
    }
#define cmocka_unit_test_teardown(f, teardown) \
    { \
#f, f, NULL, teardown, NULL \
    }
#define cmocka_unit_test_prestate(f, state) \
    { \
#f, f, NULL, NULL, state \
    }
#define cmocka_unit_test(f) \
    { \
#f, f, NULL, NULL, NULL \
    }
#define cmocka_run_group_tests(tests, setup, teardown) \
    ct_run_group(#tests, tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
    ct_run_group(name, tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

enum { CT_FAILED = 1, CT_SKIPPED = 2 };
static jmp_buf ct_exit; /* to the test that runs: set before every test and fixture */

#define CT_UNUSED __attribute__((unused))
CT_UNUSED __attribute__((noreturn)) static void ct_leave(int how) { longjmp(ct_exit, how); }

CT_UNUSED __attribute__((noreturn, format(printf, 3, 4))) static void ct_fail(const char *file, int line,
                                                                              const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s:%d: error: ", file, line);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    ct_leave(CT_FAILED);
}

/* A fixture's own failure counts like a failed test; a NULL one is a success. */
CT_UNUSED static int ct_fixture(CMFixtureFunction f, void **state)
{
    if (!f) return 0;
    if (setjmp(ct_exit)) return CT_FAILED;
    return f(state) ? CT_FAILED : 0;
}

CT_UNUSED static int ct_body(const struct CMUnitTest *t, void **state)
{
    int how = setjmp(ct_exit);
    if (how) return how;
    t->test_func(state);
    return 0;
}

CT_UNUSED static int ct_one(const struct CMUnitTest *t, void *group_state)
{
    static const char *const word[] = {"       OK", "  FAILED ", " SKIPPED "};
    void                    *state = t->initial_state ? t->initial_state : group_state;
    fprintf(stderr, "[ RUN      ] %s\n", t->name);
    int how = ct_fixture(t->setup_func, &state);
    if (!how) how = ct_body(t, &state);
    if (ct_fixture(t->teardown_func, &state)) how = CT_FAILED;
    fprintf(stderr, "[%s ] %s\n", word[how], t->name);
    return how;
}

CT_UNUSED static int ct_run_group(const char *name, const struct CMUnitTest *t, size_t n,
                                  CMFixtureFunction setup, CMFixtureFunction teardown)
{
    int   count[3] = {0, 0, 0};
    void *state = NULL;
    fprintf(stderr, "[==========] %s: %zu test(s)\n", name, n);
    if (ct_fixture(setup, &state)) {
        fprintf(stderr, "[  FAILED  ] group setup\n");
        return 1;
    }
    for (size_t i = 0; i < n; i++) count[ct_one(&t[i], state)]++;
    if (ct_fixture(teardown, &state)) count[CT_FAILED]++;
    fprintf(stderr, "[==========] %d passed, %d failed, %d skipped\n", count[0], count[CT_FAILED],
            count[CT_SKIPPED]);
    return count[CT_FAILED];
}

#define ct_check(c, ...) ((c) ? (void)0 : ct_fail(__FILE__, __LINE__, __VA_ARGS__))
CT_UNUSED static void ct_ints(uintmax_t a, uintmax_t b, int want, const char *what, const char *file,
                              int line)
{
    if ((a == b) != want) ct_fail(file, line, "%s: %#jx and %#jx", what, a, b);
}
CT_UNUSED static void ct_floats(double a, double b, double eps, int want, const char *file, int line)
{
    double d = a > b ? a - b : b - a;
    if ((a == b || d <= eps) != want) ct_fail(file, line, "%.17g and %.17g, tolerance %g", a, b, eps);
}
CT_UNUSED static void ct_strings(const char *a, const char *b, int want, const char *file, int line)
{
    if (!a || !b || (strcmp(a, b) == 0) != want)
        ct_fail(file, line, "\"%s\" and \"%s\"", a ? a : "(null)", b ? b : "(null)");
}
CT_UNUSED static void ct_memory(const void *a, const void *b, size_t n, int want, const char *file, int line)
{
    if ((memcmp(a, b, n) == 0) != want)
        ct_fail(file, line, "%zu bytes are %s", n, want ? "not equal" : "equal");
}
CT_UNUSED static void ct_range(uintmax_t v, uintmax_t lo, uintmax_t hi, int want, const char *file, int line)
{
    if ((v >= lo && v <= hi) != want) ct_fail(file, line, "%ju and the range %ju..%ju", v, lo, hi);
}

#define assert_true(c)     ct_check((c), "%s", #c)
#define assert_false(c)    ct_check(!(c), "not (%s)", #c)
#define assert_non_null(p) ct_check((p) != NULL, "%s is NULL", #p)
#define assert_null(p)     ct_check((p) == NULL, "%s is not NULL", #p)
#define assert_ptr_equal(a, b) \
    ct_check((const void *)(a) == (const void *)(b), "%p and %p", (const void *)(a), (const void *)(b))
#define assert_ptr_not_equal(a, b) \
    ct_check((const void *)(a) != (const void *)(b), "both %p", (const void *)(a))
#define assert_int_equal(a, b) ct_ints((uintmax_t)(a), (uintmax_t)(b), 1, #a " == " #b, __FILE__, __LINE__)
#define assert_int_not_equal(a, b) \
    ct_ints((uintmax_t)(a), (uintmax_t)(b), 0, #a " != " #b, __FILE__, __LINE__)
#define assert_float_equal(a, b, eps) \
    ct_floats((double)(float)(a), (double)(float)(b), (double)(float)(eps), 1, __FILE__, __LINE__)
#define assert_float_not_equal(a, b, eps) \
    ct_floats((double)(float)(a), (double)(float)(b), (double)(float)(eps), 0, __FILE__, __LINE__)
#define assert_string_equal(a, b)        ct_strings(a, b, 1, __FILE__, __LINE__)
#define assert_string_not_equal(a, b)    ct_strings(a, b, 0, __FILE__, __LINE__)
#define assert_memory_equal(a, b, n)     ct_memory(a, b, n, 1, __FILE__, __LINE__)
#define assert_memory_not_equal(a, b, n) ct_memory(a, b, n, 0, __FILE__, __LINE__)
#define assert_in_range(v, lo, hi) \
    ct_range((uintmax_t)(v), (uintmax_t)(lo), (uintmax_t)(hi), 1, __FILE__, __LINE__)
#define assert_not_in_range(v, lo, hi) \
    ct_range((uintmax_t)(v), (uintmax_t)(lo), (uintmax_t)(hi), 0, __FILE__, __LINE__)
#define assert_return_code(rc, error) ct_check((rc) >= 0, "%s: %s", #rc, strerror((int)(error)))
#define fail()                        ct_fail(__FILE__, __LINE__, "fail()")
#define fail_msg(...)                 ct_fail(__FILE__, __LINE__, __VA_ARGS__)
#define skip()                        ct_leave(CT_SKIPPED)
#define print_message(...)            ((void)fprintf(stdout, __VA_ARGS__))
#define print_error(...)              ((void)fprintf(stderr, __VA_ARGS__))
#endif

/* asserts.h -- assertions on numbers that print both. Include after <cmocka.h>. */
#ifndef TESTS_ASSERTS_H
#define TESTS_ASSERTS_H
#include <math.h>

/* assert_num(x, >=, 3): compares as C does, prints as numbers. On failure both sides are evaluated again. */
#define assert_num(a, op, b) \
    do { \
        if (!((a)op(b))) \
            fail_msg("%s %s %s: the left side is %.17g, the right side %.17g", #a, #op, #b, (double)(a), \
                     (double)(b)); \
    } while (0)

/* |a - b| <= rel * |b|; a NAN on either side fails. */
#define assert_close(a, b, rel) \
    do { \
        const double close_a = (double)(a), close_b = (double)(b); \
        if (!(fabs(close_a - close_b) <= (double)(rel)*fabs(close_b))) \
            fail_msg("%s is %.17g; %s is %.17g; they differ by %.3g of it, allowed %g", #a, close_a, #b, \
                     close_b, fabs(close_a / close_b - 1), (double)(rel)); \
    } while (0)

#define assert_nan(x) \
    do { \
        const double nan_x = (double)(x); \
        if (!isnan(nan_x)) fail_msg("%s is %.17g, not NAN", #x, nan_x); \
    } while (0)

/* A reason is given, in words. */
#define assert_reason(text) \
    do { \
        if (strlen(text) <= 10) fail_msg("no reason in %s: \"%s\"", #text, (const char *)(text)); \
    } while (0)
#endif

/* test_record_numbers.c -- how the text report writes numbers, shares and intervals. */
#include "harness/record/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void scaled(void **state)
{
    static const struct {
        double      v;
        const char *unit, *text;
    } c[] = {{41.2e9, "B/s", "41.2 GB/s"},
             {3.1e-6, "s", "3.1 us"},
             {220e9, "FLOP/s", "220 GFLOP/s"},
             {NAN, "s", "-"},
             {0, "B", "0 B"},
             {999.4, "B", "999 B"},
             {999.5, "B", "1 kB"},
             {999999, "B", "1 MB"},
             {1, "s", "1 s"},
             {9.996, "", "10"},
             {99.96, "s", "100 s"},
             {-2.5e-3, "s", "-2.5 ms"},
             {1e-15, "s", "1 fs"},
             {1e-16, "s", "100 as"},
             {1e18, "B", "1 EB"},
             {1e22, "B", "1e+22 B"},
             {INFINITY, "B/s", "inf B/s"},
             {-INFINITY, "", "-inf"},
             {12345, "", "12.3 k"},
             {1.005e12, "FLOP/s", "1 TFLOP/s"},
             {0.1, "s", "100 ms"},
             {1e3, "Hz", "1 kHz"},
             {2.4995e9, "Hz", "2.5 GHz"}};
    char buf[64], tiny[4];
    (void)state;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++)
        assert_string_equal(ir_text_scaled(c[i].v, c[i].unit, buf, sizeof buf), c[i].text);
    assert_string_equal(ir_text_scaled(41.2e9, "B/s", tiny, sizeof tiny), "41.");
}

static void other_numbers(void **state)
{
    static const struct {
        double      v;
        const char *plain, *percent;
    } c[] = {{0.0123, "0.0123", "1.2 %"},
             {5.314, "5.31", "531 %"},
             {47.84, "47.8", "4784 %"},
             {.9996, "1.00", "100 %"},
             {0, "0", "0 %"},
             {NAN, "-", "-"},
             {1e-9, "1.00e-09", "<0.01 %"},
             {.004, "0.00400", "0.4 %"},
             {.8749, "0.875", "87 %"},
             {1e6, "1.00e+06", "1.00e+08 %"},
             {.0995, "0.0995", "10 %"},
             {-.5, "-0.500", "-50 %"}};
    char buf[IR_NUM], text[64];
    (void)state;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        assert_string_equal(ir_text_plain(c[i].v, buf), c[i].plain);
        assert_string_equal(ir_text_percent(c[i].v, buf), c[i].percent);
    }
    assert_string_equal(ir_text_interval(38e9, 37.24e9, 1001e9, "B/s", text, sizeof text),
                        "38.0 [37.2, 1001] GB/s");
    assert_string_equal(ir_text_interval(38e9, NAN, NAN, "B/s", text, sizeof text), "38 GB/s");
    assert_string_equal(ir_text_interval(NAN, 1, 2, "s", text, sizeof text), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scaled), cmocka_unit_test(other_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_formula.c -- the language of claims: values, precedence, functions, and every refusal with its column.
 */
#include "bench/claims/formula.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void values(void **state)
{
    static const struct {
        const char *text;
        double      x;
    } good[] = {{"x = 1 + 2*3", 7},
                {"x = (1 + 2)*3", 9},
                {"x = 2^3^2", 512},
                {"x = -2^2", -4},
                {"x = 2^-1", 0.5},
                {"x = 10 - 4 - 3", 3},
                {"x = 16/4/2", 2},
                {"x = --3", 3},
                {"x = +3", 3},
                {"x = 1e3", 1000},
                {"x = 4.1e9", 4.1e9},
                {"x = 100e-6", 1e-4},
                {"x = .5", 0.5},
                {"x = 5.", 5},
                {"x = min(3, 1, 2)", 1},
                {"x = max(3, 1, 2)", 3},
                {"x = max(4)", 4},
                {"x = sqrt(9)", 3},
                {"x = ln(1)", 0},
                {"x = ceil(1.2)", 2},
                {"x = floor(-1.2)", -2},
                {"x = a*b", 12},
                {"t = a + 1; x = t*t", 16},
                {"x = a; x = x + 1", 4},
                {"x=a;", 3},
                {" x\t=\n a ", 3},
                {"x = 0^0", 1},
                {"x = (-8)^3", -512},
                {"x = minimum", 5}};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        formula_values s = {.n = 0};
        int            column;
        formula_set(&s, "a", 3, NULL);
        formula_set(&s, "b", 4, NULL);
        formula_set(&s, "minimum", 5, NULL);
        if (formula_eval(good[i].text, &s, &column) != IR_OK)
            fail_msg("%s: column %d: %s", good[i].text, column, ir_why());
        const formula_value *v = formula_get(&s, "x");
        if (!v || v->word || fabs(v->v - good[i].x) > 1e-12 * fabs(good[i].x))
            fail_msg("%s = %g", good[i].text, v ? v->v : NAN);
        assert_int_equal(column, 0);
    }
}

static void classes(void **state)
{
    static const struct {
        const char *text, *word;
    } good[] = {{"c = class_of(3, 2, 1)", "memory"},  {"c = class_of(1, 2, 1)", "compute"},
                {"c = class_of(1, 2, 3)", "latency"}, {"c = class_of(2, 2, 2)", "memory"},
                {"c = class_of(1, 2, 2)", "compute"}, {"d = class_of(1, 2, 3); c = d", "latency"},
                {"c = class_of(0, 0, 0)", "memory"}};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        formula_values s = {.n = 0};
        int            column;
        assert_int_equal(formula_eval(good[i].text, &s, &column), IR_OK);
        assert_string_equal(formula_get(&s, "c")->word, good[i].word);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        int         column;
        const char *why;
    } bad[] = {{"", 1, "a name expected at the end"},
               {"x", 2, "'=' expected at the end"},
               {"x =", 4, "a value expected at the end"},
               {"x = 1/0", 6, "division by zero"},
               {"x = 1/(a - 3)", 6, "division by zero"},
               {"x = 0^-1", 6, "division by zero"},
               {"x = y", 5, "unknown name 'y'"},
               {"x = f(1)", 5, "unknown function 'f'"},
               {"x = 1; z = y", 12, "unknown name 'y'"},
               {"x = (1", 7, "an operator or ')' expected at the end"},
               {"x = 1)", 6, "an operator or ';' expected before ')'"},
               {"x = 1 2", 7, "an operator or ';' expected before '2'"},
               {"x = 2x", 6, "an operator is missing"},
               {"x = 1e", 6, "digits missing in the exponent"},
               {"x = 1.2.3", 8, "one decimal point"},
               {"x = 0x10", 6, "an operator is missing"},
               {"x = min()", 9, "a value expected before ')'"},
               {"x = sqrt(1, 2)", 13, "too many arguments for 'sqrt'"},
               {"x = class_of(1, 2)", 5, "too few arguments for 'class_of'"},
               {"x = sqrt(-1)", 5, "no finite real number"},
               {"x = ln(0)", 5, "no finite real number"},
               {"x = (-8)^0.5", 9, "no finite real number"},
               {"x = 1e308*10", 10, "no finite real number"},
               {"x = 1e999", 5, "no finite real number"},
               {"min = 3", 1, "a function cannot be assigned"},
               {"x = sqrt", 5, "arguments missing after 'sqrt'"},
               {"c = class_of(1,2,3); x = c + 1", 26, "not the class 'latency'"},
               {"c = class_of(1,2,3); x = -c", 27, "not the class"},
               {"c = class_of(1,2,3); x = max(c, 1)", 30, "not the class"},
               {"x = 1;; y = 2", 7, "a name expected before ';'"},
               {"3 = x", 1, "a name expected before '3'"},
               {"x = 1 % 2", 7, "expected before '%'"},
               {"x == 1", 4, "a value expected before '='"},
               {"x = inf", 5, "unknown name 'inf'"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        formula_values s = {.n = 0};
        int            column = -1;
        formula_set(&s, "a", 3, NULL);
        assert_int_equal(formula_eval(bad[i].text, &s, &column), IR_EINVAL);
        if (column != bad[i].column || !strstr(ir_why(), bad[i].why))
            fail_msg("'%s': column %d: %s", bad[i].text, column, ir_why());
    }
}

static void deep(void **state)
{
    static const char *const open[] = {"(", "-", "2^", "sqrt("};
    (void)state;
    for (size_t k = 0; k < sizeof open / sizeof *open; k++) {
        static char    text[100000];
        formula_values s = {.n = 0};
        int            column;
        size_t         n = (size_t)snprintf(text, sizeof text, "x = ");
        while (n + 8 < sizeof text) n += (size_t)snprintf(text + n, sizeof text - n, "%s", open[k]);
        assert_int_equal(formula_eval(text, &s, &column), IR_EINVAL);
        assert_non_null(strstr(ir_why(), "nested too deeply"));
    }
}

static void limits(void **state)
{
    formula_values s = {.n = 0};
    int            column;
    char           name[80];
    (void)state;
    memset(name, 'n', sizeof name);
    name[60] = 0;
    assert_int_equal(formula_set(&s, name, 1, NULL), IR_EINVAL);
    assert_int_equal(formula_set(&s, "2a", 1, NULL), IR_EINVAL);
    assert_int_equal(formula_set(&s, "", 1, NULL), IR_EINVAL);
    for (int i = 0; i < FORMULA_MAX_VALUES; i++) {
        snprintf(name, sizeof name, "v%d", i);
        assert_int_equal(formula_set(&s, name, i, NULL), IR_OK);
    }
    assert_int_equal(formula_eval("one_more = 1", &s, &column), IR_EINVAL);
    assert_non_null(strstr(ir_why(), "more than 96 names"));
    assert_int_equal(formula_eval("v3 = 7", &s, &column), IR_OK); /* an old name still works */
    assert_true(formula_get(&s, "v3")->v == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(classes),
                                       cmocka_unit_test(refused), cmocka_unit_test(deep),
                                       cmocka_unit_test(limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

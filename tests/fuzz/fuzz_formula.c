/* fuzz_formula.c -- any text as a formula. What is accepted keeps the promises of formula.h: finite numbers
 * or one of the three classes, names of the language; what is refused names a column inside the text. */
#include "bench/claims/formula.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void keeps_its_promises(const formula_values *s)
{
    assert(s->n <= FORMULA_MAX_VALUES);
    for (size_t i = 0; i < s->n; i++) {
        const formula_value *v = &s->v[i];
        assert(v->name[0] && strlen(v->name) < FORMULA_NAME);
        if (v->word)
            assert(!strcmp(v->word, "memory") || !strcmp(v->word, "compute") || !strcmp(v->word, "latency"));
        else
            assert(isfinite(v->v));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *text = malloc(size + 1);
    formula_values *s = calloc(1, sizeof *s);
    int             column = -1;
    if (text && s) {
        if (size) memcpy(text, data, size);
        text[size] = 0;
        assert(formula_set(s, "a", 3, NULL) == IR_OK && formula_set(s, "b", 0, NULL) == IR_OK);
        if (formula_eval(text, s, &column) == IR_OK)
            assert(column == 0);
        else
            assert(column >= 1 && (size_t)column <= strlen(text) + 1 && ir_why()[0]);
        keeps_its_promises(s);
    }
    free(text);
    free(s);
    return 0;
}

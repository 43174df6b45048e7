/* formula.h -- the formula language of a ledger of claims: assignments over named values.
 *
 *   formula    = assignment { ";" assignment } [ ";" ]
 *   assignment = name "=" sum
 *   sum        = product { ("+" | "-") product }
 *   product    = sign { ("*" | "/") sign }
 *   sign       = { "-" | "+" } power
 *   power      = atom [ "^" sign ]                      right associative: 2^3^2 = 512, -2^2 = -4
 *   atom       = number | name | function "(" sum { "," sum } ")" | "(" sum ")"
 * Functions: min max (one argument or more), sqrt ln ceil floor (one), class_of(T_data, T_comp, L_lat):
 * "memory", "compute" or "latency", the largest of the three, a tie goes to the first. A name means its
 * latest assignment.
 *
 * Refused, with the column (from 1) in the reason: what the grammar does not know, an unknown name, a class
 * used as a number, division by zero, and any result that is no finite real number. */
#ifndef BENCH_FORMULA_H
#define BENCH_FORMULA_H
#include "harness/ironroof.h"

enum { FORMULA_NAME = 48, FORMULA_MAX_VALUES = 96, FORMULA_MAX_DEPTH = 100 };
typedef struct {
    char        name[FORMULA_NAME];
    double      v;    /* when word is NULL */
    const char *word; /* a class; static or borrowed text */
} formula_value;
typedef struct {
    formula_value v[FORMULA_MAX_VALUES];
    size_t        n;
} formula_values;

/* Define or redefine a name. IR_EINVAL: no name of the language, or too many. */
ir_status            formula_set(formula_values *, const char *name, double v, const char *word);
const formula_value *formula_get(const formula_values *, const char *name); /* NULL: not there */
/* Evaluate in order; what is assigned joins *values. *column: where it went wrong (1..), 0 on success.
 * ir_why(): what, without the column. */
ir_status formula_eval(const char *text, formula_values *values, int *column);
#endif

/* formula.c -- recursive descent over formula.h's grammar; evaluates while it reads. */
#include "bench/claims/formula.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char     *text, *p;
    formula_values *values;
    int             depth;
    const char     *at; /* where the error is */
} reader;

static bool name_start(char c) { return isalpha((unsigned char)c) || c == '_'; }
static bool name_char(char c) { return isalnum((unsigned char)c) || c == '_'; }

static void skip(reader *r)
{
    while (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r') r->p++;
}

static ir_status wrong(reader *r, const char *at, const char *what, const char *detail)
{
    r->at = at;
    return ir_fail(IR_EINVAL, "%s%s%s%s", what, detail ? " '" : "", detail ? detail : "", detail ? "'" : "");
}

static ir_status unexpected(reader *r, const char *wanted)
{
    char here[2] = {*r->p, 0};
    if (*r->p) {
        char what[96];
        snprintf(what, sizeof what, "%s expected before", wanted);
        return wrong(r, r->p, what, here);
    }
    char what[96];
    snprintf(what, sizeof what, "%s expected at the end", wanted);
    return wrong(r, r->p, what, NULL);
}

/* ---- values ---------------------------------------------------------------------------------- */
const formula_value *formula_get(const formula_values *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->v[i].name, name)) return &s->v[i];
    return NULL;
}

ir_status formula_set(formula_values *s, const char *name, double v, const char *word)
{
    size_t i = 0, n = strlen(name);
    bool   fine = n > 0 && n < FORMULA_NAME && name_start(name[0]);
    for (size_t k = 0; fine && k < n; k++) fine = name_char(name[k]);
    if (!fine)
        return ir_fail(IR_EINVAL, "'%.60s' is no name (letters, digits and _, at most %d)", name,
                       FORMULA_NAME - 1);
    while (i < s->n && strcmp(s->v[i].name, name) != 0) i++;
    if (i == FORMULA_MAX_VALUES) return ir_fail(IR_EINVAL, "more than %d names", FORMULA_MAX_VALUES);
    if (i == s->n) {
        memcpy(s->v[i].name, name, n + 1);
        s->n++;
    }
    s->v[i].v = v;
    s->v[i].word = word;
    return IR_OK;
}

/* ---- functions ------------------------------------------------------------------------------- */
enum { MAX_ARGS = 16 };
static double f_min(const double *a, int n)
{
    double m = a[0];
    for (int i = 1; i < n; i++) m = fmin(m, a[i]);
    return m;
}
static double f_max(const double *a, int n)
{
    double m = a[0];
    for (int i = 1; i < n; i++) m = fmax(m, a[i]);
    return m;
}
static double f_sqrt(const double *a, int n) { return n ? sqrt(a[0]) : NAN; }
static double f_ln(const double *a, int n) { return n ? log(a[0]) : NAN; }
static double f_ceil(const double *a, int n) { return n ? ceil(a[0]) : NAN; }
static double f_floor(const double *a, int n) { return n ? floor(a[0]) : NAN; }
static const struct {
    const char *name;
    int         least, most;
    double (*f)(const double *, int);
} functions[] = {{"min", 1, MAX_ARGS, f_min}, {"max", 1, MAX_ARGS, f_max}, {"sqrt", 1, 1, f_sqrt},
                 {"ln", 1, 1, f_ln},          {"ceil", 1, 1, f_ceil},      {"floor", 1, 1, f_floor},
                 {"class_of", 3, 3, NULL}};
enum { NFUNCTION = sizeof functions / sizeof *functions };

static int function_of(const char *s, size_t n)
{
    for (int i = 0; i < NFUNCTION; i++)
        if (strlen(functions[i].name) == n && !strncmp(functions[i].name, s, n)) return i;
    return -1;
}

static const char *formula_class_of(const double a[3])
{
    if (a[0] >= a[1] && a[0] >= a[2]) return "memory";
    return a[1] >= a[2] ? "compute" : "latency";
}

/* ---- grammar --------------------------------------------------------------------------------- */
static ir_status sum(reader *r, formula_value *out);

static ir_status number_only(reader *r, const formula_value *v, const char *at)
{
    return v->word ? wrong(r, at, "a number expected, not the class", v->word) : IR_OK;
}

static ir_status real(reader *r, double v, const char *at)
{
    return isfinite(v) ? IR_OK : wrong(r, at, "the result is no finite real number", NULL);
}

static ir_status formula_call(reader *r, int f, const char *at, formula_value *out)
{
    double    a[MAX_ARGS];
    int       n = 0;
    ir_status st = IR_OK;
    r->p++; /* the parenthesis */
    for (bool more = true; more && st == IR_OK;) {
        formula_value v;
        skip(r);
        const char *arg = r->p;
        st = sum(r, &v);
        if (st == IR_OK) st = number_only(r, &v, arg);
        if (st == IR_OK && n == functions[f].most)
            st = wrong(r, arg, "too many arguments for", functions[f].name);
        if (st != IR_OK) return st;
        a[n++] = v.v;
        more = *r->p == ',';
        if (!more && *r->p != ')') return unexpected(r, "',' or ')'");
        r->p++;
    }
    if (n < functions[f].least) return wrong(r, at, "too few arguments for", functions[f].name);
    *out = (formula_value){.v = NAN};
    if (!functions[f].f) {
        out->word = formula_class_of(a);
        return IR_OK;
    }
    out->v = functions[f].f(a, n);
    return real(r, out->v, at);
}

static ir_status name_or_call(reader *r, formula_value *out)
{
    const char *at = r->p;
    size_t      n = 0;
    char        name[FORMULA_NAME];
    while (name_char(at[n])) n++;
    r->p += n;
    skip(r);
    int f = function_of(at, n);
    if (*r->p == '(') {
        snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), at);
        return f < 0 ? wrong(r, at, "unknown function", name) : formula_call(r, f, at, out);
    }
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), at);
    if (f >= 0) return wrong(r, at, "arguments missing after", name);
    const formula_value *v = formula_get(r->values, name);
    if (!v || n >= FORMULA_NAME) return wrong(r, at, "unknown name", name);
    *out = *v;
    return IR_OK;
}

static ir_status formula_number(reader *r, formula_value *out)
{
    const char *s = r->p;
    size_t      n = strspn(s, "0123456789");
    size_t      digits = n;
    if (s[n] == '.') {
        size_t fraction = strspn(s + n + 1, "0123456789");
        digits += fraction;
        n += 1 + fraction;
    }
    if (digits == 0) return unexpected(r, "a number");
    if (s[n] == 'e' || s[n] == 'E') {
        size_t sign = s[n + 1] == '+' || s[n + 1] == '-', exponent = strspn(s + n + 1 + sign, "0123456789");
        if (exponent == 0) return wrong(r, s + n, "digits missing in the exponent", NULL);
        n += 1 + sign + exponent;
    }
    if (name_char(s[n])) return wrong(r, s + n, "an operator is missing after the number", NULL);
    if (s[n] == '.') return wrong(r, s + n, "a number has one decimal point", NULL);
    char *text = malloc(n + 1); /* strtod would read on into what the grammar does not know (0x, inf) */
    if (!text) return ir_fail(IR_ENOMEM, "no memory for a number");
    memcpy(text, s, n);
    text[n] = 0;
    *out = (formula_value){.v = strtod(text, NULL)};
    free(text);
    r->p += n;
    return real(r, out->v, s);
}

static ir_status atom(reader *r, formula_value *out)
{
    ir_status st;
    skip(r);
    if (*r->p == '(') {
        r->p++;
        st = sum(r, out);
        if (st == IR_OK && *r->p != ')') st = unexpected(r, "an operator or ')'");
        if (st == IR_OK) r->p++;
    } else if (name_start(*r->p)) {
        st = name_or_call(r, out);
    } else if (isdigit((unsigned char)*r->p) || *r->p == '.') {
        st = formula_number(r, out);
    } else {
        st = unexpected(r, "a value");
    }
    if (st == IR_OK) skip(r);
    return st;
}

static ir_status sign(reader *r, formula_value *out);

static ir_status power(reader *r, formula_value *out)
{
    skip(r);
    const char *at = r->p;
    ir_status   st = atom(r, out);
    if (st != IR_OK || *r->p != '^') return st;
    const char   *op = r->p++;
    formula_value e;
    st = number_only(r, out, at);
    if (st == IR_OK && ++r->depth > FORMULA_MAX_DEPTH) st = wrong(r, op, "nested too deeply", NULL);
    if (st == IR_OK) st = sign(r, &e);
    r->depth--;
    if (st == IR_OK) st = number_only(r, &e, op + 1);
    if (st == IR_OK && out->v == 0 && e.v < 0) st = wrong(r, op, "division by zero", NULL);
    if (st != IR_OK) return st;
    out->v = pow(out->v, e.v);
    return real(r, out->v, op);
}

static ir_status sign(reader *r, formula_value *out)
{
    skip(r);
    const char *at = r->p;
    if (*at != '-' && *at != '+') return power(r, out);
    if (++r->depth > FORMULA_MAX_DEPTH) return wrong(r, at, "nested too deeply", NULL);
    r->p++;
    ir_status st = sign(r, out);
    r->depth--;
    if (st == IR_OK) st = number_only(r, out, at + 1);
    if (st == IR_OK && *at == '-') out->v = -out->v;
    return st;
}

static ir_status formula_apply(reader *r, char op, const char *at, formula_value *a, double b)
{
    if (op == '/' && b == 0) return wrong(r, at, "division by zero", NULL);
    switch (op) {
    case '+': a->v += b; break;
    case '-': a->v -= b; break;
    case '*': a->v *= b; break;
    default: a->v /= b; break;
    }
    return real(r, a->v, at);
}

/* operand { op operand } for the two operators of `ops`. */
static ir_status formula_chain(reader *r, const char *ops, ir_status (*operand)(reader *, formula_value *),
                               formula_value *out)
{
    skip(r);
    const char *at = r->p;
    ir_status   st = operand(r, out);
    while (st == IR_OK && *r->p && strchr(ops, *r->p)) {
        const char   *op = r->p++;
        formula_value b;
        st = number_only(r, out, at);
        if (st == IR_OK) st = operand(r, &b);
        if (st == IR_OK) st = number_only(r, &b, op + 1);
        if (st == IR_OK) st = formula_apply(r, *op, op, out, b.v);
    }
    return st;
}

static ir_status formula_product(reader *r, formula_value *out) { return formula_chain(r, "*/", sign, out); }

static ir_status sum(reader *r, formula_value *out)
{
    if (++r->depth > FORMULA_MAX_DEPTH) return wrong(r, r->p, "nested too deeply", NULL);
    ir_status st = formula_chain(r, "+-", formula_product, out);
    r->depth--;
    return st;
}

static ir_status assignment(reader *r)
{
    formula_value v;
    char          name[FORMULA_NAME];
    const char   *at = r->p;
    size_t        n = 0;
    if (!name_start(*at)) return unexpected(r, "a name");
    while (name_char(at[n])) n++;
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), at);
    if (n >= FORMULA_NAME) return wrong(r, at, "the name is too long:", name);
    if (function_of(at, n) >= 0) return wrong(r, at, "a function cannot be assigned to:", name);
    r->p += n;
    skip(r);
    if (*r->p != '=') return unexpected(r, "'='");
    r->p++;
    ir_status st = sum(r, &v);
    if (st == IR_OK && *r->p && *r->p != ';') st = unexpected(r, "an operator or ';'");
    if (st != IR_OK) return st;
    st = formula_set(r->values, name, v.v, v.word);
    if (st != IR_OK) r->at = at;
    return st;
}

ir_status formula_eval(const char *text, formula_values *values, int *column)
{
    reader    r = {.text = text, .p = text, .values = values};
    ir_status st = IR_OK;
    *column = 0;
    do {
        skip(&r);
        st = assignment(&r);
        if (st == IR_OK && *r.p == ';') r.p++;
        skip(&r);
    } while (st == IR_OK && *r.p);
    if (st != IR_OK) *column = (int)((r.at ? r.at : r.p) - text) + 1;
    return st;
}

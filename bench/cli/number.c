/* number.c -- numbers with suffixes, lists and ranges of them, lists of dtypes and names. Whole numbers are
 * computed exactly; what does not fit in 63 bits or does not come out whole is refused. */
#include "bench/cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* Decimal digits at *s, continuing `*m`; false on overflow. */
static bool number_digits(const char **s, int64_t *m, int *count)
{
    for (; digit(**s); (*s)++, (*count)++)
        if (__builtin_mul_overflow(*m, 10, m) || __builtin_add_overflow(*m, **s - '0', m)) return false;
    return true;
}

/* A suffix's factor; 1 without one. */
static int64_t suffix(const char **s)
{
    static const char letter[] = "KMGT";
    char              c = **s == 'k' ? 'K' : **s;
    const char       *at = c ? strchr(letter, c) : NULL;
    int64_t           factor = 1;
    if (at) {
        bool binary = (*s)[1] == 'i';
        *s += binary ? 2 : 1;
        for (const char *l = letter; l <= at; l++) factor *= binary ? 1024 : 1000;
    }
    if (**s == 'B') (*s)++;
    return factor;
}

/* m * factor * 10^e10; NULL or what is wrong with it. */
static const char *number_scale(int64_t m, int64_t factor, int e10, int64_t *out)
{
    static const char big[] = "is too large";
    for (; e10 < 0 && m % 10 == 0; e10++) m /= 10;
    if (m == 0) e10 = 0;
    if (__builtin_mul_overflow(m, factor, &m)) return big;
    for (; e10 > 0; e10--)
        if (__builtin_mul_overflow(m, 10, &m)) return big;
    for (; e10 < 0; e10++) {
        if (m % 10 != 0) return "is not a whole number";
        m /= 10;
    }
    *out = m;
    return NULL;
}

/* One integer at *s; NULL or what is wrong with it. */
static const char *number_scan(const char **s, int64_t *out)
{
    const char *p = *s;
    bool        minus = *p == '-';
    int         whole = 0, fraction = 0;
    int64_t     m = 0, e = 0;
    if (*p == '-' || *p == '+') p++;
    if (!number_digits(&p, &m, &whole)) return "is too large";
    if (*p == '.' && p[1] != '.' && (p++, !number_digits(&p, &m, &fraction))) return "has too many digits";
    if (whole + fraction == 0) return "is not a number";
    if ((*p == 'e' || *p == 'E') && digit(p[p[1] == '+' ? 2 : 1])) {
        int n = 0;
        p += p[1] == '+' ? 2 : 1;
        if (!number_digits(&p, &e, &n) || (e > 18 && m != 0)) return "is too large";
        if (m == 0) e = 0;
    }
    const char *wrong = number_scale(minus ? -m : m, suffix(&p), (int)e - fraction, out);
    *s = p;
    return wrong;
}

static ir_status number_refuse(const char *s, size_t n, const char *wrong)
{
    return ir_fail(IR_EINVAL, "'%.*s%s' %s", (int)(n > 60 ? 60 : n), s, n > 60 ? "..." : "", wrong);
}

#define NUMBERS "is not a number (write 64, 1e6, 64K = 64000, 64Ki or 64KiB = 65536)"

ir_status cli_int_parse(const char *s, int64_t *out)
{
    const char *p = s;
    int64_t     v = 0;
    const char *wrong = number_scan(&p, &v);
    if (!wrong && *p) wrong = NUMBERS;
    if (wrong) return *s ? number_refuse(s, strlen(s), wrong) : ir_fail(IR_EINVAL, "the number is missing");
    *out = v;
    return IR_OK;
}

ir_status cli_real_parse(const char *s, cli_unit unit, double *out)
{
    static const struct {
        const char *name;
        double      factor;
        cli_unit    unit;
    } units[] = {{"%", 1e-2, CLI_SHARE},    {"s", 1, CLI_SECONDS},    {"ms", 1e-3, CLI_SECONDS},
                 {"us", 1e-6, CLI_SECONDS}, {"min", 60, CLI_SECONDS}, {"h", 3600, CLI_SECONDS}};
    char  *end = NULL;
    double v = strtod(s, &end), factor = *end ? NAN : 1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].unit == unit && !strcmp(end, units[i].name)) factor = units[i].factor;
    if (end == s || isnan(factor) || !isfinite(v))
        return number_refuse(s, strlen(s),
                             unit == CLI_SHARE     ? "is not a share (write 0.01 or 1%)"
                             : unit == CLI_SECONDS ? "is not a time (write 2, 500ms or 1min)"
                                                   : "is not a number");
    *out = v * factor;
    return IR_OK;
}

/* ---- lists ----------------------------------------------------------------------------------- */
typedef struct {
    cli_axis   *axis;
    int64_t     lo, hi;
    const char *item;
    size_t      n; /* for messages */
} sink;

static ir_status number_push(const sink *k, int64_t v)
{
    cli_axis *a = k->axis;
    if (v < k->lo || v > k->hi) {
        if (k->hi == INT64_MAX)
            return ir_fail(IR_EINVAL, "%lld is out of range (%lld or more)", (long long)v, (long long)k->lo);
        return ir_fail(IR_EINVAL, "%lld is out of range (%lld to %lld)", (long long)v, (long long)k->lo,
                       (long long)k->hi);
    }
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i] == v) return IR_OK;
    if (a->n == CLI_MAX_AXIS) return ir_fail(IR_EINVAL, "more than %d values in one list", CLI_MAX_AXIS);
    a->v[a->n++] = v;
    return IR_OK;
}

static ir_status push_steps(const sink *k, int64_t from, int64_t to, int64_t step)
{
    if (step <= 0) return number_refuse(k->item, k->n, "needs a step of 1 or more");
    for (int64_t v = from;;) {
        ir_status st = number_push(k, v);
        if (st != IR_OK) return st;
        if (__builtin_add_overflow(v, step, &v) || v > to) return IR_OK;
    }
}

static ir_status push_powers(const sink *k, int64_t from, int64_t to, double factor)
{
    if (from <= 0) return number_refuse(k->item, k->n, "must start at 1 or more to grow by a factor");
    if (!(factor > 1 && factor <= 1e18)) return number_refuse(k->item, k->n, "needs a factor above 1");
    if (factor == rint(factor)) { /* exactly, also beyond 2^53 */
        for (int64_t v = from;;) {
            ir_status st = number_push(k, v);
            if (st != IR_OK) return st;
            if (__builtin_mul_overflow(v, (int64_t)factor, &v) || v > to) return IR_OK;
        }
    }
    int steps = 0; /* a factor next to 1 rounds to values it has already given, over and over */
    for (double v = (double)from; rint(v) <= (double)to && rint(v) < 9.2e18; v *= factor) {
        ir_status st = number_push(k, (int64_t)rint(v));
        if (st == IR_OK && ++steps > 8 * CLI_MAX_AXIS) st = number_refuse(k->item, k->n, "grows too slowly");
        if (st != IR_OK) return st;
    }
    return IR_OK;
}

/* What follows the first number of a range and its '-' or '..': TO, TO+STEP, TO*FACTOR. */
static ir_status push_range(const sink *k, int64_t from, const char *s)
{
    int64_t     to = 0, step = 1;
    const char *end = k->item + k->n, *wrong = number_scan(&s, &to);
    if (wrong) return number_refuse(k->item, k->n, wrong);
    if (to < from) return number_refuse(k->item, k->n, "runs backwards");
    if (*s == '*') {
        char  *after = NULL;
        double factor = strtod(s + 1, &after);
        if (after == s + 1 || after != end) return number_refuse(k->item, k->n, "has no factor after '*'");
        return push_powers(k, from, to, factor);
    }
    if (*s == '+') {
        s++;
        wrong = number_scan(&s, &step);
        if (wrong) return number_refuse(k->item, k->n, wrong);
    }
    if (s != end) return number_refuse(k->item, k->n, "is not a range (write 1-8, 1-9+2 or 1-64*2)");
    return push_steps(k, from, to, step);
}

static ir_status push_item(const sink *k)
{
    const char *s = k->item;
    int64_t     v = 0;
    if (k->n == 0) return ir_fail(IR_EINVAL, "a value is missing in the list");
    const char *wrong = number_scan(&s, &v);
    if (wrong) return number_refuse(k->item, k->n, wrong);
    if (s == k->item + k->n) return number_push(k, v);
    if (s[0] == '.' && s[1] == '.') return push_range(k, v, s + 2);
    if (*s != '-') return number_refuse(k->item, k->n, NUMBERS);
    return push_range(k, v, s + 1);
}

ir_status cli_axis_parse(const char *s, int64_t lo, int64_t hi, cli_axis *out)
{
    size_t    before = out->n;
    int64_t  *room = realloc(out->v, CLI_MAX_AXIS * sizeof *room);
    ir_status st = IR_OK;
    if (!room) return ir_fail(IR_ENOMEM, "no memory for a list of values");
    out->v = room;
    for (const char *p = s; p && st == IR_OK;) {
        const char *comma = strchr(p, ',');
        sink        k = {out, lo, hi, p, comma ? (size_t)(comma - p) : strlen(p)};
        st = push_item(&k);
        p = comma ? comma + 1 : NULL;
    }
    if (st != IR_OK) out->n = before;
    return st;
}

void cli_axis_free(cli_axis *a)
{
    free(a->v);
    *a = (cli_axis){0};
}

/* The next comma-separated name of *s into buf; false when it is empty or too long. */
static bool next_name(const char **s, char *buf, size_t size)
{
    size_t n = strcspn(*s, ",");
    snprintf(buf, size, "%.*s", (int)(n < size ? n : size), *s);
    *s = (*s)[n] ? *s + n + 1 : NULL;
    return n > 0 && n < size;
}

/* The name of a dtype that other tools call otherwise; any other text as it is. */
static const char *dtype_alias(const char *name)
{
    static const char *const alias[][2] = {
        {"fp64", "f64"}, {"double", "f64"}, {"fp32", "f32"}, {"float", "f32"}, {"fp16", "f16"},
        {"half", "f16"}, {"fp8", "f8"},     {"int8", "i8"},  {"int4", "i4"},   {"bfloat16", "bf16"}};
    for (size_t i = 0; i < sizeof alias / sizeof *alias; i++)
        if (!strcmp(alias[i][0], name)) return alias[i][1];
    return name;
}

ir_status cli_dtypes_parse(const char *s, cli_dtypes *out)
{
    const char *names[IR_NDTYPE];
    cli_dtypes  d = *out;
    for (int t = 0; t < IR_NDTYPE; t++) names[t] = ir_dtype_name((ir_dtype)t);
    for (const char *p = s; p;) {
        char   name[IR_NAME];
        size_t t;
        if (!next_name(&p, name, sizeof name) && !*name)
            return ir_fail(IR_EINVAL, "a dtype is missing in '%.60s'", s);
        ir_status st = cli_choose("dtype", dtype_alias(name), names, IR_NDTYPE, &t);
        if (st != IR_OK) return st;
        if (!(d.set >> t & 1)) d.v[d.n++] = (ir_dtype)t;
        d.set |= 1u << t;
    }
    *out = d;
    return IR_OK;
}

ir_status cli_names_parse(const char *s, cli_names *out)
{
    cli_names names = *out;
    for (const char *p = s; p;) {
        char name[CLI_NAME];
        bool twice = false;
        if (!next_name(&p, name, sizeof name))
            return ir_fail(IR_EINVAL, "a name is missing or too long in '%.60s'", s);
        for (size_t i = 0; i < names.n; i++) twice |= !strcmp(names.v[i], name);
        if (twice) continue;
        if (names.n == CLI_MAX_NAMES) return ir_fail(IR_EINVAL, "more than %d names", CLI_MAX_NAMES);
        memcpy(names.v[names.n++], name, sizeof name);
    }
    *out = names;
    return IR_OK;
}

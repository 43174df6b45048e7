/* text_number.c -- numbers for people: 3 significant digits and a decimal prefix. */
#include "harness/record/text.h"

#include <math.h>
#include <string.h>

/* 1 <= |m| < 1000 with 3 significant digits. */
static void three(double m, bool zeros, char *buf, size_t n)
{
    double a = fabs(m);
    snprintf(buf, n, "%.*f", a < 9.995 ? 2 : a < 99.95 ? 1 : 0, m);
    char *end = buf + strlen(buf);
    if (zeros || !strchr(buf, '.')) return;
    while (end[-1] == '0') *--end = 0;
    if (end[-1] == '.') end[-1] = 0;
}

/* The power of 1000 whose prefix gives v one to three digits before the point, after rounding. */
static int thousands(double v)
{
    int e = (int)floor(log10(fabs(v)) / 3);
    return fabs(v / pow(1000, e)) >= 999.5 ? e + 1 : e;
}

static const char *const prefix[] = {"a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
enum { NONE = 6, LAST = sizeof prefix / sizeof *prefix - 1 };

static const char *text_number_scale(double v, const char *unit, bool zeros, char *buf, size_t n)
{
    char        digits[IR_NUM];
    const char *gap = *unit ? " " : "";
    if (isnan(v)) return snprintf(buf, n, "-"), buf;
    if (v == 0 || isinf(v))
        return snprintf(buf, n, "%s%s%s", v == 0 ? "0" : v < 0 ? "-inf" : "inf", gap, unit), buf;
    int e = thousands(v);
    if (e < -NONE || e > LAST - NONE) return snprintf(buf, n, "%.3g%s%s", v, gap, unit), buf;
    three(v / pow(1000, e), zeros, digits, sizeof digits);
    if (*prefix[e + NONE]) gap = " ";
    snprintf(buf, n, "%.16s%s%s%s", digits, gap, prefix[e + NONE], unit);
    return buf;
}

const char *ir_text_scaled(double value, const char *unit, char *buf, size_t n)
{
    return text_number_scale(value, unit, false, buf, n);
}
const char *ir_text_aligned(double value, const char *unit, char buf[IR_NUM])
{
    return text_number_scale(value, unit, true, buf, IR_NUM);
}

const char *ir_text_plain(double v, char buf[IR_NUM])
{
    double a = fabs(v);
    if (isnan(v))
        snprintf(buf, IR_NUM, "-");
    else if (v == 0)
        snprintf(buf, IR_NUM, "0");
    else if (a >= 1e5 || a < 0.001)
        snprintf(buf, IR_NUM, "%.2e", v);
    else
        snprintf(buf, IR_NUM, "%.*f",
                 a < .009995  ? 5
                 : a < .09995 ? 4
                 : a < .9995  ? 3
                 : a < 9.995  ? 2
                 : a < 99.95  ? 1
                              : 0,
                 v);
    return buf;
}

const char *ir_text_percent(double share, char buf[IR_NUM])
{
    double p = 100 * share, a = fabs(p);
    if (isnan(p))
        snprintf(buf, IR_NUM, "-");
    else if (a >= 1e5)
        snprintf(buf, IR_NUM, "%.2e %%", p);
    else if (p != 0 && a < .005)
        snprintf(buf, IR_NUM, "<0.01 %%");
    else
        snprintf(buf, IR_NUM, "%.*f %%", a >= 9.95 || p == 0 ? 0 : a >= .095 ? 1 : 2, p);
    return buf;
}

const char *ir_text_spread(const ir_text *t, double share, char buf[IR_NUM])
{
    double a = fabs(100 * share);
    if (!isfinite(share)) return "";
    snprintf(buf, IR_NUM, "%s%.*f%%", t->utf8 ? "\xc2\xb1" : "+-",
             a >= 9.95 || a == 0 ? 0
             : a >= .095         ? 1
                                 : 2,
             fmin(a, 9999));
    return buf;
}

const char *ir_text_op_unit(ir_dtype t) { return t == IR_I8 || t == IR_I4 ? "OP/s" : "FLOP/s"; }

const char *ir_text_interval(double v, double lo, double hi, const char *unit, char *buf, size_t n)
{
    char a[IR_NUM], b[IR_NUM], c[IR_NUM];
    int  e = v != 0 && isfinite(v) ? thousands(v) : 0;
    if (!isfinite(v) || !isfinite(lo) || !isfinite(hi) || e < -NONE || e > LAST - NONE)
        return ir_text_scaled(v, unit, buf, n);
    double by = pow(1000, e);
    snprintf(buf, n, "%s [%s, %s] %s%s", ir_text_plain(v / by, a), ir_text_plain(lo / by, b),
             ir_text_plain(hi / by, c), prefix[e + NONE], unit);
    return buf;
}

const char *ir_text_many(double value, const char *unit, char *buf, size_t n)
{
    char plain[IR_NUM];
    if (!(value < 1e5)) return ir_text_scaled(value, unit, buf, n);
    snprintf(buf, n, "%s%s%s", ir_text_plain(value, plain), *unit ? " " : "", unit);
    return buf;
}

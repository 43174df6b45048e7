/* summary.c -- a device in one line. */
#include "harness/law/law_internal.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define WIDE 0.10 /* half of an interval from which on a number carries it */

typedef struct {
    char  *buf;
    size_t n, at;
} line;

static void summary_put(line *l, const char *fmt, ...)
{
    va_list ap;
    if (l->at + 1 >= l->n) return;
    va_start(ap, fmt);
    int w = vsnprintf(l->buf + l->at, l->n - l->at, fmt, ap);
    va_end(ap);
    if (w > 0) l->at += (size_t)w < l->n - l->at ? (size_t)w : l->n - l->at - 1;
}

static void summary_separate(line *l) { summary_put(l, l->at ? ", " : ""); }

/* Three significant digits, never an exponent: 0.01 to 999999. */
static const char *summary_digits(double v, char buf[24])
{
    int decimals = v >= 99.95 ? 0 : v >= 9.995 ? 1 : v >= 0.9995 ? 2 : 3;
    snprintf(buf, 24, "%.*f", decimals, v);
    return buf;
}

/* The decimal prefix of v: divides it, and returns the prefix. */
static const char *prefix(double *v)
{
    static const struct {
        double      unit;
        const char *name;
    } p[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "u"}, {1e-9, "n"}};
    size_t i = 0, n = sizeof p / sizeof *p;
    while (i + 1 < n && *v < 0.9995 * p[i].unit) i++;
    *v /= p[i].unit;
    return p[i].name;
}

static void put_scaled(line *l, double v, const char *unit)
{
    char        d[24];
    const char *pre = prefix(&v);
    summary_put(l, "%s %s%s", summary_digits(v, d), pre, unit);
}

/* The headline is the read ceiling; where it is wide or suspect it says so. */
static void summary_memory(line *l, const ir_ceilings *c)
{
    const ir_ceiling *read = ir_ceiling_find(c, IR_C_BANDWIDTH, "DRAM", "read", IR_NDTYPE, 0);
    if (!read) return;
    double half = fmax(read->hi - read->value, read->value - read->lo) / read->value;
    bool   suspect = read->flags & IR_FLAG_SUSPECT;
    summary_put(l, "DRAM read ");
    put_scaled(l, read->value, "B/s");
    if (half >= WIDE) summary_put(l, " +-%.0f %%", 100 * half);
    if (half >= WIDE || suspect) summary_put(l, " !%s", suspect ? " suspect" : "");
}

static void arithmetic(line *l, const ir_ceilings *c, double R, double bw)
{
    if (!isfinite(R)) return;
    char d[24];
    summary_separate(l);
    put_scaled(l, R, "FLOP/s f32");
    double f64 = ir_peak_ceiling(c, IR_F64, 0);
    if (isfinite(f64)) {
        summary_separate(l);
        put_scaled(l, f64, "FLOP/s f64");
    }
    if (isfinite(bw)) summary_put(l, ", f32 ridge %s FLOP/B", summary_digits(R / bw, d));
}

static void latency(line *l, const ir_ceilings *c)
{
    double            launch = ir_launch_ceiling(c, 0);
    const ir_ceiling *chase = ir_ceiling_find(c, IR_C_LATENCY, "DRAM", "chase", IR_NDTYPE, 0);
    if (chase) {
        summary_separate(l);
        summary_put(l, "latency ");
        put_scaled(l, chase->value, "s");
    }
    if (!isfinite(launch)) return;
    summary_separate(l);
    summary_put(l, "launch ");
    put_scaled(l, launch, "s");
}

static void summary_coefficient(line *l, const char *name, const ir_coef *c, double scale, const char *unit)
{
    char d[24], lo[24], hi[24];
    if (c->how == IR_UNIDENTIFIED || !isfinite(c->v)) {
        summary_put(l, "%s unidentified", name);
        return;
    }
    if (c->how == IR_PINNED) {
        summary_put(l, "%s pinned at %s%s", name, summary_digits(c->v, d), unit);
        return;
    }
    summary_put(l, "%s %s%s [%s, %s]", name, summary_digits(c->v / scale, d), unit,
                summary_digits(c->lo / scale, lo), summary_digits(c->hi / scale, hi));
}

static void summary_law(line *l, const ir_fit *f)
{
    char d[24];
    summary_put(l, "%s%s law: ", l->at ? "; " : "", ir_form_name(f->form));
    summary_coefficient(l, "BW", &f->BW, 1e9, " GB/s");
    summary_put(l, ", ");
    summary_coefficient(l, "eta", &f->eta, 1, f->eta_error ? " (above 1.02: a wrong ceiling or count)" : "");
    summary_put(l, ", ");
    summary_coefficient(l, "L_lat", &f->L_lat, 1e-6, " us");
    if (isfinite(f->err_median))
        summary_put(l, ", median error %s %%", summary_digits(100 * f->err_median, d));
    if (isfinite(f->lofo_median))
        summary_put(l, " (families left out %s %%)", summary_digits(100 * f->lofo_median, d));
}

void ir_summary_sentence(const ir_ceilings *c, const ir_fit *fit, char *buf, size_t n)
{
    line l = {buf, n, 0};
    if (n == 0) return;
    buf[0] = '\0';
    summary_memory(&l, c);
    arithmetic(&l, c, ir_peak_ceiling(c, IR_F32, 0), ir_bw_ceiling(c, "DRAM", 0, 1, 0));
    latency(&l, c);
    if (!l.at) summary_put(&l, "no ceiling was measured");
    if (fit) summary_law(&l, fit);
}

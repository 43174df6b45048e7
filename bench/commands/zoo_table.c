/* zoo_table.c -- results of many variants as one table of scores: what was asked, what was reached. */
#include "bench/commands/zoo.h"
#include "harness/stats/stats.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void zoo_count(zoo_tally *t, bool right)
{
    t->n++;
    t->right += right;
}

void zoo_say(FILE *log, const char *fmt, ...)
{
    va_list ap;
    if (!log) return;
    va_start(ap, fmt);
    vfprintf(log, fmt, ap);
    va_end(ap);
    fputc('\n', log);
}

/* Shares of rows that are right: at least `least`, and where `most` is below 1 no more than that. few: the
 * rows may be few, and it is the 95 % interval of the share that must reach it. */
static const struct {
    const char *what, *asked;
    size_t      off;
    double      least, most;
    bool        few;
} shares[] = {
    {"level capacities within 1.5 x, none invented or lost", ">= 98 %", offsetof(zoo_result, levels), .98, 1,
     false},
    {"ceilings within 3 % (noise <= 2 %)", ">= 98 %", offsetof(zoo_result, ceilings), .98, 1, false},
    {"rows without a false suspect, smt-shared, throttled", "all", offsetof(zoo_result, quiet), 1, 1, false},
    {"true disturbances named", ">= 95 %", offsetof(zoo_result, named), .95, 1, false},
    {"label = truth where the elasticity is >= .6", ">= 99 %", offsetof(zoo_result, labels), .99, 1, false},
    {"withheld or mixed where none reaches .5", ">= 95 %", offsetof(zoo_result, open), .95, 1, false},
    {"intervals that cover: BW", "93-98 %", offsetof(zoo_result, cover[0]), .93, .98, false},
    {"intervals that cover: eta", "93-98 %", offsetof(zoo_result, cover[1]), .93, .98, false},
    {"intervals that cover: L_lat", "93-98 %", offsetof(zoo_result, cover[2]), .93, .98, false},
    {"crossover batch inside its interval", ">= 93 %", offsetof(zoo_result, crossover), .93, 1, false},
    {"claim about batch 1 right", "all", offsetof(zoo_result, claim), 1, 1, false},
    {"ab: identical builds not flagged", ">= 99.7 %", offsetof(zoo_result, same), .997, 1, false},
    {"ab: planted 5 % found where feasible", ">= 95 %", offsetof(zoo_result, found), .95, 1, false},
    {"labels with P in [.5, .7) right", ">= 50 %", offsetof(zoo_result, bin[0]), .5, 1, true},
    {"labels with P in [.7, .9) right", ">= 70 %", offsetof(zoo_result, bin[1]), .7, 1, true},
    {"labels with P in [.9, 1] right", ">= 90 %", offsetof(zoo_result, bin[2]), .9, 1, true}};
enum { NSHARE = sizeof shares / sizeof *shares };

static void share_row(const zoo_result *v, size_t n, size_t at, zoo_row *o)
{
    zoo_tally t = {0, 0};
    for (size_t i = 0; i < n; i++) {
        const zoo_tally *x = (const zoo_tally *)((const char *)&v[i] + shares[at].off);
        t.right += x->right;
        t.n += x->n;
    }
    *o = (zoo_row){.what = shares[at].what, .asked = shares[at].asked, .n = (size_t)t.n};
    o->value = t.n ? (double)t.right / t.n : NAN;
    double lo, hi = o->value;
    if (shares[at].few && t.n) ir_binom_ci((size_t)t.right, (size_t)t.n, 0.95, &lo, &hi);
    o->reached = t.n == 0 || (hi >= shares[at].least && o->value <= shares[at].most);
    if (t.n && shares[at].few)
        snprintf(o->got, sizeof o->got, "%.1f %% up to %.1f  (%d wrong)", 100 * o->value, 100 * hi,
                 t.n - t.right);
    else if (t.n)
        snprintf(o->got, sizeof o->got, "%.2f %%  (%d wrong)", 100 * o->value, t.n - t.right);
    else
        snprintf(o->got, sizeof o->got, "none");
}

/* Median over machines of each machine's median over its variants. */
static double zoo_table_median_of(const zoo_result *v, size_t n, size_t machines, size_t off, double *x)
{
    double *each = x + n;
    size_t  m = 0;
    for (size_t k = 0; k < machines; k++) {
        size_t have = 0;
        for (size_t i = 0; i < n; i++) {
            double y = *(const double *)((const char *)&v[i] + off);
            if ((size_t)v[i].machine == k && isfinite(y)) x[have++] = y;
        }
        if (have) each[m++] = ir_median(x, have);
    }
    return ir_median(each, m);
}

static double zoo_table_largest(const zoo_result *v, size_t n, size_t off)
{
    double most = NAN;
    for (size_t i = 0; i < n; i++) most = fmax(most, *(const double *)((const char *)&v[i] + off));
    return most;
}

static zoo_row limit(const char *what, const char *asked, double value, double scale, const char *unit,
                     double most, size_t n)
{
    zoo_row o = {.what = what, .asked = asked, .value = value, .n = n, .reached = !(value > most)};
    if (isfinite(value))
        snprintf(o.got, sizeof o.got, "%.3g %s", scale * value, unit);
    else
        snprintf(o.got, sizeof o.got, "none");
    return o;
}

size_t zoo_table(const zoo_result *v, size_t n, size_t machines, zoo_row out[ZOO_ROWS])
{
    size_t  k = 0, failed = 0;
    double *x = malloc((n + machines + 1) * sizeof *x);
    for (size_t i = 0; i < n; i++) failed += v[i].failed;
    out[k++] = limit("variants that could not be measured", "0", (double)failed, 1, "", 0, n);
    for (size_t i = 0; i < NSHARE; i++) share_row(v, n, i, &out[k++]);
    if (!x) {
        ir_left_out("a row of the table");
    } else {
        out[k++] = limit("families left out, median over machines", "<= 5 %",
                         zoo_table_median_of(v, n, machines, offsetof(zoo_result, lofo_median), x), 100, "%",
                         .05, n);
        out[k++] =
            limit("families left out, p90, median over machines", "<= 15 %",
                  zoo_table_median_of(v, n, machines, offsetof(zoo_result, lofo_p90), x), 100, "%", .15, n);
    }
    out[k++] = limit("machine's time of the quick profile, largest", "<= 180 s",
                     zoo_table_largest(v, n, offsetof(zoo_result, run_s)), 1, "s", 180, n);
    out[k++] = limit("machine's time of the ceilings, largest", "<= 60 s",
                     zoo_table_largest(v, n, offsetof(zoo_result, ceilings_s)), 1, "s", 60, n);
    free(x);
    return k;
}

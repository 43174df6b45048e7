/* witness_print.c -- energy and counts in words: the fit, and a table of the points that have any. */
#include "bench/run/witness.h"

#include <math.h>
#include <string.h>

static void print_joule(FILE *f, const char *name, const ir_joule *j, double scale, const char *unit)
{
    if (j->known)
        fprintf(f, "  %-10s %.3g %s [%.3g, %.3g]\n", name, j->v * scale, unit, j->lo * scale, j->hi * scale);
    else
        fprintf(f, "  %-10s not identified\n", name);
}

void witness_print_short(const ir_text *t, const run_witness *o)
{
    if (o->energy && o->fitted) {
        fprintf(t->f, "\nEnergy (%s, %s): idle %.3g W before and %.3g W after%s\n", o->w.scope, o->w.source,
                o->before.W, o->after.W, o->drift ? ": more than 5 % apart, take it with care" : "");
        print_joule(t->f, "a byte", &o->fit.move_JpB, 1e12, "pJ");
        print_joule(t->f, "a flop", &o->fit.comp_JpF, 1e12, "pJ");
        print_joule(t->f, "besides", &o->fit.base_W, 1, "W");
        if (*o->fit.why) fprintf(t->f, "  %s\n", o->fit.why);
    }
    if (o->counts)
        fprintf(t->f, "\nCounters by %s: %s\n", o->counted_by,
                *o->certificate ? o->certificate : "not held against a known read");
}

/* Why what was counted differs from the model. */
static const char *witness_cause(const ir_point *p, double ratio)
{
    double bytes = ir_cost_B(&p->m.cost), with = (bytes + ir_cost_wa_B(&p->m.cost)) / bytes;
    bool   regular = ir_cost_wa_B(&p->m.cost) > 0 && !(p->id.kflags & IR_K_NT);
    if (ratio < 0.95) return "a cache served a part";
    if (regular && fabs(ratio / with - 1) < 0.05) return "write-allocates";
    if (regular && ratio > 1.05 && ratio < with) return "write-allocates, partly evaded";
    if (ir_cost_all_random(&p->m.cost) && ratio > 1.05) return "whole lines for single elements";
    return ratio <= 1.05 ? "as modelled" : "more than modelled";
}

static bool is_witnessed(const ir_point *p)
{
    return p->status == IR_OK && (p->m.joules > 0 || isfinite(p->m.counted_B));
}

static int widest_key(const ir_point *p, size_t n)
{
    char key[IR_ID];
    int  width = 20;
    for (size_t i = 0; i < n; i++)
        if (is_witnessed(&p[i]) && (int)strlen(ir_point_key(&p[i], key)) > width) width = (int)strlen(key);
    return width;
}

static void print_row(const ir_text *t, const ir_point *p, int width)
{
    char   key[IR_ID], J[24] = "-", net[24] = "-", at[24] = "-", cnt[24] = "-";
    double T = ir_point_time(p), above = ir_energy_above_idle(&p->m.energy), bytes = ir_cost_B(&p->m.cost),
           ratio = p->m.counted_B / bytes;
    if (p->m.joules > 0) ir_text_scaled(p->m.joules, "J", J, sizeof J);
    if (isfinite(above)) ir_text_scaled(above, "J", net, sizeof net);
    if (p->m.joules > 0 && T > 0) ir_text_scaled(p->m.energy.W, "W", at, sizeof at);
    if (isfinite(ratio)) snprintf(cnt, sizeof cnt, "%.2f", ratio);
    fprintf(t->f, "%-*s %10s %10s %10s %9s  %s\n", width, ir_point_key(p, key), J, net, at, cnt,
            isfinite(ratio) ? witness_cause(p, ratio) : p->m.energy.why);
}

void witness_print(const ir_text *t, const measure_context *s, const run_witness *o)
{
    size_t          n;
    const ir_point *p = context_asked(s, &n);
    witness_print_short(t, o);
    if (*o->energy_why) fprintf(t->f, "\n%s\n", o->energy_why);
    if (*o->counts_why) fprintf(t->f, "%s\n", o->counts_why);
    if (!o->energy && !o->counts) return;
    int width = widest_key(p, n);
    fprintf(t->f, "\n%-*s %10s %10s %10s %9s\n", width, "point", "a call", "above idle", "power",
            "cnt/model");
    for (size_t i = 0; i < n; i++)
        if (is_witnessed(&p[i])) print_row(t, &p[i], width);
    if (o->has_counted) {
        fputs("The law by counted bytes:\n", t->f);
        ir_text_fit(t, o->counted.fit, o->counted.better);
    }
}

/* witness_count.c -- counting: likwid first, then the kernel's own names, which know less. Everything is
 * opened before a device pins its threads: the helper of the counters inherits the mask. */
#include "bench/run/witness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- counting -------------------------------------------------------------------------------- */
/* What the kernel's own names say by now, of memory and of the thread that calls. */
static void perf_values(const run_witness *o, double v[IR_NPERF])
{
    double core[IR_NPERF];
    for (int k = 0; k < IR_NPERF; k++) v[k] = NAN;
    if (o->perf) ir_perf_read(o->perf, v);
    if (!o->perf_core) return;
    ir_perf_read(o->perf_core, core);
    v[IR_PERF_CYCLES] = core[IR_PERF_CYCLES];
    v[IR_PERF_INSTRUCTIONS] = core[IR_PERF_INSTRUCTIONS];
}

/* Since the round began, per call. A zero is no measurement. */
static double perf_amount(const run_witness *o, const double now[IR_NPERF], ir_perf_what k, double calls)
{
    return now[k] > o->perf_was[k] ? (now[k] - o->perf_was[k]) / calls : NAN;
}

static void perf_counts(const run_witness *o, double calls, ir_counts *c)
{
    double now[IR_NPERF];
    perf_values(o, now);
    c->read_B = perf_amount(o, now, IR_PERF_READ, calls);
    c->write_B = perf_amount(o, now, IR_PERF_WRITE, calls);
    c->cycles = perf_amount(o, now, IR_PERF_CYCLES, calls);
    c->instructions = perf_amount(o, now, IR_PERF_INSTRUCTIONS, calls);
    snprintf(c->source, sizeof c->source, "perf");
    snprintf(c->group, sizeof c->group, "%.31s%s%.31s", o->perf_core ? ir_perf_names(o->perf_core) : "",
             o->perf && o->perf_core ? "," : "", o->perf ? ir_perf_names(o->perf) : "");
}

/* The first reason why something that could be counted was not. */
static ir_status count_noted(run_witness *o, ir_status st)
{
    if (st != IR_OK && !*o->lost_why) snprintf(o->lost_why, sizeof o->lost_why, "%s", ir_why());
    return st;
}

static ir_status count_start(void *arg, int round)
{
    run_witness *o = arg;
    if (o->counters) return count_noted(o, ir_counters_start(o->counters, round));
    perf_values(o, o->perf_was);
    return IR_OK;
}

static void take_off(double *value, double per_s, double span_s, double calls)
{
    if (per_s > 0) *value = fmax(*value - per_s * span_s / calls, 0);
}

static ir_status count_stop(void *arg, int round, double calls, double span_s, ir_counts *c)
{
    run_witness *o = arg;
    ir_status    st = IR_OK;
    if (o->counters)
        st = count_noted(o, ir_counters_stop(o->counters, round, calls, c));
    else
        perf_counts(o, calls, c);
    bool last = round + 1 == o->w.rounds;
    if (st != IR_OK || !last) return st;
    take_off(&c->read_B, o->rest.read_B, span_s, calls);
    take_off(&c->write_B, o->rest.write_B, span_s, calls);
    c->background_Bps = o->rest.background_Bps;
    return st;
}

/* Joules by the counters: a difference over the stretch, whose ticks nobody tells; no row of the fit. */
static void count_energy(void *arg, double calls, double span_s, ir_energy *e)
{
    run_witness *o = arg;
    double       J, dram;
    if (!o->counters) return;
    ir_counters_joules(o->counters, &J, &dram);
    if (!(J > 0)) return;
    snprintf(e->scope, sizeof e->scope, "packages");
    snprintf(e->source, sizeof e->source, "likwid");
    e->span_s = span_s;
    e->calls = calls;
    e->W = J / span_s;
    e->J = J / calls;
    snprintf(e->part[0].name, sizeof e->part[0].name, "packages");
    e->part[0].J = J;
    if (dram > 0) snprintf(e->part[1].name, sizeof e->part[1].name, "dram"), e->part[1].J = dram;
}

/* Which bits "dram,flops" are, of "all" those that are no energy; false: it is no list of them, but the name
 * of a group. */
static bool counted_kinds(const char *text, unsigned *bits)
{
    char copy[200], *save = NULL;
    snprintf(copy, sizeof copy, "%.199s", strcmp(text, "all") ? text : "dram,flops,l2,l3,clock");
    *bits = 0;
    for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
        int k = 0;
        while (k < IR_NCOUNT && strcmp(s, ir_count_names[k]) != 0) k++;
        if (k == IR_NCOUNT) return false;
        *bits |= 1u << k;
    }
    return true;
}

static int by_number(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* "0-63,128-191": every CPU of the device; of two sockets both, or half the bytes would be missing. */
static void cpu_list(const ir_topology *t, char *buf, size_t cap)
{
    static int os[IR_MAX_PU];
    size_t     n = 0;
    buf[0] = 0;
    for (int i = 0; i < t->npu; i++) os[i] = t->pu[i].os;
    qsort(os, (size_t)t->npu, sizeof *os, by_number);
    for (int i = 0, end; i < t->npu && n + 16 < cap; i = end) {
        for (end = i + 1; end < t->npu && os[end] == os[end - 1] + 1;) end++;
        n += (size_t)snprintf(buf + n, cap - n, "%s%d", n ? "," : "", os[i]);
        if (end - i > 1) n += (size_t)snprintf(buf + n, cap - n, "-%d", os[end - 1]);
    }
}

/* What was asked for and is not counted, with the reason, in one line. */
static void say_not_counted(run_witness *o, unsigned bits, const char *why)
{
    size_t n = 0, skip = strncmp(why, "counters: ", 10) ? 0 : 10;
    char   list[64] = "";
    for (int k = 0; k < IR_NCOUNT; k++)
        if (bits & (1u << k))
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", ir_count_names[k]);
    if (bits) snprintf(o->counts_why, sizeof o->counts_why, "counters: no %s: %.110s", list, why + skip);
}

/* The kernel's own names: DRAM bytes, and cycles of the calling thread. why: of likwid; better, where the
 * kernel has names for DRAM and refuses them, is what it says to that. */
static ir_status open_perf(run_witness *o, unsigned bits, char why[IR_WHY])
{
    const unsigned dram = 1u << IR_COUNT_DRAM, clock = 1u << IR_COUNT_CLOCK;
    ir_perf_event  any[16];
    bool           named = false;
    int            n = ir_perf_find("", any, 16);
    for (int i = 0; i < n; i++) named = named || any[i].what != IR_PERF_ENERGY;
    if (bits & dram && ir_perf_open("", NULL, IR_PERF_DRAM, &o->perf) != IR_OK && named)
        snprintf(why, IR_WHY, "%s", ir_why());
    if (bits & clock) ir_perf_open("", NULL, IR_PERF_CORE, &o->perf_core);
    if (!o->perf && !o->perf_core) return ir_fail(IR_SKIP, "%s", why);
    o->kinds = (o->perf ? dram : 0) | (o->perf_core ? clock : 0);
    say_not_counted(o, bits & ~o->kinds, why);
    return IR_OK;
}

/* likwid first, then the kernel's own names, which know less. */
static ir_status open_counters(run_witness *o, const measure_context *s, const char *asked)
{
    char            cpus[1000], why[IR_WHY];
    ir_counters_ask ask = {.cpus = cpus};
    unsigned        bits;
    bool            kinds = counted_kinds(asked, &bits);
    cpu_list(&s->topo, cpus, sizeof cpus);
    ir_status st = ir_counters_open(&ask, &o->counters);
    if (st == IR_OK) st = ir_counters_want(o->counters, bits, kinds ? NULL : asked);
    if (st == IR_OK) {
        const char *missing = ir_counters_missing(o->counters);
        o->kinds = ir_counters_kinds(o->counters);
        if (*missing) snprintf(o->counts_why, sizeof o->counts_why, "counters: %.180s", missing);
        return IR_OK;
    }
    snprintf(why, sizeof why, "%s", ir_why());
    ir_counters_close(&o->counters);
    return kinds ? open_perf(o, bits, why) : ir_fail(IR_SKIP, "%s", why);
}

/* What flows with nothing to do. */
static void count_at_rest(run_witness *o, measure_context *s)
{
    ir_power unused;
    ir_counts_init(&o->rest);
    for (int r = 0; r < o->w.rounds; r++) {
        ir_witness nothing = {.energy = NULL};
        if (count_start(o, r) != IR_OK) return;
        const double t0 = s->dev.be->now(&s->dev);
        ir_power_at_rest(&s->dev, &nothing, 0.2, &unused);
        double span = s->dev.be->now(&s->dev) - t0;
        if (!o->counters) perf_counts(o, span, &o->rest);
        if (o->counters && count_noted(o, ir_counters_stop(o->counters, r, span, &o->rest)) != IR_OK) return;
    }
    o->rest.background_Bps = fmax(o->rest.read_B, 0) + fmax(o->rest.write_B, 0);
}

ir_status witness_count_open(run_witness *o, measure_context *s, const char *asked)
{
    ir_status st = open_counters(o, s, asked);
    if (st != IR_OK) return st;
    snprintf(o->counted_by, sizeof o->counted_by, "%s",
             o->counters ? ir_counters_version(o->counters) : "perf");
    o->w.count_start = count_start;
    o->w.count_stop = count_stop;
    o->w.count_energy = count_energy;
    o->w.count_arg = o;
    o->w.rounds = o->counters ? ir_counters_rounds(o->counters) : 1;
    count_at_rest(o, s);
    return IR_OK;
}

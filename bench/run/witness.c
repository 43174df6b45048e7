/* witness.c -- see witness.h. Everything is opened before a device pins its threads: the helper of the
 * counters inherits the mask. `auto` reads energy only where that costs a run little: of a device or meter
 * that ticks at least FAST times a second. */
#include "bench/run/witness.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double REST_S = 1, REST_GPU_S = 3, FAST = 50, STEADY = 0.05, LEAST_S = 0.1, MOST_S = 2;

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

static ir_status count_start(void *arg, int round)
{
    run_witness *o = arg;
    if (o->counters) return ir_counters_start(o->counters, round);
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
        st = ir_counters_stop(o->counters, round, calls, c);
    else
        perf_counts(o, calls, c);
    bool last = round + 1 == o->w.rounds;
    if (st != IR_OK || !last) return st;
    take_off(&c->read_B, o->rest.read_B, span_s, calls);
    take_off(&c->write_B, o->rest.write_B, span_s, calls);
    c->background_Bps = o->rest.background_Bps;
    return st;
}

/* Which bits "dram,flops" are; false: it is no list of them, but the name of a group. */
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
    double   t0 = s->dev.be->now(&s->dev);
    ir_counts_init(&o->rest);
    for (int r = 0; r < o->w.rounds; r++) {
        ir_witness nothing = {.energy = NULL};
        if (count_start(o, r) != IR_OK) return;
        t0 = s->dev.be->now(&s->dev);
        ir_power_at_rest(&s->dev, &nothing, 0.2, &unused);
        double span = s->dev.be->now(&s->dev) - t0;
        if (o->counters) ir_counters_stop(o->counters, r, span, &o->rest);
        if (!o->counters) {
            perf_counts(o, span, &o->rest);
        }
    }
    o->rest.background_Bps = fmax(o->rest.read_B, 0) + fmax(o->rest.write_B, 0);
}

/* ---- energy ---------------------------------------------------------------------------------- */
static bool on_this_host(const measure_context *s)
{
    return s->info.numa_nodes > 0 && !s->info.modelled && !s->dev.be->known_ceilings;
}

static ir_status open_energy(run_witness *o, measure_context *s)
{
    ir_status st = ir_witness_device(&s->dev, &o->w);
    if (st == IR_OK || !on_this_host(s)) return st;
    st = ir_meter_open("", NULL, &o->meter);
    if (st == IR_OK) return ir_witness_meter(o->meter, &o->w), IR_OK;
    char why[IR_WHY];
    snprintf(why, sizeof why, "%s", ir_why());
    st = ir_perf_open("", NULL, IR_PERF_JOULES, &o->perf_energy);
    if (st == IR_OK) return ir_witness_perf(o->perf_energy, &o->w), IR_OK;
    return ir_fail(st, "%s", why);
}

static void begin_energy(run_witness *o, measure_context *s, const cli_options *opt)
{
    double rest = s->info.threads > 0 ? REST_S : REST_GPU_S;
    bool   automatic = opt->energy == CLI_ENERGY_AUTO;
    if (opt->energy == CLI_ENERGY_OFF || (automatic && s->policy.fixed_n)) return;
    if (open_energy(o, s) != IR_OK) {
        snprintf(o->energy_why, sizeof o->energy_why, "%s", ir_why());
        memset(&o->w, 0, sizeof o->w);
        return;
    }
    if (ir_power_at_rest(&s->dev, &o->w, rest, &o->before) != IR_OK) return;
    o->energy = !automatic || (double)o->before.ticks >= FAST * rest;
    if (!o->energy) {
        snprintf(o->energy_why, sizeof o->energy_why,
                 "energy: the counter renews itself %.3g times a second: --energy on takes a second or two a "
                 "point",
                 (double)o->before.ticks / rest);
        memset(&o->w, 0, sizeof o->w);
    }
    o->w.idle_W = o->energy ? o->before.W : NAN;
}

ir_status witness_open(run_witness *o, measure_context *s, ir_env *env, const cli_options *opt)
{
    memset(o, 0, sizeof *o);
    o->before = o->after = (ir_power){NAN, NAN, NAN, 0};
    begin_energy(o, s, opt);
    o->w.least_s = LEAST_S;
    o->w.most_s =
        s->timeout_s > 0 ? fmin(MOST_S, s->timeout_s / 8) : MOST_S; /* no reason to give up a point */
    if (opt->counters && !on_this_host(s))
        snprintf(o->counts_why, sizeof o->counts_why, "counters: %.60s has none that this program reads",
                 s->info.name);
    else if (opt->counters) {
        ir_status st = open_counters(o, s, opt->counters);
        if (st != IR_OK && st != IR_SKIP) return st;
        o->counts = st == IR_OK;
        if (!o->counts) snprintf(o->counts_why, sizeof o->counts_why, "%s", ir_why());
    }
    if (o->counts) {
        o->w.count_start = count_start;
        o->w.count_stop = count_stop;
        o->w.count_arg = o;
        o->w.rounds = o->counters ? ir_counters_rounds(o->counters) : 1;
        count_at_rest(o, s);
    }
    if (o->energy) {
        char source[48];
        snprintf(source, sizeof source, "%s, %s", o->w.scope, o->w.source);
        ir_env_text(env, "energy_source", source, false); /* times stay comparable */
    }
    if (o->counts)
        ir_env_text(env, "counters", o->counters ? ir_counters_version(o->counters) : "perf", false);
    if (*o->energy_why) ir_env_text(env, "energy_why", o->energy_why, false);
    if (*o->counts_why) ir_env_text(env, "counters_why", o->counts_why, false);
    bool said = !opt->quiet && (opt->energy == CLI_ENERGY_ON || *o->counts_why);
    if (said && *o->energy_why && opt->energy == CLI_ENERGY_ON)
        fprintf(stderr, "ironroof: %s\n", o->energy_why);
    if (said && *o->counts_why) fprintf(stderr, "ironroof: %s\n", o->counts_why);
    if (o->counts) s->policy.witness = &o->w; /* the ceilings are counted too, and prove the counters */
    return IR_OK;
}

void witness_points(run_witness *o, measure_context *s)
{
    s->policy.witness = o->energy || o->counts ? &o->w : NULL;
}

void witness_close(run_witness *o)
{
    ir_counters_close(&o->counters);
    ir_perf_close(&o->perf);
    ir_perf_close(&o->perf_core);
    ir_perf_close(&o->perf_energy);
    ir_meter_close(&o->meter);
}

/* ---- certificate ----------------------------------------------------------------------------- */
static const ir_point *known_clock(const measure_context *s)
{
    for (size_t i = 0; i < s->npoint; i++)
        if (s->point[i].status == IR_OK && !strcmp(s->point[i].id.workload, "clock") &&
            s->point[i].m.counts.cycles > 0)
            return &s->point[i];
    return NULL;
}

/* The row of the ceilings that read most, and the one that computed fastest in f32. */
static const ir_point *known_read(const measure_context *s)
{
    const ir_point *best = NULL;
    for (size_t i = 0; i < s->npoint; i++) {
        const ir_point *p = &s->point[i];
        if (p->status != IR_OK || strcmp(p->id.workload, "read") != 0) continue;
        if (!best || p->m.cost.footprint_B > best->m.cost.footprint_B) best = p;
    }
    return best;
}

static const ir_point *known_arithmetic(const measure_context *s)
{
    const ir_point *best = NULL;
    for (size_t i = 0; i < s->npoint; i++) {
        const ir_point *p = &s->point[i];
        if (p->status != IR_OK || strcmp(p->id.workload, "fma") != 0 || p->id.p.dtype != IR_F32) continue;
        if (!best || p->m.cost.flops / ir_point_time(p) > best->m.cost.flops / ir_point_time(best)) best = p;
    }
    return best;
}

static void distrust(measure_context *s, bool bytes, bool flops, bool cycles)
{
    for (size_t i = 0; i < s->npoint; i++) {
        ir_counts *c = &s->point[i].m.counts;
        if (!*c->source) continue;
        if (bytes) c->read_B = c->write_B = s->point[i].m.counted_B = NAN;
        if (flops) c->flops = NAN;
        if (cycles) c->cycles = c->instructions = NAN;
    }
}

void witness_certify(run_witness *o, measure_context *s)
{
    char            read[56] = "", flops[56] = "", cycles[56] = "";
    const ir_point *r = known_read(s), *f = known_arithmetic(s);
    if (!o->counts) return;
    bool bytes = o->kinds & (1u << IR_COUNT_DRAM);
    if (bytes && !r) snprintf(read, sizeof read, "no known read was measured");
    bool trusted = r && (!bytes || ir_counts_certify("read", r->m.counted_B, ir_cost_B(&r->m.cost), 0.95,
                                                     1.10, read, sizeof read));
    bool computes =
        f && (isnan(f->m.counts.flops) || ir_counts_certify("FMA chain", f->m.counts.flops, f->m.cost.flops,
                                                            0.98, 1.02, flops, sizeof flops));
    const ir_point *k = known_clock(s);
    bool clock = k && ir_counts_certify("clock chain", k->m.counts.cycles, k->m.cost.flops, 0.98, 1.02,
                                        cycles, sizeof cycles);
    snprintf(o->certificate, sizeof o->certificate, "%s%s%s%s%s", read, *read && *flops ? "; " : "", flops,
             *cycles && (*read || *flops) ? "; " : "", cycles);
    for (size_t i = 0; i < s->npoint; i++) {
        ir_counts *c = &s->point[i].m.counts;
        if (*c->source) snprintf(c->certificate, sizeof c->certificate, "%s", o->certificate);
    }
    distrust(s, !trusted, !computes, !clock);
}

/* ---- the fit --------------------------------------------------------------------------------- */
enum { SPIN_ROWS = 6, KNOWN_ROWS = 3 };
typedef struct {
    ir_energy_row *v;
    size_t         n, cap;
} energy_rows;

static ir_status rows_push(energy_rows *e, const ir_energy_row *r)
{
    if (e->n == e->cap) {
        size_t         cap = e->cap ? 2 * e->cap : 64;
        ir_energy_row *v = realloc(e->v, cap * sizeof *v);
        if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu rows of energy", cap);
        e->v = v;
        e->cap = cap;
    }
    e->v[e->n++] = *r;
    return IR_OK;
}

/* A row that is of the fit alone, and in no table. */
static ir_status extra_rows(measure_context *s, const ir_workload *w, const ir_kernel *k, const ir_params *p,
                            int times, energy_rows *e)
{
    ir_status st = IR_OK;
    for (int i = 0; i < times && st == IR_OK && w && k && !context_stopped(s); i++) {
        ir_bound_kernel b;
        ir_point        o;
        ir_energy_row   r;
        ir_policy       pol = s->policy;
        pol.fixed_n = 3;
        pol.cold = false;
        if (ir_bind(&s->dev, w, k, p, &b) != IR_OK) return IR_OK;
        ir_measure_bound(&b, &pol, &o);
        ir_point_judge(&o, &s->ceilings, NULL);
        if (ir_energy_row_of(&o, &r)) st = rows_push(e, &r);
        ir_point_free(&o);
    }
    return st;
}

static ir_status spin_rows(measure_context *s, energy_rows *e)
{
    const ir_workload *w = ir_workload_named("clock");
    const ir_kernel   *k;
    ir_params          p = w->defaults;
    ir_status          st = IR_OK;
    size_t             had = e->n;
    p.threads = s->info.threads;
    for (size_t i = 0; st == IR_OK && e->n == had && (k = backend_kernel(s->dev.be, w, i)); i++)
        st = extra_rows(s, w, k, &p, SPIN_ROWS, e);
    return st;
}

static ir_status known_rows(measure_context *s, const ir_point *known, energy_rows *e)
{
    const ir_workload *w = known ? ir_workload_named(known->id.workload) : NULL;
    if (!w) return IR_OK;
    ir_params p = known->id.p;
    p.threads = s->info.threads;
    return extra_rows(s, w, backend_kernel_named(s->dev.be, w, known->id.kernel), &p, KNOWN_ROWS, e);
}

ir_status witness_fit(run_witness *o, measure_context *s)
{
    energy_rows e = {0};
    ir_status   st = IR_OK;
    double      rest = s->info.threads > 0 ? REST_S : REST_GPU_S;
    if (!o->energy || s->policy.fixed_n) return IR_OK;
    for (size_t i = 0; i < s->npoint && st == IR_OK; i++) {
        ir_energy_row r;
        bool          full = s->point[i].id.p.threads == s->info.threads;
        if (full && ir_energy_row_of(&s->point[i], &r)) st = rows_push(&e, &r);
    }
    if (st == IR_OK) st = spin_rows(s, &e);
    if (st == IR_OK) st = known_rows(s, known_read(s), &e);
    if (st == IR_OK) st = known_rows(s, known_arithmetic(s), &e);
    if (st == IR_OK) st = ir_power_at_rest(&s->dev, &o->w, rest, &o->after);
    o->drift = fabs(o->after.W - o->before.W) > STEADY * o->before.W;
    ir_status fitted = st == IR_OK ? ir_energy_fit_rows(e.v, e.n, s->policy.seed, &o->fit) : st;
    free(e.v);
    if (fitted != IR_OK && fitted != IR_EINVAL) return fitted;
    if (fitted == IR_EINVAL) snprintf(o->fit.why, sizeof o->fit.why, "%s", ir_why());
    snprintf(o->fit.device, sizeof o->fit.device, "%s", s->info.id);
    snprintf(o->fit.scope, sizeof o->fit.scope, "%s", o->w.scope);
    snprintf(o->fit.source, sizeof o->fit.source, "%s", o->w.source);
    o->fit.threads = s->info.threads;
    o->fit.idle_W = o->before.W;
    o->fitted = true;
    return IR_OK;
}

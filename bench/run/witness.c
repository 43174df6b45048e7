/* witness.c -- see witness.h. `auto` reads energy only where that costs a run little: of a device or meter
 * that ticks at least FAST times a second. */
#include "bench/run/witness.h"
#include "kernels/workloads/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double REST_S = 1, REST_GPU_S = 3, FAST = 50, STEADY = 0.05, LEAST_S = 0.1, MOST_S = 2;

/* ---- energy ---------------------------------------------------------------------------------- */
static bool on_this_host(const measure_context *s)
{
    return s->info.numa_nodes > 0 && !s->info.modelled && !s->dev.be->known_ceilings;
}

/* The meters of the host are its own too: a board's sensors feed the GPU on it. */
static bool on_its_meters(const measure_context *s) { return on_this_host(s) || s->info.unified; }

static ir_status open_energy(run_witness *o, measure_context *s)
{
    ir_status st = ir_witness_device(&s->dev, &o->w);
    if (st == IR_OK || !on_its_meters(s)) return st;
    st = ir_meter_open("", NULL, &o->meter);
    if (st == IR_OK) return ir_witness_meter(o->meter, &o->w), IR_OK;
    char why[IR_WHY];
    snprintf(why, sizeof why, "%s", ir_why());
    st = ir_perf_open("", NULL, IR_PERF_JOULES, &o->perf_energy);
    if (st == IR_OK) return ir_witness_perf(o->perf_energy, &o->w), IR_OK;
    return ir_fail(st, "%s", why);
}

/* Idle power. What a GPU takes falls for seconds after its last work: looked at until two in a row agree. */
static ir_status power_at_rest(measure_context *s, const ir_witness *w, ir_power *out)
{
    enum { MOST = 5 };
    bool      own = s->info.threads == 0;
    double    seconds = own ? REST_GPU_S : REST_S, was;
    ir_status st = ir_power_at_rest(&s->dev, w, seconds, out);
    for (int i = 1; own && i < MOST && st == IR_OK && !context_stopped(s); i++) {
        was = out->W;
        st = ir_power_at_rest(&s->dev, w, seconds, out);
        if (!(fabs(out->W - was) > STEADY * was)) break;
    }
    return st;
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
    if (power_at_rest(s, &o->w, &o->before) != IR_OK) return;
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

/* Of several devices that have the same reason one says it. */
static void say_once(const run_witness *o, const char *why)
{
    enum { MOST = 8 };
    static char said[MOST][IR_WHY];
    static int  n;
    if (!*why || o->quiet) return;
    for (int i = 0; i < n; i++)
        if (!strcmp(said[i], why)) return;
    if (n < MOST) snprintf(said[n++], IR_WHY, "%s", why);
    fprintf(stderr, "ironroof: %s\n", why);
}

static void tell_lost(run_witness *o, ir_env *env)
{
    say_once(o, o->lost_why);
    if (*o->lost_why && !*o->counts_why) ir_env_text(env, "counters_why", o->lost_why, false);
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
        ir_status st = witness_count_open(o, s, opt->counters);
        if (st != IR_OK && st != IR_SKIP) return st;
        o->counts = st == IR_OK;
        if (!o->counts) snprintf(o->counts_why, sizeof o->counts_why, "%s", ir_why());
    }
    if (o->energy) {
        char source[48];
        snprintf(source, sizeof source, "%s, %s", o->w.scope, o->w.source);
        ir_env_text(env, "energy_source", source, false); /* times stay comparable */
    }
    if (o->counts) ir_env_text(env, "counters", o->counted_by, false);
    if (*o->energy_why) ir_env_text(env, "energy_why", o->energy_why, false);
    if (*o->counts_why) ir_env_text(env, "counters_why", o->counts_why, false);
    o->quiet = opt->quiet;
    if (opt->energy == CLI_ENERGY_ON) say_once(o, o->energy_why);
    say_once(o, o->counts_why);
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
            *s->point[i].m.counts.source)
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

/* What is held against what: how much was counted of a row, how much of it is known, and how far both may be
 * apart. */
typedef struct {
    const char     *what;
    ir_count        kind;
    const ir_point *row;
    double          counted, known, lo, hi;
} certificate;

enum { NCERTIFICATE = 5 };
static void certificates(const measure_context *s, certificate c[NCERTIFICATE])
{
    const ir_point *r = known_read(s), *f = known_arithmetic(s), *k = known_clock(s);
    double          bytes = r ? ir_cost_B(&r->m.cost) : NAN; /* all of it comes through every cache */
    c[0] = (certificate){"read", IR_COUNT_DRAM, r, r ? r->m.counted_B : NAN, bytes, 0.95, 1.10};
    c[1] = (certificate){"read (L2)", IR_COUNT_L2, r, r ? r->m.counts.l2_B : NAN, bytes, 0.95, 1.10};
    c[2] = (certificate){"read (L3)", IR_COUNT_L3, r, r ? r->m.counts.l3_B : NAN, bytes, 0.95, 1.10};
    c[3] = (certificate){
        "FMA chain", IR_COUNT_FLOPS, f, f ? f->m.counts.flops : NAN, f ? f->m.cost.flops : NAN, 0.98, 1.02};
    c[4] = (certificate){
        "clock chain", IR_COUNT_CLOCK, k, k ? k->m.counts.cycles : NAN, k ? k->m.cost.flops : NAN, 0.98,
        1.02};
}

static void distrust(measure_context *s, ir_count kind)
{
    for (size_t i = 0; i < s->npoint; i++) {
        ir_counts *c = &s->point[i].m.counts;
        if (!*c->source) continue;
        if (kind == IR_COUNT_DRAM) c->read_B = c->write_B = s->point[i].m.counted_B = NAN;
        if (kind == IR_COUNT_L2) c->l2_B = NAN;
        if (kind == IR_COUNT_L3) c->l3_B = NAN;
        if (kind == IR_COUNT_FLOPS) c->flops = NAN;
        if (kind == IR_COUNT_CLOCK) c->cycles = c->instructions = NAN;
    }
}

/* Into text; false: it is not to be believed. */
static bool certify_one(const certificate *c, char text[64])
{
    if (c->row) return ir_counts_certify(c->what, c->counted, c->known, c->lo, c->hi, text, 64);
    snprintf(text, 64, "no known %s was measured", c->what);
    return false;
}

void witness_certify(run_witness *o, measure_context *s, ir_env *env)
{
    certificate c[NCERTIFICATE];
    size_t      len = 0, cap = sizeof o->certificate;
    tell_lost(o, env);
    if (!o->counts) return;
    certificates(s, c);
    for (int i = 0; i < NCERTIFICATE; i++) {
        char text[64];
        if (!(o->kinds & 1u << c[i].kind)) continue;
        if (!certify_one(&c[i], text)) distrust(s, c[i].kind);
        if (len < cap)
            len += (size_t)snprintf(o->certificate + len, cap - len, "%s%s", len ? "; " : "", text);
    }
    for (size_t i = 0; i < s->npoint; i++) {
        ir_counts *to = &s->point[i].m.counts;
        if (*to->source) snprintf(to->certificate, sizeof to->certificate, "%s", o->certificate);
    }
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
    if (!o->energy || s->policy.fixed_n) return IR_OK;
    for (size_t i = 0; i < s->npoint && st == IR_OK; i++) {
        ir_energy_row r;
        bool          full = s->point[i].id.p.threads == s->info.threads;
        if (full && ir_energy_row_of(&s->point[i], &r)) st = rows_push(&e, &r);
    }
    if (st == IR_OK) st = spin_rows(s, &e);
    if (st == IR_OK) st = known_rows(s, known_read(s), &e);
    if (st == IR_OK) st = known_rows(s, known_arithmetic(s), &e);
    if (st == IR_OK) st = power_at_rest(s, &o->w, &o->after);
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
    o->fit.idle_after_W = o->after.W;
    o->fitted = true;
    return IR_OK;
}

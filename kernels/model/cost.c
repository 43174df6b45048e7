/* cost.c -- from a workload's cost to the seconds a described machine takes for it.
 *
 * A footprint is served by several levels at once: a share falls out of each as it outgrows what its threads
 * find there. A level's rate is the smaller of what its cores ask for and what its instances give, rounded
 * where both are near. Regular stores read their lines first; non-temporal ones go to memory whatever holds
 * the rest. */
#include "kernels/model/model.h"
#include "kernels/workloads/table.h"
#include "kernels/workloads/workloads_memory.h"

#include <math.h>
#include <string.h>

#define LINE_B 64.0
#define EDGE \
    12.0 /* how sharply a level ends: its share of a footprint F is 1 / (1 + (F / capacity)^EDGE) \
          */
#define NEAR      10.0 /* how sharply cores and instances limit a rate */
#define SMALL_TLB 1.04 /* a dependent load from memory over small pages */

static double clamp_cores(const model_machine *m, int threads)
{
    return fmin(threads > 0 ? threads : m->cores, m->cores);
}

/* Cores' worth of work: fast ones come first, slow ones do a share, and two threads of one core share it. */
static double working(const model_machine *m, int threads)
{
    double c = clamp_cores(m, threads), fast = m->cores - m->slow_cores;
    double w = fmin(c, fast) + fmax(0, c - fast) * m->slow_share;
    return m->disturb.pair > 0 && c > 1 ? w * m->disturb.pair / 2 : w;
}

double model_clock_Hz(const model_machine *m, double cores)
{
    if (m->cores < 2) return m->clock.one_Hz;
    double busy = fmin(fmax(cores - 1, 0) / (m->cores - 1), 1);
    return m->clock.one_Hz + (m->clock.all_Hz - m->clock.one_Hz) * busy;
}

double model_instances(const model_machine *m, int l, int threads)
{
    return ceil(clamp_cores(m, threads) / m->level[l].cores);
}

static double smaller(double a, double b) { return pow(pow(a, -NEAR) + pow(b, -NEAR), -1 / NEAR); }

double model_read_Bps(const model_machine *m, int l, int threads)
{
    const model_level *x = &m->level[l];
    double             c = clamp_cores(m, threads), one = x->core_Bps;
    if (l == m->nlevel - 1)
        one = fmin(one, m->memory.prefetch * LINE_B / x->latency_s);
    else
        one *= model_clock_Hz(m, c) / m->clock.one_Hz;
    return smaller(working(m, threads) * one, model_instances(m, l, threads) * x->all_Bps);
}

double model_launch_s(const model_machine *m, int threads, uint32_t kflags)
{
    if (kflags & IR_K_GRAPH && m->launch.graph_s > 0) return m->launch.graph_s;
    if (m->gpu > 0) return m->launch.first_s + (kflags & IR_K_WAITED ? m->launch.sync_s : 0);
    return m->launch.first_s + m->launch.thread_s * log2(fmax(clamp_cores(m, threads), 1));
}

/* ---- bytes ----------------------------------------------------------------------------------- */
typedef struct {
    double read_B, write_B, wa_B, footprint_B;
    int    level;
} bytes; /* level: that serves them all; -1: by footprint */

static double mixed_s(double read_Bps, const model_level *x, double read_B, double write_B, double nt)
{
    double all = read_B + write_B, f = all > 0 ? read_B / all : 1;
    return (read_B / read_Bps + write_B / (read_Bps * x->write * nt)) / (1 + 4 * x->mix * f * (1 - f));
}

/* Shares of a footprint by the level that serves it; the last is memory's. */
static void cost_served(const model_machine *m, int threads, double footprint_B, int only,
                        double share[MODEL_LEVELS])
{
    double inside = 0;
    for (int l = 0; l < m->nlevel; l++) share[l] = l == only;
    if (only >= 0) return;
    for (int l = 0; l < m->nlevel; l++) {
        double room = model_instances(m, l, threads) * m->level[l].size_B;
        double hit = l == m->nlevel - 1 ? 1 : 1 / (1 + pow(footprint_B / room, EDGE));
        share[l] = fmax(hit - inside, 0);
        inside = fmax(inside, hit);
    }
}

static void bytes_s(const model_machine *m, int threads, const bytes *b, bool nt, double fill, model_plan *o)
{
    double             share[MODEL_LEVELS];
    const int          last = m->nlevel - 1;
    const model_level *mem = &m->level[last];
    cost_served(m, threads, b->footprint_B, b->level, share);
    for (int l = 0; l < last; l++)
        o->cache_s += mixed_s(fill * model_read_Bps(m, l, threads), &m->level[l], share[l] * b->read_B,
                              nt ? 0 : share[l] * b->write_B, 1);
    double Bps = fill * model_read_Bps(m, last, threads), wa = nt ? 0 : b->wa_B * (1 - m->memory.evade);
    o->memory_s += mixed_s(Bps, mem, share[last] * (b->read_B + wa),
                           nt ? b->write_B : share[last] * b->write_B, nt ? m->memory.nt : 1);
}

/* Lines of no order: each core waits for as many as it keeps in flight, and memory gives no more than it has.
 */
static void scattered_s(const model_machine *m, int threads, const ir_cost *c, model_plan *o)
{
    double share[MODEL_LEVELS], lines = ir_cost_accesses(c, IR_RANDOM);
    if (!(lines > 0)) lines = ir_cost_read_B(c) / 12; /* 8 B and an index */
    cost_served(m, threads, c->footprint_B, -1, share);
    for (int l = 0; l < m->nlevel; l++) {
        double one = m->memory.gather * LINE_B / m->level[l].latency_s;
        double Bps = smaller(working(m, threads) * one, model_read_Bps(m, l, threads));
        *(l == m->nlevel - 1 ? &o->memory_s : &o->cache_s) +=
            share[l] * (lines * LINE_B + (ir_cost_all_random(c) ? ir_cost_write_B(c) : 0)) / Bps;
    }
}

static void data_s(const model_machine *m, int threads, const ir_cost *c, bool nt, double fill, int level,
                   model_plan *o)
{
    bytes far_part = {.footprint_B = c->footprint_B, .level = level}, near_part = {.level = level};
    for (int i = 0; i < IR_NPART; i++) {
        bytes *b = c->part[i].footprint_B > 0 ? &near_part : &far_part;
        b->read_B += c->part[i].read_B;
        b->write_B += c->part[i].write_B;
        b->wa_B += c->part[i].wa_B;
        b->footprint_B = fmax(b->footprint_B, c->part[i].footprint_B);
    }
    if (ir_cost_all_random(c) || ir_cost_random_B(c) > 0) scattered_s(m, threads, c, o);
    if (ir_cost_all_random(c)) return;
    /* A row's first line; the others follow. */
    far_part.read_B -= fmin(LINE_B * ir_cost_accesses(c, IR_RANDOM), ir_cost_random_B(c));
    bytes_s(m, threads, &far_part, nt, fill, o);
    if (near_part.footprint_B > 0) bytes_s(m, threads, &near_part, nt, fill, o);
}

/* ---- arithmetic ------------------------------------------------------------------------------ */
/* Where no unit has a type, the next wider one does its products. */
static double flop_cycle(const model_machine *m, ir_dtype t, bool products)
{
    double v = products ? fmax(m->peak[t], m->matrix[t]) : m->peak[t];
    if (v > 0 || !products) return v;
    if (t == IR_F8 && fmax(m->peak[IR_BF16], m->matrix[IR_BF16]) > 0) return flop_cycle(m, IR_BF16, true);
    if (t == IR_I4 && fmax(m->peak[IR_I8], m->matrix[IR_I8]) > 0) return flop_cycle(m, IR_I8, true);
    return fmax(m->peak[IR_F32], m->matrix[IR_F32]);
}

double model_flops(const model_machine *m, int threads, ir_dtype t, bool products)
{
    return flop_cycle(m, t, products) * working(m, threads) * model_clock_Hz(m, clamp_cores(m, threads)) *
           m->clock.wide;
}

/* Outputs come in waves of what all processors work on at once; the last wave takes as long as a full one.
 * Fewer outputs than one wave are cut smaller and their sums split, which makes up for most. */
static double waves(const model_machine *m, const ir_cost *c, ir_dtype t)
{
    double full = ir_cost_of(c, IR_OF_OUT) / ir_dtype_bytes(t) / fmax(m->wave, 1) / m->cores;
    if (!(m->wave > 0) || !(full > 0)) return 1;
    return full >= 1 ? ceil(full) / full : pow(full, -0.1);
}

/* ---- kinds of workloads ---------------------------------------------------------------------- */
static int64_t cost_value(const ir_workload *w, const ir_params *p, const char *key)
{
    int i = ir_workload_param(w, key);
    return i >= 0 ? p->v[i] : 0;
}

static void chase_s(const model_machine *m, const ir_workload *w, const ir_params *p, const ir_cost *c,
                    model_plan *o)
{
    double share[MODEL_LEVELS], chains = (double)cost_value(w, p, "chains"), wait = 0;
    bool   small = cost_value(w, p, "pages") == WL_PAGES_SMALL;
    cost_served(m, 1, c->footprint_B, -1, share);
    for (int l = 0; l < m->nlevel; l++)
        wait += share[l] * m->level[l].latency_s * (small && l == m->nlevel - 1 ? SMALL_TLB : 1);
    o->wait_s = ir_cost_accesses(c, IR_DEPENDENT) * wait * fmax(chains / m->memory.lines, 1);
}

static void fma_s(const model_machine *m, const ir_workload *w, const ir_params *p, const ir_cost *c,
                  model_plan *o)
{
    double fill = fmin((double)cost_value(w, p, "chains") / m->need.chains, 1),
           R = model_flops(m, p->threads, p->dtype, false);
    if (m->gpu > 0) fill *= fmin((double)cost_value(w, p, "teams") / (8 * m->cores), 1);
    o->compute_s = c->flops / (R * fill);
}

static void matrix_s(const model_machine *m, const ir_workload *w, const ir_params *p, const ir_cost *c,
                     model_plan *o)
{
    double fill = fmin((double)cost_value(w, p, "chains") / m->need.chains, 1);
    if (m->gpu > 0) fill *= fmin((double)cost_value(w, p, "teams") / (8 * m->cores), 1);
    o->compute_s = c->flops / (m->matrix[p->dtype] * m->cores * m->clock.all_Hz * fill);
}

static void clock_s(const model_machine *m, const ir_workload *w, const ir_params *p, const ir_cost *c,
                    model_plan *o)
{
    (void)w, (void)p;
    o->compute_s = c->flops / (model_clock_Hz(m, 1) * (1 - m->disturb.clock_lag));
}

static void empty_s(const model_machine *m, const ir_workload *w, const ir_params *p, const ir_cost *c,
                    model_plan *o)
{
    (void)m, (void)w, (void)p, (void)c, (void)o;
}

static void local_s(const model_machine *m, const ir_workload *w, const ir_params *p, const ir_cost *c,
                    model_plan *o)
{
    o->cache_s =
        c->footprint_B / (m->local_Bps * fmin((double)cost_value(w, p, "groups") / (2 * m->cores), 1));
}

static void link_s(const model_machine *m, const ir_workload *w, const ir_params *p, const ir_cost *c,
                   model_plan *o)
{
    (void)c;
    o->memory_s = (double)cost_value(w, p, "bytes") / m->link_Bps;
}

static void both_s(const model_machine *m, const ir_workload *w, const ir_params *p, const ir_cost *c,
                   model_plan *o)
{
    (void)c;
    double copy = (double)cost_value(w, p, "bytes") / m->link_Bps,
           work = (double)cost_value(w, p, "iters") * 1e-9;
    if (cost_value(w, p, "work") == WL_OVERLAP_COMPUTE) copy = 0;
    if (cost_value(w, p, "work") == WL_OVERLAP_COPY) work = 0;
    o->memory_s = copy + work - m->link_overlap * fmin(copy, work);
}

static const struct {
    const char *family;
    model_class as;
    void (*time)(const model_machine *, const ir_workload *, const ir_params *, const ir_cost *,
                 model_plan *);
} kind[] = {
    {"stream", MODEL_STREAM, NULL},    {"gemm", MODEL_GEMM, NULL},       {"gemv", MODEL_GEMV, NULL},
    {"gemv_twice", MODEL_GEMV, NULL},  {"linear", MODEL_GEMV, NULL},     {"conv", MODEL_CONV, NULL},
    {"cnn", MODEL_NET, NULL},          {"gpt", MODEL_NET, NULL},         {"chase", MODEL_OP, chase_s},
    {"peak", MODEL_STREAM, fma_s},     {"mma", MODEL_STREAM, matrix_s},  {"clock", MODEL_STREAM, clock_s},
    {"launch", MODEL_STREAM, empty_s}, {"local", MODEL_STREAM, local_s}, {"transfer", MODEL_STREAM, link_s},
    {"overlap", MODEL_STREAM, both_s}, {"gather", MODEL_STREAM, NULL}};

static size_t cost_kind_of(const char *family)
{
    size_t i = 0;
    while (i < sizeof kind / sizeof *kind && strcmp(kind[i].family, family) != 0) i++;
    return i;
}

static void work_s(const model_machine *m, const ir_workload *w, uint32_t kflags, const ir_params *p,
                   const ir_cost *c, model_class as, int level, model_plan *o)
{
    const model_kernel *k = &m->kernel[as];
    double              streams = (double)cost_value(w, p, "streams"), fill = kflags & IR_K_HALF ? 0.995 : 1;
    bool                waved = as == MODEL_GEMM || as == MODEL_CONV;
    if (m->gpu > 0 && streams > 0) fill *= fmin(sqrt(streams / m->need.streams), 1);
    data_s(m, p->threads, c, kflags & IR_K_NT, fill * k->data, level, o);
    if (c->flops > 0)
        o->compute_s = (c->flops - c->spare_flops) / (model_flops(m, p->threads, p->dtype, true) * k->comp) *
                       (waved ? waves(m, c, p->dtype) : 1);
    o->overlap = k->overlap;
}

/* The machine as memory on one of its nodes makes it: one instance of memory, of that node's figures. */
static void placed_on(const model_machine *m, int node, model_machine *out)
{
    *out = *m;
    model_level *x = &out->level[m->nlevel - 1];
    x->cores = m->cores;
    if (node < 1 || node > m->nfar) return;
    x->latency_s = m->far[node - 1].latency_s;
    x->core_Bps = m->far[node - 1].core_Bps;
    x->all_Bps = m->far[node - 1].all_Bps;
}

void model_plan_at(const model_machine *as_described, const ir_workload *w, uint32_t kflags,
                   const ir_params *p, int level, model_plan *o)
{
    model_machine        placed;
    const model_machine *m = as_described;
    if (p->node > 0) {
        placed_on(as_described, p->node - 1, &placed);
        m = &placed;
    }
    ir_cost c = w->cost(w, p);
    size_t  i = cost_kind_of(w->family), n = sizeof kind / sizeof *kind;
    memset(o, 0, sizeof *o);
    o->overlap = 1;
    o->launches = c.launches;
    o->once = kflags & IR_K_FUSED;
    o->threads = clamp_cores(m, p->threads);
    o->launch_s = model_launch_s(m, p->threads, kflags);
    if (i < n && kind[i].time)
        kind[i].time(m, w, p, &c, o);
    else
        work_s(m, w, kflags, p, &c, i < n ? kind[i].as : MODEL_OP, level, o);
}

void model_plan_of(const model_machine *m, const ir_workload *w, uint32_t kflags, const ir_params *p,
                   model_plan *o)
{
    model_plan_at(m, w, kflags, p, -1, o);
}

double model_batch_s(const model_plan *o, const model_scale *s, double reps)
{
    double data = o->memory_s / s->memory + o->cache_s / s->cache, comp = o->compute_s / s->compute,
           both = data + comp;
    if (o->overlap > 1 && data > 0 && comp > 0) {
        double most = fmax(data, comp);
        both = most * pow(pow(data / most, o->overlap) + pow(comp / most, o->overlap), 1 / o->overlap);
    }
    return reps * (both + o->wait_s / s->wait) + o->launch_s / s->launch * o->launches * (o->once ? 1 : reps);
}

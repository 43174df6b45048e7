/* ceiling_set.c -- the container of ceilings, and the look-ups that evaluate a law's terms against them.
 *
 * Assumes that all ceilings are of one device. Where the asked-for thread count, level or mix was not
 * measured, the nearest one answers; the order in which ceilings were added never matters. */
#include "harness/law/law_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *ir_what_name(ir_what w)
{
    static const char *const name[IR_NC] = {"bandwidth", "flops", "latency", "launch", "clock", "overlap"};
    return (unsigned)w < IR_NC ? name[w] : "?";
}

const char *ir_source_name(ir_source s)
{
    static const char *const name[] = {"measured", "datasheet", "theory"};
    return (unsigned)s < sizeof name / sizeof *name ? name[s] : "?";
}

void ir_ceilings_init(ir_ceilings *c)
{
    memset(c, 0, sizeof *c);
    for (int l = 0; l < IR_NLEVEL; l++) c->level_B[l] = c->level_threads[l] = NAN;
}

void ir_ceilings_free(ir_ceilings *c)
{
    free(c->v);
    ir_ceilings_init(c);
}

ir_status ir_ceilings_add(ir_ceilings *c, const ir_ceiling *x)
{
    if (c->n == c->cap) {
        size_t      cap = c->cap ? 2 * c->cap : 32;
        ir_ceiling *v = realloc(c->v, cap * sizeof *v);
        if (!v) return ir_fail(IR_ENOMEM, "no memory for %zu ceilings", cap);
        c->v = v;
        c->cap = cap;
    }
    c->v[c->n++] = *x;
    return IR_OK;
}

double ir_level_instances(const ir_ceilings *c, int l, int threads)
{
    double n = threads > 1 ? threads : 1, per = c->level_threads[l];
    return per > 0 ? ceil(n / per) : l < IR_L3 ? n : 1;
}

/* The largest working set, per instance, that a level's ceilings were measured at. */
static double measured_at_B(const ir_ceilings *c, int l)
{
    double most = NAN;
    for (size_t i = 0; i < c->n; i++) {
        const ir_ceiling *x = &c->v[i];
        if (x->what == IR_C_BANDWIDTH && !strcmp(x->level, ir_level_names[l]))
            most = fmax(most, x->size_B / ir_level_instances(c, l, x->threads));
    }
    return most;
}

/* Bytes that an instance of a level holds. Where no capacity was detected (a record without one), half way,
 * in ratio, from the working set that stood for this level to that of the next. NAN: no such level. */
static double capacity_B(const ir_ceilings *c, int l)
{
    if (isfinite(c->level_B[l])) return c->level_B[l];
    double here = measured_at_B(c, l), next = NAN;
    for (int k = l + 1; k < IR_NLEVEL && !isfinite(next); k++) next = measured_at_B(c, k);
    return isfinite(next) ? sqrt(here * next) : here;
}

const char *ir_node_level(int node, char buf[8])
{
    snprintf(buf, 8, "node%u", (unsigned)(node - 1) % 1000u);
    return buf;
}

const char *ir_level_of(const ir_ceilings *c, double footprint_B, int threads, bool cold)
{
    if (cold || !isfinite(footprint_B)) return ir_level_names[IR_DRAM];
    for (int l = 0; l < IR_DRAM; l++) /* a comparison with an unknown capacity is false */
        if (footprint_B <= capacity_B(c, l) * ir_level_instances(c, l, threads)) return ir_level_names[l];
    return ir_level_names[IR_DRAM];
}

/* ---- the best of several --------------------------------------------------------------------- */
static bool smaller_is_better(ir_what w) { return w == IR_C_LATENCY || w == IR_C_LAUNCH; }

/* Distance of thread counts, as a ratio: 2 is as far from 1 as from 4. 0 threads (a GPU) is its own count. */
static double thread_distance(int a, int b) { return fabs(log(fmax(a, 0.5) / fmax(b, 0.5))); }

/* Measured before anything else, trusted before suspect. */
static int rank(const ir_ceiling *c)
{
    return (c->source != IR_SRC_MEASURED ? 2 : 0) + (c->flags & IR_FLAG_SUSPECT ? 1 : 0);
}

/* A launch that is the node of a graph, is waited for, or is a barrier of a running grid is no queued one. */
static bool launched_otherwise(const ir_ceiling *x)
{
    static const char *const kernel[] = {"graph", "sync", "grid"};
    for (size_t i = 0; i < sizeof kernel / sizeof *kernel; i++)
        if (x->what == IR_C_LAUNCH && !strcmp(x->kernel, kernel[i])) return true;
    return false;
}

/* Whether x answers better than y, both being eligible. */
static bool better(const ir_ceiling *x, const ir_ceiling *y, int threads)
{
    double dx = thread_distance(x->threads, threads), dy = thread_distance(y->threads, threads);
    if (launched_otherwise(x) != launched_otherwise(y)) return launched_otherwise(y);
    if (rank(x) / 2 != rank(y) / 2) return rank(x) < rank(y);
    if (dx != dy) return dx < dy;
    if (x->threads != y->threads) return x->threads < y->threads;
    if (rank(x) != rank(y)) return rank(x) < rank(y);
    return smaller_is_better(x->what) ? x->value < y->value : x->value > y->value;
}

static bool eligible(const ir_ceiling *x, ir_what w, const char *level, const char *op, ir_dtype t)
{
    return x->what == w && isfinite(x->value) && x->value > 0 && (!level || !strcmp(level, x->level)) &&
           (!op || !strcmp(op, x->op)) && (t == IR_NDTYPE || t == x->dtype);
}

static int most_threads(const ir_ceilings *c, ir_what w)
{
    int most = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].what == w && c->v[i].threads > most) most = c->v[i].threads;
    return most;
}

const ir_ceiling *ir_ceiling_find(const ir_ceilings *c, ir_what w, const char *level, const char *op,
                                  ir_dtype t, int threads)
{
    const ir_ceiling *best = NULL;
    if (threads <= 0) threads = most_threads(c, w);
    for (size_t i = 0; i < c->n; i++)
        if (eligible(&c->v[i], w, level, op, t) && (!best || better(&c->v[i], best, threads)))
            best = &c->v[i];
    return best;
}

static double ceiling_set_value_of(const ir_ceiling *c) { return c ? c->value : NAN; }

double ir_peak_ceiling(const ir_ceilings *c, ir_dtype t, int threads)
{
    return (unsigned)t < IR_NDTYPE
               ? ceiling_set_value_of(ir_ceiling_find(c, IR_C_FLOPS, NULL, NULL, t, threads))
               : NAN;
}

double ir_product_ceiling(const ir_ceilings *c, ir_dtype t, int threads)
{
    double v = ir_peak_ceiling(c, t, threads);
    if (t == IR_F8 && !isfinite(v)) v = ir_peak_ceiling(c, IR_BF16, threads);
    if (t == IR_I4 && !isfinite(v)) v = ir_peak_ceiling(c, IR_I8, threads);
    return (t == IR_F8 || t == IR_BF16 || t == IR_F16 || t == IR_I8 || t == IR_I4) && !isfinite(v)
               ? ir_peak_ceiling(c, IR_F32, threads)
               : v;
}

double ir_launch_ceiling(const ir_ceilings *c, int threads)
{
    return ceiling_set_value_of(ir_ceiling_find(c, IR_C_LAUNCH, NULL, NULL, IR_NDTYPE, threads));
}

/* ---- bandwidth of a mix ---------------------------------------------------------------------- */
/* What one look-up asks. now > 0: at a moment when reads get this share of their ceiling, on a machine whose
 * memory gives twice as much in one second as in the next; the answer is brought to the moment of the read
 * ceiling. 0: as measured. */
typedef struct {
    const ir_ceilings *c;
    const char        *level;
    int                threads;
    double             now;
} mix_query;

double law_read_moment(const ir_ceilings *c, const ir_ceiling *x)
{
    const ir_ceiling *read = x->ref_read_Bps > 0
                                 ? ir_ceiling_find(c, IR_C_BANDWIDTH, x->level, "read", x->dtype, x->threads)
                                 : NULL;
    return read && read->threads == x->threads ? read->value / x->ref_read_Bps : 1;
}

/* Rate x (read ceiling) / (what reads got when it was measured): how far an operation outdoes reads is its
 * own, but where the memory has two states (processors on one die, or on two) that differs between them. */
static double ceiling_set_rate_of(const mix_query *q, const ir_ceiling *x)
{
    if (!(q->now > 0) || !strcmp(x->op, "read")) return x->value; /* the read ceiling is the unit itself */
    const double moment = law_read_moment(q->c, x);
    if (!(x->ref_read_Bps > 0 && x->alt_Bps > 0 && x->alt_read_Bps > 0) || x->alt_read_Bps == x->ref_read_Bps)
        return x->value * moment;
    const double here = x->ref_read_Bps * moment * q->now; /* what reads get now: `now` x their ceiling */
    const double u = log(here / x->ref_read_Bps) / log(x->alt_read_Bps / x->ref_read_Bps);
    const double better = x->alt_Bps / x->alt_read_Bps / (x->value / x->ref_read_Bps);
    return x->value * moment * pow(better, fmin(fmax(u, 0), 1));
}

static bool streams_at(const ir_ceiling *x, const char *level)
{
    return eligible(x, IR_C_BANDWIDTH, level, NULL, IR_NDTYPE) && isfinite(x->read_frac);
}

/* The best ceiling of one mix at a level. */
static const ir_ceiling *of_mix(const mix_query *q, int threads, double frac)
{
    const ir_ceiling *best = NULL;
    for (size_t i = 0; i < q->c->n; i++) {
        const ir_ceiling *x = &q->c->v[i];
        if (streams_at(x, q->level) && fabs(x->read_frac - frac) < 1e-3 &&
            (!best || better(x, best, threads)))
            best = x;
    }
    return best;
}

/* A mix measured at other thread counts only is carried over by the nearest mix's own curve over threads. */
static double at_threads(const mix_query *q, const ir_ceiling *x)
{
    if (x->threads == q->threads) return ceiling_set_rate_of(q, x);
    double near = INFINITY, ratio = 1;
    for (size_t i = 0; i < q->c->n; i++) {
        const ir_ceiling *y = &q->c->v[i];
        if (!streams_at(y, q->level) || y->threads != q->threads || rank(y) > rank(x)) continue;
        const ir_ceiling *from = of_mix(q, x->threads, y->read_frac),
                         *to = of_mix(q, q->threads, y->read_frac);
        double d = fabs(y->read_frac - x->read_frac);
        if (!from || from->threads != x->threads || to->threads != q->threads || d >= near) continue;
        near = d;
        ratio = ceiling_set_rate_of(q, to) / ceiling_set_rate_of(q, from);
    }
    return ceiling_set_rate_of(q, x) * ratio;
}

static double interpolate(double f, double f0, double v0, double f1, double v1)
{
    if (f1 - f0 < 1e-6) return v0;
    double u = (f - f0) / (f1 - f0);
    return 1 / ((1 - u) / v0 + u / v1);
}

static double bw_at_level(const mix_query *q, double frac)
{
    const ir_ceiling *below = NULL, *above = NULL;
    for (size_t i = 0; i < q->c->n; i++) {
        const ir_ceiling *x = &q->c->v[i];
        if (!streams_at(x, q->level)) continue;
        if (x->read_frac <= frac + 1e-6 && (!below || x->read_frac > below->read_frac)) below = x;
        if (x->read_frac >= frac - 1e-6 && (!above || x->read_frac < above->read_frac)) above = x;
    }
    if (!below) below = above;
    if (!above) above = below;
    if (!below) return NAN;
    const ir_ceiling *lo = of_mix(q, q->threads, below->read_frac),
                     *hi = of_mix(q, q->threads, above->read_frac);
    return interpolate(frac, lo->read_frac, at_threads(q, lo), hi->read_frac, at_threads(q, hi));
}

static double bandwidth_of(const ir_ceilings *c, const char *level, int threads, double read_B,
                           double write_B, double now)
{
    double total = read_B + write_B;
    if (!(total > 0) || !isfinite(total) || !(read_B >= 0) || !(write_B >= 0)) return NAN;
    mix_query q = {c, level, threads > 0 ? threads : most_threads(c, IR_C_BANDWIDTH), now};
    double    bw = level && *level ? bw_at_level(&q, read_B / total) : NAN;
    q.level = ir_level_names[IR_DRAM];
    return isfinite(bw) ? bw : bw_at_level(&q, read_B / total);
}

double ir_bw_ceiling(const ir_ceilings *c, const char *level, int threads, double read_B, double write_B)
{
    return bandwidth_of(c, level, threads, read_B, write_B, 0);
}

/* ---- parts of a cost ------------------------------------------------------------------------- */
/* Bytes that live in one footprint, of all parts of the cost that do. wa_B: what regular stores read beside,
 * if it lives in DRAM. */
typedef struct {
    double read_B, write_B, wa_B, footprint_B;
    bool   cold;
} part;
enum { MOST_PARTS = IR_NPART + 2 }; /* each by itself, the whole's, and stores that pass the caches */
#define SERVED 1.1 /* reads this far above memory's own rate come from a cache in part, as in the ladder */

/* served: a cache is seen to serve the footprint at the moment, so that stores which pass it by go their own
 * way. */
static int parts_of(const ir_ceilings *c, const ir_cost *k, bool past, int threads, bool cold, bool served,
                    part out[MOST_PARTS])
{
    bool cached =
        served || strcmp(ir_level_of(c, k->footprint_B, threads, cold), ir_level_names[IR_DRAM]) != 0;
    int n = 1;
    out[0] = (part){.footprint_B = k->footprint_B, .cold = cold};
    for (int i = 0; i < IR_NPART; i++) {
        const ir_traffic *t = &k->part[i];
        int               at = 0;
        if (t->footprint_B > 0)
            for (at = 1; at < n && out[at].footprint_B != t->footprint_B;) at++;
        if (at == n) out[n++] = (part){.footprint_B = t->footprint_B};
        out[at].read_B += t->read_B;
        out[at].write_B += t->write_B;
        out[at].wa_B += past ? 0 : t->wa_B;
    }
    if (past && cached) {
        out[n++] = (part){.write_B = out[0].write_B, .footprint_B = k->footprint_B, .cold = true};
        out[0].write_B = 0;
    }
    return n;
}

/* The level that answers for a part: DRAM where its own was not measured. */
static const char *answering(const ir_ceilings *c, const part *p, int threads)
{
    const char *level = ir_level_of(c, p->footprint_B, threads, p->cold);
    for (size_t i = 0; i < c->n; i++)
        if (streams_at(&c->v[i], level)) return level;
    return ir_level_names[IR_DRAM];
}

/* The last cache that was found; -1: none was. */
static int last_cache(const ir_ceilings *c)
{
    int l = IR_DRAM - 1;
    while (l >= 0 && !(c->level_B[l] > 0)) l--;
    return l;
}

/* Share of a part's bytes that the last cache still serves beyond its capacity: all at the capacity, none
 * where the ladder shows DRAM's own rate, in between linear in the logarithm of the footprint. 0 where the
 * ladder does not say, or the cache was not measured. */
static double ceiling_set_served(const ir_ceilings *c, double footprint_B, bool cold, int l, int threads)
{
    if (l < 0) return 0;
    double instances = ir_level_instances(c, l, threads), held = c->level_B[l] * instances,
           none = c->level_B[IR_DRAM] * instances;
    if (cold || !(none > held) || !(footprint_B > held) || !(footprint_B < none)) return 0;
    return 1 - log(footprint_B / held) / log(none / held);
}

/* Bandwidth of a part in DRAM at the moment: its own bytes over the time that they and their write-allocates
 * take. */
static double dram_bw(const ir_ceilings *c, const part *p, double evaded, int threads, bool steady,
                      double dram_scale)
{
    double wa = p->wa_B * (1 - evaded), bytes = p->read_B + p->write_B;
    double bw = dram_scale * bandwidth_of(c, ir_level_names[IR_DRAM], threads, p->read_B + wa, p->write_B,
                                          steady ? dram_scale : 0);
    return wa > 0 ? bw * bytes / (bytes + wa) : bw;
}

/* Bandwidth of a part at its level. What reads of the same footprint get at the moment (steady) knows what a
 * cache serves of it. */
static double part_bw(const ir_ceilings *c, const part *p, double evaded, int threads, bool steady,
                      double dram_scale)
{
    const char *level = answering(c, p, threads);
    if (strcmp(level, ir_level_names[IR_DRAM]) != 0)
        return bandwidth_of(c, level, threads, p->read_B, p->write_B, 0);
    double bw = dram_bw(c, p, evaded, threads, steady, dram_scale);
    int    last = last_cache(c);
    double share = steady ? 0 : ceiling_set_served(c, p->footprint_B, p->cold, last, threads);
    if (!(share > 0)) return bw;
    double near = bandwidth_of(c, ir_level_names[last], threads, p->read_B, p->write_B, 0);
    return 1 / (share / fmax(near, bw) + (1 - share) / bw);
}

/* NAN: gathers were not measured at the level of this cost and thread count. */
static double gather_bw(const ir_ceilings *c, const ir_cost *k, int threads, bool cold)
{
    const ir_ceiling *x = ir_ceiling_find(c, IR_C_BANDWIDTH, ir_level_of(c, k->footprint_B, threads, cold),
                                          "gather", IR_NDTYPE, threads);
    return x && x->threads == threads ? x->value : NAN;
}

/* Without that ceiling, as on a device whose stores are of one kind, what regular stores cost is in the
 * ceilings themselves. A store of W bytes takes from W at the rate of stores alone (nothing is read) to 2 W
 * at that of half reads, half writes. */
double law_evaded(const ir_ceilings *c, int threads)
{
    const ir_ceiling *x =
        ir_ceiling_find(c, IR_C_BANDWIDTH, ir_level_names[IR_DRAM], LAW_STORE, IR_NDTYPE, threads);
    if (!x || !(x->value > 0)) return 1;
    double none = 2 / bandwidth_of(c, ir_level_names[IR_DRAM], x->threads, 1, 1, 0),
           all = 1 / bandwidth_of(c, ir_level_names[IR_DRAM], x->threads, 0, 1, 0);
    double evaded = (none - 1 / x->value) / (none - all);
    return none > all ? fmin(fmax(evaded, 0), 1) : 1;
}

/* Seconds of rows of no order, each so many bytes: their first lines at the ceiling of gathers, which counts
 * an element and its index a line; what follows of a row in order, as the rest of the cost. NAN: no such
 * ceiling. */
static double scattered_s(const ir_ceilings *c, const ir_cost *k, int threads, bool cold, double ordered_Bps)
{
    enum { LINE_B = 64, GATHER_B = 12 };
    const double lines = ir_cost_accesses(k, IR_RANDOM),
                 more_B = fmax(ir_cost_random_B(k) - LINE_B * lines, 0);
    return lines * GATHER_B / gather_bw(c, k, threads, cold) + more_B / ordered_Bps;
}

/* The rest of a cost with scattered rows. */
static ir_cost in_order(const ir_cost *k)
{
    ir_cost rest = *k;
    for (int i = 0; i < IR_NPART; i++)
        if (rest.part[i].access == IR_RANDOM) rest.part[i] = (ir_traffic){0};
    return rest;
}

/* Rows of no order beside parts in order: the times add up. */
static double mixed_bw(const ir_ceilings *c, const ir_cost *k, bool past, int threads, bool cold, bool steady,
                       double dram_scale)
{
    const ir_cost rest = in_order(k);
    const double  rest_B = ir_cost_B(&rest), bytes = ir_cost_B(k), rows_B = ir_cost_random_B(k);
    const double  rest_Bps = law_cost_bw(c, &rest, past, threads, cold, steady, dram_scale);
    const ir_cost rows = {.footprint_B = k->footprint_B, .part[IR_OF_ROWS].read_B = rows_B};
    const double  Bps = law_cost_bw(c, &rows, past, threads, cold, steady, dram_scale);
    const double  t = scattered_s(c, k, threads, cold, Bps);
    return isfinite(t) ? bytes / (t + (rest_B > 0 ? rest_B / rest_Bps : 0))
                       : bytes / (rows_B / Bps + (rest_B > 0 ? rest_B / rest_Bps : 0));
}

double law_cost_bw(const ir_ceilings *c, const ir_cost *k, bool past, int threads, bool cold, bool steady,
                   double dram_scale)
{
    if (ir_cost_random_B(k) > 0) return mixed_bw(c, k, past, threads, cold, steady, dram_scale);
    part   p[MOST_PARTS];
    double t = 0, bytes = ir_cost_B(k), bw = ir_cost_all_random(k) ? gather_bw(c, k, threads, cold) : NAN;
    if (isfinite(bw))
        return steady
                   ? bw
                   : bw *
                         dram_scale; /* what streams get at the moment hardly changes what random lines get */
    double evaded = ir_cost_wa_B(k) > 0 && !past ? law_evaded(c, threads) : 0;
    bool   served = steady && !cold && dram_scale > SERVED;
    int    n = parts_of(c, k, past, threads, cold, served, p), used = 0;
    for (int i = 0; i < n; i++) {
        double part_B = p[i].read_B + p[i].write_B;
        if (part_B == 0) continue;
        bw = part_bw(c, &p[i], evaded, threads, steady,
                     served && p[i].cold ? 1 : dram_scale); /* what a cache adds to reads is not theirs */
        t += part_B / bw;
        used++;
    }
    return used > 1 ? bytes / t : bw; /* of one part, its rate to the digit */
}

/* Seconds of a part at its ceilings, and those of them that a cache takes. */
static double part_s(const ir_ceilings *c, const part *p, double evaded, int threads, double *cached_s)
{
    const char *level = answering(c, p, threads);
    double      bytes = p->read_B + p->write_B;
    int         last = last_cache(c);
    *cached_s = 0;
    if (strcmp(level, ir_level_names[IR_DRAM]) != 0)
        return *cached_s = bytes / bandwidth_of(c, level, threads, p->read_B, p->write_B, 0);
    double share = ceiling_set_served(c, p->footprint_B, p->cold, last, threads),
           bw = dram_bw(c, p, evaded, threads, false, 1);
    if (share > 0)
        *cached_s = share * bytes /
                    fmax(bandwidth_of(c, ir_level_names[last], threads, p->read_B, p->write_B, 0), bw);
    return *cached_s + (1 - share) * bytes / bw;
}

double law_cached(const ir_ceilings *c, const ir_cost *k, bool past, int threads, bool cold)
{
    part   p[MOST_PARTS];
    double all_s = 0, cached_s = 0, evaded = ir_cost_wa_B(k) > 0 && !past ? law_evaded(c, threads) : 0;
    int    n = parts_of(c, k, past, threads, cold, false, p);
    for (int i = 0; i < n; i++) {
        double cached;
        if (!(p[i].read_B + p[i].write_B > 0)) continue;
        all_s += part_s(c, &p[i], evaded, threads, &cached);
        cached_s += cached;
    }
    return all_s > 0 ? cached_s / all_s : 0;
}

double law_nearer(const ir_ceilings *c, int threads)
{
    int    last = last_cache(c);
    double r = last < 0 ? NAN
                        : bandwidth_of(c, ir_level_names[last], threads, 1, 0, 0) /
                              bandwidth_of(c, ir_level_names[IR_DRAM], threads, 1, 0, 0);
    return isfinite(r) ? fmax(r, 1) : 1;
}

double ir_cost_bw(const ir_ceilings *c, const ir_cost *k, int threads, bool cold, bool steady,
                  double dram_scale)
{
    return law_cost_bw(c, k, false, threads, cold, steady, dram_scale);
}

/* guard.c -- numbers that cannot be: rates above what was measured, what clock and ports allow, what the
 * datasheet says, or what latency and concurrency can carry. Marks and names a likely cause; removes nothing.
 *
 * A point is held only against ceilings of its own level, dtype and thread count: a fallback is an estimate,
 * and exceeding an estimate proves nothing. */
#include "harness/law/law_internal.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define LIMIT       (1 + LAW_TOL)
#define CLOCK_SPAN  1.35 /* boost over base clock: an excess within it needs no stranger cause */
#define NOISY_LIMIT 1.5  /* a row whose memory moved is held to no better than that */
#define EDGE_LIMIT  1.25
#define MIX_SPAN    0.25 /* mixes of reads and writes this close may stand in for each other */

static void suspect(uint32_t *flags, char *why, const char *fmt, ...)
{
    va_list ap;
    if (*flags & IR_FLAG_SUSPECT) return; /* the first cause found is the most direct one */
    *flags |= IR_FLAG_SUSPECT;
    va_start(ap, fmt);
    vsnprintf(why, IR_WHY, fmt, ap);
    va_end(ap);
}

/* A guard is no finer than what it compares with: a ceiling may as well be as high as its interval reaches.
 */
static double known_to(const ir_ceiling *x) { return isfinite(x->hi) ? fmax(x->value, x->hi) : x->value; }

/* ---- points ---------------------------------------------------------------------------------- */
/* Measured while the memory gave reads less than their own ceiling, a DRAM rate bounds nothing: what it would
 * be beside that ceiling. */
static double most_of(const ir_ceilings *c, const ir_ceiling *x)
{
    return known_to(x) * fmax(1, law_read_moment(c, x));
}

/* The most that the level gave any stream like this one: its own operation where that was measured, else
 * every mix near its own. Mixes on both sides count, because reads and writes may overlap on their way. NAN:
 * nothing to compare. */
static double bandwidth_bound(const ir_point *p, const ir_ceilings *c, const char *level)
{
    double frac = ir_cost_read_B(&p->m.cost) / ir_cost_B(&p->m.cost), own = NAN, near = NAN;
    bool   below = false, above = false;
    for (size_t i = 0; i < c->n; i++) {
        const ir_ceiling *x = &c->v[i];
        if (x->what != IR_C_BANDWIDTH || strcmp(x->level, level) || x->threads != p->id.p.threads ||
            !(x->value > 0))
            continue;
        if (!strcmp(x->op, p->id.workload)) own = fmax(own, most_of(c, x));
        double d = x->read_frac - frac; /* NAN for random access: fails every test below */
        if (!(fabs(d) <= MIX_SPAN)) continue;
        near = fmax(near, most_of(c, x));
        below = below || d <= 1e-3;
        above = above || d >= -1e-3;
    }
    if (isfinite(own)) return own;
    return below && above ? near : NAN;
}

static int guard_level_index(const char *level)
{
    for (int l = 0; l < IR_NLEVEL; l++)
        if (!strcmp(level, ir_level_names[l])) return l;
    return -1;
}

/* The outermost level within `level` that gave as much; NULL: none did. */
static const char *explaining_cache(const ir_point *p, const ir_ceilings *c, const char *level, double rate)
{
    for (int l = guard_level_index(level) - 1; l >= 0; l--)
        for (size_t i = 0; i < c->n; i++)
            if (c->v[i].what == IR_C_BANDWIDTH && !strcmp(c->v[i].level, ir_level_names[l]) &&
                c->v[i].threads == p->id.p.threads && rate <= LIMIT * known_to(&c->v[i]))
                return ir_level_names[l];
    return NULL;
}

static bool clock_explains(const ir_point *p, const ir_ceilings *c, double excess)
{
    const ir_ceiling *x = ir_ceiling_find(c, IR_C_CLOCK, NULL, NULL, IR_NDTYPE, p->id.p.threads);
    if (x && p->m.clock_Hz > 0) return excess <= LIMIT * p->m.clock_Hz / x->value;
    return excess <= CLOCK_SPAN;
}

static void guard_bandwidth(ir_point *p, const ir_ceilings *c, double T)
{
    const char *level = ir_level_of(c, p->m.cost.footprint_B, p->id.p.threads, p->id.cold);
    /* Of a network what must come from there: its weights and cache. */
    double rate = (ir_cost_B(&p->m.cost) - ir_cost_apart_B(&p->m.cost)) / T,
           bound = bandwidth_bound(p, c, level), excess = rate / bound;
    if (p->m.bw_now > 1 && !strcmp(level, "DRAM"))
        excess /= p->m.bw_now; /* the memory gave more than for the ceiling */
    if (!(excess > LIMIT)) return;
    const char *cache = explaining_cache(p, c, level, rate);
    /* The ladder tells a tenth from nothing: a rung further, a cache may still serve as little as that. */
    double still_B = cache ? c->level_B[IR_DRAM] *
                                 ir_level_instances(c, guard_level_index(cache), p->id.p.threads) *
                                 (excess < EDGE_LIMIT ? 2 : 1)
                           : NAN;
    bool   dram = !strcmp(level, "DRAM");
    if (dram && p->flags & IR_FLAG_NOISY && excess < NOISY_LIMIT) { /* memory moved meanwhile, by as much */
        if (cache) p->flags |= IR_FLAG_CACHE_RESIDENT;              /* which of both it was cannot be told */
        return;
    }
    /* Of the lines it asks for some were there already; or nothing is strange, and neither level's ceiling is
     * its own. */
    if (cache && dram &&
        (ir_cost_all_random(&p->m.cost) || (p->m.cost.footprint_B <= still_B && !p->id.cold))) {
        p->flags |= IR_FLAG_CACHE_RESIDENT;
    } else if (cache && !dram) { /* nor here: a cache nearer to the threads still serves a part */
        return;
    } else if (cache) { /* DRAM does not follow the core's clock */
        p->flags |= IR_FLAG_CACHE_RESIDENT;
        suspect(&p->flags, p->reason, "%.3g x the %s ceiling: cache-resident (%s gives as much)", excess,
                level, cache);
    } else if (clock_explains(p, c, excess)) {
        suspect(&p->flags, p->reason,
                "%.3g x the %s ceiling: clock (it ran faster than when the ceiling was measured)", excess,
                level);
    } else if (ir_cost_write_B(&p->m.cost) > ir_cost_read_B(&p->m.cost)) {
        suspect(&p->flags, p->reason,
                "%.3g x the %s ceiling: compressible data, or stores that were never made", excess, level);
    } else {
        suspect(&p->flags, p->reason,
                "%.3g x the %s ceiling: dead code (loads removed), or compressible data", excess, level);
    }
}

static void guard_flops(ir_point *p, const ir_ceilings *c, double T)
{
    const ir_ceiling *x = ir_ceiling_find(c, IR_C_FLOPS, NULL, NULL, p->id.p.dtype, p->id.p.threads);
    if (!x || x->threads != p->id.p.threads) return;
    double excess = (p->m.cost.flops - p->m.cost.spare_flops) / T / known_to(x);
    if (!(excess > LIMIT)) return;
    if (clock_explains(p, c, excess))
        suspect(&p->flags, p->reason,
                "%.3g x the %s peak: clock (it ran faster than when the peak was measured)", excess,
                ir_dtype_name(p->id.p.dtype));
    else
        suspect(&p->flags, p->reason,
                "%.3g x the %s peak: dead code, or operations counted that were not done", excess,
                ir_dtype_name(p->id.p.dtype));
}

bool ir_guard_point(ir_point *p, const ir_ceilings *c)
{
    double T = ir_point_time(p);
    if (!(T > 0)) return false; /* its reason tells of a skip or failure */
    p->reason[0] = '\0';        /* of an earlier guard */
    p->flags &= ~(uint32_t)(IR_FLAG_SUSPECT | IR_FLAG_CACHE_RESIDENT);
    if (p->m.cost.flops > 0) guard_flops(p, c, T);
    if (ir_cost_B(&p->m.cost) > 0) guard_bandwidth(p, c, T);
    return p->flags & IR_FLAG_SUSPECT;
}

/* ---- ceilings -------------------------------------------------------------------------------- */
/* By how much peaks together exceed what the clock's reading allows: a reading that lagged, or was taken
 * before a boost, makes all of them look alike too fast. The median over a thread count's peaks, from 1 to
 * CLOCK_SPAN. */
static double clock_was_low(const ir_ceilings *c, int threads)
{
    double v[64];
    size_t n = 0;
    for (size_t i = 0; i < c->n && n < 64; i++) {
        const ir_ceiling *x = &c->v[i];
        double            r = x->value / x->theory;
        if (x->what != IR_C_FLOPS || x->source != IR_SRC_MEASURED || x->threads != threads || !isfinite(r))
            continue;
        size_t k = n++;
        for (; k > 0 && v[k - 1] > r; k--) v[k] = v[k - 1];
        v[k] = r;
    }
    if (n < 3) return 1; /* too few to tell the clock from a count */
    return fmin(fmax(v[(n - 1) / 2], 1), CLOCK_SPAN);
}

static void guard_theory(ir_ceiling *x, double low)
{
    double excess = x->value / x->theory / low;
    if (!(excess > LIMIT)) return;
    if (excess <= CLOCK_SPAN)
        suspect(&x->flags, x->why,
                "%.3g x clock x width x ports: clock (a boost that the clock reading missed)", excess);
    else
        suspect(&x->flags, x->why, "%.3g x clock x width x ports: dead code, or a wrong count", excess);
}

static void guard_datasheet(ir_ceiling *x, const ir_ceilings *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const ir_ceiling *d = &c->v[i];
        if (d->source != IR_SRC_DATASHEET || d->what != x->what || d->dtype != x->dtype ||
            strcmp(d->level, x->level))
            continue;
        if (x->value > LIMIT * d->value)
            suspect(&x->flags, x->why, "%.3g x the datasheet's: %s", x->value / d->value,
                    x->what == IR_C_BANDWIDTH ? "compressible data or cache-resident"
                                              : "clock, or a wrong count");
    }
}

/* A level cannot read faster, nor answer sooner, than one nearer to the core, through which its lines come.
 * Writes may: non-temporal stores pass the caches by. */
static void guard_order(ir_ceiling *x, const ir_ceilings *c)
{
    int outer = guard_level_index(x->level);
    for (size_t i = 0; i < c->n; i++) {
        const ir_ceiling *y = &c->v[i];
        int               inner = guard_level_index(y->level);
        if (inner < 0 || inner >= outer || y->what != x->what || y->threads != x->threads ||
            strcmp(y->op, x->op))
            continue;
        if (x->what == IR_C_BANDWIDTH && x->read_frac > 0.999 && x->value > LIMIT * known_to(y))
            suspect(&x->flags, x->why,
                    "%.3g x the read ceiling of %s: cache-resident, or %s was measured too low",
                    x->value / y->value, y->level, y->level);
        if (x->what == IR_C_LATENCY && strcmp(x->op, "mlp") && !strcmp(y->kernel, x->kernel) &&
            LIMIT * x->value < y->value)
            suspect(&x->flags, x->why, "answers sooner than %s: cache-resident", y->level);
    }
}

/* Little's law: bytes in flight / latency. What the chase measures is the concurrency of demand misses of one
 * core; streams have more lines in flight, as many as prefetchers keep, which nothing here measures. So it
 * bounds nothing: what it says is a remark. A concurrency that still rose with the chains says nothing. */
static double little_Bps(const ir_ceilings *c)
{
    const ir_ceiling *mlp = ir_ceiling_find(c, IR_C_LATENCY, "DRAM", "mlp", IR_NDTYPE, 1);
    const ir_ceiling *lat = ir_ceiling_find(c, IR_C_LATENCY, "DRAM", "chase", IR_NDTYPE, 1);
    if (!mlp || !lat) return NAN;
    for (int i = 0; i < mlp->nsat; i++)
        if (mlp->sat[i].known && mlp->sat[i].gain > 0.25) return NAN;
    return mlp->value * 64 / lat->value;
}

static void remark_little(ir_ceiling *x, double one_core_Bps)
{
    double bound = one_core_Bps * (x->threads > 1 ? x->threads : 1);
    if (x->threads == 0 || x->flags & IR_FLAG_SUSPECT)
        return; /* a device: the chase kept to one of its processors */
    if (x->what != IR_C_BANDWIDTH || strcmp(x->level, "DRAM") || !(x->read_frac > 0.999)) return;
    if (x->value > LIMIT * bound)
        snprintf(x->why, sizeof x->why, "streams keep %.3g x the lines of demand misses in flight",
                 x->value / bound);
}

void ir_guard_ceilings(ir_ceilings *c)
{
    double little = little_Bps(c);
    for (size_t i = 0; i < c->n; i++) {
        ir_ceiling *x = &c->v[i];
        x->flags &=
            ~(uint32_t)IR_FLAG_SUSPECT; /* of the point it came from, judged when few ceilings were known */
        x->why[0] = '\0';
        if (x->source != IR_SRC_MEASURED) continue;
        guard_theory(x, x->what == IR_C_FLOPS ? clock_was_low(c, x->threads) : 1);
        guard_datasheet(x, c);
        guard_order(x, c);
        remark_little(x, little);
    }
}

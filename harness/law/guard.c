/* guard.c -- numbers that cannot be: rates above what was measured, what clock and ports allow, what the
 * datasheet says, or what latency and concurrency can carry. Marks and names a likely cause; removes nothing.
 *
 * A point is held only against ceilings of its own level, dtype and thread count: a fallback is an estimate,
 * and exceeding an estimate proves nothing. */
#include "harness/law/law_internal.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define LIMIT      (1 + LAW_TOL)
#define CLOCK_SPAN 1.35 /* boost over base clock: an excess within it needs no stranger cause */
#define MIX_SPAN   0.25 /* mixes of reads and writes this close may stand in for each other */

static void suspect(uint32_t *flags, char *why, const char *fmt, ...)
{
    va_list ap;
    if (*flags & IR_FLAG_SUSPECT) return; /* the first cause found is the most direct one */
    *flags |= IR_FLAG_SUSPECT;
    va_start(ap, fmt);
    vsnprintf(why, IR_WHY, fmt, ap);
    va_end(ap);
}

/* ---- points ---------------------------------------------------------------------------------- */
/* Measured while the memory gave reads less than their own ceiling, a DRAM rate bounds nothing: what it would
 * be beside that ceiling. */
static double most_of(const ir_ceilings *c, const ir_ceiling *x)
{
    return x->value * fmax(1, law_read_moment(c, x));
}

/* The most that the level gave any stream like this one: its own operation where that was measured, else
 * every mix near its own. Mixes on both sides count, because reads and writes may overlap on their way. NAN:
 * nothing to compare. */
static double bandwidth_bound(const ir_point *p, const ir_ceilings *c, const char *level)
{
    double frac = p->m.cost.read_B / (p->m.cost.read_B + p->m.cost.write_B), own = NAN, near = NAN;
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

static const char *const level_name[] = {"L1", "L2", "L3", "DRAM"};

static int level_index(const char *level)
{
    for (int l = 0; l < 4; l++)
        if (!strcmp(level, level_name[l])) return l;
    return -1;
}

/* The outermost level within `level` that gave as much; NULL: none did. */
static const char *explaining_cache(const ir_point *p, const ir_ceilings *c, const char *level, double rate)
{
    for (int l = level_index(level) - 1; l >= 0; l--)
        for (size_t i = 0; i < c->n; i++)
            if (c->v[i].what == IR_C_BANDWIDTH && !strcmp(c->v[i].level, level_name[l]) &&
                c->v[i].threads == p->id.p.threads && rate <= LIMIT * c->v[i].value)
                return level_name[l];
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
    double near = p->m.cost.near_footprint_B > 0 ? p->m.cost.by_B[IR_BY_IN] + p->m.cost.by_B[IR_BY_OUT] : 0;
    double rate = (p->m.cost.read_B + p->m.cost.write_B - near) / T, bound = bandwidth_bound(p, c, level),
           excess = rate / bound;
    if (p->m.bw_now > 1 && !strcmp(level, "DRAM"))
        excess /= p->m.bw_now; /* the memory gave more than for the ceiling */
    if (!(excess > LIMIT)) return;
    const char *cache = explaining_cache(p, c, level, rate);
    bool        dram = !strcmp(level, "DRAM");
    if (cache && dram && p->m.cost.footprint_B <= c->level_B[3] &&
        !p->id.cold) { /* nothing strange: neither level's ceiling is its own */
        p->flags |= IR_FLAG_CACHE_RESIDENT;
    } else if (cache && (dram || !clock_explains(p, c, excess))) { /* DRAM does not follow the core's clock */
        if (dram) p->flags |= IR_FLAG_CACHE_RESIDENT;
        suspect(&p->flags, p->reason, "%.3g x the %s ceiling: cache-resident (%s gives as much)", excess,
                level, cache);
    } else if (clock_explains(p, c, excess)) {
        suspect(&p->flags, p->reason,
                "%.3g x the %s ceiling: clock (it ran faster than when the ceiling was measured)", excess,
                level);
    } else if (p->m.cost.write_B > p->m.cost.read_B) {
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
    double excess = (p->m.cost.flops - p->m.cost.spare_flops) / T / x->value;
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
    if (!(T > 0)) return false; /* why then tells of a skip or failure */
    if (p->flags & IR_FLAG_SUSPECT)
        p->reason[0] = '\0'; /* of an earlier guard; else it says which kernel a layer runs on */
    p->flags &= ~(uint32_t)(IR_FLAG_SUSPECT | IR_FLAG_CACHE_RESIDENT);
    if (p->m.cost.flops > 0) guard_flops(p, c, T);
    if (p->m.cost.read_B + p->m.cost.write_B > 0) guard_bandwidth(p, c, T);
    return p->flags & IR_FLAG_SUSPECT;
}

/* ---- ceilings -------------------------------------------------------------------------------- */
static void guard_theory(ir_ceiling *x)
{
    double excess = x->value / x->theory;
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
    int outer = level_index(x->level);
    for (size_t i = 0; i < c->n; i++) {
        const ir_ceiling *y = &c->v[i];
        int               inner = level_index(y->level);
        if (inner < 0 || inner >= outer || y->what != x->what || y->threads != x->threads ||
            strcmp(y->op, x->op))
            continue;
        if (x->what == IR_C_BANDWIDTH && x->read_frac > 0.999 && x->value > LIMIT * y->value)
            suspect(&x->flags, x->why,
                    "%.3g x the read ceiling of %s: cache-resident, or %s was measured too low",
                    x->value / y->value, y->level, y->level);
        if (x->what == IR_C_LATENCY && strcmp(x->op, "mlp") && !strcmp(y->kernel, x->kernel) &&
            LIMIT * x->value < y->value)
            suspect(&x->flags, x->why, "answers sooner than %s: cache-resident", y->level);
    }
}

/* Little's law: bytes in flight / latency bounds a rate. What the chase measures is the concurrency of demand
 * misses of one core (its line fill buffers). Streams may exceed it, because hardware prefetchers keep lines
 * of their own in flight between the outer levels: queues there hold two to four times as many lines as a
 * core has fill buffers. So only more than PREFETCH times the demand bound is impossible; and a concurrency
 * that was still rising with the chains is no bound. */
#define PREFETCH 4
static double little_Bps(const ir_ceilings *c)
{
    const ir_ceiling *mlp = ir_ceiling_find(c, IR_C_LATENCY, "DRAM", "mlp", IR_NDTYPE, 1);
    const ir_ceiling *lat = ir_ceiling_find(c, IR_C_LATENCY, "DRAM", "chase", IR_NDTYPE, 1);
    if (!mlp || !lat) return NAN;
    for (int i = 0; i < mlp->nsat; i++)
        if (mlp->sat[i].known && mlp->sat[i].gain > 0.25) return NAN;
    return PREFETCH * mlp->value * 64 / lat->value;
}

static void guard_little(ir_ceiling *x, double one_core_Bps)
{
    double bound = one_core_Bps * (x->threads > 1 ? x->threads : 1);
    if (x->threads == 0) return; /* a device: the chase kept to one of its processors */
    if (x->what != IR_C_BANDWIDTH || strcmp(x->level, "DRAM") || !(x->read_frac > 0.999)) return;
    if (x->value > LIMIT * bound)
        suspect(
            &x->flags, x->why,
            "%.3g x what %d x the lines in flight can carry at this latency: cache-resident, or dead code",
            x->value / bound, PREFETCH);
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
        guard_theory(x);
        guard_datasheet(x, c);
        guard_little(x, little);
        guard_order(x, c);
    }
}

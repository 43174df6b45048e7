/* ceilings.c -- measures what a device can do at most, level by level, and says how sure that is.
 *
 * Levels are found in the ladder (read bandwidth over working sets), not believed from the OS: the OS's
 * cache sizes only name the plateaus. Every ceiling is the best kernel's median and carries saturation
 * checks: what the last doubling of threads, streams, chains or working set gained.
 *
 * A device without host threads (info.threads = 0) is measured whole: one entry, threads = 0, and cache sizes
 * of all its cores together. Where it is a processor of the host (info.numa_nodes > 0) the host's caches name
 * its levels; else its last-level cache is its "L2". */
#include "bench/ceilings/ceilings.h"
#include "bench/ceilings/stages.h"
#include "kernels/workloads/table.h"
#include "harness/stats/stats.h"

#include <math.h>
#include <string.h>

enum { MAX_SIZES = 96 };
static const char *const stream_ops[] = {"read", "write", "copy", "scale", "add", "triad"};
enum { NOP = sizeof stream_ops / sizeof *stream_ops };

static void thread_list(ceiling_plan *pl)
{
    int all = pl->s->info.threads;
    for (int t = 1; t < all && pl->nthread < MAX_THREADS - 1; t *= 2) pl->threads[pl->nthread++] = t;
    pl->threads[pl->nthread++] = all > 0 ? all : 0;
}

/* ---- one ceiling from points ----------------------------------------------------------------- */

/* ---- levels ---------------------------------------------------------------------------------- */
/* A cache beyond the processor's own that no working set outgrows in time (high-bandwidth memory in front of
 * the other) is the memory that programs meet. */
static bool is_level(const ceiling_plan *pl, const ir_cache *c)
{
    const bool own = c->level <= 1 + IR_L3, outgrown = !(16 * c->size_B > ceiling_room_B(pl));
    return c->level >= 1 && c->level <= IR_DRAM && (own || outgrown);
}

static double os_cache_B(const ceiling_plan *pl, int level)
{
    if (pl->own) return level == 2 ? pl->s->info.llc_B : NAN;
    for (int i = 0; i < pl->s->topo.ncache; i++)
        if (pl->s->topo.cache[i].level == level && is_level(pl, &pl->s->topo.cache[i]))
            return pl->s->topo.cache[i].size_B * (level < 3 ? pl->share : 1);
    return NAN;
}

static double ladder_max_B(const ceiling_plan *pl)
{
    /* faster memory: more of it, or the launch shows */
    double llc = pl->own      ? 4 * pl->s->info.llc_B
                 : pl->device ? ir_topology_llc_B(&pl->s->topo)
                              : pl->llc_B; /* one thread's reach */
    double room = ceiling_room_B(pl) / 4;
    double want = fmax((pl->own ? 1024.0 : pl->s->full ? 256.0 : 128.0) * (1 << 20), 4 * llc);
    return isfinite(room) ? fmin(want, room) : want;
}

/* One rung: what one thread, or the device, reads of a working set. NAN: nothing ran. */
static ir_status rung(ceiling_plan *pl, double bytes, double *rate)
{
    const ir_workload *w = ir_workload_named("read");
    ir_params          p = w->defaults;
    ir_point           best;
    p.threads = pl->s->info.threads ? 1 : 0;
    ceiling_set(w, &p, "bytes", floor(bytes / 64) * 64);
    ir_status s = ceiling_best(pl, w, &p, false, &best);
    *rate = s == IR_OK && best.status == IR_OK ? ceiling_rate(pl, &best) : NAN;
    return s;
}

static ir_status ceilings_ladder(ceiling_plan *pl, double *x, double *y, size_t *n)
{
    double step = ceiling_ladder_step(pl), top = ladder_max_B(pl);
    for (double b = CEILING_LADDER_B; b <= top * 1.001 && *n < MAX_SIZES; b *= step) {
        double    rate;
        ir_status s = rung(pl, b, &rate);
        if (s != IR_OK) return s;
        if (!(rate > 0)) continue;
        x[*n] = floor(b / 64) * 64;
        y[(*n)++] = rate;
    }
    return IR_OK;
}

/* Between the last rung that keeps a rate and the next lies an end: halved in ratio until it is known to a
 * few per cent. */
static ir_status refine_end(ceiling_plan *pl, double least_Bps, double inside_B, double beyond_B,
                            double *end_B)
{
    enum { STEPS = 4 };
    ir_status s = IR_OK;
    for (int i = 0; i < STEPS && s == IR_OK && beyond_B > 1.05 * inside_B; i++) {
        double mid = floor(sqrt(inside_B * beyond_B) / 64) * 64, rate;
        s = rung(pl, mid, &rate);
        if (rate >= least_Bps)
            inside_B = mid;
        else
            beyond_B = mid;
    }
    *end_B = inside_B;
    return s;
}

/* How many of our threads, one a core, share an instance of each cache, as the system has it. */
static void sharing_from_os(ceiling_plan *pl)
{
    const ir_topology *t = &pl->s->topo;
    double             smt = t->ncore > 0 && t->npu > t->ncore ? (double)t->npu / t->ncore : 1;
    for (int i = 0; i < t->ncache && !pl->device; i++) {
        int l = t->cache[i].level - 1;
        if (!is_level(pl, &t->cache[i])) continue;
        if (t->cache[i].shared_by > 0)
            pl->s->ceilings.level_threads[l] = fmax(1, round(t->cache[i].shared_by / smt));
        if (t->cache[i].size_B > 0) {
            pl->llc_B = t->cache[i].size_B;
            pl->llc = l;
        }
    }
}

/* Which level a plateau is: the first whose OS-reported size is not far below the plateau's end. */
static int level_of_plateau(const ceiling_plan *pl, const ir_plateau *p, double top)
{
    if (p->x_hi >= 0.99 * top) return IR_DRAM;
    for (int l = 0; l < IR_DRAM; l++)
        if (p->x_hi <= 1.5 * os_cache_B(pl, l + 1)) return l;
    return pl->llc;
}

static void levels_from_os(ceiling_plan *pl)
{
    double below = 2048;
    for (int l = 0; l < IR_DRAM; l++) {
        double c = os_cache_B(pl, l + 1);
        pl->s->ceilings.level_B[l] = c;
        if (!isfinite(c)) continue;
        pl->size_B[l] = l == 0 || pl->own ? c / 2 : fmin(c / 2, fmax(sqrt(below * c), 2 * below));
        below = c;
    }
}

/* A larger working set that goes as fast shows what the smaller one's level can do: capacity ends where no
 * larger one keeps the rate. (Zen 5 reads half of its L2 at 64 B a cycle and a quarter of it at 48.) */
static void envelope(const double *y, size_t n, double *top)
{
    for (size_t i = n; i-- > 0;) top[i] = i + 1 < n ? fmax(y[i], top[i + 1]) : y[i];
}

/* The working set a level's ceilings are measured at: the ladder's fastest inside the level. The middle of a
 * level that cores share, whose small end lies partly in their private caches. */
static double size_within(const ceiling_plan *pl, int level, const ir_plateau *p, double end_B,
                          const double *x, const double *y)
{
    if (pl->own) return 0.7 * end_B; /* a device's small working sets measure its launches */
    if (level >= IR_L3 && !pl->device) return sqrt(p->x_lo * p->x_hi);
    size_t best = p->first;
    for (size_t i = p->first; i <= p->last; i++)
        if (y[i] > y[best]) best = i;
    return x[best];
}

/* Beyond the last level's capacity a cache still serves a part, which the ladder shows as well: as far as a
 * working set is clearly faster than the largest. */
static ir_status partly_cached(ceiling_plan *pl, const double *x, const double *y, size_t n, double *end_B)
{
    *end_B = NAN;
    for (size_t i = n - 1; i-- > 0;)
        if (y[i] > 1.1 * y[n - 1]) return refine_end(pl, 1.1 * y[n - 1], x[i], x[i + 1], end_B);
    return IR_OK;
}

/* The rungs beyond the last cache, looked at again, and the best of all visits kept: memory that gave less
 * for a second (a neighbour, another state) would pass for a level that ends there. What a rung gave more
 * than every larger one counts only where its worst visit did. */
static ir_status look_again(ceiling_plan *pl, const double *x, double *y, size_t n, size_t from)
{
    enum { VISITS = 2 };
    double    least[MAX_SIZES], beyond = 0;
    ir_status s = IR_OK;
    for (size_t i = from; i < n; i++) least[i] = y[i];
    for (int v = 0; v < VISITS; v++)
        for (size_t i = from; i < n && s == IR_OK; i++) {
            double rate;
            s = rung(pl, x[i], &rate);
            if (rate > y[i]) y[i] = rate;
            if (rate < least[i]) least[i] = rate;
        }
    for (size_t i = n; i-- > from;) {
        if (least[i] <= beyond) y[i] = fmin(y[i], beyond);
        beyond = fmax(beyond, y[i]);
    }
    return s;
}

/* Plateaus of the ladder's envelope. */
static size_t ladder_plateaus(const double *x, const double *y, size_t n, ir_plateau *pt, size_t most)
{
    double top[MAX_SIZES];
    envelope(y, n, top);
    return ir_plateaus(x, top, n, 0.10, pt, most);
}

static ir_status find_levels(ceiling_plan *pl)
{
    enum { MOST = 8 };
    double     x[MAX_SIZES], y[MAX_SIZES];
    size_t     n = 0;
    ir_plateau pt[MOST];
    sharing_from_os(pl);
    levels_from_os(pl);
    pl->size_B[IR_DRAM] = ladder_max_B(pl);
    ir_status s = pl->own ? ceilings_launches(pl) : IR_OK;
    if (s == IR_OK) s = ceilings_ladder(pl, x, y, &n);
    if (s != IR_OK || n == 0) return s;
    size_t np = ladder_plateaus(x, y, n, pt, MOST);
    if (np > 1 && !pl->device) s = look_again(pl, x, y, n, pt[np - 1].first);
    if (s == IR_OK) s = partly_cached(pl, x, y, n, &pl->s->ceilings.level_B[IR_DRAM]);
    if (s != IR_OK) return s;
    np = ladder_plateaus(x, y, n, pt, MOST);
    for (size_t i = 0; i < np; i++) {
        int l = level_of_plateau(pl, &pt[i], x[n - 1]);
        if (l == IR_DRAM) continue;
        double end = pt[i].x_hi;
        if (pt[i].last + 1 < n) s = refine_end(pl, 0.9 * pt[i].y, end, x[pt[i].last + 1], &end);
        if (s != IR_OK) return s;
        pl->s->ceilings.level_B[l] = end;
        pl->size_B[l] = size_within(pl, l, &pt[i], end, x, y);
    }
    return IR_OK;
}

/* ---- bandwidth ------------------------------------------------------------------------------- */

static ir_status bandwidth_one(ceiling_plan *pl, int level, const ir_workload *w, int threads, double bytes,
                               ir_ceiling *out)
{
    ir_point  best;
    ir_params p = w->defaults;
    bool      nt = level >= IR_L3 || pl->s->full;
    p.threads = threads;
    ceiling_set(w, &p, "bytes", bytes);
    ir_status s = ceiling_best(pl, w, &p, nt, &best);
    if (s != IR_OK) return s;
    out->value = NAN;
    if (best.status != IR_OK) return IR_OK;
    *out = ceiling_from(pl, IR_C_BANDWIDTH, ir_level_names[level], &best, ceiling_rate(pl, &best));
    out->dtype = p.dtype;
    out->size_B = bytes;
    out->read_frac = ir_cost_read_B(&best.m.cost) / ir_cost_B(&best.m.cost);
    return IR_OK;
}

/* More independent streams, and twice the working set: neither may raise a DRAM ceiling. */
static ir_status saturate(ceiling_plan *pl, const ir_workload *w, ir_ceiling *c)
{
    static const int64_t streams[] = {1, 2, 4, 8};
    enum { N = sizeof streams / sizeof *streams };
    double    r[N];
    ir_point  best;
    ir_params p = w->defaults;
    p.threads = c->threads;
    ceiling_set(w, &p, "bytes", c->size_B);
    ir_status s = ceiling_axis(pl, w, p, "streams", streams, N, ceiling_rate, r, &best);
    if (s != IR_OK || best.status != IR_OK) return s;
    ceiling_saturation_axis(c, "streams", streams, r, N);
    ceiling_raise(pl, c, &best);
    ir_ceiling twice;
    if (2 * c->size_B > ceiling_room_B(pl) / 3) return IR_OK;
    s = bandwidth_one(pl, IR_DRAM, w, c->threads, 2 * c->size_B, &twice);
    if (s == IR_OK && isfinite(twice.value))
        ceiling_saturation(c, "bytes", c->size_B, twice.size_B, twice.value / c->value - 1);
    return s;
}

/* What regular stores reach where the best ones are of another kind: a ceiling of its own, which says how
 * much of their reads the machine spares. They were just measured. */
static ir_status regular_stores(ceiling_plan *pl, const ir_workload *w, const ir_ceiling *best)
{
    const ir_point *q = NULL;
    int             at = ir_workload_param(w, "bytes");
    for (size_t i = 0; i < pl->s->npoint; i++) {
        const ir_point *p = &pl->s->point[i];
        if (p->status != IR_OK || strcmp(p->id.workload, w->name) || p->id.kflags & (IR_K_NT | IR_K_NAIVE) ||
            p->id.p.threads != best->threads || p->id.p.v[at] != (int64_t)best->size_B)
            continue;
        if (!q || ir_point_time(p) < ir_point_time(q)) q = p;
    }
    if (!q) return IR_OK;
    ir_ceiling c = ceiling_from(pl, IR_C_BANDWIDTH, best->level, q, ceiling_rate(pl, q));
    snprintf(c.op, sizeof c.op, "store");
    c.dtype = best->dtype;
    c.size_B = best->size_B;
    return ceiling_add(pl, &c);
}

/* Each op at 1 and at all threads; the thread counts between only for DRAM reads, the saturation curve. */
static ir_status bandwidth_threads(ceiling_plan *pl, int level, const ir_workload *w)
{
    double prev = NAN;
    int    prev_threads = 0;
    bool   read = !strcmp(w->name, "read"), curve = level == IR_DRAM && (pl->s->full || read);
    for (int i = 0; i < pl->nthread; i++) {
        bool last = i == pl->nthread - 1;
        if (i > 0 && !last && !curve) continue;
        int        t = pl->threads[i];
        ir_ceiling c;
        ir_status  s = bandwidth_one(pl, level, w, t, ceiling_bytes(pl, level, t), &c);
        if (s != IR_OK) return s;
        if (!isfinite(c.value)) continue;
        if (isfinite(prev)) ceiling_saturation(&c, "threads", prev_threads, t, c.value / prev - 1);
        prev = c.value;
        prev_threads = t;
        if (pl->own)
            s = ceilings_saturate(pl, w, level, &c);
        else if (level == IR_DRAM && last && (read || pl->s->full))
            s = saturate(pl, w, &c);
        if (s == IR_OK) s = ceiling_add(pl, &c);
        if (s == IR_OK && level == IR_DRAM && !pl->device && !strcmp(w->name, "write"))
            s = regular_stores(pl, w, &c);
        if (s != IR_OK) return s;
    }
    return IR_OK;
}

/* Once DRAM reads are known, they stand beside every later DRAM ceiling: what the memory gave then. */
static ir_status bandwidth_of_op(ceiling_plan *pl, int level, int op)
{
    bool same_mix =
        !strcmp(stream_ops[op], "scale") || !strcmp(stream_ops[op], "add"); /* as copy and triad */
    if (level < IR_DRAM && same_mix && !pl->s->full) return IR_OK;
    ir_status st = bandwidth_threads(pl, level, ir_workload_named(stream_ops[op]));
    if (st == IR_OK && level == IR_DRAM && !strcmp(stream_ops[op], "read")) context_choose_monitor(pl->s);
    return st;
}

static ir_status ceilings_bandwidth(ceiling_plan *pl)
{
    ir_status s = IR_OK;
    for (int l = IR_NLEVEL - 1; l >= 0; l--) /* DRAM first: every later row can be held against it */
        for (int o = 0; o < NOP && s == IR_OK && pl->size_B[l] > 0; o++) s = bandwidth_of_op(pl, l, o);
    return s;
}

/* ---- peaks ----------------------------------------------------------------------------------- */

/* A device is filled with independent teams of chains until four times as many gain under 1 %, or there are
 * plenty for each of its cores and a call lasts so long that its launch is nothing beside it. teams = 0: no
 * kernel has this dtype. *grew: what the last four times as many did gain. */
static ir_status fill_device(ceiling_plan *pl, const ir_workload *w, ir_params *p, double *grew)
{
    enum { FIRST = 16, MOST = 1 << 16, PLENTY = 64 };
    static const double LONG_S = 2e-3;
    ir_point            best;
    double              prev = NAN;
    *grew = NAN;
    pl->s->teams[p->dtype] = 0;
    for (int64_t teams = FIRST; teams <= MOST; teams *= 4) {
        ceiling_set(w, p, "teams", (double)teams);
        ir_status s = ceiling_best(pl, w, p, false, &best);
        if (s != IR_OK || best.status != IR_OK) return s;
        pl->s->teams[p->dtype] = teams;
        *grew = ceiling_flops(pl, &best) / prev - 1;
        if (*grew < 0.01) return IR_OK;
        if (teams >= (int64_t)PLENTY * pl->s->info.cores && ir_point_time(&best) > LONG_S) return IR_OK;
        prev = ceiling_flops(pl, &best);
    }
    return IR_OK;
}

static const int64_t chains_full[] = {1, 2, 4, 8, 12, 16, 24}, chains_quick[] = {8, 12, 16};

ir_status ceilings_peak_rows(ceiling_plan *pl, ir_dtype t, int threads, ir_point *best)
{
    const ir_workload *w = ir_workload_named("fma");
    ir_params          p = w->defaults;
    double             r[sizeof chains_quick / sizeof *chains_quick];
    p.dtype = t;
    p.threads = threads;
    return ceiling_axis(pl, w, p, "chains", chains_quick, (int)(sizeof r / sizeof *r), ceiling_flops, r,
                        best);
}

static ir_status peak_one(ceiling_plan *pl, const ir_workload *w, ir_dtype t, int threads, double *one)
{
    static const int64_t tiles[] = {1, 2, 4, 8, 16, 32};
    bool                 f = pl->s->full, matrix = !strcmp(w->family, "mma");
    const int64_t       *chains = matrix ? tiles : f ? chains_full : chains_quick;
    int    n = (int)((matrix ? sizeof tiles : f ? sizeof chains_full : sizeof chains_quick) / sizeof *tiles);
    double r[16];
    ir_point  best;
    ir_params p = w->defaults;
    p.dtype = t;
    p.threads = threads;
    double    grew = NAN;
    ir_status s = pl->device ? fill_device(pl, w, &p, &grew) : IR_OK;
    if (pl->device && pl->s->teams[t] == 0) return s;
    if (s == IR_OK) s = ceiling_axis(pl, w, p, "chains", chains, n, ceiling_flops, r, &best);
    if (s != IR_OK || best.status != IR_OK) return s;
    ir_ceiling c = ceiling_from(pl, IR_C_FLOPS, "", &best, ceiling_flops(pl, &best));
    c.dtype = t;
    c.theory = pl->s->dev.be->theory_flops
                   ? pl->s->dev.be->theory_flops(&pl->s->dev, t, pl->clock_Hz) * threads
                   : pl->s->info.spec_flops[t];
    ceiling_saturation_axis(&c, "chains", chains, r, n);
    if (pl->device)
        ceiling_saturation(&c, "teams", (double)pl->s->teams[t] / 4, (double)pl->s->teams[t], grew);
    if (threads > 1) ceiling_saturation(&c, "threads", 1, threads, c.value / *one - 1);
    *one = threads > 1 ? *one : c.value;
    return ceiling_add(pl, &c);
}

static ir_status peaks_of(ceiling_plan *pl, const ir_workload *w)
{
    ir_status s = IR_OK;
    for (int t = 0; t < IR_NDTYPE && s == IR_OK; t++) {
        double one = NAN;
        if (!(w->dtypes & (1u << t))) continue;
        s = peak_one(pl, w, (ir_dtype)t, pl->threads[0], &one);
        if (s == IR_OK && pl->nthread > 1)
            s = peak_one(pl, w, (ir_dtype)t, pl->threads[pl->nthread - 1], &one);
    }
    return s;
}

/* Vector units, then the matrix units of a device, then the best product of its vendor's library: each a row,
 * and the law takes the highest. */
static ir_status ceilings_peaks(ceiling_plan *pl)
{
    ir_status s = peaks_of(pl, ir_workload_named("fma"));
    if (s == IR_OK && pl->device) s = peaks_of(pl, ir_workload_named("mma"));
    return s == IR_OK && pl->own ? ceilings_library(pl) : s;
}

static ir_status clock_rate(ceiling_plan *pl)
{
    const ir_workload *w = ir_workload_named("clock");
    ir_point           best;
    ir_params          p = w->defaults;
    p.threads = pl->threads[0];
    ir_status s = ceiling_best(pl, w, &p, false, &best);
    if (s != IR_OK || best.status != IR_OK) return s;
    pl->clock_Hz = ceiling_flops(pl, &best); /* one add a cycle */
    ir_ceiling c = ceiling_from(pl, IR_C_CLOCK, "", &best, pl->clock_Hz);
    return ceiling_add(pl, &c);
}

/* ---- all of them ----------------------------------------------------------------------------- */
size_t ceilings_count(const measure_context *s)
{
    bool own = s->info.threads == 0 && s->info.numa_nodes == 0;
    return (s->full ? 540u : 300u) + (own ? 250u : 0u);
}

ir_status ceilings_journal(measure_context *s)
{
    ir_status st = IR_OK;
    for (size_t i = 0; s->journal && i < s->ceilings.n && st == IR_OK; i++)
        st = ir_journal_ceiling(s->journal, &s->ceilings.v[i]);
    if (s->journal && st == IR_OK)
        st = ir_journal_levels(s->journal, s->info.id, s->ceilings.level_B, s->ceilings.level_threads);
    return st;
}

ir_status ceilings_measure(measure_context *s)
{
    ceiling_plan pl = {.s = s, .llc = IR_L3, .clock_Hz = NAN};
    ir_status (*const stage[])(ceiling_plan *) = {
        clock_rate,     find_levels,     ceilings_bandwidth, ceilings_peaks,   ceilings_latency,
        ceilings_nodes, ceilings_gather, ceilings_costs,     ceilings_overlap, ceilings_remeasure};
    ir_status st = IR_OK;
    pl.device = s->info.threads == 0;
    pl.own = pl.device && s->info.numa_nodes == 0;
    pl.share = pl.device && s->info.numa_nodes > 0 && s->info.cores > 0 ? s->info.cores : 1;
    thread_list(&pl);
    s->in_ceilings = true;
    for (size_t i = 0; i < sizeof stage / sizeof *stage && st == IR_OK; i++) st = stage[i](&pl);
    ir_guard_ceilings(&s->ceilings);
    s->in_ceilings = false;
    ir_status jst = ceilings_journal(s);
    return st != IR_OK ? st : jst;
}

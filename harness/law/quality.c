/* quality.c -- was the machine quiet enough to be measured? One row per cause; each looks at what was seen
 * and says how grave it is. Thresholds: 5 % of a time is what a reader would call the same; above a half
 * there is nothing to say. */
#include "harness/law/law.h"
#include "harness/stats/stats.h"
#include "harness/left_out.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PAIR_LEAST  0.90 /* two threads of one core do not run slower than one */
#define PAIR_MOST   2.10 /* two cores give twice as much, and a probe errs by some per cent */
#define PAIR_MOVED  0.20
#define FEW         0.05
#define HALF        0.50
#define STEAL_SEEN  0.01
#define STEAL_MOST  0.25
#define QUOTA_SEEN  0.01
#define QUOTA_MOST  0.25
#define WAITING     0.10
#define READ_SPREAD 0.20 /* +-10 % */
#define READ_MOST   1.00
#define NOISY_ROWS  0.25
#define STALL_S     0.5
#define STALL_RATIO 20.0
#define WIDE        0.50

const char *ir_quality_name(ir_quality_value v)
{
    static const char *const name[IR_NQUALITY] = {"good", "noisy", "unusable"};
    return (unsigned)v < IR_NQUALITY ? name[v] : "?";
}

bool ir_pair_impossible(double ratio) { return ratio < PAIR_LEAST || ratio > PAIR_MOST; }

/* ---- counting -------------------------------------------------------------------------------- */
void ir_situation_init(ir_situation *s)
{
    memset(s, 0, sizeof *s);
    s->others = s->steal = s->pressure = s->quota = s->quota_cpus = s->pair_start = s->pair_end = NAN;
    s->read_lo = s->read_hi = s->worst_share = s->stall_s = s->stall_among_s = NAN;
}

static bool is_wide(const ir_stats *t)
{
    return fmax(t->ci_hi - t->median, t->median - t->ci_lo) > WIDE * t->median;
}

static void note_stall(ir_situation *s, const ir_point *p)
{
    const ir_stats *t = &p->m.wall;
    double          longest = t->max * p->m.reps;
    if (!(longest > STALL_S) || !(t->max > STALL_RATIO * t->median) || s->stall_s > longest) return;
    s->stall_s = longest;
    s->stall_among_s = t->median * p->m.reps;
}

/* The slow and the fast tenth of what the reads beside the points got. */
static void note_reads(ir_situation *s, const ir_point *p, size_t n, double dram_read_Bps)
{
    double *v = malloc((n ? n : 1) * sizeof *v);
    size_t  m = 0;
    if (!v) ir_left_out("what the memory gave beside the points");
    for (size_t i = 0; v && i < n; i++)
        if (p[i].status == IR_OK && p[i].m.bw_now > 0) v[m++] = p[i].m.bw_now * dram_read_Bps;
    if (m > 0) {
        ir_sort(v, m);
        s->read_lo = ir_quantile_sorted(v, m, 0.1);
        s->read_hi = ir_quantile_sorted(v, m, 0.9);
    }
    free(v);
}

void ir_situation_points(ir_situation *s, const ir_point *p, size_t n, double dram_read_Bps)
{
    for (size_t i = 0; i < n; i++) {
        const ir_stats *t = ir_point_stats(&p[i]);
        if (p[i].status != IR_OK || t->n == 0) continue;
        s->n++;
        s->known += isfinite(p[i].m.cpu_share) ? 1 : 0;
        s->preempted += (p[i].flags & IR_FLAG_PREEMPTED) != 0;
        s->noisy += (p[i].flags & IR_FLAG_NOISY) != 0;
        s->slowed += (p[i].flags & (IR_FLAG_THROTTLED | IR_FLAG_CLOCK_DRIFT)) != 0;
        s->wide += is_wide(t);
        s->worst_share = fmin(s->worst_share, p[i].m.cpu_share);
        note_stall(s, &p[i]);
    }
    note_reads(s, p, n, dram_read_Bps);
}

/* ---- causes ---------------------------------------------------------------------------------- */
__attribute__((format(printf, 3, 4))) static ir_quality_value say(ir_cause *c, ir_quality_value v,
                                                                  const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->text, sizeof c->text, fmt, ap);
    va_end(ap);
    return v;
}

static ir_quality_value pair(const ir_situation *s, ir_cause *c)
{
    double bad = ir_pair_impossible(s->pair_start) ? s->pair_start
                 : ir_pair_impossible(s->pair_end) ? s->pair_end
                                                   : NAN;
    if (isfinite(bad))
        return say(c, IR_QUALITY_UNUSABLE,
                   "two threads ran %.2f x one, which no machine does: something else ran", bad);
    if (fabs(log(s->pair_end / s->pair_start)) > PAIR_MOVED)
        return say(c, IR_QUALITY_NOISY, "two threads ran %.2f x one at the start and %.2f x at the end",
                   s->pair_start, s->pair_end);
    return IR_QUALITY_GOOD;
}

static double preempted_share(const ir_situation *s)
{
    return s->n ? (double)s->preempted / (double)s->n : 0;
}

static ir_quality_value preempted(const ir_situation *s, ir_cause *c)
{
    double share = preempted_share(s);
    if (s->preempted == 0) return IR_QUALITY_GOOD;
    return say(
        c, share > HALF ? IR_QUALITY_UNUSABLE : IR_QUALITY_NOISY,
        "in %zu of %zu points a thread got less than %.0f %% of the CPU time it wanted (%.0f %% at worst)",
        s->preempted, s->n, 100 * IR_PREEMPTED, 100 * s->worst_share);
}

/* Others on CPUs that we leave alone do no harm to rows of few threads; where it is not known what our
 * threads got, they may. Where most rows lost time they are why. */
static ir_quality_value others(const ir_situation *s, ir_cause *c)
{
    bool grave = s->known == 0 ? s->others > HALF : preempted_share(s) > HALF;
    if (!(s->others > FEW)) return IR_QUALITY_GOOD;
    return say(c, grave ? IR_QUALITY_UNUSABLE : IR_QUALITY_NOISY,
               "other processes took %.0f %% of the CPUs%s%s", 100 * s->others, *s->who ? ": " : "", s->who);
}

static ir_quality_value steal(const ir_situation *s, ir_cause *c)
{
    if (!(s->steal > STEAL_SEEN)) return IR_QUALITY_GOOD;
    return say(c, s->steal > STEAL_MOST ? IR_QUALITY_UNUSABLE : IR_QUALITY_NOISY,
               "the hypervisor took %.0f %% of the time", 100 * s->steal);
}

static ir_quality_value quota(const ir_situation *s, ir_cause *c)
{
    if (!(s->quota > QUOTA_SEEN)) return IR_QUALITY_GOOD;
    return say(c, s->quota > QUOTA_MOST ? IR_QUALITY_UNUSABLE : IR_QUALITY_NOISY,
               "the quota of %.3g CPUs cut short %.0f %% of the periods", s->quota_cpus, 100 * s->quota);
}

/* Said only where nothing above explains it: a neighbour that cannot be seen from a container. */
static ir_quality_value pressure(const ir_situation *s, ir_cause *c)
{
    if (!(s->pressure > WAITING) || s->others > FEW || s->quota > QUOTA_SEEN) return IR_QUALITY_GOOD;
    return say(c, IR_QUALITY_NOISY, "some task waited for a CPU %.0f %% of the time", 100 * s->pressure);
}

static ir_quality_value frequency(const ir_situation *s, ir_cause *c)
{
    if (s->slowed == 0) return IR_QUALITY_GOOD;
    return say(c, IR_QUALITY_NOISY, "the clock was lowered or moved in %zu of %zu points", s->slowed, s->n);
}

static ir_quality_value quality_memory(const ir_situation *s, ir_cause *c)
{
    double middle = (s->read_lo + s->read_hi) / 2, spread = (s->read_hi - s->read_lo) / middle;
    /* Reads of threads that wait for a CPU are slow, too: then nothing is said of the memory's neighbours. */
    bool waited = s->others > FEW || s->quota > QUOTA_SEEN || s->steal > STEAL_SEEN;
    if (!(spread > READ_SPREAD)) return IR_QUALITY_GOOD;
    return say(c, spread > READ_MOST ? IR_QUALITY_UNUSABLE : IR_QUALITY_NOISY,
               "reads from DRAM moved between %.3g and %.3g GB/s (+-%.0f %%)%s", s->read_lo / 1e9,
               s->read_hi / 1e9, 50 * spread, waited ? "" : ": neighbours on the memory");
}

static ir_quality_value intervals(const ir_situation *s, ir_cause *c)
{
    double n = s->n ? (double)s->n : 1;
    if (s->wide)
        return say(c, (double)s->wide > HALF * n ? IR_QUALITY_UNUSABLE : IR_QUALITY_NOISY,
                   "%zu of %zu intervals are wider than +-50 %%", s->wide, s->n);
    if ((double)s->noisy > NOISY_ROWS * n)
        return say(c, IR_QUALITY_NOISY, "%zu of %zu points are noisy", s->noisy, s->n);
    return IR_QUALITY_GOOD;
}

static ir_quality_value stall(const ir_situation *s, ir_cause *c)
{
    if (!isfinite(s->stall_s)) return IR_QUALITY_GOOD;
    return say(c, IR_QUALITY_NOISY,
               "one sample took %.3g s among samples of %.3g ms: the machine stood still (suspended?)",
               s->stall_s, 1e3 * s->stall_among_s);
}

/* Times may be right; what holds them is told by ceilings that are not. */
static ir_quality_value recalled(const ir_situation *s, ir_cause *c)
{
    if (!s->recalled_unusable) return IR_QUALITY_GOOD;
    return say(c, IR_QUALITY_UNUSABLE,
               "the ceilings are those of a run that was unusable: measure them again");
}

static const struct {
    const char *what;
    ir_quality_value (*look)(const ir_situation *, ir_cause *);
} causes[] = {{"pair", pair},       {"preempted", preempted},   {"others", others},
              {"quota", quota},     {"steal", steal},           {"pressure", pressure},
              {"clock", frequency}, {"memory", quality_memory}, {"intervals", intervals},
              {"stall", stall},     {"ceilings", recalled}};
enum { NCAUSES = sizeof causes / sizeof *causes };
_Static_assert((int)NCAUSES <= (int)IR_MAX_CAUSES, "room for every cause");

void ir_quality_judge(const ir_situation *s, ir_quality *out)
{
    ir_cause         found[NCAUSES];
    ir_quality_value grave[NCAUSES];
    memset(found, 0, sizeof found);
    memset(out, 0, sizeof *out);
    for (int i = 0; i < NCAUSES; i++) {
        snprintf(found[i].what, sizeof found[i].what, "%s", causes[i].what);
        grave[i] = causes[i].look(s, &found[i]);
        if (grave[i] > out->value) out->value = grave[i];
    }
    for (int g = IR_QUALITY_UNUSABLE; g > IR_QUALITY_GOOD; g--)
        for (int i = 0; i < NCAUSES; i++)
            if ((int)grave[i] == g) out->cause[out->ncause++] = found[i];
}

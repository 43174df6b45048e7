/* trial.c -- see trial.h. */
#include "bench/ab/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double DRIFT_FLOOR = 0.005, DRIFT_TIMES = 3;

const char *trial_verdict_name(trial_verdict v)
{
    static const char *const name[TRIAL_NVERDICT] = {"SAME",        "IMPROVED",     "REGRESSED",
                                                     "NOT SLOWER",  "INCONCLUSIVE", "TOO FEW BLOCKS",
                                                     "ENVIRONMENT", "MISSING",      "INCORRECT"};
    return (unsigned)v < TRIAL_NVERDICT ? name[v] : "?";
}

static void unseen(trial_quad *q, size_t n)
{
    for (size_t i = 0; i < n; i++) q[i] = (trial_quad){{NAN, NAN}, {NAN, NAN}};
}

void trial_init(trial *t, double conf, double delta)
{
    memset(t, 0, sizeof *t);
    t->conf = conf;
    t->delta = delta;
    for (int r = 0; r < TRIAL_REFS; r++) {
        unseen(t->ref[r], TRIAL_MAX_BLOCKS);
        unseen(t->ref_fresh[r], TRIAL_MAX_BLOCKS);
    }
}

void trial_free(trial *t)
{
    free(t->v);
    t->v = NULL;
    t->n = t->cap = 0;
}

/* ---- plan ------------------------------------------------------------------------------------ */
static void block_rng(ir_rng *g, uint64_t seed, size_t block, uint64_t what)
{
    ir_rng_seed(g, seed + 0x9E3779B97F4A7C15u * (2 * (uint64_t)block + what + 1));
}

void trial_order(uint64_t seed, size_t block, char sides[TRIAL_SLOTS])
{
    ir_rng g;
    block_rng(&g, seed, block, 0);
    memcpy(sides, ir_rng_below(&g, 2) ? "BAAB" : "ABBA", TRIAL_SLOTS);
}

void trial_shuffle(uint64_t seed, size_t block, size_t *v, size_t n)
{
    ir_rng g;
    block_rng(&g, seed, block, 1);
    for (size_t i = 0; i < n; i++) v[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = ir_rng_below(&g, i), t = v[i - 1];
        v[i - 1] = v[j];
        v[j] = t;
    }
}

/* ---- seen ------------------------------------------------------------------------------------ */
trial_point *trial_find(trial *t, const char *key)
{
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->v[i].key, key)) return &t->v[i];
    if (t->n == t->cap) {
        size_t       cap = t->cap ? 2 * t->cap : 16;
        trial_point *v = realloc(t->v, cap * sizeof *v);
        if (!v) return NULL;
        t->v = v;
        t->cap = cap;
    }
    trial_point *p = &t->v[t->n++];
    memset(p, 0, sizeof *p);
    snprintf(p->key, sizeof p->key, "%s", key);
    unseen(p->q, TRIAL_MAX_BLOCKS);
    unseen(p->fresh, TRIAL_MAX_BLOCKS);
    p->delta = t->delta;
    p->starts = 1;
    return p;
}

ir_status trial_put(trial *t, const char *key, bool fresh, size_t block, char side, int slot, double time_s)
{
    trial_point *p = trial_find(t, key);
    if (!p) return ir_fail(IR_ENOMEM, "no memory for %zu points", t->n + 1);
    if (block >= TRIAL_MAX_BLOCKS || slot < 0 || slot > 1)
        return ir_fail(IR_EINVAL, "block %zu, process %d: no such place", block, slot);
    trial_quad *q = fresh ? &p->fresh[block] : &p->q[block];
    size_t     *n = fresh ? &p->nfresh : &p->nq;
    (side == 'A' ? q->a : q->b)[slot] = time_s > 0 && isfinite(time_s) ? time_s : NAN;
    if (*n < block + 1) *n = block + 1;
    return IR_OK;
}

void trial_starts(trial *t, const char *key, double starts)
{
    trial_point *p = trial_find(t, key);
    if (p && starts > p->starts) p->starts = starts;
}

ir_status trial_bad(trial *t, const char *key, const char *why)
{
    trial_point *p = trial_find(t, key);
    if (!p) return ir_fail(IR_ENOMEM, "no memory for %zu points", t->n + 1);
    p->incorrect = true;
    snprintf(p->why, sizeof p->why, "%s", why);
    return IR_OK;
}

size_t trial_contrast(const trial_quad *q, size_t n, double *d)
{
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
        d[i] = 0.5 * (log(q[i].b[0]) + log(q[i].b[1]) - log(q[i].a[0]) - log(q[i].a[1]));
        known += isnan(d[i]) ? 0 : 1;
    }
    return known;
}

/* ---- says ------------------------------------------------------------------------------------ */
bool trial_drift(const trial_quad *q, size_t n, double conf, double delta, double *worst)
{
    double       d[TRIAL_MAX_BLOCKS], away[TRIAL_MAX_BLOCKS];
    ir_ab_result r;
    size_t       beyond = 0, known = trial_contrast(q, n, d);
    *worst = 0;
    if (known < 4) return false;
    double middle = ir_median(d, n);
    for (size_t i = 0; i < n; i++) away[i] = fabs(d[i] - middle);
    double usual = fmax(1.4826 * ir_median(away, n), DRIFT_FLOOR);
    for (size_t i = 0; i < n; i++) {
        if (!(fabs(d[i]) > DRIFT_TIMES * usual)) continue;
        beyond++;
        if (fabs(d[i]) > fabs(*worst)) *worst = d[i];
    }
    ir_ab_judge(d, n, conf, delta, &r);
    bool moved = r.verdict == IR_AB_REGRESSED || r.verdict == IR_AB_IMPROVED;
    if (moved) *worst = r.effect;
    return moved || 4 * beyond > known;
}

/* Seconds of a reference kernel, of all blocks and both sides. */
static double reference_s(const trial_quad *q, size_t n)
{
    double v[4 * TRIAL_MAX_BLOCKS];
    size_t known = 0;
    for (size_t i = 0; i < n; i++)
        for (int s = 0; s < 4; s++) {
            const double x = s < 2 ? q[i].a[s] : q[i].b[s - 2];
            if (x > 0) v[known++] = x;
        }
    return ir_median(v, known);
}

static void trial_environment(trial *t)
{
    static const char *const name[TRIAL_REFS] = {"copy", "fma", "forkjoin"};
    t->drifted = false;
    t->launch_s = 0;
    for (int r = 0; r < TRIAL_REFS; r++)
        for (int fresh = 0; fresh < 2; fresh++) {
            const trial_quad *q = fresh ? t->ref_fresh[r] : t->ref[r];
            double            worst;
            size_t            n = fresh ? t->nfresh : t->nblock;
            if (t->drifted || !trial_drift(q, n, t->conf, t->delta, &worst)) continue;
            const bool   launch = r == TRIAL_LAUNCH;
            const double by_s = launch ? fabs(expm1(worst)) * reference_s(q, n) : 0;
            if (launch && by_s <= t->launch_s) continue;
            if (launch)
                t->launch_s = by_s;
            else
                t->drifted = true;
            snprintf(launch ? t->launch_cause : t->cause, sizeof t->cause,
                     "the reference kernel %s moved by %+.1f %% between A's and B's processes, beyond 3 "
                     "times its usual spread",
                     name[r], 100 * expm1(worst));
        }
}

static bool complete(const trial_quad *q, size_t n)
{
    double d[TRIAL_MAX_BLOCKS];
    return trial_contrast(q, n, d) == n;
}

bool trial_flagged(const trial_point *p)
{
    return p->first.verdict == IR_AB_REGRESSED || p->first.verdict == IR_AB_IMPROVED;
}

bool trial_undecided(const trial_point *p)
{
    if (p->out) return false;
    if (p->verdict == TRIAL_ENVIRONMENT) return true;
    if (p->first.verdict == IR_AB_INCONCLUSIVE) return p->verdict == TRIAL_INCONCLUSIVE;
    return p->first.verdict == IR_AB_NOT_SLOWER && p->verdict == TRIAL_NOT_SLOWER &&
           p->first.effect < -p->delta;
}

bool trial_unconfirmed(const trial_point *p)
{
    if (!trial_flagged(p)) return false;
    if (p->verdict == TRIAL_ENVIRONMENT) return true;
    return p->verdict == TRIAL_INCONCLUSIVE &&
           (p->again.verdict == IR_AB_INCONCLUSIVE || p->again.verdict == IR_AB_TOO_FEW ||
            (p->again.verdict == IR_AB_NOT_SLOWER && p->first.verdict == IR_AB_IMPROVED));
}

static trial_verdict measured_verdict(trial_point *p)
{
    static const trial_verdict as[] = {[IR_AB_SAME] = TRIAL_SAME,
                                       [IR_AB_IMPROVED] = TRIAL_IMPROVED,
                                       [IR_AB_REGRESSED] = TRIAL_REGRESSED,
                                       [IR_AB_NOT_SLOWER] = TRIAL_NOT_SLOWER,
                                       [IR_AB_INCONCLUSIVE] = TRIAL_INCONCLUSIVE,
                                       [IR_AB_TOO_FEW] = TRIAL_TOO_FEW};
    trial_verdict              v = TRIAL_INCONCLUSIVE;
    if (!trial_flagged(p)) return as[p->first.verdict];
    p->confirmed = p->again.verdict == p->first.verdict && p->nfresh > 0;
    if (p->confirmed) return as[p->first.verdict];
    /* Faster once; fresh blocks exclude slower: so much is sure. */
    if (p->first.verdict == IR_AB_IMPROVED &&
        (p->again.verdict == IR_AB_NOT_SLOWER || p->again.verdict == IR_AB_SAME))
        v = TRIAL_NOT_SLOWER;
    snprintf(p->note, sizeof p->note,
             p->nfresh ? "%s once, not again in fresh blocks" : "%s once; no fresh blocks to confirm it",
             ir_ab_name(p->first.verdict));
    return v;
}

/* Median over the first blocks of a side's processes, seconds. */
static double trial_side(const trial_point *p, bool new)
{
    double v[2 * TRIAL_MAX_BLOCKS];
    for (size_t i = 0; i < p->nq; i++)
        for (int s = 0; s < 2; s++) v[2 * i + (size_t)s] = new ? p->q[i].b[s] : p->q[i].a[s];
    return ir_median(v, 2 * p->nq);
}

static void trial_judge_point(trial *t, trial_point *p)
{
    double d[TRIAL_MAX_BLOCKS];
    p->confirmed = false;
    p->note[0] = 0;
    trial_contrast(p->q, p->nq, d);
    ir_ab_judge(d, p->nq, t->conf, p->delta, &p->first);
    trial_contrast(p->fresh, p->nfresh, d);
    ir_ab_judge(d, p->nfresh, t->conf, p->delta, &p->again);
    if (p->incorrect)
        p->verdict = TRIAL_INCORRECT;
    else if (p->nq == 0 || !complete(p->q, p->nq) || !complete(p->fresh, p->nfresh))
        p->verdict = TRIAL_MISSING;
    else
        p->verdict = measured_verdict(p);
    if (p->verdict == TRIAL_MISSING && !*p->why)
        snprintf(p->why, sizeof p->why, "%.180s", *t->lost ? t->lost : "not in every process of both builds");
    if (p->verdict == TRIAL_MISSING || p->verdict == TRIAL_INCORRECT)
        snprintf(p->note, sizeof p->note, "%s", p->why);
    const bool launch =
        t->launch_s * p->starts >= expm1(p->delta) * fmin(trial_side(p, false), trial_side(p, true));
    if ((t->drifted || launch) && p->verdict <= TRIAL_INCONCLUSIVE) {
        p->verdict = TRIAL_ENVIRONMENT;
        snprintf(p->note, sizeof p->note, "%s", t->drifted ? t->cause : t->launch_cause);
    }
}

void trial_judge(trial *t)
{
    trial_environment(t);
    for (size_t i = 0; i < t->n; i++) trial_judge_point(t, &t->v[i]);
}

int trial_exit(const trial *t, bool strict)
{
    size_t n[TRIAL_NVERDICT] = {0};
    for (size_t i = 0; i < t->n; i++) n[t->v[i].verdict]++;
    if (t->n == 0 || n[TRIAL_MISSING] || n[TRIAL_INCORRECT]) return 2;
    if (n[TRIAL_REGRESSED]) return 1;
    if (n[TRIAL_ENVIRONMENT] || n[TRIAL_TOO_FEW] || (strict && n[TRIAL_INCONCLUSIVE])) return 3;
    return 0;
}

ir_status trial_line(const trial *t, const trial_point *p, const char *kind, ir_comparison *out)
{
    memset(out, 0, sizeof *out);
    snprintf(out->kind, sizeof out->kind, "%s", kind);
    snprintf(out->point, sizeof out->point, "%s", p->key);
    snprintf(out->verdict, sizeof out->verdict, "%s", trial_verdict_name(p->verdict));
    snprintf(out->note, sizeof out->note, "%s", p->note);
    out->confirmed = p->confirmed;
    out->effect = p->first.effect;
    out->lo = p->first.lo;
    out->hi = p->first.hi;
    out->conf = p->first.conf;
    out->mde = p->first.mde;
    out->delta = p->delta;
    out->blocks = p->first.n;
    out->time_s = trial_side(p, false);
    out->new_s = trial_side(p, true);
    out->again_effect = p->nfresh ? p->again.effect : NAN;
    out->again_lo = p->nfresh ? p->again.lo : NAN;
    out->again_hi = p->nfresh ? p->again.hi : NAN;
    out->again_blocks = p->again.n;
    (void)t;
    out->nd = p->nq;
    out->d = malloc((p->nq + 1) * sizeof *out->d);
    out->quad_s = malloc((p->nq + 1) * sizeof *out->quad_s);
    if (!out->d || !out->quad_s) {
        ir_comparison_free(out);
        return ir_fail(IR_ENOMEM, "no memory for %zu blocks", p->nq);
    }
    trial_contrast(p->q, p->nq, out->d);
    for (size_t i = 0; i < p->nq; i++)
        for (int s = 0; s < 4; s++) out->quad_s[i][s] = s < 2 ? p->q[i].a[s] : p->q[i].b[s - 2];
    return IR_OK;
}

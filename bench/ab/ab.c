/* ab.c -- see ab.h. */
#include "bench/ab/ab.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool ab_begins(const char *arg, const char *key)
{
    const char *name = strchr(key, '/'), *rest = strchr(key, ':'), *colon = strchr(arg, ':');
    size_t      n = colon ? (size_t)(colon - arg) : strlen(arg), m = colon ? strlen(colon) : 0;
    if (!name || !rest || strncmp(name + 1, arg, n) != 0 || name[1 + n] != '/') return false;
    return m == 0 || (!strncmp(rest, colon, m) && rest[m] == ',');
}

bool ab_text_gives(const char (*arg)[AB_ARG], size_t n, size_t i, const char *key)
{
    if (!ab_begins(arg[i], key) || strstr(arg[i], "threads=")) return ab_begins(arg[i], key);
    for (size_t k = 0; k < n; k++)
        if (strstr(arg[k], "threads=") && ab_begins(arg[k], key)) return false;
    return true;
}

ir_status ab_seen(ab *a, char side, const char *key, double time_s, const char *bad)
{
    if (bad) return trial_bad(&a->t, key, bad);
    return trial_put(&a->t, key, a->fresh, a->block, side, a->slot, time_s);
}

static void ab_bracket(ab *a, char side, const double before[TRIAL_REFS], const double after[TRIAL_REFS])
{
    for (int r = 0; r < TRIAL_REFS; r++) {
        trial_quad *q = a->fresh ? &a->t.ref_fresh[r][a->block] : &a->t.ref[r][a->block];
        (side == 'A' ? q->a : q->b)[a->slot] = sqrt(before[r] * after[r]);
    }
}

/* A point whose process was not there for it has no value: the block is begun for every point that it was to
 * give. */
static void begin_points(ab *a, const size_t *args, size_t n)
{
    for (size_t i = 0; i < a->t.n; i++) {
        trial_point *p = &a->t.v[i];
        bool         asked = !a->drive.gives;
        for (size_t k = 0; k < n && !asked; k++) asked = a->drive.gives(a, args[k], p->key);
        size_t *count = a->fresh ? &p->nfresh : &p->nq;
        if (asked && *count < a->block + 1) *count = a->block + 1;
    }
}

static ir_status ab_one_process(ab *a, char side, const size_t *args, size_t n, double ref[TRIAL_REFS])
{
    char   what[64];
    double after[TRIAL_REFS] = {NAN, NAN, NAN};
    snprintf(what, sizeof what, "%s %zu, build %c", a->fresh ? "confirming, block" : "block", a->block + 1,
             side);
    if (a->drive.progress) a->drive.progress(a, what);
    ir_status st = a->drive.process(a, side, args, n);
    a->done++;
    if (st == IR_ECHECK) {
        a->broken = true;
        snprintf(a->t.lost, sizeof a->t.lost, "build %c: %.170s", side, ir_why());
        return IR_OK;
    }
    if (st == IR_OK && a->drive.reference) st = a->drive.reference(a, after);
    if (st == IR_OK && a->drive.reference) ab_bracket(a, side, ref, after);
    memcpy(ref, after, sizeof after);
    return st;
}

static ir_status one_block(ab *a, const size_t *subset, size_t n, size_t block, double ref[TRIAL_REFS])
{
    char    sides[TRIAL_SLOTS];
    int     seen[2] = {0, 0};
    size_t *order = malloc((n + 1) * sizeof *order);
    double  t0 = a->drive.now(a);
    if (!order) return ir_fail(IR_ENOMEM, "no memory for %zu points", n);
    uint64_t  seed = a->fresh ? a->seed ^ 0xF5E5u : a->seed;
    ir_status st = IR_OK;
    a->block = block;
    trial_order(seed, block, sides);
    trial_shuffle(seed, block, order, n);
    for (size_t i = 0; i < n; i++) order[i] = subset[order[i]];
    for (int i = 0; i < TRIAL_SLOTS && st == IR_OK && !a->broken; i++) {
        a->slot = seen[sides[i] == 'B']++;
        st = ab_one_process(a, sides[i], order, n, ref);
    }
    begin_points(a, subset, n);
    size_t *count = a->fresh ? &a->t.nfresh : &a->t.nblock;
    if (st == IR_OK && *count < block + 1) *count = block + 1;
    a->block_s = a->drive.now(a) - t0;
    free(order);
    return st;
}

/* Blocks from..to over a subset of the arguments. */
static ir_status ab_blocks(ab *a, const size_t *subset, size_t n, size_t from, size_t to)
{
    double    ref[TRIAL_REFS] = {NAN, NAN, NAN};
    ir_status st = a->drive.reference ? a->drive.reference(a, ref) : IR_OK;
    for (size_t b = from; b < to && b < TRIAL_MAX_BLOCKS && st == IR_OK && !a->broken; b++) {
        double gone = a->drive.now(a) - a->start_s;
        a->out_of_time = gone + (isnan(a->block_s) ? 0 : a->block_s) > a->max_s - a->reserve_s;
        if (a->out_of_time) return IR_OK;
        st = one_block(a, subset, n, b, ref);
    }
    return st;
}

/* Arguments that give a point for which `want` holds; without gives(): all, when there is any such point. */
static size_t select_args(ab *a, bool (*want)(const trial_point *), size_t *out)
{
    size_t n = 0, wanted = 0;
    for (size_t i = 0; i < a->t.n; i++) wanted += want(&a->t.v[i]);
    for (size_t k = 0; wanted && k < a->nargs; k++) {
        bool take = !a->drive.gives;
        for (size_t i = 0; i < a->t.n && !take; i++)
            take = want(&a->t.v[i]) && a->drive.gives(a, k, a->t.v[i].key);
        if (take) out[n++] = k;
    }
    return n;
}

static size_t ab_next_look(const ab *a, size_t at)
{
    size_t to = ir_ab_next_blocks(at), most = a->most ? a->most : IR_AB_USUAL_BLOCKS;
    return a->more && !a->broken && !a->out_of_time && to <= most ? to : 0;
}

/* Most blocks that flagged a point: the confirmation begins with as many. */
static size_t flagged_blocks(const ab *a)
{
    size_t most = 0;
    for (size_t i = 0; i < a->t.n; i++)
        if (trial_flagged(&a->t.v[i]) && a->t.v[i].nq > most) most = a->t.v[i].nq;
    return most;
}

/* What was decided before stays out, even where the machine moves later: it would have no times between. */
static void leave_out(ab *a, size_t at)
{
    for (size_t i = 0; i < a->t.n; i++) a->t.v[i].out = a->t.v[i].nq < at;
}

static ir_status looks(ab *a, size_t *args)
{
    size_t    n = a->nargs, at = a->blocks, to;
    ir_status st = ab_blocks(a, args, n, 0, at);
    trial_judge(&a->t);
    while (st == IR_OK && (to = ab_next_look(a, at)) != 0) {
        leave_out(a, at);
        n = select_args(a, trial_undecided, args);
        if (n == 0) break;
        a->process = a->done + TRIAL_SLOTS * (to - at);
        a->reserve_s = a->confirm ? (double)flagged_blocks(a) * a->block_s : 0;
        st = ab_blocks(a, args, n, at, to);
        at = to;
        trial_judge(&a->t);
    }
    a->reserve_s = 0;
    return st;
}

/* Points flagged once are run again, in as many blocks as flagged them, and then for as long as their fresh
 * blocks say nothing. */
static ir_status confirmation(ab *a, size_t *args)
{
    size_t n = select_args(a, trial_flagged, args), at = 0, to = flagged_blocks(a);
    if (n == 0 || a->t.drifted) return IR_OK;
    ir_status st = IR_OK;
    bool      early = a->out_of_time;
    a->out_of_time = false; /* what was kept back is spent here */
    for (; st == IR_OK && n && to; n = select_args(a, trial_unconfirmed, args)) {
        a->fresh = true;
        a->process = a->done + TRIAL_SLOTS * (to - at);
        st = ab_blocks(a, args, n, at, to);
        a->fresh = false;
        trial_judge(&a->t);
        at = to;
        to = ab_next_look(a, at);
    }
    a->out_of_time = a->out_of_time || early;
    return st;
}

ir_status ab_run(ab *a)
{
    size_t *args = malloc((a->nargs + 1) * sizeof *args);
    if (!args) return ir_fail(IR_ENOMEM, "no memory for %zu points", a->nargs);
    for (size_t i = 0; i < a->nargs; i++) args[i] = i;
    a->start_s = a->drive.now(a);
    a->block_s = NAN;
    a->reserve_s = 0;
    a->process = TRIAL_SLOTS * a->blocks;
    ir_status st = looks(a, args);
    if (st == IR_OK && a->confirm && !a->broken) st = confirmation(a, args);
    trial_judge(&a->t);
    free(args);
    return st;
}

/* trial.h -- two builds A and B compared by blocks of four processes: what was seen, and what it says. Pure:
 * no process, no clock. Rules: docs/statistics.md ("Two builds"). Times are seconds; NAN was not seen. */
#ifndef BENCH_GATE_TRIAL_H
#define BENCH_GATE_TRIAL_H
#include "harness/record/comparison.h"
#include "harness/stats/compare.h"

enum { TRIAL_LAUNCH = 2 }; /* of the reference kernels: the fork-join */
enum { TRIAL_MAX_BLOCKS = IR_AB_MOST_BLOCKS, TRIAL_BLOCKS = 12, TRIAL_REFS = 3, TRIAL_SLOTS = 4 };
typedef struct {
    double a[2], b[2];
} trial_quad; /* one block: two processes a side */
typedef enum {
    TRIAL_SAME,
    TRIAL_IMPROVED,
    TRIAL_REGRESSED,
    TRIAL_NOT_SLOWER,
    TRIAL_INCONCLUSIVE,
    TRIAL_TOO_FEW,
    TRIAL_ENVIRONMENT,
    TRIAL_MISSING,
    TRIAL_INCORRECT,
    TRIAL_NVERDICT
} trial_verdict;
/* "SAME" ... "TOO FEW BLOCKS" "ENVIRONMENT" "MISSING" "INCORRECT": static text. */
const char *trial_verdict_name(trial_verdict);

typedef struct {
    char          key[IR_ID];              /* ir_point_key() */
    trial_quad    q[TRIAL_MAX_BLOCKS];     /* blocks of the first look and those added; NAN: not run */
    size_t        nq;                      /* blocks begun for this point */
    trial_quad    fresh[TRIAL_MAX_BLOCKS]; /* the confirmation's */
    size_t        nfresh;
    double        delta;        /* what matters in practice, log scale */
    double        starts;       /* launches in a call; 1 where nobody said */
    bool          incorrect;    /* a row said incorrect or failed */
    char          why[IR_WHY];  /* of what is missing or incorrect */
    ir_ab_result  first, again; /* again.n = 0: no confirmation was needed */
    trial_verdict verdict;
    bool          confirmed; /* flagged twice with the same sign */
    bool          out;       /* decided at an earlier look: it has no part in later blocks */
    char          note[IR_WHY];
} trial_point;
typedef struct {
    trial_point *v;
    size_t       n, cap; /* owned */
    trial_quad   ref[TRIAL_REFS]
                  [TRIAL_MAX_BLOCKS]; /* reference kernels around each process, mean of before and after */
    trial_quad ref_fresh[TRIAL_REFS][TRIAL_MAX_BLOCKS];
    size_t     nblock, nfresh; /* blocks begun in all */
    double     conf, delta;
    bool       drifted;       /* trial_judge() found the environment at fault */
    char       cause[IR_WHY]; /* which reference kernel, by how much */
    double     launch_s;      /* seconds by which the fork-join moved: at fault where a point would show it */
    char       launch_cause[IR_WHY];
    char       lost[IR_WHY]; /* why a process is missing */
} trial;
void trial_init(trial *, double conf, double delta);
void trial_free(trial *); /* idempotent */

/* ---- the plan of a block, by the seed -------------------------------------------------------- */
/* sides[i]: 'A' or 'B' of the i-th process: ABBA or BAAB. */
void trial_order(uint64_t seed, size_t block, char sides[TRIAL_SLOTS]);
/* A permutation of 0..n-1, the same for all four processes of a block. */
void trial_shuffle(uint64_t seed, size_t block, size_t *v, size_t n);

/* ---- what was seen --------------------------------------------------------------------------- */
/* Find the point of this key; add it when it is new. NULL: no memory. */
trial_point *trial_find(trial *, const char *key);
/* Store a time of point `key`: process `slot` of a block is 0 or 1, the first or second of its side. fresh:
 * the block belongs to the confirmation. A point first seen late has NAN in the blocks before. */
ir_status trial_put(trial *, const char *key, bool fresh, size_t block, char side, int slot, double time_s);
/* Tell how many launches a call of point `key` makes. */
void trial_starts(trial *, const char *key, double starts);
/* Store a row that is no measurement, with its reason. */
ir_status trial_bad(trial *, const char *key, const char *why);
/* Compute d = (log b1 + log b2 - log a1 - log a2)/2 of each block; NAN where one is missing. Returns how many
 * are known. */
size_t trial_contrast(const trial_quad *, size_t n, double *d);

/* ---- what it says ---------------------------------------------------------------------------- */
/* Did the controls drift? They are the gate's own kernels and the same beside A and B. They drifted if their
 * contrast is judged slower or faster, or if more than a quarter of the blocks lie beyond 3 times the usual
 * spread of contrasts (1.4826 MAD, at least DRIFT_FLOOR). Fewer than 4 blocks: unknown, false. */
bool trial_drift(const trial_quad *, size_t n, double conf, double delta, double *worst);
/* Judge every point from what there is. Bandwidth and peak that drifted leave no verdict; a fork-join's price
 * leaves none where it moved by so much that `delta` of the point's time could be of it. Points flagged once
 * are INCONCLUSIVE until they have fresh blocks. */
void trial_judge(trial *);
bool trial_flagged(const trial_point *); /* the first blocks alone say REGRESSED or IMPROVED */
/* More blocks could decide it, could show that it is not only not slower but faster, or could outlast what
 * moved the machine. */
bool trial_undecided(const trial_point *);
/* Flagged, and more fresh blocks could confirm it: those there are say nothing yet. */
bool trial_unconfirmed(const trial_point *);
/* Exit code of the worst point: 0, 1, 2 or 3; strict: INCONCLUSIVE is 3. No point at all is 2. */
int trial_exit(const trial *, bool strict);
/* One point as a record line; d is owned by the comparison. */
ir_status trial_line(const trial *, const trial_point *, const char *kind, ir_comparison *out);
#endif

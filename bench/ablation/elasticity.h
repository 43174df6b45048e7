/* elasticity.h -- what interventions say about a label: ratios of times with intervals, elasticities of the
 * time to the law's terms, and the rule that confirms or contradicts. Pure: no I/O, no clock. Method:
 * docs/statistics.md, Proof by intervention. */
#ifndef BENCH_ELASTICITY_H
#define BENCH_ELASTICITY_H
#include "harness/ironroof.h"
enum { ABL_DATA, ABL_COMP, ABL_LAT, ABL_NTERM };
enum { ABL_MAX_VARIANTS = 10, ABL_MAX_BLOCKS = 32, ABL_DRAWS = 1000 };
/* Predicted changes below this (ln) are no intervention: 20 %, well above what a ceiling is known to. */
#define ABL_LEAST 0.18

/* Blocks of consecutive samples, in order of time; seconds a call, borrowed. */
typedef struct {
    const double *v;
    size_t        n;
} time_block;
typedef struct {
    time_block block[ABL_MAX_BLOCKS];
    size_t     n;
} block_times;

/* A variant: its terms' change x'/x in ln, and its time's, ln T'/T, with 95 % interval and the draws of a
 * bootstrap. */
typedef struct {
    double d[ABL_NTERM]; /* never NAN */
    double y, lo, hi;
    double draw[ABL_DRAWS];
} term_change;
/* y, lo, hi, draw of variants that were measured between the same blocks of the base: medians of blocks,
 * their mean over blocks; blocks, and samples within them, are drawn anew. A side without a block: NAN. */
void change_ratios(const block_times *base, const block_times *variant, size_t nvariant, uint64_t seed,
                   term_change *out);

/* KNOWN: v, lo, hi. NIL: the term is too small to matter, v = 0. HELD: no variant changes it. TANGLED: the
 * variants change it only together with another. v, lo, hi of the last two are NAN, unless the law's
 * homogeneity gives HELD: all elasticities add to 1. */
typedef enum { ABL_KNOWN, ABL_NIL, ABL_HELD, ABL_TANGLED } elasticity_how;
typedef struct {
    double         v, lo, hi;
    elasticity_how how;
    double         p_half; /* share of the draws above one half; NAN where v is */
} term_elasticity;
/* out[ABL_NTERM]: dlnT/dln(term) at the point, by least squares over the variants. nil: bit set of terms too
 * small to matter. */
void elasticities_of(const term_change *, size_t n, unsigned nil, uint64_t seed, term_elasticity *out);

typedef enum { ABL_UNDECIDED, ABL_CONFIRMED, ABL_CONTRADICTED } ablation_outcome;
const char *ablation_outcome_name(ablation_outcome); /* "undecided" "confirmed" "contradicted" */
/* Which term a label speaks of; -1: a label that is none (mixed, unknown). */
int label_term(ir_bound label);
/* Confirmed: T follows the label's own term (its interval lies above .5): elasticities add to at most 1, so
 * that no rival's can then be as large, however badly the variants show it. Contradicted: its own interval
 * lies below .5, or a rival's above. Else undecided. */
ablation_outcome ablation_judge(ir_bound label, const term_elasticity *e);
/* One variant alone: does T follow the label's term (own change >= ABL_LEAST: by more than half of it; else:
 * by less than half of the largest change)? */
bool change_agrees(ir_bound label, const term_change *);
#endif

/* elasticity.h -- what interventions say about a label: ratios of times with intervals, elasticities of the time to the law's
 * terms, and the rule that confirms or contradicts. Pure: no I/O, no clock. Method: docs/statistics.md, Proof by intervention. */
#ifndef BENCH_PROVE_RULE_H
#define BENCH_PROVE_RULE_H
#include "harness/ironroof.h"
enum { PROVE_DATA, PROVE_COMP, PROVE_LAT, PROVE_NTERM };
enum { PROVE_MAX_TWINS = 10, PROVE_MAX_BLOCKS = 32, PROVE_DRAWS = 1000 };
/* Predicted changes below this (ln) are no intervention: 20 %, well above what a ceiling is known to. */
#define PROVE_LEAST 0.18

/* Blocks of consecutive samples, in order of time; seconds a call, borrowed. */
typedef struct { const double *v; size_t n; } prove_block;
typedef struct { prove_block block[PROVE_MAX_BLOCKS]; size_t n; } prove_times;

/* A twin: its terms' change x'/x in ln, and its time's, ln T'/T, with 95 % interval and the draws of a bootstrap. */
typedef struct {
    double d[PROVE_NTERM]; /* never NAN */
    double y, lo, hi;
    double draw[PROVE_DRAWS];
} prove_change;
/* y, lo, hi, draw of twins that were measured between the same blocks of the base: medians of blocks, their mean over blocks;
 * blocks, and samples within them, are drawn anew. A side without a block: NAN. */
void prove_ratios(const prove_times *base, const prove_times *twin, size_t ntwin, uint64_t seed, prove_change *out);

/* KNOWN: v, lo, hi. NIL: the term is too small to matter, v = 0. HELD: no twin changes it. TANGLED: the twins change it
 * only together with another. v, lo, hi of the last two are NAN, unless the law's homogeneity gives HELD: all elasticities add to 1. */
typedef enum { PROVE_KNOWN, PROVE_NIL, PROVE_HELD, PROVE_TANGLED } prove_how;
typedef struct { double v, lo, hi; prove_how how; double p_half; /* share of the draws above one half; NAN where v is */ } prove_elasticity;
/* out[PROVE_NTERM]: dlnT/dln(term) at the point, by least squares over the twins. nil: bit set of terms too small to matter. */
void prove_elasticities(const prove_change *, size_t n, unsigned nil, uint64_t seed, prove_elasticity *out);

typedef enum { PROVE_UNDECIDED, PROVE_CONFIRMED, PROVE_CONTRADICTED } prove_outcome;
const char *prove_outcome_name(prove_outcome); /* "undecided" "confirmed" "contradicted" */
/* Which term a label speaks of; -1: a label that is none (mixed, unknown). */
int prove_term(ir_bound label);
/* Confirmed: T follows the label's own term (its interval lies above .5): elasticities add to at most 1, so that no rival's can then
 * be as large, however badly the twins show it. Contradicted: its own interval lies below .5, or a rival's above. Else undecided. */
prove_outcome prove_judge(ir_bound label, const prove_elasticity *e);
/* One twin alone: does T follow the label's term (own change >= PROVE_LEAST: by more than half of it; else: by less than half of the
 * largest change)? */
bool prove_agrees(ir_bound label, const prove_change *);
#endif

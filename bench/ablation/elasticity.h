/* elasticity.h -- judges a label by interventions: ratios of times with intervals, elasticities of the time
 * to the law's terms, and the rule that confirms or contradicts. Pure: no I/O, no clock. Method:
 * docs/statistics.md, Proof by intervention. */
#ifndef BENCH_ELASTICITY_H
#define BENCH_ELASTICITY_H
#include "harness/ironroof.h"
enum { ABL_DATA, ABL_COMP, ABL_LAT, ABL_NTERM };
enum { ABL_MAX_VARIANTS = 10, ABL_MAX_BLOCKS = 32, ABL_DRAWS = 1000 };
/* The smallest predicted change (ln) that counts as an intervention: 20 %, well above a ceiling's error. */
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

/* One variant: the change of its terms, ln x'/x, and of its time, ln T'/T, with a 95 % interval and the draws
 * of a bootstrap. */
typedef struct {
    double d[ABL_NTERM]; /* never NAN */
    double y, lo, hi;
    double draw[ABL_DRAWS];
} term_change;
/* Fill y, lo, hi and draw of variants that were measured between the same blocks of the base. y is the mean
 * over blocks of the ratio of their medians. The bootstrap draws blocks, and samples within them. NAN where a
 * side has no block. */
void change_ratios(const block_times *base, const block_times *variant, size_t nvariant, uint64_t seed,
                   term_change *out);

/* KNOWN: v, lo and hi hold. NIL: the term is too small to matter, v = 0. HELD: no variant changes it.
 * TANGLED: variants change it only together with another. v, lo and hi of HELD and TANGLED are NAN; but all
 * elasticities add to 1, which can give HELD its value. */
typedef enum { ABL_KNOWN, ABL_NIL, ABL_HELD, ABL_TANGLED } elasticity_how;
typedef struct {
    double         v, lo, hi;
    elasticity_how how;
    double         p_half; /* share of the draws above one half; NAN where v is */
} term_elasticity;
/* Fill out[ABL_NTERM] with dlnT/dln(term) at the point, by least squares over the variants. nil: bit set of
 * terms too small to matter. */
void elasticities_of(const term_change *, size_t n, unsigned nil, uint64_t seed, term_elasticity *out);

typedef enum { ABL_UNDECIDED, ABL_CONFIRMED, ABL_CONTRADICTED } ablation_outcome;
const char *ablation_outcome_name(ablation_outcome); /* "undecided" "confirmed" "contradicted" */
/* Return the term that a label names; -1 for a label that names none (mixed, unknown). */
int label_term(ir_bound label);
/* Judge a label. Confirmed: the interval of its own term lies above .5. Elasticities add to at most 1, so no
 * rival can be as large then. Contradicted: its own interval lies below .5, or a rival's above. Else
 * undecided. */
ablation_outcome ablation_judge(ir_bound label, const term_elasticity *e);
/* Does T follow the label's term in one variant alone? With an own change of ABL_LEAST or more, T must change
 * by more than half of it; else by less than half of the largest change. */
bool change_agrees(ir_bound label, const term_change *);
#endif

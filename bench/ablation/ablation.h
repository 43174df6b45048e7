/* ablation.h -- `run --prove`: tests the labels of a run by intervention. Measures the variants of variants.h
 * for chosen points, interleaved with the point itself. elasticity.h says whether the time follows the term
 * that the label names. */
#ifndef BENCH_ABLATION_H
#define BENCH_ABLATION_H
#include "bench/ablation/elasticity.h"
#include "bench/ablation/variants.h"
#include "bench/measure/context.h"
typedef struct {
    char   what[64], key[IR_ID]; /* key: of the variant as a point */
    double d[ABL_NTERM];         /* ln x'/x by cost model and ceilings */
    double y, lo, hi;            /* ln T'/T measured; NAN: not measured, why says why */
    double law, law_lo, law_hi;  /* ln T'/T as the fitted law foretells it; NAN: it was not asked */
    bool   agrees;               /* with the label, taken alone */
    char   why[IR_WHY];
} ablation_line;
/* corrected: the new label of a contradicted one, or of one that was measured and not shown; else as label.
 */
typedef struct {
    size_t           point; /* index into context.point */
    ir_bound         label, corrected;
    double           p; /* of the label, by the law */
    term_elasticity  e[ABL_NTERM];
    ablation_outcome outcome;
    ablation_line    line[ABL_MAX_VARIANTS];
    size_t           n;           /* variants tried */
    char             why[IR_WHY]; /* of an outcome that rests on no variant; empty: on those above */
} ablation_entry;
typedef struct {
    ablation_entry *v;
    size_t          n; /* owned; ablation_free() */
    size_t left_out;   /* points with a label that were not chosen: there is a bound to how many are proved */
    bool   named;      /* asked for by name: all of them, and time for them */
    size_t unlabelled; /* asked for by name, but mixed or not judged */
} ablation_set;
/* Choose among judged points: the fastest kernel of each workload, shape, dtype and thread count, if its
 * label has P >= .95. `only` is optional and matches within the key; with it, labels without a known P count
 * too and the number of points has no limit. */
ir_status ablation_choose(const measure_context *, const regex_t *only, ablation_set *out);
/* Measure, judge, and write each outcome to its point. Ends when the context's time for it is used up; the
 * rest stays undecided and says so. A contradicted label becomes the term that T follows, or mixed. An
 * undecided label gets its probability from the interventions, and below .95 becomes mixed, as by the law.
 * Only lack of memory and Ctrl-C are errors. The device must be open. */
ir_status ablation_measure(measure_context *, ablation_set *);
void      ablation_print(FILE *, const measure_context *, const ablation_set *);
/* Write a verdict "prove" per point and a verdict "prove twin" per variant. Their evidence is keys. */
ir_status ablation_journal(ir_journal *, const measure_context *, const ablation_set *);
void      ablation_free(ablation_set *); /* idempotent */
#endif

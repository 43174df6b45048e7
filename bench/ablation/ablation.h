/* ablation.h -- `run --prove`: the labels of a run put to the test. For chosen points the twins of prove_twins.h are measured, interleaved
 * with the point itself, and prove_rule.h says whether the time follows the term the label names. */
#ifndef BENCH_PROVE_H
#define BENCH_PROVE_H
#include "bench/ablation/elasticity.h"
#include "bench/ablation/variants.h"
#include "bench/measure/context.h"
typedef struct {
    char   what[64], key[IR_ID];  /* key: of the twin as a point */
    double d[PROVE_NTERM];        /* ln x'/x by cost model and ceilings */
    double y, lo, hi;             /* ln T'/T measured; NAN: not measured, why says why */
    bool   agrees;                /* with the label, taken alone */
    char   why[IR_WHY];
} prove_line;
typedef struct {
    size_t           point;       /* index into session.point */
    ir_bound         label, corrected; /* corrected: what a contradicted label became, or one that was measured and not shown; else as label */
    double           p;           /* of the label, by the law */
    prove_elasticity e[PROVE_NTERM];
    prove_outcome    outcome;
    prove_line       line[PROVE_MAX_TWINS];
    size_t           n;           /* twins tried */
    char             why[IR_WHY]; /* of an outcome that rests on no twin; empty: on those above */
} prove_entry;
typedef struct {
    prove_entry *v; size_t n;     /* owned; prove_free() */
    size_t left_out;              /* points with a label that were not chosen: there is a bound to how many are proved */
    bool   named;                 /* asked for by name: all of them, and time for them */
    size_t unlabelled;            /* asked for by name, but mixed or not judged */
} prove_set;
/* Choose from judged points: of each workload, shape, dtype and thread count the fastest kernel, if its label has P >= .95. With `only`
 * (searched for in the key) a label without a known P counts too, and there is no bound to how many. */
ir_status prove_choose(const session *, const regex_t *only, prove_set *out);
/* Measure, judge, and write each outcome to its point. Ends early when the session's time for it is used up (the rest stays undecided and
 * says so). A contradicted label is corrected: to the term that T does follow, else to
 * mixed; one that stays undecided gets the probability that the interventions give it, and below .95 is mixed too, as by the law. Only lost memory and Ctrl-C are errors. The device must be open. */
ir_status prove_measure(session *, prove_set *);
void      prove_print(FILE *, const session *, const prove_set *);
/* A verdict "prove" per point and a verdict "prove twin" per twin; evidence: the keys. */
ir_status prove_journal(ir_journal *, const session *, const prove_set *);
void      prove_free(prove_set *); /* idempotent */
#endif

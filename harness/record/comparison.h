/* comparison.h -- record lines of the gate: one per point compared, and one per trial of the gate itself. A
 * file holds a header, these lines, and a summary verdict; readers of points ignore them. Effects are natural
 * logarithms of ratios of times in memory and relative changes (0.05: 5 % slower) in files. */
#ifndef IR_RECORD_COMPARISON_H
#define IR_RECORD_COMPARISON_H
#include "harness/record/record.h"
#ifdef __cplusplus
extern "C" {
#endif
typedef struct {
    char    kind[16]; /* "ab" "gate" "aa" "inject" */
    char    point[IR_ID], verdict[24], note[IR_WHY];
    bool    confirmed;                        /* in fresh blocks */
    double  effect, lo, hi, conf, mde, delta; /* NAN: unknown */
    double  time_s, new_s;                    /* of the old and the new build, for orientation */
    size_t  blocks;
    double  again_effect, again_lo, again_hi; /* what the fresh blocks alone say; NAN: there were none */
    size_t  again_blocks;
    double *d;
    size_t  nd;          /* one value per block; owned */
    double (*quad_s)[4]; /* nd times a1 a2 b1 b2, seconds; owned; NULL: none */
} ir_comparison;
typedef struct {
    ir_comparison *v;
    size_t         n;
} ir_comparisons;
void ir_comparison_free(ir_comparison *);   /* what it owns; idempotent */
void ir_comparisons_free(ir_comparisons *); /* idempotent */

/* What `selftest aa` or one step of `selftest inject` showed: `found` of `n` point-verdicts. */
typedef struct {
    char   what[16]; /* "aa" "inject" */
    double injected; /* share; 0 with aa */
    size_t flagged, found, n, undecided,
        infeasible; /* flagged once; confirmed REGRESSED (aa: either sign); asked; left open; not planned */
    double lo, hi;  /* exact 95 % interval of found/n */
    double upper;   /* exact one-sided 95 % bound of found/n */
} ir_gate_proof;
typedef struct {
    ir_gate_proof *v;
    size_t         n;
} ir_gate_proofs;
void ir_gate_proofs_free(ir_gate_proofs *); /* idempotent */

ir_status ir_journal_comparison(ir_journal *, const ir_comparison *);
ir_status ir_journal_proof(ir_journal *, const ir_gate_proof *);
/* Both kinds of a file; either out may be NULL. IR_SKIP without jansson. Errors: "FILE:LINE: what". */
ir_status ir_comparisons_read(const char *path, ir_comparisons *out, ir_gate_proofs *proofs);
#ifdef __cplusplus
}
#endif
#endif

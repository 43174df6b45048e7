/* ledger.h -- a ledger of claims: what a text states about machines, with the inputs and the formula to
 * recompute it. The form is that of bench/claims/claims.json. The built-in ledger is that file as a C table
 * (cmake/tables.cmake); others are read from a file with jansson. Nothing is evaluated here. */
#ifndef IR_RECORD_LEDGER_H
#define IR_RECORD_LEDGER_H
#include "harness/ironroof.h"

typedef enum { IR_CV_NUMBER, IR_CV_RANGE, IR_CV_WORD } ir_cv_kind;
typedef struct {
    const char *name;
    ir_cv_kind  kind;
    double      v, lo, hi; /* NUMBER: v. RANGE: lo, hi; NAN: that side is open */
    const char *word;      /* WORD: a class, or text of a conflict */
    const char *unit;      /* "" unknown */
} ir_claim_value;
typedef struct {
    const ir_claim_value *v;
    size_t                n;
} ir_claim_values;
typedef struct {
    ir_claim_values values;
    int             book_line;
    const char     *note;
} ir_claim_conflict;
typedef struct {
    const char              *id, *topic, *statement;
    const char              *kind;          /* "analytic", "measurable" or "both" */
    const char              *traffic_model; /* "" where it does not apply */
    const char              *formula;       /* NULL: no analytic part */
    ir_claim_values          inputs, stated, recomputed;
    bool                     has_recomputed; /* false: null in the ledger, nothing to compare with */
    const ir_claim_conflict *conflict;
    size_t                   nconflict;
    double                   tolerance_rel;
    const char              *verdict_expected; /* NULL: none */
    const char              *why;              /* "" */
    bool                     has_measure;
    const char              *workload, *quantity, *confirms, *refutes; /* "" without has_measure */
    int                      book_line;                                /* 0: none */
} ir_claim;
typedef struct {
    const ir_claim *claim;
    size_t          n;
    void           *owned;
} ir_ledger;
/* Errors name file, claim and field. IR_SKIP when built without jansson. On an error *out is empty. */
ir_status ir_ledger_read(const char *path, ir_ledger *out);
void      ir_ledger_free(ir_ledger *); /* idempotent; harmless on a built-in one */
#endif

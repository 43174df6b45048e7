/* claims.h -- the book's claims: stated, recomputed, measured, and the verdict on each.
 *
 * Analytic part: the formula is evaluated now, over the ledger's inputs; a result that differs from the
 * ledger's own `recomputed`, or a verdict from its `verdict_expected`, is an error of the ledger. Measured
 * part: a rule per claim (rules.c) binds names to recorded points and ceilings and says what confirms and
 * what refutes. */
#ifndef BENCH_CLAIMS_H
#define BENCH_CLAIMS_H
#include "bench/claims/formula.h"
#include "bench/devices/devices.h"
#include "harness/record/ledger.h"

extern const ir_ledger claims_builtin; /* made from bench/claims/claims.json */
const ir_claim        *claims_find(const ir_ledger *, const char *id); /* NULL: not there */
/* Six significant digits stand in the ledger: how far a recomputed value may be off. */
#define CLAIMS_DIGITS 1e-5

/* ---- analytic part --------------------------------------------------------------------------- */
typedef enum {
    CLAIM_NONE,
    CLAIM_REPRODUCED,
    CLAIM_CONTRADICTED,
    CLAIM_INCONSISTENT,
    CLAIM_ERROR
} claim_analytic;
const char *claim_analytic_name(claim_analytic); /* "-", "reproduced" ... */
typedef struct {
    claim_analytic verdict;
    formula_values values;   /* inputs and everything the formula assigned */
    char           why[360]; /* of an error: "claim ID: column N: what" */
} claim_result;
/* Evaluates and judges; IR_EINVAL (and verdict CLAIM_ERROR, or the verdict reached when only the ledger
 * disagrees with it) with the reason also in out->why. A claim without an analytic part: IR_OK, CLAIM_NONE.
 */
ir_status claim_evaluate(const ir_claim *, claim_result *out);
/* Whether a value meets what is stated, within the tolerance. */
bool claim_meets(const ir_claim_value *stated, const formula_value *got, double tolerance_rel);

/* ---- measured part --------------------------------------------------------------------------- */
typedef enum {
    MEASURED_NONE,
    MEASURED_CONFIRMED,
    MEASURED_REFUTED,
    MEASURED_UNDECIDED,
    MEASURED_MISSING,
    MEASURED_UNTESTABLE
} claim_outcome;
/* "-", "confirmed", "refuted", "undecided", "not measured", "not testable here": static text. */
const char *claim_outcome_name(claim_outcome);
enum {
    CLAIM_MAX_BIND = 12,
    CLAIM_MAX_SHOWN = 4,
    CLAIM_MAX_RATIO = 4,
    CLAIM_MAX_VALUES = CLAIM_MAX_SHOWN + CLAIM_MAX_RATIO,
    CLAIM_SPEC = 160
};
/* What a name in a rule's formula is bound to. */
typedef enum {
    BIND_END,
    BIND_TIME,    /* of the fastest fitting kernel at a point, s */
    BIND_FLOPS_S, /* its flop/s */
    BIND_BYTES_S, /* its bytes/s, compulsory traffic */
    BIND_FLOPS,
    BIND_BYTES,
    BIND_WEIGHTS_B,
    BIND_UNFUSED_B,
    BIND_INTENSITY, /* counts: of the cost model, nothing is timed;
                     * with `kernel`: of that kernel's row */
    BIND_MFU,
    BIND_MBU,
    BIND_RIDGE,
    BIND_SHARE_DATA,
    BIND_SHARE_COMP,
    BIND_SHARE_LAT,    /* of the law's terms at that point */
    BIND_BOUND,        /* its class: memory compute latency cache mixed */
    BIND_CEIL_BW,      /* spec "DRAM/read": ceiling of level and op, all threads */
    BIND_CEIL_LATENCY, /* spec "L1" */
    BIND_CEIL_FLOPS,   /* spec "f32", "f32/1": of one thread */
    BIND_CEIL_LAUNCH,
    BIND_ETA,
    BIND_L_LAT,  /* of the fitted law */
    BIND_E_MOVE, /* energy of a byte from memory, and of a flop, J: of the fitted energy */
    BIND_E_COMP
} claim_bind_kind;
typedef struct {
    const char     *name;
    claim_bind_kind kind;
    const char
        *spec; /* a point as on the command line, sizes by name as in claim_spec_text(); or see above */
    const char *kernel; /* NULL: the fastest that is not naive; "naive"; or a part of the kernel's name */
} claim_bind;
/* name within [lo, hi] (NAN: open), or equal to word; a "|" separates words. but non-NULL: holds as well
 * where `but` is `is`. */
typedef struct {
    const char *name;
    double      lo, hi;
    const char *word;
    const char *but, *is;
} claim_condition;
/* The time of one point over another's, each by its fastest kernel. A suspect row counts: its output is
 * proven and its time is a clock's; what is in doubt, a ceiling or a count of bytes, is no part of the ratio.
 * The interval knows both rows' and how much more the memory gave at one than at the other (ir_point.bw_now).
 */
typedef struct {
    const char *name, *over, *under;
} claim_ratio;
#define CLAIM_A_GPU "a GPU"
typedef struct {
    const char     *id;
    claim_bind      bind[CLAIM_MAX_BIND];
    claim_ratio     ratio[CLAIM_MAX_RATIO];   /* bound like the others */
    const char     *formula;                  /* over the bound names; NULL: they are used as they are */
    claim_condition confirm[CLAIM_MAX_SHOWN]; /* all must hold */
    claim_condition refute[CLAIM_MAX_SHOWN];  /* one is enough, unless refute_all */
    bool            refute_all;
    const char     *shown[CLAIM_MAX_SHOWN]; /* names printed as the measured value */
    claim_ratio beside[CLAIM_MAX_RATIO]; /* printed after them where both points are there; decide nothing */
    /* premise.name non-NULL: must hold for the rule to say anything; where it clearly does not, `otherwise`
     * is the answer. */
    claim_condition premise;
    const char     *otherwise;
    const char *only_on; /* non-NULL: part of a device's name, or CLAIM_A_GPU; elsewhere the values are shown,
                            not judged */
    const char *untestable; /* non-NULL: why no rule can answer on this kind of machine */
} claim_rule;
extern const claim_rule claim_rules[]; /* ends with a NULL id */
const claim_rule       *claim_rule_find(const char *id);
/* Name of the i-th value printed: shown, then beside. NULL: no more. */
const char *claim_shown(const claim_rule *, int i);

/* What was measured: a record's device or a context's. All borrowed. */
typedef struct {
    const ir_point           *point;
    size_t                    npoint;
    const ir_ceilings        *ceilings;
    const ir_fit             *fit;    /* NULL: none */
    const ir_energy_fit      *energy; /* likewise */
    int                       threads;
    double                    llc_B, mem_B;   /* of the device; NAN or 0: unknown */
    const char               *device, *title; /* id, and full name */
    const ir_workload *const *workloads;      /* the table points are read against */
    const char               *unusable;       /* why no time of this run is to be believed; NULL: they are */
} claim_evidence;
typedef struct {
    claim_outcome  outcome;
    double         p;      /* share of the draws that agree with the outcome; NAN */
    formula_values values; /* bound and computed, at the medians */
    double         lo[CLAIM_MAX_VALUES], hi[CLAIM_MAX_VALUES]; /* 95 % interval of what claim_shown() names */
    char           why[256];                                   /* of missing and untestable */
    char           evidence[IR_EVIDENCE];                      /* keys of the points, ';'-separated */
} claim_measured;
/* Never fails: what cannot be answered says so. */
void claim_measure(const ir_claim *, const claim_evidence *, claim_measured *out);
/* Energy of a byte or a flop and its interval; false: not known, and ir_why() begins with CLAIM_NO_ENERGY. */
#define CLAIM_NO_ENERGY "needs joules"
bool claim_energy(const claim_evidence *, claim_bind_kind, double *v, double *lo, double *hi);
/* The row a spec means: hot, all threads unless it says otherwise, the fastest of the kernels wanted; NULL,
 * and ir_why(). */
const ir_point *claim_point(const claim_evidence *, const char *spec, const char *kernel);
/* A spec with its sizes in numbers: {dram}, elements of an f32 tensor of four times the last-level cache;
 * {cache}, of one that fits it three times over; {dram/1024}: rows of so many. Powers of two. IR_EINVAL: the
 * memory is too small for such tensors. */
ir_status claim_spec_text(const claim_evidence *, const char *spec, char *buf, size_t n);
/* A spec as a point of the workload table; IR_SKIP: no such workload in this build. IR_EINVAL: as above. */
ir_status claim_spec(const claim_evidence *, const char *spec, const ir_workload **, ir_params *);
bool      claim_bind_timed(const claim_bind *); /* needs a measured row */

/* ---- batch 1 --------------------------------------------------------------------------------- */
enum { BATCH1_MAX = 24 };
typedef struct {
    const ir_point *point[BATCH1_MAX];
    size_t          n;           /* the fastest row of each network, shape and dtype at batch 1 */
    size_t          withheld;    /* such rows that carry no bound; they are not in point[] */
    char            why[160];    /* of the first of them: its key and the reason */
    const char     *verdict;     /* "holds", "does not hold", "undecided" */
    double          p;           /* of that */
    char            answer[700]; /* one sentence for the machine, with the reason */
} batch1_answer;
/* ResNet-50 and GPT-2 decode at batch 1: does "batch-1 inference is memory-bound" hold here? IR_EINVAL: no
 * such row. */
ir_status batch1_ask(const claim_evidence *, batch1_answer *out);
void      batch1_print(const ir_text *, const claim_evidence *, const batch1_answer *);
/* The same per row: "ResNet-50 f32 is compute-bound (...)". */
const char *batch1_sentence(const ir_point *, char *buf, size_t n);

/* ---- output ---------------------------------------------------------------------------------- */
typedef struct {
    const ir_claim *claim;
    claim_result    result;
    claim_measured  measured;
    bool            has_measured;
} claim_row;
void      claims_print(const ir_text *, const claim_row *, size_t n);
void      claims_explain(const ir_text *, const claim_row *);
ir_status claims_line(ir_journal *, const char *device, const claim_row *);
ir_status batch1_line(ir_journal *, const claim_evidence *, const batch1_answer *);
/* "I 1365, bound compute": the stated values, or what was computed for their names. */
const char *claims_stated_text(const ir_claim *, char *buf, size_t n);
const char *claims_recomputed_text(const claim_row *, char *buf, size_t n);
const char *claims_measured_text(const claim_row *, char *buf, size_t n);
/* One sentence: what the claim says and what became of it. */
const char *claims_answer(const claim_row *, char *buf, size_t n);
#endif

/* zoo.h -- the whole pipeline on one described machine, and what it got right: ceilings, levels, guards, law,
 * labels, crossovers, the claim about batch 1, and the gate. What is true comes from the description, never
 * from the pipeline. */
#ifndef BENCH_COMMANDS_ZOO_H
#define BENCH_COMMANDS_ZOO_H
#include "bench/run/device_run.h"
#include "kernels/model/model.h"

typedef struct {
    int right, n;
} zoo_tally;
enum { ZOO_BINS = 3, ZOO_COEFS = 3 };
/* Of one variant of one machine. A plain value: a child process hands it to its parent. */
typedef struct {
    uint64_t  seed;
    double    lofo_median, lofo_p90, ceilings_s, run_s; /* s of the machine's clock; NAN: not this one */
    int       machine;                                  /* its number; set by the caller */
    zoo_tally levels, ceilings, quiet, named;           /* quiet: rows without a flag that nothing caused */
    zoo_tally labels, open;                             /* a clear truth; none */
    zoo_tally cover[ZOO_COEFS], crossover, claim, same, found, bin[ZOO_BINS];
    bool      measured, failed; /* measured: set by the caller; failed: why says how */
    char      why[IR_WHY];
} zoo_result;

/* One machine measured and judged. points, law, ceilings: as `run` has them. */
typedef struct {
    measure_context s;
    fitted_law      law;
    double          ceilings_s, run_s;
} zoo_run;
/* Nothing moves its ceilings but a little noise. */
bool      zoo_calm(const model_machine *);
ir_status zoo_measure(const model_machine *, bool as_quick,
                      zoo_run *); /* as_quick: sampled as the quick profile does */
void      zoo_free(zoo_run *);    /* idempotent */

void zoo_count(zoo_tally *, bool right);
/* One line to `log`; NULL: nowhere. */
__attribute__((format(printf, 2, 3))) void zoo_say(FILE *log, const char *fmt, ...);
/* Each adds to *out what it holds against the truth; what was wrong goes to `log`, one line each (NULL:
 * nowhere). */
void zoo_score_ceilings(const zoo_run *, const model_machine *, FILE *log, zoo_result *out);
void zoo_score_flags(const zoo_run *, const model_machine *, FILE *log, zoo_result *out);
void zoo_score_labels(const zoo_run *, const model_machine *, FILE *log, zoo_result *out);
void zoo_score_law(const zoo_run *, const model_machine *, FILE *log, zoo_result *out);
void zoo_score_crossover(const zoo_run *, const model_machine *, FILE *log, zoo_result *out);
void zoo_score_claim(const zoo_run *, const model_machine *, FILE *log, zoo_result *out);
/* Two builds on this machine: the same, and one that takes 5 % longer. */
void zoo_score_gate(const model_machine *, FILE *log, zoo_result *out);
void zoo_variant(const model_machine *, uint64_t seed, FILE *log, zoo_result *out); /* all of them */

/* ---- the table ------------------------------------------------------------------------------- */
typedef struct {
    const char *what, *asked;
    double      value;
    size_t      n;
    bool        reached;
    char        got[48];
} zoo_row;
enum { ZOO_ROWS = 24 };
/* Scores over results; returns how many rows. */
size_t zoo_table(const zoo_result *, size_t n, size_t machines, zoo_row out[ZOO_ROWS]);

const char *zoo_text(const char *name); /* a machine's file, embedded; NULL: none of that name */
const char *zoo_text_name(unsigned i);  /* NULL: no more */
#endif

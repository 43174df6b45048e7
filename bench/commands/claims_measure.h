/* claims_measure.h -- claims --measure: this machine's ceilings, the points that rules need, and the law over
 * them. */
#ifndef BENCH_CLAIMS_MEASURE_H
#define BENCH_CLAIMS_MEASURE_H
#include "bench/run/device_run.h"
#include "bench/claims/claims.h"
typedef struct {
    device_run c;
    bool       open;
} claims_device_run;
/* Measure on the first device of the backend asked for (cpu). ceilings: a record to take them from; NULL:
 * measure them. Rows go to the journal as they come. */
ir_status claims_device_run_run(claims_device_run *, const cli_args *, const char *ceilings,
                                const claim_row *, size_t n, bool batch1, ir_journal *);
void      claims_device_run_evidence(const claims_device_run *, claim_evidence *out);
/* Why no time of a run is to be believed; NULL: they are, or it is not known (q NULL). */
const char *claims_unusable(const ir_quality *q);
void        claims_device_run_free(claims_device_run *); /* idempotent; harmless when nothing was opened */
#endif

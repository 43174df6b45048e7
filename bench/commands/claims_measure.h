/* claims_measure.h -- claims --measure: this machine's ceilings, the points that rules need, and the law over them. */
#ifndef BENCH_CLAIMS_MEASURE_H
#define BENCH_CLAIMS_MEASURE_H
#include "bench/run/device_run.h"
#include "bench/claims/claims.h"
typedef struct { device_run c; bool open; } claims_session;
/* Measure on the first device of the backend asked for (cpu). ceilings: a record to take them from; NULL: measure them. Rows go to the
 * journal as they come. */
ir_status claims_session_run(claims_session *, const cli_args *, const char *ceilings, const claim_row *, size_t n, bool batch1, ir_journal *);
void      claims_session_evidence(const claims_session *, claim_evidence *out);
void      claims_session_free(claims_session *); /* idempotent; harmless when nothing was opened */
#endif

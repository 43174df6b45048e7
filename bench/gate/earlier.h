/* earlier.h -- did it get slower: a run against one earlier run, as information. One run against one decides
 * nothing; the sentence says so. */
#ifndef BENCH_GATE_EARLIER_H
#define BENCH_GATE_EARLIER_H
#include "bench/gate/baseline.h"
/* What a comparison came to. started: of the earlier run. compared: it was usable, and some point is in both.
 */
typedef struct {
    char started[IR_UTC];
    bool compared;
} earlier_found;
/* Points, device id and fits of `now` are looked at; earlier: the path of the record. The answer is one or
 * two sentences. An error when the record cannot be read. */
ir_status earlier_sentence(const ir_record *now, const char *earlier, char *buf, size_t n,
                           earlier_found *found);
#endif

/* earlier.h -- did it get slower: a run against one earlier run, as information. One run against one decides
 * nothing; the sentence says so. */
#ifndef BENCH_GATE_EARLIER_H
#define BENCH_GATE_EARLIER_H
#include "bench/gate/baseline.h"
/* Points, device id and fits of `now` are looked at; earlier: the path of the record. The answer is one or
 * two sentences. An error when the record cannot be read. */
ir_status earlier_sentence(const ir_record *now, const char *earlier, char *buf, size_t n);
#endif

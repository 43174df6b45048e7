/* sustain.h -- points kept up for minutes: --sustain. */
#ifndef BENCH_SUSTAIN_H
#define BENCH_SUSTAIN_H
#include "bench/measure/context.h"
typedef struct {
    ir_series  *v;
    ir_window **w;
    size_t      n;
} sustained_set; /* owned; {0} is empty */
/* The fastest kernel of each question asked, for so many seconds; NAN: nothing. */
ir_status sustained_measure(sustained_set *, measure_context *, double seconds);
ir_status sustained_journal(ir_journal *, const sustained_set *);
void      sustained_print(FILE *, const sustained_set *);
void      sustained_free(sustained_set *); /* idempotent */
#endif

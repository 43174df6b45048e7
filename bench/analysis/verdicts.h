/* verdicts.h -- what a context's points say together, one verdict after the other: printed, and journaled. */
#ifndef BENCH_VERDICTS_H
#define BENCH_VERDICTS_H
#include "bench/measure/context.h"
/* The next verdict from point *i on, which moves past what it looked at; false: there is none. */
typedef bool verdict_next(const measure_context *, size_t *i, ir_verdict *);

static inline void verdicts_print(FILE *f, const measure_context *s, verdict_next *next)
{
    ir_verdict v;
    bool       first = true;
    for (size_t i = 0; next(s, &i, &v); first = false) fprintf(f, "%s%s\n", first ? "\n" : "", v.answer);
}

static inline ir_status verdicts_journal(ir_journal *j, const measure_context *s, verdict_next *next)
{
    ir_verdict v;
    ir_status  st = IR_OK;
    for (size_t i = 0; st == IR_OK && next(s, &i, &v);) st = ir_journal_verdict(j, &v);
    return st;
}
#endif

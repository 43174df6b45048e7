/* gbench.h -- results that another program prints: the JSON of Google Benchmark, which several other
 * benchmark libraries write too. */
#ifndef IR_RECORD_GBENCH_H
#define IR_RECORD_GBENCH_H
#include "harness/ironroof.h"
#ifdef __cplusplus
extern "C" {
#endif
typedef struct {
    char   name[IR_ID];
    double time_s;      /* lower quartile of its repetitions, real time; NAN: it failed */
    char   why[IR_WHY]; /* its error_message or skip_message; empty: none */
    size_t n;           /* repetitions */
} ir_gbench;
typedef struct {
    ir_gbench *v;
    size_t     n; /* owned; each name once, in order of appearance */
} ir_gbenches;
/* `from` names the text in messages. Where there are only aggregates, the median counts, else the mean.
 * IR_SKIP without jansson; IR_EINVAL: not such JSON (what is wrong), or no benchmark in it. On an error *out
 * is empty. */
ir_status ir_gbench_parse(const char *from, const char *text, size_t n, ir_gbenches *out);
void      ir_gbenches_free(ir_gbenches *); /* idempotent */
#ifdef __cplusplus
}
#endif
#endif

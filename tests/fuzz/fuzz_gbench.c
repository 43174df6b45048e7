/* fuzz_gbench.c -- what a program prints as Google Benchmark's JSON: names, kinds, times, units. */
#include "harness/record/gbench.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ir_gbenches all;
    if (ir_gbench_parse("fuzz", (const char *)data, size, &all) != IR_OK) {
        if (all.n || all.v) abort(); /* on an error it is empty */
        return 0;
    }
    for (size_t i = 0; i < all.n; i++) {
        const ir_gbench *b = &all.v[i];
        if (!*b->name || (isfinite(b->time_s) && !(b->time_s > 0))) abort();
        if (*b->why && isfinite(b->time_s)) abort();
    }
    if (all.n == 0) abort();
    ir_gbenches_free(&all);
    return 0;
}

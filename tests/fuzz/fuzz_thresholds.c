/* fuzz_thresholds.c -- any bytes as a file of thresholds. A refusal says where and why; what is accepted is a
 * share within its range and an expression that answers at once. */
#define _GNU_SOURCE
#include "bench/gate/baseline.h"
#include "tests/fuzz/memory_file.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char key[] = "cpu/gemm/blocked:m=512,n=512,k=512,dtype=f32,threads=2,cache=hot";
    char              path[40];
    int               fd;
    thresholds       *t = calloc(1, sizeof *t);
    assert(t);
    if (thresholds_read(memory_file(data, size, &fd, path), false, t) != IR_OK) assert(ir_why()[0]);
    assert(t->n <= THRESHOLDS_MAX);
    for (size_t i = 0; i < t->n; i++) {
        assert(isfinite(t->v[i].delta));
        (void)regexec(&t->v[i].re, key, 0, NULL, 0);
    }
    thresholds_free(t);
    free(t);
    close(fd);
    return 0;
}

/* fuzz_child.c -- any bytes as what a process of a comparison printed, for either side; then any bytes as the
 * command line it is started with. */
#include "bench/ab/processes.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void split(const uint8_t *data, size_t size)
{
    char       *line = malloc(size + 1);
    child_words w;
    assert(line);
    if (size) memcpy(line, data, size);
    line[size] = 0;
    if (child_split(line, &w) == IR_OK) {
        assert(w.n > 0 && !w.v[w.n]);
        for (size_t i = 0; i < w.n; i++) assert(strlen(w.v[i]) <= size);
        child_words_free(&w);
    }
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ab_job    *j = calloc(1, sizeof *j);
    ab_options own = ab_own_defaults;
    assert(j);
    j->own = &own;
    ir_env_init(&j->env[0]);
    ir_env_init(&j->env[1]);
    trial_init(&j->a.t, own.confidence, log1p(own.delta));
    for (int side = 0; side < 2; side++) {
        child_result r = {.out = malloc(size + 1), .n = size};
        assert(r.out);
        if (size) memcpy(r.out, data, size);
        r.out[size] = 0;
        if (ab_job_take(j, side ? 'B' : 'A', &r) != IR_OK) assert(ir_why()[0]);
        child_free(&r);
    }
    ir_env_free(&j->env[0]);
    ir_env_free(&j->env[1]);
    trial_free(&j->a.t);
    free(j);
    split(data, size);
    return 0;
}

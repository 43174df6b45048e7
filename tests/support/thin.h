/* thin.h -- sweeps of thousands of shapes or random trials, thinned where each takes long or was tried
 * before: under sanitizers and emulation, in a second build. The release build runs all of them. */
#ifndef TESTS_THIN_H
#define TESTS_THIN_H
#include "harness/ironroof.h"

#include <stdlib.h>
#include <string.h>

/* N of IRONROOF_TEST_THIN; unset: 1, nothing is left out. */
static inline unsigned thin_by(void)
{
    const char *s = getenv("IRONROOF_TEST_THIN");
    long        n = s ? strtol(s, NULL, 10) : 1;
    return n > 1 ? (unsigned)n : 1;
}

/* May step number `i` of the sweep that `what` names be left out? One in N stays, always the same ones. */
static inline bool thin_skips(const char *what, uint64_t i)
{
    uint64_t seed = 0;
    for (; *what; what++) seed = seed * 131 + (unsigned char)*what;
    return ir_hash32(seed, i) % thin_by() != 0;
}

/* How many of `n` random trials to make. A rate over them means something only where thin_by() is 1. */
static inline uint64_t thin_trials(uint64_t n) { return n > thin_by() ? n / thin_by() : 1; }
#endif

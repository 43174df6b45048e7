/* thin.h -- sweeps of thousands of shapes, thinned where each takes long: under sanitizers and emulation. The
 * release build runs all of them. */
#ifndef TESTS_THIN_H
#define TESTS_THIN_H
#include "harness/ironroof.h"

#include <stdlib.h>
#include <string.h>

/* May step number `i` of the sweep that `what` names be left out? IRONROOF_TEST_THIN=N keeps one in N, always
 * the same ones; unset: all. */
static inline bool thin_skips(const char *what, uint64_t i)
{
    const char *s = getenv("IRONROOF_TEST_THIN");
    long        n = s ? strtol(s, NULL, 10) : 1;
    uint64_t    seed = 0;
    for (; *what; what++) seed = seed * 131 + (unsigned char)*what;
    return n > 1 && ir_hash32(seed, i) % (unsigned)n != 0;
}
#endif

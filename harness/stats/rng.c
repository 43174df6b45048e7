/* rng.c -- seedable random numbers for resampling and synthetic noise: splitmix64 seeds xoshiro256**.
 * Not for cryptography; inputs of kernels come from ir_hash32() instead, which needs no state. */
#include "harness/stats/stats.h"

#include <assert.h>
#include <math.h>

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = *x += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

void ir_rng_seed(ir_rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) r->s[i] = splitmix(&seed); /* never all zero */
}

uint64_t ir_rng_next(ir_rng *r)
{
    uint64_t out = rotl(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;
    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = rotl(r->s[3], 45);
    return out;
}

double ir_rng_uniform(ir_rng *r) { return (double)(ir_rng_next(r) >> 11) * 0x1p-53; }

/* Polar method. The second value of a pair is dropped, so that the state is the generator's alone. */
double ir_rng_normal(ir_rng *r)
{
    double u, v, s;
    do {
        u = 2 * ir_rng_uniform(r) - 1;
        v = 2 * ir_rng_uniform(r) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    return u * sqrt(-2 * log(s) / s);
}

size_t ir_rng_below(ir_rng *r, size_t n)
{
    assert(n > 0);
    uint64_t m = n, limit = UINT64_MAX - UINT64_MAX % m, x; /* reject the incomplete last cycle */
    do x = ir_rng_next(r);
    while (x >= limit);
    return (size_t)(x % m);
}

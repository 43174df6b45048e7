/* matching.c -- who talks to whom in which round. */
#include "bench/fleet/net/net.h"

#include <stdlib.h>

enum { ALL_PAIRS = 64, RANDOM_ROUNDS = 9 };

static int bits(int size)
{
    int n = 0;
    while ((1 << n) < size) n++;
    return n;
}

static int all_rounds(int size) { return size % 2 ? size : size - 1; }

/* Does each pair meet once? */
static bool meets_all(int size, int pairs)
{
    return pairs == NET_ALL || (pairs == NET_AUTO ? size <= ALL_PAIRS : pairs >= all_rounds(size));
}

int net_rounds(int size, int pairs)
{
    if (size < 2) return 0;
    if (meets_all(size, pairs)) return all_rounds(size);
    return pairs == NET_AUTO ? RANDOM_ROUNDS + bits(size) : pairs;
}

/* A tournament by the circle method: one stays, the others go round; the odd one out meets nobody. */
static int circle(int size, int round, int rank)
{
    int n = size + size % 2, last = n - 1, p;
    if (rank == last)
        p = round;
    else if (rank == round)
        p = last;
    else
        p = (2 * round - rank + 2 * last) % last;
    /* positions sum to 2 * round modulo last */
    return p < size && p != rank ? p : -1;
}

static uint64_t next(uint64_t *x)
{
    uint64_t z = *x += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static int at_random(int size, int round, int rank, uint64_t seed)
{
    int     *v = malloc((size_t)size * sizeof *v), partner = -1;
    uint64_t x = seed * 1000003 + (uint64_t)round;
    if (!v) return -1;
    for (int i = 0; i < size; i++) v[i] = i;
    for (int i = size - 1; i > 0; i--) {
        int k = (int)(next(&x) % (uint64_t)(i + 1)), swap = v[i];
        v[i] = v[k];
        v[k] = swap;
    }
    for (int i = 0; i + 1 < size; i += 2) {
        if (v[i] == rank) partner = v[i + 1];
        if (v[i + 1] == rank) partner = v[i];
    }
    free(v);
    return partner;
}

int net_partner(int size, int pairs, int round, int rank, uint64_t seed)
{
    if (meets_all(size, pairs)) return circle(size, round, rank);
    if (pairs > 0 || round < RANDOM_ROUNDS) return at_random(size, round, rank, seed);
    int p = rank ^ (1 << (round - RANDOM_ROUNDS));
    return p < size ? p : -1;
}

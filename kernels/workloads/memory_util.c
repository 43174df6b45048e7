/* memory_util.c -- see memory_util.h. Plain loops the compiler vectorises: they run over every byte of
 * the largest arrays before anything is timed. */
#include "kernels/workloads/memory_util.h"

#include <float.h>
#include <math.h>

enum { BLOCK = 4096 };

/* Within a block the upper half of the index is constant, so the hash is 32-bit arithmetic throughout. */
static void memory_util_fill_f32(float *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i += BLOCK) {
        unsigned m = n - i < BLOCK ? (unsigned)(n - i) : BLOCK;
        for (unsigned k = 0; k < m; k++) x[i + k] = ir_rand_f32(seed, i | k);
    }
}

static void fill_f64(double *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i += BLOCK) {
        unsigned m = n - i < BLOCK ? (unsigned)(n - i) : BLOCK;
        for (unsigned k = 0; k < m; k++) x[i + k] = (double)ir_rand_f32(seed, i | k);
    }
}

void memory_fill(ir_dtype t, void *host, size_t n, uint64_t seed)
{
    if (t == IR_F32)
        memory_util_fill_f32(host, n, seed);
    else
        fill_f64(host, n, seed);
}

static double block_f32(const float *x, size_t n)
{
    double s[8] = {0}, rest = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) s[k] += (double)x[i + (size_t)k];
    for (; i < n; i++) rest += (double)x[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])) + rest;
}

static double block_f64(const double *x, size_t n)
{
    double s[8] = {0}, rest = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) s[k] += x[i + (size_t)k];
    for (; i < n; i++) rest += x[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])) + rest;
}

double memory_sum(ir_dtype t, const void *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t m = n - i < BLOCK ? n - i : BLOCK;
        sum += t == IR_F32 ? block_f32((const float *)x + i, m) : block_f64((const double *)x + i, m);
    }
    return sum;
}

double memory_sum_tol(ir_dtype t, size_t n)
{
    double eps = t == IR_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    return eps * (0.6 * (double)n + 16);
}

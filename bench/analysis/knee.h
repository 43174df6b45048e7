/* knee.h -- how much of its ceilings' times a sweep over batches takes, and where both are equal. Private to
 * bench/analysis/. */
#ifndef BENCH_ANALYSIS_KNEE_H
#define BENCH_ANALYSIS_KNEE_H
#include "harness/ironroof.h"
enum { KNEE_MAX = 64, KNEE_SHAPE = 192 };
/* How data's (u) and arithmetic's (v) time grow with the batch, in any unit, by rising batch. */
typedef struct {
    double b[KNEE_SHAPE], u[KNEE_SHAPE], v[KNEE_SHAPE];
    size_t n;
} knee_shape;
/* Batches that were timed, with u and v of each; T, sd: seconds. */
typedef struct {
    const double *b, *u, *v, *T, *sd;
    size_t        n;
} knee_sweep;
/* T = ((a u)^p + (c v (b / b_last)^(q - 1))^p)^(1/p). knee: the batch where both are equal, lo, hi: its 95 %
 * interval; INFINITY: none. scatter: of T about the fit, relative. */
typedef struct {
    double a, c, p, q, knee, lo, hi, scatter;
} knee_fit;
/* n from 3 to KNEE_MAX. IR_SKIP: fewer or more, or a time that does not grow. */
ir_status knee_of(const knee_sweep *, const knee_shape *, uint64_t seed, knee_fit *);
#endif

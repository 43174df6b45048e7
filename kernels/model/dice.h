/* dice.h -- seeded numbers for what varies: a counter through ir_hash32(), the same on every machine. */
#ifndef MODEL_DICE_H
#define MODEL_DICE_H
#include "harness/ironroof.h"

#include <math.h>
typedef struct {
    uint64_t seed, at;
} model_dice;
/* Uniform in (0, 1). */
static inline double model_uniform(model_dice *d)
{
    return ((double)ir_hash32(d->seed, d->at++) + 0.5) / 4294967296.0;
}
/* Mean 0, sd 1. */
static inline double model_normal(model_dice *d)
{
    double r = sqrt(-2 * log(model_uniform(d)));
    return r * cos(6.283185307179586 * model_uniform(d));
}
/* Log-uniform between 1/(1+by) and 1+by. */
static inline double model_about(model_dice *d, double by)
{
    return exp((2 * model_uniform(d) - 1) * log1p(by));
}
#endif

/* truth.c -- what holds a point on a described machine: each resource is made 1 % faster, and the time says
 * how much of it hung on that. Bandwidth of memory and of caches are apart; dependent loads and launches are
 * both latency. */
#include "kernels/model/model.h"

#include <math.h>

static const double STEP = 0.01;

static double gained(const model_plan *o, double reps, const model_scale *at, model_scale by)
{
    model_scale s = {at->memory * by.memory, at->cache * by.cache, at->compute * by.compute,
                     at->launch * by.launch, at->wait * by.wait};
    return log(model_batch_s(o, at, reps) / model_batch_s(o, &s, reps)) / log1p(STEP);
}

model_elasticity model_elasticity_at(const model_plan *o, double reps, const model_scale *at)
{
    const double up = 1 + STEP;
    return (model_elasticity){gained(o, reps, at, (model_scale){up, 1, 1, 1, 1}),
                              gained(o, reps, at, (model_scale){1, up, 1, 1, 1}),
                              gained(o, reps, at, (model_scale){1, 1, up, 1, 1}),
                              gained(o, reps, at, (model_scale){1, 1, 1, up, up})};
}

model_elasticity model_elasticity_of(const model_plan *o, double reps)
{
    static const model_scale as_is = {1, 1, 1, 1, 1};
    return model_elasticity_at(o, reps, &as_is);
}

ir_bound model_bound_of(const model_elasticity *e, double *share)
{
    const double   v[] = {e->memory, e->cache, e->compute, e->latency};
    const ir_bound b[] = {IR_BOUND_MEMORY, IR_BOUND_CACHE, IR_BOUND_COMPUTE, IR_BOUND_LATENCY};
    int            best = 0;
    for (int i = 1; i < 4; i++)
        if (v[i] > v[best]) best = i;
    *share = v[best];
    return b[best];
}

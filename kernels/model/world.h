/* world.h -- a machine's moment: its clock, and what disturbs it there. Private to the model backend. */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H
#include "kernels/model/model.h"
#include "kernels/model/dice.h"
typedef struct {
    const model_machine *m;
    model_dice           dice;
    double               now_s, load_s;              /* the clock; how much of it a core was busy */
    double               steal_s, busy_s, throttles; /* cumulative, as an operating system counts them */
    bool                 other, crowded;             /* memory in its other state; a neighbour is there */
    double               state_until_s, crowd_until_s;
    double               energy_J, shown_J; /* used so far; that its counter had at its last tick */
    double               period, used_s;    /* of the quota: the present period, and what was used of it */
} model_world;
void model_world_begin(model_world *, const model_machine *);
/* Let a batch pass. */
void model_world_pass(model_world *, const model_plan *, double reps);
/* Let time pass in which so many joules are used beside the base power's. */
void model_world_spend(model_world *, double seconds, double joules);
/* Its energy counter: with ticks and wrap; NAN: it has none. */
double model_world_joules(const model_world *);
double model_world_clock(const model_world *); /* the clock's share of what is described */
#endif

/* cost.h -- what one call of a kernel costs: arithmetic, launches, and bytes by what they are of. A workload
 * says it for one shape; a kernel adjusts it; the law prices it, part by part. Unknown is NAN. */
#ifndef IR_COST_H
#define IR_COST_H
#include <stdbool.h>
#ifdef __cplusplus
extern "C" {
#endif

/* How a part of the traffic is reached: as streams, whose ceilings are bandwidths; as lines of no order,
 * whose ceiling is that of gathers; or one after the other, each waiting for the last, which costs latency.
 */
typedef enum { IR_STREAM, IR_RANDOM, IR_DEPENDENT } ir_access;
typedef enum {
    IR_OF_WEIGHTS,
    IR_OF_ROWS, /* of tables, looked up in no order */
    IR_OF_IN,
    IR_OF_OUT,
    IR_OF_KV,   /* keys and values kept from earlier steps */
    IR_OF_REST, /* of no class: counted bytes, or those of a record that names no classes */
    IR_NPART
} ir_of;
typedef struct {
    double    read_B, write_B; /* compulsory: every tensor once */
    double    wa_B;            /* write-allocate: what regular stores read beside */
    double    footprint_B;     /* distinct bytes among which it lives, if not the whole call's; else 0 */
    ir_access access;
    double    accesses; /* RANDOM: rows, of which each first line is gathered and others follow; 0: single
                         * elements. DEPENDENT: how many wait in a row */
} ir_traffic;
/* O = flops, 2 per multiply-accumulate. launches: parallel regions or kernel launches in one call (the L_lat
 * term). D_vol = ir_cost_B(): every part's compulsory bytes. */
typedef struct {
    double flops, launches;
    double spare_flops; /* of flops: what this kernel need not do (products with padding, Winograd's savings);
                           the compute term does without */
    double footprint_B; /* distinct bytes touched by one call: decides the cache level, and whether it fits */
    /* Other traffic models; 0: the workload has none of its own. weights_B: the weights alone. unfused_B:
     * every operator as a pass of its own (bias, activation, residual, scores). */
    double     weights_B, unfused_B;
    ir_traffic part[IR_NPART];
} ir_cost;
double ir_cost_B(const ir_cost *); /* read and written */
double ir_cost_read_B(const ir_cost *);
double ir_cost_write_B(const ir_cost *);
double ir_cost_wa_B(const ir_cost *);
double ir_cost_of(const ir_cost *, ir_of part); /* bytes read and written of one part */
double ir_cost_weights_B(const ir_cost *);      /* of weights and looked-up rows */
double ir_cost_apart_B(const ir_cost *);        /* of parts with a footprint of their own */
bool   ir_cost_all_random(const ir_cost *);     /* it has bytes, and none is part of a stream */
double ir_cost_random_B(const ir_cost *);       /* rows of no order beside streams; 0 if all is random */
double ir_cost_accesses(const ir_cost *, ir_access);
void   ir_cost_past_caches(ir_cost *); /* stores are non-temporal: no write-allocates */
#ifdef __cplusplus
}
#endif
#endif

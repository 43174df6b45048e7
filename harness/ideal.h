/* ideal.h -- a backend that obeys the Iron Law exactly, on a virtual clock: the whole pipeline can be
 * tested end to end without hardware, and the truth is known. */
#ifndef IR_IDEAL_H
#define IR_IDEAL_H
#include "harness/law/law.h"
typedef struct {
    double   BW_ceiling, R_ceiling; /* what its ceilings run reports: B/s, f32 flop/s */
    double   s, eta, L_lat;         /* truth: T uses BW_ceiling*s, R_ceiling*eta, L_lat per launch */
    ir_form  form;
    double   noise; /* sd of the log of each batch's time; 0: exact */
    uint64_t seed;
} ir_ideal_options;
/* The backend's own options: ir_open_options.own points to them. */
void ir_ideal_defaults(ir_ideal_options *); /* a machine of 40 GB/s, 200 GFLOP/s, 2 us; no noise */
extern const ir_backend ir_ideal_backend;
/* Its ceilings, as a measured machine would report them: DRAM read/write/copy, peak per dtype, launch. */
ir_status ir_ideal_ceilings(const ir_dev *, ir_ceilings *out);
#endif

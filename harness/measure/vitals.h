/* vitals.h -- what a device says of itself while it is timed. Private to harness/measure/. */
#ifndef IR_MEASURE_VITALS_H
#define IR_MEASURE_VITALS_H
#include "harness/ironroof.h"
#include "harness/machine/machine.h"
/* Means weigh every reading alike; n counts the readings in which a quantity was known. */
typedef struct {
    double sum, lo, hi;
    int    n;
} vitals_mean;
typedef struct {
    ir_dev         *dev;
    ir_host_vitals *host;   /* where the backend has none and computes on this host; NULL: neither tells */
    double          read_s; /* when it was last asked */
    size_t          first;  /* samples before this one were taken in an earlier window */
    ir_vitals       now;
    vitals_mean     clock, mem_clock, power, temp;
    char            slowed[sizeof((ir_vitals *)0)->slowed];
} vitals_watch;
/* All three do nothing where neither backend nor host tells. Times are the backend's own. */
void vitals_begin(vitals_watch *, ir_dev *, double now_s);
/* Between samples: when a window is over, ask, and mark its samples where the device was slowed at either
 * end. */
void vitals_look(vitals_watch *, double now_s, ir_samples *);
/* After the last: means and flags into the point. To be called after every vitals_begin(). */
void vitals_end(vitals_watch *, double now_s, ir_point *);
#endif

/* witness.h -- what looks at calls after the samples: energy and counters over a stretch, windows over
 * minutes. Part of measure.h. */
#ifndef IR_MEASURE_WITNESS_H
#define IR_MEASURE_WITNESS_H
#include "harness/machine/machine.h"
#include "harness/stats/stats.h"
#ifdef __cplusplus
extern "C" {
#endif
/* What looks at a stretch of calls of its own, after the samples: no reference reads, no oracle and no
 * statistics are inside it. Each part is optional. */
struct ir_witness {
    /* One reading of energy, its time left out; part: domains' own values, as many as nparts. false: no
     * longer. */
    bool (*energy)(void *arg, ir_reading *, double part[IR_ENERGY_PARTS]);
    const char *scope, *source;
    const char *part_name[IR_ENERGY_PARTS]; /* of part[]; NULL ends them */
    double      range_J, idle_W;            /* where the counter starts again, 0: never; with nothing to do */
    /* Begin to count; end, and fill what one call did (of so many). Failures go to counts.why. */
    ir_status (*count_start)(void *arg, int round);
    ir_status (*count_stop)(void *arg, int round, double calls, double span_s, ir_counts *out);
    /* Joules that the counters of the same round told, where nothing reads energy. Optional. */
    void (*count_energy)(void *arg, double calls, double span_s, ir_energy *out);
    int rounds; /* how often the stretch is made again because not all is counted at once; with count_start */
    void  *energy_arg, *count_arg;
    double least_s, most_s; /* of a stretch: at least, and at most where the counter ticks slowly */
};
/* Energy as a device's own vitals tell it, or as a meter of the host does; both are borrowed. IR_SKIP: the
 * device tells none. */
ir_status ir_witness_device(ir_dev *, ir_witness *);
void      ir_witness_meter(ir_meter *, ir_witness *);
void      ir_witness_perf(ir_perf *, ir_witness *); /* the kernel's counter of packages */
/* Power over `seconds` in which the device has nothing to do. */
ir_status ir_power_at_rest(ir_dev *, const ir_witness *, double seconds, ir_power *out);

/* What this host tells at a window's end, kept open: stolen time, stops by the quota, throttling, heat, clock
 * and the power of its packages since the reading before. NULL: no memory for it. */
typedef struct ir_host_look ir_host_look;
ir_host_look               *ir_host_look_open(const char *root);
void                        ir_host_look_read(ir_host_look *, double now_s, ir_window *);
void                        ir_host_look_close(ir_host_look **); /* idempotent */

/* Calls for minutes, window by window. beside: a reference read once a window, its share of the ceiling; NAN:
 * none. host: what the machine tells at a window's end (quota, steal, throttling ...). */
struct ir_vigil {
    double span_s, window_s;
    double (*beside)(void *arg);
    void (*host)(void *arg, ir_window *);
    void      *arg;
    ir_window *v; /* owned by the caller: free() */
    size_t     n;
};
#ifdef __cplusplus
}
#endif
#endif

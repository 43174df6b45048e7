/* measure.h -- verify, then time: one workload, one kernel, one shape, one device -> one point. */
#ifndef IR_MEASURE_H
#define IR_MEASURE_H
#include "harness/ironroof.h"
#include "harness/machine/machine.h"
#include "harness/stats/stats.h"
#ifdef __cplusplus
extern "C" {
#endif
void ir_policy_quick(ir_policy *); /* a point in about a quarter of a second */
void ir_policy_full(ir_policy *);  /* statistics.md 1-2 */

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
    int rounds; /* how often the stretch is made again because not all is counted at once; with count_start */
    void  *energy_arg, *count_arg;
    double least_s,
        most_s; /* how long a stretch takes at least, and at most where the counter ticks slowly */
};
/* Energy as a device's own vitals tell it, or as a meter of the host does; both are borrowed. IR_SKIP: the
 * device tells none. */
ir_status ir_witness_device(ir_dev *, ir_witness *);
void      ir_witness_meter(ir_meter *, ir_witness *);
/* Power over `seconds` in which the device has nothing to do. */
ir_status ir_power_at_rest(ir_dev *, const ir_witness *, double seconds, ir_power *out);

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

/* A kernel and one shape on one device: threads, cost and can_run, each asked once. */
typedef struct {
    ir_dev            *dev;
    const ir_workload *w;
    const ir_kernel   *k;
    ir_params          p;      /* threads resolved */
    ir_cost            cost;   /* as the kernel adjusts it; all 0 of an impossible shape */
    ir_status          status; /* IR_OK; IR_SKIP or IR_EINVAL: it cannot run, reason says why */
    char               reason[IR_WHY];
} ir_bound_kernel;
/* Resolve it. Returns out->status, which ir_why() explains too. */
ir_status ir_bind(ir_dev *, const ir_workload *, const ir_kernel *, const ir_params *asked,
                  ir_bound_kernel *out);
/* ir_measure() of what is bound already. */
ir_status ir_measure_bound(const ir_bound_kernel *, const ir_policy *, ir_point *out);

/* Verify a kernel on one shape without timing it. misalign: bytes added to every tensor's address
 * (0..63; host memory only). Guard bytes around every tensor, outputs poisoned with NaN patterns.
 * IR_OK, IR_SKIP, IR_ECHECK (wrong or wrote outside) or another failure; *check is filled if it ran. */
ir_status ir_verify(ir_dev *, const ir_workload *, const ir_kernel *, const ir_params *, uint64_t seed,
                    size_t misalign, ir_check *check);

/* Measure one point. Always fills `out`: a skip or a failure is a row too. Returns out->status. */
ir_status ir_measure(ir_dev *, const ir_workload *, const ir_kernel *, const ir_params *, const ir_policy *,
                     ir_point *out);
/* Call kernel->profile() `calls` times on a point that was measured before; p has its threads. Seconds of
 * layer l in call c go to layer_s[c*n + l]. One call before them warms up and is not recorded. */
ir_status ir_profile(ir_dev *, const ir_workload *, const ir_kernel *, const ir_params *p, uint64_t seed,
                     int n, size_t calls, double *layer_s, const char **choice);
/* A probe is a kernel bound once and called now and then. ir_probe_open() verifies its output. *out is NULL
 * unless IR_OK. Close it before the device. */
typedef struct ir_probe ir_probe;
ir_status ir_probe_open(ir_dev *, const ir_workload *, const ir_kernel *, const ir_params *, uint64_t seed,
                        ir_probe **out);
double    ir_probe_s(ir_probe *);     /* wall seconds of one call; NAN: it failed */
void      ir_probe_close(ir_probe *); /* NULL: nothing to do */
/* Free the tensors that are kept for the next point of the same sizes. */
void ir_measure_release(ir_dev *);
#ifdef __cplusplus
}
#endif
#endif

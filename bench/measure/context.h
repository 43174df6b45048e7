/* context.h -- one device being measured: its journal, its points, its ceilings. The commands drive it. */
#ifndef BENCH_CONTEXT_H
#define BENCH_CONTEXT_H
#include "bench/measure/bw_monitor.h"
#include "bench/measure/launch_monitor.h"
#include "bench/measure/kernels.h"
#include "harness/ironroof.h"
#include "harness/law/law.h"
#include "harness/machine/machine.h"
#include "harness/measure/measure.h"
#include "harness/record/keys.h"
#include "harness/record/record.h"

#include <regex.h>
#include <string.h>

typedef struct measure_context measure_context;
struct measure_context {
    ir_dev           dev;
    ir_device_info   info;
    ir_topology      topo;
    ir_policy        policy;
    bool             full;             /* profile full, else quick */
    int              memory_node;      /* of points asked for: ir_params.node */
    ir_journal      *journal;          /* borrowed; NULL: none */
    const regex_t   *filter;           /* over backend/workload/variant; NULL: everything */
    const ir_record *resume;           /* points already measured; NULL: none */
    const ir_keys   *resume_keys;      /* where they lie in it: ir_keys_points() */
    int64_t          teams[IR_NDTYPE]; /* teams of "fma" that fill the device; 0: not known, or not needed */
    uint32_t         run_flags;        /* flags of every row: smt-shared, cpuset-limited */
    ir_point        *point;
    size_t           npoint, cap; /* owned: all rows in the order measured, those for ceilings first */
    size_t           nrecalled;   /* the first of them are those of the record that ceilings are from */
    const char      *layers;      /* --layers; NULL: networks get no rows per layer */
    bool             in_ceilings; /* rows measured now are for a ceiling */
    int              remeasured;  /* re-measurements of ceilings triggered by points; see ceilings_follow() */
    int              peaks_again; /* and of peaks */
    bw_monitor       monitor;
    launch_monitor   launch;
    ir_ceilings      ceilings;                         /* owned */
    void (*tick)(measure_context *, const char *what); /* Optional. Show progress before each point. */
    void  *tick_arg;
    double timeout_s; /* of one point; NAN or 0: none. The watchdog must be started. */
    void (*hung)(measure_context *, const ir_point *); /* its row is in the journal; on another thread */
};
/* Open device `index` of a backend. IR_SKIP: not here. Free with context_close(), idempotent. */
ir_status context_open(measure_context *, const ir_backend *, int index, const ir_open_options *);
void      context_close_device(measure_context *); /* points and ceilings stay */
void      context_close(measure_context *);
bool      context_stopped(const measure_context *); /* Ctrl-C */
/* Measure one point, guard it, journal it and keep it. `out` is optional; *out is valid until the next call.
 * Returns IR_OK for a skip or a failure too: only a full disk, lack of memory or Ctrl-C end a context. */
ir_status context_measure(measure_context *, const ir_workload *, const ir_kernel *, const ir_params *,
                          bool cold, const ir_point **out);
/* Guard, judge, journal and keep a row made elsewhere (a layer of a network). Takes ownership of its samples,
 * on an error too. */
ir_status context_append(measure_context *, ir_point *);
/* Keep a copy of a row of another record, and journal it. */
ir_status context_append_copy(measure_context *, const ir_point *);
/* Keep a copy of every row of this device that the run being resumed has and this one did not ask for, those
 * for ceilings apart. The journal has them. */
ir_status context_take_resumed(measure_context *);
/* Return the rows that were asked for. They follow the ceilings' own rows. */
const ir_point *context_asked(const measure_context *, size_t *n);
/* Rows that are neither measured nor skipped: wrong outputs, errors, no memory. */
size_t context_failed(const measure_context *);
/* Is the row a timed point of a whole workload? Rows of ceilings and of layers are not. */
static inline bool point_was_timed(const ir_point *p)
{
    return p->status == IR_OK && !p->id.for_ceiling && strcmp(p->id.family, "layer") != 0 &&
           ir_point_time(p) > 0;
}
/* Keep the row of the run being resumed that has the identity of `like`, and set *done. Without one, *done is
 * false. */
ir_status context_find_resumed(measure_context *, const ir_point *like, bool *done);
/* Does the run ask for this kernel? The filter decides; without one, every kernel that does not take minutes.
 */
bool context_wants(const measure_context *, const ir_workload *, const ir_kernel *);

/* Choose the bandwidth monitor from the ceilings so far. */
void context_choose_monitor(measure_context *);
#endif

/* context.h -- one device being measured: its journal, its points, its ceilings. The commands drive it. */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H
#include "bench/measure/bw_monitor.h"
#include "bench/measure/kernels.h"
#include "harness/ironroof.h"
#include "harness/law/law.h"
#include "harness/machine/machine.h"
#include "harness/measure/measure.h"
#include "harness/record/record.h"

#include <regex.h>
#include <string.h>

typedef struct session session;
struct session {
    ir_dev         dev;
    ir_device_info info;
    ir_topology    topo;
    ir_policy      policy;
    bool           full;               /* profile full, else quick */
    ir_journal    *journal;            /* borrowed; NULL: none */
    const regex_t *filter;             /* over backend/workload/variant; NULL: everything */
    const ir_record *resume;           /* points already measured; NULL: none */
    int64_t        teams[IR_NDTYPE];   /* of "fma" that fill the device, by dtype; 0: not known, or not needed */
    uint32_t       run_flags;          /* flags of every row: smt-shared, cpuset-limited */
    ir_point      *point; size_t npoint, cap; /* owned: all rows in the order measured, those for ceilings first */
    const char    *layers;             /* --layers; NULL: networks get no rows per layer */
    bool           in_ceilings;        /* rows measured now are for a ceiling */
    int            visits;             /* of the ceilings, called for by points: ceilings_follow() */
    bw_monitor     monitor;
    ir_ceilings    ceilings;           /* owned */
    void (*tick)(session *, const char *what); /* progress before each point; may be NULL */
    void          *tick_arg;
};
/* Open device `index` of a backend. IR_SKIP: not here. Free with session_close(), idempotent. */
ir_status session_open(session *, const ir_backend *, int index);
void      session_close_device(session *); /* points and ceilings stay */
void      session_close(session *);
bool      session_stopped(const session *); /* Ctrl-C */
/* Measure one point, guard it, journal it and keep it. *out is valid until the next call; may be NULL.
 * IR_OK also when the row is a skip or a failure; only a full disk, memory or Ctrl-C stop a session. */
ir_status session_measure(session *, const ir_workload *, const ir_kernel *, const ir_params *, bool cold,
                          const ir_point **out);
/* Keep a row made elsewhere (a layer of a network): guard, judge and journal it. Takes its samples over, on an error too. */
ir_status session_keep(session *, ir_point *);
/* Keep a copy of a row of another record, and journal it. */
ir_status session_adopt(session *, const ir_point *);
/* The rows that were asked for: those behind the ceilings' own. */
const ir_point *session_asked(const session *, size_t *n);
/* A row that was asked for and timed, of a whole workload: not a ceiling's, not a layer's. */
static inline bool session_timed(const ir_point *p)
{
    return p->status == IR_OK && !p->for_ceiling && strcmp(p->family, "layer") != 0 && ir_point_time(p) > 0;
}
/* If the run being resumed has this row, keep that one (its identity is all that is looked at): *done says so. */
ir_status session_recall(session *, const ir_point *like, bool *done);
/* Does the run ask for this kernel: by its filter, or without one all that do not take minutes? */
bool session_wants(const session *, const ir_workload *, const ir_kernel *);

/* Choose the bandwidth monitor from the ceilings so far. */
void session_monitor(session *);
#endif

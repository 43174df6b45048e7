/* network.h -- the network phase: ironroof-net started over the nodes that are left, its exchanges in
 * DIR/net.jsonl. */
#ifndef BENCH_FLEET_NETWORK_H
#define BENCH_FLEET_NETWORK_H
#include "bench/fleet/launch.h"
typedef struct {
    fleet_engine engine;
    const char  *engine_args, *self, *dir;
    const char  *word; /* nodes see no folder: the plan as a word (gather.h); NULL: they see dir */
    const char  *step; /* data-parallel steps, what `ironroof worker` takes, split by ';'; NULL: none */
    int          pairs;
    double       timeout_s;
} fleet_network_plan;
/* self: this program's path; ironroof-net lies beside it. pairs: who talks to whom, 0 auto, -1 all, or so
 * many random matchings (bench/fleet/net/net.h). Nodes that fall silent are recorded and left out of the next
 * try, of at most 3. IR_SKIP: it was not built here, or the engine starts it as single processes (a wrong
 * --mpi). */
ir_status fleet_network(const fleet_network_plan *, const fleet_names *);
#endif

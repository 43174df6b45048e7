/* nodes.c -- memory by the node it lies on: what the first node's cores read of it, and how long a dependent
 * load takes. Node 0 is their own; the others are another socket's, high-bandwidth memory beside DDR, memory
 * on CXL: whatever the device names. Their levels are "node0", "node1" ..., which no point without a
 * placement meets. */
#include "bench/ceilings/stages.h"
#include "kernels/workloads/table.h"
#include "harness/machine/machine.h"

#include <math.h>

/* Threads of the first node, at most as many as there are. */
static int threads_of_first(const measure_context *s)
{
    int n = 0;
    for (int i = 0; i < s->topo.npu; i++) n += s->topo.pu[i].numa == s->topo.pu[0].numa;
    double smt = s->topo.ncore > 0 ? (double)s->topo.npu / s->topo.ncore : 1;
    n = (int)round(n / fmax(smt, 1));
    return n < 1 ? 1 : n > s->info.threads ? s->info.threads : n;
}

static ir_status reads(ceiling_plan *pl, int node, const char *level, int threads)
{
    const ir_workload *w = ir_workload_named("read");
    ir_params          p = w->defaults;
    ir_point           best;
    double             bytes = ceiling_bytes(pl, IR_DRAM, threads);
    p.threads = threads;
    p.node = 1 + node;
    ceiling_set(w, &p, "bytes", bytes);
    ir_status s = ceiling_best(pl, w, &p, false, &best);
    if (s != IR_OK || best.status != IR_OK) return s;
    ir_ceiling c = ceiling_from(pl, IR_C_BANDWIDTH, level, &best, ceiling_rate(pl, &best));
    c.dtype = p.dtype;
    c.size_B = bytes;
    c.read_frac = 1;
    return ceiling_add(pl, &c);
}

ir_status ceilings_nodes(ceiling_plan *pl)
{
    ir_status s = IR_OK;
    if (pl->device || pl->s->info.memory_nodes < 2) return IR_OK;
    const int all = threads_of_first(pl->s);
    for (int node = 0; node < pl->s->info.memory_nodes && s == IR_OK; node++) {
        double unused;
        char   level[8];
        ir_node_level(1 + node, level);
        s = reads(pl, node, level, 1);
        if (s == IR_OK && all > 1) s = reads(pl, node, level, all);
        if (s == IR_OK)
            s = ceiling_latency(pl, level, 1 + node, ceiling_bytes(pl, IR_DRAM, 1), IR_PAGES_HUGE, "huge",
                                &unused);
    }
    return s;
}

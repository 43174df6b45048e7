/* topology.c -- which reader describes the machine: hwloc, else sysfs, else the online CPU count.
 * CPU-less NUMA nodes are not listed. */
#define _GNU_SOURCE
#include "harness/machine/machine_internal.h"
#include "harness/left_out.h"

#include <unistd.h>

static const char part[] = "the topology";

void ir_topology_minimal(const ir_cpumask *allowed, ir_topology *out)
{
    int  node_of[64];
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    ir_topology_init(out, "minimal");
    if (n < 1) n = 1;
    out->npu_machine = n < IR_CPU_BITS ? (int)n : IR_CPU_BITS;
    for (int c = 0; c < IR_CPU_BITS && out->npu < IR_MAX_PU; c++) {
        if (allowed ? !ir_cpumask_has(allowed, c) : c >= out->npu_machine) continue;
        out->pu[out->npu++] = (ir_pu){.os = c, .core = c};
    }
    if (out->npu_machine < out->npu) out->npu_machine = out->npu;
    ir_topology_number(out, node_of);
    ir_topology_memory("", node_of, out);
    ir_cpu_model("", out->cpu_model, sizeof out->cpu_model);
}

void ir_topology_plain(ir_topology *out)
{
    ir_cpumask mask, *allowed = ir_cpumask_get(&mask) == 0 ? &mask : NULL;
    ir_status  st = ir_topology_sysfs("", allowed, out);
    if (st == IR_OK) return;
    if (st == IR_ENOMEM) ir_left_out(part); /* what stands in tells less */
    ir_topology_minimal(allowed, out);
}

ir_status ir_topology_load(const char *xml, ir_topology *out)
{
    ir_cpumask mask, *allowed = ir_cpumask_get(&mask) == 0 ? &mask : NULL;
    if (xml) return ir_topology_hwloc(xml, NULL, out);
    ir_status st = ir_topology_hwloc(NULL, allowed, out);
    if (st == IR_OK) return IR_OK;
    if (st == IR_ENOMEM) ir_left_out(part);
    ir_topology_plain(out);
    return IR_OK;
}

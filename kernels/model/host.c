/* host.c -- a described machine's processors and caches as its operating system would tell them: one thread a
 * core, nodes filled one after the other, fast cores first. */
#include "kernels/model/machine.h"

#include <math.h>
#include <string.h>

static int upward(double a, double b) { return (int)ceil(a / b); }

static void described(const model_machine *m, ir_topology *out)
{
    memset(out, 0, sizeof *out);
    int cores = (int)m->cores < IR_MAX_PU ? (int)m->cores : IR_MAX_PU, nodes = (int)m->nodes,
        per = upward(cores, nodes);
    for (int c = 0; c < cores; c++)
        out->pu[c] = (ir_pu){
            .os = c, .core = c, .numa = c / per, .kind = c < cores - (int)m->slow_cores && m->slow_cores > 0};
    out->npu = out->npu_machine = out->ncore = cores;
    out->nsocket = 1;
    out->nnuma = nodes;
    out->nkind = m->slow_cores > 0 ? 2 : 1;
    for (int l = 0; l < m->nlevel - 1; l++) {
        const model_level *x = &m->level[l];
        out->cache[out->ncache++] = (ir_cache){.level = m->gpu > 0 ? 2 : l + 1,
                                               .size_B = x->size_B,
                                               .line_B = 64,
                                               .shared_by = (int)x->cores,
                                               .count = upward(cores, x->cores)};
    }
    const model_level *mem = &m->level[m->nlevel - 1];
    for (int n = 0; n < nodes && n < 64; n++) out->numa_mem_B[n] = mem->size_B;
    out->mem_B = mem->size_B * upward(cores, mem->cores);
    snprintf(out->cpu_model, sizeof out->cpu_model, "%s", m->name);
    snprintf(out->source, sizeof out->source, "model");
}

ir_status model_topology(const model_machine *m, ir_topology *out)
{
    if (!*m->topology) return described(m, out), IR_OK;
    ir_status st = ir_topology_load(m->topology, out);
    if (st != IR_OK) return st;
    if (out->ncore == (int)m->cores) return IR_OK;
    return ir_fail(IR_EINVAL, "%s: has %d cores, the machine beside it %.0f", m->topology, out->ncore,
                   m->cores);
}

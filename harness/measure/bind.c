/* bind.c -- threads, cost and can_run of a kernel on one shape: asked once a point. */
#include "harness/measure/bind.h"

#include <string.h>

/* threads = 0 means all the device offers; more than that is the caller's mistake. */
static ir_status resolve_threads(ir_dev *dev, ir_params *p)
{
    ir_device_info d;
    ir_status      s = dev->be->describe(dev, &d);
    if (s != IR_OK) return s;
    if (p->threads < 0 || (d.threads > 0 && p->threads > d.threads))
        return ir_fail(IR_EINVAL, "%d threads asked for, %s offers %d", p->threads, d.id, d.threads);
    if (p->threads == 0) p->threads = d.threads;
    return IR_OK;
}

static ir_status applicable(ir_dev *dev, const ir_workload *w, const ir_kernel *k, const ir_params *p)
{
    if (dev->dead) return ir_fail(IR_SKIP, "the device failed earlier in this run");
    if (p->dtype >= IR_NDTYPE || !(w->dtypes & (1u << p->dtype)))
        return ir_fail(IR_EINVAL, "%s does not come in %s", w->name, ir_dtype_name(p->dtype));
    ir_status s = w->valid ? w->valid(w, p) : IR_OK;
    if (s == IR_OK && k->can_run) s = k->can_run(dev, w, p);
    return s;
}

/* Does the device have the memory node asked for? */
static ir_status placeable(ir_dev *dev, const ir_params *p)
{
    ir_device_info d;
    if (p->node <= 0) return IR_OK;
    ir_status st = dev->be->describe(dev, &d);
    if (st != IR_OK || p->node <= d.memory_nodes) return st;
    if (d.memory_nodes == 0) return ir_fail(IR_SKIP, "memory cannot be put on a node of %s", d.id);
    return ir_fail(IR_SKIP, "there is no memory node %d: %s has %d, from 0", p->node - 1, d.id,
                   d.memory_nodes);
}

ir_status ir_bind(ir_dev *dev, const ir_workload *w, const ir_kernel *k, const ir_params *asked,
                  ir_bound_kernel *out)
{
    *out = (ir_bound_kernel){.dev = dev, .w = w, .k = k, .p = *asked};
    out->status = resolve_threads(dev, &out->p);
    if (out->status == IR_OK) out->status = placeable(dev, &out->p);
    if (out->status == IR_OK) out->status = applicable(dev, w, k, &out->p);
    if (out->status == IR_EDEVICE) dev->dead = true;
    if (out->status != IR_OK) snprintf(out->reason, sizeof out->reason, "%s", ir_why());
    if (out->status == IR_EINVAL)
        return out->status; /* the cost of an impossible shape is not to be computed */
    out->cost = w->cost(w, &out->p);
    if (k->cost) k->cost(&out->p, &out->cost);
    if (k->flags & IR_K_NT) ir_cost_past_caches(&out->cost);
    return out->status;
}
